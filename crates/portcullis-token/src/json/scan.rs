//! From JSON text to the form in which an object is kept, in one pass.

use std::sync::Arc;

use super::NotJson;

/// A container's length is written in so many bytes, since it is known only when it ends.
const LENGTH_BYTES: usize = 4;
/// Lengths are written in groups of six bits, the lowest first, so that all bytes are ASCII.
const GROUP_BITS: u32 = 6;
/// Another group follows.
pub(super) const MORE: u8 = 1 << GROUP_BITS;
const GROUP: usize = (1 << GROUP_BITS) - 1;
/// What is kept takes less than three times the text, and its length must fit: 4 MiB.
const MAX_BYTES: usize = 1 << (6 * LENGTH_BYTES - 2);
/// Integers this short are finite as floating-point numbers, whatever their digits.
const SHORT_NUMBER: usize = 100;

/// Reads JSON as RFC 8259 has it, and writes what it means.
pub(super) struct Scanner<'j> {
    json: &'j [u8],
    at: usize,
    /// Arrays and objects that may still be opened within one another.
    depth: usize,
    kept: Vec<u8>,
}

type Scanned = Result<(), NotJson>;

impl<'j> Scanner<'j> {
    pub(super) fn new(json: &'j [u8], depth: usize) -> Self {
        Self {
            json,
            at: 0,
            depth,
            kept: Vec::with_capacity(json.len() + 16),
        }
    }

    /// The members of the one object of the text.
    pub(super) fn whole_object(mut self) -> Result<Arc<str>, NotJson> {
        self.require(self.json.len() < MAX_BYTES && self.depth > 0)?;
        self.skip_space();
        self.depth -= 1;
        self.members()?;
        self.finish()
    }

    /// The one value of the text.
    pub(super) fn whole_value(mut self) -> Result<Arc<str>, NotJson> {
        self.require(self.json.len() < MAX_BYTES)?;
        self.skip_space();
        self.value()?;
        self.finish()
    }

    fn finish(mut self) -> Result<Arc<str>, NotJson> {
        self.skip_space();
        self.require(self.at == self.json.len())?;
        // Strings were copied byte by byte, and a character has no part in two of them.
        // A copy, since what is kept for long should leave no gap behind it.
        str::from_utf8(&self.kept)
            .map(Arc::from)
            .map_err(|_| NotJson { at: self.at })
    }

    /// The next value; there is no white space before it.
    fn value(&mut self) -> Scanned {
        match self.peek() {
            b'"' => {
                self.kept.push(b'"');
                self.string()
            }
            b'{' => self.container(b'{', Self::members),
            b'[' => self.container(b'[', Self::items),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.refuse(),
        }
    }

    fn container(&mut self, tag: u8, content: fn(&mut Self) -> Scanned) -> Scanned {
        self.require(self.depth > 0)?;
        self.depth -= 1;
        self.kept.push(tag);
        let start = self.kept.len();
        self.kept.extend([0; LENGTH_BYTES]);
        content(self)?;
        let mut length = self.kept.len() - start - LENGTH_BYTES;
        for (place, byte) in self.kept[start..][..LENGTH_BYTES].iter_mut().enumerate() {
            let more = if place + 1 < LENGTH_BYTES { MORE } else { 0 };
            *byte = group(length) | more;
            length >>= GROUP_BITS;
        }
        self.depth += 1;
        Ok(())
    }

    fn members(&mut self) -> Scanned {
        self.expect(b'{')?;
        self.skip_space();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            self.value()?;
            self.skip_space();
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    fn items(&mut self) -> Scanned {
        self.expect(b'[')?;
        self.skip_space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value()?;
            self.skip_space();
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    /// RFC 8259 section 7: its length, and its text without escapes.
    fn string(&mut self) -> Scanned {
        self.expect(b'"')?;
        let plain = self.plain_run();
        if self.take(b'"') {
            self.keep(plain);
            return Ok(());
        }
        let mut text = plain.to_vec();
        while !self.take(b'"') {
            self.expect(b'\\')?;
            self.escape(&mut text)?;
            text.extend_from_slice(self.plain_run());
        }
        self.keep(&text);
        Ok(())
    }

    /// What stands for itself from here on.
    fn plain_run(&mut self) -> &'j [u8] {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Scanned {
        let escaped = self.peek();
        let character = match escaped {
            b'"' | b'\\' | b'/' => escaped,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode_escape(text),
            _ => return self.refuse(),
        };
        self.at += 1;
        text.push(character);
        Ok(())
    }

    /// One `\u` or, above the basic plane, two; a lone surrogate is no character.
    fn unicode_escape(&mut self, text: &mut Vec<u8>) -> Scanned {
        let mut units = [self.code_unit()?, 0];
        let mut length = 1;
        if matches!(units[0], 0xd800..0xdc00) {
            self.expect(b'\\')?;
            units[1] = self.code_unit()?;
            length = 2;
        }
        for character in char::decode_utf16(units.into_iter().take(length)) {
            let Ok(character) = character else {
                return self.refuse();
            };
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }

    /// A `u` and four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u16, NotJson> {
        self.expect(b'u')?;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.peek()).to_digit(16);
            let digit = digit.and_then(|digit| u16::try_from(digit).ok());
            unit = unit << 4 | digit.ok_or(NotJson { at: self.at })?;
            self.at += 1;
        }
        Ok(unit)
    }

    /// RFC 8259 section 6, as it is written; one that is too large for a reader is refused.
    fn number(&mut self) -> Scanned {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut is_short = self.at - start < SHORT_NUMBER;
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            is_short = false;
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let number = &self.json[start..self.at];
        self.require(is_short || is_finite(number))?;
        self.kept.push(b'0');
        self.keep(number);
        Ok(())
    }

    /// One digit at least.
    fn digits(&mut self) -> Scanned {
        self.require(self.peek().is_ascii_digit())?;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Scanned {
        let rest = self.json.get(self.at..).unwrap_or_default();
        self.require(rest.starts_with(word))?;
        self.kept.push(word[0]);
        self.at += word.len();
        Ok(())
    }

    fn keep(&mut self, text: &[u8]) {
        let mut length = text.len();
        while length > GROUP {
            self.kept.push(group(length) | MORE);
            length >>= GROUP_BITS;
        }
        self.kept.push(group(length));
        self.kept.extend_from_slice(text);
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// The next byte, or zero, which is never part of JSON, at the end.
    fn peek(&self) -> u8 {
        self.json.get(self.at).copied().unwrap_or(0)
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte;
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Scanned {
        let is_next = self.take(byte);
        self.require(is_next)
    }

    fn require(&self, holds: bool) -> Scanned {
        if holds { Ok(()) } else { self.refuse() }
    }

    fn refuse(&self) -> Scanned {
        Err(NotJson { at: self.at })
    }
}

/// The lowest six bits of a length.
fn group(length: usize) -> u8 {
    u8::try_from(length & GROUP).unwrap_or_default()
}

fn is_finite(number: &[u8]) -> bool {
    str::from_utf8(number)
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .is_some_and(f64::is_finite)
}
