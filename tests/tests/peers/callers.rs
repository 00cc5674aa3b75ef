//! Programs of Debian that pipe to sendmail, as they are (requirement F4), and a client in another language (F5).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::peers::{ALICE, Postfix, Received};
use faxpost_tests::{bins, tiff};
use mail_parser::{Message, MessageParser, MimeHeaders as _};
use tempfile::TempDir;

/// A daemon with an account for Postfix, and a program called sendmail that is Faxpost's.
struct Office {
    postfix: &'static Postfix,
    daemon: TestDaemon,
    folder: TempDir,
}

impl Office {
    async fn open() -> Self {
        let postfix = Postfix::shared();
        let settings = "[sendmail.aliases]\nroot = \"cron@fax.test\"\nfaxmaster = \"master@fax.test\"\n";
        let daemon = TestDaemon::builder().settings(settings);
        let daemon = daemon.env("SSL_CERT_FILE", postfix.ca().display().to_string()).start().await;
        let account = v1::Account {
            id: "default".to_owned(),
            sender_email: ALICE.0.to_owned(),
            method: v1::Method::SecureSmtpClient.into(),
            server: "localhost".to_owned(),
            port: postfix.starttls.into(),
            security: v1::Security::Starttls.into(),
            authentication: true,
            login: ALICE.0.to_owned(),
            password: ALICE.1.to_owned(),
            ..Default::default()
        };
        let fields =
            ["sender_email", "method", "server", "port", "security", "authentication", "login", "password"];
        daemon.set(account, &fields).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        symlink(bins::path("faxpost"), folder.path().join("sendmail")).unwrap();
        Self { postfix, daemon, folder }
    }

    fn sendmail(&self) -> String {
        self.folder.path().join("sendmail").display().to_string()
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs it with this on its standard input, in a home of its own, to its good end.
    fn run(&self, command: &mut Command, input: &str) -> String {
        command.env("HOME", self.folder.path()).env("LC_ALL", "C.UTF-8").current_dir(self.folder.path());
        command.env(faxpost_proto::endpoint::ENDPOINT_VARIABLE, self.daemon.endpoint());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}\n{}", self.daemon.stderr());
        said
    }

    async fn arrived(&self, to: &str) -> Received {
        let mail = self.postfix.wait_for(to, 1).await.unwrap().remove(0);
        assert_eq!(mail.return_path, ALICE.0, "the account's, whatever the program gave");
        assert!(mail.message.is_ascii());
        mail
    }
}

fn read(mail: &Received) -> Message<'_> {
    let parsed = MessageParser::new().parse(&mail.message).unwrap();
    let from: Vec<_> = parsed.from().unwrap().iter().filter_map(|address| address.address()).collect();
    assert_eq!(from, [ALICE.0], "mail is from who signed in");
    parsed
}

/// What `tests/run peers` has put there.
fn brought(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers").join(name);
    assert!(path.exists(), "{} is not there: use tests/run peers", path.display());
    path
}

#[tokio::test]
async fn f4_bsd_mailx_sends_through_it_unchanged() {
    let office = Office::open().await;
    office.file(".mailrc", format!("set sendmail={}\n", office.sendmail()).as_bytes());
    let mut mailx = Command::new("bsd-mailx");
    mailx.args(["-s", "Отчёт", "-c", "copy@fax.test", "-b", "blind@fax.test", "mailx@fax.test"]);
    office.run(&mut mailx, "Всё хорошо.\n.\nafter the dot\n");
    let mail = office.arrived("mailx@fax.test").await;
    let parsed = read(&mail);
    assert_eq!(parsed.subject(), Some("Отчёт"));
    assert!(parsed.body_text(0).unwrap().starts_with("Всё хорошо.\r\n"));
    for copy in ["copy@fax.test", "blind@fax.test"] {
        let copy = office.arrived(copy).await;
        assert!(!String::from_utf8_lossy(&copy.message).contains("blind@"));
    }
}

#[tokio::test]
async fn f4_mutt_sends_an_attachment_through_it_unchanged() {
    let office = Office::open().await;
    let fax = tiff::fax(2, 200);
    let file = office.file("Факс.tif", &fax);
    let settings = format!(
        "set sendmail=\"{} -oem -oi\"\nset from=\"Ann Lee <ann@elsewhere.test>\"\nset use_from=yes\n\
         set use_envelope_from=yes\nset copy=no\nset charset=utf-8\nset use_8bitmime=yes\nset allow_8bit=yes\nset dsn_notify=\"failure,delay\"\n",
        office.sendmail()
    );
    let rc = office.file("muttrc", settings.as_bytes());
    let mut mutt = Command::new("mutt");
    mutt.arg("-n").arg("-F").arg(rc).args(["-s", "Получен факс", "-a"]).arg(file);
    mutt.args(["--", "mutt@fax.test"]);
    office.run(&mut mutt, "Две страницы.\n-- \nAnn\n");
    let mail = office.arrived("mutt@fax.test").await;
    let parsed = read(&mail);
    assert_eq!(parsed.subject(), Some("Получен факс"));
    assert_eq!(parsed.body_text(0).unwrap(), "Две страницы.\r\n-- \r\nAnn\r\n");
    assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("Ann Lee"));
    let reply_to = parsed.reply_to().unwrap().first().unwrap().address();
    assert_eq!(reply_to, Some("ann@elsewhere.test"), "who wrote it is answered to");
    let attached = parsed.attachment(0).unwrap();
    assert_eq!(attached.attachment_name(), Some("Факс.tif"));
    assert!(attached.contents() == fax, "byte for byte");
}

