//! The log page.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::{Rc, Weak};
use std::time::Duration;

use faxpost_gui_ui::{App as AppView, AttemptLine, Fact, Kind, Line, LogView, PageName, RecipientLine};
use faxpost_proto::refusal::{is_broken, without_number};
use faxpost_proto::v1::{Entry, EntryFilter, EntryKind, EntryOutcome, GetTranscriptResponse};
use jiff::Zoned;
use slint::{ComponentHandle as _, Model as _, SharedString};

use super::desk::{Caller, Desk};
use super::rows::Rows;
use super::{Context, Notice, Page, keep, strings};
use crate::lang::Texts;
use crate::lang::failure::failure;
use crate::link::log::{self as calls, ExportError, Progress};
use crate::link::{Answer, Task};
use crate::state::certificate::home;
use crate::state::log::{KINDS, OUTCOMES, SPANS, Search, Span, addresses};
use crate::state::paged::{PAGE, Want};
use crate::times;

/// Typing pauses as long as this before it is looked for: nobody wants a search for every letter.
const PAUSE: Duration = Duration::from_millis(350);
/// So many came above what was read: time to read the list anew, which keeps only what is looked at.
const MOST_FRESH: usize = 500;

/// The log page.
pub struct LogPage {
    desk: Desk<Self>,
    rows: Rc<Rows<Entry>>,
    search: RefCell<Search>,
    /// What the daemon was asked for.
    filter: RefCell<EntryFilter>,
    /// What was typed as a day, and is none.
    no_day: RefCell<Option<String>>,
    typing: RefCell<Option<Task>>,
    follows: Cell<bool>,
    stream: RefCell<Option<Task>>,
    /// What came before the first page did.
    early: RefCell<Vec<Entry>>,
    /// Id of the newest entry that is shown.
    newest: Cell<i64>,
    /// What came while older ones were looked at.
    news: Cell<i32>,
    at_top: Cell<bool>,
    current: Cell<Option<usize>>,
    chosen: RefCell<Option<Entry>>,
    /// All about the chosen one's message.
    about: RefCell<Vec<Entry>>,
    details: RefCell<Option<Task>>,
    transcript: RefCell<Option<(i64, GetTranscriptResponse)>>,
    reading: RefCell<Option<Task>>,
    export: RefCell<Export>,
    connected: Cell<bool>,
    shown: Cell<bool>,
    find: Cell<i32>,
    rewind: Cell<i32>,
}

/// The dialog that exports.
#[derive(Default)]
struct Export {
    open: bool,
    task: Option<Task>,
    written: u64,
    error: String,
}

