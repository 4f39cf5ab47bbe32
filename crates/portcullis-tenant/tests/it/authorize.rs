use portcullis_store::tenant::Code;
use portcullis_token::base64url;
use serde_json::{Value, json};

use crate::site::{
    API, CALLBACK, CHALLENGE, CODE, EVIL, NOW, Page, Site, USER_ID, Visitor, changed,
};

fn sha256(text: &str) -> [u8; 32] {
    use aws_lc_rs::digest::{SHA256, digest};
    digest(&SHA256, text.as_bytes())
        .as_ref()
        .try_into()
        .unwrap()
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload.as_bytes()).unwrap()).unwrap()
}

pub(crate) async fn find_code(site: &Site, client_id: &str, page: &Page) -> Code {
    let codes = site.database.codes();
    let hash = sha256(&page.sent()["code"]);
    codes.find(&hash, client_id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_login_and_a_consent_end_with_a_code() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let extras = [
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("auth0Client", "eyJ9"),
        ("auth0Client", "twice"),
        // What SDKs send besides has no effect.
        ("organization", "org_1"),
        ("invitation", "inv_1"),
        ("dpop_jkt", "x"),
        ("ext-colour", "red"),
        ("max_age", "600"),
    ];
    let parameters = changed(&extras);
    let begun = visitor.authorize(&parameters).await;
    assert_eq!(begun.status, 302);
    assert!(begun.location().starts_with("/u/login?state="));
    let login = visitor.follow(&begun).await;
    assert_eq!(login.status, 200);
    for name in [
        "id=\"username\"",
        "id=\"password\"",
        "<button type=\"submit\" name=\"action\" value=\"default\">Continue</button>",
    ] {
        assert!(login.text.contains(name), "{name}");
    }
    let after = visitor.log_in(&login).await;
    assert_eq!(after.status, 303);
    let consent = visitor.follow(&after).await;
    assert_eq!(consent.status, 200);
    for text in [
        "value=\"accept\">Accept</button>",
        "<b>Reports:</b> read your reports",
        "<b>Profile:</b> access to your profile and email",
        "ada@example.com",
    ] {
        assert!(consent.text.contains(text), "{text}");
    }
    let done = visitor.submit(&consent, &[("action", "accept")]).await;
    assert_eq!(done.status, 303);
    let code = &done.sent()["code"];
    let expected = format!("{CALLBACK}?code={code}&state=s+%3C%26");
    assert_eq!(done.location(), expected);

    let stored = find_code(&site, "web", &done).await;
    let now = i64::try_from(NOW).unwrap();
    let expected = Code {
        hash: sha256(code),
        client_id: "web".to_owned(),
        user_id: USER_ID.to_owned(),
        sid: stored.sid.clone(),
        redirect_uri: CALLBACK.to_owned(),
        challenge: Some(CHALLENGE.to_owned()),
        nonce: Some("n".to_owned()),
        scopes: ["openid", "profile", "email", "read:reports"]
            .map(str::to_owned)
            .to_vec(),
        audience: Some(API.to_owned()),
        auth_time: now,
        data: json!({ "tells_auth_time": true }),
        family_id: stored.family_id.clone(),
        access_token_id: None,
        created_at: now,
        expires_at: now + 60,
    };
    assert_eq!(stored, expected);
    let clients = site.database.sessions().clients(&stored.sid.unwrap()).await;
    assert_eq!(clients.unwrap(), ["web"]);
    assert_eq!(site.events().await, ["s", "sapi"]);

    // Neither login nor consent is asked for again, in this browser.
    let again = visitor.authorize(&CODE).await;
    assert_eq!(again.status, 302);
    assert!(again.location().starts_with(&format!("{CALLBACK}?code=")));
    let other = site.visitor().authorize(&CODE).await;
    assert!(
        other.location().starts_with("/u/login"),
        "{}",
        other.location()
    );
}

#[tokio::test]
async fn what_was_asked_for_is_sent_as_it_was_asked_for() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    for (name, changes, begins, names) in [
        (
            "code",
            vec![],
            "http://localhost:3000/callback?code=",
            "code state",
        ),
        (
            "code in the fragment",
            vec![("response_mode", "fragment")],
            "http://localhost:3000/callback#code=",
            "code state",
        ),
        (
            "id_token",
            vec![("response_type", "id_token"), ("nonce", "n")],
            "http://localhost:3000/callback#id_token=",
            "id_token state",
        ),
        (
            "hybrid",
            vec![("response_type", "id_token code"), ("nonce", "n")],
            "http://localhost:3000/callback#code=",
            "code id_token state",
        ),
        (
            "no state",
            vec![("state", "")],
            "http://localhost:3000/callback?code=",
            "code",
        ),
    ] {
        let page = visitor.authorize(&changed(&changes)).await;
        assert_eq!(page.status, 302, "{name}");
        assert!(
            page.location().starts_with(begins),
            "{name} {}",
            page.location()
        );
        let sent: Vec<_> = page.sent().into_keys().collect();
        assert_eq!(sent.join(" "), names, "{name}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{name}");
    }
}

