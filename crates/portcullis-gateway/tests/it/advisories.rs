//! Mistakes that other gateways have published, each through a raw socket.

use serde_json::Value;

use crate::fixture::{Fixture, get};
use crate::upstream::values;

const API: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = "none"
    identity = { "x-user" = "sub" }
    [api.main.routes]
    "ANY /admin" = { auth = "user" }
    "ANY /admin/{rest+}" = { auth = "user" }
"#;

/// Each target is refused for its path, or asks for a token, and none arrives.
async fn check_targets(targets: &[(&str, u16)]) {
    let fixture = Fixture::start(API).await;
    for (target, expected) in targets {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, *expected, "{target}");
        if *expected == 401 {
            let challenge = Some("Bearer realm=\"main\"");
            assert_eq!(answer.header("www-authenticate"), challenge, "{target}");
        } else {
            assert_eq!(answer.problem(), "bad_path", "{target}");
        }
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

/// Each of these lines opens nothing that asks for a token.
async fn check_lines(lines: &[&str]) {
    let fixture = Fixture::start(API).await;
    for lines in lines {
        let answer = fixture.get("/admin", lines).await;
        assert_eq!(answer.status, 401, "{lines}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

/// The header does not arrive upstream on a public route.
async fn check_removed(lines: &str, header: &str) {
    let fixture = Fixture::start(API).await;
    let seen = fixture.get("/public", lines).await.json();
    assert_eq!(values(&seen, header), [""; 0], "{lines}");
    assert_eq!(values(&seen, "x-forwarded-for"), ["127.0.0.1"], "{lines}");
}

#[tokio::test]
async fn oathkeeper_ghsa_p224_6x5r_fjpm_a_rule_matched_on_the_raw_path() {
    check_targets(&[
        ("/public/../admin", 400),
        ("/public/./../admin", 400),
        ("//admin", 400),
    ])
    .await;
}

#[tokio::test]
async fn envoy_cve_2019_9901_dot_segments_that_are_encoded() {
    check_targets(&[
        ("/public/%2e%2e/admin", 400),
        ("/public/.%2E/admin", 400),
        ("/public/%252e%252e/admin", 400),
        ("/public%2f..%2fadmin", 400),
        ("/public\\..\\admin", 400),
    ])
    .await;
}

#[tokio::test]
async fn keycloak_cve_2026_15573_a_matrix_parameter() {
    check_targets(&[("/admin;x=y", 400), ("/public/..;/admin", 400)]).await;
}

#[tokio::test]
async fn keycloak_cve_2026_74909_a_matrix_parameter_that_is_encoded() {
    check_targets(&[("/admin%3bx=y", 400), ("/admin%3Bx", 400)]).await;
}

#[tokio::test]
async fn oauth2_proxy_ghsa_pxq7_h93f_9jrg_a_fragment_widens_a_rule() {
    check_targets(&[("/admin#/public", 401), ("/admin/%23/public", 401)]).await;
}

#[tokio::test]
async fn oauth2_proxy_ghsa_7rh7_c77v_6434_a_query_takes_part_in_a_rule() {
    check_targets(&[("/admin?/public", 401), ("/admin?a=/public", 401)]).await;
}

#[tokio::test]
async fn oauth2_proxy_ghsa_7x63_xv5r_3p2x_x_forwarded_uri_is_believed() {
    check_lines(&[
        "X-Forwarded-Uri: /public\r\n",
        "X-Original-URL: /public\r\nX-Rewrite-URL: /public\r\n",
        "X-HTTP-Method-Override: OPTIONS\r\n",
    ])
    .await;
    check_removed("X-Forwarded-Uri: /admin\r\n", "x-forwarded-uri").await;
}

#[tokio::test]
async fn oathkeeper_ghsa_vhr5_ggp3_qq85_x_forwarded_proto_is_believed() {
    check_lines(&["X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n"]).await;
    let fixture = Fixture::start(API).await;
    let lines = "X-Forwarded-Proto: https\r\n";
    let seen = fixture.get("/public", lines).await.json();
    assert_eq!(values(&seen, "x-forwarded-proto"), ["http"]);
}

#[tokio::test]
async fn oauth2_proxy_ghsa_5hvv_m4w4_gf6v_a_health_checks_user_agent_opens_everything() {
    check_lines(&[
        "User-Agent: kube-probe/1.30\r\n",
        "User-Agent: GoogleHC/1.0\r\n",
    ])
    .await;
}

#[tokio::test]
async fn oauth2_proxy_ghsa_vjrc_mh2v_45x6_the_underscore_twin_of_an_identity_header() {
    check_removed("X_User: root\r\n", "x_user").await;
}

#[tokio::test]
async fn caddy_ghsa_7r4p_vjf4_gxv4_an_identity_header_where_nobody_is_known() {
    check_removed("X-User: root\r\n", "x-user").await;
    check_removed("X-User: root\r\nConnection: x-user\r\n", "x-user").await;
}

#[tokio::test]
async fn tyk_real_ip_an_address_that_the_caller_names_is_believed() {
    check_removed("X-Real-IP: 6.6.6.6\r\n", "x-real-ip").await;
    check_removed("X-Forwarded-For: 6.6.6.6\r\n", "forwarded").await;
}

/// What is remembered of a token is of one issuer's authorizer.
#[tokio::test]
async fn oathkeeper_ghsa_4mq7_pvjg_xp2r_a_cache_that_does_not_know_the_issuer() {
    let text = "[api.main]\nauth = \"user\"\nupstream = \"UPSTREAM\"\n\
                routes = { \"GET /partner\" = { auth = \"partner\" } }\n";
    let fixture = Fixture::start(text).await;
    let token = fixture.world.token().sign();
    for (target, expected) in [("/", 200), ("/partner", 401), ("/", 200), ("/partner", 401)] {
        let answer = fixture.get_with(target, &token).await;
        assert_eq!(answer.status, expected, "{target}");
    }
    assert_eq!(fixture.upstream.seen().len(), 2);
}

#[tokio::test]
async fn traefik_3_7_3_a_prefix_is_taken_off_within_a_segment() {
    let text = "[api.main]\nbase = \"/api\"\nstrip_base = true\nauth = \"none\"\n\
                upstream = \"UPSTREAM\"\n";
    let fixture = Fixture::start(text).await;
    for (target, status, reason) in [
        ("/api../x", 404, "no_route"),
        ("/apix", 404, "no_route"),
        ("/api%2e%2e/x", 404, "no_route"),
        ("/api/../x", 400, "bad_path"),
    ] {
        let answer = fixture.get(target, "").await;
        let got = (answer.status, answer.problem());
        assert_eq!(got, (status, reason.to_owned()), "{target}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
    assert_eq!(fixture.get("/api/x", "").await.json()["target"], "/x");
}

#[tokio::test]
async fn a_target_that_another_server_would_read_otherwise_is_refused() {
    let fixture = Fixture::start(API).await;
    for (name, target, expected) in [
        ("another case", "/Admin", 400),
        ("no path at all", "!", 400),
        ("only a host", "a.example:80", 400),
        ("an asterisk", "*", 400),
        ("absolute, guarded", "http://a.example/admin", 401),
        ("absolute, a user's name", "http://b@a.example/admin", 400),
    ] {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, expected, "{name}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

/// The parser takes a fragment off and gives no way to see it, so it is not refused: it plays no
/// part in choosing the route, and no upstream sees it.
#[tokio::test]
async fn a_fragment_is_neither_matched_nor_forwarded() {
    let fixture = Fixture::start(API).await;
    for (target, forwarded) in [
        ("/public#/admin", "/public"),
        ("/public?a=b#c", "/public?a=b"),
        ("/public?a#?b", "/public?a"),
    ] {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.json()["target"], forwarded, "{target}");
    }
}

#[tokio::test]
async fn a_request_for_no_host_or_for_several_is_refused_and_ends_the_connection() {
    let fixture = Fixture::start(API).await;
    for (name, request) in [
        ("no Host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        ("two Hosts", get("/", "Host: b.example\r\n")),
        ("the same Host twice", get("/", "Host: a.example\r\n")),
        (
            "a list",
            get("/", "").replace("a.example", "a.example, b.example"),
        ),
        (
            "a user's name",
            get("/", "").replace("a.example", "b@a.example"),
        ),
        (
            "a path",
            get("/", "").replace("a.example", "a.example/admin"),
        ),
    ] {
        let mut client = fixture.connect().await;
        let answer = client.send(request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "bad_host"),
            "{name}"
        );
        assert!(client.is_closed().await, "{name}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}
