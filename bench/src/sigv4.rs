//! A signed request with a warm signing key, beside the bare SHA-256 of its body.

use portcullis_token::sigv4::{DerivedKey, Leniency, Request, Signature, sha256};

use crate::operation::{Contender, Operation};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// The example of AWS's documentation.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
const QUERY: &str = "Action=ListUsers&Version=2010-05-08";
const HEADERS: [(&str, &[u8]); 4] = [
    ("host", b"iam.amazonaws.com"),
    (
        "content-type",
        b"application/x-www-form-urlencoded; charset=utf-8",
    ),
    ("x-amz-date", b"20150830T123600Z"),
    ("authorization", AUTHORIZATION.as_bytes()),
];
const REQUEST: Request<'static> = Request {
    method: "GET",
    path: "/",
    query: Some(QUERY),
    headers: &HEADERS,
};

pub(crate) fn empty(subject: &'static str) -> Vec<Operation> {
    of_body(subject, Vec::new(), true)
}

/// Of another body than the signed one: refused by the one strict rule, at the same cost.
pub(crate) fn mebibyte(subject: &'static str) -> Vec<Operation> {
    of_body(subject, vec![7; 1 << 20], false)
}

fn of_body(subject: &'static str, body: Vec<u8>, is_signed: bool) -> Vec<Operation> {
    let signature = Signature::parse(&REQUEST).expect("the example is well formed");
    let key = DerivedKey::of(SECRET, &signature).expect("the secret gives a key");
    let copy = body.clone();
    let verify = move || {
        let signature = Signature::parse(&REQUEST).expect("the example is well formed");
        let verified = signature.verify(&REQUEST, &sha256(&body), &key, Leniency::Strict);
        assert_eq!(verified.is_ok(), is_signed, "{subject}");
    };
    vec![
        Operation::new(subject, Contender::Portcullis, verify),
        Operation::new(subject, Contender::Bare, move || sha256(&copy)),
    ]
}
