//! Messages, and who signs them.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::SystemTime;

use faxpost_tests::pki::{Issued, Kind, Pki};
use faxpost_tests::tiff;
use faxpost_tests::verify::Verifier;
use faxpostd::certs::{KeyReference, open_key};
use faxpostd::mailer::Signing;
use faxpostd::message::smime::{Mode, Signed, Signer, SigningError, sign};
use faxpostd::message::{Attachment, Content, Draft};
use tempfile::TempDir;

pub(crate) const SENDER: &str = "fax@example.test";

/// A certificate with its key in a file, and who trusts it.
pub(crate) struct Person {
    pub(crate) issued: Issued,
    pub(crate) key: KeyReference,
    pub(crate) verifier: Verifier,
    pub(crate) folder: TempDir,
}

impl Person {
    pub(crate) fn new(kind: Kind) -> Self {
        let pki = Pki::new(Kind::EcP256);
        Self::of(pki.person(SENDER, kind), &pki.root())
    }

    pub(crate) fn of(issued: Issued, root: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.der");
        fs::write(&file, &issued.key).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        Self { issued, key: KeyReference::File(file), verifier: Verifier::trusting(root), folder }
    }

    pub(crate) fn signing(&self, mode: Mode) -> Signing {
        Signing {
            mode,
            certificate: self.issued.certificate.clone(),
            chain: self.issued.chain.clone(),
            key: self.key.clone(),
        }
    }

    pub(crate) fn try_sign(&self, message: &[u8], mode: Mode) -> Result<Signed, SigningError> {
        let key = open_key(&self.key)?;
        let signer = Signer { certificate: &self.issued.certificate, chain: &self.issued.chain, key: &*key };
        sign(Content::Memory(message.to_vec().into()), mode, signer, SystemTime::now())
    }

    /// The signed message, whose size was told rightly.
    pub(crate) fn sign(&self, message: &[u8], mode: Mode) -> Vec<u8> {
        let signed = self.try_sign(message, mode).unwrap();
        let mut out = Vec::new();
        signed.reader().unwrap().read_to_end(&mut out).unwrap();
        assert_eq!(out.len() as u64, signed.size());
        out
    }
}

/// What callers send: each with a name.
pub(crate) fn composed() -> Vec<(&'static str, Vec<u8>)> {
    let draft = |text: &str| Draft {
        sender_name: "Факс-сервер".to_owned(),
        sender_email: SENDER.to_owned(),
        to: vec!["Пётр <petr@example.test>".to_owned()],
        subject: "Входящий факс".to_owned(),
        text: text.to_owned(),
        ..Draft::default()
    };
    let tiff = Attachment {
        file_name: "Факс.tif".to_owned(),
        content_type: String::new(),
        content: Content::Memory(tiff::fax(3, 1200).into()),
    };
    let html = "<p>Факс от <b>+7 495</b></p>\n".to_owned();
    let all = [
        ("plain", draft("One line.\n")),
        ("empty", draft("")),
        ("no line end", draft("end")),
        ("long lines", draft(&format!("{}\n{}\n", "x".repeat(3000), "word ".repeat(700)))),
        ("dots", draft(".\n..\n.dot\n\n.\n")),
        ("from", draft("From here to there\nFrom \n From\n>From x\nüFrom y\n")),
        ("bare line ends", draft("one\rtwo\nthree\r\nfour\n\r")),
        ("blanks", draft("-- \ntrailing \t\n \n")),
        ("boundaries", draft("--\n--b\n----==_=\n")),
        ("cyrillic", draft("Три страницы.\nFrom отдела.\n.точка\n")),
        ("html", Draft { html: html.clone(), ..draft("Факс") }),
        ("only html", Draft { html: format!("From <i>x</i>\n{html}"), ..draft("") }),
        (
            "tiff",
            Draft {
                attachments: vec![tiff.clone()], html, ..draft("Факс во вложении.\nFrom x\n")
            },
        ),
        ("two files", Draft { attachments: vec![tiff.clone(), tiff], ..draft("") }),
    ];
    let compose = |draft: Draft| {
        let mut out = Vec::new();
        draft.compose().unwrap().write_to(&mut out).unwrap();
        out
    };
    all.into_iter().map(|(name, draft)| (name, compose(draft))).collect()
}

/// The MIME entity in a message of ours, by plain means: the Content-… fields and the body.
pub(crate) fn entity(message: &[u8]) -> Vec<u8> {
    let at = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let header = std::str::from_utf8(&message[..at + 2]).unwrap();
    let (mut fields, mut taken) = (String::new(), false);
    for line in header.split_inclusive("\r\n") {
        if !line.starts_with([' ', '\t']) {
            taken = line.starts_with("Content-");
        }
        if taken {
            fields.push_str(line);
        }
    }
    [fields.as_bytes(), &message[at + 2..]].concat()
}
