//! A list of any length that is read page by page while it is scrolled, and of which only what was looked at lately is kept.
//!
//! A daemon's page tokens are opaque and lead from one page to the next: the list grows forward as its end comes near, and
//! a page that was let go is read again by the token that first led to it.

use std::collections::VecDeque;

/// Rows of a page: more than a screen shows, and few enough to come at once.
pub const PAGE: usize = 100;
/// Pages that are kept, however long the list: enough for going up and down a little without reading again.
pub const KEPT: usize = 12;
/// So near to the end the next page is read.
const AHEAD: usize = 50;

/// A page that must be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Which one, counted from the top.
    pub page: usize,
    /// What leads to it.
    pub token: String,
    /// Rows it shall have.
    pub size: usize,
}

/// What a page changed: rows from the first, this many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// They are new, at the end.
    Added(usize, usize),
    /// They are here again.
    Filled(usize, usize),
    /// Nobody wants it any more.
    Nothing,
}

/// The list.
#[derive(Debug)]
pub struct Paged<T> {
    /// What came above the first page since it was read, newest first.
    fresh: VecDeque<T>,
    pages: Vec<Page<T>>,
    /// What leads to the page after the last one; `None`: there is no more.
    next: Option<String>,
    clock: u64,
}

#[derive(Debug)]
struct Page<T> {
    token: String,
    size: usize,
    /// Row of its first item, not counting fresh ones.
    first: usize,
    rows: usize,
    /// `None`: let go.
    items: Option<Vec<T>>,
    used: u64,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self { fresh: VecDeque::new(), pages: Vec::new(), next: Some(String::new()), clock: 0 }
    }
}

