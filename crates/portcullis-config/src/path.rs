use std::fmt;

/// Which paths a route answers: `/hello/{name}`, `/files/{rest+}`.
///
/// Literal segments are canonical: what the gateway compares them with is canonical too, so that
/// a comparison of bytes is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// The segments between the slashes; none for `/`.
    pub segments: Vec<Segment>,
}

/// One part of a [`PathPattern`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Matches this text and nothing else.
    Literal(String),
    /// Matches any one segment: `{name}` or `:name`.
    Parameter(String),
    /// Matches one or more segments, to the end of the path: `{name+}`.
    Remainder(String),
}

/// Why a text is no path pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// It does not begin with `/`.
    #[error("a path begins with `/`")]
    NotAbsolute,
    /// It ends with `/`.
    #[error("a path does not end with `/`")]
    TrailingSlash,
    /// It holds `//`.
    #[error("a path has no empty segments")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("a path has no `.` or `..` segments")]
    DotSegment,
    /// A segment is `*`.
    #[error("`*` is not a wildcard")]
    Wildcard,
    /// A character of RFC 3986 section 3.3 is missing: it must be written as `%XX`.
    #[error("a path holds only characters that need no encoding, and `%XX`")]
    Character,
    /// `%` is not followed by two upper-case hexadecimal digits.
    #[error("`%` must be followed by two upper-case hexadecimal digits")]
    Encoding,
    /// A letter, a digit, `-`, `.`, `_` or `~` is written as `%XX`.
    #[error("letters, digits, `-`, `.`, `_` and `~` are written as they are, not as `%XX`")]
    NeedlessEncoding,
    /// `%00`, `%2F`, `%5C` or one of them encoded twice: the gateway refuses such requests.
    #[error("`%00`, `%2F` and `%5C` cannot be in a route's path")]
    ForbiddenEncoding,
    /// Braces that are not around a whole segment.
    #[error("a parameter is a whole segment: `/{{name}}/`")]
    PartialParameter,
    /// A parameter's name is not a letter or `_`, then letters, digits, `_` or `-`.
    #[error("a parameter's name begins with a letter and holds letters, digits, `_` and `-`")]
    ParameterName,
    /// Two parameters have one name.
    #[error("two parameters have the same name")]
    DuplicateParameter,
    /// `{name+}` is followed by another segment.
    #[error("only the last segment can be a remainder")]
    RemainderNotLast,
}

impl PathError {
    /// What to write instead, where there is something to say.
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::TrailingSlash => Some("leave out the last `/`"),
            Self::Wildcard => Some("write `{name}` for one segment, `{rest+}` for the remainder"),
            Self::Character => Some("write other characters as the `%XX` of their UTF-8 bytes"),
            Self::PartialParameter => Some("write literal braces as `%7B` and `%7D`"),
            _ => None,
        }
    }
}

impl PathPattern {
    /// Reads a pattern as it is written in a route's key.
    ///
    /// # Errors
    /// [`PathError`] names the first rule that the text breaks.
    ///
    /// ```
    /// use portcullis_config::PathPattern;
    ///
    /// let pattern = PathPattern::parse("/hello/:name")?;
    /// assert_eq!(pattern.to_string(), "/hello/{name}");
    /// # Ok::<(), portcullis_config::PathError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let rest = text.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        if rest.is_empty() {
            return Ok(Self::default());
        }
        if rest.ends_with('/') && !rest.ends_with("//") && rest != "/" {
            return Err(PathError::TrailingSlash);
        }
        let segments = rest
            .split('/')
            .map(parse_segment)
            .collect::<Result<Vec<_>, _>>()?;
        let pattern = Self { segments };
        pattern.check_parameters()?;
        Ok(pattern)
    }

    /// The names of the parameters and of the remainder, in their order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::parameter)
    }

    /// Two patterns of one shape match the same paths: they differ in parameter names at most.
    pub(crate) fn shape(&self) -> Self {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(literal) => Segment::Literal(literal.clone()),
            Segment::Parameter(_) => Segment::Parameter(String::new()),
            Segment::Remainder(_) => Segment::Remainder(String::new()),
        });
        Self {
            segments: segments.collect(),
        }
    }

    fn check_parameters(&self) -> Result<(), PathError> {
        let remainder = |segment: &Segment| matches!(segment, Segment::Remainder(_));
        if self.segments.iter().rev().skip(1).any(remainder) {
            return Err(PathError::RemainderNotLast);
        }
        let mut names: Vec<&str> = self.parameters().collect();
        names.sort_unstable();
        if names.array_windows().any(|[one, next]| one == next) {
            return Err(PathError::DuplicateParameter);
        }
        Ok(())
    }
}

impl Segment {
    fn parameter(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Remainder(name) => Some(name),
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        self.segments
            .iter()
            .try_for_each(|segment| write!(f, "/{segment}"))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => f.write_str(literal),
            Self::Parameter(name) => write!(f, "{{{name}}}"),
            Self::Remainder(name) => write!(f, "{{{name}+}}"),
        }
    }
}

/// Whether `name` can name a parameter of a path or of a template.
pub(crate) fn is_parameter_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn parse_segment(text: &str) -> Result<Segment, PathError> {
    if let Some(name) = text.strip_prefix(':') {
        return parse_name(name).map(Segment::Parameter);
    }
    let Some(inner) = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return parse_literal(text).map(|()| Segment::Literal(text.to_owned()));
    };
    match inner.strip_suffix('+') {
        Some(name) => parse_name(name).map(Segment::Remainder),
        None => parse_name(inner).map(Segment::Parameter),
    }
}

fn parse_name(name: &str) -> Result<String, PathError> {
    if is_parameter_name(name) {
        Ok(name.to_owned())
    } else {
        Err(PathError::ParameterName)
    }
}

