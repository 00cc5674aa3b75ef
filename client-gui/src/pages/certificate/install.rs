//! Installing: a file that a person chooses, or a certificate of his own store.

use std::path::{Path, PathBuf};

use faxpost_gui_ui::{CertificateView, FileLine, Kind};
use faxpost_proto::v1::{InstallCertificateRequest, InstallCertificateResponse};
use faxpost_proto::{pem, refusal, user_store};
use slint::{ComponentHandle as _, SharedString};
use zeroize::Zeroizing;

use super::{CertificatePage, Notice, Page as _, calls, keep};
use crate::state::certificate::{self as state, Entry};

/// The dialog that chooses a file.
#[derive(Default)]
pub(super) struct Chooser {
    open: bool,
    folder: PathBuf,
    entries: Vec<Entry>,
    file: Option<PathBuf>,
    error: String,
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
        let password = Zeroizing::new(view.get_file_password().to_string());
        self.install(Source::File(file, password), view.get_file_grant());
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
                    Err(why) => page.unread(&why),
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
            |texts, answer: InstallCertificateResponse| {
                let subject = answer.certificate.map(|one| one.subject).unwrap_or_default();
                let words = &texts.certificate;
                let say = if answer.already_installed { words.already_installed } else { words.installed };
                Notice::good(&say(&subject))
            },
        );
        self.close_chooser();
    }

    fn unread(&self, why: &Unread) {
        let words = &self.desk.context.texts().certificate;
        let said = match why {
            Unread::TooLarge => words.too_large.to_owned(),
            Unread::NoKey => words.no_key_in.to_owned(),
            Unread::File(error) => (words.cannot_read)(refusal::without_number(&error.to_string())),
            Unread::Store(error) => (words.user_store)(error),
        };
        if self.chooser.borrow().open {
            self.chooser.borrow_mut().error = said;
        } else {
            self.desk.say(Notice { kind: Kind::Bad, text: said, detail: String::new() });
        }
    }

    pub(super) fn open_folder(&self, path: &Path) {
        let path = path.to_owned();
        let page = self.desk.me.clone();
        let task = self.desk.context.link.work(
            |_| (),
            move || {
                let (folder, file) = state::place(&path);
                let entries = state::entries(&folder);
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
                            chooser.error.clear();
                        }
                        Err(error) => {
                            let said = error.to_string();
                            let words = &page.desk.context.texts().certificate;
                            chooser.error = (words.cannot_read)(refusal::without_number(&said));
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
                chooser.error.clear();
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
        view.set_file_error(chooser.error.as_str().into());
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
    let length = std::fs::metadata(&path).map_err(Unread::File)?.len();
    if length > state::LARGEST_FILE {
        return Err(Unread::TooLarge);
    }
    let bytes = std::fs::read(&path).map_err(Unread::File)?;
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
