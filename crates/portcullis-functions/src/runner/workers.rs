use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Claim, INIT, Invocation, Job, Outcome, Runner, StateError, answer};
use crate::build::Launch;
use crate::guard::kill_group;
use crate::invoke_error::{ErrorReport, InvokeError};
use crate::journal::{Invoked, Journal, Report};
use crate::worker::{self, Start};

/// How long lines are waited for that were written just before an answer.
const LINES: Duration = Duration::from_millis(15);

/// How long a process may take to end that has said that it cannot start.
const FAREWELL: Duration = Duration::from_secs(2);

/// How many of its last lines tell why a process has failed.
const LAST_LINES: usize = 20;

/// One process of the function.
#[derive(Debug)]
pub(super) struct Worker {
    id: u64,
    /// The build that it runs.
    number: u64,
    group: i32,
    pub(super) secret: String,
    journal: Arc<Journal>,
    pub(super) state: State,
    /// What is told of its last invocation once all its lines are there.
    ended: Option<Ended>,
}

/// What a worker does.
#[derive(Debug)]
pub(super) enum State {
    /// It has not asked for work yet, and must have by then.
    Starting(Instant),
    /// It waits for work.
    Idle(oneshot::Sender<Result<Invocation, StateError>>),
    /// It works.
    Busy(Busy),
    /// It has answered this invocation and must ask for work by then.
    Returned(String, Instant),
    /// It has said that it cannot start, and must have ended by then.
    Failed(Instant),
    /// It was killed.
    Dead,
}

#[derive(Debug)]
pub(super) struct Busy {
    id: String,
    request_id: Arc<str>,
    /// Absent when the worker has begun to answer.
    answer: Option<oneshot::Sender<Outcome>>,
    began: Instant,
    until: Instant,
    fate: Arc<OnceLock<InvokeError>>,
}

#[derive(Debug)]
struct Ended {
    request_id: Arc<str>,
    duration: Duration,
    error: Option<String>,
    tell_at: Instant,
}

impl Worker {
    pub(super) const fn is_of(&self, number: u64) -> bool {
        self.number == number && !matches!(self.state, State::Failed(_) | State::Dead)
    }

    pub(super) const fn is_idle(&self, number: u64) -> bool {
        self.number == number && matches!(self.state, State::Idle(_))
    }

    pub(super) const fn is_free_soon(&self) -> bool {
        matches!(self.state, State::Starting(_) | State::Returned(..))
    }

    pub(super) fn wakes(&self) -> impl Iterator<Item = Instant> {
        let state = match &self.state {
            State::Starting(until) | State::Returned(_, until) | State::Failed(until) => {
                Some(*until)
            }
            State::Busy(busy) => Some(busy.until),
            State::Idle(_) | State::Dead => None,
        };
        let tells = self.ended.as_ref().map(|ended| ended.tell_at);
        state.into_iter().chain(tells)
    }

    /// Kills its processes; whoever waits for its answer is told why.
    pub(super) fn kill(&mut self, error: Option<InvokeError>) {
        let state = std::mem::replace(&mut self.state, State::Dead);
        if let (State::Busy(busy), Some(error)) = (state, error) {
            self.ended = Some(busy.end(Some(error.to_string())));
            let unset = busy.fate.set(error.clone());
            if let (Some(answer), Ok(())) = (busy.answer, unset) {
                // Whoever has asked may be gone.
                drop(answer.send(Err(error)));
            }
        }
        kill_group(self.group);
    }
}

impl Busy {
    fn end(&self, error: Option<String>) -> Ended {
        Ended {
            request_id: Arc::clone(&self.request_id),
            duration: self.began.elapsed(),
            error,
            tell_at: Instant::now() + LINES,
        }
    }
}

impl Runner {
    /// Starts a worker; where that fails, everybody who waits is told.
    pub(super) fn spawn(&mut self, launch: &Launch, number: u64) {
        self.started += 1;
        let id = self.started;
        let journal = Arc::new(Journal::new(
            Arc::clone(&self.name),
            Arc::clone(&self.shared.log),
        ));
        let seat = self.shared.registry.add(self.messages.clone(), id);
        let started = seat.map_err(std::io::Error::other).and_then(|secret| {
            let group = worker::start(Start {
                launch,
                function: &self.function,
                runtime_api: &self.shared.registry.address(&secret),
                number: id,
                journal: Arc::clone(&journal),
                guard: Arc::clone(&self.shared.guard),
                messages: self.messages.clone(),
                alive: self.shared.alive.clone(),
            });
            group
                .map(|group| (group, secret.clone()))
                .inspect_err(|_| self.shared.registry.remove(&secret))
        });
        match started {
            Ok((group, secret)) => self.workers.push(Worker {
                id,
                number,
                group,
                secret,
                journal,
                state: State::Starting(Instant::now() + INIT),
                ended: None,
            }),
            Err(error) => {
                let program = launch.program.to_string_lossy();
                let message = format!("{program} cannot be started: {error}");
                self.break_down(
                    InvokeError::Init(ErrorReport {
                        message,
                        ..ErrorReport::default()
                    }),
                    Vec::new(),
                );
            }
        }
    }

