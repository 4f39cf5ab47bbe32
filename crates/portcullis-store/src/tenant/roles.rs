use super::listing::Listed;
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Listing, Slice};

/// A name for permissions that users are given together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `rol_…`.
    pub id: String,
    /// Unique.
    pub name: String,
    /// What it is for, for people.
    pub description: String,
    /// When it was made. Updates leave it.
    pub created_at: i64,
}

/// The tenant's roles, and who has them.
#[derive(Debug)]
pub struct Roles<'d>(&'d Database);

impl Database {
    /// The tenant's roles, and who has them.
    pub const fn roles(&self) -> Roles<'_> {
        Roles(self)
    }
}

impl Roles<'_> {
    /// Adds a role. [`DatabaseError::Duplicate`] when its id or name is taken.
    pub async fn insert(&self, role: &Role) -> Result<(), DatabaseError> {
        let statement =
            sql("INSERT INTO roles (id, name, description, created_at) VALUES ($1, $2, $3, $4)");
        self.0.write(bound(statement, role)).await.map(drop)
    }

    /// Adds a role, or gives the one with its name this description.
    pub async fn upsert(&self, role: &Role) -> Result<(), DatabaseError> {
        let statement = sql("INSERT INTO roles (id, name, description, created_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET description = excluded.description");
        self.0.write(bound(statement, role)).await.map(drop)
    }

    /// Replaces name and description. False when there is no such role.
    pub async fn update(&self, role: &Role) -> Result<bool, DatabaseError> {
        let statement = sql("UPDATE roles SET name = $2, description = $3 WHERE id = $1");
        let statement = statement
            .bind(&role.id)
            .bind(&role.name)
            .bind(&role.description);
        Ok(self.0.write(statement).await? == 1)
    }

    /// The role with this id.
    pub async fn find(&self, id: &str) -> Result<Option<Role>, DatabaseError> {
        let statement = sql("SELECT * FROM roles WHERE id = $1");
        self.0.read_one(statement.bind(id)).await
    }

    /// Roles by their ids: all, or those whose name contains `name`, by case.
    pub async fn list(
        &self,
        name: Option<&str>,
        slice: &Slice,
    ) -> Result<Listing<Role>, DatabaseError> {
        // Not LIKE, whose signs would have to be escaped. The shorter name is the one without it.
        let rows = sql("SELECT * FROM roles
             WHERE ($1 IS NULL OR LENGTH(REPLACE(name, $1, '')) < LENGTH(name))
               AND ($2 IS NULL OR id > $2)
             ORDER BY id LIMIT $3 OFFSET $4");
        let count = sql("SELECT COUNT(*) AS count FROM roles
             WHERE ($1 IS NULL OR LENGTH(REPLACE(name, $1, '')) < LENGTH(name))");
        let name = name.filter(|name| !name.is_empty());
        self.0.list(rows.bind(name), count.bind(name), slice).await
    }

    /// The roles of a user, by their ids.
    pub async fn of_user(
        &self,
        user_id: &str,
        slice: &Slice,
    ) -> Result<Listing<Role>, DatabaseError> {
        let rows = sql("SELECT * FROM roles
             WHERE id IN (SELECT role_id FROM user_roles WHERE user_id = $1)
               AND ($2 IS NULL OR id > $2)
             ORDER BY id LIMIT $3 OFFSET $4");
        let count = sql("SELECT COUNT(*) AS count FROM user_roles WHERE user_id = $1");
        self.0
            .list(rows.bind(user_id), count.bind(user_id), slice)
            .await
    }

    /// Gives a user roles, all of them or, when one does not exist, none.
    pub async fn assign(&self, user_id: &str, role_ids: &[String]) -> Result<(), DatabaseError> {
        let mut transaction = self.0.begin().await?;
        for role_id in role_ids {
            let statement = sql("INSERT INTO user_roles (user_id, role_id) VALUES ($1, $2)
                 ON CONFLICT DO NOTHING");
            transaction
                .run(statement.bind(user_id).bind(role_id))
                .await?;
        }
        transaction.commit().await
    }

    /// Takes roles from a user, where they have them.
    pub async fn unassign(&self, user_id: &str, role_ids: &[String]) -> Result<(), DatabaseError> {
        let mut transaction = self.0.begin().await?;
        for role_id in role_ids {
            let statement = sql("DELETE FROM user_roles WHERE user_id = $1 AND role_id = $2");
            transaction
                .run(statement.bind(user_id).bind(role_id))
                .await?;
        }
        transaction.commit().await
    }

    /// Deletes a role and takes it from everybody. False when there is none.
    pub async fn delete(&self, id: &str) -> Result<bool, DatabaseError> {
        let statement = sql("DELETE FROM roles WHERE id = $1");
        Ok(self.0.write(statement.bind(id)).await? == 1)
    }
}

fn bound(statement: Statement, role: &Role) -> Statement {
    statement
        .bind(&role.id)
        .bind(&role.name)
        .bind(&role.description)
        .bind(role.created_at)
}

impl FromRecord for Role {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: record.read("id")?,
            name: record.read("name")?,
            description: record.read("description")?,
            created_at: record.read("created_at")?,
        })
    }
}

impl Listed for Role {
    fn id(&self) -> &str {
        &self.id
    }
}
