//! The document in which an issuer says who it is and where its keys are.

use std::sync::{Arc, LazyLock};

use portcullis::{
    BoxFuture, Clock, Credentials, Document, FetchError, Issuer, KeyFetcher, Verifier,
};
use portcullis_token::{Reason, UnixTime};
use serde_json::Value;
use tokio::runtime::{self, Runtime};
use url::{Host, Url};

use super::token::{AUDIENCE, ISSUER, KEYS, NOW};

const TOKEN: &str = include_str!("../../corpus/token/ok-eddsa");
const WELL_KNOWN: &str = "https://issuer.example/.well-known/openid-configuration";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = runtime::Builder::new_current_thread();
    builder
        .enable_time()
        .build()
        .expect("the system gives memory")
});

/// Verifies a good token of an issuer that answers with this document.
///
/// # Panics
/// When keys are asked for at an unsafe address, or the token passes under another issuer's name.
pub fn run(data: &[u8]) -> &'static str {
    let provider = Provider {
        document: data.to_vec(),
    };
    let verifier = Verifier::builder()
        .issuer(Issuer::discover(ISSUER).audience(AUDIENCE))
        .fetcher(Arc::new(provider))
        .clock(Arc::new(Stopped))
        .build()
        .expect("the issuer is well formed");
    let answer = RUNTIME.block_on(verifier.verify(&Credentials::bearer(TOKEN)));
    if answer.is_ok() {
        // Text that nobody asks for is skipped by its length, whatever its encoding.
        let text = String::from_utf8_lossy(data);
        let document: Value = serde_json::from_str(&text).expect("a usable document is JSON");
        assert_eq!(document["issuer"], ISSUER);
    }
    answer.map_or_else(Reason::code, |_| "ok")
}

/// Answers with the document, and with the keys wherever they are asked for.
#[derive(Debug)]
struct Provider {
    document: Vec<u8>,
}

impl KeyFetcher for Provider {
    fn fetch<'a>(&'a self, url: &'a Url, _: usize) -> BoxFuture<'a, Result<Document, FetchError>> {
        let body = if url.as_str() == WELL_KNOWN {
            self.document.clone()
        } else {
            check_address(url);
            KEYS.into()
        };
        let document = Document::new(body);
        Box::pin(async { Ok(document) })
    }
}

fn check_address(url: &Url) {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    assert!(
        url.scheme() == "https" || (url.scheme() == "http" && local),
        "{url}"
    );
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "{url}"
    );
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        NOW
    }
}
