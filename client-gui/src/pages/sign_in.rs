//! The sign-in page. What is saved there belongs to the account's form.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, SystemTime};

use faxpost_gui_ui::{Alternative, Fact, Field, Kind, SignInFlow, SignInView};
use faxpost_proto::advice;
use faxpost_proto::refusal::without_number;
use faxpost_proto::signin::{self, Redirect};
use faxpost_proto::v1::{OAuthFlow, OAuthProfile, SignIn, SignInState};
use slint::{ComponentHandle as _, SharedString};
use zeroize::Zeroizing;

use super::account::AccountPage;
use super::{Banner, Context, Notice, Page, keep};
use crate::lang::Texts;
use crate::lang::failure::failure;
use crate::link::sign_in::{self as calls, Progress};
use crate::link::{Sender, Task};
use crate::state::sign_in::{self as state, CUSTOM, Tone, WAYS};
use crate::times;

/// As long as a sign-in lasts at the daemon; whatever a clock says.
const LONGEST: u64 = 1_800;

/// The sign-in page.
pub struct SignInPage {
    me: Weak<Self>,
    context: Rc<Context>,
    account: Rc<AccountPage>,
    sign_ins: RefCell<Vec<SignIn>>,
    notice: RefCell<Option<Notice>>,
    watch: RefCell<Option<Task>>,
    flow: Cell<SignInFlow>,
    call: RefCell<Option<Task>>,
    clock: RefCell<Option<Task>>,
    waiting: RefCell<Waiting>,
    busy: Cell<bool>,
    /// What was typed for the end of the client secret, and is no date.
    no_date: RefCell<Option<String>>,
}

/// What a person is waited for with.
#[derive(Default)]
struct Waiting {
    url: String,
    code: String,
    until: Option<SystemTime>,
}

