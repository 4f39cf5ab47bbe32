use portcullis_config::Config;
use portcullis_tenant::{Api, ApiRules, Issuer, TokenDialect};

use super::real_issuers;

/// The API of an audience: as the file describes it, or with Auth0's defaults.
pub(super) fn settings(
    config: &Config,
    issuer: &Issuer,
    identifier: &str,
    permissions: Vec<String>,
) -> Api {
    let mut declared = config.tenant.apis.iter();
    let declared = declared.find(|api| api.identifier == identifier);
    let given = gives_permissions(config, identifier);
    // Auth0's own API never brings refresh tokens unless the file says so.
    let brings_refresh_tokens = !is_management_api(config, issuer, identifier);
    let Some(api) = declared else {
        return Api {
            identifier: identifier.to_owned(),
            permissions,
            token_lifetime: Api::DEFAULT_TOKEN_LIFETIME,
            token_dialect: TokenDialect::default(),
            rules: ApiRules {
                enforces_permissions: given,
                allows_offline_access: brings_refresh_tokens,
                ..ApiRules::default()
            },
        };
    };
    Api {
        identifier: identifier.to_owned(),
        permissions,
        token_lifetime: api.token_lifetime,
        token_dialect: api.token_dialect.parse().unwrap_or_default(),
        rules: ApiRules {
            name: api.name.clone(),
            descriptions: api.permissions.clone(),
            token_lifetime_for_web: api.token_lifetime_for_web,
            enforces_permissions: api.rbac.unwrap_or(given),
            allows_offline_access: api.offline_access.unwrap_or(brings_refresh_tokens),
            skips_consent: api.skip_consent,
        },
    }
}

/// Whether the file gives anybody permissions for an API. They would mean nothing without RBAC.
fn gives_permissions(config: &Config, audience: &str) -> bool {
    let users = config.tenant.users.iter().map(|user| &user.permissions);
    let roles = config.tenant.roles.iter().map(|role| &role.permissions);
    let mut given = users.chain(roles);
    given.any(|permissions| {
        permissions
            .get(audience)
            .is_some_and(|list| !list.is_empty())
    })
}

/// Whether the audience is the Management API, of the tenant or of an issuer that it stands in for.
fn is_management_api(config: &Config, issuer: &Issuer, audience: &str) -> bool {
    let Some(host) = audience.strip_suffix("/api/v2/") else {
        return false;
    };
    let of_file = real_issuers(config);
    let mut issuers = of_file.iter().map(String::as_str).chain([issuer.as_str()]);
    issuers.any(|issuer| issuer.trim_end_matches('/') == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth0_s_own_api_brings_no_refresh_tokens_unless_the_file_says_so() {
        let file = |api: &str| {
            let text = format!(
                "[authorizer.auth0]\nissuer = \"https://example.eu.auth0.com\"\naudience = [\"a\"]\n\
                 [tenant]\n{api}"
            );
            let source = portcullis_config::Source {
                name: "portcullis.toml",
                text: &text,
            };
            let parsed = portcullis_config::parse(&source, &|_| None);
            parsed.unwrap_or_else(|error| panic!("{error:?}")).config
        };
        let issuer = "http://localhost:4000/".parse().unwrap();
        for (audience, said, expected) in [
            ("https://expenses-api", "", true),
            ("https://example.eu.auth0.com/api/v2/", "", false),
            ("http://localhost:4000/api/v2/", "", false),
            ("https://example.eu.auth0.com/api/v2", "", true),
            ("https://other.example/api/v2/", "", true),
            (
                "http://localhost:4000/api/v2/",
                "offline_access = true",
                true,
            ),
            ("http://localhost:4000/api/v2/", "rbac = false", false),
            ("https://expenses-api", "rbac = false", true),
            ("https://expenses-api", "offline_access = false", false),
        ] {
            let api = format!("[[tenant.api]]\nidentifier = \"{audience}\"\n{said}");
            let config = file(if said.is_empty() { "" } else { &api });
            let api = settings(&config, &issuer, audience, Vec::new());
            assert_eq!(
                api.rules.allows_offline_access, expected,
                "{audience} {said}"
            );
        }
    }
}
