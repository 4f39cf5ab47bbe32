mod user;

use std::time::Duration;

use anyhow::Context as _;
use portcullis::{Chain, HttpFetcher, KeyFetcher as _, is_loopback};
use portcullis_tenant::KeyRing;
use portcullis_token::Secret;
use reqwest::{Client, ClientBuilder, Response, redirect};
use serde_json::{Value, json};
use url::Url;

use crate::arguments::{Format, Token};
use crate::project::{Project, no_keys, tenant_directory};
use crate::reach;
use crate::session::{FolderError, Session};
use crate::stand_in::{self, DEVELOPMENT_CLIENT};
use crate::terminal::{self, Failure};

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_DOCUMENT_BYTES: usize = 512 * 1024;
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Whom to ask, and as which application.
struct Asking {
    token_endpoint: Url,
    client_id: String,
    client_secret: Secret<String>,
    audience: Option<String>,
    client: Client,
}

/// Prints an access token that the tenant, or a real issuer, gives for client credentials.
pub(crate) fn run(arguments: &Token) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let session = find_session(arguments)?;
        if let Some(user) = &arguments.user {
            return user::print(session, arguments, user).await;
        }
        let asking = match session {
            Some(session) => ask_session(&session, arguments)?,
            None => ask_issuer(arguments).await?,
        };
        let answer = request(&asking, arguments.scope.as_deref()).await?;
        match (
            arguments.format,
            answer.get("access_token").and_then(Value::as_str),
        ) {
            (Format::Json, Some(_)) => terminal::print_json(&answer)?,
            (Format::Text, Some(token)) => {
                // RFC 6749 appendix A.12; what is printed here is put into a command.
                let is_visible = token.bytes().all(|byte| byte.is_ascii_graphic());
                anyhow::ensure!(
                    is_visible,
                    "{} answered with a token that is not visible ASCII",
                    asking.token_endpoint
                );
                terminal::print(format_args!("{token}\n"))?;
            }
            (_, None) => anyhow::bail!("{} answered without a token", asking.token_endpoint),
        }
        Ok(())
    })
}

/// The session to ask; absent when `--tenant` names an issuer that this machine does not run.
fn find_session(arguments: &Token) -> anyhow::Result<Option<Session>> {
    if let Some(tenant) = &arguments.tenant {
        return Ok(Session::of_issuer(tenant));
    }
    if let Some(session) = Session::here() {
        return Ok(Some(session));
    }
    let running = Session::running().map_err(|error| no_sessions(&error))?;
    let hint = match running.first() {
        Some(session) => format!("one runs elsewhere: add `--tenant {}`", session.issuer),
        None => "start one in another terminal: `portcullis dev`".to_owned(),
    };
    Err(Failure::with_hint(
        "no `portcullis dev` runs in this folder",
        hint,
    ))
}

fn no_sessions(error: &FolderError) -> anyhow::Error {
    Failure::with_hint(
        format!("running sessions cannot be looked for: {}", Chain(error)),
        "mend that, or ask the tenant as an application: add `--tenant URL --client CLIENT_ID`, \
         and set PORTCULLIS_CLIENT_SECRET",
    )
}

fn ask_session(session: &Session, arguments: &Token) -> anyhow::Result<Asking> {
    // A file that was broken since is no hindrance: the session still runs by what it was.
    let config = Project::read(&session.project, "dev")?
        .ok()
        .map(|project| project.config);
    let audience = match (&arguments.audience, &config) {
        (None, _) => only_audience(session)?,
        (Some(name), None) => name.clone(),
        (Some(name), Some(config)) => stand_in::named_audience(config, name),
    };
    let keys = KeyRing::load(&tenant_directory(&session.project)).map_err(no_keys)?;
    let client_id = match (&arguments.client, &config) {
        (None, _) => DEVELOPMENT_CLIENT.to_owned(),
        (Some(name), None) => name.clone(),
        (Some(name), Some(config)) => stand_in::named_client(config, name),
    };
    let client_secret = match (&arguments.client_secret, &config) {
        (Some(secret), _) => Secret::new(secret.clone()),
        (None, Some(config)) => stand_in::secret(config, &keys, &client_id)?,
        (None, None) => keys.application_secret(&client_id)?,
    };
    // Not by the issuer's name: what else is found under `localhost` may be another user's.
    let address = reach::from_here(session.tenant);
    let token_endpoint = format!("http://{address}/oauth/token").parse()?;
    Ok(Asking {
        token_endpoint,
        client_id,
        client_secret,
        audience: Some(audience),
        // It runs on this machine: a proxy would only learn the secret.
        client: client().no_proxy().build()?,
    })
}

