//! The account page.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use faxpost_gui_ui::{AccountView, Alternative, App as AppView, Choice, Field, Kind, Toggle};
use faxpost_proto::reason;
use faxpost_proto::refusal::reason_of;
use faxpost_proto::v1::{
    Account, Method, MethodCapability, OAuthProfile, Security, Signing, TlsCheck, UpdateAccountResponse,
};
use slint::{ComponentHandle as _, SharedString};
use tonic::Status;
use zeroize::Zeroizing;

use super::{Context, Notice, Page, keep};
use crate::lang::account::AccountTexts;
use crate::lang::failure::failure;
use crate::link::{Task, account as calls};
use crate::state::account::matrix::{Barrier, Matrix};
use crate::state::account::{Arrival, Form, fields, proposal};

const METHODS: [Method; 4] =
    [Method::SecureSmtpClient, Method::CdoMessage, Method::SystemNetMail, Method::Pickup];
const SECURITIES: [Security; 3] = [Security::None, Security::Implicit, Security::Starttls];
const TLS_CHECKS: [TlsCheck; 3] = [TlsCheck::System, TlsCheck::Pinned, TlsCheck::AcceptInvalid];
const SIGNINGS: [Signing; 3] = [Signing::Off, Signing::Clear, Signing::Opaque];
/// After "the strongest".
const MECHANISMS: [&str; 8] = [
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "XOAUTH2",
    "OAUTHBEARER",
];

/// The account page.
pub struct AccountPage {
    me: Weak<Self>,
    context: Rc<Context>,
    form: RefCell<Form>,
    /// Of the other accounts, with what is unsaved there.
    forms: RefCell<HashMap<String, Form>>,
    /// All that there are, "default" first.
    accounts: RefCell<Vec<Account>>,
    methods: RefCell<Vec<MethodCapability>>,
    profiles: RefCell<Vec<OAuthProfile>>,
    notice: RefCell<Option<Notice>>,
    /// What lives as long as the connection.
    streams: RefCell<Vec<Task>>,
    call: RefCell<Option<Task>>,
    busy: Cell<bool>,
    /// Whoever shows the same account, too.
    followers: RefCell<Vec<Box<dyn Fn()>>>,
}

