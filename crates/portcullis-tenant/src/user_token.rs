use std::collections::BTreeSet;

use portcullis_store::tenant::{
    Database, DatabaseError, MAX_ROWS, ResourceServer, Slice, User, UserFilter,
};
use portcullis_token::{NoRandomness, Secret, SigningError, UnixTime};
use serde_json::{Map, Value};

use crate::access_token::{AccessToken, Subject, TokenDialect};
use crate::scopes::{ApiScopes, ScopeRequest, TooManyScopes, parse_scopes};
use crate::{CONNECTION, CustomClaim, Issuer, KeyRing, custom_claims, opaque_token};

/// How many users are looked through for one whose address begins as was typed.
const MAX_SEARCHED: usize = 1000;
/// How many users a refusal names.
const MAX_NAMED: usize = 5;

/// Whose token is to be signed, and what for.
#[derive(Clone, Copy, Debug)]
pub struct UserTokenRequest<'a> {
    /// The `iss`.
    pub issuer: &'a Issuer,
    /// The user's address, what stands before its `@`, or the id.
    pub user: &'a str,
    /// The application that the token says it was given to.
    pub client_id: &'a str,
    /// The API's identifier.
    pub audience: &'a str,
    /// Scopes between spaces; all that the user may have when absent.
    pub scope: Option<&'a str>,
    /// The `iat`.
    pub issued_at: UnixTime,
    /// What the tenant's settings have people's tokens tell besides.
    pub claims: &'a [CustomClaim],
}

/// A token as the user would have it by logging in.
#[derive(Clone, Debug)]
pub struct UserToken {
    /// The token itself.
    pub access_token: Secret<String>,
    /// The scopes that it has, between spaces.
    pub scope: String,
    /// Those that were asked for and not given.
    pub refused: Vec<String>,
    /// Seconds that it is valid.
    pub expires_in: u64,
}

