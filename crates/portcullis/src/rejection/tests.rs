use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_TYPE, ORIGIN, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Request};
use portcullis_token::Algorithm;

use super::*;

fn answers() -> Answers {
    Answers::default().realm("r").of_verifier(
        vec!["https://issuer.example/".to_owned()],
        vec!["https://a".to_owned(), "https://b".to_owned()],
    )
}

fn refuse(reason: Reason, answers: Answers) -> Rejection {
    Rejection::new(reason, &Arc::new(answers)).scopes(["read:reports".to_owned()])
}

fn challenges(answer: &Response<Bytes>) -> Vec<&str> {
    let lines = answer.headers().get_all(WWW_AUTHENTICATE).iter();
    lines.map(|line| line.to_str().unwrap()).collect()
}

fn body(answer: &Response<Bytes>) -> &str {
    str::from_utf8(answer.body()).unwrap()
}

fn head(method: Method, headers: &[(HeaderName, &str)]) -> Parts {
    let mut request = Request::new(());
    *request.method_mut() = method;
    for (name, value) in headers {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request.into_parts().0
}

#[test]
fn a_challenge_has_its_parameters_in_one_order() {
    let dpop = || answers().dpop([Algorithm::Es256, Algorithm::EdDsa]);
    let resource = || answers().resource("https://api.example.com/v1");
    for (reason, answers, expected) in [
        (
            Reason::Missing,
            answers(),
            &[r#"Bearer realm="r", scope="read:reports""#][..],
        ),
        (
            Reason::UnsupportedScheme,
            answers(),
            &[r#"Bearer realm="r""#],
        ),
        (
            Reason::MalformedHeader,
            answers(),
            &[
                r#"Bearer realm="r", error="invalid_request", error_description="The Authorization header is malformed""#,
            ],
        ),
        (
            Reason::BadSignature,
            answers(),
            &[
                r#"Bearer realm="r", error="invalid_token", error_description="The access token could not be verified""#,
            ],
        ),
        (
            Reason::Scope,
            answers(),
            &[
                r#"Bearer realm="r", error="insufficient_scope", error_description="The access token lacks a required scope", scope="read:reports""#,
            ],
        ),
        (
            Reason::Expired,
            answers().detail(ErrorDetail::Minimal),
            &[r#"Bearer realm="r", error="invalid_token""#],
        ),
        (
            Reason::Missing,
            resource(),
            &[
                r#"Bearer realm="r", scope="read:reports", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/v1""#,
            ],
        ),
        (
            Reason::Expired,
            dpop(),
            &[
                r#"Bearer realm="r", error="invalid_token", error_description="The access token expired""#,
                r#"DPoP algs="ES256 EdDSA""#,
            ],
        ),
        (
            Reason::DpopProof,
            dpop(),
            &[
                r#"Bearer realm="r""#,
                r#"DPoP algs="ES256 EdDSA", error="invalid_dpop_proof", error_description="The DPoP proof is not valid""#,
            ],
        ),
        (
            Reason::DpopRequired,
            answers(),
            &[
                r#"Bearer realm="r""#,
                r#"DPoP error="invalid_token", error_description="The access token is bound to a DPoP key""#,
            ],
        ),
        (Reason::KeysUnavailable, dpop(), &[]),
        (
            Reason::UnsupportedScheme,
            answers().realm("a\"b\\c\u{e9}\r\n"),
            &[r#"Bearer realm="abc""#],
        ),
    ] {
        let answer = refuse(reason, answers).respond(None);
        assert_eq!(challenges(&answer), expected, "{reason}");
    }
}

#[test]
fn a_step_up_names_what_login_is_wanted() {
    let rejection = refuse(Reason::StepUp, answers()).step_up(
        ["mfa".to_owned(), "phr".to_owned()],
        Some(Duration::from_mins(5)),
    );
    assert_eq!(
        challenges(&rejection.respond(None)),
        [
            r#"Bearer realm="r", error="insufficient_user_authentication", error_description="A stronger or more recent login is needed", acr_values="mfa phr", max_age="300""#
        ]
    );
}

#[test]
fn the_error_goes_on_the_scheme_that_was_used() {
    let rejection = refuse(Reason::Expired, answers().dpop([Algorithm::Es256])).by_dpop();
    let answer = rejection.nonce("n1").respond(None);
    assert_eq!(
        challenges(&answer),
        [
            r#"Bearer realm="r""#,
            r#"DPoP algs="ES256", error="invalid_token", error_description="The access token expired""#
        ]
    );
    assert_eq!(answer.headers()["dpop-nonce"], "n1");
    let split = refuse(Reason::DpopNonce, answers())
        .nonce("a\r\nb")
        .respond(None);
    assert!(
        !split.headers().contains_key("dpop-nonce"),
        "a line break is never sent"
    );
}

#[test]
fn a_problem_tells_as_much_as_its_detail_allows() {
    for (detail, expected) in [
        (
            ErrorDetail::Minimal,
            r#"{"type":"urn:portcullis:problem:invalid_token","title":"Unauthorized","status":401,"error":"invalid_token","request_id":"id"}"#,
        ),
        (
            ErrorDetail::Standard,
            r#"{"type":"urn:portcullis:problem:unverified_token","title":"Unauthorized","status":401,"detail":"The access token could not be verified","error":"invalid_token","error_description":"The access token could not be verified","request_id":"id"}"#,
        ),
        (
            ErrorDetail::Debug,
            r#"{"type":"urn:portcullis:problem:unverified_token","title":"Unauthorized","status":401,"detail":"The access token could not be verified","error":"invalid_token","error_description":"The access token could not be verified","reason":"key_unknown","request_id":"id"}"#,
        ),
    ] {
        let answer = refuse(Reason::KeyUnknown, answers().detail(detail)).respond(Some("id"));
        assert_eq!(body(&answer), expected, "{detail:?}");
    }
}

#[test]
fn each_style_has_its_own_words_for_the_same_refusals() {
    let tyk = |text: &str| format!(r#"{{"error":"{text}"}}"#);
    let aws = |text: &str| format!(r#"{{"message":"{text}"}}"#);
    let express = |code: &str, text: &str| {
        format!(r#"{{"code":"{code}","message":"{text}","name":"UnauthorizedError","status":401}}"#)
    };
    for (style, reason, status, expected) in [
        (ErrorStyle::Aws, Reason::Missing, 401, aws("Unauthorized")),
        (
            ErrorStyle::Aws,
            Reason::MalformedHeader,
            400,
            aws("Bad Request"),
        ),
        (
            ErrorStyle::Aws,
            Reason::KeysUnavailable,
            503,
            aws("Service Unavailable"),
        ),
        (ErrorStyle::Aws, Reason::Scope, 403, aws("Forbidden")),
        (
            ErrorStyle::AwsStrict,
            Reason::MalformedHeader,
            401,
            aws("Unauthorized"),
        ),
        (
            ErrorStyle::AwsStrict,
            Reason::KeysUnavailable,
            401,
            aws("Unauthorized"),
        ),
        (ErrorStyle::AwsStrict, Reason::Scope, 403, aws("Forbidden")),
        (
            ErrorStyle::Tyk,
            Reason::Missing,
            400,
            tyk("Authorization field missing"),
        ),
        (
            ErrorStyle::Tyk,
            Reason::AlgNotAllowed,
            403,
            tyk("Key not authorized: Unexpected signing method"),
        ),
        (
            ErrorStyle::Tyk,
            Reason::Expired,
            401,
            tyk("Key not authorized: token has expired"),
        ),
        (
            ErrorStyle::Tyk,
            Reason::AudMismatch,
            401,
            tyk("Key not authorized"),
        ),
        (
            ErrorStyle::Tyk,
            Reason::BadSignature,
            403,
            tyk("Key not authorized"),
        ),
        (
            ErrorStyle::Tyk,
            Reason::Scope,
            403,
            tyk("Key not authorized"),
        ),
        (
            ErrorStyle::Tyk,
            Reason::KeysUnavailable,
            503,
            tyk("Key not authorized"),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::Missing,
            401,
            express("credentials_required", "No authorization token was found"),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::UnsupportedScheme,
            401,
            express(
                "credentials_bad_scheme",
                "Format is Authorization: Bearer [token]",
            ),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::MalformedHeader,
            401,
            express(
                "credentials_bad_format",
                "Format is Authorization: Bearer [token]",
            ),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::NotJwt,
            401,
            express("invalid_token", "jwt malformed"),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::BadHeader,
            401,
            express("invalid_token", "invalid token"),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::AlgNotAllowed,
            401,
            express("invalid_token", "invalid algorithm"),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::BadSignature,
            401,
            express("invalid_token", "invalid signature"),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::Expired,
            401,
            express("invalid_token", "jwt expired"),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::NotYetValid,
            401,
            express("invalid_token", "jwt not active"),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::AudMismatch,
            401,
            express(
                "invalid_token",
                "jwt audience invalid. expected: https://a or https://b",
            ),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::IssUnknown,
            401,
            express(
                "invalid_token",
                "jwt issuer invalid. expected: https://issuer.example/",
            ),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::Revoked,
            401,
            express("revoked_token", "The token has been revoked."),
        ),
        (
            ErrorStyle::ExpressJwt,
            Reason::Scope,
            403,
            "Insufficient scope".to_owned(),
        ),
    ] {
        let answer = refuse(reason, answers().style(style.clone())).respond(None);
        assert_eq!(answer.status(), status, "{style:?} {reason}");
        assert_eq!(body(&answer), expected, "{style:?} {reason}");
    }
}

#[test]
fn amazons_challenge_is_separated_by_spaces() {
    for (reason, expected) in [
        (Reason::Missing, "Bearer"),
        (
            Reason::AudMismatch,
            r#"Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience""#,
        ),
        (
            Reason::Scope,
            r#"Bearer scope="read:reports" error="insufficient_scope" error_description="The access token lacks a required scope""#,
        ),
    ] {
        let answer = refuse(reason, answers().style(ErrorStyle::Aws)).respond(None);
        assert_eq!(challenges(&answer), [expected], "{reason}");
    }
    let unavailable = refuse(Reason::KeysUnavailable, answers().style(ErrorStyle::Aws));
    assert_eq!(challenges(&unavailable.respond(None)), [""; 0]);
}

#[test]
fn express_jwt_authz_puts_its_words_into_the_challenge() {
    let answer = refuse(Reason::Scope, answers().style(ErrorStyle::ExpressJwt)).respond(None);
    assert_eq!(
        challenges(&answer),
        [r#"Bearer scope="read:reports", error="Insufficient scope""#]
    );
}

#[test]
fn a_message_can_be_put_in_other_words() {
    let seed = "Key not authorized:Unexpected signing method.";
    let styled = answers()
        .style(ErrorStyle::Tyk)
        .message(Reason::AlgNotAllowed, seed);
    let answer = refuse(Reason::AlgNotAllowed, styled.clone()).respond(None);
    assert_eq!(body(&answer), format!(r#"{{"error":"{seed}"}}"#));
    let answer = refuse(Reason::BadSignature, styled).respond(None);
    assert_eq!(body(&answer), r#"{"error":"Key not authorized"}"#);
    let listed = answers()
        .style(ErrorStyle::Tyk)
        .resource("https://api.example.com");
    assert_eq!(refuse(Reason::Missing, listed).respond(None).status(), 401);
}

#[test]
fn no_style_turns_a_refusal_into_a_success_or_lets_a_cache_keep_it() {
    #[derive(Debug)]
    struct Lenient;
    impl ErrorProfile for Lenient {
        fn restyle(&self, _: &Rejection, mut problem: Response<Bytes>) -> Response<Bytes> {
            *problem.status_mut() = StatusCode::OK;
            problem
        }
    }
    for style in [
        ErrorStyle::Problem,
        ErrorStyle::Aws,
        ErrorStyle::AwsStrict,
        ErrorStyle::Tyk,
        ErrorStyle::ExpressJwt,
        ErrorStyle::Custom(Arc::new(Lenient)),
    ] {
        for reason in Reason::ALL {
            let answer = refuse(reason, answers().style(style.clone())).respond(None);
            assert!(answer.status().as_u16() >= 400, "{style:?} {reason}");
            assert_eq!(
                answer.headers()[CACHE_CONTROL],
                "no-store",
                "{style:?} {reason}"
            );
            let retry = answer.headers().contains_key(RETRY_AFTER);
            assert_eq!(retry, answer.status() == 503, "{style:?} {reason}");
            let challenged = !challenges(&answer).is_empty();
            assert!(challenged || answer.status() == 503, "{style:?} {reason}");
        }
    }
}

#[test]
fn an_answer_to_head_has_the_length_of_its_body_and_no_body() {
    let rejection = refuse(Reason::Missing, answers());
    let whole = rejection.respond(None);
    let short = rejection
        .form(Form::of(&head(Method::HEAD, &[])))
        .respond(None);
    assert_eq!(short.status(), 401);
    assert_eq!(challenges(&short), challenges(&whole));
    assert_eq!(
        short.headers()["content-length"],
        whole.body().len().to_string().as_str()
    );
    assert!(short.body().is_empty());
}

#[test]
fn grpc_is_refused_in_trailers_that_stand_in_the_head() {
    for (media_type, reason, expected) in [
        (
            "application/grpc",
            Reason::Missing,
            Some(("application/grpc", "16")),
        ),
        (
            "application/grpc+proto",
            Reason::Expired,
            Some(("application/grpc", "16")),
        ),
        (
            "application/grpc;x=1",
            Reason::MalformedHeader,
            Some(("application/grpc", "16")),
        ),
        (
            "application/grpc",
            Reason::Scope,
            Some(("application/grpc", "7")),
        ),
        (
            "application/grpc",
            Reason::KeysUnavailable,
            Some(("application/grpc", "14")),
        ),
        (
            "application/grpc-web+proto",
            Reason::Missing,
            Some(("application/grpc-web", "16")),
        ),
        (
            "application/grpc-web-text",
            Reason::Missing,
            Some(("application/grpc-web-text", "16")),
        ),
        ("application/grpcx", Reason::Missing, None),
        ("application/json", Reason::Missing, None),
    ] {
        let form = Form::of(&head(Method::POST, &[(CONTENT_TYPE, media_type)]));
        let answer = refuse(reason, answers()).form(form).respond(None);
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        let got = header("grpc-status").map(|code| (header("content-type").unwrap(), code));
        assert_eq!(got, expected, "{media_type} {reason}");
        if expected.is_some() {
            assert_eq!(
                (answer.status().as_u16(), answer.body().len()),
                (200, 0),
                "{media_type}"
            );
            assert_eq!(header("grpc-message"), Some(reason.description()));
            assert_eq!(
                challenges(&answer).is_empty(),
                reason.status() == 503,
                "{reason}"
            );
        }
    }
}

#[test]
fn a_page_of_another_origin_may_read_the_challenge() {
    for (origin, reason, expected) in [
        (Some("https://app.example"), Reason::Missing, true),
        (Some("https://app.example"), Reason::KeysUnavailable, false),
        (None, Reason::Missing, false),
    ] {
        let headers: Vec<_> = origin.map(|origin| (ORIGIN, origin)).into_iter().collect();
        let form = Form::of(&head(Method::GET, &headers));
        let answer = refuse(reason, answers()).form(form).respond(None);
        let exposed = answer.headers().get(ACCESS_CONTROL_EXPOSE_HEADERS);
        assert_eq!(exposed.is_some(), expected, "{origin:?} {reason}");
    }
}
