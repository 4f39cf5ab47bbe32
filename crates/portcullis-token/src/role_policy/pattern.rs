/// Whether `text` is what `pattern` says: `*` is any text, `?` one character.
///
/// Goes back to the last `*` only, so that the time is at most the product of both lengths.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut index) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while index < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, index));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[index] => {
                at += 1;
                index += 1;
            }
            _ => {
                let Some((star_at, from)) = star else {
                    return false;
                };
                star = Some((star_at, from + 1));
                at = star_at + 1;
                index = from + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_those_of_iam_do() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("a*", "b", false),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*:Api/*/GET/*", "arn:x:Api/$default/GET/notes/1", true),
            ("*:Api/*/GET/*", "arn:x:Other/$default/GET/notes", false),
            ("Api", "api", false),
            ("**a**", "xax", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(1000), &"a".repeat(999)));
    }
}
