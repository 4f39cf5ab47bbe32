use std::time::{Duration, Instant};

use portcullis_functions::Report;
use tokio::time::timeout;

use crate::world::{PATIENCE, World, ask};

async fn until_it_says(world: &World, function: &portcullis_functions::Function, word: &str) {
    let says = async {
        while !ask(function, "").await.is_ok_and(|(_, body)| body == word) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let seen = timeout(PATIENCE, says).await;
    assert!(seen.is_ok(), "{word}: {:?}", world.reports());
}

#[tokio::test]
async fn an_edit_is_seen_soon_and_what_is_under_way_ends_as_it_began() {
    let slow = "export const main = async (event) => {\n\
                if (event.body === 'slow') await new Promise((done) => setTimeout(done, 1500));\n\
                return 'one';\n};";
    let mut world = World::with(&[
        ("a.mjs", slow),
        ("b.py", "def main(e, c):\n  return 'one'\n"),
    ])
    .await;
    let function = world.handler("a.main");
    assert_eq!(ask(&function, "").await.unwrap().1, "one");
    let under_way = {
        let function = function.clone();
        tokio::spawn(async move { ask(&function, "slow").await.unwrap().1 })
    };
    // The request is under way once another one is answered by a second process.
    assert_eq!(ask(&function, "").await.unwrap().1, "one");
    world.write(
        "a.mjs",
        "import { word } from './word.mjs';\nexport const main = () => word;",
    );
    world.write("word.mjs", "export const word = 'two';");
    let edited = Instant::now();
    until_it_says(&world, &function, "two").await;
    let seen = edited.elapsed();
    assert_eq!(under_way.await.unwrap(), "one");
    assert!(seen < Duration::from_secs(5), "{seen:?}");
    // Of what it imports, too.
    world.write("word.mjs", "export const word = 'three';");
    until_it_says(&world, &function, "three").await;

    let function = world.handler("b.main");
    assert_eq!(ask(&function, "").await.unwrap().1, "one");
    world.write("b.py", "def main(e, c):\n  return 'two'\n");
    until_it_says(&world, &function, "two").await;
}

#[tokio::test]
async fn in_production_files_are_not_followed() {
    let files = [("a.mjs", "export const main = () => 'one';")];
    let mut world = World::start(&files, false).await;
    let function = world.handler("a.main");
    assert_eq!(ask(&function, "").await.unwrap().1, "one");
    world.write("a.mjs", "export const main = () => 'two';");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(ask(&function, "").await.unwrap().1, "one");
    let built = world.reports();
    let built = built
        .iter()
        .filter(|report| matches!(report, Report::Built { .. }));
    assert_eq!(built.count(), 1);
}
