use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::*;
use crate::call::Caller;

const TRACE: &str = "Root=1-5e6a8a1e-0123456789abcdef01234567";

fn call(request: http::request::Builder, body: &'static [u8]) -> Call {
    let (head, ()) = request.body(()).unwrap().into_parts();
    Call {
        path: head.uri.path().to_owned(),
        head,
        body: Bytes::from_static(body),
        route: "ANY /pets/{id}".to_owned(),
        parameters: Vec::new(),
        api: "pets".to_owned(),
        source: IpAddr::from([192, 0, 2, 7]),
        request_id: "request-1".to_owned(),
        time: Duration::from_millis(1_584_039_838_123),
        caller: None,
    }
}

#[test]
fn a_request_without_anything_has_no_empty_members() {
    let request = Request::get("/pets").header("host", "api.example.com");
    let expected = json!({
        "version": "2.0",
        "routeKey": "ANY /pets/{id}",
        "rawPath": "/pets",
        "rawQueryString": "",
        "headers": {
            "host": "api.example.com",
            "x-amzn-trace-id": TRACE,
            "x-forwarded-port": "80",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "pets",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": "GET",
                "path": "/pets",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "",
            },
            "requestId": "request-1",
            "routeKey": "ANY /pets/{id}",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_584_039_838_123_u64,
        },
        "isBase64Encoded": false,
    });
    assert_eq!(of(&call(request, b""), TRACE), expected);
}

#[test]
fn what_comes_several_times_is_joined_and_cookies_stand_alone() {
    let request = Request::post("/pets/7?tag=a&tag=b&empty=")
        .header("host", "localhost:8080")
        .header("x-forwarded-proto", "https")
        .header("accept", "text/html")
        .header("accept", "*/*")
        .header("cookie", "a=1; b=2")
        .header("cookie", "c=3")
        .header("user-agent", "curl/8");
    let mut call = call(request, b"");
    call.parameters = vec![("id".to_owned(), "7".to_owned())];
    let event = of(&call, TRACE);
    assert_eq!(event["headers"]["accept"], "text/html,*/*");
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["headers"]["x-forwarded-port"], "8080");
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!(event["rawQueryString"], "tag=a&tag=b&empty=");
    let parameters = json!({ "tag": "a,b", "empty": "" });
    assert_eq!(event["queryStringParameters"], parameters);
    assert_eq!(event["pathParameters"], json!({ "id": "7" }));
    assert_eq!(event["requestContext"]["domainName"], "localhost");
    assert_eq!(event["requestContext"]["http"]["userAgent"], "curl/8");
}

#[test]
fn a_token_is_told_as_api_gateway_does_it_and_as_json() {
    let mut call = call(Request::get("/"), b"");
    let claims = json!({ "sub": "ada", "roles": ["a", "b"], "exp": 7, "nothing": null });
    for (scopes, expected) in [
        (None, Value::Null),
        (
            Some(vec!["read:pets".to_owned(), "admin".to_owned()]),
            json!(["read:pets", "admin"]),
        ),
    ] {
        call.caller = Some(Caller {
            claims: claims.as_object().unwrap().clone(),
            scopes,
        });
        let authorizer = json!({
            "jwt": {
                "claims": { "sub": "ada", "roles": "[a b]", "exp": "7" },
                "scopes": expected,
            },
            "portcullis": { "claims": claims },
        });
        assert_eq!(of(&call, TRACE)["requestContext"]["authorizer"], authorizer);
    }
}

#[test]
fn a_body_is_text_where_its_type_says_so() {
    for (content_type, encoding, body, expected) in [
        ("application/json", None, &b"{}"[..], ("{}", false)),
        ("application/problem+json", None, b"{}", ("{}", false)),
        ("text/plain; charset=utf-8", None, b"a", ("a", false)),
        ("", None, b"a", ("a", false)),
        ("application/octet-stream", None, b"a", ("YQ==", true)),
        (
            "application/x-www-form-urlencoded",
            None,
            b"a",
            ("YQ==", true),
        ),
        ("application/json", Some("gzip"), b"a", ("YQ==", true)),
        ("text/plain", None, b"\xff", ("/w==", true)),
    ] {
        let mut request = Request::post("/");
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let event = of(&call(request, body), TRACE);
        let got = (
            event["body"].as_str().unwrap(),
            event["isBase64Encoded"].as_bool().unwrap(),
        );
        assert_eq!(got, expected, "{content_type} {encoding:?}");
    }
}
