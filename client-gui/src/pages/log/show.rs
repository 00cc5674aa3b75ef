//! How the log looks: rows, what is looked for, and all about the chosen entry.

use faxpost_gui_ui::{AttemptLine, Fact, Kind, Line, LogView, RecipientLine};
use faxpost_proto::v1::{Entry, EntryKind, EntryOutcome};
use slint::{ComponentHandle as _, SharedString};

use super::{LogPage, Notice, keep, place, strings};
use crate::lang::Texts;
use crate::state::log::{KINDS, OUTCOMES, SPANS, Span, addresses};
use crate::times;

impl LogPage {
    pub(super) fn present(&self) -> Option<()> {
        let window = self.desk.context.window.upgrade()?;
        let view = window.global::<LogView>();
        let all = self.desk.context.texts();
        let words = &all.log;

        show_desk!(self.desk, view);
        self.present_search(&view, all);
        let searching = !self.search.borrow().is_any();
        let (nothing, detail) = match (self.rows.is_begun(), searching) {
            (false, _) => ("", ""),
            (true, false) => (words.nothing, words.nothing_detail),
            (true, true) => (words.nothing_found, words.nothing_found_detail),
        };
        view.set_nothing(nothing.into());
        view.set_nothing_detail(detail.into());
        view.set_current(self.current.get().and_then(|row| i32::try_from(row).ok()).unwrap_or(-1));
        view.set_follows(self.follows.get());
        let news = self.news.get();
        view.set_news(if news > 0 { (words.news)(news).into() } else { SharedString::new() });
        view.set_find(self.find.get());
        view.set_rewind(self.rewind.get());
        self.present_details(&view, all);

        let export = self.export.borrow();
        view.set_exporting(export.open);
        view.set_export_runs(export.task.is_some());
        view.set_export_error(export.error.text(all));
        let runs = export.task.is_some();
        let progress = if runs { (words.exporting)(export.written) } else { String::new() };
        view.set_export_progress(progress.into());
        Some(())
    }

    fn present_search(&self, view: &LogView<'_>, all: &Texts) {
        let words = &all.log;
        let search = self.search.borrow();
        let first = |first: &'static str, rest: Vec<SharedString>| {
            std::iter::once(first.into()).chain(rest).collect::<Vec<_>>()
        };
        let outcomes = OUTCOMES.map(|outcome| (all.words.entry_outcome)(outcome).into());
        view.set_outcomes(keep(view.get_outcomes(), first(words.any_outcome, outcomes.into())));
        view.set_outcome(place(&OUTCOMES, search.outcome));
        let kinds = KINDS.map(|kind| (all.words.entry_kind)(kind).into());
        view.set_kinds(keep(view.get_kinds(), first(words.any_kind, kinds.into())));
        view.set_kind(place(&KINDS, search.kind));
        let spans = SPANS.map(|span| SharedString::from((words.span)(span)));
        view.set_spans(keep(view.get_spans(), spans.into()));
        view.set_span(place(&SPANS, Some(search.span)) - 1);
        view.set_between(search.span == Span::Between);
        let accounts = self.desk.accounts();
        let account = accounts.iter().position(|account| *account == search.account);
        view.set_accounts(keep(view.get_accounts(), first(words.any_account, accounts)));
        view.set_account(account.and_then(|at| i32::try_from(at + 1).ok()).unwrap_or_default());
        // What somebody types just now is there already.
        view.set_recipient(search.recipient.as_str().into());
        view.set_caller(search.caller.as_str().into());
        view.set_from(search.from.as_str().into());
        view.set_until(search.until.as_str().into());
        view.set_searching(!search.is_any());
        let only =
            if search.message.is_empty() { String::new() } else { (words.only_message)(&search.message) };
        view.set_only(only.into());
        let error = self.no_day.borrow().as_deref().map(words.no_day).unwrap_or_default();
        view.set_error(error.into());
    }

    fn present_details(&self, view: &LogView<'_>, all: &Texts) {
        let chosen = self.chosen.borrow();
        let Some(entry) = chosen.as_ref() else { return view.set_has_details(false) };
        let title: &str =
            if entry.subject.is_empty() { (all.words.entry_kind)(entry.kind()) } else { &entry.subject };
        view.set_title(title.into());
        view.set_badge((all.words.entry_outcome)(entry.outcome()).into());
        view.set_badge_kind(kind_of(entry.outcome()));
        let steered = entry.kind() == EntryKind::Steered;
        view.set_answer(if steered { answer(entry, all).into() } else { (*all.said(&entry.answer)).into() });
        view.set_meaning((all.words.failure)(&entry.reason).unwrap_or_default().into());
        view.set_facts(keep(view.get_facts(), facts(entry, all)));
        let recipients = entry.recipients.iter().map(|recipient| {
            let asked = !matches!(entry.kind(), EntryKind::Accepted | EntryKind::Steered);
            let (state, kind) = match (asked, recipient.delivered) {
                (false, _) => ("", Kind::Muted),
                (true, true) => (all.log.delivered, Kind::Good),
                (true, false) => (all.log.not_delivered, Kind::Muted),
            };
            let spoken =
                if asked { format!("{state}. {}", all.said(&recipient.answer)) } else { String::new() };
            RecipientLine {
                address: recipient.address.as_str().into(),
                state: state.into(),
                kind,
                answer: (*all.said(&recipient.answer)).into(),
                spoken: spoken.into(),
            }
        });
        view.set_recipients(keep(view.get_recipients(), recipients.collect()));
        let about = self.about.borrow();
        let attempts = about.iter().map(|one| attempt(one, one.id == entry.id, all)).collect();
        view.set_attempts(keep(view.get_attempts(), attempts));
        let transcript = self.transcript.borrow();
        view.set_can_read(entry.has_transcript && transcript.as_ref().is_none_or(|(id, _)| *id != entry.id));
        let (text, truncated) = transcript
            .as_ref()
            .map_or(("", false), |(_, transcript)| (&*transcript.text, transcript.truncated));
        view.set_transcript(text.trim_end().into());
        view.set_transcript_note(if truncated { all.log.truncated } else { "" }.into());
        view.set_has_details(true);
    }
}

