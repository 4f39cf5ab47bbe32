use crate::fixture::Fixture;

/// Rules of one API, and what becomes of targets: the status and what is forwarded.
#[tokio::test]
async fn an_api_takes_the_paths_that_it_says() {
    for (rules, targets) in [
        (
            "encoded_slash = \"keep\"",
            &[
                ("/public/a%2fb", 200, "/public/a%2Fb"),
                ("/public/..%2fadmin/a", 400, ""),
                ("/public%2fa", 400, ""),
                ("/admin%2fa", 400, ""),
                ("/public/../admin", 400, ""),
            ][..],
        ),
        (
            "dot_segments = \"resolve\"",
            &[
                ("/public/a/../b?c=..", 200, "/public/b?c=.."),
                ("/public/a/%2e%2e/b", 200, "/public/b"),
                ("/public/../admin/a", 401, ""),
                ("/public/../../etc", 400, ""),
                ("/public/..%2fadmin/a", 400, ""),
            ],
        ),
        (
            "empty_segments = \"keep\"",
            &[
                ("/public/a//b", 200, "/public/a//b"),
                ("//public/a", 400, ""),
                ("/admin//a", 401, ""),
            ],
        ),
        (
            "empty_segments = \"merge\"",
            &[
                ("/public///a//b//", 200, "/public/a/b/"),
                ("/public//../admin", 400, ""),
            ],
        ),
    ] {
        let text = format!(
            "[api.main]\nupstream = \"UPSTREAM\"\nauth = \"user\"\n{rules}\n[api.main.routes]\n\
             \"ANY /public/{{rest+}}\" = {{ auth = \"none\" }}\n\
             \"ANY /admin/{{rest+}}\" = {{ auth = {{ user = [\"admin\"] }} }}\n"
        );
        let fixture = Fixture::start(&text).await;
        for (target, status, forwarded) in targets {
            let before = fixture.upstream.seen().len();
            let answer = fixture.get(target, "").await;
            assert_eq!(answer.status, *status, "{rules}: {target}");
            let seen = fixture.upstream.seen();
            assert_eq!(seen.len() - before, usize::from(*status == 200), "{target}");
            if *status == 200 {
                assert_eq!(seen[before]["target"], *forwarded, "{rules}: {target}");
            }
        }
    }
}

