use portcullis_store::tenant::{
    DatabaseError, Password, Permission, Role, Slice, User, UserFilter, UserGrant, UserGrantFilter,
};
use portcullis_token::Secret;

use crate::fixture::{
    Fixture, NOW, api, at_once, family, hash, identity, insert_user, token, user,
};

cases! {
    an_address_is_unique_in_its_connection_whatever_its_case,
    a_user_is_changed_but_for_what_logins_write,
    changes_of_a_user_at_once_add_up,
    a_password_is_found_by_address_or_user_name,
    users_are_filtered_and_paged,
    permissions_come_directly_and_by_roles,
    roles_are_filtered_and_named_once,
    consents_add_up_even_at_once,
    a_withdrawn_consent_takes_its_refresh_tokens_along,
    a_deleted_user_leaves_nothing,
}

async fn an_address_is_unique_in_its_connection_whatever_its_case(fixture: Fixture) {
    let users = fixture.seed().await.users();
    let mut twin = user("auth0|twin", "ADA@Example.com");
    let error = users
        .insert(&twin, &identity("auth0|twin"), None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Duplicate { .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "there is already one with this id or name"
    );
    assert_eq!(users.find("auth0|twin").await.unwrap(), None);
    "others".clone_into(&mut twin.connection);
    users
        .insert(&twin, &identity("auth0|twin"), None)
        .await
        .unwrap();
    let found = users.find_by_email("others", "ada@EXAMPLE.COM").await;
    let found = found.unwrap().unwrap();
    assert_eq!(found.user_id, "auth0|twin");
    assert_eq!(found.email.as_deref(), Some("ada@example.com"));
}

async fn a_user_is_changed_but_for_what_logins_write(fixture: Fixture) {
    let users = fixture.seed().await.users();
    let logged_in = users.record_login("auth0|ada", "192.0.2.1", NOW + 5).await;
    let logged_in = logged_in.unwrap().unwrap();
    assert_eq!(logged_in.logins_count, 1);
    let changed = User {
        blocked: true,
        email: None,
        username: Some("ada".to_owned()),
        updated_at: NOW + 6,
        created_at: 0,
        logins_count: 0,
        last_login_at: None,
        ..user("auth0|ada", "")
    };
    assert!(users.update(&changed).await.unwrap());
    let expected = User {
        created_at: NOW,
        logins_count: 1,
        last_login_at: Some(NOW + 5),
        last_ip: Some("192.0.2.1".to_owned()),
        ..changed
    };
    assert_eq!(users.find("auth0|ada").await.unwrap(), Some(expected));
    assert!(
        !users
            .update(&user("auth0|nobody", "n@example.com"))
            .await
            .unwrap()
    );
    let nobody = users.record_login("auth0|nobody", "192.0.2.1", NOW).await;
    assert_eq!(nobody.unwrap(), None);
}

async fn changes_of_a_user_at_once_add_up(fixture: Fixture) {
    let database = fixture.seed().await;
    at_once(20, |turn| {
        let database = database.clone();
        async move {
            let change = |user: &mut User| {
                if turn == 0 {
                    user.blocked = true;
                } else {
                    user.user_metadata[format!("key{turn}")] = turn.into();
                }
                Ok::<_, DatabaseError>(())
            };
            let users = database.users();
            users.change("auth0|ada", None, NOW, change).await.unwrap()
        }
    })
    .await;
    let users = database.users();
    let ada = users.find("auth0|ada").await.unwrap().unwrap();
    assert!(ada.blocked, "another's change has undone it");
    for turn in 1..20 {
        assert_eq!(ada.user_metadata[format!("key{turn}")], turn);
    }
    // What is refused is not kept.
    let refused = |user: &mut User| {
        user.blocked = false;
        Err(DatabaseError::Damaged { column: "none" })
    };
    let error = users
        .change("auth0|ada", None, NOW, refused)
        .await
        .unwrap_err();
    assert!(matches!(error, DatabaseError::Damaged { column: "none" }));
    assert_eq!(users.find("auth0|ada").await.unwrap(), Some(ada));
    let nobody = users.change("auth0|nobody", None, NOW, |_| Ok::<_, DatabaseError>(()));
    assert_eq!(nobody.await.unwrap(), None);
}

async fn a_password_is_found_by_address_or_user_name(fixture: Fixture) {
    let database = fixture.seed().await;
    let mut ada = user("auth0|ada", "ada@example.com");
    ada.username = Some("Ada".to_owned());
    database.users().update(&ada).await.unwrap();
    let identities = database.identities();
    let phc = Secret::new("$argon2id$of-auth0|ada".to_owned());
    let expected = Password {
        user_id: "auth0|ada".to_owned(),
        is_blocked: false,
        phc: phc.clone(),
    };
    for login in ["ada@example.com", "ADA@example.com", "ada", "ADA"] {
        let found = identities.find_password("users", login).await.unwrap();
        assert_eq!(found.as_ref(), Some(&expected), "{login}");
    }
    assert_eq!(format!("{:?}", expected.phc), "[redacted]");
    for (connection, login) in [("users", "bob"), ("others", "ada"), ("users", "")] {
        let found = identities.find_password(connection, login).await.unwrap();
        assert_eq!(found, None, "{login}");
    }
    let secret = |text: &str| Secret::new(text.to_owned());
    let rehashed = identities
        .rehash_password("auth0|ada", &phc, &secret("rehashed"))
        .await;
    assert!(rehashed.unwrap());
    let late = identities
        .rehash_password("auth0|ada", &phc, &secret("late"))
        .await;
    assert!(!late.unwrap(), "it was changed meanwhile");
    let changed = identities
        .change_password("auth0|ada", "users", &secret("changed"), NOW)
        .await;
    assert!(changed.unwrap());
    let found = identities.find_password("users", "ada").await.unwrap();
    assert_eq!(found.unwrap().phc, secret("changed"));
    let of_user = identities.of_user("auth0|ada").await.unwrap();
    assert_eq!(of_user, [identity("auth0|ada")]);
}

async fn users_are_filtered_and_paged(fixture: Fixture) {
    let database = fixture.seed().await;
    for name in ["bob", "cleo", "dan"] {
        let email = format!("{name}@example.com");
        insert_user(database, &format!("auth0|{name}"), &email).await;
    }
    let mut cleo = user("auth0|cleo", "cleo@example.com");
    cleo.blocked = true;
    database.users().update(&cleo).await.unwrap();
    let list = |filter: UserFilter, slice: Slice| {
        let users = database.users();
        async move {
            let listing = users.list(&filter, &slice).await.unwrap();
            let ids: Vec<String> = listing.rows.into_iter().map(|row| row.user_id).collect();
            (ids.join(" "), listing.total, listing.next)
        }
    };
    let all = UserFilter::default;
    let blocked = |blocked| UserFilter {
        blocked: Some(blocked),
        ..UserFilter::default()
    };
    let email = UserFilter {
        email: Some("BOB@example.com".to_owned()),
        ..UserFilter::default()
    };
    let next = |name: &str| Some(format!("auth0|{name}"));
    let cases = [
        (
            "all",
            all(),
            Slice::page(0, 50),
            "auth0|ada auth0|bob auth0|cleo auth0|dan",
            Some(4),
            None,
        ),
        (
            "page 1",
            all(),
            Slice::page(1, 3),
            "auth0|dan",
            Some(4),
            None,
        ),
        ("beyond", all(), Slice::page(2, 3), "", Some(4), None),
        (
            "blocked",
            blocked(true),
            Slice::page(0, 50),
            "auth0|cleo",
            Some(1),
            None,
        ),
        (
            "an address",
            email,
            Slice::page(0, 50),
            "auth0|bob",
            Some(1),
            None,
        ),
        (
            "take",
            all(),
            Slice::after(None, 2),
            "auth0|ada auth0|bob",
            None,
            next("bob"),
        ),
        (
            "the rest",
            all(),
            Slice::after(next("bob"), 2),
            "auth0|cleo auth0|dan",
            None,
            None,
        ),
        (
            "take filtered",
            blocked(false),
            Slice::after(next("bob"), 9),
            "auth0|dan",
            None,
            None,
        ),
    ];
    for (name, filter, slice, ids, total, next) in cases {
        let expected = (ids.to_owned(), total, next);
        let (ids, total, next) = list(filter, slice).await;
        // A page that has others after it may say so too.
        let next = if total.is_some() { None } else { next };
        assert_eq!((ids, total, next), expected, "{name}");
    }
}

fn permission(audience: &str, permission: &str) -> Permission {
    Permission {
        audience: audience.to_owned(),
        permission: permission.to_owned(),
    }
}

fn role(id: &str, name: &str) -> Role {
    Role {
        id: id.to_owned(),
        name: name.to_owned(),
        description: "For tests".to_owned(),
        created_at: NOW,
    }
}

async fn permissions_come_directly_and_by_roles(fixture: Fixture) {
    const API: &str = "https://api.example/";
    let database = fixture.seed().await;
    let other = api("other", "https://other.example/");
    database.resource_servers().insert(&other).await.unwrap();
    let (roles, permissions) = (database.roles(), database.permissions());
    roles.insert(&role("rol_1", "reader")).await.unwrap();
    roles.insert(&role("rol_2", "writer")).await.unwrap();
    let read = permission(API, "read:reports");
    let write = permission(API, "write:reports");
    let elsewhere = permission("https://other.example/", "read:other");
    let of_role = [read.clone(), elsewhere.clone()];
    permissions.add_to_role("rol_1", &of_role).await.unwrap();
    permissions.add_to_role("rol_1", &of_role).await.unwrap();
    let of_user = [read.clone(), write.clone()];
    permissions
        .add_to_user("auth0|ada", &of_user)
        .await
        .unwrap();
    let ids = ["rol_1".to_owned(), "rol_2".to_owned()];
    roles.assign("auth0|ada", &ids).await.unwrap();
    assert_eq!(permissions.of_role("rol_1").await.unwrap(), of_role);
    assert_eq!(permissions.of_user("auth0|ada").await.unwrap(), of_user);
    let effective = || async { permissions.effective("auth0|ada", API).await.unwrap() };
    assert_eq!(effective().await, ["read:reports", "write:reports"]);
    permissions
        .remove_from_user("auth0|ada", &of_user)
        .await
        .unwrap();
    assert_eq!(effective().await, ["read:reports"]);
    let with_role = database
        .users()
        .with_role("rol_1", &Slice::page(0, 50))
        .await;
    assert_eq!(with_role.unwrap().rows[0].user_id, "auth0|ada");
    roles.unassign("auth0|ada", &ids[..1]).await.unwrap();
    assert_eq!(effective().await, [""; 0]);
    let left = roles
        .of_user("auth0|ada", &Slice::page(0, 50))
        .await
        .unwrap();
    assert_eq!(
        (left.rows, left.total),
        (vec![role("rol_2", "writer")], Some(1))
    );

    let unknown = [read, permission("https://no.example/", "read")];
    let error = permissions
        .add_to_role("rol_2", &unknown)
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Reference { .. }),
        "{error:?}"
    );
    assert_eq!(
        permissions.of_role("rol_2").await.unwrap(),
        [],
        "all or none"
    );
    let one_is_unknown = ["rol_1".to_owned(), "rol_9".to_owned()];
    let error = roles
        .assign("auth0|ada", &one_is_unknown)
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Reference { .. }),
        "{error:?}"
    );
    permissions
        .remove_from_role("rol_1", &[elsewhere])
        .await
        .unwrap();
    assert!(database.resource_servers().delete("api").await.unwrap());
    assert_eq!(
        permissions.of_role("rol_1").await.unwrap(),
        [],
        "with the API"
    );
}

