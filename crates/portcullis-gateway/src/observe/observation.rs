//! What is noted of one request on its way, and told when its answer has ended.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request};
use portcullis_token::{Remembered, Step, Trace, Verified};

use super::access::{self, cut};
use super::observed::{RouteSeries, UpstreamSeries};
use super::series::{Answered, method_label};
use super::span::{Attribute, Span, SpanKind};
use super::trace_context::{self, Parent, TraceContext};
use crate::authz::Permit;
use crate::plan::{Matched, Plan};
use crate::refuse::Refusal;
use crate::request::Deps;

/// What a caller's going away is called, and its status in the access log, after nginx.
const CANCELLED: &str = "cancelled";
const CANCELLED_STATUS: u16 = 499;
/// What is wrong with an answer of 500 and above that the upstream itself gave.
const UPSTREAMS_OWN: &str = "upstream_status";
/// What an answer is called whose body did not come whole.
const BROKEN: &str = "answer_broken";
/// How much of a text that others choose a span has.
const LONGEST_ATTRIBUTE: usize = 256;

/// Whoever follows a decision, and is told the route besides its steps.
pub(crate) trait Watch: Trace {
    /// This route answers the request.
    fn matched(&mut self, _: &Matched<'_>) {}
}

/// One request. Dropped, it is counted, logged and traced.
#[derive(Debug)]
pub(crate) struct Observation {
    deps: Rc<Deps>,
    pub(super) plan: Arc<Plan>,
    began: Instant,
    route: Option<usize>,
    authorizer: Option<usize>,
    pub(super) request_id: String,
    pub(super) method: Method,
    /// The canonical path where there is one, or else the path as received. No query.
    pub(super) path: String,
    host: Option<HeaderValue>,
    status: Option<u16>,
    pub(super) reason: Option<&'static str>,
    /// Bytes of the answer's body that were taken.
    pub(super) bytes: u64,
    pub(super) upstream: Option<UpstreamPart>,
    pub(super) caller: Option<Remembered>,
    /// The names of the policies that grant the request, in one text.
    pub(super) policies: String,
    parent: Option<Parent>,
    trace: Option<(TraceContext, SystemTime)>,
}

/// The upstream's part in a request.
#[derive(Debug)]
pub(super) struct UpstreamPart {
    began: Instant,
    /// The index of the address that was asked last.
    address: usize,
    /// Absent as long as it has not answered.
    pub(super) took: Option<Duration>,
    pub(super) status: Option<u16>,
    error: &'static str,
}

impl Observation {
    pub(crate) fn begin<B>(
        plan: &Arc<Plan>,
        deps: &Rc<Deps>,
        request: &Request<B>,
        id: &str,
    ) -> Self {
        let observed = &plan.observed;
        let headers = request.headers();
        let parent = trace_context::parent(headers);
        let context = |()| deps.trace_ids.begin(parent, observed.sample_percent);
        let trace = observed.traces.then_some(()).map(context);
        let is_told = observed.logs_access || trace.is_some_and(|trace| trace.sampled);
        let text = |text: &str| {
            if is_told {
                text.to_owned()
            } else {
                String::new()
            }
        };
        Self {
            deps: Rc::clone(deps),
            plan: Arc::clone(plan),
            began: Instant::now(),
            route: None,
            authorizer: None,
            request_id: text(id),
            method: request.method().clone(),
            path: text(request.uri().path()),
            host: is_told.then(|| host(request)).flatten(),
            status: None,
            reason: None,
            bytes: 0,
            upstream: None,
            caller: None,
            policies: String::new(),
            parent,
            trace: trace.map(|trace| (trace, time_of_day())),
        }
    }

    /// The index of the route; absent where none is known.
    pub(crate) const fn route(&self) -> Option<usize> {
        self.route
    }

    /// The decision about the request.
    pub(crate) fn decided(&mut self, decision: Result<&Permit<'_>, &Refusal>) {
        let (outcome, reason) = match decision {
            Ok(permit) => {
                if self.plan.observed.logs_access {
                    self.caller = permit.token().map(Verified::remember);
                    self.policies = permit.policies().collect::<Vec<_>>().join(",");
                }
                ("permitted", "")
            }
            Err(refusal) if refusal.status().is_server_error() => ("unavailable", refusal.code()),
            Err(refusal) => ("refused", refusal.code()),
        };
        let decisions = &self.series().decisions;
        decisions.count(self.decided_by(), outcome, reason);
    }

    /// Has the upstream go on with the caller's trace, or with the one that begins here.
    pub(crate) fn pass_trace_on(&self, headers: &mut HeaderMap) {
        trace_context::clean(headers, self.parent);
        if let Some((trace, _)) = &self.trace {
            trace.pass_on(headers);
        }
    }

    /// The request goes to its upstream.
    pub(crate) fn asked_upstream(&mut self) {
        self.upstream = Some(UpstreamPart {
            began: Instant::now(),
            address: 0,
            took: None,
            status: None,
            error: "",
        });
    }

    /// The upstream has begun its answer, or will not, at the address of this index.
    pub(crate) fn upstream_answered(&mut self, address: usize, answer: Result<u16, &'static str>) {
        if let Some(upstream) = &mut self.upstream {
            upstream.address = address;
            upstream.took = Some(upstream.began.elapsed());
            upstream.status = answer.ok();
            upstream.error = answer.err().unwrap_or_default();
        }
    }

    /// The answer's head is known.
    pub(crate) fn answered(&mut self, status: u16, reason: Option<&'static str>) {
        self.status = Some(status);
        self.reason = reason;
    }

    /// The rest of the answer's body will not come.
    pub(crate) fn broke_off(&mut self) {
        self.reason = Some(BROKEN);
    }

