//! Independent readers of signed mail, as programs: OpenSSL.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a reader says of a signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The signature is good; the signed content, as the reader understood it, where he tells it.
    Good(Vec<u8>),
    /// It is not; his words.
    Bad(String),
}

/// A reader who trusts one root.
pub struct Verifier {
    home: TempDir,
}

impl Verifier {
    /// Trusts this root, DER.
    ///
    /// # Panics
    /// There is no disk.
    #[must_use]
    pub fn trusting(root: &[u8]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("root.pem"), crate::pki::pem("CERTIFICATE", root)).expect("written");
        Self { home }
    }

    /// `openssl cms -verify`, on a whole message.
    ///
    /// # Panics
    /// There is no openssl.
    #[must_use]
    pub fn openssl(&self, message: &[u8]) -> Verdict {
        let mut child = Command::new("openssl")
            .args(["cms", "-verify", "-purpose", "smimesign", "-inform", "SMIME", "-CAfile"])
            .arg(self.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl is installed");
        let mut stdin = child.stdin.take().expect("a pipe");
        let message = message.to_vec();
        let writer = std::thread::spawn(move || {
            // It may stop reading early, when it has seen enough.
            let _ = stdin.write_all(&message);
        });
        let output = child.wait_with_output().expect("openssl ends");
        writer.join().expect("written");
        match output.status.success() {
            true => Verdict::Good(output.stdout),
            false => Verdict::Bad(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("root.pem")
    }
}

impl Verdict {
    /// The content.
    ///
    /// # Panics
    /// The signature is not good.
    #[must_use]
    pub fn good(self) -> Vec<u8> {
        match self {
            Self::Good(content) => content,
            Self::Bad(words) => panic!("the signature should be good: {words}"),
        }
    }
}
