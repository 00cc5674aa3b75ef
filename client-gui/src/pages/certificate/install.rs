//! Installing: a file that a person chooses, or a certificate of his own store.

use std::path::{Path, PathBuf};

use faxpost_gui_ui::{CertificateView, FileLine, Kind};
use faxpost_proto::v1::{InstallCertificateRequest, InstallCertificateResponse, InstallSigningAnswerRequest};
use faxpost_proto::{pem, refusal, user_store};
use slint::{ComponentHandle as _, SharedString};
use zeroize::Zeroizing;

use super::{CertificatePage, Notice, Page as _, calls, keep};
use crate::lang::Texts;
use crate::pages::Saying;
use crate::state::certificate::{self as state, Entry};

pub(super) use crate::state::certificate::Purpose;

/// The dialog that chooses a file.
#[derive(Default)]
pub(super) struct Chooser {
    open: bool,
    purpose: Purpose,
    folder: PathBuf,
    entries: Vec<Entry>,
    file: Option<PathBuf>,
    error: Saying,
}

/// What an installation needs beside the daemon.
enum Source {
    /// A file, and its password.
    File(PathBuf, Zeroizing<String>),
    /// A certificate of one's own store.
    Own([u8; 32]),
}

/// Why there is nothing to send.
enum Unread {
    TooLarge,
    NoKey,
    File(std::io::Error),
    Store(user_store::Error),
}

impl Unread {
    fn text(&self, texts: &Texts) -> String {
        let words = &texts.certificate;
        match self {
            Self::TooLarge => words.too_large.to_owned(),
            Self::NoKey => words.no_key_in.to_owned(),
            Self::File(error) => (words.cannot_read)(refusal::without_number(&error.to_string())),
            Self::Store(error) => (words.user_store)(error),
        }
    }
}

impl CertificatePage {
    pub(super) fn install_own(&self) {
        let sha256 = {
            let state = self.state.borrow();
            let current = state.current().filter(|(_, one)| one.from_request);
            current.and_then(|(_, one)| digest(&one.certificate.as_ref()?.sha256))
        };
        if let Some(sha256) = sha256 {
            self.install(Source::Own(sha256), true);
        }
    }

    pub(super) fn install_file(&self) {
        let file = self.chooser.borrow().file.clone();
        let (Some(file), Some(window)) = (file, self.desk.context.window.upgrade()) else { return };
        let view = window.global::<CertificateView>();
        let grant = view.get_file_grant();
        if self.chooser.borrow().purpose == Purpose::Answer {
            return self.install_answer(file, grant);
        }
        let password = Zeroizing::new(view.get_file_password().to_string());
        self.install(Source::File(file, password), grant);
    }

    /// Reads, then calls. The password ends with it.
    fn install(&self, source: Source, grant: bool) {
        self.desk.notice.take();
        let page = self.desk.me.clone();
        let task = self.desk.context.link.work(
            |_| (),
            move || read(source),
            move |read| {
                let Some(page) = page.upgrade() else { return };
                match read {
                    Ok(mut call) => {
                        call.grant = grant;
                        page.send(call);
                    }
                    Err(why) => page.unread(why),
                }
                page.show();
            },
        );
        self.call.replace(Some(task));
    }

    fn send(&self, call: InstallCertificateRequest) {
        let own = self.desk.context.link.own_connection();
        self.change(
            move |_| async move { calls::install(own.await?, call).await },
            |answer: InstallCertificateResponse| {
                let subject = answer.certificate.map(|one| one.subject).unwrap_or_default();
                Notice::good(move |texts| {
                    let words = &texts.certificate;
                    let say =
                        if answer.already_installed { words.already_installed } else { words.installed };
                    say(&subject)
                })
            },
        );
        self.close_chooser();
    }

    /// Reads the answer of a CA, then calls.
    fn install_answer(&self, file: PathBuf, grant: bool) {
        self.desk.notice.take();
        let page = self.desk.me.clone();
        let task = self.desk.context.link.work(
            |_| (),
            move || read_file(&file),
            move |read| {
                let Some(page) = page.upgrade() else { return };
                match read {
                    Ok(answer) => page.send_answer(answer, grant),
                    Err(why) => page.unread(why),
                }
                page.show();
            },
        );
        self.call.replace(Some(task));
    }

    fn send_answer(&self, answer: Vec<u8>, grant: bool) {
        let call = InstallSigningAnswerRequest { answer: answer.into(), grant };
        self.change(
            move |channel| calls::install_answer(channel, call),
            |answer| {
                let subject = answer.certificate.map(|one| one.subject).unwrap_or_default();
                Notice::good(move |texts| (texts.certificate.installed)(&subject))
            },
        );
        self.close_chooser();
    }

    fn unread(&self, why: Unread) {
        if self.chooser.borrow().open {
            self.chooser.borrow_mut().error = Saying::new(move |texts| why.text(texts));
        } else {
            self.desk.say(Notice::of(Kind::Bad, move |texts| why.text(texts)));
        }
    }

    /// Opens the dialog that chooses a file.
    pub(super) fn choose_file(&self, purpose: Purpose) {
        self.chooser.replace(Chooser { purpose, ..Chooser::default() });
        self.open_folder(&state::home());
    }

