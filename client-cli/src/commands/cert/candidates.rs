//! `cert candidates [ID]`: what could sign for a sender, and what the others lack.

use faxpost_proto::{
    user_store,
    v1::{Candidate, ListCandidatesRequest, ListCandidatesResponse},
};

use super::list;
use crate::{
    commands::{Context, request},
    error::Error,
    exit::Exit,
    output::{escape::one_line, has_unicode, style::Style},
    times,
};

pub(super) async fn run(id: String, sender: Option<String>, context: &mut Context) -> Result<(), Error> {
    // Without a store of his own a user sees the machine's.
    let own = match user_store::list() {
        Ok(own) => own.into_iter().filter(|own| own.has_key).map(|own| own.der.into()).take(50).collect(),
        Err(user_store::Error::NoStore) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let call =
        ListCandidatesRequest { account: id, sender_email: sender.unwrap_or_default(), certificates: own };
    let answer = context.certificates().await?.list_candidates(request(call)).await?.into_inner();
    if context.out.is_json() {
        context.out.json(&answer)?;
    } else {
        show(&answer, context)?;
    }
    let usable =
        answer.candidates.iter().any(|candidate| candidate.unmet.is_empty() && !candidate.from_request);
    if usable { Ok(()) } else { Err(Error::Told(Exit::Configuration)) }
}

fn show(answer: &ListCandidatesResponse, context: &mut Context) -> Result<(), Error> {
    let words = context.texts.certificates;
    if answer.candidates.is_empty() {
        return context.out.note(&(words.no_candidates)(&answer.sender_email));
    }
    let title = (words.candidates_for)(&answer.sender_email);
    context.out.line(&one_line(&title))?;
    for candidate in &answer.candidates {
        one(candidate, context)?;
    }
    Ok(())
}

fn one(candidate: &Candidate, context: &mut Context) -> Result<(), Error> {
    let (texts, words) = (context.texts, context.texts.certificates);
    let Some(certificate) = &candidate.certificate else { return Ok(()) };
    let (good, bad) = if has_unicode() { ("✓", "✗") } else { ("+", "-") };
    let usable = candidate.unmet.is_empty();
    let (mark, style) = if usable { (good, Style::Good) } else { (bad, Style::Bad) };
    let mut line = format!(
        "{} {}  {}  {}",
        context.out.paint(style, mark),
        one_line(list::short(certificate)),
        times::local_date(certificate.not_after.as_ref()),
        one_line(&certificate.subject),
    );
    if usable && !candidate.from_request {
        line.push_str(&format!("  {}", context.out.paint(Style::Good, words.can_sign)));
    }
    context.out.line(&line)?;
    for unmet in &candidate.unmet {
        let known = (words.requirement)(unmet.requirement());
        // The daemon knows more about this one than a sentence for all.
        let said = match (texts.is_english(), &*unmet.text) {
            (_, "") => known.to_owned(),
            (true, text) => text.to_owned(),
            (false, text) => format!("{known} ({})", texts.said(text)),
        };
        let said = one_line(&said);
        let lines = context.out.wrapped(&said, 6).into_iter().map(str::to_owned).collect::<Vec<_>>();
        for (number, line) in lines.into_iter().enumerate() {
            let begin = if number == 0 { "    - " } else { "      " };
            context.out.line(&format!("{begin}{line}"))?;
        }
    }
    if candidate.from_request {
        let command = (words.install_own)(&one_line(list::short(certificate)));
        let said = format!("    {}:\n      {command}", words.own_store);
        context.out.line(&said)?;
    }
    Ok(())
}
