//! The window with its pages: who is told what, and what concerns all of them.

#![allow(
    clippy::missing_const_for_thread_local,
    reason = "it is const, which clippy does not see on Windows"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use faxpost_gui_ui::{App as AppView, Lists, Look, MainWindow, PageName, Reach as ShownReach};
use faxpost_proto::advice::Language;
use faxpost_proto::connect::ConnectError;
use faxpost_proto::refusal::{is_broken, without_number};
use faxpost_proto::v1::GetStatusResponse;
use slint::language::ColorScheme;
use slint::{CloseRequestResponse, ComponentHandle as _, Model as _, PlatformError, SharedString};

use crate::Options;
use crate::lang::failure::failure;
use crate::lang::of_this_person;
use crate::link::{Link, News, Parcel, Post, Task};
use crate::pages::account::AccountPage;
use crate::pages::certificate::CertificatePage;
use crate::pages::log::LogPage;
use crate::pages::outbox::OutboxPage;
use crate::pages::requests::RequestsPage;
use crate::pages::sign_in::SignInPage;
use crate::pages::status::StatusPage;
use crate::pages::test::TestPage;
use crate::pages::{Context, Page, about};
use crate::preferences::Preferences;
use crate::state::reach::{Contact, Reach};

/// Pages in the order of the sidebar: Ctrl+1 is the first.
const ORDER: [PageName; 8] = [
    PageName::Account,
    PageName::SignIn,
    PageName::Certificate,
    PageName::Test,
    PageName::Log,
    PageName::Outbox,
    PageName::Requests,
    PageName::Status,
];

thread_local! {
    /// The link of this thread's window, for parcels that come by Slint's event loop.
    static LINK: RefCell<std::rc::Weak<Link>> = const { RefCell::new(std::rc::Weak::new()) };
}

/// The window and all that belongs to it.
pub struct App {
    window: MainWindow,
    context: Rc<Context>,
    account: Rc<AccountPage>,
    pages: Vec<(PageName, Rc<dyn Page>)>,
    contact: RefCell<Contact>,
    /// What stands on the page that is shown instead of all others.
    trouble: RefCell<Trouble>,
    endpoint: String,
    shown: Cell<PageName>,
    preferences: Cell<Preferences>,
    remember: bool,
    stay: RefCell<Option<Task>>,
}

/// Why there is no connection; kept, so that it can be said in another language.
#[derive(Default)]
enum Trouble {
    #[default]
    None,
    NoWay(ConnectError),
    Refused(Box<tonic::Status>),
}

/// Shows the window until it is closed.
///
/// # Errors
/// The system has no screen for it.
pub fn run(options: Options) -> Result<(), PlatformError> {
    open(options)?.window.run()
}

/// A window whose parcels come by Slint's event loop.
///
/// # Errors
/// The system has no screen for it.
pub fn open(options: Options) -> Result<Rc<App>, PlatformError> {
    let post: Post = std::sync::Arc::new(|parcel: Parcel| {
        // An error means that the window was closed: nobody wants it any more.
        let _ = slint::invoke_from_event_loop(move || {
            if let Some(link) = LINK.with_borrow(std::rc::Weak::upgrade) {
                link.receive(parcel);
            }
        });
    });
    let app = App::new(options, post)?;
    LINK.with_borrow_mut(|link| *link = Rc::downgrade(&app.context.link));
    Ok(app)
}

impl App {
    /// A window that looks for its daemon.
    ///
    /// # Errors
    /// The system has no screen for it, or no threads.
    pub fn new(options: Options, post: Post) -> Result<Rc<Self>, PlatformError> {
        let window = MainWindow::new()?;
        let link = Link::new(post).map_err(|error| PlatformError::Other(error.to_string()))?;
        let language = options.language.unwrap_or_else(of_this_person);
        let context = Context::new(&window, link, language, options.browse);
        let account = AccountPage::new(context.clone());
        let sign_in = SignInPage::new(context.clone(), account.clone());
        let test = TestPage::new(context.clone(), account.clone());
        let certificate = CertificatePage::new(context.clone(), account.clone());
        let log = LogPage::new(context.clone());
        let outbox = OutboxPage::new(context.clone(), log.clone());
        let requests = RequestsPage::new(context.clone());
        let status = StatusPage::new(context.clone());
        let pages: Vec<(PageName, Rc<dyn Page>)> = vec![
            (PageName::Account, account.clone()),
            (PageName::SignIn, sign_in),
            (PageName::Certificate, certificate),
            (PageName::Test, test),
            (PageName::Log, log),
            (PageName::Outbox, outbox),
            (PageName::Requests, requests),
            (PageName::Status, status),
        ];
        let app = Rc::new(Self {
            window,
            context,
            account,
            pages,
            contact: RefCell::default(),
            trouble: RefCell::default(),
            endpoint: options.endpoint,
            shown: Cell::new(PageName::Account),
            preferences: Cell::new(Preferences { language: options.language, theme: options.theme }),
            remember: options.remember,
            stay: RefCell::default(),
        });
        app.listen();
        app.choose_language(language);
        app.choose_theme(options.theme);
        app.begin();
        Ok(app)
    }

