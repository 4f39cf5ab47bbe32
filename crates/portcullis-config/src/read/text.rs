use crate::environment::Piece;

/// A string of the file.
pub(super) struct Text<'t> {
    /// With its variables filled in.
    pub(super) pieces: Vec<Piece>,
    /// With its variables as written: what messages may show.
    pub(super) written: &'t str,
}

impl Text<'_> {
    /// The whole string. It may hold a secret of the environment: no message may show it.
    pub(super) fn value(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Written(text) | Piece::Inserted(text) => text.as_str(),
            })
            .collect()
    }
}
