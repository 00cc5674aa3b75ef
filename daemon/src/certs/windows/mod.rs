//! The machine's certificates and keys on Windows: CNG, and the legacy CryptoAPI.

mod blob;
mod descriptor;
