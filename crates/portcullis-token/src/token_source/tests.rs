use super::*;

fn find<'r>(
    sources: &[TokenSource],
    headers: &'r [(&'r str, &'r str)],
    query: Option<&'r str>,
) -> Result<(&'r str, Option<&'r str>), Reason> {
    let lines = |name: &str| {
        let name = name.to_owned();
        headers
            .iter()
            .filter(move |line| line.0 == name)
            .map(|line| line.1.as_bytes())
    };
    find_credential(sources, lines, query, None).map(|found| (found.token(), found.proof()))
}

fn cookie(cross_site: CrossSite) -> TokenSource {
    TokenSource::Cookie {
        name: "at".to_owned(),
        cross_site,
    }
}

fn everywhere() -> [TokenSource; 4] {
    let (name, prefix) = ("X-Token".to_owned(), "Token ".to_owned());
    [
        TokenSource::Authorization,
        TokenSource::Header { name, prefix },
        cookie(CrossSite::Allowed),
        TokenSource::Query {
            name: "access_token".to_owned(),
        },
    ]
}

#[test]
fn a_scheme_is_optional_only_where_that_is_asked_for() {
    let found = Ok(("a.b.c", None));
    let malformed = Err(Reason::MalformedHeader);
    let unsupported = Err(Reason::UnsupportedScheme);
    for (line, strict, lenient) in [
        ("Bearer a.b.c", found, found),
        ("a.b.c", unsupported, found),
        ("Bearer", malformed, malformed),
        ("dpop", malformed, malformed),
        ("Basic YTpi", unsupported, unsupported),
        ("a.b.c d", unsupported, unsupported),
        (" a.b.c", unsupported, unsupported),
        ("a.b.c,d.e.f", unsupported, unsupported),
        ("", Err(Reason::Missing), Err(Reason::Missing)),
    ] {
        let headers = [("authorization", line)];
        let find = |source| find(&[source], &headers, None);
        assert_eq!(find(TokenSource::Authorization), strict, "{line}");
        assert_eq!(find(TokenSource::OptionalScheme), lenient, "{line}");
    }
    let headers = [("authorization", "a.b.c"), ("dpop", "proof")];
    assert_eq!(
        find(&[TokenSource::OptionalScheme], &headers, None),
        Err(Reason::MultipleCredentials),
        "a token without a scheme has no proof"
    );
}

#[test]
fn a_token_is_found_in_one_place_only() {
    let bearer = ("authorization", "Bearer a.b.c");
    let basic = ("authorization", "Basic YTpi");
    let found = Ok(("a.b.c", None));
    let twice = Err(Reason::MultipleCredentials);
    let malformed = Err(Reason::MalformedHeader);
    for (headers, query, expected) in [
        (&[bearer][..], None, found),
        (&[("x-token", "token a.b.c")], None, found),
        (&[("cookie", "x=1; at=a.b.c; at2=d")], None, found),
        (&[("cookie", "x=1"), ("cookie", "at=a.b.c")], None, found),
        (&[], Some("x=1&access_token=a.b.c"), found),
        (&[basic], Some("access_token=a.b.c"), found),
        (&[("authorization", "")], Some("access_token=a.b.c"), found),
        (&[], None, Err(Reason::Missing)),
        (
            &[],
            Some("Access_token=a.b.c&access_token2=a"),
            Err(Reason::Missing),
        ),
        (&[basic], None, Err(Reason::UnsupportedScheme)),
        (&[bearer, bearer], None, twice),
        (&[bearer], Some("access_token=a.b.c"), twice),
        (&[bearer, ("cookie", "at=a.b.c")], None, twice),
        (&[("cookie", "at=a.b.c; at=a.b.c")], None, twice),
        (&[], Some("access_token=a&access_token=a"), twice),
        (&[("x-token", "a.b.c")], None, malformed),
        (&[("x-token", "Token ")], None, malformed),
        (&[("cookie", "at=\"a.b.c\"")], None, malformed),
        (&[], Some("access_token="), malformed),
        (&[], Some("access_token=a%2Eb"), malformed),
    ] {
        let result = find(&everywhere(), headers, query);
        assert_eq!(result, expected, "{headers:?} {query:?}");
    }
}

#[test]
fn the_place_of_a_token_is_known() {
    let headers = [("cookie", "at=a.b.c")];
    let lines = |name: &str| {
        let name = name.to_owned();
        let own = headers.iter().filter(move |line| line.0 == name);
        own.map(|line| line.1.as_bytes())
    };
    let found = find_credential(&everywhere(), lines, None, None).unwrap();
    assert_eq!(found.source(), 2);
}