impl SignInPage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>, account: Rc<AccountPage>) -> Rc<Self> {
        let page = Rc::new_cyclic(|me: &Weak<Self>| Self {
            me: me.clone(),
            context,
            account,
            sign_ins: RefCell::default(),
            notice: RefCell::default(),
            watch: RefCell::default(),
            flow: Cell::new(SignInFlow::None),
            call: RefCell::default(),
            clock: RefCell::default(),
            waiting: RefCell::default(),
            busy: Cell::default(),
            no_date: RefCell::default(),
        });
        page.listen();
        let follower = Rc::downgrade(&page);
        page.account.follow(move || {
            if let Some(page) = follower.upgrade() {
                page.show();
            }
        });
        page
    }

    fn listen(self: &Rc<Self>) {
        let Some(window) = self.context.window.upgrade() else { return };
        let view = window.global::<SignInView>();
        let me = &self.me;
        on!(me, view.on_choose_way, |page, index| {
            if let Some(way) = usize::try_from(index).ok().and_then(|at| WAYS.get(at)) {
                page.account.change(|form| state::choose(form, *way));
            }
        });
        on!(me, view.on_choose_profile, |page, index| {
            let profile = usize::try_from(index).ok().and_then(|at| page.profiles().into_iter().nth(at));
            if let Some(profile) = profile {
                page.account.change(|form| {
                    form.edit("oauth_profile", if profile.id == CUSTOM { "" } else { &profile.id });
                });
            }
        });
        on!(me, view.on_edit, |page, field, value| page.edit(&field, &value));
        on!(me, view.on_begin_secret, |page| {
            page.account.change(|form| form.secret("oauth_client_secret", Some(Zeroizing::default())));
        });
        on!(me, view.on_cancel_secret, |page| {
            page.account.change(|form| form.secret("oauth_client_secret", None));
        });
        on!(me, view.on_start, |page, flow| page.start(flow));
        on!(me, view.on_stop, |page| page.stop());
        on!(me, view.on_open_url, |page| page.open_browser());
        on!(me, view.on_close_notice, |page| {
            page.notice.take();
            page.show();
        });
    }

    fn edit(&self, field: &str, value: &str) {
        match field {
            "oauth_client_secret" => {
                let secret = Zeroizing::new(value.to_owned());
                self.account.change(|form| form.secret(field, Some(secret)));
            }
            "oauth_client_secret_expire_time" => {
                let date = state::date(value);
                let bad = date.is_none() && !value.trim().is_empty();
                self.no_date.replace(bad.then(|| value.to_owned()));
                if !bad {
                    self.account.change(|form| form.set_secret_expiry(date));
                }
                self.show();
            }
            _ => self.account.change(|form| form.edit(field, value)),
        }
    }

    fn start(self: &Rc<Self>, flow: SignInFlow) {
        if self.flow.get() != SignInFlow::None {
            return;
        }
        self.notice.take();
        self.waiting.take();
        let account = self.context.account();
        let link = &self.context.link;
        let page = self.me.clone();
        let hear = move |progress| {
            if let Some(page) = page.upgrade() {
                page.heard(progress);
            }
        };
        let task = match flow {
            SignInFlow::None => return,
            SignInFlow::Browser => {
                let profile = self.account.look(|form| form.draft().oauth_profile.clone());
                let (redirect, language) = (Redirect::of_profile(&profile), self.context.language());
                let call = move |channel, to: Sender<Progress>| {
                    calls::browser(channel, account, redirect, language, to)
                };
                link.follow(call, hear)
            }
            SignInFlow::Device => link.follow(move |channel, to| calls::device(channel, account, to), hear),
            SignInFlow::Application => {
                link.follow(move |channel, to| calls::application(channel, account, to), hear)
            }
            SignInFlow::SignOut => return self.sign_out(account),
        };
        self.flow.set(flow);
        self.call.replace(Some(task));
        self.show();
    }

    fn sign_out(self: &Rc<Self>, account: String) {
        let (waiting, page) = (self.me.clone(), self.me.clone());
        let task = self.context.link.ask(
            move |slow| {
                if let Some(page) = waiting.upgrade() {
                    page.busy.set(slow);
                    page.show();
                }
            },
            move |channel| calls::sign_out(channel, account),
            move |answer| {
                let Some(page) = page.upgrade() else { return };
                let notice = match answer {
                    Ok(why) if why.is_empty() => Notice::good(|texts| texts.sign_in.signed_out),
                    Ok(why) => Notice::new(move |texts| Banner {
                        kind: Kind::Warning,
                        text: texts.sign_in.signed_out.to_owned(),
                        detail: (texts.sign_in.not_revoked)(&texts.said(&why)),
                    }),
                    Err(status) => Notice::bad(&status),
                };
                page.end(Some(notice));
            },
        );
        self.flow.set(SignInFlow::SignOut);
        self.call.replace(Some(task));
        self.show();
    }

    /// Gives it up: the daemon forgets what nobody ends.
    fn stop(&self) {
        self.end(None);
    }

    fn end(&self, notice: Option<Notice>) {
        self.flow.set(SignInFlow::None);
        self.call.take();
        self.clock.take();
        self.waiting.take();
        self.busy.set(false);
        self.notice.replace(notice);
        self.show();
    }

    fn heard(self: &Rc<Self>, progress: Progress) {
        match progress {
            Progress::Waiting { url, code, until } => {
                let is_browser = code.is_empty();
                let until = until.and_then(|time| SystemTime::try_from(time).ok());
                self.waiting.replace(Waiting { url, code, until });
                let page = self.me.clone();
                let clock = self.context.link.every(Duration::from_secs(1), move || {
                    if let Some(page) = page.upgrade() {
                        page.show_clock();
                    }
                });
                self.clock.replace(Some(clock));
                if is_browser {
                    self.open_browser();
                }
                self.show();
            }
            Progress::Done(result) => {
                let notice = match *result {
                    Ok(_) => Notice::new(|texts| Banner {
                        kind: Kind::Good,
                        text: texts.sign_in.done.to_owned(),
                        detail: texts.sign_in.done_detail.to_owned(),
                    }),
                    Err(signin::Error::Call(status)) => Notice::bad(&status),
                    Err(error) => Notice::new(move |texts| not_signed_in(&error, texts)),
                };
                self.end(Some(notice));
            }
        }
    }

    fn open_browser(self: &Rc<Self>) {
        let url = self.waiting.borrow().url.clone();
        if url.is_empty() {
            return;
        }
        let (page, browse) = (self.me.clone(), self.context.browse);
        // Some systems take their time to find one. Not tied to anything: it ends by itself.
        let task = self.context.link.work(
            |_| (),
            move || browse(&url),
            move |opened| {
                let Some(page) = page.upgrade() else { return };
                if !opened {
                    let notice = Notice::of(Kind::Warning, |texts| texts.sign_in.no_browser);
                    page.notice.replace(Some(notice));
                    page.show();
                }
            },
        );
        // Kept until the next one: dropping it would not hear what became of it.
        self.context.keep(task);
    }

    /// The providers, and at the end the one that is none of them.
    fn profiles(&self) -> Vec<OAuthProfile> {
        let mut profiles = self.account.profiles();
        profiles.retain(|profile| profile.id != CUSTOM);
        profiles.push(OAuthProfile {
            id: CUSTOM.to_owned(),
            title: self.context.texts().sign_in.custom.to_owned(),
            ..OAuthProfile::default()
        });
        profiles
    }

    fn sign_in(&self) -> SignIn {
        let account = self.context.account();
        let sign_ins = self.sign_ins.borrow();
        sign_ins.iter().find(|sign_in| sign_in.account == account).cloned().unwrap_or_default()
    }

    fn show_clock(&self) {
        let Some(window) = self.context.window.upgrade() else { return };
        let waiting = self.waiting.borrow();
        let left = waiting.until.map_or_else(String::new, |until| {
            times::countdown(state::seconds_left(until, SystemTime::now(), LONGEST))
        });
        window.global::<SignInView>().set_left(left.into());
    }

    fn present(&self) -> Option<()> {
        let window = self.context.window.upgrade()?;
        let view = window.global::<SignInView>();
        let texts = &self.context.texts().sign_in;
        let profiles = self.profiles();

        view.set_busy(self.busy.get());
        show_notice!(self.notice, self.context.texts(), view);
        view.set_flow(self.flow.get());
        {
            let waiting = self.waiting.borrow();
            view.set_url(waiting.url.as_str().into());
            view.set_code(waiting.code.as_str().into());
        }
        self.show_clock();

        self.account.look(|form| {
            let shown = self.account.shown(form);
            let draft = form.draft();
            let way = state::way(draft);
            let at = WAYS.iter().position(|one| *one == way);
            view.set_way(shown.choice("oauth", at));
            let ways: Vec<Alternative> = WAYS
                .map(|one| {
                    // What is chosen can be left, whatever the method can.
                    let field = match one {
                        _ if one == way => "",
                        state::Way::OAuth => "oauth",
                        state::Way::Password => "authentication",
                        state::Way::None => "",
                    };
                    shown.alternative((texts.way)(one), shown.matrix.barrier(field))
                })
                .into();
            view.set_ways(keep(view.get_ways(), ways));

            let id = if draft.oauth_profile.is_empty() { CUSTOM } else { &draft.oauth_profile };
            let profile = profiles.iter().find(|profile| profile.id == id);
            let at = profiles.iter().position(|profile| profile.id == id);
            let titles = profiles.iter().map(|profile| SharedString::from(&profile.title)).collect();
            view.set_profiles(keep(view.get_profiles(), titles));
            view.set_profile(shown.choice("oauth_profile", at));
            let notes = profile.map(|profile| notes(profile, self.context.texts())).unwrap_or_default();
            view.set_profile_notes(notes.into());
            self.present_registration(&view, &shown, profile);

            let barrier = |flow, method| {
                let barrier = state::barrier(
                    form,
                    profile.filter(|profile| profile.id != CUSTOM),
                    flow,
                    self.context.may(method),
                    self.flow.get() != SignInFlow::None,
                );
                SharedString::from(barrier.map(texts.barrier).unwrap_or_default())
            };
            view.set_browser_barrier(barrier(OAuthFlow::AuthorizationCode, "OAuth/StartSignIn"));
            view.set_device_barrier(barrier(OAuthFlow::DeviceCode, "OAuth/SignInWithDevice"));
            view.set_application_barrier(barrier(
                OAuthFlow::ClientCredentials,
                "OAuth/SignInWithClientCredentials",
            ));
        });
        self.present_state(&view);
        Some(())
    }

    fn present_registration(
        &self,
        view: &SignInView<'_>,
        shown: &super::account::Shown<'_>,
        profile: Option<&OAuthProfile>,
    ) {
        let texts = &self.context.texts().sign_in;
        let of_profile = |get: fn(&OAuthProfile) -> &String| {
            (texts.of_profile)(profile.map_or("", |profile| get(profile)))
        };
        let draft = shown.form.draft();
        view.set_client_id(shown.field("oauth_client_id", ""));
        view.set_has_client_secret(draft.has_oauth_client_secret);
        let editing = shown.form.is_typed("oauth_client_secret");
        view.set_client_secret_editing(editing);
        let typed = view.get_client_secret().value;
        let value = if editing { typed } else { SharedString::new() };
        view.set_client_secret(Field { value, ..shown.field("oauth_client_secret", "") });
        let ends = shown.field("oauth_client_secret_expire_time", "");
        let no_date = self.no_date.borrow();
        let value = no_date
            .clone()
            .unwrap_or_else(|| state::typed_date(draft.oauth_client_secret_expire_time.as_ref()));
        let error = if no_date.is_some() { texts.no_date.into() } else { ends.error.clone() };
        view.set_client_secret_ends(Field {
            value: value.into(),
            error,
            placeholder: "2027-06-30".into(),
            ..ends
        });
        view.set_has_tenant(draft.oauth_profile == "microsoft");
        view.set_tenant(shown.field("oauth_tenant", "common"));
        view.set_scope(shown.field("oauth_scope", &of_profile(|profile| &profile.scope)));
        view.set_authorization_endpoint(
            shown.field(
                "oauth_authorization_endpoint",
                &of_profile(|profile| &profile.authorization_endpoint),
            ),
        );
        view.set_token_endpoint(
            shown.field("oauth_token_endpoint", &of_profile(|profile| &profile.token_endpoint)),
        );
        view.set_device_endpoint(shown.field(
            "oauth_device_authorization_endpoint",
            &of_profile(|profile| &profile.device_authorization_endpoint),
        ));
        view.set_revocation_endpoint(
            shown.field("oauth_revocation_endpoint", &of_profile(|profile| &profile.revocation_endpoint)),
        );
    }

    fn present_state(&self, view: &SignInView<'_>) {
        let all = self.context.texts();
        let (texts, language) = (&all.sign_in, self.context.language());
        let sign_in = self.sign_in();
        let state = if sign_in.account.is_empty() { SignInState::SignedOut } else { sign_in.state() };
        view.set_state((all.words.sign_in_state)(state).into());
        view.set_state_kind(match state::tone(state) {
            Tone::Good => Kind::Good,
            Tone::Uneasy => Kind::Warning,
            Tone::Bad => Kind::Bad,
            Tone::Quiet => Kind::Muted,
        });
        view.set_signed_in(!matches!(state, SignInState::SignedOut | SignInState::Unspecified));
        let advice = advice::text(&sign_in.advice_reason, language).unwrap_or(&sign_in.advice_text);
        view.set_advice(if state == SignInState::SignedOut { "".into() } else { advice.into() });

        let mut facts = Vec::new();
        let mut add = |label: &str, value: String| {
            facts.push(Fact { label: label.into(), value: value.into() });
        };
        if !sign_in.signed_in_by.is_empty() && state != SignInState::SignedOut {
            let when = times::local(sign_in.sign_in_time.as_ref(), language);
            add(texts.who, format!("{}, {when}", sign_in.signed_in_by));
        }
        if !sign_in.scope.is_empty() {
            add(texts.scope, sign_in.scope.clone());
        }
        if let Some(end) = &sign_in.access_token_expire_time {
            add(texts.access_token, (texts.until)(&times::local(Some(end), language)));
        }
        if let Some(renewed) = &sign_in.refresh_token_time {
            let mut token = (texts.renewed)(&times::local(Some(renewed), language));
            if let Some(end) = &sign_in.refresh_token_expire_time {
                token = format!("{token}, {}", (texts.until)(&times::local(Some(end), language)));
            }
            add(texts.refresh_token, token);
        }
        let said = [sign_in.error_code.as_str(), &all.said(&sign_in.error_text)].join(" ");
        if !said.trim().is_empty() {
            add(texts.provider_says, said.trim().to_owned());
        }
        view.set_facts(keep(view.get_facts(), facts));
    }
}

