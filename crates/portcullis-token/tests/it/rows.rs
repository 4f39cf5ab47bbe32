//! The rows of the verifier's table of inputs and answers that need neither HTTP nor a network.
//!
//! The numbers are those of the table. Rows 27, 40, 43 and 45 are about what is fetched or stored,
//! 49 to 52 about routes; they are told where those are.

mod claim_rows;

use portcullis_token::{
    Algorithm, CrossSite, KeySet, Reason, Rules, Sender, TokenSource, UnixTime, Unverified,
    Verified, bearer_token, find_credential,
};
use serde_json::{Value, json};

use crate::signer::{Signer, change};

pub(crate) const NOW: UnixTime = UnixTime(1_000_000);
pub(crate) const ISSUER: &str = "https://issuer.example/";

/// An issuer with an RSA key, and what its tokens must be like.
struct Table {
    signer: Signer,
    keys: KeySet,
    rules: Rules,
    failures: Vec<String>,
}

pub(crate) fn rules(algorithm: Algorithm) -> Rules {
    Rules {
        algorithms: vec![algorithm],
        ..Rules::new(Some(ISSUER.to_owned()), Some(vec!["api".to_owned()]))
    }
}

/// Claims that pass every check, with members replaced or, by `null`, removed.
pub(crate) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "ada", "aud": "api",
        "iat": NOW.0 - 60, "exp": NOW.0 + 60, "scope": "read:reports",
    });
    change(&mut claims, changes);
    claims
}

fn verify(rules: &Rules, keys: &KeySet, token: &str) -> Result<Verified, Reason> {
    let token = Unverified::parse(token, rules, &mut ())?;
    rules.verify(&token, keys, &Sender::default(), NOW, &mut ())
}

impl Table {
    fn new() -> Self {
        let signer = Signer::new(Algorithm::Rs256);
        Self {
            keys: signer.keys(),
            signer,
            rules: rules(Algorithm::Rs256),
            failures: Vec::new(),
        }
    }

    fn token(&self, changes: &Value) -> String {
        self.signer.sign(&json!({}), &claims(changes))
    }

    fn verify(&self, token: &str) -> Result<Verified, Reason> {
        verify(&self.rules, &self.keys, token)
    }

    /// Notes a row whose answer is another one.
    fn row(&mut self, number: u8, input: &str, got: Result<(), Reason>, expected: Reason) {
        if got != Err(expected) {
            self.failures.push(format!(
                "row {number}, {input}: {got:?} instead of {expected}"
            ));
        }
    }

    fn token_row(&mut self, number: u8, input: &str, token: &str, expected: Reason) {
        let got = self.verify(token).map(drop);
        self.row(number, input, got, expected);
    }

    /// A row about a header, given as JSON text.
    fn header_row(&mut self, number: u8, header: &str, expected: Reason) {
        let body = claims(&json!({})).to_string();
        let token = self.signer.sign_raw(header.as_bytes(), body.as_bytes());
        self.token_row(number, header, &token, expected);
    }

