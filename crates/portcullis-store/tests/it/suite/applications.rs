use portcullis_store::tenant::{
    Client, ClientCredential, ClientFilter, ClientGrant, ClientGrantFilter, ClientSecret,
    Connection, DatabaseError, Slice,
};
use portcullis_token::Secret;
use serde_json::json;

use crate::fixture::{Fixture, NOW, api, client, hash};

cases! {
    a_client_is_read_as_it_was_written,
    clients_are_filtered_and_paged,
    an_origin_is_one_of_some_client,
    an_upsert_leaves_what_was_there_first,
    an_api_is_found_by_id_or_identifier,
    client_grants_are_one_for_client_api_and_subject,
    credentials_belong_to_their_client,
    connections_are_named_once,
}

async fn a_client_is_read_as_it_was_written(fixture: Fixture) {
    let clients = fixture.database.clients();
    let secrets = [
        ("public", None),
        ("sha256", Some(ClientSecret::Sha256(Secret::new(hash(7))))),
        (
            "phc",
            Some(ClientSecret::Phc(Secret::new("$argon2id$".to_owned()))),
        ),
    ];
    for (client_id, secret) in secrets {
        let client = Client {
            secret,
            app_type: None,
            callbacks: vec!["https://a.example/?x=\"1\"".to_owned(), String::new()],
            metadata: json!({ "größe": [1, null, { "tief": true }] }),
            ..client(client_id)
        };
        clients.insert(&client).await.unwrap();
        let found = clients.find(client_id).await.unwrap();
        assert_eq!(found, Some(client.clone()));
        assert!(!format!("{found:?}").contains("argon2id"));
        let error = clients.insert(&client).await.unwrap_err();
        assert!(
            matches!(error, DatabaseError::Duplicate { .. }),
            "{error:?}"
        );
    }
    assert_eq!(clients.find("PUBLIC").await.unwrap(), None);
}

async fn an_origin_is_one_of_some_client(fixture: Fixture) {
    let clients = fixture.database.clients();
    let owned = |text: &str| vec![text.to_owned()];
    let client = Client {
        callbacks: owned("http://localhost:3000/callback"),
        web_origins: owned("http://localhost:3001"),
        allowed_origins: owned("https://app.example"),
        ..client("page")
    };
    clients.insert(&client).await.unwrap();
    for (origin, expected) in [
        ("http://localhost:3000", true),
        ("http://localhost:3001", true),
        ("https://app.example", true),
        ("http://localhost:300", false),
        ("http://localhost:30001", false),
        ("https://app.exampl_", false),
        ("https://app%", false),
        ("https://", false),
        ("app.example", false),
        ("", false),
        ("null", false),
        ("\"", false),
    ] {
        let found = clients.have_origin(origin).await.unwrap();
        assert_eq!(found, expected, "{origin}");
    }
}

async fn clients_are_filtered_and_paged(fixture: Fixture) {
    let clients = fixture.database.clients();
    // Upper case comes first in both databases.
    for (client_id, app_type, is_first_party) in [
        ("b", "spa", true),
        ("a", "spa", false),
        ("C", "native", true),
    ] {
        let client = Client {
            app_type: Some(app_type.to_owned()),
            is_first_party,
            ..client(client_id)
        };
        clients.insert(&client).await.unwrap();
    }
    let filter = |app_type: Option<&str>, is_first_party| ClientFilter {
        app_type: app_type.map(str::to_owned),
        is_first_party,
    };
    let cases = [
        (
            "all",
            filter(None, None),
            Slice::page(0, 50),
            "C a b",
            Some(3),
            None,
        ),
        (
            "a type",
            filter(Some("spa"), None),
            Slice::page(0, 50),
            "a b",
            Some(2),
            None,
        ),
        (
            "ours",
            filter(Some("spa"), Some(true)),
            Slice::page(0, 50),
            "b",
            Some(1),
            None,
        ),
        (
            "others",
            filter(None, Some(false)),
            Slice::page(0, 50),
            "a",
            Some(1),
            None,
        ),
        (
            "none",
            filter(None, None),
            Slice::page(0, 0),
            "",
            Some(3),
            None,
        ),
        (
            "first",
            filter(None, None),
            Slice::after(None, 2),
            "C a",
            None,
            Some("a"),
        ),
        (
            "last",
            filter(None, None),
            Slice::after(Some("a".to_owned()), 1),
            "b",
            None,
            None,
        ),
    ];
    for (name, filter, slice, ids, total, next) in cases {
        let listing = clients.list(&filter, &slice).await.unwrap();
        let found: Vec<String> = listing.rows.into_iter().map(|row| row.client_id).collect();
        assert_eq!(
            (found.join(" ").as_str(), listing.total),
            (ids, total),
            "{name}"
        );
        if total.is_none() {
            assert_eq!(listing.next.as_deref(), next, "{name}");
        }
    }
}

