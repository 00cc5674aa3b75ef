//! Compiles faxpost/v1/*.proto without protoc, and keeps the descriptor set for reflection, JSON and tests.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let files = ["accounts", "oauth", "certificates", "mail", "log", "diagnostics", "approvals", "admin"]
        .map(|name| format!("faxpost/v1/{name}.proto"));
    println!("cargo:rerun-if-changed=faxpost");

    let descriptors = protox::compile(&files, ["."])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    let mut config = tonic_prost_build::Config::new();
    // Every message knows its full name, so that a client finds its descriptor for JSON.
    config.enable_type_names();
    tonic_prost_build::configure()
        // Attachments are taken out of the request without a copy.
        .bytes(".")
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}
