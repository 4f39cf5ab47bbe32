//! Where a request may carry its token, and who passes on certificates.

use portcullis_token::{CrossSite, TokenSource};

use super::{USER, problems, read};
use crate::*;

fn file(lines: &str) -> String {
    format!("{USER}{lines}\n[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n")
}

#[test]
fn a_token_comes_in_the_places_that_the_file_names() {
    let header = |name: &str, prefix: &str| TokenSource::Header {
        name: name.to_owned(),
        prefix: prefix.to_owned(),
    };
    let cookie = |cross_site| TokenSource::Cookie {
        name: "session".to_owned(),
        cross_site,
    };
    let query = TokenSource::Query {
        name: "access_token".to_owned(),
    };
    for (lines, expected) in [
        ("", vec![TokenSource::Authorization]),
        (
            "sources = [\"authorization\", { query = \"access_token\" }]",
            vec![TokenSource::Authorization, query],
        ),
        (
            "sources = [{ cookie = \"session\" }, { header = \"X-Token\" }]",
            vec![cookie(CrossSite::Refused), header("x-token", "")],
        ),
        (
            "sources = [{ cookie = \"session\", cross_site = \"allow\" }]",
            vec![cookie(CrossSite::Allowed)],
        ),
        (
            "sources = [{ form = \"access_token\" }]",
            vec![TokenSource::Form {
                name: "access_token".to_owned(),
            }],
        ),
        (
            "[[authorizer.user.sources]]\nheader = \"x-token\"\nprefix = \"Token \"",
            vec![header("x-token", "Token ")],
        ),
    ] {
        let mut config = read(&file(lines)).config;
        let AuthorizerKind::Jwt(jwt) = config.authorizers.remove(0).kind;
        assert_eq!(jwt.sources, expected, "{lines}");
    }
}

#[test]
fn a_place_that_is_none_is_refused() {
    let one = "a place for tokens has one of `header`, `cookie`, `query` and `form`";
    let character = "holds a character that such a name cannot hold";
    for (value, expected) in [
        ("[]", "error 4:11 `sources` must not be empty".to_owned()),
        (
            "[\"cookie\"]",
            "error 4:12 an entry of `sources` must be `\"authorization\"`, or a table with a \
             `header`, a `cookie`, a `query` or a `form` (write for example `{ cookie = \"session\" }`)"
                .to_owned(),
        ),
        ("[{}]", format!("error 4:12 {one}")),
        (
            "[{ header = \"a\", query = \"b\" }]",
            format!("error 4:12 {one}"),
        ),
        (
            "[{ header = \"Authorization\" }]",
            "error 4:23 the header `authorization` cannot be another place for tokens (write \
             `\"authorization\"` without `header`)"
                .to_owned(),
        ),
        (
            "[{ header = \"dpop\" }]",
            "error 4:23 the header `dpop` cannot be another place for tokens".to_owned(),
        ),
        (
            "[{ header = \"a b\" }]",
            format!("error 4:23 `header` {character}"),
        ),
        (
            "[{ cookie = \"a;b\" }]",
            format!("error 4:23 `cookie` {character}"),
        ),
        (
            "[{ query = \"a=b\" }]",
            format!("error 4:22 `query` {character}"),
        ),
        (
            "[{ form = \"a&b\" }]",
            format!("error 4:21 `form` {character}"),
        ),
        (
            "[{ form = \"a\" }, { form = \"a\" }]",
            "error 4:11 `sources` names one place twice".to_owned(),
        ),
        (
            "[{ form = \"a\", query = \"b\" }]",
            format!("error 4:12 {one}"),
        ),
        (
            "[{ query = \"a\", prefix = \"b\" }]",
            "error 4:27 `prefix` is for a `header`".to_owned(),
        ),
        (
            "[{ header = \"a\", cross_site = \"allow\" }]",
            "error 4:28 `cross_site` is for a `cookie`".to_owned(),
        ),
        (
            "[{ header = \"a\", prefix = \" b\" }]",
            "error 4:37 `prefix` must be visible ASCII, and begin with no space".to_owned(),
        ),
        (
            "[{ cookie = \"a\" }, { cookie = \"a\", cross_site = \"allow\" }]",
            "error 4:11 `sources` names one place twice".to_owned(),
        ),
    ] {
        let text = file(&format!("sources = {value}"));
        assert_eq!(problems(&text), [expected], "{value}");
    }
    for (count, expected) in [(8, 0), (9, 1)] {
        let places: Vec<_> = (0..count)
            .map(|n| format!("{{ query = \"q{n}\" }}"))
            .collect();
        let text = file(&format!("sources = [{}]", places.join(", ")));
        assert_eq!(problems(&text).len(), expected, "{count}");
    }
}

