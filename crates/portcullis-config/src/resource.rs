use url::Url;

/// What an API says about itself to clients that do not know it yet (RFC 9728).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The identifier exactly as written, since clients compare it byte for byte.
    pub identifier: String,
    /// The same as an address.
    pub url: Url,
    /// The API's name for people; none when absent.
    pub name: Option<String>,
    /// Where developers read about the API; nowhere when absent.
    pub documentation: Option<Url>,
}
