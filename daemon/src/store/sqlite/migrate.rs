//! Opening a database: is it ours, is it whole, is it of this version? If not, it stays as it is.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{OpenError, configure};
use crate::service::private_file;

/// "FXPT": tells Faxpost's databases from others (PRAGMA application_id).
const APPLICATION_ID: i64 = 0x4658_5054;

/// Schema steps; PRAGMA user_version counts those that were taken.
const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

/// Up to this size the whole file is checked at each start: a few milliseconds. Damage in a larger one shows when the
/// damaged page is read.
const CHECKED_BYTES: u64 = 16 * 1024 * 1024;

pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size > 0 {
        examine(path, size)?;
    } else {
        // SQLite gives its other files the rights of this one. If it fails, opening says why.
        let _ = private_file(path);
    }
    let mut connection = Connection::open(path).map_err(|error| judge(path, &error))?;
    if size == 0 {
        // Can only be chosen before the file has its first page: lets retention give space back, bit by bit.
        let chosen = connection.pragma_update(None, "auto_vacuum", "incremental");
        chosen.map_err(|error| judge(path, &error))?;
    }
    configure(&connection).map_err(|error| judge(path, &error))?;
    migrate(&mut connection).map_err(|error| judge(path, &error))?;
    Ok(connection)
}

/// Looks without writing a byte.
fn examine(path: &Path, size: u64) -> Result<(), OpenError> {
    let judge = |error: &rusqlite::Error| judge(path, error);
    // Not read-only: a WAL left by a crash must be read, too, and that needs its shared-memory file.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| judge(&error))?;
    // What a crash left in the WAL stays there: it is not ours to move before we know whose it is.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(|error| judge(&error))?;
    let number =
        |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| judge(&error));

    let id = number("PRAGMA application_id")?;
    if id == 0 && number("PRAGMA user_version")? == 0 && number("SELECT count(*) FROM sqlite_master")? == 0 {
        // Ours that was being made when a crash came, or nobody's: there is nothing in it.
        return Ok(());
    }
    if id != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let (found, known) = (number("PRAGMA user_version")?, STEPS.len() as i64);
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    if size <= CHECKED_BYTES {
        let why: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| judge(&error))?;
        if why != "ok" {
            return Err(OpenError::Corrupt { path: path.to_owned(), why });
        }
    }
    Ok(())
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let taken: usize = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if taken == STEPS.len() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in STEPS.iter().skip(taken) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", STEPS.len() as i64)?;
    transaction.commit()
}

fn judge(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, why) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Corrupt { path, why },
        _ => OpenError::Unusable { path, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_database_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faxpost.db");
        drop(open(&path).unwrap());
        drop(open(&path).unwrap());
    }

    #[test]
    fn a12_a_database_of_version_1_keeps_its_history() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faxpost.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(STEPS[0]).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute_batch(
            "INSERT INTO account_revision (account, at, caller_id, caller_name, fields, settings)
             VALUES ('default', 5, 'uid:0', 'root', '[\"port\",\"password\"]', '{\"port\":26}')",
        )
        .unwrap();
        drop(old);
        let connection = open(&path).unwrap();
        let version: usize = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, STEPS.len());
        let row = connection.query_row("SELECT at, fields, note FROM account_revision", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        });
        assert_eq!(row.unwrap(), (5, "[\"port\",\"password\"]".to_owned(), "{}".to_owned()));
    }

    #[test]
    fn e3_a_fresh_database_can_give_space_back() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join("faxpost.db")).unwrap();
        let mode: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, 2, "incremental");
    }

    #[test]
    fn a_database_that_was_being_made_when_a_crash_came_is_made_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faxpost.db");
        let begun = Connection::open(&path).unwrap();
        begun.pragma_update(None, "auto_vacuum", "incremental").unwrap();
        configure(&begun).unwrap();
        drop(begun);
        assert!(std::fs::metadata(&path).unwrap().len() > 0);
        let connection = open(&path).unwrap();
        let version: usize = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, STEPS.len());
    }

    #[test]
    fn garbage_is_reported_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faxpost.db");
        let garbage = b"this is no database, but somebody's only copy of something".repeat(100);
        std::fs::write(&path, &garbage).unwrap();
        assert!(matches!(open(&path), Err(OpenError::Corrupt { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), garbage);
    }

    #[test]
    fn a_damaged_page_is_reported_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faxpost.db");
        let connection = open(&path).unwrap();
        connection.pragma_update(None, "wal_checkpoint", "truncate").ok();
        drop(connection);
        let mut bytes = std::fs::read(&path).unwrap();
        for byte in &mut bytes[4096..8192] {
            *byte = 0xAA;
        }
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(open(&path), Err(OpenError::Corrupt { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn another_programs_database_is_reported_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faxpost.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(open(&path), Err(OpenError::Foreign { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faxpost.db");
        open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    }
}
