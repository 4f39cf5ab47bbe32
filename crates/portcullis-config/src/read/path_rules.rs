use super::fields::Fields;
use super::policy;
use super::reader::{Reader, Reported};
use crate::api::{Api, Route};
use crate::diagnostic::{Diagnostic, Quoted};
use crate::path_rules::{DotSegments, EmptySegments, EncodedSlash, PathRules};
use crate::policy::Policy;

/// What `raw` takes as well.
const IMPLIED: [&str; 3] = ["encoded_slash", "dot_segments", "empty_segments"];

/// Reads the keys of an API that say which paths it takes.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<PathRules, Reported> {
    let encoded_slash = fields.optional("encoded_slash", |entry| {
        let choices = [
            ("refuse", EncodedSlash::Refuse),
            ("keep", EncodedSlash::Keep),
        ];
        reader.choice(&entry, &choices)
    });
    let dot_segments = fields.optional("dot_segments", |entry| {
        let choices = [
            ("refuse", DotSegments::Refuse),
            ("resolve", DotSegments::Resolve),
        ];
        reader.choice(&entry, &choices)
    });
    let empty_segments = fields.optional("empty_segments", |entry| {
        let choices = [
            ("refuse", EmptySegments::Refuse),
            ("keep", EmptySegments::Keep),
            ("merge", EmptySegments::Merge),
        ];
        reader.choice(&entry, &choices)
    });
    let raw = fields.optional("raw", |entry| reader.flag(&entry));
    let rules = PathRules {
        encoded_slash: encoded_slash?.unwrap_or_default(),
        dot_segments: dot_segments?.unwrap_or_default(),
        empty_segments: empty_segments?.unwrap_or_default(),
        raw: raw?.unwrap_or_default(),
    };
    let other = IMPLIED.iter().find_map(|name| fields.find(name));
    if let (Some(other), Some(raw)) = (other, fields.find("raw"))
        && rules.raw
    {
        let message = format!("{raw} leaves nothing for {other} to say");
        let problem = Diagnostic::new(raw.key, message).secondary(other.key, "leave this out");
        return Err(reader.refuse(problem));
    }
    Ok(rules)
}

/// Whoever reads a path as another route of the API must come to the same rules.
pub(super) fn check_routes(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    rules: PathRules,
    routes: &[Route],
) -> Result<(), Reported> {
    let Some(entry) = fields.find("raw").filter(|_| rules.raw) else {
        return Ok(());
    };
    let same = |[one, next]: &[Route; 2]| {
        one.auth == next.auth
            && one.step_up == next.step_up
            && one.anonymous_policy == next.anonymous_policy
    };
    if routes.array_windows().all(same) {
        return Ok(());
    }
    let message = format!("{entry} needs one `auth` for every route of the API");
    let problem = Diagnostic::new(entry.key, message)
        .label("which route a path means is then for the upstream to say");
    Err(reader.refuse(problem.hint("give the routes with another `auth` an API of their own")))
}

/// Nor may a policy tell the endpoints of such an API apart.
pub(super) fn check_policies(
    reader: &mut Reader<'_>,
    root: &Fields<'_>,
    apis: &[Api],
    policies: &[Policy],
) -> Result<(), Reported> {
    let written = policy::written(root);
    let mut checked = Ok(());
    for (policy, entry) in policies.iter().zip(written) {
        let narrowed = policy
            .apis
            .iter()
            .filter(|access| access.endpoints.is_some());
        let mut apis = narrowed.filter_map(|access| apis.get(access.api));
        if let Some(api) = apis.find(|api| api.paths.raw) {
            let name = Quoted(&api.name);
            let message = format!("{entry} names endpoints of {name}, whose paths are `raw`");
            let problem = Diagnostic::new(entry.key, message);
            let hint = "give access to all of the API, or leave `raw` out";
            checked = Err(reader.refuse(problem.hint(hint)));
        }
    }
    checked
}
