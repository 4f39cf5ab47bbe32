//! HTTP addresses as `DPoP` compares them (RFC 9449 section 4.3, RFC 3986 sections 6.2.2, 6.2.3).

/// The normal form of an absolute `http` or `https` address, without its query and fragment.
///
/// Nothing for another scheme, for an address with a user name, and for anything that is not
/// visible ASCII.
pub(crate) fn normalize(address: &str) -> Option<String> {
    if !address.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let (scheme, rest) = address.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let authority = normalize_authority(authority, default_port)?;
    let path = remove_dot_segments(&normalize_escapes(path)?);
    Some(format!("{scheme}://{authority}{path}"))
}

/// The host in lower case, and the port unless it is the scheme's own.
fn normalize_authority(authority: &str, default_port: &str) -> Option<String> {
    let authority = authority.to_ascii_lowercase();
    // The colons of an IPv6 address stand in brackets.
    let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority.get(host_end..)?.find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(host_end + colon);
            (host, port.strip_prefix(':')?)
        }
        None => (authority.as_str(), ""),
    };
    let odd = |byte| matches!(byte, b'@' | b'%' | b'\\');
    if host.is_empty() || host.bytes().any(odd) || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if port.is_empty() || port == default_port {
        Some(host.to_owned())
    } else {
        Some(format!("{host}:{port}"))
    }
}

/// Decodes what needs no escape (RFC 3986 section 2.3) and writes the rest in upper case.
fn normalize_escapes(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path.chars();
    while let Some(char) = rest.next() {
        if char != '%' {
            normal.push(char);
            continue;
        }
        let (high, low) = (rest.next()?, rest.next()?);
        let byte = u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok()?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            normal.push(char::from(byte));
        } else {
            normal.extend(['%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
        }
    }
    Some(normal)
}

/// RFC 3986 section 5.2.4, for a path that begins with a slash.
fn remove_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            plain => kept.push(plain),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_addresses_have_one_form() {
        for (address, expected) in [
            ("https://a.example/b", Some("https://a.example/b")),
            ("HTTPS://A.Example:443/b?c=d#e", Some("https://a.example/b")),
            ("http://a.example:80", Some("http://a.example/")),
            ("http://a.example?c", Some("http://a.example/")),
            ("http://a.example:443/", Some("http://a.example:443/")),
            ("https://a.example:/", Some("https://a.example/")),
            ("https://[::1]:8443/", Some("https://[::1]:8443/")),
            ("https://[::1]/", Some("https://[::1]/")),
            (
                "https://a.example/%7Eb%2fc",
                Some("https://a.example/~b%2Fc"),
            ),
            (
                "https://a.example/b/./c/../d",
                Some("https://a.example/b/d"),
            ),
            ("https://a.example/b/%2e%2e/c", Some("https://a.example/c")),
            ("https://a.example/../..", Some("https://a.example/")),
            ("https://a.example/b/..", Some("https://a.example/")),
            ("https://a.example/b//c/", Some("https://a.example/b//c/")),
            ("https://a.example/B", Some("https://a.example/B")),
            ("https://user@a.example/", None),
            ("https://a.example:x/", None),
            ("https:///b", None),
            ("https://a.example/%zz", None),
            ("https://a.example/%2", None),
            ("https://a.example/%+1", None),
            ("https://\u{e4}.example/", None),
            ("https://a.example/b c", None),
            ("ftp://a.example/", None),
            ("/b", None),
            ("", None),
        ] {
            assert_eq!(normalize(address).as_deref(), expected, "{address}");
        }
    }
}
