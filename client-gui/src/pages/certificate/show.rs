//! How certificates, their chains and who may use their keys look.

use std::borrow::Cow;

use faxpost_gui_ui::{CandidateLine, CertificateView, ChainLine, Fact, HolderLine, Kind};
use faxpost_proto::advice::Language;
use faxpost_proto::v1::{Candidate, Certificate, GetCertificateResponse, RequestState};
use slint::{ComponentHandle as _, SharedString};

use super::{CertificatePage, Notice, keep};
use crate::lang::Texts;
use crate::pages::strings;
use crate::state::certificate::is_open;
use crate::times;

impl CertificatePage {
    pub(super) fn present(&self) -> Option<()> {
        let window = self.desk.context.window.upgrade()?;
        let view = window.global::<CertificateView>();
        let all = self.desk.context.texts();
        let words = &all.certificate;
        let state = self.state.borrow();

        show_desk!(self.desk, view);
        self.present_request(&view);
        let judged = state.judged.as_ref();
        view.set_read(judged.is_some());
        view.set_sender(judged.map_or("", |judged| &judged.sender_email).into());
        let account = judged.map_or("", |judged| &judged.service_account_name);
        let used = self.account.look(|form| form.draft().certificate.clone());
        let lines = state.candidates().iter().map(|one| candidate_line(one, &used, all)).collect();
        view.set_candidates(keep(view.get_candidates(), lines));
        let current = state.current();
        let at = current.and_then(|(at, _)| i32::try_from(at).ok()).unwrap_or(-1);
        view.set_current(at);

        let (may, ask) =
            (|method: &str| self.desk.context.may(method), |method: &str| self.desk.context.must_ask(method));
        let barrier = |method: &str| SharedString::from(if may(method) { "" } else { words.denied });
        view.set_grant_text(
            if ask("Certificates/GrantKeyAccess") {
                (words.ask_grant)(account)
            } else {
                (words.grant)(account)
            }
            .into(),
        );
        view.set_grant_barrier(barrier("Certificates/GrantKeyAccess"));
        let revoke = if ask("Certificates/RevokeKeyAccess") { words.ask_revoke } else { words.revoke };
        view.set_revoke_text(revoke.into());
        let asks = ask("Certificates/InstallCertificate");
        view.set_install_text(if asks { words.ask_install } else { words.install }.into());
        view.set_install_own_text(if asks { words.ask_install_own } else { words.install_own }.into());
        view.set_install_barrier(barrier("Certificates/InstallCertificate"));
        let delete = if ask("Certificates/DeleteCertificate") { words.ask_delete } else { words.delete };
        view.set_delete_text(delete.into());
        view.set_check_barrier(barrier("Certificates/CheckSigning"));
        let certificate = current.and_then(|(_, one)| one.certificate.as_ref());
        let is_used = certificate.is_some_and(|certificate| !certificate.used_by.is_empty());
        view.set_delete_barrier(if is_used {
            words.is_used.into()
        } else {
            barrier("Certificates/DeleteCertificate")
        });
        view.set_use_barrier(barrier("Accounts/UpdateAccount"));
        view.set_chosen(certificate.is_some_and(|one| one.sha256 == used));
        view.set_from_own_store(current.is_some_and(|(_, one)| one.from_request));

        view.set_has_details(certificate.is_some());
        if let Some(certificate) = certificate {
            let details = state.details.as_ref();
            let facts = facts(certificate, details, all);
            view.set_facts(keep(view.get_facts(), facts));
            let chain = details.map(|details| chain(details, all)).unwrap_or_default();
            view.set_chain(keep(view.get_chain(), chain));
            let problem = details.map_or("", |details| &details.chain_problem);
            view.set_chain_problem((*all.said(problem)).into());
            let holders = details.map(|details| holders(details, all)).unwrap_or_default();
            view.set_holders(keep(view.get_holders(), holders));
            let hidden = details.is_some_and(|details| !details.redacted.is_empty());
            view.set_holders_note(if hidden { words.holders_hidden } else { "" }.into());
        }
        self.present_chooser(&view);
        Some(())
    }

    fn present_request(&self, view: &CertificateView<'_>) {
        let all = self.desk.context.texts();
        let words = &all.certificate;
        let Some(number) = self.pending.get() else { return view.set_request(SharedString::new()) };
        let request = self.request(number);
        let (kind, text) = match &request {
            Some(request) if !is_open(request) => {
                let state = (all.words.request_state)(request.state());
                let done = request.state() == RequestState::Done;
                (if done { Kind::Good } else { Kind::Warning }, (words.decided)(number, state))
            }
            _ => (Kind::Info, (words.pending)(number)),
        };
        let detail = request.map_or_else(String::new, |request| {
            let mut parts = vec![all.said(&request.summary).into_owned()];
            if !request.decided_by.is_empty() {
                parts.push((words.decided_by)(&request.decided_by, &request.decision_text));
            }
            parts.push(all.said(&request.outcome_text).into_owned());
            parts.retain(|part| !part.is_empty());
            parts.join("\n")
        });
        view.set_request_kind(kind);
        view.set_request_detail(detail.into());
        view.set_request(text.into());
    }
}

