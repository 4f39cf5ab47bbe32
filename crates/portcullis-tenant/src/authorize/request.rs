use portcullis_store::tenant::Client;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::Tenant;
use crate::accounts;
use crate::audit::{self, Event};
use crate::caller::Caller;
use crate::fields::Fields;
use crate::pkce::Challenge;
use crate::redirect_uri::{RedirectError, check_redirect_uri, find_closest, parse_callback};
use crate::scopes::{Audience, parse_scopes, resolve_audience};
use crate::tenant_settings::TenantSettings;
use crate::user_api::{UserApi, UserApiError, may_use, names_scope};

use super::refusal::{Page, Refusal, RefusalCode};
use super::{Answer, Context};

/// Every parameter that is looked at; others are ignored, even when repeated.
const KNOWN: [&str; 18] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "audience",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "screen_hint",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "registration",
];

/// A checked request, as it waits in a transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuthorizeRequest {
    pub(crate) client_id: String,
    pub(crate) redirect: Redirect,
    pub(crate) response: Response,
    pub(crate) scope: String,
    /// The API's identifier. Absent for none.
    pub(crate) audience: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) login_hint: Option<String>,
    /// Whether the user is to be asked even if they have consented (`prompt=consent`).
    pub(crate) forces_consent: bool,
    /// Whether the ID token tells when the user logged in: `max_age` was sent.
    pub(crate) tells_auth_time: bool,
}

/// Where the answer goes, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Redirect {
    /// A registered URI, byte for byte.
    pub(crate) uri: String,
    pub(crate) mode: Mode,
    pub(crate) state: Option<String>,
}

/// How parameters are handed to the client (OAuth 2.0 Multiple Response Type Encoding Practices).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    Query,
    Fragment,
    FormPost,
    WebMessage,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Response {
    pub(crate) code: bool,
    pub(crate) id_token: bool,
}

/// A request that may go on.
pub(super) struct Checked<'t> {
    pub(super) context: Context<'t>,
    pub(super) request: AuthorizeRequest,
    pub(super) login: Login,
    /// Whether a session is not enough (`prompt=login`).
    pub(super) forces_login: bool,
    /// Seconds that a login may be ago.
    pub(super) max_age: Option<i64>,
    pub(super) id_token_hint: Option<String>,
    pub(super) signs_up: bool,
}

/// Whether people may be shown anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    IfNeeded,
    /// `prompt=none`.
    Never,
}

/// Checks a request: first who it is from and where its answer goes, then all else.
pub(super) async fn check<'t>(
    tenant: &'t Tenant,
    settings: TenantSettings,
    caller: &Caller,
    fields: &Fields,
) -> Result<Checked<'t>, Refusal> {
    let client = find_client(tenant, fields).await?;
    let uri = find_redirect(tenant, caller, &client, fields).await?;
    let response = parse_response_type(fields.text("response_type"));
    let redirect = Redirect {
        uri,
        mode: find_mode(fields, response),
        state: fields.find("state").map(str::to_owned),
    };
    let mut request = AuthorizeRequest {
        client_id: client.client_id.clone(),
        redirect,
        response: response.unwrap_or(Response {
            code: false,
            id_token: false,
        }),
        scope: fields.text("scope").to_owned(),
        audience: None,
        nonce: fields.find("nonce").map(str::to_owned),
        challenge: None,
        login_hint: fields.find("login_hint").map(str::to_owned),
        forces_consent: false,
        tells_auth_time: fields.find("max_age").is_some(),
    };
    let context = Context {
        tenant,
        settings,
        client,
    };
    if request.redirect.mode == Mode::WebMessage {
        check_web_origin(&context, &request)?;
    }
    let details = match check_details(&context, &mut request, response, fields).await {
        Ok(details) => details,
        Err(DetailError::Fault(fault)) => return Err(fault.into()),
        Err(DetailError::Client(code, description)) => {
            tracing::debug!(
                client_id = context.client.client_id,
                error = code.name(),
                description,
                "refused an authorization request"
            );
            let answer = Answer::of(&context, &request);
            let response = answer.refuse(code.name(), &description);
            return Err(Refusal::Answered(Box::new(response)));
        }
    };
    Ok(Checked {
        login: details.login,
        forces_login: details.forces_login,
        max_age: details.max_age,
        id_token_hint: fields.find("id_token_hint").map(str::to_owned),
        signs_up: fields.find("screen_hint") == Some("signup"),
        context,
        request,
    })
}

