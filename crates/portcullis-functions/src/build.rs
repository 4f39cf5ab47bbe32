//! What a function is started with: its handler found, bundled or compiled.

mod cargo;
mod esbuild;
mod handler;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_config::{Function, Run};
use tokio::process::Command;

use crate::sources::Sources;

/// How long a build may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// How much of a builder's words is kept.
const MOST_WORDS: usize = 16 << 10;

/// A program that answers invocations, once started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    /// The folder it is started in.
    pub(crate) directory: PathBuf,
    /// What Lambda calls `_HANDLER`.
    pub(crate) handler: String,
    /// Whether its Runtime API is named with a scheme, as libraries for Rust want it.
    pub(crate) wants_scheme: bool,
}

/// The result of a build.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    pub(crate) launch: Launch,
    pub(crate) sources: Sources,
}

/// Why there is none, and what may mend it.
#[derive(Clone, Debug)]
pub(crate) struct NotBuilt {
    pub(crate) message: String,
    pub(crate) sources: Sources,
}

/// Where a function is, and where what is made of it goes.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The project's folder.
    pub(crate) project: PathBuf,
    /// A folder of the function's own, which need not exist.
    pub(crate) state: PathBuf,
    /// Whether speed of building counts, rather than that of what is built.
    pub(crate) is_development: bool,
}

impl Place {
    /// The folder that the function is started in.
    pub(crate) fn directory(&self, function: &Function) -> PathBuf {
        match &function.directory {
            Some(directory) => self.project.join(directory),
            None => self.project.clone(),
        }
    }
}

/// Makes `function` ready to be started; `number` tells its builds apart.
///
/// # Cancel safety
/// What was started is killed.
pub(crate) async fn build(
    function: &Function,
    place: &Place,
    number: u64,
) -> Result<Build, NotBuilt> {
    let directory = place.directory(function);
    match &function.run {
        Run::Handler(handler) => handler::build(handler, &directory, place, number).await,
        Run::Binary(name) => cargo::build(name, &directory, place).await,
        Run::Command(words) => Ok(command(words, &directory)),
    }
}

fn command(words: &[String], directory: &Path) -> Build {
    let mut words = words.iter().map(OsString::from);
    let program = words.next().unwrap_or_default();
    // A path is the function's own file; a bare name is one of the system's.
    let is_path = Path::new(&program).components().nth(1).is_some();
    let program = if is_path {
        directory.join(program).into_os_string()
    } else {
        program
    };
    let files = is_path.then(|| PathBuf::from(&program));
    let arguments: Vec<_> = words.collect();
    let named = arguments.iter().map(|word| directory.join(word));
    let sources = Sources::Files(files.into_iter().chain(named).collect());
    Build {
        launch: Launch {
            handler: program.to_string_lossy().into_owned(),
            program,
            arguments,
            directory: directory.to_owned(),
            wants_scheme: false,
        },
        sources,
    }
}

/// Runs a builder to its end; what it says when it fails.
async fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let running = command
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(PATIENCE, running).await {
        Err(_) => return Err(format!("{program} took longer than 10 minutes")),
        Ok(Err(error)) => return Err(format!("{program} cannot be started: {error}")),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = &output.stderr[..output.stderr.len().min(MOST_WORDS)];
    let words = String::from_utf8_lossy(words).trim().to_owned();
    Err(if words.is_empty() {
        format!("{program} failed: {}", output.status)
    } else {
        words
    })
}
