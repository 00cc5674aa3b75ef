//! The machine's store on Linux: a folder of the daemon's state, keys as files, and who may use one is who may read it.

mod account;
mod acl;
mod files;
mod key;
mod make;
mod store;

use std::path::Path;
use std::sync::Arc;

use super::store::{CertificateStore, StoreFault};

pub use key::open_key;

/// The machine's store of this state folder, made if it is not there.
///
/// # Errors
/// Its folders cannot be made or read.
pub fn machine_store(state_dir: &Path) -> Result<Arc<dyn CertificateStore>, StoreFault> {
    Ok(Arc::new(store::FileStore::open(state_dir)?))
}
