//! What stands in a signature, as OpenSSL prints it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use faxpost_tests::pki::{Kind, Pki};
use faxpostd::message::smime::Mode;

use crate::kit::Person;

fn printed(message: &[u8]) -> String {
    let mut child = Command::new("openssl")
        .args(["cms", "-cmsout", "-print", "-inform", "SMIME", "-noout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const MESSAGE: &[u8] = b"Subject: x\r\nContent-Type: text/plain\r\n\r\nHello\r\n";

#[test]
fn c7_the_signature_has_the_attributes_and_algorithms_that_readers_expect() {
    for (kind, algorithm) in [
        (Kind::Rsa2048, "algorithm: rsaEncryption (1.2.840.113549.1.1.1)\n          parameter: NULL"),
        (Kind::EcP256, "algorithm: ecdsa-with-SHA256 (1.2.840.10045.4.3.2)\n          parameter: <ABSENT>"),
    ] {
        let text = printed(&Person::new(kind).sign(MESSAGE, Mode::Clear));
        let signer = &text[text.find("signerInfos").unwrap()..];
        for expected in [
            "d.issuerAndSerialNumber",
            "algorithm: sha256 (2.16.840.1.101.3.4.2.1)\n          parameter: <ABSENT>",
            "object: contentType (1.2.840.113549.1.9.3)",
            "object: signingTime (1.2.840.113549.1.9.5)",
            "object: messageDigest (1.2.840.113549.1.9.4)",
            "object: S/MIME Capabilities (1.2.840.113549.1.9.15)",
            "object: id-smime-aa-signingCertificateV2 (1.2.840.113549.1.9.16.2.47)",
            ":aes-256-cbc",
            algorithm,
        ] {
            assert!(signer.contains(expected), "{kind:?}: no {expected} in {signer}");
        }
        assert!(text.contains("eContent: <ABSENT>"), "{text}");
    }
}

#[test]
fn c7_the_chain_comes_along_without_its_root() {
    let text = printed(&Person::new(Kind::EcP256).sign(MESSAGE, Mode::Opaque));
    let certificates = &text[..text.find("signerInfos").unwrap()];
    assert_eq!(certificates.matches("d.certificate:").count(), 2, "{certificates}");
    assert!(
        certificates.contains("subject: CN=Test Intermediate CA")
            || certificates.contains("Test Intermediate CA")
    );
    assert!(!certificates.contains("subject: CN=Test Root CA"), "{certificates}");
}

#[test]
fn c7_a_certificate_that_signed_itself_comes_along() {
    let pki = Pki::new(Kind::EcP256);
    let mut params = pki.params("fax@example.test");
    params.use_authority_key_identifier_extension = false;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().to_vec();
    let issued = faxpost_tests::pki::Issued {
        certificate: certificate.clone(),
        key: key.serialize_der(),
        chain: vec![],
    };
    let person = Person::of(issued, &certificate);
    let text = printed(&person.sign(MESSAGE, Mode::Clear));
    assert_eq!(text.matches("d.certificate:").count(), 1);
    let _ = person.verifier.openssl(&person.sign(MESSAGE, Mode::Clear)).good();
}
