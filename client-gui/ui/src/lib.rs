//! The windows of `faxpost-gui`, as Slint generates them from the files beside this crate. What they do is told by them; the
//! lints for people are off for generated code.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, clippy::todo, clippy::unimplemented)]
mod generated {
    slint::include_modules!();
}
pub use generated::*;
