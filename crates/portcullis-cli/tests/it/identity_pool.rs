//! The guide of identity pools, with AWS's own clients.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use portcullis::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::program::World;
use crate::session::Session;
use crate::signer::Signer;

const FILE: &str = r#"
[identity_pool.Auth]
listen = "127.0.0.1:0"
providers = [{ domain = "myorg.us.auth0.com", client_id = "web" }]
allow = ["Api"]
[authorizer.iam]
type = "sigv4"
pool = "Auth"
[api.Api]
auth = "iam"
errors = "aws"
[api.Api.routes]
"GET /private" = { respond = "Hello user!" }
"POST /private" = { respond = "Posted" }
"GET /notes/{id}" = { respond = "Note {id}" }
"GET /public" = { respond = "public", auth = "none" }
"#;

/// Signs by botocore, and prints the status of each answer.
const BOTO: &str = r#"
import sys, urllib.error, urllib.request
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
api, key, secret, token = sys.argv[1:5]
def send(auth, method, url, data=None, **more):
    request = AWSRequest(method, url, data=data)
    auth(Credentials(key, secret, token), "execute-api", "us-east-1", **more).add_auth(request)
    sent = request.prepare()
    headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in sent.headers.items()}
    body = data.encode() if data else None
    call = urllib.request.Request(sent.url, data=body, method=method, headers=headers)
    try:
        print(urllib.request.urlopen(call).status)
    except urllib.error.HTTPError as error:
        print(error.code)
send(SigV4Auth, "GET", api + "/private?b=%2F%C3%A9&a=1")
send(SigV4Auth, "GET", api + "/notes/a%20b")
send(SigV4Auth, "POST", api + "/private", "x=1")
send(SigV4QueryAuth, "GET", api + "/private?a=1", expires=60)
"#;

/// A session, its pool, and a login of the tenant's user.
struct Guide {
    session: Session,
    world: World,
    pool: Value,
}

#[derive(Clone, Debug)]
struct Credentials {
    access_key: String,
    secret: String,
    token: String,
}

fn client(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/aws-clients/bin");
    let program = folder.join(name);
    assert!(
        program.exists(),
        "this test needs AWS's clients: `python3 -m venv target/aws-clients && \
         target/aws-clients/bin/pip install awscli boto3 awscurl`, as .ci/run does"
    );
    program
}

/// What a program prints, on both of its outputs.
async fn run(program: impl AsRef<Path>, arguments: &[&str]) -> String {
    let mut command = Command::new(program.as_ref());
    command
        .args(arguments)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .stdin(Stdio::null());
    let output = command.output().await.unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(&String::from_utf8(output.stderr).unwrap());
    text
}

impl Guide {
    async fn start() -> Self {
        let world = World::with_file(FILE);
        let session = Session::start(&world).await;
        let pool = session.ready["identity_pools"]["Auth"].clone();
        Self {
            session,
            world,
            pool,
        }
    }

    /// An ID token that the tenant could have given.
    fn id_token(&self, nonce: &str) -> String {
        Signer::of_tenant(&self.world).sign(&json!({
            "iss": self.session.issuer(), "sub": "auth0|ada", "aud": "web", "nonce": nonce,
            "exp": SystemClock.now().0 + 600,
        }))
    }

    async fn aws(&self, arguments: &[&str]) -> String {
        let url = self.pool["url"].as_str().unwrap();
        let all = [&["--endpoint-url", url], arguments].concat();
        run(client("aws"), &all).await
    }

    async fn identity(&self, login: &str) -> String {
        let id = self.pool["id"].as_str().unwrap();
        let get_id = ["cognito-identity", "get-id", "--identity-pool-id", id];
        let text = self
            .aws(&[&get_id[..], &["--logins", login]].concat())
            .await;
        let answer: Value = serde_json::from_str(&text).expect(&text);
        answer["IdentityId"].as_str().unwrap().to_owned()
    }

    async fn credentials(&self) -> Credentials {
        let login = format!("myorg.us.auth0.com={}", self.id_token("1"));
        let identity = self.identity(&login).await;
        let command = ["cognito-identity", "get-credentials-for-identity"];
        let rest = ["--identity-id", &identity, "--logins", &login];
        let text = self.aws(&[&command[..], &rest].concat()).await;
        let answer: Value = serde_json::from_str(&text).expect(&text);
        assert_eq!(answer["IdentityId"], identity);
        let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
        Credentials {
            access_key: text("AccessKeyId"),
            secret: text("SecretKey"),
            token: text("SessionToken"),
        }
    }

