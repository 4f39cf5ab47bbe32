//! Auth0's own tools, unmodified: its SDK for Node.js, and auth0-deploy-cli.

use std::path::{Path, PathBuf};

use reqwest::Certificate;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::person::Person;
use crate::program::World;
use crate::script::{converse, node};
use crate::session::Session;

const SECRET: &str = "a-secret-of-the-file";

/// What may administer the tenant, as these tools want it: by TLS, and at this very port.
const TENANT: &str = r#"
[authorizer.expenses]
issuer = "https://tenant.example.com/"
audience = ["https://expenses-api"]

[api.expenses]
auth = { expenses = ["read:reports"] }
routes = { "GET /" = { respond = "expenses" } }

[tenant]
https = "127.0.0.1:PORT"
issuer = "https://localhost:PORT/"

[[tenant.application]]
name = "Deploy"
type = "non_interactive"
client_id = "deploy"
client_secret = "a-secret-of-the-file"
[tenant.application.permissions]
"https://localhost:PORT/api/v2/" = [SCOPES]
"#;

/// An application at which people log in, and somebody who does.
const LOGIN: &str = r#"
[[tenant.application]]
name = "Site"
type = "regular_web"
client_id = "site"
client_secret = "a-secret-of-the-file"
callbacks = ["http://localhost:5678/callback"]
permissions = { "https://expenses-api" = ["read:reports"] }

