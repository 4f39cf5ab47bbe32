//! The policy of callers without a token: `anonymous_policy` of APIs and routes.

use super::fields::{Entry, Fields};
use super::policy::{self, Names};
use super::reader::{Reader, Reported};
use crate::api::{Api, Auth, Route};
use crate::diagnostic::{Diagnostic, Quoted};
use crate::policy::Policy;

const KEY: &str = "anonymous_policy";

/// Reads the table's own word.
pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    policies: &Names<'_>,
) -> Result<Option<usize>, Reported> {
    fields.optional(KEY, |entry| policies.read(reader, &entry))
}

/// What `auth` leaves of it: a route that asks for a token has other policies.
pub(super) fn of_auth(auth: &Auth, policy: Option<usize>) -> Option<usize> {
    policy.filter(|_| auth.anonymous)
}

/// Refuses it at a route where everybody has a token.
pub(super) fn check_route(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    auth: &Auth,
) -> Result<(), Reported> {
    match fields.find(KEY) {
        Some(entry) if !auth.anonymous => Err(refuse(reader, entry, "a route")),
        _ => Ok(()),
    }
}

/// Refuses it at an API where everybody has a token.
pub(super) fn check_api(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    routes: &[Route],
) -> Result<(), Reported> {
    match fields.find(KEY) {
        Some(entry) if !routes.iter().any(|route| route.auth.anonymous) => {
            Err(refuse(reader, entry, "an API"))
        }
        _ => Ok(()),
    }
}

fn refuse(reader: &mut Reader<'_>, entry: Entry<'_>, of: &str) -> Reported {
    let message = format!("{entry} at {of} that nobody may call without a token");
    let hint = "callers with a token have the policies that `policy` of their authorizer says";
    reader.refuse(Diagnostic::new(entry.key, message).hint(hint))
}

/// The policy must give access to all of the API: what is public is for `auth` to say.
pub(super) fn check_access(
    reader: &mut Reader<'_>,
    root: &Fields<'_>,
    apis: &[Api],
    policies: &[Policy],
) -> Result<(), Reported> {
    let written = policy::written(root);
    let mut checked = Ok(());
    for (index, (policy, entry)) in policies.iter().zip(written).enumerate() {
        let opens = |api: usize| {
            let mut accesses = policy.apis.iter();
            accesses.any(|access| access.api == api && access.endpoints.is_none())
        };
        let mut closed = apis.iter().enumerate().filter(|(number, api)| {
            let mut policies = api.routes.iter().map(|route| route.anonymous_policy);
            policies.any(|policy| policy == Some(index)) && !opens(*number)
        });
        if let Some((_, api)) = closed.next() {
            let name = Quoted(&api.name);
            let message = format!("{entry} does not give access to all of {name}");
            let problem = Diagnostic::new(entry.key, message)
                .label("its `anonymous_policy` names this policy");
            let hint = "add it to `apis`, without endpoints: `auth` says what is public";
            checked = Err(reader.refuse(problem.hint(hint)));
        }
    }
    checked
}
