use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::RequestExt as _;
use axum::body::{Body, HttpBody as _};
use axum::extract::{RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use portcullis_store::tenant::Database;
use serde_json::{Map, Value};

use crate::Tenant;

use super::caller::{Api, Caller};
use super::members::{self, Member, Presence};
use super::query::Query;
use super::refusal::Refusal;

/// Metadata of users is the largest; Auth0 takes as much as a person would write.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// A request that takes longer to arrive is held up on purpose.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The parameters of a list.
const PAGING: [&str; 5] = ["page", "per_page", "include_totals", "from", "take"];

/// The parameters of whatever is read.
const FIELDS: [&str; 2] = ["fields", "include_fields"];

/// The methods that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub(super) const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    #[cfg(test)]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// What scopes for it begin with.
    #[cfg(test)]
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::Get => "read:",
            Self::Post => "create:",
            Self::Put | Self::Patch => "update:",
            Self::Delete => "delete:",
        }
    }
}

/// What an operation comes to, sooner or later.
pub(super) type Answering<'c> = Pin<Box<dyn Future<Output = Answered> + Send + 'c>>;

/// What an operation comes to.
pub(super) type Answered = Result<Answer, Refusal>;

type Handler = for<'c> fn(&'c Call) -> Answering<'c>;

/// One thing that can be done: a row of a resource's table.
pub(super) struct Operation {
    pub(super) verb: Verb,
    /// Below `/api/v2`; the first parameter is what `own` scopes are about.
    pub(super) path: &'static str,
    /// Any of these is enough.
    pub(super) scopes: &'static [&'static str],
    /// Any of these is enough for a user whose id is in the path.
    pub(super) own: &'static [&'static str],
    is_paged: bool,
    query: &'static [&'static str],
    run: Handler,
}

impl Operation {
    pub(super) const fn new(
        verb: Verb,
        path: &'static str,
        scopes: &'static [&'static str],
        run: Handler,
    ) -> Self {
        Self {
            verb,
            path,
            scopes,
            own: &[],
            is_paged: false,
            query: &[],
            run,
        }
    }

    /// Scopes with which users do it to themselves.
    pub(super) const fn for_oneself(self, own: &'static [&'static str]) -> Self {
        Self { own, ..self }
    }

    /// It is a list, asked for by pages.
    pub(super) const fn paged(self) -> Self {
        Self {
            is_paged: true,
            ..self
        }
    }

    /// Further parameters that the query may have.
    pub(super) const fn with_query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    pub(super) async fn serve(
        &self,
        api: Arc<Api>,
        State(tenant): State<Arc<Tenant>>,
        request: Request,
    ) -> Response {
        match self.try_serve(api, tenant, request).await {
            Ok(answer) => answer.into_response(),
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn try_serve(
        &self,
        api: Arc<Api>,
        tenant: Arc<Tenant>,
        mut request: Request,
    ) -> Answered {
        let ids = request.extract_parts::<RawPathParams>().await;
        let ids = ids.map_err(|_| Refusal::Path("the path is not UTF-8".to_owned()))?;
        let ids: Vec<String> = ids.iter().map(|(_, id)| id.to_owned()).collect();
        let (head, body) = request.into_parts();
        let caller = api.identify(&tenant, &head.headers).await?;
        let is_own = self.check_scopes(&caller, ids.first().map(String::as_str))?;
        let query = Query::parse(head.uri.query().unwrap_or_default());
        query.check_names(|name| self.takes(name))?;
        let body = match self.verb {
            Verb::Get => Bytes::new(),
            _ => read(&head.headers, body).await?,
        };
        let call = Call {
            tenant,
            api,
            caller,
            is_own,
            ids,
            query,
            body,
        };
        (self.run)(&call).await
    }

    /// Whether the caller is let in only because it is about themselves.
    fn check_scopes(&self, caller: &Caller, id: Option<&str>) -> Result<bool, Refusal> {
        if caller.has_any(self.scopes) {
            return Ok(false);
        }
        if id == Some(caller.subject()) && caller.has_any_own(self.own) {
            return Ok(true);
        }
        let expected = self.scopes.iter().chain(self.own);
        let expected: Vec<_> = expected.copied().collect();
        Err(Refusal::Scope(expected.join(",")))
    }

    fn takes(&self, name: &str) -> bool {
        self.query.contains(&name)
            || (self.is_paged && PAGING.contains(&name))
            || (self.verb == Verb::Get && FIELDS.contains(&name))
    }
}

/// A request whose sender may make it.
pub(super) struct Call {
    pub(super) tenant: Arc<Tenant>,
    pub(super) api: Arc<Api>,
    pub(super) caller: Caller,
    /// Whether it is allowed only because it is about the caller.
    pub(super) is_own: bool,
    ids: Vec<String>,
    pub(super) query: Query,
    body: Bytes,
}

impl Call {
    /// The first parameter of the path; empty where it has none.
    pub(super) fn id(&self) -> &str {
        self.ids.first().map_or("", String::as_str)
    }

    /// The second parameter of the path; empty where it has none.
    pub(super) fn second_id(&self) -> &str {
        self.ids.get(1).map_or("", String::as_str)
    }

    pub(super) fn database(&self) -> &Database {
        &self.tenant.database
    }

    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.tenant.clock.now().0).unwrap_or(i64::MAX)
    }

    /// The body, which has these members only.
    pub(super) fn object(
        &self,
        known: &[Member],
        presence: Presence,
    ) -> Result<Map<String, Value>, Refusal> {
        let object = match self.json()? {
            Value::Object(object) => object,
            other => {
                let found = members::type_name(&other);
                let text = format!("'Expected type object but found type {found}'");
                return Err(Refusal::Body(text));
            }
        };
        members::check(&object, known, presence).map_err(Refusal::Body)?;
        Ok(object)
    }

    /// The body, which is a list: as the one member of an object, which `known` is.
    pub(super) fn list(&self, known: &Member) -> Result<Value, Refusal> {
        let value = self.json()?;
        members::check_member(&value, known).map_err(Refusal::Body)?;
        Ok(value)
    }

    fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body).map_err(|_| Refusal::Json)
    }
}

/// What was done.
#[derive(Debug)]
pub(super) enum Answer {
    /// What was asked for, or changed.
    Content(Value),
    /// What there is now.
    Created(Value),
    /// It was done.
    Done,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let (status, value) = match self {
            Self::Content(value) => (StatusCode::OK, value),
            Self::Created(value) => (StatusCode::CREATED, value),
            Self::Done => return StatusCode::NO_CONTENT.into_response(),
        };
        let media_type = "application/json; charset=utf-8";
        (status, [(CONTENT_TYPE, media_type)], value.to_string()).into_response()
    }
}

/// Reads a body that is JSON or empty.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let declared = usize::try_from(body.size_hint().lower());
    if !declared.is_ok_and(|length| length <= MAX_BYTES) {
        return Err(Refusal::TooLong);
    }
    let content =
        match tokio::time::timeout(MAX_WAIT, Limited::new(body, MAX_BYTES).collect()).await {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(cause)) if cause.is::<LengthLimitError>() => return Err(Refusal::TooLong),
            Ok(Err(_)) => return Err(Refusal::Interrupted),
            Err(_) => return Err(Refusal::TooSlow),
        };
    if content.is_empty() || is_json(headers) {
        Ok(content)
    } else {
        Err(Refusal::ContentType)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|text| text.to_str().ok());
    let media_type = text.and_then(|text| text.split(';').next());
    media_type.is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"))
}
