//! The outbox page.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use faxpost_gui_ui::{Fact, Kind, Line, OutboxView, RecipientLine};
use faxpost_proto::v1::{Message, MessageState, RecipientState};
use slint::{ComponentHandle as _, SharedString};

use super::desk::{Caller, Desk};
use super::log::LogPage;
use super::rows::Rows;
use super::{Context, Notice, Page, keep, named, place, strings};
use crate::lang::Texts;
use crate::link::outbox::{self as calls, LARGEST_PAGE, Selection};
use crate::link::{Answer, Task};
use crate::state::log::addresses;
use crate::state::outbox::{Deed, STATES, is_finished};
use crate::state::paged::{PAGE, Want};
use crate::times;

/// How often it is looked whether attempts went on, while some wait and the page is shown: the daemon tells by itself
/// only when their number changes.
const POLL: Duration = Duration::from_secs(5);

/// The outbox page.
pub struct OutboxPage {
    desk: Desk<Self>,
    log: Rc<LogPage>,
    rows: Rc<Rows<Message>>,
    selection: RefCell<Selection>,
    current: Cell<Option<usize>>,
    chosen: RefCell<Option<Message>>,
    watch: RefCell<Option<Task>>,
    call: RefCell<Option<Task>>,
    poll: RefCell<Option<Task>>,
    /// What waited when the list was read last: queued, held.
    counts: Cell<(i64, i64)>,
    /// It changed, and the list is too long to be read anew below somebody's eyes.
    changed: Cell<bool>,
    asking: Cell<bool>,
    connected: Cell<bool>,
    shown: Cell<bool>,
}

