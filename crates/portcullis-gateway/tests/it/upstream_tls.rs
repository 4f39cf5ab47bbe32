//! TLS to upstreams: whom they must prove to be, and what is proved to them.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_gateway::Gateway;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::client::{Answer, Client};
use crate::fixture::{World, get, start};
use crate::tls::Authority;

const NAME: &str = "api.example";

/// An upstream over TLS that answers `ok`, and remembers what each connection has shown.
struct Secure {
    address: SocketAddr,
    task: AbortHandle,
    shown: Arc<Mutex<Vec<Option<Vec<u8>>>>>,
}

impl Secure {
    /// Has a certificate for [`NAME`] of `authority`; asks for one of `clients`.
    async fn start(authority: &Authority, clients: Option<&Authority>) -> Self {
        let (certificate, key) = authority.sign(&[NAME]);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.certificate()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![CertificateDer::clone(certificate.der())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shown = Arc::<Mutex<Vec<_>>>::default();
        let record = Arc::clone(&shown);
        let accept = async move {
            let mut tasks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, record) = (acceptor.clone(), Arc::clone(&record));
                tasks.spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let peer = stream.get_ref().1.peer_certificates();
                    let peer = peer.and_then(|chain| Some(chain.first()?.to_vec()));
                    record.lock().unwrap().push(peer);
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).await? > 0 {
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                        stream.write_all(answer).await?;
                        stream.flush().await?;
                    }
                    std::io::Result::Ok(())
                });
            }
        };
        Self {
            address,
            task: tokio::spawn(accept).abort_handle(),
            shown,
        }
    }

    /// An API that it stands behind, with these settings in the upstream's `tls`.
    fn api(&self, name: &str, tls: &str) -> String {
        let port = self.address.port();
        format!(
            "[api.{name}]\nbase = \"/{name}\"\nauth = \"none\"\n\
             upstream = {{ url = \"https://127.0.0.1:{port}\", tls = {{ {tls} }} }}\n"
        )
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn world(directory: PathBuf) -> World {
    World {
        directory,
        ..World::default()
    }
}

async fn ask(gateway: &Gateway, target: &str) -> Answer {
    let mut client = Client::connect(gateway.address()).await.unwrap();
    client.send(get(target, "")).await
}

#[tokio::test]
async fn an_upstream_must_prove_its_name_by_an_authority_that_is_believed() {
    let (authority, stranger) = (Authority::create(), Authority::create());
    let upstream = Secure::start(&authority, None).await;
    fs::write(authority.path("stranger.pem"), stranger.pem()).unwrap();
    let world = world(authority.path(""));
    for (name, tls, expected) in [
        ("the system's authorities", "", None),
        (
            "another authority",
            "ca = \"stranger.pem\", server_name = \"api.example\"",
            None,
        ),
        ("another name", "ca = \"ca.pem\"", None),
        (
            "a name of somebody else",
            "ca = \"ca.pem\", server_name = \"b.example\"",
            None,
        ),
        (
            "its own",
            "ca = \"ca.pem\", server_name = \"api.example\"",
            Some("ok"),
        ),
    ] {
        let gateway = start(world.plan(&upstream.api("main", tls)));
        let answer = ask(&gateway, "/main").await;
        if let Some(expected) = expected {
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (200, expected),
                "{name}"
            );
            continue;
        }
        let problem = answer.problem();
        assert_eq!(
            (answer.status, problem.as_str()),
            (502, "upstream_tls"),
            "{name}"
        );
        let text = answer.text();
        for told in ["certificate", "Unknown", NAME, "127.0.0.1", "pem"] {
            assert!(!text.contains(told), "{name}: {told} in {text}");
        }
    }
}

#[tokio::test]
async fn an_upstream_is_shown_the_certificate_that_it_asks_for() {
    let (authority, clients) = (Authority::create(), Authority::create());
    let upstream = Secure::start(&authority, Some(&clients)).await;
    let own = clients.certify("gateway", &["gateway.example"]);
    let other = authority.certify("other", &["other.example"]);
    for file in [&own.certificate, &own.key] {
        fs::copy(clients.path(file), authority.path(file)).unwrap();
    }
    let world = world(authority.path(""));
    let tls = |certificate: &portcullis_config::Certificate| {
        format!(
            "ca = \"ca.pem\", server_name = \"{NAME}\", certificate = \"{}\", key = \"{}\"",
            certificate.certificate, certificate.key
        )
    };
    let none = "ca = \"ca.pem\", server_name = \"api.example\"".to_owned();
    for (name, tls, expected) in [
        ("none", none, 502),
        ("one of another authority", tls(&other), 502),
        ("its own", tls(&own), 200),
    ] {
        let gateway = start(world.plan(&upstream.api("main", &tls)));
        let answer = ask(&gateway, "/main").await;
        assert_eq!(answer.status, expected, "{name}: {}", answer.text());
        if expected == 502 {
            assert_eq!(answer.problem(), "upstream_tls", "{name}");
        }
    }
    assert_eq!(
        upstream.shown.lock().unwrap().len(),
        1,
        "of those that it has let in"
    );
}

