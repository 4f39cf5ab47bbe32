use crate::Reason;

/// The value of `WWW-Authenticate` for a refusal (RFC 6750 section 3).
///
/// `realm` comes from the configuration, `scopes` are those of the route: they are told on 403,
/// and on 401 when no credential was sent, so that a client knows what to ask for. A refusal that
/// is not about the credential has no challenge.
///
/// ```
/// use portcullis_token::{Reason, challenge};
///
/// let expired = challenge(Reason::Expired, "main", &[]).unwrap();
/// assert_eq!(
///     expired,
///     r#"Bearer realm="main", error="invalid_token", error_description="The access token expired""#
/// );
/// assert_eq!(challenge(Reason::KeysUnavailable, "main", &[]), None);
/// ```
pub fn challenge(reason: Reason, realm: &str, scopes: &[String]) -> Option<String> {
    if reason.status() == 503 {
        return None;
    }
    let mut value = format!("Bearer realm=\"{realm}\"");
    if let Some(error) = reason.error() {
        let description = reason.description();
        value.extend([
            ", error=\"",
            error,
            "\", error_description=\"",
            description,
            "\"",
        ]);
    }
    let tells_scopes = matches!(reason, Reason::Missing | Reason::Scope);
    if tells_scopes && !scopes.is_empty() {
        value.extend([", scope=\"", &scopes.join(" "), "\""]);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_told_when_they_help() {
        let scopes = ["read:reports".to_owned(), "write:reports".to_owned()];
        for (reason, expected) in [
            (
                Reason::Missing,
                r#"Bearer realm="r", scope="read:reports write:reports""#,
            ),
            (Reason::UnsupportedScheme, r#"Bearer realm="r""#),
            (
                Reason::Scope,
                r#"Bearer realm="r", error="insufficient_scope", error_description="The access token lacks a required scope", scope="read:reports write:reports""#,
            ),
            (
                Reason::BadSignature,
                r#"Bearer realm="r", error="invalid_token", error_description="The access token could not be verified""#,
            ),
        ] {
            assert_eq!(challenge(reason, "r", &scopes).as_deref(), Some(expected));
        }
    }
}
