//! The glue of each page: from the window to state and calls, and back.

/// Sets a callback of a page: `on!(me, view.on_choose, |page, index| page.choose(index))`. The page is held weakly, because
/// the window must not keep itself alive, and is shown again after it.
macro_rules! on {
    ($me:expr, $view:ident.$set:ident, |$page:ident $(, $argument:ident)*| $body:expr) => {{
        let weak = $me.clone();
        $view.$set(move |$($argument),*| {
            if let Some($page) = weak.upgrade() {
                $body;
                $page.show();
            }
        });
    }};
}

/// Puts what a page's desk knows into the page's global: that it waits, and what was done or went wrong.
macro_rules! show_desk {
    ($desk:expr, $view:ident) => {{
        $view.set_busy($desk.busy.get());
        show_notice!($desk.notice, $desk.context.texts(), $view);
    }};
}

/// Puts what was done or went wrong into a page's global.
macro_rules! show_notice {
    ($notice:expr, $texts:expr, $view:ident) => {
        Notice::put(
            $notice.borrow().as_ref(),
            $texts,
            |kind| $view.set_notice_kind(kind),
            |text| $view.set_notice(text),
            |detail| $view.set_notice_detail(detail),
        )
    };
}

pub mod about;
pub mod account;
pub mod certificate;
mod desk;
pub mod log;
mod notice;
pub mod outbox;
pub mod requests;
mod rows;
pub mod sign_in;
pub mod status;
pub mod test;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use faxpost_gui_ui::{App as AppView, MainWindow, PageName};
use faxpost_proto::advice::Language;
use faxpost_proto::v1::GetStatusResponse;
use slint::{ComponentHandle as _, Model, ModelRc, SharedString, VecModel, Weak};

use crate::lang::{self, Texts};
use crate::link::{Link, Task};
use crate::state::account::matrix;
pub use notice::{Banner, Notice, Saying};

/// What every page has.
pub struct Context {
    /// The window; gone when it was closed.
    pub window: Weak<MainWindow>,
    /// The way to the daemon.
    pub link: Rc<Link>,
    /// Opens an address in the person's browser.
    pub browse: fn(&str) -> bool,
    language: Cell<Language>,
    status: RefCell<GetStatusResponse>,
    account: RefCell<String>,
    kept: RefCell<Option<Task>>,
}

/// A page. All is called on the window's thread.
pub trait Page {
    /// Calls can be made: begins the streams.
    fn connected(&self) {}
    /// None can be made any more: ends them. What was typed stays.
    fn lost(&self) {}
    /// The page was chosen: `true`, or left.
    fn shown(&self, _shown: bool) {}
    /// Another account was chosen.
    fn account_chosen(&self) {}
    /// Status or permissions changed.
    fn status(&self) {}
    /// Ctrl with a key, or a function key, while this page is shown. `true`: it was for this page.
    fn accelerator(&self, _key: &str) -> bool {
        false
    }
    /// Puts everything into the window again: the language changed.
    fn show(&self);
    /// Rows that are told as they are looked at must be told in another language.
    fn retell(&self) {}
}

impl Context {
    /// For a window.
    #[must_use]
    pub fn new(
        window: &MainWindow,
        link: Rc<Link>,
        language: Language,
        browse: fn(&str) -> bool,
    ) -> Rc<Self> {
        Rc::new(Self {
            window: window.as_weak(),
            link,
            browse,
            language: Cell::new(language),
            status: RefCell::default(),
            account: RefCell::new("default".to_owned()),
            kept: RefCell::default(),
        })
    }

    /// The language that is shown.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language.get()
    }

    /// Its texts.
    #[must_use]
    pub fn texts(&self) -> &'static Texts {
        lang::texts(self.language.get())
    }

    /// Whether the caller may call this, or ask for it; "Accounts/UpdateAccount".
    #[must_use]
    pub fn may(&self, method: &str) -> bool {
        matrix::may(&self.status.borrow().permissions, &format!("faxpost.v1.{method}"))
    }

    /// Whether that needs an administrator's approval.
    #[must_use]
    pub fn must_ask(&self, method: &str) -> bool {
        let method = format!("faxpost.v1.{method}");
        self.status.borrow().permissions.iter().any(|known| known.method == method && known.approval)
    }

    /// Whether the caller is an administrator.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.status.borrow().role == "administrator"
    }

    /// The daemon's status, as it was told last.
    #[must_use]
    pub fn status(&self) -> std::cell::Ref<'_, GetStatusResponse> {
        self.status.borrow()
    }

    /// Id of the account that is chosen.
    #[must_use]
    pub fn account(&self) -> String {
        self.account.borrow().clone()
    }

    /// Asks for a page, as the sidebar does.
    pub fn go(&self, page: PageName) {
        if let Some(window) = self.window.upgrade() {
            window.global::<AppView>().invoke_go(page);
        }
    }

    /// Keeps what belongs to no page and ends by itself.
    pub fn keep(&self, task: Task) {
        self.kept.replace(Some(task));
    }

    pub(crate) fn set_language(&self, language: Language) {
        self.language.set(language);
    }

    pub(crate) fn set_status(&self, status: GetStatusResponse) {
        self.status.replace(status);
    }

    pub(crate) fn set_account(&self, account: &str) {
        self.account.replace(account.to_owned());
    }
}

/// A model of these. Give it to [`keep`] where the window may have the same already.
#[must_use]
pub fn model<T: Clone + 'static>(items: Vec<T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from(items))
}

/// A model of strings.
#[must_use]
pub fn strings(items: impl IntoIterator<Item = impl Into<SharedString>>) -> ModelRc<SharedString> {
    model(items.into_iter().map(Into::into).collect())
}

/// The present model, if it has just these rows: so that nothing is built anew, and the focus stays where it is. Otherwise
/// its rows are changed one by one, and only another number of rows makes another model.
#[must_use]
pub fn keep<T: Clone + PartialEq + 'static>(present: ModelRc<T>, items: Vec<T>) -> ModelRc<T> {
    if present.row_count() != items.len() {
        return model(items);
    }
    for (row, item) in items.into_iter().enumerate() {
        if present.row_data(row).as_ref() != Some(&item) {
            present.set_row_data(row, item);
        }
    }
    present
}

/// With a capital and a full stop.
fn sentence(said: &str) -> String {
    let mut rest = said.chars();
    let mut sentence: String = rest.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    sentence.push_str(rest.as_str());
    if sentence.ends_with(char::is_alphanumeric) {
        sentence.push('.');
    }
    sentence
}

/// One of a list, counted from 0.
fn nth<T: Clone>(all: &[T], index: i32) -> Option<T> {
    usize::try_from(index).ok().and_then(|at| all.get(at)).cloned()
}

/// Its place in a list whose first line is "all".
fn place<T: PartialEq>(all: &[T], one: Option<T>) -> i32 {
    let at = one.and_then(|one| all.iter().position(|known| *known == one));
    at.and_then(|at| i32::try_from(at + 1).ok()).unwrap_or_default()
}

/// The one of this name.
fn named<T: Copy>(all: &[T], name: &str, name_of: fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|one| name_of(*one) == name)
}
