use portcullis_pool::{Ambiguity, Comparison, Rule};
use serde_json::{Value, json};

use crate::world::{PROVIDER, World, assert_refused, call, id_token, identity};

const CONFIGURATION: &str =
    "Invalid identity pool configuration. Check assigned IAM roles for this pool.";

fn rule(comparison: Comparison, value: &str) -> Rule {
    Rule {
        claim: "department".to_owned(),
        comparison,
        value: value.to_owned(),
        role: "sales".to_owned(),
    }
}

/// Asks for the role `sales`, which only who is allowed it gets.
async fn has_sales(world: World, department: Option<&str>, role: &str) -> Result<(), Value> {
    let pool = world.pool();
    let mut token = id_token();
    if let Some(department) = department {
        token = token.claim("department", department);
    }
    let logins = json!({ PROVIDER: token.sign() });
    let identity = identity(&pool, logins.clone()).await;
    let arn = format!("arn:aws:iam::000000000000:role/{role}");
    let asked = json!({ "IdentityId": identity, "Logins": logins, "CustomRoleArn": arn });
    let answer = call(&pool, "GetCredentialsForIdentity", asked).await;
    if answer.status == 200 {
        Ok(())
    } else {
        Err(answer.json()["message"].clone())
    }
}

#[tokio::test]
async fn rules_compare_as_those_of_cognito_do() {
    let invalid = json!("Invalid role arn passed in for the identity.");
    for (comparison, value, department, expected) in [
        (Comparison::Equals, "sales", Some("sales"), true),
        (Comparison::Equals, "sales", Some("sales2"), false),
        (Comparison::Equals, "sales", None, false),
        (Comparison::NotEqual, "sales", Some("other"), true),
        (Comparison::NotEqual, "sales", Some("sales"), false),
        (Comparison::NotEqual, "sales", None, false),
        (Comparison::StartsWith, "sal", Some("sales"), true),
        (Comparison::StartsWith, "les", Some("sales"), false),
        (Comparison::Contains, "ale", Some("sales"), true),
        (Comparison::Contains, "x", Some("sales"), false),
    ] {
        let mut world = World::default();
        world.settings.rules = vec![rule(comparison, value)];
        let found = has_sales(world, department, "sales").await;
        let expected = if expected {
            Ok(())
        } else {
            Err(invalid.clone())
        };
        assert_eq!(found, expected, "{comparison:?} {value} {department:?}");
    }
    let foreign = has_sales(World::default(), None, "x/../authenticated").await;
    assert_eq!(foreign, Err(invalid));
}

#[tokio::test]
async fn who_is_denied_a_role_cannot_ask_for_it() {
    let invalid = json!("Invalid role arn passed in for the identity.");
    for (ambiguity, rules, expected) in [
        (Ambiguity::AuthenticatedRole, true, Ok(())),
        (Ambiguity::Deny, false, Ok(())),
        (Ambiguity::Deny, true, Err(invalid)),
    ] {
        let mut world = World::default();
        world.settings.ambiguity = ambiguity;
        if rules {
            world.settings.rules = vec![rule(Comparison::Equals, "sales")];
        }
        let found = has_sales(world, Some("other"), "authenticated").await;
        assert_eq!(found, expected, "{ambiguity:?}, rules: {rules}");
    }
}

#[tokio::test]
async fn without_a_role_there_are_no_credentials() {
    for (ambiguity, department, expected) in [
        (Ambiguity::AuthenticatedRole, "other", true),
        (Ambiguity::Deny, "other", false),
        (Ambiguity::Deny, "sales", true),
    ] {
        let mut world = World::default();
        world.settings.rules = vec![rule(Comparison::Equals, "sales")];
        world.settings.ambiguity = ambiguity;
        let pool = world.pool();
        let token = id_token().claim("department", department).sign();
        let logins = json!({ PROVIDER: token });
        let identity = identity(&pool, logins.clone()).await;
        let asked = json!({ "IdentityId": identity, "Logins": logins });
        let answer = call(&pool, "GetCredentialsForIdentity", asked).await;
        if expected {
            assert_eq!(answer.status, 200, "{ambiguity:?} {department}");
        } else {
            let code = "InvalidIdentityPoolConfigurationException";
            assert_refused(&answer, code, CONFIGURATION);
        }
    }
}
