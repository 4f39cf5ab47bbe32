use std::fs;

use crate::assert_none;
use crate::workspace::root;

/// A row of ARCHITECTURE.md's table "Where is…?".
#[derive(Debug, PartialEq, Eq)]
struct Row<'text> {
    question: &'text str,
    file: &'text str,
    /// What the file contains.
    look_for: &'text str,
}

#[test]
fn the_where_is_table_is_true() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the file is readable");
    let rows = parse_table(&text).expect("every row has three columns");
    assert!(
        !rows.is_empty(),
        "ARCHITECTURE.md has rows below `## Where is…?`"
    );
    let violations: Vec<_> = rows.iter().filter_map(find_violation).collect();
    assert_none(
        "ARCHITECTURE.md: a row of `Where is…?` is not true",
        &violations,
    );
}

fn find_violation(row: &Row<'_>) -> Option<String> {
    let Row {
        question,
        file,
        look_for,
    } = row;
    match fs::read_to_string(root().join(file)) {
        Ok(source) if source.contains(look_for) => None,
        Ok(_) => Some(format!("{question} {file} does not contain `{look_for}`")),
        Err(error) => Some(format!("{question} {file}: {error}")),
    }
}

/// The table's rows without its two heading lines, or the first line without three columns.
fn parse_table(text: &str) -> Result<Vec<Row<'_>>, &str> {
    text.lines()
        .skip_while(|line| *line != "## Where is…?")
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| parse_row(line).ok_or(line))
        .collect()
}

fn parse_row(line: &str) -> Option<Row<'_>> {
    let columns: Vec<_> = line
        .trim()
        .trim_matches('|')
        .split(" | ")
        .map(|column| column.trim().trim_matches('`'))
        .collect();
    let [question, file, look_for] = columns[..] else {
        return None;
    };
    (!file.is_empty() && !look_for.is_empty()).then_some(Row {
        question,
        file,
        look_for,
    })
}

#[test]
fn a_row_is_three_columns_and_the_table_ends_at_the_next_heading() {
    let table = "## Where is…?\n\n| Q | F | L |\n| --- | --- | --- |\n";
    let row = Row {
        question: "Here?",
        file: "a.rs",
        look_for: "|x| y",
    };
    let cases = [
        ("one row", "| Here? | `a.rs` | `|x| y` |\n", Ok(vec![row])),
        ("no row", "", Ok(vec![])),
        ("another table", "## Next\n| Here? | `a.rs` |\n", Ok(vec![])),
        (
            "two columns",
            "| Here? | `a.rs` |\n",
            Err("| Here? | `a.rs` |"),
        ),
        (
            "nothing to look for",
            "| Here? | `a.rs` | `` |",
            Err("| Here? | `a.rs` | `` |"),
        ),
    ];
    for (name, rows, expected) in cases {
        assert_eq!(
            parse_table(&format!("# A\n{table}{rows}")),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_row_that_points_nowhere_is_a_violation() {
    let cases = [
        ("xtask/Cargo.toml", "name = \"xtask\"", None),
        (
            "xtask/Cargo.toml",
            "name = \"other\"",
            Some("does not contain `name = \"other\"`"),
        ),
        (
            "xtask/no-such-file.rs",
            "fn",
            Some("xtask/no-such-file.rs: "),
        ),
    ];
    for (file, look_for, expected) in cases {
        let violation = find_violation(&Row {
            question: "Where?",
            file,
            look_for,
        });
        match expected {
            None => assert_eq!(violation, None, "{file} {look_for}"),
            Some(part) => assert!(violation.is_some_and(|text| text.contains(part)), "{part}"),
        }
    }
}
