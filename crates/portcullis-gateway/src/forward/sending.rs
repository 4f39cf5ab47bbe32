//! One request to one upstream: the attempts, and what may be attempted again.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::HOST;
use http::uri::Parts;
use http::{Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use portcullis::Chain;
use portcullis_config::Protocol;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::alarm::Alarm;
use super::balance::{Choice, Group, Tried};
use super::connection::Connection;
use super::places::{Granted, Place};
use super::pool::{Active, Lease, MAX_WEBSOCKETS, Pool, Pools};
use super::send_error::SendError;
use super::upstream::Upstream;
use super::websocket;
use crate::body::{Body, RequestBody, Timed};

/// A request that got no answer on one connection, or at one address.
struct Failed {
    error: SendError,
    /// The request, where it may be sent again.
    again: Option<Box<Request<RequestBody>>>,
}

/// What an upstream answered to one that asks for `WebSocket`.
pub(super) enum Switch {
    /// It switches: bytes from here on. What is held is kept as long.
    Agreed(Response<Incoming>, Held),
    /// It answers as it would answer any request.
    Declined(Response<Body>),
}

/// What a `WebSocket` takes up: a place of the thread's, one of the upstream's, and an address.
pub(super) type Held = (OwnedSemaphorePermit, Option<Place>, Active);

impl Pools {
    /// Sends `request`, on a kept connection where there is one; `asked` is the address in question.
    ///
    /// A kept connection may have been closed by the upstream in the meantime. A request of which
    /// nothing was written is then sent on another connection. One that may be repeated (RFC 9110
    /// section 9.2.2) is sent again as often as the file says: to another address, or on a fresh
    /// connection where there is one address only. So is any for which no connection was made.
    pub(crate) async fn send(
        &self,
        upstream: &Arc<Upstream>,
        request: Request<RequestBody>,
        asked: &Cell<usize>,
    ) -> Result<Response<Body>, SendError> {
        let Some(total) = upstream.config.total_timeout else {
            return self.try_send(upstream, request, asked).await;
        };
        let deadline = Instant::now() + total;
        let sending = Box::pin(self.try_send(upstream, request, asked));
        let answer = timeout_at(deadline, sending).await;
        let answer = answer.map_err(|_| SendError::TotalTimeout(total))??;
        Ok(answer.map(|body| body.until(deadline)))
    }

    async fn try_send(
        &self,
        upstream: &Arc<Upstream>,
        mut request: Request<RequestBody>,
        asked: &Cell<usize>,
    ) -> Result<Response<Body>, SendError> {
        let group = self.group(upstream);
        let mut attempts = Attempts::new(upstream, &group);
        let mut choice = attempts.first();
        loop {
            let previous = asked.replace(choice.index);
            if previous != choice.index {
                readdress(&mut request, upstream, choice.index);
            }
            let Failed { error, again } = match attempts.attempt(choice, request).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            match again.and_then(|again| Some((again, attempts.another()?))) {
                Some((again, another)) => (request, choice) = (*again, another),
                None => return Err(error),
            }
        }
    }

    /// Sends a request to switch to `WebSocket`, on a connection that carries nothing else, ever.
    pub(super) async fn switch(
        &self,
        upstream: &Arc<Upstream>,
        request: Request<RequestBody>,
        asked: &Cell<usize>,
    ) -> Result<Switch, SendError> {
        let Some(total) = upstream.config.total_timeout else {
            return self.try_switch(upstream, request, asked).await;
        };
        let switching = Box::pin(self.try_switch(upstream, request, asked));
        let deadline = Instant::now() + total;
        let answer = timeout_at(deadline, switching).await;
        let answer = answer.map_err(|_| SendError::TotalTimeout(total))??;
        Ok(match answer {
            Switch::Declined(response) => {
                Switch::Declined(response.map(|body| body.until(deadline)))
            }
            agreed @ Switch::Agreed(..) => agreed,
        })
    }

    async fn try_switch(
        &self,
        upstream: &Arc<Upstream>,
        mut request: Request<RequestBody>,
        asked: &Cell<usize>,
    ) -> Result<Switch, SendError> {
        let websocket = Arc::clone(&self.websockets).try_acquire_owned();
        let websocket = websocket.map_err(|_| SendError::TooManyWebSockets(MAX_WEBSOCKETS))?;
        let place = match &upstream.places {
            Some(places) => Some(places.wait(upstream.config.connect_timeout).await?),
            None => None,
        };
        let group = self.group(upstream);
        let mut attempts = Attempts::new(upstream, &group);
        let mut choice = attempts.first();
        let mut connection = loop {
            let address = &upstream.addresses[choice.index];
            if asked.replace(choice.index) != choice.index {
                readdress(&mut request, upstream, choice.index);
            }
            match upstream.connect(address, place.clone()).await {
                Ok(connection) => break connection,
                Err(error) => {
                    attempts.blame(choice, &error);
                    choice = attempts.another().ok_or(error)?;
                }
            }
        };
        let active = Active::begin(&group.pools[choice.index]);
        let answer = connection.answer(request, upstream.config.answer_timeout);
        let response = answer.await.map_err(|failed| {
            attempts.blame(choice, &failed.error);
            failed.error
        })?;
        attempts.praise(choice);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && websocket::switches(response.headers())
        {
            return Ok(Switch::Agreed(response, (websocket, place, active)));
        }
        // A pool that nobody knows: the connection is closed when the answer has ended.
        let nowhere = Active::begin(&Rc::new(Pool::default()));
        respond(nowhere, upstream, connection, response).map(Switch::Declined)
    }
}

/// The attempts to have one request answered.
struct Attempts<'u> {
    upstream: &'u Upstream,
    group: &'u Group,
    tried: Tried,
    /// How often the request may be sent again.
    retries: u8,
}

