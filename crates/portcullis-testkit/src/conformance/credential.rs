//! Rows 1 to 5 and 50 to 52: how the credential is sent.

use portcullis_token::Reason;

use super::Route;
use super::case::{Case, Expected};

pub(super) fn cases(route: &Route) -> Vec<Case> {
    let good = format!("Bearer {}", route.token().sign());
    let mut cases = vec![
        Case::lines(0, "a good token", &[good.as_bytes()], Expected::Passed),
        Case::lines(
            1,
            "no header",
            &[],
            Expected::Refused(Reason::Missing, None),
        ),
        Case::line(1, "an empty header", "", Reason::Missing),
        Case::line(2, "Basic", "Basic dXNlcjpwYXNz", Reason::UnsupportedScheme),
        Case::line(
            2,
            "Digest",
            "Digest username=\"ada\"",
            Reason::UnsupportedScheme,
        ),
        Case::line(
            2,
            "an unknown scheme",
            "Token abc",
            Reason::UnsupportedScheme,
        ),
    ];
    let bare = Case::line(
        2,
        "a token without scheme",
        "a.b.c",
        Reason::UnsupportedScheme,
    );
    if !route.setup.scheme_is_optional {
        cases.push(bare);
    }
    cases.extend(malformed());
    cases.push(Case::lines(
        4,
        "two identical lines",
        &[good.as_bytes(), good.as_bytes()],
        Expected::Refused(Reason::MultipleCredentials, None),
    ));
    let path = format!("{}?access_token={}", route.path, route.token().sign());
    let query = Case::lines(
        5,
        "in the query",
        &[],
        Expected::Refused(Reason::Missing, None),
    );
    cases.push(query.at(&path));
    cases.extend(optional(route, good.as_bytes()));
    cases
}

fn malformed() -> impl Iterator<Item = Case> {
    [
        ("no token", &b"Bearer"[..]),
        ("a space and no token", b"Bearer "),
        ("two words", b"Bearer a b"),
        ("a tab", b"Bearer\ta.b.c"),
        ("a list", b"Bearer a.b.c, Bearer d.e.f"),
        ("quotes", b"Bearer \"a.b.c\""),
        ("only padding", b"Bearer ==="),
        ("a byte that is not ASCII", b"Bearer a\xe9"),
    ]
    .into_iter()
    .map(|(name, line)| Case::line(3, name, line, Reason::MalformedHeader))
}

/// Of a path that callers without a token may use.
fn optional(route: &Route, good: &[u8]) -> Vec<Case> {
    let Some(path) = &route.optional else {
        return Vec::new();
    };
    let expired = route.token().claim("exp", 1).sign();
    [
        Case::lines(50, "good, where none is needed", &[good], Expected::Passed),
        Case::lines(51, "none, where none is needed", &[], Expected::Passed),
        Case::token(
            52,
            "expired, where none is needed",
            &expired,
            Reason::Expired,
        ),
        Case::token(
            52,
            "garbage, where none is needed",
            "garbage.",
            Reason::NotJwt,
        ),
        Case::line(
            52,
            "Basic, where none is needed",
            "Basic YTpi",
            Reason::UnsupportedScheme,
        ),
    ]
    .map(|case| case.at(path))
    .to_vec()
}