impl AccountPage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>) -> Rc<Self> {
        let page = Rc::new_cyclic(|me| Self {
            me: me.clone(),
            context,
            form: RefCell::default(),
            forms: RefCell::default(),
            accounts: RefCell::default(),
            methods: RefCell::default(),
            profiles: RefCell::default(),
            notice: RefCell::default(),
            streams: RefCell::default(),
            call: RefCell::default(),
            busy: Cell::default(),
            followers: RefCell::default(),
        });
        page.listen();
        page
    }

    /// Is called whenever what is shown of the account changes.
    pub fn follow(&self, follower: impl Fn() + 'static) {
        self.followers.borrow_mut().push(Box::new(follower));
    }

    /// Looks at the form.
    pub fn look<R>(&self, look: impl FnOnce(&Form) -> R) -> R {
        look(&self.form.borrow())
    }

    /// Changes the form, e.g. from another page that has a part of it.
    pub fn change(&self, change: impl FnOnce(&mut Form)) {
        change(&mut self.form.borrow_mut());
        self.show();
    }

    /// What makes fields of the form for the window.
    pub(super) fn shown<'a>(&self, form: &'a Form) -> Shown<'a> {
        Shown {
            form,
            texts: &self.context.texts().account,
            matrix: Matrix {
                methods: self.methods.borrow().clone(),
                account: form.draft(),
                may_update: self.context.may("Accounts/UpdateAccount"),
                administrator: self.context.is_administrator(),
            },
        }
    }

    /// The providers that are known.
    #[must_use]
    pub fn profiles(&self) -> Vec<OAuthProfile> {
        self.profiles.borrow().clone()
    }

    /// Saves what is changed.
    pub fn apply(self: &Rc<Self>) {
        let busy = self.call.borrow().is_some();
        if busy || !self.context.may("Accounts/UpdateAccount") {
            return;
        }
        let update = {
            let mut form = self.form.borrow_mut();
            if form.changed().is_empty() || !form.is_complete() {
                return;
            }
            form.update()
        };
        self.notice.take();
        let (waiting, page) = (Rc::downgrade(self), Rc::downgrade(self));
        let own = self.context.link.own_connection();
        let task = self.context.link.ask(
            move |slow| {
                if let Some(page) = waiting.upgrade() {
                    page.busy.set(slow);
                    page.show();
                }
            },
            move |_| async move { calls::update(own.await?, update).await },
            move |answer| {
                if let Some(page) = page.upgrade() {
                    page.call.take();
                    page.updated(answer);
                    page.show();
                }
            },
        );
        self.call.replace(Some(task));
        self.show();
    }

    fn updated(&self, answer: Result<UpdateAccountResponse, Status>) {
        let texts = self.context.texts();
        let notice = match answer {
            Ok(answer) => {
                if let Some(account) = answer.account {
                    self.form.borrow_mut().applied(account);
                }
                let cleared = [
                    (answer.client_secret_cleared, texts.account.secret_cleared),
                    (answer.signed_out, texts.account.signed_out),
                ];
                let detail: Vec<_> =
                    cleared.iter().filter(|(cleared, _)| *cleared).map(|(_, text)| *text).collect();
                let text = if answer.password_cleared {
                    texts.account.password_cleared
                } else {
                    texts.account.applied
                };
                let kind =
                    if answer.password_cleared || !detail.is_empty() { Kind::Warning } else { Kind::Good };
                Notice { kind, text: text.to_owned(), detail: detail.join(" ") }
            }
            // What the other editor changed comes with the stream, and is merged or asked about there.
            Err(status) if reason_of(&status).as_deref() == Some(reason::ETAG_MISMATCH) => {
                let said = failure(&status, texts);
                Notice { kind: Kind::Warning, text: said.sentence, detail: String::new() }
            }
            Err(status) => {
                let said = failure(&status, texts);
                let detail = if said.fields.is_empty() {
                    said.detail
                } else {
                    let names: Vec<_> =
                        said.fields.iter().map(|(field, _)| (texts.account.field)(field)).collect();
                    names.join(", ")
                };
                self.form.borrow_mut().refused(said.fields);
                Notice { kind: Kind::Bad, text: said.sentence, detail }
            }
        };
        self.notice.replace(Some(notice));
    }

    fn arrived(&self, accounts: Vec<Account>) {
        self.accounts.replace(accounts);
        self.read_again();
    }

    /// Takes the chosen account from what the daemon told last.
    fn read_again(&self) {
        let id = self.context.account();
        let found = {
            let accounts = self.accounts.borrow();
            // It was deleted: there is always a default.
            accounts.iter().find(|account| account.id == id).or_else(|| accounts.first()).cloned()
        };
        let Some(found) = found else { return };
        if found.id != id {
            self.context.set_account(&found.id);
            self.form.borrow_mut().clear();
        }
        let who = found.updated_by.clone();
        let arrival = self.form.borrow_mut().arrive(found);
        if let Arrival::Merged(fields) = arrival {
            let texts = self.context.texts();
            let names: Vec<_> = fields.iter().map(|field| (texts.account.field)(field)).collect();
            let who = if who.is_empty() { texts.account.somebody } else { &who };
            let text = (texts.account.merged)(who, &names.join(", "));
            // One's own change comes back this way, too, and has its own notice already.
            if self.call.borrow().is_none() {
                self.notice.replace(Some(Notice { kind: Kind::Info, text, detail: String::new() }));
            }
        }
        self.show();
    }

    fn preset(&self, profile: Option<OAuthProfile>) {
        let Some(profile) = profile else { return };
        self.form.borrow_mut().fill_in(&profile);
        let text = (self.context.texts().account.filled_in)(&profile.title);
        self.notice.replace(Some(Notice { kind: Kind::Info, text, detail: String::new() }));
        self.show();
    }

    fn listen(self: &Rc<Self>) {
        let Some(window) = self.context.window.upgrade() else { return };
        let view = window.global::<AccountView>();
        // Each callback holds the page weakly: the window must not keep itself alive.
        macro_rules! on {
            ($set:ident, |$page:ident $(, $argument:ident)*| $body:expr) => {{
                let weak = Rc::downgrade(self);
                view.$set(move |$($argument),*| {
                    if let Some($page) = weak.upgrade() {
                        $body;
                    }
                });
            }};
        }
        on!(on_edit, |page, field, value| {
            if field == "password" {
                page.change(|form| form.secret("password", Some(Zeroizing::new(value.to_string()))));
            } else {
                page.change(|form| form.edit(&field, &value));
            }
        });
        on!(on_switch, |page, field, on| page.change(|form| form.switch(&field, on)));
        on!(on_choose, |page, field, index| page.choose(&field, index));
        on!(on_begin_password, |page| page
            .change(|form| form.secret("password", Some(Zeroizing::default()))));
        on!(on_cancel_password, |page| page.change(|form| form.secret("password", None)));
        on!(on_preset, |page, index| {
            let profile = usize::try_from(index - 1).ok().and_then(|at| page.presets().into_iter().nth(at));
            page.preset(profile);
        });
        on!(on_take_proposal, |page| {
            let profile = page.proposal();
            page.preset(profile);
        });
        on!(on_apply, |page| page.apply());
        on!(on_revert, |page| page.revert());
        on!(on_keep_mine, |page| page.change(Form::keep_mine));
        on!(on_take_theirs, |page| page.change(Form::take_theirs));
        on!(on_close_notice, |page| {
            page.notice.take();
            page.show();
        });
        on!(on_cancel, |page| {
            page.call.take();
            page.show();
        });
    }

    fn revert(&self) {
        self.notice.take();
        self.change(Form::revert);
    }

    fn choose(&self, field: &str, index: i32) {
        let Ok(index) = usize::try_from(index) else { return };
        let mut form = self.form.borrow_mut();
        let value = match field {
            "method" => METHODS.get(index).map(|value| i32::from(*value)),
            "security" => SECURITIES.get(index).map(|value| i32::from(*value)),
            "tls_check" => TLS_CHECKS.get(index).map(|value| i32::from(*value)),
            "sign" => SIGNINGS.get(index).map(|value| i32::from(*value)),
            "mechanism" => {
                let name = index.checked_sub(1).and_then(|at| MECHANISMS.get(at)).copied();
                form.edit("mechanism", name.unwrap_or_default());
                None
            }
            _ => None,
        };
        if let Some(value) = value {
            form.choose(field, value);
        }
        drop(form);
        self.show();
    }

    /// Providers whose server is known.
    fn presets(&self) -> Vec<OAuthProfile> {
        let profiles = self.profiles.borrow();
        profiles.iter().filter(|profile| !profile.server.is_empty()).cloned().collect()
    }

    fn proposal(&self) -> Option<OAuthProfile> {
        proposal(self.form.borrow().draft(), &self.profiles.borrow()).cloned()
    }

    fn present(&self) -> Option<()> {
        let window = self.context.window.upgrade()?;
        let view = window.global::<AccountView>();
        let texts = &self.context.texts().account;
        let form = self.form.borrow();
        let draft = form.draft();
        let shown = self.shown(&form);

        view.set_ready(form.saved().is_some());
        view.set_busy(self.busy.get());
        view.set_dirty(!form.changed().is_empty() && self.call.borrow().is_none());
        view.set_read_only(if shown.matrix.may_update {
            SharedString::new()
        } else {
            (texts.barrier)(&Barrier::ReadOnly).into()
        });
        self.present_notices(&view, &form, texts);

        let presets = std::iter::once(texts.no_preset.to_owned())
            .chain(self.presets().into_iter().map(|profile| profile.title))
            .map(SharedString::from)
            .collect();
        view.set_presets(keep(view.get_presets(), presets));

        view.set_oauth(shown.toggle("oauth"));
        view.set_method(shown.choice("method", METHODS.iter().position(|one| *one == draft.method())));
        let alternatives =
            METHODS.map(|one| shown.alternative((texts.method)(one), shown.matrix.method(one)));
        view.set_methods(keep(view.get_methods(), alternatives.into()));
        view.set_sender_email(shown.field("sender_email", ""));
        view.set_sender_name(shown.field("sender_name", ""));
        view.set_server(shown.field("server", "smtp.example.com"));
        let usual = crate::state::account::usual_port(draft.security).to_string();
        view.set_port(shown.field("port", &usual));
        view.set_security(
            shown.choice("security", SECURITIES.iter().position(|one| *one == draft.security())),
        );
        let alternatives =
            SECURITIES.map(|one| shown.alternative((texts.security)(one), shown.matrix.security(one)));
        view.set_securities(keep(view.get_securities(), alternatives.into()));
        view.set_authentication(shown.toggle("authentication"));
        view.set_login(shown.field("login", texts.usual_login));
        view.set_has_password(draft.has_password);
        view.set_password_editing(form.is_typed("password"));
        let typed = view.get_password().value;
        // What is typed stays in its line until it is over; then nothing of it is kept.
        let value = if form.is_typed("password") { typed } else { SharedString::new() };
        view.set_password(Field { value, ..shown.field("password", "") });
        view.set_sign(shown.choice("sign", SIGNINGS.iter().position(|one| *one == draft.sign())));
        let alternatives =
            SIGNINGS.map(|one| shown.alternative((texts.signing)(one), shown.matrix.barrier("sign")));
        view.set_signings(keep(view.get_signings(), alternatives.into()));
        view.set_certificate_text(if draft.certificate.is_empty() {
            texts.best_certificate.into()
        } else {
            draft.certificate.get(..16).unwrap_or(&draft.certificate).into()
        });

        view.set_tls_check(
            shown.choice("tls_check", TLS_CHECKS.iter().position(|one| *one == draft.tls_check())),
        );
        let alternatives =
            TLS_CHECKS.map(|one| shown.alternative((texts.tls_check)(one), shown.matrix.tls_check(one)));
        view.set_tls_checks(keep(view.get_tls_checks(), alternatives.into()));
        view.set_tls_pin(shown.field("tls_pin", ""));
        view.set_plaintext_auth(shown.toggle("plaintext_auth"));
        let names = std::iter::once(texts.strongest).chain(MECHANISMS).map(SharedString::from).collect();
        view.set_mechanisms(keep(view.get_mechanisms(), names));
        let mechanism = MECHANISMS.iter().position(|one| *one == draft.mechanism).map_or(0, |at| at + 1);
        view.set_mechanism(shown.choice("mechanism", Some(mechanism)));
        view.set_envelope_sender(shown.field("envelope_sender", texts.the_sender));
        view.set_reply_to(shown.field("reply_to", texts.the_sender));
        view.set_ehlo_name(shown.field("ehlo_name", texts.this_host));
        view.set_proxy(shown.field("proxy", texts.none));
        view.set_max_connections(shown.field("max_connections", "3"));
        view.set_messages_per_minute(shown.field("messages_per_minute", texts.no_limit));
        view.set_pickup_directory(shown.field("pickup_directory", texts.usual_folder));

        let app = window.global::<AppView>();
        app.set_unsaved(!form.changed().is_empty());
        let accounts = self.accounts.borrow();
        let names = accounts.iter().map(|account| SharedString::from(&account.id)).collect();
        app.set_accounts(keep(app.get_accounts(), names));
        let chosen = self.context.account();
        let at = accounts.iter().position(|account| account.id == chosen).unwrap_or_default();
        app.set_account(i32::try_from(at).unwrap_or_default());
        Some(())
    }

    fn present_notices(&self, view: &AccountView<'_>, form: &Form, texts: &AccountTexts) {
        Notice::put(
            self.notice.borrow().as_ref(),
            |kind| view.set_notice_kind(kind),
            |text| view.set_notice(text),
            |detail| view.set_notice_detail(detail),
        );
        let (conflicts, by) = form.conflicts();
        let names: Vec<_> = conflicts.iter().map(|field| (texts.field)(field)).collect();
        let by = if by.is_empty() { texts.somebody } else { by };
        let conflict = if names.is_empty() { String::new() } else { (texts.conflict)(by, &names.join(", ")) };
        view.set_conflict(conflict.into());
        view.set_conflict_detail(texts.conflict_detail.into());
        let proposed = self.proposal().filter(|_| self.context.may("Accounts/UpdateAccount"));
        view.set_proposal(proposed.map_or_else(SharedString::new, |one| (texts.proposal)(&one.title).into()));
        let draft = form.draft();
        let warning = if draft.tls_check() == TlsCheck::AcceptInvalid {
            texts.accept_invalid
        } else if draft.plaintext_auth && draft.security() == Security::None && draft.authentication {
            texts.plaintext
        } else {
            ""
        };
        view.set_warning(warning.into());
    }
}

