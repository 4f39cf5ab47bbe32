use std::env;

use crate::environment::program_folders;

/// How a person here types this program: its name where the shell finds it, else its path.
pub(crate) fn program() -> String {
    let Ok(program) = env::current_exe() else {
        return "portcullis".to_owned();
    };
    let name = program.file_name().unwrap_or_default();
    if program_folders()
        .iter()
        .any(|folder| folder.join(name) == program)
    {
        return name.display().to_string();
    }
    let here = env::current_dir().ok();
    let relative = here
        .as_ref()
        .and_then(|here| program.strip_prefix(here).ok());
    relative.unwrap_or(&program).display().to_string()
}

/// `text` as a shell reads it as one word, quoted only where it must be.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:/@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_more_into_it() {
        for (text, expected) in [
            (
                "https://a-b.example:80/x_y%20",
                "https://a-b.example:80/x_y%20",
            ),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("$(id)", "'$(id)'"),
            ("a;b", "'a;b'"),
            ("~", "'~'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }
}
