//! Requests for a certificate authority: made, shown, saved, given up. The answer is a file, which `install` takes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use faxpost_gui_ui::{CsrLine, CsrView};
use faxpost_proto::refusal::{self, without_number};
use faxpost_proto::v1::{CreateSigningRequestRequest, KeyType, SigningRequest};
use slint::{ComponentHandle as _, SharedString};
use tonic::Status;

use super::{Caller as _, CertificatePage, Notice, Page as _, calls, install::Purpose, keep};
use crate::lang::Texts;
use crate::lang::failure::violations;
use crate::pages::{Saying, nth};
use crate::state::certificate as state;
use crate::times;

/// Keys that can be made, the usual one first.
const KEYS: [(KeyType, &str); 4] = [
    (KeyType::Rsa3072, "RSA 3072"),
    (KeyType::Rsa2048, "RSA 2048"),
    (KeyType::Rsa4096, "RSA 4096"),
    (KeyType::EcP256, "EC P-256"),
];

/// What waits for an answer, and what is asked about it.
#[derive(Default)]
pub(super) struct Csr {
    waiting: Vec<SigningRequest>,
    dialog: Dialog,
    address_error: Saying,
    subject_error: Saying,
    saved: Saying,
    error: Saying,
}

#[derive(Default)]
enum Dialog {
    #[default]
    None,
    Make,
    Show(Box<SigningRequest>),
    GiveUp(Box<SigningRequest>),
}

impl CertificatePage {
    pub(super) fn listen_to_csr(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<CsrView>();
        let me = &self.desk.me;
        on!(me, view.on_offer, |page| page.offer_csr());
        on!(me, view.on_make, |page| page.make_csr());
        on!(me, view.on_show, |page, index| {
            let waiting = nth(&page.csr.borrow().waiting, index);
            if let Some(waiting) = waiting {
                page.show_csr(waiting);
            }
        });
        on!(me, view.on_save, |page| page.save_csr());
        on!(me, view.on_take_answer, |page| page.choose_file(Purpose::Answer));
        on!(me, view.on_offer_give_up, |page, index| {
            let waiting = nth(&page.csr.borrow().waiting, index);
            page.ask_csr(waiting.map_or(Dialog::None, |waiting| Dialog::GiveUp(Box::new(waiting))));
        });
        on!(me, view.on_give_up, |page| page.give_up_csr());
        on!(me, view.on_leave, |page| page.ask_csr(Dialog::None));
    }

    /// Reads what waits for an answer.
    pub(super) fn read_csr(&self) {
        if !self.desk.context.may("Certificates/ListSigningRequests") {
            return;
        }
        let task = self.ask(calls::signing_requests, |page, waiting| page.csr.borrow_mut().waiting = waiting);
        self.csr_list.replace(Some(task));
    }

    fn ask_csr(&self, dialog: Dialog) {
        let waiting = std::mem::take(&mut self.csr.borrow_mut().waiting);
        self.csr.replace(Csr { waiting, dialog, ..Csr::default() });
    }

    fn offer_csr(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<CsrView>();
        view.set_address(self.account.look(|form| form.draft().sender_email.clone()).into());
        view.set_subject(SharedString::new());
        view.set_key(0);
        self.ask_csr(Dialog::Make);
    }

    fn make_csr(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<CsrView>();
        let address = view.get_address().trim().to_owned();
        if address.is_empty() {
            return;
        }
        let key = usize::try_from(view.get_key()).ok().and_then(|at| KEYS.get(at));
        let call = CreateSigningRequestRequest {
            account: self.desk.context.account(),
            sender_email: address,
            subject: view.get_subject().trim().to_owned(),
            key_type: key.map_or(KeyType::Unspecified, |(key, _)| *key).into(),
        };
        self.desk.notice.take();
        let task = self.call(
            move |channel| calls::create_signing_request(channel, call),
            |page, answer| match answer {
                Ok(made) => {
                    page.show_csr(made);
                    page.read_csr();
                }
                Err(status) => page.csr_refused(&status),
            },
        );
        self.call.replace(Some(task));
    }

    /// At its field if it is about one; else the dialog has nothing to say.
    fn csr_refused(&self, status: &Status) {
        let fields = violations(status);
        let of = |names: &[&str]| {
            let field = fields.iter().find(|(field, _)| names.contains(&field.as_str()));
            field.map(|(_, what)| what.clone())
        };
        let (address, subject) = (of(&["sender_email", "account"]), of(&["subject"]));
        if refusal::pending_request(status).is_some() || (address.is_none() && subject.is_none()) {
            self.ask_csr(Dialog::None);
            return self.refused(status);
        }
        let mut csr = self.csr.borrow_mut();
        let saying = |what: Option<String>| {
            what.map(|what| Saying::new(move |texts| texts.said(&what).into_owned())).unwrap_or_default()
        };
        (csr.address_error, csr.subject_error) = (saying(address), saying(subject));
    }

