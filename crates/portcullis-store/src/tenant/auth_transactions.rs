use serde_json::Value as Json;

use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError, Hash};

/// A request to log in that the browser is on the way with.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthTransaction {
    /// The id that pages carry.
    pub id: String,
    /// The SHA-256 of the cookie that binds it to the browser which began it.
    pub browser_hash: Hash,
    /// The SHA-256 of what the form of this step must send.
    pub csrf_hash: Hash,
    /// What is waited for.
    pub step: Step,
    /// The checked request, as its owner reads it again.
    pub request: Json,
    /// Who has logged in. Absent before.
    pub user_id: Option<String>,
    /// Their session. Absent before.
    pub sid: Option<String>,
    /// When the request came.
    pub created_at: i64,
    /// From when on it is too late: 10 minutes after.
    pub expires_at: i64,
}

/// What a transaction waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A login or a sign-up.
    Login,
    /// The user's consent.
    Consent,
    /// A yes or no, as for a logout or a device.
    Confirm,
    /// Nothing: it was answered.
    Done,
}

/// A form that was sent, and what becomes of the transaction if it may.
#[derive(Debug, Clone)]
pub struct StepAnswer<'a> {
    /// The transaction.
    pub id: &'a str,
    /// The SHA-256 of the browser's cookie.
    pub browser_hash: &'a Hash,
    /// The SHA-256 of what the form sent.
    pub csrf_hash: &'a Hash,
    /// The step that the form is for.
    pub from: Step,
    /// The step that follows.
    pub to: Step,
    /// What the form of the following step must send.
    pub next_csrf_hash: &'a Hash,
    /// Who has logged in. Absent to leave it.
    pub user_id: Option<&'a str>,
    /// Their session. Absent to leave it.
    pub sid: Option<&'a str>,
    /// The time.
    pub now: i64,
}

/// Requests to log in that are under way.
#[derive(Debug)]
pub struct AuthTransactions<'d>(&'d Database);

impl Database {
    /// Requests to log in that are under way.
    pub const fn auth_transactions(&self) -> AuthTransactions<'_> {
        AuthTransactions(self)
    }
}

impl AuthTransactions<'_> {
    /// Adds a transaction.
    pub async fn insert(&self, transaction: &AuthTransaction) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO auth_transactions (id, browser_hash, csrf_hash, step,
                 request, user_id, sid, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&transaction.id)
        .bind(&transaction.browser_hash)
        .bind(&transaction.csrf_hash)
        .bind(transaction.step.word())
        .json(&transaction.request)
        .bind(&transaction.user_id)
        .bind(&transaction.sid)
        .bind(transaction.created_at)
        .bind(transaction.expires_at);
        self.0.write(statement).await.map(drop)
    }

    /// The transaction, for a page of it. Absent for another browser, and when it is too late.
    pub async fn find(
        &self,
        id: &str,
        browser_hash: &Hash,
        now: i64,
    ) -> Result<Option<AuthTransaction>, DatabaseError> {
        let statement = sql("SELECT * FROM auth_transactions
             WHERE id = $1 AND browser_hash = $2 AND expires_at > $3");
        self.0
            .read_one(statement.bind(id).bind(browser_hash).bind(now))
            .await
    }

    /// Spends a step, and gives the transaction as it is then.
    ///
    /// Absent when the form is of another browser, another step or sent again, has a wrong CSRF
    /// value, or comes too late. Of two forms sent at once, one is absent.
    pub async fn answer(
        &self,
        answer: &StepAnswer<'_>,
    ) -> Result<Option<AuthTransaction>, DatabaseError> {
        let statement = sql("UPDATE auth_transactions SET step = $5, csrf_hash = $6,
                 user_id = COALESCE($7, user_id), sid = COALESCE($8, sid)
             WHERE id = $1 AND browser_hash = $2 AND csrf_hash = $3 AND step = $4
               AND step <> 'done' AND expires_at > $9
             RETURNING *")
        .bind(answer.id)
        .bind(answer.browser_hash)
        .bind(answer.csrf_hash)
        .bind(answer.from.word())
        .bind(answer.to.word())
        .bind(answer.next_csrf_hash)
        .bind(answer.user_id)
        .bind(answer.sid)
        .bind(answer.now);
        self.0.write_one(statement).await
    }
}

impl Step {
    const ALL: [Self; 4] = [Self::Login, Self::Consent, Self::Confirm, Self::Done];

    const fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Consent => "consent",
            Self::Confirm => "confirm",
            Self::Done => "done",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }
}

impl FromRecord for AuthTransaction {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: record.read("id")?,
            browser_hash: record.hash("browser_hash")?,
            csrf_hash: record.hash("csrf_hash")?,
            step: record.word("step", Step::parse)?,
            request: record.json("request")?,
            user_id: record.read("user_id")?,
            sid: record.read("sid")?,
            created_at: record.read("created_at")?,
            expires_at: record.read("expires_at")?,
        })
    }
}
