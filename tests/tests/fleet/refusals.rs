//! What is refused, with a sentence: databases of others and of later versions, passwords where others can read them, servers
//! that are not who they should be.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::postgres::Postgres;
use faxpost_tests::smtp::Authority;

use crate::kit::{Database, delivered, eventually, on, send, status};

/// Starts a daemon that must not come up; gives its last words.
async fn refused(mut daemon: TestDaemon) -> String {
    daemon.start_or_end().await.expect_err("it does not serve");
    let said = daemon.stderr();
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_newer_or_foreign_schema_is_left_as_it_is() {
    let newer = Database::new("newer").await;
    drop(newer.daemon().start().await);
    newer.sql("INSERT INTO faxpost.schema_step (step, oldest) VALUES (99, 99)").await;
    let said = refused(newer.daemon().prepared()).await;
    assert!(said.contains("was made by a newer Faxpost (schema 3, this one knows 2)"), "{said}");

    let foreign = Database::new("foreign").await;
    foreign.sql("CREATE SCHEMA faxpost; CREATE TABLE faxpost.song (title TEXT)").await;
    let said = refused(foreign.daemon().prepared()).await;
    assert!(said.contains("is of another program; it was left as it is"), "{said}");
    let tables = "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'faxpost'::regnamespace AND relkind = 'r'";
    assert_eq!(foreign.sql(tables).await, "song");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_password_in_the_address_is_refused_and_not_repeated() {
    for url in ["postgres://fax:hunter2@localhost/mail", "postgres://fax@localhost/mail?password=hunter2"] {
        let said = refused(on(url).prepared()).await;
        assert!(said.contains("password-file") && !said.contains("hunter2"), "{said}");
        let settings = format!("[store]\nurl = \"{url}\"");
        let said = refused(TestDaemon::builder().settings(&settings).prepared()).await;
        assert!(said.contains("password-file") && !said.contains("hunter2"), "{said}");
    }
    // Nor is there an argument for it.
    let help =
        Command::new(bins::path("faxpostd")).args(["run", "--help"]).stdin(Stdio::null()).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.contains("--store") && !help.contains("--password"), "{help}");
}

/// A server with TLS and passwords, its authority's certificate and a user's password in files.
struct Guarded {
    server: Postgres,
    folder: tempfile::TempDir,
    port: u16,
}

const PASSWORD: &str = "correct horse";

impl Guarded {
    fn start(authority: &Authority, identity: &faxpost_tests::smtp::Identity) -> Self {
        let mut server = Postgres::start(&["fsync=off"]);
        let (chain, key) = identity.pem();
        let port = server.listen(Some((&chain, &key)));
        server.sql("postgres", &format!("CREATE ROLE faxpost LOGIN PASSWORD '{PASSWORD}'"));
        server.sql("postgres", "CREATE DATABASE mail OWNER faxpost");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let guarded = Self { server, folder, port };
        guarded.password(&format!("{PASSWORD}\n"), 0o600);
        guarded
    }

    fn password(&self, content: &str, mode: u32) {
        let path = self.password_file();
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    fn daemon(&self, host: &str) -> TestDaemon {
        self.with(host, &self.folder.path().join("ca.pem"))
    }

    fn with(&self, host: &str, authority: &Path) -> TestDaemon {
        let settings = format!(
            "[store]\nurl = \"postgres://faxpost@{host}:{}/mail?sslmode=verify-full&sslrootcert={}\"\npassword-file = \"{}\"",
            self.port,
            authority.display(),
            self.password_file().display()
        );
        TestDaemon::builder().settings(&settings).prepared()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_the_password_comes_from_a_file_of_the_daemons_own_and_crosses_tls() {
    let authority = Authority::new();
    let guarded = Guarded::start(&authority, &authority.good());
    let mut daemon = guarded.daemon("localhost");
    daemon.start_again().await;
    send(&daemon, "hello").await;
    eventually("it is delivered", async || delivered(&daemon) == ["hello"]).await;
    let encrypted =
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'faxpost'";
    assert_eq!(guarded.server.sql("mail", encrypted), "t");
    let shown = status(&daemon).await.unwrap().store;
    assert_eq!(shown, format!("PostgreSQL at localhost:{}, database mail, user faxpost", guarded.port));
    let said = daemon.stderr();
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", daemon.id())).unwrap();
    assert!(!said.contains(PASSWORD) && !arguments.contains(PASSWORD), "{said}");
    drop(daemon);

    for mode in [0o640, 0o604, 0o666] {
        guarded.password(PASSWORD, mode);
        let said = refused(guarded.daemon("localhost")).await;
        assert!(said.contains("others have access to it") && said.contains("password"), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
    guarded.password("", 0o600);
    assert!(refused(guarded.daemon("localhost")).await.contains("its first line is empty"));
    guarded.password("wrong", 0o600);
    let said = refused(guarded.daemon("localhost")).await;
    assert!(said.contains("password authentication failed"), "{said}");
    std::fs::remove_file(guarded.password_file()).unwrap();
    let said = refused(guarded.daemon("localhost")).await;
    assert!(said.contains("the database's password in") && said.contains("No such file"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_the_server_must_be_the_one_that_is_named_and_of_the_authority_that_is_trusted() {
    let authority = Authority::new();
    let elsewhere = Guarded::start(&authority, &authority.wrong_name());
    let said = refused(elsewhere.daemon("localhost")).await;
    assert!(said.contains("certificate") && said.contains("localhost"), "{said}");

    let guarded = Guarded::start(&authority, &authority.good());
    let other = guarded.folder.path().join("other.pem");
    std::fs::write(&other, Authority::new().pem()).unwrap();
    let said = refused(guarded.with("localhost", &other)).await;
    assert!(said.contains("certificate"), "{said}");
    // Without an authority named, the system's are asked, which do not know it either.
    let url = format!("postgres://faxpost@localhost:{}/mail", guarded.port);
    let settings =
        format!("[store]\nurl = \"{url}\"\npassword-file = \"{}\"", guarded.password_file().display());
    let said = refused(TestDaemon::builder().settings(&settings).prepared()).await;
    assert!(said.contains("certificate"), "{said}");
    // And a server without TLS does not get the password.
    let mut bare = Postgres::start(&["fsync=off"]);
    let port = bare.listen(None);
    bare.create("mail");
    let settings = format!(
        "[store]\nurl = \"postgres://fax@localhost:{port}/mail\"\npassword-file = \"{}\"",
        guarded.password_file().display()
    );
    let said = refused(TestDaemon::builder().settings(&settings).prepared()).await;
    assert!(said.contains("TLS"), "{said}");
}