    /// The body and the status of a request that curl signs.
    async fn curl(&self, scope: &str, credentials: &Credentials, path: &str) -> String {
        let user = format!("{}:{}", credentials.access_key, credentials.secret);
        let token = format!("x-amz-security-token: {}", credentials.token);
        let url = self.session.url(path);
        let arguments = [
            "-sS",
            "--path-as-is",
            "-w",
            " %{http_code}",
            "--aws-sigv4",
            scope,
            "--user",
            &user,
            "-H",
            &token,
            &url,
        ];
        run("curl", &arguments).await
    }
}

#[tokio::test]
async fn the_guide_works_with_the_clients_of_aws() {
    let guide = Guide::start().await;
    let provider = guide.pool["provider"].as_str().unwrap();
    let first = guide
        .identity(&format!("{provider}={}", guide.id_token("1")))
        .await;
    let login = format!("myorg.us.auth0.com={}", guide.id_token("2"));
    assert_eq!(
        guide.identity(&login).await,
        first,
        "by whichever name and token"
    );

    let credentials = guide.credentials().await;
    let scope = "aws:amz:us-east-1:execute-api";
    assert_eq!(
        guide.curl(scope, &credentials, "/private").await,
        "Hello user! 200"
    );
    assert_eq!(
        guide.curl(scope, &credentials, "/notes/a%20b?x&b=1").await,
        "Note a b 200"
    );
    let url = guide.session.url("/private?a=1");
    let Credentials {
        access_key,
        secret,
        token,
    } = &credentials;
    let arguments = [
        "--service",
        "execute-api",
        "--region",
        "us-east-1",
        "--access_key",
        access_key,
        "--secret_key",
        secret,
        "--session_token",
        token,
        &url,
    ];
    let answer = run(client("awscurl"), &arguments).await;
    assert_eq!(answer.trim(), "Hello user!");
    let script = guide.world.project().join("boto.py");
    std::fs::write(&script, BOTO).unwrap();
    let script = script.to_str().unwrap();
    let arguments = [script, guide.session.api(), access_key, secret, token];
    let statuses = run(client("python"), &arguments).await;
    assert_eq!(
        statuses.lines().collect::<Vec<_>>(),
        ["200"; 4],
        "{statuses}"
    );
}

#[tokio::test]
async fn what_is_not_signed_rightly_is_refused() {
    let guide = Guide::start().await;
    let good = guide.credentials().await;
    let scope = "aws:amz:us-east-1:execute-api";
    let mismatch = "The request signature we calculated does not match the signature you provided.";
    let invalid = "The security token included in the request is invalid.";
    let changed = |change: &dyn Fn(&mut Credentials)| {
        let mut credentials = good.clone();
        change(&mut credentials);
        credentials
    };
    let secret = changed(&|own| own.secret = own.secret.replace('A', "B") + "x");
    let key = changed(&|own| own.access_key.replace_range(4.., "AAAAAAAAAAAAAAAA"));
    let token = changed(&|own| own.token.replace_range(40..44, "AAAA"));
    for (name, scope, credentials, expected) in [
        ("secret", scope, &secret, mismatch),
        ("key", scope, &key, invalid),
        ("token", scope, &token, invalid),
        (
            "region",
            "aws:amz:eu-west-1:execute-api",
            &good,
            "Credential should be scoped to a valid region, not 'eu-west-1'.",
        ),
    ] {
        let answer = guide.curl(scope, credentials, "/private").await;
        assert!(answer.contains(expected), "{name}: {answer}");
        assert!(answer.ends_with(" 403"), "{name}: {answer}");
    }
    // The pool and the key of another project know nothing of these.
    let other = Guide::start().await;
    let answer = other.curl(scope, &good, "/private").await;
    assert!(answer.contains(invalid), "{answer}");
    let url = guide.session.url("/private");
    let unsigned = run("curl", &["-sS", "-w", " %{http_code}", &url]).await;
    assert_eq!(unsigned, r#"{"message":"Forbidden"} 403"#);
}
