//! Every page, with hostile texts in all places that callers can fill.

use axum::body::to_bytes;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

use super::*;

const EVIL: &str = "</script>\"'><img src=x onerror=alert(1)>&amp;";
const ESCAPED: &str =
    "&#60;/script&#62;&#34;&#39;&#62;&#60;img src=x onerror=alert(1)&#62;&#38;amp;";

fn origin() -> ClientOrigin {
    ClientOrigin::of(&"http://localhost:3000/callback".parse().unwrap())
}

fn form<'a>(text: &'a str, redirect: Option<&'a ClientOrigin>) -> Form<'a> {
    Form {
        action: "/u/page",
        state: text,
        csrf: text,
        redirect,
    }
}

/// Each page that has a form of ours, with `text` wherever one can be.
fn form_pages(text: &str, redirect: Option<&ClientOrigin>) -> Vec<(&'static str, Response)> {
    let form = form(text, redirect);
    let items = list_scopes(&[ConsentScope {
        name: text,
        description: Some(text),
    }]);
    let (tenant, client, error) = (text, text, Some(text));
    let login = LoginPage {
        tenant,
        client,
        form,
        username: text,
        sign_up: Some(text),
        error,
    };
    let sign_up = SignUpPage {
        tenant,
        client,
        form,
        email: text,
        min_password: 8,
        login: text,
        error,
    };
    let password = PasswordPage {
        tenant,
        form,
        username: text,
        asks_current: true,
        min_password: 8,
        error,
    };
    let consent = ConsentPage {
        tenant,
        client,
        user: text,
        form,
        items: &items,
    };
    let logout = LogoutPage {
        tenant,
        client: Some(text),
        form,
    };
    let device_code = DeviceCodePage {
        tenant,
        form,
        user_code: text,
        error,
    };
    let device_confirm = DeviceConfirmPage {
        tenant,
        client,
        user_code: text,
        form,
    };
    vec![
        ("login", login.respond()),
        ("sign-up", sign_up.respond()),
        ("password", password.respond()),
        ("consent", consent.respond()),
        ("logout", logout.respond()),
        ("device code", device_code.respond()),
        ("device confirmation", device_confirm.respond()),
    ]
}

fn told_pages(text: &str) -> Vec<(&'static str, Response)> {
    let notice = NoticePage {
        tenant: text,
        heading: text,
        text,
    };
    let error = ErrorPage {
        tenant: text,
        heading: text,
        text,
        details: &[(text, text)],
    };
    vec![
        ("notice", notice.respond()),
        ("error", error.respond(StatusCode::BAD_REQUEST)),
    ]
}