impl<T> Paged<T> {
    /// Rows that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fresh.len() + self.pages.last().map_or(0, |page| page.first + page.rows)
    }

    /// Whether no row is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is more than is known.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// Rows that came above the first page.
    #[must_use]
    pub fn fresh(&self) -> usize {
        self.fresh.len()
    }

    /// Items in memory.
    #[must_use]
    pub fn held(&self) -> usize {
        self.fresh.len() + self.pages.iter().flat_map(|page| &page.items).map(Vec::len).sum::<usize>()
    }

    /// The item of a row, if it is here.
    pub fn row(&mut self, row: usize) -> Option<&T> {
        self.clock += 1;
        if row < self.fresh.len() {
            return self.fresh.get(row);
        }
        let row = row - self.fresh.len();
        let at = self.page_of(row)?;
        let page = self.pages.get_mut(at)?;
        page.used = self.clock;
        page.items.as_ref()?.get(row - page.first)
    }

    /// The page that must be read because this row is looked at.
    #[must_use]
    pub fn want(&self, row: usize) -> Option<Want> {
        let paged = row.checked_sub(self.fresh.len());
        let away = paged.and_then(|row| self.page_of(row)).filter(|&at| self.pages[at].items.is_none());
        if let Some(at) = away {
            let page = &self.pages[at];
            return Some(Want { page: at, token: page.token.clone(), size: page.size });
        }
        if row + AHEAD < self.len() {
            return None;
        }
        let token = self.next.clone()?;
        Some(Want { page: self.pages.len(), token, size: PAGE })
    }

    /// The page is wanted still: it was not read meanwhile.
    #[must_use]
    pub fn is_wanted(&self, want: &Want) -> bool {
        match self.pages.get(want.page) {
            Some(page) => page.token == want.token && page.items.is_none(),
            None => want.page == self.pages.len() && self.next.as_ref() == Some(&want.token),
        }
    }

    /// A page was read. `next` leads to the one after it; empty: there is none.
    pub fn arrived(&mut self, want: &Want, items: Vec<T>, next: String) -> Change {
        if !self.is_wanted(want) {
            return Change::Nothing;
        }
        self.clock += 1;
        let (fresh, used) = (self.fresh.len(), self.clock);
        let change = if let Some(page) = self.pages.get_mut(want.page) {
            // What the daemon let go meanwhile stays an empty row.
            page.items = Some(items);
            page.used = used;
            Change::Filled(fresh + page.first, page.rows)
        } else {
            let first = self.len() - fresh;
            let rows = items.len();
            self.pages.push(Page {
                token: want.token.clone(),
                size: want.size,
                first,
                rows,
                items: Some(items),
                used,
            });
            self.next = Some(next).filter(|next| !next.is_empty());
            Change::Added(fresh + first, rows)
        };
        self.let_go();
        change
    }

    /// The list from its top anew, of which this is the first page.
    pub fn begin(&mut self, size: usize, items: Vec<T>, next: String) {
        *self = Self::default();
        self.arrived(&Want { page: 0, token: String::new(), size }, items, next);
    }

    /// Something came above everything else.
    pub fn prepend(&mut self, item: T) {
        self.fresh.push_front(item);
    }

    /// The row of an item that is here.
    #[must_use]
    pub fn find(&self, is: impl Fn(&T) -> bool) -> Option<usize> {
        if let Some(row) = self.fresh.iter().position(&is) {
            return Some(row);
        }
        self.pages.iter().find_map(|page| {
            let at = page.items.as_ref()?.iter().position(&is)?;
            Some(self.fresh.len() + page.first + at)
        })
    }

    /// Puts another item where one is, if it is here.
    pub fn replace(&mut self, row: usize, item: T) {
        let fresh = self.fresh.len();
        let place = if row < fresh {
            self.fresh.get_mut(row)
        } else {
            self.page_of(row - fresh).and_then(|at| {
                let page = self.pages.get_mut(at)?;
                page.items.as_mut()?.get_mut(row - fresh - page.first)
            })
        };
        if let Some(place) = place {
            *place = item;
        }
    }

    /// Row without the fresh ones.
    fn page_of(&self, row: usize) -> Option<usize> {
        let at = self.pages.partition_point(|page| page.first + page.rows <= row);
        (at < self.pages.len()).then_some(at)
    }

    fn let_go(&mut self) {
        while self.pages.iter().filter(|page| page.items.is_some()).count() > KEPT {
            let here = self.pages.iter_mut().filter(|page| page.items.is_some());
            if let Some(oldest) = here.min_by_key(|page| page.used) {
                oldest.items = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A daemon's list: numbers, newest first, by tokens that only it understands.
    struct Source {
        newest: usize,
        reads: usize,
    }

    impl Source {
        fn read(&mut self, want: &Want) -> (Vec<usize>, String) {
            self.reads += 1;
            let before = match &*want.token {
                "" => self.newest + 1,
                token => token.strip_prefix("opaque-").unwrap().parse().unwrap(),
            };
            let items: Vec<_> = (1..before).rev().take(want.size).collect();
            let last = items.last().copied().unwrap_or(1);
            (items, if last > 1 { format!("opaque-{last}") } else { String::new() })
        }
    }

    fn look(paged: &mut Paged<usize>, source: &mut Source, row: usize) -> Option<usize> {
        if let Some(want) = paged.want(row) {
            let (items, next) = source.read(&want);
            paged.arrived(&want, items, next);
        }
        paged.row(row).copied()
    }

    #[test]
    fn g2_a_hundred_thousand_entries_scroll_without_loading_them_all() {
        let mut source = Source { newest: 100_000, reads: 0 };
        let mut paged = Paged::default();
        let mut most = 0;
        look(&mut paged, &mut source, 0);
        assert_eq!((paged.len(), source.reads), (PAGE, 1), "one page for the first screen");
        for row in 0..100_000 {
            assert_eq!(look(&mut paged, &mut source, row), Some(100_000 - row));
            most = most.max(paged.held());
        }
        assert!(!paged.has_more());
        assert_eq!((paged.len(), source.reads), (100_000, 1_000));
        assert!(most <= KEPT * PAGE, "{most} were held");
        // Back up: what was let go is read again, and nothing is held beyond the bound.
        for row in (0..100_000).rev() {
            assert_eq!(look(&mut paged, &mut source, row), Some(100_000 - row));
            most = most.max(paged.held());
        }
        assert!(most <= KEPT * PAGE, "{most} were held");
        assert!(source.reads <= 2_000, "{}", source.reads);
    }

    #[test]
    fn g2_a_jump_reads_one_page() {
        let mut source = Source { newest: 10_000, reads: 0 };
        let mut paged = Paged::default();
        for row in 0..10_000 {
            look(&mut paged, &mut source, row);
        }
        let before = source.reads;
        assert_eq!(look(&mut paged, &mut source, 1_234), Some(8_766));
        assert_eq!(source.reads, before + 1);
    }

    #[test]
    fn g2_what_comes_meanwhile_stands_above_and_moves_nothing_else() {
        let mut source = Source { newest: 250, reads: 0 };
        let mut paged = Paged::default();
        look(&mut paged, &mut source, 0);
        paged.prepend(251);
        paged.prepend(252);
        assert_eq!(
            [0, 1, 2].map(|row| look(&mut paged, &mut source, row)),
            [Some(252), Some(251), Some(250)]
        );
        assert_eq!(paged.find(|item| *item == 240), Some(12));
        for row in 0..252 {
            assert_eq!(look(&mut paged, &mut source, row), Some(252 - row));
        }
        assert_eq!((paged.len(), paged.has_more()), (252, false));
        paged.replace(0, 0);
        paged.replace(12, 1);
        assert_eq!([0, 12].map(|row| paged.row(row).copied()), [Some(0), Some(1)]);
    }

    #[test]
    fn g2_an_answer_that_nobody_waits_for_any_more_changes_nothing() {
        let mut source = Source { newest: 250, reads: 0 };
        let mut paged = Paged::default();
        look(&mut paged, &mut source, 0);
        let want = paged.want(99).unwrap();
        let (items, next) = source.read(&want);
        assert_eq!(paged.arrived(&want, items.clone(), next.clone()), Change::Added(100, 100));
        assert_eq!(paged.arrived(&want, items, next), Change::Nothing);
        paged.begin(PAGE, vec![3, 2, 1], String::new());
        assert!(!paged.is_wanted(&want));
        assert_eq!((paged.len(), paged.has_more()), (3, false));
    }

    #[test]
    fn g2_a_page_that_shrank_leaves_empty_rows() {
        let mut source = Source { newest: 5_000, reads: 0 };
        let mut paged = Paged::default();
        for row in 0..5_000 {
            look(&mut paged, &mut source, row);
        }
        let want = paged.want(0).unwrap();
        assert_eq!(paged.arrived(&want, vec![5_000], "opaque".into()), Change::Filled(0, 100));
        assert_eq!((paged.row(0).copied(), paged.row(1)), (Some(5_000), None));
        assert_eq!((paged.want(1), paged.len()), (None, 5_000), "it is not read again and again");
    }
}
