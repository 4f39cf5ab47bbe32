use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use super::{Build, Launch, NotBuilt, Place, run};
use crate::sources::Sources;

const ENDINGS: &[&str] = &[".rs", "Cargo.toml", "Cargo.lock"];

/// Builds a binary of the crate in `directory`: in production for speed.
pub(super) async fn build(name: &str, directory: &Path, place: &Place) -> Result<Build, NotBuilt> {
    let sources = Sources::Folder(directory.to_owned(), ENDINGS);
    let not_built = |message: String| NotBuilt {
        message,
        sources: sources.clone(),
    };
    let mut command = Command::new("cargo");
    command
        .args([
            "build",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(["--bin", name])
        .current_dir(directory);
    if !place.is_development {
        command.arg("--release");
    }
    let output = run(&mut command).await.map_err(not_built)?;
    let Some(program) = executable(&output, name) else {
        return Err(not_built(format!("cargo has made no binary `{name}`")));
    };
    Ok(Build {
        launch: Launch {
            program: program.into_os_string(),
            arguments: Vec::new(),
            directory: directory.to_owned(),
            handler: name.to_owned(),
            wants_scheme: true,
        },
        sources,
    })
}

/// Where cargo says that it has put the binary: one JSON object a line.
fn executable(output: &[u8], name: &str) -> Option<PathBuf> {
    let lines = output.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut made = messages.filter(|message| {
        message["reason"] == "compiler-artifact" && message["target"]["name"] == name
    });
    made.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_where_cargo_says() {
        let output = br#"{"reason":"compiler-artifact","target":{"name":"hello"},"executable":null}
rubbish
{"reason":"compiler-artifact","target":{"name":"other"},"executable":"/a/other"}
{"reason":"compiler-artifact","target":{"name":"hello"},"executable":"/a/hello"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(output, "hello"), Some(PathBuf::from("/a/hello")));
        assert_eq!(executable(output, "nobody"), None);
    }
}