/// One a line.
fn notes(profile: &OAuthProfile, all: &Texts) -> String {
    let lines: Vec<_> = profile.notes.iter().map(|note| format!("• {}", all.said(note))).collect();
    lines.join("\n")
}

impl Page for SignInPage {
    fn connected(&self) {
        let page = self.me.clone();
        let watch = self.context.link.follow(calls::watch, move |sign_ins| {
            if let Some(page) = page.upgrade() {
                page.sign_ins.replace(sign_ins);
                page.show();
            }
        });
        self.watch.replace(Some(watch));
    }

    fn lost(&self) {
        self.watch.take();
        self.end(None);
    }

    fn account_chosen(&self) {
        self.no_date.take();
        self.end(None);
    }

    fn status(&self) {
        self.show();
    }

    fn show(&self) {
        self.present();
    }
}

/// Why nobody is signed in, where it was not the daemon's refusal.
fn not_signed_in(error: &signin::Error, texts: &Texts) -> Banner {
    let (text, detail) = match error {
        signin::Error::Loopback(why) => {
            ((texts.sign_in.no_loopback)(without_number(&why.to_string())), String::new())
        }
        signin::Error::Call(status) => (failure(status, texts).sentence, String::new()),
        signin::Error::Browser { code, description } => {
            ((texts.words.browser_error)(code).to_owned(), description.clone())
        }
        signin::Error::TimedOut => (texts.sign_in.timed_out.to_owned(), String::new()),
    };
    Banner { kind: Kind::Bad, text, detail }
}