impl Page for AccountPage {
    fn connected(&self) {
        let Some(page) = self.me.upgrade() else { return };
        let constants = {
            let page = Rc::downgrade(&page);
            self.context.link.ask(
                |_| (),
                calls::constants,
                move |answer| {
                    let (Some(page), Ok(constants)) = (page.upgrade(), answer) else { return };
                    page.methods.replace(constants.capabilities.methods);
                    page.profiles.replace(constants.profiles);
                    page.show();
                },
            )
        };
        let watch = {
            let page = Rc::downgrade(&page);
            self.context.link.follow(calls::watch, move |answer: Result<_, Status>| {
                let Some(page) = page.upgrade() else { return };
                match answer {
                    Ok(accounts) => page.arrived(accounts),
                    Err(status) => {
                        let said = failure(&status, page.context.texts());
                        let notice = Notice { kind: Kind::Bad, text: said.sentence, detail: said.detail };
                        page.notice.replace(Some(notice));
                        page.show();
                    }
                }
            })
        };
        self.streams.replace(vec![constants, watch]);
    }

    fn lost(&self) {
        self.streams.take();
        self.call.take();
        self.busy.set(false);
    }

    fn account_chosen(&self) {
        self.notice.take();
        let chosen = self.forms.borrow_mut().remove(&self.context.account()).unwrap_or_default();
        let left = self.form.replace(chosen);
        self.forms.borrow_mut().insert(left.draft().id.clone(), left);
        self.read_again();
    }

