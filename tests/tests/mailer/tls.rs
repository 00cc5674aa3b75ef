use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::mailer::{FailureKind, Step};

use crate::kit::{JobExt as _, fails, job, run_told, succeeds};

#[tokio::test]
async fn a4_a_pin_is_the_certificate_or_its_key_in_both_modes() {
    let identity = Authority::self_signed();
    for pin in [identity.sha256, identity.public_key_sha256] {
        for security in [Security::Implicit, Security::Starttls] {
            let builder = SmtpServer::builder().credentials("fax", "secret");
            let builder = match security {
                Security::Implicit => builder.implicit_tls(identity.clone()),
                _ => builder.starttls(identity.clone()),
            };
            let server = builder.start().await;
            let job = job(&server).tls(security, TlsCheck::Pinned(pin)).sign_in("fax", "secret");
            let outcome = succeeds(job).await;
            assert!(server.wait_for(1).await[0].tls);
            let tls = outcome.tls.unwrap();
            assert_eq!(tls.version, "TLSv1.3");
            assert!(tls.cipher.starts_with("TLS13_"));
            assert_eq!(tls.chain[0].sha256, identity.sha256);
            assert!(tls.tolerated.is_some(), "the system's check would not have passed");
        }
    }
}

#[tokio::test]
async fn a4_another_certificate_than_the_pinned_one_is_refused_and_shown() {
    let identity = Authority::self_signed();
    let server = SmtpServer::builder().implicit_tls(identity.clone()).start().await;
    let (outcome, reports) = run_told(job(&server).tls(Security::Implicit, TlsCheck::Pinned([7; 32]))).await;
    let failure = outcome.failure.unwrap();
    assert_eq!((failure.kind, failure.step), (FailureKind::PinMismatch, Step::Tls));
    let shown = reports.last().unwrap().tls.as_ref().unwrap();
    assert_eq!(shown.chain[0].sha256, identity.sha256);
    assert_eq!(shown.chain[0].public_key_sha256, identity.public_key_sha256);
    assert!(shown.version.is_empty() && server.commands().is_empty());
}

#[tokio::test]
async fn a4_accept_invalid_takes_anything_and_says_what_it_tolerated() {
    let authority = Authority::new();
    for (identity, complaints) in [
        // Both is true; webpki tells the one, Windows the other.
        (authority.expired(), &["expired", "not trusted"][..]),
        (authority.wrong_name(), &["not trusted"]),
        (Authority::self_signed(), &["self-signed"]),
    ] {
        let server = SmtpServer::builder().starttls(identity).start().await;
        let outcome = succeeds(job(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid)).await;
        let tolerated = outcome.tls.unwrap().tolerated.unwrap();
        assert!(complaints.iter().any(|complaint| tolerated.contains(complaint)), "{tolerated}");
    }
}

#[tokio::test]
async fn a4_an_unknown_issuer_is_refused_and_its_chain_is_told() {
    let identity = Authority::new().good();
    let server = SmtpServer::builder().starttls(identity.clone()).start().await;
    let (outcome, reports) = run_told(job(&server).tls(Security::Starttls, TlsCheck::System)).await;
    let failure = outcome.failure.unwrap();
    assert_eq!((failure.kind, failure.is_transient()), (FailureKind::CertificateUntrusted, true));
    assert!(failure.text.contains("not trusted"), "{}", failure.text);
    assert_eq!(reports.last().unwrap().tls.as_ref().unwrap().chain[0].sha256, identity.sha256);
    assert!(!server.commands().iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test]
async fn a3_starttls_missing_is_an_error_and_nothing_is_sent() {
    let server = SmtpServer::builder().start().await;
    let failure = fails(job(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid)).await;
    assert_eq!((failure.kind, failure.step), (FailureKind::StarttlsMissing, Step::Tls));
    assert_eq!(server.commands(), ["EHLO fax.test", "QUIT"]);
}

#[tokio::test]
async fn a3_starttls_refused_is_an_error() {
    let busy = Fault::answer(454, "4.7.0 TLS not available due to local problem");
    let builder = SmtpServer::builder().starttls(Authority::self_signed());
    let server = builder.fault(At::Starttls, busy).start().await;
    let failure = fails(job(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid)).await;
    assert_eq!(failure.kind, FailureKind::TlsFailed);
    assert_eq!(failure.reply.unwrap().code, 454);
}

#[tokio::test]
async fn a3_plain_text_injected_after_starttls_is_refused() {
    let injected = b"220 2.0.0 go\r\n250-mail.test\r\n250 AUTH PLAIN\r\n".to_vec();
    let builder = SmtpServer::builder().starttls(Authority::self_signed());
    let server = builder.fault(At::Starttls, Fault::Raw(injected)).start().await;
    let failure = fails(job(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid)).await;
    assert_eq!(failure.kind, FailureKind::TlsFailed);
    assert!(failure.text.contains("injection"), "{}", failure.text);
}

#[tokio::test]
async fn a3_what_was_offered_before_tls_does_not_count_after_it() {
    // SIZE shrinks and AUTH appears with TLS: what counts is the second EHLO.
    let bare = Fault::Raw(b"250-mail.test\r\n250-SIZE 1\r\n250 STARTTLS\r\n".to_vec());
    let server = SmtpServer::builder()
        .starttls(Authority::self_signed())
        .credentials("fax", "secret")
        .fault_times(1, At::Ehlo, bare)
        .start()
        .await;
    let job = job(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid).sign_in("fax", "secret");
    succeeds(job).await;
    assert_eq!(server.commands().iter().filter(|line| line.starts_with("EHLO")).count(), 2);
}

#[tokio::test]
async fn d2_tls_at_once_against_a_port_that_speaks_plainly_says_so() {
    let server = SmtpServer::builder().start().await;
    let failure = fails(job(&server).tls(Security::Implicit, TlsCheck::AcceptInvalid)).await;
    assert_eq!((failure.kind, failure.step), (FailureKind::NotTls, Step::Tls));
}

#[tokio::test]
async fn d2_no_tls_against_a_port_that_wants_it_at_once_says_so() {
    let server = SmtpServer::builder().implicit_tls(Authority::self_signed()).start().await;
    let failure = fails(job(&server).impatient()).await;
    assert_eq!((failure.kind, failure.step), (FailureKind::TimedOut, Step::Connect));
    assert!(failure.text.contains("does not greet"), "{}", failure.text);
}

#[tokio::test]
async fn a_handshake_that_goes_wrong_is_told_apart() {
    for (fault, kinds) in [
        (Fault::Garbage, &[FailureKind::NotTls][..]),
        (Fault::Drop, &[FailureKind::ConnectionLost]),
        (Fault::Stall, &[FailureKind::TimedOut]),
    ] {
        for security in [Security::Implicit, Security::Starttls] {
            let builder = SmtpServer::builder().fault(At::Handshake, fault.clone());
            let identity = Authority::self_signed();
            let builder = match security {
                Security::Implicit => builder.implicit_tls(identity),
                _ => builder.starttls(identity),
            };
            let server = builder.start().await;
            let mut job = job(&server).tls(security, TlsCheck::AcceptInvalid);
            if matches!(fault, Fault::Stall) {
                job = job.impatient();
            }
            let failure = fails(job).await;
            assert!(kinds.contains(&failure.kind), "{failure:?}");
            assert_eq!(failure.step, Step::Tls);
        }
    }
}