impl<'u> Attempts<'u> {
    const fn new(upstream: &'u Upstream, group: &'u Group) -> Self {
        Self {
            upstream,
            group,
            tried: Tried::none(),
            retries: upstream.config.retries,
        }
    }

    fn first(&mut self) -> Choice {
        // Of at least one address, none of which was tried.
        let choice = self.group.choose(self.upstream, self.tried);
        let choice = choice.unwrap_or(Choice::ONLY);
        self.tried.insert(choice.index);
        choice
    }

    /// Another address, as long as the request may be sent again.
    fn another(&mut self) -> Option<Choice> {
        let retries = self.retries.checked_sub(1)?;
        let choice = self.group.choose(self.upstream, self.tried)?;
        self.retries = retries;
        self.tried.insert(choice.index);
        Some(choice)
    }

    /// Sends the request to one address.
    async fn attempt(
        &mut self,
        choice: Choice,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Body>, Failed> {
        let pool = &self.group.pools[choice.index];
        let is_alone = self.upstream.addresses.len() == 1;
        while let Some(kept) = pool.take() {
            let copy = self.copy(&request);
            let failed = match send_on(pool, self.upstream, kept, request).await {
                Ok(response) => {
                    self.praise(choice);
                    return Ok(response);
                }
                Err(failed) => failed,
            };
            if let Some(unsent) = failed.again {
                request = *unsent;
                continue;
            }
            // That a kept connection has ended says nothing about the upstream.
            let is_end = failed.error.is_end();
            match copy.filter(|_| is_end) {
                Some(copy) if is_alone => {
                    self.retries -= 1;
                    request = copy;
                    break;
                }
                again => {
                    if !is_end {
                        self.blame(choice, &failed.error);
                    }
                    return Err(Failed {
                        error: failed.error,
                        again: again.map(Box::new),
                    });
                }
            }
        }
        // Rare, and large beside what every request needs.
        Box::pin(self.attempt_afresh(choice, request)).await
    }

    /// Sends the request to one address, on a connection of its own.
    async fn attempt_afresh(
        &self,
        choice: Choice,
        request: Request<RequestBody>,
    ) -> Result<Response<Body>, Failed> {
        let pool = &self.group.pools[choice.index];
        let fresh = match self.connect(choice, pool).await {
            Ok(fresh) => fresh,
            Err(error) => {
                self.blame(choice, &error);
                let again = error.blames_upstream().then(|| Box::new(request));
                return Err(Failed { error, again });
            }
        };
        let is_alone = self.upstream.addresses.len() == 1;
        let copy = (!is_alone).then(|| self.copy(&request)).flatten();
        match send_on(pool, self.upstream, fresh, request).await {
            Ok(response) => {
                self.praise(choice);
                Ok(response)
            }
            Err(Failed { error, again }) => {
                self.blame(choice, &error);
                let again = again.or_else(|| copy.filter(|_| error.is_end()).map(Box::new));
                Err(Failed { error, again })
            }
        }
    }

    async fn connect(&self, choice: Choice, pool: &Pool) -> Result<Connection, SendError> {
        let upstream = self.upstream;
        let place = match &pool.queue {
            None => None,
            Some(queue) => match queue.wait(upstream.config.connect_timeout).await? {
                Granted::Connection(connection) => return Ok(connection),
                Granted::Place(place) => Some(place),
            },
        };
        let address = &upstream.addresses[choice.index];
        let connection = upstream.connect(address, place).await?;
        pool.share(&connection);
        Ok(connection)
    }

    /// A copy of the request, when it may be sent again if it gets no answer.
    fn copy(&self, request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
        (self.retries > 0).then(|| repeatable(request)).flatten()
    }

    /// The address has answered.
    fn praise(&self, choice: Choice) {
        let address = &self.upstream.addresses[choice.index];
        if address.health.succeeded() {
            let (upstream, address) = (self.upstream, &address.authority);
            tracing::info!(?upstream, %address, "an address of an upstream answers again");
        }
    }

    /// The address has not, and perhaps it is its fault.
    fn blame(&self, choice: Choice, error: &SendError) {
        if !error.blames_address() {
            return;
        }
        let address = &self.upstream.addresses[choice.index];
        if let Some(pause) = address.health.failed(choice.standing) {
            let (upstream, address) = (self.upstream, &address.authority);
            let (pause_s, error) = (pause.as_secs(), Chain(error));
            let message = "an address of an upstream does not answer";
            tracing::warn!(?upstream, %address, pause_s, %error, message);
        }
    }
}

/// Turns a request for one address of the upstream to another one.
fn readdress(request: &mut Request<RequestBody>, upstream: &Upstream, index: usize) {
    if upstream.config.preserve_host {
        return;
    }
    let address = &upstream.addresses[index];
    match upstream.config.protocol {
        Protocol::Http1 => {
            request
                .headers_mut()
                .insert(HOST, address.host_header.clone());
        }
        Protocol::Http2 => {
            let mut parts = Parts::from(request.uri().clone());
            parts.authority = Some(address.authority.clone());
            // It has a scheme and a path already, which is all that is needed.
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
}

/// A copy of the request, when sending it twice does what sending it once does.
fn repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(RequestBody::empty());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// Waits for `answer`, as long as the request's own body moves and a while after that.
async fn answer_in_time<F: Future + Unpin>(
    mut answer: F,
    alarm: &mut Alarm,
    patience: Duration,
    last_progress: impl Fn() -> Instant,
) -> Option<F::Output> {
    poll_fn(|context| match Pin::new(&mut answer).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            let deadline = last_progress() + patience;
            alarm.poll(context, deadline).map(|()| None)
        }
    })
    .await
}

impl Connection {
    async fn answer(
        &mut self,
        request: Request<RequestBody>,
        patience: Duration,
    ) -> Result<Response<Incoming>, Failed> {
        let progress = request.body().progress();
        let mut alarm = self.take_alarm();
        let answered = {
            let answer = pin!(self.send(request));
            answer_in_time(answer, &mut alarm, patience, || progress.last()).await
        };
        self.keep_alarm(alarm);
        match answered {
            None => Err(Failed {
                error: SendError::AnswerTimeout(patience),
                again: None,
            }),
            Some(Ok(response)) => Ok(response),
            Some(Err(mut error)) => Err(Failed {
                again: error.take_message().map(Box::new),
                error: SendError::Broken(error.into_error()),
            }),
        }
    }
}

/// Sends the request on this connection, which the answer then holds until it has ended.
async fn send_on(
    pool: &Rc<Pool>,
    upstream: &Upstream,
    mut connection: Connection,
    request: Request<RequestBody>,
) -> Result<Response<Body>, Failed> {
    let active = Active::begin(pool);
    let answer = connection.answer(request, upstream.config.answer_timeout);
    match answer.await {
        Ok(response) => {
            let response = respond(active, upstream, connection, response);
            response.map_err(|error| Failed { error, again: None })
        }
        Err(failed) => {
            // The connection may be at fault: others go another way. A caller whose body is at
            // fault must not take the connection away from the others.
            if failed.error.blames_upstream() {
                pool.stop_sharing();
            }
            Err(failed)
        }
    }
}

fn respond(
    active: Active,
    upstream: &Upstream,
    connection: Connection,
    mut response: Response<Incoming>,
) -> Result<Response<Body>, SendError> {
    // `Upgrade` is removed from every request that is not to become a WebSocket.
    if response.status().is_informational() {
        return Err(SendError::Switched);
    }
    let mut lease = Lease {
        active,
        connection: match connection {
            Connection::Http1 { .. } => Some(connection),
            // The pool has it already.
            Connection::Http2(_) => None,
        },
    };
    // RFC 9112 section 2.3: the version is that of this hop.
    *response.version_mut() = Version::HTTP_11;
    Ok(response.map(|body| {
        if body.is_end_stream() {
            lease.end();
        }
        Body::Upstream {
            body: Timed::new(body, upstream.config.idle_timeout),
            lease,
        }
    }))
}
