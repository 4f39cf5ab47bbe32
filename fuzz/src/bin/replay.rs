//! Runs the targets on their seeds, and on a number of changed seeds that is always the same.
//!
//! `replay [--iterations N] [TARGET | FILE …]`: without names, all targets with 1000 changed seeds
//! each. A file is an input, found by libFuzzer or here, whose folder is named for its target.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{fs, io};

use portcullis_fuzz::corpus::{self, Seed};
use portcullis_fuzz::mutation::{Random, mutate};
use portcullis_fuzz::targets::{TARGETS, Target};

const ITERATIONS: u32 = 1000;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error("usage: replay [--iterations N] [TARGET | FILE …]; there is no `{0}`")]
    Usage(String),
    #[error("{0}: the seeds cannot be read: {1}")]
    Seeds(&'static str, io::Error),
    #[error("{target}: the seed `{seed}` was answered {answer}")]
    Answer {
        target: &'static str,
        seed: String,
        answer: &'static str,
    },
    #[error("{target}: a promise is broken; to see it again: replay {}", file.display())]
    Panic { target: &'static str, file: PathBuf },
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Vec<String>) -> Result<(), ReplayError> {
    let mut iterations = ITERATIONS;
    if let [flag, count, ..] = &arguments[..]
        && flag == "--iterations"
    {
        iterations = count
            .parse()
            .map_err(|_| ReplayError::Usage(count.clone()))?;
        arguments.drain(..2);
    }
    if arguments.is_empty() {
        return TARGETS
            .iter()
            .try_for_each(|target| fuzz(target, iterations));
    }
    for name in arguments {
        match TARGETS.iter().find(|target| target.name == name) {
            Some(target) => fuzz(target, iterations)?,
            None => run_file(Path::new(&name))?,
        }
    }
    Ok(())
}

/// Runs one input without catching anything, so that a debugger sees it fail.
fn run_file(path: &Path) -> Result<(), ReplayError> {
    let unknown = || ReplayError::Usage(path.display().to_string());
    let input = fs::read(path).map_err(|_| unknown())?;
    let folder = path.parent().and_then(Path::file_name);
    let target = TARGETS
        .iter()
        .find(|target| folder.is_some_and(|folder| folder == target.name))
        .ok_or_else(unknown)?;
    println!("{}: {}", target.name, (target.run)(&input));
    Ok(())
}

fn fuzz(target: &Target, iterations: u32) -> Result<(), ReplayError> {
    let started = Instant::now();
    let seeds =
        corpus::load(target.name).map_err(|error| ReplayError::Seeds(target.name, error))?;
    for seed in &seeds {
        check_seed(target, seed)?;
    }
    let answers = run_changed(target, &seeds, iterations)?;
    let answers: Vec<_> = answers
        .iter()
        .map(|(answer, count)| format!("{answer} {count}"))
        .collect();
    println!(
        "{}: {} seeds, {iterations} changed ones in {:.1} s: {}",
        target.name,
        seeds.len(),
        started.elapsed().as_secs_f64(),
        answers.join(", ")
    );
    Ok(())
}

fn check_seed(target: &Target, seed: &Seed) -> Result<(), ReplayError> {
    let answer = run_input(target, &seed.bytes)?;
    if answer == seed.answer() {
        Ok(())
    } else {
        Err(ReplayError::Answer {
            target: target.name,
            seed: seed.name.clone(),
            answer,
        })
    }
}

/// How often each answer was given.
fn run_changed(
    target: &Target,
    seeds: &[Seed],
    iterations: u32,
) -> Result<BTreeMap<&'static str, u32>, ReplayError> {
    let mut random = Random::new(0);
    let mut answers = BTreeMap::new();
    for _ in 0..iterations {
        let (seed, other) = (random.pick(seeds), random.pick(seeds));
        let input = mutate(&seed.bytes, &other.bytes, &mut random);
        *answers.entry(run_input(target, &input)?).or_insert(0) += 1;
    }
    Ok(answers)
}

/// Runs one input, and keeps it in a file when it breaks a promise.
fn run_input(target: &Target, input: &[u8]) -> Result<&'static str, ReplayError> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(|_| {
        let folder = corpus::root().join("artifacts").join(target.name);
        let file = folder.join("replay");
        // The panic has been printed; a file that cannot be kept is no reason to hide it.
        if let Err(error) = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input)) {
            eprintln!("{}: {error}", file.display());
        }
        ReplayError::Panic {
            target: target.name,
            file,
        }
    })
}
