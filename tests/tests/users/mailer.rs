//! The mailer's own process under the service account: what it is, and what it cannot do.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_tests::daemon::{Builder, TestDaemon};
use faxpost_tests::smtp::SmtpServer;

use crate::kit::{DENIED, Member, Somebody};

/// Has no name and no groups.
const ACCOUNT: u32 = 54_399;

/// A daemon whose mailer works under `account`, and which sends to this port.
async fn daemon(builder: Builder, account: &str, port: u16) -> TestDaemon {
    let settings = format!("[mailer]\naccount = \"{account}\"\n[outbox]\nretry-seconds = [1]");
    let daemon = builder.settings(&settings).start().await;
    let account = v1::Account {
        id: "default".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        sender_email: "fax@example.test".to_owned(),
        ..v1::Account::default()
    };
    daemon.set(account, &["method", "server", "port", "sender_email"]).await.unwrap();
    daemon
}

async fn send(daemon: &TestDaemon) -> String {
    let attachment = v1::Attachment {
        file_name: "fax.tif".to_owned(),
        content: vec![7; 300_000].into(),
        ..v1::Attachment::default()
    };
    let mail = v1::SendMailRequest {
        to: vec!["a@example.test".to_owned()],
        attachments: vec![attachment],
        ..v1::SendMailRequest::default()
    };
    daemon.mail().await.send_mail(mail).await.unwrap().into_inner().id
}

async fn delivered(daemon: &TestDaemon, id: &str) {
    let request = v1::WatchMessageRequest { id: id.to_owned() };
    let mut states = daemon.mail().await.watch_message(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(state) = states.message().await.unwrap() {
        last = state.message;
    }
    let last = last.unwrap();
    assert_eq!(last.state(), v1::MessageState::Delivered, "{last:?}\n{}", daemon.stderr());
}

/// The fields of /proc/PID/status.
fn facts(process: u32) -> BTreeMap<String, String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let fields = status.lines().filter_map(|line| line.split_once(':'));
    fields
        .map(|(name, value)| (name.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_the_mailer_works_under_the_service_account_and_has_no_privileges() {
    let server = SmtpServer::builder().start().await;
    let member = Member::of("faxpost-service");
    let user = nix::unistd::User::from_name(&member.name).unwrap().unwrap();
    let daemon = daemon(TestDaemon::builder(), &member.name, server.port()).await;
    let id = send(&daemon).await;
    delivered(&daemon, &id).await;
    assert_eq!(server.received().len(), 1, "a message from the spool went out");

    let mailers = daemon.mailers();
    assert_eq!(mailers.len(), 1);
    let facts = facts(mailers[0]);
    let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
    assert_eq!(facts["Uid"], [uid.as_str(); 4].join(" "));
    assert_eq!(facts["Gid"], [gid.as_str(); 4].join(" "));
    let group = nix::unistd::Group::from_name("faxpost-service").unwrap().unwrap().gid.to_string();
    assert!(facts["Groups"].split(' ').any(|one| one == group), "its own groups: {}", facts["Groups"]);
    assert!(!facts["Groups"].split(' ').any(|one| one == "0"), "and none of root's: {}", facts["Groups"]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(facts[set], "0000000000000000", "{set}");
    }
    assert_eq!((facts["NoNewPrivs"].as_str(), facts["Seccomp"].as_str()), ("1", "2"));
    let environment = fs::read(format!("/proc/{}/environ", mailers[0])).unwrap();
    let names: Vec<_> = environment.split(|byte| *byte == 0).filter(|one| !one.is_empty()).collect();
    let kept: [&[u8]; 6] = [b"TZ=", b"LANG=", b"LC_", b"SSL_CERT_", b"FAXPOST_LOG=", b"RUST_BACKTRACE="];
    let strange = names.iter().find(|name| !kept.iter().any(|kept| name.starts_with(kept)));
    assert_eq!(strange.map(|name| String::from_utf8_lossy(name)), None);
    let limits = fs::read_to_string(format!("/proc/{}/limits", mailers[0])).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let open = fs::read_dir(format!("/proc/{}/fd", mailers[0])).unwrap().flatten();
    let open: Vec<_> = open.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    let state = daemon.state_dir();
    assert!(!open.iter().any(|file| file.starts_with(&state)), "nothing of the daemon is open: {open:?}");

    let status = daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.service_account_name, member.name);
    assert_eq!((status.service_account_id, status.mailer_note), (format!("uid:{uid}"), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_mailer_that_was_broken_into_gets_nowhere() {
    let server = SmtpServer::builder().start().await;
    let daemon =
        daemon(TestDaemon::builder().program("rogue"), &format!("uid:{ACCOUNT}"), server.port()).await;
    let state = daemon.state_dir();
    fs::create_dir_all(state.join("certificates")).unwrap();
    fs::write(state.join("certificates/other.key"), "a key").unwrap();
    // Even with the folders open to everybody, and files that everybody may read.
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(state.join("rogue"), "pry").unwrap();
    let ours = ["secret.key", "certificates/other.key"];
    for file in ours {
        fs::set_permissions(state.join(file), fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::set_permissions(state.join("faxpost.db"), fs::Permissions::from_mode(0o644)).unwrap();

    let id = send(&daemon).await;
    let begun = Instant::now();
    while !daemon.stderr().contains("pry: done") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", daemon.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let log = daemon.stderr();
    let told: BTreeMap<_, _> = log
        .lines()
        .filter_map(|line| line.split_once("pry: ")?.1.rsplit_once(": "))
        .filter(|(_, result)| ["no", "GOT IT"].contains(result))
        .collect();
    assert!(told.len() >= 14, "{told:?}\n{log}");
    for (what, result) in &told {
        // That much the helpers of other methods need.
        let expected = if *what == "a program of everybody" { "GOT IT" } else { "no" };
        assert_eq!(*result, expected, "{what}\n{log}");
    }
    assert!(log.contains("pry: messages that it may see: Ok(0)"), "as a service it sees its own: {log}");

    fs::remove_file(state.join("rogue")).unwrap();
    delivered(&daemon, &id).await;
}

#[tokio::test]
async fn h6_the_account_of_the_mailer_is_a_service_whatever_groups_it_has() {
    let member = Member::of("faxpost-admin");
    let daemon =
        TestDaemon::builder().settings(&format!("[mailer]\naccount = \"{}\"", member.name)).start().await;
    let mailer = Somebody::named(&daemon, &member.name);
    assert_eq!(mailer.run(&["--json", "status"]).json(0)["role"], "service");
    mailer.run(&["policy", "show"]).exits(DENIED);
    mailer.run(&["account", "set", "sender-name=x"]).exits(DENIED);
}

#[tokio::test]
async fn h6_an_account_that_is_not_there_keeps_the_daemon_from_starting() {
    let mut daemon = TestDaemon::start().await;
    daemon.kill();
    fs::write(daemon.state_dir().join("faxpostd.toml"), "[mailer]\naccount = \"no-such-account\"").unwrap();
    let output = std::process::Command::new(faxpost_tests::bins::path("faxpostd"))
        .args(["run", "--state-dir"])
        .arg(daemon.state_dir())
        .args(["--endpoint", daemon.endpoint()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("there is no account no-such-account"), "{said}");
}
