//! What ends together: whatever a login has brought goes with what it comes from.

use super::DatabaseError;
use super::database::Transaction;
use super::sql::{Statement, sql};

/// What everything comes from that is to end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    User(&'a str),
    Client(&'a str),
    /// A session, by its `sid`.
    Session(&'a str),
    /// A refresh family, or that of a code.
    Family(&'a str),
    /// The families of a user: all, or those of a client, or those that a session began.
    Families {
        user_id: &'a str,
        client_id: Option<&'a str>,
        sid: Option<&'a str>,
    },
    /// A consent, by its id.
    Consent(&'a str),
    /// Every consent of a user.
    Consents(&'a str),
}

/// The statements that end what meets a condition.
struct Texts {
    /// Codes that are not spent.
    codes: &'static str,
    families: &'static str,
    revocation: &'static str,
    signed_tokens: &'static str,
    opaque_tokens: &'static str,
}

/// `$condition` is about columns that all the tables have, `$family` the same of `rt_families`,
/// and `$now` the number of the value after those of both.
macro_rules! texts {
    ($condition:literal) => {
        texts!($condition, $condition, "$2")
    };
    ($condition:literal, $family:literal, $now:literal) => {
        Texts {
            codes: concat!(
                "UPDATE codes SET expires_at = created_at WHERE used_at IS NULL AND ",
                $condition
            ),
            families: concat!(
                "UPDATE rt_families SET revoked_at = ",
                $now,
                " WHERE revoked_at IS NULL AND ",
                $family
            ),
            revocation: concat!(
                "INSERT INTO revoked_jti (jti, expires_at)
                 SELECT id, expires_at FROM signed_tokens WHERE ",
                $condition,
                " ON CONFLICT DO NOTHING"
            ),
            signed_tokens: concat!("DELETE FROM signed_tokens WHERE ", $condition),
            opaque_tokens: concat!("DELETE FROM opaque_tokens WHERE ", $condition),
        }
    };
}

impl Origin<'_> {
    const fn texts(&self) -> Texts {
        match self {
            Self::User(_) => texts!("user_id = $1"),
            Self::Client(_) => texts!("client_id = $1"),
            Self::Session(_) => texts!("sid = $1"),
            Self::Family(_) => texts!("family_id = $1", "id = $1", "$2"),
            Self::Families { .. } => texts!(
                "family_id IN (SELECT id FROM rt_families WHERE user_id = $1
                     AND ($2 IS NULL OR client_id = $2) AND ($3 IS NULL OR sid = $3))",
                "user_id = $1 AND ($2 IS NULL OR client_id = $2) AND ($3 IS NULL OR sid = $3)",
                "$4"
            ),
            Self::Consent(_) => texts!(
                "(user_id, client_id, COALESCE(audience, '')) IN
                     (SELECT user_id, client_id, audience FROM user_grants WHERE id = $1)"
            ),
            Self::Consents(_) => texts!(
                "(user_id, client_id, COALESCE(audience, '')) IN
                     (SELECT user_id, client_id, audience FROM user_grants WHERE user_id = $1)"
            ),
        }
    }

    fn bind(&self, text: &'static str) -> Statement {
        let statement = sql(text);
        match *self {
            Self::User(id)
            | Self::Client(id)
            | Self::Session(id)
            | Self::Family(id)
            | Self::Consent(id)
            | Self::Consents(id) => statement.bind(id),
            Self::Families {
                user_id,
                client_id,
                sid,
            } => statement.bind(user_id).bind(client_id).bind(sid),
        }
    }
}

/// Ends codes, refresh families and access tokens, and says how many families there were.
pub(super) async fn end(
    transaction: &mut Transaction,
    origin: Origin<'_>,
    now: i64,
) -> Result<u64, DatabaseError> {
    let texts = origin.texts();
    // In this order: whoever spends a code or refreshes at the same time is waited for here, so that
    // what they have written is seen below; and who comes later finds that it is over.
    transaction.run(origin.bind(texts.codes)).await?;
    let families = origin.bind(texts.families).bind(now);
    let families = transaction.run(families).await?;
    revoke_tokens(transaction, origin).await?;
    Ok(families)
}

/// Ends access tokens alone.
pub(super) async fn revoke_tokens(
    transaction: &mut Transaction,
    origin: Origin<'_>,
) -> Result<(), DatabaseError> {
    let texts = origin.texts();
    for text in [texts.revocation, texts.signed_tokens, texts.opaque_tokens] {
        transaction.run(origin.bind(text)).await?;
    }
    Ok(())
}

/// Ends everything that was begun in a user's name: sessions and devices, pages and links that
/// wait, and what [`end`] does.
pub(super) async fn end_user(
    transaction: &mut Transaction,
    user_id: &str,
    now: i64,
) -> Result<(), DatabaseError> {
    for text in [
        "UPDATE device_codes SET state = 'denied' WHERE state = 'approved' AND user_id = $1",
        "DELETE FROM sessions WHERE user_id = $1",
        "DELETE FROM auth_transactions WHERE user_id = $1",
    ] {
        transaction.run(sql(text).bind(user_id)).await?;
    }
    end(transaction, Origin::User(user_id), now).await.map(drop)
}

/// Ends everything that was begun in a session, but for the session.
pub(super) async fn end_session(
    transaction: &mut Transaction,
    sid: &str,
    now: i64,
) -> Result<(), DatabaseError> {
    for text in [
        "UPDATE device_codes SET state = 'denied' WHERE state = 'approved' AND sid = $1",
        "DELETE FROM auth_transactions WHERE sid = $1",
    ] {
        transaction.run(sql(text).bind(sid)).await?;
    }
    end(transaction, Origin::Session(sid), now).await.map(drop)
}
