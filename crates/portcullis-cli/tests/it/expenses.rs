//! The lab of Auth0 in `examples/expenses`: its web application and its API, in a real browser.

use tokio::process::Child;

use crate::node::{Package, at, browse, free_port, started};
use crate::program::World;
use crate::session::{Session, token};
use crate::web::{get, get_as};

/// The example, with everything that it consists of running.
struct Example {
    session: Session,
    api: String,
    web: String,
    world: World,
    _servers: [Child; 2],
}

impl Example {
    async fn start() -> Self {
        let world = World::example("expenses");
        let package = Package::of("examples/expenses");
        let tenant_port = free_port().await;
        let (api_port, web_port) = (free_port().await, free_port().await);
        let (api, web) = (at(api_port), at(web_port));
        let file = std::fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
        let file = file.replace(&at(3001), &api).replace(&at(3000), &web);
        // The application that takes consent back is for the API of the tenant at this very port.
        let file = file.replace(&at(4000), &at(tenant_port));
        world.write("portcullis.toml", file);
        let listen = format!("127.0.0.1:{tenant_port}");
        let session = Session::start_with(&world, &["--tenant-listen", &listen]).await;
        let issuer = session.issuer().trim_end_matches('/').to_owned();
        let mut server = package.node("api/server.js");
        server.env("PORT", api_port.to_string());
        let api_server = started(server.env("ISSUER_BASE_URL", &issuer)).await;
        let mut server = package.node("web/server.js");
        server.env("PORT", web_port.to_string());
        server.env("API_URL", session.url("/"));
        let web_server = started(server.env("ISSUER_BASE_URL", &issuer)).await;
        Self {
            session,
            api,
            web,
            world,
            _servers: [api_server, web_server],
        }
    }
}

#[tokio::test]
async fn people_log_in_consent_see_their_expenses_log_out_and_take_consent_back() {
    let example = Example::start().await;
    let mut browser = Package::of("examples/expenses").node("test/login.js");
    browser.env("WEB_URL", &example.web);
    browser.env("TENANT_URL", example.session.issuer());
    browse(&mut browser, example.world.elsewhere()).await;
    let said = example.session.stop().await.stderr;
    assert!(said.contains("Wrong email or password."), "{said}");
}

#[tokio::test]
async fn the_api_takes_a_user_s_token_and_nothing_less() {
    let example = Example::start().await;
    let ada = token(&example.world, &["--user", "ada", "--api", "expenses"]).await;
    let bob = token(&example.world, &["--user", "bob", "--api", "expenses"]).await;
    for (name, url) in [
        ("the gateway", example.session.url("/")),
        ("the API itself", format!("{}/", example.api)),
    ] {
        let answer = get_as(&ada, &url).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert!(answer.body.contains("Punched cards"), "{name}: {answer:?}");
        assert_eq!(get_as(&bob, &url).await.status, 403, "{name}");
        assert_eq!(get(&url).await.status, 401, "{name}");
    }
}
