//! What `cargo xtask bench tenant` has ask the tenant, and bare signing beside it.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool"
)]

use std::error::Error;
use std::process::ExitCode;

use portcullis_bench::tenant::{Tokens, UserInfo, sign};
use serde_json::json;

const USAGE: &str = "usage: portcullis-bench-tenant
  sign COUNT                             sign with RSA-2048, print the seconds on a core
  tokens ADDRESS REQUESTS CONNECTIONS    ask for tokens, print what it took
  user-info ADDRESS REQUESTS LOGINS      ask for claims while so many log in, print what it took";

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
    let printed = match arguments {
        ["sign", count] => json!({ "seconds": sign(count.parse()?)?.as_secs_f64() }),
        ["tokens", address, requests, connections] => {
            let tokens = application(address, "worker", "https://expenses-api")?;
            let elapsed = tokens.run(requests.parse()?, connections.parse()?)?;
            json!({ "seconds": elapsed.as_secs_f64() })
        }
        ["user-info", address, requests, logins] => {
            let asked = UserInfo {
                application: application(address, "operator", "http://localhost:18482/api/v2/")?,
                audience: "https://expenses-api".to_owned(),
                username: "ada@example.com".to_owned(),
                password: "correct horse".to_owned(),
            };
            let latencies = asked.run(requests.parse()?, logins.parse()?)?;
            let [median, p99] = [50, 99].map(|percent| latencies.percentile(percent));
            json!({
                "median": median.as_secs_f64(),
                "p99": p99.as_secs_f64(),
                "logins": latencies.logins,
            })
        }
        _ => return Err(USAGE.into()),
    };
    println!("{printed}");
    Ok(())
}

/// One of the applications of the file that the benchmark writes.
fn application(address: &str, client_id: &str, audience: &str) -> Result<Tokens, Box<dyn Error>> {
    Ok(Tokens {
        address: address.parse()?,
        client_id: client_id.to_owned(),
        client_secret: "a secret of the benchmark alone".to_owned(),
        audience: audience.to_owned(),
    })
}