async fn an_upsert_leaves_what_was_there_first(fixture: Fixture) {
    let database = fixture.seed().await;
    let clients = database.clients();
    let later = Client {
        name: "Later".to_owned(),
        created_at: NOW + 9,
        updated_at: NOW + 9,
        ..client("web")
    };
    clients.upsert(&later).await.unwrap();
    let expected = Client {
        created_at: NOW,
        ..later.clone()
    };
    assert_eq!(clients.find("web").await.unwrap(), Some(expected.clone()));
    assert!(clients.update(&later).await.unwrap());
    assert_eq!(clients.find("web").await.unwrap(), Some(expected));
    assert!(!clients.update(&client("nobody")).await.unwrap());
    assert!(clients.delete("web").await.unwrap());
    assert!(!clients.delete("web").await.unwrap());

    let mut later = api("another id", "https://api.example/");
    "Later".clone_into(&mut later.name);
    database.resource_servers().upsert(&later).await.unwrap();
    let found = database.resource_servers().find("api").await.unwrap();
    assert_eq!(found.unwrap().name, "Later");
    let found = database
        .resource_servers()
        .find("another id")
        .await
        .unwrap();
    assert_eq!(found, None);
}

async fn an_api_is_found_by_id_or_identifier(fixture: Fixture) {
    let apis = fixture.database.resource_servers();
    // The second calls itself like the first one's id.
    let first = api("a1", "https://api.example/");
    let second = api("a2", "a1");
    apis.insert(&first).await.unwrap();
    apis.insert(&second).await.unwrap();
    assert_eq!(apis.find("a1").await.unwrap(), Some(first.clone()));
    assert_eq!(apis.find("a2").await.unwrap(), Some(second.clone()));
    let found = apis.find("https://api.example/").await.unwrap();
    assert_eq!(found, Some(first.clone()));
    let found = apis.find_by_identifier("a1").await.unwrap();
    assert_eq!(found, Some(second));
    assert_eq!(apis.find("https://API.example/").await.unwrap(), None);
    let mut renamed = first.clone();
    "Renamed".clone_into(&mut renamed.name);
    assert!(apis.update(&renamed).await.unwrap());
    let mut moved = first;
    "https://moved.example/".clone_into(&mut moved.identifier);
    assert!(!apis.update(&moved).await.unwrap(), "an identifier stays");
    let listing = apis.list(&Slice::page(0, 1)).await.unwrap();
    assert_eq!((listing.rows, listing.total), (vec![renamed], Some(2)));
}

