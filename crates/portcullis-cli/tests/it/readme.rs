//! The README's files are files that the program takes.

use serde_json::json;

use crate::program::World;
use crate::signer::Signer;

const README: &str = include_str!("../../../../README.md");

#[tokio::test]
async fn every_file_of_the_readme_is_valid() {
    let blocks = README.split("```toml\n").skip(1);
    let files: Vec<_> = blocks
        .filter_map(|rest| rest.split_once("```"))
        .map(|(file, _)| file)
        .filter(|file| file.contains("[api."))
        .collect();
    assert_eq!(files.len(), 2);
    let keys = json!({ "keys": [Signer::generate("key-1").jwk()] }).to_string();
    for file in files {
        let world = World::with_file(file);
        world.write("partner-keys.json", &keys);
        let output = world.run(&["check", "--strict"]).await;
        assert_eq!(output.status, Some(0), "{file}\n{}", output.stderr);
    }
}
