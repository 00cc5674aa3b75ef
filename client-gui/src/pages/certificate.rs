//! The certificate page.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

use faxpost_gui_ui::{CandidateLine, CertificateView, ChainLine, Fact, FileLine, HolderLine, Kind};
use faxpost_proto::v1::{
    Candidate, Certificate, CheckSigningResponse, GetCertificateResponse, InstallCertificateRequest,
    InstallCertificateResponse, ListCandidatesResponse, Request,
};
use faxpost_proto::{pem, refusal, user_store};
use slint::{ComponentHandle as _, SharedString};
use tonic::Status;
use zeroize::Zeroizing;

use super::account::AccountPage;
use super::{Context, Notice, Page, keep, strings};
use crate::lang::Texts;
use crate::lang::failure::failure;
use crate::link::{Answer, Task, certificate as calls};
use crate::state::certificate::{self as state, Certificates, Entry, is_open};
use crate::times;

/// The certificate page.
pub struct CertificatePage {
    me: Weak<Self>,
    context: Rc<Context>,
    account: Rc<AccountPage>,
    state: RefCell<Certificates>,
    requests: RefCell<Vec<Request>>,
    /// The request that this page made last.
    pending: Cell<Option<i64>>,
    notice: RefCell<Option<Notice>>,
    watch: RefCell<Option<Task>>,
    list: RefCell<Option<Task>>,
    details: RefCell<Option<Task>>,
    call: RefCell<Option<Task>>,
    busy: Cell<bool>,
    shown: Cell<bool>,
    /// The sender that was judged for: another one is another list.
    judged_for: RefCell<String>,
    chooser: RefCell<Chooser>,
}

