use portcullis_config::Config;
use portcullis_tenant::{Api, ApiRules, TokenDialect};

/// The API of an audience: as the file describes it, or with Auth0's defaults.
pub(super) fn settings(config: &Config, identifier: &str, permissions: Vec<String>) -> Api {
    let mut declared = config.tenant.apis.iter();
    let declared = declared.find(|api| api.identifier == identifier);
    let given = gives_permissions(config, identifier);
    let Some(api) = declared else {
        return Api {
            identifier: identifier.to_owned(),
            permissions,
            token_lifetime: Api::DEFAULT_TOKEN_LIFETIME,
            token_dialect: TokenDialect::default(),
            rules: ApiRules {
                enforces_permissions: given,
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
            allows_offline_access: api.offline_access,
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
