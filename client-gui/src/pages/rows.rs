//! The rows of a table whose list is read page by page: they ask for a page when one of its rows is looked at.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use faxpost_gui_ui::{Kind, Line};
use slint::{Model, ModelNotify, ModelRc, ModelTracker};

use super::strings;
use crate::link::Task;
use crate::state::paged::{Change, Paged, Want};

/// Pages that may wait for another to be read: what can be seen at once, and the next one. Older wishes are of rows that
/// were scrolled away.
const WAITING: usize = 3;
/// Reads a page, and hands it to [`Rows::arrived`] or [`Rows::failed`].
type Read = Box<dyn Fn(Want) -> Option<Task>>;

/// The rows.
pub(super) struct Rows<T> {
    paged: RefCell<Paged<T>>,
    line: Box<dyn Fn(&T) -> Line>,
    notify: ModelNotify,
    read: RefCell<Option<Read>>,
    call: RefCell<Option<Task>>,
    under_way: RefCell<Option<Want>>,
    waiting: RefCell<VecDeque<Want>>,
    /// What is read is the list from its top anew.
    anew: Cell<bool>,
    begun: Cell<bool>,
}

impl<T: PartialEq + 'static> Rows<T> {
    /// Rows that are shown as `line` says.
    pub(super) fn new(line: impl Fn(&T) -> Line + 'static) -> Rc<Self> {
        Rc::new(Self {
            paged: RefCell::default(),
            line: Box::new(line),
            notify: ModelNotify::default(),
            read: RefCell::default(),
            call: RefCell::default(),
            under_way: RefCell::default(),
            waiting: RefCell::default(),
            anew: Cell::default(),
            begun: Cell::default(),
        })
    }

    /// Says how pages are read.
    pub(super) fn read_by(&self, read: impl Fn(Want) -> Option<Task> + 'static) {
        self.read.replace(Some(Box::new(read)));
    }

    /// For the table.
    pub(super) fn model(self: &Rc<Self>) -> ModelRc<Line> {
        self.clone().into()
    }

    /// Reads the list from its top: this many rows. What is shown stays until they are there.
    pub(super) fn reload(&self, size: usize) {
        self.waiting.borrow_mut().clear();
        self.anew.set(true);
        self.begin(Want { page: 0, token: String::new(), size });
    }

    /// Nothing is read any more. What is shown stays.
    pub(super) fn stop(&self) {
        self.call.take();
        self.under_way.take();
        self.waiting.borrow_mut().clear();
        self.anew.set(false);
    }

    /// Rows are told in another language.
    pub(super) fn retell(&self) {
        self.notify.reset();
    }

    /// Whether something was read: an empty list is no list that is not there yet.
    pub(super) fn is_begun(&self) -> bool {
        self.begun.get()
    }

    /// Looks at the list.
    pub(super) fn look<R>(&self, look: impl FnOnce(&mut Paged<T>) -> R) -> R {
        look(&mut self.paged.borrow_mut())
    }

    /// A page was read. `true`: it is the list from its top anew.
    pub(super) fn arrived(&self, want: &Want, items: Vec<T>, next: String) -> bool {
        self.call.take();
        self.under_way.take();
        let anew = self.anew.take();
        if anew {
            self.begun.set(true);
            self.renew(want.size, items, next);
        } else {
            let had_more = self.shows_more();
            let change = self.paged.borrow_mut().arrived(want, items, next);
            match change {
                Change::Added(from, count) => {
                    // The line "there is more" becomes the first of the new ones, or goes.
                    self.notify.row_added(from, count);
                    if had_more && !self.shows_more() {
                        self.notify.row_removed(from + count, 1);
                    }
                }
                Change::Filled(from, count) => {
                    for row in from..from + count {
                        self.notify.row_changed(row);
                    }
                }
                Change::Nothing => {}
            }
        }
        self.go_on();
        anew
    }

    /// A page could not be read. It is tried again when its rows are looked at again.
    pub(super) fn failed(&self) {
        self.stop();
    }

    /// Something came above everything else.
    pub(super) fn prepend(&self, item: T) {
        self.paged.borrow_mut().prepend(item);
        self.notify.row_added(0, 1);
    }

    /// Something changed, if it is here.
    pub(super) fn replace(&self, item: T, is: impl Fn(&T) -> bool) {
        let row = self.paged.borrow().find(is);
        if let Some(row) = row {
            self.paged.borrow_mut().replace(row, item);
            self.notify.row_changed(row);
        }
    }

    /// What changed is told row by row, so that a list that stays the same is not built anew.
    fn renew(&self, size: usize, items: Vec<T>, next: String) {
        let changed: Option<Vec<usize>> = {
            let mut paged = self.paged.borrow_mut();
            let same = paged.fresh() == 0
                && paged.len() == items.len()
                && paged.has_more() != next.is_empty()
                && !items.is_empty();
            let changed = same.then(|| {
                let differs = |(row, item): (usize, &T)| (paged.row(row) != Some(item)).then_some(row);
                items.iter().enumerate().filter_map(differs).collect()
            });
            paged.begin(size, items, next);
            changed
        };
        match changed {
            Some(rows) => rows.into_iter().for_each(|row| self.notify.row_changed(row)),
            None => self.notify.reset(),
        }
    }

    fn want(&self, want: Want) {
        if self.under_way.borrow().is_some() {
            let mut waiting = self.waiting.borrow_mut();
            if self.under_way.borrow().as_ref() != Some(&want) && !waiting.contains(&want) && !self.anew.get()
            {
                waiting.push_back(want);
                if waiting.len() > WAITING {
                    waiting.pop_front();
                }
            }
            return;
        }
        self.begin(want);
    }

    fn begin(&self, want: Want) {
        self.under_way.replace(Some(want.clone()));
        let task = self.read.borrow().as_ref().and_then(|read| read(want));
        self.call.replace(task);
    }

    fn go_on(&self) {
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            match next {
                Some(want) if self.paged.borrow().is_wanted(&want) => return self.begin(want),
                Some(_) => {}
                None => return,
            }
        }
    }

    /// A last line stands for what is not read yet.
    fn shows_more(&self) -> bool {
        let paged = self.paged.borrow();
        paged.has_more() && !paged.is_empty()
    }
}

impl<T: PartialEq + 'static> Model for Rows<T> {
    type Data = Line;

    fn row_count(&self) -> usize {
        let more = usize::from(self.shows_more());
        self.paged.borrow().len() + more
    }

    fn row_data(&self, row: usize) -> Option<Line> {
        if row >= self.row_count() {
            return None;
        }
        let want = self.paged.borrow().want(row);
        if let Some(want) = want {
            self.want(want);
        }
        let mut paged = self.paged.borrow_mut();
        let away = || Line { cells: strings(["", "…"]), kind: Kind::Muted, spoken: "…".into() };
        Some(paged.row(row).map_or_else(away, |item| (self.line)(item)))
    }

    fn model_tracker(&self) -> &dyn ModelTracker {
        &self.notify
    }
}
