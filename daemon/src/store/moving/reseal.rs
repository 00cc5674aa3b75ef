//! Secrets on their way: a sealed value opens with the key of the store it comes from, and has to open with that of the store it
//! goes to. What it is bound to stays the same.

use sha2::{Digest as _, Sha256};

use super::cell::Cell;
use super::tables::Table;
use crate::accounts::oauth::{client_secret_binding, token_binding};
use crate::accounts::{Account, AccountId, binding, earlier_binding};
use crate::oauth::{access_binding, refresh_binding};
use crate::secrets::{Secret, Vault};
use crate::store::sql::{Connection, Value, params};
use crate::store::{StoreError, requests};

/// The keys of both stores, where they differ.
#[derive(Debug)]
pub struct Keys {
    /// Of the source.
    pub from: Vault,
    /// Of the target.
    pub to: Vault,
}

/// Seals anew what this row of the target, just written, has from the source. What does not open there, stays as it is: it would
/// not have opened there either.
pub(super) fn reseal(
    c: &Connection<'_>,
    keys: &Keys,
    table: &Table,
    line: &[Cell],
) -> Result<(), StoreError> {
    for &column in table.sealed {
        let Some(sealed) = sealed(table, column, line) else { continue };
        let Some((bound_to, secret)) = opened(c, &keys.from, table, column, line, sealed)? else {
            tracing::warn!(
                table = table.name,
                column,
                "a sealed secret cannot be opened, and goes over as it is"
            );
            continue;
        };
        let anew = keys.to.seal(&secret, &bound_to);
        // The keys of all these tables are one column.
        let sql = format!("UPDATE {} SET {column} = ?2 WHERE {} = ?1", table.name, table.key_list());
        c.execute(&sql, &[line[0].value(), Value::Blob(&anew)])?;
    }
    Ok(())
}

/// Adds a row to a digest, which is the same on both sides: of what is sealed, what it is.
pub(super) fn hash(
    c: &Connection<'_>,
    vault: &Vault,
    table: &Table,
    line: &[Cell],
    hash: &mut Sha256,
) -> Result<(), StoreError> {
    for (cell, &(column, _)) in line.iter().zip(table.columns) {
        let is_sealed = table.sealed.contains(&column);
        match sealed(table, column, line).filter(|_| is_sealed) {
            None => cell.hash(hash),
            Some(sealed) => match opened(c, vault, table, column, line, sealed)? {
                // Bytes that could not be sealed ones: those begin with the number of their format.
                Some((bound_to, secret)) => {
                    hash.update([255]);
                    hash.update((bound_to.len() as u64).to_be_bytes());
                    hash.update(bound_to);
                    hash.update((secret.expose().len() as u64).to_be_bytes());
                    hash.update(secret.expose());
                }
                None => cell.hash(hash),
            },
        }
    }
    Ok(())
}

fn sealed<'a>(table: &Table, column: &str, line: &'a [Cell]) -> Option<&'a [u8]> {
    match line.get(table.place_of(column)?)? {
        Cell::Blob(sealed) => Some(sealed),
        _ => None,
    }
}

/// The secret, and what it is bound to.
fn opened(
    c: &Connection<'_>,
    vault: &Vault,
    table: &Table,
    column: &str,
    line: &[Cell],
    sealed: &[u8],
) -> Result<Option<(Vec<u8>, Secret)>, StoreError> {
    let possible = bindings(c, table, column, line)?.into_iter();
    Ok(possible
        .filter_map(|bound_to| vault.unseal(sealed, &bound_to).ok().map(|secret| (bound_to, secret)))
        .next())
}

/// What the secret of this column can be bound to.
fn bindings(
    c: &Connection<'_>,
    table: &Table,
    column: &str,
    line: &[Cell],
) -> Result<Vec<Vec<u8>>, StoreError> {
    if let ("request", Some(Cell::Int(number))) = (table.name, line.first()) {
        let request = requests::by_number(c, *number)?;
        return Ok(request.iter().map(crate::approvals::binding).collect());
    }
    let name = if table.name == "account" { "id" } else { "account" };
    let Some(Cell::Text(id)) = table.place_of(name).and_then(|at| line.get(at)) else {
        return Ok(Vec::new());
    };
    let Some((id, account)) = account(c, id)? else { return Ok(Vec::new()) };
    Ok(match column {
        "password" => vec![binding(&id, &account), earlier_binding(&id, &account)],
        "client_secret" => vec![client_secret_binding(&id, &account)],
        "access_token" => vec![access_binding(&token_binding(&id, &account))],
        "refresh_token" => vec![refresh_binding(&token_binding(&id, &account))],
        _ => Vec::new(),
    })
}

