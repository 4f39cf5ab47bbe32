use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

use http::HeaderMap;

use crate::observe::REQUEST_ID;

const MAX_LENGTH: usize = 128;

/// One thread's request ids: 32 hexadecimal digits, different on every machine and thread.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: u64,
    next: Cell<u64>,
}

impl Default for RequestIds {
    fn default() -> Self {
        // The system seeds a `RandomState`. An id must be unique, not secret.
        let random = || RandomState::new().hash_one(());
        Self {
            prefix: random(),
            next: Cell::new(random()),
        }
    }
}

impl RequestIds {
    /// The id that the request brings, when it is harmless; else one of our own.
    pub(crate) fn of(&self, headers: &HeaderMap) -> String {
        let brought = headers
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok());
        match brought {
            Some(id) if is_harmless(id) => id.to_owned(),
            _ => self.make(),
        }
    }

    fn make(&self) -> String {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        format!("{:016x}{number:016x}", self.prefix)
    }
}

/// Fit for any log and any header: letters, digits and `-_.:/=+@`.
fn is_harmless(id: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/=+@".contains(&byte);
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_id_is_continued_and_any_other_replaced() {
        let ids = RequestIds::default();
        let long = "a".repeat(MAX_LENGTH);
        for (brought, continued) in [
            ("4bf92f35-77b3", true),
            (long.as_str(), true),
            (&*(long.clone() + "a"), false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("<script>", false),
        ] {
            let headers = HeaderMap::from_iter([(
                REQUEST_ID.parse().unwrap(),
                http::HeaderValue::from_str(brought).unwrap(),
            )]);
            assert_eq!(ids.of(&headers) == brought, continued, "{brought:?}");
        }
        let (first, second) = (ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
        assert_ne!(first, second);
        assert_eq!(first.len(), 32);
    }
}
