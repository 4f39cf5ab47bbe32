use portcullis_store::tenant::{Listing, MAX_ROWS, Slice};
use serde_json::{Map, Value, json};

use super::operation::{Answer, Call};
use super::refusal::Refusal;

/// How many rows an answer has unless it is told otherwise.
const DEFAULT_ROWS: u32 = 50;
/// Deeper pages are read by `from` and `take`.
const MAX_PAGE: u32 = 1_000_000;

/// Which rows of a list are asked for.
#[derive(Debug)]
pub(super) enum Paging {
    /// By number, from 0 on.
    Page {
        page: u32,
        per_page: u32,
        with_totals: bool,
    },
    /// By what the answer before said.
    Checkpoint { from: Option<String>, take: u32 },
}

impl Paging {
    pub(super) fn of(call: &Call) -> Result<Self, Refusal> {
        let query = &call.query;
        let (from, take) = (query.find("from"), query.number("take", (1, MAX_ROWS))?);
        if from.is_some() || take.is_some() {
            return Ok(Self::Checkpoint {
                from: from.map(str::to_owned),
                take: take.unwrap_or(DEFAULT_ROWS),
            });
        }
        Ok(Self::Page {
            page: query.number("page", (0, MAX_PAGE))?.unwrap_or(0),
            per_page: query
                .number("per_page", (0, MAX_ROWS))?
                .unwrap_or(DEFAULT_ROWS),
            with_totals: query.boolean("include_totals")?.unwrap_or(false),
        })
    }

    pub(super) fn slice(&self) -> Slice {
        match self {
            Self::Page { page, per_page, .. } => Slice::page(*page, *per_page),
            Self::Checkpoint { from, take } => Slice::after(from.clone(), *take),
        }
    }

    /// The rows that are asked for of all that there are.
    pub(super) fn cut<T>(&self, rows: Vec<T>) -> Result<Listing<T>, Refusal> {
        let size = |number: &u32| usize::try_from(*number).unwrap_or(usize::MAX);
        let (skipped, length) = match self {
            Self::Page { page, per_page, .. } => {
                (size(page).saturating_mul(size(per_page)), size(per_page))
            }
            Self::Checkpoint { from, take } => (parse_position(from.as_deref())?, size(take)),
        };
        let total = rows.len();
        let end = skipped.saturating_add(length);
        Ok(Listing {
            rows: rows.into_iter().skip(skipped).take(length).collect(),
            total: i64::try_from(total).ok(),
            next: (end < total).then(|| end.to_string()),
        })
    }

    /// The answer in the form that was asked for: `name` is what the rows are called.
    pub(super) fn answer(
        &self,
        call: &Call,
        name: &str,
        next: Option<String>,
        total: Option<i64>,
        rows: Vec<Value>,
    ) -> Result<Answer, Refusal> {
        let fields = Fields::of(call)?;
        let length = rows.len();
        let rows: Vec<Value> = rows.into_iter().map(|row| fields.of_object(row)).collect();
        let mut answer = Map::new();
        match self {
            Self::Page {
                with_totals: false, ..
            } => return Ok(Answer::Content(rows.into())),
            Self::Page { page, per_page, .. } => {
                let start = u64::from(*page) * u64::from(*per_page);
                answer.insert("start".to_owned(), start.into());
                answer.insert("limit".to_owned(), (*per_page).into());
                answer.insert("total".to_owned(), total.unwrap_or_default().into());
                if matches!(name, "users" | "logs") {
                    answer.insert("length".to_owned(), json!(length));
                }
            }
            Self::Checkpoint { .. } => {
                if let Some(next) = next {
                    answer.insert("next".to_owned(), next.into());
                }
            }
        }
        answer.insert(name.to_owned(), rows.into());
        Ok(Answer::Content(answer.into()))
    }

    /// The same for rows of the database.
    pub(super) fn answer_listing<T>(
        &self,
        call: &Call,
        name: &str,
        listing: Listing<T>,
        show: impl Fn(&T) -> Value,
    ) -> Result<Answer, Refusal> {
        let rows = listing.rows.iter().map(show).collect();
        self.answer(call, name, listing.next, listing.total, rows)
    }
}

fn parse_position(from: Option<&str>) -> Result<usize, Refusal> {
    let Some(from) = from else { return Ok(0) };
    from.parse().map_err(|_| {
        Refusal::Query(format!(
            "'String does not match pattern ^[0-9]+$: {from}' on property from"
        ))
    })
}

/// Which members of an object are asked for: `fields` and `include_fields`.
#[derive(Debug)]
pub(super) struct Fields {
    names: Option<Vec<String>>,
    are_included: bool,
}

impl Fields {
    pub(super) fn of(call: &Call) -> Result<Self, Refusal> {
        let names = call.query.find("fields");
        let names = names.map(|names| names.split(',').map(|name| name.trim().to_owned()));
        Ok(Self {
            names: names.map(Iterator::collect),
            are_included: call.query.boolean("include_fields")?.unwrap_or(true),
        })
    }

    pub(super) fn of_object(&self, object: Value) -> Value {
        let (Some(names), Value::Object(mut object)) = (&self.names, object.clone()) else {
            return object;
        };
        object.retain(|name, _| names.iter().any(|wanted| wanted == name) == self.are_included);
        object.into()
    }
}

/// An object that was asked for by its id.
pub(super) fn one(call: &Call, object: Value) -> Result<Answer, Refusal> {
    Ok(Answer::Content(Fields::of(call)?.of_object(object)))
}
