//! Scopes as types, so that a handler's signature says who may call it.

#[cfg(feature = "axum")]
mod handler;

use portcullis_token::Requirement;

#[cfg(feature = "axum")]
pub use handler::Scoped;

/// Scopes that a `Scoped` asks for: a type made by [`scopes!`](crate::scopes), or a tuple of such.
///
/// ```
/// use portcullis::{ScopeSet as _, scopes};
///
/// scopes! {
///     ReadReports = "read:reports",
///     WriteReports = "write:reports",
/// }
/// assert_eq!(ReadReports::requirement().to_string(), "read:reports");
/// let both = <(ReadReports, WriteReports)>::requirement();
/// assert_eq!(both.to_string(), "read:reports write:reports");
/// ```
pub trait ScopeSet {
    /// The scopes, all of which are needed.
    ///
    /// ```
    /// # use portcullis::{ScopeSet as _, scopes};
    /// scopes! {
    ///     ReadReports = "read:reports",
    ///     WriteReports = "write:reports",
    /// }
    /// assert_eq!(<(ReadReports, WriteReports)>::scopes(), ["read:reports", "write:reports"]);
    /// ```
    fn scopes() -> Vec<&'static str>;

    /// The scopes as a layer asks for them.
    ///
    /// ```
    /// # use portcullis::{ScopeSet as _, scopes};
    /// scopes! { ReadReports = "read:reports" }
    /// assert_eq!(ReadReports::requirement(), "read:reports".into());
    /// ```
    fn requirement() -> Requirement {
        Requirement::all(Self::scopes())
    }
}

/// Makes a type for each scope, for `Scoped` and for
/// [`Verifier::require`](crate::Verifier::require) by its `SCOPE`.
///
/// ```
/// use portcullis::{AccessToken, Scoped, scopes};
///
/// scopes! {
///     /// May read every report.
///     pub ReadReports = "read:reports",
/// }
///
/// async fn list(token: Scoped<ReadReports>) -> String {
///     format!("the reports of {:?}", token.subject())
/// }
/// # let _handler = axum::routing::get::<_, _, ()>(list);
/// assert_eq!(ReadReports::SCOPE, "read:reports");
/// ```
#[macro_export]
macro_rules! scopes {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident = $scope:literal),+ $(,)?) => {
        $(
            $(#[$attribute])*
            #[derive(Clone, Copy, Debug)]
            $visibility enum $name {}

            impl $name {
                #[doc = concat!("The scope `", $scope, "`.")]
                #[allow(dead_code, reason = "a scope may be used as a type only")]
                $visibility const SCOPE: &'static str = $scope;
            }

            impl $crate::ScopeSet for $name {
                fn scopes() -> ::std::vec::Vec<&'static str> {
                    ::std::vec![$scope]
                }
            }
        )+
    };
}

impl<A: ScopeSet, B: ScopeSet> ScopeSet for (A, B) {
    fn scopes() -> Vec<&'static str> {
        [A::scopes(), B::scopes()].concat()
    }
}

impl<A: ScopeSet, B: ScopeSet, C: ScopeSet> ScopeSet for (A, B, C) {
    fn scopes() -> Vec<&'static str> {
        [A::scopes(), B::scopes(), C::scopes()].concat()
    }
}
