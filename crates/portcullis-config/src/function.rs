use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use portcullis_token::Secret;

/// A function that a route is answered by, and how it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name in the file, or the handler where it has no table of its own.
    pub name: String,
    /// What is started.
    pub run: Run,
    /// The folder that it is started in, relative to the project's; that itself when absent.
    pub directory: Option<String>,
    /// How long one invocation may take; 6 seconds when absent.
    pub timeout: Duration,
    /// How many invocations run at a time, each in a process of its own; 4 when absent.
    pub concurrency: NonZeroUsize,
    /// Its variables, by name; it sees none of the gateway's own but `PATH` and the like.
    pub environment: Vec<(String, Secret<String>)>,
}

/// What is started to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// `path/file.export`: the first of `.ts .tsx .mts .cts .js .jsx .mjs .cjs .py` that is there.
    Handler(String),
    /// A program that speaks the Lambda Runtime API, and its arguments.
    Command(Vec<String>),
    /// A binary that `cargo build` makes in `directory`, by its name.
    Binary(String),
}

impl Function {
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(6);
    pub(crate) const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(4).expect("it is not zero");
}

/// How messages and lists call it: `packages/functions/src/private.main`.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
