//! The key of the fleet: who has it, how another machine gets it, and that the database alone opens nothing.

use faxpost_proto::v1;
use faxpost_proto::v1::{Security, TlsCheck};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{Authority, SmtpServer};

use crate::kit::{Database, on, send, status};

const LOGIN: &str = "fax";
const PASSWORD: &str = "hunter2-of-the-fleet";

/// "default" with a password, at a server that wants it.
async fn sign_in_at(daemon: &TestDaemon, port: u16) {
    let given = v1::Account {
        id: "default".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        sender_email: "fax@example.test".to_owned(),
        security: Security::Starttls.into(),
        tls_check: TlsCheck::AcceptInvalid.into(),
        authentication: true,
        login: LOGIN.to_owned(),
        password: PASSWORD.to_owned(),
        ..v1::Account::default()
    };
    let fields = [
        "method",
        "server",
        "port",
        "sender_email",
        "security",
        "tls_check",
        "authentication",
        "login",
        "password",
    ];
    daemon.set(given, &fields).await.unwrap();
}

/// Whether a password is there that the daemon cannot open.
async fn wants_password(daemon: &TestDaemon) -> bool {
    status(daemon).await.unwrap().alarms.iter().any(|alarm| alarm.reason == "PASSWORD_UNUSABLE")
}

