use std::str::FromStr;

use portcullis_token::base64url;

/// The SHA-256 of the DER of the client's certificate, for tokens bound to it (RFC 8705).
///
/// Whoever ends TLS puts it into the request's extensions; without it such tokens are refused.
///
/// ```
/// # use portcullis_testkit::TestIssuer;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis::ClientCertificate;
/// # use axum::{Router, body::Body, routing::get};
/// # use tower::ServiceExt as _;
///
/// let issuer = TestIssuer::new();
/// let auth = issuer.verifier("api").build()?;
/// // 32 zeros in base64url.
/// let confirmation = serde_json::json!({ "x5t#S256": "A".repeat(43) });
/// let token = issuer.token().audience("api").claim("cnf", confirmation).sign();
/// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
///
/// let header = format!("Bearer {token}");
/// let request = || http::Request::get("/").header("authorization", &header);
/// let stolen = request().body(Body::empty())?;
/// assert_eq!(app.clone().oneshot(stolen).await?.status(), 401);
/// let own = request().extension(ClientCertificate([0; 32])).body(Body::empty())?;
/// assert_eq!(app.oneshot(own).await?.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCertificate(pub [u8; 32]);

/// A text is not the SHA-256 thumbprint of a certificate.
///
/// ```
/// use portcullis::{ClientCertificate, NotAThumbprint};
///
/// assert_eq!("x".parse::<ClientCertificate>(), Err(NotAThumbprint));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a SHA-256 thumbprint: 64 hexadecimal digits, or 43 characters of base64url")]
pub struct NotAThumbprint;

/// Reads a thumbprint as `x5t#S256` has it, or as `openssl x509 -fingerprint -sha256` prints it:
/// in hexadecimal digits of either case, with colons or without.
///
/// ```
/// use portcullis::ClientCertificate;
///
/// let zeros = "00:".repeat(31) + "00";
/// assert_eq!(zeros.parse(), Ok(ClientCertificate([0; 32])));
/// assert_eq!("A".repeat(43).parse(), Ok(ClientCertificate([0; 32])));
/// ```
impl FromStr for ClientCertificate {
    type Err = NotAThumbprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.replace(':', "");
        let bytes = if digits.len() == 64 {
            parse_hexadecimal(digits.as_bytes())
        } else {
            base64url::decode(text.as_bytes()).ok()
        };
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(NotAThumbprint)
    }
}

fn parse_hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let byte = |pair: &[u8]| {
        let [high, low] = pair else { return None };
        u8::try_from(value(high)? * 16 + value(low)?).ok()
    };
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_read_in_the_forms_that_tools_print() {
        let mut expected = [0; 32];
        expected[0] = 0xab;
        let digits = format!("ab{}", "00".repeat(31));
        let colons = format!("AB{}", ":00".repeat(31));
        let encoded = base64url::encode(&expected);
        for text in [&digits, &digits.to_uppercase(), &colons, &encoded] {
            assert_eq!(text.parse(), Ok(ClientCertificate(expected)), "{text}");
        }
        for text in [
            "",
            "ab",
            digits.trim_start_matches('a'),
            &digits.replace('b', "g"),
            &format!("{encoded}="),
            encoded.trim_end_matches('A'),
            &"\u{e9}".repeat(32),
        ] {
            let parsed: Result<ClientCertificate, _> = text.parse();
            assert_eq!(parsed, Err(NotAThumbprint), "{text}");
        }
    }
}
