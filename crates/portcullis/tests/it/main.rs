//! The library over its public interface: keys that come, change, fail and come back.

mod keys;