async fn roles_are_filtered_and_named_once(fixture: Fixture) {
    let roles = fixture.database.roles();
    for (id, name) in [
        ("rol_1", "accountant"),
        ("rol_2", "100% sure"),
        ("rol_3", "count_er"),
    ] {
        roles.insert(&role(id, name)).await.unwrap();
    }
    let error = roles
        .insert(&role("rol_4", "accountant"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Duplicate { .. }),
        "{error:?}"
    );
    let cases = [
        (None, "rol_1 rol_2 rol_3"),
        (Some(""), "rol_1 rol_2 rol_3"),
        (Some("count"), "rol_1 rol_3"),
        (Some("%"), "rol_2"),
        (Some("_"), "rol_3"),
        (Some("a%t"), ""),
    ];
    for (name, expected) in cases {
        let listing = roles.list(name, &Slice::page(0, 50)).await.unwrap();
        let ids: Vec<String> = listing.rows.into_iter().map(|row| row.id).collect();
        assert_eq!(ids.join(" "), expected, "{name:?}");
    }
    let described = Role {
        description: "Another".to_owned(),
        ..role("rol_9", "accountant")
    };
    roles.upsert(&described).await.unwrap();
    let found = roles.find("rol_1").await.unwrap().unwrap();
    assert_eq!(found.description, "Another");
    assert!(roles.update(&role("rol_1", "auditor")).await.unwrap());
    assert!(roles.delete("rol_1").await.unwrap());
    assert!(!roles.delete("rol_1").await.unwrap());
    assert!(!roles.update(&role("rol_1", "auditor")).await.unwrap());
}

