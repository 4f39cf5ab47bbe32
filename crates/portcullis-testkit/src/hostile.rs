//! Tokens that a verifier must refuse although most of them are really signed.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::{SigningKey, base64url};
use serde_json::{Value, json};

use crate::{TestIssuer, TokenBuilder};

/// The bytes of a public key that a careless verifier takes for an HMAC secret.
///
/// ```
/// use portcullis_testkit::{PublicKeyForm, TestIssuer};
///
/// let issuer = TestIssuer::new();
/// let forms = [PublicKeyForm::Pem, PublicKeyForm::Der, PublicKeyForm::Jwk];
/// let tokens = forms.map(|form| issuer.token().hs256_with_public_key(form));
/// let signature = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
/// assert_ne!(signature(&tokens[0]), signature(&tokens[1]), "another secret, another signature");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKeyForm {
    /// `-----BEGIN PUBLIC KEY-----`, as in a certificate file.
    Pem,
    /// The DER inside of that: `SubjectPublicKeyInfo`.
    Der,
    /// The JWK as the key set has it.
    Jwk,
}

/// The last step of building: each gives one token, and signs it where a signature is possible.
///
/// ```
/// use portcullis_testkit::{PublicKeyForm, TestIssuer};
///
/// let issuer = TestIssuer::new();
/// let token = || issuer.token().audience("api");
/// for hostile in [
///     token().alg_none(),
///     token().hs256_with_public_key(PublicKeyForm::Pem),
///     token().crit("exp"),
///     token().kid("../../dev/null"),
///     token().dup_claim("sub"),
///     token().tamper(),
/// ] {
///     assert_eq!(hostile.matches('.').count(), 2);
/// }
/// ```
impl TokenBuilder {
    /// Signed with HS256 (RFC 8725 section 2.1), keyed with what everybody knows.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::{PublicKeyForm, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").hs256_with_public_key(PublicKeyForm::Pem);
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::AlgNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn hs256_with_public_key(self, form: PublicKeyForm) -> String {
        let secret = self.public_key(form);
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": self.key.kid() });
        let input = signing_input(header.to_string().as_bytes(), self.claims_json().as_bytes());
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            input.as_bytes(),
        );
        format!("{input}.{}", base64url::encode(tag.as_ref()))
    }

    /// Signed, with `crit` naming an extension (RFC 7515 section 4.1.11).
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").crit("exp");
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::CritUnsupported);
    /// # Ok(())
    /// # }
    /// ```
    pub fn crit(self, name: &str) -> String {
        self.header("crit", json!([name]))
    }

    /// Signed, with this `kid`.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").kid("../../dev/null");
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::KeyUnknown);
    /// # Ok(())
    /// # }
    /// ```
    pub fn kid(self, kid: impl Into<Value>) -> String {
        self.header("kid", kid)
    }

    /// Signed, with one more or another member of the header.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").header("b64", false);
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::CritUnsupported);
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(self, name: &str, value: impl Into<Value>) -> String {
        let mut header = self.own_header();
        header[name] = value.into();
        self.raw(header.to_string().as_bytes(), self.claims_json().as_bytes())
    }

    /// Signed, without this member of the header.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").without_header("alg");
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::AlgNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_header(self, name: &str) -> String {
        let mut header = self.own_header();
        if let Some(members) = header.as_object_mut() {
            members.remove(name);
        }
        self.raw(header.to_string().as_bytes(), self.claims_json().as_bytes())
    }

    /// Signed, with a member of the header written twice.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").dup_header("alg");
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::BadHeader);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dup_header(self, name: &str) -> String {
        let header = with_duplicate(&self.own_header(), name);
        self.raw(header.as_bytes(), self.claims_json().as_bytes())
    }

    /// Signed, with a claim written twice, the second time as `"other"`.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").dup_claim("sub");
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::BadClaims);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dup_claim(self, name: &str) -> String {
        let claims = with_duplicate(&Value::Object(self.claims.clone()), name);
        self.raw_claims(claims.as_bytes())
    }

    /// Signed, with exactly these bytes for claims.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").raw_claims(b"[]");
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::BadClaims);
    /// # Ok(())
    /// # }
    /// ```
    pub fn raw_claims(self, claims: &[u8]) -> String {
        self.raw(self.own_header().to_string().as_bytes(), claims)
    }

    /// Signed, with exactly these bytes for a header.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").raw_header(b"{}");
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::AlgNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn raw_header(self, header: &[u8]) -> String {
        self.raw(header, self.claims_json().as_bytes())
    }

    /// Signed with RS384, whatever the key's JWK says.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").rs384();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::AlgNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rs384(self) -> String {
        self.signed_as("RS384", &RSA_PKCS1_SHA384)
    }

    /// Signed with PS256, whatever the key's JWK says.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").ps256();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::KeyUnknown);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ps256(self) -> String {
        self.signed_as("PS256", &RSA_PSS_SHA256)
    }

    /// Signed, and then one claim is changed.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").tamper();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::BadSignature);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tamper(mut self) -> String {
        let header = self.own_header().to_string();
        let signed = self.raw(header.as_bytes(), self.claims_json().as_bytes());
        self.claims.insert("sub".to_owned(), json!("somebody else"));
        let input = signing_input(header.as_bytes(), self.claims_json().as_bytes());
        format!("{input}.{}", signature_of(&signed))
    }

    /// With these bytes for a signature.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").signature(&[0; 256]);
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::BadSignature);
    /// # Ok(())
    /// # }
    /// ```
    pub fn signature(self, signature: &[u8]) -> String {
        let header = self.own_header().to_string();
        let input = signing_input(header.as_bytes(), self.claims_json().as_bytes());
        format!("{input}.{}", base64url::encode(signature))
    }

    /// Signed by `stranger` under the issuer's `kid`, with the stranger's key in the header as
    /// `member`: `jwk`, or an address for `jku` and `x5u`.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let stranger = TestIssuer::named(issuer.name());
    /// let token = issuer.token().audience("api").by_stranger(&stranger, "jwk");
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::BadSignature);
    /// # Ok(())
    /// # }
    /// ```
    pub fn by_stranger(self, stranger: &TestIssuer, member: &str) -> String {
        let stranger = stranger.token().key;
        let mut header = self.own_header();
        header[member] = match member {
            "jwk" => stranger.public_jwk(),
            "x5c" => json!(["MIIB"]),
            _ => json!("https://evil.example/keys"),
        };
        let input = signing_input(header.to_string().as_bytes(), self.claims_json().as_bytes());
        let signature = sign(&stranger, &RSA_PKCS1_SHA256, &input);
        format!("{input}.{}", base64url::encode(&signature))
    }

    fn signed_as(self, algorithm: &str, encoding: &'static dyn RsaEncoding) -> String {
        let mut header = self.own_header();
        header["alg"] = algorithm.into();
        let input = signing_input(header.to_string().as_bytes(), self.claims_json().as_bytes());
        let signature = sign(&self.key, encoding, &input);
        format!("{input}.{}", base64url::encode(&signature))
    }

    /// Really signed with RS256, over exactly these bytes.
    fn raw(&self, header: &[u8], claims: &[u8]) -> String {
        let input = signing_input(header, claims);
        let signature = sign(&self.key, &RSA_PKCS1_SHA256, &input);
        format!("{input}.{}", base64url::encode(&signature))
    }

    fn own_header(&self) -> Value {
        json!({ "alg": "RS256", "typ": self.typ, "kid": self.key.kid() })
    }

    fn claims_json(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    fn public_key(&self, form: PublicKeyForm) -> Vec<u8> {
        let der = || {
            let pair = key_pair(&self.key);
            let der: PublicKeyX509Der<'_> =
                pair.public_key().as_der().expect("a good key has a form");
            der.as_ref().to_vec()
        };
        match form {
            PublicKeyForm::Der => der(),
            PublicKeyForm::Pem => pem(&der()).into_bytes(),
            PublicKeyForm::Jwk => self.key.public_jwk().to_string().into_bytes(),
        }
    }
}

