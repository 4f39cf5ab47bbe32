use std::fs;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_config::{Certificate, ClientCertificates, Tls as Config, TlsVersion};
use portcullis_gateway::{Gateway, Listeners, Plan, Tls, TlsError};
use portcullis_token::base64url;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fixture::{World, bearer, get, sha256};

const HELLO: &str =
    "[api.main]\nauth = \"none\"\nroutes = { \"GET /\" = { respond = \"Hello\" } }\n";

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const OLD: &[&SupportedProtocolVersion] = &[&TLS12];
const NEW: &[&SupportedProtocolVersion] = &[&TLS13];

/// An authority and the files that it has made.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn create() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    /// A file beside those that it has made.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Its own certificate.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Writes a certificate for `names` and its key.
    pub(crate) fn certify(&self, file: &str, names: &[&str]) -> Certificate {
        let (certificate, key) = self.sign(names);
        let (certificate_file, key_file) = (format!("{file}.pem"), format!("{file}-key.pem"));
        fs::write(
            self.folder.path().join(&certificate_file),
            certificate.pem(),
        )
        .unwrap();
        fs::write(self.folder.path().join(&key_file), key.serialize_pem()).unwrap();
        Certificate {
            certificate: certificate_file,
            key: key_file,
        }
    }

    pub(crate) fn sign(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn load(&self, config: &Config) -> Result<Tls, TlsError> {
        Tls::load(config, self.folder.path())
    }

    fn start(&self, text: &str, config: &Config) -> Gateway {
        self.serve(World::default().plan(&(text.to_owned() + HELLO)), config)
    }

    fn serve(&self, plan: Plan, config: &Config) -> Gateway {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = Listeners::bind(any_port, NonZeroUsize::MIN).unwrap();
        Gateway::with_listeners(plan, listeners, Some(self.load(config).unwrap())).unwrap()
    }

    fn client(&self) -> Caller {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        Caller {
            roots,
            versions: BOTH,
            identity: None,
            protocols: Vec::new(),
        }
    }
}

fn config(certificates: Vec<Certificate>) -> Config {
    Config {
        certificates,
        client_ca: None,
        client_certificates: ClientCertificates::Required,
        min_version: TlsVersion::V1_2,
    }
}

/// What a client of TLS may do differently.
struct Caller {
    roots: RootCertStore,
    versions: &'static [&'static SupportedProtocolVersion],
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    protocols: Vec<Vec<u8>>,
}

