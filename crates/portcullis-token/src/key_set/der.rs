//! A reader of the little DER (ITU-T X.690) that public keys and certificates need.
//!
//! Six kinds of element in fixed places do not justify an ASN.1 library and its parsers of
//! everything else: what is not exactly the expected element ends the reading.

/// An element's tag, of which one byte is enough here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u8);

impl Tag {
    pub(super) const INTEGER: Self = Self(0x02);
    pub(super) const BIT_STRING: Self = Self(0x03);
    pub(super) const OBJECT_ID: Self = Self(0x06);
    pub(super) const SEQUENCE: Self = Self(0x30);
    /// `[0] EXPLICIT`, a certificate's version.
    pub(super) const VERSION: Self = Self(0xa0);
}

/// The bytes are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotDer;

/// Reads one element after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'d> {
    rest: &'d [u8],
}

impl<'d> Reader<'d> {
    pub(super) const fn new(der: &'d [u8]) -> Self {
        Self { rest: der }
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn read(&mut self, tag: Tag) -> Result<&'d [u8], NotDer> {
        let (first, rest) = self.rest.split_first().ok_or(NotDer)?;
        if *first != tag.0 {
            return Err(NotDer);
        }
        let (length, rest) = read_length(rest)?;
        let (content, rest) = rest.split_at_checked(length).ok_or(NotDer)?;
        self.rest = rest;
        Ok(content)
    }

    /// Steps over the next element if it has this tag.
    pub(super) fn skip_if(&mut self, tag: Tag) -> Result<(), NotDer> {
        if self.rest.first() == Some(&tag.0) {
            self.read(tag)?;
        }
        Ok(())
    }

    /// Whether nothing is left.
    pub(super) fn end(self) -> Result<(), NotDer> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(NotDer)
        }
    }

    /// The one element that the bytes are.
    pub(super) fn only(der: &'d [u8], tag: Tag) -> Result<&'d [u8], NotDer> {
        let mut reader = Self::new(der);
        let content = reader.read(tag)?;
        reader.end()?;
        Ok(content)
    }
}

/// X.690 section 10.1: the definite form in as few bytes as possible; here of at most 64 KiB.
fn read_length(der: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    match der {
        [length @ 0..=0x7f, rest @ ..] | [0x81, length @ 0x80..=0xff, rest @ ..] => {
            Ok((usize::from(*length), rest))
        }
        [0x82, high @ 1..=0xff, low, rest @ ..] => {
            Ok((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        _ => Err(NotDer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_one_spelling() {
        let long = |header: &[u8], length: usize| [header, &vec![0; length]].concat();
        for (name, der, expected) in [
            ("empty", vec![0x30, 0], Some(0)),
            ("short", long(&[0x30, 0x7f], 127), Some(127)),
            ("one byte", long(&[0x30, 0x81, 0x80], 128), Some(128)),
            ("two bytes", long(&[0x30, 0x82, 1, 0], 256), Some(256)),
            ("one byte too many", long(&[0x30, 0x81, 0x7f], 127), None),
            (
                "two bytes too many",
                long(&[0x30, 0x82, 0, 0xff], 255),
                None,
            ),
            ("three bytes", long(&[0x30, 0x83, 1, 0, 0], 65_536), None),
            ("indefinite", vec![0x30, 0x80, 0, 0], None),
            ("cut short", vec![0x30, 2, 0], None),
            ("one byte over", vec![0x30, 0, 0], None),
            ("another tag", vec![0x31, 0], None),
            ("no length", vec![0x30], None),
            ("nothing", Vec::new(), None),
        ] {
            let content = Reader::only(&der, Tag::SEQUENCE);
            assert_eq!(content.ok().map(<[u8]>::len), expected, "{name}");
        }
    }
}
