use toml::{Table, Value};

use crate::assert_none;
use crate::workspace::files_below;

#[test]
fn every_crate_inherits_the_workspace_lints() {
    assert_manifests("`[lints] workspace = true` is missing", |manifest| {
        if inherits_lints(manifest) {
            vec![]
        } else {
            vec!["lints".to_owned()]
        }
    });
}

#[test]
fn every_dependency_is_named_once_in_the_workspace() {
    assert_manifests("a dependency is not `workspace = true`", own_dependencies);
}

#[track_caller]
fn assert_manifests(rule: &str, find_violations: impl Fn(&Table) -> Vec<String>) {
    let violations: Vec<_> = ["bench", "crates", "xtask"]
        .into_iter()
        .flat_map(files_below)
        .filter(|file| file.path.ends_with("/Cargo.toml"))
        .flat_map(|file| {
            let manifest: Table = file.text.parse().expect("cargo has read this manifest");
            // One with a `[workspace]` of its own is none of this workspace's crates.
            let is_apart = manifest.contains_key("workspace");
            let violations = if is_apart {
                vec![]
            } else {
                find_violations(&manifest)
            };
            violations
                .into_iter()
                .map(move |what| format!("{}: {what}", file.path))
        })
        .collect();
    assert_none(rule, &violations);
}

fn inherits_lints(manifest: &Table) -> bool {
    manifest.get("lints").is_some_and(is_from_workspace)
}

/// The dependencies whose version or path stands in the crate's own manifest, for any target.
fn own_dependencies(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|table| {
            ["dependencies", "dev-dependencies", "build-dependencies"].map(|kind| table.get(kind))
        })
        .flatten()
        .filter_map(Value::as_table)
        .flatten()
        .filter(|(_, dependency)| !is_from_workspace(dependency))
        .map(|(name, _)| name.clone())
        .collect()
}

fn is_from_workspace(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[test]
fn lints_are_inherited_only_by_saying_so() {
    let cases = [
        ("[lints]\nworkspace = true", true),
        ("lints.workspace = true", true),
        ("[lints]\nworkspace = false", false),
        ("[lints.rust]\nunsafe_code = \"forbid\"", false),
        ("", false),
    ];
    for (manifest, expected) in cases {
        assert_eq!(
            inherits_lints(&manifest.parse().unwrap()),
            expected,
            "{manifest}"
        );
    }
}

#[test]
fn a_dependency_of_its_own_is_found_in_every_table() {
    let cases = [
        ("[dependencies]\nurl.workspace = true", &[][..]),
        (
            "[dependencies]\nurl = { workspace = true, features = [\"std\"] }",
            &[],
        ),
        ("[dependencies]\nurl = \"2\"", &["url"]),
        ("[dependencies]\nurl = { path = \"../url\" }", &["url"]),
        ("[dev-dependencies]\nurl = \"2\"", &["url"]),
        ("[build-dependencies.url]\nversion = \"2\"", &["url"]),
        ("[target.'cfg(unix)'.dependencies]\nurl = \"2\"", &["url"]),
    ];
    for (manifest, expected) in cases {
        assert_eq!(
            own_dependencies(&manifest.parse().unwrap()),
            expected,
            "{manifest}"
        );
    }
}
