//! `attack-protection/brute-force-protection`: how often one may try a user's password.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::brute_force::{KEPT_AS, shown};

use super::members::{Kind, Member, Presence, member};
use super::operation::{Answered, Call, Operation, Verb};
use super::paging::one;
use super::refusal::Refusal;

const PATH: &str = "/attack-protection/brute-force-protection";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, PATH, &["read:attack_protection"], |call| {
        Box::pin(read(call))
    }),
    Operation::new(Verb::Patch, PATH, &["update:attack_protection"], |call| {
        Box::pin(update(call))
    }),
];

const MEMBERS: &[Member] = &[
    member("enabled", Kind::Boolean),
    member("shields", Kind::Texts(2, 32)),
    member(
        "mode",
        Kind::Word(&["count_per_identifier_and_ip", "count_per_identifier"]),
    ),
    member("allowlist", Kind::Texts(100, 45)),
    member("max_attempts", Kind::Integer(1, 100)),
];
const SHIELDS: [&str; 2] = ["block", "user_notification"];

async fn read(call: &Call) -> Answered {
    let saved = call.database().settings().load().await?;
    let kept = saved.as_ref().and_then(|saved| saved.get(KEPT_AS));
    one(call, shown(kept))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Partial)?;
    let is_shield = |text: &str| SHIELDS.contains(&text);
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    check_texts(members.get("shields"), "shields", is_shield)?;
    check_texts(members.get("allowlist"), "allowlist", is_address)?;
    let settings = call.database().settings();
    let mut saved = settings.load().await?.unwrap_or_else(|| json!({}));
    let mut object = shown(saved.get(KEPT_AS));
    for (name, value) in members {
        object[name] = value;
    }
    saved[KEPT_AS] = object.clone();
    settings.save(&saved, call.now()).await?;
    one(call, object)
}

fn check_texts(
    texts: Option<&Value>,
    name: &str,
    is_good: impl Fn(&str) -> bool,
) -> Result<(), Refusal> {
    let texts = texts.and_then(Value::as_array).into_iter().flatten();
    let mut bad = texts
        .filter_map(Value::as_str)
        .filter(|text| !is_good(text));
    match bad.next() {
        None => Ok(()),
        Some(text) => Err(Refusal::Body(format!(
            "'Invalid value: {text}' on property {name}"
        ))),
    }
}
