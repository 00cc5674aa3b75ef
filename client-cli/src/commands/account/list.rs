//! `account list`

use faxpost_proto::v1::{ListAccountsRequest, ListAccountsResponse, Method, Security, TlsCheck};

use crate::{
    commands::{Context, request},
    error::Error,
    output::{
        style::Style,
        table::{Cell, Fit, Table},
    },
    words::word,
};

pub(super) async fn run(context: &mut Context) -> Result<(), Error> {
    let mut client = context.accounts().await?;
    let mut all = ListAccountsResponse::default();
    loop {
        let page = ListAccountsRequest { page_size: 100, page_token: all.next_page_token.clone() };
        let page = client.list_accounts(request(page)).await?.into_inner();
        all.accounts.extend(page.accounts);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if context.out.is_json() {
        return context.out.json(&all);
    }
    let table = table(&all, context);
    context.out.table(&table)
}

fn table(all: &ListAccountsResponse, context: &Context) -> Table {
    let texts = context.texts;
    let mut table = Table::new([
        (texts.id, Fit::Whole),
        (texts.method, Fit::Whole),
        (texts.server, Fit::Shorten),
        (texts.security, Fit::WholeOrDrop),
        (texts.tls_check, Fit::Whole),
        (texts.sender, Fit::Shorten),
        (texts.login, Fit::ShortenOrDrop),
    ]);
    for account in &all.accounts {
        let smtp = account.method() != Method::Pickup;
        let server = if smtp && !account.server.is_empty() {
            format!("{}:{}", account.server, account.effective_port)
        } else {
            String::new()
        };
        // These say nothing about the pickup folder.
        let security = if smtp { word::<Security>(account.security) } else { "".into() };
        let check = if smtp { word::<TlsCheck>(account.tls_check) } else { "".into() };
        let (check, style) = match account.tls_check() {
            // A pipe has no colours.
            TlsCheck::AcceptInvalid if smtp => (format!("{check} (!)").into(), Style::Warn),
            _ => (check, Style::Plain),
        };
        let login = match (account.authentication, account.login.as_str()) {
            (false, _) => texts.off,
            (true, "") if account.effective_login.is_empty() => texts.default_value,
            (true, "") => &account.effective_login,
            (true, login) => login,
        };
        let sender =
            if account.sender_email.is_empty() { texts.default_value } else { &account.sender_email };
        table.row([
            Cell::styled(&account.id, Style::Bold),
            word::<Method>(account.method).into(),
            server.into(),
            security.into(),
            Cell::styled(check, style),
            sender.into(),
            login.into(),
        ]);
    }
    table
}
