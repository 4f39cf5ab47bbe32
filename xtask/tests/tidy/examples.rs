//! Each public item of a published crate has an example in its documentation.
//!
//! Lines are enough to find them: by the lints `unreachable_pub` and `missing_docs`, what is `pub` and
//! has documentation is what others can use. A trait's methods are shown by the trait's own example.

use crate::assert_none;
use crate::workspace::{TextFile, files_below};

/// The crates that others depend on.
const PUBLISHED: [&str; 3] = ["portcullis-token", "portcullis", "portcullis-testkit"];

/// What a code block of Rust may be marked with; one of another language is no example.
const RUST: [&str; 5] = ["", "compile_fail", "no_run", "rust", "should_panic"];

const ITEMS: [&str; 5] = ["const ", "enum ", "fn ", "struct ", "trait "];

#[test]
fn each_public_item_has_an_example() {
    for name in PUBLISHED {
        let without: Vec<_> = files_below(&format!("crates/{name}/src"))
            .iter()
            .flat_map(items_without_example)
            .collect();
        assert_none(
            &format!("{name}: public items without a ``` block"),
            &without,
        );
    }
}

/// `path:line: text` of each public item that no example shows.
fn items_without_example(file: &TextFile) -> Vec<String> {
    let mut above = Above::default();
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let text = line.trim();
        if above.takes(text) {
            continue;
        }
        if above.describe(text) == Item::Unshown {
            found.push(format!("{}:{}: {text}", file.path, index + 1));
        }
        above = Above::default();
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
enum Item {
    /// Not an item, or one that others cannot use.
    Private,
    Shown,
    Unshown,
}

/// What stands directly above a line: documentation, attributes and comments.
#[derive(Debug, Default)]
struct Above<'text> {
    documentation: Vec<&'text str>,
    attributes: Vec<&'text str>,
    /// Whether the last attribute goes on in the next line.
    is_open: bool,
}

impl<'text> Above<'text> {
    fn takes(&mut self, line: &'text str) -> bool {
        if self.is_open || line.starts_with("#[") {
            self.attributes.push(line);
            self.is_open = !line.ends_with(']');
        } else if let Some(text) = line.strip_prefix("///") {
            self.documentation.push(text.trim());
        } else {
            return line.starts_with("//");
        }
        true
    }

    fn describe(&self, line: &str) -> Item {
        let has = |attribute| self.attributes.contains(&attribute);
        let is_macro = line.starts_with("macro_rules!") && has("#[macro_export]");
        let is_hidden = self.documentation.is_empty() || has("#[doc(hidden)]");
        if is_hidden || !(is_macro || is_public(line)) {
            Item::Private
        } else if has_example(&self.documentation) {
            Item::Shown
        } else {
            Item::Unshown
        }
    }
}

fn is_public(line: &str) -> bool {
    let Some(item) = line.strip_prefix("pub ") else {
        return false;
    };
    let item = item.strip_prefix("async ").unwrap_or(item);
    ITEMS.iter().any(|kind| item.starts_with(kind))
}

/// Whether a block of Rust opens in these lines of documentation.
fn has_example(documentation: &[&str]) -> bool {
    let mut fences = documentation
        .iter()
        .filter_map(|line| line.strip_prefix("```"))
        // The others close a block.
        .step_by(2);
    fences.any(|marks| marks.split(',').all(|mark| RUST.contains(&mark.trim())))
}

#[test]
fn an_item_needs_a_block_of_rust_directly_above_it() {
    let example = "/// It is.\n///\n/// ```\n/// assert_eq!(is(), 1);\n/// ```\n";
    let shown = |item| (format!("{example}{item}"), vec![]);
    let private = |item| (format!("/// It is.\n{item}"), vec![]);
    for (text, expected) in [
        shown("pub fn shown() {}"),
        shown("    #[must_use]\n    // Why.\n    pub const fn shown() {}"),
        shown("#[expect(\n    lint,\n)]\npub struct Shown;"),
        shown("#[macro_export]\nmacro_rules! shown {}"),
        private("pub(crate) fn private() {}"),
        private("macro_rules! private {}"),
        private("#[doc(hidden)]\npub fn hidden() {}"),
        private("mod sealed {\n    pub trait Sealed {}\n}"),
        (
            "/// ```no_run\n/// ```\npub async fn shown() {}".to_owned(),
            vec![],
        ),
        (
            "/// It is.\npub trait Bare {}".to_owned(),
            vec!["a.rs:2: pub trait Bare {}"],
        ),
        (
            format!("{example}pub struct Shown;\n/// It is.\npub const BARE: u8 = 1;"),
            vec!["a.rs:8: pub const BARE: u8 = 1;"],
        ),
        (
            "/// ```text\n/// ```\npub enum Bare {}".to_owned(),
            vec!["a.rs:3: pub enum Bare {}"],
        ),
        (
            "/// It is.\n#[macro_export]\nmacro_rules! bare {}".to_owned(),
            vec!["a.rs:3: macro_rules! bare {}"],
        ),
    ] {
        let path = "a.rs".to_owned();
        let file = TextFile { path, text };
        assert_eq!(items_without_example(&file), expected, "{}", file.text);
    }
}
