//! Moving everything between the state folder and a database: nothing is lost or doubled, whenever it is interrupted, and no
//! daemon works on what is not whole, or not what counts any more.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use faxpost_proto::v1;
use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{Database, delivered, eventually, mail, send};

/// `faxpostd migrate --to` or `--from`, ready to be started.
fn migration(state: &Path, way: &str, url: &str) -> Command {
    let mut command = Command::new(bins::path("faxpostd"));
    command.args(["--lang", "en", "migrate", way, url, "--state-dir"]).arg(state);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn migrate(state: &Path, way: &str, url: &str) -> (bool, String) {
    let mut command = migration(state, way, url);
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = ended;
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (status.success(), said)
}

async fn migrated(state: &Path, way: &str, url: &str) -> String {
    let (done, said) = migrate(state, way, url).await;
    assert!(done, "{said}");
    said
}

/// What it says instead of moving anything.
pub(crate) async fn refused(state: &Path, way: &str, url: &str) -> String {
    let (done, said) = migrate(state, way, url).await;
    assert!(!done, "{said}");
    said
}

/// Changes the embedded database behind everybody's back.
fn embedded(state: &Path, sql: &str) {
    rusqlite::Connection::open(state.join("faxpost.db")).unwrap().execute_batch(sql).unwrap();
}

fn embedded_number(state: &Path, sql: &str) -> i64 {
    let database = rusqlite::Connection::open(state.join("faxpost.db")).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn on_server(url: &str) -> String {
    format!("[store]\nurl = \"{url}\"")
}

/// Has a message accepted that waits until it is tried by hand; gives its id.
async fn wait_with(daemon: &TestDaemon, subject: &str, size: usize) -> String {
    let tomorrow = std::time::SystemTime::now() + Duration::from_secs(24 * 3600);
    let request = v1::SendMailRequest {
        text: "0123456789 abcdefghij\n".repeat(size / 22 + 1),
        send_time: Some(tomorrow.into()),
        ..mail(subject, "")
    };
    daemon.mail().await.send_mail(request).await.unwrap().into_inner().id
}

async fn try_now(daemon: &TestDaemon, id: &str) {
    let request = v1::RetryMessageRequest { id: id.to_owned() };
    daemon.mail().await.retry_message(request).await.unwrap();
}

/// The daemon does not come up; gives the last of what it said.
async fn does_not_start(daemon: &mut TestDaemon) -> String {
    let before = daemon.stderr().len();
    daemon.start_or_end().await.expect_err("it does not serve");
    daemon.stderr()[before..].to_owned()
}

/// A daemon that has done some work on the embedded store, and is stopped.
async fn worked() -> TestDaemon {
    let mut daemon = TestDaemon::start().await;
    send(&daemon, "first").await;
    eventually("it is delivered", async || delivered(&daemon) == ["first"]).await;
    daemon.kill();
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_everything_goes_to_the_server_and_back() {
    let database = Database::new("moved").await;
    let mut daemon = TestDaemon::start().await;
    send(&daemon, "first").await;
    eventually("it is delivered", async || delivered(&daemon) == ["first"]).await;
    let account = v1::Account {
        id: "default".into(),
        password: "hunter2".to_owned(),
        server: "mail.example.test".to_owned(),
        login: "fax".to_owned(),
        authentication: true,
        ..Default::default()
    };
    daemon.set(account, &["server", "authentication", "login", "password"]).await.unwrap();
    let small = wait_with(&daemon, "small", 10).await;
    let large = wait_with(&daemon, "large", 900_000).await;
    let shown = async |daemon: &TestDaemon| {
        let request = v1::GetAccountRequest { id: "default".to_owned() };
        let account = daemon.accounts().await.get_account(request).await.unwrap().into_inner().account;
        let mail = daemon.mail().await.list_messages(v1::ListMessagesRequest::default()).await.unwrap();
        let log = daemon.log().await.list_entries(v1::ListEntriesRequest::default()).await.unwrap();
        let request = v1::ListRevisionsRequest { account: "default".into(), ..Default::default() };
        let revisions = daemon.accounts().await.list_revisions(request).await.unwrap();
        assert!(account.as_ref().unwrap().has_password);
        format!("{account:?} {:?} {:?} {:?}", mail.into_inner(), log.into_inner(), revisions.into_inner())
    };
    let before = shown(&daemon).await;
    let state = daemon.state_dir();

    let said = refused(&state, "--to", &database.url).await;
    assert!(said.contains("is in use by faxpostd, process"), "{said}");
    daemon.kill();
    // A row that is gone has had its number.
    embedded(&state, "UPDATE sqlite_sequence SET seq = 7000 WHERE name = 'audit'");
    let said = migrated(&state, "--to", &database.url).await;
    assert!(
        said.contains("Everything was moved and compared") && said.contains("large messages that wait: 1"),
        "{said}"
    );
    assert!(migrated(&state, "--to", &database.url).await.contains("It was moved before; nothing was done"));

    let said = does_not_start(&mut daemon).await;
    assert!(said.contains("were moved from SQLite in the state folder to PostgreSQL in /"), "{said}");
    assert!(said.contains("--reclaim"), "{said}");
    daemon.change(&[], &on_server(&database.url));
    daemon.start_again().await;
    assert_eq!(shown(&daemon).await, before);
    let alarms = crate::kit::status(&daemon).await.unwrap().alarms;
    assert!(!format!("{alarms:?}").contains("PASSWORD_UNUSABLE"), "{alarms:?}");
    assert!(database.sql("SELECT nextval('faxpost.audit_id_seq')").await.parse::<i64>().unwrap() > 7000);
    try_now(&daemon, &small).await;
    eventually("it goes out from there", async || delivered(&daemon) == ["first", "small"]).await;
    let later = send(&daemon, "third").await;
    eventually("so does new mail", async || delivered(&daemon).len() == 3).await;

    let said = refused(&state, "--from", &database.url).await;
    assert!(said.contains("is in use by faxpostd, process"), "{said}");
    let before = shown(&daemon).await;
    assert!(before.contains(&later));
    daemon.kill();
    let said = refused(&state, "--from", &database.url).await;
    assert!(said.contains("holds accounts or mail already"), "{said}");
    for name in ["faxpost.db", "faxpost.db-wal", "faxpost.db-shm"] {
        let _ = std::fs::remove_file(state.join(name));
    }
    // As on another machine of the fleet.
    std::fs::remove_dir_all(state.join("spool")).unwrap();
    let said = migrated(&state, "--from", &database.url).await;
    assert!(said.contains("Take url"), "{said}");
    let said = does_not_start(&mut daemon).await;
    assert!(
        said.contains("were moved from PostgreSQL in /")
            && said.contains("to SQLite in the state folder of "),
        "{said}"
    );
    daemon.change(&[], "");
    daemon.start_again().await;
    assert_eq!(shown(&daemon).await, before);
    assert!(embedded_number(&state, "SELECT seq FROM sqlite_sequence WHERE name = 'audit'") > 7000);
    try_now(&daemon, &large).await;
    eventually("the large one goes out", async || delivered(&daemon).contains(&"large".to_owned())).await;
    let files = std::fs::read_dir(daemon.pickup_dir()).unwrap().flatten();
    assert!(files.map(|file| file.metadata().unwrap().len()).any(|size| size > 900_000), "and is whole");
    assert_eq!(delivered(&daemon), ["first", "large", "small", "third"], "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_killed_at_any_point_it_goes_on_and_loses_and_doubles_nothing() {
    let database = Database::new("moved_killed").await;
    let mut daemon = worked().await;
    daemon.start_again().await;
    let mut large = Vec::new();
    for number in 0..9 {
        large.push(wait_with(&daemon, &format!("large {number}"), 900_000).await);
    }
    daemon.kill();
    let state = daemon.state_dir();
    embedded(
        &state,
        "INSERT INTO entry (at, kind, outcome, caller_id, caller_name, account, answer)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         SELECT i, 1, 1, 'uid:1', 'somebody', 'default', 'answer ' || i FROM n",
    );
    let (there_and_back, mut killed) = ([("--to", 20_001), ("--from", 20_001)], [0, 0]);
    for (turn, (way, least)) in there_and_back.into_iter().enumerate() {
        if way == "--from" {
            for name in ["faxpost.db", "faxpost.db-wal", "faxpost.db-shm"] {
                let _ = std::fs::remove_file(state.join(name));
            }
        }
        for pause in (1..).map(|try_| try_ * 60) {
            let mut child = migration(&state, way, &database.url).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(pause)).await;
            child.kill().unwrap();
            let output =
                tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
            if output.status.success() {
                break;
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code().is_none(), "only our signal ends it: {said}");
            killed[turn] += usize::from(said.contains("moving everything"));
        }
        let rows = match way {
            "--to" => database.sql("SELECT count(*) FROM faxpost.entry").await.parse().unwrap(),
            _ => embedded_number(&state, "SELECT count(*) FROM entry"),
        };
        assert!(rows >= least, "{rows}");
    }
    assert!(killed.iter().all(|&times| times > 1), "{killed:?}");
    daemon.start_again().await;
    for id in &large {
        try_now(&daemon, id).await;
    }
    let all: Vec<_> =
        ["first".to_owned()].into_iter().chain((0..9).map(|number| format!("large {number}"))).collect();
    eventually("the large ones go out", async || delivered(&daemon) == all).await;
    let files = std::fs::read_dir(daemon.pickup_dir()).unwrap().flatten();
    assert_eq!(files.filter(|file| file.metadata().unwrap().len() > 900_000).count(), 9, "and are whole");
    let sum =
        "SELECT count(*) FROM entry WHERE answer LIKE 'answer %' AND at = CAST(substr(answer, 8) AS INTEGER)";
    assert_eq!(embedded_number(&state, sum), 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_until_its_end_the_source_counts_and_what_is_done_there_counts_too() {
    let database = Database::new("moved_half").await;
    let mut daemon = worked().await;
    let state = daemon.state_dir();
    migrated(&state, "--to", &database.url).await;
    // As a crash before its end leaves it.
    embedded(&state, "UPDATE migration SET role = 'leaving'");
    database.sql("UPDATE faxpost.migration SET role = 'arriving'; DELETE FROM faxpost.audit").await;

    daemon.change(&[], &on_server(&database.url));
    let said = does_not_start(&mut daemon).await;
    assert!(
        said.contains("holds only a part of what `faxpostd migrate` was moving there from SQLite"),
        "{said}"
    );
    let said = does_not_start_with(&mut daemon, &["--reclaim"], &on_server(&database.url)).await;
    assert!(said.contains("holds only a part"), "nor by force: {said}");
    // Nor may it be moved on as if it were whole.
    let said = refused(&state, "--from", &database.url).await;
    assert!(said.contains("holds only a part"), "{said}");

    daemon.change(&[], "");
    daemon.start_again().await;
    send(&daemon, "second").await;
    eventually("it is delivered", async || delivered(&daemon) == ["first", "second"]).await;
    daemon.kill();
    let said = migrated(&state, "--to", &database.url).await;
    assert!(said.contains("beginning anew"), "{said}");
    let both = "SELECT string_agg(subject, ',' ORDER BY seq) FROM faxpost.message";
    assert_eq!(database.sql(both).await, "first,second");

    // Between the two marks, nobody works on either, and the command ends it.
    database.sql("UPDATE faxpost.migration SET role = 'arriving'").await;
    assert!(does_not_start(&mut daemon).await.contains("were moved from"));
    daemon.change(&[], &on_server(&database.url));
    assert!(does_not_start(&mut daemon).await.contains("holds only a part"));
    migrated(&state, "--to", &database.url).await;
    daemon.start_again().await;
    daemon.kill();

    // By force the old one is used again, and then for good; the other is left alone.
    daemon.change(&["--reclaim"], "");
    daemon.start_again().await;
    daemon.kill();
    daemon.change(&[], "");
    daemon.start_again().await;
    daemon.kill();
    let said = refused(&state, "--to", &database.url).await;
    assert!(said.contains("holds accounts or mail already"), "{said}");
}

async fn does_not_start_with(daemon: &mut TestDaemon, arguments: &[&str], settings: &str) -> String {
    daemon.change(arguments, settings);
    does_not_start(daemon).await
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_difference_is_found_and_then_it_begins_anew() {
    let database = Database::new("moved_differs").await;
    let mut daemon = worked().await;
    daemon.start_again().await;
    wait_with(&daemon, "large", 600_000).await;
    daemon.kill();
    let state = daemon.state_dir();
    migrated(&state, "--to", &database.url).await;
    let spoilt = [
        ("entry", "UPDATE faxpost.entry SET answer = answer || ' '"),
        ("recipient", "DELETE FROM faxpost.recipient WHERE message = 1"),
        ("a body", "UPDATE faxpost.body_piece SET content = set_byte(content, 5, 0) WHERE position = 1"),
        ("a body", "DELETE FROM faxpost.body_piece WHERE position = 1"),
        ("account", "UPDATE faxpost.account SET settings = '{}'"),
    ];
    for (what, spoil) in spoilt {
        embedded(&state, "UPDATE migration SET role = 'leaving'");
        database.sql("UPDATE faxpost.migration SET role = 'arriving'").await;
        database.sql(spoil).await;
        let said = refused(&state, "--to", &database.url).await;
        assert!(
            said.contains(&format!("{what} of PostgreSQL in /")) && said.contains("is not what was copied"),
            "{said}"
        );
        let said = migrated(&state, "--to", &database.url).await;
        assert!(said.contains("beginning anew"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_what_is_no_empty_target_or_no_source_is_left_as_it_is() {
    let database = Database::new("moved_used").await;
    let fresh = tempfile::tempdir().unwrap();
    let said = refused(fresh.path(), "--to", &database.url).await;
    assert!(said.contains("there is no faxpost.db in"), "{said}");
    let nothing = Database::new("moved_nothing").await;
    let said = refused(&fresh.path().join("state"), "--from", &nothing.url).await;
    assert!(said.contains("holds nothing that could be moved"), "{said}");

    let daemon = worked().await;
    let mut other = database.daemon().start().await;
    let (joined, said) = database.join(&daemon, &database.invite(&other).await).await;
    assert!(joined, "{said}");
    let said = refused(&daemon.state_dir(), "--to", &database.url).await;
    assert!(said.contains("a daemon works on ") && said.contains("stop all of them"), "{said}");
    other.kill();
    let said = refused(&daemon.state_dir(), "--to", &database.url).await;
    assert!(said.contains("holds accounts or mail already, which are left as they are"), "{said}");
    other.start_again().await;
    other.kill();

    // What another machine was moving there is that one's.
    let theirs = Database::new("moved_theirs").await;
    let first = worked().await;
    migrated(&first.state_dir(), "--to", &theirs.url).await;
    theirs.sql("UPDATE faxpost.migration SET role = 'arriving'").await;
    // Another machine of the fleet.
    let second = worked().await;
    std::fs::copy(first.state_dir().join("fleet.key"), second.state_dir().join("fleet.key")).unwrap();
    std::fs::copy(first.state_dir().join("secret.key"), second.state_dir().join("secret.key")).unwrap();
    let said = refused(&second.state_dir(), "--to", &theirs.url).await;
    assert!(said.contains("holds a part of what another migration was moving there from SQLite"), "{said}");
    assert_eq!(theirs.sql("SELECT role FROM faxpost.migration").await, "arriving");

    let said = refused(&daemon.state_dir(), "--to", "postgres://fax:hunter2@localhost/mail").await;
    assert!(said.contains("password-file") && !said.contains("hunter2"), "{said}");
    let neither = Command::new(bins::path("faxpostd")).arg("migrate").stdin(Stdio::null()).output().unwrap();
    assert_eq!(neither.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_mail_whose_body_was_lost_before_is_told_and_keeps_nothing_from_moving() {
    let database = Database::new("moved_lost").await;
    let mut daemon = worked().await;
    daemon.start_again().await;
    wait_with(&daemon, "large", 600_000).await;
    daemon.kill();
    let state = daemon.state_dir();
    std::fs::remove_dir_all(state.join("spool")).unwrap();
    let said = migrated(&state, "--to", &database.url).await;
    assert!(said.contains("Without their body, because it was lost before: 1 waiting message"), "{said}");
}

/// What tables.rs is held against is the embedded schema: this one has the same.
#[tokio::test(flavor = "multi_thread")]
async fn j2_both_schemas_have_the_same_tables_and_columns() {
    let database = Database::new("moved_schema").await;
    drop(database.daemon().start().await);
    let daemon = worked().await;
    let theirs = database
        .sql(
            "SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name COLLATE \"C\", column_name COLLATE \"C\")
             FROM information_schema.columns
             WHERE table_schema = 'faxpost' AND table_name NOT IN ('node', 'schema_step', 'body_piece', 'fleet', 'invitation')
               -- Of several daemons, whose it is.
               AND (table_name, column_name) NOT IN (('message', 'node'), ('request', 'machine'))",
        )
        .await;
    let ours = rusqlite::Connection::open(daemon.state_dir().join("faxpost.db")).unwrap();
    let ours: String = ours
        .query_row(
            "SELECT group_concat(name, ' ') FROM (
               SELECT m.name || '.' || p.name AS name FROM sqlite_master m, pragma_table_info(m.name) p
               WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.name)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(theirs, ours);
}
