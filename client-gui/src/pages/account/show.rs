//! How the form looks: each setting with its mark, its error, and why it cannot be changed.

use faxpost_gui_ui::{AccountView, Alternative, App as AppView, Choice, Field, Toggle};
use faxpost_proto::v1::{Method, Security, Signing, TlsCheck};
use slint::{ComponentHandle as _, SharedString};

use super::{AccountPage, Notice, keep};
use crate::lang::Texts;
use crate::lang::account::AccountTexts;
use crate::state::account::matrix::{Barrier, Matrix};
use crate::state::account::{Form, fields, usual_port};

pub(super) const METHODS: [Method; 4] =
    [Method::SecureSmtpClient, Method::CdoMessage, Method::SystemNetMail, Method::Pickup];
pub(super) const SECURITIES: [Security; 3] = [Security::None, Security::Implicit, Security::Starttls];
pub(super) const TLS_CHECKS: [TlsCheck; 3] = [TlsCheck::System, TlsCheck::Pinned, TlsCheck::AcceptInvalid];
pub(super) const SIGNINGS: [Signing; 3] = [Signing::Off, Signing::Clear, Signing::Opaque];
/// After "the strongest".
pub(super) const MECHANISMS: [&str; 8] = [
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "XOAUTH2",
    "OAUTHBEARER",
];

impl AccountPage {
    pub(super) fn present(&self) -> Option<()> {
        let window = self.context.window.upgrade()?;
        let view = window.global::<AccountView>();
        let texts = &self.context.texts().account;
        let form = self.form.borrow();
        let draft = form.draft();
        let shown = self.shown(&form);

        view.set_ready(form.saved().is_some());
        view.set_busy(self.busy.get());
        view.set_dirty(!form.changed().is_empty() && self.call.borrow().is_none());
        view.set_read_only(if shown.matrix.may_update {
            SharedString::new()
        } else {
            (texts.barrier)(&Barrier::ReadOnly).into()
        });
        self.present_notices(&view, &form, texts);

        let presets = std::iter::once(texts.no_preset.to_owned())
            .chain(self.presets().into_iter().map(|profile| profile.title))
            .map(SharedString::from)
            .collect();
        view.set_presets(keep(view.get_presets(), presets));

        view.set_oauth(shown.toggle("oauth"));
        view.set_method(shown.choice("method", METHODS.iter().position(|one| *one == draft.method())));
        let alternatives =
            METHODS.map(|one| shown.alternative((texts.method)(one), shown.matrix.method(one)));
        view.set_methods(keep(view.get_methods(), alternatives.into()));
        view.set_sender_email(shown.field("sender_email", ""));
        view.set_sender_name(shown.field("sender_name", ""));
        view.set_server(shown.field("server", "smtp.example.com"));
        let usual = usual_port(draft.security).to_string();
        view.set_port(shown.field("port", &usual));
        view.set_security(
            shown.choice("security", SECURITIES.iter().position(|one| *one == draft.security())),
        );
        let alternatives =
            SECURITIES.map(|one| shown.alternative((texts.security)(one), shown.matrix.security(one)));
        view.set_securities(keep(view.get_securities(), alternatives.into()));
        view.set_authentication(shown.toggle("authentication"));
        view.set_login(shown.field("login", texts.usual_login));
        view.set_has_password(draft.has_password);
        view.set_password_editing(form.is_typed("password"));
        let typed = view.get_password().value;
        // What is typed stays in its line until it is over; then nothing of it is kept.
        let value = if form.is_typed("password") { typed } else { SharedString::new() };
        view.set_password(Field { value, ..shown.field("password", "") });
        view.set_sign(shown.choice("sign", SIGNINGS.iter().position(|one| *one == draft.sign())));
        let alternatives =
            SIGNINGS.map(|one| shown.alternative((texts.signing)(one), shown.matrix.barrier("sign")));
        view.set_signings(keep(view.get_signings(), alternatives.into()));
        view.set_certificate_text(if draft.certificate.is_empty() {
            texts.best_certificate.into()
        } else {
            draft.certificate.get(..16).unwrap_or(&draft.certificate).into()
        });

        view.set_tls_check(
            shown.choice("tls_check", TLS_CHECKS.iter().position(|one| *one == draft.tls_check())),
        );
        let alternatives =
            TLS_CHECKS.map(|one| shown.alternative((texts.tls_check)(one), shown.matrix.tls_check(one)));
        view.set_tls_checks(keep(view.get_tls_checks(), alternatives.into()));
        view.set_tls_pin(shown.field("tls_pin", ""));
        view.set_plaintext_auth(shown.toggle("plaintext_auth"));
        let names = std::iter::once(texts.strongest).chain(MECHANISMS).map(SharedString::from).collect();
        view.set_mechanisms(keep(view.get_mechanisms(), names));
        let mechanism = MECHANISMS.iter().position(|one| *one == draft.mechanism).map_or(0, |at| at + 1);
        view.set_mechanism(shown.choice("mechanism", Some(mechanism)));
        view.set_envelope_sender(shown.field("envelope_sender", texts.the_sender));
        view.set_reply_to(shown.field("reply_to", texts.the_sender));
        view.set_ehlo_name(shown.field("ehlo_name", texts.this_host));
        view.set_proxy(shown.field("proxy", texts.none));
        view.set_max_connections(shown.field("max_connections", "3"));
        view.set_messages_per_minute(shown.field("messages_per_minute", texts.no_limit));
        view.set_timeout_seconds(shown.field("timeout_seconds", "60"));
        view.set_pickup_directory(shown.field("pickup_directory", texts.usual_folder));

        let app = window.global::<AppView>();
        app.set_unsaved(!form.changed().is_empty());
        let accounts = self.accounts.borrow();
        let names = accounts.iter().map(|account| SharedString::from(&account.id)).collect();
        app.set_accounts(keep(app.get_accounts(), names));
        let chosen = self.context.account();
        let at = accounts.iter().position(|account| account.id == chosen).unwrap_or_default();
        app.set_account(i32::try_from(at).unwrap_or_default());
        Some(())
    }

