//! Where the operations are served: the first of `servers`.

use serde_json::Value;
use url::Url;

use super::super::Problem;
use super::super::draft::{Entries, text};
use super::object;
use crate::arguments::OpenApi;

/// The base of every path, and the service behind it.
pub(super) struct Server {
    base: String,
    upstream: String,
}

pub(super) fn read(document: &Value, options: &OpenApi) -> Result<Server, Problem> {
    let pointer = "/servers/0/url";
    let tyk = document.pointer("/x-tyk-api-gateway/upstream/url");
    let listen = document.pointer("/x-tyk-api-gateway/server/listenPath/value");
    let first = document.pointer("/servers/0");
    let written = match first {
        Some(server) => expand(server)
            .ok_or_else(|| Problem::new(pointer, "a variable of the server has no default"))?,
        None => "/".to_owned(),
    };
    let url = Url::parse(&written).ok();
    let path = match &url {
        Some(url) => url.path().to_owned(),
        None => written,
    };
    let path = listen.and_then(Value::as_str).map_or(path, str::to_owned);
    let path = path.trim_end_matches('/').to_owned();
    if !path.is_empty() && !path.starts_with('/') {
        let message = format!("`{path}` is neither a URL nor a path that begins with `/`");
        return Err(Problem::new(pointer, message));
    }
    let upstream = options
        .upstream
        .clone()
        .or_else(|| Url::parse(tyk?.as_str()?).ok())
        .or_else(|| {
            // The document's path is the base, which is forwarded: the rest of the URL is behind it.
            let mut url = url?;
            url.set_path("/");
            url.set_query(None);
            url.set_fragment(None);
            Some(url)
        });
    let Some(upstream) = upstream else {
        let message = "the document does not say which service is behind the API";
        return Err(
            Problem::new("/servers", message).hint("name it: `--upstream http://localhost:3001`")
        );
    };
    Ok(Server {
        base: path,
        upstream: upstream.into(),
    })
}

/// The URL with its variables' defaults filled in.
fn expand(server: &Value) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in object(server, "variables").into_iter().flatten() {
        let default = variable.get("default")?.as_str()?;
        url = url.replace(&format!("{{{name}}}"), default);
    }
    (!url.contains(['{', '}'])).then_some(url)
}

impl Server {
    /// What the API says about itself. Its upstream stands in each route: a path that the
    /// document does not name has no answer.
    pub(super) fn entries(&self) -> Entries {
        if self.base.is_empty() {
            Entries::default()
        } else {
            Entries::default().with("base", text(&self.base))
        }
    }

    pub(super) fn target(&self) -> Entries {
        Entries::default().with("upstream", text(&self.upstream))
    }
}
