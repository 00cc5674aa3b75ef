//! The machine's certificates and keys on Windows: LOCAL_MACHINE's stores, CNG, and the legacy CryptoAPI.
//!
//! What needs no Windows is proven everywhere: [`blob`] and [`descriptor`].

mod blob;
mod descriptor;

#[cfg(windows)]
mod account;
#[cfg(windows)]
mod capi;
#[cfg(windows)]
mod cng;
#[cfg(windows)]
mod key;
#[cfg(windows)]
mod keys;
#[cfg(windows)]
mod machine;
#[cfg(windows)]
mod privilege;
#[cfg(windows)]
mod system;

#[cfg(windows)]
pub use key::open_key;
#[cfg(windows)]
pub use machine::machine_store;