async fn find_client(tenant: &Tenant, fields: &Fields) -> Result<Client, Refusal> {
    if let Some(name) = fields.find_repeated(&["client_id", "redirect_uri"]) {
        return Err(Page::Repeated(name).into());
    }
    let client_id = fields.find("client_id").ok_or(Page::NoClientId)?;
    let client = tenant.database.clients().find(client_id).await?;
    Ok(client.ok_or_else(|| Page::UnknownClient(client_id.to_owned()))?)
}

async fn find_redirect(
    tenant: &Tenant,
    caller: &Caller,
    client: &Client,
    fields: &Fields,
) -> Result<String, Refusal> {
    let sent = fields.find("redirect_uri");
    match check_redirect_uri(sent, &client.callbacks) {
        Ok(uri) if parse_callback(uri).is_ok() => Ok(uri.to_owned()),
        Ok(_) => Err(Page::Unusable.into()),
        Err(RedirectError::Missing) => Err(Page::NoRedirect.into()),
        Err(RedirectError::Mismatch) => {
            // Told to nobody elsewhere, so that nobody elsewhere can have it looked for.
            let closest = tenant.is_local().then_some(sent.unwrap_or_default());
            let closest = closest.and_then(|sent| find_closest(sent, &client.callbacks));
            let sent: String = sent.unwrap_or_default().chars().take(512).collect();
            let client_id = client.client_id.as_str();
            // At info, unlike other refusals: somebody has to change the application or its entry.
            tracing::info!(
                client_id,
                redirect_uri = sent.as_str(),
                closest,
                "refused a redirect_uri that is not registered"
            );
            let event = Event {
                code: "f",
                client_id: Some(client_id),
                description: "Callback URL mismatch.",
                details: serde_json::json!({ "redirect_uri": sent, "closest": closest }),
                ..Event::default()
            };
            audit::record_unproven(tenant, caller, event).await;
            let closest = closest.map(str::to_owned);
            Err(Page::Mismatch { sent, closest }.into())
        }
    }
}

/// A message goes to a page of a registered web origin, which is that of the redirect URI.
fn check_web_origin(context: &Context<'_>, request: &AuthorizeRequest) -> Result<(), Refusal> {
    let uri = Url::parse(&request.redirect.uri).map_err(|_| Page::Unusable)?;
    let origin = uri.origin();
    let is_registered = context.client.web_origins.iter().any(|registered| {
        Url::parse(registered)
            .is_ok_and(|registered| origin.is_tuple() && registered.origin() == origin)
    });
    if is_registered {
        Ok(())
    } else {
        let origin = origin.ascii_serialization();
        tracing::info!(
            client_id = request.client_id,
            origin,
            "refused a web message to an origin that is not registered"
        );
        Err(Page::WebOrigin(origin).into())
    }
}

struct Details {
    login: Login,
    forces_login: bool,
    max_age: Option<i64>,
}

enum DetailError {
    Client(RefusalCode, String),
    Fault(crate::fault::Fault),
}

impl<E: Into<crate::fault::Fault>> From<E> for DetailError {
    fn from(fault: E) -> Self {
        Self::Fault(fault.into())
    }
}

fn invalid(description: impl Into<String>) -> DetailError {
    DetailError::Client(RefusalCode::InvalidRequest, description.into())
}

async fn check_details(
    context: &Context<'_>,
    request: &mut AuthorizeRequest,
    response: Option<Response>,
    fields: &Fields,
) -> Result<Details, DetailError> {
    let Context { tenant, client, .. } = context;
    if let Some(name) = fields.find_repeated(&KNOWN) {
        return Err(invalid(format!(
            "The parameter {name} is there more than once."
        )));
    }
    for (name, code) in [
        ("request", RefusalCode::RequestNotSupported),
        ("request_uri", RefusalCode::RequestUriNotSupported),
        ("registration", RefusalCode::RegistrationNotSupported),
    ] {
        if fields.find(name).is_some() {
            let description = format!("The parameter {name} is not supported.");
            return Err(DetailError::Client(code, description));
        }
    }
    check_response(client, request, response, fields)?;
    request.challenge = check_challenge(client, request.response, fields)?;
    let (login, forces_login) = parse_prompt(request, fields.text("prompt"))?;
    let max_age = match fields.find("max_age").map(str::parse::<u32>) {
        None => None,
        Some(Ok(seconds)) => Some(i64::from(seconds)),
        Some(Err(_)) => return Err(invalid("max_age is not a number of seconds")),
    };
    if parse_scopes(&request.scope).is_err() {
        return Err(DetailError::Client(
            RefusalCode::InvalidScope,
            "The scope parameter names more than 200 scopes.".to_owned(),
        ));
    }
    request.audience = find_audience(context, fields).await?;
    if accounts::find_connection(&tenant.database, &client.client_id)
        .await?
        .is_none()
    {
        return Err(invalid("no connections enabled for the client"));
    }
    Ok(Details {
        login,
        forces_login: forces_login || max_age == Some(0),
        max_age,
    })
}

