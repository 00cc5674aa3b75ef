//! Tests, benches and the demo: the daemon and its clients used as their users use them.

pub mod restricted;
