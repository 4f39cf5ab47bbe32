//! Secures HTTP APIs with JSON Web Tokens from Auth0 or any OpenID Connect provider.
