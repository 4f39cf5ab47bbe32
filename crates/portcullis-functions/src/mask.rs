//! Takes tokens out of what functions write.

use std::borrow::Cow;

/// What stands where a token was.
const MASKED: &str = "[token]";

/// Every JSON Web Token of the line, and whatever follows `Bearer`, replaced.
pub(crate) fn masked(line: &str) -> Cow<'_, str> {
    let has_any = line.contains("eyJ") || line.to_ascii_lowercase().contains("bearer ");
    if !has_any {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len());
    let mut is_credential = false;
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest
            .find(|character| !is_of_token(character))
            .unwrap_or(rest.len());
        let (head, tail) = rest.split_at(word);
        if !head.is_empty() && (is_credential || is_jwt(head)) {
            shown.push_str(MASKED);
        } else {
            shown.push_str(head);
        }
        let between = tail.find(is_of_token).unwrap_or(tail.len());
        let (gap, after) = tail.split_at(between);
        shown.push_str(gap);
        is_credential = head.eq_ignore_ascii_case("bearer") && gap.trim().is_empty();
        rest = after;
    }
    Cow::Owned(shown)
}

/// Three parts, or what is left of them: the first one begins as JSON does in base64.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let header = parts.next().unwrap_or_default();
    header.len() > 10
        && header.starts_with("eyJ")
        && parts.next().is_some_and(|part| !part.is_empty())
}

const fn is_of_token(character: char) -> bool {
    matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '~' | '+' | '/' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked_wherever_they_stand() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
        for (line, expected) in [
            ("nothing to hide".to_owned(), "nothing to hide"),
            ("eyJ is short".to_owned(), "eyJ is short"),
            (format!("token {jwt}"), "token [token]"),
            (format!("{{\"a\":\"{jwt}\"}}"), "{\"a\":\"[token]\"}"),
            (
                format!("Authorization: Bearer {jwt}!"),
                "Authorization: Bearer [token]!",
            ),
            (
                "authorization: 'bearer opaque/1+2='".to_owned(),
                "authorization: 'bearer [token]'",
            ),
            (format!("{jwt},{jwt}"), "[token],[token]"),
            ("eyJhbGciOiJI.eyJ".to_owned(), "[token]"),
        ] {
            assert_eq!(masked(&line), expected, "{line}");
        }
    }
}