impl LogPage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>) -> Rc<Self> {
        let telling = context.clone();
        let rows = Rows::new(move |entry| line(entry, telling.texts()));
        let page = Rc::new_cyclic(|me: &Weak<Self>| Self {
            desk: Desk::new(me, context),
            rows,
            search: RefCell::default(),
            filter: RefCell::default(),
            no_day: RefCell::default(),
            typing: RefCell::default(),
            follows: Cell::new(true),
            stream: RefCell::default(),
            early: RefCell::default(),
            newest: Cell::default(),
            news: Cell::default(),
            at_top: Cell::new(true),
            current: Cell::default(),
            chosen: RefCell::default(),
            about: RefCell::default(),
            details: RefCell::default(),
            transcript: RefCell::default(),
            reading: RefCell::default(),
            export: RefCell::default(),
            connected: Cell::default(),
            shown: Cell::default(),
            find: Cell::default(),
            rewind: Cell::default(),
        });
        page.listen();
        page
    }

    /// Shows the page with one message only.
    pub fn show_message(&self, id: &str) {
        self.search.replace(Search { message: id.to_owned(), ..Search::default() });
        self.close();
        if self.shown.get() {
            self.refresh();
        } else {
            self.desk.context.go(PageName::Log);
        }
        self.show();
    }

    fn listen(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<LogView>();
        view.set_lines(self.rows.model());
        let me = self.desk.me.clone();
        self.rows.read_by(move |want| me.upgrade().map(|page| page.read(want)));
        macro_rules! on {
            ($set:ident, |$page:ident $(, $argument:ident)*| $body:expr) => {{
                let weak = self.desk.me.clone();
                view.$set(move |$($argument),*| {
                    if let Some($page) = weak.upgrade() {
                        $body;
                        $page.show();
                    }
                });
            }};
        }
        on!(on_edit_recipient, |page, value| page.type_in(|search| search.recipient = value.into()));
        on!(on_edit_caller, |page, value| page.type_in(|search| search.caller = value.into()));
        on!(on_edit_days, |page| page.type_days());
        on!(on_search, |page| page.refresh());
        on!(on_choose_outcome, |page, index| page.search(|search| search.outcome = nth(&OUTCOMES, index - 1)));
        on!(on_choose_kind, |page, index| page.search(|search| search.kind = nth(&KINDS, index - 1)));
        on!(on_choose_span, |page, index| page.search(|search| {
            search.span = nth(&SPANS, index).unwrap_or_default();
        }));
        on!(on_choose_account, |page, index| page.choose_account(index));
        on!(on_clear, |page| page.search(|search| *search = Search::default()));
        on!(on_follow, |page, on| page.follow(on));
        on!(on_at_top, |page, on| page.scrolled(on));
        on!(on_show_news, |page| page.refresh());
        on!(on_refresh, |page| page.refresh());
        on!(on_choose, |page, index| page.choose(index));
        on!(on_close, |page| page.close());
        on!(on_read, |page, index| page.read_attempt(index));
        on!(on_read_transcript, |page| page.read_chosen());
        on!(on_offer_export, |page| page.offer_export());
        on!(on_export, |page| page.export());
        on!(on_cancel_export, |page| page.export.take());
        on!(on_close_notice, |page| page.desk.notice.take());
        on!(on_cancel, |page| page.cancel());
    }

    /// Changes what is looked for, and looks.
    fn search(&self, change: impl FnOnce(&mut Search)) {
        change(&mut self.search.borrow_mut());
        self.refresh();
    }

    /// Changes what is looked for, and looks after a pause.
    fn type_in(&self, change: impl FnOnce(&mut Search)) {
        change(&mut self.search.borrow_mut());
        let me = self.desk.me.clone();
        let mut ticks = 0;
        let task = self.desk.context.link.every(PAUSE, move || {
            // The first tick comes at once.
            ticks += 1;
            if let Some(page) = me.upgrade().filter(|_| ticks > 1) {
                page.refresh();
                page.show();
            }
        });
        self.typing.replace(Some(task));
    }

    fn type_days(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<LogView>();
        self.type_in(|search| {
            search.from = view.get_from().into();
            search.until = view.get_until().into();
        });
    }

    fn choose_account(&self, index: i32) {
        let accounts = self.accounts();
        let account = nth(&accounts, index - 1).unwrap_or_default();
        self.search(|search| search.account = account.into());
    }

    fn accounts(&self) -> Vec<SharedString> {
        let window = self.desk.context.window.upgrade();
        window.map(|window| window.global::<AppView>().get_accounts().iter().collect()).unwrap_or_default()
    }

    /// Reads from the top, and follows from there.
    fn refresh(&self) {
        self.typing.take();
        self.no_day.take();
        if !self.connected.get() {
            return;
        }
        match self.search.borrow().filter(&Zoned::now()) {
            Ok(filter) => self.filter.replace(filter),
            Err(typed) => {
                self.no_day.replace(Some(typed));
                return;
            }
        };
        self.news.set(0);
        self.begin_stream();
        self.rows.reload(PAGE);
    }

    fn read(&self, want: Want) -> Task {
        let filter = self.filter.borrow().clone();
        let (token, size) = (want.token.clone(), want.size);
        self.call(
            move |channel| calls::entries(channel, filter, token, size),
            move |page, answer: Answer<(Vec<Entry>, String)>| match answer {
                Ok((entries, next)) => page.arrived(&want, entries, next),
                Err(status) => {
                    page.rows.failed();
                    // A broken connection is told by the whole window.
                    if !is_broken(&status) {
                        page.desk.refused(&status);
                    }
                }
            },
        )
    }

    fn arrived(&self, want: &Want, entries: Vec<Entry>, next: String) {
        let first = entries.first().map_or(0, |entry| entry.id);
        if !self.rows.arrived(want, entries, next) {
            return;
        }
        self.newest.set(first);
        self.rewind.set(self.rewind.get() + 1);
        let chosen = self.chosen.borrow().as_ref().map(|chosen| chosen.id);
        self.current.set(self.rows.look(|paged| paged.find(|entry| Some(entry.id) == chosen)));
        let early = self.early.take();
        early.into_iter().for_each(|entry| self.came(entry));
    }

    fn follow(&self, on: bool) {
        self.follows.set(on);
        if on {
            self.refresh();
        } else {
            self.stream.take();
        }
    }

    /// Before the list is read, so that no entry falls between.
    fn begin_stream(&self) {
        self.stream.take();
        self.early.take();
        if !self.follows.get() {
            return;
        }
        // Nothing is known of what the list will begin with.
        self.newest.set(i64::MAX);
        let (filter, me) = (self.filter.borrow().clone(), self.desk.me.clone());
        let task = self.desk.context.link.follow(
            move |channel, to| calls::follow(channel, filter, to),
            move |entry| {
                if let Some(page) = me.upgrade() {
                    page.came(entry);
                    page.show();
                }
            },
        );
        self.stream.replace(Some(task));
    }

    /// A new entry.
    fn came(&self, entry: Entry) {
        if self.newest.get() == i64::MAX {
            return self.early.borrow_mut().push(entry);
        }
        if entry.id <= self.newest.get() {
            return;
        }
        self.newest.set(entry.id);
        let same = self.chosen.borrow().as_ref().is_some_and(|chosen| {
            !chosen.message.is_empty() && chosen.message == entry.message
        });
        if same {
            self.about.borrow_mut().push(entry.clone());
        }
        if !self.at_top.get() {
            // What somebody reads does not move below his eyes.
            self.news.set(self.news.get().saturating_add(1));
        } else if self.rows.look(|paged| paged.fresh()) >= MOST_FRESH {
            self.refresh();
        } else {
            self.rows.prepend(entry);
            self.current.set(self.current.get().map(|row| row + 1));
        }
    }

    fn scrolled(&self, top: bool) {
        self.at_top.set(top);
        if top && self.news.get() > 0 {
            self.refresh();
        }
    }

    fn choose(&self, index: i32) {
        let row = usize::try_from(index).ok();
        self.current.set(row);
        let entry = row.and_then(|row| self.rows.look(|paged| paged.row(row).cloned()));
        let Some(entry) = entry else { return };
        self.about.take();
        self.transcript.take();
        self.reading.take();
        let message = entry.message.clone();
        self.chosen.replace(Some(entry));
        let task = (!message.is_empty()).then(|| {
            self.ask(
                move |channel| calls::of_message(channel, message),
                |page, entries| {
                    page.about.replace(entries);
                },
            )
        });
        self.details.replace(task);
    }

    fn close(&self) {
        self.current.set(None);
        self.chosen.take();
        self.about.take();
        self.details.take();
        self.transcript.take();
        self.reading.take();
    }

    fn read_chosen(&self) {
        let id = self.chosen.borrow().as_ref().map(|chosen| chosen.id);
        if let Some(id) = id {
            self.read_dialogue(id);
        }
    }

    fn read_attempt(&self, index: i32) {
        let id = usize::try_from(index).ok().and_then(|at| self.about.borrow().get(at).map(|entry| entry.id));
        if let Some(id) = id {
            self.read_dialogue(id);
        }
    }

    fn read_dialogue(&self, id: i64) {
        let task = self.ask(
            move |channel| calls::transcript(channel, id),
            move |page, transcript| {
                page.transcript.replace(Some((id, transcript)));
            },
        );
        self.reading.replace(Some(task));
    }

    fn offer_export(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let name = format!("faxpost-log-{}.jsonl", Zoned::now().date());
        let path = home().join(name).display().to_string();
        window.global::<LogView>().set_export_path(path.into());
        self.export.replace(Export { open: true, ..Export::default() });
    }

    fn export(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<LogView>();
        let path = view.get_export_path().trim().to_owned();
        if path.is_empty() || self.export.borrow().task.is_some() {
            return;
        }
        let filter = match self.search.borrow().filter(&Zoned::now()) {
            Ok(filter) => filter,
            Err(typed) => {
                self.export.borrow_mut().error = (self.desk.context.texts().log.no_day)(&typed);
                return;
            }
        };
        let (transcripts, me) = (view.get_export_transcripts(), self.desk.me.clone());
        let file = Path::new(&path).to_owned();
        let task = self.desk.context.link.follow(
            move |channel, to| calls::export(channel, filter, transcripts, file, to),
            move |progress| {
                if let Some(page) = me.upgrade() {
                    page.exported(progress, &path);
                    page.show();
                }
            },
        );
        self.export.replace(Export { open: true, task: Some(task), ..Export::default() });
    }

    fn exported(&self, progress: Progress, path: &str) {
        let texts = self.desk.context.texts();
        let words = &texts.log;
        let mut export = self.export.borrow_mut();
        match progress {
            Progress::Written(count) => export.written = count,
            Progress::Done(Ok(count)) => {
                *export = Export::default();
                self.desk.say(Notice::good(&(words.exported)(count, path)));
            }
            Progress::Done(Err(why)) => {
                export.task = None;
                export.written = 0;
                export.error = match why {
                    ExportError::Exists => words.exists.to_owned(),
                    ExportError::File(error) => (words.cannot_write)(without_number(&error.to_string())),
                    ExportError::Refused(status) => {
                        let said = failure(&status, texts);
                        format!("{} {}", said.sentence, said.detail).trim().to_owned()
                    }
                };
            }
        }
    }

    fn cancel(&self) {
        self.rows.stop();
        self.details.take();
        self.reading.take();
        self.desk.busy.set(false);
    }

    fn present(&self) -> Option<()> {
        let window = self.desk.context.window.upgrade()?;
        let view = window.global::<LogView>();
        let all = self.desk.context.texts();
        let words = &all.log;

        view.set_busy(self.desk.busy.get());
        Notice::put(
            self.desk.notice.borrow().as_ref(),
            |kind| view.set_notice_kind(kind),
            |text| view.set_notice(text),
            |detail| view.set_notice_detail(detail),
        );
        self.present_search(&view, all);
        let searching = !self.search.borrow().is_any();
        let (nothing, detail) = match (self.rows.is_begun(), searching) {
            (false, _) => ("", ""),
            (true, false) => (words.nothing, words.nothing_detail),
            (true, true) => (words.nothing_found, words.nothing_found_detail),
        };
        view.set_nothing(nothing.into());
        view.set_nothing_detail(detail.into());
        view.set_current(self.current.get().and_then(|row| i32::try_from(row).ok()).unwrap_or(-1));
        view.set_follows(self.follows.get());
        let news = self.news.get();
        view.set_news(if news > 0 { (words.news)(news).into() } else { SharedString::new() });
        view.set_find(self.find.get());
        view.set_rewind(self.rewind.get());
        self.present_details(&view, all);

        let export = self.export.borrow();
        view.set_exporting(export.open);
        view.set_export_runs(export.task.is_some());
        view.set_export_error(export.error.as_str().into());
        let runs = export.task.is_some();
        let progress = if runs { (words.exporting)(export.written) } else { String::new() };
        view.set_export_progress(progress.into());
        Some(())
    }

    fn present_search(&self, view: &LogView<'_>, all: &Texts) {
        let words = &all.log;
        let search = self.search.borrow();
        let first = |first: &'static str, rest: Vec<SharedString>| {
            std::iter::once(first.into()).chain(rest).collect::<Vec<_>>()
        };
        let outcomes = OUTCOMES.map(|outcome| (all.words.entry_outcome)(outcome).into());
        view.set_outcomes(keep(view.get_outcomes(), first(words.any_outcome, outcomes.into())));
        view.set_outcome(place(&OUTCOMES, search.outcome));
        let kinds = KINDS.map(|kind| (all.words.entry_kind)(kind).into());
        view.set_kinds(keep(view.get_kinds(), first(words.any_kind, kinds.into())));
        view.set_kind(place(&KINDS, search.kind));
        let spans = SPANS.map(|span| SharedString::from((words.span)(span)));
        view.set_spans(keep(view.get_spans(), spans.into()));
        view.set_span(place(&SPANS, Some(search.span)) - 1);
        view.set_between(search.span == Span::Between);
        let accounts = self.accounts();
        let account = accounts.iter().position(|account| *account == search.account);
        view.set_accounts(keep(view.get_accounts(), first(words.any_account, accounts)));
        view.set_account(account.and_then(|at| i32::try_from(at + 1).ok()).unwrap_or_default());
        // What somebody types just now is there already.
        view.set_recipient(search.recipient.as_str().into());
        view.set_caller(search.caller.as_str().into());
        view.set_from(search.from.as_str().into());
        view.set_until(search.until.as_str().into());
        view.set_searching(!search.is_any());
        let only = if search.message.is_empty() { String::new() } else { (words.only_message)(&search.message) };
        view.set_only(only.into());
        let error = self.no_day.borrow().as_deref().map(words.no_day).unwrap_or_default();
        view.set_error(error.into());
    }

    fn present_details(&self, view: &LogView<'_>, all: &Texts) {
        let chosen = self.chosen.borrow();
        let Some(entry) = chosen.as_ref() else { return view.set_has_details(false) };
        let title: &str = if entry.subject.is_empty() { (all.words.entry_kind)(entry.kind()) } else { &entry.subject };
        view.set_title(title.into());
        view.set_badge((all.words.entry_outcome)(entry.outcome()).into());
        view.set_badge_kind(kind_of(entry.outcome()));
        view.set_facts(keep(view.get_facts(), facts(entry, all)));
        let recipients = entry.recipients.iter().map(|recipient| {
            let asked = !matches!(entry.kind(), EntryKind::Accepted | EntryKind::Steered);
            let (state, kind) = match (asked, recipient.delivered) {
                (false, _) => ("", Kind::Muted),
                (true, true) => (all.log.delivered, Kind::Good),
                (true, false) => (all.log.not_delivered, Kind::Muted),
            };
            let spoken = if asked { format!("{state}. {}", recipient.answer) } else { String::new() };
            RecipientLine {
                address: recipient.address.as_str().into(),
                state: state.into(),
                kind,
                answer: recipient.answer.as_str().into(),
                spoken: spoken.into(),
            }
        });
        view.set_recipients(keep(view.get_recipients(), recipients.collect()));
        let about = self.about.borrow();
        let attempts = about.iter().map(|one| attempt(one, one.id == entry.id, all)).collect();
        view.set_attempts(keep(view.get_attempts(), attempts));
        let transcript = self.transcript.borrow();
        view.set_can_read(entry.has_transcript && transcript.as_ref().is_none_or(|(id, _)| *id != entry.id));
        let (text, truncated) =
            transcript.as_ref().map_or(("", false), |(_, transcript)| (&*transcript.text, transcript.truncated));
        view.set_transcript(text.trim_end().into());
        view.set_transcript_note(if truncated { all.log.truncated } else { "" }.into());
        view.set_has_details(true);
    }
}

