//! An application with a secret, by HTTP Basic, on the `openidconnect` crate.
//!
//! It is driven by `tests/it/relying_parties.rs`, which has the browser: see `tests/it/script.rs`.

use std::error::Error;
use std::{env, io};

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreUserInfoClaims};
use openidconnect::url::Url;
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl,
    LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RefreshToken, Scope, TokenResponse as _,
};
use serde_json::json;

const SCOPES: [&str; 4] = ["profile", "email", "read:reports", "offline_access"];

fn main() -> Result<(), Box<dyn Error>> {
    let issuer = env::var("ISSUER")?;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into();
    let http = |request: HttpRequest| -> Result<HttpResponse, ureq::Error> {
        let (head, mut body) = agent.run(request)?.into_parts();
        Ok(HttpResponse::from_parts(head, body.read_to_vec()?))
    };
    let provider = ProviderMetadataWithLogout::discover(&IssuerUrl::new(issuer.clone())?, &http)?;
    let end_session = provider.additional_metadata().end_session_endpoint.clone();
    let secret = ClientSecret::new(env::var("CLIENT_SECRET")?);
    let id = ClientId::new(env::var("CLIENT_ID")?);
    let client = CoreClient::from_provider_metadata(provider, id, Some(secret))
        .set_redirect_uri(RedirectUrl::new(env::var("CALLBACK")?)?);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scopes(SCOPES.map(|scope| Scope::new(scope.to_owned())))
        .add_extra_param("audience", "https://expenses-api")
        .set_pkce_challenge(challenge)
        .url();
    let callback = browse(&url)?;
    if find(&callback, "state").as_ref() != Some(state.secret()) {
        return Err("the state is another one".into());
    }
    let code = AuthorizationCode::new(find(&callback, "code").ok_or("there is no code")?);
    let tokens = client
        .exchange_code(code)?
        .set_pkce_verifier(verifier)
        .request(&http)?;
    let id_token = tokens.id_token().ok_or("there is no ID token")?;
    let claims = id_token.claims(&client.id_token_verifier(), &nonce)?;
    let subject = claims.subject().clone();
    let access_token = tokens.access_token().clone();
    let asked = client.user_info(access_token, Some(subject.clone()))?;
    let userinfo: CoreUserInfoClaims = asked.request(&http)?;

    let first = tokens.refresh_token().ok_or("there is no refresh token")?;
    let refreshed = client.exchange_refresh_token(first)?.request(&http)?;
    let token: &RefreshToken = refreshed.refresh_token().unwrap_or(first);
    let is_without = |nonce: Option<&Nonce>| match nonce {
        None => Ok(()),
        Some(_) => Err("the nonce was not asked for".to_owned()),
    };
    let second = refreshed.id_token().ok_or("there is no ID token")?;
    let second = second.claims(&client.id_token_verifier(), is_without)?;

    let end_session = end_session.ok_or("there is no way to log out")?;
    let home = PostLogoutRedirectUrl::new(env::var("HOME_PAGE")?)?;
    let logout = LogoutRequest::from(end_session)
        .set_id_token_hint(id_token)
        .set_post_logout_redirect_uri(home)
        .set_state(CsrfToken::new("bye".to_owned()));
    let logged_out = browse(&logout.http_get_url())?;
    let name = |name: Option<&openidconnect::LocalizedClaim<openidconnect::EndUserName>>| {
        name.and_then(|name| name.get(None))
            .map(|name| name.to_string())
    };
    let asked = format!("openid {}", SCOPES.join(" "));
    let scope = match tokens.scopes() {
        Some(scopes) => scopes
            .iter()
            .map(|scope| scope.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        None => asked,
    };
    let learned = json!({
        "id_token": {
            "iss": claims.issuer().as_str(),
            "aud": claims.audiences().first().map(|audience| audience.as_str()),
            "email": claims.email().map(|email| email.as_str()),
            "name": name(claims.name()),
        },
        "userinfo": {
            "email": userinfo.email().map(|email| email.as_str()),
            "name": name(userinfo.name()),
        },
        "scope": scope,
        "refreshed": {
            "same_user": *second.subject() == subject,
            "rotated": token.secret() != first.secret(),
        },
        // The crate revokes nothing without TLS.
        "after_revocation": null,
        "logged_out": logged_out.as_str(),
    });
    println!("{learned}");
    Ok(())
}

/// Opens `url` in the browser, and returns where the browser ends.
fn browse(url: &Url) -> Result<Url, Box<dyn Error>> {
    println!("open {url}");
    let mut end = String::new();
    io::stdin().read_line(&mut end)?;
    Ok(end.trim().parse()?)
}

fn find(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let pair = pairs.find(|(found, _)| found == name);
    pair.map(|(_, value)| value.into_owned())
}
