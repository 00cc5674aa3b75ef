//! Keys on Windows: CNG, and the legacy CryptoAPI.

mod key;

pub use key::open_key;
