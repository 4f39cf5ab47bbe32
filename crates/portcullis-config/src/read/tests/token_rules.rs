//! What an authorizer asks of a token: both sides of each rule.

use std::time::Duration;

use portcullis_token::TokenType;

use super::{USER, problems, read};
use crate::*;

fn file(line: &str) -> String {
    let used = "[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n";
    format!("{USER}{line}\n{used}")
}

fn jwt(line: &str) -> JwtAuthorizer {
    let AuthorizerKind::Jwt(jwt) = read(&file(line)).config.authorizers.remove(0).kind;
    jwt
}

#[test]
fn a_rule_is_what_the_file_says() {
    let absent = jwt("");
    assert_eq!(absent.token_type, TokenType::Lenient);
    assert!(absent.required_claims.is_empty());
    assert_eq!((absent.max_age, absent.max_lifetime), (None, None));

    assert_eq!(jwt("typ = \"at+jwt\"").token_type, TokenType::AccessToken);
    assert_eq!(jwt("typ = \"any\"").token_type, TokenType::Any);
    let required = jwt("required_claims = [\"sub\", \"/a/b\"]").required_claims;
    assert_eq!(required, ["sub", "/a/b"]);
    assert_eq!(
        jwt("max_age = \"1s\"").max_age,
        Some(Duration::from_secs(1))
    );
    let lifetime = jwt("max_lifetime = \"7d\"").max_lifetime;
    assert_eq!(lifetime, Some(Duration::from_hours(168)));
}

#[test]
fn what_cannot_be_meant_is_refused_and_a_lost_check_is_a_warning() {
    let unit = "must be a duration (write for example `5s`; the units are ms, s, m, h, d)";
    for (line, expected) in [
        (
            "typ = \"any\"",
            "warning 4:7 `typ = \"any\"`: tokens of other kinds by the same issuer pass".to_owned(),
        ),
        (
            "typ = \"at+jtw\"",
            "error 4:7 `typ` must be `lenient` or `at+jwt` or `any` (did you mean `at+jwt`?)"
                .to_owned(),
        ),
        (
            "required_claims = [\"\"]",
            "error 4:20 an entry of `required_claims` is empty".to_owned(),
        ),
        ("max_age = \"24\"", format!("error 4:11 `max_age` {unit}")),
        (
            "max_age = \"999ms\"",
            "error 4:11 `max_age` must be `1s` at least".to_owned(),
        ),
        (
            "max_lifetime = \"0s\"",
            "error 4:16 `max_lifetime` must be `1s` at least".to_owned(),
        ),
    ] {
        assert_eq!(problems(&file(line)), [expected], "{line}");
    }
}
