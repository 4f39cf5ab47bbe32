//! What an authorised request costs the gateway, beside what others take for it, in one run.
//!
//! Each proxy has one core, the callers and the upstream the other one. What counts is the CPU
//! time of the proxy's process, which other work on the machine hardly changes.

mod contender;
pub(super) mod process;
mod report;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

use self::contender::{CONTENDERS, Contender, Pass};
use self::process::{CALLERS, PROXY, Running};
use self::report::{Report, Row};
use super::Format;

/// What everything listens on. Fixed, since the configurations of others name it.
const PROXY_ADDRESS: &str = "127.0.0.1:18480";
const UPSTREAM_ADDRESS: &str = "127.0.0.1:18481";
const CONNECTIONS: &str = "64";
const REQUESTS: u32 = 100_000;
/// What is sent before anything is counted.
const WARM_UP: u32 = 5_000;
const TOKENS: u32 = 100_000;
/// The least of so many runs counts: other work can only add.
const ROUNDS: usize = 3;
const TOOL: &str = "target/dist/portcullis-bench-gateway";

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayBenchError {
    /// A program could not be started.
    #[error("could not start `{program}`")]
    Start {
        program: String,
        #[source]
        cause: io::Error,
    },
    /// A program that should have ended well did not.
    #[error("`{program}` ended with {status}: {said}")]
    Failed {
        program: String,
        status: ExitStatus,
        said: String,
    },
    /// A proxy does not listen.
    #[error("{0} does not answer: see target/bench-gateway for what it says")]
    Silent(&'static str),
    /// A file could not be read or written.
    #[error("{path}")]
    File {
        path: String,
        #[source]
        cause: io::Error,
    },
    /// The kernel does not tell what a process took.
    #[error("the CPU time of a process cannot be read")]
    Times,
}

/// Runs every contender that is installed, and prints the result on stdout.
///
/// # Errors
/// [`GatewayBenchError`]. A contender that is not installed, and a goal that is missed, are none.
pub(crate) fn run(format: Format) -> Result<(), GatewayBenchError> {
    build()?;
    let folder = prepare()?;
    let _upstream = Running::start(
        "upstream",
        CALLERS,
        &[TOOL, "upstream", UPSTREAM_ADDRESS, text(&folder)],
        UPSTREAM_ADDRESS,
        &folder,
    )?;
    let mut report = Report::default();
    for round in 1..=ROUNDS {
        for contender in &CONTENDERS {
            eprintln!("round {round} of {ROUNDS}: {}", contender.name);
            measure(contender, &folder, &mut report)?;
        }
    }
    match format {
        Format::Table => print!("{report}"),
        Format::Json => println!("{:#}", report.to_json()),
    }
    Ok(())
}

fn build() -> Result<(), GatewayBenchError> {
    let arguments = [
        "build",
        // What is shipped: it takes minutes longer to build than `release`.
        "--profile",
        "dist",
        "-p",
        "portcullis-cli",
        "-p",
        "portcullis-bench",
    ];
    finish(Command::new("cargo").args(arguments), "cargo build")?;
    Ok(())
}

/// The folder with the tokens, which are kept from one run to the next for most of a day.
fn prepare() -> Result<PathBuf, GatewayBenchError> {
    let folder = PathBuf::from("target/bench-gateway");
    let file = |cause| GatewayBenchError::File {
        path: folder.display().to_string(),
        cause,
    };
    fs::create_dir_all(&folder).map_err(file)?;
    let folder = fs::canonicalize(&folder).map_err(file)?;
    let is_fresh = fs::metadata(folder.join("jwks.json"))
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|written| written.elapsed().is_ok_and(|age| age.as_secs() < 20 * 3600));
    if !is_fresh {
        eprintln!("signing {TOKENS} tokens, which takes a minute");
        finish(
            Command::new(TOOL).args(["tokens", text(&folder), &TOKENS.to_string()]),
            "portcullis-bench-gateway tokens",
        )?;
    }
    Ok(folder)
}

fn measure(
    contender: &Contender,
    folder: &Path,
    report: &mut Report,
) -> Result<(), GatewayBenchError> {
    let Some(command) = contender.prepare(folder)? else {
        report.missing(contender.name);
        return Ok(());
    };
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let proxy = Running::start(contender.name, PROXY, &command, PROXY_ADDRESS, folder)?;
    load(folder, 1, WARM_UP)?;
    for pass in contender.passes {
        let Pass { tokens, .. } = *pass;
        let before = proxy.cpu()?;
        let answer = load(folder, tokens, REQUESTS)?;
        let cpu = proxy.cpu()?.saturating_sub(before);
        report.add(Row {
            name: pass.name,
            microseconds: cpu.as_secs_f64() * 1e6 / f64::from(REQUESTS),
            per_second: f64::from(REQUESTS) / answer["seconds"].as_f64().unwrap_or(f64::NAN),
            kilobytes: proxy.memory()?,
        });
    }
    Ok(())
}

/// Sends the requests, and returns what the callers measured.
fn load(folder: &Path, tokens: u32, requests: u32) -> Result<Value, GatewayBenchError> {
    let (tokens, requests) = (tokens.to_string(), requests.to_string());
    let mut command = Command::new("taskset");
    command.args(["-c", CALLERS, TOOL, "load", PROXY_ADDRESS, text(folder)]);
    command.args([&tokens, &requests, CONNECTIONS]);
    let printed = finish(&mut command, "portcullis-bench-gateway load")?;
    Ok(serde_json::from_str(&printed).unwrap_or_default())
}

pub(super) fn finish(command: &mut Command, program: &str) -> Result<String, GatewayBenchError> {
    let start = |cause| GatewayBenchError::Start {
        program: program.to_owned(),
        cause,
    };
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(start)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(GatewayBenchError::Failed {
        program: program.to_owned(),
        status: output.status,
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or("target/bench-gateway")
}
