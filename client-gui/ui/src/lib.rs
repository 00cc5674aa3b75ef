//! The windows of `faxpost-gui`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::todo, clippy::unwrap_used)]
mod generated {
    slint::include_modules!();
}
pub use generated::*;
