use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use portcullis_gateway::{Inquiry, Plan, Refusal, explain};
use serde_json::Value;

use crate::fixture::Fixture;
use crate::upstream::values;

/// A public part, a guarded part, and what is in neither.
const PLAN: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = "user"
    [api.main.routes]
    "ANY /public/{rest+}" = { auth = "none" }
    "ANY /admin/{rest+}" = { auth = "user" }
"#;

/// As [`PLAN`], but what no rule names is public.
const OPEN_PLAN: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = "none"
    [api.main.routes]
    "ANY /admin/{rest+}" = { auth = "user" }
    "ANY /admin" = { auth = "user" }
"#;

/// The same, in an API each; what neither begins with is no route.
const TWO_APIS: &str = r#"
    [api.open]
    base = "/public"
    upstream = "UPSTREAM"
    auth = "none"
    [api.closed]
    base = "/admin"
    upstream = "UPSTREAM"
    auth = "user"
"#;

/// The same paths, guarded at the host that is asked, public at every other.
const TWO_HOSTS: &str = r#"
    [api.open]
    upstream = "UPSTREAM"
    auth = "none"
    [api.closed]
    hosts = ["b.example", "*.example"]
    upstream = "UPSTREAM"
    auth = "user"
    [api.closed.routes]
    "ANY /public/{rest+}" = { auth = "none" }
"#;

