//! The authorization code grant (RFC 6749 section 4.1.3), with PKCE.

use portcullis_store::tenant::{Code, CodeSpending, SpentCode};

use crate::Tenant;
use crate::client::{Client, Proof};
use crate::ids::sha256;
use crate::pkce::{Challenge, check_verifier};
use crate::user_access::UserRequest;

use super::issue::{self, Login};
use super::refusal::Refusal;
use super::{ClientRequest, Granted, Parameters};

pub(super) async fn grant(tenant: &Tenant, request: &ClientRequest) -> Result<Granted, Refusal> {
    let ClientRequest {
        client, parameters, ..
    } = request;
    let code = find(tenant, client, parameters).await?;
    let user = issue::find_user(tenant, &code.user_id, Refusal::InvalidCode).await?;
    let asked = UserRequest {
        client: &client.row,
        user_id: &code.user_id,
        audience: code.audience.as_deref(),
        scope: &code.scopes.join(" "),
    };
    let access = issue::resolve(tenant, &asked).await?;
    let login = Login {
        client,
        user: &user,
        access: &access,
        sid: code.sid.as_deref(),
        auth_time: code.auth_time,
        tells_auth_time: issue::tells_auth_time(&code.data),
        nonce: code.nonce.as_deref(),
        grant: None,
        family_id: Some(&code.family_id),
    };
    let now = tenant.now();
    let issued = login.issue(tenant)?;
    let family = login.begin_family(&code.family_id, now)?;
    let spending = CodeSpending {
        hash: &code.hash,
        client_id: client.id(),
        signed_token: issued.signed.as_ref(),
        family: family.as_ref().map(|family| (&family.row, &family.first)),
        opaque_token: issued.opaque.as_ref(),
        now,
    };
    match tenant.database.codes().spend(&spending).await? {
        SpentCode::Spent(_) => {}
        SpentCode::Replayed(code) => {
            let (client_id, user_id) = (&code.client_id, &code.user_id);
            // All that was issued for it is revoked with it (RFC 6749 section 4.1.2).
            tracing::warn!(client_id, user_id, "an authorization code was used twice");
            return Err(Refusal::InvalidCode);
        }
        SpentCode::Unknown => return Err(Refusal::InvalidCode),
    }
    Ok(Granted {
        access_token: issued.token,
        refresh_token: family.map(|family| family.token),
        id_token: login.sign_id_token(tenant)?,
        scope: access.scope(),
        expires_in: issued.lifetime,
        token_type: "Bearer",
    })
}

/// The code, if the request fits to it. Whether it was spent before is not looked at.
async fn find(tenant: &Tenant, client: &Client, parameters: &Parameters) -> Result<Code, Refusal> {
    let hash = sha256(parameters.require("code")?);
    let redirect_uri = parameters.require("redirect_uri")?;
    let verifier = parameters.find("code_verifier")?;
    let code = tenant.database.codes().find(&hash, client.id()).await?;
    let code = code.ok_or(Refusal::InvalidCode)?;
    match check(client, &code, redirect_uri, verifier) {
        Ok(()) => Ok(code),
        Err(refusal) => {
            count_failure(tenant, client, &code).await?;
            Err(refusal)
        }
    }
}

fn check(
    client: &Client,
    code: &Code,
    redirect_uri: &str,
    verifier: Option<&str>,
) -> Result<(), Refusal> {
    if code.redirect_uri != redirect_uri {
        return Err(Refusal::RedirectUri);
    }
    let challenge = match &code.challenge {
        // What cannot be read as a challenge is none that anything fits to.
        Some(stored) => Some(Challenge::from_stored(stored).ok_or(Refusal::InvalidCode)?),
        None if client.needs_challenge() => return Err(Refusal::NoChallenge),
        None => None,
    };
    check_verifier(challenge.as_ref(), verifier).map_err(Refusal::Verifier)
}

/// Makes a code unusable that somebody guesses at.
///
/// At once where the client has shown who it is. Whoever merely knows the id of another must not
/// be able to do so to a code that is on its way: they have one try.
async fn count_failure(tenant: &Tenant, client: &Client, code: &Code) -> Result<(), Refusal> {
    let allowed = match client.proof {
        Proof::Given => 1,
        Proof::None => 2,
    };
    let codes = tenant.database.codes();
    codes
        .fail(&code.hash, client.id(), allowed, tenant.now())
        .await?;
    Ok(())
}