    fn show_csr(&self, waiting: SigningRequest) {
        if let Some(window) = self.desk.context.window.upgrade() {
            let path = state::home().join(state::csr_file_name(&waiting)).display().to_string();
            window.global::<CsrView>().set_path(path.into());
        }
        self.ask_csr(Dialog::Show(Box::new(waiting)));
    }

    fn save_csr(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let path = window.global::<CsrView>().get_path().trim().to_owned();
        let pem = match &self.csr.borrow().dialog {
            Dialog::Show(waiting) if !path.is_empty() => waiting.pem.clone(),
            _ => return,
        };
        let page = self.desk.me.clone();
        let file = PathBuf::from(&path);
        let task = self.desk.context.link.work(
            |_| (),
            move || write(&file, &pem),
            move |written| {
                let Some(page) = page.upgrade() else { return };
                {
                    let mut csr = page.csr.borrow_mut();
                    (csr.saved, csr.error) = match written {
                        Ok(()) => {
                            let saved = move |texts: &Texts| (texts.certificate.csr_saved)(&path);
                            (Saying::new(saved), Saying::default())
                        }
                        Err(error) => (Saying::default(), Saying::new(move |texts| unwritten(&error, texts))),
                    };
                }
                page.show();
            },
        );
        self.call.replace(Some(task));
    }

    fn give_up_csr(&self) {
        let id = match &self.csr.borrow().dialog {
            Dialog::GiveUp(waiting) => waiting.id.clone(),
            _ => return,
        };
        self.ask_csr(Dialog::None);
        self.change(
            move |channel| calls::delete_signing_request(channel, id),
            |()| Notice::good(|texts| texts.certificate.csr_given_up),
        );
    }

    pub(super) fn present_csr(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<CsrView>();
        let all = self.desk.context.texts();
        let words = &all.certificate;
        let csr = self.csr.borrow();

        let line = |waiting: &SigningRequest| {
            let when = times::local(waiting.create_time.as_ref(), all.language);
            CsrLine {
                title: waiting.subject.as_str().into(),
                detail: format!("{}, {when}, {}", waiting.key_algorithm, waiting.created_by).into(),
            }
        };
        view.set_lines(keep(view.get_lines(), csr.waiting.iter().map(line).collect()));
        let context = &self.desk.context;
        let barrier = |method: &str| SharedString::from(if context.may(method) { "" } else { words.denied });
        let either = |method: &str, does: &'static str, asks: &'static str| {
            SharedString::from(if context.must_ask(method) { asks } else { does })
        };
        let create = "Certificates/CreateSigningRequest";
        view.set_create_text(either(create, words.csr, words.ask_csr));
        view.set_make_text(either(create, words.csr_make, words.csr_ask_make));
        view.set_create_barrier(barrier(create));
        let answer = "Certificates/InstallSigningAnswer";
        view.set_answer_text(either(answer, words.csr_answer, words.ask_csr_answer));
        view.set_answer_barrier(barrier(answer));
        let delete = "Certificates/DeleteSigningRequest";
        view.set_give_up_text(either(delete, words.csr_give_up, words.ask_csr_give_up));
        view.set_give_up_barrier(barrier(delete));

        view.set_address_error(csr.address_error.text(all));
        view.set_subject_error(csr.subject_error.text(all));
        let keys = KEYS.iter().map(|(_, name)| SharedString::from(*name)).collect();
        view.set_keys(keep(view.get_keys(), keys));
        view.set_saved(csr.saved.text(all));
        view.set_error(csr.error.text(all));
        match &csr.dialog {
            Dialog::Show(waiting) => {
                view.set_title(waiting.subject.as_str().into());
                view.set_pem(waiting.pem.trim_end().into());
            }
            Dialog::GiveUp(waiting) => view.set_question((words.csr_question)(&waiting.subject).into()),
            Dialog::None | Dialog::Make => {}
        }
        view.set_making(matches!(csr.dialog, Dialog::Make));
        view.set_showing(matches!(csr.dialog, Dialog::Show(_)));
        view.set_giving_up(matches!(csr.dialog, Dialog::GiveUp(_)));
    }
}

fn unwritten(error: &std::io::Error, texts: &Texts) -> String {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => texts.log.exists.to_owned(),
        _ => (texts.log.cannot_write)(without_number(&error.to_string())),
    }
}

/// A new file: nothing is overwritten. Blocks.
fn write(path: &Path, pem: &str) -> std::io::Result<()> {
    let mut file = std::fs::File::options().write(true).create_new(true).open(path)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()
}
