use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::IntoResponse;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use portcullis_token::base64url;

const CONTENT: &str = include_str!("../../templates/page.css");

/// The path at which the stylesheet is served, such as `/assets/page.Zm9vYmFyYmF6.css`.
///
/// It names the content, so that browsers may keep what they got for good.
pub fn stylesheet_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| {
        let mut hash = base64url::encode(digest(&SHA256, CONTENT.as_bytes()).as_ref());
        hash.truncate(12);
        format!("/assets/page.{hash}.css")
    });
    &PATH
}

pub(crate) async fn serve() -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, "text/css; charset=utf-8"),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ],
        CONTENT,
    )
}