async fn client_grants_are_one_for_client_api_and_subject(fixture: Fixture) {
    const API: &str = "https://api.example/";
    let database = fixture.seed().await;
    let grants = database.client_grants();
    let grant = |id: &str, client_id: &str, subject_type: &str| ClientGrant {
        id: id.to_owned(),
        client_id: client_id.to_owned(),
        audience: API.to_owned(),
        scopes: vec!["read:reports".to_owned()],
        subject_type: subject_type.to_owned(),
        created_at: NOW,
    };
    grants
        .insert(&grant("cgr_1", "web", "client"))
        .await
        .unwrap();
    grants.insert(&grant("cgr_2", "web", "user")).await.unwrap();
    grants
        .insert(&grant("cgr_3", "other", "client"))
        .await
        .unwrap();
    let error = grants
        .insert(&grant("cgr_4", "web", "user"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Duplicate { .. }),
        "{error:?}"
    );
    let error = grants
        .insert(&grant("cgr_4", "none", "user"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Reference { .. }),
        "{error:?}"
    );

    let found = grants.find_for("web", API, "user").await.unwrap();
    assert_eq!(found, Some(grant("cgr_2", "web", "user")));
    let filter = ClientGrantFilter {
        client_id: Some("web".to_owned()),
        subject_type: Some("client".to_owned()),
        ..ClientGrantFilter::default()
    };
    let listing = grants.list(&filter, &Slice::page(0, 50)).await.unwrap();
    assert_eq!(listing.rows, [grant("cgr_1", "web", "client")]);
    let emptied = grants.replace_scopes("cgr_1", &[]).await.unwrap().unwrap();
    assert_eq!(emptied.scopes, [""; 0]);
    assert_eq!(grants.replace_scopes("cgr_9", &[]).await.unwrap(), None);
    grants
        .upsert(&grant("cgr_9", "web", "client"))
        .await
        .unwrap();
    let found = grants.find("cgr_1").await.unwrap();
    assert_eq!(found, Some(grant("cgr_1", "web", "client")));
    assert!(grants.delete("cgr_1").await.unwrap());
    assert!(!grants.delete("cgr_1").await.unwrap());
    database.clients().delete("web").await.unwrap();
    assert_eq!(grants.find("cgr_2").await.unwrap(), None, "with its client");
}

async fn credentials_belong_to_their_client(fixture: Fixture) {
    let credentials = fixture.seed().await.client_credentials();
    let credential = |id: &str, client_id: &str| ClientCredential {
        id: id.to_owned(),
        client_id: client_id.to_owned(),
        kind: "public_key".to_owned(),
        name: None,
        kid: "kid".to_owned(),
        algorithm: "RS256".to_owned(),
        public_jwk: json!({ "kty": "RSA" }),
        created_at: NOW,
        expires_at: None,
    };
    credentials
        .insert(&credential("cred_1", "web"))
        .await
        .unwrap();
    credentials
        .insert(&credential("cred_2", "other"))
        .await
        .unwrap();
    let same_kid = credential("cred_3", "web");
    let error = credentials.insert(&same_kid).await.unwrap_err();
    assert!(
        matches!(error, DatabaseError::Duplicate { .. }),
        "{error:?}"
    );
    let of_client = || async { credentials.of_client("web").await.unwrap() };
    assert_eq!(of_client().await, [credential("cred_1", "web")]);
    let at = Some(NOW + 5);
    assert!(credentials.expire("web", "cred_1", at).await.unwrap());
    assert_eq!(of_client().await[0].expires_at, at);
    assert!(!credentials.expire("web", "cred_2", at).await.unwrap());
    assert!(!credentials.delete("web", "cred_2").await.unwrap());
    assert!(credentials.delete("web", "cred_1").await.unwrap());
    assert_eq!(of_client().await, []);
}

async fn connections_are_named_once(fixture: Fixture) {
    let connections = fixture.database.connections();
    let connection = |id: &str, name: &str, strategy: &str| Connection {
        id: id.to_owned(),
        name: name.to_owned(),
        strategy: strategy.to_owned(),
        enabled_clients: vec!["web".to_owned()],
        options: json!({ "passwordPolicy": "good" }),
        other: json!({}),
        created_at: NOW,
        updated_at: NOW,
    };
    let users = connection("con_1", "users", "auth0");
    connections.insert(&users).await.unwrap();
    connections
        .insert(&connection("con_2", "mail", "email"))
        .await
        .unwrap();
    let error = connections
        .insert(&connection("con_3", "users", "auth0"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Duplicate { .. }),
        "{error:?}"
    );
    connections
        .upsert(&connection("con_3", "users", "auth0"))
        .await
        .unwrap();
    assert_eq!(
        connections.find_by_name("users").await.unwrap(),
        Some(users.clone())
    );
    assert_eq!(
        connections.find("con_1").await.unwrap(),
        Some(users.clone())
    );
    let listing = connections
        .list(Some("auth0"), &Slice::page(0, 50))
        .await
        .unwrap();
    assert_eq!(
        (listing.rows, listing.total),
        (vec![users.clone()], Some(1))
    );
    assert!(connections.update(&users).await.unwrap());
    assert!(
        !connections
            .update(&connection("con_9", "users", "auth0"))
            .await
            .unwrap()
    );
    assert!(connections.delete("con_1").await.unwrap());
    assert!(!connections.delete("con_1").await.unwrap());
}
