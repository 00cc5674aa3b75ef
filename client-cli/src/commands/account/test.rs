//! `account test [ID] [KEY=VALUE…]`

use faxpost_proto::{
    advice::Language,
    v1::{Step, StepState, TestAccountRequest, TestStep},
};
use prost_types::FieldMask;

use super::{get, test_view::View, warn_of_tls};
use crate::{
    args::PasswordArgs,
    commands::Context,
    error::Error,
    exit, input,
    settings::{Changes, split_id},
};

pub(super) async fn run(
    words: &[String],
    to: Option<String>,
    until: Option<Step>,
    password: &PasswordArgs,
    context: &mut Context,
) -> Result<(), Error> {
    let (id, settings) = split_id(words, context.texts)?;
    if to.as_deref().is_some_and(|to| to.trim().is_empty()) {
        return Err(Error::Data(context.texts.no_recipient.to_owned()));
    }
    let mut draft = Changes::parse(settings, context.texts)?;
    if let Some(password) = input::password(password, context.texts)? {
        draft.password(password);
    }
    draft.account.id = id.to_owned();
    // Who may test may look; if not, the daemon says so below.
    if let Ok(saved) = get(&mut context.accounts().await?, id).await {
        warn_of_tls(&draft.over(saved, context.texts), context)?;
    }
    let call = TestAccountRequest {
        id: id.to_owned(),
        draft: (!draft.fields.is_empty()).then_some(draft.account),
        update_mask: (!draft.fields.is_empty()).then_some(FieldMask { paths: draft.fields }),
        to: to.unwrap_or_default(),
        until: until.unwrap_or_default().into(),
        language: match context.language {
            Language::En => "en",
            Language::Ru => "ru",
        }
        .to_owned(),
    };
    let mut steps = context.diagnostics().await?.test_account(call).await?.into_inner();

    let mut failed = None;
    let mut view = View::new(id);
    loop {
        let answer = match steps.message().await {
            Ok(Some(answer)) => answer,
            Ok(None) => break,
            Err(status) => {
                view.abandon(context)?;
                return Err(status.into());
            }
        };
        if context.out.is_json() {
            context.out.json(&answer)?;
        } else if let Some(step) = &answer.step {
            view.show(step, context)?;
        }
        failed = answer.step.filter(|step| step.state() == StepState::Failed).or(failed);
    }
    match failed {
        Some(step) => Err(Error::Told(exit_of(&step))),
        None => Ok(()),
    }
}

fn exit_of(step: &TestStep) -> exit::Exit {
    exit::of_failed_test(&step.failure_reason, &step.answer)
}