fn grant(id: &str, audience: &str, scopes: &[&str]) -> UserGrant {
    UserGrant {
        id: id.to_owned(),
        user_id: "auth0|ada".to_owned(),
        client_id: "web".to_owned(),
        audience: audience.to_owned(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        created_at: NOW,
    }
}

async fn consents_add_up_even_at_once(fixture: Fixture) {
    let database = fixture.seed().await;
    at_once(20, |number| {
        let database = database.clone();
        async move {
            let scope = format!("read:{number:02}");
            let grant = grant(&format!("id-{number}"), "", &["openid", &scope]);
            database.user_grants().add(&grant).await.unwrap();
        }
    })
    .await;
    let grants = database.user_grants();
    let grant = grants.find("auth0|ada", "web", "").await.unwrap().unwrap();
    assert_eq!(grant.scopes.len(), 21);
    assert_eq!(grant.scopes[0], "openid");
    assert_eq!(grant.scopes[20], "read:19");
    let listing = grants
        .list(&UserGrantFilter::default(), &Slice::page(0, 50))
        .await;
    assert_eq!(listing.unwrap().rows, [grant]);
    assert_eq!(grants.find("auth0|ada", "other", "").await.unwrap(), None);
}

async fn a_withdrawn_consent_takes_its_refresh_tokens_along(fixture: Fixture) {
    const API: &str = "https://api.example/";
    let database = fixture.seed().await;
    let grants = database.user_grants();
    grants
        .add(&grant("g1", API, &["read:reports"]))
        .await
        .unwrap();
    grants.add(&grant("g2", "", &["openid"])).await.unwrap();
    let tokens = database.refresh_tokens();
    tokens.insert(&family("with API"), &token(1)).await.unwrap();
    let mut without = family("without");
    without.audience = None;
    tokens.insert(&without, &token(2)).await.unwrap();
    let revoked = |number: u8| {
        let tokens = database.refresh_tokens();
        async move {
            let family = tokens.find(&hash(number), "web").await.unwrap();
            family.unwrap().revoked_at
        }
    };
    assert!(grants.delete("g1", NOW + 1).await.unwrap());
    assert!(!grants.delete("g1", NOW + 1).await.unwrap());
    assert_eq!((revoked(1).await, revoked(2).await), (Some(NOW + 1), None));
    let filter = UserGrantFilter {
        audience: Some(API.to_owned()),
        ..UserGrantFilter::default()
    };
    let listing = grants.list(&filter, &Slice::page(0, 50)).await.unwrap();
    assert_eq!((listing.rows, listing.total), (Vec::new(), Some(0)));
    assert_eq!(
        grants.delete_of_user("auth0|ada", NOW + 2).await.unwrap(),
        1
    );
    assert_eq!(revoked(2).await, Some(NOW + 2));
}

async fn a_deleted_user_leaves_nothing(fixture: Fixture) {
    let database = fixture.seed().await;
    let tokens = database.refresh_tokens();
    tokens.insert(&family("family"), &token(1)).await.unwrap();
    database
        .user_grants()
        .add(&grant("g", "", &["openid"]))
        .await
        .unwrap();
    assert!(database.users().delete("auth0|ada").await.unwrap());
    assert!(!database.users().delete("auth0|ada").await.unwrap());
    assert_eq!(tokens.find_family("family").await.unwrap(), None);
    let found = database
        .identities()
        .find_password("users", "ada@example.com")
        .await;
    assert_eq!(found.unwrap(), None);
    let error = database
        .user_grants()
        .add(&grant("g", "", &[]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Reference { .. }),
        "{error:?}"
    );
}
