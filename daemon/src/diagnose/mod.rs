//! The Test of an account: what a failed step usually means, and what to do about it.

mod advice;

pub use advice::advise;
