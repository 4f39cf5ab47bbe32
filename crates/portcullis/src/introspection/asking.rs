//! Asking an issuer about tokens: each at most once at a time, and only as often as needed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_token::{Introspected, Reason, Secret, UnixTime};
use tokio::sync::watch;

use super::{Introspection, Jwts};
use crate::Chain;
use crate::cache::bounded::Bounded;
use crate::cache::digest::{Digest, Digester};

/// How long the issuer may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// More questions at once are refused: a flood of foreign tokens must not become one of requests.
const MAX_QUESTIONS: usize = 256;
/// So many failures in a row stop the questions for a while.
const FAILURES_BEFORE_PAUSE: u32 = 5;
const PAUSE: Duration = Duration::from_secs(5);
const MAX_ENTRIES: usize = 20_000;
const MAX_ACTIVE_BYTES: usize = 16 * 1024 * 1024;
const MAX_INACTIVE_BYTES: usize = 8 * 1024 * 1024;
/// How much larger an answer is in memory than its text, at most.
const ANSWER_FACTOR: usize = 32;

/// An issuer that can be asked, its answers that still count, and the questions under way.
#[derive(Debug)]
pub(crate) struct Asking {
    settings: Introspection,
    digester: Digester,
    questions: Mutex<HashMap<Digest, watch::Receiver<Option<Answer>>>>,
    active: Bounded<Introspected>,
    inactive: Bounded<()>,
    /// JWTs that were active when they were last asked about, each until it is asked about again.
    confirmed: Bounded<()>,
    failures: AtomicU32,
    /// When the last failure was, in seconds since 1970.
    failed_at: AtomicU64,
}

type Answer = Result<Arc<Introspected>, Reason>;

/// Ends a question however its task ends.
struct Question {
    asking: Arc<Asking>,
    digest: Digest,
    answer: watch::Sender<Option<Answer>>,
}

impl Asking {
    /// Nothing without randomness for the caches' key.
    pub(crate) fn new(settings: Introspection) -> Option<Arc<Self>> {
        Some(Arc::new(Self {
            settings,
            digester: Digester::new().ok()?,
            questions: Mutex::default(),
            active: Bounded::new(MAX_ENTRIES, MAX_ACTIVE_BYTES),
            inactive: Bounded::new(MAX_ENTRIES, MAX_INACTIVE_BYTES),
            confirmed: Bounded::new(MAX_ENTRIES, MAX_INACTIVE_BYTES),
            failures: AtomicU32::new(0),
            failed_at: AtomicU64::new(0),
        }))
    }

    /// Asks about a token that verifies by itself, where that is wanted and not done lately.
    ///
    /// # Errors
    /// As [`Asking::ask`].
    pub(crate) async fn confirm(
        self: &Arc<Self>,
        token: &str,
        now: UnixTime,
    ) -> Result<(), Reason> {
        let interval = match self.settings.jwts {
            Jwts::Never => return Ok(()),
            Jwts::Always => return self.ask(token, now).await.map(drop),
            Jwts::Every(interval) => interval,
        };
        let digest = self.digester.digest(0, token);
        if self.confirmed.find(&digest, now).is_some() {
            return Ok(());
        }
        self.ask(token, now).await?;
        let until = now.plus(interval);
        self.confirmed.insert(digest, Arc::new(()), 0, until, now);
        Ok(())
    }

