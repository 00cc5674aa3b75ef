//! The mailer against a server that can misbehave: `faxpostd::mailer::run`, as the outbox and the Test call it.

#[cfg(unix)]
mod ahead_unix;
mod between;
mod bindings;
#[cfg(windows)]
mod cdo_windows;
mod content;
mod faults;
mod kit;
#[cfg(unix)]
mod net_mail_unix;
mod pickup;
mod proxy;
mod recipients;
mod reuse;
mod same_message;
mod sign_in;
mod system_roots;
mod tls;
mod tokens;
