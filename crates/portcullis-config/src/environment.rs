//! `${NAME}` in the values of the file.

/// A run of text of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// As it stands in the file; `$${` is already `${`.
    Written(String),
    /// What `${NAME}` stands for. It may be a secret, and is never read as syntax.
    Inserted(String),
}

/// A run of text before the environment was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Text(String),
    Variable(&'a str),
}

/// `${` is not followed by a variable's name and `}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`${{` must be followed by a variable's name and `}}`")]
pub(crate) struct NotAVariable;

/// Splits `text` at its variables. `$${` stands for a literal `${`.
pub(crate) fn split(text: &str) -> Result<Vec<Part<'_>>, NotAVariable> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(escaped) = before.strip_suffix('$') {
            literal.push_str(escaped);
            literal.push_str("${");
            rest = after;
            continue;
        }
        literal.push_str(before);
        let (name, after) = after.split_once('}').ok_or(NotAVariable)?;
        if !is_variable_name(name) {
            return Err(NotAVariable);
        }
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(Part::Variable(name));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part<'_> {
        Part::Text(text.to_owned())
    }

    #[test]
    fn variables_are_found_and_escapes_removed() {
        for (written, expected) in [
            ("", vec![]),
            ("plain $HOME {x}", vec![text("plain $HOME {x}")]),
            ("${A}", vec![Part::Variable("A")]),
            (
                "a${B_1}c${_d}",
                vec![
                    text("a"),
                    Part::Variable("B_1"),
                    text("c"),
                    Part::Variable("_d"),
                ],
            ),
            ("$${A}", vec![text("${A}")]),
            ("x$${A}${B}", vec![text("x${A}"), Part::Variable("B")]),
            ("$$${A}", vec![text("$${A}")]),
            ("${A}${A}", vec![Part::Variable("A"), Part::Variable("A")]),
        ] {
            assert_eq!(split(written), Ok(expected), "{written:?}");
        }
        for written in [
            "${",
            "${}",
            "${A",
            "${1}",
            "${A-B}",
            "${api.Api.url}",
            "${ A }",
            "${${A}}",
        ] {
            assert_eq!(split(written), Err(NotAVariable), "{written:?}");
        }
    }
}
