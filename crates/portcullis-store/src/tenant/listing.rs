use super::sql::{FromRecord, Statement};
use super::{Database, DatabaseError};

/// The most rows that one answer holds, as Auth0 has it.
pub const MAX_ROWS: u32 = 100;

/// Which rows of a list are asked for. Lists are ordered by id, so that rows do not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    after: Option<String>,
    offset: i64,
    limit: u32,
    is_counted: bool,
}

impl Slice {
    /// Page `page`, counted from 0, of pages of `per_page` rows, at most [`MAX_ROWS`]; with a total.
    pub fn page(page: u32, per_page: u32) -> Self {
        let limit = per_page.min(MAX_ROWS);
        Self {
            after: None,
            offset: i64::from(page) * i64::from(limit),
            limit,
            is_counted: true,
        }
    }

    /// The next `take` rows, at most [`MAX_ROWS`], after the one that `from` names, or from the first.
    pub fn after(from: Option<String>, take: u32) -> Self {
        Self {
            after: from,
            offset: 0,
            limit: take.min(MAX_ROWS),
            is_counted: false,
        }
    }
}

/// Rows of a list, and how to ask for more.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// The rows, at most as many as were asked for.
    pub rows: Vec<T>,
    /// How many rows there are on all pages. Absent where a page was not asked for.
    pub total: Option<i64>,
    /// What [`Slice::after`] takes to go on. Absent after the last row.
    pub next: Option<String>,
}

/// A row that lists are ordered by.
pub(super) trait Listed: FromRecord {
    /// The value by which the list is ordered.
    fn id(&self) -> &str;
}

impl Database {
    /// Reads a slice with `rows`, whose last three values are after, limit and offset.
    pub(super) async fn list<T: Listed>(
        &self,
        rows: Statement,
        count: Statement,
        slice: &Slice,
    ) -> Result<Listing<T>, DatabaseError> {
        let limit = usize::try_from(slice.limit).unwrap_or(usize::MAX);
        let statement = rows
            .bind(slice.after.as_deref())
            // One more tells whether this is the end.
            .bind(i64::from(slice.limit) + 1)
            .bind(slice.offset);
        let mut rows: Vec<T> = self.read_all(statement).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| has_more)
            .map(|row| row.id().to_owned());
        let total = if slice.is_counted {
            Some(self.count(count).await?)
        } else {
            None
        };
        Ok(Listing { rows, total, next })
    }
}
