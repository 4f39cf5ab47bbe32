mod request;

use std::env;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use portcullis::{Issuer, Observer, SystemClock};
use portcullis_config::{AuthorizerKind, Check, Config, IssuerUrl, KeySource};
use portcullis_gateway::{
    Environment, Explanation, Inquiry, Permitted, Plan, ProofMemory, Refusal, explain,
};
use portcullis_tenant::{KeyRing, KeyRingError};
use portcullis_token::{KeySet, Outcome, Reason, Record, TokenType, Unverified};
use serde_json::{Value, json};
use tokio::runtime;
use url::Url;

use crate::arguments::{Explain, Format, IssuerChoice};
use crate::dev::issuer_of;
use crate::environment::unreadable;
use crate::invocation::{program, quoted};
use crate::project::{FILE, Project};
use crate::session::Session;
use crate::terminal::{self, BAD, BOLD, DIM, GOOD, LINK, harmless, styled};
use crate::{local_keys, stand_in, tenant_keys};

pub(crate) use request::Request;

/// A token larger than this is refused long before it is looked at.
const MAX_INPUT: u64 = 1024 * 1024;

/// Shows how the gateway decides about a request. Nothing is sent anywhere.
pub(crate) fn run(arguments: &Explain) -> anyhow::Result<()> {
    let token = arguments.token.as_deref().map(read_token).transpose()?;
    let typed = format!("explain {} --project", quoted(&arguments.request.written));
    let mut project = Project::load(&find_project(arguments.project.clone()), &typed)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let keys = find_keys(arguments, &mut project, token.as_deref());
    let keys = Arc::new(runtime.block_on(keys)?);
    let given = given_keys(arguments, &project)?;
    let mut own = given.iter().cloned();
    let plan = Plan::compile(
        &project.config,
        &mut Environment {
            issuer: &mut |_| Issuer::fixed(own.next().flatten().unwrap_or(Arc::clone(&keys))),
            observer: &mut |_| Observer::default(),
            clock: Arc::new(SystemClock),
            tells_reason: true,
            directory: &project.directory,
            proofs: ProofMemory::default(),
        },
    )?;
    let Request {
        written, method, ..
    } = &arguments.request;
    let headers = headers(token.as_deref(), arguments.dpop.as_deref())?;
    let target = arguments.request.target(project.config.server.url.as_ref());
    let certificate = arguments.certificate.map(|shown| shown.0);
    let inquiry = Inquiry::new(method, target, &headers).certificate(certificate);
    let mut explanation = runtime.block_on(explain(&plan, inquiry));
    let knows_none = keys.is_empty() && given.iter().all(Option::is_none);
    if arguments.issuer == IssuerChoice::Real && knows_none {
        explanation.outcome = explanation.outcome.map_err(for_want_of_keys);
    }
    match arguments.format {
        Format::Json => Ok(terminal::print_json(&to_json(written, &explanation))?),
        Format::Text => Ok(terminal::print(to_text(written, &explanation))?),
    }
}

/// The keys to check signatures with, and the project's authorizers made to fit them.
async fn find_keys(
    arguments: &Explain,
    project: &mut Project,
    token: Option<&str>,
) -> anyhow::Result<KeySet> {
    let keys = match arguments.issuer {
        IssuerChoice::Tenant => {
            let issuer = tenant_issuer(project)?;
            stand_in::trust(&mut project.config, &issuer)?;
            published_keys(project, &issuer).await?
        }
        IssuerChoice::Real => {
            if let Some(token) = token {
                spell_issuers_as_in(token, &mut project.config);
            }
            KeySet::default()
        }
    };
    arguments.jwks.as_deref().map_or(Ok(keys), read_keys)
}

/// The keys that the file gives each authorizer, in its order; none in the tenant's place.
fn given_keys(arguments: &Explain, project: &Project) -> anyhow::Result<Vec<Option<Arc<KeySet>>>> {
    let given = project.config.authorizers.iter().map(|authorizer| {
        let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
        match arguments.issuer {
            IssuerChoice::Tenant => Ok(None),
            IssuerChoice::Real => Ok(local_keys::load(&project.directory, jwt)?.map(Arc::new)),
        }
    });
    given.collect()
}