/// `None`: it is not there, or its settings cannot be read; then its secrets cannot be, either.
fn account(c: &Connection<'_>, id: &str) -> Result<Option<(AccountId, Account)>, StoreError> {
    let sql = "SELECT settings FROM account WHERE id = ?1";
    let settings = c.optional(sql, params![id], |row| row.get::<String>(0))?;
    let account = settings.and_then(|settings| serde_json::from_str(&settings).ok());
    Ok(AccountId::parse(id).ok().zip(account))
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::super::tables::TABLES;
    use super::*;
    use crate::approvals::{Request, State};
    use crate::store::Store;

    fn vault() -> Vault {
        Vault::open(tempfile::tempdir().unwrap().path()).unwrap()
    }

    /// Every column that is listed as sealed, and one value that nobody can open.
    async fn filled(store: &Store, vault: &Vault) {
        let (id, account) = (AccountId::parse("default").unwrap(), Account::default());
        let settings = serde_json::to_string(&account).unwrap();
        let seal = |text: &str, bound_to: &[u8]| vault.seal(&Secret::new(text.to_owned()), bound_to);
        let tokens = token_binding(&id, &account);
        let request = Request {
            number: 7,
            method: "InstallCertificate".to_owned(),
            caller_id: "uid:1".to_owned(),
            caller_name: "somebody".to_owned(),
            role: "user".to_owned(),
            created_at: 1,
            expires_at: 2,
            summary: "x".to_owned(),
            effects: Vec::new(),
            digest: [7; 32],
            state: State::Pending,
            decider_id: String::new(),
            decider_name: String::new(),
            decided_at: None,
            decision_text: String::new(),
            ended_at: None,
            outcome_reason: String::new(),
            outcome_text: String::new(),
        };
        let password = seal("password", &earlier_binding(&id, &account));
        let client_secret = seal("client secret", &client_secret_binding(&id, &account));
        let (access, refresh) =
            (seal("access", &access_binding(&tokens)), seal("refresh", &refresh_binding(&tokens)));
        let action = seal("action", &crate::approvals::binding(&request));
        let lost = seal("lost", b"something else");
        store
            .write(move |c| {
                let sql = "INSERT INTO account VALUES (?1, 1, ?2, ?3, ?4)";
                c.execute(sql, params!["default", settings, password, client_secret])?;
                c.execute(sql, params!["other", settings, lost, None::<Vec<u8>>])?;
                c.execute(
                    "INSERT INTO oauth_grant (account, flow, requested_scope, scope, caller_id, caller_name, signed_in_at,
                                              access_token, access_at, access_expires_at, refresh_token)
                     VALUES ('default', 1, '', '', '', '', 1, ?1, 1, 1, ?2)",
                    params![access, refresh],
                )?;
                c.execute(
                    "INSERT INTO request (number, method, caller_id, caller_name, role, created_at, expires_at, summary,
                                          effects, digest, action, state)
                     VALUES (7, 'InstallCertificate', 'uid:1', 'somebody', 'user', 1, 2, 'x', '[]', ?1, ?2, 1)",
                    params![[7_u8; 32], action],
                )
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn j2_secrets_open_with_the_key_of_the_store_they_went_to_and_the_digest_knows_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let keys = Keys { from: vault(), to: vault() };
        filled(&store, &keys.from).await;
        let sums = move |c: &Connection<'_>, vault: &Vault| {
            let mut sums = Vec::new();
            for table in &TABLES {
                let mut sum = Sha256::new();
                for line in rows::read(c, table, None)? {
                    hash(c, vault, table, &line, &mut sum)?;
                }
                sums.push(sum.finalize());
            }
            Ok::<_, StoreError>(sums)
        };
        let checked = store.write(move |c| {
            let mut opens = 0;
            let before = sums(c, &keys.from)?;
            assert_ne!(before, sums(c, &keys.to)?, "the digest is of what is opened");
            for table in &TABLES {
                for line in rows::read(c, table, None)? {
                    reseal(c, &keys, table, &line)?;
                }
            }
            assert_eq!(before, sums(c, &keys.to)?);
            assert_ne!(before, sums(c, &keys.from)?);
            for table in &TABLES {
                for line in rows::read(c, table, None)? {
                    for column in table.sealed {
                        let Some(sealed) = sealed(table, column, &line) else { continue };
                        opens += usize::from(opened(c, &keys.to, table, column, &line, sealed)?.is_some());
                    }
                }
            }
            Ok(opens)
        });
        assert_eq!(
            checked.await.unwrap(),
            5,
            "password, client secret, both tokens, action; and not what was lost"
        );
    }
}
