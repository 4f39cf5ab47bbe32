//! One module for each thing that reads what strangers write.

pub mod configuration;
pub mod discovery;
pub mod dpop_proof;
pub mod header_value;
pub mod key_set;
pub mod path;
pub mod signed_request;
pub mod signed_token;
pub mod token;

/// Something to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its module, of its folder of seeds and of its libFuzzer program.
    pub name: &'static str,
    /// Reads the bytes and names the answer, as the names of seeds begin.
    ///
    /// Panics when a promise of the code under test does not hold for these bytes.
    pub run: fn(&[u8]) -> &'static str,
}

/// Every target, in the order of their names.
pub const TARGETS: [Target; 9] = [
    Target {
        name: "configuration",
        run: configuration::run,
    },
    Target {
        name: "discovery",
        run: discovery::run,
    },
    Target {
        name: "dpop_proof",
        run: dpop_proof::run,
    },
    Target {
        name: "header_value",
        run: header_value::run,
    },
    Target {
        name: "key_set",
        run: key_set::run,
    },
    Target {
        name: "path",
        run: path::run,
    },
    Target {
        name: "signed_request",
        run: signed_request::run,
    },
    Target {
        name: "signed_token",
        run: signed_token::run,
    },
    Target {
        name: "token",
        run: token::run,
    },
];