#[tokio::test]
async fn a_hybrid_answer_is_a_form_with_a_bound_id_token() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let hybrid = [
        ("response_type", "code id_token"),
        ("response_mode", "form_post"),
        ("scope", "openid profile email read:reports offline_access"),
        ("nonce", "n-0S6"),
    ];
    let page = visitor.pass(&changed(&hybrid)).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.attribute("action"), CALLBACK);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("form-action http://localhost:3000;"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let sent = page.hidden();
    let names: Vec<_> = sent.keys().map(String::as_str).collect();
    assert_eq!(names, ["code", "id_token", "state"]);
    let claims = claims(&sent["id_token"]);
    let half = base64url::encode(&sha256(&sent["code"])[..16]);
    let sid = claims["sid"].as_str().unwrap();
    let expected = json!({
        "iss": site.issuer,
        "aud": "web",
        "sub": USER_ID,
        "iat": NOW,
        "exp": NOW + 36000,
        "nonce": "n-0S6",
        "c_hash": half,
        "sid": sid,
        "name": "Ada Lovelace",
        "nickname": "ada",
        "email": "ada@example.com",
        "email_verified": true,
        "picture": claims["picture"],
        "updated_at": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(claims, expected);
    let codes = site.database.codes();
    let code = codes
        .find(&sha256(&sent["code"]), "web")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(code.scopes.last().unwrap(), "offline_access");
    assert_eq!(code.sid.as_deref(), Some(sid));
}

/// A single-page application's request, which renews a login without showing anything.
const SILENT: [(&str, &str); 8] = [
    ("client_id", "spa"),
    ("redirect_uri", "http://localhost:3001"),
    ("response_type", "code"),
    ("response_mode", "web_message"),
    ("prompt", "none"),
    ("scope", "openid"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

#[tokio::test]
async fn a_silent_login_is_told_to_the_registered_origin_only() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let message = |page: &Page, text: &str| {
        assert_eq!(page.status, 200, "{text}");
        assert!(page.text.contains(text), "{text}: {}", page.text);
        assert!(
            page.text.contains(",\"http://localhost:3001\")"),
            "{}",
            page.text
        );
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.contains("frame-ancestors http://localhost:3001;"),
            "{policy}"
        );
        assert_eq!(page.header("x-frame-options"), None);
    };
    let page = visitor.authorize(&SILENT).await;
    let error = r#""response":{"error":"login_required","error_description":"Login required"}"#;
    message(&page, error);

    let mut asked = SILENT.to_vec();
    asked.retain(|(name, _)| *name != "prompt" && *name != "response_mode");
    let login = visitor.follow(&visitor.authorize(&asked).await).await;
    visitor.log_in(&login).await;
    let page = visitor.authorize(&SILENT).await;
    let error = r#""response":{"error":"consent_required","error_description":"Consent required"}"#;
    message(&page, error);

    let consent = visitor.follow(&visitor.authorize(&asked).await).await;
    visitor.submit(&consent, &[("action", "accept")]).await;
    let page = visitor.authorize(&SILENT).await;
    message(&page, r#""response":{"code":""#);

    // Another client's page, whose origin nobody registered, is not told a word.
    let foreign = [("response_mode", "web_message"), ("prompt", "none")];
    let page = visitor.authorize(&changed(&foreign)).await;
    assert_eq!(page.status, 400);
    assert!(!page.text.contains("postMessage"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn prompt_and_max_age_ask_for_another_login() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    site.set_time(NOW + 100);
    for (name, changes, expected) in [
        ("session", vec![], CALLBACK),
        ("unknown prompt", vec![("prompt", "dance")], CALLBACK),
        ("login", vec![("prompt", "login")], "/u/login"),
        ("select", vec![("prompt", "select_account")], "/u/login"),
        ("consent", vec![("prompt", "consent")], "/u/consent"),
        ("both", vec![("prompt", "login consent")], "/u/login"),
        ("recent", vec![("max_age", "100")], CALLBACK),
        ("too old", vec![("max_age", "99")], "/u/login"),
        ("at once", vec![("max_age", "0")], "/u/login"),
        (
            "nobody's hint",
            vec![("id_token_hint", "x.y.z")],
            "/u/login",
        ),
        ("sign-up", vec![("screen_hint", "signup")], CALLBACK),
    ] {
        assert_eq!(asks(&visitor, &changed(&changes)).await, expected, "{name}");
    }
    let hint = [("screen_hint", "signup")];
    assert_eq!(asks(&site.visitor(), &changed(&hint)).await, "/u/signup");

    // After the login, the same request goes on.
    let login = visitor.authorize(&changed(&[("prompt", "login")])).await;
    let login = visitor.follow(&login).await;
    let done = visitor.log_in(&login).await;
    assert!(done.location().starts_with(CALLBACK), "{}", done.location());
    assert_eq!(
        find_code(&site, "web", &done).await.auth_time,
        1_700_000_100
    );
}

#[tokio::test]
async fn an_id_token_hint_names_the_user_who_is_meant() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let implicit = changed(&[("response_type", "id_token"), ("nonce", "n")]);
    let token = visitor.pass(&implicit).await.sent()["id_token"].clone();
    // Long after its end, too.
    site.set_time(NOW + 71 * 3600);
    let changes = [("id_token_hint", token.as_str()), ("prompt", "none")];
    assert_eq!(asks(&visitor, &changed(&changes)).await, CALLBACK);
    let (head, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.AAAA");
    let changes = [("id_token_hint", forged.as_str()), ("prompt", "none")];
    let page = visitor.authorize(&changed(&changes)).await;
    assert_eq!(page.error().0, "login_required");
}

#[tokio::test]
async fn markup_in_names_and_parameters_is_text() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let changes = [
        ("client_id", "evil"),
        ("login_hint", "\"><script>x</script>"),
    ];
    let login = visitor
        .follow(&visitor.authorize(&changed(&changes)).await)
        .await;
    assert!(!login.text.contains("<script"), "{}", login.text);
    assert!(
        login
            .text
            .contains("&#60;script&#62;alert(1)&#60;/script&#62;")
    );
    let consent = visitor.follow(&visitor.log_in(&login).await).await;
    assert!(!consent.text.contains("<script"), "{}", consent.text);
    assert!(!consent.text.contains(EVIL));
    let changes = [
        ("client_id", "evil"),
        ("response_mode", "form_post"),
        ("prompt", "none"),
        ("audience", "</script><b>"),
        ("state", "\"><b>"),
    ];
    let page = visitor.authorize(&changed(&changes)).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("<b>"), "{}", page.text);
    assert_eq!(page.text.matches("<script").count(), 1);
    assert!(
        page.text
            .contains("Service not found: &#60;/script&#62;&#60;b&#62;")
    );
}

#[tokio::test]
async fn a_request_may_be_a_form() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    let page = visitor.post("/authorize", &CODE).await;
    assert_eq!(page.status, 303);
    assert!(page.location().starts_with(CALLBACK), "{}", page.location());

    // From another site it comes without cookies: the session is not forgotten by that.
    let site_of_origin = ("sec-fetch-site", "cross-site".to_owned());
    visitor.headers.borrow_mut().push(site_of_origin);
    let page = visitor.post("/authorize", &CODE).await;
    assert_eq!(page.status, 303);
    assert!(page.location().starts_with("/authorize?client_id=web&"));
    let page = visitor.follow(&page).await;
    assert!(page.location().starts_with(CALLBACK), "{}", page.location());

    let changes = [("redirect_uri", "http://evil.example/")];
    let page = visitor.post("/authorize", &changed(&changes)).await;
    assert_eq!((page.status, page.header("location")), (403, None));
}

/// Where the browser is sent, without parameters.
pub(crate) async fn asks(visitor: &Visitor<'_>, parameters: &[(&str, &str)]) -> String {
    let page = visitor.authorize(parameters).await;
    let location = page.location();
    location.split('?').next().unwrap().to_owned()
}
