use portcullis_token::Secret;
use serde_json::Value as Json;

use super::endings::{Origin, end_user, revoke_tokens};
use super::identities::{change_password, insert_identity};
use super::listing::Listed;
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Identity, Listing, Slice};

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// `auth0|` and 24 hexadecimal digits.
    pub user_id: String,
    /// The name of the connection that the user came by first.
    pub connection: String,
    /// Kept in lower case; unique in its connection.
    pub email: Option<String>,
    /// Whether somebody has shown that the address is theirs.
    pub email_verified: bool,
    /// Kept in lower case; unique in its connection.
    pub username: Option<String>,
    /// Whether logins are refused.
    pub blocked: bool,
    /// An object of `name`, `nickname`, `picture`, `given_name`, ….
    pub profile: Json,
    /// What the user may change.
    pub user_metadata: Json,
    /// What only the tenant may change.
    pub app_metadata: Json,
    /// When the user was made. Updates leave it.
    pub created_at: i64,
    /// When the user was last changed.
    pub updated_at: i64,
    /// How often the user has logged in. [`Users::record_login`] writes it, and the next two.
    pub logins_count: i64,
    /// When the user last logged in.
    pub last_login_at: Option<i64>,
    /// From where.
    pub last_ip: Option<String>,
}

/// Which users are listed.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Only those with this address, whatever its case.
    pub email: Option<String>,
    /// Only those of this connection.
    pub connection: Option<String>,
    /// Only those who are blocked, or only the others.
    pub blocked: Option<bool>,
}

/// The tenant's users.
#[derive(Debug)]
pub struct Users<'d>(&'d Database);

impl Database {
    /// The tenant's users.
    pub const fn users(&self) -> Users<'_> {
        Users(self)
    }
}

