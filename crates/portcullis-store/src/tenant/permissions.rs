use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError};

/// One thing that may be done with one API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// The API's identifier.
    pub audience: String,
    /// `read:reports`.
    pub permission: String,
}

/// Who may do what: directly or by a role.
///
/// A list has at most 10 000 permissions; what is beyond them is not granted.
#[derive(Debug)]
pub struct Permissions<'d>(&'d Database);

impl Database {
    /// Who may do what: directly or by a role.
    pub const fn permissions(&self) -> Permissions<'_> {
        Permissions(self)
    }
}

impl Permissions<'_> {
    /// What a role brings.
    pub async fn of_role(&self, role_id: &str) -> Result<Vec<Permission>, DatabaseError> {
        let statement = sql(
            "SELECT audience, permission FROM role_permissions WHERE role_id = $1
             ORDER BY audience, permission LIMIT 10000",
        );
        self.0.read_all(statement.bind(role_id)).await
    }

    /// What a user may do without any role.
    pub async fn of_user(&self, user_id: &str) -> Result<Vec<Permission>, DatabaseError> {
        let statement = sql(
            "SELECT audience, permission FROM user_permissions WHERE user_id = $1
             ORDER BY audience, permission LIMIT 10000",
        );
        self.0.read_all(statement.bind(user_id)).await
    }

    /// What a user may do with one API, directly and by roles, each once and in order.
    pub async fn effective(
        &self,
        user_id: &str,
        audience: &str,
    ) -> Result<Vec<String>, DatabaseError> {
        let statement = sql("SELECT $2 AS audience, permission FROM (
                 SELECT permission FROM user_permissions WHERE user_id = $1 AND audience = $2
                 UNION
                 SELECT p.permission FROM role_permissions p
                 JOIN user_roles r ON r.role_id = p.role_id
                 WHERE r.user_id = $1 AND p.audience = $2
             ) AS granted ORDER BY permission LIMIT 10000");
        let granted: Vec<Permission> = self
            .0
            .read_all(statement.bind(user_id).bind(audience))
            .await?;
        let mut permissions: Vec<String> = granted
            .into_iter()
            .map(|permission| permission.permission)
            .collect();
        // PostgreSQL's order is that of its locale.
        permissions.sort_unstable();
        Ok(permissions)
    }

    /// Adds permissions to a role, all of them or, when an API does not exist, none.
    pub async fn add_to_role(
        &self,
        role_id: &str,
        permissions: &[Permission],
    ) -> Result<(), DatabaseError> {
        const ADD: &str = "INSERT INTO role_permissions (role_id, audience, permission)
             VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        self.change(ADD, role_id, permissions).await
    }

    /// Takes permissions from a role, where it has them.
    pub async fn remove_from_role(
        &self,
        role_id: &str,
        permissions: &[Permission],
    ) -> Result<(), DatabaseError> {
        const REMOVE: &str = "DELETE FROM role_permissions
             WHERE role_id = $1 AND audience = $2 AND permission = $3";
        self.change(REMOVE, role_id, permissions).await
    }

    /// Gives a user permissions, all of them or, when an API does not exist, none.
    pub async fn add_to_user(
        &self,
        user_id: &str,
        permissions: &[Permission],
    ) -> Result<(), DatabaseError> {
        const ADD: &str = "INSERT INTO user_permissions (user_id, audience, permission)
             VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        self.change(ADD, user_id, permissions).await
    }

    /// Takes permissions from a user, where they have them directly.
    pub async fn remove_from_user(
        &self,
        user_id: &str,
        permissions: &[Permission],
    ) -> Result<(), DatabaseError> {
        const REMOVE: &str = "DELETE FROM user_permissions
             WHERE user_id = $1 AND audience = $2 AND permission = $3";
        self.change(REMOVE, user_id, permissions).await
    }

    async fn change(
        &self,
        text: &'static str,
        holder: &str,
        permissions: &[Permission],
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.0.begin().await?;
        for permission in permissions {
            let statement = sql(text)
                .bind(holder)
                .bind(&permission.audience)
                .bind(&permission.permission);
            transaction.run(statement).await?;
        }
        transaction.commit().await
    }
}

impl FromRecord for Permission {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            audience: record.read("audience")?,
            permission: record.read("permission")?,
        })
    }
}
