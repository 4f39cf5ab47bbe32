use portcullis_store::tenant::{Slice, UserGrantFilter};

use crate::authorize::{asks, find_code};
use crate::site::{API, CALLBACK, CHALLENGE, CODE, Site, USER_ID, changed};

#[tokio::test]
async fn consent_is_kept_for_user_client_and_api() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    for (name, changes, expected) in [
        ("the same", vec![], CALLBACK),
        ("less", vec![("scope", "openid")], CALLBACK),
        (
            "more",
            vec![("scope", "openid write:reports")],
            "/u/consent",
        ),
        ("unknown scope", vec![("scope", "openid fly")], CALLBACK),
        ("no API", vec![("audience", "")], "/u/consent"),
        (
            "another API",
            vec![("audience", "https://waived-api")],
            "/u/consent",
        ),
        ("another client", vec![("client_id", "evil")], "/u/consent"),
    ] {
        assert_eq!(asks(&visitor, &changed(&changes)).await, expected, "{name}");
    }
    let grants = site.database.user_grants();
    let slice = Slice::page(0, 10);
    let listing = grants
        .list(&UserGrantFilter::default(), &slice)
        .await
        .unwrap();
    let [grant] = listing.rows.as_slice() else {
        panic!("{listing:?}");
    };
    assert_eq!(
        (grant.client_id.as_str(), grant.audience.as_str()),
        ("web", API)
    );
    assert_eq!(grant.scopes, ["email", "openid", "profile", "read:reports"]);
    grants.delete(&grant.id, 0).await.unwrap();
    assert_eq!(asks(&visitor, &CODE).await, "/u/consent");
}

#[tokio::test]
async fn only_a_waived_api_of_an_own_application_elsewhere_needs_no_consent() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    let elsewhere = "https://app.example.com/callback";
    let pkce = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, client_id, redirect_uri, audience, expected) in [
        (
            "waived",
            "elsewhere",
            elsewhere,
            "https://waived-api",
            elsewhere,
        ),
        ("no API", "elsewhere", elsewhere, "", elsewhere),
        ("not waived", "elsewhere", elsewhere, API, "/u/consent"),
        (
            "third party",
            "third",
            elsewhere,
            "https://waived-api",
            "/u/consent",
        ),
        (
            "localhost",
            "web",
            CALLBACK,
            "https://waived-api",
            "/u/consent",
        ),
    ] {
        let mut changes = vec![
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("audience", audience),
        ];
        changes.extend(pkce);
        assert_eq!(asks(&visitor, &changed(&changes)).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_declined_consent_is_told_and_not_kept() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let login = visitor.follow(&visitor.authorize(&CODE).await).await;
    let consent = visitor.follow(&visitor.log_in(&login).await).await;
    for action in ["decline", "", "Accept"] {
        let begun = visitor.authorize(&CODE).await;
        let consent = visitor.follow(&begun).await;
        let page = visitor.submit(&consent, &[("action", action)]).await;
        let expected = (
            "access_denied".to_owned(),
            "User did not authorize the request".to_owned(),
        );
        assert_eq!(page.error(), expected, "{action:?}");
    }
    let page = visitor.submit(&consent, &[("action", "accept")]).await;
    assert!(page.sent().contains_key("code"), "each page is its own");
}

#[tokio::test]
async fn a_limited_user_gets_what_they_have() {
    let site = Site::start().await;
    let apis = site.database.resource_servers();
    let mut api = apis.find_by_identifier(API).await.unwrap().unwrap();
    api.enforce_policies = true;
    apis.update(&api).await.unwrap();
    let permission = portcullis_store::tenant::Permission {
        audience: API.to_owned(),
        permission: "write:reports".to_owned(),
    };
    let permissions = site.database.permissions();
    permissions
        .add_to_user(USER_ID, &[permission])
        .await
        .unwrap();
    let wanted = changed(&[("scope", "openid read:reports write:reports")]);
    let page = site.visitor().pass(&wanted).await;
    let code = find_code(&site, "web", &page).await;
    assert_eq!(code.scopes, ["openid", "write:reports"]);
}
