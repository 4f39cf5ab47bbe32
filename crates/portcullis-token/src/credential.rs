use crate::Reason;

/// Finds the one bearer token among a request's `Authorization` header lines.
///
/// `lines` are the values of all such lines, as received. The rules are those of RFC 6750
/// section 2.1: the scheme in any case, one or more spaces, one `b64token`, nothing after it.
///
/// # Errors
/// [`Reason::Missing`], [`Reason::UnsupportedScheme`], [`Reason::MalformedHeader`], or
/// [`Reason::MultipleCredentials`] for a second line, even an identical one.
///
/// ```
/// use portcullis_token::{Reason, bearer_token};
///
/// assert_eq!(bearer_token([&b"Bearer abc"[..]]), Ok("abc"));
/// assert_eq!(bearer_token([]), Err(Reason::Missing));
/// ```
pub fn bearer_token<'h>(lines: impl IntoIterator<Item = &'h [u8]>) -> Result<&'h str, Reason> {
    let line = only_line(lines)?.ok_or(Reason::Missing)?;
    match parse_authorization(line)? {
        (Scheme::Bearer, token) => Ok(token),
        (Scheme::Dpop, _) => Err(Reason::UnsupportedScheme),
    }
}

/// The schemes of `Authorization` that carry an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    /// RFC 9449 section 7.1.
    Dpop,
}

/// The one line there is; none when there is no line or an empty one.
pub(crate) fn only_line<'h>(
    lines: impl IntoIterator<Item = &'h [u8]>,
) -> Result<Option<&'h [u8]>, Reason> {
    let mut lines = lines.into_iter();
    let line = lines.next().filter(|line| !line.is_empty());
    match lines.next() {
        None => Ok(line),
        Some(_) => Err(Reason::MultipleCredentials),
    }
}

/// Reads a line of the form `scheme token`.
pub(crate) fn parse_authorization(line: &[u8]) -> Result<(Scheme, &str), Reason> {
    let end = line.iter().position(|byte| *byte == b' ');
    let (scheme, rest) = line.split_at(end.unwrap_or(line.len()));
    let scheme = match scheme {
        bearer if bearer.eq_ignore_ascii_case(b"bearer") => Scheme::Bearer,
        dpop if dpop.eq_ignore_ascii_case(b"dpop") => Scheme::Dpop,
        _ if line.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
            return Err(Reason::UnsupportedScheme);
        }
        _ => return Err(Reason::MalformedHeader),
    };
    Ok((scheme, parse_token(without_spaces(rest))?))
}

/// The same, of a line that may also be the token alone, as API Gateway of AWS reads it.
///
/// A scheme without a token is still one, and what has a space is never a token.
pub(crate) fn parse_optional_scheme(line: &[u8]) -> Result<(Scheme, &str), Reason> {
    let is_scheme = |name: &&[u8]| line.eq_ignore_ascii_case(name);
    if [&b"bearer"[..], b"dpop"].iter().any(is_scheme) {
        return Err(Reason::MalformedHeader);
    }
    match parse_token(line) {
        Ok(token) => Ok((Scheme::Bearer, token)),
        Err(_) => parse_authorization(line),
    }
}

/// What follows the spaces that `text` begins with.
fn without_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

/// Reads one `b64token` and nothing after it.
pub(crate) fn parse_token(token: &[u8]) -> Result<&str, Reason> {
    if !is_b64token(token) {
        return Err(Reason::MalformedHeader);
    }
    str::from_utf8(token).map_err(|_| Reason::MalformedHeader)
}

/// RFC 6750 section 2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = text.get(..text.len() - padding).unwrap_or_default();
    let all_fit = |piece: &[u8]| piece.iter().fold(true, |fit, byte| fit & is_b64(*byte));
    !body.is_empty() && body.chunks(64).all(all_fit)
}

/// Whether the character may stand in a `b64token` before its padding.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a branch for each comparison would keep the compiler from looking at many at once"
)]
const fn is_b64(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    let dash_to_slash = (byte == b'-') | (byte == b'.') | (byte == b'/');
    letter | digit | dash_to_slash | (byte == b'_') | (byte == b'~') | (byte == b'+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_the_right_form_is_read() {
        for (line, expected) in [
            ("Bearer a.b.c", Ok("a.b.c")),
            ("bearer a.b.c", Ok("a.b.c")),
            ("BEARER   a.b.c", Ok("a.b.c")),
            ("Bearer a-._~+/b==", Ok("a-._~+/b==")),
            ("", Err(Reason::Missing)),
            ("Basic dXNlcjpwYXNz", Err(Reason::UnsupportedScheme)),
            ("DPoP a.b.c", Err(Reason::UnsupportedScheme)),
            ("DPoP", Err(Reason::MalformedHeader)),
            ("Bearerx a.b.c", Err(Reason::UnsupportedScheme)),
            ("a.b.c", Err(Reason::UnsupportedScheme)),
            ("Bearer", Err(Reason::MalformedHeader)),
            ("Bearer ", Err(Reason::MalformedHeader)),
            ("Bearer ===", Err(Reason::MalformedHeader)),
            ("Bearer a b", Err(Reason::MalformedHeader)),
            ("Bearer a ", Err(Reason::MalformedHeader)),
            ("Bearer\ta", Err(Reason::MalformedHeader)),
            ("Bearer a, Bearer b", Err(Reason::MalformedHeader)),
            ("Bearer \"a\"", Err(Reason::MalformedHeader)),
            ("Bearer a=b", Err(Reason::MalformedHeader)),
            ("Bearer \u{e9}", Err(Reason::MalformedHeader)),
            ("Bearer a\0", Err(Reason::MalformedHeader)),
        ] {
            assert_eq!(bearer_token([line.as_bytes()]), expected, "{line:?}");
        }
        assert_eq!(
            bearer_token([&b"Bearer \xff"[..]]),
            Err(Reason::MalformedHeader)
        );
    }

    #[test]
    fn the_characters_of_a_token_are_those_of_the_rfc() {
        for byte in 0..=u8::MAX {
            let fits = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_b64token(&[byte]), fits, "{byte:#x}");
            // Behind the first pieces that are looked at together, too.
            let long = [&[b'a'; 130][..], &[byte, b'a']].concat();
            assert_eq!(is_b64token(&long), fits, "{byte:#x}");
        }
    }

    #[test]
    fn a_second_line_is_refused_even_when_it_is_the_same() {
        let line = &b"Bearer a.b.c"[..];
        assert_eq!(bearer_token([line, line]), Err(Reason::MultipleCredentials));
        assert_eq!(bearer_token([]), Err(Reason::Missing));
    }
}
