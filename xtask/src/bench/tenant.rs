//! What tokens cost the tenant beside their bare signatures, whether logins slow others down, and
//! how soon it is ready, in one run.
//!
//! The tenant has one core, who asks it the other one. Tokens are counted by the CPU time of its
//! process, which other work on the machine hardly changes.

mod report;

use std::env;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::report::Report;
use super::Format;
use super::gateway::process::{CALLERS, PROXY, Running};
use super::gateway::{GatewayBenchError, finish};

/// Fixed, since the issuer is in its tokens.
const ADDRESS: &str = "127.0.0.1:18482";
const GATEWAY: &str = "127.0.0.1:18480";
const CONNECTIONS: &str = "64";
const REQUESTS: u32 = 5_000;
/// What is sent before anything is counted.
const WARM_UP: &str = "500";
const ASKED: &str = "500";
/// Fewer than may wait for a password's hash, so that every login ends well.
const LOGINS: &str = "32";
/// The least of so many runs counts: other work can only add.
const ROUNDS: usize = 5;

const FILE: &str = "[authorizer.bench]
issuer = \"https://issuer.example/\"
audience = [\"https://expenses-api\"]
[api.reports]
auth = { bench = [\"read:reports\"] }
[api.reports.routes]
\"GET /\" = { respond = \"reports\" }
[tenant]
listen = \"127.0.0.1:18482\"
[[tenant.user]]
email = \"ada@example.com\"
password = \"correct horse\"
[[tenant.application]]
name = \"worker\"
type = \"non_interactive\"
client_secret = \"a secret of the benchmark alone\"
permissions = { \"https://expenses-api\" = [\"read:reports\"] }
[[tenant.application]]
name = \"operator\"
type = \"non_interactive\"
client_secret = \"a secret of the benchmark alone\"
permissions = { \"http://localhost:18482/api/v2/\" = [\"update:clients\"] }
";

/// Runs everything, and prints the result on stdout.
///
/// # Errors
/// [`GatewayBenchError`]. A goal that is missed is none.
pub(crate) fn run(format: Format) -> Result<(), GatewayBenchError> {
    build()?;
    let folder = prepare()?;
    let mut report = Report {
        first_start: start(&folder)?.1,
        ..Report::default()
    };
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        measure(&folder, &mut report)?;
    }
    match format {
        Format::Table => print!("{report}"),
        Format::Json => println!("{:#}", report.to_json()),
    }
    Ok(())
}

fn build() -> Result<(), GatewayBenchError> {
    // One after another: together, each would have the features of the other's dependencies.
    for package in ["portcullis-cli", "portcullis-bench"] {
        let mut command = Command::new("cargo");
        command.args(["build", "--release", "--bins", "-p", package]);
        finish(&mut command, "cargo build")?;
    }
    Ok(())
}

/// An empty project.
fn prepare() -> Result<PathBuf, GatewayBenchError> {
    let folder = target().join("bench-tenant");
    let file = |cause| GatewayBenchError::File {
        path: folder.display().to_string(),
        cause,
    };
    match fs::remove_dir_all(&folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(file(cause)),
        _ => {}
    }
    fs::create_dir_all(&folder).map_err(file)?;
    fs::write(folder.join("portcullis.toml"), FILE).map_err(file)?;
    fs::canonicalize(&folder).map_err(file)
}

fn measure(folder: &Path, report: &mut Report) -> Result<(), GatewayBenchError> {
    let count = f64::from(REQUESTS);
    let bare = ask(PROXY, &["sign", &REQUESTS.to_string()])?;
    report.bare.push(seconds(&bare, "seconds") / count);

    let (tenant, ready) = start(folder)?;
    report.ready.push(ready);
    ask(CALLERS, &["tokens", ADDRESS, WARM_UP, CONNECTIONS])?;
    let before = tenant.cpu()?;
    let requests = REQUESTS.to_string();
    ask(CALLERS, &["tokens", ADDRESS, &requests, CONNECTIONS])?;
    let cpu = tenant.cpu()?.saturating_sub(before);
    report.token.push(cpu.as_secs_f64() / count);

    let idle = ask(CALLERS, &["user-info", ADDRESS, ASKED, "0"])?;
    report.idle.push(seconds(&idle, "p99"));
    let flooded = ask(CALLERS, &["user-info", ADDRESS, ASKED, LOGINS])?;
    report.flooded.push(seconds(&flooded, "p99"));
    report.logins += flooded["logins"].as_u64().unwrap_or_default();
    Ok(())
}

/// Starts the program, and says how long it took until the tenant took a connection.
///
/// It listens before it is ready, but answers only then.
fn start(folder: &Path) -> Result<(Running, Duration), GatewayBenchError> {
    let program = target().join("release/portcullis");
    let command = ["dev", text(folder), "--listen", GATEWAY];
    let command = [&[text(&program)], &command[..]].concat();
    let began = Instant::now();
    let running = Running::spawn("tenant", PROXY, &command, folder)?;
    let running = running.once("tenant", is_answered)?;
    Ok((running, began.elapsed()))
}

/// Whether the tenant says who it is.
fn is_answered() -> bool {
    use std::io::{Read as _, Write as _};
    let ask = || {
        let mut stream = TcpStream::connect(ADDRESS)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(
            b"GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost\r\n\r\n",
        )?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok::<_, io::Error>(status == *b"HTTP/1.1 200")
    };
    ask().is_ok_and(|is_ok| is_ok)
}

/// Has the tool do something on this core, and returns what it prints.
fn ask(core: &str, arguments: &[&str]) -> Result<Value, GatewayBenchError> {
    let tool = target().join("release/portcullis-bench-tenant");
    let mut command = Command::new("taskset");
    command.args(["-c", core, text(&tool)]).args(arguments);
    let printed = finish(&mut command, "portcullis-bench-tenant")?;
    Ok(serde_json::from_str(&printed).unwrap_or_default())
}

fn seconds(printed: &Value, name: &str) -> f64 {
    printed[name].as_f64().unwrap_or(f64::NAN)
}

/// Where cargo builds.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
