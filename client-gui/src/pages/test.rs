//! The test page.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use faxpost_gui_ui::{Choice, Fact, Field, Kind, PageName, TestLine, TestView};
use faxpost_proto::advice::{self, Language};
use faxpost_proto::reason;
use faxpost_proto::refusal::reason_of;
use faxpost_proto::v1::{Step, TestAccountRequest, TestStep, TlsCheck};
use slint::{ComponentHandle as _, SharedString};
use tonic::Status;
use zeroize::Zeroizing;

use super::account::AccountPage;
use super::{Banner, Context, Notice, Page, keep, sentence};
use crate::lang::Texts;
use crate::lang::failure::failure;
use crate::link::Task;
use crate::link::test::{self as calls, Progress};
use crate::state::test::{Run, STEPS, Stand, UNTIL};
use crate::times;

/// The test page.
pub struct TestPage {
    me: Weak<Self>,
    context: Rc<Context>,
    account: Rc<AccountPage>,
    run: RefCell<Run>,
    call: RefCell<Option<Task>>,
    to: RefCell<String>,
    until: Cell<usize>,
    notice: RefCell<Option<Notice>>,
    wants_password: Cell<bool>,
    pinning: Cell<bool>,
}

impl TestPage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>, account: Rc<AccountPage>) -> Rc<Self> {
        let page = Rc::new_cyclic(|me: &Weak<Self>| Self {
            me: me.clone(),
            context,
            account,
            run: RefCell::default(),
            call: RefCell::default(),
            to: RefCell::default(),
            until: Cell::default(),
            notice: RefCell::default(),
            wants_password: Cell::default(),
            pinning: Cell::default(),
        });
        page.listen();
        let follower = page.me.clone();
        page.account.follow(move || {
            if let Some(page) = follower.upgrade() {
                page.show();
            }
        });
        page
    }

    fn listen(&self) {
        let Some(window) = self.context.window.upgrade() else { return };
        let view = window.global::<TestView>();
        let me = &self.me;
        on!(me, view.on_edit_to, |page, value| page.to.replace(value.to_string()));
        on!(me, view.on_choose_until, |page, index| page
            .until
            .set(usize::try_from(index).unwrap_or_default()));
        on!(me, view.on_start, |page| page.start());
        on!(me, view.on_stop, |page| page.stop());
        on!(me, view.on_enter_password, |page| page.enter_password());
        on!(me, view.on_offer_pin, |page| page.pinning.set(true));
        on!(me, view.on_pin, |page, key| page.pin(key));
        on!(me, view.on_refuse_pin, |page| page.pinning.set(false));
        on!(me, view.on_close_notice, |page| page.notice.take());
    }

    fn start(&self) {
        if self.run.borrow().is_running() || self.barrier().is_some() {
            return;
        }
        let language = match self.context.language() {
            Language::En => "en",
            Language::Ru => "ru",
        };
        let (draft, mask) = self.account.look(|form| form.unsaved());
        let has_changes = !mask.paths.is_empty();
        let call = TestAccountRequest {
            id: self.context.account(),
            draft: has_changes.then_some(draft),
            update_mask: has_changes.then_some(mask),
            to: self.to.borrow().trim().to_owned(),
            until: UNTIL.get(self.until.get()).copied().unwrap_or(Step::Message).into(),
            language: language.to_owned(),
        };
        self.run.borrow_mut().begin();
        self.notice.take();
        self.wants_password.set(false);
        let page = self.me.clone();
        let own = self.context.link.own_connection();
        let task = self.context.link.follow(
            move |_, to| calls::run(own, call, to),
            move |progress| {
                if let Some(page) = page.upgrade() {
                    page.heard(progress);
                    page.show();
                }
            },
        );
        self.call.replace(Some(task));
    }

    fn stop(&self) {
        self.call.take();
        self.run.borrow_mut().stop();
        self.notice.replace(Some(Notice::of(Kind::Info, |texts| texts.test.stopped)));
    }

    fn heard(&self, progress: Progress) {
        match progress {
            Progress::Step(step) => self.run.borrow_mut().heard(*step),
            Progress::Over(why) => {
                self.run.borrow_mut().over();
                self.call.take();
                let notice = match why {
                    Some(status) => Some(self.refused(&status)),
                    None if self.run.borrow().passed() => Some(self.passed()),
                    None => None,
                };
                self.notice.replace(notice);
            }
        }
    }

    fn passed(&self) -> Notice {
        let to = match &**self.to.borrow() {
            "" => self.account.look(|form| form.draft().sender_email.clone()),
            to => to.to_owned(),
        };
        let sent = self.run.borrow().stand(Step::Message).0 == Stand::Passed;
        Notice::new(move |texts| Banner {
            kind: Kind::Good,
            text: texts.test.passed.to_owned(),
            detail: if sent { (texts.test.sent)(&to) } else { String::new() },
        })
    }

    fn refused(&self, status: &Status) -> Notice {
        let wants = reason_of(status).as_deref() == Some(reason::PASSWORD_NEEDED);
        self.wants_password.set(wants);
        if !wants {
            return Notice::bad(status);
        }
        let status = status.clone();
        Notice::of(Kind::Warning, move |texts| failure(&status, texts).sentence)
    }

    fn enter_password(&self) {
        self.notice.take();
        self.wants_password.set(false);
        self.account.change(|form| form.secret("password", Some(Zeroizing::default())));
        self.context.go(PageName::SignIn);
    }

    /// Chooses the server's certificate, or its key, as the only one that is taken. It is saved by applying.
    fn pin(&self, key: bool) {
        self.pinning.set(false);
        let pin = self.run.borrow().pinnable().map(|certificate| {
            if key { certificate.public_key_sha256.clone() } else { certificate.sha256.clone() }
        });
        let Some(pin) = pin else { return };
        self.account.change(|form| {
            form.choose("tls_check", TlsCheck::Pinned.into());
            form.edit("tls_pin", &pin);
        });
        self.notice.replace(Some(Notice::of(Kind::Info, |texts| texts.test.pinned)));
    }

    fn barrier(&self) -> Option<&'static str> {
        let texts = &self.context.texts().test;
        if !self.context.may("Diagnostics/TestAccount") {
            return Some(texts.denied);
        }
        (!self.account.look(|form| form.is_complete())).then_some(texts.incomplete)
    }

    fn present(&self) -> Option<()> {
        let window = self.context.window.upgrade()?;
        let view = window.global::<TestView>();
        let all = self.context.texts();
        let texts = &all.test;
        let run = self.run.borrow();

        show_notice!(self.notice, all, view);
        view.set_wants_password(self.wants_password.get());
        let changed = self.account.look(|form| form.changed());
        let names: Vec<_> = changed.iter().map(|field| (all.account.field)(field)).collect();
        view.set_unsaved(if names.is_empty() {
            SharedString::new()
        } else {
            (texts.unsaved)(&names.join(", ")).into()
        });
        view.set_barrier(self.barrier().unwrap_or_default().into());
        let sender = self.account.look(|form| form.draft().sender_email.clone());
        let placeholder = if sender.is_empty() { texts.to_the_sender.to_owned() } else { sender };
        view.set_to(Field {
            value: self.to.borrow().as_str().into(),
            placeholder: placeholder.into(),
            ..Field::default()
        });
        let steps = UNTIL.map(|step| SharedString::from((texts.until)(step)));
        view.set_steps_to(keep(view.get_steps_to(), steps.into()));
        let index = i32::try_from(self.until.get()).unwrap_or_default();
        view.set_until(Choice { index, ..Choice::default() });
        view.set_running(run.is_running());
        let pinnable = run.pinnable().is_some();
        let lines = STEPS.map(|step| {
            let (stand, known) = run.stand(step);
            let pin = pinnable && step == Step::Tls && !run.is_running();
            line(step, stand, known, pin, all)
        });
        view.set_lines(keep(view.get_lines(), lines.into()));

        if let Some(certificate) = run.pinnable() {
            let language = all.language;
            let day = |time: Option<&prost_types::Timestamp>| times::local_date(time, language);
            let from_until = (texts.from_until)(
                &day(certificate.not_before.as_ref()),
                &day(certificate.not_after.as_ref()),
            );
            let facts = [
                (texts.subject, certificate.subject.clone()),
                (texts.issuer, certificate.issuer.clone()),
                (texts.validity, from_until),
                (texts.names, certificate.names.join(", ")),
            ];
            let facts = facts.map(|(label, value)| Fact { label: label.into(), value: value.into() });
            view.set_pin_facts(keep(view.get_pin_facts(), facts.into()));
            view.set_pin_sha256(certificate.sha256.as_str().into());
        }
        view.set_pinning(self.pinning.get() && pinnable);
        Some(())
    }
}

