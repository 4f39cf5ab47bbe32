//! Ends the workers of a gateway that was killed: a process of its own that outlives it.
//!
//! It reads `+GROUP` and `-GROUP` lines from a pipe that only the gateway holds. The system closes
//! that pipe however the gateway ends, and what is left of the groups is then killed: also a
//! handler that loops for ever, and what it has started itself.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// How many groups are watched at most: more than a gateway has.
const MOST_GROUPS: usize = 100_000;

/// Reads until the gateway is gone, and then kills what it has left.
///
/// # Errors
/// When `input` cannot be read; what is known by then is killed all the same.
pub fn guard(input: impl BufRead) -> io::Result<()> {
    let mut groups = BTreeSet::new();
    let result = follow(input, &mut groups);
    for group in groups {
        kill_group(group);
    }
    result
}

fn follow(input: impl BufRead, groups: &mut BTreeSet<i32>) -> io::Result<()> {
    for line in input.lines() {
        let line = line?;
        let begun = line.strip_prefix('+').and_then(|group| group.parse().ok());
        let ended = line.strip_prefix('-').and_then(|group| group.parse().ok());
        if let Some(group) = begun.filter(|_| groups.len() < MOST_GROUPS) {
            groups.insert(group);
        } else if let Some(group) = ended {
            groups.remove(&group);
        }
    }
    Ok(())
}

/// Kills a group of processes; one that is gone is fine.
pub(crate) fn kill_group(group: i32) {
    // 1 would be everybody's.
    if let Some(group) = Pid::from_raw(group).filter(|_| group > 1) {
        let killed = kill_process_group(group, Signal::KILL);
        if let Err(error) = killed
            && error != rustix::io::Errno::SRCH
        {
            tracing::debug!(%error, "a worker's processes cannot be killed");
        }
    }
}

/// The gateway's end of the pipe; without a guard, nothing is told.
#[derive(Debug, Default)]
pub(crate) struct Guard(Option<Mutex<(Child, ChildStdin)>>);

impl Guard {
    /// Starts the guard by its command line; without one, there is none.
    pub(crate) fn start(command: Option<&[OsString]>) -> io::Result<Self> {
        let Some([program, arguments @ ..]) = command else {
            return Ok(Self(None));
        };
        let mut child = Command::new(program)
            .args(arguments)
            // Workers could read there what they are not given themselves.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the gateway, which then ends its workers in order.
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self(Some(Mutex::new((child, pipe)))))
    }

    pub(crate) fn begun(&self, group: i32) {
        self.tell(&format!("+{group}\n"));
    }

    pub(crate) fn ended(&self, group: i32) {
        self.tell(&format!("-{group}\n"));
    }

    fn tell(&self, line: &str) {
        let Some(guard) = &self.0 else {
            return;
        };
        let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = guard.1.write_all(line.as_bytes()) {
            tracing::warn!(%error, "nobody would end the functions if the gateway were killed");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(guard) = self.0.take() {
            let (mut child, pipe) = guard.into_inner().unwrap_or_else(PoisonError::into_inner);
            drop(pipe);
            drop(child.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_knows_no_secret_of_the_gateway() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("environment");
        // What the shell adds by itself, as `PWD`, is no secret.
        let program = format!("/usr/bin/env > '{}'; read line", file.display());
        let command = ["/bin/sh", "-c", &program].map(OsString::from);
        drop(Guard::start(Some(&command)).unwrap());
        let seen = std::fs::read_to_string(file).unwrap();
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        assert!(seen.contains("PWD="), "{seen}");
        assert!(!seen.contains("CARGO_MANIFEST_DIR="), "{seen}");
    }

    #[test]
    fn what_is_left_when_the_pipe_closes_is_killed() {
        let sleep = || {
            let mut command = Command::new("sleep");
            command.arg("600").process_group(0).spawn().unwrap()
        };
        let (mut left, mut ended) = (sleep(), sleep());
        let lines = format!("+{0}\n+{1}\nrubbish\n-{1}\n", left.id(), ended.id());
        guard(lines.as_bytes()).unwrap();
        assert_eq!(left.wait().unwrap().code(), None, "killed by a signal");
        assert_eq!(ended.try_wait().unwrap(), None, "still there");
        ended.kill().unwrap();
        ended.wait().unwrap();
    }
}