impl Caller {
    async fn connect(self, address: SocketAddr, name: &str) -> io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(self.roots);
        let mut config = match self.identity {
            Some((certificate, key)) => config
                .with_client_auth_cert(vec![certificate], key)
                .unwrap(),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = self.protocols;
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

async fn hello(stream: &mut TlsStream<TcpStream>) -> io::Result<String> {
    stream
        .write_all(get("/", "Connection: close\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The names of the certificate that the gateway shows.
fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let certificates = stream.get_ref().1.peer_certificates().unwrap();
    certificates[0].clone()
}

#[tokio::test]
async fn a_caller_sees_the_certificate_of_the_name_it_asks_for() {
    let authority = Authority::create();
    let first = authority.certify("first", &["a.example", "127.0.0.1"]);
    let other = authority.certify("other", &["b.example", "*.c.example"]);
    let gateway = authority.start("", &config(vec![first, other]));
    for (name, fits) in [
        ("a.example", true),
        ("A.Example", true),
        ("b.example", true),
        ("x.c.example", true),
        ("127.0.0.1", true),
        ("x.y.c.example", false),
        ("c.example", false),
        ("d.example", false),
    ] {
        let stream = authority.client().connect(gateway.address(), name).await;
        assert_eq!(stream.is_ok(), fits, "{name}");
        if let Ok(mut stream) = stream {
            let answer = hello(&mut stream).await.unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 200 OK\r\n"),
                "{name}: {answer}"
            );
            assert!(answer.ends_with("Hello"), "{name}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_caller_chooses_the_version_of_http() {
    let authority = Authority::create();
    let gateway = authority.start("", &config(vec![authority.certify("a", &["a.example"])]));
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let mut client = authority.client();
        client.protocols = offered.iter().map(|own| own.as_bytes().to_vec()).collect();
        let mut stream = client
            .connect(gateway.address(), "a.example")
            .await
            .unwrap();
        let found = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(found.as_deref(), chosen.map(str::as_bytes), "{offered:?}");
        if chosen == Some("h2") {
            let io = hyper_util::rt::TokioIo::new(stream);
            let executor = hyper_util::rt::TokioExecutor::new();
            let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
                .await
                .unwrap();
            tokio::spawn(connection);
            let request = http::Request::get("https://a.example/");
            let request = request
                .body(http_body_util::Empty::<bytes::Bytes>::new())
                .unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
        } else {
            assert!(hello(&mut stream).await.unwrap().ends_with("Hello"));
        }
    }
}

#[tokio::test]
async fn an_old_version_of_tls_is_spoken_unless_it_is_ruled_out() {
    let authority = Authority::create();
    let mut config = config(vec![authority.certify("a", &["a.example"])]);
    for (min_version, old, new) in [
        (TlsVersion::V1_2, true, true),
        (TlsVersion::V1_3, false, true),
    ] {
        config.min_version = min_version;
        let gateway = authority.start("", &config);
        for (versions, expected) in [(OLD, old), (NEW, new)] {
            let mut client = authority.client();
            client.versions = versions;
            let stream = client.connect(gateway.address(), "a.example").await;
            assert_eq!(stream.is_ok(), expected, "{min_version:?} {versions:?}");
        }
    }
}

#[tokio::test]
async fn a_caller_needs_a_certificate_where_authorities_are_named() {
    let authority = Authority::create();
    let mut config = config(vec![authority.certify("a", &["a.example"])]);
    config.client_ca = Some("ca.pem".to_owned());
    let gateway = authority.start("", &config);
    config.client_certificates = ClientCertificates::Optional;
    let asking = authority.start("", &config);
    let of = |authority: &Authority| {
        let (certificate, key) = authority.sign(&["client.example"]);
        (
            certificate.der().clone(),
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
    };
    let stranger = Authority::create();
    for (name, gateway, identity, expected) in [
        ("ours", &gateway, Some(of(&authority)), true),
        ("a stranger's", &gateway, Some(of(&stranger)), false),
        ("none", &gateway, None, false),
        ("ours, where asked for", &asking, Some(of(&authority)), true),
        ("a stranger's there", &asking, Some(of(&stranger)), false),
        ("none there", &asking, None, true),
    ] {
        let mut client = authority.client();
        client.identity = identity;
        // In TLS 1.3 a client learns of its refusal when it reads.
        let answer = match client.connect(gateway.address(), "a.example").await {
            Ok(mut stream) => hello(&mut stream).await,
            Err(error) => Err(error),
        };
        assert_eq!(
            answer.is_ok_and(|answer| answer.ends_with("Hello")),
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_certificate_needs_a_connection_with_it() {
    let authority = Authority::create();
    let mut config = config(vec![authority.certify("a", &["a.example"])]);
    config.client_ca = Some("ca.pem".to_owned());
    config.client_certificates = ClientCertificates::Optional;
    let world = World::default();
    let serve = |server: &str| {
        let text = format!("[server]\n{server}\n") + &HELLO.replace("\"none\"", "\"user\"");
        authority.serve(world.plan(&text), &config)
    };
    let header = "client_certificate_header = \"client-cert\"";
    // The header of a proxy is not believed: this caller is none.
    let gateway = serve(&format!("trusted_proxies = [\"10.0.0.1\"]\n{header}"));
    // Here it is one, whose own certificate is nobody's whose requests it passes on.
    let proxied = serve(&format!("trusted_proxies = [\"127.0.0.1\"]\n{header}"));
    let silent = serve("trusted_proxies = [\"127.0.0.1\"]");
    let (own, own_key) = authority.sign(&["client.example"]);
    let (other, other_key) = authority.sign(&["client.example"]);
    let thumbprint = base64url::encode(&sha256(own.der()));
    let confirmation = serde_json::json!({ "x5t#S256": thumbprint });
    let bound = world.token().claim("cnf", confirmation).sign();
    let encoded = format!("client-cert: :{}:\r\n", standard(own.der()));
    let (own_pair, other_pair) = (Some((&own, &own_key)), Some((&other, &other_key)));
    for (name, gateway, identity, lines, status) in [
        ("its own", &gateway, own_pair, "", "200"),
        ("another", &gateway, other_pair, "", "401"),
        (
            "another, and its own told",
            &gateway,
            other_pair,
            &*encoded,
            "401",
        ),
        ("none", &gateway, None, "", "401"),
        ("none, and its own told", &gateway, None, &*encoded, "401"),
        ("a proxy's", &proxied, own_pair, "", "401"),
        (
            "a proxy's, and its own told",
            &proxied,
            other_pair,
            &*encoded,
            "200",
        ),
        ("a proxy's that tells nothing", &silent, own_pair, "", "401"),
        (
            "a proxy's, and its own told in vain",
            &silent,
            other_pair,
            &*encoded,
            "401",
        ),
    ] {
        let mut client = authority.client();
        client.identity = identity.map(|(certificate, key)| {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            (certificate.der().clone(), key)
        });
        let mut stream = client
            .connect(gateway.address(), "a.example")
            .await
            .unwrap();
        let lines = format!("{}{lines}Connection: close\r\n", bearer(&bound));
        stream.write_all(get("/", &lines).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{name}: {answer}");
    }
}

fn standard(der: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(der)
}

#[tokio::test]
async fn other_certificates_hold_from_the_next_connection_on() {
    let authority = Authority::create();
    let config = config(vec![authority.certify("a", &["a.example"])]);
    let gateway = authority.start("", &config);
    let connect = || authority.client().connect(gateway.address(), "a.example");
    let mut before = connect().await.unwrap();
    authority.certify("a", &["a.example"]);
    gateway.replace_tls(Some(authority.load(&config).unwrap()));
    let after = connect().await.unwrap();
    assert_ne!(shown(&before), shown(&after));
    assert!(
        hello(&mut before).await.unwrap().ends_with("Hello"),
        "it goes on"
    );
}

#[tokio::test]
async fn who_speaks_in_the_clear_or_not_at_all_is_cut_and_holds_nobody_up() {
    let authority = Authority::create();
    let config = config(vec![authority.certify("a", &["a.example"])]);
    let gateway = authority.start("[server.limits]\nhead_timeout = \"300ms\"\n", &config);
    let mut clear = crate::client::Client::connect(gateway.address())
        .await
        .unwrap();
    clear.write(get("/", "")).await.unwrap();
    let answer = clear.rest().await.unwrap_or_default();
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");

    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(
            crate::client::Client::connect(gateway.address())
                .await
                .unwrap(),
        );
    }
    let began = std::time::Instant::now();
    let mut stream = authority
        .client()
        .connect(gateway.address(), "a.example")
        .await
        .unwrap();
    assert!(hello(&mut stream).await.unwrap().ends_with("Hello"));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    for mut silent in silent {
        assert!(silent.is_closed().await);
    }
}

#[tokio::test]
async fn stopping_does_not_wait_for_handshakes_that_do_not_end() {
    let authority = Authority::create();
    let config = config(vec![authority.certify("a", &["a.example"])]);
    let gateway = authority.start("", &config);
    let address = gateway.address();
    let mut silent = crate::client::Client::connect(address).await.unwrap();
    let mut done = authority
        .client()
        .connect(address, "a.example")
        .await
        .unwrap();
    assert!(hello(&mut done).await.unwrap().ends_with("Hello"));
    let began = std::time::Instant::now();
    gateway.stop(Duration::from_secs(20)).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(silent.is_closed().await);
}

#[test]
fn a_file_that_is_of_no_use_is_named() {
    let authority = Authority::create();
    let good = authority.certify("good", &["a.example"]);
    let other = authority.certify("other", &["b.example"]);
    authority.certify("nameless", &[]);
    fs::write(authority.folder.path().join("empty.pem"), "").unwrap();
    fs::write(
        authority.folder.path().join("large.pem"),
        vec![b'x'; (1 << 20) + 1],
    )
    .unwrap();
    let pair = |certificate: &str, key: &str| Certificate {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    for (certificates, expected) in [
        (
            vec![pair("none.pem", "good-key.pem")],
            "none.pem cannot be read",
        ),
        (
            vec![pair("large.pem", "good-key.pem")],
            "large.pem is larger than 1 MiB",
        ),
        (
            vec![pair("empty.pem", "good-key.pem")],
            "empty.pem holds no certificate in PEM",
        ),
        (
            vec![pair("good.pem", "good.pem")],
            "good.pem holds no private key in PEM",
        ),
        (
            vec![pair("good.pem", &other.key)],
            "good.pem cannot be used",
        ),
        (
            vec![good.clone(), pair("nameless.pem", "nameless-key.pem")],
            "nameless.pem holds a certificate without DNS names",
        ),
    ] {
        let error = authority
            .load(&config(certificates))
            .unwrap_err()
            .to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    assert!(
        authority
            .load(&config(vec![
                pair("nameless.pem", "nameless-key.pem"),
                good
            ]))
            .is_ok()
    );
}
