//! Who has logged in at a browser, and for how long.

use axum::response::Response;
use http::HeaderMap;
use http::header::SET_COOKIE;
use portcullis_store::tenant::{Session, User};
use portcullis_token::Secret;
use serde_json::json;

use crate::caller::Caller;
use crate::cookies::{Cookie, Reach};
use crate::fault::Fault;
use crate::tenant_settings::TenantSettings;
use crate::{Tenant, ids, opaque};

/// A session that goes on, and its user.
#[derive(Clone, Debug)]
pub(crate) struct LoggedIn {
    pub(crate) session: Session,
    pub(crate) user: User,
    cookie: Secret<String>,
}

impl LoggedIn {
    /// The session of a request, which lasts longer by it. Absent for a user who is blocked, too.
    pub(crate) async fn resume(
        tenant: &Tenant,
        settings: &TenantSettings,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, Fault> {
        let Some(cookie) = Cookie::Session.find(headers, &tenant.issuer) else {
            return Ok(None);
        };
        let hash = ids::sha256(cookie.expose());
        let sessions = tenant.database.sessions();
        let session = sessions.resume(&hash, tenant.now(), settings.idle_lifetime);
        let Some(session) = session.await? else {
            return Ok(None);
        };
        let user = tenant.database.users().find(&session.user_id).await?;
        Ok(user.filter(|user| !user.blocked).map(|user| Self {
            session,
            user,
            cookie,
        }))
    }

    /// The session of `user`, who has just shown a password, in place of the browser's former one.
    ///
    /// Its cookie is another than before in any case: one that was planted is worth nothing.
    pub(crate) async fn begin(
        tenant: &Tenant,
        settings: &TenantSettings,
        headers: &HeaderMap,
        user: User,
        caller: &Caller,
    ) -> Result<Self, Fault> {
        let sessions = tenant.database.sessions();
        let (now, idle) = (tenant.now(), settings.idle_lifetime);
        let cookie = opaque::opaque_token()?;
        let hash = ids::sha256(cookie.expose());
        let amr = ["pwd".to_owned()];
        if let Some(former) = Self::resume(tenant, settings, headers).await? {
            let sid = &former.session.sid;
            if former.user.user_id != user.user_id {
                sessions.delete(sid).await?;
            } else if sessions.renew(sid, &hash, &amr, now, idle).await? {
                let session = Session {
                    auth_time: now,
                    ..former.session
                };
                return Ok(Self {
                    session,
                    user,
                    cookie,
                });
            }
        }
        let session = Session {
            sid: opaque::opaque_token()?.expose().clone(),
            cookie_hash: hash,
            user_id: user.user_id.clone(),
            auth_time: now,
            amr: amr.to_vec(),
            device: json!({ "ip": caller.ip, "user_agent": caller.user_agent }),
            created_at: now,
            last_used_at: now,
            idle_expires_at: now.saturating_add(idle),
            expires_at: now.saturating_add(settings.session_lifetime),
        };
        sessions.insert(&session).await?;
        Ok(Self {
            session,
            user,
            cookie,
        })
    }

    /// Gives the browser its cookie, for `reach`.
    pub(crate) fn keep(&self, tenant: &Tenant, reach: Reach, response: &mut Response) {
        let left = self.session.expires_at.saturating_sub(tenant.now());
        let header = Cookie::Session.set(&self.cookie, left, reach, &tenant.issuer);
        response.headers_mut().append(SET_COOKIE, header);
    }
}
