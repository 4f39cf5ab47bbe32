/// A refusal as AWS's services write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) status: u16,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            status: 400,
        }
    }

    pub(crate) fn not_authorized(message: impl Into<String>) -> Self {
        Self::new("NotAuthorizedException", message)
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(crate) fn no_pool(id: &str) -> Self {
        let message = format!("IdentityPool '{id}' not found.");
        Self::new("ResourceNotFoundException", message)
    }

    pub(crate) fn no_role() -> Self {
        let message =
            "Invalid identity pool configuration. Check assigned IAM roles for this pool.";
        Self::new("InvalidIdentityPoolConfigurationException", message)
    }

    /// The provider's keys cannot be had: nobody's fault here.
    pub(crate) fn provider_away() -> Self {
        let message = "The provider of the login cannot be asked for its keys.";
        Self::new("ExternalServiceException", message)
    }

    pub(crate) fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", "")
    }

    pub(crate) fn serialization() -> Self {
        Self::new(
            "SerializationException",
            "The body is not the JSON of this operation.",
        )
    }

    pub(crate) fn internal() -> Self {
        Self {
            status: 500,
            ..Self::new("InternalErrorException", "Something went wrong here.")
        }
    }
}
