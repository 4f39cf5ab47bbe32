//! What an authorizer asks of a token: both sides of each rule.

use std::time::Duration;

use portcullis_token::{DuplicateClaims, TokenType};

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
    assert_eq!(absent.max_token_bytes, 16_384);
    assert_eq!(absent.duplicate_claims, DuplicateClaims::Rejected);
    assert!(!absent.ignores_confirmation);

    for bytes in [1024, 65_536] {
        assert_eq!(
            jwt(&format!("max_token_bytes = {bytes}")).max_token_bytes,
            bytes
        );
    }
    let last = jwt("duplicate_claims = \"last\"").duplicate_claims;
    assert_eq!(last, DuplicateClaims::Last);
    assert!(jwt("ignore_cnf = true").ignores_confirmation);
    assert!(!jwt("ignore_cnf = false").ignores_confirmation);
    let listed = TokenType::Listed(["at+jwt".to_owned(), "x+jwt".to_owned()].into());
    assert_eq!(jwt("typ = [\"at+jwt\", \"x+jwt\"]").token_type, listed);

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
        ("typ = []", "error 4:7 `typ` must not be empty".to_owned()),
        (
            "typ = [\"at+jwt\", \"application/JWT\"]",
            "warning 4:7 `JWT` in `typ`: ID tokens by the same issuer pass, which `lenient` refuses"
                .to_owned(),
        ),
        (
            "typ = [\"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\"]",
            "error 4:7 `typ` must not have more than 8 entries".to_owned(),
        ),
        (
            "max_token_bytes = 1023",
            "error 4:19 `max_token_bytes` must be a whole number from 1024 to 65536".to_owned(),
        ),
        (
            "max_token_bytes = 65537",
            "error 4:19 `max_token_bytes` must be a whole number from 1024 to 65536".to_owned(),
        ),
        (
            "duplicate_claims = \"last\"",
            "warning 4:20 `duplicate_claims = \"last\"`: whoever reads the token after the gateway \
             may believe another claim"
                .to_owned(),
        ),
        (
            "duplicate_claims = \"first\"",
            "error 4:20 `duplicate_claims` must be `reject` or `last`".to_owned(),
        ),
        (
            "ignore_cnf = true",
            "warning 4:14 `ignore_cnf = true`: a bound token is good in the hands of whoever has \
             stolen it"
                .to_owned(),
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
