//! The certificates that could sign, what can be done with the chosen one, and the files of a folder.

use std::path::{Path, PathBuf};

use faxpost_proto::v1::{
    Candidate, GetCertificateResponse, ListCandidatesResponse, Request, RequestState, SigningRequest,
};

/// Largest file that is read: the daemon takes 40,000 octets, and says so itself.
pub const LARGEST_FILE: u64 = 1 << 20;

/// What a file is chosen for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Certificate and key are installed.
    #[default]
    Install,
    /// The answer of a certificate authority.
    Answer,
}

impl Purpose {
    /// Endings of such files.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Install => &["p12", "pfx", "pem", "crt"],
            Self::Answer => &["cer", "crt", "der", "pem", "p7b", "p7c"],
        }
    }
}

/// So many files are listed at most.
const MOST_FILES: usize = 500;

/// What the page knows.
#[derive(Default)]
pub struct Certificates {
    /// As the daemon judged them last; `None` before.
    pub judged: Option<ListCandidatesResponse>,
    /// SHA-256 of the chosen one; empty: none.
    chosen: String,
    /// What is known of it.
    pub details: Option<GetCertificateResponse>,
}

impl Certificates {
    /// All candidates, the best first.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        self.judged.as_ref().map_or(&[], |judged| &judged.candidates)
    }

    /// Takes what the daemon judged. What was chosen stays chosen, if it is still there; otherwise the best is.
    pub fn judged(&mut self, judged: ListCandidatesResponse) {
        self.judged = Some(judged);
        if self.current().is_none() {
            let first = self.candidates().first().map(fingerprint).unwrap_or_default().to_owned();
            self.choose_fingerprint(&first);
        }
    }

    /// Chooses by the place in the list.
    pub fn choose(&mut self, index: usize) {
        let chosen = self.candidates().get(index).map(fingerprint).unwrap_or_default().to_owned();
        self.choose_fingerprint(&chosen);
    }

    /// Takes what is known of a certificate, if it is still the chosen one.
    pub fn detailed(&mut self, details: GetCertificateResponse) {
        if details.certificate.as_ref().is_some_and(|certificate| certificate.sha256 == self.chosen) {
            self.details = Some(details);
        }
    }

    /// The chosen one and its place in the list.
    #[must_use]
    pub fn current(&self) -> Option<(usize, &Candidate)> {
        self.candidates()
            .iter()
            .enumerate()
            .find(|(_, one)| !self.chosen.is_empty() && fingerprint(one) == self.chosen)
    }

    /// SHA-256 of the chosen one, if the machine has it.
    #[must_use]
    pub fn in_machine(&self) -> Option<&str> {
        self.current().filter(|(_, one)| !one.from_request).map(|(_, one)| fingerprint(one))
    }

    fn choose_fingerprint(&mut self, chosen: &str) {
        if self.chosen != chosen {
            chosen.clone_into(&mut self.chosen);
            self.details = None;
        }
    }
}

fn fingerprint(candidate: &Candidate) -> &str {
    candidate.certificate.as_ref().map_or("", |certificate| &certificate.sha256)
}

/// Whether a request is not over yet.
#[must_use]
pub fn is_open(request: &Request) -> bool {
    matches!(request.state(), RequestState::Pending | RequestState::Approved)
}

/// A file or folder that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// It is a folder.
    pub is_folder: bool,
}

/// What is in a folder: folders first, then files that may be what is wanted.
///
/// # Errors
/// The system's.
pub fn entries(folder: &Path, purpose: Purpose) -> std::io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)?.flatten().take(100_000) {
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link to a folder is one.
        let is_folder = entry.path().is_dir();
        if !name.starts_with('.') && (is_folder || may_be(&name, purpose)) {
            found.push(Entry { name, is_folder });
        }
    }
    found.sort_by_key(|entry| (!entry.is_folder, entry.name.to_lowercase()));
    found.truncate(MOST_FILES);
    if folder.parent().is_some() {
        found.insert(0, Entry { name: "..".to_owned(), is_folder: true });
    }
    Ok(found)
}