fn signing_input(header: &[u8], claims: &[u8]) -> String {
    format!(
        "{}.{}",
        base64url::encode(header),
        base64url::encode(claims)
    )
}

fn signature_of(token: &str) -> &str {
    token
        .rsplit_once('.')
        .map_or("", |(_, signature)| signature)
}

fn sign(key: &SigningKey, encoding: &'static dyn RsaEncoding, input: &str) -> Vec<u8> {
    let pair = key_pair(key);
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        encoding,
        &SystemRandom::new(),
        input.as_bytes(),
        &mut signature,
    )
    .expect("signing needs memory and randomness only");
    signature
}

fn key_pair(key: &SigningKey) -> KeyPair {
    let der = key.to_pkcs8().expect("writing a key needs memory only");
    KeyPair::from_pkcs8(der.expose()).expect("a key survives being written and read")
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem + "-----END PUBLIC KEY-----\n"
}

/// `object` as text, with one more member `name`.
fn with_duplicate(object: &Value, name: &str) -> String {
    let text = object.to_string();
    let body = text.strip_suffix('}').unwrap_or(&text);
    format!("{body},{}:\"other\"}}", json!(name))
}

#[cfg(test)]
mod tests {
    use portcullis_token::{Reason, Rules, Sender, TokenType, Unverified};

