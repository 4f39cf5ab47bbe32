use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

/// Longer than anything may take, so that a test fails rather than hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis");

/// A project's folder, and everything else that the program can see of its user.
pub(crate) struct World {
    root: TempDir,
    /// The user's folder for running sessions.
    runtime: PathBuf,
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// A copy of a folder of `examples`.
    pub(crate) fn example(name: &str) -> Self {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let world = Self::empty();
        for entry in fs::read_dir(examples.join(name)).unwrap() {
            let entry = entry.unwrap();
            // Folders are what somebody's own session left there.
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), world.project().join(entry.file_name())).unwrap();
            }
        }
        world
    }

    /// A project with this portcullis.toml.
    pub(crate) fn with_file(text: &str) -> Self {
        let world = Self::empty();
        world.write("portcullis.toml", text);
        world
    }

    /// A project's folder without a file.
    pub(crate) fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["project", "elsewhere", "home", "run"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let runtime = root.path().join("run");
        Self { root, runtime }
    }

    /// The project's folder.
    pub(crate) fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// A folder that is no project's.
    pub(crate) fn elsewhere(&self) -> PathBuf {
        self.root.path().join("elsewhere")
    }

    /// Where the user's running sessions are noted.
    pub(crate) fn notes(&self) -> PathBuf {
        self.runtime.join("portcullis")
    }

    /// Has this project run as the user of the other one.
    pub(crate) fn share_user(&mut self, other: &Self) {
        self.runtime.clone_from(&other.runtime);
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.project().join(name), content).unwrap();
    }

    /// Adds `text` to the end of the project's portcullis.toml.
    pub(crate) fn append(&self, text: &str) {
        let file = self.project().join("portcullis.toml");
        let before = fs::read_to_string(&file).unwrap();
        self.write("portcullis.toml", before + text);
    }

    /// The program, in the project's folder, with nothing of the environment of this test.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .env("PATH", Path::new(PROGRAM).parent().unwrap())
            .env("XDG_RUNTIME_DIR", &self.runtime)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs the program in the project's folder to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        Output::of(&mut self.command(arguments)).await
    }
}

impl Output {
    /// Runs `command` to its end.
    pub(crate) async fn of(command: &mut Command) -> Self {
        let output = timeout(PATIENCE, command.output()).await;
        let output = output.expect("the program ends in time").unwrap();
        Self::new(output.status, output.stdout, output.stderr)
    }

    pub(crate) fn new(status: ExitStatus, stdout: Vec<u8>, stderr: Vec<u8>) -> Self {
        Self {
            status: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// What was printed by a run that went well and had nothing to say.
    #[track_caller]
    pub(crate) fn data(&self) -> &str {
        assert_eq!((self.status, self.stderr.as_str()), (Some(0), ""));
        self.stdout.trim_end()
    }

    /// What was said by a run that failed and printed nothing.
    #[track_caller]
    pub(crate) fn failure(&self) -> &str {
        assert_eq!(
            (self.status, self.stdout.as_str()),
            (Some(1), ""),
            "{self:?}"
        );
        self.stderr.trim_end()
    }
}