/// What nobody may reach is not reached by a server that takes `%2F` for a slash, or `//` for one.
#[tokio::test]
async fn a_path_passes_only_if_a_route_answers_whatever_it_may_be_taken_for() {
    let fixture = Fixture::start(
        r#"
        [api.main]
        upstream = "UPSTREAM"
        auth = "none"
        base = "/main"

        [api.files]
        auth = "none"
        encoded_slash = "keep"
        empty_segments = "keep"
        [api.files.routes]
        "GET /one/{name}" = { upstream = "UPSTREAM" }
        "GET /any/{name+}" = { upstream = "UPSTREAM" }
        "GET /two/{name}/{more}" = { upstream = "UPSTREAM" }
        "#,
    )
    .await;
    for (target, status) in [
        ("/one/a", 200),
        ("/one/a%2Fb", 400),
        ("/any/a%2Fb", 200),
        ("/any/a//b", 200),
        ("/any/a%2Fb/c", 200),
        ("/two/a/b", 200),
        ("/two/a/b%2Fc", 400),
        ("/two/a//b", 400),
    ] {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_raw_path_is_forwarded_as_it_came_and_never_leaves_its_api() {
    let fixture = Fixture::start(
        r#"
        [api.files]
        base = "/files"
        strip_base = true
        raw = true
        upstream = "UPSTREAM"
        auth = "none"
        [api.admin]
        base = "/admin"
        upstream = "UPSTREAM"
        auth = "user"
        "#,
    )
    .await;
    for (target, status, forwarded) in [
        (
            "/files/%61%7e/B%2fb//c/./d/../e;f?g=%2e",
            200,
            "/%61%7e/B%2fb//c/./d/../e;f?g=%2e",
        ),
        ("/files/a%5cb", 200, "/a%5cb"),
        ("/files", 200, "/"),
        ("/%66iles/a", 400, ""),
        ("/files/../admin", 400, ""),
        ("/files/..%2fadmin", 400, ""),
        ("/files/%252e%252e/admin", 400, ""),
        ("/files/..%5c..%5cadmin", 400, ""),
        ("/files/../files/a", 400, ""),
        ("/files/a/%2e%2e/..%2ffiles/b", 400, ""),
        ("/files/a%00", 400, ""),
        ("/files/a%", 400, ""),
        ("/filesystem", 404, ""),
        ("/admin/a", 401, ""),
        ("/admin/../files/a", 400, ""),
    ] {
        let before = fixture.upstream.seen().len();
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
        if status == 200 {
            let seen = fixture.upstream.seen();
            assert_eq!(seen[before]["target"], forwarded, "{target}");
        }
    }
}

#[tokio::test]
async fn a_raw_path_never_leaves_the_path_of_its_upstream() {
    let fixture = Fixture::start(
        r#"
        [api.files]
        raw = true
        upstream = "UPSTREAM/v1"
        auth = "none"
        "#,
    )
    .await;
    for (target, status, forwarded) in [
        ("/a/../b", 200, "/v1/a/../b"),
        ("/a//..%2fb", 200, "/v1/a//..%2fb"),
        ("/../admin", 400, ""),
        ("/a/../../admin", 400, ""),
        ("/a/../../v1/b", 400, ""),
        ("/%2e%2e/admin", 400, ""),
        ("/%252e%252e%252fadmin", 400, ""),
        ("/..;x/admin", 400, ""),
        ("/..%5cadmin", 400, ""),
        ("//../admin", 400, ""),
    ] {
        let before = fixture.upstream.seen().len();
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
        let seen = fixture.upstream.seen();
        assert_eq!(seen.len() - before, usize::from(status == 200), "{target}");
        if status == 200 {
            assert_eq!(seen[before]["target"], forwarded, "{target}");
        }
    }
}

#[tokio::test]
async fn the_rules_of_one_api_are_not_anothers() {
    // Both have all of the paths, so that only a path's route says whose it is.
    let fixture = Fixture::start(
        r#"
        [api.open]
        upstream = "UPSTREAM"
        auth = "none"
        encoded_slash = "keep"
        dot_segments = "resolve"
        empty_segments = "merge"
        [api.closed]
        auth = "user"
        routes = { "ANY /admin" = { upstream = "UPSTREAM" }, "ANY /admin/{rest+}" = { upstream = "UPSTREAM" } }
        "#,
    )
    .await;
    for (target, status) in [
        ("/a/../b", 200),
        ("/a%2fb", 200),
        ("/a/../admin", 400),
        ("/admin/../a", 200),
        ("/admin%2fa", 400),
        ("/ADMIN%2fa", 400),
        ("/admin;x%2fa", 400),
        ("/a//admin", 200),
        ("//admin", 400),
        ("/x/../admin//a", 400),
        ("/admin/a", 401),
        ("/admin/a%2fb", 400),
    ] {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_policy_must_grant_every_reading_of_a_path() {
    let fixture = Fixture::start(
        r#"
        [authorizer.callers]
        issuer = "https://issuer.example/"
        audience = ["api"]
        policy = { default = ["p"] }
        [policy.p]
        apis = { main = ["GET /reports/{id}"] }
        [api.main]
        upstream = "UPSTREAM"
        auth = "callers"
        encoded_slash = "keep"
        "#,
    )
    .await;
    let token = fixture.world.token().sign();
    for (target, status) in [("/reports/a", 200), ("/reports/a%2fb", 403)] {
        let answer = fixture.get_with(target, &token).await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
    }
}
