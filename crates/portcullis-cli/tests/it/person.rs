//! Somebody with a browser that runs no scripts, who logs in at the tenant.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method};
use url::{Url, form_urlencoded};

use crate::program::PATIENCE;

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse";

/// No login has as many pages.
const MAX_STEPS: usize = 12;

/// A browser that keeps its cookies, and whose person says yes to everything.
pub(crate) struct Person {
    client: Client,
    /// The tenant's origin. What leads elsewhere is not followed.
    tenant: Url,
    cookies: BTreeMap<String, String>,
    /// The headings of the pages that were shown.
    pub(crate) seen: Vec<String>,
}

/// What the browser has before it.
struct Page {
    headers: HeaderMap,
    text: String,
}

impl Person {
    pub(crate) fn at(issuer: &str) -> Self {
        Self::who_trusts(Vec::new(), issuer)
    }

    /// Somebody whose browser was told of an authority.
    pub(crate) fn who_trusts(authorities: Vec<Certificate>, issuer: &str) -> Self {
        let client = Client::builder().tls_certs_only(authorities).no_proxy();
        let client = client.redirect(Policy::none()).timeout(PATIENCE);
        Self {
            client: client.build().unwrap(),
            tenant: issuer.parse().unwrap(),
            cookies: BTreeMap::new(),
            seen: Vec::new(),
        }
    }

    /// Opens `url`, fills in what is asked, and returns the first address that is not the tenant's:
    /// that of the last page where there is none.
    pub(crate) async fn open(&mut self, url: &str) -> Url {
        let mut url: Url = url.parse().unwrap();
        let mut page = self.send(Method::GET, &url, String::new()).await;
        for _ in 0..MAX_STEPS {
            if let Some(location) = page.headers.get("location") {
                url = url.join(location.to_str().unwrap()).unwrap();
                if url.origin() != self.tenant.origin() {
                    return url;
                }
                page = self.send(Method::GET, &url, String::new()).await;
                continue;
            }
            let heading = page.between("<h1>", "</h1>").unwrap_or_default();
            self.seen.push(heading.to_owned());
            let Some(body) = page.filled_in() else {
                return url;
            };
            let action = page.attribute("action").unwrap();
            url = url.join(&action).unwrap();
            page = self.send(Method::POST, &url, body).await;
        }
        panic!("the login does not end: {:?}", self.seen);
    }

    async fn send(&mut self, method: Method, url: &Url, form: String) -> Page {
        let mut request = self.client.request(method.clone(), url.clone());
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if method == Method::POST {
            let media_type = "application/x-www-form-urlencoded";
            request = request.header("content-type", media_type).body(form);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        self.keep_cookies(&headers);
        let text = response.text().await.unwrap();
        assert!(status.as_u16() < 400, "{url} answered {status}: {text}");
        Page { headers, text }
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all("set-cookie") {
            let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Page {
    /// The page's form as its person sends it; absent where there is none.
    fn filled_in(&self) -> Option<String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let hidden = self.text.split("<input type=\"hidden\"").skip(1);
        let pairs: Vec<_> = hidden
            .filter_map(|text| Some((attribute(text, "name")?, attribute(text, "value")?)))
            .collect();
        if pairs.is_empty() {
            return None;
        }
        form.extend_pairs(pairs);
        if self.text.contains(" id=\"password\"") {
            form.append_pair("username", EMAIL);
            form.append_pair("password", PASSWORD);
            form.append_pair("action", "default");
        } else {
            form.append_pair("action", "accept");
        }
        Some(form.finish())
    }

    fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.text, name)
    }

    fn between(&self, start: &str, end: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(start)?;
        rest.split_once(end).map(|(text, _)| text)
    }
}

/// The value of the first attribute with this name.
fn attribute(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&#38;", "&").replace("&amp;", "&"))
}
