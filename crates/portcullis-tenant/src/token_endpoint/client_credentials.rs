//! The client credentials grant (RFC 6749 section 4.4), with Auth0's `audience`.

use crate::client::Client;
use crate::{Tenant, access_token};

use super::Granted;
use super::parameters::Parameters;
use super::refusal::Refusal;

pub(super) fn grant(
    tenant: &Tenant,
    client: &Client,
    parameters: &Parameters,
) -> Result<Granted, Refusal> {
    let audience = parameters.find("audience")?.ok_or(Refusal::NoAudience)?;
    let api = tenant
        .registry
        .find_api(audience)
        .ok_or_else(|| Refusal::UnknownAudience(audience.to_owned()))?;
    let granted = client
        .find_grant(audience)
        .ok_or_else(|| Refusal::NoClientGrant(audience.to_owned()))?;
    let scope = check_scope(parameters.find("scope")?.unwrap_or_default(), granted)?;

    let access_token =
        access_token::for_client(tenant, &client.id, api, &scope).map_err(Refusal::Signing)?;
    let expires_in = api.token_lifetime.as_secs();
    Ok(Granted {
        access_token,
        scope,
        expires_in,
        token_type: "Bearer",
    })
}

/// The scopes to give: those asked for, once each and in their order, or all when none are.
///
/// RFC 6749 section 3.3 separates them by one space each; more are read as one.
fn check_scope(requested: &str, granted: &[String]) -> Result<String, Refusal> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in requested.split(' ').filter(|scope| !scope.is_empty()) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        return Ok(granted.join(" "));
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
    Ok(scopes.join(" "))
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
                Ok(scope) => Ok(scope),
                Err(Refusal::ScopesNotGranted(scopes)) => Err(scopes),
                Err(other) => panic!("{requested:?}: {other:?}"),
            };
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(result, expected, "{requested:?}");
        }
        assert_eq!(check_scope("", &[]).unwrap(), "");
    }
}
