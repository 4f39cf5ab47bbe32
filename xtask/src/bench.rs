//! Times the verifier beside others, in one run, and prints one table.

pub(crate) mod gateway;
mod instructions;
mod report;
pub(crate) mod tenant;
mod timing;

use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::string::FromUtf8Error;

use report::{Measured, Report};

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A table for people.
    Table,
    /// One JSON array.
    Json,
}

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A command could not be started.
    #[error("could not start `{command}`")]
    Start {
        command: &'static str,
        #[source]
        cause: io::Error,
    },
    /// A command ran and failed; it has said why.
    #[error("`{command}` ended with {status}")]
    Failed {
        command: &'static str,
        status: ExitStatus,
    },
    /// A command's output is not text, or not what it always was.
    #[error("`{command}` printed something else than expected")]
    Output { command: &'static str },
    /// The results of an earlier run could not be removed.
    #[error("could not empty {folder}")]
    Clean {
        folder: String,
        #[source]
        cause: io::Error,
    },
    /// criterion left no result for an operation.
    #[error("{operation}: no times in {file}")]
    Times { operation: String, file: String },
}

/// Runs everything and prints the result on stdout; what the tools print goes to stderr.
///
/// # Errors
/// [`BenchError`]. A goal that is missed is no error: the machine may be busy.
pub(crate) fn run(format: Format) -> Result<(), BenchError> {
    timing::run()?;
    let counts = instructions::are_countable()?;
    let mut measured = Vec::new();
    for operation in operations()? {
        measured.push(Measured {
            nanoseconds: timing::load(&operation)?,
            instructions: counts
                .then(|| instructions::count(&operation))
                .transpose()?,
            operation,
        });
    }
    let report = Report::new(measured);
    match format {
        Format::Table => print!("{report}"),
        Format::Json => println!("{:#}", report.to_json()),
    }
    Ok(())
}

/// The names of all operations, `SUBJECT/CONTENDER`, in the order of the report.
fn operations() -> Result<Vec<String>, BenchError> {
    let text = output(
        "cargo run -p portcullis-bench",
        cargo(&[
            "run",
            "--release",
            "--quiet",
            "--package",
            "portcullis-bench",
        ])
        .stderr(Stdio::inherit()),
    )?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command
        .current_dir(root())
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// What a command prints on stdout.
fn output(name: &'static str, command: &mut Command) -> Result<String, BenchError> {
    let output = command.output().map_err(|cause| BenchError::Start {
        command: name,
        cause,
    })?;
    if !output.status.success() {
        let status = output.status;
        return Err(BenchError::Failed {
            command: name,
            status,
        });
    }
    String::from_utf8(output.stdout)
        .map_err(|_: FromUtf8Error| BenchError::Output { command: name })
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
