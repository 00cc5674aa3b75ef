//! `request show N`: everything that a person needs to decide.

use faxpost_proto::v1::{Request, RequestState};
use prost::Name;

use super::method;
use crate::{
    commands::{Context, who},
    error::Error,
    output::style::Style,
    times,
};

pub(super) fn run<M: prost::Message + Name>(
    answer: &M,
    request: Option<&Request>,
    context: &mut Context,
) -> Result<(), Error> {
    if context.out.is_json() {
        return context.out.json(answer);
    }
    request.map_or(Ok(()), |request| people(request, context))
}

/// The request for people.
pub(super) fn people(request: &Request, context: &mut Context) -> Result<(), Error> {
    let (texts, words) = (context.texts, context.texts.certificates);
    let mut pairs = vec![
        (words.request, request.number.to_string()),
        (texts.state, (words.request_state)(request.state()).to_owned()),
        (words.asked_by, who(&request.caller_name, &request.caller_id)),
        (words.asked_at, times::local(request.create_time.as_ref())),
        (texts.call, method(request).to_owned()),
        (words.what, texts.said(&request.summary).into_owned()),
    ];
    for effect in &request.effects {
        let label = (words.effect)(&effect.name);
        match label {
            Some(label) => pairs.push((label, texts.said(&effect.value).into_owned())),
            None => pairs.push((words.target, format!("{}: {}", effect.name, effect.value))),
        }
    }
    pairs.push((words.digest, request.digest.clone()));
    if request.state() == RequestState::Pending {
        pairs.push((texts.expires, times::local(request.expire_time.as_ref())));
    }
    if !request.decided_by.is_empty() {
        let when = times::local(request.decide_time.as_ref());
        pairs.push((words.decision, (texts.by)(&when, &request.decided_by)));
    }
    if !request.decision_text.is_empty() {
        pairs.push((texts.answer, request.decision_text.clone()));
    }
    if !request.outcome_reason.is_empty() {
        let known = (texts.reason)(&request.outcome_reason).filter(|_| !texts.is_english());
        let said = known.map_or_else(String::new, |known| format!("{known}\n"));
        pairs.push((texts.reason_label, format!("{said}{}", texts.said(&request.outcome_text))));
    }
    context.out.pairs(&pairs)
}

/// How a state looks.
pub(super) fn style(state: RequestState) -> Style {
    match state {
        RequestState::Pending => Style::Warn,
        RequestState::Done => Style::Good,
        RequestState::Failed | RequestState::Refused => Style::Bad,
        RequestState::Expired | RequestState::Withdrawn => Style::Dim,
        RequestState::Approved | RequestState::Unspecified => Style::Plain,
    }
}