/// Why there is no token for a user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserTokenError {
    /// Nobody is called so.
    #[error("no user of the tenant is called {user:?}")]
    UnknownUser {
        /// What was asked for.
        user: String,
        /// The addresses of some who are there.
        known: Vec<String>,
    },
    /// Several are called so.
    #[error("several users are called {user:?}")]
    SeveralUsers {
        /// What was asked for.
        user: String,
        /// Their addresses, or some of them.
        known: Vec<String>,
    },
    /// The user may not log in.
    #[error("the user {user:?} is blocked")]
    Blocked {
        /// What was asked for.
        user: String,
    },
    /// There is no such application.
    #[error("no application of the tenant has the client id {client_id:?}")]
    UnknownClient {
        /// What was asked for.
        client_id: String,
    },
    /// There is no such API.
    #[error("no API of the tenant has the identifier {audience:?}")]
    UnknownApi {
        /// What was asked for.
        audience: String,
    },
    /// More than 200 scopes were asked for.
    #[error("too many scopes were asked for")]
    TooManyScopes,
    /// The token could not be signed.
    #[error("the token cannot be signed")]
    Signing(#[from] SigningError),
    /// There is no randomness for the token's id.
    #[error("there is no randomness on this machine")]
    NoRandomness,
    /// The database could not be read.
    #[error("the tenant's database cannot be used")]
    Database(#[from] DatabaseError),
}

impl UserTokenRequest<'_> {
    /// Signs an access token as if the user had logged in and consented.
    ///
    /// For those who have the tenant's keys anyway: nothing is asked, and nothing is written down.
    ///
    /// # Errors
    /// See [`UserTokenError`].
    pub async fn sign(
        &self,
        database: &Database,
        keys: &KeyRing,
    ) -> Result<UserToken, UserTokenError> {
        let user = self.find_user(database).await?;
        if user.blocked {
            let user = self.user.to_owned();
            return Err(UserTokenError::Blocked { user });
        }
        if database.clients().find(self.client_id).await?.is_none() {
            let client_id = self.client_id.to_owned();
            return Err(UserTokenError::UnknownClient { client_id });
        }
        let apis = database.resource_servers();
        let api = apis.find_by_identifier(self.audience).await?;
        let api = api.ok_or_else(|| UserTokenError::UnknownApi {
            audience: self.audience.to_owned(),
        })?;
        let permissions = database.permissions();
        let permissions = permissions.effective(&user.user_id, self.audience).await?;
        let custom = custom_claims::of_user(database, self.claims, &user).await?;
        self.sign_for(&user, &api, &permissions, &custom, keys)
    }

    fn sign_for(
        &self,
        user: &User,
        api: &ResourceServer,
        permissions: &[String],
        custom: &Map<String, Value>,
        keys: &KeyRing,
    ) -> Result<UserToken, UserTokenError> {
        let known: Vec<String> = api.scopes.iter().map(|scope| scope.value.clone()).collect();
        let rules = ApiScopes {
            permissions: &known,
            allow_offline_access: api.allow_offline_access,
            enforced: api.enforce_policies.then_some(permissions),
            client_grant: None,
        };
        let everything = known.join(" ");
        let request = ScopeRequest {
            requested: self.scope.unwrap_or(&everything),
            api: Some(rules),
            may_refresh: false,
        };
        let too_many = |TooManyScopes| UserTokenError::TooManyScopes;
        let given = request.resolve().map_err(too_many)?;
        let asked = parse_scopes(self.scope.unwrap_or_default()).map_err(too_many)?;
        let refused = asked.into_iter().filter(|scope| !given.contains(scope));
        let scope = given.join(" ");
        let jti = opaque_token().map_err(|NoRandomness| UserTokenError::NoRandomness)?;
        let token = AccessToken {
            issuer: self.issuer,
            dialect: api
                .token_dialect
                .parse()
                .unwrap_or(TokenDialect::AccessToken),
            subject: Subject::User(&user.user_id),
            client_id: self.client_id,
            audience: self.audience,
            scope: &scope,
            permissions: &rules.permissions(),
            grant: None,
            jti: jti.expose(),
            issued_at: self.issued_at,
            lifetime: std::time::Duration::from_secs(lifetime(api)),
            custom: Some(custom),
        };
        Ok(UserToken {
            access_token: token.sign(keys)?,
            refused: refused.map(str::to_owned).collect(),
            expires_in: lifetime(api),
            scope,
        })
    }

    async fn find_user(&self, database: &Database) -> Result<User, UserTokenError> {
        if let Some(user) = database.users().find(self.user).await? {
            return Ok(user);
        }
        let users = database.users();
        if let Some(user) = users.find_by_email(CONNECTION, self.user).await? {
            return Ok(user);
        }
        let mut found = Vec::new();
        let mut known = BTreeSet::new();
        for user in all_users(database).await? {
            let email = user.email.as_deref().unwrap_or_default();
            let is_meant = email
                .split('@')
                .next()
                .is_some_and(|name| !name.is_empty() && name.eq_ignore_ascii_case(self.user));
            known.insert(email.to_owned());
            if is_meant {
                found.push(user);
            }
        }
        let user = self.user.to_owned();
        match <[User; 1]>::try_from(found) {
            Ok([only]) => Ok(only),
            Err(none) if none.is_empty() => Err(UserTokenError::UnknownUser {
                user,
                known: known.into_iter().take(MAX_NAMED).collect(),
            }),
            Err(several) => Err(UserTokenError::SeveralUsers {
                user,
                known: several
                    .into_iter()
                    .filter_map(|user| user.email)
                    .take(MAX_NAMED)
                    .collect(),
            }),
        }
    }
}

async fn all_users(database: &Database) -> Result<Vec<User>, DatabaseError> {
    let filter = UserFilter {
        connection: Some(CONNECTION.to_owned()),
        ..UserFilter::default()
    };
    let mut users = Vec::new();
    let mut from = None;
    loop {
        let slice = Slice::after(from, MAX_ROWS);
        let page = database.users().list(&filter, &slice).await?;
        users.extend(page.rows);
        from = page.next;
        if from.is_none() || users.len() >= MAX_SEARCHED {
            return Ok(users);
        }
    }
}

fn lifetime(api: &ResourceServer) -> u64 {
    u64::try_from(api.token_lifetime).unwrap_or_default()
}
