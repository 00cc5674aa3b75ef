//! Mail that is signed, and mail that waits because it cannot be (requirements A8, C7, C8).
//!
//! Keys are files here. Those of Windows have tests of their own.

use std::fs;

use faxpost_proto::v1::{self, MessageState, Step, StepState};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Issued, Kind, Pki, pem};
use faxpost_tests::smtp::SmtpServer;
use faxpost_tests::verify::Verifier;
use tokio_stream::StreamExt as _;

use crate::kit::{dead_port, entries, finished, invalid, mail_to, message, ok, send, smtp_account, watched};

const SENDER: &str = "fax@example.test";

/// A daemon that trusts a CA of the test's, and signs what "default" sends to a server.
struct Office {
    pki: Pki,
    daemon: TestDaemon,
    server: SmtpServer,
    verifier: Verifier,
}

impl Office {
    async fn open(sign: v1::Signing) -> Self {
        Self::with(sign, "").await
    }

    async fn with(sign: v1::Signing, settings: &str) -> Self {
        let (pki, server) = (Pki::new(Kind::EcP256), SmtpServer::builder().start().await);
        let daemon = TestDaemon::builder().settings(settings).start().await;
        let authorities = daemon.state_dir().join("certificates/authorities");
        fs::create_dir_all(&authorities).unwrap();
        fs::write(authorities.join("root.pem"), pem("CERTIFICATE", &pki.root())).unwrap();
        let account = v1::Account { sign: sign.into(), ..smtp_account("default", server.port()) };
        let fields = ["method", "server", "port", "sender_email", "sign"];
        daemon.set(account, &fields).await.unwrap();
        let verifier = Verifier::trusting(&pki.root());
        Self { pki, daemon, server, verifier }
    }

    async fn install(&self, issued: &Issued) {
        let request = v1::InstallCertificateRequest {
            pem: issued.pem(),
            key_pem: issued.key_pem(),
            grant: true,
            ..Default::default()
        };
        ok(self.daemon.certificates().await.install_certificate(request).await);
    }

    /// Sends a mail that is then held, and gives its id and why.
    async fn held(&self) -> (String, String, String) {
        let id = send(&self.daemon, mail_to("ann@example.test")).await;
        let message = watched(&self.daemon, &id, |message| message.state() == MessageState::Held).await;
        assert_eq!(message.attempts, 1);
        assert!(message.next_attempt_time.is_none());
        assert!(self.server.received().is_empty() && self.server.commands().is_empty(), "no server is asked");
        (id, message.last_error_reason, message.last_error)
    }

    async fn alarms(&self) -> Vec<v1::Alarm> {
        ok(self.daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await).alarms
    }

    /// It was delivered, signed by somebody we trust.
    async fn goes(&self, id: &str) -> Vec<u8> {
        let message = finished(&self.daemon, id).await;
        assert_eq!(message.state(), MessageState::Delivered, "{}", message.last_error);
        let received = self.server.wait_for(1).await;
        let _ = self.verifier.openssl(&received[0].content).good();
        received[0].content.clone()
    }
}

/// What programs pipe in knows nothing of 7 bits, and is signed all the same.
#[tokio::test]
async fn f4_mail_piped_in_with_8_bit_text_is_signed() {
    use v1::send_raw_mail_request::Part;
    for sign in [v1::Signing::Clear, v1::Signing::Opaque] {
        let office = Office::open(sign).await;
        office.install(&office.pki.person(SENDER, Kind::EcP256)).await;
        let message = "From: root (Cron Daemon)\nSubject: Отчёт\nContent-Type: multipart/mixed; boundary=b\n\n--b \n\nВсё хорошо. \n\
                       From here\n--b\nContent-Type: text/plain; name=\"Факс.txt\"\n\nx\n--b--\n";
        let to = v1::RawEnvelope { recipients: vec!["ann@example.test".to_owned()], ..Default::default() };
        let parts = [Part::Envelope(to), Part::Chunk(message.into())];
        let parts = parts.map(|part| v1::SendRawMailRequest { part: Some(part) });
        let sent = ok(office.daemon.mail().await.send_raw_mail(tokio_stream::iter(parts)).await);
        office.goes(&sent.id).await;
    }
}