impl OutboxPage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>, log: Rc<LogPage>) -> Rc<Self> {
        let telling = context.clone();
        let rows = Rows::new(move |message| line(message, telling.texts()));
        let page = Rc::new_cyclic(|me: &Weak<Self>| Self {
            desk: Desk::new(me, context),
            log,
            rows,
            selection: RefCell::default(),
            current: Cell::default(),
            chosen: RefCell::default(),
            watch: RefCell::default(),
            call: RefCell::default(),
            poll: RefCell::default(),
            counts: Cell::default(),
            changed: Cell::default(),
            asking: Cell::default(),
            connected: Cell::default(),
            shown: Cell::default(),
        });
        page.listen();
        page
    }

    fn listen(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<OutboxView>();
        view.set_lines(self.rows.model());
        let me = self.desk.me.clone();
        self.rows.read_by(move |want| me.upgrade().map(|page| page.read(want)));
        let me = &self.desk.me;
        on!(me, view.on_choose_state, |page, value| {
            let word = page.desk.context.texts().words.message_state;
            page.select(|one| one.state = named(&STATES, &value, word));
        });
        on!(me, view.on_choose_account, |page, value| {
            let account = page.desk.accounts().into_iter().find(|account| *account == value);
            page.select(|one| one.account = account.unwrap_or_default().into());
        });
        on!(me, view.on_refresh, |page| page.refresh());
        on!(me, view.on_choose, |page, index| page.choose(index));
        on!(me, view.on_close, |page| page.close());
        on!(me, view.on_retry, |page| page.steer(Deed::Retry));
        on!(me, view.on_hold, |page| page.steer(Deed::Hold));
        on!(me, view.on_release, |page| page.steer(Deed::Release));
        on!(me, view.on_offer_cancel, |page| page.asking.set(true));
        on!(me, view.on_cancel_message, |page| page.steer(Deed::Cancel));
        on!(me, view.on_keep_message, |page| page.asking.set(false));
        on!(me, view.on_show_log, |page| page.show_log());
        on!(me, view.on_close_notice, |page| page.desk.notice.take());
        on!(me, view.on_cancel, |page| page.cancel());
    }

    fn select(&self, change: impl FnOnce(&mut Selection)) {
        change(&mut self.selection.borrow_mut());
        self.close();
        self.refresh();
    }

    fn refresh(&self) {
        if !self.connected.get() {
            return;
        }
        self.changed.set(false);
        self.counts.set(self.counted());
        let known = self.rows.look(|paged| paged.len());
        // As far as it was scrolled, so that it does not move.
        self.rows.reload(known.clamp(PAGE, LARGEST_PAGE));
    }

    fn counted(&self) -> (i64, i64) {
        let status = self.desk.context.status();
        (status.queued, status.held)
    }

    /// Something may have changed.
    fn look_again(&self) {
        if self.rows.look(|paged| paged.len()) <= LARGEST_PAGE {
            self.refresh();
        } else {
            self.changed.set(true);
        }
    }

    fn read(&self, want: Want) -> Task {
        let selection = self.selection.borrow().clone();
        let (token, size) = (want.token.clone(), want.size);
        self.call(
            move |channel| calls::messages(channel, selection, token, size),
            move |page, answer: Answer<(Vec<Message>, String)>| match answer {
                Ok((messages, next)) => {
                    if page.rows.arrived(&want, messages, next) {
                        page.find_chosen();
                    }
                }
                Err(status) => page.unread(&page.rows, &status),
            },
        )
    }

    /// Where the chosen one stands now.
    fn find_chosen(&self) {
        let id = self.chosen.borrow().as_ref().map(|chosen| chosen.id.clone());
        let Some(id) = id else { return };
        let row = self.rows.look(|paged| paged.find(|message| message.id == id));
        self.current.set(row);
        if let Some(message) = row.and_then(|row| self.rows.look(|paged| paged.row(row).cloned())) {
            self.chosen.replace(Some(message));
        }
    }

    fn choose(&self, index: i32) {
        let row = usize::try_from(index).ok();
        self.current.set(row);
        let message = row.and_then(|row| self.rows.look(|paged| paged.row(row).cloned()));
        let Some(message) = message else { return };
        let id = message.id.clone();
        let is_over = is_finished(message.state());
        self.chosen.replace(Some(message));
        let me = self.desk.me.clone();
        let watch = (!is_over).then(|| {
            self.desk.context.link.follow(
                move |channel, to| calls::watch(channel, id, to),
                move |message| {
                    if let Some(page) = me.upgrade() {
                        page.became(message);
                        page.show();
                    }
                },
            )
        });
        self.watch.replace(watch);
    }

    /// The chosen one changed.
    fn became(&self, message: Message) {
        let id = message.id.clone();
        let is_chosen = self.chosen.borrow().as_ref().is_some_and(|chosen| chosen.id == id);
        if is_chosen {
            self.chosen.replace(Some(message.clone()));
        }
        self.rows.replace(message, |other| other.id == id);
    }

    fn close(&self) {
        self.current.set(None);
        self.chosen.take();
        self.watch.take();
        self.asking.set(false);
    }

    fn steer(&self, deed: Deed) {
        self.asking.set(false);
        self.desk.notice.take();
        let id = self.chosen.borrow().as_ref().map(|chosen| chosen.id.clone());
        let Some(id) = id else { return };
        let task = self.ask(
            move |channel| calls::steer(channel, id, deed),
            move |page, message: Message| {
                page.became(message);
                page.desk.say(Notice::good(move |texts| (texts.outbox.done)(deed)));
                page.look_again();
            },
        );
        self.call.replace(Some(task));
    }

    fn show_log(&self) {
        let id = self.chosen.borrow().as_ref().map(|chosen| chosen.id.clone());
        if let Some(id) = id {
            self.log.show_message(&id);
        }
    }

    fn cancel(&self) {
        self.rows.stop();
        self.call.take();
        self.desk.busy.set(false);
    }

    /// Looks now and then, but only while it is looked at and something waits.
    fn poll_if_needed(&self) {
        let wanted = self.shown.get() && self.connected.get() && self.counted().0 > 0;
        let polls = self.poll.borrow().is_some();
        if wanted == polls {
            return;
        }
        let me = self.desk.me.clone();
        let task = wanted.then(|| {
            let mut is_first = true;
            self.desk.context.link.every(POLL, move || {
                // The first tick comes at once.
                if let Some(page) = me.upgrade().filter(|_| !std::mem::take(&mut is_first)) {
                    page.look_again();
                    page.show();
                }
            })
        });
        self.poll.replace(task);
    }

    fn present(&self) -> Option<()> {
        let window = self.desk.context.window.upgrade()?;
        let view = window.global::<OutboxView>();
        let all = self.desk.context.texts();
        let words = &all.outbox;

        show_desk!(self.desk, view);
        let selection = self.selection.borrow();
        let states = STATES.map(|state| SharedString::from((all.words.message_state)(state)));
        let states = std::iter::once(words.any_state.into()).chain(states).collect();
        view.set_states(keep(view.get_states(), states));
        view.set_state(place(&STATES, selection.state));
        let accounts = self.desk.accounts();
        view.set_account(place(&accounts, Some(selection.account.as_str().into())));
        let accounts = std::iter::once(all.log.any_account.into()).chain(accounts).collect();
        view.set_accounts(keep(view.get_accounts(), accounts));
        view.set_news(if self.changed.get() { words.changed } else { "" }.into());

        let (nothing, detail) = match (self.rows.is_begun(), *selection == Selection::default()) {
            (false, _) => ("", ""),
            (true, true) => (words.nothing, words.nothing_detail),
            (true, false) => (words.nothing_found, ""),
        };
        view.set_nothing(nothing.into());
        view.set_nothing_detail(detail.into());
        view.set_current(self.current.get().and_then(|row| i32::try_from(row).ok()).unwrap_or(-1));

        let chosen = self.chosen.borrow();
        view.set_asking(self.asking.get() && chosen.is_some());
        let Some(message) = chosen.as_ref() else {
            view.set_has_details(false);
            return Some(());
        };
        self.present_details(&view, message, all);
        Some(())
    }

    fn present_details(&self, view: &OutboxView<'_>, message: &Message, all: &Texts) {
        let words = &all.outbox;
        let state = message.state();
        let title: &str = if message.subject.is_empty() { words.no_subject } else { &message.subject };
        view.set_title(title.into());
        view.set_badge((all.words.message_state)(state).into());
        view.set_badge_kind(kind_of(state));
        let (kind, why, detail) = why(message, all);
        view.set_why_kind(kind);
        view.set_why_detail(detail.into());
        view.set_why(why.into());
        view.set_facts(keep(view.get_facts(), facts(message, all)));
        let recipients = message.recipients.iter().map(|recipient| {
            let state = (all.words.recipient_state)(recipient.state());
            RecipientLine {
                address: recipient.address.as_str().into(),
                state: state.into(),
                kind: match recipient.state() {
                    RecipientState::Delivered => Kind::Good,
                    RecipientState::Failed => Kind::Bad,
                    RecipientState::Pending => Kind::Info,
                    RecipientState::Cancelled | RecipientState::Unspecified => Kind::Muted,
                },
                answer: (*all.said(&recipient.answer)).into(),
                spoken: format!("{state}. {}", all.said(&recipient.answer)).into(),
            }
        });
        view.set_recipients(keep(view.get_recipients(), recipients.collect()));
        let barrier = |deed: Deed| {
            let may = self.desk.context.may(deed.method());
            SharedString::from(
                deed.barrier(state, !message.held_for.is_empty(), may).map(words.barrier).unwrap_or_default(),
            )
        };
        view.set_retry_barrier(barrier(Deed::Retry));
        view.set_hold_barrier(barrier(Deed::Hold));
        view.set_release_barrier(barrier(Deed::Release));
        view.set_cancel_barrier(barrier(Deed::Cancel));
        let pending = message.recipients.iter().filter(|one| one.state() == RecipientState::Pending);
        let pending: Vec<_> = pending.map(|recipient| recipient.address.as_str()).collect();
        view.set_question((words.cancel_question)(title, &pending.join(", ")).into());
        view.set_has_details(true);
    }
}

