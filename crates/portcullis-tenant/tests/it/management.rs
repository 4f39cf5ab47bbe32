//! The Management API through HTTP, with tokens that the tenant's own keys have signed.

mod access;
mod accounts;
mod applications;
mod bounds;
mod fixture;
mod operations;
