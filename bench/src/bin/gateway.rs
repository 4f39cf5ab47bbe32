//! What `cargo xtask bench gateway` starts around the proxies that it compares.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool"
)]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use portcullis_bench::gateway::{Load, run_proxy, run_upstream, write_tokens};
use serde_json::json;

const USAGE: &str = "usage: portcullis-bench-gateway
  tokens FOLDER COUNT                                 write tokens and their key
  upstream ADDRESS FOLDER                             answer everything, and the key set
  proxy ADDRESS UPSTREAM                              forward everything
  load ADDRESS FOLDER TOKENS REQUESTS CONNECTIONS     send requests, print what it took";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        ["tokens", folder, count] => Ok(write_tokens(Path::new(folder), count.parse()?)?),
        ["upstream", address, folder] => {
            let jwks = fs::read_to_string(Path::new(folder).join("jwks.json"))?;
            Ok(run_upstream(address.parse()?, &jwks)?)
        }
        ["proxy", address, upstream] => Ok(run_proxy(address.parse()?, upstream.parse()?)?),
        ["load", address, folder, tokens, requests, connections] => {
            let text = fs::read_to_string(Path::new(folder).join("tokens.txt"))?;
            let load = Load {
                address: address.parse()?,
                tokens: text
                    .lines()
                    .take(tokens.parse()?)
                    .map(str::to_owned)
                    .collect(),
                requests: requests.parse()?,
                connections: connections.parse()?,
            };
            let measured = load.run()?;
            println!(
                "{}",
                json!({ "answers": measured.answers, "seconds": measured.elapsed.as_secs_f64() })
            );
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}
