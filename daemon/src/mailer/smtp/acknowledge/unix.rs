//! Acknowledgements at once, by TCP_QUICKACK, which is Linux's.

use tokio::net::TcpStream;

/// [`now`] works.
pub(in crate::mailer::smtp) fn can_be_prompt(_: &TcpStream) -> bool {
    cfg!(target_os = "linux")
}

/// What has arrived is acknowledged at once, and what comes next, too, until something is sent.
#[cfg(target_os = "linux")]
pub(in crate::mailer::smtp) fn now(stream: &TcpStream) {
    // Without it everything goes on, but slowly.
    let _ = stream.set_quickack(true);
}

#[cfg(not(target_os = "linux"))]
pub(in crate::mailer::smtp) fn now(_: &TcpStream) {}
