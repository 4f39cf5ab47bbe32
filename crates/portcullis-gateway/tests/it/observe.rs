use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use portcullis_gateway::Metrics;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::fixture::{Fixture, Scripting, bearer, get, start};
use crate::upstream::{Wire, values};

const API: &str = r#"
[api.main]
upstream = "UPSTREAM"
auth = "none"
[api.main.routes]
"GET /hello/{name}" = { respond = "Hello {name}" }
"GET /mine" = { auth = "user" }
"GET /reports/{id}" = { auth = { user = ["read:reports"] } }
"#;
const TRACED: &str = "[telemetry]\notlp = \"http://127.0.0.1:1\"\n";

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// What is not told, in pieces of this many characters.
const PIECE: usize = 16;

/// Waits until the metrics hold all `expected` lines: a request counts when its answer has ended.
async fn until_counted(fixture: &Fixture, expected: &[String]) -> String {
    until_shown(&fixture.gateway.metrics(), expected).await
}

async fn until_shown(metrics: &Metrics, expected: &[String]) -> String {
    for _ in 0..400 {
        let page = metrics.render();
        if expected
            .iter()
            .all(|line| page.lines().any(|own| own == line))
        {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let page = metrics.render();
    panic!("{expected:#?} are not all in\n{page}")
}

fn requests(api: &str, route: &str, method: &str, status: &str, error: &str, count: u64) -> String {
    format!(
        "http_server_request_duration_seconds_count{{api=\"{api}\",http_route=\"{route}\",\
         http_request_method=\"{method}\",http_response_status_code=\"{status}\",\
         error_type=\"{error}\"}} {count}"
    )
}

fn decisions(api: &str, authorizer: &str, outcome: &str, reason: &str, count: u64) -> String {
    format!(
        "portcullis_decisions_total{{api=\"{api}\",authorizer=\"{authorizer}\",\
         outcome=\"{outcome}\",reason=\"{reason}\"}} {count}"
    )
}

/// The lines without their values.
fn series(page: &str) -> HashSet<String> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
        .collect()
}

#[tokio::test]
async fn every_request_is_counted_by_its_route_and_every_decision_by_its_reason() {
    let fixture = Fixture::start(API).await;
    let token = fixture.world.token();
    let good = token.sign();
    let mut client = fixture.connect().await;
    for (request, status) in [
        (get("/hello/a", ""), 200),
        (get("/hello/b", ""), 200),
        (get("/mine", &bearer(&good)), 200),
        (get("/mine", &bearer(&good)), 200),
        (get("/mine", ""), 401),
        (get("/mine", &bearer("no-token")), 401),
        (get("/reports/7", &bearer(&good)), 403),
        (get("/nowhere/../", ""), 400),
        (get("/hello/a", "").replace("GET", "PURGE"), 200),
    ] {
        let answer = client.send(&request).await;
        assert_eq!(answer.status, status, "{request} {}", answer.text());
    }
    let page = until_counted(
        &fixture,
        &[
            requests("main", "/hello/{name}", "GET", "200", "", 2),
            requests("main", "/mine", "GET", "200", "", 2),
            requests("main", "/mine", "GET", "401", "", 2),
            requests("main", "/reports/{id}", "GET", "403", "", 1),
            requests("", "", "GET", "400", "", 1),
            decisions("main", "", "permitted", "", 3),
            decisions("main", "user", "permitted", "", 2),
            decisions("main", "", "refused", "missing", 1),
            decisions("main", "user", "refused", "scope", 1),
            decisions("", "", "refused", "bad_path", 1),
            "portcullis_token_cache_lookups_total{outcome=\"hit\"} 2".to_owned(),
            "portcullis_token_cache_lookups_total{outcome=\"miss\"} 2".to_owned(),
            "portcullis_connections_open 1".to_owned(),
            "portcullis_config_generation 1".to_owned(),
            "portcullis_config_last_reload_successful 1".to_owned(),
        ],
    )
    .await;
    let upstream = format!(
        "http_client_request_duration_seconds_count{{server_address=\"{}\",",
        fixture.upstream.address()
    );
    assert!(page.contains(&upstream), "{page}");
    assert!(page.contains("http_request_method=\"_OTHER\""), "{page}");
    assert!(!page.contains("PURGE"), "{page}");
}

#[tokio::test]
async fn ten_thousand_unknown_paths_are_one_series() {
    let routes = "[api.main]\nauth = \"none\"\nroutes = { \"GET /a\" = { respond = \"\" } }\n";
    let fixture = Fixture::start(routes).await;
    let before = series(&fixture.gateway.metrics().render());
    let mut client = fixture.connect().await;
    for number in 0..10_000 {
        let answer = client.send(get(&format!("/nowhere/{number}"), "")).await;
        assert_eq!(answer.status, 404);
    }
    let counted = [
        requests("", "", "GET", "404", "", 10_000),
        decisions("", "", "refused", "no_route", 10_000),
    ];
    let page = until_counted(&fixture, &counted).await;
    let added: Vec<_> = series(&page).difference(&before).cloned().collect();
    let counts = added.iter().filter(|line| line.contains("_seconds_count"));
    assert_eq!(counts.count(), 1, "{added:#?}");
    // That histogram's buckets and sum, and its count; and the decision.
    assert_eq!(added.len(), 20 + 1, "{added:#?}");
}

#[tokio::test]
async fn counting_goes_on_with_the_next_plan_for_routes_that_stay() {
    let fixture = Fixture::start(API).await;
    let api = API.replace("UPSTREAM", &fixture.upstream.url());
    fixture.get("/hello/a", "").await;
    fixture.get("/mine", "").await;
    let counted = [
        requests("main", "/hello/{name}", "GET", "200", "", 1),
        requests("main", "/mine", "GET", "401", "", 1),
    ];
    until_counted(&fixture, &counted).await;
    let without = api.replace("\"GET /mine\" = { auth = \"user\" }\n", "");
    fixture.gateway.replace(fixture.world.plan(&without));
    fixture.get("/hello/a", "").await;
    let counted = [
        requests("main", "/hello/{name}", "GET", "200", "", 2),
        decisions("main", "", "permitted", "", 2),
        "portcullis_config_generation 2".to_owned(),
    ];
    let page = until_counted(&fixture, &counted).await;
    assert!(!page.contains("/mine"), "{page}");

    fixture.gateway.keep_after_failure();
    let failed = "portcullis_config_last_reload_successful 0".to_owned();
    until_counted(&fixture, &[failed]).await;
    fixture.gateway.replace(fixture.world.plan(&api));
    let reloaded = "portcullis_config_last_reload_successful 1".to_owned();
    until_counted(&fixture, &[reloaded]).await;
}

#[tokio::test]
async fn fetches_of_keys_and_their_age_are_shown() {
    let world = crate::fixture::World {
        fetches: true,
        ..Default::default()
    };
    let fixture = Fixture::of(world, API).await;
    let token = fixture.world.token().sign();
    assert_eq!(fixture.get_with("/mine", &token).await.status, 200);
    let of = "issuer=\"https://issuer.example/\",source=\"https://issuer.example/\"";
    let lines = [
        format!("portcullis_jwks_fetch_total{{{of},outcome=\"fetched\"}} 1"),
        format!("portcullis_jwks_fetch_total{{{of},outcome=\"failed\"}} 0"),
        format!("portcullis_jwks_age_seconds{{{of}}} 0"),
    ];
    until_counted(&fixture, &lines).await;
}

#[tokio::test]
async fn a_good_trace_context_goes_on_and_a_broken_one_does_not() {
    let good = format!("00-{TRACE}-{PARENT}-01");
    let state = "rojo=00f067aa0ba902b7";
    for (traced, traceparent, continues) in [
        (false, good.as_str(), true),
        (false, "00-0-0-01", false),
        (true, good.as_str(), true),
        (true, "00-0-0-01", false),
    ] {
        let telemetry = if traced { TRACED } else { "" };
        let fixture = Fixture::start(&format!("{telemetry}{API}")).await;
        let lines = format!("Traceparent: {traceparent}\r\nTracestate: {state}\r\n");
        assert_eq!(fixture.get("/other", &lines).await.status, 200);
        let seen = &fixture.upstream.seen()[0];
        let sent = header(seen, "traceparent");
        let name = format!("{traced} {traceparent} {sent:?}");
        match (traced, continues) {
            (false, true) => assert_eq!(sent.as_deref(), Some(good.as_str()), "{name}"),
            (false, false) => assert_eq!(sent, None, "{name}"),
            (true, _) => {
                let sent = sent.unwrap();
                assert_eq!(sent.contains(TRACE), continues, "{name}");
                assert!(!sent.contains(PARENT) && sent.len() == 55, "{name}");
            }
        }
        let expected = continues.then(|| state.to_owned());
        assert_eq!(header(seen, "tracestate"), expected, "{name}");
    }
}

/// The one value of the header that the upstream was sent.
fn header(seen: &Value, name: &str) -> Option<String> {
    let values = values(seen, name);
    assert!(values.len() < 2, "{values:?}");
    values.first().map(|value| (*value).to_owned())
}

/// The spans of the next batch.
async fn spans(fixture: &mut Fixture) -> (String, Vec<Value>) {
    let mut spans = fixture.gateway.take_spans().unwrap();
    let batch = spans.next_batch().await.unwrap();
    let document: Value = serde_json::from_slice(&batch.body).unwrap();
    let spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"].clone();
    let text = String::from_utf8(batch.body).unwrap();
    (text, spans.as_array().unwrap().clone())
}

fn attribute<'s>(span: &'s Value, key: &str) -> &'s Value {
    let mut attributes = span["attributes"].as_array().unwrap().iter();
    let found = attributes.find(|attribute| attribute["key"] == key);
    found.map_or(&Value::Null, |attribute| &attribute["value"])
}

