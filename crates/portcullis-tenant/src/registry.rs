use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::settings::{Api, Application, Authentication, GrantType, SettingsError};

/// The longest lifetime that Auth0 gives a token: 30 days.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// The APIs and applications of the settings by their identifiers, to check them by each other.
#[derive(Debug, Default)]
pub(crate) struct Registry<'s> {
    apis: HashMap<&'s str, &'s Api>,
    client_ids: HashSet<&'s str>,
}

impl<'s> Registry<'s> {
    pub(crate) fn new(
        apis: &'s [Api],
        applications: &'s [Application],
    ) -> Result<Self, SettingsError> {
        let mut registry = Self::default();
        for api in apis {
            registry.add_api(api)?;
        }
        for application in applications {
            registry.add_application(application)?;
        }
        Ok(registry)
    }

    fn add_api(&mut self, api: &'s Api) -> Result<(), SettingsError> {
        check_api(api)?;
        if self.apis.insert(&api.identifier, api).is_some() {
            return Err(SettingsError::DuplicateApi {
                identifier: api.identifier.clone(),
            });
        }
        Ok(())
    }

    fn add_application(&mut self, application: &'s Application) -> Result<(), SettingsError> {
        check_client_id(application)?;
        check_authentication(application)?;
        self.check_grants(application)?;
        if !self.client_ids.insert(&application.client_id) {
            return Err(SettingsError::DuplicateApplication {
                client_id: application.client_id.clone(),
            });
        }
        Ok(())
    }

    fn check_grants(&self, application: &Application) -> Result<(), SettingsError> {
        let client_id = || application.client_id.clone();
        for (audience, scopes) in &application.grants {
            let Some(api) = self.apis.get(audience.as_str()) else {
                let audience = audience.clone();
                return Err(SettingsError::UnknownApi {
                    client_id: client_id(),
                    audience,
                });
            };
            if let Some(scope) = scopes.iter().find(|scope| !api.permissions.contains(scope)) {
                return Err(SettingsError::UnknownScope {
                    client_id: client_id(),
                    audience: audience.clone(),
                    scope: scope.clone(),
                });
            }
        }
        Ok(())
    }
}

fn check_api(api: &Api) -> Result<(), SettingsError> {
    if api.identifier.is_empty() {
        return Err(SettingsError::NoIdentifier);
    }
    let identifier = || api.identifier.clone();
    if let Some(permission) = api
        .permissions
        .iter()
        .find(|permission| !is_scope(permission))
    {
        let permission = permission.clone();
        return Err(SettingsError::Permission {
            identifier: identifier(),
            permission,
        });
    }
    if api.token_lifetime < Duration::from_secs(1) || api.token_lifetime > MAX_TOKEN_LIFETIME {
        return Err(SettingsError::TokenLifetime {
            identifier: identifier(),
        });
    }
    Ok(())
}

/// A `scope-token` of RFC 6749 section 3.3: printable ASCII but space, `"` and `\`.
fn is_scope(text: &str) -> bool {
    let is_scope_character = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(is_scope_character)
}

fn check_client_id(application: &Application) -> Result<(), SettingsError> {
    let Application {
        name, client_id, ..
    } = application;
    let printable = client_id
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if client_id.is_empty() || !printable {
        return Err(SettingsError::ClientId {
            name: name.clone(),
            client_id: client_id.clone(),
        });
    }
    Ok(())
}

