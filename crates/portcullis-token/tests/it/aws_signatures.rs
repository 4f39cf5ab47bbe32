//! Requests that AWS's own signer signed, and what is left of them when a bit has changed.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::{v4, v4a};
use portcullis_token::UnixTime;
use portcullis_token::sigv4::{
    DerivedKey, Leniency, Request, Signature, SignatureAlgorithm, SignatureRefusal, sha256,
};
use proptest::prelude::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOW: u64 = 1_790_000_000;

/// A request with its signature in it, as it goes over the wire.
#[derive(Clone, Debug)]
struct Wire {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Wire {
    fn verify(&self, leniency: Leniency) -> Result<(), SignatureRefusal> {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let request = Request {
            method: &self.method,
            path: &self.path,
            query: (!self.query.is_empty()).then_some(&self.query),
            headers: &headers,
        };
        let signature = Signature::parse(&request)?;
        signature.check_scope("eu-west-1", "execute-api")?;
        signature.check_time(UnixTime(NOW))?;
        if signature.access_key() != "ASIAEXAMPLE" {
            return Err(SignatureRefusal::TokenInvalid);
        }
        let key = DerivedKey::of(SECRET, &signature)?;
        signature.verify(&request, &sha256(&self.body), &key, leniency)
    }
}

#[derive(Clone, Copy, Debug)]
struct How {
    algorithm: SignatureAlgorithm,
    location: SignatureLocation,
    has_token: bool,
}

fn signed(mut wire: Wire, how: How) -> Wire {
    let token = how.has_token.then(|| "sealed+/token==".to_owned());
    let identity = Credentials::new("ASIAEXAMPLE", SECRET, token, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = how.location;
    if how.location == SignatureLocation::QueryParams {
        settings.expires_in = Some(Duration::from_mins(1));
    }
    let time = UNIX_EPOCH + Duration::from_secs(NOW);
    let params: SigningParams<'_> = match how.algorithm {
        SignatureAlgorithm::Hmac => v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name("execute-api")
            .time(time)
            .settings(settings)
            .build()
            .unwrap()
            .into(),
        SignatureAlgorithm::Ecdsa => v4a::SigningParams::builder()
            .identity(&identity)
            .region_set("us-*,eu-west-1")
            .name("execute-api")
            .time(time)
            .settings(settings)
            .build()
            .unwrap()
            .into(),
    };
    let mut uri = format!("https://api.example.com{}", wire.path);
    if !wire.query.is_empty() {
        uri = format!("{uri}?{}", wire.query);
    }
    let headers = wire.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(&wire.body);
    let signable = SignableRequest::new(&wire.method, &uri, headers, body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let (headers, parameters) = instructions.into_parts();
    for header in headers {
        let pair = (header.name().to_owned(), header.value().to_owned());
        wire.headers.push(pair);
    }
    for (name, value) in parameters {
        let escape = |text: String, byte| format!("{text}%{byte:02X}");
        let value = value.bytes().fold(String::new(), escape);
        let separator = if wire.query.is_empty() { "" } else { "&" };
        wire.query = format!("{}{separator}{name}={value}", wire.query);
    }
    wire.headers
        .insert(0, ("host".to_owned(), "api.example.com".to_owned()));
    wire
}

fn hows() -> impl Strategy<Value = How> {
    let algorithms = [SignatureAlgorithm::Hmac, SignatureAlgorithm::Ecdsa];
    let locations = [SignatureLocation::Headers, SignatureLocation::QueryParams];
    let algorithms = proptest::sample::select(algorithms.to_vec());
    let locations = proptest::sample::select(locations.to_vec());
    (algorithms, locations, any::<bool>()).prop_map(|(algorithm, location, has_token)| How {
        algorithm,
        location,
        has_token,
    })
}

/// Segments without dots of their own; parameters in the one spelling that AWS's signer reads.
fn wires() -> impl Strategy<Value = Wire> {
    let method = "GET|PUT|POST|DELETE";
    let segment = "[a-zA-Z0-9_~-]([a-zA-Z0-9._~-]|%20|%C3%A9|%25|%3A){0,6}";
    let path = proptest::collection::vec(segment, 1..4)
        .prop_map(|segments| format!("/{}", segments.join("/")));
    let name = "[a-zA-Z][a-zA-Z0-9._~-]{0,4}";
    let value = "([a-zA-Z0-9._~-]|%20|%2F|%3D|%C3%A9){0,8}";
    let query = proptest::collection::btree_map(name, value, 0..4).prop_map(|pairs| {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    });
    let headers = proptest::collection::btree_map("x-[b-z]{1,5}", "[ -~]{0,12}", 0..3);
    let body = proptest::collection::vec(any::<u8>(), 0..64);
    (method, path, query, headers, body).prop_map(|(method, path, query, headers, body)| Wire {
        method,
        path,
        query,
        headers: headers.into_iter().collect(),
        body,
    })
}

/// Flips one bit of a text, so that it is still one.
fn flipped(text: &str, at: usize) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let index = (at / 7) % bytes.len().max(1);
    let byte = bytes.get_mut(index)?;
    *byte ^= 1 << (at % 7);
    String::from_utf8(bytes).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_aws_signs_is_accepted_and_no_other_bit_of_it(
        wire in wires(),
        how in hows(),
        at in 0..4096_usize,
    ) {
        let wire = signed(wire, how);
        prop_assert_eq!(wire.verify(Leniency::Strict), Ok(()));

        let change = |change: &dyn Fn(&mut Wire) -> Option<()>| {
            let mut changed = wire.clone();
            change(&mut changed).map(|()| changed)
        };
        let changed = [
            change(&|wire| { wire.method = flipped(&wire.method, at)?; Some(()) }),
            change(&|wire| { wire.path = flipped(&wire.path, at)?; Some(()) }),
            change(&|wire| { wire.query = flipped(&wire.query, at)?; Some(()) }),
            change(&|wire| {
                let count = wire.headers.len();
                let (_, value) = &mut wire.headers[at % count];
                *value = flipped(value, at)?;
                Some(())
            }),
            change(&|wire| {
                let count = wire.body.len().max(1);
                *wire.body.get_mut(at % count)? ^= 1;
                Some(())
            }),
            change(&|wire| { wire.body.push(0); Some(()) }),
            change(&|wire| { wire.headers.remove(at % wire.headers.len()); Some(()) }),
        ];
        for changed in changed.into_iter().flatten() {
            // A value with another number of blanks, or an escape in other letters, is the same.
            if !is_same(&wire, &changed) {
                let verified = changed.verify(Leniency::Clients);
                prop_assert!(verified.is_err(), "{:?}\n{:?}", wire, changed);
            }
        }
    }
}

/// Whether two requests mean the same to everybody.
fn is_same(one: &Wire, other: &Wire) -> bool {
    let query = |wire: &Wire| {
        let mut pairs: Vec<_> = wire.query.split('&').map(decoded).collect();
        pairs.retain(|pair| !pair.is_empty());
        pairs.sort();
        pairs
    };
    let headers = |wire: &Wire| {
        let words = |value: &str| {
            value
                .split([' ', '\t'])
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let headers = wire.headers.iter();
        headers
            .map(|(name, value)| match name.as_str() {
                // Blanks around its commas say nothing either.
                "authorization" => (name.clone(), words(&value.replace(',', " "))),
                _ => (name.clone(), words(value)),
            })
            .collect::<Vec<_>>()
    };
    one.method == other.method
        && one.path == other.path
        && one.body == other.body
        && query(one) == query(other)
        && headers(one) == headers(other)
}

/// A parameter with its escapes decoded; one without a value has an empty one.
fn decoded(pair: &str) -> String {
    let mut text = String::new();
    let mut rest = pair;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let digits = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = digits {
            text.push(char::from(byte));
            rest = after.get(2..).unwrap_or_default();
        } else {
            text.push('%');
            rest = after;
        }
    }
    text.push_str(rest);
    if !pair.contains('=') && !pair.is_empty() {
        text.push('=');
    }
    text
}