fn only_audience(session: &Session) -> anyhow::Result<String> {
    match session.audiences.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::with_hint(
            "no authorizer of the file names an audience, so there is no API to get a token for",
            "write `audience = [\"my-api\"]` in the authorizer",
        )),
        several => Err(Failure::with_hint(
            "there are several APIs to get a token for",
            format!("add one of: --audience {}", several.join(", --audience ")),
        )),
    }
}

async fn ask_issuer(arguments: &Token) -> anyhow::Result<Asking> {
    let issuer = arguments.tenant.clone().context("an issuer is needed")?;
    let (Some(client_id), Some(secret)) =
        (arguments.client.clone(), arguments.client_secret.clone())
    else {
        return Err(Failure::with_hint(
            format!("{issuer} is not the tenant of a `portcullis dev` on this machine"),
            "for a real issuer add `--client CLIENT_ID`, and set PORTCULLIS_CLIENT_SECRET",
        ));
    };
    let token_endpoint = discover_token_endpoint(&issuer).await?;
    let client = if is_loopback(&token_endpoint) {
        client().no_proxy().build()?
    } else {
        client().build()?
    };
    let client_secret = Secret::new(secret);
    Ok(Asking {
        token_endpoint,
        client_id,
        client_secret,
        audience: arguments.audience.clone(),
        client,
    })
}

fn client() -> ClientBuilder {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
}

/// RFC 8414 section 2: the issuer's own word on where tokens are given.
async fn discover_token_endpoint(issuer: &Url) -> anyhow::Result<Url> {
    let mut address = issuer.clone();
    let path = issuer.path().trim_end_matches('/');
    address.set_path(&format!("{path}/.well-known/openid-configuration"));
    let document = HttpFetcher::new()?
        .fetch(&address, MAX_DOCUMENT_BYTES)
        .await?;
    let document: Value = serde_json::from_slice(&document.body)
        .with_context(|| format!("{address} is not a discovery document"))?;
    // RFC 8414 section 3.3: else it may be the document of another, who wants our secret.
    let found = document.get("issuer").and_then(Value::as_str);
    let found = found.with_context(|| format!("{address} names no `issuer`"))?;
    anyhow::ensure!(
        found.trim_end_matches('/') == issuer.as_str().trim_end_matches('/'),
        "{address} is the document of `{found}`"
    );
    let endpoint: Url = document
        .get("token_endpoint")
        .and_then(Value::as_str)
        .and_then(|endpoint| endpoint.parse().ok())
        .with_context(|| format!("{address} names no `token_endpoint`"))?;
    // The secret goes there: by TLS, or not off this machine.
    anyhow::ensure!(
        endpoint.scheme() == "https" || (endpoint.scheme() == "http" && is_loopback(&endpoint)),
        "`token_endpoint` of {address} is neither https nor on this machine"
    );
    Ok(endpoint)
}

/// RFC 6749 section 4.4.2, with Auth0's `audience`.
async fn request(asking: &Asking, scope: Option<&str>) -> anyhow::Result<Value> {
    let endpoint = &asking.token_endpoint;
    let mut body = json!({
        "grant_type": "client_credentials",
        "client_id": asking.client_id,
        "client_secret": asking.client_secret.expose(),
    });
    if let Some(audience) = &asking.audience {
        body["audience"] = json!(audience);
    }
    if let Some(scope) = scope {
        body["scope"] = json!(scope);
    }
    let unreachable = || format!("{endpoint} cannot be reached");
    let mut response = asking
        .client
        .post(endpoint.clone())
        .json(&body)
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(unreachable)?;
    let status = response.status();
    let body = read_bounded(&mut response)
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(unreachable)?
        .with_context(|| format!("{endpoint} answered more than {MAX_ANSWER_BYTES} bytes"))?;
    let answer: Value = serde_json::from_slice(&body)
        .with_context(|| format!("{endpoint} answered {status} without JSON"))?;
    if status.is_success() {
        return Ok(answer);
    }
    let text = |name| {
        answer
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("no reason given")
    };
    anyhow::bail!(
        "{endpoint} answered {status}: {} ({})",
        text("error_description"),
        text("error")
    )
}

/// The body; nothing when it is longer than [`MAX_ANSWER_BYTES`].
async fn read_bounded(response: &mut Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}
