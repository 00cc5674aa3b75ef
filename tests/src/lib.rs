//! What the tests, the benches and the demo share.

pub mod smtp;
