use url::{Host, Url};

/// Where an application is, as a source of a Content-Security-Policy.
///
/// Such as `http://localhost:3000`; `com.example.app:` where a registered scheme of its own has
/// no origin, and `http:` for an IPv6 address, which CSP cannot name (CSP Level 3 section 2.3.1).
///
/// ```
/// use portcullis_tenant::pages::ClientOrigin;
///
/// let callback = "http://localhost:3000/callback".parse()?;
/// assert_eq!(ClientOrigin::of(&callback).as_source(), "http://localhost:3000");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOrigin(String);

impl ClientOrigin {
    /// The origin of a redirect URI or a web origin that is registered.
    pub fn of(url: &Url) -> Self {
        let nameable = matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_)));
        let source = if nameable && matches!(url.scheme(), "http" | "https") {
            url.origin().ascii_serialization()
        } else {
            format!("{}:", url.scheme())
        };
        // A host may hold `;` and `,`, which would begin another directive or policy.
        if source.bytes().all(is_source_byte) {
            Self(source)
        } else {
            Self(format!("{}:", url.scheme()))
        }
    }

    /// The source, safe inside of a directive.
    pub fn as_source(&self) -> &str {
        &self.0
    }

    /// Whether this is one origin, rather than every origin of a scheme.
    pub(super) fn is_exact(&self) -> bool {
        !self.0.ends_with(':')
    }
}

fn is_source_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.:/_~%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_one_word_of_a_policy() {
        for (url, expected) in [
            (
                "http://localhost:3000/callback?a=b#c",
                "http://localhost:3000",
            ),
            ("https://app.example.com:443/", "https://app.example.com"),
            (
                "https://ada:hunter2@app.example.com/",
                "https://app.example.com",
            ),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/", "http:"),
            (
                "https://b\u{fc}cher.example/",
                "https://xn--bcher-kva.example",
            ),
            ("https://a;script-src/", "https:"),
            ("https://a,b/", "https:"),
            ("https://*/", "https:"),
            ("com.example.app://callback", "com.example.app:"),
            ("com.example.app:/callback", "com.example.app:"),
        ] {
            let origin = ClientOrigin::of(&url.parse().unwrap());
            assert_eq!(origin.as_source(), expected, "{url}");
            assert_eq!(origin.is_exact(), !expected.ends_with(':'), "{url}");
        }
    }
}