fn parse_literal(text: &str) -> Result<(), PathError> {
    match text {
        "" => return Err(PathError::EmptySegment),
        "." | ".." => return Err(PathError::DotSegment),
        "*" => return Err(PathError::Wildcard),
        _ => {}
    }
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'%' => parse_encoding(after)?,
            b'{' | b'}' => return Err(PathError::PartialParameter),
            // RFC 3986 section 3.3: pchar = unreserved / pct-encoded / sub-delims / ":" / "@".
            byte if is_unreserved(*byte) || b"!$&'()*+,;=:@".contains(byte) => after,
            _ => return Err(PathError::Character),
        };
    }
    Ok(())
}

/// Checks the two digits after a `%` and returns what follows them.
fn parse_encoding(after: &[u8]) -> Result<&[u8], PathError> {
    let (digits, rest) = after.split_first_chunk::<2>().ok_or(PathError::Encoding)?;
    let [high, low] = digits.map(upper_case_digit);
    let byte = high.ok_or(PathError::Encoding)? * 16 + low.ok_or(PathError::Encoding)?;
    match byte {
        0 | b'/' | b'\\' => Err(PathError::ForbiddenEncoding),
        // Decoded a second time, these would be a slash, a backslash or a dot.
        b'%' if is_double_encoding(rest) => Err(PathError::ForbiddenEncoding),
        unreserved if is_unreserved(unreserved) => Err(PathError::NeedlessEncoding),
        _ => Ok(rest),
    }
}

fn is_double_encoding(rest: &[u8]) -> bool {
    let digits = rest
        .first_chunk::<2>()
        .map(|digits| digits.map(|digit| digit.to_ascii_uppercase()));
    digits.is_some_and(|digits| [*b"2F", *b"5C", *b"2E"].contains(&digits))
}

const fn upper_case_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_written_in_one_way() {
        for (text, expected) in [
            ("/", "/"),
            ("/hello", "/hello"),
            ("/hello/{name}", "/hello/{name}"),
            ("/hello/:name", "/hello/{name}"),
            ("/{rest+}", "/{rest+}"),
            ("/a/{b}/c/{d-e_1+}", "/a/{b}/c/{d-e_1+}"),
            (
                "/v1:batch/@me/a+b;c=d,(e)!$&'*",
                "/v1:batch/@me/a+b;c=d,(e)!$&'*",
            ),
            (
                "/caf%C3%A9/%20/%2B/%25/%7B%7D",
                "/caf%C3%A9/%20/%2B/%25/%7B%7D",
            ),
            ("/...", "/..."),
        ] {
            let pattern = PathPattern::parse(text);
            assert_eq!(
                pattern.map(|pattern| pattern.to_string()),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_pattern_that_could_never_match_or_match_too_much_is_refused() {
        for (text, expected) in [
            ("", PathError::NotAbsolute),
            ("hello", PathError::NotAbsolute),
            ("//", PathError::EmptySegment),
            ("/a//b", PathError::EmptySegment),
            ("//a", PathError::EmptySegment),
            ("/a//", PathError::EmptySegment),
            ("/a/", PathError::TrailingSlash),
            ("/.", PathError::DotSegment),
            ("/a/../b", PathError::DotSegment),
            ("/a/*", PathError::Wildcard),
            ("/a b", PathError::Character),
            ("/caf\u{e9}", PathError::Character),
            ("/a?b", PathError::Character),
            ("/a#b", PathError::Character),
            ("/a\\b", PathError::Character),
            ("/a\0b", PathError::Character),
            ("/a%", PathError::Encoding),
            ("/a%2", PathError::Encoding),
            ("/a%2f", PathError::Encoding),
            ("/a%c3%a9", PathError::Encoding),
            ("/a%GG", PathError::Encoding),
            ("/%2F", PathError::ForbiddenEncoding),
            ("/%5C", PathError::ForbiddenEncoding),
            ("/%00", PathError::ForbiddenEncoding),
            ("/%252F", PathError::ForbiddenEncoding),
            ("/%255c", PathError::ForbiddenEncoding),
            ("/%252e", PathError::ForbiddenEncoding),
            ("/%41", PathError::NeedlessEncoding),
            ("/%2E%2E", PathError::NeedlessEncoding),
            ("/%7E", PathError::NeedlessEncoding),
            ("/a{b}", PathError::PartialParameter),
            ("/{a}b", PathError::PartialParameter),
            ("/{a", PathError::PartialParameter),
            ("/a}", PathError::PartialParameter),
            ("/{}", PathError::ParameterName),
            ("/{+}", PathError::ParameterName),
            ("/{1a}", PathError::ParameterName),
            ("/{a b}", PathError::ParameterName),
            ("/{a*}", PathError::ParameterName),
            ("/{a}{b}", PathError::ParameterName),
            ("/:", PathError::ParameterName),
            ("/{a}/:a", PathError::DuplicateParameter),
            ("/{a}/{a+}", PathError::DuplicateParameter),
            ("/{a+}/b", PathError::RemainderNotLast),
            ("/{a+}/{b+}", PathError::RemainderNotLast),
        ] {
            assert_eq!(PathPattern::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn the_shape_forgets_the_names_of_parameters_only() {
        let shape = |text| PathPattern::parse(text).unwrap().shape();
        assert_eq!(shape("/a/{b}/{c+}"), shape("/a/:x/{y+}"));
        assert_ne!(shape("/a/{b}"), shape("/a/{b+}"));
        assert_ne!(shape("/a/{b}"), shape("/c/{b}"));
        assert_ne!(shape("/a/{b}"), shape("/a/b"));
    }
}
