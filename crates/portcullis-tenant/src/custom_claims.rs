//! The claims that the settings add to people's tokens.

use portcullis_store::tenant::{Database, DatabaseError, MAX_ROWS, Slice, User};
use serde_json::{Map, Value};

use crate::settings::{ClaimSource, CustomClaim};

/// As long as the JSON of a value may be: tokens travel in headers.
const MAX_VALUE: usize = 4 * 1024;

/// What the claims tell of the user.
pub(crate) async fn of_user(
    database: &Database,
    claims: &[CustomClaim],
    user: &User,
) -> Result<Map<String, Value>, DatabaseError> {
    let mut told = Map::new();
    for claim in claims {
        let value = match &claim.source {
            ClaimSource::Roles => Some(roles(database, user).await?),
            ClaimSource::Email => user.email.clone().map(Value::from),
            ClaimSource::UserMetadata(path) => member(&user.user_metadata, path),
            ClaimSource::AppMetadata(path) => member(&user.app_metadata, path),
        };
        let Some(value) = value else {
            continue;
        };
        if value.to_string().len() > MAX_VALUE {
            tracing::warn!(claim = %claim.name, user_id = %user.user_id, "a claim is too long for a token");
            continue;
        }
        told.insert(claim.name.clone(), value);
    }
    Ok(told)
}

async fn roles(database: &Database, user: &User) -> Result<Value, DatabaseError> {
    let all = Slice::after(None, MAX_ROWS);
    let roles = database.roles().of_user(&user.user_id, &all).await?;
    Ok(roles.rows.into_iter().map(|role| role.name).collect())
}

fn member(metadata: &Value, path: &[String]) -> Option<Value> {
    let found = path
        .iter()
        .try_fold(metadata, |value, name| value.as_object()?.get(name))?;
    (!found.is_null()).then(|| found.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_is_found_by_its_path() {
        let metadata = json!({ "plan": { "size": 16, "ended": null }, "list": [1] });
        for (path, expected) in [
            (&[][..], Some(metadata.clone())),
            (&["plan", "size"], Some(json!(16))),
            (&["plan", "ended"], None),
            (&["plan", "size", "unit"], None),
            (&["list", "0"], None),
            (&["other"], None),
        ] {
            let path: Vec<_> = path.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(member(&metadata, &path), expected, "{path:?}");
        }
    }
}
