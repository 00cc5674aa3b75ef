//! The mailer against a server that can misbehave: `faxpostd::mailer::run`, as the outbox and the Test call it.

mod between;
mod bindings;
mod content;
mod faults;
mod kit;
mod pickup;
mod proxy;
mod recipients;
mod reuse;
mod sign_in;
mod system_roots;
mod tls;
mod tokens;