    /// What the issuer says of an active token.
    ///
    /// # Errors
    /// [`Reason::Inactive`], [`Reason::IntrospectionUnavailable`] within 2 s, or what is wrong
    /// with the answer.
    ///
    /// # Cancel safety
    /// Safe: the question belongs to a task of its own.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        token: &str,
        now: UnixTime,
    ) -> Result<Arc<Introspected>, Reason> {
        let digest = self.digester.digest(0, token);
        if let Some(answer) = self.active.find(&digest, now) {
            return Ok(answer);
        }
        if self.inactive.find(&digest, now).is_some() {
            return Err(Reason::Inactive);
        }
        let mut answer = self.question(digest, token, now)?;
        match answer.wait_for(Option::is_some).await {
            Ok(answer) => answer
                .clone()
                .unwrap_or(Err(Reason::IntrospectionUnavailable)),
            // The task has ended without an answer.
            Err(_) => Err(Reason::IntrospectionUnavailable),
        }
    }

    /// Joins the question about this token, or begins one.
    fn question(
        self: &Arc<Self>,
        digest: Digest,
        token: &str,
        now: UnixTime,
    ) -> Result<watch::Receiver<Option<Answer>>, Reason> {
        let mut questions = self.questions();
        if let Some(answer) = questions.get(&digest) {
            return Ok(answer.clone());
        }
        if questions.len() >= MAX_QUESTIONS || self.pauses(now) {
            return Err(Reason::IntrospectionUnavailable);
        }
        let (sender, receiver) = watch::channel(None);
        questions.insert(digest, receiver.clone());
        let question = Question {
            asking: Arc::clone(self),
            digest,
            answer: sender,
        };
        tokio::spawn(question.ask(Secret::new(token.to_owned()), now));
        Ok(receiver)
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<Digest, watch::Receiver<Option<Answer>>>> {
        // Nothing panics while it holds the lock, and the lock is never held across an await.
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the issuer has failed so often that it is left alone.
    fn pauses(&self, now: UnixTime) -> bool {
        let failed_at = UnixTime(self.failed_at.load(Ordering::Relaxed));
        self.failures.load(Ordering::Relaxed) >= FAILURES_BEFORE_PAUSE
            && now.since(failed_at) < PAUSE
    }

    async fn fetch(
        &self,
        token: &Secret<String>,
        now: UnixTime,
    ) -> Result<(Answer, usize), Reason> {
        let asked = self.settings.introspector.introspect(token.expose());
        let body = match tokio::time::timeout(TIMEOUT, asked).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), "could not ask about a token");
                return Err(self.note_failure(now));
            }
            Err(_) => {
                tracing::warn!(
                    seconds = TIMEOUT.as_secs(),
                    "an issuer is too slow to ask about a token"
                );
                return Err(self.note_failure(now));
            }
        };
        let answer = Introspected::parse(&body).map(Arc::new);
        if matches!(answer, Err(Reason::IntrospectionUnavailable)) {
            tracing::warn!(
                bytes = body.len(),
                "an answer about a token is not one of RFC 7662"
            );
            return Err(self.note_failure(now));
        }
        self.failures.store(0, Ordering::Relaxed);
        Ok((answer, body.len()))
    }

    fn note_failure(&self, now: UnixTime) -> Reason {
        self.failed_at.store(now.0, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
        Reason::IntrospectionUnavailable
    }

    /// Keeps an answer as long as the settings and the token's own end allow.
    fn keep(&self, digest: Digest, answer: &Answer, bytes: usize, now: UnixTime) {
        match answer {
            Ok(active) => {
                let until = now.plus(self.settings.cache);
                let until = active
                    .claims()
                    .expires_at()
                    .map_or(until, |at| at.min(until));
                if now < until {
                    let bytes = ANSWER_FACTOR * bytes;
                    self.active
                        .insert(digest, Arc::clone(active), bytes, until, now);
                }
            }
            Err(Reason::Inactive) => {
                let until = now.plus(self.settings.negative_cache);
                self.inactive.insert(digest, Arc::new(()), 0, until, now);
            }
            Err(_) => {}
        }
    }
}

impl Question {
    async fn ask(self, token: Secret<String>, now: UnixTime) {
        let answer = match self.asking.fetch(&token, now).await {
            Ok((answer, bytes)) => {
                self.asking.keep(self.digest, &answer, bytes, now);
                answer
            }
            Err(reason) => Err(reason),
        };
        self.answer.send_replace(Some(answer));
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.asking.questions().remove(&self.digest);
    }
}
