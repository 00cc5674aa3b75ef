//! How a message leaves the machine: one file a method.

pub(super) mod pickup;
pub(super) mod secure_smtp_client;