    fn status(&self) {
        self.show();
    }

    fn accelerator(&self, key: &str) -> bool {
        match (key, self.me.upgrade()) {
            ("s", Some(page)) => page.apply(),
            _ => return false,
        }
        true
    }

    fn show(&self) {
        self.present();
        for follower in self.followers.borrow().iter() {
            follower();
        }
    }
}

/// Makes what the window shows of single settings.
pub(super) struct Shown<'a> {
    pub(super) form: &'a Form,
    texts: &'static AccountTexts,
    pub(super) matrix: Matrix<'a>,
}

impl Shown<'_> {
    pub(super) fn field(&self, field: &str, placeholder: &str) -> Field {
        let error = if self.form.is_no_number(field) { self.texts.no_number } else { self.form.error(field) };
        Field {
            value: self.form.text(field).into(),
            changed: self.form.is_changed(field),
            error: error.into(),
            reason: self.reason(field),
            placeholder: placeholder.into(),
        }
    }

    pub(super) fn toggle(&self, field: &str) -> Toggle {
        Toggle {
            on: fields::switch(self.form.draft(), field),
            changed: self.form.is_changed(field),
            error: self.form.error(field).into(),
            reason: self.reason(field),
        }
    }

    pub(super) fn choice(&self, field: &str, index: Option<usize>) -> Choice {
        Choice {
            index: index.and_then(|index| i32::try_from(index).ok()).unwrap_or(-1),
            changed: self.form.is_changed(field),
            error: self.form.error(field).into(),
            reason: self.reason(field),
        }
    }

    pub(super) fn alternative(&self, (title, detail): (&str, &str), barrier: Option<Barrier>) -> Alternative {
        Alternative {
            title: title.into(),
            detail: detail.into(),
            reason: barrier.map_or_else(SharedString::new, |barrier| (self.texts.barrier)(&barrier).into()),
        }
    }

    fn reason(&self, field: &str) -> SharedString {
        let barrier = self.matrix.barrier(field);
        barrier.map_or_else(SharedString::new, |barrier| (self.texts.barrier)(&barrier).into())
    }
}
