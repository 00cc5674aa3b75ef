//! From a host name to a TCP connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_socks::tcp::Socks5Stream;

use crate::mailer::FailureKind;
use crate::mailer::failure::Fault;

/// Addresses tried. Each may take the whole connect timeout, and round-robin names have dozens.
const MOST_ADDRESSES: usize = 8;

/// All addresses of a host name or IP address, in the resolver's order.
pub(super) async fn resolve(server: &str, port: u16, patience: Duration) -> Result<Vec<SocketAddr>, Fault> {
    if let Ok(address) = server.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = match timeout(patience, lookup_host((server, port))).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(unresolved(server, &error)),
        Err(_) => {
            return Err(Fault::new(FailureKind::ResolverFailed, "the name server did not answer in time"));
        }
    };
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(Fault::new(FailureKind::NameNotFound, format!("{server} has no address")));
    }
    Ok(addresses)
}

/// The first address that takes the connection.
pub(super) async fn connect(addresses: &[SocketAddr], patience: Duration) -> Result<TcpStream, Fault> {
    let mut tried = Vec::new();
    for address in addresses {
        let fault = match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Commands are written whole, and wait for their answers: Nagle would only hold them back.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => unconnected(*address, &error),
            Err(_) => Fault::new(FailureKind::TimedOut, format!("{address} does not answer")),
        };
        tried.push(fault);
    }
    // Of several reasons, the one that tells most: a host without IPv6 says "unreachable" to every first address.
    let telling = [FailureKind::ConnectionRefused, FailureKind::TimedOut, FailureKind::Unreachable];
    let kind = telling.into_iter().find(|kind| tried.iter().any(|fault| fault.kind == *kind));
    let texts: Vec<_> = tried.into_iter().map(|fault| fault.text).collect();
    Err(Fault::new(kind.unwrap_or(FailureKind::Unreachable), texts.join("; ")))
}

/// Has the proxy at the other end make a connection to `server`, whose name it looks up: nothing of it is asked here.
pub(super) async fn through(
    stream: TcpStream,
    server: &str,
    port: u16,
    patience: Duration,
) -> Result<TcpStream, Fault> {
    let asked = timeout(patience, Socks5Stream::connect_with_socket(stream, (server, port))).await;
    let said = |what: &str| Fault::new(FailureKind::ProxyFailed, format!("the proxy {what}"));
    let (kind, what) = match asked {
        Ok(Ok(stream)) => return Ok(stream.into_inner()),
        Err(_) => return Err(said("does not answer, or its way to the server does not")),
        Ok(Err(error)) => match error {
            tokio_socks::Error::ConnectionRefused => {
                (FailureKind::ConnectionRefused, "says that nobody listens there")
            }
            // Also what proxies say of names that they do not find.
            tokio_socks::Error::HostUnreachable => (FailureKind::Unreachable, "does not reach that host"),
            tokio_socks::Error::NetworkUnreachable | tokio_socks::Error::TtlExpired => {
                (FailureKind::Unreachable, "has no way there")
            }
            tokio_socks::Error::ConnectionNotAllowedByRuleset => {
                (FailureKind::ProxyFailed, "does not allow it")
            }
            tokio_socks::Error::NoAcceptableAuthMethods | tokio_socks::Error::UnknownAuthMethod => {
                return Err(said("wants a user name and a password, which is not supported"));
            }
            tokio_socks::Error::Io(_) | tokio_socks::Error::InvalidResponseVersion => {
                return Err(said("is none: what answers does not speak SOCKS5"));
            }
            _ => (FailureKind::ProxyFailed, "failed at it"),
        },
    };
    Err(Fault::new(kind, format!("asked for {server}:{port}, the proxy {what}")))
}

/// std has no kinds for resolver errors. Windows gives a code; Unix only getaddrinfo's sentence.
fn unresolved(server: &str, error: &io::Error) -> Fault {
    const WSATRY_AGAIN: i32 = 11_002;
    const WSANO_RECOVERY: i32 = 11_003;
    let failed = match error.raw_os_error() {
        Some(code) => matches!(code, WSATRY_AGAIN | WSANO_RECOVERY),
        None => {
            let text = error.to_string();
            text.contains("Temporary failure") || text.contains("Non-recoverable")
        }
    };
    if failed {
        Fault::new(FailureKind::ResolverFailed, format!("{server} could not be looked up: {error}"))
    } else {
        Fault::new(FailureKind::NameNotFound, format!("there is no host {}", server.escape_debug()))
    }
}

fn unconnected(address: SocketAddr, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Fault::new(FailureKind::ConnectionRefused, format!("nobody listens on {address}"))
        }
        io::ErrorKind::TimedOut => Fault::new(FailureKind::TimedOut, format!("{address} does not answer")),
        _ => Fault::new(FailureKind::Unreachable, format!("{address} cannot be reached: {error}")),
    }
}
