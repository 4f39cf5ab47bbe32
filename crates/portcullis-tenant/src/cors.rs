//! Which pages of other origins may call the tenant by script (Fetch standard section 3.3).

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderValue, Method, StatusCode};

/// The origins whose pages may call the endpoints of Auth0's SDKs.
pub trait AllowedOrigins: Clone + Send + Sync + 'static {
    /// Whether `origin`, such as `http://localhost:3000`, is registered for some application.
    fn allows(&self, origin: &str) -> impl Future<Output = bool> + Send;
}

/// A layer for documents that are everybody's, such as the key set.
pub(crate) async fn for_anyone(request: Request, next: Next) -> Response {
    let mut response = if is_preflight(&request) {
        preflight()
    } else {
        next.run(request).await
    };
    let any = HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}

/// A layer for routes that are opened by a bearer token alone, never by a cookie.
///
/// Any page may call them: it can send only a token that it has.
pub(crate) async fn for_bearers(request: Request, next: Next) -> Response {
    let mut response = for_anyone(request, next).await;
    let headers = response.headers_mut();
    if headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS) {
        let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    response
}

/// A layer for the endpoints that SDKs call: token, revocation and user info, never for pages.
///
/// Without credentials: cookies are for pages of the tenant's own origin. An origin that is not
/// allowed gets the answer without the headers, which browsers keep from its page; the tenant's
/// log, not CORS, is where to look for why.
///
/// Preflights are answered for the routes of one router. If that has a
/// `method_not_allowed_fallback`, it is to be set before the layer.
///
/// ```
/// use axum::{Router, middleware, routing::post};
/// use portcullis_tenant::cors::{self, AllowedOrigins};
///
/// #[derive(Clone)]
/// struct Registered;
///
/// impl AllowedOrigins for Registered {
///     async fn allows(&self, origin: &str) -> bool {
///         origin == "http://localhost:3000"
///     }
/// }
///
/// let layer = middleware::from_fn_with_state(Registered, cors::for_sdks::<Registered>);
/// let router: Router = Router::new()
///     .route("/oauth/token", post(|| async { "…" }))
///     .route_layer(layer);
/// ```
pub async fn for_sdks<O: AllowedOrigins>(
    State(origins): State<O>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let allowed = find_allowed(&origins, origin).await;
    let mut response = if is_preflight(&request) {
        preflight()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    // Also where the origin is refused: caches must not give its answer to another.
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("DPoP-Nonce, WWW-Authenticate");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    } else {
        headers.remove(ACCESS_CONTROL_ALLOW_METHODS);
        headers.remove(ACCESS_CONTROL_ALLOW_HEADERS);
        headers.remove(ACCESS_CONTROL_MAX_AGE);
    }
    response
}

async fn find_allowed(
    origins: &impl AllowedOrigins,
    origin: Option<HeaderValue>,
) -> Option<HeaderValue> {
    let origin = origin?;
    let text = origin.to_str().ok()?;
    // The origin of sandboxed frames and local files, whoever wrote them.
    let allowed = text != "null" && origins.allows(text).await;
    allowed.then_some(origin)
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    (
        StatusCode::NO_CONTENT,
        [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (
                ACCESS_CONTROL_ALLOW_HEADERS,
                "Authorization, Content-Type, Auth0-Client, DPoP",
            ),
            (ACCESS_CONTROL_MAX_AGE, "600"),
        ],
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::post;
    use axum::{Router, middleware};
    use tower::ServiceExt as _;

    use super::*;

    #[derive(Clone)]
    struct OnlyLocal;

    impl AllowedOrigins for OnlyLocal {
        async fn allows(&self, origin: &str) -> bool {
            origin == "http://localhost:3000" || origin == "null"
        }
    }

    async fn ask(method: Method, headers: &[(&str, &str)]) -> Response {
        let layer = middleware::from_fn_with_state(OnlyLocal, for_sdks::<OnlyLocal>);
        let router = Router::new()
            .route("/", post(|| async { "served" }))
            .route_layer(layer);
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn only_registered_origins_are_let_in() {
        let origin = |text| ("origin", text);
        let wanted = ("access-control-request-method", "POST");
        let header = ("access-control-request-headers", "auth0-client,dpop");
        let local = "http://localhost:3000";
        let headers = "Authorization, Content-Type, Auth0-Client, DPoP";
        for (name, method, sent, status, allowed, allowed_headers) in [
            (
                "preflight",
                Method::OPTIONS,
                vec![origin(local), wanted, header],
                204,
                Some(local),
                Some(headers),
            ),
            (
                "other's preflight",
                Method::OPTIONS,
                vec![origin("http://evil.example"), wanted],
                204,
                None,
                None,
            ),
            (
                "prefix",
                Method::OPTIONS,
                vec![origin("http://localhost:30001"), wanted],
                204,
                None,
                None,
            ),
            (
                "no preflight",
                Method::OPTIONS,
                vec![origin(local)],
                405,
                Some(local),
                None,
            ),
            (
                "call",
                Method::POST,
                vec![origin(local)],
                200,
                Some(local),
                None,
            ),
            (
                "other's call",
                Method::POST,
                vec![origin("http://evil.example")],
                200,
                None,
                None,
            ),
            (
                "sandboxed",
                Method::POST,
                vec![origin("null")],
                200,
                None,
                None,
            ),
            ("no browser", Method::POST, vec![], 200, None, None),
        ] {
            let response = ask(method, &sent).await;
            let find = |name| {
                response
                    .headers()
                    .get(name)
                    .map(|value| value.to_str().unwrap())
            };
            assert_eq!(response.status().as_u16(), status, "{name}");
            assert_eq!(find(ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{name}");
            assert_eq!(
                find(ACCESS_CONTROL_ALLOW_HEADERS),
                allowed_headers,
                "{name}"
            );
            assert_eq!(find(VARY), Some("Origin"), "{name}");
            let exposed = allowed.map(|_| "DPoP-Nonce, WWW-Authenticate");
            assert_eq!(find(ACCESS_CONTROL_EXPOSE_HEADERS), exposed, "{name}");
        }
    }
}
