//! Single-page applications on Auth0's libraries, in a real browser: `tests/clients`.

use std::path::PathBuf;

use tokio::process::Child;

use crate::node::{CLIENTS, Package, at, browse, free_port, started};
use crate::program::World;
use crate::session::Session;

const CLIENT_ID: &str = "expenses-app";

/// An API, and an application whose users have their own permissions there.
const SPA: &str = r#"
[authorizer.expenses]
issuer = "https://tenant.example.com/"
audience = ["https://expenses-api"]

[api.expenses]
auth = { expenses = ["read:reports"] }
cors = { origins = ["WEB"] }
routes = { "GET /" = { respond = "Punched cards" } }

[[tenant.api]]
identifier = "https://expenses-api"
name = "Expenses"

[[tenant.api]]
identifier = "https://payroll-api"
name = "Payroll"
"#;

/// The file of the guide: what its API is for is Auth0's own.
const GUIDE: &str = r#"
name = "api-auth-jwt-auth0"

[authorizer.auth0]
issuer = "https://${AUTH0_DOMAIN}/"
audience = ["https://${AUTH0_DOMAIN}/api/v2/"]

[api.Api]
auth = "auth0"
errors = "aws"
cors = true

[api.Api.routes]
"GET /private" = { respond = "Hello member!" }
"GET /public" = { respond = "Hello stranger!", auth = "none" }

# For Auth0's own API, which gives no refresh tokens otherwise.
[[tenant.api]]
identifier = "https://${AUTH0_DOMAIN}/api/v2/"
offline_access = true
"#;

const PEOPLE: &str = r#"
[[tenant.application]]
name = "Expenses of a company"
type = "spa"
client_id = "expenses-app"
callbacks = ["WEB"]
logout_urls = ["WEB"]
web_origins = ["WEB"]

[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
name = "Ada Lovelace"

[[tenant.user]]
email = "bob@example.com"
password = "battery staple"
"#;

/// By what the application and the tenant are spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Schemes {
    /// Both by HTTP.
    Http,
    /// Both by HTTPS.
    Https,
    /// The application by HTTP, the tenant by HTTPS: for browsers, these are two sites.
    Mixed,
}

/// How an application has its tokens renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    Iframe,
    RefreshToken,
}

/// Whether the browser gives its cookies to frames of other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ThirdPartyCookies {
    Allowed,
    Blocked,
}

/// An application that is served, with the gateway and the tenant that it talks to.
struct Running {
    session: Session,
    web: String,
    /// The application's own, with its key, where it speaks HTTPS.
    certificate: Option<PathBuf>,
    world: World,
    _server: Child,
}

impl Running {
    async fn start(application: &str, schemes: Schemes, renewal: Renewal) -> Self {
        let (tenant_port, web_port) = (free_port().await, free_port().await);
        let domain = format!("localhost:{tenant_port}");
        let web = match schemes {
            Schemes::Https => at(web_port).replace("http:", "https:"),
            Schemes::Http | Schemes::Mixed => at(web_port),
        };
        let (file, scope, audience) = match application {
            "react" => (GUIDE, "read:current_user update:current_user_metadata", ""),
            _ => (SPA, "read:reports", "https://expenses-api"),
        };
        let tenant = match schemes {
            Schemes::Http => "[tenant]\n".to_owned(),
            Schemes::Https | Schemes::Mixed => format!(
                "[tenant]\nhttps = \"127.0.0.1:{tenant_port}\"\nissuer = \"https://{domain}/\"\n"
            ),
        };
        let world = World::with_file(&[file, &tenant, PEOPLE].concat().replace("WEB", &web));
        world.write(".env", format!("AUTH0_DOMAIN={domain}\n"));
        let listen = match schemes {
            Schemes::Http => format!("127.0.0.1:{tenant_port}"),
            Schemes::Https | Schemes::Mixed => "127.0.0.1:0".to_owned(),
        };
        let session = Session::start_with(&world, &["--tenant-listen", &listen]).await;
        // Without a scheme, as in the guide, Auth0's libraries take HTTPS.
        let domain = match schemes {
            Schemes::Http => format!("http://{domain}"),
            Schemes::Https | Schemes::Mixed => domain,
        };
        let mut server = Package::of(CLIENTS).node("serve.js");
        server
            .arg(application)
            .env("PORT", web_port.to_string())
            .env("VITE_APP_AUTH0_DOMAIN", domain)
            .env("VITE_APP_AUTH0_CLIENT_ID", CLIENT_ID)
            .env("VITE_APP_API_URL", session.url("/"))
            .env("VITE_APP_AUDIENCE", audience)
            .env("VITE_APP_SCOPE", scope)
            .env("VITE_APP_REFRESH_TOKENS", refreshes(renewal));
        let certificate = (schemes == Schemes::Https).then(|| certify(&world));
        if let Some(certificate) = &certificate {
            server.env("WEB_CERTIFICATE", certificate);
        }
        Self {
            _server: started(&mut server).await,
            session,
            web,
            certificate,
            world,
        }
    }

