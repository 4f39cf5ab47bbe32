//! Who may depend on whom. A crate knows the layers below its own, and nobody beside it.

use std::process::Command;

use serde_json::Value;

use crate::assert_none;
use crate::workspace::root;

/// From what knows nobody to what knows everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// No I/O, no clock, no async.
    Pure,
    Storage,
    Library,
    Service,
    Wiring,
}

const LAYERS: [(&str, Layer); 15] = [
    ("portcullis-token", Layer::Pure),
    ("portcullis-config", Layer::Pure),
    ("portcullis-store", Layer::Storage),
    ("portcullis", Layer::Library),
    ("portcullis-testkit", Layer::Library),
    ("portcullis-gateway", Layer::Service),
    ("portcullis-functions", Layer::Service),
    ("portcullis-tenant", Layer::Service),
    ("portcullis-pool", Layer::Service),
    ("portcullis-envoy", Layer::Service),
    ("portcullis-admin", Layer::Service),
    ("portcullis-cli", Layer::Wiring),
    ("axum-expenses", Layer::Wiring),
    ("portcullis-bench", Layer::Wiring),
    ("xtask", Layer::Wiring),
];

/// The only dependencies inside one layer, the user before the used.
const WITHIN_A_LAYER: [(&str, &str); 3] = [
    ("portcullis-config", "portcullis-token"),
    ("portcullis-testkit", "portcullis"),
    ("portcullis-envoy", "portcullis-gateway"),
];

/// A dependency of one crate of the workspace on another.
#[derive(Clone, Copy, Debug)]
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Program,
    Tests,
}

/// The names of the crates that do no I/O and read no clock.
pub(crate) fn pure_crates() -> impl Iterator<Item = &'static str> {
    LAYERS
        .iter()
        .filter(|(_, layer)| *layer == Layer::Pure)
        .map(|(name, _)| *name)
}

#[test]
fn every_crate_is_in_a_layer() {
    let metadata = load_metadata();
    let violations: Vec<_> = packages(&metadata)
        .map(|package| text(package, "name"))
        .filter(|name| find_layer(name).is_none())
        .map(|name| format!("{name}: give it a layer here and a line in ARCHITECTURE.md"))
        .collect();
    assert_none("a crate is in no layer", &violations);
}

#[test]
fn no_crate_depends_on_one_beside_or_above_it() {
    let metadata = load_metadata();
    let violations: Vec<_> = packages(&metadata)
        .flat_map(edges)
        .filter(|edge| find_layer(edge.to).is_some() && !is_allowed(*edge))
        .map(|edge| format!("{} must not depend on {}", edge.from, edge.to))
        .collect();
    assert_none("a dependency goes against the layers", &violations);
}

fn is_allowed(edge: Edge<'_>) -> bool {
    // The test kit is for everybody's tests and in nobody's program.
    if edge.to == "portcullis-testkit" {
        return edge.purpose == Purpose::Tests;
    }
    // A crate's tests may ask for features of their own crate.
    if edge.from == edge.to {
        return edge.purpose == Purpose::Tests;
    }
    find_layer(edge.from) > find_layer(edge.to) || WITHIN_A_LAYER.contains(&(edge.from, edge.to))
}

fn find_layer(name: &str) -> Option<Layer> {
    LAYERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, layer)| *layer)
}

fn load_metadata() -> Value {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo can be started: it started this test");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {errors}");
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"]
        .as_array()
        .expect("packages are an array")
        .iter()
}

fn edges(package: &Value) -> impl Iterator<Item = Edge<'_>> {
    let dependencies = package["dependencies"]
        .as_array()
        .expect("dependencies are an array");
    dependencies.iter().map(|dependency| Edge {
        from: text(package, "name"),
        to: text(dependency, "name"),
        purpose: match dependency["kind"].as_str() {
            Some("dev") => Purpose::Tests,
            _ => Purpose::Program,
        },
    })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().expect("the member is a string")
}

#[test]
fn a_crate_knows_the_layers_below_its_own() {
    use Purpose::{Program, Tests};
    let cases = [
        ("portcullis-config", "portcullis-token", Program, true),
        ("portcullis-token", "portcullis-config", Program, false),
        ("portcullis-token", "portcullis-store", Program, false),
        ("portcullis-store", "portcullis-config", Program, true),
        ("portcullis-store", "portcullis-store", Tests, true),
        ("portcullis-store", "portcullis-store", Program, false),
        ("portcullis", "portcullis-gateway", Program, false),
        ("portcullis-envoy", "portcullis-gateway", Program, true),
        ("portcullis-gateway", "portcullis-envoy", Program, false),
        ("portcullis-gateway", "portcullis-tenant", Program, false),
        ("portcullis-gateway", "portcullis-tenant", Tests, false),
        ("portcullis-gateway", "portcullis", Program, true),
        ("portcullis-gateway", "portcullis-testkit", Program, false),
        ("portcullis-gateway", "portcullis-testkit", Tests, true),
        ("portcullis-token", "portcullis-testkit", Tests, true),
        ("portcullis-testkit", "portcullis", Program, true),
        ("portcullis", "portcullis-testkit", Program, false),
        ("portcullis-cli", "portcullis-admin", Program, true),
        ("portcullis-admin", "portcullis-cli", Tests, false),
        ("portcullis-cli", "xtask", Tests, false),
    ];
    for (from, to, purpose, expected) in cases {
        let edge = Edge { from, to, purpose };
        assert_eq!(is_allowed(edge), expected, "{edge:?}");
    }
}
