//! The account page.

mod discovery;
mod show;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use faxpost_gui_ui::{AccountView, Kind};
use faxpost_proto::reason;
use faxpost_proto::refusal::reason_of;
use faxpost_proto::v1::{Account, MethodCapability, OAuthProfile, UpdateAccountResponse};
use slint::ComponentHandle as _;
use tonic::Status;
use zeroize::Zeroizing;

use super::{Banner, Context, Notice, Page, keep};
use crate::lang::Texts;
use crate::lang::failure::{failure, violations};
use crate::link::{Task, account as calls};
use crate::state::account::matrix::Matrix;
use crate::state::account::{Arrival, Form, proposal};
use discovery::Finder;
pub(super) use show::Shown;
use show::{MECHANISMS, METHODS, SECURITIES, SIGNINGS, TLS_CHECKS};

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
    finder: RefCell<Finder>,
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
            finder: RefCell::default(),
            busy: Cell::default(),
            followers: RefCell::default(),
        });
        page.listen();
        page.listen_to_finder();
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
            all: self.context.texts(),
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
        let notice = match answer {
            Ok(mut answer) => {
                if let Some(account) = answer.account.take() {
                    self.form.borrow_mut().applied(account);
                }
                Notice::new(move |texts| applied(&answer, texts))
            }
            // What the other editor changed comes with the stream, and is merged or asked about there.
            Err(status) if reason_of(&status).as_deref() == Some(reason::ETAG_MISMATCH) => {
                Notice::of(Kind::Warning, move |texts| failure(&status, texts).sentence)
            }
            Err(status) => {
                self.form.borrow_mut().refused(violations(&status));
                Notice::new(move |texts| refused(&status, texts))
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
            // One's own change comes back this way, too, and has its own notice already.
            if self.call.borrow().is_none() {
                self.notice.replace(Some(Notice::of(Kind::Info, move |texts| {
                    let names: Vec<_> = fields.iter().map(|field| (texts.account.field)(field)).collect();
                    let who = if who.is_empty() { texts.account.somebody } else { &who };
                    (texts.account.merged)(who, &names.join(", "))
                })));
            }
        }
        self.show();
    }

    fn preset(&self, profile: Option<OAuthProfile>) {
        let Some(profile) = profile else { return };
        self.form.borrow_mut().fill_in(&profile);
        let notice = Notice::of(Kind::Info, move |texts| (texts.account.filled_in)(&profile.title));
        self.notice.replace(Some(notice));
        self.show();
    }

    fn listen(self: &Rc<Self>) {
        let Some(window) = self.context.window.upgrade() else { return };
        let view = window.global::<AccountView>();
        let me = &Rc::downgrade(self);
        on!(me, view.on_edit, |page, field, value| {
            if field == "password" {
                page.change(|form| form.secret("password", Some(Zeroizing::new(value.to_string()))));
            } else {
                page.change(|form| form.edit(&field, &value));
            }
        });
        on!(me, view.on_switch, |page, field, on| page.change(|form| form.switch(&field, on)));
        on!(me, view.on_choose, |page, field, index| page.choose(&field, index));
        on!(me, view.on_begin_password, |page| page
            .change(|form| form.secret("password", Some(Zeroizing::default()))));
        on!(me, view.on_cancel_password, |page| page.change(|form| form.secret("password", None)));
        on!(me, view.on_preset, |page, index| {
            let profile = usize::try_from(index - 1).ok().and_then(|at| page.presets().into_iter().nth(at));
            page.preset(profile);
        });
        on!(me, view.on_take_proposal, |page| {
            let profile = page.proposal();
            page.preset(profile);
        });
        on!(me, view.on_apply, |page| page.apply());
        on!(me, view.on_revert, |page| page.revert());
        on!(me, view.on_keep_mine, |page| page.change(Form::keep_mine));
        on!(me, view.on_take_theirs, |page| page.change(Form::take_theirs));
        on!(me, view.on_close_notice, |page| page.notice.take());
        on!(me, view.on_cancel, |page| page.call.take());
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
                        page.notice.replace(Some(Notice::bad(&status)));
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
        self.finder.take();
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
        self.present_finder();
        for follower in self.followers.borrow().iter() {
            follower();
        }
    }
}

/// What became of an update.
fn applied(answer: &UpdateAccountResponse, texts: &Texts) -> Banner {
    let cleared = [
        (answer.client_secret_cleared, texts.account.secret_cleared),
        (answer.signed_out, texts.account.signed_out),
    ];
    let detail: Vec<_> = cleared.iter().filter(|(cleared, _)| *cleared).map(|(_, text)| *text).collect();
    let text = if answer.password_cleared { texts.account.password_cleared } else { texts.account.applied };
    let kind = if answer.password_cleared || !detail.is_empty() { Kind::Warning } else { Kind::Good };
    Banner { kind, text: text.to_owned(), detail: detail.join(" ") }
}

/// Why an update was refused: what is wrong stands at each field, and here which they are.
fn refused(status: &Status, texts: &Texts) -> Banner {
    let said = failure(status, texts);
    let names: Vec<_> = said.fields.iter().map(|(field, _)| (texts.account.field)(field)).collect();
    let detail = if names.is_empty() { said.detail } else { names.join(", ") };
    Banner { kind: Kind::Bad, text: said.sentence, detail }
}