    /// A row about claims, given as JSON text.
    fn body_row(&mut self, number: u8, body: &str, expected: Reason) {
        let token = self
            .signer
            .sign_raw(br#"{"alg":"RS256","kid":"k"}"#, body.as_bytes());
        self.token_row(number, body, &token, expected);
    }

    /// A row about good claims with these changes.
    fn claims_row(&mut self, number: u8, changes: &Value, expected: Reason) {
        let token = self.token(changes);
        self.token_row(number, &changes.to_string(), &token, expected);
    }

    fn finish(self) {
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
    }
}

#[test]
fn rows_1_to_5_find_one_credential() {
    let mut table = Table::new();
    for (number, lines, expected) in [
        (1, &[][..], Reason::Missing),
        (1, &[&b""[..]], Reason::Missing),
        (2, &[b"Basic YTpi"], Reason::UnsupportedScheme),
        (2, &[b"Digest username=\"a\""], Reason::UnsupportedScheme),
        (3, &[b"Bearer"], Reason::MalformedHeader),
        (3, &[b"Bearer "], Reason::MalformedHeader),
        (3, &[b"Bearer a b"], Reason::MalformedHeader),
        (3, &[b"Bearer a\tb"], Reason::MalformedHeader),
        (3, &[b"Bearer a,Bearer b"], Reason::MalformedHeader),
        (3, &[b"Bearer a\x01"], Reason::MalformedHeader),
        (3, &[b"Bearer \xc3\xa9"], Reason::MalformedHeader),
        (4, &[b"Bearer a", b"Bearer a"], Reason::MultipleCredentials),
    ] {
        let got = bearer_token(lines.iter().copied()).map(drop);
        table.row(number, &format!("{lines:?}"), got, expected);
    }

    let name = "access_token".to_owned();
    let header = TokenSource::Authorization;
    let query = TokenSource::Query { name: name.clone() };
    let cookie = TokenSource::Cookie {
        name,
        cross_site: CrossSite::Allowed,
    };
    for (number, input, sources, lines, expected) in [
        (
            4,
            "header and query",
            vec![header.clone(), query],
            &[("authorization", "Bearer a")][..],
            Reason::MultipleCredentials,
        ),
        (
            4,
            "header and cookie",
            vec![header.clone(), cookie],
            &[("authorization", "Bearer a"), ("cookie", "access_token=a")],
            Reason::MultipleCredentials,
        ),
        (
            5,
            "query that is no source",
            vec![header],
            &[],
            Reason::Missing,
        ),
    ] {
        let of = |name: &str| {
            let name = name.to_owned();
            lines
                .iter()
                .filter(move |line| line.0 == name)
                .map(|line| line.1.as_bytes())
        };
        let got = find_credential(&sources, of, Some("access_token=a"), None).map(drop);
        table.row(number, input, got, expected);
    }
    table.finish();
}

#[test]
fn rows_6_to_10_read_three_segments() {
    let mut table = Table::new();
    let good = table.token(&json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, tail) = (parts[0], parts[1], parts[2]);
    table.token_row(
        6,
        "16 KiB and a byte",
        &"a".repeat(16_385),
        Reason::TooLarge,
    );
    for text in ["undefined", "null", "garbage", "dGhpcyBpcyBvcGFxdWU"] {
        table.token_row(7, text, text, Reason::NotJwt);
    }
    for (input, token) in [
        ("one dot", format!("{head}.{body}")),
        ("three dots", format!("{good}.{tail}")),
        ("2,000 dots", ".".repeat(2_000)),
        ("a dot before", format!(".{good}")),
        ("a dot after", format!("{good}.")),
        ("no header", format!(".{body}.{tail}")),
        ("no claims", format!("{head}..{tail}")),
        ("no signature", format!("{head}.{body}.")),
    ] {
        table.token_row(8, input, &token, Reason::NotJwt);
    }
    table.token_row(
        9,
        "five segments",
        &format!("{good}.{head}.{tail}"),
        Reason::JweUnsupported,
    );
    // The last character of a 256-byte signature carries four bits that must be zero.
    let trailing = format!("{}B", tail.get(..tail.len() - 1).unwrap());
    for (input, token) in [
        ("padding", format!("{head}.{body}.{tail}==")),
        ("padding of the header", format!("{head}=.{body}.{tail}")),
        ("a plus", format!("{head}.{body}+.{tail}")),
        ("a slash", format!("{head}.{body}/.{tail}")),
        ("a space", format!("{head}.{body} .{tail}")),
        ("a line break", format!("{head}.{body}.{tail}\n")),
        ("trailing bits", format!("{head}.{body}.{trailing}")),
    ] {
        table.token_row(10, input, &token, Reason::BadBase64);
    }
    table.finish();
}

#[test]
fn rows_11_to_20_read_the_header() {
    let mut table = Table::new();
    let deep = format!(
        r#"{{"alg":"RS256","x":{}{}}}"#,
        "[".repeat(8),
        "]".repeat(8)
    );
    let large = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "x".repeat(4096));
    for header in [
        "RS256",
        "[]",
        "\"RS256\"",
        "\u{feff}{\"alg\":\"RS256\"}",
        "{\"alg\":\"RS256\"}x",
        &deep,
        &large,
    ] {
        table.header_row(11, header, Reason::BadHeader);
    }
    let not_utf8 = table
        .signer
        .sign_raw(b"{\"alg\":\"RS256\",\"x\":\"\xff\"}", b"{}");
    table.token_row(11, "not UTF-8", &not_utf8, Reason::BadHeader);
    table.header_row(12, r#"{"alg":"RS256","alg":"RS256"}"#, Reason::BadHeader);
    for header in [
        "{}",
        r#"{"alg":256}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"NONE"}"#,
        r#"{"alg":"RS1"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"RS256\n"}"#,
        r#"{"alg":"RS256\u00e9"}"#,
    ] {
        table.header_row(13, header, Reason::AlgNotAllowed);
    }
    table.header_row(14, r#"{"alg":"HS256","kid":"k"}"#, Reason::AlgNotAllowed);
    for extension in [
        r#""crit":["x"],"x":1"#,
        r#""crit":[]"#,
        r#""crit":["b64"],"b64":true"#,
        r#""crit":["exp"]"#,
        r#""b64":true"#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
        r#""enc":"A128GCM""#,
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"k",{extension}}}"#);
        table.header_row(16, &header, Reason::CritUnsupported);
    }
    let long = format!("\"{}\"", "k".repeat(257));
    for kid in ["1", "{}", "\"\"", &long, r#""k\n""#, r#""\u00e9""#] {
        let header = format!(r#"{{"alg":"RS256","kid":{kid}}}"#);
        table.header_row(17, &header, Reason::KidInvalid);
    }
    for kid in ["../../dev/null", "' or 1=1", "https://evil.example/k"] {
        let header = format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
        table.header_row(18, &header, Reason::KeyUnknown);
    }
    for typ in [
        r#""dpop+jwt""#,
        r#""logout+jwt""#,
        r#""secevent+jwt""#,
        r#""id+jwt""#,
        "1",
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"k","typ":{typ}}}"#);
        table.header_row(20, &header, Reason::TypNotAllowed);
    }
    table.finish();
}

