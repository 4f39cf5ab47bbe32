//! An embedded, Auth0-compatible OpenID provider.
