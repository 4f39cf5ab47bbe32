//! One function: its queue, its workers and its builds, all in one task that owns them.

mod builds;
mod workers;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Response;
use portcullis::Clock;
use portcullis_config::Function;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use self::builds::Builds;
use self::workers::{State, Worker};
use crate::build::{Build, NotBuilt, Place};
use crate::guard::Guard;
use crate::invoke_error::{ErrorReport, InvokeError};
use crate::journal::{Log, Report};
use crate::output::Output;
use crate::runtime_api::Registry;
use crate::sources::Stamps;

/// How many requests may wait for a function.
const MOST_WAITING: usize = 1000;

/// How long a process may take until it asks for work, as on Lambda.
const INIT: Duration = Duration::from_secs(10);

/// How long crashes are waited out: doubled each time, up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What an invocation ends with.
pub(crate) type Outcome = Result<Response<Output>, InvokeError>;

/// One invocation, waiting.
#[derive(Debug)]
pub(crate) struct Job {
    /// The gateway's id of the request.
    pub(crate) request_id: Arc<str>,
    pub(crate) event: Bytes,
    /// `x-amzn-trace-id`.
    pub(crate) trace: String,
    pub(crate) answer: oneshot::Sender<Outcome>,
}

/// One invocation, as a worker gets it.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) id: String,
    pub(crate) event: Bytes,
    pub(crate) trace: String,
    pub(crate) function: Arc<str>,
    /// When it must have ended, in milliseconds since 1970.
    pub(crate) deadline: u64,
}

/// The right to answer an invocation, once.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) answer: oneshot::Sender<Outcome>,
    /// Why its worker was killed meanwhile, if it was.
    pub(crate) fate: Arc<OnceLock<InvokeError>>,
}

/// What a worker may not ask at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateError {
    /// It must do something else first.
    Transition,
    /// The invocation is none of its own.
    RequestId,
}

/// What a runner is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// A worker asks for work.
    Next {
        worker: u64,
        give: oneshot::Sender<Result<Invocation, StateError>>,
    },
    /// A worker begins to answer.
    Claim {
        worker: u64,
        id: String,
        give: oneshot::Sender<Result<Claim, StateError>>,
    },
    /// It has answered.
    Answered { worker: u64, error: Option<String> },
    /// It cannot start.
    InitError {
        worker: u64,
        report: ErrorReport,
        give: oneshot::Sender<Result<(), StateError>>,
    },
    /// Its process has ended.
    Exited { worker: u64, how: String },
    /// A build has ended.
    Built(Box<(Stamps, Result<Build, NotBuilt>)>),
    /// The files, as they are.
    Looked(Stamps),
}

/// What the runners of all functions share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) registry: Arc<Registry>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) log: Arc<Log>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) report: Arc<dyn Fn(Report) + Send + Sync>,
    pub(crate) project: PathBuf,
    pub(crate) is_development: bool,
    /// Turns true when all must end.
    pub(crate) ending: watch::Receiver<bool>,
    /// Held by everything that has a process.
    pub(crate) alive: mpsc::Sender<()>,
}

/// The state of one function.
pub(crate) struct Runner {
    function: Function,
    name: Arc<str>,
    shared: Shared,
    messages: mpsc::Sender<Message>,
    queue: VecDeque<Job>,
    workers: Vec<Worker>,
    started: u64,
    builds: Builds,
    /// Why it does not start, and until when nobody tries again; in development, until a file
    /// changes.
    broken: Option<(InvokeError, Option<Instant>)>,
    /// How many workers in a row have failed, and when the next may be started.
    crashes: u32,
    patient_until: Option<Instant>,
}

