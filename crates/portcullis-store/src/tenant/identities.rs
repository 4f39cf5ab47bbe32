use portcullis_token::Secret;

use super::database::Transaction;
use super::endings::end_user;
use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError};

/// One way by which a user logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user whose it is.
    pub user_id: String,
    /// `auth0` for a password here.
    pub provider: String,
    /// The name of the connection.
    pub connection: String,
    /// The user's id there, without `auth0|`.
    pub provider_user_id: String,
}

/// What a password is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    /// The user whose it is.
    pub user_id: String,
    /// Whether the user's logins are refused. Check it after the password, or it is told to anybody.
    pub is_blocked: bool,
    /// The PHC string.
    pub phc: Secret<String>,
}

/// The ways by which users log in.
#[derive(Debug)]
pub struct Identities<'d>(&'d Database);

impl Database {
    /// The ways by which users log in.
    pub const fn identities(&self) -> Identities<'_> {
        Identities(self)
    }
}

impl Identities<'_> {
    /// How a user logs in, at most in 100 ways.
    pub async fn of_user(&self, user_id: &str) -> Result<Vec<Identity>, DatabaseError> {
        let statement = sql("SELECT * FROM identities WHERE user_id = $1
             ORDER BY provider, connection, provider_user_id LIMIT 100");
        self.0.read_all(statement.bind(user_id)).await
    }

    /// The password of whom `login`, an address or a user name, means in a connection.
    ///
    /// Absent for nobody, and for one without a password: take as long then, with a made-up PHC string.
    pub async fn find_password(
        &self,
        connection: &str,
        login: &str,
    ) -> Result<Option<Password>, DatabaseError> {
        // One's user name may be another's address: the address is what is meant then.
        let statement = sql("SELECT u.user_id, u.blocked, i.password_phc
             FROM users u JOIN identities i ON i.user_id = u.user_id AND i.connection = u.connection
             WHERE u.connection = $1 AND (u.email = $2 OR u.username = $2)
               AND i.password_phc IS NOT NULL
             ORDER BY CASE WHEN u.email = $2 THEN 0 ELSE 1 END LIMIT 1");
        self.0
            .read_one(statement.bind(connection).bind(login.to_lowercase()))
            .await
    }

    /// Gives a user another password, and ends everything that was begun in their name.
    ///
    /// False when there is no such user in the connection. See [`Users::change`](super::Users::change).
    pub async fn change_password(
        &self,
        user_id: &str,
        connection: &str,
        phc: &Secret<String>,
        now: i64,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let changed = change_password(&mut transaction, user_id, connection, phc, now).await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Keeps the same password by other parameters, unless it was changed meanwhile.
    pub async fn rehash_password(
        &self,
        user_id: &str,
        known: &Secret<String>,
        rehashed: &Secret<String>,
    ) -> Result<bool, DatabaseError> {
        let statement = sql("UPDATE identities SET password_phc = $3
             WHERE user_id = $1 AND password_phc = $2");
        let statement = statement
            .bind(user_id)
            .bind(known.expose())
            .bind(rehashed.expose());
        Ok(self.0.write(statement).await? > 0)
    }
}

/// Writes another password, and ends everything of the user.
pub(super) async fn change_password(
    transaction: &mut Transaction,
    user_id: &str,
    connection: &str,
    phc: &Secret<String>,
    now: i64,
) -> Result<bool, DatabaseError> {
    let statement = sql(
        "UPDATE identities SET password_phc = $3, password_changed_at = $4
         WHERE user_id = $1 AND connection = $2 AND provider = 'auth0'",
    )
    .bind(user_id)
    .bind(connection)
    .bind(phc.expose())
    .bind(now);
    let changed = transaction.run(statement).await?;
    end_user(transaction, user_id, now).await?;
    Ok(changed > 0)
}

pub(super) async fn insert_identity(
    transaction: &mut Transaction,
    identity: &Identity,
    password: Option<&Secret<String>>,
    now: i64,
) -> Result<(), DatabaseError> {
    let statement = sql(
        "INSERT INTO identities (user_id, provider, connection, provider_user_id,
             password_phc, password_changed_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&identity.user_id)
    .bind(&identity.provider)
    .bind(&identity.connection)
    .bind(&identity.provider_user_id)
    .bind(password.map(|phc| phc.expose().as_str()))
    .bind(password.map(|_| now));
    transaction.run(statement).await.map(drop)
}

impl FromRecord for Identity {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            user_id: record.read("user_id")?,
            provider: record.read("provider")?,
            connection: record.read("connection")?,
            provider_user_id: record.read("provider_user_id")?,
        })
    }
}

impl FromRecord for Password {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            user_id: record.read("user_id")?,
            is_blocked: record.read("blocked")?,
            phc: Secret::new(record.read("password_phc")?),
        })
    }
}
