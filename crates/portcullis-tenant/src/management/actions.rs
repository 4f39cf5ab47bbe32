//! `actions`: programs within a login, of which this tenant runs none.
//!
//! Tools ask which there are before they write anything else, such as a connection.

use std::future::ready;

use serde_json::json;

use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::Paging;

pub(super) const OPERATIONS: &[Operation] =
    &[
        Operation::new(Verb::Get, "/actions/actions", &["read:actions"], |call| {
            Box::pin(ready(list(call)))
        })
        .paged()
        .with_query(&["triggerId", "actionName", "deployed", "installed"]),
    ];

/// An empty list, which Auth0 has in an object of its own form, however it is asked for.
fn list(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let mut answer = json!({ "actions": [], "total": 0 });
    if let Paging::Page { page, per_page, .. } = paging {
        answer["page"] = page.into();
        answer["per_page"] = per_page.into();
    }
    Ok(Answer::Content(answer))
}
