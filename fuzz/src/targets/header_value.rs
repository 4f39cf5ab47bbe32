//! The values of `Authorization` header lines.

use portcullis_token::bearer_token;

/// Finds the token in header lines, which are divided by line feeds.
///
/// # Panics
/// When a token is found that is not the one thing after `Bearer` in the only line.
pub fn run(data: &[u8]) -> &'static str {
    let lines = || data.split(|byte| *byte == b'\n');
    let token = match bearer_token(lines()) {
        Ok(token) => token,
        Err(reason) => return reason.code(),
    };
    assert_eq!(lines().count(), 1);
    let line = str::from_utf8(data).expect("a header with a token is ASCII");
    let (scheme, rest) = line.split_once(' ').expect("a scheme, then the token");
    assert!(scheme.eq_ignore_ascii_case("Bearer"));
    assert_eq!(rest.trim_start_matches(' '), token);
    let of_b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    assert!(!token.is_empty() && token.bytes().all(of_b64token));
    "ok"
}
