/// Where in the file something was said. Both numbers begin at 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

/// Finds lines and columns in a time that does not depend on how long a line is.
pub(crate) struct Positions<'a> {
    text: &'a str,
    /// The byte offset each line begins at.
    lines: Vec<usize>,
    /// How many characters begin before each block of [`BLOCK`] bytes.
    characters: Vec<usize>,
}

const BLOCK: usize = 1024;

impl<'a> Positions<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0)
            .chain(newlines.map(|(offset, _)| offset + 1))
            .collect();
        let mut characters = vec![0];
        let mut total = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            total += count(block);
            characters.push(total);
        }
        Self {
            text,
            lines,
            characters,
        }
    }

    /// The position of a byte; of the end of the text for an offset beyond it.
    pub(crate) fn origin(&self, offset: usize) -> Origin {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|line| self.lines.get(line))
            .copied();
        let column = self.before(offset) - self.before(start.unwrap_or_default());
        Origin {
            line,
            column: column + 1,
        }
    }

    /// How many characters begin before `offset`.
    fn before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let whole = self.characters.get(block).copied().unwrap_or_default();
        let rest = self
            .text
            .as_bytes()
            .get(block * BLOCK..offset)
            .unwrap_or_default();
        whole + count(rest)
    }
}

/// How many characters begin in `bytes`: all bytes but the continuation bytes of UTF-8.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xc0) != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let text = "one\ntwo é!\n\nlast";
        let positions = Positions::new(text);
        for (offset, line, column) in [
            (0, 1, 1),
            (3, 1, 4),
            (4, 2, 1),
            (8, 2, 5),
            (10, 2, 6),
            (12, 3, 1),
            (13, 4, 1),
        ] {
            assert_eq!(
                positions.origin(offset),
                Origin { line, column },
                "{offset}"
            );
        }
        let end = positions.origin(text.len());
        assert_eq!(end, Origin { line: 4, column: 5 });
        assert_eq!(positions.origin(usize::MAX), end);
        assert_eq!(Positions::new("").origin(0), Origin { line: 1, column: 1 });
    }

    #[test]
    fn a_column_far_along_a_line_is_exact() {
        for characters in [BLOCK / 2 - 1, BLOCK / 2, BLOCK, 3 * BLOCK + 7] {
            let text = format!("\n{}", "é".repeat(characters));
            let origin = Positions::new(&text).origin(text.len());
            assert_eq!(
                origin,
                Origin {
                    line: 2,
                    column: characters + 1
                },
                "{characters}"
            );
        }
    }
}
