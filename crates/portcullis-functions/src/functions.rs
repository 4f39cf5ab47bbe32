use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis::Clock;
use tokio::sync::{mpsc, watch};

use crate::function::Function;
use crate::guard::Guard;
use crate::journal::{Log, Report};
use crate::runner::{Runner, Shared};
use crate::runtime_api::RuntimeApi;

/// How many requests are handed over at a time; those beyond wait at the door.
const HANDED_OVER: usize = 64;

/// How functions are run.
pub struct Options {
    /// The project's folder, from which handlers are named.
    pub directory: PathBuf,
    /// Where bundles are written: a folder inside the project, so that packages are found from it.
    pub state: PathBuf,
    /// The command line of a program that calls [`guard`](crate::guard()) with its standard input;
    /// without it, a gateway that is killed leaves its workers behind.
    pub guard: Option<Vec<OsString>>,
    /// Whether changes of files are followed, as `dev` does it.
    pub is_development: bool,
    /// Where deadlines are counted from.
    pub clock: Arc<dyn Clock>,
    /// Is told what happens, by the task of the function: it must not wait.
    pub report: Arc<dyn Fn(Report) + Send + Sync>,
}

/// The functions of a gateway.
pub struct Functions {
    shared: Shared,
    /// Serves workers as long as there are functions.
    _api: RuntimeApi,
    state: PathBuf,
    known: Vec<(portcullis_config::Function, Function)>,
    made: u64,
    end: watch::Sender<bool>,
    gone: mpsc::Receiver<()>,
}

impl Functions {
    /// Prepares to run functions, on the current tokio runtime. Nothing is started yet.
    ///
    /// Outside of development the process can no longer be looked into by others of its user: what
    /// functions are not given of its environment, they could read in `/proc` otherwise.
    ///
    /// # Errors
    /// When the Runtime API cannot listen, or the guard cannot be started.
    pub async fn start(options: Options) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if !options.is_development {
            let hidden = rustix::process::DumpableBehavior::NotDumpable;
            rustix::process::set_dumpable_behavior(hidden)?;
        }
        let api = RuntimeApi::start().await?;
        let guard = Guard::start(options.guard.as_deref())?;
        let (end, ending) = watch::channel(false);
        let (alive, gone) = mpsc::channel(1);
        let shared = Shared {
            registry: Arc::clone(&api.registry),
            guard: Arc::new(guard),
            log: Arc::default(),
            clock: options.clock,
            report: options.report,
            project: options.directory,
            is_development: options.is_development,
            ending,
            alive,
        };
        Ok(Self {
            shared,
            _api: api,
            state: options.state.join(std::process::id().to_string()),
            known: Vec::new(),
            made: 0,
            end,
            gone,
        })
    }

    /// The functions of a configuration; those that were there before keep their workers.
    ///
    /// Those that are not named any more end once nobody holds them and their requests are done.
    pub fn replace<'f>(
        &mut self,
        configured: impl IntoIterator<Item = &'f portcullis_config::Function>,
    ) {
        let mut known = Vec::new();
        for config in configured {
            if known.iter().any(|(own, _)| own == config) {
                continue;
            }
            let before = self.find(config).cloned();
            let function = before.unwrap_or_else(|| self.make(config));
            known.push((config.clone(), function));
        }
        self.known = known;
    }

    /// The function of this configuration.
    pub fn find(&self, config: &portcullis_config::Function) -> Option<&Function> {
        let mut known = self.known.iter();
        known.find_map(|(own, function)| (own == config).then_some(function))
    }

    /// What functions have written lately.
    pub fn log(&self) -> Arc<Log> {
        Arc::clone(&self.shared.log)
    }

    fn make(&mut self, config: &portcullis_config::Function) -> Function {
        self.made += 1;
        let (jobs, received) = mpsc::channel(HANDED_OVER);
        let state = self.state.join(self.made.to_string());
        Runner::start(config.clone(), self.shared.clone(), state, received);
        Function {
            name: Arc::from(config.name.as_str()),
            timeout: config.timeout,
            jobs,
        }
    }

    /// Kills all workers, and waits until they are gone, for at most `patience`.
    pub async fn stop(self, patience: Duration) {
        let Self {
            shared,
            _api,
            state,
            known,
            end,
            mut gone,
            ..
        } = self;
        drop(known);
        end.send_replace(true);
        drop(shared.alive);
        if tokio::time::timeout(patience, gone.recv()).await.is_err() {
            tracing::warn!("a function's process does not end");
        }
        // It is gone already, or never was.
        drop(std::fs::remove_dir_all(state));
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("directory", &self.directory)
            .field("is_development", &self.is_development)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}
