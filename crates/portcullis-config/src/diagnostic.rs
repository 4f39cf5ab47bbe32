use std::fmt;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str,
};
use serde_json::{Value, json};

use crate::Source;
use crate::masking;
use crate::position::{Origin, Positions};

/// How many diagnostics are shown; the rest are counted.
pub(crate) const SHOWN: usize = 50;

/// The most text that is drawn for one diagnostic: the renderer looks at every character.
const LONGEST_EXCERPT: usize = 64 << 10;

/// One thing to say about the file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file can be used in spite of it.
    pub severity: Severity,
    /// What is wrong, in one line. Never holds text that came from the environment.
    pub message: String,
    /// The bytes of the file it is about.
    pub span: Range<usize>,
    /// What to write beside the underlined text; may be empty.
    pub label: String,
    /// Other places of the file that explain it.
    pub secondary: Vec<(Range<usize>, String)>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Whether a file with this diagnostic can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used, and a person should look.
    Warning,
}

impl Diagnostic {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            secondary: Vec::new(),
            hint: None,
        }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn secondary(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.secondary.push((span, label.into()));
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn render(&self, source: &Source<'_>, name: &str, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let group = Group::with_title(level.primary_title(&self.message));
        let excerpt = Excerpt::around(source.text, self);
        let mut group = if excerpt.text.len() <= LONGEST_EXCERPT {
            group.element(self.snippet(&excerpt, name))
        } else {
            group.elements(self.places(source, name))
        };
        if let Some(hint) = &self.hint {
            let hint = normalize_untrusted_str(hint);
            group = group.element(Level::HELP.with_name("hint").message(hint));
        }
        renderer.render(&[group])
    }

    /// The lines of the file with the text underlined.
    fn snippet<'a>(&'a self, excerpt: &Excerpt<'a>, name: &'a str) -> Snippet<'a, Annotation<'a>> {
        let primary = AnnotationKind::Primary.span(excerpt.relative(&self.span));
        let secondary = self.secondary.iter().map(|(span, label)| {
            AnnotationKind::Context
                .span(excerpt.relative(span))
                .label(text(label))
        });
        Snippet::source(excerpt.text)
            .path(name)
            .line_start(excerpt.first_line)
            .annotation(primary.label(text(&self.label)))
            .annotations(secondary)
    }

    /// The places alone, for lines that nobody could read.
    fn places<'a>(&self, source: &Source<'_>, name: &'a str) -> Vec<annotate_snippets::Origin<'a>> {
        let positions = Positions::new(source.text);
        let spans = std::iter::once(&self.span).chain(self.secondary.iter().map(|(span, _)| span));
        let place = |span: &Range<usize>| {
            let Origin { line, column } = positions.origin(span.start);
            annotate_snippets::Origin::path(name)
                .line(line)
                .char_column(column)
        };
        spans.map(place).collect()
    }

    fn to_json(&self, source: &Source<'_>, positions: &Positions<'_>) -> Value {
        let Origin { line, column } = positions.origin(self.span.start);
        json!({
            "severity": self.severity.to_string(),
            "message": self.message,
            "file": source.name,
            "line": line,
            "column": column,
            "hint": self.hint,
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// The label, where there is one: an empty label would still draw a connecting line.
fn text(label: &str) -> Option<String> {
    // The renderer makes everything harmless but labels.
    (!label.is_empty()).then(|| normalize_untrusted_str(label))
}

/// Everything to say about one file, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub(crate) fn new(mut list: Vec<Diagnostic>) -> Self {
        list.sort_by(|one, other| {
            (one.span.start, one.severity).cmp(&(other.span.start, other.severity))
        });
        Self(list)
    }

    /// Whether there is nothing to say.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are, shown or not.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Each diagnostic, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Writes them for a person, with the lines of `source` they are about, secrets masked.
    ///
    /// With `colour` the text holds ANSI escape codes. At most 50 are written, then `and N more`.
    pub fn render(&self, source: &Source<'_>, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let shown = masking::mask(source.text);
        let source = &Source {
            text: &shown,
            ..*source
        };
        let name = normalize_untrusted_str(source.name);
        let mut blocks: Vec<String> = self
            .0
            .iter()
            .take(SHOWN)
            .map(|diagnostic| diagnostic.render(source, &name, &renderer))
            .collect();
        if let Some(more) = self.0.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            blocks.push(format!("and {more} more"));
        }
        let mut page = blocks.join("\n\n");
        if !page.is_empty() {
            page.push('\n');
        }
        page
    }

    /// Lists them for a program: severity, message, file, line, column and hint (or null).
    pub fn to_json(&self, source: &Source<'_>) -> Value {
        let positions = Positions::new(source.text);
        self.0
            .iter()
            .map(|diagnostic| diagnostic.to_json(source, &positions))
            .collect()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The lines that a diagnostic is about. The renderer reads all it is given for each diagnostic,
/// which in a large file is far too much.
struct Excerpt<'a> {
    text: &'a str,
    start: usize,
    first_line: usize,
}

impl<'a> Excerpt<'a> {
    fn around(text: &'a str, diagnostic: &Diagnostic) -> Self {
        let spans = || {
            std::iter::once(&diagnostic.span)
                .chain(diagnostic.secondary.iter().map(|(span, _)| span))
        };
        let first = spans().map(|span| span.start).min().unwrap_or_default();
        let last = spans().map(|span| span.end).max().unwrap_or_default();
        let (before, rest) = text.split_at(text.floor_char_boundary(first));
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let length = text.floor_char_boundary(last).saturating_sub(before.len());
        let end = rest.get(length..).and_then(|after| after.find('\n'));
        let end = end.map_or(text.len(), |newline| before.len() + length + newline);
        Self {
            text: text.get(start..end).unwrap_or_default(),
            start,
            first_line: before.matches('\n').count() + 1,
        }
    }

    /// The span within the excerpt, moved to character boundaries, where the renderer slices.
    fn relative(&self, span: &Range<usize>) -> Range<usize> {
        let inside = |offset: usize| {
            self.text
                .floor_char_boundary(offset.saturating_sub(self.start))
        };
        let start = inside(span.start);
        start..inside(span.end).max(start)
    }
}

/// Text of the file inside a message: control characters escaped, and cut after 64 characters.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 64;
        f.write_str("`")?;
        for character in self.0.chars().take(LONGEST) {
            match character {
                control if control.is_control() => write!(f, "{}", control.escape_default())?,
                other => write!(f, "{other}")?,
            }
        }
        let cut = self.0.chars().nth(LONGEST).is_some();
        f.write_str(if cut { "…`" } else { "`" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source<'_> = Source {
        name: "portcullis.toml",
        text: "one\ntwo é\nthree\n",
    };

    fn diagnostic(span: Range<usize>) -> Diagnostic {
        Diagnostic::new(span, "something is wrong")
    }

    #[test]
    fn a_diagnostic_is_drawn_under_the_text_it_is_about() {
        let list = Diagnostics::new(vec![
            diagnostic(4..7)
                .label("here")
                .secondary(11..16, "because of this")
                .hint("do that"),
        ]);
        insta::assert_snapshot!(list.render(&SOURCE, false), @r#"
        error: something is wrong
         --> portcullis.toml:2:1
          |
        2 | two é
          | ^^^ here
        3 | three
          | ----- because of this
          |
          = hint: do that
        "#);
    }

    #[test]
    fn colour_is_only_written_when_asked_for() {
        let list = Diagnostics::new(vec![diagnostic(0..3)]);
        assert!(list.render(&SOURCE, true).contains('\u{1b}'));
        assert!(!list.render(&SOURCE, false).contains('\u{1b}'));
    }

    #[test]
    fn control_characters_of_the_file_never_reach_the_terminal() {
        let source = Source {
            name: "a\u{1b}b",
            text: "x = \u{1b}[31m",
        };
        let hostile = "\u{1b}[31m";
        let list = Diagnostics::new(vec![
            Diagnostic::new(0..1, hostile)
                .label(hostile)
                .hint(hostile)
                .secondary(4..5, hostile),
        ]);
        assert!(!list.render(&source, false).contains('\u{1b}'));
        assert_eq!(Quoted("a\u{1b}\nb").to_string(), r"`a\u{1b}\nb`");
    }

    #[test]
    fn long_text_is_cut_in_messages() {
        assert_eq!(
            Quoted(&"é".repeat(64)).to_string(),
            format!("`{}`", "é".repeat(64))
        );
        assert_eq!(
            Quoted(&"é".repeat(65)).to_string(),
            format!("`{}…`", "é".repeat(64))
        );
    }

    #[test]
    fn only_the_first_fifty_are_shown() {
        for (count, last) in [
            (50, None),
            (51, Some("and 1 more")),
            (60, Some("and 10 more")),
        ] {
            let list = Diagnostics::new(vec![diagnostic(0..3); count]);
            let page = list.render(&SOURCE, false);
            assert_eq!(page.matches("something is wrong").count(), 50, "{count}");
            assert_eq!(
                page.lines().last().filter(|line| line.starts_with("and")),
                last,
                "{count}"
            );
        }
    }

    #[test]
    fn a_program_gets_lines_and_columns_in_characters() {
        let list = Diagnostics::new(vec![diagnostic(11..12).hint("do that"), diagnostic(8..10)]);
        let expected = json!([
            { "severity": "error", "message": "something is wrong", "file": "portcullis.toml",
              "line": 2, "column": 5, "hint": null },
            { "severity": "error", "message": "something is wrong", "file": "portcullis.toml",
              "line": 3, "column": 1, "hint": "do that" },
        ]);
        assert_eq!(list.to_json(&SOURCE), expected);
    }

    #[test]
    fn a_line_that_nobody_could_read_is_not_drawn() {
        for (length, drawn) in [(LONGEST_EXCERPT, true), (LONGEST_EXCERPT + 1, false)] {
            let text = format!("\n{}", "x".repeat(length));
            let source = Source {
                name: "portcullis.toml",
                text: &text,
            };
            let list = Diagnostics::new(vec![diagnostic(3..4).hint("do that")]);
            let page = list.render(&source, false);
            assert!(page.contains("portcullis.toml:2:3"), "{page}");
            assert!(page.contains("= hint: do that"), "{page}");
            assert_eq!(page.contains('^'), drawn, "{length}");
        }
    }

    #[test]
    fn no_span_is_too_odd_to_be_drawn() {
        for start in 0..20 {
            for end in [0, 3, 4, 9, 10, 17, 18, 99] {
                let list =
                    Diagnostics::new(vec![diagnostic(start..end).secondary(end..start, "x")]);
                assert!(
                    list.render(&SOURCE, false).contains("something"),
                    "{start}..{end}"
                );
            }
        }
    }
}
