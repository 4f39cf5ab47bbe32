//! Repeats one operation, for a profiler or an instruction counter.
//!
//! `portcullis-bench SUBJECT/CONTENDER COUNT`; without arguments it prints the operations.
//! `portcullis-bench fill-cache COUNT` fills a cache and prints how many tokens it keeps and the
//! bytes it takes them for; `/usr/bin/time -v` or a heap profiler tells what they really take.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool"
)]

use std::process::ExitCode;

use portcullis_bench::{Operation, SUBJECTS, Subject, cache};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => print_operations(),
        [name, count] if name == "fill-cache" => {
            let Ok(count) = count.parse() else {
                return usage();
            };
            let (_cache, status) = cache::fill(count);
            println!("{} tokens, {} bytes", status.entries, status.bytes);
        }
        [name, count] => {
            let (Some(operation), Ok(count)) = (prepare(name), count.parse::<u32>()) else {
                return usage();
            };
            for _ in 0..count {
                operation.run();
            }
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn print_operations() {
    for operation in SUBJECTS.into_iter().flat_map(Subject::operations) {
        println!("{operation}");
    }
}

/// Makes keys for the named operation's subject alone: that takes long under a profiler.
fn prepare(name: &str) -> Option<Operation> {
    let (subject, _) = name.split_once('/')?;
    let subject = SUBJECTS.into_iter().find(|known| known.name == subject)?;
    let mut operations = subject.operations().into_iter();
    operations.find(|operation| operation.to_string() == name)
}

fn usage() -> ExitCode {
    eprintln!("usage: portcullis-bench [SUBJECT/CONTENDER COUNT | fill-cache COUNT]");
    ExitCode::from(2)
}
