//! Shared state: how much of its limits each caller has used, and the tenant's database.
//!
//! [`arithmetic`] says what a limit means, without a clock or a store, so that every back end
//! counts alike. [`Limits`] is what a back end does; [`MemoryLimits`] keeps the counters here.
//!
//! The database, `tenant`, is there with the feature `sql`.
//!
//! ```
//! use std::time::Duration;
//! use portcullis_store::{Allowance, CallerKey, MemoryLimits, PolicyLimit};
//!
//! let store = MemoryLimits::default();
//! let ada = CallerKey::new("https://issuer.example/", ["ada"]);
//! let limit = PolicyLimit::new("standard", Allowance::rate(1, Duration::from_secs(60)).unwrap());
//! let now = Duration::from_secs(1_800_000_000);
//! assert!(store.charge_now(&ada, &[limit], now).unwrap().is_allowed());
//! assert!(!store.charge_now(&ada, &[limit], now).unwrap().is_allowed());
//! ```

pub mod arithmetic;
mod key;
mod limits;
mod memory;
#[cfg(feature = "sql")]
pub mod tenant;

pub use arithmetic::{Allowance, AllowanceError, Kind, Standing};
pub use key::CallerKey;
pub use limits::{Charge, Limits, PolicyLimit, StoreError};
pub use memory::MemoryLimits;
