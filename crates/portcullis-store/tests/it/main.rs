//! The tenant's database, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod external;
mod fixture;
mod kill;
mod open;
mod postgres;
mod suite;
