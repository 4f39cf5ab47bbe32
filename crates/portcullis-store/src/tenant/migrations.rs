use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A step of the schema, in the words of both databases. What was released is never changed.
struct Step {
    version: i64,
    description: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const STEPS: [Step; 2] = [
    Step {
        version: 1,
        description: "tenant",
        sqlite: include_str!("../../migrations/sqlite/0001_tenant.sql"),
        postgres: include_str!("../../migrations/postgres/0001_tenant.sql"),
    },
    Step {
        version: 2,
        description: "signed tokens",
        sqlite: include_str!("../../migrations/sqlite/0002_signed_tokens.sql"),
        postgres: include_str!("../../migrations/postgres/0002_signed_tokens.sql"),
    },
];

/// The version that this program brings a schema to.
pub(super) fn latest() -> i64 {
    STEPS.iter().map(|step| step.version).max().unwrap_or(0)
}

pub(super) fn for_sqlite() -> Migrator {
    migrator(|step| step.sqlite)
}

pub(super) fn for_postgres() -> Migrator {
    migrator(|step| step.postgres)
}

fn migrator(text: impl Fn(&Step) -> &'static str) -> Migrator {
    let migration = |step: &Step| {
        Migration::new(
            step.version,
            step.description.into(),
            MigrationType::Simple,
            text(step).into_sql_str(),
            false,
        )
    };
    Migrator::with_migrations(STEPS.iter().map(migration).collect())
}