    /// Remembers that the function does not start.
    fn break_down(&mut self, error: InvokeError, lines: Vec<crate::journal::Line>) {
        let again = self.crashed();
        self.report(Report::Failed {
            function: Arc::clone(&self.name),
            message: error.to_string(),
            lines,
        });
        let until = (!self.shared.is_development).then_some(again);
        self.broken = Some((error, until));
    }

    fn find(&mut self, worker: u64) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|known| known.id == worker)
    }

    pub(super) fn next(
        &mut self,
        worker: u64,
        give: oneshot::Sender<Result<Invocation, StateError>>,
    ) {
        let number = self.builds.number();
        let Some(worker) = self.find(worker) else {
            return;
        };
        match worker.state {
            State::Busy(_) => drop(give.send(Err(StateError::Transition))),
            State::Failed(_) | State::Dead => {}
            // The last of an older build has ended.
            _ if worker.number != number => worker.kill(None),
            // Asked twice, it has lost its connection in between.
            _ => worker.state = State::Idle(give),
        }
    }

    /// Gives the first job to an idle worker.
    pub(super) fn give(&mut self, index: usize) {
        let Some(job) = self.queue.pop_front() else {
            return;
        };
        self.tell(index);
        let timeout = self.function.timeout;
        let deadline = self.shared.clock.now_exact() + timeout;
        let worker = &mut self.workers[index];
        let until = Instant::now() + timeout;
        let Some(id) = random_id() else {
            answer(job, InvokeError::Busy);
            return;
        };
        let Job {
            request_id,
            event,
            trace,
            answer,
        } = job;
        let busy = State::Busy(Busy {
            id: id.clone(),
            request_id: Arc::clone(&request_id),
            answer: Some(answer),
            began: Instant::now(),
            until,
            fate: Arc::default(),
        });
        let idle = std::mem::replace(&mut worker.state, busy);
        // What it wrote before, as while it started, is told with this invocation.
        worker.journal.assign(request_id);
        let State::Idle(give) = idle else {
            return;
        };
        let invocation = Invocation {
            id,
            event,
            trace,
            function: Arc::clone(&self.name),
            deadline: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
        };
        if let Err(Ok(invocation)) = give.send(Ok(invocation)) {
            // Its connection is gone: another worker gets the job, and it may ask again.
            let gone = State::Starting(Instant::now() + INIT);
            let taken = std::mem::replace(&mut worker.state, gone);
            if let State::Busy(Busy {
                answer: Some(answer),
                request_id,
                ..
            }) = taken
            {
                self.queue.push_front(Job {
                    request_id,
                    event: invocation.event,
                    trace: invocation.trace,
                    answer,
                });
            }
        }
    }

    pub(super) fn claim(&mut self, worker: u64, id: &str) -> Result<Claim, StateError> {
        let worker = self.find(worker).ok_or(StateError::RequestId)?;
        match &mut worker.state {
            State::Busy(busy) if busy.id == id => Ok(Claim {
                answer: busy.answer.take().ok_or(StateError::Transition)?,
                fate: Arc::clone(&busy.fate),
            }),
            State::Returned(last, _) if last == id => Err(StateError::Transition),
            _ => Err(StateError::RequestId),
        }
    }

    pub(super) fn answered(&mut self, worker: u64, error: Option<String>) {
        let is_answer = error.is_none();
        let Some(worker) = self.find(worker) else {
            return;
        };
        if let State::Busy(busy) = &worker.state {
            worker.ended = Some(busy.end(error));
            worker.state = State::Returned(busy.id.clone(), busy.until);
        }
        if is_answer {
            self.crashes = 0;
        }
    }

    pub(super) fn init_error(
        &mut self,
        worker: u64,
        report: ErrorReport,
    ) -> Result<(), StateError> {
        let worker = self.find(worker).ok_or(StateError::Transition)?;
        if !matches!(worker.state, State::Starting(_)) {
            return Err(StateError::Transition);
        }
        // It ends by itself, after what it has to say about this. What it has begun may hold it up,
        // a connection to a database for one, and others are started in its place.
        worker.state = State::Failed(Instant::now() + FAREWELL);
        let lines = worker.journal.turn(Arc::from("")).lines;
        self.break_down(InvokeError::Init(report), lines);
        Ok(())
    }

    pub(super) fn exited(&mut self, worker: u64, how: &str) {
        let found = self.workers.iter().position(|known| known.id == worker);
        let Some(index) = found else {
            return;
        };
        let mut worker = self.workers.swap_remove(index);
        self.shared.registry.remove(&worker.secret);
        let state = std::mem::replace(&mut worker.state, State::Dead);
        match state {
            State::Starting(_) => {
                let page = worker.journal.turn(Arc::from(""));
                let last = page.lines.len().saturating_sub(LAST_LINES);
                let lines = page.lines[last..].iter().map(|line| line.text.clone());
                let report = ErrorReport {
                    kind: "Runtime.ExitError".to_owned(),
                    message: format!("its process ended before it asked for work: {how}"),
                    trace: lines.collect(),
                };
                self.break_down(InvokeError::Init(report), page.lines);
            }
            State::Busy(busy) => {
                let error = InvokeError::Exited(how.to_owned());
                worker.ended = Some(busy.end(Some(error.to_string())));
                if let Some(answer) = busy.answer {
                    // Whoever has asked may be gone.
                    drop(answer.send(Err(error)));
                }
                self.patient_until = Some(self.crashed());
            }
            State::Idle(_) | State::Returned(..) => self.patient_until = Some(self.crashed()),
            State::Failed(_) | State::Dead => {}
        }
        self.tell_of(&mut worker);
    }

    /// Ends the workers of older builds, but those that work.
    pub(super) fn retire(&mut self) {
        let number = self.builds.number();
        for worker in &mut self.workers {
            if worker.number != number && !matches!(worker.state, State::Busy(_)) {
                worker.kill(None);
            }
        }
    }

    /// Ends what takes too long.
    pub(super) fn check_time(&mut self, index: usize, now: Instant) {
        let timeout = self.function.timeout;
        let worker = &mut self.workers[index];
        match &worker.state {
            State::Busy(busy) if busy.until <= now => {
                worker.kill(Some(InvokeError::TimedOut(timeout)));
            }
            State::Returned(_, until) | State::Failed(until) if *until <= now => {
                worker.kill(None);
            }
            State::Starting(until) if *until <= now => {
                worker.kill(None);
                let lines = worker.journal.turn(Arc::from("")).lines;
                let message = format!("it did not ask for work within {INIT:?}");
                let report = ErrorReport {
                    kind: "Runtime.InitTimeout".to_owned(),
                    message,
                    trace: Vec::new(),
                };
                self.break_down(InvokeError::Init(report), lines);
            }
            _ => {}
        }
        let ended = self.workers[index].ended.as_ref();
        if ended.is_some_and(|ended| ended.tell_at <= now) {
            self.tell(index);
        }
    }

    fn tell(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if let Some(invoked) = worker.invoked(&self.name) {
            self.report(Report::Invoked(invoked));
        }
    }

    fn tell_of(&self, worker: &mut Worker) {
        if let Some(invoked) = worker.invoked(&self.name) {
            self.report(Report::Invoked(invoked));
        }
    }
}

impl Worker {
    /// What is told of the last invocation, once.
    fn invoked(&mut self, function: &Arc<str>) -> Option<Invoked> {
        let ended = self.ended.take()?;
        let page = self.journal.turn(Arc::clone(&ended.request_id));
        Some(Invoked {
            function: Arc::clone(function),
            request_id: ended.request_id,
            lines: page.lines,
            left_out: page.left_out,
            duration: ended.duration,
            error: ended.error,
        })
    }
}

/// A random UUID (RFC 9562 section 5.4), as Lambda has them; none where nothing is random.
fn random_id() -> Option<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).ok()?;
    let mut number = u128::from_be_bytes(bytes);
    number = number & !(0xf << 76) | 0x4 << 76;
    number = number & !(0x3 << 62) | 0x2 << 62;
    let group = |shift: u32, digits: u32| number >> shift & ((1 << (4 * digits)) - 1);
    Some(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        group(96, 8),
        group(80, 4),
        group(64, 4),
        group(48, 4),
        group(0, 12)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_random_uuid() {
        let id = random_id().unwrap();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(random_id().unwrap(), id);
    }
}
