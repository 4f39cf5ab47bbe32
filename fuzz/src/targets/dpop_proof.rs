//! A `DPoP` proof that its key did sign, for a token that is bound to that key (RFC 9449).

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::KeyPair as _;
use portcullis_token::{ProofOffer, Reason, Rules, Sender, TokenType, Unverified, base64url};
use serde_json::{Value, json};
use url::{Position, Url};

use super::signed_token::{KEY, KEY_SET, sign};
use super::token::{AUDIENCE, ISSUER, NOW};

const METHOD: &str = "GET";
const ADDRESS: &str = "https://api.example/reports";

/// A token of the issuer whose key, for the sake of brevity, is the caller's too.
static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, own_x());
    let thumbprint = base64url::encode(digest(&SHA256, jwk.as_bytes()).as_ref());
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "exp": NOW.0 + 60,
        "cnf": { "jkt": thumbprint } });
    sign(br#"{"alg":"EdDSA"}"#, claims.to_string().as_bytes())
});

/// Decides about a proof: a header and claims to sign, divided by a line feed, or a whole proof.
///
/// # Panics
/// When a proof passes although another reader of JSON and URLs finds a rule broken.
pub fn run(data: &[u8]) -> &'static str {
    let Ok(text) = str::from_utf8(data) else {
        return "not_text";
    };
    let (proof, parts) = match text.split_once('\n') {
        Some((header, claims)) => (
            sign(header.as_bytes(), claims.as_bytes()),
            Some((header, claims)),
        ),
        None => (text.to_owned(), None),
    };
    match verify(&proof) {
        Ok(()) => {
            let (header, claims) = parts.expect("nobody else can sign with the key");
            check_header(header);
            check_claims(claims);
            "ok"
        }
        Err(reason) => reason.code(),
    }
}

fn verify(proof: &str) -> Result<(), Reason> {
    let rules = Rules::new(Some(ISSUER.to_owned()), Some(vec![AUDIENCE.to_owned()]));
    let token = Unverified::parse(&TOKEN, TokenType::Lenient, &mut ())?;
    let sender = Sender {
        proof: Some(ProofOffer {
            proof,
            method: METHOD,
            url: ADDRESS,
        }),
        certificate: None,
    };
    let verified = rules.verify(&token, &KEY_SET, &sender, NOW, &mut ())?;
    let accepted = verified.proof().expect("a proof was needed");
    assert!(accepted.expires_at() > NOW);
    Ok(())
}

fn own_x() -> String {
    base64url::encode(KEY.public_key().as_ref())
}

fn check_header(json: &str) {
    let header: Value = serde_json::from_str(json).expect("an accepted header is JSON");
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(header["jwk"]["x"], own_x());
    assert!(header["jwk"].get("d").is_none(), "{header}");
    let typ = header["typ"].as_str().map(str::to_ascii_lowercase);
    let typ = typ
        .as_deref()
        .map(|typ| typ.trim_start_matches("application/"));
    assert_eq!(typ, Some("dpop+jwt"));
}

fn check_claims(json: &str) {
    let claims: Value = serde_json::from_str(json).expect("accepted claims are JSON");
    assert_eq!(claims["htm"], METHOD);
    let hash = digest(&SHA256, TOKEN.as_bytes());
    assert_eq!(claims["ath"], base64url::encode(hash.as_ref()));
    let id = claims["jti"].as_str().map_or(0, str::len);
    assert!((1..=256).contains(&id), "{claims}");
    let issued = claims["iat"].as_f64().expect("a time is a number");
    let age = json!(NOW.0).as_f64().map(|now| now - issued);
    assert!(
        age.is_some_and(|age| age <= 300.0 && age > -31.0),
        "{claims}"
    );
    check_address(claims["htu"].as_str().expect("an address is text"));
}

/// Without query and fragment, and but for escapes, a browser goes to the same address.
fn check_address(address: &str) {
    let url = Url::parse(address).expect("an accepted address is a URL");
    let place = &url[..Position::AfterPath];
    assert!(place == ADDRESS || place.contains('%'), "{address}");
    assert_eq!(url.host_str(), Some("api.example"));
    assert_eq!(url.port_or_known_default(), Some(443));
}
