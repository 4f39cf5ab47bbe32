use portcullis_tenant::pages::stylesheet_path;

use crate::server::Server;

#[tokio::test]
async fn the_stylesheet_is_kept_for_good_and_named_for_its_content() {
    let server = Server::start().await;
    let response = reqwest::get(server.url(stylesheet_path())).await.unwrap();
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().unwrap();
    assert_eq!(header("content-type"), "text/css; charset=utf-8");
    let caching = "public, max-age=31536000, immutable";
    assert_eq!(header("cache-control"), caching);
    assert_eq!(header("x-content-type-options"), "nosniff");
    let style = response.text().await.unwrap();
    assert!(style.contains("prefers-color-scheme: dark"));
    for outside in ["url(", "@import", "http"] {
        assert!(!style.contains(outside), "{outside}");
    }

    let other = server.get("/assets/page.AAAAAAAAAAAA.css").await;
    assert_eq!(other.status, 404);
}