#[tokio::test]
async fn a_request_has_a_span_and_the_upstreams_part_is_its_child() {
    let mut fixture = Fixture::start(&format!("{TRACED}{API}")).await;
    let token = fixture.world.token().sign();
    let lines = format!("{}Traceparent: 00-{TRACE}-{PARENT}-01\r\n", bearer(&token));
    assert_eq!(fixture.get("/mine?secret=1", &lines).await.status, 200);
    let sent = header(&fixture.upstream.seen()[0], "traceparent").unwrap();
    let (_, spans) = spans(&mut fixture).await;
    let [client, server] = spans.as_slice() else {
        panic!("{spans:#?}")
    };
    assert_eq!(server["traceId"], TRACE);
    assert_eq!(server["parentSpanId"], PARENT);
    assert_eq!(
        (&server["kind"], &server["name"]),
        (&json!(2), &json!("GET /mine"))
    );
    assert_eq!(
        attribute(server, "url.path"),
        &json!({ "stringValue": "/mine" })
    );
    assert_eq!(
        attribute(server, "http.response.status_code"),
        &json!({ "intValue": "200" })
    );
    assert_eq!(
        attribute(server, "portcullis.authorizer")["stringValue"],
        "user"
    );
    assert_eq!(
        (&client["kind"], &client["name"]),
        (&json!(3), &json!("GET"))
    );
    assert_eq!(client["parentSpanId"], server["spanId"]);
    let id = client["spanId"].as_str().unwrap();
    assert_eq!(sent, format!("00-{TRACE}-{id}-01"));
    let time = |span: &Value, key: &str| -> u128 { span[key].as_str().unwrap().parse().unwrap() };
    assert!(time(server, "startTimeUnixNano") <= time(client, "startTimeUnixNano"));
    assert!(time(client, "endTimeUnixNano") <= time(server, "endTimeUnixNano"));
}

