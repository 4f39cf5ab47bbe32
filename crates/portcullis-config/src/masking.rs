//! The file as it may be shown: diagnostics draw whole lines, and a line may hold a secret.

/// Keys whose values are secrets, in whatever table.
const SECRETS: [&str; 3] = ["secret", "client_secret", "password"];

/// The same text, as long in bytes, with `*` for each secret that is written in it.
///
/// It goes by lines and not by the parsed file, since what cannot be parsed is shown too. Values
/// from a file (`file:PATH`) and from the environment (`${NAME}`) stay: they are names.
pub(crate) fn mask(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, value)) = next_secret(rest) {
        shown.push_str(before);
        let length = length(value);
        let (value, after) = value.split_at(length);
        if is_name(value) {
            shown.push_str(value);
        } else {
            shown.extend(value.chars().flat_map(masked));
        }
        rest = after;
    }
    shown + rest
}

/// What stands before the value of the next secret, its quotes included, and the value with all
/// that follows.
fn next_secret(text: &str) -> Option<(&str, &str)> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let mut from = 0;
    while let Some((_, behind)) = text.get(from..)?.split_once('=') {
        let equals = text.len() - behind.len() - 1;
        let key = text.get(..equals)?.trim_end_matches([' ', '\t', '"', '\'']);
        let name = key.trim_end_matches(|c| u8::try_from(c).is_ok_and(is_of_name));
        if SECRETS.contains(&key.get(name.len()..)?) {
            let value = behind.trim_start_matches([' ', '\t']);
            let value = value.trim_start_matches(['"', '\'']);
            return Some(text.split_at(text.len() - value.len()));
        }
        from = equals + 1;
    }
    None
}

/// How far a value goes: to the quote that ends it, or, without one, as far as a word does.
///
/// What goes over several lines has no end in its first one; then all up to three quotes is it.
fn length(value: &str) -> usize {
    let line = value.lines().next().unwrap_or_default();
    if let Some(end) = line.find(['"', '\'']) {
        return end + line.get(end..).map_or(0, rest_of_quoted);
    }
    let several = ["\"\"\"", "'''"].iter().filter_map(|end| value.find(end));
    let word = line.find([',', '}', '#', ']']).unwrap_or(line.len());
    if line.trim().is_empty() {
        several.min().unwrap_or(value.len())
    } else {
        word
    }
}

/// How much of a value follows a quote that may be escaped, or be one of two kinds.
fn rest_of_quoted(from_quote: &str) -> usize {
    // A secret with a quote in it is rare, and a line shown too little of is no loss.
    let last = from_quote.rfind(['"', '\'']).unwrap_or_default();
    let ends_there = |end: &str| !end.trim_start().starts_with([',', '}', ']', '#', '\n']);
    let after = from_quote.get(1..).unwrap_or_default();
    if after.trim().is_empty() || !ends_there(after) {
        0
    } else {
        last
    }
}

/// Whether it names where the secret is.
fn is_name(value: &str) -> bool {
    let is_variable = value.starts_with("${") && value.ends_with('}');
    value.starts_with("file:") || (is_variable && value.matches("${").count() == 1)
}

/// As many asterisks as the character has bytes; lines stay lines.
fn masked(character: char) -> impl Iterator<Item = char> {
    let (shown, count) = match character {
        '\n' | '\r' => (character, 1),
        _ => ('*', character.len_utf8()),
    };
    std::iter::repeat_n(shown, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown_and_names_of_secrets_are() {
        for (text, expected) in [
            ("secret = \"hunter2\"\n", "secret = \"*******\"\n"),
            ("secret='hunter2' # why", "secret='*******' # why"),
            ("\"secret\" = \"hunter2\"", "\"secret\" = \"*******\""),
            ("a.secret = \"hünter2\"", "a.secret = \"********\""),
            (
                "introspection = { client_secret = \"x y\", url = \"z\" }",
                "introspection = { client_secret = \"***\", url = \"z\" }",
            ),
            ("password = \"a\\\"bc\"", "password = \"*****\""),
            ("password = 'a\"bc'", "password = '****'"),
            ("secret = hunter2, b = 1", "secret = *******, b = 1"),
            ("secret = \"hunter2", "secret = \"*******"),
            (
                "secret = \"\"\"\nhun\nter\"\"\"\nb = 1",
                "secret = \"\"\"\n***\n***\"\"\"\nb = 1",
            ),
            ("secret = \"${NAME}\"", "secret = \"${NAME}\""),
            ("secret = \"x${NAME}\"", "secret = \"********\""),
            ("secret = \"file:a.txt\"", "secret = \"file:a.txt\""),
            ("# password = \"old\"", "# password = \"***\""),
            (
                "no_secret = \"shown\"\nname = \"b\"",
                "no_secret = \"shown\"\nname = \"b\"",
            ),
            ("secret", "secret"),
            ("secret =", "secret ="),
            ("", ""),
        ] {
            let shown = mask(text);
            assert_eq!(shown, expected);
            assert_eq!(shown.len(), text.len(), "{text:?}");
        }
    }
}
