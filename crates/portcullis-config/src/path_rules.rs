/// What an API takes of paths that servers read differently; nothing when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathRules {
    /// `%2F` inside a segment.
    pub encoded_slash: EncodedSlash,
    /// `.` and `..`.
    pub dot_segments: DotSegments,
    /// `//` inside the path.
    pub empty_segments: EmptySegments,
    /// Whether upstreams get the path as it was received, whatever its spelling; `false` when
    /// absent. All routes of such an API have the same rules.
    pub raw: bool,
}

/// What becomes of `%2F`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncodedSlash {
    /// The request is refused.
    #[default]
    Refuse,
    /// It is part of its segment, for upstreams that take it so too.
    Keep,
}

/// What becomes of `.` and `..` segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DotSegments {
    /// The request is refused.
    #[default]
    Refuse,
    /// They are resolved (RFC 3986 section 5.2.4), before anything is decided.
    Resolve,
}

/// What becomes of empty segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptySegments {
    /// The request is refused.
    #[default]
    Refuse,
    /// They are segments like others.
    Keep,
    /// They are left out, before anything is decided.
    Merge,
}