fn header(response: &Response, name: http::HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

async fn body(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The nonce of a page's policy.
fn nonce(response: &Response) -> String {
    let policy = header(response, CONTENT_SECURITY_POLICY).unwrap();
    let (_, rest) = policy.split_once("'nonce-").unwrap();
    rest.split_once('\'').unwrap().0.to_owned()
}

#[tokio::test]
async fn nothing_that_is_echoed_becomes_markup() {
    let origin = origin();
    let form_post = FormPostPage {
        tenant: EVIL,
        client: EVIL,
        action: EVIL,
        redirect: &origin,
        parameters: &[("state", EVIL), (EVIL, "code")],
    };
    let mut pages = form_pages(EVIL, Some(&origin));
    pages.extend(told_pages(EVIL));
    pages.push(("form_post", form_post.respond()));
    for (name, response) in pages {
        let body = body(response).await;
        assert!(!body.contains("<img"), "{name}: {body}");
        assert!(body.contains(ESCAPED), "{name}: {body}");
        let scripts = usize::from(name == "form_post");
        assert_eq!(body.matches("<script").count(), scripts, "{name}");
        assert_eq!(body.matches("</script").count(), scripts, "{name}");
    }
}

#[test]
fn every_page_has_the_headers_of_a_page() {
    let origin = origin();
    let own = "form-action 'self'; ";
    let clients = "form-action 'self' http://localhost:3000; ";
    for (pages, form_action) in [
        (form_pages("x", None), own),
        (form_pages("x", Some(&origin)), clients),
        (told_pages("x"), "form-action 'none'; "),
    ] {
        for (name, response) in pages {
            let policy = format!(
                "default-src 'none'; style-src 'self'; {form_action}frame-ancestors 'none'; \
                 base-uri 'none'"
            );
            for (header_name, expected) in [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CONTENT_SECURITY_POLICY, policy.as_str()),
                (X_FRAME_OPTIONS, "DENY"),
                (REFERRER_POLICY, "no-referrer"),
                (CACHE_CONTROL, "no-store"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ] {
                let found = header(&response, header_name);
                assert_eq!(found.as_deref(), Some(expected), "{name}");
            }
        }
    }
}

/// What other people's browser tests look for.
#[tokio::test]
async fn the_pages_keep_auth0_s_ids_and_names() {
    let proceed = r#"<button type="submit" name="action" value="default">Continue</button>"#;
    let accept = r#"<button type="submit" name="action" value="accept">Accept</button>"#;
    let decline =
        r#"<button type="submit" name="action" value="decline" class="quiet">Decline</button>"#;
    let csrf = r#"<input type="hidden" name="csrf" value="x">"#;
    let state = r#"<input type="hidden" name="state" value="x">"#;
    let username = r#"<input id="username" name="username" "#;
    let password = r#"<input id="password" name="password" type="password" "#;
    for (page, response) in form_pages("x", None) {
        let body = body(response).await;
        let expected: &[&str] = match page {
            "login" => &[proceed, username, password, csrf, state],
            "sign-up" => &[proceed, password, csrf, state],
            "consent" => &[accept, decline, csrf, state],
            _ => &[r#"<button type="submit" name="action" "#, csrf, state],
        };
        for part in expected {
            assert!(body.contains(part), "{page} has no {part}: {body}");
        }
        let buttons = body.matches("<button").count();
        let submits = body
            .matches(r#"<button type="submit" name="action""#)
            .count();
        assert_eq!(buttons, submits, "{page}");
    }
}

#[tokio::test]
async fn an_error_is_announced_and_tied_to_its_inputs() {
    let mut page = LoginPage {
        tenant: "Acme",
        client: "Expenses",
        form: form("x", None),
        username: "ada@example.com",
        sign_up: None,
        error: None,
    };
    let clean = page.respond();
    assert_eq!(clean.status(), 200);
    let clean = body(clean).await;
    let announces = clean.contains("role=\"alert\"") || clean.contains("aria-invalid");
    assert!(!announces, "{clean}");
    assert!(!clean.contains("Sign up"), "{clean}");
    assert_eq!(clean.matches(" autofocus").count(), 1);

    page.error = Some("Wrong email or password");
    let wrong = page.respond();
    assert_eq!(wrong.status(), 400);
    let wrong = body(wrong).await;
    let alert = r#"<p class="alert" id="error" role="alert">Wrong email or password</p>"#;
    assert!(wrong.contains(alert), "{wrong}");
    let tied = r#"aria-invalid="true" aria-describedby="error""#;
    assert_eq!(wrong.matches(tied).count(), 2, "{wrong}");
}

#[tokio::test]
async fn a_form_post_goes_to_the_application_with_and_without_scripts() {
    let origin = origin();
    let page = FormPostPage {
        tenant: "Acme",
        client: "Expenses",
        action: "http://localhost:3000/callback?a=1&b=2",
        redirect: &origin,
        parameters: &[("code", "c0de"), ("state", "s<")],
    };
    let response = page.respond();
    let nonce = nonce(&response);
    assert_eq!(nonce.len(), 22);
    assert_eq!(
        header(&response, CONTENT_SECURITY_POLICY).unwrap(),
        format!(
            "default-src 'none'; style-src 'self'; script-src 'nonce-{nonce}'; \
             form-action http://localhost:3000; frame-ancestors 'none'; base-uri 'none'"
        )
    );
    assert_eq!(header(&response, X_FRAME_OPTIONS).as_deref(), Some("DENY"));
    let body = body(response).await;
    for part in [
        r#"<form method="post" action="http://localhost:3000/callback?a=1&#38;b=2">"#,
        r#"<input type="hidden" name="code" value="c0de">"#,
        r#"<input type="hidden" name="state" value="s&#60;">"#,
        r#"<button type="submit">Continue</button>"#,
        &format!(r#"<script nonce="{nonce}">document.forms[0].submit()</script>"#),
    ] {
        assert!(body.contains(part), "no {part}: {body}");
    }
}

#[tokio::test]
async fn a_web_message_goes_to_one_origin_which_alone_may_frame_it() {
    let origin = origin();
    let page = WebMessagePage {
        target: &origin,
        parameters: &[("code", "c0de"), ("state", "</script>")],
    };
    let response = page.respond();
    let nonce = nonce(&response);
    assert_eq!(
        header(&response, CONTENT_SECURITY_POLICY).unwrap(),
        format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; form-action 'none'; \
             frame-ancestors http://localhost:3000; base-uri 'none'"
        )
    );
    assert_eq!(header(&response, X_FRAME_OPTIONS), None);
    let expected = format!(
        "<script nonce=\"{nonce}\">(window.opener||window.parent).postMessage(\
         {{\"response\":{{\"code\":\"c0de\",\"state\":\"\\u003c/script\\u003e\"}},\
         \"type\":\"authorization_response\"}},\"http://localhost:3000\")</script>"
    );
    let body = body(response).await;
    assert!(body.contains(&expected), "{body}");
    assert_ne!(nonce, self::nonce(&page.respond()));
}

/// A target that is every origin of a scheme must neither get a message nor frame us.
#[tokio::test]
async fn a_web_message_needs_an_exact_origin() {
    let scheme = ClientOrigin::of(&"com.example.app:/callback".parse().unwrap());
    let page = WebMessagePage {
        target: &scheme,
        parameters: &[("code", "c0de")],
    };
    let response = page.respond();
    assert_eq!(response.status(), 500);
    assert!(!body(response).await.contains("c0de"));
}