    use super::*;
    use crate::TestClock;

    fn verify(issuer: &TestIssuer, token: &str) -> Result<(), Reason> {
        let rules = Rules::new(Some(issuer.name().to_owned()), None);
        let token = Unverified::parse(token, TokenType::Lenient, &mut ())?;
        let keys = issuer.key_set();
        let sender = Sender::default();
        let verified = rules.verify(&token, &keys, &sender, TestClock::START, &mut ());
        verified.map(drop)
    }

    #[test]
    fn each_hostile_token_is_refused_for_its_own_reason() {
        let (issuer, stranger) = (TestIssuer::new(), TestIssuer::new());
        let token = || issuer.token();
        for (name, token, expected) in [
            (
                "plain",
                token().raw_header(token().own_header().to_string().as_bytes()),
                Ok(()),
            ),
            (
                "pem",
                token().hs256_with_public_key(PublicKeyForm::Pem),
                Err(Reason::AlgNotAllowed),
            ),
            ("crit", token().crit("exp"), Err(Reason::CritUnsupported)),
            ("kid", token().kid("nope"), Err(Reason::KeyUnknown)),
            ("kid 1", token().kid(1), Err(Reason::KidInvalid)),
            ("no kid", token().without_header("kid"), Ok(())),
            (
                "dup claim",
                token().dup_claim("sub"),
                Err(Reason::BadClaims),
            ),
            (
                "dup header",
                token().dup_header("alg"),
                Err(Reason::BadHeader),
            ),
            ("tamper", token().tamper(), Err(Reason::BadSignature)),
            (
                "stranger",
                token().by_stranger(&stranger, "jwk"),
                Err(Reason::BadSignature),
            ),
            ("ps256", token().ps256(), Err(Reason::KeyUnknown)),
        ] {
            assert_eq!(verify(&issuer, &token), expected, "{name}");
        }
    }

    #[test]
    fn a_public_key_is_written_as_its_form_says() {
        let token = TestIssuer::new().token();
        let der = token.public_key(PublicKeyForm::Der);
        let pem = String::from_utf8(token.public_key(PublicKeyForm::Pem)).unwrap();
        assert_eq!(der[0], 0x30, "DER begins with a SEQUENCE");
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMIIB"), "{pem}");
        assert!(pem.lines().all(|line| line.len() <= 64), "{pem}");
        let jwk = token.public_key(PublicKeyForm::Jwk);
        assert_eq!(serde_json::from_slice::<Value>(&jwk).unwrap()["kty"], "RSA");
    }
}
