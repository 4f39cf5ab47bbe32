//! The code that a person types in for a device (RFC 8628 section 6.1).

use std::fmt;

use aws_lc_rs::rand;
use portcullis_token::NoRandomness;

/// No vowels, so that no words come of it, and no letters that look like digits.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// How many letters there are: 34 bits.
const LENGTH: usize = 8;

/// Eight letters, shown as `WDJB-MJHT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserCode(String);

impl UserCode {
    /// Makes one at random.
    ///
    /// # Errors
    /// [`NoRandomness`] when the system has none to give.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut code = String::with_capacity(LENGTH);
        while code.len() < LENGTH {
            let mut bytes = [0; 16];
            rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
            let letters = bytes.into_iter().filter_map(letter);
            code.extend(letters.take(LENGTH - code.len()));
        }
        Ok(Self(code))
    }

    /// Reads what a person typed: in any case, with dashes and spaces anywhere.
    ///
    /// ```
    /// use portcullis_tenant::UserCode;
    ///
    /// let code = UserCode::parse("wdjb mjht").unwrap();
    /// assert_eq!(code.to_string(), "WDJB-MJHT");
    /// assert_eq!(UserCode::parse("WDJB-MJH"), None);
    /// ```
    pub fn parse(typed: &str) -> Option<Self> {
        let mut code = String::with_capacity(LENGTH);
        for character in typed.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let byte = u8::try_from(character.to_ascii_uppercase()).ok()?;
            if code.len() == LENGTH || !ALPHABET.contains(&byte) {
                return None;
            }
            code.push(char::from(byte));
        }
        (code.len() == LENGTH).then_some(Self(code))
    }

    /// The letters alone, as they are hashed and stored.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = self.0.split_at(LENGTH / 2);
        write!(f, "{left}-{right}")
    }
}

/// A letter for a byte, each as likely; none for the bytes that would favour some.
fn letter(byte: u8) -> Option<char> {
    let index = usize::from(byte);
    // 240 is the largest multiple of 20 that a byte reaches.
    (index < 240)
        .then(|| ALPHABET.get(index % ALPHABET.len()))
        .flatten()
        .map(|letter| char::from(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for (typed, expected) in [
            ("WDJB-MJHT", Some("WDJB-MJHT")),
            ("wdjbmjht", Some("WDJB-MJHT")),
            (" W-D-J-B M J H T-", Some("WDJB-MJHT")),
            ("WDJBMJH", None),
            ("WDJBMJHTT", None),
            ("ADJBMJHT", None),
            ("WDJBMJH7", None),
            ("WDJBMJH\u{17f}", None),
            ("WDJB_MJHT", None),
            ("", None),
        ] {
            let code = UserCode::parse(typed).map(|code| code.to_string());
            assert_eq!(code.as_deref(), expected, "{typed:?}");
        }
    }

    #[test]
    fn every_letter_is_as_likely() {
        let mut counts = [0; 256];
        for letter in (0..=u8::MAX).filter_map(letter) {
            counts[usize::from(u8::try_from(letter).unwrap())] += 1;
        }
        for byte in 0..=u8::MAX {
            let expected = if ALPHABET.contains(&byte) { 12 } else { 0 };
            assert_eq!(counts[usize::from(byte)], expected, "{byte}");
        }
        let (one, other) = (UserCode::generate().unwrap(), UserCode::generate().unwrap());
        assert_ne!(one, other);
        assert_eq!(UserCode::parse(&one.to_string()), Some(one));
    }
}