fn check_authentication(application: &Application) -> Result<(), SettingsError> {
    let client_id = || application.client_id.clone();
    match &application.authentication {
        Authentication::Secret(secret) if secret.expose().is_empty() => {
            Err(SettingsError::EmptySecret {
                client_id: client_id(),
            })
        }
        Authentication::Public
            if application
                .grant_types
                .contains(&GrantType::ClientCredentials) =>
        {
            let grant_type = GrantType::ClientCredentials;
            Err(SettingsError::PublicClient {
                client_id: client_id(),
                grant_type,
            })
        }
        Authentication::Secret(_) | Authentication::Public => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use portcullis_token::Secret;

    use super::*;
    use crate::{ApiRules, LoginSettings, TokenDialect};

    fn api(identifier: &str) -> Api {
        Api {
            identifier: identifier.to_owned(),
            permissions: vec!["read:reports".to_owned()],
            token_lifetime: Api::DEFAULT_TOKEN_LIFETIME,
            token_dialect: TokenDialect::default(),
            rules: ApiRules::default(),
        }
    }

    fn application(client_id: &str) -> Application {
        Application {
            name: "worker".to_owned(),
            client_id: client_id.to_owned(),
            authentication: Authentication::Secret(Secret::new("hunter2".to_owned())),
            grant_types: BTreeSet::from([GrantType::ClientCredentials]),
            grants: BTreeMap::new(),
            login: LoginSettings::default(),
        }
    }

    fn granted(audience: &str, scope: &str) -> Application {
        let grants = BTreeMap::from([(audience.to_owned(), vec![scope.to_owned()])]);
        Application {
            grants,
            ..application("worker")
        }
    }

    fn error_of(apis: &[Api], applications: &[Application]) -> Option<SettingsError> {
        Registry::new(apis, applications).err()
    }

    #[test]
    fn every_api_is_checked() {
        let identifier = || "reports".to_owned();
        let permission = |permission: &str| SettingsError::Permission {
            identifier: identifier(),
            permission: permission.to_owned(),
        };
        let permitting = |permission: &str| Api {
            permissions: vec![permission.to_owned()],
            ..api("reports")
        };
        let lasting = |token_lifetime| Api {
            token_lifetime,
            ..api("reports")
        };
        let lifetime = || {
            Some(SettingsError::TokenLifetime {
                identifier: identifier(),
            })
        };
        for (name, apis, expected) in [
            ("fine", vec![api("reports"), api("https://b")], None),
            (
                "no identifier",
                vec![api("")],
                Some(SettingsError::NoIdentifier),
            ),
            (
                "twice",
                vec![api("reports"), api("reports")],
                Some(SettingsError::DuplicateApi {
                    identifier: identifier(),
                }),
            ),
            ("empty scope", vec![permitting("")], Some(permission(""))),
            (
                "two words",
                vec![permitting("a b")],
                Some(permission("a b")),
            ),
            ("a quote", vec![permitting("a\"")], Some(permission("a\""))),
            (
                "a backslash",
                vec![permitting("a\\")],
                Some(permission("a\\")),
            ),
            ("not ASCII", vec![permitting("é")], Some(permission("é"))),
            ("edges of ASCII", vec![permitting("!~")], None),
            ("one second", vec![lasting(Duration::from_secs(1))], None),
            (
                "less",
                vec![lasting(Duration::from_nanos(999_999_999))],
                lifetime(),
            ),
            ("30 days", vec![lasting(MAX_TOKEN_LIFETIME)], None),
            (
                "more",
                vec![lasting(MAX_TOKEN_LIFETIME + Duration::from_nanos(1))],
                lifetime(),
            ),
        ] {
            assert_eq!(error_of(&apis, &[]), expected, "{name}");
        }
    }

    #[test]
    fn every_application_is_checked() {
        let client_id = || "worker".to_owned();
        let odd_id = |client_id: &str| {
            let (name, client_id) = ("worker".to_owned(), client_id.to_owned());
            Some(SettingsError::ClientId { name, client_id })
        };
        let authenticating = |authentication| Application {
            authentication,
            ..application("worker")
        };
        for (name, applications, expected) in [
            (
                "fine",
                vec![granted("reports", "read:reports"), application("b c")],
                None,
            ),
            ("no client id", vec![application("")], odd_id("")),
            ("a line break", vec![application("a\nb")], odd_id("a\nb")),
            ("not ASCII", vec![application("é")], odd_id("é")),
            (
                "twice",
                vec![application("worker"), application("worker")],
                Some(SettingsError::DuplicateApplication {
                    client_id: client_id(),
                }),
            ),
            (
                "empty secret",
                vec![authenticating(Authentication::Secret(Secret::new(
                    String::new(),
                )))],
                Some(SettingsError::EmptySecret {
                    client_id: client_id(),
                }),
            ),
            (
                "public",
                vec![authenticating(Authentication::Public)],
                Some(SettingsError::PublicClient {
                    client_id: client_id(),
                    grant_type: GrantType::ClientCredentials,
                }),
            ),
            (
                "unknown API",
                vec![granted("wages", "read:reports")],
                Some(SettingsError::UnknownApi {
                    client_id: client_id(),
                    audience: "wages".to_owned(),
                }),
            ),
            (
                "unknown scope",
                vec![granted("reports", "write:reports")],
                Some(SettingsError::UnknownScope {
                    client_id: client_id(),
                    audience: "reports".to_owned(),
                    scope: "write:reports".to_owned(),
                }),
            ),
        ] {
            assert_eq!(
                error_of(&[api("reports")], &applications),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        let error = error_of(&[], &[granted("wages", "read")]).unwrap();
        assert_eq!(
            error.to_string(),
            r#"the application "worker" is granted "wages", which is no API's identifier"#
        );
    }
}
