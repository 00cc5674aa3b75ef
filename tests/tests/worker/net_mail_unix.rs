//! System.Net.Mail in the mailer's process: the helper has what that has, and its death costs an attempt.

use std::collections::BTreeMap;
use std::fs;

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kit::{daemon, delivered, eventually, reasons, send};

async fn by_net_mail(daemon: &TestDaemon, pin: [u8; 32]) {
    let account = v1::Account {
        id: "default".to_owned(),
        method: v1::Method::SystemNetMail.into(),
        security: v1::Security::Starttls.into(),
        tls_check: v1::TlsCheck::Pinned.into(),
        tls_pin: hex::encode(pin),
        authentication: true,
        login: "fax".to_owned(),
        password: "secret".to_owned(),
        ..v1::Account::default()
    };
    let fields = ["method", "security", "tls_check", "tls_pin", "authentication", "login", "password"];
    daemon.set(account, &fields).await.unwrap();
}

/// The processes that the mailer has started.
fn helpers(mailer: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| facts(*id).get("PPid").is_some_and(|parent| *parent == mailer.to_string())).collect()
}

/// The fields of /proc/PID/status; none when it has ended.
fn facts(process: u32) -> BTreeMap<String, String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let fields = status.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_the_helper_of_net_mail_has_no_more_than_the_mailer_and_its_death_costs_an_attempt() {
    let identity = Authority::self_signed();
    let server = SmtpServer::builder()
        .starttls(identity.clone())
        .credentials("fax", "secret")
        .fault_times(1, At::Mail, Fault::Stall)
        .start()
        .await;
    let daemon = daemon(TestDaemon::builder(), server.port()).await;
    by_net_mail(&daemon, identity.sha256).await;
    // A large one, which the mailer reads from the daemon in pieces.
    let (id, message_id) = send(&daemon, 500_000).await;
    eventually("the helper speaks", || server.commands().iter().any(|line| line.starts_with("MAIL"))).await;

    let mailer = daemon.mailers()[0];
    let helpers = helpers(mailer);
    assert_eq!(helpers.len(), 1, "one process for one message");
    let (own, theirs) = (facts(mailer), facts(helpers[0]));
    for fact in
        ["Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"]
    {
        assert_eq!(own[fact], theirs[fact], "{fact}");
    }
    assert_eq!((theirs["NoNewPrivs"].as_str(), theirs["Seccomp"].as_str()), ("1", "2"));
    for secret in ["environ", "cmdline"] {
        let told = fs::read(format!("/proc/{}/{secret}", helpers[0])).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&told).contains("secret"), "{secret}");
    }

    kill(Pid::from_raw(helpers[0].try_into().unwrap()), Signal::SIGKILL).unwrap();
    let message = delivered(&daemon, &id).await;
    assert_eq!(message.message_id, message_id);
    // It had the whole message, so nobody can know.
    assert_eq!(reasons(&daemon, &id).await, ["UNCERTAIN", ""]);
    assert_eq!(daemon.mailers(), [mailer], "the mailer has lived on");
    let received = server.received();
    assert_eq!((received.len(), received[0].login.as_deref(), received[0].tls), (1, Some("fax"), true));
    let text = String::from_utf8_lossy(&received[0].content).into_owned();
    assert!(text.contains(&format!("Message-ID: {message_id}\r\n")), "{}", &text[..2000]);
    eventually("no helper is left", || self::helpers(mailer).is_empty()).await;
}