impl Caller for LogPage {
    fn desk(&self) -> &Desk<Self> {
        &self.desk
    }
}

impl Page for LogPage {
    fn connected(&self) {
        self.connected.set(true);
        if self.shown.get() {
            self.refresh();
        }
    }

    fn lost(&self) {
        self.connected.set(false);
        self.stream.take();
        self.export.take();
        self.cancel();
        self.show();
    }

    fn shown(&self, shown: bool) {
        self.shown.set(shown);
        if shown {
            // The table is a new one.
            self.at_top.set(true);
            self.refresh();
        } else {
            self.stream.take();
            self.typing.take();
        }
        self.show();
    }

    fn accelerator(&self, key: &str) -> bool {
        match key {
            "F5" => self.refresh(),
            "f" => self.find.set(self.find.get() + 1),
            "e" => self.offer_export(),
            _ => return false,
        }
        self.show();
        true
    }

    fn show(&self) {
        self.present();
    }

    fn retell(&self) {
        self.rows.retell();
    }
}

/// One of a list, counted from 0.
pub(super) fn nth<T: Clone>(all: &[T], index: i32) -> Option<T> {
    usize::try_from(index).ok().and_then(|at| all.get(at)).cloned()
}

/// Its place in a list whose first line is "all".
pub(super) fn place<T: PartialEq>(all: &[T], one: Option<T>) -> i32 {
    let at = one.and_then(|one| all.iter().position(|known| *known == one));
    at.and_then(|at| i32::try_from(at + 1).ok()).unwrap_or_default()
}