impl Runner {
    /// Starts the task, which ends when nobody can ask any more and everybody has been answered.
    pub(crate) fn start(
        function: Function,
        shared: Shared,
        state: PathBuf,
        jobs: mpsc::Receiver<Job>,
    ) {
        let (messages, received) = mpsc::channel(MOST_WAITING);
        let place = Place {
            project: shared.project.clone(),
            state,
            is_development: shared.is_development,
        };
        let runner = Self {
            name: Arc::from(function.name.as_str()),
            builds: Builds::new(place),
            function,
            shared,
            messages,
            queue: VecDeque::new(),
            workers: Vec::new(),
            started: 0,
            broken: None,
            crashes: 0,
            patient_until: None,
        };
        tokio::spawn(runner.run(jobs, received));
    }

    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, mut received: mpsc::Receiver<Message>) {
        let mut ending = self.shared.ending.clone();
        let mut is_wanted = true;
        while is_wanted || self.is_busy() {
            let wakes = self.wakes();
            tokio::select! {
                job = jobs.recv(), if is_wanted => match job {
                    Some(job) => self.take(job),
                    None => is_wanted = false,
                },
                Some(message) = received.recv() => self.hear(message),
                () = sleep_until(wakes) => self.look_at_the_clock(),
                // Also when whoever could say so is gone.
                _ = ending.wait_for(|ends| *ends) => break,
            }
            self.dispatch();
        }
        self.end();
    }

    fn is_busy(&self) -> bool {
        let mut workers = self.workers.iter();
        !self.queue.is_empty() || workers.any(|worker| matches!(worker.state, State::Busy(_)))
    }

    fn take(&mut self, job: Job) {
        if self.queue.len() >= MOST_WAITING {
            answer(job, InvokeError::Busy);
        } else {
            self.queue.push_back(job);
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Next { worker, give } => self.next(worker, give),
            Message::Claim { worker, id, give } => {
                let claim = self.claim(worker, &id);
                if let Err(Ok(claim)) = give.send(claim) {
                    // The connection has gone in this very moment, and the answer with it.
                    let fate = InvokeError::Exited("its connection broke".to_owned());
                    drop(claim.answer.send(Err(fate)));
                }
            }
            Message::Answered { worker, error } => self.answered(worker, error),
            Message::InitError {
                worker,
                report,
                give,
            } => {
                if give.send(self.init_error(worker, report)).is_err() {
                    tracing::debug!("a worker has not waited for an answer");
                }
            }
            Message::Exited { worker, how } => self.exited(worker, &how),
            Message::Built(built) => self.built(*built),
            Message::Looked(stamps) => {
                if self.builds.looked(stamps) {
                    self.build();
                }
            }
        }
    }

    /// When something happens by itself: at the latest in an hour.
    fn wakes(&self) -> Instant {
        let never = Instant::now() + Duration::from_hours(1);
        let workers = self.workers.iter().flat_map(Worker::wakes);
        let look = self.builds.wakes().filter(|_| self.shared.is_development);
        let broken = self.broken.as_ref().and_then(|(_, until)| *until);
        let waiting = self.patient_until.filter(|_| !self.queue.is_empty());
        workers
            .chain(look)
            .chain(broken)
            .chain(waiting)
            .fold(never, Instant::min)
    }

    fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        for index in 0..self.workers.len() {
            self.check_time(index, now);
        }
        if self
            .broken
            .as_ref()
            .is_some_and(|(_, until)| until.is_some_and(|until| until <= now))
        {
            self.broken = None;
        }
        if self.patient_until.is_some_and(|until| until <= now) {
            self.patient_until = None;
        }
        if self.shared.is_development {
            self.builds.look(now, &self.messages);
        }
    }

    /// Gives work to whoever waits for it, and starts more workers where there is too much of it.
    fn dispatch(&mut self) {
        self.queue.retain(|job| !job.answer.is_closed());
        while !self.queue.is_empty() {
            if self.builds.needs_first() {
                self.build();
            }
            let failed = self.builds.failure().cloned();
            if let Some(error) = failed.or_else(|| Some(self.broken.as_ref()?.0.clone())) {
                for job in self.queue.drain(..) {
                    answer(job, error.clone());
                }
                return;
            }
            let number = self.builds.number();
            let Some(build) = self.builds.ready() else {
                return;
            };
            let mut workers = self.workers.iter();
            if let Some(index) = workers.position(|worker| worker.is_idle(number)) {
                self.give(index);
                continue;
            }
            let own = self.workers.iter().filter(|worker| worker.is_of(number));
            let soon = own.clone().filter(|worker| worker.is_free_soon()).count();
            let has_place = own.count() < self.function.concurrency.get();
            if !has_place || soon >= self.queue.len() || self.patient_until.is_some() {
                return;
            }
            let launch = build.launch.clone();
            self.spawn(&launch, number);
        }
    }

    fn build(&mut self) {
        let time = SystemTime::UNIX_EPOCH + self.shared.clock.now_exact();
        self.builds.start(&self.function, time, &self.messages);
    }

    fn built(&mut self, (before, result): (Stamps, Result<Build, NotBuilt>)) {
        let result = self.builds.built(before, result);
        let function = Arc::clone(&self.name);
        match result {
            Ok(duration) => {
                self.broken = None;
                self.crashes = 0;
                self.patient_until = None;
                self.retire();
                self.report(Report::Built { function, duration });
            }
            // Said once, however often it was tried.
            Err(message) if self.builds.says_again(&message) => {}
            Err(message) => self.report(Report::NotBuilt { function, message }),
        }
    }

    /// Remembers a crash, after which the next worker has to wait.
    fn crashed(&mut self) -> Instant {
        self.crashes = self.crashes.saturating_add(1);
        let factor = 1_u32 << self.crashes.saturating_sub(1).min(16);
        let wait = FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT);
        Instant::now() + wait
    }

    fn report(&self, report: Report) {
        (self.shared.report)(report);
    }

    fn end(&mut self) {
        for job in self.queue.drain(..) {
            answer(job, InvokeError::Ending);
        }
        for worker in &mut self.workers {
            worker.kill(Some(InvokeError::Ending));
            self.shared.registry.remove(&worker.secret);
        }
        self.builds.clean();
    }
}

/// Whoever has asked may be gone.
fn answer(job: Job, error: InvokeError) {
    drop(job.answer.send(Err(error)));
}
