//! `account methods`: the method matrix, as the daemon decides by it.

use faxpost_proto::v1::{GetCapabilitiesRequest, Method, MethodCapability, Security};

use crate::{
    commands::{Context, request},
    error::Error,
    lang::Texts,
    output::{
        escape::one_line,
        style::Style,
        table::{Cell, Fit, Table},
    },
    words::{Word as _, word},
};

/// Something that methods can do or cannot.
struct Ability {
    /// As it is typed in a setting.
    label: &'static str,
    /// Not asked of a method that makes no connection to a server.
    of_a_connection: bool,
    can: fn(&MethodCapability) -> bool,
}

const ABILITIES: [Ability; 11] = [
    connection("security=none", |row| can_secure(row, Security::None)),
    connection("security=implicit", |row| can_secure(row, Security::Implicit)),
    connection("security=starttls", |row| can_secure(row, Security::Starttls)),
    connection("tls-check", |row| row.tls_check),
    connection("authentication", |row| row.authentication),
    connection("mechanism", |row| row.mechanism),
    connection("oauth", |row| row.oauth),
    connection("ehlo-name", |row| row.ehlo_name),
    connection("proxy", |row| row.proxy),
    Ability { label: "envelope-sender", of_a_connection: false, can: |row| row.envelope_sender },
    Ability { label: "sign", of_a_connection: false, can: |row| row.signing },
];

const fn connection(label: &'static str, can: fn(&MethodCapability) -> bool) -> Ability {
    Ability { label, of_a_connection: true, can }
}

pub(super) async fn run(context: &mut Context) -> Result<(), Error> {
    let call = request(GetCapabilitiesRequest {});
    let answer = context.accounts().await?.get_capabilities(call).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    context.out.table(&table(&answer.methods, context.texts))?;
    for row in answer.methods.iter().filter(|row| !row.available) {
        let method = word::<Method>(row.method);
        let why = context.texts.said(&row.unavailable_text);
        context.out.line(&one_line(&format!("{method}: {why}")))?;
    }
    Ok(())
}

/// A column for each method that this version has a word for.
fn table(rows: &[MethodCapability], texts: &Texts) -> Table {
    let known: Vec<_> = Method::WORDS
        .iter()
        .filter_map(|&(name, method)| Some((name, rows.iter().find(|row| row.method() == method)?)))
        .collect();
    let mut columns = vec![("", Fit::Whole)];
    columns.extend(known.iter().map(|(name, _)| (*name, Fit::Whole)));
    let mut table = Table::new(columns);
    let answer = |yes: bool| if yes { texts.yes.into() } else { Cell::styled(texts.no, Style::Dim) };
    let mut line = |label: &str, cell: &dyn Fn(&MethodCapability) -> Cell| {
        let cells = known.iter().map(|(_, row)| cell(row));
        table.row(std::iter::once(label.into()).chain(cells).collect::<Vec<_>>());
    };
    for ability in ABILITIES {
        line(ability.label, &|row| match ability.of_a_connection && row.securities.is_empty() {
            true => "".into(),
            false => answer((ability.can)(row)),
        });
    }
    line(texts.accounts.transcript, &|row| answer(row.transcript));
    line(texts.accounts.here, &|row| match row.available {
        true => Cell::styled(texts.yes, Style::Good),
        false => Cell::styled(texts.no, Style::Warn),
    });
    table
}

fn can_secure(row: &MethodCapability, security: Security) -> bool {
    row.securities.contains(&security.into())
}