    pub(super) fn open_folder(&self, path: &Path) {
        let path = path.to_owned();
        let purpose = self.chooser.borrow().purpose;
        let page = self.desk.me.clone();
        let task = self.desk.context.link.work(
            |_| (),
            move || {
                let (folder, file) = state::place(&path);
                let entries = state::entries(&folder, purpose);
                (folder, file, entries)
            },
            move |(folder, file, entries)| {
                let Some(page) = page.upgrade() else { return };
                {
                    let mut chooser = page.chooser.borrow_mut();
                    chooser.open = true;
                    match entries {
                        Ok(entries) => {
                            let known = |name: &String| entries.iter().any(|entry| entry.name == *name);
                            chooser.file = file.filter(known).map(|name| folder.join(name));
                            chooser.folder = folder;
                            chooser.entries = entries;
                            chooser.error = Saying::default();
                        }
                        Err(error) => {
                            let why = Unread::File(error);
                            chooser.error = Saying::new(move |texts| why.text(texts));
                        }
                    }
                }
                page.show();
            },
        );
        self.call.replace(Some(task));
    }

    pub(super) fn pick_file(&self, index: i32) {
        let (entry, folder) = {
            let chooser = self.chooser.borrow();
            let entry = usize::try_from(index).ok().and_then(|at| chooser.entries.get(at)).cloned();
            (entry, chooser.folder.clone())
        };
        match entry {
            Some(entry) if entry.is_folder => {
                let to = match &*entry.name {
                    ".." => folder.parent().map(Path::to_owned).unwrap_or(folder),
                    name => folder.join(name),
                };
                self.open_folder(&to);
            }
            Some(entry) => {
                let mut chooser = self.chooser.borrow_mut();
                chooser.file = Some(folder.join(entry.name));
                chooser.error = Saying::default();
            }
            None => {}
        }
    }

    pub(super) fn close_chooser(&self) {
        self.chooser.take();
        if let Some(window) = self.desk.context.window.upgrade() {
            window.global::<CertificateView>().set_file_password(SharedString::new());
        }
    }

    pub(super) fn present_chooser(&self, view: &CertificateView<'_>) {
        let chooser = self.chooser.borrow();
        view.set_choosing_file(chooser.open);
        let words = &self.desk.context.texts().certificate;
        let (title, wanted) = (words.choose)(chooser.purpose);
        view.set_file_title(title.into());
        view.set_file_wanted(wanted.into());
        let is_answer = chooser.purpose == Purpose::Answer;
        view.set_file_has_password(!is_answer && !chooser.file.as_deref().is_some_and(is_text));
        let asks = |method: &str| self.desk.context.must_ask(method);
        view.set_file_yes(
            match (
                is_answer,
                asks("Certificates/InstallSigningAnswer"),
                asks("Certificates/InstallCertificate"),
            ) {
                (true, false, _) => words.take_answer,
                (true, true, _) => words.ask_take_answer,
                (false, _, false) => words.install_file,
                (false, _, true) => words.ask_install_file,
            }
            .into(),
        );
        let mut folder = chooser.folder.display().to_string();
        if !folder.ends_with(std::path::MAIN_SEPARATOR) {
            folder.push(std::path::MAIN_SEPARATOR);
        }
        view.set_folder(folder.into());
        let file = chooser.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        view.set_can_install_file(!file.is_empty());
        view.set_file(file.into());
        let files = chooser.entries.iter();
        let files = files.map(|entry| FileLine { name: (&*entry.name).into(), folder: entry.is_folder });
        view.set_files(keep(view.get_files(), files.collect()));
        view.set_file_error(chooser.error.text(self.desk.context.texts()));
    }
}

/// What is to be installed, as the daemon wants it. Blocks.
fn read(source: Source) -> Result<InstallCertificateRequest, Unread> {
    let (path, password) = match source {
        Source::Own(sha256) => {
            let exported = user_store::export(&sha256).map_err(Unread::Store)?;
            return Ok(InstallCertificateRequest {
                pkcs12: exported.pkcs12.to_vec().into(),
                password: exported.password.to_string(),
                ..InstallCertificateRequest::default()
            });
        }
        Source::File(path, password) => (path, password),
    };
    let bytes = read_file(&path)?;
    let Some(text) = pem::text(&bytes) else {
        return Ok(InstallCertificateRequest {
            pkcs12: bytes.into(),
            password: password.to_string(),
            ..InstallCertificateRequest::default()
        });
    };
    let (certificates, key_pem) = pem::split(text);
    if key_pem.is_empty() {
        return Err(Unread::NoKey);
    }
    Ok(InstallCertificateRequest { pem: certificates, key_pem, ..InstallCertificateRequest::default() })
}

/// Blocks.
fn read_file(path: &Path) -> Result<Vec<u8>, Unread> {
    let length = std::fs::metadata(path).map_err(Unread::File)?.len();
    if length > state::LARGEST_FILE {
        return Err(Unread::TooLarge);
    }
    std::fs::read(path).map_err(Unread::File)
}

/// PEM: nobody gave it a password.
fn is_text(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["pem", "crt"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_a_fingerprint_is_read_or_not() {
        assert_eq!(digest(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(digest("0f"), None);
        assert_eq!(digest(&"zz".repeat(32)), None);
        assert_eq!(digest(&"é".repeat(32)), None);
    }
}