    /// Has the script `test` find in a browser all as it should be.
    async fn pass(&self, test: &str, renewal: Renewal, cookies: ThirdPartyCookies) {
        let mut browser = Package::of(CLIENTS).node(test);
        browser
            .env("WEB_URL", &self.web)
            .env("TENANT_URL", self.session.issuer())
            .env("CLIENT_ID", CLIENT_ID)
            .env("REFRESH_TOKENS", refreshes(renewal));
        if cookies == ThirdPartyCookies::Allowed {
            browser.env("THIRD_PARTY_COOKIES", "true");
        }
        if let Some(certificate) = &self.certificate {
            browser.env("WEB_CERTIFICATE", certificate);
        }
        if let Some(authority) = self.session.ready["tenant_authority"].as_str() {
            browser.env("TENANT_AUTHORITY", authority);
        }
        browse(&mut browser, self.world.elsewhere()).await;
    }
}

/// Makes a certificate for the application, and keeps it in a file.
fn certify(world: &World) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    world.write(
        "web.pem",
        made.cert.pem() + &made.signing_key.serialize_pem(),
    );
    world.project().join("web.pem")
}

fn refreshes(renewal: Renewal) -> String {
    (renewal == Renewal::RefreshToken).to_string()
}

async fn check(
    application: &str,
    test: &str,
    schemes: Schemes,
    renewal: Renewal,
    cookies: ThirdPartyCookies,
) {
    let running = Running::start(application, schemes, renewal).await;
    running.pass(test, renewal, cookies).await;
}

#[tokio::test]
async fn auth0_spa_js_logs_in_and_renews_by_an_iframe_of_another_port() {
    let (iframe, blocked) = (Renewal::Iframe, ThirdPartyCookies::Blocked);
    check("spa", "spa/test.js", Schemes::Http, iframe, blocked).await;
}

#[tokio::test]
async fn auth0_spa_js_logs_in_and_renews_by_an_iframe_of_another_site() {
    let (iframe, allowed) = (Renewal::Iframe, ThirdPartyCookies::Allowed);
    check("spa", "spa/test.js", Schemes::Mixed, iframe, allowed).await;
}

#[tokio::test]
async fn auth0_spa_js_logs_in_and_renews_where_all_is_https() {
    let (iframe, blocked) = (Renewal::Iframe, ThirdPartyCookies::Blocked);
    check("spa", "spa/test.js", Schemes::Https, iframe, blocked).await;
}

#[tokio::test]
async fn auth0_spa_js_renews_by_refresh_tokens_that_are_good_once() {
    let (refresh, blocked) = (Renewal::RefreshToken, ThirdPartyCookies::Blocked);
    check("spa", "spa/refresh.js", Schemes::Http, refresh, blocked).await;
}

#[tokio::test]
async fn auth0_react_1_logs_in_as_the_guide_writes_it() {
    let (iframe, allowed) = (Renewal::Iframe, ThirdPartyCookies::Allowed);
    check("react", "react/test.js", Schemes::Mixed, iframe, allowed).await;
}

#[tokio::test]
async fn auth0_react_1_stays_logged_in_until_its_token_ends_where_frames_have_no_cookies() {
    let (iframe, blocked) = (Renewal::Iframe, ThirdPartyCookies::Blocked);
    check("react", "react/test.js", Schemes::Mixed, iframe, blocked).await;
}

#[tokio::test]
async fn auth0_react_1_renews_by_refresh_tokens_where_frames_have_no_cookies() {
    let (refresh, blocked) = (Renewal::RefreshToken, ThirdPartyCookies::Blocked);
    check("react", "react/test.js", Schemes::Mixed, refresh, blocked).await;
}
