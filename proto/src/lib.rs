//! What the two sides of Faxpost's pipe share: the messages, the endpoint's name, a client's way in, and the words
//! for failures. Clients depend on this crate and never on the daemon.

pub mod advice;
pub mod alarm;
#[cfg(feature = "command-line")]
pub mod command_line;
pub mod connect;
pub mod endpoint;
#[cfg(feature = "json")]
pub mod json;
pub mod pem;
pub mod reason;
pub mod refusal;
pub mod said;
pub mod security;
pub mod signin;
pub mod user_store;
pub mod words;

/// The generated messages, clients and servers of package `faxpost.v1`, documented in `faxpost/v1/*.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod v1 {
    tonic::include_proto!("faxpost.v1");
}

/// The package's descriptors as an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
