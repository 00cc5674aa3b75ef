//! `account presets`

use faxpost_proto::v1::{ListPresetsRequest, Preset, Security};

use crate::{
    commands::{Context, request},
    error::Error,
    lang::Texts,
    output::table::{Fit, Table},
    words,
};

pub(super) async fn run(context: &mut Context) -> Result<(), Error> {
    let answer = context.accounts().await?.list_presets(request(ListPresetsRequest {})).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let texts = context.texts;
    let mut table = Table::new([
        (texts.id, Fit::Whole),
        (texts.accounts.title, Fit::Shorten),
        (texts.server, Fit::Whole),
        (texts.accounts.port, Fit::Whole),
        (texts.security, Fit::Whole),
        (texts.accounts.sign_in, Fit::Shorten),
        (texts.accounts.domains, Fit::ShortenOrDrop),
    ]);
    for preset in &answer.presets {
        let account = preset.account.clone().unwrap_or_default();
        table.row([
            preset.id.as_str().into(),
            preset.title.as_str().into(),
            account.server.as_str().into(),
            account.effective_port.to_string().into(),
            words::word::<Security>(account.security).into(),
            sign_in(preset, texts).into(),
            preset.domains.join(", ").into(),
        ]);
    }
    context.out.table(&table)
}

fn sign_in(preset: &Preset, texts: &Texts) -> String {
    let password = password_word(preset.password, preset.app_password, texts);
    match (preset.oauth_profile.is_empty(), preset.password) {
        (true, _) => password.to_owned(),
        (false, true) => format!("OAuth 2.0, {password}"),
        (false, false) => "OAuth 2.0".to_owned(),
    }
}

/// What kind of password signs in.
pub(super) fn password_word(password: bool, app: bool, texts: &Texts) -> &'static str {
    match (password, app) {
        (false, _) => texts.accounts.nobody,
        (true, true) => texts.accounts.app_password,
        (true, false) => texts.accounts.own_password,
    }
}
