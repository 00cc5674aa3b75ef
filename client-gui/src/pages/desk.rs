//! What pages that call have in common: that they wait is shown, and what went wrong is told.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::{Rc, Weak};

use faxpost_gui_ui::App as AppView;
use faxpost_proto::refusal::is_broken;
use slint::{ComponentHandle as _, Model as _, SharedString};
use tonic::Status;
use tonic::transport::Channel;

use super::rows::Rows;
use super::{Context, Notice, Page};
use crate::link::{Answer, Task};

/// What each of them has.
pub(super) struct Desk<P> {
    pub(super) me: Weak<P>,
    pub(super) context: Rc<Context>,
    pub(super) notice: RefCell<Option<Notice>>,
    pub(super) busy: Cell<bool>,
}

impl<P> Desk<P> {
    pub(super) fn new(me: &Weak<P>, context: Rc<Context>) -> Self {
        Self { me: me.clone(), context, notice: RefCell::default(), busy: Cell::default() }
    }

    pub(super) fn say(&self, notice: Notice) {
        self.notice.replace(Some(notice));
    }

    /// Ids of all accounts.
    pub(super) fn accounts(&self) -> Vec<SharedString> {
        let window = self.context.window.upgrade();
        window.map(|window| window.global::<AppView>().get_accounts().iter().collect()).unwrap_or_default()
    }

    pub(super) fn refused(&self, status: &Status) {
        self.say(Notice::bad(status));
    }
}

/// A page with a [`Desk`].
pub(super) trait Caller: Page + Sized + 'static {
    fn desk(&self) -> &Desk<Self>;

    /// Tells a refusal.
    fn refused(&self, status: &Status) {
        self.desk().refused(status);
    }

    /// A page of a list could not be read.
    fn unread<T: PartialEq + 'static>(&self, rows: &Rows<T>, status: &Status) {
        rows.failed();
        // A broken connection is told by the whole window.
        if !is_broken(status) {
            self.refused(status);
        }
    }

    /// A call, whose end `then` hears, whatever it is.
    fn call<T, F>(
        &self,
        call: impl FnOnce(Channel) -> F,
        then: impl FnOnce(&Self, Answer<T>) + 'static,
    ) -> Task
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let (waiting, page) = (self.desk().me.clone(), self.desk().me.clone());
        self.desk().context.link.ask(
            move |slow| {
                if let Some(page) = waiting.upgrade() {
                    page.desk().busy.set(slow);
                    page.show();
                }
            },
            call,
            move |answer| {
                if let Some(page) = page.upgrade() {
                    then(&page, answer);
                    page.show();
                }
            },
        )
    }

    /// A call, of which a refusal is told in the banner.
    fn ask<T, F>(&self, call: impl FnOnce(Channel) -> F, then: impl FnOnce(&Self, T) + 'static) -> Task
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        self.call(call, move |page, answer| match answer {
            Ok(answer) => then(page, answer),
            Err(status) => page.refused(&status),
        })
    }
}
