//! The lab of Auth0 in `examples/expenses`: its web application and its API, in a real browser.

use tokio::process::{Child, Command};

use crate::node::{CLIENTS, Package, at, browse, free_port, started};
use crate::program::World;
use crate::session::{Session, token};
use crate::web::{get, get_as};

/// What a container's network calls the tenant.
const ALIAS: &str = "portcullis";

/// The example, with everything that it consists of running.
struct Example {
    session: Session,
    api: String,
    web: String,
    world: World,
    _servers: [Child; 2],
}

/// What the tenant is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tenant {
    /// As the example has it.
    Http,
    /// By TLS, and for the API under a name of its own, as in a container.
    HttpsAndAlias,
    /// Its discovery document names `/oidc/logout`.
    OidcLogout,
}

impl Example {
    async fn start(tenant: Tenant) -> Self {
        let world = World::example("expenses");
        let package = Package::of("examples/expenses");
        let tenant_port = free_port().await;
        let (api_port, web_port) = (free_port().await, free_port().await);
        let (api, web) = (at(api_port), at(web_port));
        let file = std::fs::read_to_string(world.project().join("portcullis.toml")).unwrap();
        let file = file.replace(&at(3001), &api).replace(&at(3000), &web);
        let (issuer, listen, settings) = match tenant {
            Tenant::Http => (at(tenant_port), tenant_port, String::new()),
            Tenant::OidcLogout => {
                let settings = format!("logout_urls = [\"{web}\"]\n");
                (at(tenant_port), tenant_port, settings)
            }
            Tenant::HttpsAndAlias => {
                let issuer = format!("https://localhost:{tenant_port}");
                let settings = format!(
                    "https = \"127.0.0.1:{tenant_port}\"\nissuer = \"{issuer}/\"\n\
                     aliases = [\"{ALIAS}\"]\n"
                );
                (issuer, 0, settings)
            }
        };
        // The application that takes consent back is for the API of this very tenant.
        let file = file.replace(&at(4000), &issuer);
        let file = file.replace("[tenant]\n", &format!("[tenant]\n{settings}"));
        let file = if tenant == Tenant::OidcLogout {
            file.replace("oidc_logout = false\n", "")
        } else {
            file
        };
        world.write("portcullis.toml", file);
        let listen = format!("127.0.0.1:{listen}");
        let session = Session::start_with(&world, &["--tenant-listen", &listen]).await;
        let server = |script: &str, port: u16| {
            let mut server = package.node(script);
            server
                .env("PORT", port.to_string())
                .env("ISSUER_BASE_URL", &issuer);
            trust(&mut server, &session);
            server
        };
        let mut api_server = server("api/server.js", api_port);
        if tenant == Tenant::HttpsAndAlias {
            let keys = format!("https://{ALIAS}:{tenant_port}/.well-known/jwks.json");
            api_server.env("JWKS_URI", keys).env("ALIAS", ALIAS);
            let hook = Package::of(CLIENTS).file("alias.js");
            api_server.env("NODE_OPTIONS", format!("--require={}", hook.display()));
        }
        let mut web_server = server("web/server.js", web_port);
        web_server.env("API_URL", session.url("/"));
        Self {
            _servers: [
                started(&mut api_server).await,
                started(&mut web_server).await,
            ],
            session,
            api,
            web,
            world,
        }
    }
}

/// Has a script trust the authority of the session's tenant, where there is one.
fn trust(script: &mut Command, session: &Session) {
    if let Some(authority) = session.ready["tenant_authority"].as_str() {
        script.env("NODE_EXTRA_CA_CERTS", authority);
    }
}

async fn check_people(tenant: Tenant) {
    let example = Example::start(tenant).await;
    let mut browser = Package::of("examples/expenses").node("test/login.js");
    browser.env("WEB_URL", &example.web);
    browser.env("TENANT_URL", example.session.issuer());
    trust(&mut browser, &example.session);
    browse(&mut browser, example.world.elsewhere()).await;
    let said = example.session.stop().await.stderr;
    assert!(said.contains("Wrong email or password."), "{said}");
}

#[tokio::test]
async fn people_log_in_consent_see_their_expenses_log_out_and_take_consent_back() {
    check_people(Tenant::Http).await;
}

#[tokio::test]
async fn people_do_the_same_by_https_and_an_alias() {
    check_people(Tenant::HttpsAndAlias).await;
}

#[tokio::test]
async fn people_are_asked_before_a_logout_that_says_not_whose() {
    let example = Example::start(Tenant::OidcLogout).await;
    let mut browser = Package::of(CLIENTS).node("expenses/logout.js");
    browser.env("WEB_URL", &example.web);
    browser.env("TENANT_URL", example.session.issuer());
    browse(&mut browser, example.world.elsewhere()).await;
}

#[tokio::test]
async fn the_api_takes_a_user_s_token_and_nothing_less() {
    let example = Example::start(Tenant::Http).await;
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