#[tokio::test]
async fn a8_c7_an_account_signs_all_that_it_sends_clear_or_opaque() {
    for (sign, begins) in [
        (v1::Signing::Clear, "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\""),
        (v1::Signing::Opaque, "Content-Type: application/pkcs7-mime; smime-type=signed-data"),
    ] {
        for kind in [Kind::Rsa2048, Kind::EcP256] {
            let office = Office::open(sign).await;
            office.install(&office.pki.person(SENDER, kind)).await;
            let id = send(&office.daemon, mail_to("ann@example.test")).await;
            let content = office.goes(&id).await;
            assert!(String::from_utf8_lossy(&content).contains(begins), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn c8_without_a_certificate_mail_is_held_with_the_reason_and_goes_when_there_is_one() {
    let office = Office::open(v1::Signing::Clear).await;
    let (id, reason, text) = office.held().await;
    assert_eq!(reason, "NO_SIGNING_CERTIFICATE");
    assert!(text.contains(SENDER), "{text}");
    let entry = entries(&office.daemon).await.pop().unwrap();
    assert_eq!((entry.message.as_str(), entry.reason.as_str()), (id.as_str(), "NO_SIGNING_CERTIFICATE"));
    assert_eq!(entry.answer, text);
    let alarms = office.alarms().await;
    let alarm = alarms.iter().find(|alarm| alarm.reason == "MAIL_UNSIGNED").unwrap();
    assert!(alarm.account == "default" && alarm.text.contains(&text), "{alarm:?}");

    office.install(&office.pki.person(SENDER, Kind::EcP256)).await;
    office.goes(&id).await;
    assert!(!office.alarms().await.iter().any(|alarm| alarm.reason == "MAIL_UNSIGNED"));
}

#[tokio::test]
async fn f3_what_is_released_is_not_held_against_it_any_more_and_who_holds_it_is_told() {
    let office = Office::open(v1::Signing::Clear).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(office.held().await.0);
    }
    assert_eq!(message(&office.daemon, &ids[0]).await.held_for, "NO_SIGNING_CERTIFICATE");

    // One at a time: the second waits for what the first one met.
    let gone = v1::Account { max_connections: 1, ..smtp_account("default", dead_port()) };
    office.daemon.set(gone, &["port", "max_connections"]).await.unwrap();
    office.install(&office.pki.person(SENDER, Kind::EcP256)).await;
    for id in &ids {
        let met = |message: &v1::Message| message.last_error_reason == "CONNECTION_REFUSED";
        let waiting = watched(&office.daemon, id, met).await;
        assert_eq!((waiting.state(), waiting.held_for.as_str()), (MessageState::Queued, ""));
        assert!(!waiting.recipients[0].answer.contains("certificate"), "{waiting:?}");
    }

    let mut client = office.daemon.mail().await;
    let held = ok(client.hold_message(v1::HoldMessageRequest { id: ids[0].clone() }).await).message.unwrap();
    assert_eq!((held.state(), held.held_for.as_str()), (MessageState::Held, ""));
}

#[tokio::test]
async fn c8_an_expired_or_foreign_or_untrusted_certificate_signs_nothing() {
    let other = Pki::new(Kind::EcP256);
    type Make = fn(&Pki, &Pki) -> Issued;
    let cases: [(&str, Make); 3] = [
        ("period", |pki, _| {
            let mut params = pki.params(SENDER);
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
            pki.issue(params, Kind::EcP256)
        }),
        ("address", |pki, _| pki.person("boss@example.test", Kind::EcP256)),
        ("trust", |_, other| other.person(SENDER, Kind::EcP256)),
    ];
    for (name, make) in cases {
        let office = Office::open(v1::Signing::Opaque).await;
        office.install(&make(&office.pki, &other)).await;
        let (id, reason, text) = office.held().await;
        assert_eq!(reason, "NO_SIGNING_CERTIFICATE", "{name}: {text}");
        // A release by hand tries again, and does not help.
        let request = v1::ReleaseMessageRequest { id: id.clone() };
        ok(office.daemon.mail().await.release_message(request).await);
        let again = |message: &v1::Message| message.state() == MessageState::Held && message.attempts == 2;
        watched(&office.daemon, &id, again).await;
        office.install(&office.pki.person(SENDER, Kind::EcP256)).await;
        office.goes(&id).await;
    }
}

#[tokio::test]
async fn c8_a_missing_or_broken_key_holds_mail_and_a_release_sends_it() {
    let office = Office::open(v1::Signing::Clear).await;
    office.install(&office.pki.person(SENDER, Kind::EcP256)).await;
    let folder = office.daemon.state_dir().join("certificates");
    let mut keys = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path().join("key.p8");
        if file.exists() {
            keys.push(file);
        }
    }
    assert_eq!(keys.len(), 1, "one key in {}", folder.display());
    let key = fs::read(&keys[0]).unwrap();
    fs::write(&keys[0], b"no key").unwrap();
    let (id, reason, text) = office.held().await;
    assert_eq!(reason, "SIGNING_FAILED", "{text}");
    fs::write(&keys[0], key).unwrap();
    ok(office.daemon.mail().await.release_message(v1::ReleaseMessageRequest { id: id.clone() }).await);
    office.goes(&id).await;
}

#[tokio::test]
async fn c8_what_a_person_holds_stays_when_a_certificate_comes() {
    let office = Office::open(v1::Signing::Off).await;
    let account = smtp_account("default", dead_port());
    office.daemon.set(account, &["port"]).await.unwrap();
    let kept = send(&office.daemon, mail_to("ann@example.test")).await;
    watched(&office.daemon, &kept, |message| message.attempts == 1).await;
    ok(office.daemon.mail().await.hold_message(v1::HoldMessageRequest { id: kept.clone() }).await);

    let account =
        v1::Account { sign: v1::Signing::Clear.into(), ..smtp_account("default", office.server.port()) };
    office.daemon.set(account, &["port", "sign"]).await.unwrap();
    let (waiting, ..) = office.held().await;
    office.install(&office.pki.person(SENDER, Kind::EcP256)).await;
    office.goes(&waiting).await;
    assert_eq!(message(&office.daemon, &kept).await.state(), MessageState::Held);
    assert_eq!(office.server.received().len(), 1);
}

#[tokio::test]
async fn c8_mail_is_released_by_who_it_is_from_and_not_by_its_envelope() {
    use v1::send_raw_mail_request::Part;
    let office = Office::with(v1::Signing::Clear, "[sendmail.senders]\ndefault = [\"@desk.test\"]\n").await;
    let send = async |sender: &str, from: &str| {
        let (sender, recipients) = (sender.to_owned(), vec!["ann@example.test".to_owned()]);
        let envelope = v1::RawEnvelope { sender, recipients, ..Default::default() };
        let parts =
            [Part::Envelope(envelope), Part::Chunk(format!("From: {from}\nSubject: x\n\ny\n").into())];
        let parts = parts.map(|part| v1::SendRawMailRequest { part: Some(part) });
        let id = ok(office.daemon.mail().await.send_raw_mail(tokio_stream::iter(parts)).await).id;
        watched(&office.daemon, &id, |message| message.state() == MessageState::Held).await;
        id
    };
    // From nobody, as reports are, and from somebody else than the account.
    let nobodys = send("<>", SENDER).await;
    let others = send(SENDER, "Ann <ann@desk.test>").await;
    office.install(&office.pki.person(SENDER, Kind::EcP256)).await;
    let received = office.goes(&nobodys).await;
    assert!(String::from_utf8_lossy(&received).contains(SENDER));
    // Whatever is changed meanwhile: there is still no certificate for her.
    for name in ["one", "two"] {
        let named =
            v1::Account { id: "default".into(), sender_name: Some(name.into()), ..Default::default() };
        office.daemon.set(named, &["sender_name"]).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    let waits = message(&office.daemon, &others).await;
    assert_eq!((waits.state(), waits.attempts), (MessageState::Held, 1), "{}", waits.last_error);
    office.install(&office.pki.person("ann@desk.test", Kind::EcP256)).await;
    assert_eq!(finished(&office.daemon, &others).await.state(), MessageState::Delivered);
}

#[tokio::test]
async fn a8_turning_signing_off_sends_what_waited_for_it() {
    let office = Office::open(v1::Signing::Clear).await;
    let (id, ..) = office.held().await;
    let account = v1::Account { id: "default".into(), sign: v1::Signing::Off.into(), ..Default::default() };
    office.daemon.set(account, &["sign"]).await.unwrap();
    assert_eq!(finished(&office.daemon, &id).await.state(), MessageState::Delivered);
    let content = office.server.wait_for(1).await.remove(0).content;
    assert!(!String::from_utf8_lossy(&content).contains("pkcs7"));
}

#[tokio::test]
async fn c8_held_mail_is_held_after_a_restart_and_goes_with_a_certificate() {
    let mut office = Office::open(v1::Signing::Clear).await;
    let (id, ..) = office.held().await;
    office.daemon.kill();
    office.daemon.start_again().await;
    assert_eq!(message(&office.daemon, &id).await.state(), MessageState::Held);
    office.install(&office.pki.person(SENDER, Kind::Rsa2048)).await;
    office.goes(&id).await;
}

#[tokio::test]
async fn a8_the_certificate_of_an_account_is_named_by_its_fingerprint() {
    let office = Office::open(v1::Signing::Clear).await;
    let (one, two) = (office.pki.person(SENDER, Kind::EcP256), office.pki.person(SENDER, Kind::Rsa2048));
    for issued in [&one, &two] {
        office.install(issued).await;
        let account =
            v1::Account { id: "default".into(), certificate: issued.fingerprint(), ..Default::default() };
        office.daemon.set(account.clone(), &["certificate"]).await.unwrap();
    }
    let id = send(&office.daemon, mail_to("ann@example.test")).await;
    let content = office.goes(&id).await;
    assert!(content.len() > 3000, "signed by the RSA key, whose signature is the longer one");
    let wrong = v1::Account { id: "default".into(), certificate: "xyz".into(), ..Default::default() };
    invalid(office.daemon.set(wrong, &["certificate"]).await, &["certificate"]);
}

#[tokio::test]
async fn d1_d2_the_test_signs_and_says_in_the_step_message_why_it_cannot() {
    let office = Office::open(v1::Signing::Opaque).await;
    let told = tested(&office.daemon).await;
    let last = told.last().unwrap();
    assert_eq!((last.step(), last.state()), (Step::Message, StepState::Failed));
    assert_eq!(last.failure_reason, "NO_SIGNING_CERTIFICATE");
    assert_eq!(last.advice_reason, "CHOOSE_CERTIFICATE");
    assert!(!last.advice_text.is_empty() && last.failure_text.contains(SENDER), "{last:?}");
    let passed = told.iter().any(|step| step.step() == Step::Recipient && step.state() == StepState::Passed);
    assert!(passed, "the other steps are tried: {told:?}");
    assert!(office.server.received().is_empty());

    office.install(&office.pki.person(SENDER, Kind::EcP256)).await;
    let told = tested(&office.daemon).await;
    let last = told.last().unwrap();
    assert_eq!((last.step(), last.state()), (Step::Message, StepState::Passed), "{last:?}");
    assert!(last.details.iter().any(|detail| detail.starts_with("signed by ")), "{:?}", last.details);
    let received = office.server.wait_for(1).await;
    let _ = office.verifier.openssl(&received[0].content).good();
}

/// The ends of the steps of a test with the saved settings.
async fn tested(daemon: &TestDaemon) -> Vec<v1::TestStep> {
    let stream = ok(daemon.diagnostics().await.test_account(v1::TestAccountRequest::default()).await);
    let steps: Vec<_> = stream.map(|step| step.unwrap().step.unwrap()).collect().await;
    steps.into_iter().filter(|step| step.state() != StepState::Started).collect()
}
