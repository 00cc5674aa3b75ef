//! `faxpost.v1.Diagnostics/GetStatus`. The Test of an account is in diagnostics_test.rs.

use std::collections::BTreeMap;

use faxpost_proto::v1;
use faxpost_proto::v1::{Decision, Role, Security, TlsCheck};
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{
    SMTP_FIELDS, create, dead_port, decide, finished, mail_to, message, ok, send, send_to_port, smtp_account,
    watched,
};

async fn status(daemon: &TestDaemon) -> v1::GetStatusResponse {
    ok(daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await)
}

#[tokio::test]
async fn h1_status_says_who_the_caller_is_and_what_he_may() {
    let daemon = TestDaemon::start().await;
    let told = status(&daemon).await;
    assert_eq!(told.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(told.role, "administrator");
    assert!(!told.caller_name.is_empty());
    let id = told.caller_id;
    assert!(id.starts_with(if cfg!(windows) { "S-1-" } else { "uid:" }), "{id}");
    assert_eq!(told.state_dir, daemon.state_dir().display().to_string());
    assert_eq!(told.endpoint, daemon.endpoint());
    assert!(told.process_id > 0 && told.start_time.is_some());
    if cfg!(unix) {
        assert_eq!(u32::try_from(told.process_id).unwrap(), daemon.id());
    }
    assert!(told.permissions.iter().all(|permission| permission.allowed), "{:?}", told.permissions);

    decide(&daemon, "Mail/SendMail", Role::Administrator, Decision::Deny).await.unwrap();
    let permissions: BTreeMap<_, _> =
        status(&daemon).await.permissions.into_iter().map(|p| (p.method, p.allowed)).collect();
    assert!(!permissions["faxpost.v1.Mail/SendMail"]);
    assert!(permissions["faxpost.v1.Mail/SendMailStream"]);
}

#[tokio::test]
async fn a4_a5_alarms_tell_what_is_dangerous_or_missing() {
    let daemon = TestDaemon::start().await;
    assert_eq!(status(&daemon).await.alarms, [], "a fresh install has none");
    let careless = v1::Account {
        security: Security::Implicit.into(),
        tls_check: TlsCheck::AcceptInvalid.into(),
        ..smtp_account("careless", 465)
    };
    let open = v1::Account {
        authentication: true,
        plaintext_auth: true,
        password: "geheim".to_owned(),
        ..smtp_account("open", 25)
    };
    let locked_out = v1::Account {
        security: Security::Starttls.into(),
        authentication: true,
        ..smtp_account("locked-out", 587)
    };
    let names = |more: &[&'static str]| [SMTP_FIELDS, more].concat();
    let mut client = daemon.accounts().await;
    ok(client.create_account(create(careless, &names(&["security", "tls_check"]))).await);
    ok(client.create_account(create(open, &names(&["authentication", "plaintext_auth", "password"]))).await);
    ok(client.create_account(create(locked_out, &names(&["security", "authentication"]))).await);

    let alarms = status(&daemon).await.alarms;
    assert!(alarms.iter().all(|alarm| !alarm.text.is_empty()));
    let told: Vec<_> = alarms.iter().map(|alarm| (alarm.account.as_str(), alarm.reason.as_str())).collect();
    assert_eq!(
        told,
        [("careless", "ACCEPT_INVALID"), ("locked-out", "NO_PASSWORD"), ("open", "PLAINTEXT_AUTH")]
    );

    let given =
        v1::Account { id: "locked-out".to_owned(), password: "geheim".to_owned(), ..Default::default() };
    daemon.set(given, &["password"]).await.unwrap();
    let trusting = v1::Account { id: "careless".to_owned(), ..Default::default() };
    daemon.set(trusting, &["tls_check"]).await.unwrap();
    let left: Vec<_> = status(&daemon).await.alarms.into_iter().map(|alarm| alarm.reason).collect();
    assert_eq!(left, ["PLAINTEXT_AUTH"]);
}

#[tokio::test]
async fn f3_status_counts_what_waits() {
    let daemon = TestDaemon::builder().settings("[outbox]\nretry-seconds = [3600]").start().await;
    let figures = async || {
        let told = status(&daemon).await;
        (told.queued, told.held, told.oldest_queued_time)
    };
    assert_eq!(figures().await, (0, 0, None));
    send_to_port(&daemon, dead_port()).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = send(&daemon, mail_to("a@example.test")).await;
        watched(&daemon, &id, |message| message.attempts == 1).await;
        ids.push(id);
    }
    let accepted = async |id: &str| message(&daemon, id).await.accept_time;
    assert_eq!(figures().await, (3, 0, accepted(&ids[0]).await));
    let mut client = daemon.mail().await;
    ok(client.hold_message(v1::HoldMessageRequest { id: ids[0].clone() }).await);
    assert_eq!(figures().await, (2, 1, accepted(&ids[1]).await));
    for id in &ids {
        ok(client.cancel_message(v1::CancelMessageRequest { id: id.clone() }).await);
        finished(&daemon, id).await;
    }
    assert_eq!(figures().await, (0, 0, None));
}
