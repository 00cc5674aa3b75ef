//! What pages that call have in common: that they wait is shown, and what went wrong is told.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::{Rc, Weak};

use tonic::Status;
use tonic::transport::Channel;

use super::{Context, Notice, Page};
use crate::lang::failure::failure;
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

    pub(super) fn refused(&self, status: &Status) {
        self.say(Notice::bad(failure(status, self.context.texts())));
    }
}

/// A page with a [`Desk`].
pub(super) trait Caller: Page + Sized + 'static {
    fn desk(&self) -> &Desk<Self>;

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
            Err(status) => page.desk().refused(&status),
        })
    }
}
