use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::{AUDIENCE, Answer, SECRET, Server};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const NOT_FORM: &str = "The body is not a form of UTF-8 text.";
const NOT_JSON: &str = "The body is not a JSON object.";
const NO_GRANT_TYPE: &str = "Missing required parameter: grant_type";
const CONTENT_TYPE: &str =
    "The body is neither application/x-www-form-urlencoded nor application/json.";

#[tokio::test]
async fn a_body_that_makes_no_sense_is_refused() {
    let server = Server::start().await;
    let nested = format!(r#"{{"grant_type":{}"#, "[".repeat(60_000));
    let closed = format!(r#"{{"x":{}{}}}"#, "[".repeat(32_000), "]".repeat(32_000));
    let members = format!("{{{}}}", vec![r#""a":0"#; 10_000].join(","));
    let ampersands = "&".repeat(64 * 1024);
    let repeated = |name| format!("The parameter {name} is there more than once.");
    let not_text = |name| format!("The parameter {name} is not a string.");
    for (name, content_type, body, description) in [
        ("empty form", FORM, b"".as_slice(), NO_GRANT_TYPE.to_owned()),
        (
            "ampersands",
            FORM,
            ampersands.as_bytes(),
            NO_GRANT_TYPE.to_owned(),
        ),
        (
            "JSON as a form",
            FORM,
            br#"{"grant_type":"x"}"#,
            NO_GRANT_TYPE.to_owned(),
        ),
        (
            "raw bytes",
            FORM,
            b"grant_type=\xff\xfe",
            NOT_FORM.to_owned(),
        ),
        (
            "escaped bytes",
            FORM,
            b"grant_type=%ff",
            NOT_FORM.to_owned(),
        ),
        (
            "repeated, form",
            FORM,
            b"grant_type=a&grant_type=a",
            repeated("grant_type"),
        ),
        ("repeated and unknown", FORM, b"x=1&x=2", repeated("x")),
        (
            "PHP's arrays",
            FORM,
            b"grant_type[]=client_credentials",
            NO_GRANT_TYPE.to_owned(),
        ),
        ("empty JSON", JSON, b"", NOT_JSON.to_owned()),
        ("empty object", JSON, b"{}", NO_GRANT_TYPE.to_owned()),
        (
            "cut",
            JSON,
            br#"{"grant_type":"client_cred"#,
            NOT_JSON.to_owned(),
        ),
        ("array", JSON, b"[]", NOT_JSON.to_owned()),
        ("string", JSON, br#""grant_type""#, NOT_JSON.to_owned()),
        ("two values", JSON, b"{}{}", NOT_JSON.to_owned()),
        ("nested, open", JSON, nested.as_bytes(), NOT_JSON.to_owned()),
        (
            "nested, closed",
            JSON,
            closed.as_bytes(),
            NOT_JSON.to_owned(),
        ),
        (
            "bytes",
            JSON,
            b"{\"grant_type\":\"\xc3\x28\"}",
            NOT_JSON.to_owned(),
        ),
        (
            "byte order mark",
            JSON,
            b"\xef\xbb\xbf{}",
            NOT_JSON.to_owned(),
        ),
        (
            "lone surrogate",
            JSON,
            br#"{"grant_type":"\udfff"}"#,
            NOT_JSON.to_owned(),
        ),
        (
            "null",
            JSON,
            br#"{"grant_type":null}"#,
            NO_GRANT_TYPE.to_owned(),
        ),
        (
            "array for string",
            JSON,
            br#"{"grant_type":["a"]}"#,
            not_text("grant_type"),
        ),
        (
            "object for string",
            JSON,
            br#"{"grant_type":{}}"#,
            not_text("grant_type"),
        ),
        (
            "number for string",
            JSON,
            br#"{"grant_type":1}"#,
            not_text("grant_type"),
        ),
        (
            "repeated, JSON",
            JSON,
            br#"{"grant_type":"a","grant_type":"a"}"#,
            repeated("grant_type"),
        ),
        (
            "ten thousand members",
            JSON,
            members.as_bytes(),
            repeated("a"),
        ),
        (
            "form as JSON",
            JSON,
            b"grant_type=client_credentials",
            NOT_JSON.to_owned(),
        ),
        ("text", "text/plain", b"{}", CONTENT_TYPE.to_owned()),
        (
            "multipart",
            "multipart/form-data; boundary=a",
            b"--a--",
            CONTENT_TYPE.to_owned(),
        ),
        ("no type", "", b"{}", CONTENT_TYPE.to_owned()),
    ] {
        let answer = server.post(content_type, body.to_vec(), None).await;
        assert_eq!(
            answer.error(),
            (400, "invalid_request", description.as_str()),
            "{name}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
    }
}

#[tokio::test]
async fn every_parameter_must_be_a_string() {
    let server = Server::start().await;
    for name in [
        "grant_type",
        "client_id",
        "client_secret",
        "audience",
        "scope",
    ] {
        for value in [json!(["a"]), json!({ "a": "b" }), json!(1), json!(true)] {
            let mut body = json!({
                "grant_type": "client_credentials",
                "client_id": "worker",
                "client_secret": SECRET,
                "audience": AUDIENCE,
            });
            body[name] = value.clone();
            let answer = server.post_json(body.to_string()).await;
            let description = format!("The parameter {name} is not a string.");
            assert_eq!(
                answer.error(),
                (400, "invalid_request", &*description),
                "{name} {value}"
            );
        }
    }
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let server = Server::start().await;
    let too_long = (413, "invalid_request", "The body is too long.");
    let unsupported = |length: usize| {
        let name = "a".repeat(length - "grant_type=".len());
        (
            format!("grant_type={name}"),
            format!("Unsupported grant type: {name}"),
        )
    };
    let (body, description) = unsupported(64 * 1024);
    let answer = server.post_form(body).await;
    assert_eq!(
        answer.error(),
        (400, "unsupported_grant_type", description.as_str())
    );

    let (body, _) = unsupported(64 * 1024 + 1);
    let answer = server.post_form(body).await;
    assert_eq!(answer.error(), too_long);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_declared_length_beyond_the_limit_is_answered_at_once() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    // Not a byte of the body follows.
    let head = "POST /oauth/token HTTP/1.1\r\nhost: localhost\r\ncontent-length: 18446744073709551\r\n\
                content-type: application/json\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn headers_have_a_limit() {
    let server = Server::start().await;
    // The name, and what else is sent: the client adds an encoding when the workspace gives it one.
    let encoding = "accept-encodingidentity".len();
    let client = "host".len() + server.address.len() + "accept*/*".len();
    let others = "x-padding".len() + encoding + client;
    for (length, status) in [(16 * 1024 - others, 200), (16 * 1024 - others + 1, 431)] {
        let request = reqwest::Client::new()
            .get(server.url("/.well-known/jwks.json"))
            .header("accept-encoding", "identity")
            .header("x-padding", "a".repeat(length));
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{length}");
    }
}

#[tokio::test]
async fn text_that_is_repeated_to_the_caller_cannot_leave_its_string() {
    let server = Server::start().await;
    let audience = "a\"},\r\nx: {\u{0}\u{2028}</script>";
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": "worker",
        "client_secret": SECRET,
        "audience": audience,
    });
    let answer = server.post_json(body.to_string()).await;
    let description = format!("Service not found: {audience}");
    assert_eq!(answer.error(), (403, "access_denied", description.as_str()));
    assert_eq!(answer.body.as_object().unwrap().len(), 2);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}
