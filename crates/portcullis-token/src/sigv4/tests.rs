use super::*;
use crate::UnixTime;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z, of AWS's documentation.
const THEN: UnixTime = UnixTime(1_440_938_160);
const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";

fn headers(authorization: &str) -> Vec<(&str, &[u8])> {
    vec![
        ("host", b"iam.amazonaws.com"),
        (
            "content-type",
            b"application/x-www-form-urlencoded; charset=utf-8",
        ),
        ("x-amz-date", b"20150830T123600Z"),
        ("authorization", authorization.as_bytes()),
    ]
}

fn request<'r>(headers: &'r [(&'r str, &'r [u8])]) -> Request<'r> {
    Request {
        method: "GET",
        path: "/",
        query: Some("Action=ListUsers&Version=2010-05-08"),
        headers,
    }
}

fn verify(request: &Request<'_>, body: &[u8]) -> Result<(), SignatureRefusal> {
    let signature = Signature::parse(request)?;
    signature.check_scope("us-east-1", "iam")?;
    signature.check_time(THEN)?;
    let key = DerivedKey::of(SECRET, &signature)?;
    signature.verify(request, &sha256(body), &key, Leniency::Clients)
}

#[test]
fn the_example_of_the_documentation_holds() {
    let headers = headers(GOOD);
    let request = request(&headers);
    assert_eq!(verify(&request, b""), Ok(()));
    let signature = Signature::parse(&request).unwrap();
    let shown = Mismatch::of(&request, &signature, &sha256(b""));
    assert_eq!(
        shown.string_to_sign(),
        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
         f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
    );
    let theirs = shown.canonical_request().replace("charset", "Charset");
    assert_eq!(shown.first_difference(shown.canonical_request()), None);
    let difference = shown.first_difference(&theirs).unwrap();
    assert_eq!(difference.line, 4);
    assert!(difference.theirs.contains("Charset"), "{difference:?}");
    assert_eq!(format!("{shown:?}"), "Mismatch { .. }");
}

