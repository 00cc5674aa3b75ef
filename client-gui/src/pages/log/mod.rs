//! The log page.

mod export;
mod show;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use faxpost_gui_ui::{LogView, PageName};
use faxpost_proto::v1::{Entry, EntryFilter, GetTranscriptResponse};
use jiff::Zoned;
use slint::ComponentHandle as _;

use super::desk::{Caller, Desk};
use super::rows::Rows;
use super::{Context, Notice, Page, keep, named, place, strings};
use crate::link::log as calls;
use crate::link::{Answer, Task};
use crate::state::log::{KINDS, OUTCOMES, SPANS, Search};
use crate::state::paged::{PAGE, Want};
use export::Export;

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

impl LogPage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>) -> Rc<Self> {
        let telling = context.clone();
        let rows = Rows::new(move |entry| show::line(entry, telling.texts()));
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
        let me = &self.desk.me;
        on!(me, view.on_edit_recipient, |page, value| page.type_in(|search| search.recipient = value.into()));
        on!(me, view.on_edit_caller, |page, value| page.type_in(|search| search.caller = value.into()));
        on!(me, view.on_edit_days, |page| page.type_days());
        on!(me, view.on_search, |page| page.refresh());
        on!(me, view.on_choose_outcome, |page, value| {
            let word = page.desk.context.texts().words.entry_outcome;
            page.search(|search| search.outcome = named(&OUTCOMES, &value, word));
        });
        on!(me, view.on_choose_kind, |page, value| {
            let word = page.desk.context.texts().words.entry_kind;
            page.search(|search| search.kind = named(&KINDS, &value, word));
        });
        on!(me, view.on_choose_span, |page, value| {
            let word = page.desk.context.texts().log.span;
            page.search(|search| search.span = named(&SPANS, &value, word).unwrap_or_default());
        });
        on!(me, view.on_choose_account, |page, value| {
            let account = page.desk.accounts().into_iter().find(|account| *account == value);
            page.search(|search| search.account = account.unwrap_or_default().into());
        });
        on!(me, view.on_clear, |page| page.search(|search| *search = Search::default()));
        on!(me, view.on_follow, |page, on| page.follow(on));
        on!(me, view.on_at_top, |page, on| page.scrolled(on));
        on!(me, view.on_show_news, |page| page.refresh());
        on!(me, view.on_refresh, |page| page.refresh());
        on!(me, view.on_choose, |page, index| page.choose(index));
        on!(me, view.on_close, |page| page.close());
        on!(me, view.on_read, |page, index| page.read_attempt(index));
        on!(me, view.on_read_transcript, |page| page.read_chosen());
        on!(me, view.on_offer_export, |page| page.offer_export());
        on!(me, view.on_export, |page| page.export());
        on!(me, view.on_cancel_export, |page| page.export.take());
        on!(me, view.on_close_notice, |page| page.desk.notice.take());
        on!(me, view.on_cancel, |page| page.cancel());
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
                Err(status) => page.unread(&page.rows, &status),
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
        let same = self
            .chosen
            .borrow()
            .as_ref()
            .is_some_and(|chosen| !chosen.message.is_empty() && chosen.message == entry.message);
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

    fn cancel(&self) {
        self.rows.stop();
        self.details.take();
        self.reading.take();
        self.desk.busy.set(false);
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
