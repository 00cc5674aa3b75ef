//! `account discover ADDRESS`

use faxpost_proto::v1::{Account, DiscoverAccountRequest, Proposal, Security, Trust};

use super::presets::password_word;
use crate::{
    commands::{Context, request},
    error::Error,
    exit::Exit,
    lang::Texts,
    output::{
        escape::{escape, one_line},
        table::{Fit, Table},
    },
    settings::KEYS,
    words,
};

pub(super) async fn run(address: String, context: &mut Context) -> Result<(), Error> {
    let call = DiscoverAccountRequest { address: address.clone() };
    let answer = context.accounts().await?.discover_account(request(call)).await?.into_inner();
    let found = !answer.proposals.is_empty();
    if context.out.is_json() {
        context.out.json(&answer)?;
        return if found { Ok(()) } else { Err(Error::Told(Exit::Other)) };
    }
    let texts = context.texts;
    let Some(first) = answer.proposals.first() else {
        for source in &answer.sources {
            let (name, text) = (texts.said(&source.name), texts.said(&source.text));
            indented(&format!("{}: {}", one_line(&name), one_line(&text)), context)?;
        }
        context.out.error(&escape(&(texts.accounts.nothing_found)(&address)));
        return Err(Error::Told(Exit::Other));
    };
    let mut table = Table::new([
        (texts.server, Fit::Whole),
        (texts.accounts.port, Fit::Whole),
        (texts.security, Fit::Whole),
        (texts.login, Fit::Shorten),
        (texts.accounts.sign_in, Fit::ShortenOrDrop),
        (texts.accounts.trust_label, Fit::Shorten),
        (texts.accounts.source, Fit::ShortenOrDrop),
    ]);
    for proposal in &answer.proposals {
        let account = proposal.account.clone().unwrap_or_default();
        table.row([
            account.server.as_str().into(),
            account.effective_port.to_string().into(),
            words::word::<Security>(account.security).into(),
            account.login.as_str().into(),
            sign_in(proposal, &account, texts).into(),
            (texts.accounts.trust)(proposal.trust()).into(),
            texts.said(&proposal.source).into(),
        ]);
    }
    context.out.table(&table)?;
    for note in &first.notes {
        indented(&one_line(&texts.said(note)), context)?;
    }
    let mut account = first.account.clone().unwrap_or_default();
    context.out.line(&(texts.accounts.take_it)(&command(first, &account)))?;
    // The provider has both ways.
    if !account.oauth && !account.oauth_profile.is_empty() {
        account.oauth = true;
        context.out.line(&(texts.accounts.or_oauth)(&command(first, &account)))?;
    }
    if account.oauth {
        context.out.line(&(texts.accounts.sign_in_after)("faxpost signin"))?;
    }
    if first.trust() == Trust::Unconfirmed {
        context.out.warning(&(texts.accounts.unconfirmed)(&one_line(&account.server)))?;
    }
    Ok(())
}

fn sign_in(proposal: &Proposal, account: &Account, texts: &Texts) -> String {
    let password = password_word(proposal.password, proposal.app_password, texts);
    match (account.oauth, account.oauth_profile.is_empty()) {
        (true, _) => "OAuth 2.0".to_owned(),
        (false, false) => format!("OAuth 2.0, {password}"),
        (false, true) => password.to_owned(),
    }
}

/// What is said beside the table.
fn indented(text: &str, context: &mut Context) -> Result<(), Error> {
    let lines: Vec<_> = context.out.wrapped(text, 2).into_iter().map(str::to_owned).collect();
    lines.iter().try_for_each(|line| context.out.line(&format!("  {line}")))
}

/// What a person can copy: the settings that are not empty, and how the secret comes in.
fn command(proposal: &Proposal, account: &Account) -> String {
    let mut command = "faxpost account set".to_owned();
    let fields = proposal.update_mask.clone().unwrap_or_default().paths;
    for key in KEYS.iter().filter(|key| fields.iter().any(|field| field == key.field) || key.name == "oauth")
    {
        let value = (key.show)(account);
        // A profile is of no use beside a password.
        if (key.name == "oauth-profile" || key.name == "oauth") && !account.oauth {
            continue;
        }
        if !value.is_empty() {
            command.push_str(&format!(" {}", quoted(&format!("{}={value}", key.name))));
        }
    }
    if account.oauth {
        command.push_str(" oauth-client-id=ID");
    } else if account.authentication {
        command.push_str(" --ask-password");
    }
    one_line(&command)
}

/// Whole for a shell, whatever strangers wrote.
fn quoted(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if word.chars().all(harmless) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a11_what_strangers_wrote_is_one_word_for_a_shell() {
        assert_eq!(quoted("login=a@b.example"), "login=a@b.example");
        assert_eq!(quoted("login=$(id) a'b"), r"'login=$(id) a'\''b'");
    }
}
