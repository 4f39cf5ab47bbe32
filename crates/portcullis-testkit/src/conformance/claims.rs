//! Rows 21 to 46: the claims, the signature, and what the token is good for.

use http::HeaderValue;
use portcullis_token::{Reason, base64url};
use serde_json::{Value, json};

use super::Route;
use super::case::Case;

/// What is refused before the signature is looked at.
pub(super) fn cases(route: &Route) -> Vec<Case> {
    [raw_claims(route), types(route), issuers(route), keys(route)].concat()
}

/// What is refused about a token that the issuer signed, and its signature.
pub(super) fn signed_cases(route: &Route) -> Vec<Case> {
    [
        signatures(route),
        times(route),
        audiences(route),
        kinds(route),
        certificates(route),
        scopes(route),
    ]
    .concat()
}

fn raw_claims(route: &Route) -> Vec<Case> {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(33), "]".repeat(33));
    let members: Vec<_> = (0..257).map(|n| format!("\"c{n}\":0")).collect();
    let many = format!("{{{}}}", members.join(","));
    let mut cases = Vec::new();
    for (name, claims) in [
        ("an array", &b"[]"[..]),
        ("not JSON", b"{"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("not UTF-8", b"{\"sub\":\"\xff\"}"),
        ("trailing bytes", b"{}{}"),
        ("too deep", deep.as_bytes()),
        ("too many", many.as_bytes()),
    ] {
        let token = route.token().raw_claims(claims);
        cases.push(Case::token(
            21,
            &format!("claims: {name}"),
            &token,
            Reason::BadClaims,
        ));
    }
    let twice = route.token().dup_claim("sub");
    cases.push(Case::token(22, "sub twice", &twice, Reason::BadClaims));
    let within = br#"{"cnf":{"jkt":"a","jkt":"b"}}"#;
    let within = route.token().raw_claims(within);
    cases.push(Case::token(
        22,
        "jkt twice within cnf",
        &within,
        Reason::BadClaims,
    ));
    cases
}

fn types(route: &Route) -> Vec<Case> {
    let mut wrong = Vec::new();
    for name in ["exp", "nbf", "iat"] {
        let values = [
            json!("1"),
            json!(null),
            json!(true),
            json!(-1),
            json!(1e300),
        ];
        wrong.extend(values.map(|value| (name, value)));
    }
    wrong.push(("exp", json!(9_007_199_254_740_994_u64)));
    wrong.extend([json!(1), json!({}), json!(null), json!([1, "x"])].map(|value| ("aud", value)));
    wrong.extend(["iss", "sub", "jti"].map(|name| (name, json!(1))));
    wrong.push(("scope", json!(1)));
    wrong.push(("cnf", json!("x")));
    wrong
        .into_iter()
        .map(|(claim, value)| {
            let name = format!("{claim} {value}");
            let token = route.token().claim(claim, value).sign();
            Case::token(23, &name, &token, Reason::ClaimType)
        })
        .collect()
}

fn issuers(route: &Route) -> Vec<Case> {
    let own = route.issuer.name();
    let slash = match own.strip_suffix('/') {
        Some(bare) => bare.to_owned(),
        None => format!("{own}/"),
    };
    let mut cases = vec![Case::token(
        24,
        "no iss",
        &route.token().without("iss").sign(),
        Reason::IssUnknown,
    )];
    for (name, iss) in [
        ("another issuer", "https://evil.example/"),
        ("iss but for its slash", &slash),
        ("iss but for its case", &own.to_uppercase()),
        (
            "iss but for a port",
            &format!("{}:443/", own.trim_end_matches('/')),
        ),
    ] {
        let token = route.token().claim("iss", iss).sign();
        cases.push(Case::token(24, name, &token, Reason::IssUnknown));
    }
    cases
}

fn keys(route: &Route) -> Vec<Case> {
    let only = route.token().without_header("kid");
    let stranger = route.stranger.token().valid_from(route.now(), 3600).sign();
    vec![
        Case::token(25, "no kid, one key", &only, Reason::KeyAmbiguous).passing(),
        Case::token(26, "an unknown kid", &stranger, Reason::KeyUnknown),
    ]
}