/// Starts a daemon that must not come up; gives its last words.
async fn refused(daemon: &mut TestDaemon) -> String {
    daemon.start_or_end().await.expect_err("it does not serve");
    daemon.stderr()
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_machine_that_joined_takes_over_and_opens_the_passwords() {
    let server =
        SmtpServer::builder().starttls(Authority::new().good()).credentials(LOGIN, PASSWORD).start().await;
    let database = Database::new("joins").await;
    let mut first = database.daemon().start().await;
    sign_in_at(&first, server.port()).await;
    send(&first, "by the first").await;
    server.wait_for(1).await;

    let mut second = database.daemon().prepared();
    let said = refused(&mut second).await;
    assert!(said.contains("faxpostd invite") && said.contains("faxpostd join"), "{said}");
    assert!(!second.state_dir().join("fleet.key").exists(), "it makes no key of its own");

    let code = database.invite(&first).await;
    let (joined, said) = database.join(&second, &code).await;
    assert!(joined && said.contains("has the key of the database now"), "{said}");
    second.start_again().await;
    first.kill();
    send(&second, "by the second").await;
    assert_eq!(server.wait_for(2).await.len(), 2, "signed in with the password that the first had sealed");
    assert!(!wants_password(&second).await);

    // Once more is no mistake.
    let (joined, said) = database.join(&second, &code).await;
    assert!(joined && said.contains("already"), "{said}");
    // Whoever joined can invite.
    let mut third = database.joined(&second).await;
    third.start_again().await;
    status(&third).await.unwrap();
    for daemon in [&first, &second, &third] {
        let said = daemon.stderr();
        assert!(!said.contains(code.trim()) && !said.contains(PASSWORD), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_the_database_alone_opens_nothing() {
    let database = Database::new("alone").await;
    let first = database.daemon().start().await;
    sign_in_at(&first, 1).await;
    let code = database.invite(&first).await;
    let all = database
        .sql(
            "SELECT string_agg(query_to_xml('SELECT * FROM faxpost.' || relname, true, false, '')::text, '')
              FROM pg_class WHERE relnamespace = 'faxpost'::regnamespace AND relkind = 'r'",
        )
        .await;
    assert!(all.contains("<key_id>") && all.contains("<sealed>") && all.contains("<password>"), "{all}");
    for secret in [PASSWORD, code.trim(), &code.trim().replace('-', "")] {
        for form in [secret.to_owned(), hex::encode(secret)] {
            assert!(!all.to_lowercase().contains(&form.to_lowercase()), "{form} is in the database");
        }
    }
    // Nor does the state folder of a machine that has not its sealing key.
    let mut thief = database.daemon().prepared();
    faxpostd::service::prepare_state_dir(&thief.state_dir()).unwrap();
    std::fs::copy(first.state_dir().join("fleet.key"), thief.state_dir().join("fleet.key")).unwrap();
    let said = refused(&mut thief).await;
    assert!(said.contains("fleet.key is not usable") && said.contains("another key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_code_is_for_one_machine_and_the_last_one_counts() {
    let database = Database::new("once").await;
    let first = database.daemon().start().await;
    let (second, third) = (database.daemon().prepared(), database.daemon().prepared());
    let old = database.invite(&first).await;
    let code = database.invite(&first).await;
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.invitation").await, "1");
    let (joined, said) = database.join(&second, &old).await;
    assert!(!joined && said.contains("tries left: 4"), "{said}");
    // Two at once with the same: one is first.
    let (one, other) = tokio::join!(database.join(&second, &code), database.join(&third, &code));
    assert_eq!([&one, &other].iter().filter(|(joined, _)| *joined).count(), 1, "{one:?} {other:?}");
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.invitation").await, "0");
    let late = if one.0 { third } else { second };
    let (joined, said) = database.join(&late, &code).await;
    assert!(!joined && said.contains("no invitation that is valid"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_five_wrong_codes_end_an_invitation_and_typing_mistakes_do_not_count() {
    let database = Database::new("wrong").await;
    let first = database.daemon().start().await;
    let second = database.daemon().prepared();
    let code = database.invite(&first).await;
    let mistyped = match code.split_at(1) {
        ("7", rest) => format!("8{rest}"),
        (_, rest) => format!("7{rest}"),
    };
    for (typed, said) in
        [(&*mistyped, "mistyped"), ("", "no code"), ("0123-4567", "no code"), (&"A".repeat(5000), "no code")]
    {
        let (joined, told) = database.join(&second, typed).await;
        assert!(!joined && told.contains(said) && !told.contains(code.trim()), "{told}");
    }
    assert_eq!(database.sql("SELECT wrong FROM faxpost.invitation").await, "0");
    let wrong = faxpostd::secrets::Code::fresh().show().to_string();
    for left in (1..5).rev() {
        let (joined, told) = database.join(&second, &wrong).await;
        assert!(!joined && told.contains(&format!("tries left: {left}")), "{told}");
    }
    let (joined, told) = database.join(&second, &wrong).await;
    assert!(!joined && told.contains("the invitation is gone"), "{told}");
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.invitation").await, "0");
    let (joined, told) = database.join(&second, &code).await;
    assert!(!joined && told.contains("no invitation"), "{told}");
    assert!(!second.state_dir().join("fleet.key").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_an_invitation_ends_by_the_servers_clock_and_is_removed() {
    let database = Database::new("expired").await;
    let mut first = database.daemon().start().await;
    let second = database.daemon().prepared();
    let code = database.invite(&first).await;
    let left = "SELECT expires_at - now() BETWEEN '14 minutes' AND '15 minutes' FROM faxpost.invitation";
    assert_eq!(database.sql(left).await, "t");
    database.sql("UPDATE faxpost.invitation SET expires_at = now()").await;
    let (joined, said) = database.join(&second, &code).await;
    assert!(!joined && said.contains("no invitation that is valid"), "{said}");
    first.kill();
    first.start_again().await;
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.invitation").await, "0", "the daemon tidies up");
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_machine_with_another_databases_key_is_refused_and_its_key_is_kept() {
    let (ours, theirs) = (Database::new("ours").await, Database::new("theirs").await);
    let first = ours.daemon().start().await;
    let mut other = theirs.daemon().start().await;
    other.kill();
    let path = other.state_dir().join("fleet.key");
    let kept = std::fs::read(&path).unwrap();
    let mut moved = on(&ours.url).prepared();
    faxpostd::service::prepare_state_dir(&moved.state_dir()).unwrap();
    for name in ["fleet.key", "secret.key"] {
        std::fs::copy(other.state_dir().join(name), moved.state_dir().join(name)).unwrap();
    }
    let said = refused(&mut moved).await;
    assert!(said.contains("fleet.key is not the key of") && said.contains("faxpostd join"), "{said}");
    let code = ours.invite(&first).await;
    let (joined, said) = ours.join(&moved, &code).await;
    assert!(!joined && said.contains("move the file away"), "{said}");
    assert_eq!(std::fs::read(moved.state_dir().join("fleet.key")).unwrap(), kept);
    std::fs::rename(moved.state_dir().join("fleet.key"), moved.state_dir().join("fleet.key.theirs")).unwrap();
    let (joined, said) = ours.join(&moved, &code).await;
    assert!(joined, "{said}");
    moved.start_again().await;
    status(&moved).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_what_cannot_be_handed_over_is_told() {
    let database = Database::new("handed").await;
    let nobody = database.daemon().prepared();
    for command in ["invite", "join"] {
        let output = database.command(&nobody, command, "").await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("no daemon has worked on this database"), "{said}");
    }
    let first = database.daemon().start().await;
    let code = faxpostd::secrets::Code::fresh().show().to_string();
    let (joined, said) = database.join(&nobody, &code).await;
    assert!(!joined && said.contains("no invitation that is valid"), "{said}");
    let output = database.command(&nobody, "invite", "").await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("does not have: run `faxpostd invite` on a machine"),
        "{said}"
    );
    assert!(output.stdout.is_empty());
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.invitation").await, "0");

    // The key is there before the database knows of it, and only its owner reads it.
    let metadata = std::fs::metadata(first.state_dir().join("fleet.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o600);
    // The embedded store has nothing to hand over.
    let mut command = std::process::Command::new(faxpost_tests::bins::path("faxpostd"));
    command.args(["--lang", "ru", "invite", "--state-dir"]).arg(nobody.state_dir());
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("база PostgreSQL не указана"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_key_that_is_lost_everywhere_is_made_anew_when_an_administrator_says_so() {
    let database = Database::new("lost").await;
    let mut first = database.daemon().start().await;
    sign_in_at(&first, 1).await;
    first.kill();
    std::fs::remove_file(first.state_dir().join("fleet.key")).unwrap();
    let said = refused(&mut first).await;
    assert!(said.contains("faxpostd join"), "{said}");
    database.sql("DELETE FROM faxpost.fleet").await;
    first.start_again().await;
    assert!(wants_password(&first).await);
    let given =
        v1::Account { id: "default".to_owned(), password: PASSWORD.to_owned(), ..v1::Account::default() };
    first.set(given, &["password"]).await.unwrap();
    assert!(!wants_password(&first).await);
}
