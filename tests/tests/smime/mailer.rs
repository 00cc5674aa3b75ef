//! Signing as part of a job, with every method.

use std::fs;

use faxpost_tests::pki::Kind;
use faxpost_tests::smtp::SmtpServer;
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::certs::{KeyAlgorithm, KeyReference};
use faxpostd::mailer::{
    Body, Engine, Envelope, Event, FailureKind, Job, Outcome, RecipientOutcome, Route, SmtpRoute, Step,
    StepReport, Timeouts, check_signing,
};
use faxpostd::message::smime::{Mode, check_signature};

use crate::kit::{Person, SENDER, composed, entity};

fn job(route: Route, body: Vec<u8>, person: &Person, mode: Mode) -> Job {
    Job {
        route,
        envelope: Envelope { from: SENDER.to_owned(), to: vec!["b@example.test".to_owned()] },
        body: Body::Inline(body),
        seven_bit: false,
        signing: Some(person.signing(mode)),
        until: Step::Message,
        delivery_status: Default::default(),
        pool: None,
    }
}

fn smtp(server: &SmtpServer) -> SmtpRoute {
    SmtpRoute {
        server: "127.0.0.1".to_owned(),
        port: server.port(),
        security: Security::None,
        tls_check: TlsCheck::System,
        sign_in: None,
        plaintext_auth: false,
        ehlo_name: "fax.test".to_owned(),
        timeouts: Timeouts { connect: 20, command: 20, data: 20, final_answer: 20 },
        proxy: None,
    }
}

async fn run(job: Job, events: Option<tokio::sync::mpsc::UnboundedSender<Event>>) -> Outcome {
    Engine::default().run(job, events).await
}

async fn told(job: Job) -> (Outcome, Vec<StepReport>) {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let outcome = run(job, Some(sender)).await;
    let mut reports = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::Finished(report) = event {
            reports.push(report);
        }
    }
    (outcome, reports)
}

