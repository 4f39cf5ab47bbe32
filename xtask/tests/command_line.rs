//! The command line through the binary: what is printed where, and the exit status.

use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .output()
        .expect("the binary is built for this test")
}

#[test]
fn help_lists_the_steps_with_their_commands() {
    for arguments in [&[][..], &["help"], &["--help"], &["-h"]] {
        let output = xtask(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}");
        assert!(
            text.contains("  format      cargo fmt --all --check\n"),
            "{arguments:?}: {text}"
        );
    }
}

#[test]
fn what_is_not_understood_exits_with_2_and_says_why() {
    let cases: [(&[&str], &str); 7] = [
        (&["build"], "unknown command: build\n"),
        (&["ci", "now"], "unknown command: ci now\n"),
        (&["ci", "--only"], "unknown command: ci --only\n"),
        (
            &["ci", "--only", "tests"],
            "xtask: there is no step `tests`: see `cargo xtask help`\n",
        ),
        (
            &["bench", "--format", "xml"],
            "unknown command: bench --format xml\n",
        ),
        (
            &["fuzz", "tokens"],
            "xtask: there is no fuzz target `tokens`; there are configuration,",
        ),
        (
            &["fuzz", "token", "--seconds", "soon"],
            "xtask: `soon` is not a number of seconds\n",
        ),
    ];
    for (arguments, expected) in cases {
        let output = xtask(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text.starts_with(expected), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