/// The folder that a path leads to, and the file in it, if it is one.
#[must_use]
pub fn place(path: &Path) -> (PathBuf, Option<String>) {
    if path.is_dir() {
        return (path.to_owned(), None);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    (path.parent().map(Path::to_owned).unwrap_or_default(), name)
}

/// Where a person's files are.
#[must_use]
pub fn home() -> PathBuf {
    // The first is Windows'.
    let mut folders = ["USERPROFILE", "HOME"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    folders.find(|path| path.is_dir()).unwrap_or_else(|| "/".into())
}

/// The file that a request is saved as, named by its address.
#[must_use]
pub fn csr_file_name(waiting: &SigningRequest) -> String {
    let address = waiting.addresses.first().map_or("faxpost", String::as_str);
    let harmless = |c: char| if c.is_alphanumeric() || "@.-_".contains(c) { c } else { '_' };
    let name: String = address.chars().map(harmless).take(80).collect();
    format!("{}.csr", name.trim_start_matches('.'))
}

fn may_be(name: &str, purpose: Purpose) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| purpose.endings().contains(&&*ending))
}

#[cfg(test)]
mod tests {
    use faxpost_proto::v1::Certificate;

    use super::*;

    fn candidate(sha256: &str, from_request: bool) -> Candidate {
        Candidate {
            certificate: Some(Certificate { sha256: sha256.into(), ..Certificate::default() }),
            from_request,
            ..Candidate::default()
        }
    }

    fn judged(all: &[(&str, bool)]) -> ListCandidatesResponse {
        let candidates = all.iter().map(|(sha256, own)| candidate(sha256, *own)).collect();
        ListCandidatesResponse { candidates, ..ListCandidatesResponse::default() }
    }

    #[test]
    fn c1_the_best_is_chosen_until_a_person_chooses() {
        let mut certificates = Certificates::default();
        certificates.judged(judged(&[("aa", false), ("bb", true)]));
        assert_eq!(certificates.in_machine(), Some("aa"));
        certificates.choose(1);
        assert_eq!(certificates.in_machine(), None);
        // It stays when the list changes its order, and the best is chosen when it is gone.
        certificates.judged(judged(&[("bb", true), ("aa", false)]));
        assert_eq!(certificates.current().map(|(at, _)| at), Some(0));
        certificates.judged(judged(&[("aa", false)]));
        assert_eq!(certificates.in_machine(), Some("aa"));
    }

    #[test]
    fn c2_details_of_another_certificate_come_too_late() {
        let mut certificates = Certificates::default();
        certificates.judged(judged(&[("aa", false), ("bb", false)]));
        let details = |sha256: &str| GetCertificateResponse {
            certificate: candidate(sha256, false).certificate,
            ..GetCertificateResponse::default()
        };
        certificates.detailed(details("bb"));
        assert!(certificates.details.is_none());
        certificates.detailed(details("aa"));
        assert!(certificates.details.is_some());
        certificates.choose(1);
        assert!(certificates.details.is_none());
    }

    #[test]
    fn c4_a_folder_shows_what_may_hold_a_key() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.P12", "a.pem", "notes.txt", ".hidden.p12"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        let names = |purpose| {
            let entries = entries(folder.path(), purpose).unwrap();
            entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Purpose::Install), ["..", "keys", "a.pem", "b.P12"]);
        assert_eq!(names(Purpose::Answer), ["..", "keys", "a.pem"]);
        let (found, name) = place(&folder.path().join("a.pem"));
        assert_eq!((found.as_path(), name.as_deref()), (folder.path(), Some("a.pem")));
        assert_eq!(place(folder.path()).1, None);
        assert!(entries(&folder.path().join("none"), Purpose::Install).is_err());
    }

    #[test]
    fn c9_a_request_is_saved_under_its_address_and_nowhere_else() {
        let name = |address: &str| {
            csr_file_name(&SigningRequest { addresses: vec![address.into()], ..SigningRequest::default() })
        };
        assert_eq!(name("fax@example.test"), "fax@example.test.csr");
        assert_eq!(name("../a/b\\c@x"), "_a_b_c@x.csr");
        assert_eq!(csr_file_name(&SigningRequest::default()), "faxpost.csr");
    }
}