#[tokio::test]
async fn c7_every_method_hands_over_what_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    let server = SmtpServer::builder().start().await;
    let mut count = 0;
    for kind in [Kind::Rsa2048, Kind::EcP256] {
        let person = Person::new(kind);
        for mode in [Mode::Clear, Mode::Opaque] {
            for (name, message) in composed() {
                let expected = entity(&message);
                count += 1;

                let outcome =
                    run(job(Route::Smtp(smtp(&server)), message.clone(), &person, mode), None).await;
                assert!(outcome.failure.is_none(), "{name}: {:?}", outcome.failure);
                let received = server.wait_for(count).await;
                let received = received.last().unwrap();
                assert!(person.verifier.openssl(&received.content).good() == expected, "{name}, {mode:?}");
                let size = format!("SIZE={}", received.content.len());
                assert!(received.parameters.contains(&size), "{} is not {size}", received.parameters);

                let file_stem = format!("m{count}");
                let route =
                    Route::Pickup { directory: folder.path().to_owned(), file_stem: file_stem.clone() };
                let outcome = run(job(route, message.clone(), &person, mode), None).await;
                assert!(outcome.failure.is_none(), "{name}: {:?}", outcome.failure);
                let file = fs::read(folder.path().join(file_stem + ".eml")).unwrap();
                assert!(person.verifier.openssl(&file).good() == expected, "{name}, {mode:?}");

                // What it is signed with does not matter to the helper, and each is a process.
                if kind == Kind::EcP256 {
                    count += 1;
                    let route = Route::SystemNetMail(smtp(&server));
                    let outcome = run(job(route, message, &person, mode), None).await;
                    assert!(outcome.failure.is_none(), "{name}: {:?}", outcome.failure);
                    let received = server.wait_for(count).await;
                    let content = &received.last().unwrap().content;
                    assert!(person.verifier.openssl(content).good() == expected, "{name}, {mode:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn c7_20_mb_are_signed_from_a_file() {
    let person = Person::new(Kind::EcP256);
    let line = "x".repeat(70) + "\r\n";
    let message = format!(
        "Subject: x\r\nContent-Type: text/plain\r\n\r\n{}",
        line.repeat(20 * 1024 * 1024 / line.len())
    );
    let path = person.folder.path().join("spooled");
    fs::write(&path, &message).unwrap();
    let server = SmtpServer::builder().start().await;
    for (n, mode) in [Mode::Clear, Mode::Opaque].into_iter().enumerate() {
        let mut job = job(Route::Smtp(smtp(&server)), Vec::new(), &person, mode);
        job.body = Body::File { path: path.clone(), size: message.len() as u64 };
        let outcome = run(job, None).await;
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
        let received = server.wait_for(n + 1).await;
        let content = person.verifier.openssl(&received[n].content).good();
        assert!(content == entity(message.as_bytes()), "{mode:?}");
    }
}

#[tokio::test]
async fn c8_without_its_key_a_message_stays_and_no_server_is_asked() {
    let mut person = Person::new(Kind::EcP256);
    person.key = KeyReference::File(person.folder.path().join("gone"));
    let server = SmtpServer::builder().start().await;
    let job = job(Route::Smtp(smtp(&server)), b"Subject: x\r\n\r\nHello\r\n".to_vec(), &person, Mode::Clear);
    let outcome = run(job.clone(), None).await;
    let failure = outcome.failure.unwrap();
    assert_eq!((failure.kind, failure.step), (FailureKind::SigningKeyMissing, Step::Message));
    assert!(failure.kind.is_about_signing() && failure.is_transient());
    assert!(matches!(&outcome.recipients[..], [RecipientOutcome::Deferred { .. }]));
    assert!(server.commands().is_empty(), "{:?}", server.commands());

    // A test goes as far as it can, and says it then.
    let (outcome, reports) = told(job).await;
    let steps: Vec<_> = reports.iter().filter(|report| report.failure.is_none()).map(|r| r.step).collect();
    assert_eq!(steps.last(), Some(&Step::Recipient));
    assert_eq!(reports.last().unwrap().step, Step::Message);
    assert_eq!(outcome.failure.unwrap().kind, FailureKind::SigningKeyMissing);
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn c7_a_key_file_that_holds_no_usable_key_says_what_it_is() {
    let person = Person::new(Kind::EcP256);
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_der();
    for (name, content, word) in [
        ("text", b"no key".to_vec(), "no private key as PKCS#8"),
        ("p384", p384, "neither RSA nor on the curve P-256"),
        ("large", vec![0; 20_000], "too large"),
    ] {
        let path = person.folder.path().join(name);
        fs::write(&path, content).unwrap();
        let mut signing = person.signing(Mode::Clear);
        signing.key = KeyReference::File(path);
        let check = check_signing(signing).await;
        let (kind, text) = check.result.unwrap_err();
        assert_eq!(kind, FailureKind::SigningFailed);
        assert!(text.contains(word), "{name}: {text}");
    }
}

#[tokio::test]
async fn c5_a_check_signs_something_and_says_as_whom() {
    for (kind, algorithm) in [(Kind::Rsa2048, KeyAlgorithm::Rsa), (Kind::EcP256, KeyAlgorithm::EcP256)] {
        let person = Person::new(kind);
        let one = check_signing(person.signing(Mode::Clear)).await;
        assert_eq!(one.algorithm, Some(algorithm));
        assert_eq!(one.account_id, format!("uid:{}", nix::unistd::geteuid()));
        check_signature(&person.issued.certificate, &one.probe, one.result.as_ref().unwrap()).unwrap();
        let other = check_signing(person.signing(Mode::Clear)).await;
        assert_ne!(one.probe, other.probe, "a random one each time");
        assert!(check_signature(&person.issued.certificate, &other.probe, &one.result.unwrap()).is_err());
    }
    let (one, other) = (Person::new(Kind::EcP256), Person::new(Kind::EcP256));
    let mut signing = one.signing(Mode::Clear);
    signing.key = other.key.clone();
    let (kind, _) = check_signing(signing).await.result.unwrap_err();
    assert_eq!(kind, FailureKind::SigningFailed, "the key is another certificate's");
}
