//! A device without a keyboard, confirmed in a real browser.

use crate::node::{CLIENTS, Package, browse};
use crate::program::World;
use crate::session::Session;

const PROJECT: &str = r#"
[[tenant.application]]
name = "Television"
type = "native"
client_id = "television"

[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
"#;

#[tokio::test]
async fn a_person_confirms_a_device_in_a_browser() {
    let world = World::example("hello");
    world.append(PROJECT);
    let session = Session::start(&world).await;
    let mut browser = Package::of(CLIENTS).node("device.js");
    browser
        .env("TENANT_URL", session.issuer())
        .env("CLIENT_ID", "television");
    browse(&mut browser, world.elsewhere()).await;
}
