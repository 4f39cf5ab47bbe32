use portcullis_config::Config;
use portcullis_tenant::{ClaimSource, CustomClaim};

/// What the file has people's tokens tell besides.
pub(crate) fn custom_claims(config: &Config) -> Vec<CustomClaim> {
    let claims = config.tenant.claims.iter().map(|claim| CustomClaim {
        name: claim.name.clone(),
        source: match &claim.source {
            portcullis_config::ClaimSource::Roles => ClaimSource::Roles,
            portcullis_config::ClaimSource::Email => ClaimSource::Email,
            portcullis_config::ClaimSource::UserMetadata(path) => {
                ClaimSource::UserMetadata(path.clone())
            }
            portcullis_config::ClaimSource::AppMetadata(path) => {
                ClaimSource::AppMetadata(path.clone())
            }
        },
    });
    claims.collect()
}