impl Caller for OutboxPage {
    fn desk(&self) -> &Desk<Self> {
        &self.desk
    }
}

impl Page for OutboxPage {
    fn connected(&self) {
        self.connected.set(true);
        if self.shown.get() {
            self.refresh();
        }
    }

    fn lost(&self) {
        self.connected.set(false);
        self.poll.take();
        self.close();
        self.cancel();
        self.show();
    }

    fn shown(&self, shown: bool) {
        self.shown.set(shown);
        if shown {
            self.refresh();
        }
        self.poll_if_needed();
        self.show();
    }

    fn status(&self) {
        if self.shown.get() && self.counts.get() != self.counted() {
            self.look_again();
        }
        self.poll_if_needed();
        self.show();
    }

    fn accelerator(&self, key: &str) -> bool {
        if key == "F5" {
            self.refresh();
            self.show();
        }
        key == "F5"
    }

    fn show(&self) {
        self.present();
    }

    fn retell(&self) {
        self.rows.retell();
    }
}

fn kind_of(state: MessageState) -> Kind {
    match state {
        MessageState::Queued | MessageState::Sending => Kind::Info,
        MessageState::Held => Kind::Warning,
        MessageState::Delivered => Kind::Good,
        MessageState::Failed => Kind::Bad,
        MessageState::Cancelled | MessageState::Unspecified => Kind::Muted,
    }
}