#[test]
fn rows_14_15_19_and_25_to_28_choose_the_key() {
    let mut table = Table::new();
    let changed = |changes: Value| {
        let mut set = Signer::key_set(&table.signer);
        change(&mut set["keys"][0], &changes);
        KeySet::parse(set.to_string().as_bytes()).unwrap()
    };
    let (bound, free) = (changed(json!({})), changed(json!({ "alg": null })));
    let wide = Rules {
        algorithms: Algorithm::ALL.to_vec(),
        ..rules(Algorithm::Rs256)
    };
    for algorithm in ["RS384", "PS256"] {
        let token = table
            .signer
            .sign(&json!({ "alg": algorithm }), &claims(&json!({})));
        let got = verify(&wide, &bound, &token).map(drop);
        table.row(15, algorithm, got, Reason::KeyUnknown);
        // A key for any algorithm is chosen, but did not make this signature.
        let got = verify(&wide, &free, &token).map(drop);
        table.row(29, algorithm, got, Reason::BadSignature);
    }

    let evil = Signer::new(Algorithm::Rs256);
    for member in ["jwk", "jku", "x5u", "x5c"] {
        let value = match member {
            "jwk" => evil.jwk(),
            "x5c" => json!(["AAAA"]),
            _ => json!("https://evil.example/"),
        };
        let token = evil.sign(&json!({ member: value }), &claims(&json!({})));
        table.token_row(19, member, &token, Reason::BadSignature);
    }

    let anonymous = table
        .signer
        .sign(&json!({ "kid": null }), &claims(&json!({})));
    assert!(
        table.verify(&anonymous).is_ok(),
        "row 25: the only key is used"
    );
    let (mut two, mut clash) = (table.signer.key_set(), table.signer.key_set());
    let mut second = evil.jwk();
    second["kid"] = json!("l");
    two["keys"].as_array_mut().unwrap().push(second.clone());
    second["kid"] = json!("k");
    clash["keys"].as_array_mut().unwrap().push(second);
    let two = KeySet::parse(two.to_string().as_bytes()).unwrap();
    let clash = KeySet::parse(clash.to_string().as_bytes()).unwrap();
    let got = verify(&table.rules, &two, &anonymous).map(drop);
    table.row(25, "no kid, two keys", got, Reason::KeyAmbiguous);
    let unknown = table
        .signer
        .sign(&json!({ "kid": "x" }), &claims(&json!({})));
    table.token_row(26, "unknown kid", &unknown, Reason::KeyUnknown);
    let got = verify(&table.rules, &clash, &table.token(&json!({}))).map(drop);
    table.row(28, "two keys of one kid", got, Reason::KeyAmbiguous);

    // The public key, in any spelling, is no secret that a token could be signed with.
    let got = verify(
        &wide,
        &free,
        &table
            .signer
            .sign(&json!({ "alg": "HS256" }), &claims(&json!({}))),
    );
    table.row(
        14,
        "HS256 where all public-key algorithms are allowed",
        got.map(drop),
        Reason::AlgNotAllowed,
    );
    table.finish();
}
