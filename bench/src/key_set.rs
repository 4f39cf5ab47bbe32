//! Reading the key set of an issuer, as each refresh does.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use portcullis_token::{Algorithm, KeySet};
use serde_json::json;

use crate::fixture::Key;
use crate::operation::{Contender, Operation};

pub(crate) fn read(subject: &'static str) -> Vec<Operation> {
    let keys: Vec<_> = (0..10).map(|_| Key::generate(Algorithm::Rs256)).collect();
    let named = keys.iter().zip(0..);
    let jwks: Vec<_> = named.map(|(key, n)| key.jwk(&format!("key-{n}"))).collect();
    let document = json!({ "keys": jwks }).to_string();
    let components: Vec<_> = keys.iter().map(Key::components).collect();
    vec![
        portcullis(subject, document.clone()),
        bare(subject, components),
        jsonwebtoken(subject, document),
    ]
}

fn portcullis(subject: &'static str, document: String) -> Operation {
    Operation::new(subject, Contender::Portcullis, move || {
        let set = KeySet::parse(document.as_bytes()).expect("the keys are good");
        assert_eq!(set.keys().len(), 10);
        set
    })
}

/// Modulus and exponent, already decoded, to prepared keys.
fn bare(subject: &'static str, components: Vec<(Vec<u8>, Vec<u8>)>) -> Operation {
    Operation::new(subject, Contender::Bare, move || {
        let prepared = components.iter().map(|(n, e)| {
            RsaPublicKeyComponents { n, e }
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
                .expect("the keys are good")
        });
        prepared.collect::<Vec<_>>()
    })
}

fn jsonwebtoken(subject: &'static str, document: String) -> Operation {
    Operation::new(subject, Contender::Jsonwebtoken, move || {
        let set: JwkSet = serde_json::from_str(&document).expect("the set is well formed");
        let keys = set.keys.iter().map(DecodingKey::from_jwk);
        keys.collect::<Result<Vec<_>, _>>()
            .expect("the keys are good")
    })
}
