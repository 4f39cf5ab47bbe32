use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use portcullis::{Introspection, Issuer, KeySource, Keys, Observer};
use portcullis_config::{Check, JwtAuthorizer, Source};
use portcullis_gateway::{Environment, Gateway, Plan, PlanError, ProofMemory};
use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer, TokenBuilder};

use crate::client::{Answer, Client};
use crate::upstream::{Echo, Scripted, Wire};

pub(crate) const ISSUER: &str = "https://issuer.example/";
pub(crate) const PARTNER: &str = "https://partner.example/";

/// The authorizers that a configuration need not spell out, by their names.
const AUTHORIZERS: [(&str, &str); 2] = [("user", ISSUER), ("partner", PARTNER)];

/// Who signs, and when it is.
pub(crate) struct World {
    pub(crate) issuer: LazyLock<TestIssuer>,
    pub(crate) partner: LazyLock<TestIssuer>,
    pub(crate) clock: TestClock,
    /// Whether keys are found by discovery, where the configuration says so, rather than known.
    pub(crate) fetches: bool,
    pub(crate) tells_reason: bool,
    /// Who is asked about opaque tokens, where the configuration says so.
    pub(crate) introspection: TestIntrospection,
    /// Where the files are that the configuration names.
    pub(crate) directory: PathBuf,
    /// What all plans of a test remember of `DPoP` proofs.
    pub(crate) proofs: ProofMemory,
}

/// A running gateway with everything around it.
pub(crate) struct Fixture {
    pub(crate) world: World,
    pub(crate) upstream: Echo,
    pub(crate) gateway: Gateway,
}

impl Default for World {
    fn default() -> Self {
        Self {
            // A key takes a while to make, and many tests need none.
            issuer: LazyLock::new(|| TestIssuer::named(ISSUER)),
            partner: LazyLock::new(|| TestIssuer::named(PARTNER)),
            clock: TestClock::default(),
            fetches: false,
            tells_reason: false,
            introspection: TestIntrospection::new(),
            directory: PathBuf::new(),
            proofs: ProofMemory::default(),
        }
    }
}

impl World {
    /// Compiles the configuration, with the authorizers `user` and `partner` where it names them.
    pub(crate) fn plan(&self, text: &str) -> Plan {
        self.try_plan(text).unwrap()
    }

    /// The same, where it may not be possible.
    pub(crate) fn try_plan(&self, text: &str) -> Result<Plan, PlanError> {
        let named = AUTHORIZERS.iter().filter(|(name, _)| text.contains(name));
        let authorizers: Vec<String> = named
            .map(|(name, issuer)| {
                format!("[authorizer.{name}]\nissuer = \"{issuer}\"\naudience = [\"api\"]")
            })
            .collect();
        let text = format!("{}\n{text}", authorizers.join("\n"));
        let source = Source {
            name: "portcullis.toml",
            text: &text,
        };
        let parsed = portcullis_config::parse(&source, &|_| None).unwrap();
        let mut environment = Environment {
            issuer: &mut |jwt| self.issuer_of(jwt),
            signed: &mut |_| Self::signed_by(),
            observer: &mut |_| Observer::default(),
            clock: Arc::new(self.clock.clone()),
            tells_reason: self.tells_reason,
            directory: &self.directory,
            proofs: self.proofs.clone(),
        };
        let plan = Plan::compile(&parsed.config, &mut environment)?;
        plan.start_keys();
        Ok(plan)
    }

    fn issuer_of(&self, jwt: &JwtAuthorizer) -> Issuer {
        let Check::Is(url) = &jwt.issuer else {
            panic!("every authorizer of a test names its issuer")
        };
        let issuer = match url.as_written() {
            ISSUER => &self.issuer,
            PARTNER => &self.partner,
            other => panic!("no test issuer is called {other}"),
        };
        let trusted = if self.fetches && jwt.keys == portcullis_config::KeySource::Discovery {
            let source = KeySource::Discovery(url.url().clone());
            let clock = Arc::new(self.clock.clone());
            Issuer::sharing(Keys::new(
                source,
                Arc::new(TestIssuer::clone(issuer)),
                clock,
            ))
        } else {
            Issuer::fixed(issuer.key_set())
        };
        if jwt.introspection.is_none() {
            return trusted;
        }
        let introspector = Arc::new(self.introspection.clone());
        trusted.introspection(Introspection::new(introspector))
    }

    /// A token that `user` accepts.
    pub(crate) fn token(&self) -> TokenBuilder {
        self.issuer.token().audience("api")
    }
}

impl Fixture {
    /// A gateway by this configuration, in which `UPSTREAM` stands for the echo's address.
    pub(crate) async fn start(text: &str) -> Self {
        Self::of(World::default(), text).await
    }

    pub(crate) async fn of(world: World, text: &str) -> Self {
        let upstream = Echo::start().await;
        let plan = world.plan(&text.replace("UPSTREAM", &upstream.url()));
        Self {
            world,
            upstream,
            gateway: start(plan),
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.gateway.address()).await.unwrap()
    }

    /// Sends the bytes of one request on a connection of its own.
    pub(crate) async fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        self.connect().await.send(request).await
    }

    /// A GET request with these header lines, each with its line end.
    pub(crate) async fn get(&self, target: &str, lines: &str) -> Answer {
        self.send(get(target, lines)).await
    }

    /// A GET request with this token.
    pub(crate) async fn get_with(&self, target: &str, token: &str) -> Answer {
        self.get(target, &bearer(token)).await
    }
}

/// What `x5t#S256` is made of.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}

/// Starts a gateway on a free port.
pub(crate) fn start(plan: Plan) -> Gateway {
    const WORKERS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    Gateway::start(plan, any_port, WORKERS).unwrap()
}

pub(crate) fn get(target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n")
}

pub(crate) fn post(target: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: a.example\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// The head of a request whose body comes in chunks.
pub(crate) fn chunked(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// A gateway before an upstream that keeps to a script.
pub(crate) struct Scripting {
    pub(crate) upstream: Scripted,
    pub(crate) gateway: Gateway,
}

impl Scripting {
    /// Everything is public, and goes to the upstream.
    pub(crate) async fn start<S, F>(script: S) -> Self
    where
        S: Fn(Wire, usize) -> F + Send + 'static,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let upstream = Scripted::start(script).await;
        let gateway = start(World::default().plan(&public(&upstream.url())));
        Self { upstream, gateway }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.gateway.address()).await.unwrap()
    }
}

/// The configuration of an API that is public.
pub(crate) fn public(upstream: &str) -> String {
    format!("[api.main]\nupstream = \"{upstream}\"\nauth = \"none\"\n")
}