    /// Bytes of the answer's body are on their way.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    pub(super) fn series(&self) -> &RouteSeries {
        self.plan.observed.series(self.route)
    }

    fn upstream_series(&self) -> Option<(&UpstreamPart, &UpstreamSeries)> {
        let part = self.upstream.as_ref()?;
        Some((part, self.series().upstream.get(part.address)?))
    }

    /// The name of the authorizer by whose word it was decided; empty where none was asked.
    pub(super) fn decided_by(&self) -> &str {
        let index = self.authorizer;
        index.map_or("", |index| self.plan.authorizer(index).name.as_str())
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_ref().and_then(|host| host.to_str().ok())
    }

    /// The trace that the request belongs to, the caller's or ours.
    pub(super) fn trace_id(&self) -> Option<u128> {
        let ours = self.trace.as_ref().map(|(trace, _)| trace.trace);
        ours.or_else(|| self.parent.map(|parent| parent.trace))
    }

    /// What is wrong with the request's end, as `error.type`.
    fn error(&self) -> &'static str {
        match self.status {
            None => CANCELLED,
            Some(500..) => self.reason.unwrap_or(UPSTREAMS_OWN),
            Some(_) => self
                .reason
                .filter(|reason| *reason == BROKEN)
                .unwrap_or_default(),
        }
    }

    fn count(&self, took: Duration) {
        let method = method_label(&self.method);
        let series = self.series();
        let answered = Answered {
            method,
            status: self.status,
            error: self.error(),
        };
        series.durations.record(answered, took);
        if let Some((part, upstream)) = self.upstream_series() {
            let answered = Answered {
                method,
                status: part.status,
                error: part.error,
            };
            let took = part.took.unwrap_or_default();
            upstream.durations.record(answered, took);
        }
    }

    fn trace(&self, trace: &TraceContext, began: SystemTime, took: Duration) {
        let series = self.series();
        let method = method_label(&self.method);
        let mut attributes = vec![("http.request.method", text(method))];
        let path = cut(&self.path, LONGEST_ATTRIBUTE);
        for (key, value) in [
            ("http.route", &*series.route),
            ("url.path", path),
            ("error.type", self.error()),
            ("portcullis.api", &series.api),
            ("portcullis.authorizer", self.decided_by()),
            ("portcullis.reason", self.reason.unwrap_or_default()),
            ("portcullis.request_id", &self.request_id),
        ] {
            if !value.is_empty() {
                attributes.push((key, text(value)));
            }
        }
        if let Some(status) = self.status {
            attributes.push(("http.response.status_code", Attribute::Number(status)));
        }
        let name = format!("{method} {}", series.route);
        let own = Span {
            trace: trace.trace,
            id: trace.span,
            parent: trace.parent,
            kind: SpanKind::Server,
            name: name.trim_end().to_owned(),
            began,
            took,
            attributes,
            failed: self.status.is_none() || !self.error().is_empty(),
        };
        if let Some((part, upstream)) = self.upstream_series() {
            let after = part.began.saturating_duration_since(self.began);
            let span = part.span(trace, began + after, method, &upstream.address);
            self.deps.instruments.send(span);
        }
        self.deps.instruments.send(own);
    }
}

impl UpstreamPart {
    fn span(&self, trace: &TraceContext, began: SystemTime, method: &str, address: &str) -> Span {
        let mut attributes = vec![
            ("http.request.method", text(method)),
            ("server.address", text(address)),
        ];
        if let Some(status) = self.status {
            attributes.push(("http.response.status_code", Attribute::Number(status)));
        }
        if !self.error.is_empty() {
            attributes.push(("error.type", text(self.error)));
        }
        Span {
            trace: trace.trace,
            id: trace.upstream_span,
            parent: Some(trace.span),
            kind: SpanKind::Client,
            name: method.to_owned(),
            began,
            took: self.took.unwrap_or_default(),
            attributes,
            failed: self.status.is_none_or(|status| status >= 400),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "spans tell the real time, by which nothing is decided"
)]
fn time_of_day() -> SystemTime {
    SystemTime::now()
}

fn host<B>(request: &Request<B>) -> Option<HeaderValue> {
    let named = request.headers().get(HOST).cloned();
    // In HTTP/2 it is part of the target.
    let by_target = || HeaderValue::from_str(request.uri().authority()?.as_str()).ok();
    named.or_else(by_target)
}

fn text(text: &str) -> Attribute {
    Attribute::Text(text.to_owned())
}

impl Drop for Observation {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let reason = self.reason.unwrap_or(CANCELLED);
        if let Some(upstream) = &mut self.upstream
            && upstream.took.is_none()
        {
            upstream.took = Some(upstream.began.elapsed());
            upstream.error = reason;
        }
        if self.status.is_none() {
            self.reason = Some(CANCELLED);
        }
        self.count(took);
        if self.plan.observed.logs_access {
            access::write(self, self.status.unwrap_or(CANCELLED_STATUS), took);
        }
        if let Some((trace, began)) = self.trace
            && trace.sampled
        {
            self.trace(&trace, began, took);
        }
    }
}

impl Watch for Observation {
    fn matched(&mut self, matched: &Matched<'_>) {
        self.route = Some(matched.route.index);
        if !self.path.is_empty() {
            self.path.clone_from(&matched.path);
        }
    }
}

/// Nobody reads the steps: only the authorizer is of interest, the last of which decides.
impl Trace for Observation {
    const IS_READ: bool = false;

    fn authorizer(&mut self, name: &str) {
        self.authorizer = self.plan.authorizer_named(name);
    }

    fn passed(&mut self, _: Step, _: impl FnOnce() -> String) {}
    fn refused(&mut self, _: Step, _: impl FnOnce() -> String, _: impl FnOnce() -> String) {}
}
