/// A claim that people's tokens have besides Auth0's own: what its Actions would set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomClaim {
    /// None of those that tokens have anyway; often a URL, such as `https://expenses/roles`.
    pub name: String,
    /// What it tells.
    pub source: ClaimSource,
}

/// What a claim tells of a user. It is left out where there is nothing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// The names of the user's roles, by their ids; an empty list for none.
    Roles,
    /// The address.
    Email,
    /// What the user may change, or the member of it at this path.
    UserMetadata(Vec<String>),
    /// What only the tenant may change, or the member of it at this path.
    AppMetadata(Vec<String>),
}
