//! The requests page.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use faxpost_gui_ui::{Fact, Kind, Line, RequestsView};
use faxpost_proto::v1::{Request, RequestState};
use slint::{ComponentHandle as _, SharedString};

use super::desk::{Caller, Desk};
use super::{Banner, Context, Notice, Page, keep, nth, strings};
use crate::lang::Texts;
use crate::link::{Task, requests as calls};
use crate::state::requests::{self as state, is_pending, method};
use crate::times;

/// The requests page.
pub struct RequestsPage {
    desk: Desk<Self>,
    requests: RefCell<Vec<Request>>,
    /// They were told.
    read: Cell<bool>,
    chosen: Cell<Option<i64>>,
    /// What a decision is asked about, as it is shown.
    offer: RefCell<Option<Offer>>,
    watch: RefCell<Option<Task>>,
    call: RefCell<Option<Task>>,
}

/// A question to an administrator.
enum Offer {
    Approve(Box<Request>),
    Refuse(i64),
}

impl RequestsPage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>) -> Rc<Self> {
        let page = Rc::new_cyclic(|me: &Weak<Self>| Self {
            desk: Desk::new(me, context),
            requests: RefCell::default(),
            read: Cell::default(),
            chosen: Cell::default(),
            offer: RefCell::default(),
            watch: RefCell::default(),
            call: RefCell::default(),
        });
        page.listen();
        page
    }

    fn listen(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<RequestsView>();
        let me = &self.desk.me;
        on!(me, view.on_choose, |page, index| {
            let chosen = nth(&page.requests.borrow(), index);
            page.chosen.set(chosen.map(|request| request.number));
        });
        on!(me, view.on_close, |page| page.chosen.set(None));
        on!(me, view.on_offer_approve, |page| page.offer_approve());
        on!(me, view.on_approve, |page| page.approve());
        on!(me, view.on_offer_refuse, |page| page.offer_refuse());
        on!(me, view.on_refuse, |page| page.refuse());
        on!(me, view.on_leave, |page| page.offer.take());
        on!(me, view.on_withdraw, |page| page.withdraw());
        on!(me, view.on_close_notice, |page| page.desk.notice.take());
        on!(me, view.on_cancel, |page| page.cancel());
    }

    fn request(&self, number: i64) -> Option<Request> {
        self.requests.borrow().iter().find(|request| request.number == number).cloned()
    }

    fn came(&self, mut requests: Vec<Request>) {
        state::sort(&mut requests);
        self.requests.replace(requests);
        self.read.set(true);
        // Somebody else decided meanwhile: there is nothing to ask any more.
        let number = match self.offer.borrow().as_ref() {
            Some(Offer::Approve(request)) => Some(request.number),
            Some(Offer::Refuse(number)) => Some(*number),
            None => None,
        };
        if number.is_some_and(|number| self.request(number).is_none_or(|request| !is_pending(&request))) {
            self.offer.take();
        }
        self.show();
    }

    fn offer_approve(&self) {
        let request = self.chosen.get().and_then(|number| self.request(number));
        self.offer.replace(request.map(|request| Offer::Approve(Box::new(request))));
    }

    /// Just what was shown: its digest goes with it.
    fn approve(&self) {
        let Some(Offer::Approve(shown)) = self.offer.take() else { return };
        self.decide(
            move |channel| calls::approve(channel, shown.number, shown.digest),
            |request| match request.state() {
                RequestState::Failed => Notice::new(move |texts| Banner {
                    kind: Kind::Bad,
                    text: (texts.requests.failed)(request.number),
                    detail: outcome(&request, texts),
                }),
                _ => Notice::good(move |texts| (texts.requests.approved)(request.number)),
            },
        );
    }

    fn offer_refuse(&self) {
        if let Some(window) = self.desk.context.window.upgrade() {
            window.global::<RequestsView>().set_why(SharedString::new());
        }
        self.offer.replace(self.chosen.get().map(Offer::Refuse));
    }

    fn refuse(&self) {
        let Some(Offer::Refuse(number)) = self.offer.take() else { return };
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let why = window.global::<RequestsView>().get_why().trim().to_owned();
        self.decide(
            move |channel| calls::refuse(channel, number, why),
            |request| Notice::good(move |texts| (texts.requests.refused)(request.number)),
        );
    }

    fn withdraw(&self) {
        let Some(number) = self.chosen.get() else { return };
        self.decide(
            move |channel| async move {
                calls::withdraw(channel, number).await?;
                Ok(Request { number, ..Request::default() })
            },
            |request| Notice::good(move |texts| (texts.requests.withdrawn)(request.number)),
        );
    }

    fn decide<F>(
        &self,
        call: impl FnOnce(tonic::transport::Channel) -> F,
        notice: impl FnOnce(Request) -> Notice + 'static,
    ) where
        F: Future<Output = crate::link::Answer<Request>> + Send + 'static,
    {
        self.desk.notice.take();
        let task = self.ask(call, move |page, request| {
            page.desk.say(notice(request));
        });
        self.call.replace(Some(task));
    }

    fn cancel(&self) {
        self.call.take();
        self.desk.busy.set(false);
    }

    fn present(&self) -> Option<()> {
        let window = self.desk.context.window.upgrade()?;
        let view = window.global::<RequestsView>();
        let all = self.desk.context.texts();
        let words = &all.requests;

        show_desk!(self.desk, view);
        let requests = self.requests.borrow();
        let lines = requests.iter().map(|request| line(request, all)).collect();
        view.set_lines(keep(view.get_lines(), lines));
        let at = requests.iter().position(|request| Some(request.number) == self.chosen.get());
        view.set_current(at.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1));
        let may_see = self.desk.context.may("Approvals/WatchRequests");
        let (nothing, detail) = match (may_see, self.read.get(), self.desk.context.is_administrator()) {
            (false, ..) => (words.denied, ""),
            (true, false, _) => ("", ""),
            (true, true, true) => (words.nothing, words.nothing_detail),
            (true, true, false) => (words.nothing_mine, words.nothing_mine_detail),
        };
        view.set_nothing(nothing.into());
        view.set_nothing_detail(detail.into());

        let offer = self.offer.borrow();
        view.set_approving(matches!(*offer, Some(Offer::Approve(_))));
        view.set_refusing(matches!(*offer, Some(Offer::Refuse(_))));
        let Some(request) = at.and_then(|at| requests.get(at)) else {
            view.set_has_details(false);
            return Some(());
        };
        self.present_details(&view, request, all);
        if let Some(Offer::Approve(shown)) = &*offer {
            view.set_summary((*all.said(&shown.summary)).into());
            view.set_effects(keep(view.get_effects(), effects(shown, all)));
            view.set_digest(shown.digest.as_str().into());
        }
        Some(())
    }

    fn present_details(&self, view: &RequestsView<'_>, request: &Request, all: &Texts) {
        let words = &all.requests;
        let context = &self.desk.context;
        view.set_title(what(request, all).into());
        view.set_badge((all.words.request_state)(request.state()).into());
        view.set_badge_kind(kind_of(request.state()));
        view.set_summary((*all.said(&request.summary)).into());
        view.set_effects(keep(view.get_effects(), effects(request, all)));
        view.set_facts(keep(view.get_facts(), facts(request, all)));
        let me = context.status().caller_id.clone();
        let barrier = |barrier: Option<state::Barrier>| {
            SharedString::from(barrier.map(words.barrier).unwrap_or_default())
        };
        view.set_own(request.caller_id == me);
        let may = |method: &str| context.may(method);
        view.set_approve_barrier(barrier(state::approve(request, &me, may("Approvals/ApproveRequest"))));
        view.set_refuse_barrier(barrier(state::refuse(request, may("Approvals/RefuseRequest"))));
        view.set_withdraw_barrier(barrier(state::withdraw(request, &me, may("Approvals/WithdrawRequest"))));
        view.set_has_details(true);
    }
}

