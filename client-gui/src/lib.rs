//! The window of Faxpost, as a library, so that tests can drive it. A thin client: it shows what the daemon says and asks
//! for what a person wants; every rule is the daemon's.
//!
//! # How a page is made
//!
//! | part | where | duty |
//! |---|---|---|
//! | looks | `ui/pages/x.slint` | a component `XPage inherits Page`, and a global `XView` with what it shows (`in property`) and what a person does (`callback`). Labels are `@tr("…")`, and have their Russian in `ui/lang/ru/LC_MESSAGES/faxpost-gui-ui.po`; `tests/texts.rs` says which is missing |
//! | knowledge | [`state`]`/x.rs` | plain data and decisions, pure, with unit tests |
//! | calls | [`link`]`/x.rs` | async functions over a channel, one for each RPC; nothing else calls the daemon |
//! | sentences | [`lang`]`/x.rs` | a struct of texts, `EN` and `RU`; words of the protocol come from `faxpost_proto::words` |
//! | glue | [`pages`]`/x.rs` | implements [`pages::Page`]: sets the callbacks once, calls through [`link::Link`], and puts state and texts into the global |
//!
//! Then it is named in `ui/main.slint` (import, `export`, and the line that shows it) and in [`app::App`]'s list.
//!
//! What the glue does is always the same: a callback changes the state or begins a call ([`link::Link::ask`], or
//! [`link::Link::follow`] for a stream) and keeps its [`link::Task`]; the answer changes the state; `show` puts the state into
//! the global. [`pages::Page::connected`] begins the streams, [`pages::Page::lost`] ends them, and what a person has typed stays.
//! `Task`s that are dropped are cancelled, at the daemon, too: a Cancel button drops one.
//!
//! Nothing blocks the window's thread, and no timer runs while nothing happens: an idle window costs no CPU. What repeats
//! (a countdown) is [`link::Link::every`], for as long as its task is kept.
//!
//! Controls come from `ui/widgets`: `form.slint` (rows of a form: `TextRow`, `SecretRow`, `ToggleRow`, `RadioRow`,
//! `ComboRow`; a reason why something is disabled becomes its tooltip and its accessible description), `parts.slint` (`Page`,
//! `Body`, `Card`, `Banner`, `Badge`, `Facts`, `Nothing`), `table.slint` (lists of any length), `dialog.slint`. Everything that
//! can be used has an accessible label: tests find it by that, as a screen reader does.

pub mod app;
pub mod lang;
pub mod link;
pub mod pages;
pub mod preferences;
pub mod state;
pub mod times;

use faxpost_proto::advice::Language;

/// How the window begins.
pub struct Options {
    /// Socket path or pipe name.
    pub endpoint: String,
    /// Language; otherwise that of the person's system.
    pub language: Option<Language>,
    /// 0: the colours of the system, 1: light, 2: dark.
    pub theme: i32,
    /// Keeps what the person chooses; tests choose for themselves.
    pub remember: bool,
    /// Opens an address in the person's browser; whether that worked. Tests have none.
    pub browse: fn(&str) -> bool,
}
