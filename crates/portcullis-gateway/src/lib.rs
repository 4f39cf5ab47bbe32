//! The request path: match, identify, permit, forward.
