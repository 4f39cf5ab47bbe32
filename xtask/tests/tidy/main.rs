//! Rules of the project that no tool checks, each a test over the workspace's own files.

mod architecture;
mod examples;
mod layers;
mod manifests;
mod sources;
mod workspace;

/// Fails with every violation of a rule at once, each on its own line.
#[track_caller]
fn assert_none(rule: &str, violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{rule}\n  {}",
        violations.join("\n  ")
    );
}