fn parse_response_type(text: &str) -> Option<Response> {
    let mut response = Response {
        code: false,
        id_token: false,
    };
    for word in text.split(' ') {
        match word {
            "code" if !response.code => response.code = true,
            "id_token" if !response.id_token => response.id_token = true,
            _ => return None,
        }
    }
    Some(response)
}

/// The mode that is asked for; else the one of the response type, so that errors find their way.
fn find_mode(fields: &Fields, response: Option<Response>) -> Mode {
    match fields.text("response_mode") {
        "query" => Mode::Query,
        "fragment" => Mode::Fragment,
        "form_post" => Mode::FormPost,
        "web_message" => Mode::WebMessage,
        // A response type with a token of ours or of others says `fragment`.
        _ if response.is_some_and(|response| response.id_token) => Mode::Fragment,
        _ if fields.text("response_type").contains("token") => Mode::Fragment,
        _ => Mode::Query,
    }
}

fn check_response(
    client: &Client,
    request: &mut AuthorizeRequest,
    response: Option<Response>,
    fields: &Fields,
) -> Result<(), DetailError> {
    let Some(name) = fields.find("response_type") else {
        return Err(invalid("Missing required parameter: response_type"));
    };
    let Some(response) = response else {
        return Err(DetailError::Client(
            RefusalCode::UnsupportedResponseType,
            format!("Unsupported response type: {name}"),
        ));
    };
    let mode = fields.find("response_mode");
    let is_known = |mode| matches!(mode, "query" | "fragment" | "form_post" | "web_message");
    if !mode.is_none_or(is_known) {
        return Err(invalid("Unsupported response_mode"));
    }
    if response.id_token && request.redirect.mode == Mode::Query {
        // Servers and browsers write queries down. The error does not need to be there either.
        request.redirect.mode = Mode::Fragment;
        return Err(invalid(
            "response_mode query is not allowed for an id_token",
        ));
    }
    let allowed = (!response.code || may_use(client, "authorization_code"))
        && (!response.id_token || may_use(client, "implicit"));
    if !allowed || (response.id_token && !client.is_first_party) {
        return Err(DetailError::Client(
            RefusalCode::UnauthorizedClient,
            format!("Response type '{name}' not allowed for the client."),
        ));
    }
    if response.id_token && request.nonce.is_none() {
        return Err(invalid("Missing required parameter: nonce"));
    }
    if response.id_token && !names_scope(&request.scope, "openid") {
        return Err(invalid("The scope openid is required for an id_token"));
    }
    Ok(())
}

/// Whoever cannot keep a secret must send a challenge (RFC 9700 section 2.1.1).
fn check_challenge(
    client: &Client,
    response: Response,
    fields: &Fields,
) -> Result<Option<String>, DetailError> {
    let sent = fields.find("code_challenge");
    let challenge = Challenge::parse(sent, fields.find("code_challenge_method"))
        .map_err(|error| invalid(error.to_string()))?;
    let is_public = client.authentication_method == "none";
    if response.code && challenge.is_none() && (is_public || !client.is_first_party) {
        return Err(invalid("Missing required parameter: code_challenge"));
    }
    Ok(challenge.map(|challenge| challenge.as_str().to_owned()))
}

/// OpenID Connect Core 1.0 section 3.1.2.1; unknown words are ignored.
fn parse_prompt(
    request: &mut AuthorizeRequest,
    prompt: &str,
) -> Result<(Login, bool), DetailError> {
    let has = |name: &str| prompt.split(' ').any(|word| word == name);
    if has("none") {
        if prompt != "none" {
            return Err(invalid("prompt none cannot be combined with others"));
        }
        return Ok((Login::Never, false));
    }
    request.forces_consent = has("consent");
    Ok((Login::IfNeeded, has("login") || has("select_account")))
}

async fn find_audience(
    context: &Context<'_>,
    fields: &Fields,
) -> Result<Option<String>, DetailError> {
    let default = context.settings.default_audience.as_deref();
    let issuer = &context.tenant.issuer;
    let Audience::Api(audience) = resolve_audience(fields.find("audience"), default, issuer) else {
        return Ok(None);
    };
    match UserApi::find(context.tenant, &context.client, Some(audience)).await {
        Ok(_) => Ok(Some(audience.to_owned())),
        Err(UserApiError::Fault(fault)) => Err(DetailError::Fault(fault)),
        Err(error) => Err(DetailError::Client(
            RefusalCode::AccessDenied,
            error.to_string(),
        )),
    }
}