fn line(step: Step, stand: Stand, known: Option<&TestStep>, pin: bool, all: &Texts) -> TestLine {
    let texts = &all.test;
    let details = known.map(|known| known.details.as_slice()).unwrap_or_default();
    let mut details: Vec<_> = details.iter().map(|detail| all.said(detail).into_owned()).collect();
    if let Some(tls) = known.and_then(|known| known.tls.as_ref()) {
        // The daemon's details say the same.
        details.clear();
        details.extend((!tls.version.is_empty()).then(|| format!("{}, {}", tls.version, tls.cipher)));
        if let Some(certificate) = tls.chain.first() {
            details.push(format!("{}, {}", certificate.subject, (texts.days_left)(tls.days_left)));
        }
        details.extend((!tls.tolerated.is_empty()).then(|| (texts.tolerated)(&all.said(&tls.tolerated))));
    }
    let of = |get: fn(&TestStep) -> &str| known.map(get).unwrap_or_default();
    let failed = stand == Stand::Failed;
    let reason = of(|known| &known.failure_reason);
    let failure = match (failed, (all.words.failure)(reason), of(|known| &known.failure_text)) {
        (false, ..) => String::new(),
        // The daemon says more about this case.
        (true, Some(known), said) if !said.is_empty() => format!("{known} ({})", all.said(said)),
        (true, known, said) => sentence(known.unwrap_or(said)),
    };
    let advice = if failed {
        let english = of(|known| &known.advice_text);
        advice::text(of(|known| &known.advice_reason), all.language).unwrap_or(english)
    } else {
        ""
    };
    let time = match (stand, known) {
        (Stand::Passed | Stand::Failed, Some(known)) => times::millis(known.duration_ms, all.language),
        (Stand::Skipped | Stand::Stopped, _) => (texts.stand)(stand).to_owned(),
        _ => String::new(),
    };
    let details = details.join("\n");
    // Of a step that passed, the details tell what counts.
    let answer = if failed { of(|known| &known.answer) } else { "" };
    let spoken = [(texts.stand)(stand), &time, &details, &failure, answer, advice];
    let spoken: Vec<_> = spoken.into_iter().filter(|part| !part.is_empty()).collect();
    let spoken = spoken.join(". ");
    TestLine {
        title: (all.words.step)(step).into(),
        kind: match stand {
            Stand::Passed => Kind::Good,
            Stand::Failed => Kind::Bad,
            Stand::Running => Kind::Info,
            Stand::Ahead | Stand::Skipped | Stand::Stopped => Kind::Muted,
        },
        running: stand == Stand::Running,
        time: time.into(),
        spoken: spoken.into(),
        details: details.into(),
        answer: answer.into(),
        failure: failure.into(),
        advice: advice.into(),
        pin,
    }
}

impl Page for TestPage {
    fn lost(&self) {
        self.call.take();
        self.run.borrow_mut().stop();
        self.show();
    }

    fn account_chosen(&self) {
        self.call.take();
        self.run.take();
        self.notice.take();
        self.show();
    }

    fn status(&self) {
        self.show();
    }

    fn accelerator(&self, key: &str) -> bool {
        if key == "F5" {
            self.start();
            self.show();
        }
        key == "F5"
    }

    fn show(&self) {
        self.present();
    }
}
