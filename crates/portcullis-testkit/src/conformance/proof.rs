//! Rows 37 to 41: tokens that are bound to a `DPoP` key, and their proofs.

use portcullis_token::{Reason, UnixTime};
use serde_json::{Value, json};

use super::Route;
use super::case::Case;
use super::setup::ProofSetup;
use crate::ProofKey;

/// A bound token, the key that it is bound to, and what a good proof for it says.
pub(super) struct Proofs<'r> {
    route: &'r Route,
    setup: &'r ProofSetup,
    key: ProofKey,
    token: String,
    address: String,
    nonce: Option<String>,
}

impl<'r> Proofs<'r> {
    /// Nothing where the service takes no proofs.
    pub(super) fn of(route: &'r Route) -> Option<Self> {
        let setup = route.setup.proofs.as_ref()?;
        let key = ProofKey::new();
        let token = route.token().claim("cnf", key.confirmation()).sign();
        let path = route.path.split('?').next().unwrap_or_default();
        Some(Self {
            route,
            setup,
            key,
            token,
            address: format!("{}{path}", setup.base),
            nonce: None,
        })
    }

    /// Row 39, whose answer to the first case brings the nonce of the others.
    pub(super) fn nonce_cases(&self) -> Vec<Case> {
        if !self.setup.nonces {
            return Vec::new();
        }
        let foreign = self.claims("n2", &[("nonce", json!("A".repeat(43)))]);
        vec![
            self.spoilt(39, "a proof without nonce", "n1", &[], Reason::DpopNonce),
            self.case(
                39,
                "a nonce of somebody else",
                &self.key.sign(&self.header(), &foreign),
                Reason::DpopNonce,
            ),
        ]
    }

    /// The other rows, with a nonce where the service wants one.
    pub(super) fn cases(&mut self, nonce: Option<String>) -> Vec<Case> {
        self.nonce = nonce;
        let mut cases = vec![
            Case::line(
                37,
                "DPoP without a proof",
                self.line(),
                Reason::DpopRequired,
            )
            .by_dpop(),
        ];
        cases.extend(self.spoilt_headers());
        cases.extend(self.spoilt_claims());
        cases.extend(self.other_ways());
        cases
    }

    fn spoilt_headers(&self) -> Vec<Case> {
        let mut private = self.header();
        private["jwk"]["d"] = json!("AA");
        let with = |name: &str, value: Value| {
            let mut header = self.header();
            header[name] = value;
            header
        };
        let other = ProofKey::new().header()["jwk"].clone();
        [
            ("typ JWT", with("typ", json!("JWT"))),
            ("no typ", with("typ", json!(null))),
            ("alg none", with("alg", json!("none"))),
            ("alg HS256", with("alg", json!("HS256"))),
            ("alg RS256 with an EC key", with("alg", json!("RS256"))),
            ("no jwk", with("jwk", json!(null))),
            ("a private jwk", private),
            ("the jwk of another key", with("jwk", other)),
            ("crit", with("crit", json!(["x"]))),
        ]
        .map(|(name, header)| {
            let proof = self.key.sign(&header, &self.claims(name, &[]));
            let name = format!("a proof with {name}");
            self.case(38, &name, &proof, Reason::DpopProof)
        })
        .to_vec()
    }

    fn spoilt_claims(&self) -> Vec<Case> {
        let UnixTime(now) = self.route.now();
        let elsewhere = format!("{}/elsewhere", self.setup.base);
        [
            ("another htm", "htm", json!("TRACE")),
            (
                "htm in lower case",
                "htm",
                json!(self.method().to_lowercase()),
            ),
            ("another htu", "htu", json!(elsewhere)),
            ("another host", "htu", json!("https://evil.example/")),
            ("an old iat", "iat", json!(now - 3600)),
            ("iat in the future", "iat", json!(now + 3600)),
            ("iat as text", "iat", json!("now")),
            ("no jti", "jti", json!(null)),
            ("an empty jti", "jti", json!("")),
            ("a jti of 257 bytes", "jti", json!("j".repeat(257))),
            ("the ath of another token", "ath", json!("A".repeat(43))),
            ("no ath", "ath", json!(null)),
        ]
        .map(|(name, claim, value)| {
            let text = format!("a proof with {name}");
            self.spoilt(38, &text, name, &[(claim, value)], Reason::DpopProof)
        })
        .to_vec()
    }

    fn other_ways(&self) -> Vec<Case> {
        let good = |id: &str| self.key.sign(&self.header(), &self.claims(id, &[]));
        let once = good("once");
        let (input, _) = once.rsplit_once('.').unwrap_or_default();
        let other = ProofKey::new();
        let theirs = other.sign(&other.header(), &self.claims("theirs", &[]));
        let unbound = self.route.token().sign();
        let twice = self.case(38, "two proofs", &good("a"), Reason::DpopProof);
        let bearer = Case::token(
            4,
            "a bearer token with a proof",
            &self.token,
            Reason::MultipleCredentials,
        );
        let of_token = ProofKey::claims(self.method(), &self.address, &unbound, self.route.now());
        let unbound_proof = other.sign(&other.header(), &self.with_nonce(of_token, "unbound"));
        vec![
            self.case(0, "a bound token and its proof", &once, Reason::DpopReplay)
                .passing(),
            self.case(40, "the same proof again", &once, Reason::DpopReplay),
            self.case(0, "another proof", &good("again"), Reason::DpopReplay)
                .passing(),
            self.case(
                38,
                "a proof of zeros",
                &format!("{input}.{}", "A".repeat(86)),
                Reason::DpopProof,
            ),
            self.case(38, "a proof that is no JWT", "garbage", Reason::DpopProof),
            twice.proof(&good("b")),
            Case::token(
                37,
                "bound, as a bearer token",
                &self.token,
                Reason::DpopRequired,
            ),
            bearer.proof(&good("c")),
            self.case(41, "a proof by another key", &theirs, Reason::DpopBinding),
            Case::line(
                41,
                "a proof for a token of no key",
                format!("DPoP {unbound}"),
                Reason::DpopBinding,
            )
            .by_dpop()
            .proof(&unbound_proof),
        ]
    }

    /// A proof in which some claims are replaced; `null` is none.
    fn spoilt(
        &self,
        row: u8,
        name: &str,
        id: &str,
        changes: &[(&str, Value)],
        reason: Reason,
    ) -> Case {
        let proof = self.key.sign(&self.header(), &self.claims(id, changes));
        self.case(row, name, &proof, reason)
    }

    fn case(&self, row: u8, name: &str, proof: &str, reason: Reason) -> Case {
        Case::line(row, name, self.line(), reason)
            .by_dpop()
            .proof(proof)
    }

    fn line(&self) -> String {
        format!("DPoP {}", self.token)
    }

    fn method(&self) -> &str {
        self.route.method.as_str()
    }

    fn header(&self) -> Value {
        self.key.header()
    }

    fn claims(&self, id: &str, changes: &[(&str, Value)]) -> Value {
        let now = self.route.now();
        let claims = ProofKey::claims(self.method(), &self.address, &self.token, now);
        let mut claims = self.with_nonce(claims, id);
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        claims
    }

    fn with_nonce(&self, mut claims: Value, id: &str) -> Value {
        claims["jti"] = json!(id);
        if let Some(nonce) = &self.nonce {
            claims["nonce"] = json!(nonce);
        }
        claims
    }
}