fn candidate_line(candidate: &Candidate, used: &str, all: &Texts) -> CandidateLine {
    let words = &all.certificate;
    let certificate = candidate.certificate.clone().unwrap_or_default();
    let date = times::local_date(certificate.not_after.as_ref(), all.language);
    let addresses = certificate.addresses.join(", ");
    let until = (words.until_days)(&date, certificate.days_left);
    let detail = if addresses.is_empty() { until } else { format!("{addresses}; {until}") };
    let good = candidate.unmet.is_empty();
    let (badge, badge_kind) = match (candidate.from_request, good) {
        (true, _) => (words.own_store, Kind::Info),
        (false, true) if certificate.sha256 == used => (words.used, Kind::Good),
        (false, true) => (words.can_sign, Kind::Good),
        (false, false) => ("", Kind::Muted),
    };
    let unmet: Vec<_> = candidate
        .unmet
        .iter()
        .map(|unmet| {
            // The daemon says more about this one; what of it is not known here stays English, and the requirement says it.
            let said = all.said(&unmet.text);
            match (&*said, &said) {
                ("", _) => (all.words.requirement)(unmet.requirement()).to_owned(),
                (_, Cow::Borrowed(_)) if all.language != Language::En => {
                    (all.words.requirement)(unmet.requirement()).to_owned()
                }
                (said, _) => said.to_owned(),
            }
        })
        .collect();
    let spoken = [detail.as_str(), badge].into_iter().chain(unmet.iter().map(String::as_str));
    let spoken: Vec<_> = spoken.filter(|part| !part.is_empty()).collect();
    CandidateLine {
        subject: common_name(&certificate.subject).into(),
        spoken: spoken.join(". ").into(),
        detail: detail.into(),
        good,
        unmet: strings(unmet),
        badge: badge.into(),
        badge_kind,
    }
}

/// The part of a name (RFC 4514) that people know it by; the whole name, if it has no such part.
fn common_name(name: &str) -> &str {
    let found = name.split(',').map(str::trim).find_map(|part| part.strip_prefix("CN="));
    found.filter(|found| !found.contains('\\')).unwrap_or(name)
}

fn facts(certificate: &Certificate, details: Option<&GetCertificateResponse>, all: &Texts) -> Vec<Fact> {
    let words = &all.certificate;
    let date = |time: Option<&prost_types::Timestamp>| times::local_date(time, all.language);
    let (from, until) = (date(certificate.not_before.as_ref()), date(certificate.not_after.as_ref()));
    let usage: Vec<_> =
        certificate.key_usage.iter().chain(&certificate.extended_key_usage).map(String::as_str).collect();
    let provider = (all.words.key_provider)(certificate.key_provider());
    let key = format!("{}, {provider}", certificate.key_algorithm);
    let facts = [
        (words.subject, certificate.subject.clone()),
        (words.issuer, certificate.issuer.clone()),
        (words.validity, (words.from_until)(&from, &until)),
        (words.addresses, certificate.addresses.join(", ")),
        (words.usage, usage.join(", ")),
        (words.key, key),
        (words.used_by, certificate.used_by.join(", ")),
        (
            words.revocation,
            details.map(|details| all.said(&details.revocation).into_owned()).unwrap_or_default(),
        ),
        (words.serial, certificate.serial.clone()),
        ("SHA-256", certificate.sha256.clone()),
        ("SHA-1", certificate.sha1.clone()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    facts.map(|(label, value)| Fact { label: label.into(), value: value.into() }).collect()
}

/// The root first, as trees grow.
fn chain(details: &GetCertificateResponse, all: &Texts) -> Vec<ChainLine> {
    let words = &all.certificate;
    let line = |(depth, link): (usize, &faxpost_proto::v1::ChainLink)| {
        let certificate = link.certificate.clone().unwrap_or_default();
        let until = times::local_date(certificate.not_after.as_ref(), all.language);
        let mut detail = (words.until)(&until);
        if link.trusted_root {
            detail = format!("{}, {detail}", words.trusted_root);
        } else if depth == 0 && certificate.issuer != certificate.subject {
            detail = format!("{}, {detail}", (words.issued_by)(&certificate.issuer));
        }
        ChainLine {
            depth: i32::try_from(depth).unwrap_or_default(),
            subject: certificate.subject.into(),
            detail: detail.into(),
            problem: (*all.said(&link.problem)).into(),
        }
    };
    details.chain.iter().rev().enumerate().map(line).collect()
}

fn holders(details: &GetCertificateResponse, all: &Texts) -> Vec<HolderLine> {
    let line = |holder: &faxpost_proto::v1::KeyHolder| {
        let access = (all.words.access_word)(&holder.access).unwrap_or(&holder.access);
        let access =
            if holder.builtin { format!("{access}, {}", all.certificate.builtin) } else { access.to_owned() };
        let name = if holder.name.is_empty() { &holder.id } else { &holder.name };
        HolderLine { name: name.into(), access: access.into(), revocable: !holder.builtin }
    };
    details.key_holders.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_a_name_is_short_where_that_is_clear() {
        assert_eq!(common_name("CN=Fax, O=Firm, C=DE"), "Fax");
        assert_eq!(common_name("O=Firm"), "O=Firm");
        assert_eq!(common_name("CN=a\\,b,O=x"), "CN=a\\,b,O=x");
    }
}
