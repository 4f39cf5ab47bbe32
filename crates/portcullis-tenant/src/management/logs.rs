//! `logs`: what happened in the tenant.

use portcullis_store::tenant::{LogEntry, LogFilter};
use serde_json::{Value, json};

use super::ids::date;
use super::operation::{Answered, Call, Operation, Verb};
use super::paging::{Paging, one};
use super::refusal::{Object, Refusal};
use super::users;

const READ: &[&str] = &["read:logs", "read:logs_users"];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/logs", READ, |call| Box::pin(list(call)))
        .paged()
        .with_query(&["q", "search", "sort"]),
    Operation::new(Verb::Get, "/logs/{id}", READ, |call| Box::pin(read(call))),
    Operation::new(Verb::Get, "/users/{id}/logs", READ, |call| {
        Box::pin(list_of_user(call))
    })
    .paged()
    .with_query(&["sort"]),
];

async fn list(call: &Call) -> Answered {
    let mut filter = LogFilter::default();
    for (field, value) in call.query.search(&["type", "user_id"])? {
        match field {
            "type" => filter.event = Some(value.to_owned()),
            _ => filter.user_id = Some(value.to_owned()),
        }
    }
    answer(call, &filter).await
}

async fn list_of_user(call: &Call) -> Answered {
    let user = users::find(call, call.id()).await?;
    let filter = LogFilter {
        user_id: Some(user.user_id),
        ..LogFilter::default()
    };
    answer(call, &filter).await
}

/// By pages from the newest on, unless `sort` says otherwise; from a checkpoint towards the newest.
async fn answer(call: &Call, filter: &LogFilter) -> Answered {
    let paging = Paging::of(call)?;
    let is_oldest_first = match call.query.find("sort") {
        None | Some("date:-1") => false,
        Some("date:1") => true,
        Some(other) => {
            let text = format!("'No enum match for: {other}' on property sort");
            return Err(Refusal::Query(text));
        }
    };
    let logs = call.database().logs();
    let listing = match &paging {
        Paging::Page { page, per_page, .. } if !is_oldest_first => {
            logs.newest(filter, *page, *per_page).await?
        }
        _ => logs.list(filter, &paging.slice()).await?,
    };
    paging.answer_listing(call, "logs", listing, show)
}

async fn read(call: &Call) -> Answered {
    let entry = call.database().logs().find(call.id()).await?;
    one(call, show(&entry.ok_or(Refusal::Absent(Object::Log))?))
}

fn show(entry: &LogEntry) -> Value {
    let mut object = json!({
        "_id": entry.id,
        "log_id": entry.id,
        "date": date(entry.at),
        "type": entry.event,
        "details": entry.details,
    });
    for (name, value) in [
        ("client_id", &entry.client_id),
        ("user_id", &entry.user_id),
        ("ip", &entry.ip),
        ("description", &entry.description),
    ] {
        if let Some(value) = value {
            object[name] = value.as_str().into();
        }
    }
    object
}