    /// The window.
    #[must_use]
    pub fn window(&self) -> &MainWindow {
        &self.window
    }

    /// Opens a parcel; on the window's thread.
    pub fn receive(&self, parcel: Parcel) {
        self.context.link.receive(parcel);
    }

    fn begin(self: &Rc<Self>) {
        let app = Rc::downgrade(self);
        let task = self.context.link.stay(&self.endpoint, move |news| {
            if let Some(app) = app.upgrade() {
                app.heard(news);
            }
        });
        self.stay.replace(Some(task));
    }

    fn heard(&self, news: News) {
        let was = self.contact.borrow().reach();
        match news {
            News::Connected => {
                self.contact.borrow_mut().connected();
                self.trouble.take();
                for (_, page) in &self.pages {
                    page.connected();
                }
            }
            News::Status(status) => return self.status(*status),
            News::Lost(why) => {
                let refusal = why.filter(|status| !is_broken(status));
                self.contact.borrow_mut().lost(Instant::now(), refusal.is_some());
                self.trouble.replace(refusal.map_or(Trouble::None, Trouble::Refused));
            }
            News::NoWay(error) => {
                self.contact.borrow_mut().no_way(Instant::now(), &error);
                self.trouble.replace(Trouble::NoWay(error));
            }
        }
        if was == Reach::Connected && self.contact.borrow().reach() != Reach::Connected {
            for (_, page) in &self.pages {
                page.lost();
            }
        }
        self.show_reach();
    }

    fn status(&self, status: GetStatusResponse) {
        let view = self.window.global::<AppView>();
        view.set_administrator(status.role == "administrator");
        view.set_pending_requests(i32::try_from(status.pending_requests).unwrap_or(i32::MAX));
        view.set_alarms(i32::try_from(status.alarms.len()).unwrap_or(i32::MAX));
        view.set_held(i32::try_from(status.held).unwrap_or(i32::MAX));
        self.context.set_status(status);
        for (_, page) in &self.pages {
            page.status();
        }
    }

    fn show_reach(&self) {
        let reach = self.contact.borrow().reach();
        let texts = &self.context.texts().reach;
        let trouble = self.trouble.borrow();
        let text = match (reach, &*trouble) {
            (Reach::Connecting | Reach::Connected, _) => texts.connecting.to_owned(),
            (Reach::Restarting, _) => texts.restarting.to_owned(),
            (Reach::NotRunning, _) => (texts.not_running)(&self.endpoint),
            (Reach::Denied, _) => (texts.denied)(&self.endpoint),
            (_, Trouble::NoWay(ConnectError::Impostor { why, .. })) => (texts.impostor)(&self.endpoint, why),
            (_, Trouble::NoWay(error)) => {
                let mut cause: &dyn std::error::Error = error;
                while let Some(inner) = cause.source() {
                    cause = inner;
                }
                (texts.failed)(&self.endpoint, without_number(&cause.to_string()))
            }
            (_, Trouble::Refused(status)) => {
                let said = failure(status, self.context.texts());
                format!("{}\n{}", said.sentence, said.detail)
            }
            (_, Trouble::None) => String::new(),
        };
        let view = self.window.global::<AppView>();
        view.set_reach_text(text.trim().into());
        view.set_reach(match reach {
            Reach::Connecting => ShownReach::Connecting,
            Reach::Connected => ShownReach::Connected,
            Reach::NotRunning => ShownReach::NotRunning,
            Reach::Restarting => ShownReach::Restarting,
            Reach::Denied => ShownReach::Denied,
            Reach::Impostor => ShownReach::Impostor,
            Reach::Failed => ShownReach::Failed,
        });
    }

