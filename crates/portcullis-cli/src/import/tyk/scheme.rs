//! How Tyk checks a JSON Web Token, as an authorizer.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use toml_edit::InlineTable;

use super::super::Problem;
use super::super::draft::{Entries, text, texts};
use super::member;

/// The largest leeway of an authorizer, in seconds.
const LARGEST_LEEWAY: u64 = 300;

/// What a scheme of an `OpenAPI` document says of policies, and of the callers that have them.
pub(super) const POLICY_FIELDS: [&str; 6] = [
    "subjectClaims",
    "identityBaseField",
    "basePolicyClaims",
    "policyFieldName",
    "defaultPolicies",
    "scopes",
];

/// The authorizer of a classic definition; `policies` are those that the file has.
pub(super) fn of_classic(
    api: &Value,
    policies: &BTreeSet<String>,
) -> Result<(Entries, Vec<String>), Problem> {
    let mut notes = Vec::new();
    let mut entries = keys(member(api, "jwt_source"), "/jwt_source")?;
    any_checks(&mut entries, &mut notes);
    entries.set(
        "algorithms",
        algorithms(member(api, "jwt_signing_method"), "/jwt_signing_method")?,
    );
    let header = api
        .pointer("/auth/auth_header_name")
        .and_then(Value::as_str);
    let header = header.unwrap_or_default();
    if !header.is_empty() && !header.eq_ignore_ascii_case("authorization") {
        let message = format!("the token is read from `Authorization`, not from `{header}`");
        return Err(Problem::new("/auth/auth_header_name", message));
    }
    let skews = ["jwt_expires_at", "jwt_issued_at", "jwt_not_before"];
    let skew = |name: &&str| api.get(format!("{name}_validation_skew"))?.as_u64();
    if let Some(leeway) = skews
        .iter()
        .filter_map(skew)
        .max()
        .filter(|&leeway| leeway > 0)
    {
        if leeway > LARGEST_LEEWAY {
            notes.push(format!(
                "the leeway of {leeway} s is cut to {LARGEST_LEEWAY} s"
            ));
        }
        entries.set("leeway", text(&format!("{}s", leeway.min(LARGEST_LEEWAY))));
    }
    if let Some(claim) = member(api, "jwt_identity_base_field").filter(|&claim| claim != "sub") {
        entries.set("identity", texts([claim]));
    }
    let defaults = strings(api.get("jwt_default_policies"));
    let mapping = api
        .get("jwt_scope_to_policy_mapping")
        .and_then(Value::as_object);
    let scopes = mapping
        .into_iter()
        .flatten()
        .filter_map(|(scope, id)| Some((scope.as_str(), id.as_str()?)));
    let claim = member(api, "jwt_policy_field_name");
    if let Some(claim) = member(api, "jwt_scope_claim_name").filter(|&claim| claim != "scope") {
        entries.set("scope_claims", texts([claim]));
    }
    set_policy(
        &mut entries,
        &mut notes,
        policies,
        claim,
        &defaults,
        scopes.collect(),
    );
    Ok((entries, notes))
}

/// The authorizer of `x-tyk-api-gateway`, where it is about JSON Web Tokens.
pub(in super::super) fn of_openapi(
    scheme: &Value,
    at: &str,
) -> Result<(Entries, Vec<String>), Problem> {
    let mut notes = Vec::new();
    let first = scheme.pointer("/jwksURIs/0/url").and_then(Value::as_str);
    let mut entries = match first {
        Some(url) => Entries::default().with("jwks", text(url)),
        None => keys(member(scheme, "source"), &format!("{at}/source"))?,
    };
    let (issuers, audiences) = (
        strings(scheme.get("allowedIssuers")),
        strings(scheme.get("allowedAudiences")),
    );
    match issuers.as_slice() {
        [] => {
            entries.set("issuer", text("any"));
            notes.push("`issuer = \"any\"`, as Tyk has it: name the issuer to check it".to_owned());
        }
        [only] => entries.set("issuer", text(only)),
        _ => {
            let message = "several issuers need an authorizer each";
            return Err(Problem::new(format!("{at}/allowedIssuers"), message));
        }
    }
    if audiences.is_empty() {
        entries.set("audience", text("any"));
        notes.push("`audience = \"any\"`, as Tyk has it: name the audience to check it".to_owned());
    } else {
        entries.set("audience", texts(audiences));
    }
    let method = format!("{at}/signingMethod");
    entries.set(
        "algorithms",
        algorithms(member(scheme, "signingMethod"), &method)?,
    );
    for field in POLICY_FIELDS {
        if scheme.get(field).is_some_and(super::is_set) {
            let message = "policies of Tyk are no part of an OpenAPI document";
            return Err(Problem::new(format!("{at}/{field}"), message)
                .hint("say `import tyk` with the document and the file of policies"));
        }
    }
    Ok((entries, notes))
}