    fn present_notices(&self, view: &AccountView<'_>, form: &Form, texts: &AccountTexts) {
        show_notice!(self.notice, self.context.texts(), view);
        let (conflicts, by) = form.conflicts();
        let names: Vec<_> = conflicts.iter().map(|field| (texts.field)(field)).collect();
        let by = if by.is_empty() { texts.somebody } else { by };
        let conflict = if names.is_empty() { String::new() } else { (texts.conflict)(by, &names.join(", ")) };
        view.set_conflict(conflict.into());
        view.set_conflict_detail(texts.conflict_detail.into());
        let proposed = self.proposal().filter(|_| self.context.may("Accounts/UpdateAccount"));
        view.set_proposal(proposed.map_or_else(SharedString::new, |one| (texts.proposal)(&one.title).into()));
        let draft = form.draft();
        let warning = if draft.tls_check() == TlsCheck::AcceptInvalid {
            texts.accept_invalid
        } else if draft.plaintext_auth && draft.security() == Security::None && draft.authentication {
            texts.plaintext
        } else {
            ""
        };
        view.set_warning(warning.into());
    }
}

/// Makes what the window shows of single settings.
pub(in crate::pages) struct Shown<'a> {
    pub(in crate::pages) form: &'a Form,
    pub(super) all: &'static Texts,
    pub(super) texts: &'static AccountTexts,
    pub(in crate::pages) matrix: Matrix<'a>,
}

impl Shown<'_> {
    pub(in crate::pages) fn field(&self, field: &str, placeholder: &str) -> Field {
        Field {
            value: self.form.text(field).into(),
            changed: self.form.is_changed(field),
            error: self.error(field),
            reason: self.reason(field),
            placeholder: placeholder.into(),
        }
    }

    pub(in crate::pages) fn toggle(&self, field: &str) -> Toggle {
        Toggle {
            on: fields::switch(self.form.draft(), field),
            changed: self.form.is_changed(field),
            error: self.error(field),
            reason: self.reason(field),
        }
    }

    pub(in crate::pages) fn choice(&self, field: &str, index: Option<usize>) -> Choice {
        Choice {
            index: index.and_then(|index| i32::try_from(index).ok()).unwrap_or(-1),
            changed: self.form.is_changed(field),
            error: self.error(field),
            reason: self.reason(field),
        }
    }

    pub(in crate::pages) fn alternative(
        &self,
        (title, detail): (&str, &str),
        barrier: Option<Barrier>,
    ) -> Alternative {
        Alternative {
            title: title.into(),
            detail: detail.into(),
            reason: barrier.map_or_else(SharedString::new, |barrier| (self.texts.barrier)(&barrier).into()),
        }
    }

    fn error(&self, field: &str) -> SharedString {
        if self.form.is_no_number(field) {
            return self.texts.no_number.into();
        }
        (*self.all.said(self.form.error(field))).into()
    }

    fn reason(&self, field: &str) -> SharedString {
        let barrier = self.matrix.barrier(field);
        barrier.map_or_else(SharedString::new, |barrier| (self.texts.barrier)(&barrier).into())
    }
}
