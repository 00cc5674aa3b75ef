//! Finding settings for an address: a search, a choice, and the form is filled in.

use faxpost_gui_ui::{DiscoveryView, Kind, ProposalLine};
use faxpost_proto::v1::{DiscoverAccountResponse, Proposal, Security, Trust};
use slint::ComponentHandle as _;

use super::{AccountPage, Banner, Notice, Page as _, calls, keep};
use crate::lang::Texts;
use crate::lang::failure::failure;
use crate::link::Task;
use crate::pages::Saying;
use crate::state::discovery::Discovery;

/// The dialog.
#[derive(Default)]
pub(super) struct Finder {
    open: bool,
    discovery: Discovery,
    error: Saying,
    search: Option<Task>,
}

impl AccountPage {
    pub(super) fn listen_to_finder(&self) {
        let Some(window) = self.context.window.upgrade() else { return };
        let view = window.global::<DiscoveryView>();
        let me = &self.me;
        on!(me, view.on_offer, |page| page.find());
        on!(me, view.on_search, |page| page.search());
        on!(me, view.on_choose, |page, index| {
            page.finder.borrow_mut().discovery.choose(usize::try_from(index).unwrap_or(usize::MAX));
        });
        on!(me, view.on_compare, |page, on| page.finder.borrow_mut().discovery.compare(on));
        on!(me, view.on_take, |page| page.take_found());
        on!(me, view.on_leave, |page| page.finder.take());
    }

    /// Opens the dialog. Nobody is asked before a person wants it.
    fn find(&self) {
        let Some(window) = self.context.window.upgrade() else { return };
        let address = self.form.borrow().draft().sender_email.clone();
        window.global::<DiscoveryView>().set_address(address.into());
        self.finder.replace(Finder { open: true, ..Finder::default() });
    }

    fn search(&self) {
        let Some(window) = self.context.window.upgrade() else { return };
        let address = window.global::<DiscoveryView>().get_address().trim().to_owned();
        if address.is_empty() || !self.context.may("Accounts/DiscoverAccount") {
            return;
        }
        let page = self.me.clone();
        let call = address.clone();
        let task = self.context.link.ask(
            |_| (),
            move |channel| calls::discover(channel, call),
            move |answer| {
                if let Some(page) = page.upgrade() {
                    page.found(answer);
                    page.show();
                }
            },
        );
        let mut finder = self.finder.borrow_mut();
        finder.discovery.begin(&address);
        finder.error = Saying::default();
        finder.search = Some(task);
    }

    fn found(&self, answer: Result<DiscoverAccountResponse, tonic::Status>) {
        let mut finder = self.finder.borrow_mut();
        finder.search = None;
        match answer {
            Ok(found) => finder.discovery.arrived(found),
            Err(status) => {
                finder.error = Saying::new(move |texts| {
                    let said = failure(&status, texts);
                    let what = said.fields.into_iter().map(|(_, what)| what).next().unwrap_or(said.detail);
                    if what.is_empty() { said.sentence } else { what }
                });
            }
        }
    }

    /// Into the form; what is saved is not touched.
    fn take_found(&self) {
        let taken = self.finder.borrow().discovery.to_take().cloned();
        let Some(proposal) = taken else { return };
        self.finder.take();
        let account = proposal.account.clone().unwrap_or_default();
        let fields = proposal.update_mask.clone().unwrap_or_default().paths;
        self.form.borrow_mut().take_over(&account, &fields);
        self.notice.replace(Some(Notice::new(move |texts| {
            let words = &texts.discovery;
            let after = match (account.oauth, account.authentication) {
                (true, _) => words.sign_in_after,
                (false, true) => words.password_after,
                (false, false) => "",
            };
            Banner { kind: Kind::Info, text: (words.taken)(&account.server), detail: after.to_owned() }
        })));
    }

    pub(super) fn present_finder(&self) {
        let Some(window) = self.context.window.upgrade() else { return };
        let view = window.global::<DiscoveryView>();
        let all = self.context.texts();
        let words = &all.discovery;
        let finder = self.finder.borrow();
        let discovery = &finder.discovery;
        let may = self.context.may("Accounts/DiscoverAccount");
        view.set_barrier(if may { "" } else { words.denied }.into());
        view.set_searching(finder.search.is_some());
        view.set_error(finder.error.text(all));
        let lines = discovery.proposals().iter().map(|proposal| line(proposal, all)).collect();
        view.set_proposals(keep(view.get_proposals(), lines));
        let current = discovery.current();
        view.set_current(current.and_then(|(at, _)| i32::try_from(at).ok()).unwrap_or(-1));
        let notes = current.map(|(_, proposal)| notes(proposal, all)).unwrap_or_default();
        view.set_notes(notes.into());
        view.set_must_compare(discovery.must_compare());
        view.set_compared(discovery.is_compared());
        view.set_can_take(discovery.to_take().is_some() && finder.search.is_none());
        let sources = discovery.in_vain();
        let nothing = sources.map(|_| (words.nothing)(&discovery.address)).unwrap_or_default();
        view.set_nothing(nothing.into());
        let asked = sources.unwrap_or_default().iter();
        let asked: Vec<_> =
            asked.map(|source| format!("{}: {}", source.name, all.said(&source.text))).collect();
        view.set_sources(asked.join("\n").into());
        view.set_open(finder.open);
    }
}

fn line(proposal: &Proposal, all: &Texts) -> ProposalLine {
    let words = &all.discovery;
    let account = proposal.account.clone().unwrap_or_default();
    let security = (words.security)(Security::try_from(account.security).unwrap_or_default());
    let mut parts = Vec::new();
    if !account.login.is_empty() {
        parts.push((words.login)(&account.login));
    }
    parts.push(
        match (account.oauth, proposal.password, proposal.app_password) {
            (true, ..) => "OAuth 2.0",
            (false, true, true) => words.app_password,
            (false, true, false) => words.password,
            (false, false, _) => words.nobody,
        }
        .to_owned(),
    );
    parts.push((words.source)(&proposal.source));
    let detail = parts.join("; ");
    let trust = (words.trust)(proposal.trust());
    ProposalLine {
        title: format!("{}:{}, {security}", account.server, account.effective_port).into(),
        spoken: format!("{trust}. {detail}").into(),
        detail: detail.into(),
        trust: trust.into(),
        trust_kind: match proposal.trust() {
            Trust::BuiltIn | Trust::Authenticated => Kind::Good,
            Trust::SameDomain => Kind::Info,
            Trust::Unconfirmed | Trust::Unspecified => Kind::Warning,
        },
    }
}

fn notes(proposal: &Proposal, all: &Texts) -> String {
    let because = (all.discovery.because)(proposal.trust()).to_owned();
    let notes = proposal.notes.iter().map(|note| format!("• {}", all.said(note)));
    std::iter::once(because).chain(notes).collect::<Vec<_>>().join("\n")
}
