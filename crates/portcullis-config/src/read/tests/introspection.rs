//! Which tokens an issuer is asked about: both sides of each rule.

use std::time::Duration;

use super::{USER, problems, read};
use crate::*;

fn file(lines: &str) -> String {
    let endpoint = "url = \"https://a.example\"\nclient_id = \"a\"\nclient_secret = \"b\"";
    format!(
        "{USER}[authorizer.user.introspection]\n{endpoint}\n{lines}\n\
         [api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n"
    )
}

#[test]
fn the_issuer_is_asked_as_the_mode_says() {
    let interval = |duration| IntrospectionMode::Interval(duration);
    for (lines, expected) in [
        ("", IntrospectionMode::Opaque),
        ("mode = \"opaque\"", IntrospectionMode::Opaque),
        ("mode = \"always\"", IntrospectionMode::Always),
        (
            "mode = \"interval\"\ninterval = \"1s\"",
            interval(Duration::from_secs(1)),
        ),
        (
            "mode = \"interval\"\ninterval = \"1h\"",
            interval(Duration::from_hours(1)),
        ),
    ] {
        let AuthorizerKind::Jwt(jwt) = read(&file(lines)).config.authorizers.remove(0).kind;
        assert_eq!(jwt.introspection.unwrap().mode, expected, "{lines}");
    }
}

#[test]
fn an_interval_is_bounded_and_needs_its_mode() {
    let range = "`interval` must be from `1s` to `1h`";
    for (lines, expected) in [
        (
            "mode = \"interval\"",
            "error 4:1 `interval` is missing (write for example `interval = \"1m\"`)".to_owned(),
        ),
        (
            "mode = \"interval\"\ninterval = \"999ms\"",
            format!("error 9:12 {range}"),
        ),
        (
            "mode = \"interval\"\ninterval = \"3601s\"",
            format!("error 9:12 {range}"),
        ),
        (
            "interval = \"1m\"",
            "warning 8:1 `interval` does nothing without `mode = \"interval\"`".to_owned(),
        ),
        (
            "mode = \"never\"",
            "error 8:8 `mode` must be `opaque` or `always` or `interval`".to_owned(),
        ),
    ] {
        assert_eq!(problems(&file(lines)), [expected], "{lines}");
    }
}