fn request(method: &str, target: &[u8]) -> Vec<u8> {
    [
        method.as_bytes(),
        b" ",
        target,
        b" HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ]
    .concat()
}

#[tokio::test]
async fn a_target_that_servers_read_differently_is_refused() {
    let fixture = Fixture::start(OPEN_PLAN).await;
    for target in [
        &b"/public/../admin"[..],
        b"/public/..",
        b"/./admin/a",
        b"/public/.",
        b"/public/%2e%2e/admin/a",
        b"/public/.%2E/admin/a",
        b"/public/%2E./admin/a",
        b"/public/..;/admin/a",
        b"/public/..;x=1/admin/a",
        b"/public/..%3b/admin/a",
        b"/public/..%2fadmin/a",
        b"/public%2f..%2fadmin/a",
        b"/public/%2F/admin/a",
        b"/public/..%5cadmin/a",
        b"/public\\..\\admin\\a",
        b"/public/%252e%252e/admin/a",
        b"/public/%252fadmin",
        b"/public/%255cadmin",
        b"//admin/a",
        b"//a.example/admin/a",
        b"/public//admin",
        b"/admin//a",
        b"/;x/admin/a",
        b"/admin;x/a",
        b"/admin;/a",
        b"/admin%3b/a",
        b"/admin%3Bx=1/a",
        b"/admin;x",
        b"/public/%00",
        b"/admin%00/a",
        b"/public/%",
        b"/public/%2",
        b"/public/%zz",
        b"/public/%u002e",
        b"/public/\xc3\xa9",
        b"/public/\xff",
        b"/public/\x7f",
        b"/public/\"",
        b"/public/<a>",
        b"/public/{a}",
        b"/public/a|b",
        b"*",
        b"admin/a",
        b"public/../admin/a",
        b"!",
        b"?/admin",
        b"a.example:80",
        b"http://a.example/public/../admin/a",
        b"http://a.example//admin/a",
        b"http://user@a.example/public/a",
    ] {
        let name = String::from_utf8_lossy(target);
        let answer = fixture.send(request("GET", target)).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_method_with_a_target_of_its_own_is_refused() {
    let fixture = Fixture::start(OPEN_PLAN).await;
    for (method, target) in [
        ("OPTIONS", "*"),
        ("CONNECT", "a.example:443"),
        ("CONNECT", "*"),
        ("CONNECT", "/public/a"),
        ("CONNECT", "http://a.example/public/a"),
    ] {
        let answer = fixture.send(request(method, target.as_bytes())).await;
        assert_eq!(answer.status, 400, "{method} {target}");
        assert_eq!(answer.problem(), "bad_path", "{method} {target}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
    let answer = fixture.send(request("OPTIONS", b"/public/a")).await;
    assert_eq!(answer.json()["method"], "OPTIONS");
}

#[tokio::test]
async fn a_target_in_absolute_form_is_its_path() {
    let fixture = Fixture::start(PLAN).await;
    for (target, status, expected) in [
        ("http://a.example/public/a?q", 200, "/public/a?q"),
        ("https://b.example:8443/public/a", 200, "/public/a"),
        ("http://b.example/admin/a", 401, ""),
        ("http://b.example/public", 401, ""),
        ("http://b.example", 401, ""),
        ("http://admin/public/a", 200, "/public/a"),
    ] {
        let before = fixture.upstream.seen().len();
        let answer = fixture.send(request("GET", target.as_bytes())).await;
        assert_eq!(answer.status, status, "{target}");
        let seen = fixture.upstream.seen();
        assert_eq!(seen.len() - before, usize::from(status == 200), "{target}");
        if status == 200 {
            assert_eq!(seen[before]["target"], expected, "{target}");
            assert_eq!(
                values(&seen[before], "host"),
                [fixture.upstream.address().to_string()],
                "{target}"
            );
        }
    }
}

#[tokio::test]
async fn a_fragment_does_not_widen_a_rule() {
    // The parser drops it before anybody sees it, so that upstreams never see it either.
    let fixture = Fixture::start(PLAN).await;
    for (target, status) in [
        ("/public/a#/../../admin/a", 200),
        ("/admin/a#/public/a", 401),
        ("/admin/a?#/public/a", 401),
        ("/public#/a", 401),
    ] {
        let answer = fixture.send(request("GET", target.as_bytes())).await;
        assert_eq!(answer.status, status, "{target}");
    }
    let seen: Vec<_> = fixture.upstream.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["target"], "/public/a");
}

#[tokio::test]
async fn parameters_of_a_segment_pass_where_they_change_no_rule() {
    let fixture = Fixture::start(PLAN).await;
    for (target, status) in [
        ("/public/a;v=1", 200),
        ("/public/a;v=1/b;c", 200),
        ("/public/a%3Bv", 200),
        ("/admin/a;v=1", 401),
        ("/public;v=1/a", 400),
    ] {
        let answer = fixture.send(request("GET", target.as_bytes())).await;
        assert_eq!(answer.status, status, "{target}");
        if status == 200 {
            assert_eq!(answer.json()["target"], target, "{target}");
        }
    }
}

/// Pieces of which targets are made that confuse servers.
const FRAGMENTS: [&str; 36] = [
    "/",
    "//",
    "/public",
    "/admin",
    "public",
    "admin",
    "/public/",
    "/admin/",
    ".",
    "..",
    "/..",
    "/../",
    "/./",
    "%2e",
    "%2E%2e",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    ";",
    ";x=1",
    "%3b",
    "%25",
    "%252e",
    "%252f",
    "%00",
    "%61",
    "%41dmin",
    "?",
    "#",
    "a",
    "http://a.example",
    "@",
    ":",
    "\u{e9}",
    "%",
];

/// A deterministic generator (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap_or_default() % bound
    }

    fn target(&mut self) -> String {
        let starts = ["/public/", "/public", "/", ""];
        let start = starts[self.below(starts.len())].to_owned();
        let pieces = 1 + self.below(6);
        (0..pieces).fold(start, |target, _| {
            target + FRAGMENTS[self.below(FRAGMENTS.len())]
        })
    }
}

/// What servers of several kinds make of a path: with dot segments resolved after decoding once
/// or twice, matrix parameters cut off or not, and backslashes taken for slashes.
fn readings(path: &str, may_be_decoded_twice: bool) -> Vec<String> {
    let decode = |text: &str| -> String {
        let bytes = percent_encoding::percent_decode_str(text);
        bytes.map(char::from).collect()
    };
    let once = decode(path);
    let twice = if may_be_decoded_twice {
        decode(&once)
    } else {
        once.clone()
    };
    [path.to_owned(), once, twice]
        .iter()
        .flat_map(|path| [path.clone(), without_parameters(path)])
        .map(|path| resolve(&path.replace('\\', "/")))
        .collect()
}

fn without_parameters(path: &str) -> String {
    let segments: Vec<_> = path
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default())
        .collect();
    segments.join("/")
}

fn resolve(path: &str) -> String {
    let mut resolved: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                resolved.pop();
            }
            other => resolved.push(other),
        }
    }
    format!("/{}", resolved.join("/"))
}