/// Adds who the caller is, and by what the scheme of an `OpenAPI` document chooses policies.
pub(super) fn choose_policies(
    entries: &mut Entries,
    scheme: &Value,
    at: &str,
    known: &BTreeSet<String>,
) -> Result<Vec<String>, Problem> {
    let mut notes = Vec::new();
    let mut subjects = strings(scheme.get("subjectClaims"));
    subjects.extend(member(scheme, "identityBaseField"));
    if !subjects.is_empty() && subjects != ["sub"] {
        entries.set("identity", texts(subjects));
    }
    let mut claims = strings(scheme.get("basePolicyClaims"));
    claims.extend(member(scheme, "policyFieldName"));
    if claims.len() > 1 {
        let message = "policies are chosen by one claim here";
        return Err(Problem::new(format!("{at}/basePolicyClaims"), message)
            .hint("leave one of them in the document"));
    }
    let scopes = scheme.get("scopes").unwrap_or(&Value::Null);
    let mut names = strings(scopes.get("claims"));
    names.extend(member(scopes, "claimName"));
    if !names.is_empty() && names != ["scope"] {
        entries.set("scope_claims", texts(names));
    }
    let mapping = scopes.get("scopeToPolicyMapping").and_then(Value::as_array);
    let mapping = mapping.into_iter().flatten();
    let pairs = mapping.filter_map(|own| Some((member(own, "scope")?, member(own, "policyId")?)));
    let defaults = strings(scheme.get("defaultPolicies"));
    let claim = claims.first().copied();
    set_policy(
        entries,
        &mut notes,
        known,
        claim,
        &defaults,
        pairs.collect(),
    );
    Ok(notes)
}

/// Where the keys are: an address, or its base64.
fn keys(source: Option<&str>, at: &str) -> Result<Entries, Problem> {
    let decoded = source.and_then(|source| BASE64_STANDARD.decode(source).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let is_address = |text: &&str| text.starts_with("https://") || text.starts_with("http://");
    let address = source
        .filter(is_address)
        .or(decoded.as_deref().filter(is_address));
    match address {
        Some(address) => Ok(Entries::default().with("jwks", text(address))),
        None => Err(
            Problem::new(at, "the keys are not the address of a key set")
                .hint("publish the key as a JSON Web Key Set, and put its address here"),
        ),
    }
}

fn any_checks(entries: &mut Entries, notes: &mut Vec<String>) {
    entries.set("issuer", text("any"));
    entries.set("audience", text("any"));
    notes.push(
        "`issuer = \"any\"` and `audience = \"any\"`, as Tyk has it: name both to check them"
            .to_owned(),
    );
}

fn algorithms(method: Option<&str>, at: &str) -> Result<toml_edit::Value, Problem> {
    match method {
        Some("rsa") => Ok(texts([
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
        ])),
        Some("ecdsa") => Ok(texts(["ES256", "ES384", "ES512"])),
        Some("hmac") | None => Err(Problem::new(
            at,
            "tokens signed with HMAC cannot be imported: whoever checks them could also sign",
        )),
        Some(_) => Err(Problem::new(at, "this signing method is not known")),
    }
}

fn set_policy(
    entries: &mut Entries,
    notes: &mut Vec<String>,
    known: &BTreeSet<String>,
    claim: Option<&str>,
    defaults: &[&str],
    scopes: Vec<(&str, &str)>,
) {
    let mut is_known = |id: &str| {
        let known = known.contains(id);
        if !known {
            notes.push(format!(
                "the policy `{id}` is not among the policies and is left out"
            ));
        }
        known
    };
    let mut policy = InlineTable::new();
    if let Some(claim) = claim {
        policy.insert("claim", text(claim));
    }
    let defaults: Vec<&str> = defaults.iter().copied().filter(|id| is_known(id)).collect();
    if !defaults.is_empty() {
        policy.insert("default", texts(defaults));
    }
    let scopes: InlineTable = scopes
        .into_iter()
        .filter(|(_, id)| is_known(id))
        .map(|(scope, id)| (scope, text(id)))
        .collect();
    if !scopes.is_empty() {
        policy.insert("scopes", scopes.into());
    }
    if !policy.is_empty() {
        entries.set("policy", policy);
    }
}

fn strings(value: Option<&Value>) -> Vec<&str> {
    let list = value.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
