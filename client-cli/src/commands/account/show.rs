//! `account show [ID]`

use faxpost_proto::v1::{Account, GetAccountResponse, GetSignInRequest};

use super::{get, warn};
use crate::{
    commands::{Context, request, signin},
    error::Error,
    lang::Texts,
    settings::{KEYS, Key},
    times,
};

pub(super) async fn run(id: String, context: &mut Context) -> Result<(), Error> {
    let account = get(&mut context.accounts().await?, &id).await?;
    if context.out.is_json() {
        return context.out.json(&GetAccountResponse { account: Some(account) });
    }
    show(&account, context)?;
    if account.oauth {
        let call = request(GetSignInRequest { account: id });
        let answer = context.oauth().await?.get_sign_in(call).await?.into_inner();
        let pairs = signin::pairs(&answer.sign_in.unwrap_or_default(), context.texts);
        context.out.line("")?;
        context.out.pairs(&pairs)?;
    }
    warn(&account, context).await
}

/// All settings, with the words of `account set`.
pub(super) fn show(account: &Account, context: &mut Context) -> Result<(), Error> {
    let texts = context.texts;
    let mut pairs = vec![("id", account.id.clone())];
    for key in KEYS {
        pairs.push((key.name, value(key, account, texts)));
        if key.name == "login" {
            let password = if account.has_password { texts.password_set } else { texts.password_unset };
            pairs.push(("password", hidden("has_password", account, texts).unwrap_or(password).to_owned()));
        }
        if key.name == "oauth-client-id" {
            let secret =
                if account.has_oauth_client_secret { texts.password_set } else { texts.password_unset };
            let hidden = hidden("has_oauth_client_secret", account, texts);
            pairs.push(("client-secret", hidden.unwrap_or(secret).to_owned()));
        }
    }
    if account.update_time.is_some() {
        let when = times::local(account.update_time.as_ref());
        pairs.push((texts.changed, (texts.by)(&when, &account.updated_by)));
    }
    pairs.push(("etag", account.etag.clone()));
    context.out.pairs(&pairs)
}

fn value(key: &Key, account: &Account, texts: &Texts) -> String {
    if let Some(hidden) = hidden(key.field, account, texts) {
        return hidden.to_owned();
    }
    match ((key.show)(account), key.name) {
        (shown, "sender-name") if shown == "' '" => texts.blank_name.to_owned(),
        (shown, "tls-check") if shown == "accept-invalid" => format!("{shown} (!)"),
        (shown, name) if shown.is_empty() => texts.unset_of(name, account),
        (shown, _) => shown,
    }
}

fn hidden<'a>(field: &str, account: &Account, texts: &'a Texts) -> Option<&'a str> {
    account.redacted.iter().any(|redacted| redacted == field).then_some(texts.hidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::EN;

    fn shown(name: &str, account: &Account) -> String {
        value(KEYS.iter().find(|key| key.name == name).unwrap(), account, &EN)
    }

    #[test]
    fn a_value_says_whether_it_is_the_default_blank_or_hidden() {
        let account = Account {
            effective_port: 465,
            effective_login: "fax@example.org".into(),
            sender_name: Some(String::new()),
            redacted: vec!["pickup_directory".into()],
            ..Default::default()
        };
        assert_eq!(shown("port", &account), "465 (default)");
        assert_eq!(shown("login", &account), "fax@example.org (default)");
        assert_eq!(shown("server", &account), "(not set)");
        assert_eq!(shown("ehlo-name", &account), "(this host's name)");
        assert_eq!(shown("sender-name", &account), EN.blank_name);
        assert_eq!(shown("pickup-directory", &account), EN.hidden);
        assert_eq!(shown("port", &Account { port: 2525, ..account }), "2525");
    }
}
