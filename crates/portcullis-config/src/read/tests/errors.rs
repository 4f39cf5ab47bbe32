//! Other words for refusals.

use super::{problems, read};
use crate::*;

#[test]
fn a_refusal_is_put_in_other_words() {
    let text = "[errors.tyk]\nunexpected_alg = \"No \\\"such\\\" method\"\n\
                [errors.problem]\nno_route = \"é\"\n";
    let message = |errors, code: &str, text: &str| Message {
        errors,
        code: code.to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(
        read(text).config.messages,
        [
            message(ErrorBodies::Problem, "no_route", "é"),
            message(ErrorBodies::Tyk, "alg_not_allowed", "No \"such\" method"),
        ]
    );
}

#[test]
fn only_known_reasons_and_single_lines_are_words() {
    let line = "`expired` is not one line of text (write at most 200 characters, without line breaks and tabs)";
    let longest = "x".repeat(200);
    for (text, expected) in [
        (format!("expired = \"{longest}\""), String::new()),
        (format!("expired = \"{longest}x\""), line.to_owned()),
        ("expired = \"a\\nb\"".to_owned(), line.to_owned()),
        ("expired = \"\"".to_owned(), "`expired` is empty".to_owned()),
        (
            "expird = \"a\"".to_owned(),
            "there is no reason `expird` (did you mean `expired`?)".to_owned(),
        ),
        (
            "nothing_like_it = \"a\"".to_owned(),
            "there is no reason `nothing_like_it` (`portcullis explain` names the reason of a refusal)"
                .to_owned(),
        ),
        (
            "alg_not_allowed = \"a\"\nunexpected_alg = \"b\"".to_owned(),
            "`unexpected_alg` says the same reason a second time".to_owned(),
        ),
    ] {
        let found = problems(&format!("[errors.aws]\n{text}\n"));
        let words = |line: &String| line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
        let found: Vec<String> = found.iter().map(words).collect();
        assert_eq!(found.concat(), expected, "{text}");
    }
}
