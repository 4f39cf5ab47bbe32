//! Tokens that are bound to a client certificate which a proxy has seen (RFC 8705).

use portcullis_token::base64url;
use serde_json::json;

use crate::fixture::{Fixture, World, bearer, sha256};

const PEM: &str = "-----BEGIN%20CERTIFICATE-----%0AAQID%0A-----END%20CERTIFICATE-----%0A";

async fn fixture(header: &str, proxies: &str) -> Fixture {
    let text = format!(
        r#"
        [server]
        trusted_proxies = ["{proxies}"]
        client_certificate_header = "{header}"
        [api.main]
        upstream = "UPSTREAM"
        auth = "user"
        token = "keep"
        "#
    );
    let world = World {
        tells_reason: true,
        ..World::default()
    };
    Fixture::of(world, &text).await
}

fn hexadecimal(der: &[u8]) -> String {
    let pairs = sha256(der).map(|byte| format!("{byte:02x}"));
    pairs.concat()
}

fn token(fixture: &Fixture) -> String {
    let thumbprint = base64url::encode(&sha256(&[1, 2, 3]));
    let token = fixture.world.token();
    token.claim("cnf", json!({ "x5t#S256": thumbprint })).sign()
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_in_the_header_that_the_file_names() {
    let values = [
        ("client-cert", ":AQID:".to_owned(), ":BAUG:".to_owned()),
        (
            "x-forwarded-client-cert",
            format!("Hash=a;Cert=\"{PEM}\";Subject=\"CN=a,O=b\""),
            format!("Cert=\"{PEM}\",Hash=a"),
        ),
        (
            "x-forwarded-client-cert",
            format!("By=a;Hash={}", hexadecimal(&[1, 2, 3])),
            format!("By=a;Hash={}", hexadecimal(&[4, 5, 6])),
        ),
        (
            "x-ssl-client-cert",
            PEM.to_owned(),
            PEM.replace("AQID", "BAUG"),
        ),
        (
            "ssl-client-cert",
            PEM.to_owned(),
            PEM.replace("AQID", "BAUG"),
        ),
    ];
    for (header, good, other) in &values {
        for (proxies, expected) in [("127.0.0.0/8", 200), ("10.0.0.1", 401)] {
            let fixture = fixture(header, proxies).await;
            let token = token(&fixture);
            let good_line = format!("{header}: {good}\r\n");
            for (name, lines, status) in [
                ("its certificate", good_line.clone(), expected),
                ("its certificate, twice", good_line.repeat(2), 401),
                ("another one", format!("{header}: {other}\r\n"), 401),
                ("none", String::new(), 401),
            ] {
                let answer = fixture.get("/a", &(bearer(&token) + &lines)).await;
                let case = format!("{header} of {proxies}: {name}");
                assert_eq!(answer.status, status, "{case}: {}", answer.text());
                if status == 401 {
                    assert_eq!(answer.json()["reason"], "mtls_binding", "{case}");
                    assert_eq!(answer.json()["error"], "invalid_token", "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn only_the_named_header_is_believed_and_none_goes_further() {
    let fixture = fixture("client-cert", "127.0.0.1").await;
    let others = format!(
        "x-forwarded-client-cert: Cert=\"{PEM}\"\r\nx-ssl-client-cert: {PEM}\r\nssl-client-cert: \
         {PEM}\r\nx_ssl_client_cert: {PEM}\r\n"
    );
    let bound = bearer(&token(&fixture));
    let answer = fixture.get("/a", &format!("{bound}{others}")).await;
    assert_eq!(answer.json()["reason"], "mtls_binding");

    let all = format!("{bound}{others}client-cert: :AQID:\r\n");
    let free = bearer(&fixture.world.token().sign()) + &others;
    for lines in [all, free] {
        assert_eq!(fixture.get("/a", &lines).await.status, 200);
        let seen = fixture.upstream.seen().pop().unwrap().to_string();
        // Not of the values: four letters in a row may be anywhere in a token.
        let names = seen.lines().filter_map(|line| line.split(':').next());
        let mut names = names.map(str::to_lowercase);
        assert!(!names.any(|name| name.contains("cert")), "{seen}");
    }
}
