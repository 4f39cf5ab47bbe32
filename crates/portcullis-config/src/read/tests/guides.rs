//! The configurations of the guides.

use std::time::Duration;

use portcullis_token::Algorithm;

use super::{problems, read};
use crate::*;

const NITRIC: &str = r#"
[authorizer.user]
issuer   = "https://your-auth0-app.region.auth0.com"
audience = ["testing"]

[api.main]
auth = "user"                                            # a valid token, no scopes asked
[api.main.routes]
"GET /hello/{name}" = { respond = "Hello {name}" }
"#;

const IDENTITY_LAB: &str = r#"
[authorizer.expenses]
issuer     = "${ISSUER_BASE_URL}"
audience   = ["https://expenses-api"]
algorithms = ["RS256"]

[api.expenses]
upstream = "http://localhost:3001"
auth     = { expenses = ["read:reports"] }
identity = { "x-user" = "sub", "X-Scopes" = "scope" }

[tenant]
listen = "127.0.0.1:4000"
[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
permissions = { "https://expenses-api" = ["read:reports"] }
[[tenant.application]]
name = "web"
type = "regular_web"
client_id = "expenses-web"
client_secret = "${WEB_CLIENT_SECRET}"
callbacks = ["http://localhost:3000/callback"]
logout_urls = ["http://localhost:3000"]
"#;

/// Without the policies of the guide.
const TYK: &str = r#"
[authorizer.tyk]
jwks     = "https://${AUTH0_DOMAIN}/.well-known/jwks.json"
issuer   = "any"
audience = "any"

[api.httpbin]
base       = "/httpbin/"
strip_base = true
upstream   = "http://httpbin.org/"
auth       = "tyk"
"#;

/// With an upstream in the place of each function.
const SST: &str = r#"
name = "api-auth-jwt-auth0"

[authorizer.auth0]
issuer   = "https://${AUTH0_DOMAIN}/"
audience = ["https://${AUTH0_DOMAIN}/api/v2/"]

[api.Api]
auth = "auth0"
[api.Api.routes]
"GET /private" = { upstream = "http://localhost:3001" }
"GET /public"  = { upstream = "http://localhost:3001", auth = "none" }
"#;

#[test]
fn the_nitric_guide_is_read_whole() {
    let Parsed { config, warnings } = read(NITRIC);
    assert!(warnings.is_empty(), "{warnings:?}");
    let [authorizer] = &config.authorizers[..] else {
        panic!("{config:?}")
    };
    let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
    assert_eq!(authorizer.name, "user");
    assert_eq!(
        authorizer.origin,
        Origin {
            line: 2,
            column: 13
        }
    );
    let issuer = IssuerUrl::parse("https://your-auth0-app.region.auth0.com").unwrap();
    assert_eq!(jwt.issuer, Check::Is(issuer));
    assert_eq!(jwt.keys, KeySource::Discovery);
    assert_eq!(jwt.audience, Check::Is(vec!["testing".to_owned()]));
    assert_eq!(jwt.algorithms, Algorithm::DEFAULT);
    assert_eq!(jwt.leeway, Duration::from_secs(5));
    assert_eq!(jwt.scope_claims, ["scope", "scp"]);

    let [api] = &config.apis[..] else {
        panic!("{config:?}")
    };
    assert_eq!(
        (api.name.as_str(), api.base.as_str(), api.strip_base),
        ("main", "", false)
    );
    assert_eq!((api.token, api.identity.len()), (TokenForwarding::Strip, 0));
    let [route] = &api.routes[..] else {
        panic!("{config:?}")
    };
    assert_eq!(route.methods, Method::One("GET".to_owned()));
    assert_eq!(route.path.to_string(), "/hello/{name}");
    assert_eq!(route.origin, Origin { line: 9, column: 1 });
    assert_eq!(
        route.auth_from,
        AuthFrom::Api(Origin { line: 7, column: 1 })
    );
    let requirement = Requirement {
        authorizer: 0,
        scopes: Vec::new(),
    };
    assert_eq!(
        route.auth,
        Auth {
            signed: None,
            alternatives: vec![vec![requirement]],
            anonymous: false
        }
    );
    let parts = vec![
        TemplatePart::Text("Hello ".to_owned()),
        TemplatePart::Parameter("name".to_owned()),
    ];
    assert_eq!(route.target, Target::Respond(Template { parts }));

    assert_eq!(config.name, None);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.workers, None);
    assert_eq!(config.server.limits.body, 10 * 1024 * 1024);
    assert_eq!(config.server.trusted_proxies, []);
    assert_eq!(config.tenant.listen.to_string(), "127.0.0.1:4000");
}

