//! What is measured: each operation of the verifier, and others that do the same.
//!
//! `benches/verifier.rs` times the operations, and the program of this crate repeats one of them
//! for a profiler or an instruction counter. `cargo xtask bench` runs both and prints one table.
//! [`gateway`] is what `cargo xtask bench gateway` needs around the proxies that it compares, and
//! [`tenant`] whoever asks the tenant of `cargo xtask bench tenant`.

pub mod cache;
mod fixture;
pub mod gateway;
mod key_set;
mod operation;
mod refuse;
mod sigv4;
pub mod tenant;
mod verify;

pub use operation::{Contender, Operation};

/// Something that is measured, and how to prepare it.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// What is done, such as `verify-rs256`.
    pub name: &'static str,
    /// Makes its keys from the system's randomness, and what each contender does with them.
    prepare: fn(&'static str) -> Vec<Operation>,
}

/// Everything that is measured, in the order of reports.
pub const SUBJECTS: [Subject; 12] = [
    Subject::new("verify-rs256", verify::rs256),
    Subject::new("verify-es256", verify::es256),
    Subject::new("verify-eddsa", verify::eddsa),
    Subject::new("verify-cached", cache::hit),
    Subject::new("refuse-bad-signature", refuse::bad_signature),
    Subject::new("refuse-expired", refuse::expired),
    Subject::new("refuse-malformed", refuse::malformed),
    Subject::new("refuse-no-token", refuse::no_token),
    Subject::new("refuse-largest", refuse::largest),
    Subject::new("read-10-keys", key_set::read),
    Subject::new("sigv4-empty", sigv4::empty),
    Subject::new("sigv4-1-mib", sigv4::mebibyte),
];

impl Subject {
    const fn new(name: &'static str, prepare: fn(&'static str) -> Vec<Operation>) -> Self {
        Self { name, prepare }
    }

    /// What each contender does.
    pub fn operations(self) -> Vec<Operation> {
        (self.prepare)(self.name)
    }
}
