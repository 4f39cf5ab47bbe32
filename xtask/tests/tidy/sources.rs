//! Rules for the text of files. The forbidden words are put together here, so that this file keeps
//! the rules itself.

use crate::assert_none;
use crate::layers::pure_crates;
use crate::workspace::{TextFile, files_below};

/// Longer than this is nearly always a table, a state machine or a regret.
const MAX_LINES: usize = 600;

/// Folders of a machine that somebody worked on.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/", "root/"),
    concat!("/", "work/"),
    concat!("bash", "_jobs"),
    concat!(".", "library/"),
    concat!("/tmp/", "target"),
];

/// Code that is not there, and tests that do not run.
const STUBS: [&str; 3] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
];

/// I/O, clocks and async. `std::{` would hide the others from this test.
const IMPURE: [&str; 11] = [
    "std::time",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "TcpListener",
    "TcpStream",
    "ToSocketAddrs",
    "UdpSocket",
    "std::{",
    "tokio",
];

const MARK: &str = concat!("TO", "DO");

#[test]
fn pure_crates_do_no_io_and_read_no_clock() {
    let violations: Vec<_> = pure_crates()
        .flat_map(|name| files_below(&format!("crates/{name}/src")))
        .flat_map(|file| find_lines(&file, is_impure))
        .collect();
    assert_none(
        "a pure crate does I/O, reads a clock or is async",
        &violations,
    );
}

#[test]
fn no_file_names_a_folder_of_a_machine() {
    let violations: Vec<_> = files_below("")
        .iter()
        .flat_map(|file| find_lines(file, |line| contains_any(line, &MACHINE_PATHS)))
        .collect();
    assert_none("a path of somebody's machine", &violations);
}

#[test]
fn a_module_with_children_is_named_for_itself() {
    let violations: Vec<_> = files_below("")
        .into_iter()
        .map(|file| file.path)
        .filter(|path| path.ends_with("/mod.rs"))
        .collect();
    assert_none("`foo.rs` beside `foo/`, never `foo/mod.rs`", &violations);
}

#[test]
fn everything_left_to_do_has_an_issue() {
    let violations: Vec<_> = files_below("")
        .iter()
        .filter(|file| file.has_extension(&["css", "html", "js", "rs", "sh", "toml", "ts", "tsx"]))
        .flat_map(|file| find_lines(file, has_bare_mark))
        .collect();
    assert_none(
        &format!("write {MARK}(#142) with the number of an issue"),
        &violations,
    );
}

#[test]
fn nothing_is_a_stub_and_every_test_runs() {
    let violations: Vec<_> = files_below("")
        .iter()
        .filter(|file| file.has_extension(&["rs"]))
        .flat_map(|file| find_lines(file, |line| contains_any(line, &STUBS)))
        .collect();
    assert_none("a stub, or a test that is switched off", &violations);
}

#[test]
fn no_file_is_too_long() {
    let violations: Vec<_> = ["bench", "crates", "fuzz/src", "xtask"]
        .into_iter()
        .flat_map(files_below)
        .filter(is_too_long)
        .map(|file| file.path)
        // What npm and Cargo wrote, and nobody reads.
        .filter(|path| !path.ends_with("/package-lock.json") && !path.ends_with("/Cargo.lock"))
        .collect();
    assert_none(
        &format!("more than {MAX_LINES} lines: split it by meaning"),
        &violations,
    );
}

fn is_too_long(file: &TextFile) -> bool {
    file.text.lines().count() > MAX_LINES
}

/// `path:line: text` for each line that `is_wrong`.
fn find_lines(file: &TextFile, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = file
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| is_wrong(line));
    lines
        .map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim()))
        .collect()
}

fn contains_any(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| line.contains(word))
}

/// Prose may name what the code must not use, and a length of time is not a clock.
fn is_impure(line: &str) -> bool {
    let is_comment = line.trim_start().starts_with("//");
    !is_comment && contains_any(&line.replace("std::time::Duration", ""), &IMPURE)
}

/// Whether the mark stands in the line as a word, without `(#n)` behind it.
fn has_bare_mark(line: &str) -> bool {
    line.match_indices(MARK).any(|(start, _)| {
        let (before, rest) = line.split_at(start);
        let after = rest.strip_prefix(MARK).unwrap_or(rest);
        let is_word = !before.ends_with(is_word_part) && !after.starts_with(is_word_part);
        is_word && !names_an_issue(after)
    })
}

fn is_word_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn names_an_issue(text: &str) -> bool {
    text.strip_prefix("(#")
        .and_then(|text| text.split_once(')'))
        .is_some_and(|(number, _)| {
            !number.is_empty() && number.chars().all(|character| character.is_ascii_digit())
        })
}

#[test]
fn a_mark_counts_as_a_word_without_an_issue() {
    let cases = [
        ("// MARK: later", true),
        ("// MARK(#): later", true),
        ("// MARK(#12a): later", true),
        ("// MARK(ada): later", true),
        ("// MARK(#1): fine. MARK: not", true),
        ("// MARK(#142): later", false),
        ("// MARKS, and METHOD_MARK", false),
        ("// nothing", false),
    ];
    for (line, expected) in cases {
        assert_eq!(
            has_bare_mark(&line.replace("MARK", MARK)),
            expected,
            "{line}"
        );
    }
}

#[test]
fn clocks_and_io_are_impure_and_their_types_are_not() {
    let cases = [
        ("use std::time::Duration;", false),
        ("use std::time::{Duration, Instant};", true),
        ("use std::time::Instant;", true),
        ("    let file = std::fs::read(path);", true),
        ("use std::{fmt, fs};", true),
        ("use std::net::TcpListener;", true),
        ("use std::net::SocketAddr;", false),
        ("    /// The caller reads `std::env`.", false),
    ];
    for (line, expected) in cases {
        assert_eq!(is_impure(line), expected, "{line}");
    }
}

#[test]
fn a_violation_names_its_file_and_line() {
    let file = TextFile {
        path: "a.rs".to_owned(),
        text: "good\n  bad\ngood\n".to_owned(),
    };
    assert_eq!(
        find_lines(&file, |line| line.contains("bad")),
        ["a.rs:2: bad"]
    );
}

#[test]
fn a_file_of_exactly_the_limit_is_not_too_long() {
    for (lines, expected) in [(MAX_LINES, false), (MAX_LINES + 1, true)] {
        let file = TextFile {
            path: "a.rs".to_owned(),
            text: "line\n".repeat(lines),
        };
        assert_eq!(is_too_long(&file), expected, "{lines} lines");
    }
}
