//! Each page of the window, driven by its accessible labels against a real daemon.

mod account;
mod certificate;
mod kit;
mod log;
mod outbox;
mod reach;
mod requests;
mod secrets;
mod sign_in;
mod status;
mod test;
