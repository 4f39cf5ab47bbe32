//! One process of a function, in a process group of its own, and what it writes.

use std::env;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use portcullis_config::Function;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::build::Launch;
use crate::guard::{Guard, kill_group};
use crate::journal::{Journal, LONGEST_LINE, Stream};
use crate::runner::Message;

/// The gateway's own variables that a function sees.
const INHERITED: [&str; 7] = [
    "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "USER",
];

/// How long the last lines of a process are waited for, whose children may hold its pipes.
const LAST_LINES: Duration = Duration::from_millis(200);

/// What a worker is started with, besides its program.
#[derive(Debug)]
pub(crate) struct Start<'s> {
    pub(crate) launch: &'s Launch,
    pub(crate) function: &'s Function,
    /// Where it asks for work: `127.0.0.1:4711/SECRET`.
    pub(crate) runtime_api: &'s str,
    pub(crate) number: u64,
    pub(crate) journal: Arc<Journal>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) messages: mpsc::Sender<Message>,
    /// Held until its processes are gone.
    pub(crate) alive: mpsc::Sender<()>,
}

/// Starts the process, and returns its group; [`Message::Exited`] tells when it has ended.
pub(crate) fn start(start: Start<'_>) -> io::Result<i32> {
    let mut child = command(&start).spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let group = group.ok_or(io::ErrorKind::NotFound)?;
    start.guard.begun(group);
    let out = follow(child.stdout.take(), Stream::Out, &start.journal);
    let err = follow(child.stderr.take(), Stream::Err, &start.journal);
    tokio::spawn(attend(
        child,
        group,
        [out, err],
        Attending {
            number: start.number,
            guard: start.guard,
            messages: start.messages,
            alive: start.alive,
        },
    ));
    Ok(group)
}

struct Attending {
    number: u64,
    guard: Arc<Guard>,
    messages: mpsc::Sender<Message>,
    alive: mpsc::Sender<()>,
}

/// Waits for the end of the process, and ends what it has left behind.
async fn attend(mut child: Child, group: i32, lines: [JoinHandle<()>; 2], attending: Attending) {
    let ended = child.wait().await;
    kill_group(group);
    attending.guard.ended(group);
    for mut follower in lines {
        let last = tokio::time::timeout(LAST_LINES, &mut follower).await;
        if last.is_err() {
            follower.abort();
        }
    }
    let how = match ended {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let worker = attending.number;
    // Nobody is told when the function has gone before its workers.
    drop(
        attending
            .messages
            .send(Message::Exited { worker, how })
            .await,
    );
    drop(attending.alive);
}

fn command(start: &Start<'_>) -> Command {
    let Start {
        launch, function, ..
    } = start;
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.arguments)
        .current_dir(&launch.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .env_clear();
    for name in INHERITED {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    let scheme = if launch.wants_scheme { "http://" } else { "" };
    let api = format!("{scheme}{}", start.runtime_api);
    let group = format!("/aws/lambda/{}", function.name);
    let stream = start.number.to_string();
    // Those that Lambda documents, and that its libraries will not start without.
    for (name, value) in [
        ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", &stream),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_EXECUTION_ENV", "portcullis"),
        ("AWS_REGION", "local"),
        ("IS_LOCAL", "true"),
        ("TZ", ":UTC"),
        ("_HANDLER", &launch.handler),
    ] {
        command.env(name, value);
    }
    command.env("LAMBDA_TASK_ROOT", &launch.directory);
    for (name, value) in &function.environment {
        command.env(name, value.expose());
    }
    command
}

fn follow(
    pipe: Option<impl AsyncRead + Send + Unpin + 'static>,
    stream: Stream,
    journal: &Arc<Journal>,
) -> JoinHandle<()> {
    let journal = Arc::clone(journal);
    tokio::spawn(async move {
        if let Some(pipe) = pipe {
            // Nothing more can be read from a pipe that fails.
            drop(copy_lines(pipe, stream, &journal).await);
        }
    })
}

/// Writes down line by line, however much it is: whoever is not read from would stand still.
async fn copy_lines(
    pipe: impl AsyncRead + Unpin,
    stream: Stream,
    journal: &Journal,
) -> io::Result<()> {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        let read = pipe.fill_buf().await?;
        if read.is_empty() {
            break;
        }
        let room = &read[..read.len().min(LONGEST_LINE - line.len())];
        let end = room.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(room.len(), |end| end + 1);
        line.extend_from_slice(&room[..taken]);
        pipe.consume(taken);
        if end.is_some() || line.len() >= LONGEST_LINE {
            journal.write(stream, &line);
            line.clear();
        }
    }
    if !line.is_empty() {
        journal.write(stream, &line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Log;

    #[tokio::test]
    async fn lines_are_cut_where_they_end_or_are_too_long() {
        let log = Arc::new(Log::default());
        let journal = Journal::new(Arc::from("hello"), Arc::clone(&log));
        let mut written = b"one\n\ntwo\r\n".to_vec();
        written.extend(vec![b'a'; LONGEST_LINE + 1]);
        copy_lines(&written[..], Stream::Out, &journal)
            .await
            .unwrap();
        let lines: Vec<_> = log.lines().into_iter().map(|line| line.text).collect();
        let long = "a".repeat(LONGEST_LINE);
        assert_eq!(lines, ["one", "", "two", &long, "a"]);
    }
}