fn kind_of(outcome: EntryOutcome) -> Kind {
    match outcome {
        EntryOutcome::Ok => Kind::Good,
        EntryOutcome::Partial | EntryOutcome::Temporary => Kind::Warning,
        EntryOutcome::Permanent => Kind::Bad,
        EntryOutcome::Unspecified => Kind::Muted,
    }
}

/// The answer on one line; a caller's doing in the person's language.
fn answer(entry: &Entry, all: &Texts) -> String {
    if entry.kind() == EntryKind::Steered {
        return (all.log.steered)(&entry.answer).unwrap_or(&entry.answer).to_owned();
    }
    all.said(&entry.answer).lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

pub(super) fn line(entry: &Entry, all: &Texts) -> Line {
    let to = addresses(entry.recipients.iter().map(|recipient| &*recipient.address));
    let outcome = (all.words.entry_outcome)(entry.outcome());
    let cells = [
        outcome.to_owned(),
        times::local(entry.time.as_ref(), all.language),
        (all.words.entry_kind)(entry.kind()).to_owned(),
        to,
        entry.subject.clone(),
        answer(entry, all),
    ];
    let spoken: Vec<_> = cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
    Line { spoken: spoken.join(", ").into(), kind: kind_of(entry.outcome()), cells: strings(cells) }
}

fn attempt(entry: &Entry, current: bool, all: &Texts) -> AttemptLine {
    let outcome = (all.words.entry_outcome)(entry.outcome());
    let answer = answer(entry, all);
    let spoken =
        [outcome, &answer].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ");
    AttemptLine {
        time: times::local(entry.time.as_ref(), all.language).into(),
        kind: (all.words.entry_kind)(entry.kind()).into(),
        outcome: outcome.into(),
        outcome_kind: kind_of(entry.outcome()),
        answer: answer.into(),
        transcript: entry.has_transcript,
        current,
        spoken: spoken.into(),
    }
}

fn facts(entry: &Entry, all: &Texts) -> Vec<Fact> {
    let words = &all.log;
    let positive = |number: i64, text: String| if number > 0 { text } else { String::new() };
    let facts = [
        (words.time, times::local(entry.time.as_ref(), all.language)),
        (words.kind, (all.words.entry_kind)(entry.kind()).to_owned()),
        (words.attempt, positive(entry.attempt.into(), entry.attempt.to_string())),
        (words.server, entry.server.clone()),
        ("TLS", entry.tls.clone()),
        (words.method, entry.method.clone()),
        (words.account, entry.account.clone()),
        (words.sender, entry.sender.clone()),
        (words.caller, entry.caller.clone()),
        (words.duration, positive(entry.duration_ms.into(), times::millis(entry.duration_ms, all.language))),
        (words.size, positive(entry.size, (words.bytes)(entry.size))),
        (words.message, entry.message.clone()),
        (words.number, entry.id.to_string()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.trim().is_empty());
    facts.map(|(label, value)| Fact { label: label.into(), value: value.into() }).collect()
}
