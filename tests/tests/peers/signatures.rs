//! Signed mail after a trip through Postfix, as OpenSSL, gpgsm and NSS read it (requirement C7).

use std::fs;

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::peers::Postfix;
use faxpost_tests::pki::{Kind, Pki, pem};
use faxpost_tests::tiff;
use faxpost_tests::verify::{Parts, Verdict, Verifier};

const SENDER: &str = "fax@fax.test";

/// What callers send, each with a name.
fn mails() -> Vec<(&'static str, v1::SendMailRequest)> {
    let mail = |text: &str| v1::SendMailRequest { text: text.to_owned(), ..v1::SendMailRequest::default() };
    let html = "<p>Факс от <b>+7 495</b></p>\n<p>.</p>\nFrom x\n".to_owned();
    let fax = v1::Attachment {
        file_name: "Факс на 3 страницах.tif".to_owned(),
        content_type: String::new(),
        content: tiff::fax(3, 1200).into(),
    };
    vec![
        ("plain", mail("One line.\n")),
        ("long-lines", mail(&format!("{}\n{}\n", "x".repeat(5000), "word ".repeat(800)))),
        ("dot-lines", mail(".\n..\n.dot\n\n.\r\n")),
        ("bare-line-ends", mail("one\ntwo\rthree\r\n\nfour\r")),
        ("from-lines", mail("From here\nFrom there \n>From\n-- \n\ttab\t\n")),
        ("cyrillic", mail("Три страницы.\nFrom отдела.\n.точка\n")),
        ("html", v1::SendMailRequest { html: html.clone(), ..mail("Факс\n") }),
        ("tiff", v1::SendMailRequest { html, attachments: vec![fax], ..mail("Факс во вложении.\n") }),
    ]
}

#[tokio::test]
async fn c7_signatures_survive_postfix_and_every_reader_finds_them_good_and_changed_ones_bad() {
    let postfix = Postfix::shared();
    for (kind, key) in [(Kind::Rsa2048, "rsa"), (Kind::EcP256, "p256")] {
        let pki = Pki::new(Kind::EcP256);
        let verifier = Verifier::trusting(&pki.root());
        let daemon = TestDaemon::start().await;
        let authorities = daemon.state_dir().join("certificates/authorities");
        fs::create_dir_all(&authorities).unwrap();
        fs::write(authorities.join("root.pem"), pem("CERTIFICATE", &pki.root())).unwrap();
        let issued = pki.person(SENDER, kind);
        let install = v1::InstallCertificateRequest {
            pem: issued.pem(),
            key_pem: issued.key_pem(),
            grant: true,
            ..v1::InstallCertificateRequest::default()
        };
        daemon.certificates().await.install_certificate(install).await.unwrap();

        for (sign, mode) in [(v1::Signing::Clear, "clear"), (v1::Signing::Opaque, "opaque")] {
            let account = v1::Account {
                id: "default".to_owned(),
                sender_email: SENDER.to_owned(),
                method: v1::Method::SecureSmtpClient.into(),
                server: "127.0.0.1".to_owned(),
                port: postfix.plain.into(),
                sign: sign.into(),
                ..v1::Account::default()
            };
            daemon.set(account, &["sender_email", "method", "server", "port", "sign"]).await.unwrap();
            for (name, mail) in mails() {
                let to = format!("{key}-{mode}-{name}@fax.test");
                let mail =
                    v1::SendMailRequest {
                        to: vec![to.clone()], subject: "Входящий факс".to_owned(), ..mail
                    };
                daemon.mail().await.send_mail(mail).await.unwrap();
                let arrived = postfix.wait_for(&to, 1).await.unwrap().remove(0).message;
                let content = Parts::of(&arrived).content;
                assert_eq!(content.is_some(), mode == "clear");
                for (reader, verdict) in verifier.everybody(&arrived) {
                    assert!(matches!(verdict, Verdict::Good(_)), "{reader} of {to}: {verdict:?}");
                }
                for (reader, verdict) in verifier.everybody(&tampered(&arrived)) {
                    assert!(matches!(verdict, Verdict::Bad(_)), "{reader} of {to} does not see the change");
                }
            }
        }
    }
}

/// One letter of the content is another.
fn tampered(message: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let changed = if head.contains("pkcs7-mime") {
        // Inside the base64: the content begins after some sixty octets of DER.
        let mut body = body.as_bytes().to_vec();
        let at = (160..).find(|at| body[*at].is_ascii_lowercase()).unwrap();
        body[at] = if body[at] == b'a' { b'b' } else { b'a' };
        String::from_utf8(body).unwrap()
    } else {
        body.replacen("Content-Transfer-Encoding", "Content-Transfer-encoding", 1)
    };
    assert_ne!(changed, body);
    format!("{head}\r\n\r\n{changed}").into_bytes()
}
