//! Keys on Linux: files.

mod key;

pub use key::open_key;
