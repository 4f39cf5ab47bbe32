//! What a user's token may be used for: the scopes and permissions that a login ends with.

use crate::Issuer;

/// The scopes of OpenID Connect that say something about the user (Core 1.0 section 5.4).
const CLAIM_SCOPES: [&str; 5] = ["openid", "profile", "email", "address", "phone"];

/// The most scopes that one request may name.
const MAX_SCOPES: usize = 200;

/// A request names more scopes than any application has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scope parameter names more than 200 scopes")]
pub struct TooManyScopes;

/// What a user's access token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// No API: the token is opaque and opens `/userinfo` only.
    UserInfo,
    /// The API with this identifier, which may be unknown.
    Api(&'a str),
}

/// The API of a request, as far as its scopes matter.
#[derive(Clone, Copy, Debug)]
pub struct ApiScopes<'a> {
    /// Every scope that exists for it.
    pub permissions: &'a [String],
    /// Whether a refresh token may be had for it.
    pub allow_offline_access: bool,
    /// The user's own permissions, where the API limits scopes to them (RBAC).
    pub enforced: Option<&'a [String]>,
    /// What the client grant allows at most, where the API wants one.
    pub client_grant: Option<&'a [String]>,
}

/// What a login may ask for.
#[derive(Clone, Copy, Debug)]
pub struct ScopeRequest<'a> {
    /// The `scope` parameter.
    pub requested: &'a str,
    /// Absent for [`Audience::UserInfo`].
    pub api: Option<ApiScopes<'a>>,
    /// Whether the application has the grant type `refresh_token`.
    pub may_refresh: bool,
}

/// Chooses the API of a request: the one it asks for, else the tenant's default.
///
/// The user-info endpoint, which Auth0 lets clients name, is no API.
pub fn resolve_audience<'a>(
    requested: Option<&'a str>,
    default: Option<&'a str>,
    issuer: &Issuer,
) -> Audience<'a> {
    let named = requested.or(default).filter(|name| !name.is_empty());
    match named {
        Some(name) if name != issuer.endpoint("userinfo") => Audience::Api(name),
        _ => Audience::UserInfo,
    }
}

/// The scopes of a request, once each and in its order.
///
/// # Errors
/// [`TooManyScopes`] over 200.
pub fn parse_scopes(text: &str) -> Result<Vec<&str>, TooManyScopes> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in text.split(' ').filter(|scope| !scope.is_empty()) {
        if scopes.contains(&scope) {
            continue;
        }
        if scopes.len() == MAX_SCOPES {
            return Err(TooManyScopes);
        }
        scopes.push(scope);
    }
    Ok(scopes)
}

impl<'a> ScopeRequest<'a> {
    /// The scopes to give, in the order of the request.
    ///
    /// What cannot be had is left out, as Auth0 does it: the answer's `scope` tells the client.
    ///
    /// # Errors
    /// [`TooManyScopes`] when the request is out of bounds.
    pub fn resolve(&self) -> Result<Vec<&'a str>, TooManyScopes> {
        let mut scopes = parse_scopes(self.requested)?;
        scopes.retain(|scope| self.allows(scope));
        Ok(scopes)
    }

    fn allows(&self, scope: &str) -> bool {
        if CLAIM_SCOPES.contains(&scope) {
            return true;
        }
        if scope == "offline_access" {
            let allowed = self.api.is_none_or(|api| api.allow_offline_access);
            return allowed && self.may_refresh;
        }
        self.api.is_some_and(|api| api.allows(scope))
    }
}

impl ApiScopes<'_> {
    fn allows(&self, scope: &str) -> bool {
        let within = |list: Option<&[String]>| list.is_none_or(|list| contains(list, scope));
        contains(self.permissions, scope) && within(self.enforced) && within(self.client_grant)
    }

    /// The `permissions` of a token in an `_authz` dialect: all that the user has, asked for or
    /// not, within what the client may have. Empty without RBAC.
    pub fn permissions(&self) -> Vec<&str> {
        let permissions = self.enforced.unwrap_or_default().iter();
        let permissions = permissions.map(String::as_str);
        permissions.filter(|name| self.allows(name)).collect()
    }
}

