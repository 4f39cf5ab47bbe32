use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::program::PATIENCE;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A client that the environment of this test does not influence.
pub(crate) fn client() -> Client {
    // Nothing here speaks TLS, and the machine's certificates take long to read.
    let client = Client::builder().tls_certs_only([]).no_proxy();
    client.timeout(PATIENCE).build().unwrap()
}

/// Gets `url` as anybody.
pub(crate) async fn get(url: &str) -> Answer {
    send(client().get(url)).await
}

/// Gets `url` with a bearer token.
pub(crate) async fn get_as(token: &str, url: &str) -> Answer {
    send(client().get(url).bearer_auth(token)).await
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.unwrap(),
    }
}

impl Answer {
    /// A header's value; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON; `null` when it is not.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The exact reason of a refusal, which `dev` tells; empty when there is none.
    pub(crate) fn reason(&self) -> String {
        let reason = &self.json()["reason"];
        reason.as_str().unwrap_or_default().to_owned()
    }
}
