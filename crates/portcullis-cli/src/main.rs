//! The `portcullis` program: commands and wiring.

mod arguments;
mod check;
mod control_server;
mod data_plane;
mod dev;
mod environment;
mod explain;
mod export;
mod functions;
mod identity_pool;
mod import;
mod invocation;
mod local_authority;
mod local_keys;
mod log;
mod new;
mod plan;
mod policies;
mod project;
mod reach;
mod routes;
mod serve;
mod session;
mod signals;
mod snapshot;
mod stand_in;
mod telemetry;
mod tenant_keys;
mod terminal;
mod token;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::arguments::{Arguments, Command};

/// A request takes some dozens of small pieces of memory, which this gives out for less.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::New(arguments) => new::run(&arguments),
        Command::Dev(arguments) => dev::run(arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::FunctionGuard => functions::guard(),
        Command::Schema => schema(),
        Command::Completions { shell } => completions(shell),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<project::Complained>() => ExitCode::FAILURE,
        Err(error) => {
            terminal::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn schema() -> anyhow::Result<()> {
    Ok(terminal::print(format_args!(
        "{:#}\n",
        portcullis_config::schema()
    ))?)
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "portcullis", &mut script);
    Ok(terminal::print(String::from_utf8_lossy(&script))?)
}
