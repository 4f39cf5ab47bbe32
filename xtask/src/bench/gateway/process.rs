//! A process on one core, and what it takes.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::GatewayBenchError;

/// The core of the proxy that is measured.
pub(crate) const PROXY: &str = "0";
/// The core of everything else.
pub(crate) const CALLERS: &str = "1";

/// How long a process may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Linux counts the CPU time of processes in hundredths of a second.
const TICKS_PER_SECOND: u64 = 100;

/// A process, which is ended when it is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts `command` on this core, and waits until `address` accepts connections.
    pub(crate) fn start(
        name: &'static str,
        core: &str,
        command: &[&str],
        address: &str,
        folder: &Path,
    ) -> Result<Self, GatewayBenchError> {
        let running = Self::spawn(name, core, command, folder)?;
        let address: SocketAddr = address
            .parse()
            .map_err(|_| GatewayBenchError::Silent(name))?;
        running.once(name, || TcpStream::connect(address).is_ok())
    }

    /// Starts `command` on this core.
    pub(crate) fn spawn(
        name: &'static str,
        core: &str,
        command: &[&str],
        folder: &Path,
    ) -> Result<Self, GatewayBenchError> {
        let start = |cause| GatewayBenchError::Start {
            program: name.to_owned(),
            cause,
        };
        let log = File::create(folder.join(format!("{}.log", name.replace(' ', "-"))));
        let log = log.map_err(start)?;
        let child = Command::new("taskset")
            .args(["-c", core])
            .args(command)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(start)?)
            .stderr(log)
            .spawn()
            .map_err(start)?;
        Ok(Self(child))
    }

    /// Waits until `is_ready`, which is asked every other millisecond.
    pub(crate) fn once(
        mut self,
        name: &'static str,
        is_ready: impl Fn() -> bool,
    ) -> Result<Self, GatewayBenchError> {
        let until = Instant::now() + PATIENCE;
        while !is_ready() {
            let has_ended = self.0.try_wait().ok().flatten().is_some();
            if has_ended || Instant::now() > until {
                return Err(GatewayBenchError::Silent(name));
            }
            pause(Duration::from_millis(2));
        }
        Ok(self)
    }

    /// The CPU time so far, of all its threads, in user mode and in the kernel.
    pub(crate) fn cpu(&self) -> Result<Duration, GatewayBenchError> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()));
        let stat = stat.map_err(|_| GatewayBenchError::Times)?;
        // The name, in parentheses, may hold spaces; utime and stime are the 12th and 13th after it.
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields);
        let ticks = fields
            .into_iter()
            .flat_map(str::split_whitespace)
            .skip(11)
            .take(2)
            .map(str::parse::<u64>)
            .sum::<Result<u64, _>>()
            .map_err(|_| GatewayBenchError::Times)?;
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    }

    /// The resident memory, in KiB.
    pub(crate) fn memory(&self) -> Result<u64, GatewayBenchError> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.map_err(|_| GatewayBenchError::Times)?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .ok_or(GatewayBenchError::Times)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of a command that measures, where nothing is served"
)]
fn pause(time: Duration) {
    thread::sleep(time);
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        drop(self.0.kill());
        drop(self.0.wait());
        // Its port is free again before the next one is started.
        pause(Duration::from_millis(200));
    }
}