/// As Debian's cron writes it, to the letter.
#[tokio::test]
async fn f4_what_cron_writes_reaches_who_root_stands_for() {
    let office = Office::open().await;
    let mut sendmail = Command::new(office.sendmail());
    sendmail.args(["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"]);
    let message = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@faxhost> /usr/sbin/faxcron\nMIME-Version: 1.0\n\
                   Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\n\n\
                   faxcron: очищено\nFrom here on nothing \n";
    office.run(&mut sendmail, message);
    let mail = office.arrived("cron@fax.test").await;
    let parsed = read(&mail);
    assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("Cron Daemon"));
    assert_eq!(parsed.body_text(0).unwrap(), "faxcron: очищено\r\nFrom here on nothing \r\n");
}

/// A job's file, as hfaxd leaves it.
const JOB: &str = "state:7\nnpages:2\ntotpages:2\nndials:1\ntotdials:1\ntottries:1\npagewidth:209\nresolution:98\npagelength:296\n\
    external:+4930123456\nnumber:+4930123456\nmailaddr:hylafax@fax.test\nsender:Ann Lee\njobid:7\njobtag:Rechnung Müller\n\
    jobtype:facsimile\nowner:ann\ngroupid:7\ncommid:000000042\nclient:localhost\nmodem:any\nstatus:\nreturned:0\nnotify:when done\n\
    signalrate:14400 bit/s\ndataformat:2-D MMR\n";

#[tokio::test]
async fn f4_hylafax_notifies_through_it_unchanged() {
    let office = Office::open().await;
    let (from, spool) = (brought("hylafax"), office.folder.path());
    let copy = |what: &str, to: &str| {
        let copied = Command::new("cp").arg("-a").arg(from.join(what)).arg(spool.join(to)).status().unwrap();
        assert!(copied.success());
    };
    copy("var/spool/hylafax/bin", "bin");
    copy("etc/hylafax", "etc");
    for folder in ["tmp", "doneq"] {
        fs::create_dir(spool.join(folder)).unwrap();
    }
    office.file("doneq/q7", JOB.as_bytes());
    // As faxsetup writes it, with the one line that an administrator would change.
    let setup = format!(
        "SPOOL=.\nAWK=awk\nSED=sed\nCAT=cat\nGREP=grep\nMKTEMP=mktemp\nRM=rm\nRMCMD=\"rm -f\"\nENCODING=base64\nTTYCMD=false\n\
         SBIN=/usr/sbin\nLIBEXEC=/usr/sbin\nTIFFBIN=/usr/bin\nSENDMAIL={}\n",
        office.sendmail()
    );
    office.file("etc/setup.cache", setup.as_bytes());
    let mut notify = Command::new("bash");
    notify.args(["bin/notify", "doneq/q7", "done", "0:42"]);
    office.run(&mut notify, "");
    let mail = office.arrived("hylafax@fax.test").await;
    let parsed = read(&mail);
    assert_eq!(parsed.subject(), Some("facsimile job Rechnung Müller (7) to +4930123456 completed"));
    assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("HylaFAX Agent"));
    let text = parsed.body_text(0).unwrap();
    assert!(text.contains("completed successfully") && text.contains("14400 bit/s"), "{text}");
}

#[tokio::test]
async fn f5_a_client_in_python_sends_over_the_socket() {
    let office = Office::open().await;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python/send_mail.py");
    let fax = tiff::fax(20, 2000);
    let file = office.file("fax.tif", &fax);
    let mut python = Command::new(brought("venv/bin/python"));
    python.arg(&example).args(["--endpoint", office.daemon.endpoint(), "--to", "python@fax.test"]);
    python.args(["--subject", "Факс", "--text", "Две страницы."]).arg(file);
    let said = office.run(&mut python, "");
    assert!(said.contains("accepted: ") && said.contains("\ndelivered\n"), "{said}");
    let mail = office.arrived("python@fax.test").await;
    let parsed = read(&mail);
    assert_eq!((parsed.subject(), parsed.body_text(0).unwrap().trim_end()), (Some("Факс"), "Две страницы."));
    assert!(parsed.attachment(0).unwrap().contents() == fax, "byte for byte");

    let mut refused = Command::new(brought("venv/bin/python"));
    refused.arg(&example).args(["--endpoint", office.daemon.endpoint(), "--to", "nobody"]);
    let output = refused.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.contains("INVALID_FIELD") && said.contains("to[0]: "), "the reason and the field: {said}");
}