#[test]
fn what_is_wrong_with_a_signature_is_told() {
    use SignatureRefusal as Refused;
    let with = |from: &str, to: &str| GOOD.replace(from, to);
    for (name, authorization, expected) in [
        ("another scheme", "Bearer x".to_owned(), Refused::Algorithm),
        ("SigV5", with("AWS4", "AWS5"), Refused::Algorithm),
        (
            "no credential",
            with(
                "Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request,",
                "",
            ),
            Refused::Incomplete("Credential"),
        ),
        (
            "credential twice",
            with("SignedHeaders=", "Credential=a, SignedHeaders="),
            Refused::Malformed("Credential"),
        ),
        (
            "unknown part",
            with("SignedHeaders=", "X=a, SignedHeaders="),
            Refused::Malformed("Authorization"),
        ),
        ("short credential", with("/iam", ""), Refused::Credential),
        (
            "long credential",
            with("/iam", "/iam/x"),
            Refused::Credential,
        ),
        (
            "another term",
            with("aws4_request", "aws5_request"),
            Refused::Credential,
        ),
        (
            "another day",
            with("20150830/", "20150831/"),
            Refused::ScopeDate,
        ),
        (
            "another region",
            with("us-east-1", "eu-west-1"),
            Refused::Region("eu-west-1".to_owned()),
        ),
        (
            "another service",
            with("/iam/", "/sts/"),
            Refused::Service("iam".to_owned()),
        ),
        (
            "no host",
            with("content-type;host;", "content-type;"),
            Refused::HostUnsigned,
        ),
        (
            "no date",
            with(";x-amz-date", ""),
            Refused::HeaderUnsigned("x-amz-date".to_owned()),
        ),
        (
            "a header too many",
            with("host;", "host;range;"),
            Refused::HeaderMissing("range".to_owned()),
        ),
        (
            "another order",
            with("content-type;host", "host;content-type"),
            Refused::Malformed("SignedHeaders"),
        ),
        (
            "a header twice",
            with("host;", "host;host;"),
            Refused::Malformed("SignedHeaders"),
        ),
        (
            "upper case",
            with("5d672d79", "5D672D79"),
            Refused::Malformed("Signature"),
        ),
        (
            "short",
            with("5d672d79", ""),
            Refused::Malformed("Signature"),
        ),
        (
            "another key",
            with("AKIDEXAMPLE", "AKIDOTHER"),
            Refused::Mismatch,
        ),
        (
            "another signature",
            with("5d672d79", "5d672d78"),
            Refused::Mismatch,
        ),
    ] {
        let headers = headers(&authorization);
        let found = verify(&request(&headers), b"");
        // The access key is not signed itself: it chooses the secret.
        let expected = if name == "another key" {
            Ok(())
        } else {
            Err(expected)
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    use SignatureRefusal as Refused;
    let good = headers(GOOD);
    let verify_with = |change: &dyn Fn(&mut Request<'_>)| {
        let mut request = request(&good);
        change(&mut request);
        verify(&request, b"")
    };
    for path in [
        "",
        "a",
        "//",
        "/./",
        "/a/..",
        "/%2e/",
        "/a//b",
        "/a/%2E%2e/b",
        "/a%2Fb",
        "/a%2f",
    ] {
        let mut request = request(&good);
        request.path = path;
        assert_eq!(verify(&request, b""), Err(Refused::Path), "{path}");
    }
    assert_eq!(
        verify_with(&|request| request.method = "HEAD"),
        Err(Refused::Mismatch)
    );
    assert_eq!(
        verify_with(&|request| request.query = None),
        Err(Refused::Mismatch)
    );
    assert_eq!(verify(&request(&good), b"x"), Err(Refused::Mismatch));
    assert_eq!(
        verify_with(&|request| request.query = Some("X-Amz-Signature=1")),
        Err(Refused::Twice)
    );
    assert_eq!(
        verify_with(&|request| request.query = Some("Version=2010-05-08&Action=ListUsers")),
        Ok(()),
        "the order of parameters is nobody's"
    );
    for (name, value, expected) in [
        ("authorization", GOOD, Refused::Twice),
        (
            "x-amz-date",
            "20150830T123600Z",
            Refused::Malformed("X-Amz-Date"),
        ),
        (
            "x-amz-meta",
            "1",
            Refused::HeaderUnsigned("x-amz-meta".to_owned()),
        ),
        (
            "x-amz-security-token",
            "t",
            Refused::HeaderUnsigned("x-amz-security-token".to_owned()),
        ),
        ("host", "other", Refused::Mismatch),
    ] {
        let mut headers = headers(GOOD);
        headers.push((name, value.as_bytes()));
        assert_eq!(verify(&request(&headers), b""), Err(expected), "{name}");
    }
    let mut headers = headers(GOOD);
    headers[2].1 = b"2015-08-30";
    assert_eq!(verify(&request(&headers), b""), Err(Refused::Date));
    headers.remove(2);
    assert_eq!(verify(&request(&headers), b""), Err(Refused::NoDate));
}

#[test]
fn a_signature_is_good_for_five_minutes() {
    let headers = headers(GOOD);
    let signature = Signature::parse(&request(&headers)).unwrap();
    for (now, expected) in [
        (
            THEN.0 - 301,
            Some(
                "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)",
            ),
        ),
        (THEN.0 - 300, None),
        (THEN.0 + 300, None),
        (
            THEN.0 + 301,
            Some(
                "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)",
            ),
        ),
    ] {
        let found = signature.check_time(UnixTime(now));
        let found = found.err().map(|refused| refused.to_string());
        assert_eq!(found.as_deref(), expected, "at {now}");
    }
}

#[test]
fn a_signed_address_lives_as_long_as_it_says() {
    let signature = "0".repeat(64);
    let query = |expires: &str| {
        format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20150830%2Fr%2Fs%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%2Bb&X-Amz-Signature={signature}"
        )
    };
    let headers = [("host", &b"h"[..])];
    let parse = |query: &str| {
        Signature::parse(&Request {
            method: "GET",
            path: "/",
            query: Some(query),
            headers: &headers,
        })
    };
    for expires in ["0", "604801", "+5", "x", "-1"] {
        assert_eq!(
            parse(&query(expires)).unwrap_err(),
            SignatureRefusal::Expires,
            "{expires}"
        );
    }
    let good = query("604800");
    let parsed = parse(&good).unwrap();
    assert_eq!(parsed.session_token(), Some("a+b"));
    assert_eq!(parsed.check_time(UnixTime(THEN.0 + 604_800)), Ok(()));
    let late = parsed.check_time(UnixTime(THEN.0 + 604_801)).unwrap_err();
    assert_eq!(late.code(), "signature_expired");
    let encoded = good.replace("Security-Token", "Security%2DToken");
    assert_eq!(
        parse(&encoded).unwrap_err(),
        SignatureRefusal::Malformed("X-Amz-Security-Token")
    );
    for name in [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    ] {
        let without = good.replace(name, "X-Other");
        let refused = parse(&without).unwrap_err();
        assert_eq!(refused, SignatureRefusal::Incomplete(name), "{name}");
        let twice = format!("{good}&{name}=1");
        let refused = parse(&twice).unwrap_err();
        assert_eq!(refused, SignatureRefusal::Malformed(name), "{name} twice");
        let encoded = good.replace(name, &name.replace('-', "%2D"));
        let refused = parse(&encoded).unwrap_err();
        assert_eq!(refused, SignatureRefusal::Malformed(name), "{name} encoded");
    }
}

/// The header of a request that is signed as `path`, whatever is sent.
fn signed_as(path: &str) -> String {
    let unsigned = headers(GOOD);
    let as_signed = Request {
        path,
        ..request(&unsigned)
    };
    let signature = Signature::parse(&as_signed).unwrap();
    let shown = Mismatch::of(&as_signed, &signature, &sha256(b""));
    let key = DerivedKey::of(SECRET, &signature).unwrap();
    let derived_key::Kind::Hmac(key) = &key.0 else {
        panic!("not of HMAC");
    };
    let tag = aws_lc_rs::hmac::sign(key, shown.string_to_sign().as_bytes());
    let mut hex = Vec::new();
    percent::hex_to(&mut hex, tag.as_ref());
    let (start, _) = GOOD.rsplit_once('=').unwrap();
    format!("{start}={}", String::from_utf8(hex).unwrap())
}

#[test]
fn a_signature_for_one_path_opens_no_other() {
    for (signed, sent, expected) in [
        ("/a%20b", "/a%20b", Ok(())),
        ("/a%2520b", "/a%2520b", Ok(())),
        // What is signed of the one is the other, letter by letter.
        ("/a%20b", "/a%2520b", Err(SignatureRefusal::Mismatch)),
        ("/a%252e", "/a%25252e", Err(SignatureRefusal::Mismatch)),
        ("/a%2520b", "/a%20b", Err(SignatureRefusal::Mismatch)),
    ] {
        let authorization = signed_as(signed);
        let headers = headers(&authorization);
        let request = Request {
            path: sent,
            ..request(&headers)
        };
        assert_eq!(verify(&request, b""), expected, "{signed} as {sent}");
    }
}

#[test]
fn an_unsigned_body_is_refused() {
    for hash in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ""] {
        let authorization = GOOD.replace("host;", "host;x-amz-content-sha256;");
        let mut headers = headers(&authorization);
        headers.push(("x-amz-content-sha256", hash.as_bytes()));
        let refused = verify(&request(&headers), b"").unwrap_err();
        assert_eq!(refused, SignatureRefusal::UnsignedBody, "{hash}");
    }
}