#[tokio::test]
async fn callers_of_one_identity_never_use_the_connections_of_another() {
    let authority = Authority::create();
    let upstream = Secure::start(&authority, Some(&authority)).await;
    let tls = |certificate: &portcullis_config::Certificate| {
        format!(
            "ca = \"ca.pem\", server_name = \"{NAME}\", certificate = \"{}\", key = \"{}\"",
            certificate.certificate, certificate.key
        )
    };
    let one = upstream.api("one", &tls(&authority.certify("one", &["one.example"])));
    let two = upstream.api("two", &tls(&authority.certify("two", &["two.example"])));
    let gateway = start(world(authority.path("")).plan(&(one + &two)));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    for target in ["/one", "/two", "/one", "/two"] {
        let answer = client.send(get(target, "")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let shown = upstream.shown.lock().unwrap();
    assert_eq!(shown.len(), 2, "each kept its connection");
    assert!(shown[0].is_some() && shown[0] != shown[1]);
}

#[tokio::test]
async fn a_reload_reads_the_files_again() {
    let (authority, stranger) = (Authority::create(), Authority::create());
    let upstream = Secure::start(&authority, None).await;
    let world = world(stranger.path(""));
    let text = upstream.api("main", "ca = \"ca.pem\", server_name = \"api.example\"");
    let gateway = start(world.plan(&text));
    assert_eq!(ask(&gateway, "/main").await.problem(), "upstream_tls");
    gateway.replace(world.plan(&text));
    assert_eq!(ask(&gateway, "/main").await.problem(), "upstream_tls");
    fs::copy(authority.path("ca.pem"), stranger.path("ca.pem")).unwrap();
    gateway.replace(world.plan(&text));
    assert_eq!(ask(&gateway, "/main").await.text(), "ok");
}

#[tokio::test]
async fn checks_prove_and_ask_what_requests_do() {
    let authority = Authority::create();
    let upstream = Secure::start(&authority, Some(&authority)).await;
    let own = authority.certify("gateway", &["gateway.example"]);
    let tls = format!(
        "ca = \"ca.pem\", server_name = \"{NAME}\", certificate = \"{}\", key = \"{}\"",
        own.certificate, own.key
    );
    let health = "health = { path = \"/\", every = \"100ms\", unhealthy = 1, healthy = 1 }, tls";
    let text = upstream.api("main", &tls).replace("tls", health);
    let plan = Arc::new(world(authority.path("")).plan(&text));
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let _gateway =
        Gateway::start(Arc::clone(&plan), any_port, std::num::NonZeroUsize::MIN).unwrap();
    let asked = async {
        while upstream.shown.lock().unwrap().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked)
        .await
        .unwrap();
    assert!(upstream.shown.lock().unwrap().iter().all(Option::is_some));
    assert!(plan.upstream_health()[0].healthy);
}

#[test]
fn files_that_are_of_no_use_are_named() {
    let authority = Authority::create();
    let own = authority.certify("own", &["own.example"]);
    let other = authority.certify("other", &["other.example"]);
    fs::write(authority.path("text.pem"), "no certificate").unwrap();
    let world = world(authority.path(""));
    let path = |file: &str| authority.path(file).display().to_string();
    for (tls, expected) in [
        (
            "ca = \"missing.pem\"".to_owned(),
            format!("{} cannot be read", path("missing.pem")),
        ),
        (
            "ca = \"text.pem\"".to_owned(),
            format!("{} holds no certificate in PEM", path("text.pem")),
        ),
        (
            format!("certificate = \"{}\", key = \"text.pem\"", own.certificate),
            format!("{} holds no private key in PEM", path("text.pem")),
        ),
        (
            format!(
                "certificate = \"{}\", key = \"{}\"",
                own.certificate, other.key
            ),
            format!("{} cannot be used", path(&own.certificate)),
        ),
    ] {
        let text = format!(
            "[api.main]\nauth = \"none\"\n\
             upstream = {{ url = \"https://a.example\", tls = {{ {tls} }} }}\n"
        );
        let error = world.try_plan(&text).unwrap_err();
        let chain = portcullis::Chain(&error).to_string();
        assert!(chain.contains(&expected), "{tls}: {chain}");
    }
}
