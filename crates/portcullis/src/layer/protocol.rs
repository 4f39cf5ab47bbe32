use bytes::Bytes;
use http::request::Parts;

use crate::Form;

/// Refuses over HTTP, and as gRPC where a request is gRPC.
///
/// ```
/// use portcullis::{AuthLayer, Web};
/// # use portcullis_testkit::TestIssuer;
///
/// let layer: AuthLayer<Web> = TestIssuer::new().verifier("api").build()?.layer();
/// assert!(format!("{layer:?}").starts_with("AuthLayer"));
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Web {}

/// Refuses as gRPC, whatever the request.
///
/// ```
/// use portcullis::{AuthLayer, Grpc};
/// # use portcullis_testkit::TestIssuer;
///
/// let layer: AuthLayer<Grpc> = TestIssuer::new().verifier("api").build()?.layer().grpc();
/// assert!(format!("{layer:?}").starts_with("AuthLayer"));
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Grpc {}

/// How a layer makes the body `R` of a refusal. [`Web`] and [`Grpc`] are the only two ways.
///
/// ```
/// use std::any::type_name;
/// use bytes::Bytes;
/// use portcullis::{Answering, Grpc, Web};
///
/// /// The name of a layer for services that answer with the body `R`.
/// fn layer_for<R, A: Answering<R>>() -> &'static str {
///     type_name::<A>()
/// }
///
/// assert!(layer_for::<Bytes, Web>().ends_with("Web"));
/// // `()` does not come from bytes, but can be empty.
/// assert!(layer_for::<(), Grpc>().ends_with("Grpc"));
/// ```
#[diagnostic::on_unimplemented(
    message = "a refusal cannot be written as a body of type `{R}`",
    label = "this service answers with `{R}`",
    note = "`AuthLayer` needs a body that is `From<Bytes>`, such as axum's and `Full<Bytes>`",
    note = "for a gRPC service, such as tonic's, use `auth.layer().grpc()`"
)]
pub trait Answering<R>: sealed::Sealed {
    #[doc(hidden)]
    fn form(head: &Parts) -> Form;
    #[doc(hidden)]
    fn body(bytes: Bytes) -> R;
}

// The compiler is to speak of this trait, whose message says what to do, and not of `From`.
#[diagnostic::do_not_recommend]
impl<R: From<Bytes>> Answering<R> for Web {
    fn form(head: &Parts) -> Form {
        Form::of(head)
    }

    fn body(bytes: Bytes) -> R {
        bytes.into()
    }
}

impl<R: Default> Answering<R> for Grpc {
    fn form(head: &Parts) -> Form {
        Form::of(head).grpc()
    }

    /// A refusal over gRPC is all in its head.
    fn body(_: Bytes) -> R {
        R::default()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Web {}
    impl Sealed for super::Grpc {}
}
