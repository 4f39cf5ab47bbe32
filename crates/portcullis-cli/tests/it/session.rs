use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::program::{Output, PATIENCE, World};

/// A running `portcullis dev`, which is killed when it is dropped.
pub(crate) struct Session {
    child: Child,
    /// The object that it printed when it was ready.
    pub(crate) ready: Value,
    first_line: String,
    stdout: BufReader<ChildStdout>,
    /// What was said so far, and the task that listens until the end.
    said: Arc<Mutex<Vec<u8>>>,
    stderr: JoinHandle<()>,
}

impl Session {
    /// Starts a session of the world's project.
    pub(crate) async fn start(world: &World) -> Self {
        Self::start_with(world, &["--tenant-listen", "127.0.0.1:0"]).await
    }

    /// Starts a session of the world's project, with more arguments.
    pub(crate) async fn start_with(world: &World, arguments: &[&str]) -> Self {
        let listen = ["dev", "--format", "json", "--listen", "127.0.0.1:0"];
        Self::spawn(&mut world.command(&[&listen, arguments].concat())).await
    }

    /// Runs `command`, and waits until it is ready.
    pub(crate) async fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let stderr = tokio::spawn(async move {
            let mut part = Vec::new();
            while stderr.read_buf(&mut part).await.unwrap() > 0 {
                heard.lock().unwrap().append(&mut part);
            }
        });
        let mut first_line = String::new();
        let read = timeout(PATIENCE, stdout.read_line(&mut first_line)).await;
        read.expect("the session is ready in time").unwrap();
        let Ok(ready) = serde_json::from_str(&first_line) else {
            drop(child.kill().await);
            stderr.await.unwrap();
            let said = String::from_utf8(said.lock().unwrap().clone()).unwrap();
            panic!("the session did not start: {said}");
        };
        Self {
            child,
            ready,
            first_line,
            stdout,
            said,
            stderr,
        }
    }

    /// Runs `command` until it has said a line with `last`, and returns what it said up to there.
    pub(crate) async fn read_page(command: &mut Command, last: &str) -> String {
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut page = String::new();
        while !page.contains(last) {
            let read = timeout(PATIENCE, stderr.read_line(&mut page)).await;
            let read = read.expect("the page comes in time").unwrap();
            assert!(read > 0, "{last} is missing: {page}");
        }
        page
    }

    /// The address of the first API.
    pub(crate) fn api(&self) -> &str {
        let apis = self.ready["apis"].as_object().unwrap();
        apis.values().next().unwrap().as_str().unwrap()
    }

    /// `path` of the first API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api())
    }

    /// The tenant's issuer, with its slash.
    pub(crate) fn issuer(&self) -> &str {
        self.ready["issuer"].as_str().unwrap()
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the session runs")
    }

    /// Sends a signal by its name without `SIG`.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let mut kill = Command::new("kill");
        kill.args(["-s", name, &id]).stdin(Stdio::null());
        assert!(
            kill.status().await.unwrap().success(),
            "kill -s {name} {id}"
        );
    }

    /// Waits for the end, and returns everything that was printed and said.
    pub(crate) async fn end(mut self) -> Output {
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.expect("the session ends in time").unwrap();
        let mut printed = self.first_line.into_bytes();
        self.stdout.read_to_end(&mut printed).await.unwrap();
        self.stderr.await.unwrap();
        let said = self.said.lock().unwrap().clone();
        Output::new(status, printed, said)
    }

    /// Waits until `text` was said.
    pub(crate) async fn until_said(&self, text: &str) {
        let is_said = || {
            let said = self.said.lock().unwrap();
            String::from_utf8_lossy(&said).contains(text)
        };
        let said = async {
            while !is_said() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let said = timeout(PATIENCE, said).await;
        said.unwrap_or_else(|_| panic!("{text} is said in time"));
    }

    /// Ends the session as Ctrl-C does.
    pub(crate) async fn stop(self) -> Output {
        self.signal("INT").await;
        self.end().await
    }
}

/// The token of `portcullis token` with `arguments`, run in the project's folder.
pub(crate) async fn token(world: &World, arguments: &[&str]) -> String {
    let output = world.run(&[&["token"], arguments].concat()).await;
    output.data().to_owned()
}
