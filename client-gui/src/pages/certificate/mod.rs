//! The certificate page.

mod csr;
mod install;
mod show;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::{Rc, Weak};

use faxpost_gui_ui::{CertificateView, Kind};
use faxpost_proto::refusal;
use faxpost_proto::v1::{CheckSigningResponse, GetCertificateResponse, ListCandidatesResponse, Request};
use slint::ComponentHandle as _;
use tonic::Status;

use super::account::AccountPage;
use super::desk::{Caller, Desk};
use super::{Banner, Context, Notice, Page, keep, sentence};
use crate::lang::Texts;
use crate::link::{Answer, Task, certificate as calls};
use crate::state::certificate::{Certificates, is_open};
use csr::Csr;
use install::{Chooser, Purpose};

/// The certificate page.
pub struct CertificatePage {
    desk: Desk<Self>,
    account: Rc<AccountPage>,
    state: RefCell<Certificates>,
    requests: RefCell<Vec<Request>>,
    /// The request that this page made last.
    pending: Cell<Option<i64>>,
    watch: RefCell<Option<Task>>,
    list: RefCell<Option<Task>>,
    details: RefCell<Option<Task>>,
    call: RefCell<Option<Task>>,
    shown: Cell<bool>,
    /// The sender that was judged for: another one is another list.
    judged_for: RefCell<String>,
    chooser: RefCell<Chooser>,
    csr: RefCell<Csr>,
    csr_list: RefCell<Option<Task>>,
}

impl CertificatePage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>, account: Rc<AccountPage>) -> Rc<Self> {
        let page = Rc::new_cyclic(|me: &Weak<Self>| Self {
            desk: Desk::new(me, context),
            account,
            state: RefCell::default(),
            requests: RefCell::default(),
            pending: Cell::default(),
            watch: RefCell::default(),
            list: RefCell::default(),
            details: RefCell::default(),
            call: RefCell::default(),
            shown: Cell::default(),
            judged_for: RefCell::default(),
            chooser: RefCell::default(),
            csr: RefCell::default(),
            csr_list: RefCell::default(),
        });
        page.listen();
        page.listen_to_csr();
        let follower = page.desk.me.clone();
        page.account.follow(move || {
            if let Some(page) = follower.upgrade() {
                page.account_changed();
            }
        });
        page
    }

    fn listen(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<CertificateView>();
        let me = &self.desk.me;
        on!(me, view.on_choose, |page, index| {
            page.state.borrow_mut().choose(usize::try_from(index).unwrap_or(usize::MAX));
            page.look_closer();
        });
        on!(me, view.on_refresh, |page| page.refresh());
        on!(me, view.on_use_for_account, |page| page.use_for_account());
        on!(me, view.on_grant, |page| page.grant());
        on!(me, view.on_revoke, |page, index| page.revoke(index));
        on!(me, view.on_check, |page| page.check());
        on!(me, view.on_delete, |page| page.delete());
        on!(me, view.on_install_own, |page| page.install_own());
        on!(me, view.on_choose_file, |page| page.choose_file(Purpose::Install));
        on!(me, view.on_open_folder, |page, path| page.open_folder(Path::new(&*path)));
        on!(me, view.on_pick_file, |page, index| page.pick_file(index));
        on!(me, view.on_install_file, |page| page.install_file());
        on!(me, view.on_cancel_file, |page| page.close_chooser());
        on!(me, view.on_withdraw, |page| page.withdraw());
        on!(me, view.on_close_notice, |page| page.desk.notice.take());
        on!(me, view.on_cancel, |page| page.cancel());
    }

    fn cancel(&self) {
        self.call.take();
        self.list.take();
        self.csr_list.take();
        self.desk.busy.set(false);
    }

    /// A change: everything is read again after it.
    fn change<T, F>(
        &self,
        call: impl FnOnce(tonic::transport::Channel) -> F,
        notice: impl FnOnce(T) -> Notice + 'static,
    ) where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        self.desk.notice.take();
        let task = self.ask(call, move |page, answer| {
            page.desk.say(notice(answer));
            page.refresh();
        });
        self.call.replace(Some(task));
    }

    fn refresh(&self) {
        self.read_csr();
        let account = self.desk.context.account();
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
        self.desk.say(Notice::of(Kind::Info, |texts| texts.certificate.taken));
    }

    fn grant(&self) {
        let Some(chosen) = self.chosen() else { return };
        self.change(
            move |channel| calls::grant(channel, chosen),
            |()| Notice::good(|texts| texts.certificate.granted),
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
            |()| Notice::good(|texts| texts.certificate.revoked),
        );
    }

    fn delete(&self) {
        let Some(chosen) = self.chosen() else { return };
        self.change(
            move |channel| calls::delete(channel, chosen),
            |()| Notice::good(|texts| texts.certificate.deleted),
        );
    }

    fn check(&self) {
        let Some(chosen) = self.chosen() else { return };
        let account = self.desk.context.account();
        self.change(
            move |channel| calls::check(channel, account, chosen),
            |answer: CheckSigningResponse| Notice::new(move |texts| checked(&answer, texts)),
        );
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
            let mine = self.desk.context.status().caller_id.clone();
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
}

impl Caller for CertificatePage {
    fn desk(&self) -> &Desk<Self> {
        &self.desk
    }

    fn refused(&self, status: &Status) {
        match refusal::pending_request(status) {
            Some(number) => self.pending.set(Some(number)),
            None => self.desk.refused(status),
        }
    }
}

impl Page for CertificatePage {
    fn connected(&self) {
        let page = self.desk.me.clone();
        let watch = self.desk.context.link.follow(calls::watch_requests, move |requests| {
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
        self.desk.notice.take();
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

/// What the attempt to sign found.
fn checked(answer: &CheckSigningResponse, texts: &Texts) -> Banner {
    let words = &texts.certificate;
    if answer.passed {
        let text = (words.check_passed)(&answer.signed_as_name, &answer.algorithm);
        return Banner { kind: Kind::Good, text, detail: String::new() };
    }
    let known = (texts.words.failure)(&answer.failure_reason).unwrap_or_default();
    let said = sentence(&texts.said(&answer.failure_text));
    Banner {
        kind: Kind::Bad,
        text: (words.check_failed)(&answer.signed_as_name),
        detail: format!("{known} {said}").trim().to_owned(),
    }
}
