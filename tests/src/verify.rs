//! Independent readers of signed mail, as programs: OpenSSL, GnuPG's gpgsm and Mozilla's NSS.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};
use tempfile::TempDir;

/// What a reader says of a signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The signature is good; the signed content, where the reader tells it.
    Good(Vec<u8>),
    /// It is not; his words.
    Bad(String),
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

/// Readers who trust one root.
pub struct Verifier {
    home: TempDir,
    sha1: String,
}

impl Verifier {
    /// Trusts this root, DER.
    ///
    /// # Panics
    /// There is no disk.
    #[must_use]
    pub fn trusting(root: &[u8]) -> Self {
        let home = tempfile::Builder::new().prefix("fxv").tempdir().expect("a folder");
        fs::write(home.path().join("root.pem"), crate::pki::pem("CERTIFICATE", root)).expect("written");
        Self { home, sha1: hex::encode_upper(Sha1::digest(root)) }
    }

    /// All of them, by name.
    ///
    /// # Panics
    /// One of the programs is missing.
    #[must_use]
    pub fn everybody(&self, message: &[u8]) -> [(&'static str, Verdict); 3] {
        [("openssl", self.openssl(message)), ("gpgsm", self.gpgsm(message)), ("nss", self.nss(message))]
    }

    /// `openssl cms -verify`, on a whole message.
    ///
    /// # Panics
    /// There is no openssl.
    #[must_use]
    pub fn openssl(&self, message: &[u8]) -> Verdict {
        let mut child = Command::new("openssl")
            .args(["cms", "-verify", "-purpose", "smimesign", "-inform", "SMIME", "-CAfile"])
            .arg(self.path("root.pem"))
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

    /// `gpgsm --verify`.
    ///
    /// # Panics
    /// There is no gpgsm, or the message is no S/MIME message.
    #[must_use]
    pub fn gpgsm(&self, message: &[u8]) -> Verdict {
        let home = self.path("gnupg");
        if !home.exists() {
            fs::create_dir(&home).expect("a folder");
            private(&home);
            let settings = "disable-crl-checks\ndisable-dirmngr\nbatch\nno-tty\n";
            fs::write(home.join("gpgsm.conf"), settings).expect("written");
            fs::write(home.join("trustlist.txt"), format!("{} S relax\n", self.sha1)).expect("written");
            let imported = self.gpgsm_command().arg("--import").arg(self.path("root.pem")).output();
            assert!(imported.expect("gpgsm is installed").status.success(), "the root is imported");
        }
        let files = self.split(message);
        let output = self.gpgsm_command().args(["--status-fd", "1", "--verify"]).args(files).output();
        let said = words(&output.expect("gpgsm is installed"));
        let good = said.contains("[GNUPG:] GOODSIG") && said.contains("[GNUPG:] TRUST_FULLY");
        if good { Verdict::Good(Vec::new()) } else { Verdict::Bad(said) }
    }

    /// `cmsutil -D`, NSS's.
    ///
    /// # Panics
    /// There is no NSS, or the message is no S/MIME message.
    #[must_use]
    pub fn nss(&self, message: &[u8]) -> Verdict {
        let folder = self.path("nss");
        let database = format!("sql:{}", folder.display());
        if !folder.exists() {
            fs::create_dir(&folder).expect("a folder");
            let root = self.path("root.pem").display().to_string();
            for arguments in [
                &["-N", "-d", &database, "--empty-password"][..],
                &["-A", "-d", &database, "-n", "root", "-t", ",C,", "-i", &root],
            ] {
                let output = Command::new("certutil").args(arguments).output().expect("NSS is installed");
                assert!(output.status.success(), "certutil {arguments:?}: {}", words(&output));
            }
        }
        let mut files = self.split(message).into_iter();
        let mut command = Command::new("cmsutil");
        command.args(["-D", "-d", &database, "-n", "-h", "0", "-u", "4", "-i"]).args(files.next());
        if let Some(content) = files.next() {
            command.arg("-c").arg(content);
        }
        let said = words(&command.output().expect("NSS is installed"));
        let good = said.contains("signer0.status=GoodSignature");
        if good { Verdict::Good(Vec::new()) } else { Verdict::Bad(said) }
    }

    /// The signature, and the content where it stands beside it, as files.
    fn split(&self, message: &[u8]) -> Vec<PathBuf> {
        let parts = Parts::of(message);
        let mut files = vec![self.path("signature.der")];
        fs::write(&files[0], parts.signature).expect("written");
        if let Some(content) = parts.content {
            files.push(self.path("content"));
            fs::write(&files[1], content).expect("written");
        }
        files
    }

    fn gpgsm_command(&self) -> Command {
        let mut command = Command::new("gpgsm");
        command.env("GNUPGHOME", self.path("gnupg")).stdin(Stdio::null());
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        let home = self.path("gnupg");
        if home.exists() {
            // gpgsm has started it; it would outlive us.
            let _ = Command::new("gpgconf").env("GNUPGHOME", home).args(["--kill", "all"]).output();
        }
    }
}

/// A signed message taken apart, by plain means.
pub struct Parts {
    /// CMS, DER.
    pub signature: Vec<u8>,
    /// What was signed, where it stands beside the signature.
    pub content: Option<Vec<u8>>,
}

impl Parts {
    /// Of a message with CRLF.
    ///
    /// # Panics
    /// It is no S/MIME message.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        let text = String::from_utf8_lossy(message);
        let (head, body) = text.split_once("\r\n\r\n").expect("a header");
        if head.contains("application/pkcs7-mime") {
            return Self { signature: decode(body), content: None };
        }
        let (_, rest) = head.split_once("boundary=\"").expect("a boundary");
        let (boundary, _) = rest.split_once('"').expect("a boundary");
        let delimiter = format!("--{boundary}");
        let mut parts = body.split(&delimiter);
        let content = parts.nth(1).expect("the content");
        let content = content.strip_prefix("\r\n").and_then(|content| content.strip_suffix("\r\n"));
        let (_, signature) =
            parts.next().and_then(|part| part.split_once("\r\n\r\n")).expect("the signature");
        Self {
            signature: decode(signature),
            content: Some(content.expect("whole lines").as_bytes().to_vec()),
        }
    }
}

fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).expect("base64")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn private(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("a mode");
}
