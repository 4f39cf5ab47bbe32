use http::{Request, Response};
use portcullis::{AccessToken, Reason, Rejection};
use tonic::{Code, Status};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::fixture::{Fixture, request};

/// A service with bodies of tonic's type, as `tonic::transport::Server` layers them.
async fn answer_subject(
    request: Request<axum::body::Body>,
) -> Result<Response<tonic::body::Body>, Status> {
    let request = tonic::Request::from_http(request);
    let token = AccessToken::of_request(&request)?;
    let mut response = Response::new(tonic::body::Body::empty());
    let subject = token
        .subject()
        .unwrap_or_default()
        .parse()
        .expect("it is visible ASCII");
    response.headers_mut().insert("subject", subject);
    Ok(response)
}

#[tokio::test]
async fn a_service_of_tonic_is_refused_in_its_own_way() {
    let fixture = Fixture::new();
    let service = fixture
        .auth
        .require("a")
        .grpc()
        .layer(service_fn(answer_subject));
    let good = fixture.token().scope("a").sign();
    let narrow = fixture.token().sign();
    for (name, token, code, subject) in [
        ("good", Some(&good), None, Some("ada")),
        ("narrow", Some(&narrow), Some("7"), None),
        ("none", None, Some("16"), None),
    ] {
        let request = request("/expenses.Reports/List", token.map(String::as_str));
        let response = service.clone().oneshot(request).await.unwrap();
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        assert_eq!(response.status(), 200, "{name}");
        assert_eq!(header("grpc-status"), code, "{name}");
        assert_eq!(header("subject"), subject, "{name}");
        assert_eq!(
            header("www-authenticate").is_some(),
            code.is_some(),
            "{name}"
        );
    }
}

#[test]
fn a_refusal_is_a_status_with_its_challenge() {
    for (reason, code) in [
        (Reason::Missing, Code::Unauthenticated),
        (Reason::Expired, Code::Unauthenticated),
        (Reason::MalformedHeader, Code::Unauthenticated),
        (Reason::Scope, Code::PermissionDenied),
        (Reason::KeysUnavailable, Code::Unavailable),
    ] {
        let status = Status::from(Rejection::new(reason, &std::sync::Arc::default()));
        assert_eq!(status.code(), code, "{reason}");
        assert_eq!(status.message(), reason.description());
        let challenged = status.metadata().contains_key("www-authenticate");
        assert_eq!(challenged, code != Code::Unavailable, "{reason}");
    }
}
