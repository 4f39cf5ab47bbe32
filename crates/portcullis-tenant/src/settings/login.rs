use std::time::Duration;

/// How people log in at an application, by Auth0's members of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSettings {
    /// `spa`, `regular_web`, `native` or `non_interactive`; absent where nobody said.
    pub app_type: Option<&'static str>,
    /// Whether it is the tenant's own: others always need consent.
    pub is_first_party: bool,
    /// Where a login may return to, compared byte for byte.
    pub callbacks: Vec<String>,
    /// Where a logout may return to.
    pub logout_urls: Vec<String>,
    /// Where its pages are served from: scheme, host and port.
    pub web_origins: Vec<String>,
    /// Its further grant types, by their `grant_type` values.
    pub grant_types: Vec<&'static str>,
    /// What becomes of a used refresh token.
    pub refresh_tokens: RefreshTokens,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self {
            app_type: None,
            is_first_party: true,
            callbacks: Vec::new(),
            logout_urls: Vec::new(),
            web_origins: Vec::new(),
            grant_types: Vec::new(),
            refresh_tokens: RefreshTokens::default(),
        }
    }
}

/// What becomes of a used refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshTokens {
    /// It is good again, and never ends: Auth0's default.
    #[default]
    NonRotating,
    /// Another takes its place; a second use after the leeway revokes all of them.
    Rotating {
        /// How long it is taken again, and answered with the same successor: whole seconds.
        leeway: Duration,
    },
}