impl Users<'_> {
    /// Adds a user and how they log in: `password` is a PHC string, absent for another's users.
    ///
    /// [`DatabaseError::Duplicate`] when id, address or user name is taken.
    pub async fn insert(
        &self,
        user: &User,
        identity: &Identity,
        password: Option<&Secret<String>>,
    ) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO users (user_id, connection, email, email_verified,
                 username, blocked, profile, user_metadata, app_metadata, updated_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        );
        let mut transaction = self.0.begin().await?;
        transaction
            .run(bound(statement, user).bind(user.created_at))
            .await?;
        insert_identity(&mut transaction, identity, password, user.created_at).await?;
        transaction.commit().await
    }

    /// Replaces every value but creation and logins. False when there is no such user.
    ///
    /// Everything ends that a blocked user has begun: see [`change`](Self::change).
    pub async fn update(&self, user: &User) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let updated = transaction.run(bound(sql(UPDATE), user)).await?;
        if user.blocked {
            end_user(&mut transaction, &user.user_id, user.updated_at).await?;
        }
        transaction.commit().await?;
        Ok(updated == 1)
    }

    /// Changes a user by `change`, which sees them while nobody else changes them; gives what is then.
    ///
    /// `password` is a PHC string, absent to leave the password. By another password and by a block,
    /// everything ends that was begun in the user's name: sessions, codes, tokens, and pages and links
    /// that wait. Absent when there is no such user. What `change` refuses is not kept.
    pub async fn change<E: From<DatabaseError>>(
        &self,
        user_id: &str,
        password: Option<&Secret<String>>,
        now: i64,
        change: impl FnOnce(&mut User) -> Result<(), E> + Send,
    ) -> Result<Option<User>, E> {
        let mut transaction = self.0.begin().await?;
        // To write the row, whatever is in it, is what makes others wait in both databases.
        let lock = sql("UPDATE users SET updated_at = updated_at WHERE user_id = $1 RETURNING *");
        let Some(mut row) = transaction.one::<User>(lock.bind(user_id)).await? else {
            return Ok(None);
        };
        change(&mut row)?;
        transaction.run(bound(sql(UPDATE), &row)).await?;
        if let Some(phc) = password {
            change_password(&mut transaction, user_id, &row.connection, phc, now).await?;
        } else if row.blocked {
            end_user(&mut transaction, user_id, now).await?;
        }
        transaction.commit().await?;
        Ok(Some(row))
    }

    /// Counts a login, and gives the user as they are then. Absent when there is no such user.
    pub async fn record_login(
        &self,
        user_id: &str,
        ip: &str,
        now: i64,
    ) -> Result<Option<User>, DatabaseError> {
        let statement = sql("UPDATE users SET logins_count = logins_count + 1,
                 last_login_at = $2, last_ip = $3
             WHERE user_id = $1 RETURNING *");
        let statement = statement.bind(user_id).bind(now).bind(ip);
        self.0.write_one(statement).await
    }

    /// The user with this id.
    pub async fn find(&self, user_id: &str) -> Result<Option<User>, DatabaseError> {
        let statement = sql("SELECT * FROM users WHERE user_id = $1");
        self.0.read_one(statement.bind(user_id)).await
    }

    /// The user of a connection with this address.
    pub async fn find_by_email(
        &self,
        connection: &str,
        email: &str,
    ) -> Result<Option<User>, DatabaseError> {
        let statement = sql("SELECT * FROM users WHERE connection = $1 AND email = $2");
        self.0
            .read_one(statement.bind(connection).bind(email.to_lowercase()))
            .await
    }

    /// Users by their ids.
    pub async fn list(
        &self,
        filter: &UserFilter,
        slice: &Slice,
    ) -> Result<Listing<User>, DatabaseError> {
        let rows = sql("SELECT * FROM users
             WHERE ($1 IS NULL OR email = $1) AND ($2 IS NULL OR connection = $2)
               AND ($3 IS NULL OR blocked = $3) AND ($4 IS NULL OR user_id > $4)
             ORDER BY user_id LIMIT $5 OFFSET $6");
        let count = sql("SELECT COUNT(*) AS count FROM users
             WHERE ($1 IS NULL OR email = $1) AND ($2 IS NULL OR connection = $2)
               AND ($3 IS NULL OR blocked = $3)");
        let bound = |statement: Statement| {
            statement
                .bind(lower(filter.email.as_deref()))
                .bind(&filter.connection)
                .bind(filter.blocked)
        };
        self.0.list(bound(rows), bound(count), slice).await
    }

    /// The users with a role, by their ids.
    pub async fn with_role(
        &self,
        role_id: &str,
        slice: &Slice,
    ) -> Result<Listing<User>, DatabaseError> {
        let rows = sql("SELECT * FROM users
             WHERE user_id IN (SELECT user_id FROM user_roles WHERE role_id = $1)
               AND ($2 IS NULL OR user_id > $2)
             ORDER BY user_id LIMIT $3 OFFSET $4");
        let count = sql("SELECT COUNT(*) AS count FROM user_roles WHERE role_id = $1");
        self.0
            .list(rows.bind(role_id), count.bind(role_id), slice)
            .await
    }

    /// Deletes a user with all that is theirs: sessions, tokens, grants. False when there is none.
    pub async fn delete(&self, user_id: &str) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        // Rows go with the user's; what APIs have been given does not.
        revoke_tokens(&mut transaction, Origin::User(user_id)).await?;
        let statement = sql("DELETE FROM users WHERE user_id = $1");
        let deleted = transaction.run(statement.bind(user_id)).await?;
        transaction.commit().await?;
        Ok(deleted == 1)
    }
}

const UPDATE: &str = "UPDATE users SET connection = $2, email = $3, email_verified = $4, \
    username = $5, blocked = $6, profile = $7, user_metadata = $8, app_metadata = $9, \
    updated_at = $10 WHERE user_id = $1";

fn bound(statement: Statement, user: &User) -> Statement {
    statement
        .bind(&user.user_id)
        .bind(&user.connection)
        .bind(lower(user.email.as_deref()))
        .bind(user.email_verified)
        .bind(lower(user.username.as_deref()))
        .bind(user.blocked)
        .json(&user.profile)
        .json(&user.user_metadata)
        .json(&user.app_metadata)
        .bind(user.updated_at)
}

/// Both databases fold the case of ASCII only, or by a locale; this is the same for both.
fn lower(text: Option<&str>) -> Option<String> {
    text.map(str::to_lowercase)
}

impl FromRecord for User {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            user_id: record.read("user_id")?,
            connection: record.read("connection")?,
            email: record.read("email")?,
            email_verified: record.read("email_verified")?,
            username: record.read("username")?,
            blocked: record.read("blocked")?,
            profile: record.json("profile")?,
            user_metadata: record.json("user_metadata")?,
            app_metadata: record.json("app_metadata")?,
            created_at: record.read("created_at")?,
            updated_at: record.read("updated_at")?,
            logins_count: record.read("logins_count")?,
            last_login_at: record.read("last_login_at")?,
            last_ip: record.read("last_ip")?,
        })
    }
}

impl Listed for User {
    fn id(&self) -> &str {
        &self.user_id
    }
}
