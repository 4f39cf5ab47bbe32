use std::fs;
use std::time::{Duration, SystemTime};

use portcullis_config::Function;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Message;
use crate::build::{Build, NotBuilt, Place, build};
use crate::invoke_error::InvokeError;
use crate::sources::{Sources, Stamps, changed_since};

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// The endings of all that functions are made of.
const EVERY: &[&str] = &[
    ".ts",
    ".tsx",
    ".mts",
    ".cts",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".json",
    ".py",
    ".rs",
    "Cargo.toml",
    "Cargo.lock",
];

/// How long a failed build stands in production.
const AGAIN: Duration = Duration::from_secs(10);

/// What a function is made of, and what has been made of it.
#[derive(Debug)]
pub(super) struct Builds {
    place: Place,
    /// Counts the builds; workers of another one are not given work.
    number: u64,
    code: Code,
    /// When the build under way began.
    building: Option<(Instant, SystemTime)>,
    /// Whether a file has changed since then.
    is_outdated: bool,
    sources: Option<Sources>,
    /// The files as they were built; absent until they were looked at.
    seen: Option<Stamps>,
    /// The files as they were before the build that they belong to, and when that began.
    before: Stamps,
    began: SystemTime,
    looks_next: Option<Instant>,
    /// The last words of the builder.
    said: Option<String>,
}

#[derive(Debug)]
enum Code {
    Unknown,
    Ready(Build),
    /// Until this time; without one, until a file changes.
    Failed(InvokeError, Option<Instant>),
}

impl Builds {
    pub(super) const fn new(place: Place) -> Self {
        Self {
            place,
            number: 0,
            code: Code::Unknown,
            building: None,
            is_outdated: false,
            sources: None,
            seen: None,
            before: Stamps::new(),
            began: SystemTime::UNIX_EPOCH,
            looks_next: None,
            said: None,
        }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn needs_first(&self) -> bool {
        let has_none = match &self.code {
            Code::Unknown => true,
            Code::Failed(_, until) => until.is_some_and(|until| until <= Instant::now()),
            Code::Ready(_) => false,
        };
        has_none && self.building.is_none()
    }

    pub(super) const fn ready(&self) -> Option<&Build> {
        match &self.code {
            Code::Ready(build) => Some(build),
            Code::Unknown | Code::Failed(..) => None,
        }
    }

    /// Why nothing is answered; absent while a build is under way that may mend it.
    pub(super) const fn failure(&self) -> Option<&InvokeError> {
        match (&self.code, &self.building) {
            (Code::Failed(error, _), None) => Some(error),
            _ => None,
        }
    }

    /// Begins a build, or another one after that which is under way.
    ///
    /// `time` is what the clock of files says.
    pub(super) fn start(
        &mut self,
        function: &Function,
        time: SystemTime,
        messages: &mpsc::Sender<Message>,
    ) {
        if self.building.is_some() {
            self.is_outdated = true;
            return;
        }
        self.building = Some((Instant::now(), time));
        let (function, place, messages) = (function.clone(), self.place.clone(), messages.clone());
        let number = self.number + 1;
        tokio::spawn(async move {
            let before = look_before(&function, &place).await;
            let result = build(&function, &place, number).await;
            // Nobody is told when the function has gone before its build.
            drop(
                messages
                    .send(Message::Built(Box::new((before, result))))
                    .await,
            );
        });
    }

    /// Takes what was built, and tells how long it took, or what is wrong.
    pub(super) fn built(
        &mut self,
        before: Stamps,
        result: Result<Build, NotBuilt>,
    ) -> Result<Duration, String> {
        let (began, time) = self
            .building
            .take()
            .unwrap_or((Instant::now(), SystemTime::UNIX_EPOCH));
        self.before = before;
        self.began = time;
        // What has changed meanwhile is built again at once.
        if std::mem::take(&mut self.is_outdated) {
            self.before = Stamps::new();
            self.began = SystemTime::UNIX_EPOCH;
        }
        self.seen = None;
        self.looks_next = Some(Instant::now() + INTERVAL);
        let (sources, result) = match result {
            Ok(build) => {
                let sources = build.sources.clone();
                self.number += 1;
                self.said = None;
                self.code = Code::Ready(build);
                (sources, Ok(began.elapsed()))
            }
            Err(failed) => {
                // In production nobody mends a file: it may have been the machine.
                let until = (!self.place.is_development).then(|| Instant::now() + AGAIN);
                self.code = Code::Failed(InvokeError::Build(failed.message.clone()), until);
                (failed.sources, Err(failed.message))
            }
        };
        self.sources = Some(sources);
        result
    }

    /// Whether that is what the builder said last time.
    pub(super) fn says_again(&mut self, message: &str) -> bool {
        let before = self.said.replace(message.to_owned());
        before.as_deref() == Some(message)
    }

    pub(super) const fn wakes(&self) -> Option<Instant> {
        self.looks_next
    }

    /// Looks at the files, elsewhere: a slow disk must not hold requests up.
    pub(super) fn look(&mut self, now: Instant, messages: &mpsc::Sender<Message>) {
        let Some(sources) = self.sources.clone() else {
            return;
        };
        if self.looks_next.is_none_or(|next| next > now) {
            return;
        }
        self.looks_next = None;
        let messages = messages.clone();
        tokio::task::spawn_blocking(move || {
            // Nobody is told when the function has gone meanwhile.
            drop(messages.blocking_send(Message::Looked(sources.look())));
        });
    }

    /// Takes note of the files, and tells whether they are others than were built.
    pub(super) fn looked(&mut self, stamps: Stamps) -> bool {
        self.looks_next = Some(Instant::now() + INTERVAL);
        let has_changed = match &self.seen {
            Some(seen) => *seen != stamps,
            None => changed_since(&self.before, self.began, &stamps),
        };
        self.seen = Some(stamps);
        has_changed
    }

    /// Removes what was written.
    pub(super) fn clean(&self) {
        // It is gone already, or never was.
        drop(fs::remove_dir_all(&self.place.state));
    }
}

/// The files that may matter, before any of them is read; in production nobody asks.
async fn look_before(function: &Function, place: &Place) -> Stamps {
    if !place.is_development {
        return Stamps::new();
    }
    let sources = Sources::Folder(place.directory(function), EVERY);
    let looked = tokio::task::spawn_blocking(move || sources.look()).await;
    looked.unwrap_or_default()
}