#[test]
fn proxies_that_are_trusted_pass_on_certificates() {
    for (name, header) in CertificateHeader::ALL {
        let server = format!(
            "[server]\ntrusted_proxies = [\"10.0.0.1\"]\nclient_certificate_header = \"{name}\"\n"
        );
        let server = read(&server).config.server;
        assert_eq!(server.client_certificate_header, Some(header), "{name}");
    }
    assert_eq!(
        problems("[server]\nclient_certificate_header = \"client-cert\"\n"),
        ["warning 2:1 `client_certificate_header` does nothing without `trusted_proxies`"]
    );
}

#[test]
fn the_issuer_is_asked_with_a_secret_or_with_a_key() {
    let file = |lines: &str| {
        file(&format!(
            "[authorizer.user.introspection]\nurl = \"https://a.example\"\nclient_id = \"a\"\n{lines}"
        ))
    };
    let text = file("client_key = \"file:keys/a.pem\"\nclient_key_id = \"1\"");
    let AuthorizerKind::Jwt(jwt) = read(&text).config.authorizers.remove(0).kind;
    let proof = jwt.introspection.unwrap().client_proof;
    assert!(
        matches!(&proof, ClientProof::Key { file, id: Some(id) } if file == "keys/a.pem" && id == "1"),
        "{proof:?}"
    );
    for (lines, is_posted) in [
        ("client_secret = \"a\"", false),
        ("client_secret = \"a\"\nclient_auth = \"basic\"", false),
        ("client_secret = \"a\"\nclient_auth = \"post\"", true),
    ] {
        let AuthorizerKind::Jwt(jwt) = read(&file(lines)).config.authorizers.remove(0).kind;
        let (secret, posted) = match jwt.introspection.unwrap().client_proof {
            ClientProof::Secret(secret) => (secret, false),
            ClientProof::PostedSecret(secret) => (secret, true),
            ClientProof::Key { .. } => panic!("{lines}"),
        };
        assert_eq!(
            (secret.expose().as_str(), posted),
            ("a", is_posted),
            "{lines}"
        );
    }
    for (lines, expected) in [
        (
            "client_secret = \"a\"\nclient_auth = \"body\"",
            "error 8:15 `client_auth` must be `basic` or `post`",
        ),
        (
            "client_key = \"file:a.pem\"\nclient_auth = \"post\"",
            "warning 8:1 `client_auth` does nothing without `client_secret`",
        ),
        (
            "",
            "error 4:1 `client_secret` is missing (write for example `client_secret = \"a long random \
             text\"`)",
        ),
        (
            "client_key = \"a.pem\"",
            "error 7:14 `client_key` must name a PEM file (write for example \
             `file:introspection-key.pem`)",
        ),
        (
            "client_secret = \"a\"\nclient_key = \"file:a.pem\"",
            "error 8:1 `client_key` and `client_secret` are two ways to prove one name",
        ),
        (
            "client_secret = \"a\"\nclient_key_id = \"1\"",
            "warning 8:1 `client_key_id` does nothing without `client_key`",
        ),
    ] {
        assert_eq!(problems(&file(lines)), [expected], "{lines}");
    }
}
