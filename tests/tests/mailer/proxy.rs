//! The way through a SOCKS5 proxy (requirement A10): it looks names up, and TLS goes through it to the server itself.

use faxpost_tests::smtp::{Authority, SmtpServer};
use faxpost_tests::socks::{Manner, SocksServer};
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::mailer::{FailureKind, Job, Proxy, Step};

use crate::kit::{JobExt as _, fails, job, run_told, succeeds};

/// A name that no resolver knows (RFC 6761): whoever asked for it would say so.
const NAME: &str = "mail.somewhere.invalid";

fn through(server: &SmtpServer, proxy: u16) -> Job {
    let mut job = job(server);
    job.route().server = NAME.to_owned();
    job.route().proxy = Some(Proxy { host: "127.0.0.1".to_owned(), port: proxy });
    job
}

#[tokio::test]
async fn a10_mail_goes_through_the_proxy_which_alone_looks_the_name_up() {
    let server = SmtpServer::builder().start().await;
    let proxy = SocksServer::start(Manner::To(server.address())).await;
    let (outcome, steps) = run_told(through(&server, proxy.port())).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    assert_eq!(proxy.asked(), [format!("name {NAME}:{}", server.port())]);
    assert_eq!(server.wait_for(1).await.len(), 1);
    assert_eq!(steps[0].step, Step::Resolve);
    assert!(steps[0].details[0].contains("through the proxy 127.0.0.1"), "{:?}", steps[0].details);
    assert!(steps[1].details[0].contains(NAME), "{:?}", steps[1].details);
    assert!(outcome.transcript.text.contains("through the proxy"), "{}", outcome.transcript.text);
}

#[tokio::test]
async fn a10_tls_and_sign_in_are_the_servers_behind_the_proxy() {
    let identity = Authority::new().good();
    let pin = TlsCheck::Pinned(identity.sha256);
    for security in [Security::Implicit, Security::Starttls] {
        let builder = SmtpServer::builder().credentials("fax", "secret");
        let builder = match security {
            Security::Implicit => builder.implicit_tls(identity.clone()),
            _ => builder.starttls(identity.clone()),
        };
        let server = builder.start().await;
        let proxy = SocksServer::start(Manner::To(server.address())).await;
        let outcome =
            succeeds(through(&server, proxy.port()).tls(security, pin).sign_in("fax", "secret")).await;
        assert!(outcome.tls.is_some());
        assert_eq!(server.wait_for(1).await[0].login.as_deref(), Some("fax"));
    }
}

#[tokio::test]
async fn a10_an_address_is_given_to_the_proxy_as_one() {
    let server = SmtpServer::builder().start().await;
    let proxy = SocksServer::start(Manner::To(server.address())).await;
    for (address, asked) in [("192.0.2.7", "address 192.0.2.7"), ("2001:db8::7", "address 2001:db8::7")] {
        let mut job = through(&server, proxy.port());
        job.route().server = address.to_owned();
        succeeds(job).await;
        assert_eq!(proxy.asked().last(), Some(&format!("{asked}:{}", server.port())));
    }
}

#[tokio::test]
async fn a10_what_fails_at_the_proxy_says_so_and_nothing_goes_around_it() {
    let server = SmtpServer::builder().start().await;
    for (manner, kind, said) in [
        (Manner::Refuse(1), FailureKind::ProxyFailed, "failed at it"),
        (Manner::Refuse(2), FailureKind::ProxyFailed, "does not allow it"),
        (Manner::Refuse(3), FailureKind::Unreachable, "has no way there"),
        (Manner::Refuse(4), FailureKind::Unreachable, "does not reach that host"),
        (Manner::Refuse(5), FailureKind::ConnectionRefused, "nobody listens there"),
        (Manner::WantsPassword, FailureKind::ProxyFailed, "not supported"),
        (Manner::Nonsense, FailureKind::ProxyFailed, "does not speak SOCKS5"),
        (Manner::Silent, FailureKind::ProxyFailed, "does not answer"),
    ] {
        let proxy = SocksServer::start(manner).await;
        let failure = fails(through(&server, proxy.port()).impatient()).await;
        assert_eq!((failure.step, failure.kind), (Step::Connect, kind), "{manner:?}: {failure:?}");
        assert!(failure.text.contains(said) && failure.is_transient(), "{manner:?}: {}", failure.text);
    }
    let gone = SocksServer::start(Manner::Silent).await.port();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let failure = fails(through(&server, gone)).await;
    assert_eq!((failure.step, failure.kind), (Step::Connect, FailureKind::ProxyFailed), "{failure:?}");
    assert_eq!(server.connections(), 0, "nobody went around the proxy");
}