fn signatures(route: &Route) -> Vec<Case> {
    let good = route.token().sign();
    let (head, signature) = good.rsplit_once('.').unwrap_or_default();
    let mut bytes = base64url::decode(signature.as_bytes()).unwrap_or_default();
    let mut cases = vec![
        Case::token(
            29,
            "a changed claim",
            &route.token().tamper(),
            Reason::BadSignature,
        ),
        Case::token(
            29,
            "zeros",
            &route.token().signature(&[0; 256]),
            Reason::BadSignature,
        ),
        Case::token(
            29,
            "no signature",
            &format!("{head}."),
            Reason::BadSignature,
        )
        .or(Reason::NotJwt),
    ];
    bytes.push(0);
    for (name, length) in [("a longer signature", 257), ("a truncated signature", 255)] {
        bytes.truncate(length);
        let token = format!("{head}.{}", base64url::encode(&bytes));
        cases.push(Case::token(29, name, &token, Reason::BadSignature));
    }
    cases
}

fn times(route: &Route) -> Vec<Case> {
    let now = route.now().0;
    let claims = [
        (31, "expired", "exp", now - 3600, Reason::Expired),
        (32, "not valid yet", "nbf", now + 3600, Reason::NotYetValid),
        (
            33,
            "issued in the future",
            "iat",
            now + 3600,
            Reason::BadIat,
        ),
    ];
    let missing = route.token().without("exp").sign();
    let mut cases = vec![Case::token(30, "no exp", &missing, Reason::ClaimMissing)];
    cases.extend(claims.map(|(row, name, claim, value, reason)| {
        Case::token(row, name, &route.token().claim(claim, value).sign(), reason)
    }));
    cases
}

fn audiences(route: &Route) -> Vec<Case> {
    let Some(own) = route.audience_name() else {
        return Vec::new();
    };
    let wrong = [
        ("another aud", json!("https://another-api")),
        ("no aud at all", json!([])),
        (
            "aud but for its end",
            json!(own.chars().skip(1).collect::<String>()),
        ),
        ("aud but for its case", json!(own.to_uppercase())),
    ];
    let missing = route.token().without("aud").sign();
    let mut cases =
        vec![Case::token(34, "no aud", &missing, Reason::AudMismatch).or(Reason::ClaimMissing)];
    cases.extend(wrong.map(|(name, value)| {
        let token = route.token().claim("aud", value).sign();
        Case::token(34, name, &token, Reason::AudMismatch)
    }));
    cases
}

fn kinds(route: &Route) -> Vec<Case> {
    let case = |row, name: &str, claim: &str, value: Value, reason| {
        Case::token(row, name, &route.token().claim(claim, value).sign(), reason)
    };
    vec![
        case(
            35,
            "an ID token by nonce",
            "nonce",
            json!("n"),
            Reason::IdToken,
        ),
        case(
            35,
            "an ID token by at_hash",
            "at_hash",
            json!("h"),
            Reason::IdToken,
        ),
        case(
            35,
            "an ID token by token_use",
            "token_use",
            json!("id"),
            Reason::IdToken,
        ),
        case(
            37,
            "bound to a DPoP key",
            "cnf",
            json!({ "jkt": "x" }),
            Reason::DpopRequired,
        ),
        case(
            42,
            "bound to a certificate",
            "cnf",
            json!({ "x5t#S256": "x" }),
            Reason::MtlsBinding,
        ),
    ]
}

/// Of a token that is bound to the one of two certificates.
fn certificates(route: &Route) -> Vec<Case> {
    let Some(setup) = &route.setup.certificate else {
        return Vec::new();
    };
    let thumbprint = base64url::encode(&setup.thumbprint);
    let token = route
        .token()
        .claim("cnf", json!({ "x5t#S256": thumbprint }));
    let token = token.sign();
    let case = |name| Case::token(42, name, &token, Reason::MtlsBinding);
    let line = |value: &HeaderValue| (setup.header.clone(), value.clone());
    let twice = case("bound to a certificate, told twice");
    let twice = twice.header(line(&setup.good)).header(line(&setup.good));
    let mut good = case("bound to the caller's certificate").passing();
    good.row = 0;
    vec![
        good.header(line(&setup.good)),
        case("bound to another certificate").header(line(&setup.other)),
        case("bound to a certificate, without one"),
        twice,
    ]
}

fn scopes(route: &Route) -> Vec<Case> {
    if route.scope.is_empty() {
        return Vec::new();
    }
    let case = |name: &str, scope: &str| {
        Case::token(46, name, &route.token().scope(scope).sign(), Reason::Scope)
    };
    let none = route.token().without("scope").sign();
    vec![
        Case::token(46, "no scope", &none, Reason::Scope),
        case("another scope", "something:else"),
        case("scope but for its case", &route.scope.to_uppercase()),
        case("scopes between commas", &format!("a,{},b", route.scope)),
    ]
}
