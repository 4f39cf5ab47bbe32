use http::header::CACHE_CONTROL;
use http::{HeaderValue, Response};

/// Keeps shared caches from storing an answer, for a request whose token is in its address.
///
/// RFC 6750 section 2.3 asks for `Cache-Control: private` with every success then: a cache that
/// several people use would know the answer by an address that it should not remember. What the
/// answer says of caches otherwise stays; of several directives `private` is the one that holds
/// (RFC 9111 section 3). [`AuthLayer`](crate::AuthLayer) does this by itself.
///
/// ```
/// use http::{Response, StatusCode};
///
/// let mut answer = Response::new("the reports of ada");
/// portcullis::keep_private(&mut answer);
/// assert_eq!(answer.headers()["cache-control"], "private");
///
/// let mut refusal = Response::new("who?");
/// *refusal.status_mut() = StatusCode::UNAUTHORIZED;
/// portcullis::keep_private(&mut refusal);
/// assert!(refusal.headers().is_empty(), "refusals are not stored in any case");
/// ```
pub fn keep_private<B>(response: &mut Response<B>) {
    if !response.status().is_success() {
        return;
    }
    let headers = response.headers_mut();
    let is_kept = headers.get_all(CACHE_CONTROL).iter().any(is_unshared);
    if !is_kept {
        headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// Whether no shared cache may store the answer. A directive with fields is about those alone.
fn is_unshared(line: &HeaderValue) -> bool {
    let line = line.as_bytes();
    // Inside quotes a comma separates nothing.
    !line.contains(&b'"')
        && line.split(|byte| *byte == b',').any(|directive| {
            let directive = directive.trim_ascii();
            [&b"private"[..], b"no-store"]
                .iter()
                .any(|own| directive.eq_ignore_ascii_case(own))
        })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_success_is_private_whatever_else_it_is() {
        for (status, lines, expected) in [
            (200, &[][..], &["private"][..]),
            (299, &[], &["private"]),
            (300, &[], &[]),
            (304, &[], &[]),
            (401, &["public"], &["public"]),
            (
                200,
                &["public, max-age=60"],
                &["public, max-age=60", "private"],
            ),
            (200, &["max-age=60, Private"], &["max-age=60, Private"]),
            (200, &["public", "No-Store"], &["public", "No-Store"]),
            (200, &["private=\"x\""], &["private=\"x\"", "private"]),
            (
                200,
                &["no-cache=\"a, private, b\""],
                &["no-cache=\"a, private, b\"", "private"],
            ),
            (200, &["privately"], &["privately", "private"]),
        ] {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            for line in lines {
                let line = HeaderValue::from_static(line);
                response.headers_mut().append(CACHE_CONTROL, line);
            }
            keep_private(&mut response);
            let told: Vec<_> = response.headers().get_all(CACHE_CONTROL).iter().collect();
            assert_eq!(told, expected, "{status} {lines:?}");
        }
    }
}
