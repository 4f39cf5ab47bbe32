use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::program::PATIENCE;

/// How long a browser may take, on a machine that does other things too.
const BROWSER: Duration = Duration::from_mins(2);

/// The folder of the applications that are there for tests only.
pub(crate) const CLIENTS: &str = "crates/portcullis-cli/tests/clients";

/// A folder with a package.json, whose libraries are installed.
#[derive(Clone, Debug)]
pub(crate) struct Package(PathBuf);

impl Package {
    /// The folder `name` of the workspace.
    pub(crate) fn of(name: &str) -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = workspace.join(name);
        assert!(
            folder.join("node_modules/playwright-core").exists(),
            "this test needs `npm ci --prefix {name}`, as .ci/run does it"
        );
        Self(folder)
    }

    /// The file `name` of it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A script of it, with nothing of the environment of this test.
    pub(crate) fn node(&self, script: &str) -> Command {
        let mut command = Command::new("node");
        command
            .arg(self.file(script))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        command
    }
}

/// Starts a server, and waits until it says where it listens.
pub(crate) async fn started(command: &mut Command) -> Child {
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let read = timeout(PATIENCE, stdout.read_line(&mut line)).await;
    read.expect("the server starts in time").unwrap();
    assert!(line.contains("://localhost:"), "{line:?}");
    child
}

/// Runs a script that drives a browser, in `home`, and wants it to find all as it should be.
pub(crate) async fn browse(command: &mut Command, home: PathBuf) {
    let browser = command.env("HOME", home).stderr(Stdio::piped()).output();
    let output = timeout(BROWSER, browser).await;
    let output = output.expect("the browser ends in time").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// The origin of what listens at `port` of this machine.
pub(crate) fn at(port: u16) -> String {
    format!("http://localhost:{port}")
}

/// A port that nothing listens at.
pub(crate) async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}
