//! Each page of the window, driven by its accessible labels against a real daemon.

mod account;
mod certificate;
mod kit;
mod reach;
mod secrets;
mod sign_in;
mod test;