#[test]
fn the_identity_lab_guards_an_upstream_and_describes_a_tenant() {
    let Parsed { config, .. } = read(IDENTITY_LAB);
    let api = &config.apis[0];
    let routes: Vec<_> = api
        .routes
        .iter()
        .map(|route| format!("{} {}", route.methods, route.path))
        .collect();
    assert_eq!(routes, ["ANY /", "ANY /{rest+}"]);
    let upstream = "http://localhost:3001".parse().unwrap();
    let upstream = Target::Upstream(Box::new(Upstream::at(upstream)));
    assert!(api.routes.iter().all(|route| route.target == upstream));
    let pair = |header: &str, claim: &str| (header.to_owned(), claim.to_owned());
    assert_eq!(
        api.identity,
        [pair("x-user", "sub"), pair("x-scopes", "scope")]
    );

    let permissions = config.permissions_by_audience();
    assert_eq!(permissions.len(), 1);
    assert!(
        permissions["https://expenses-api"]
            .iter()
            .eq(["read:reports"])
    );

    let user = &config.tenant.users[0];
    assert_eq!(user.email, "ada@example.com");
    assert_eq!(user.password.expose(), "correct horse");
    assert_eq!(user.permissions["https://expenses-api"], ["read:reports"]);
    let application = &config.tenant.applications[0];
    assert_eq!(application.kind, ApplicationKind::RegularWeb);
    assert_eq!(application.client_id.as_deref(), Some("expenses-web"));
    let secret = application.client_secret.as_ref().unwrap();
    assert_eq!(secret.expose(), "the-secret-of-the-environment");
    assert_eq!(application.callbacks, ["http://localhost:3000/callback"]);
    assert_eq!(application.logout_urls, ["http://localhost:3000"]);
    assert_eq!(application.permissions, None);
}

#[test]
fn a_secret_is_in_no_debug_output() {
    let debug = format!("{:?}", read(IDENTITY_LAB).config);
    for secret in ["correct horse", "the-secret-of-the-environment"] {
        assert!(!debug.contains(secret), "{secret}");
    }
}

#[test]
fn the_tyk_guide_gives_up_checks_in_words() {
    let Parsed { config, .. } = read(TYK);
    let AuthorizerKind::Jwt(jwt) = &config.authorizers[0].kind;
    let jwks = "https://tenant.example.com/.well-known/jwks.json"
        .parse()
        .unwrap();
    assert_eq!(jwt.keys, KeySource::Jwks(jwks));
    assert_eq!((&jwt.issuer, &jwt.audience), (&Check::Any, &Check::Any));
    let api = &config.apis[0];
    assert_eq!((api.base.as_str(), api.strip_base), ("/httpbin", true));
    let paths: Vec<_> = api
        .routes
        .iter()
        .map(|route| route.path.to_string())
        .collect();
    assert_eq!(paths, ["/httpbin", "/httpbin/{rest+}"]);
    assert!(config.permissions_by_audience().is_empty());
    assert_eq!(
        problems(TYK),
        [
            "warning 4:12 `issuer = \"any\"`: tokens of every issuer that these keys sign for pass",
            "warning 5:12 `audience = \"any\"`: tokens that are meant for other APIs pass",
        ]
    );
}

#[test]
fn the_sst_guide_has_a_public_route() {
    let Parsed { config, warnings } = read(SST);
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(config.name.as_deref(), Some("api-auth-jwt-auth0"));
    let public = &config.apis[0].routes[1];
    assert_eq!(
        public.auth,
        Auth {
            signed: None,
            alternatives: Vec::new(),
            anonymous: true
        }
    );
    assert_eq!(
        public.auth_from,
        AuthFrom::Route(Origin {
            line: 12,
            column: 56
        })
    );
    let permissions = config.permissions_by_audience();
    assert!(permissions["https://tenant.example.com/api/v2/"].is_empty());
}

#[test]
fn what_the_guides_need_later_is_refused_in_so_many_words() {
    let text = r#"
[identity_pool.Auth]
providers = [{ domain = "myorg.us.auth0.com", client_id = "web" }]
allow = ["Api"]
[authorizer.iam]
type = "sigv4"
pool = "Auth"
[api.Api]
auth = "iam"
errors = "aws"
cors = true
[api.Api.routes]
"GET /private" = "backend/functions/private.handler"
"GET /public"  = { function = "backend/functions/public.handler", auth = "none" }
[site.Site]
path = "packages/frontend"
"#;
    let later = "is not available in this version";
    assert_eq!(problems(text), [format!("error 15:2 `site` {later}"),]);
}
