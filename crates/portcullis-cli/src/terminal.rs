//! How the program speaks: data on stdout, words on stderr, colour only on a terminal.

use std::fmt::{self, Display};
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
pub(crate) const LINK: Style = AnsiColor::Cyan.on_default();

/// A failure with advice.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: String,
}

impl Failure {
    /// `message` says what went wrong, `hint` what to do about it; neither ends with a full stop.
    pub(crate) fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self {
            message: message.into(),
            hint: hint.into(),
        })
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// `text` in `style`; the streams below take the codes out where there is no terminal.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes data. A reader that has left, as `head` does, has what it wanted.
///
/// # Errors
/// When stdout cannot be written for any other reason, as when a disk is full.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes words. Nobody can be told when stderr is closed.
pub(crate) fn say(text: impl Display) {
    drop(write!(anstream::stderr().lock(), "{text}"));
}

/// Writes a failure and what to do about it, the causes on the same line.
pub(crate) fn complain(error: &anyhow::Error) {
    let message = harmless(&format!("{error:#}"));
    say(format_args!("{}: {message}\n", styled(BAD, "error")));
    if let Some(failure) = error.downcast_ref::<Failure>() {
        let hint = harmless(&failure.hint);
        say(format_args!("{}: {hint}\n", styled(LINK, "hint")));
    }
}

/// Writes what a person should know although the program goes on.
pub(crate) fn warn(message: &str) {
    let message = harmless(message);
    say(format_args!("{}: {message}\n", styled(NOTE, "warning")));
}

/// Writes data for programs on lines of its own, in JSON that is safe to show too.
///
/// # Errors
/// When stdout cannot be written, see [`print`].
pub(crate) fn print_json(data: &Value) -> io::Result<()> {
    print(format_args!("{}\n", harmless_json(&format!("{data:#}"))))
}

/// The same on one line, for who reads line by line.
///
/// # Errors
/// When stdout cannot be written, see [`print`].
pub(crate) fn print_json_line(data: &Value) -> io::Result<()> {
    print(format_args!("{}\n", harmless_json(&data.to_string())))
}

/// JSON with escapes for what a terminal would obey. Outside of texts it holds no such character.
pub(crate) fn harmless_json(json: &str) -> String {
    json.chars().fold(String::new(), |mut shown, character| {
        if character == '\n'
            || harmless(character.encode_utf8(&mut [0; 4])).len() == character.len_utf8()
        {
            shown.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown += &format!("\\u{unit:04x}");
            }
        }
        shown
    })
}

/// A stranger's text, with escapes for whatever a terminal would obey instead of showing it.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, character| {
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
        shown
    })
}

/// Whether stderr shows colour, for text that others render.
pub(crate) fn has_colour() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Indented lines in columns, each as wide as its widest cell; the last one is not padded.
///
/// Cells are plain text with the style they are shown in, and may be a stranger's.
pub(crate) fn table(rows: &[Vec<(Style, String)>]) -> String {
    let shown = |row: &Vec<(Style, String)>| {
        let cells = row.iter().map(|(style, text)| (*style, harmless(text)));
        cells.collect::<Vec<_>>()
    };
    let rows: Vec<_> = rows.iter().map(shown).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|(_, text)| text.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let mut page = String::new();
    for row in &rows {
        let mut line = String::from("   ");
        for (index, (style, text)) in row.iter().enumerate() {
            let last = index + 1 == row.len();
            let padding = if last {
                0
            } else {
                widths[index] - text.chars().count()
            };
            line.extend([" ", &styled(*style, text), &" ".repeat(padding), " "]);
        }
        page.extend([line.trim_end(), "\n"]);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, expected) in [
            (
                r#"`it's "C:\a"`, größer: 香"#,
                r#"`it's "C:\a"`, größer: 香"#,
            ),
            ("\u{1b}[31mred\u{7}", r"\u{1b}[31mred\u{7}"),
            ("two\r\nlines", r"two\r\nlines"),
            ("\u{9b}1m", r"\u{9b}1m"),
            ("\u{202e}txet", r"\u{202e}txet"),
            ("\u{61c}\u{200e}\u{200f}", r"\u{61c}\u{200e}\u{200f}"),
            (
                "\u{202a}\u{202b}\u{202c}\u{202d}",
                r"\u{202a}\u{202b}\u{202c}\u{202d}",
            ),
            (
                "\u{2066}\u{2067}\u{2068}\u{2069}",
                r"\u{2066}\u{2067}\u{2068}\u{2069}",
            ),
            (
                "\u{2028}\u{2029}\u{feff}\u{7f}",
                r"\u{2028}\u{2029}\u{feff}\u{7f}",
            ),
            ("\u{e0041}", r"\u{e0041}"),
        ] {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
    }

    #[test]
    fn json_stays_the_same_data() {
        let data = serde_json::json!({ "a\u{9b}": "größer \u{1b}\u{202e}\u{e0041}\n\"\\" });
        let shown = harmless_json(&format!("{data:#}"));
        assert_eq!(
            shown,
            "{\n  \"a\\u009b\": \"größer \\u001b\\u202e\\udb40\\udc41\\n\\\"\\\\\"\n}"
        );
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), data);
    }

    #[test]
    fn columns_stand_under_one_another() {
        let plain = |cells: [&str; 3]| cells.map(|cell| (Style::new(), cell.to_owned())).to_vec();
        let page = table(&[plain(["GET", "/a", "x"]), plain(["POST", "/longer", ""])]);
        assert_eq!(
            anstream::adapter::strip_str(&page).to_string(),
            "    GET   /a       x\n    POST  /longer\n"
        );
    }
}
