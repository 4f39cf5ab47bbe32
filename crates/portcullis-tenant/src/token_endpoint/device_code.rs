//! The device code grant (RFC 8628 section 3.4).

use portcullis_store::tenant::{DeviceCode, Poll};

use crate::Tenant;
use crate::client::Client;
use crate::ids::{object_id, sha256};
use crate::user_access::UserRequest;

use super::issue::{self, Login};
use super::refusal::Refusal;
use super::{ClientRequest, Granted};

pub(super) async fn grant(tenant: &Tenant, request: &ClientRequest) -> Result<Granted, Refusal> {
    let hash = sha256(request.parameters.require("device_code")?);
    let client = &request.client;
    let codes = tenant.database.device_codes();
    match codes.poll(&hash, client.id(), tenant.now()).await? {
        Poll::Approved(code) => issue(tenant, client, &code).await,
        Poll::Pending => Err(Refusal::DevicePending),
        Poll::SlowDown { interval } => Err(Refusal::SlowDown { interval }),
        Poll::Denied => Err(Refusal::DeviceDenied),
        Poll::Expired => Err(Refusal::DeviceExpired),
        Poll::Unknown => Err(Refusal::DeviceCode),
    }
}

async fn issue(tenant: &Tenant, client: &Client, code: &DeviceCode) -> Result<Granted, Refusal> {
    let user_id = code.user_id.as_deref().ok_or(Refusal::DeviceCode)?;
    let user = issue::find_user(tenant, user_id, Refusal::DeviceCode).await?;
    let asked = UserRequest {
        client: &client.row,
        user_id,
        audience: code.audience.as_deref(),
        scope: &code.scopes.join(" "),
    };
    let access = issue::resolve(tenant, &asked).await?;
    let now = tenant.now();
    let id = object_id()?;
    let login = Login {
        client,
        user: &user,
        access: &access,
        sid: code.sid.as_deref(),
        auth_time: code.auth_time.unwrap_or(now),
        tells_auth_time: false,
        nonce: None,
        grant: None,
        family_id: access.has_scope("offline_access").then_some(&*id),
    };
    login.grant_at_once(tenant, &id, now).await
}
