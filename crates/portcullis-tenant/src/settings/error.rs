use super::GrantType;

/// What in the settings cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// An API has the empty text for its identifier.
    #[error("an API has no identifier")]
    NoIdentifier,
    /// Two APIs have one identifier.
    #[error("there are two APIs with the identifier {identifier:?}")]
    DuplicateApi {
        /// The identifier of both.
        identifier: String,
    },
    /// A permission is not a scope token of RFC 6749 section 3.3, so no request could name it.
    #[error("{permission:?} of the API {identifier:?} is not a scope: one word of printable ASCII")]
    Permission {
        /// The API.
        identifier: String,
        /// Its permission.
        permission: String,
    },
    /// A lifetime is under a second or over 30 days.
    #[error("the token lifetime of the API {identifier:?} is not from 1 second to 30 days")]
    TokenLifetime {
        /// The API.
        identifier: String,
    },
    /// A client id is empty or not printable ASCII (RFC 6749 appendix A.1).
    #[error("the client id {client_id:?} of the application {name:?} is not printable ASCII")]
    ClientId {
        /// The application's name.
        name: String,
        /// Its client id.
        client_id: String,
    },
    /// Two applications have one client id.
    #[error("there are two applications with the client id {client_id:?}")]
    DuplicateApplication {
        /// The client id of both.
        client_id: String,
    },
    /// A secret is the empty text, which anybody can send.
    #[error("the secret of the application {client_id:?} is empty")]
    EmptySecret {
        /// The application.
        client_id: String,
    },
    /// A public application may use a grant that RFC 6749 section 4.4 keeps for confidential ones.
    #[error("the application {client_id:?} has no secret, which {grant_type} needs")]
    PublicClient {
        /// The application.
        client_id: String,
        /// The grant type that needs a secret.
        grant_type: GrantType,
    },
    /// An application is granted an API that does not exist.
    #[error("the application {client_id:?} is granted {audience:?}, which is no API's identifier")]
    UnknownApi {
        /// The application.
        client_id: String,
        /// The audience of the grant.
        audience: String,
    },
    /// An application is granted a scope that its API does not have.
    #[error("the application {client_id:?} is granted {scope:?}, which {audience:?} does not have")]
    UnknownScope {
        /// The application.
        client_id: String,
        /// The audience of the grant.
        audience: String,
        /// The scope of the grant.
        scope: String,
    },
}
