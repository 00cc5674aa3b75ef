//! A daemon whose accounts, mail and log are in a database of a PostgreSQL server: what it keeps, what it does while the server
//! is away, who takes over when it dies, and who has the key of its secrets. Wants Debian's package postgresql: run with `tests/run fleet`.
//!
//! Each server is of these tests alone, on a socket in a folder of its own or on the loopback, and goes with them.
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

mod away;
mod cut;
mod doubt;
mod join;
mod kept;
mod kit;
mod migrate;
mod refusals;
mod several;
mod sign_ins;
mod standby;
mod work;