#[tokio::test]
async fn whatever_passes_without_a_token_is_public_however_it_is_read() {
    for (plan, seed) in [(PLAN, 1), (OPEN_PLAN, 2), (TWO_HOSTS, 200)] {
        assert_only_public_passes(plan, seed, 3000, plan != OPEN_PLAN).await;
    }
}

#[tokio::test]
async fn an_apis_own_rules_for_paths_let_nothing_else_pass() {
    let all = "encoded_slash = \"keep\"\ndot_segments = \"resolve\"\nempty_segments = \"keep\"";
    let mut seed = 3;
    for rules in [
        "encoded_slash = \"keep\"",
        "dot_segments = \"resolve\"",
        "empty_segments = \"keep\"",
        "empty_segments = \"merge\"",
        all,
        "raw = true",
    ] {
        for (plan, of) in [
            (PLAN, "[api.main]\n"),
            (OPEN_PLAN, "[api.main]\n"),
            (TWO_APIS, "[api.open]\n"),
        ] {
            // Its routes would have to have one `auth`.
            if rules == "raw = true" && plan != TWO_APIS {
                continue;
            }
            seed += 1;
            let plan = plan.replace(of, &format!("{of}{rules}\n"));
            assert_only_public_passes(&plan, seed, 300, of == "[api.open]\n").await;
        }
    }
}

/// Sends targets that confuse, without a token, and asserts of those forwarded that they are public.
async fn assert_only_public_passes(
    plan: &str,
    seed: u64,
    targets: usize,
    may_be_decoded_twice: bool,
) {
    let fixture = Fixture::start(plan).await;
    let mut random = Random(seed);
    let mut client = fixture.connect().await;
    let mut passed = 0;
    for _ in 0..targets {
        let target = random.target();
        if client
            .write(request("GET", target.as_bytes()))
            .await
            .is_err()
        {
            client = fixture.connect().await;
            continue;
        }
        let Ok(answer) = client.answer().await else {
            // Refused by the parser, which closes the connection.
            client = fixture.connect().await;
            continue;
        };
        let expected = [200, 400, 401, 404];
        assert!(
            expected.contains(&answer.status),
            "{target:?}: {}",
            answer.status
        );
        passed += usize::from(answer.status == 200);
    }
    let seen = fixture.upstream.seen();
    assert_eq!(seen.len(), passed, "every answer is the upstream's");
    assert!(passed > targets / 60, "the loop tries too little: {passed}");
    let compiled = fixture
        .world
        .plan(&plan.replace("UPSTREAM", "http://127.0.0.1:1"));
    for target in seen.iter().filter_map(|seen| seen["target"].as_str()) {
        assert_public(&compiled, target, may_be_decoded_twice).await;
    }
}

/// Asserts that the route of a forwarded target lets anybody in, however the target is read.
async fn assert_public(plan: &Plan, target: &str, may_be_decoded_twice: bool) {
    let path = target.split('?').next().unwrap_or_default();
    let readings = readings(path, may_be_decoded_twice);
    for path in readings.iter().map(String::as_str).chain([path]) {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("a.example"))]);
        let explanation = explain(plan, Inquiry::new("GET", path, &headers)).await;
        let public = match explanation.outcome {
            Ok(permitted) => permitted.subject.is_none(),
            // A reading that we would not forward ourselves: its segments decide.
            Err(Refusal::Path(_)) => !path.starts_with("/admin/") && path != "/admin",
            Err(_) => false,
        };
        assert!(public, "{target:?} can be read as {path:?}");
    }
}
