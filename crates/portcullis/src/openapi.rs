//! A verifier in an `OpenAPI` document, by utoipa's own types.

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    HttpAuthScheme, HttpBuilder, OpenIdConnect, SecurityRequirement, SecurityScheme,
};

use crate::{ScopeSet, Verifier};

/// The security scheme of a [`Verifier`]; made by [`Verifier::openapi`].
///
/// ```
/// use portcullis::{Issuer, Verifier, scopes};
/// use utoipa::{Modify as _, openapi::{Info, OpenApi, Paths, path::{HttpMethod, OperationBuilder}}};
///
/// scopes! { ReadReports = "read:reports" }
///
/// let issuer = Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api");
/// let auth = Verifier::builder().issuer(issuer).build()?;
/// let security = auth.openapi("auth0");
///
/// let mut paths = Paths::new();
/// let list = OperationBuilder::new().security(security.requirement::<ReadReports>());
/// paths.add_path_operation("/reports", vec![HttpMethod::Get], list.build());
/// let mut document = OpenApi::new(Info::new("expenses", "1.0.0"), paths);
/// security.modify(&mut document);
///
/// let document = serde_json::to_value(&document)?;
/// assert_eq!(document["paths"]["/reports"]["get"]["security"][0]["auth0"][0], "read:reports");
/// let scheme = &document["components"]["securitySchemes"]["auth0"];
/// assert_eq!(scheme["type"], "openIdConnect");
/// let address = "https://tenant.eu.auth0.com/.well-known/openid-configuration";
/// assert_eq!(scheme["openIdConnectUrl"], address);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenApiSecurity {
    name: String,
    verifier: Verifier,
}

impl Verifier {
    /// Its security scheme for an `OpenAPI` document, under this name.
    ///
    /// It is a modifier of [`utoipa`], which adds the scheme to the components. Where one issuer is
    /// found by discovery, the scheme is `openIdConnect` with the address of its document, and
    /// else a bearer token that is a JWT.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// use utoipa::{Modify as _, openapi::{Info, OpenApi, Paths}};
    ///
    /// let mut document = OpenApi::new(Info::new("expenses", "1.0.0"), Paths::new());
    /// TestIssuer::new().verifier("api").build()?.openapi("bearer").modify(&mut document);
    /// assert!(document.components.unwrap().security_schemes.contains_key("bearer"));
    /// # Ok::<(), portcullis::BuildError>(())
    /// ```
    pub fn openapi(&self, name: impl Into<String>) -> OpenApiSecurity {
        OpenApiSecurity {
            name: name.into(),
            verifier: self.clone(),
        }
    }
}

impl OpenApiSecurity {
    /// What an operation asks for whose handler takes a `Scoped<S>`.
    ///
    /// The scopes are then in the metadata of [`Verifier::well_known`] too.
    ///
    /// ```
    /// # use portcullis::scopes;
    /// # use portcullis_testkit::TestIssuer;
    /// scopes! { ReadReports = "read:reports" }
    ///
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// let requirement = auth.openapi("bearer").requirement::<ReadReports>();
    /// assert_eq!(serde_json::to_value(&requirement)?["bearer"][0], "read:reports");
    /// let metadata = String::from_utf8(auth.well_known().document())?;
    /// assert!(metadata.contains("read:reports"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn requirement<S: ScopeSet>(&self) -> SecurityRequirement {
        let scopes = S::scopes();
        let known = self.verifier.presentation().known_scopes();
        known.add(scopes.iter().copied());
        SecurityRequirement::new(self.name.as_str(), scopes)
    }

    fn scheme(&self) -> SecurityScheme {
        let known = self.verifier.presentation().known_scopes().to_vec();
        let description = (!known.is_empty()).then(|| format!("Scopes: {}", known.join(", ")));
        match (self.verifier.discovery_document(), description) {
            (None, description) => SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format("JWT")
                    .description(description)
                    .build(),
            ),
            (Some(url), None) => SecurityScheme::OpenIdConnect(OpenIdConnect::new(url)),
            (Some(url), Some(description)) => {
                let url = String::from(url);
                SecurityScheme::OpenIdConnect(OpenIdConnect::with_description(url, description))
            }
        }
    }
}

impl Modify for OpenApiSecurity {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(self.name.as_str(), self.scheme());
    }
}

#[cfg(test)]
mod tests {
    use portcullis_token::KeySet;
    use serde_json::{Value, json};
    use utoipa::openapi::{Info, Paths};

    use super::*;
    use crate::{Issuer, VerifierBuilder};

    fn scheme(verifier: &Verifier) -> Value {
        let mut document = OpenApi::new(Info::new("a", "1"), Paths::new());
        verifier.openapi("auth").modify(&mut document);
        serde_json::to_value(&document).unwrap()["components"]["securitySchemes"]["auth"].clone()
    }

    #[test]
    fn one_issuer_that_is_discovered_is_openid_connect_and_all_else_a_bearer_token() {
        let discovered = |name: &str| Issuer::discover(name).audience("api");
        let openid = |url: &str| json!({ "type": "openIdConnect", "openIdConnectUrl": url });
        let bearer = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" });
        let jwks = Issuer::jwks("https://a.example/jwks").audience("api");
        let fixed = Issuer::fixed(KeySet::default())
            .audience("api")
            .named("https://a.example/");
        for (name, issuers, expected) in [
            (
                "discovered",
                vec![discovered("https://a.example/")],
                openid("https://a.example/.well-known/openid-configuration"),
            ),
            (
                "with a path",
                vec![discovered("https://a.example/b")],
                openid("https://a.example/b/.well-known/openid-configuration"),
            ),
            ("keys at an address", vec![jwks], bearer.clone()),
            ("keys that are given", vec![fixed], bearer.clone()),
            (
                "two",
                vec![
                    discovered("https://a.example/"),
                    discovered("https://b.example/"),
                ],
                bearer,
            ),
        ] {
            let builder = issuers
                .into_iter()
                .fold(Verifier::builder(), VerifierBuilder::issuer);
            assert_eq!(scheme(&builder.build().unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn the_scopes_that_are_known_are_described() {
        let issuer = Issuer::discover("https://a.example/").audience("api");
        let auth = Verifier::builder().issuer(issuer).build().unwrap();
        assert_eq!(scheme(&auth)["description"], Value::Null);
        let _layer = auth.require("write:reports read:reports");
        assert_eq!(
            scheme(&auth)["description"],
            "Scopes: read:reports, write:reports"
        );
    }
}