/// Gives issuers the last slash that they have in the token, or takes it away.
///
/// Only the discovery document could tell which of the two is right, and nothing is fetched here.
fn spell_issuers_as_in(token: &str, config: &mut Config) {
    let Ok(token) = Unverified::parse(token, TokenType::Lenient, &mut ()) else {
        return;
    };
    let Some(theirs) = token.claims().issuer() else {
        return;
    };
    for authorizer in &mut config.authorizers {
        let AuthorizerKind::Jwt(jwt) = &mut authorizer.kind;
        if let (Check::Is(ours), KeySource::Discovery) = (&mut jwt.issuer, &jwt.keys)
            && ours.as_written().trim_end_matches('/') == theirs.trim_end_matches('/')
            && let Ok(spelled) = IssuerUrl::parse(theirs)
        {
            *ours = spelled;
        }
    }
}

/// Without any key it is not the token's fault that none fits.
fn for_want_of_keys(refusal: Refusal) -> Refusal {
    let mut refusal = refusal;
    if let Refusal::Credential { reason, .. } = &mut refusal
        && *reason == Reason::KeyUnknown
    {
        *reason = Reason::KeysUnavailable;
    }
    refusal
}

/// The token that was given, or the one on stdin, without its `Bearer` or `DPoP`.
fn read_token(given: &str) -> anyhow::Result<String> {
    let mut text = given.to_owned();
    if given == "-" {
        text.clear();
        std::io::stdin()
            .take(MAX_INPUT)
            .read_to_string(&mut text)
            .context("stdin")?;
    }
    let token = text.trim();
    let bare = ["Bearer ", "DPoP "]
        .iter()
        .find_map(|scheme| token.strip_prefix(scheme));
    Ok(bare.unwrap_or(token).to_owned())
}

fn headers(token: Option<&str>, proof: Option<&str>) -> anyhow::Result<HeaderMap> {
    let Some(token) = token else {
        return Ok(HeaderMap::new());
    };
    let header = |what: &str, text: String| {
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| anyhow::anyhow!("the {what} holds characters that no header can carry"))?;
        value.set_sensitive(true);
        anyhow::Ok(value)
    };
    let scheme = if proof.is_some() { "DPoP" } else { "Bearer" };
    let token = header("token", format!("{scheme} {token}"))?;
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, token)]);
    if let Some(proof) = proof {
        headers.insert("dpop", header("proof", proof.trim().to_owned())?);
    }
    Ok(headers)
}

/// The folder that was named, or this one, or the one that a session was started for here.
fn find_project(named: Option<PathBuf>) -> PathBuf {
    let here = PathBuf::from(".");
    named.unwrap_or_else(|| {
        if here.join(FILE).is_file() {
            return here;
        }
        let session = Session::here().map(|session| session.project);
        let relative = |project: PathBuf| {
            let current = env::current_dir().ok()?;
            Some(project.strip_prefix(current).ok()?.to_owned())
        };
        session
            .and_then(|project| relative(project.clone()).or(Some(project)))
            .unwrap_or(here)
    })
}

/// The issuer of the running session, or the one that the file would start.
fn tenant_issuer(project: &Project) -> anyhow::Result<Url> {
    match Session::of_project(&project.directory) {
        Some(session) => Ok(session.issuer),
        None => match &project.config.tenant.issuer {
            Some(issuer) => Ok(issuer.clone()),
            None => issuer_of(project.config.tenant.listen),
        },
    }
}

/// The tenant's published keys; none when it never ran.
async fn published_keys(project: &Project, issuer: &Url) -> anyhow::Result<KeySet> {
    if let Err(KeyRingError::Absent { .. }) = KeyRing::load(&project.tenant_directory()) {
        return Ok(KeySet::default());
    }
    let database = tenant_keys::database(project).await?;
    let keys = tenant_keys::load(project, &database).await;
    database.close().await;
    stand_in::key_set(keys?.jwks().to_string().as_bytes(), issuer)
}

fn read_keys(file: &Path) -> anyhow::Result<KeySet> {
    let text = std::fs::read(file).with_context(|| unreadable(file))?;
    KeySet::parse(&text).with_context(|| format!("{} is not a usable key set", file.display()))
}