#[tokio::test]
async fn only_a_sampled_request_has_spans() {
    let traced = "[telemetry]\notlp = \"http://127.0.0.1:1\"\nsample_percent = 0\n";
    let mut fixture = Fixture::start(&format!("{traced}{API}")).await;
    fixture.get("/hello/a", "").await;
    for flags in ["00", "01"] {
        let line = format!("Traceparent: 00-{TRACE}-{PARENT}-{flags}\r\n");
        fixture.get(&format!("/hello/{flags}"), &line).await;
    }
    let (_, spans) = spans(&mut fixture).await;
    assert_eq!(spans.len(), 1, "{spans:#?}");
    assert_eq!(attribute(&spans[0], "url.path")["stringValue"], "/hello/01");
}

#[tokio::test]
async fn spans_that_nobody_takes_are_counted_and_not_kept() {
    let fixture = Fixture::start(&format!("{TRACED}{API}")).await;
    let mut client = fixture.connect().await;
    for _ in 0..2_058 {
        client.send(get("/hello/a", "")).await;
    }
    until_counted(&fixture, &["portcullis_spans_lost_total 10".to_owned()]).await;
}

#[tokio::test]
async fn no_piece_of_a_token_is_in_metrics_or_spans() {
    let mut fixture = Fixture::start(&format!("{TRACED}{API}")).await;
    let good = fixture.world.token().sign();
    let tokens = [
        good.clone(),
        fixture.world.partner.token().audience("api").sign(),
        format!("{good}x"),
        good.replace('.', "-"),
    ];
    let mut client = fixture.connect().await;
    for token in &tokens {
        for path in ["/mine", "/reports/1", "/hello/a", "/a/..", "/other"] {
            for lines in [
                bearer(token),
                format!("Authorization: {token}\r\n"),
                format!("Cookie: token={token}\r\n"),
                format!("X-Request-Id: {token}{token}{token}\r\n"),
            ] {
                client.send(get(path, &lines)).await;
                client
                    .send(get(&format!("{path}?access_token={token}"), &lines))
                    .await;
            }
        }
    }
    let (text, _) = spans(&mut fixture).await;
    let said = text + &fixture.gateway.metrics().render();
    assert!(said.len() > 10_000);
    for token in &tokens {
        let pieces = token.as_bytes().windows(PIECE);
        for piece in pieces.map(|piece| std::str::from_utf8(piece).unwrap()) {
            assert!(!said.contains(piece), "{piece}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_so_is_a_caller_who_leaves() {
    let asked = Arc::new(Notify::new());
    let notify = Arc::clone(&asked);
    let scripting = Scripting::start(move |wire, _| leave_half(wire, Arc::clone(&notify))).await;
    let metrics = scripting.gateway.metrics();
    let mut client = scripting.connect().await;
    client.write(get("/half", "")).await.unwrap();
    assert!(client.answer().await.is_err());
    let mut client = scripting.connect().await;
    assert_eq!(client.send(get("/broken", "")).await.status, 503);
    let mut client = scripting.connect().await;
    client.write(get("/waits", "")).await.unwrap();
    let told = timeout(Duration::from_secs(20), asked.notified()).await;
    told.expect("the upstream is asked in time");
    drop(client);
    let counted = |status: &str, error: &str| requests("main", "/{rest+}", "GET", status, error, 1);
    let expected = [
        counted("200", "answer_broken"),
        counted("503", "upstream_status"),
        counted("", "cancelled"),
    ];
    until_shown(&metrics, &expected).await;
}

/// An upstream that answers half, with an error of its own, or not at all.
async fn leave_half(mut wire: Wire, asked: Arc<Notify>) -> io::Result<()> {
    let head = wire.head().await?;
    let answer = if head.starts_with("GET /half") {
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"
    } else if head.starts_with("GET /broken") {
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    } else {
        asked.notify_one();
        wire.rest().await;
        return Ok(());
    };
    wire.write(answer).await
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_an_error_of_its_own() {
    let public = "[api.main]\nupstream = \"http://127.0.0.1:1\"\nauth = \"none\"\n";
    let fixture = Fixture::start(public).await;
    assert_eq!(fixture.get("/a", "").await.status, 502);
    let client = "http_client_request_duration_seconds_count{server_address=\"127.0.0.1:1\",\
                  http_request_method=\"GET\",http_response_status_code=\"\",\
                  error_type=\"upstream_unreachable\"} 1";
    let page = until_counted(&fixture, &[client.to_owned()]).await;
    assert!(
        page.contains("error_type=\"upstream_unreachable\",le=\"+Inf\"} 1"),
        "{page}"
    );
    // A gateway without telemetry makes no spans at all.
    let mut gateway = start(fixture.world.plan(public));
    let mut spans = gateway.take_spans().unwrap();
    spans.close();
    assert!(spans.next_batch().await.is_none());
}
