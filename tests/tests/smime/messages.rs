//! Every kind of message in every kind of signature.

use faxpost_tests::pki::Kind;
use faxpost_tests::verify::Verdict;
use faxpostd::certs::KeyError;
use faxpostd::message::smime::{Mode, SigningError};

use crate::kit::{Person, composed, entity};

#[test]
fn c7_what_we_compose_is_signed_as_it_is_and_openssl_finds_it_good() {
    for kind in [Kind::Rsa2048, Kind::EcP256] {
        let person = Person::new(kind);
        for mode in [Mode::Clear, Mode::Opaque] {
            for (name, message) in composed() {
                let signed = person.sign(&message, mode);
                let content = person.verifier.openssl(&signed).good();
                assert!(content == entity(&message), "{name}, {kind:?}, {mode:?}: another content");
                let head = String::from_utf8_lossy(&signed);
                let head = head.split("\r\n\r\n").next().unwrap();
                for field in ["From: ", "To: ", "Subject: ", "Date: ", "Message-ID: ", "MIME-Version: 1.0"] {
                    let found = head.lines().filter(|line| line.starts_with(field)).count();
                    assert_eq!(found, 1, "{name}: {field} in {head}");
                }
            }
        }
    }
}

#[test]
fn c7_a_changed_message_is_not_good() {
    for kind in [Kind::Rsa2048, Kind::EcP256] {
        let person = Person::new(kind);
        let message = b"Subject: x\r\nContent-Type: text/plain\r\n\r\nPay 100 euros.\r\n";
        let signed = person.sign(message, Mode::Clear);
        let text = String::from_utf8(signed).unwrap();
        assert!(matches!(person.verifier.openssl(text.as_bytes()), Verdict::Good(_)));
        for (what, with) in [("100 euros", "900 euros"), ("text/plain", "text/html ")] {
            let changed = text.replace(what, with);
            assert!(matches!(person.verifier.openssl(changed.as_bytes()), Verdict::Bad(_)), "{with}");
        }
        // Another certificate's chain: good, but of somebody else.
        let other = Person::new(kind);
        assert!(matches!(other.verifier.openssl(text.as_bytes()), Verdict::Bad(_)));
    }
}

#[test]
fn c7_bare_line_ends_are_signed_as_they_are_sent() {
    let person = Person::new(Kind::EcP256);
    let message = b"Subject: x\nContent-Type: text/plain\n\none\ntwo\rthree\n.\n";
    for mode in [Mode::Clear, Mode::Opaque] {
        let signed = person.sign(message, mode);
        let content = person.verifier.openssl(&signed).good();
        assert_eq!(content, b"Content-Type: text/plain\r\n\r\none\r\ntwo\r\nthree\r\n.\r\n");
        for (at, byte) in signed.iter().enumerate() {
            assert!(*byte != b'\n' || signed[at - 1] == b'\r', "a bare LF at {at}");
        }
    }
}

#[test]
fn c7_a_message_without_mime_is_signed_as_plain_text() {
    let person = Person::new(Kind::EcP256);
    let signed = person.sign(b"From: a@b.test\r\nSubject: x\r\n\r\nHello\r\n", Mode::Clear);
    let content = person.verifier.openssl(&signed).good();
    assert_eq!(content, b"Content-Type: text/plain; charset=us-ascii\r\n\r\nHello\r\n");
}

#[test]
fn c7_a_key_of_another_certificate_signs_nothing() {
    let (one, other) = (Person::new(Kind::Rsa2048), Person::new(Kind::EcP256));
    let mixed = Person { key: other.key.clone(), ..one };
    let error = mixed.try_sign(b"Subject: x\r\n\r\nHello\r\n", Mode::Clear).unwrap_err();
    assert!(
        matches!(&error, SigningError::Key(KeyError::Failed(text)) if text.contains("not that of")),
        "{error}"
    );
}

#[test]
fn c8_a_certificate_that_is_over_or_not_begun_signs_nothing() {
    use faxpost_tests::pki::Pki;
    let pki = Pki::new(Kind::EcP256);
    for ((from, to), word) in [((2020, 2021), "ended on"), ((2090, 2095), "begins on")] {
        let mut params = pki.params("fax@example.test");
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let person = Person::of(pki.issue(params, Kind::EcP256), &pki.root());
        let error = person.try_sign(b"Subject: x\r\n\r\nHello\r\n", Mode::Clear).unwrap_err();
        assert!(matches!(&error, SigningError::Certificate(text) if text.contains(word)), "{error}");
    }
}