/// The failure in the person's language, else as it was told.
fn error(message: &Message, all: &Texts) -> String {
    let known = (all.words.failure)(&message.last_error_reason);
    known.map_or_else(|| all.said(&message.last_error).into_owned(), str::to_owned)
}

fn line(message: &Message, all: &Texts) -> Line {
    let to = addresses(message.recipients.iter().map(|recipient| &*recipient.address));
    let why = match message.state() {
        MessageState::Held if message.held_for.is_empty() => (all.outbox.held)("").to_owned(),
        MessageState::Sending => all.outbox.sending.to_owned(),
        _ => error(message, all),
    };
    let cells = [
        (all.words.message_state)(message.state()).to_owned(),
        times::local(message.accept_time.as_ref(), all.language),
        to,
        message.subject.clone(),
        why.lines().map(str::trim).collect::<Vec<_>>().join(" "),
    ];
    let spoken: Vec<_> = cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
    Line { spoken: spoken.join(", ").into(), kind: kind_of(message.state()), cells: strings(cells) }
}

/// Why it waits or failed, and the words of whoever said so.
fn why(message: &Message, all: &Texts) -> (Kind, String, String) {
    let words = &all.outbox;
    let kind = kind_of(message.state());
    let said = error(message, all);
    let more = all.said(&message.last_error).into_owned();
    let more = if said == more { String::new() } else { more };
    match message.state() {
        MessageState::Held => {
            let detail = [said, more].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            (kind, (words.held)(&message.held_for).to_owned(), detail.join("\n"))
        }
        MessageState::Sending => (kind, words.sending.to_owned(), String::new()),
        MessageState::Queued | MessageState::Failed => (kind, said, more),
        MessageState::Delivered | MessageState::Cancelled | MessageState::Unspecified => {
            (kind, String::new(), String::new())
        }
    }
}

fn facts(message: &Message, all: &Texts) -> Vec<Fact> {
    let (words, log) = (&all.outbox, &all.log);
    let time = |time: &Option<prost_types::Timestamp>| {
        time.as_ref().map(|time| times::local(Some(time), all.language)).unwrap_or_default()
    };
    let facts = [
        (words.next, time(&message.next_attempt_time)),
        (words.attempts, message.attempts.to_string()),
        (
            words.expires,
            if is_finished(message.state()) { String::new() } else { time(&message.expire_time) },
        ),
        (words.accepted, time(&message.accept_time)),
        (log.account, message.account.clone()),
        (log.sender, message.sender.clone()),
        (log.caller, message.caller.clone()),
        (log.size, (log.bytes)(message.size)),
        (log.message, message.id.clone()),
        ("Message-ID", message.message_id.clone()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    facts.map(|(label, value)| Fact { label: label.into(), value: value.into() }).collect()
}
