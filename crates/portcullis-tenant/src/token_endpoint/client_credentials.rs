//! The client credentials grant (RFC 6749 section 4.4), with Auth0's `audience`.

use portcullis_store::tenant::ResourceServer;

use crate::client::{Client, Proof};
use crate::scopes::parse_scopes;
use crate::settings::GrantType;
use crate::user_access::{AccessPolicy, default_audience};
use crate::{Tenant, access_token};

use super::issue::sign_for_client;
use super::refusal::Refusal;
use super::{ClientRequest, Granted};

pub(super) async fn grant(tenant: &Tenant, request: &ClientRequest) -> Result<Granted, Refusal> {
    let ClientRequest {
        client, parameters, ..
    } = request;
    if client.proof == Proof::None {
        // RFC 6749 section 4.4: for confidential clients only.
        return Err(Refusal::GrantNotAllowed(GrantType::ClientCredentials));
    }
    let audience = default_audience(tenant, parameters.find("audience")?).await?;
    let audience = audience.ok_or(Refusal::NoAudience)?;
    let apis = tenant.database.resource_servers();
    let Some(api) = apis.find_by_identifier(&audience).await? else {
        return Err(Refusal::UnknownAudience(audience));
    };
    let granted = find_grant(tenant, client, &api).await?;
    let scopes = check_scope(parameters.find("scope")?.unwrap_or_default(), &granted)?;

    let lifetime = access_token::lifetime(&api);
    let access_token =
        sign_for_client(tenant, client, &api, &scopes, lifetime).map_err(Refusal::Signing)?;
    Ok(Granted {
        access_token,
        refresh_token: None,
        id_token: None,
        scope: scopes.join(" "),
        expires_in: lifetime.as_secs(),
        token_type: "Bearer",
    })
}

/// The scopes that the client may have of the API, of those that exist.
async fn find_grant(
    tenant: &Tenant,
    client: &Client,
    api: &ResourceServer,
) -> Result<Vec<String>, Refusal> {
    let audience = &api.identifier;
    let refused = || Refusal::NoClientGrant(audience.clone());
    if AccessPolicy::for_clients(api) == AccessPolicy::DenyAll {
        return Err(refused());
    }
    let grants = tenant.database.client_grants();
    let grant = grants.find_for(client.id(), audience, "client").await?;
    let mut scopes = grant.ok_or_else(refused)?.scopes;
    scopes.retain(|scope| api.scopes.iter().any(|known| known.value == *scope));
    Ok(scopes)
}

/// The scopes to give: those asked for, once each and in their order, or all when none are.
///
/// RFC 6749 section 3.3 separates them by one space each; more are read as one.
fn check_scope<'a>(requested: &'a str, granted: &'a [String]) -> Result<Vec<&'a str>, Refusal> {
    let scopes = parse_scopes(requested).map_err(|_| Refusal::TooManyScopes)?;
    if scopes.is_empty() {
        return Ok(granted.iter().map(String::as_str).collect());
    }
    let is_granted = |scope: &&str| granted.iter().any(|granted| granted == scope);
    let refused: Vec<&str> = scopes
        .iter()
        .copied()
        .filter(|scope| !is_granted(scope))
        .collect();
    if !refused.is_empty() {
        return Err(Refusal::ScopesNotGranted(refused.join(", ")));
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_what_was_asked_for_within_the_grant() {
        let granted = ["read".to_owned(), "write".to_owned()];
        for (requested, expected) in [
            ("", Ok("read write")),
            ("   ", Ok("read write")),
            ("write", Ok("write")),
            ("write read", Ok("write read")),
            ("  read   write ", Ok("read write")),
            ("read read", Ok("read")),
            ("admin", Err("admin")),
            ("read admin delete admin", Err("admin, delete")),
            ("Read", Err("Read")),
            ("read\twrite", Err("read\twrite")),
            ("read\n", Err("read\n")),
        ] {
            let result = match check_scope(requested, &granted) {
                Ok(scopes) => Ok(scopes.join(" ")),
                Err(Refusal::ScopesNotGranted(scopes)) => Err(scopes),
                Err(other) => panic!("{requested:?}: {other:?}"),
            };
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(result, expected, "{requested:?}");
        }
        assert!(check_scope("", &[]).unwrap().is_empty());
    }
}