fn to_text(request: &str, explanation: &Explanation) -> String {
    let mut page = format!("{}\n\n", styled(BOLD, harmless(request)));
    let several = authorizers(&explanation.records) > 1;
    let width = explanation
        .records
        .iter()
        .map(|record| name(record, several).chars().count());
    let width = width.max().unwrap_or_default();
    for record in &explanation.records {
        page += &step(record, several, width);
    }
    page.push('\n');
    page + &verdict(&explanation.outcome)
}

fn authorizers(records: &[Record]) -> usize {
    let names: std::collections::BTreeSet<_> = records
        .iter()
        .filter_map(|record| record.authorizer.as_deref())
        .collect();
    names.len()
}

/// `expiry`, or `expiry (user)` where several authorizers take part.
fn name(record: &Record, several: bool) -> String {
    match record.authorizer.as_deref().filter(|_| several) {
        Some(authorizer) => format!("{} ({})", record.step, harmless(authorizer)),
        None => record.step.to_string(),
    }
}

fn step(record: &Record, several: bool, width: usize) -> String {
    let name = format!("{:width$}", name(record, several));
    match &record.outcome {
        Outcome::Passed(found) => {
            let found = harmless(found);
            format!("  {} {name}  {}\n", styled(GOOD, "✓"), styled(DIM, found))
        }
        Outcome::Refused { expected, got } => {
            let (expected, got) = (harmless(expected), harmless(got));
            let indent = " ".repeat(width + 6);
            format!(
                "  {} {name}  expected {expected}\n{indent}got      {got}\n",
                styled(BAD, "✗"),
            )
        }
    }
}

fn verdict(outcome: &Result<Permitted, Refusal>) -> String {
    match outcome {
        Ok(permitted) => {
            let caller = harmless(permitted.subject.as_deref().unwrap_or("anybody"));
            let passes = styled(GOOD, "passes");
            let route = harmless(&permitted.route);
            format!("{passes}: {caller} may call {route}\n")
        }
        Err(refusal) => format!(
            "{}: {} {}\n{}: {}\n",
            styled(BAD, "refused"),
            refusal.status().as_u16(),
            refusal.code(),
            styled(LINK, "remedy"),
            harmless(&remedy(refusal)),
        ),
    }
}

/// What to do, in the words of this command line where it can help.
fn remedy(refusal: &Refusal) -> String {
    let general = refusal.remedy();
    match refusal {
        Refusal::Credential {
            reason: Reason::Scope,
            scopes,
            ..
        } => {
            format!(
                "{general}: `{} token --scope {}`",
                program(),
                quoted(&scopes.join(" "))
            )
        }
        Refusal::Credential {
            reason: Reason::Missing | Reason::Expired,
            ..
        } => {
            format!("{general}; `{} token` prints one", program())
        }
        Refusal::Credential {
            reason: Reason::KeysUnavailable,
            ..
        } => "give the issuer's key set by `--jwks FILE`; nothing is fetched to explain".to_owned(),
        _ => general.to_owned(),
    }
}

/// The decision, as `--format json` prints it.
pub(crate) fn to_json(request: &str, explanation: &Explanation) -> Value {
    let steps: Vec<Value> = explanation.records.iter().map(step_to_json).collect();
    let mut json = json!({
        "request": request,
        "allowed": explanation.outcome.is_ok(),
        "steps": steps,
    });
    match &explanation.outcome {
        Ok(permitted) => {
            json["route"] = json!(permitted.route);
            json["subject"] = json!(permitted.subject);
        }
        Err(refusal) => {
            json["status"] = json!(refusal.status().as_u16());
            json["reason"] = json!(refusal.code());
            json["remedy"] = json!(remedy(refusal));
        }
    }
    json
}

fn step_to_json(record: &Record) -> Value {
    let mut json = json!({ "step": record.step.name(), "authorizer": record.authorizer });
    match &record.outcome {
        Outcome::Passed(found) => {
            json["passed"] = json!(true);
            json["got"] = json!(found);
        }
        Outcome::Refused { expected, got } => {
            json["passed"] = json!(false);
            json["expected"] = json!(expected);
            json["got"] = json!(got);
        }
    }
    json
}