fn kind_of(outcome: EntryOutcome) -> Kind {
    match outcome {
        EntryOutcome::Ok => Kind::Good,
        EntryOutcome::Partial | EntryOutcome::Temporary => Kind::Warning,
        EntryOutcome::Permanent => Kind::Bad,
        EntryOutcome::Unspecified => Kind::Muted,
    }
}

/// The answer on one line; a caller's doing in the person's language.
fn answer(entry: &Entry, all: &Texts) -> String {
    if entry.kind() == EntryKind::Steered {
        return (all.log.steered)(&entry.answer).unwrap_or(&entry.answer).to_owned();
    }
    entry.answer.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn line(entry: &Entry, all: &Texts) -> Line {
    let to = addresses(entry.recipients.iter().map(|recipient| &*recipient.address));
    let outcome = (all.words.entry_outcome)(entry.outcome());
    let cells = [
        outcome.to_owned(),
        times::local(entry.time.as_ref(), all.language),
        (all.words.entry_kind)(entry.kind()).to_owned(),
        to,
        entry.subject.clone(),
        answer(entry, all),
    ];
    let spoken: Vec<_> = cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
    Line { spoken: spoken.join(", ").into(), kind: kind_of(entry.outcome()), cells: strings(cells) }
}

fn attempt(entry: &Entry, current: bool, all: &Texts) -> AttemptLine {
    let outcome = (all.words.entry_outcome)(entry.outcome());
    let answer = answer(entry, all);
    let spoken = [outcome, &answer].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ");
    AttemptLine {
        time: times::local(entry.time.as_ref(), all.language).into(),
        kind: (all.words.entry_kind)(entry.kind()).into(),
        outcome: outcome.into(),
        outcome_kind: kind_of(entry.outcome()),
        answer: answer.into(),
        transcript: entry.has_transcript,
        current,
        spoken: spoken.into(),
    }
}

fn facts(entry: &Entry, all: &Texts) -> Vec<Fact> {
    let words = &all.log;
    let positive = |number: i64, text: String| if number > 0 { text } else { String::new() };
    let facts = [
        (words.answer, if entry.kind() == EntryKind::Steered { answer(entry, all) } else { entry.answer.clone() }),
        (words.meaning, (all.words.failure)(&entry.reason).unwrap_or_default().to_owned()),
        (words.time, times::local(entry.time.as_ref(), all.language)),
        (words.kind, (all.words.entry_kind)(entry.kind()).to_owned()),
        (words.attempt, positive(entry.attempt.into(), entry.attempt.to_string())),
        (words.server, entry.server.clone()),
        ("TLS", entry.tls.clone()),
        (words.method, entry.method.clone()),
        (words.account, entry.account.clone()),
        (words.sender, entry.sender.clone()),
        (words.caller, entry.caller.clone()),
        (words.duration, positive(entry.duration_ms.into(), times::millis(entry.duration_ms, all.language))),
        (words.size, positive(entry.size, (words.bytes)(entry.size))),
        (words.message, entry.message.clone()),
        (words.number, entry.id.to_string()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    facts.map(|(label, value)| Fact { label: label.into(), value: value.into() }).collect()
}
