//! The layer, the extractors and the metadata, as a service uses them.
#![cfg(feature = "axum")]

mod conformance;
mod extractor;
mod fixture;
#[cfg(feature = "tonic")]
mod grpc;
mod layer;
mod metadata;
mod observed;
mod readiness;
mod sender;
mod ui;