/// The dialog that chooses a file.
#[derive(Default)]
struct Chooser {
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
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>, account: Rc<AccountPage>) -> Rc<Self> {
        let page = Rc::new_cyclic(|me: &Weak<Self>| Self {
            me: me.clone(),
            context,
            account,
            state: RefCell::default(),
            requests: RefCell::default(),
            pending: Cell::default(),
            notice: RefCell::default(),
            watch: RefCell::default(),
            list: RefCell::default(),
            details: RefCell::default(),
            call: RefCell::default(),
            busy: Cell::default(),
            shown: Cell::default(),
            judged_for: RefCell::default(),
            chooser: RefCell::default(),
        });
        page.listen();
        let follower = page.me.clone();
        page.account.follow(move || {
            if let Some(page) = follower.upgrade() {
                page.account_changed();
            }
        });
        page
    }

    fn listen(&self) {
        let Some(window) = self.context.window.upgrade() else { return };
        let view = window.global::<CertificateView>();
        macro_rules! on {
            ($set:ident, |$page:ident $(, $argument:ident)*| $body:expr) => {{
                let weak = self.me.clone();
                view.$set(move |$($argument),*| {
                    if let Some($page) = weak.upgrade() {
                        $body;
                        $page.show();
                    }
                });
            }};
        }
        on!(on_choose, |page, index| {
            page.state.borrow_mut().choose(usize::try_from(index).unwrap_or(usize::MAX));
            page.look_closer();
        });
        on!(on_refresh, |page| page.refresh());
        on!(on_use_for_account, |page| page.use_for_account());
        on!(on_grant, |page| page.grant());
        on!(on_revoke, |page, index| page.revoke(index));
        on!(on_check, |page| page.check());
        on!(on_delete, |page| page.delete());
        on!(on_install_own, |page| page.install_own());
        on!(on_choose_file, |page| page.open_folder(&state::home()));
        on!(on_open_folder, |page, path| page.open_folder(Path::new(&*path)));
        on!(on_pick_file, |page, index| page.pick_file(index));
        on!(on_install_file, |page| page.install_file());
        on!(on_cancel_file, |page| page.close_chooser());
        on!(on_withdraw, |page| page.withdraw());
        on!(on_close_notice, |page| page.notice.take());
        on!(on_cancel, |page| page.cancel());
    }

    fn cancel(&self) {
        self.call.take();
        self.list.take();
        self.busy.set(false);
    }

    /// A call of this page: shows that it waits, and tells what went wrong.
    fn ask<T, F>(
        &self,
        call: impl FnOnce(tonic::transport::Channel) -> F,
        then: impl FnOnce(&Self, T) + 'static,
    ) -> Task
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let (waiting, page) = (self.me.clone(), self.me.clone());
        self.context.link.ask(
            move |slow| {
                if let Some(page) = waiting.upgrade() {
                    page.busy.set(slow);
                    page.show();
                }
            },
            call,
            move |answer| {
                let Some(page) = page.upgrade() else { return };
                match answer {
                    Ok(answer) => then(&page, answer),
                    Err(status) => page.refused(&status),
                }
                page.show();
            },
        )
    }

    /// A change: everything is read again after it.
    fn change<T, F>(
        &self,
        call: impl FnOnce(tonic::transport::Channel) -> F,
        notice: impl FnOnce(&Texts, T) -> Notice + 'static,
    ) where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        self.notice.take();
        let task = self.ask(call, move |page, answer| {
            let notice = notice(page.context.texts(), answer);
            page.notice.replace(Some(notice));
            page.refresh();
        });
        self.call.replace(Some(task));
    }

    fn refused(&self, status: &Status) {
        if let Some(number) = refusal::pending_request(status) {
            self.pending.set(Some(number));
            return;
        }
        self.notice.replace(Some(Notice::bad(failure(status, self.context.texts()))));
    }

    fn refresh(&self) {
        let account = self.context.account();
        let task = self.ask(
            move |channel| calls::candidates(channel, account),
            |page, judged: ListCandidatesResponse| {
                page.state.borrow_mut().judged(judged);
                page.state.borrow_mut().details = None;
                page.look_closer();
            },
        );
        self.list.replace(Some(task));
    }

    /// Reads more about the chosen one.
    fn look_closer(&self) {
        let state = self.state.borrow();
        let Some(fingerprint) = state.in_machine().map(str::to_owned) else { return };
        if state.details.is_some() {
            return;
        }
        drop(state);
        let task = self.ask(
            move |channel| calls::details(channel, fingerprint),
            |page, details: GetCertificateResponse| page.state.borrow_mut().detailed(details),
        );
        self.details.replace(Some(task));
    }

    fn chosen(&self) -> Option<String> {
        self.state.borrow().in_machine().map(str::to_owned)
    }

    fn use_for_account(&self) {
        let Some(chosen) = self.chosen() else { return };
        self.account.change(|form| form.edit("certificate", &chosen));
        let text = self.context.texts().certificate.taken;
        let notice = Notice { kind: Kind::Info, text: text.to_owned(), detail: String::new() };
        self.notice.replace(Some(notice));
    }

    fn grant(&self) {
        let Some(chosen) = self.chosen() else { return };
        self.change(
            move |channel| calls::grant(channel, chosen),
            |texts, ()| Notice::good(texts.certificate.granted),
        );
    }

    fn revoke(&self, index: i32) {
        let Some(chosen) = self.chosen() else { return };
        let trustee = {
            let state = self.state.borrow();
            let holders = state.details.as_ref().map(|details| details.key_holders.as_slice());
            let holder = usize::try_from(index).ok().and_then(|at| holders.unwrap_or_default().get(at));
            holder.map(|holder| holder.id.clone())
        };
        let Some(trustee) = trustee else { return };
        self.change(
            move |channel| calls::revoke(channel, chosen, trustee),
            |texts, ()| Notice::good(texts.certificate.revoked),
        );
    }

    fn delete(&self) {
        let Some(chosen) = self.chosen() else { return };
        self.change(
            move |channel| calls::delete(channel, chosen),
            |texts, ()| Notice::good(texts.certificate.deleted),
        );
    }

    fn check(&self) {
        let Some(chosen) = self.chosen() else { return };
        let account = self.context.account();
        self.change(
            move |channel| calls::check(channel, account, chosen),
            |texts, answer: CheckSigningResponse| {
                let words = &texts.certificate;
                if answer.passed {
                    return Notice::good(&(words.check_passed)(&answer.signed_as_name, &answer.algorithm));
                }
                let known = (texts.words.failure)(&answer.failure_reason).unwrap_or_default();
                Notice {
                    kind: Kind::Bad,
                    text: (words.check_failed)(&answer.signed_as_name),
                    detail: format!("{known} {}", answer.failure_text).trim().to_owned(),
                }
            },
        );
    }

    fn install_own(&self) {
        let sha256 = {
            let state = self.state.borrow();
            let current = state.current().filter(|(_, one)| one.from_request);
            current.and_then(|(_, one)| digest(&one.certificate.as_ref()?.sha256))
        };
        if let Some(sha256) = sha256 {
            self.install(Source::Own(sha256), true);
        }
    }

    fn install_file(&self) {
        let file = self.chooser.borrow().file.clone();
        let (Some(file), Some(window)) = (file, self.context.window.upgrade()) else { return };
        let view = window.global::<CertificateView>();
        let password = Zeroizing::new(view.get_file_password().to_string());
        self.install(Source::File(file, password), view.get_file_grant());
    }

    /// Reads, then calls. The password ends with it.
    fn install(&self, source: Source, grant: bool) {
        self.notice.take();
        let page = self.me.clone();
        let task = self.context.link.work(
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
        let own = self.context.link.own_connection();
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
        let words = &self.context.texts().certificate;
        let said = match why {
            Unread::TooLarge => words.too_large.to_owned(),
            Unread::NoKey => words.no_key_in.to_owned(),
            Unread::File(error) => (words.cannot_read)(refusal::without_number(&error.to_string())),
            Unread::Store(error) => (words.user_store)(error),
        };
        if self.chooser.borrow().open {
            self.chooser.borrow_mut().error = said;
        } else {
            self.notice.replace(Some(Notice { kind: Kind::Bad, text: said, detail: String::new() }));
        }
    }

    fn open_folder(&self, path: &Path) {
        let path = path.to_owned();
        let page = self.me.clone();
        let task = self.context.link.work(
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
                            let words = &page.context.texts().certificate;
                            chooser.error = (words.cannot_read)(refusal::without_number(&said));
                        }
                    }
                }
                page.show();
            },
        );
        self.call.replace(Some(task));
    }

    fn pick_file(&self, index: i32) {
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

    fn close_chooser(&self) {
        self.chooser.take();
        if let Some(window) = self.context.window.upgrade() {
            window.global::<CertificateView>().set_file_password(SharedString::new());
        }
    }

    /// Takes the request back, or closes what became of it.
    fn withdraw(&self) {
        let Some(number) = self.pending.get() else { return };
        if self.request(number).is_none_or(|request| !is_open(&request)) {
            self.pending.set(None);
            return;
        }
        let task = self.ask(move |channel| calls::withdraw(channel, number), |_, ()| ());
        self.call.replace(Some(task));
    }

    fn request(&self, number: i64) -> Option<Request> {
        self.requests.borrow().iter().find(|request| request.number == number).cloned()
    }

    fn requests_came(&self, requests: Vec<Request>) {
        let was_open =
            self.pending.get().and_then(|number| self.request(number)).is_some_and(|one| is_open(&one));
        self.requests.replace(requests);
        // Left from before: whoever asked and closed the window still wants to know.
        if self.pending.get().is_none() {
            let mine = self.context.status().caller_id.clone();
            let requests = self.requests.borrow();
            let open = requests.iter().find(|request| {
                is_open(request) && request.caller_id == mine && request.method.contains("Certificates/")
            });
            self.pending.set(open.map(|request| request.number));
        }
        let is_open_now =
            self.pending.get().and_then(|number| self.request(number)).is_some_and(|one| is_open(&one));
        if was_open && !is_open_now && self.shown.get() {
            self.refresh();
        }
        self.show();
    }

    /// Another sender is another list.
    fn account_changed(&self) {
        let sender = self.account.look(|form| form.saved().map(|saved| saved.sender_email.clone()));
        let changed = sender.as_deref().is_some_and(|sender| *self.judged_for.borrow() != sender);
        if changed && self.shown.get() {
            self.judged_for.replace(sender.unwrap_or_default());
            self.refresh();
        }
        self.show();
    }

    fn present(&self) -> Option<()> {
        let window = self.context.window.upgrade()?;
        let view = window.global::<CertificateView>();
        let all = self.context.texts();
        let words = &all.certificate;
        let state = self.state.borrow();

        view.set_busy(self.busy.get());
        Notice::put(
            self.notice.borrow().as_ref(),
            |kind| view.set_notice_kind(kind),
            |text| view.set_notice(text),
            |detail| view.set_notice_detail(detail),
        );
        self.present_request(&view);
        let judged = state.judged.as_ref();
        view.set_read(judged.is_some());
        view.set_sender(judged.map_or("", |judged| &judged.sender_email).into());
        let account = judged.map_or("", |judged| &judged.service_account_name);
        let used = self.account.look(|form| form.draft().certificate.clone());
        let lines = state.candidates().iter().map(|one| candidate_line(one, &used, all)).collect();
        view.set_candidates(keep(view.get_candidates(), lines));
        let current = state.current();
        let at = current.and_then(|(at, _)| i32::try_from(at).ok()).unwrap_or(-1);
        view.set_current(at);

        let (may, ask) =
            (|method: &str| self.context.may(method), |method: &str| self.context.must_ask(method));
        let barrier = |method: &str| SharedString::from(if may(method) { "" } else { words.denied });
        view.set_grant_text(
            if ask("Certificates/GrantKeyAccess") {
                (words.ask_grant)(account)
            } else {
                (words.grant)(account)
            }
            .into(),
        );
        view.set_grant_barrier(barrier("Certificates/GrantKeyAccess"));
        let revoke = if ask("Certificates/RevokeKeyAccess") { words.ask_revoke } else { words.revoke };
        view.set_revoke_text(revoke.into());
        let asks = ask("Certificates/InstallCertificate");
        view.set_install_text(if asks { words.ask_install } else { words.install }.into());
        view.set_install_own_text(if asks { words.ask_install_own } else { words.install_own }.into());
        view.set_install_barrier(barrier("Certificates/InstallCertificate"));
        let delete = if ask("Certificates/DeleteCertificate") { words.ask_delete } else { words.delete };
        view.set_delete_text(delete.into());
        view.set_check_barrier(barrier("Certificates/CheckSigning"));
        let certificate = current.and_then(|(_, one)| one.certificate.as_ref());
        let is_used = certificate.is_some_and(|certificate| !certificate.used_by.is_empty());
        view.set_delete_barrier(if is_used {
            words.is_used.into()
        } else {
            barrier("Certificates/DeleteCertificate")
        });
        view.set_use_barrier(barrier("Accounts/UpdateAccount"));
        view.set_chosen(certificate.is_some_and(|one| one.sha256 == used));
        view.set_from_own_store(current.is_some_and(|(_, one)| one.from_request));

        view.set_has_details(certificate.is_some());
        if let Some(certificate) = certificate {
            let details = state.details.as_ref();
            let facts = facts(certificate, details, all);
            view.set_facts(keep(view.get_facts(), facts));
            let chain = details.map(|details| chain(details, all)).unwrap_or_default();
            view.set_chain(keep(view.get_chain(), chain));
            let problem = details.map_or("", |details| &details.chain_problem);
            view.set_chain_problem(problem.into());
            let holders = details.map(|details| holders(details, all)).unwrap_or_default();
            view.set_holders(keep(view.get_holders(), holders));
            let hidden = details.is_some_and(|details| !details.redacted.is_empty());
            view.set_holders_note(if hidden { words.holders_hidden } else { "" }.into());
        }
        self.present_chooser(&view);
        Some(())
    }

    fn present_request(&self, view: &CertificateView<'_>) {
        let all = self.context.texts();
        let words = &all.certificate;
        let Some(number) = self.pending.get() else { return view.set_request(SharedString::new()) };
        let request = self.request(number);
        let (kind, text) = match &request {
            Some(request) if !is_open(request) => {
                let state = (all.words.request_state)(request.state());
                let done = request.state() == faxpost_proto::v1::RequestState::Done;
                (if done { Kind::Good } else { Kind::Warning }, (words.decided)(number, state))
            }
            _ => (Kind::Info, (words.pending)(number)),
        };
        let detail = request.map_or_else(String::new, |request| {
            let mut parts = vec![request.summary];
            if !request.decided_by.is_empty() {
                parts.push((words.decided_by)(&request.decided_by, &request.decision_text));
            }
            parts.push(request.outcome_text);
            parts.retain(|part| !part.is_empty());
            parts.join("\n")
        });
        view.set_request_kind(kind);
        view.set_request_detail(detail.into());
        view.set_request(text.into());
    }

    fn present_chooser(&self, view: &CertificateView<'_>) {
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

impl Page for CertificatePage {
    fn connected(&self) {
        let page = self.me.clone();
        let watch = self.context.link.follow(calls::watch_requests, move |requests| {
            if let Some(page) = page.upgrade() {
                page.requests_came(requests);
            }
        });
        self.watch.replace(Some(watch));
        if self.shown.get() {
            self.refresh();
        }
    }

    fn lost(&self) {
        self.watch.take();
        self.details.take();
        self.cancel();
    }

    fn shown(&self, shown: bool) {
        self.shown.set(shown);
        if shown {
            self.refresh();
        }
    }

    fn account_chosen(&self) {
        self.notice.take();
        self.state.take();
        if self.shown.get() {
            self.refresh();
        }
        self.show();
    }

    fn status(&self) {
        self.show();
    }

    fn accelerator(&self, key: &str) -> bool {
        if key == "F5" {
            self.refresh();
        }
        key == "F5"
    }

    fn show(&self) {
        self.present();
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

fn candidate_line(candidate: &Candidate, used: &str, all: &Texts) -> CandidateLine {
    let words = &all.certificate;
    let certificate = candidate.certificate.clone().unwrap_or_default();
    let date = times::local_date(certificate.not_after.as_ref(), all.language);
    let addresses = certificate.addresses.join(", ");
    let until = (words.until_days)(&date, certificate.days_left);
    let detail = if addresses.is_empty() { until } else { format!("{addresses}; {until}") };
    let good = candidate.unmet.is_empty();
    let (badge, badge_kind) = match (candidate.from_request, good) {
        (true, _) => (words.own_store, Kind::Info),
        (false, true) if certificate.sha256 == used => (words.used, Kind::Good),
        (false, true) => (words.can_sign, Kind::Good),
        (false, false) => ("", Kind::Muted),
    };
    let english = all.language == faxpost_proto::advice::Language::En;
    let unmet: Vec<_> = candidate
        .unmet
        .iter()
        .map(|unmet| {
            let known = (all.words.requirement)(unmet.requirement());
            // The daemon's English says more about this one.
            match (english, &*unmet.text) {
                (_, "") => known.to_owned(),
                (true, text) => text.to_owned(),
                (false, _) => known.to_owned(),
            }
        })
        .collect();
    let spoken = [detail.as_str(), badge].into_iter().chain(unmet.iter().map(String::as_str));
    let spoken: Vec<_> = spoken.filter(|part| !part.is_empty()).collect();
    CandidateLine {
        subject: common_name(&certificate.subject).into(),
        spoken: spoken.join(". ").into(),
        detail: detail.into(),
        good,
        unmet: strings(unmet),
        badge: badge.into(),
        badge_kind,
    }
}

/// The part of a name (RFC 4514) that people know it by; the whole name, if it has no such part.
fn common_name(name: &str) -> &str {
    let found = name.split(',').map(str::trim).find_map(|part| part.strip_prefix("CN="));
    found.filter(|found| !found.contains('\\')).unwrap_or(name)
}

fn facts(certificate: &Certificate, details: Option<&GetCertificateResponse>, all: &Texts) -> Vec<Fact> {
    let words = &all.certificate;
    let date = |time: Option<&prost_types::Timestamp>| times::local_date(time, all.language);
    let (from, until) = (date(certificate.not_before.as_ref()), date(certificate.not_after.as_ref()));
    let usage: Vec<_> =
        certificate.key_usage.iter().chain(&certificate.extended_key_usage).map(String::as_str).collect();
    let provider = (all.words.key_provider)(certificate.key_provider());
    let key = format!("{}, {provider}", certificate.key_algorithm);
    let facts = [
        (words.subject, certificate.subject.clone()),
        (words.issuer, certificate.issuer.clone()),
        (words.validity, (words.from_until)(&from, &until)),
        (words.addresses, certificate.addresses.join(", ")),
        (words.usage, usage.join(", ")),
        (words.key, key),
        (words.used_by, certificate.used_by.join(", ")),
        (words.revocation, details.map(|details| details.revocation.clone()).unwrap_or_default()),
        (words.serial, certificate.serial.clone()),
        ("SHA-256", certificate.sha256.clone()),
        ("SHA-1", certificate.sha1.clone()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    facts.map(|(label, value)| Fact { label: label.into(), value: value.into() }).collect()
}

/// The root first, as trees grow.
fn chain(details: &GetCertificateResponse, all: &Texts) -> Vec<ChainLine> {
    let words = &all.certificate;
    let line = |(depth, link): (usize, &faxpost_proto::v1::ChainLink)| {
        let certificate = link.certificate.clone().unwrap_or_default();
        let until = times::local_date(certificate.not_after.as_ref(), all.language);
        let mut detail = (words.until)(&until);
        if link.trusted_root {
            detail = format!("{}, {detail}", words.trusted_root);
        } else if depth == 0 && certificate.issuer != certificate.subject {
            detail = format!("{}, {detail}", (words.issued_by)(&certificate.issuer));
        }
        ChainLine {
            depth: i32::try_from(depth).unwrap_or_default(),
            subject: certificate.subject.into(),
            detail: detail.into(),
            problem: link.problem.as_str().into(),
        }
    };
    details.chain.iter().rev().enumerate().map(line).collect()
}

fn holders(details: &GetCertificateResponse, all: &Texts) -> Vec<HolderLine> {
    let line = |holder: &faxpost_proto::v1::KeyHolder| {
        let access = (all.words.access_word)(&holder.access).unwrap_or(&holder.access);
        let access =
            if holder.builtin { format!("{access}, {}", all.certificate.builtin) } else { access.to_owned() };
        let name = if holder.name.is_empty() { &holder.id } else { &holder.name };
        HolderLine { name: name.into(), access: access.into(), revocable: !holder.builtin }
    };
    details.key_holders.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_a_name_is_short_where_that_is_clear() {
        assert_eq!(common_name("CN=Fax, O=Firm, C=DE"), "Fax");
        assert_eq!(common_name("O=Firm"), "O=Firm");
        assert_eq!(common_name("CN=a\\,b,O=x"), "CN=a\\,b,O=x");
    }

    #[test]
    fn c4_a_fingerprint_is_read_or_not() {
        assert_eq!(digest(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(digest("0f"), None);
        assert_eq!(digest(&"zz".repeat(32)), None);
        assert_eq!(digest(&"é".repeat(32)), None);
    }
}