#[test]
fn a_place_that_is_not_a_source_is_not_looked_at() {
    let only = [TokenSource::Authorization];
    let result = find(&only, &[("cookie", "at=a.b.c")], Some("access_token=a"));
    assert_eq!(result, Err(Reason::Missing));
}

#[test]
fn a_cookie_counts_only_for_the_site_s_own_requests() {
    let sources = [cookie(CrossSite::Refused)];
    let sent = ("cookie", "at=a.b.c");
    let site = |value| ("sec-fetch-site", value);
    let (found, missing) = (Ok(("a.b.c", None)), Err(Reason::Missing));
    for (headers, expected) in [
        (&[sent, site("same-origin")][..], found),
        (&[sent, site("none")], found),
        (&[sent, site("same-site")], missing),
        (&[sent, site("cross-site")], missing),
        (&[sent, site("Same-Origin")], missing),
        (&[sent, site("none"), site("none")], missing),
        (&[sent], missing),
    ] {
        assert_eq!(find(&sources, headers, None), expected, "{headers:?}");
    }
}

#[test]
fn a_proof_comes_with_its_own_scheme() {
    let (dpop, bearer) = (
        ("authorization", "dpop a.b.c"),
        ("authorization", "Bearer a.b.c"),
    );
    let proof = ("dpop", "d.e.f");
    for (headers, expected) in [
        (&[dpop, proof][..], Ok(("a.b.c", Some("d.e.f")))),
        (&[dpop], Err(Reason::DpopRequired)),
        (&[dpop, proof, proof], Err(Reason::DpopProof)),
        (&[bearer, proof], Err(Reason::MultipleCredentials)),
        (
            &[("cookie", "at=a.b.c"), proof],
            Err(Reason::MultipleCredentials),
        ),
        (&[proof], Err(Reason::Missing)),
    ] {
        assert_eq!(find(&everywhere(), headers, None), expected, "{headers:?}");
    }
}

#[test]
fn a_form_is_the_body_of_some_requests_only() {
    let form = "application/x-www-form-urlencoded";
    for (method, lines, expected) in [
        ("POST", &[form][..], true),
        ("PUT", &[form], true),
        ("PATCH", &["Application/X-WWW-Form-URLEncoded"], true),
        (
            "POST",
            &["application/x-www-form-urlencoded ;charset=UTF-8"],
            true,
        ),
        ("GET", &[form], false),
        ("HEAD", &[form], false),
        ("DELETE", &[form], false),
        ("post", &[form], false),
        ("POST", &[], false),
        ("POST", &[""], false),
        ("POST", &[form, form], false),
        ("POST", &["multipart/form-data; boundary=a"], false),
        ("POST", &["application/x-www-form-urlencoded2"], false),
        (
            "POST",
            &["text/plain, application/x-www-form-urlencoded"],
            false,
        ),
    ] {
        let types = lines.iter().map(|line| line.as_bytes());
        assert_eq!(
            may_carry_form(method, types),
            expected,
            "{method} {lines:?}"
        );
    }
}

#[test]
fn a_token_in_a_form_is_one_of_the_places() {
    let form = TokenSource::Form {
        name: "at".to_owned(),
    };
    let sources = [TokenSource::Authorization, form];
    let bearer = ("authorization", "Bearer a.b.c");
    let basic = ("authorization", "Basic YTpi");
    let missing = Err(Reason::Missing);
    let twice = Err(Reason::MultipleCredentials);
    for (headers, body, expected) in [
        (&[][..], "x=1&at=a.b.c", Ok("a.b.c")),
        (&[basic], "at=a.b.c", Ok("a.b.c")),
        (&[], "At=a.b.c&at2=a", missing),
        (&[], "", missing),
        (&[], "at=a.b.c&x=\u{e9}", missing),
        (&[], "at=", Err(Reason::MalformedHeader)),
        (&[], "at=a%2Eb", Err(Reason::MalformedHeader)),
        (&[], "at=a&at=a", twice),
        (&[bearer], "at=a.b.c", twice),
        (&[bearer], "x=1", Ok("a.b.c")),
        (&[("dpop", "proof")], "at=a.b.c", twice),
    ] {
        let lines = |name: &str| {
            let name = name.to_owned();
            let own = headers
                .iter()
                .filter(move |line: &&(&str, &str)| line.0 == name);
            own.map(|line| line.1.as_bytes())
        };
        let found = find_credential(&sources, lines, None, Some(body.as_bytes()));
        assert_eq!(
            found.map(|found| found.token()),
            expected,
            "{headers:?} {body}"
        );
        let off = find_credential(&sources[..1], lines, None, Some(body.as_bytes()));
        let unread = find_credential(&sources[..1], lines, None, None);
        assert_eq!(
            off, unread,
            "a form counts only where it is a source: {body}"
        );
    }
}