impl Caller for RequestsPage {
    fn desk(&self) -> &Desk<Self> {
        &self.desk
    }
}

impl Page for RequestsPage {
    fn connected(&self) {
        let page = self.desk.me.clone();
        let watch = self.desk.context.link.follow(calls::watch, move |requests| {
            if let Some(page) = page.upgrade() {
                page.came(requests);
            }
        });
        self.watch.replace(Some(watch));
    }

    fn lost(&self) {
        self.watch.take();
        self.offer.take();
        self.cancel();
        self.show();
    }

    fn status(&self) {
        self.show();
    }

    fn show(&self) {
        self.present();
    }
}

fn kind_of(state: RequestState) -> Kind {
    match state {
        RequestState::Pending | RequestState::Approved => Kind::Info,
        RequestState::Done => Kind::Good,
        RequestState::Failed => Kind::Bad,
        RequestState::Refused => Kind::Warning,
        RequestState::Expired | RequestState::Withdrawn | RequestState::Unspecified => Kind::Muted,
    }
}

/// What is asked for, in the person's language; what this version does not know by its method.
fn what(request: &Request, all: &Texts) -> String {
    (all.requests.what)(method(request)).map_or_else(|| method(request).to_owned(), str::to_owned)
}

fn outcome(request: &Request, all: &Texts) -> String {
    let known = (all.words.reason)(&request.outcome_reason).unwrap_or_default();
    [known, &*all.said(&request.outcome_text)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn line(request: &Request, all: &Texts) -> Line {
    let cells = [
        (all.words.request_state)(request.state()).to_owned(),
        what(request, all),
        request.caller_name.clone(),
        times::local(request.create_time.as_ref(), all.language),
        request.number.to_string(),
    ];
    Line { spoken: cells.join(", ").into(), kind: kind_of(request.state()), cells: strings(cells) }
}

fn effects(request: &Request, all: &Texts) -> Vec<Fact> {
    let label = |name: &str| SharedString::from((all.words.effect)(name).unwrap_or(name));
    let effects = request.effects.iter().filter(|effect| !effect.value.is_empty());
    effects
        .map(|effect| Fact { label: label(&effect.name), value: (*all.said(&effect.value)).into() })
        .collect()
}

fn facts(request: &Request, all: &Texts) -> Vec<Fact> {
    let words = &all.requests;
    let time = |time: &Option<prost_types::Timestamp>| {
        time.as_ref().map(|time| times::local(Some(time), all.language)).unwrap_or_default()
    };
    let who = if request.caller_name == request.caller_id {
        request.caller_id.clone()
    } else {
        format!("{} ({})", request.caller_name, request.caller_id)
    };
    let facts = [
        (words.who, who),
        (words.when, time(&request.create_time)),
        (words.until, if is_pending(request) { time(&request.expire_time) } else { String::new() }),
        (words.decided_by, request.decided_by.clone()),
        (words.decided, time(&request.decide_time)),
        (words.said, request.decision_text.clone()),
        (words.outcome, outcome(request, all)),
        (words.number, request.number.to_string()),
        (words.digest, request.digest.clone()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    facts.map(|(label, value)| Fact { label: label.into(), value: value.into() }).collect()
}