[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
"#;

/// What there is to export.
const DESCRIBED: &str = r#"
[[tenant.api]]
identifier = "https://site-api"
name = "Site Reports"
permissions = { "read:reports" = "Read reports" }
token_lifetime = "1h"
token_dialect = "rfc9068_profile_authz"
rbac = true

[[tenant.role]]
name = "accountant"
permissions = { "https://site-api" = ["read:reports"] }

[[tenant.application]]
name = "Site"
type = "spa"
client_id = "site"
callbacks = ["http://localhost:5678/callback"]
logout_urls = ["http://localhost:5678"]
web_origins = ["http://localhost:5678"]
refresh_leeway = "3s"

[[tenant.application]]
name = "Nightly"
type = "non_interactive"
client_id = "nightly"
permissions = { "https://site-api" = ["read:reports"] }
"#;

/// Some of it otherwise, some of it not at all, and something else.
const OTHERWISE: &str = r#"
[[tenant.api]]
identifier = "https://site-api"
permissions = { "write:reports" = "Write reports" }

[[tenant.application]]
name = "Site"
type = "regular_web"
client_id = "site"
callbacks = ["http://localhost:5679/callback"]

[[tenant.application]]
name = "Gone"
type = "non_interactive"
client_id = "gone"
permissions = {}
"#;

/// Everything that the tenant's Management API may be asked for.
const SCOPES: [(&str, &[&str]); 11] = [
    (
        "client_credentials",
        &["create", "read", "update", "delete"],
    ),
    ("client_grants", &["create", "read", "update", "delete"]),
    ("clients", &["create", "read", "update", "delete"]),
    ("connections", &["create", "read", "update", "delete"]),
    ("grants", &["read", "delete"]),
    ("refresh_tokens", &["read", "delete"]),
    ("resource_servers", &["create", "read", "update", "delete"]),
    ("roles", &["create", "read", "update", "delete"]),
    ("sessions", &["read", "delete"]),
    ("signing_keys", &["create", "read", "update"]),
    ("users", &["create", "read", "update", "delete"]),
];

const MORE_SCOPES: [&str; 8] = [
    "read:actions",
    "read:client_keys",
    "update:client_keys",
    "read:logs",
    "create:role_members",
    "read:role_members",
    "read:tenant_settings",
    "update:tenant_settings",
];

/// A tenant that is reached at `https://localhost:{port}/`.
struct Administered {
    session: Session,
    authority: PathBuf,
}

impl Administered {
    async fn start(world: &World) -> Self {
        let session = Session::start(world).await;
        let authority = session.ready["tenant_authority"].as_str().unwrap();
        let authority = PathBuf::from(authority);
        Self { session, authority }
    }

    fn person(&self) -> Person {
        let pem = std::fs::read(&self.authority).unwrap();
        let authorities = Certificate::from_pem_bundle(&pem).unwrap();
        Person::who_trusts(authorities, self.session.issuer())
    }

    /// Runs a script as an application of the tenant; it fails by itself where anything is wrong.
    async fn run(&self, client_id: &str, mut command: Command) {
        command
            .env("NODE_EXTRA_CA_CERTS", &self.authority)
            .env("CLIENT_ID", client_id)
            .env("CLIENT_SECRET", SECRET);
        let report = converse(command, &self.session, &mut self.person()).await;
        assert_eq!(report, json!({ "done": true }));
    }

    /// Runs auth0-deploy-cli: `export` or `import`, and the name of a folder in `folder`.
    async fn deploy(&self, folder: &Path, step: &str) {
        let mut command = node("deploy-cli.js");
        command.current_dir(folder).env("STEP", step).env(
            "KINDS",
            "tenant resourceServers clients clientGrants roles databases",
        );
        self.run("deploy", command).await;
    }
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// The file of a tenant at `port`, with more in it.
fn file(port: u16, more: &str) -> String {
    let listed = SCOPES.into_iter().flat_map(|(object, verbs)| {
        let verbs = verbs.iter();
        verbs.map(move |verb| format!("\"{verb}:{object}\""))
    });
    let more_scopes = MORE_SCOPES.into_iter().map(|scope| format!("\"{scope}\""));
    let scopes: Vec<_> = listed.chain(more_scopes).collect();
    let tenant = TENANT.replace("PORT", &port.to_string());
    tenant.replace("SCOPES", &scopes.join(", ")) + more
}

#[tokio::test]
async fn auth0_6_administers_the_tenant() {
    let world = World::with_file(&file(free_port().await, ""));
    let tenant = Administered::start(&world).await;
    let mut command = node("management.js");
    command.env("AUTH0", "auth0");
    tenant.run("deploy", command).await;
}

#[tokio::test]
async fn auth0_7_administers_the_tenant() {
    let world = World::with_file(&file(free_port().await, ""));
    let tenant = Administered::start(&world).await;
    let mut command = node("management.js");
    command.env("AUTH0", "auth0-7");
    tenant.run("deploy", command).await;
}

#[tokio::test]
async fn auth0_6_logs_people_in() {
    let world = World::with_file(&file(free_port().await, LOGIN));
    let tenant = Administered::start(&world).await;
    tenant.run("site", node("authentication.js")).await;
}

/// Both into a tenant that has the same things otherwise, and where they are not there at all.
#[tokio::test]
async fn what_deploy_cli_exports_it_imports_again() {
    let port = free_port().await;
    let folders = World::empty();
    let folder = folders.elsewhere();
    let described = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name).join("tenant.yaml"));
        text.unwrap()
    };

    let world = World::with_file(&file(port, DESCRIBED));
    let tenant = Administered::start(&world).await;
    tenant.deploy(&folder, "export before").await;
    tenant.session.stop().await;
    let before = described("before");
    for name in ["Site", "accountant", "read:reports", "Site Reports"] {
        assert!(before.contains(name), "{name} is not exported: {before}");
    }

    let world = World::with_file(&file(port, OTHERWISE));
    let tenant = Administered::start(&world).await;
    for step in ["export otherwise", "import before", "export after"] {
        tenant.deploy(&folder, step).await;
    }
    assert_ne!(described("otherwise"), before);
    assert_eq!(described("after"), before);
}

#[tokio::test]
async fn only_an_application_of_which_the_file_says_so_administers() {
    let issuer = "issuer = \"https://login.example.test/\"";
    let nightly = "[[tenant.application]]\nname = \"Nightly\"\ntype = \"non_interactive\"\n";
    let file = file(0, nightly).replace("issuer = \"https://localhost:0/\"", issuer);
    let file = file.replace("https://localhost:0/", "https://login.example.test/");
    let world = World::with_file(&file);
    let _session = Session::start(&world).await;
    let administration = "https://login.example.test/api/v2/";
    for (client, audience, is_given) in [
        ("deploy", administration, true),
        ("nightly", "https://expenses-api", true),
        ("nightly", administration, false),
    ] {
        let arguments = ["token", "--client", client, "--audience", audience];
        let output = world.run(&arguments).await;
        let failed = "Client is not authorized to access";
        let is_refused = output.stderr.contains(failed);
        assert_eq!(output.status == Some(0), is_given, "{client}: {output:?}");
        assert_eq!(is_refused, !is_given, "{client}: {output:?}");
    }
}
