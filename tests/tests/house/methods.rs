//! The table of methods in the READMEs, held against the matrix that the daemon decides by.

use std::fs;

use faxpostd::accounts::{Capability, Method, Security, capabilities};

use crate::root;

/// What a row of the table says, and how the matrix says it.
type Row = (&'static str, &'static str, fn(&Capability) -> bool);

const ROWS: [Row; 12] = [
    ("without TLS", "без TLS", |row| row.securities.contains(&Security::None)),
    ("implicit TLS", "неявный TLS", |row| row.securities.contains(&Security::Implicit)),
    ("STARTTLS", "STARTTLS", |row| row.securities.contains(&Security::Starttls)),
    ("tls-check other than system", "tls-check, кроме system", |row| row.tls_check),
    ("sign-in with a password", "вход по паролю", |row| row.authentication),
    ("mechanism", "mechanism", |row| row.mechanism),
    ("OAuth 2.0", "OAuth 2.0", |row| row.oauth),
    ("ehlo-name", "ehlo-name", |row| row.ehlo_name),
    ("proxy", "proxy", |row| row.proxy),
    ("envelope-sender", "envelope-sender", |row| row.envelope_sender),
    ("sign", "sign", |row| row.signing),
    ("transcript", "протокол сеанса", |row| row.transcript),
];

/// What is about a connection, and not asked of a method that makes none.
const OF_A_CONNECTION: usize = 9;

#[test]
fn a7_the_tables_of_methods_say_what_the_matrix_says() {
    for (file, yes, no, russian) in [("README.md", "yes", "no", false), ("README.ru.md", "да", "нет", true)]
    {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let table: Vec<Vec<&str>> = text
            .lines()
            .skip_while(|line| !line.starts_with("| | secure-smtp-client |"))
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        let methods = &table.first().unwrap_or_else(|| panic!("{file} has no table of methods"))[1..];
        assert_eq!(methods, Method::ALL.map(Method::as_str), "{file}: every method has a column");
        for (number, (english, other, can)) in ROWS.iter().enumerate() {
            let name = if russian { other } else { english };
            let row =
                table.iter().find(|row| row[0] == *name).unwrap_or_else(|| panic!("{file}: no row {name}"));
            for (method, said) in methods.iter().zip(&row[1..]) {
                let capability = capabilities().iter().find(|row| row.method.as_str() == *method).unwrap();
                let asked = number >= OF_A_CONNECTION || !capability.securities.is_empty();
                let expected = match (asked, can(capability)) {
                    (false, _) => "",
                    (true, true) => yes,
                    (true, false) => no,
                };
                assert_eq!(*said, expected, "{file}: {method}, {name}");
            }
        }
        // What ROWS does not know is where a method can be had.
        assert_eq!(table.len(), 2 + ROWS.len() + 1, "{file}: a row that nothing holds");
    }
}
