//! A PostgreSQL server of the test's own, on a socket in a folder of its own.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

pub(crate) struct PostgresServer {
    programs: Programs,
    directory: TempDir,
    process: Child,
}

impl PostgresServer {
    /// Starts a server. Absent where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let programs = Programs::find()?;
        let directory = tempfile::tempdir().unwrap();
        if let Some((user, group)) = programs.user {
            chown(directory.path(), Some(user), Some(group)).unwrap();
        }
        let initdb = programs
            .command("initdb", directory.path())
            .args(["--pgdata=data", "--username=postgres", "--auth=trust"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .output()
            .unwrap();
        assert!(initdb.status.success(), "{initdb:?}");
        let process = programs
            .command("postgres", directory.path())
            .args(["-D", "data", "-c", "listen_addresses=", "-c", "fsync=off"])
            .args(["-c", "max_connections=200", "-c"])
            .arg(format!(
                "unix_socket_directories={}",
                directory.path().display()
            ))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Self {
            programs,
            directory,
            process,
        };
        server.wait_until_ready();
        Some(server)
    }

    /// Makes an empty database, and gives its URL.
    pub(crate) fn create_database(&self, name: &str) -> String {
        self.copy_database("template0", name)
    }

    /// Makes a database like another that nobody uses, and gives its URL.
    pub(crate) fn copy_database(&self, template: &str, name: &str) -> String {
        let folder = self.directory.path().display();
        let created = self
            .programs
            .command("createdb", self.directory.path())
            .arg(format!("--host={folder}"))
            .arg(format!("--template={template}"))
            .args(["--username=postgres", name])
            .output()
            .unwrap();
        assert!(created.status.success(), "{created:?}");
        format!("postgres://postgres@localhost/{name}?host={folder}")
    }

    fn wait_until_ready(&mut self) {
        let log = self.process.stderr.take().unwrap();
        let mut lines = BufReader::new(log).lines();
        let mut read = Vec::new();
        loop {
            let line = lines.next().and_then(Result::ok);
            let line = line.unwrap_or_else(|| panic!("the server ended: {read:?}"));
            if line.contains("ready to accept connections") {
                break;
            }
            read.push(line);
        }
        // Its log must be read on, or it would stop when the pipe is full.
        thread::spawn(move || lines.for_each(drop));
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let stopped = self
            .programs
            .command("pg_ctl", self.directory.path())
            .args(["stop", "--pgdata=data", "--mode=immediate"])
            .output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            drop(self.process.kill());
        }
        drop(self.process.wait());
    }
}

/// Where its commands are, and who may run them.
struct Programs {
    folder: PathBuf,
    /// The server refuses to be root's.
    user: Option<(u32, u32)>,
}

impl Programs {
    fn find() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        let debian = debian.flatten().map(|entry| entry.path().join("bin"));
        let folder = debian
            .chain(env::split_paths(&path))
            .find(|folder| folder.join("initdb").is_file())?;
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        let user = if is_root { Some(find_user()?) } else { None };
        Some(Self { folder, user })
    }

    fn command(&self, name: &str, directory: &Path) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

/// The user and group that Debian's package makes.
fn find_user() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