    fn listen(self: &Rc<Self>) {
        let view = self.window.global::<AppView>();
        view.set_version(env!("CARGO_PKG_VERSION").into());
        self.window.global::<Lists>().on_place(|list, value| {
            let at = list.iter().position(|known| known == value);
            at.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1)
        });
        macro_rules! on {
            ($set:ident, |$app:ident $(, $argument:ident)*| $body:expr) => {{
                let weak = Rc::downgrade(self);
                view.$set(move |$($argument),*| {
                    if let Some($app) = weak.upgrade() {
                        $body;
                    }
                });
            }};
        }
        on!(on_go, |app, page| app.go(page));
        on!(on_try_again, |app| app.context.link.try_again());
        on!(on_choose_account, |app, index| app.choose_account(index));
        on!(on_choose_language, |app, russian| {
            let language = if russian { Language::Ru } else { Language::En };
            app.choose_language(language);
            app.remember(|chosen| chosen.language = Some(language));
        });
        on!(on_choose_theme, |app, theme| {
            app.choose_theme(theme);
            app.remember(|chosen| chosen.theme = theme);
        });
        on!(on_close, |app, sure| {
            let view = app.window.global::<AppView>();
            view.set_closing(false);
            if sure {
                // Hidden, the last window ends the event loop.
                let _ = app.window.hide();
            }
        });
        let weak = Rc::downgrade(self);
        self.window.window().on_close_requested(move || match weak.upgrade() {
            Some(app) if app.window.global::<AppView>().get_unsaved() => {
                app.window.global::<AppView>().set_closing(true);
                CloseRequestResponse::KeepWindowShown
            }
            _ => CloseRequestResponse::HideWindow,
        });
        on!(on_about, |app, shown| {
            about::present(&app.context);
            app.window.global::<AppView>().set_about_shown(shown);
        });
        let weak = Rc::downgrade(self);
        view.on_accelerator(move |key| weak.upgrade().is_some_and(|app| app.accelerator(&key)));
    }

    /// Shows a page.
    pub fn go(&self, page: PageName) {
        let before = self.shown.replace(page);
        self.window.global::<AppView>().set_page(page);
        if before == page {
            return;
        }
        for (name, known) in &self.pages {
            if *name == before {
                known.shown(false);
            }
            if *name == page {
                known.shown(true);
            }
        }
    }

    /// Switches the language, at once.
    pub fn choose_language(&self, language: Language) {
        self.context.set_language(language);
        // English is what stands in the windows' sources.
        let code = match language {
            Language::En => "",
            Language::Ru => "ru",
        };
        // It fails only for a language that was not built in.
        let _ = slint::select_bundled_translation(code);
        self.window.global::<AppView>().set_russian(language == Language::Ru);
        for (_, page) in &self.pages {
            page.show();
            page.retell();
        }
        about::present(&self.context);
        self.show_reach();
    }

    /// 0: as the system, 1: light, 2: dark.
    pub fn choose_theme(&self, theme: i32) {
        self.window.global::<AppView>().set_theme(theme);
        self.window.global::<Look>().set_scheme(match theme {
            1 => ColorScheme::Light,
            2 => ColorScheme::Dark,
            _ => ColorScheme::Unknown,
        });
    }

    fn remember(&self, change: impl FnOnce(&mut Preferences)) {
        let mut chosen = self.preferences.get();
        change(&mut chosen);
        self.preferences.set(chosen);
        if self.remember {
            self.context.keep(self.context.link.work(|_| (), move || chosen.save(), |()| ()));
        }
    }

    fn choose_account(&self, index: i32) {
        let accounts = self.window.global::<AppView>().get_accounts();
        let id = usize::try_from(index).ok().and_then(|at| accounts.row_data(at));
        let Some(id) = id.filter(|id: &SharedString| *id != self.context.account()) else { return };
        self.context.set_account(&id);
        for (_, page) in &self.pages {
            page.account_chosen();
        }
    }

    fn accelerator(&self, key: &str) -> bool {
        let number = key.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        if let Some(page) = number.and_then(|at| ORDER.get(at)) {
            self.go(*page);
            return true;
        }
        if self.contact.borrow().reach() != Reach::Connected {
            if key == "F5" {
                self.context.link.try_again();
                return true;
            }
            return false;
        }
        let shown = self.shown.get();
        let taken = self.pages.iter().any(|(name, page)| *name == shown && page.accelerator(key));
        // Saving is the account's, wherever one is: other pages edit it, too.
        taken || (key == "s" && self.account.accelerator(key))
    }
}