fn contains(list: &[String], scope: &str) -> bool {
    list.iter().any(|known| known == scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &str) -> Vec<String> {
        names.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_login_gets_what_exists_and_is_allowed() {
        let all = owned("read write delete");
        let (users, clients) = (owned("read write gone"), owned("write delete"));
        let open = ApiScopes {
            permissions: &all,
            allow_offline_access: true,
            enforced: None,
            client_grant: None,
        };
        let enforced = ApiScopes {
            enforced: Some(&users),
            ..open
        };
        let granted = ApiScopes {
            client_grant: Some(&clients),
            ..open
        };
        let both = ApiScopes {
            client_grant: Some(&clients),
            ..enforced
        };
        let online = ApiScopes {
            allow_offline_access: false,
            ..open
        };
        for (name, api, may_refresh, requested, expected) in [
            (
                "order",
                Some(open),
                true,
                "write openid read write",
                "write openid read",
            ),
            ("unknown", Some(open), true, "read admin gone Read", "read"),
            (
                "no API",
                None,
                true,
                "openid profile email read",
                "openid profile email",
            ),
            (
                "offline",
                Some(open),
                true,
                "openid offline_access",
                "openid offline_access",
            ),
            (
                "offline, no API",
                None,
                true,
                "openid offline_access",
                "openid offline_access",
            ),
            (
                "no refreshing",
                Some(open),
                false,
                "openid offline_access",
                "openid",
            ),
            (
                "online API",
                Some(online),
                true,
                "offline_access read",
                "read",
            ),
            (
                "RBAC",
                Some(enforced),
                true,
                "openid read write delete gone",
                "openid read write",
            ),
            (
                "client grant",
                Some(granted),
                true,
                "read write delete",
                "write delete",
            ),
            ("both", Some(both), true, "read write delete", "write"),
            ("nothing", Some(open), true, "", ""),
        ] {
            let request = ScopeRequest {
                requested,
                api,
                may_refresh,
            };
            assert_eq!(request.resolve().unwrap().join(" "), expected, "{name}");
        }
        for (name, api, expected) in [
            ("open", open, ""),
            ("RBAC", enforced, "read write"),
            ("client grant", granted, ""),
            ("both", both, "write"),
        ] {
            assert_eq!(api.permissions().join(" "), expected, "{name}");
        }
    }

    #[test]
    fn scopes_are_bounded() {
        let names = |count: usize| -> Vec<String> { (0..count).map(|n| n.to_string()).collect() };
        let (most, many) = (names(MAX_SCOPES).join(" "), names(MAX_SCOPES + 1).join(" "));
        assert_eq!(parse_scopes(&most).unwrap().len(), MAX_SCOPES);
        assert_eq!(
            parse_scopes(&format!("{most} 0 1 2")).unwrap().len(),
            MAX_SCOPES
        );
        assert_eq!(parse_scopes(&many), Err(TooManyScopes));
    }

    #[test]
    fn the_audience_is_asked_for_or_the_default() {
        let issuer: Issuer = "http://localhost:4000/".parse().unwrap();
        for (requested, default, expected) in [
            (None, None, Audience::UserInfo),
            (Some("a"), None, Audience::Api("a")),
            (None, Some("b"), Audience::Api("b")),
            (Some("a"), Some("b"), Audience::Api("a")),
            (Some(""), Some("b"), Audience::UserInfo),
            (
                Some("http://localhost:4000/userinfo"),
                Some("b"),
                Audience::UserInfo,
            ),
            (
                Some("http://localhost:4000/userinfo/"),
                None,
                Audience::Api("http://localhost:4000/userinfo/"),
            ),
        ] {
            let found = resolve_audience(requested, default, &issuer);
            assert_eq!(found, expected, "{requested:?} {default:?}");
        }
    }
}
