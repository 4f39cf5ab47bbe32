//! The JSON of Cognito's federated identities: `application/x-amz-json-1.1`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::pool::Pool;

const SERVICE: &str = "AWSCognitoIdentityService.";
const MAX_NAME: usize = 128;
const MAX_TOKEN: usize = 50_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetId {
    identity_pool_id: String,
    logins: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetCredentials {
    identity_id: String,
    logins: Option<BTreeMap<String, String>>,
    custom_role_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetOpenIdToken {
    identity_id: String,
    logins: Option<BTreeMap<String, String>>,
}

/// Does what `X-Amz-Target` says.
pub(crate) async fn call(pool: &Pool, target: &str, body: &[u8]) -> Result<Value, Fault> {
    match target.strip_prefix(SERVICE) {
        Some("GetId") => {
            let asked: GetId = read(body)?;
            let logins = logins(asked.logins)?;
            let identity = pool.identify(&asked.identity_pool_id, &logins).await?;
            Ok(json!({ "IdentityId": identity }))
        }
        Some("GetCredentialsForIdentity") => {
            let asked: GetCredentials = read(body)?;
            let logins = logins(asked.logins)?;
            let custom = asked.custom_role_arn.as_deref();
            let credentials = pool
                .credentials(&asked.identity_id, &logins, custom)
                .await?;
            Ok(json!({
                "IdentityId": asked.identity_id,
                "Credentials": {
                    "AccessKeyId": credentials.access_key,
                    "SecretKey": credentials.secret.expose(),
                    "SessionToken": credentials.session_token.expose(),
                    "Expiration": credentials.expires.0,
                },
            }))
        }
        Some("GetOpenIdToken") => {
            let asked: GetOpenIdToken = read(body)?;
            let logins = logins(asked.logins)?;
            let token = pool.open_id_token(&asked.identity_id, &logins).await?;
            Ok(json!({ "IdentityId": asked.identity_id, "Token": token }))
        }
        _ => Err(Fault::unknown_operation()),
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|_| Fault::serialization())
}

fn logins(written: Option<BTreeMap<String, String>>) -> Result<Vec<(String, String)>, Fault> {
    let logins: Vec<_> = written.unwrap_or_default().into_iter().collect();
    let fits = |(name, token): &(String, String)| {
        (1..=MAX_NAME).contains(&name.len()) && (1..=MAX_TOKEN).contains(&token.len())
    };
    if logins.iter().all(fits) {
        Ok(logins)
    } else {
        Err(Fault::parameter(
            "1 validation error detected: a name or a token in 'logins' is empty or too long",
        ))
    }
}
