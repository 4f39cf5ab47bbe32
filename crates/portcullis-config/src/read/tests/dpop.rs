//! Tokens that are bound to a key of the caller.

use super::{USER, problems, read};
use crate::*;

fn file(lines: &str, server: &str) -> String {
    format!(
        "{USER}{lines}\n[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n{server}"
    )
}

const SERVER: &str = "[server]\nurl = \"https://a.example/b/\"\n";

#[test]
fn the_scheme_is_off_until_the_file_says_otherwise() {
    for (lines, dpop, nonce) in [
        ("", Dpop::Off, false),
        ("dpop = \"off\"", Dpop::Off, false),
        ("dpop = \"accept\"", Dpop::Accept, false),
        ("dpop = \"require\"\ndpop_nonce = true", Dpop::Require, true),
    ] {
        let mut config = read(&file(lines, SERVER)).config;
        let AuthorizerKind::Jwt(jwt) = config.authorizers.remove(0).kind;
        assert_eq!((jwt.dpop, jwt.dpop_nonce), (dpop, nonce), "{lines}");
        assert_eq!(config.server.url.unwrap().as_str(), "https://a.example/b/");
    }
}

#[test]
fn proofs_need_an_address_that_the_file_names() {
    for (lines, server, expected) in [
        (
            "dpop = \"accept\"",
            "",
            "error 4:8 `dpop` needs to know where callers reach the gateway (write for example \
             `url = \"https://api.example.com\"` in `[server]`)",
        ),
        (
            "dpop_nonce = true",
            SERVER,
            "warning 4:1 `dpop_nonce` does nothing without `dpop`",
        ),
        (
            "dpop = \"accept\"\nignore_cnf = true",
            SERVER,
            "error 5:14 `ignore_cnf` would let every `DPoP` proof pass unread: it needs `dpop` off",
        ),
        (
            "dpop = \"accept\"",
            "[server]\nurl = \"https://a.example/?b\"\n",
            "error 9:7 `url` must not hold a query or a fragment",
        ),
    ] {
        assert_eq!(problems(&file(lines, server)), [expected], "{lines}");
    }
}
