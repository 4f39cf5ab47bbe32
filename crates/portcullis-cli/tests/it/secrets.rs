use std::collections::HashSet;
use std::fs;

use portcullis_tenant::KeyRing;

use crate::program::World;
use crate::session::{Session, token};
use crate::signer::{Lifetime, Signer, changed, claims};
use crate::web::{client, get, send};

const SECRET: &str = "a-secret-of-the-file-3f9c2b7d1e";
const PASSWORD: &str = "a password that nobody types";

/// What is not told, in pieces of this many characters.
const PIECE: usize = 16;

#[tokio::test]
async fn no_piece_of_a_secret_is_ever_said() {
    let world = World::example("hello");
    world.append(&format!(
        "[[tenant.application]]\nname = \"job\"\ntype = \"non_interactive\"\n\
         client_secret = \"{SECRET}\"\n\
         [[tenant.user]]\nemail = \"ada@example.com\"\npassword = \"{PASSWORD}\"\n"
    ));
    let arguments = ["--verbose", "--tenant-listen", "127.0.0.1:0"];
    let session = Session::start_with(&world, &arguments).await;
    let tokens = tokens(&world, session.issuer()).await;
    let mut said = String::new();
    for token in &tokens {
        send_everywhere(&session, token).await;
        let explained = world
            .run(&["explain", "/hello/world", "--token", token])
            .await;
        said.extend([explained.stdout, explained.stderr]);
    }
    ask_for_tokens(&session, &world).await;
    let output = session.stop().await;
    assert!(
        output.stderr.lines().count() > 5 * tokens.len(),
        "{}",
        output.stderr
    );
    said.extend([output.stdout, output.stderr]);

    let secrets = [tokens, secrets(&world)].concat();
    assert_eq!(find_pieces(&said, &secrets), Vec::<String>::new(), "{said}");
}

/// Good tokens and every kind of bad one.
async fn tokens(world: &World, issuer: &str) -> Vec<String> {
    let signer = Signer::of_tenant(world);
    let stranger = Signer::generate("key");
    let good = token(world, &[]).await;
    let running = claims(issuer, "testing", Lifetime::Running);
    vec![
        changed(&good, 0),
        changed(&good, 1),
        changed(&good, 2),
        good.replace('.', "-"),
        format!("{good}.{good}"),
        signer.sign(&claims(issuer, "testing", Lifetime::Over)),
        signer.sign(&claims(issuer, "other", Lifetime::Running)),
        signer.sign(&claims(
            "https://other.example/",
            "testing",
            Lifetime::Running,
        )),
        stranger.sign(&running),
        stranger.alg_none(&running),
        stranger.hs256_with_public_key(&running),
        token(world, &["--client", "job"]).await,
        good,
    ]
}

/// The application secrets, the password, and the lines of the private keys.
fn secrets(world: &World) -> Vec<String> {
    let tenant = world.project().join(".portcullis/tenant");
    let keys = KeyRing::load(&tenant).unwrap();
    let made = keys.application_secret("development").unwrap();
    let file = fs::read_to_string(tenant.join("signing-keys.pem")).unwrap();
    let lines = file.lines().filter(|line| !line.starts_with('-'));
    [SECRET, PASSWORD, made.expose().as_str()]
        .into_iter()
        .chain(lines)
        .map(str::to_owned)
        .collect()
}

/// Sends the token in each place in which callers put one.
async fn send_everywhere(session: &Session, token: &str) {
    let url = session.url("/hello/world");
    for request in [
        client().get(&url).bearer_auth(token),
        client().get(&url).header("authorization", token),
        client()
            .get(&url)
            .header("authorization", format!("Basic {token}")),
        client().get(&url).bearer_auth(format!("{token} {token}")),
        client()
            .get(&url)
            .bearer_auth(token)
            .header("authorization", token),
        client().get(format!("{url}?access_token={token}")),
        client()
            .get(&url)
            .header("cookie", format!("token={token}")),
        client().get(session.url("/nowhere")).bearer_auth(token),
    ] {
        send(request).await;
    }
}

/// Asks the tenant with the right secrets, and with them in the wrong places.
async fn ask_for_tokens(session: &Session, world: &World) {
    let url = format!("{}oauth/token", session.issuer());
    // The first ones are what people may have at hand, and a line of a key stands for the others.
    for secret in secrets(world).into_iter().take(5) {
        let basic = client().post(&url).basic_auth("job", Some(&secret));
        send(basic.body("grant_type=client_credentials")).await;
        let swapped = client().post(&url).basic_auth(&secret, Some("job"));
        send(swapped.body("grant_type=client_credentials")).await;
        let body = serde_json::json!({ "client_id": secret, "client_secret": secret, "audience": "testing" });
        send(client().post(&url).json(&body)).await;
        let body = serde_json::json!({ "client_id": "job", "client_secret": secret });
        send(client().post(&url).json(&body)).await;
        send(client().post(&url).body(secret.clone())).await;
        get(&format!("{url}?client_secret={}", secret.replace(' ', "+"))).await;
    }
}

/// The pieces of `secrets` that stand in `text`.
fn find_pieces(text: &str, secrets: &[String]) -> Vec<String> {
    let pieces: HashSet<&[u8]> = secrets
        .iter()
        .flat_map(|secret| secret.as_bytes().windows(PIECE))
        .collect();
    let said = text.as_bytes().windows(PIECE);
    said.filter(|piece| pieces.contains(piece))
        .map(|piece| String::from_utf8_lossy(piece).into_owned())
        .collect()
}

#[test]
fn a_piece_is_found_wherever_it_stands() {
    let secrets = ["0123456789abcdefXYZ".to_owned()];
    for (text, expected) in [
        ("nothing", &[][..]),
        ("0123456789abcde", &[]),
        ("a 0123456789abcdef b", &["0123456789abcdef"]),
        ("3456789abcdefXYZ", &["3456789abcdefXYZ"]),
    ] {
        assert_eq!(find_pieces(text, &secrets), expected, "{text}");
    }
}
