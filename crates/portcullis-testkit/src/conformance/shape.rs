//! Rows 6 to 20: the token's three segments and its header.

use portcullis_token::{MAX_TOKEN_BYTES, Reason, base64url};
use serde_json::{Value, json};

use super::Route;
use super::case::Case;
use crate::{PublicKeyForm, TokenBuilder};

pub(super) fn cases(route: &Route) -> Vec<Case> {
    let good = route.token().sign();
    let long = "a".repeat(MAX_TOKEN_BYTES + 1);
    let mut cases = vec![Case::token(6, "too large", &long, Reason::TooLarge)];
    // Where the issuer is asked about opaque tokens, these are such.
    let asks = route.setup.introspection.as_ref();
    if asks.is_none_or(|(path, _)| *path != route.path) {
        for text in ["undefined", "null", "garbage"] {
            cases.push(Case::token(7, text, text, Reason::NotJwt));
        }
    }
    let (head, signature) = good.rsplit_once('.').unwrap_or_default();
    let dots = ".".repeat(2_000);
    for (name, token) in [
        ("1 dot", head),
        ("3 dots", &format!("{good}.AA")),
        ("2000 dots", &dots),
        ("a leading dot", &format!(".{head}")),
        ("a trailing dot", &format!("{head}.")),
        ("an empty segment", &format!("a..{signature}")),
    ] {
        cases.push(Case::token(8, name, token, Reason::NotJwt));
    }
    let jwe = format!("{good}.AA.AA");
    cases.push(Case::token(9, "5 segments", &jwe, Reason::JweUnsupported));
    for (name, token) in [
        ("padding", format!("{good}=")),
        ("a plus", format!("{head}.+{signature}")),
        ("a slash", format!("{head}./{signature}")),
        ("trailing bits", format!("{head}.AB")),
    ] {
        cases.push(Case::token(10, name, &token, Reason::BadBase64));
    }
    cases
}

pub(super) fn header_cases(route: &Route) -> Vec<Case> {
    [
        raw_headers(route),
        algorithms(route),
        extensions(route),
        key_ids(route),
        types(route),
    ]
    .concat()
}

fn raw_headers(route: &Route) -> Vec<Case> {
    let deep = format!(
        "{{\"alg\":\"RS256\",\"a\":{}1{}}}",
        "[".repeat(9),
        "]".repeat(9)
    );
    let large = json!({ "alg": "RS256", "a": "x".repeat(4 * 1024) }).to_string();
    let raw = |header: &[u8]| route.token().raw_header(header);
    let mut cases = Vec::new();
    for (name, header) in [
        ("not JSON", &b"{"[..]),
        ("an array", b"[]"),
        ("a string", b"\"RS256\""),
        ("a byte order mark", b"\xef\xbb\xbf{\"alg\":\"RS256\"}"),
        ("not UTF-8", b"{\"alg\":\"RS256\",\"a\":\"\xff\"}"),
        ("trailing bytes", b"{\"alg\":\"RS256\"}{}"),
        ("too deep", deep.as_bytes()),
        ("too large", large.as_bytes()),
    ] {
        cases.push(Case::token(
            11,
            &format!("header: {name}"),
            &raw(header),
            Reason::BadHeader,
        ));
    }
    let twice = route.token().dup_header("alg");
    cases.push(Case::token(12, "alg twice", &twice, Reason::BadHeader));
    cases
}

fn algorithms(route: &Route) -> Vec<Case> {
    let mut cases = vec![
        Case::token(
            13,
            "no alg",
            &route.token().without_header("alg"),
            Reason::AlgNotAllowed,
        ),
        Case::token(
            13,
            "alg none, unsigned",
            &route.token().alg_none(),
            Reason::AlgNotAllowed,
        ),
    ];
    for alg in [
        json!(1),
        json!(null),
        json!("none"),
        json!("None"),
        json!("NONE"),
    ] {
        cases.push(algorithm(route, alg));
    }
    for alg in ["RS257", "rs256", "RS256 ", "RS256\u{0}", "ＲＳ256"] {
        cases.push(algorithm(route, json!(alg)));
    }
    for (name, form) in [
        ("PEM", PublicKeyForm::Pem),
        ("DER", PublicKeyForm::Der),
        ("JWK", PublicKeyForm::Jwk),
    ] {
        let token = route.token().hs256_with_public_key(form);
        let name = format!("HS256 with the public key as {name}");
        cases.push(Case::token(14, &name, &token, Reason::AlgNotAllowed));
    }
    for (name, token) in [
        ("RS384 with an RS256 key", route.token().rs384()),
        ("PS256 with an RS256 key", route.token().ps256()),
    ] {
        let case = Case::token(15, name, &token, Reason::KeyUnknown);
        cases.push(case.or(Reason::AlgNotAllowed));
    }
    cases
}

fn algorithm(route: &Route, alg: Value) -> Case {
    let name = format!("alg {alg}");
    Case::token(
        13,
        &name,
        &route.token().header("alg", alg),
        Reason::AlgNotAllowed,
    )
}

fn extensions(route: &Route) -> Vec<Case> {
    let members = [
        ("crit", json!(["x"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("crit", json!(["exp"])),
        ("b64", json!(true)),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ];
    members
        .into_iter()
        .map(|(member, value)| {
            let name = format!("{member} {value}");
            let token = route.token().header(member, value);
            Case::token(16, &name, &token, Reason::CritUnsupported)
        })
        .collect()
}

fn key_ids(route: &Route) -> Vec<Case> {
    let case = |row, value: Value, reason| {
        let name = format!("kid {value:.40}");
        Case::token(row, &name, &route.token().kid(value), reason)
    };
    let mut cases = vec![case(17, json!("k".repeat(257)), Reason::KidInvalid)];
    for value in [json!(1), json!({}), json!(null), json!(""), json!("a\n")] {
        cases.push(case(17, value, Reason::KidInvalid));
    }
    for value in ["../../dev/null", "' or 1=1", "https://evil.example/key"] {
        cases.push(case(18, json!(value), Reason::KeyUnknown));
    }
    for member in ["jku", "x5u", "jwk", "x5c"] {
        let token = route.token().by_stranger(&route.stranger, member);
        let name = format!("a stranger's key by {member}");
        cases.push(Case::token(19, &name, &token, Reason::BadSignature));
    }
    cases
}

fn types(route: &Route) -> Vec<Case> {
    let typ = |token: TokenBuilder, value: Value| token.header("typ", value);
    let mut cases = Vec::new();
    for value in [
        json!("dpop+jwt"),
        json!("logout+jwt"),
        json!("secevent+jwt"),
        json!("id+jwt"),
        json!(1),
    ] {
        let name = format!("typ {value}");
        let token = typ(route.token(), value);
        cases.push(Case::token(20, &name, &token, Reason::TypNotAllowed));
    }
    let header = base64url::encode(br#"{"alg":"RS256"}"#);
    let unsigned = format!("{header}.e30.AA");
    cases.push(Case::token(
        24,
        "no claims at all",
        &unsigned,
        Reason::IssUnknown,
    ));
    cases
}
