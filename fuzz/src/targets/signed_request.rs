//! A request with an AWS signature, of which one is good: the example of AWS's documentation.

use portcullis_token::UnixTime;
use portcullis_token::sigv4::{
    DerivedKey, Leniency, Mismatch, Request, Signature, SignatureRefusal, sha256,
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z.
const NOW: UnixTime = UnixTime(1_440_938_160);
/// What the good signature is made of.
const SIGNED: &str = "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
                      f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";

/// Decides about a request: `METHOD target` in the first line, then `name: value` lines.
///
/// # Panics
/// When a request passes that is written down otherwise than the one that was signed.
pub fn run(data: &[u8]) -> &'static str {
    let Ok(text) = str::from_utf8(data) else {
        return "not_text";
    };
    let mut lines = text.lines();
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else {
        return "not_a_request";
    };
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name, value.as_bytes()))
        .collect();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let request = Request {
        method,
        path,
        query,
        headers: &headers,
    };
    match verify(&request) {
        Ok(()) => "ok",
        Err(refusal) => refusal.code(),
    }
}

fn verify(request: &Request<'_>) -> Result<(), SignatureRefusal> {
    let signature = Signature::parse(request)?;
    assert!(!request.path.contains("//"), "{}", request.path);
    signature.check_scope("us-east-1", "iam")?;
    signature.check_time(NOW)?;
    let key = DerivedKey::of(SECRET, &signature)?;
    let body = sha256(b"");
    let strict = signature.verify(request, &body, &key, Leniency::Strict);
    let lenient = signature.verify(request, &body, &key, Leniency::Clients);
    if strict.is_ok() {
        assert!(lenient.is_ok(), "what is good by AWS's rules is good");
        let shown = Mismatch::of(request, &signature, &body);
        assert_eq!(shown.string_to_sign(), SIGNED);
    }
    lenient
}
