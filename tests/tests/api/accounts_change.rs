//! `faxpost.v1.Accounts/UpdateAccount`: fields, masks, etags. What becomes of passwords is in accounts_password.rs.

use faxpost_proto::v1::{Method, Security, Signing, TlsCheck};
use faxpost_proto::{reason, v1};
use faxpost_tests::MISSING_METHOD;
use faxpost_tests::daemon::{TestDaemon, mask};
use tonic::{Code, Status};

use crate::kit::{SMTP_FIELDS, account, fields, invalid, ok, refused, smtp_account};

/// Changes "default".
async fn set(daemon: &TestDaemon, change: v1::Account, fields: &[&str]) -> Result<v1::Account, Status> {
    let change = v1::Account { id: "default".to_owned(), ..change };
    daemon.set(change, fields).await.map(|answer| answer.account.unwrap())
}

/// An account with one field that is not at its default.
macro_rules! with {
    ($($field:ident: $value:expr),* $(,)?) => { v1::Account { $($field: $value,)* ..v1::Account::default() } };
}

#[tokio::test]
async fn a1_to_a5_every_field_can_be_set_and_goes_back_to_its_default() {
    let daemon = TestDaemon::start().await;
    let fresh = account(&daemon, "default").await;
    let folder = std::env::temp_dir().join("faxes").display().to_string();
    let pin = "ab".repeat(32);
    let given = v1::Account {
        sender_email: "fax@пример.рф".to_owned(),
        sender_name: Some("Факс, Отдел \"А\"".to_owned()),
        method: Method::SecureSmtpClient.into(),
        server: "почта.пример.рф".to_owned(),
        port: 2465,
        security: Security::Implicit.into(),
        tls_check: TlsCheck::Pinned.into(),
        tls_pin: pin.clone(),
        authentication: true,
        login: "fax".to_owned(),
        plaintext_auth: true,
        pickup_directory: folder,
        ehlo_name: "fax.example.test".to_owned(),
        mechanism: "SCRAM-SHA-256".to_owned(),
        envelope_sender: "bounces@example.test".to_owned(),
        reply_to: "Office <office@example.test>".to_owned(),
        max_connections: 2,
        messages_per_minute: 30,
        ..v1::Account::default()
    };
    let all = [
        "sender_email",
        "sender_name",
        "method",
        "server",
        "port",
        "security",
        "tls_check",
        "tls_pin",
        "authentication",
        "login",
        "plaintext_auth",
        "oauth",
        "sign",
        "certificate",
        "pickup_directory",
        "ehlo_name",
        "mechanism",
        "envelope_sender",
        "reply_to",
        "max_connections",
        "messages_per_minute",
        "password",
    ];
    let changed = set(&daemon, given.clone(), &all).await.unwrap();
    let status = ok(daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await);
    assert_eq!(changed.updated_by, status.caller_name);
    let expected = v1::Account {
        id: "default".to_owned(),
        etag: changed.etag.clone(),
        effective_port: 2465,
        effective_login: "fax".to_owned(),
        sign: Signing::Off.into(),
        update_time: changed.update_time,
        updated_by: changed.updated_by.clone(),
        ..given
    };
    assert_eq!(changed, expected);
    assert!(changed.update_time.is_some());
    assert_eq!(account(&daemon, "default").await, changed);

    let back = set(&daemon, v1::Account::default(), &all).await.unwrap();
    let fresh = v1::Account {
        etag: back.etag.clone(),
        update_time: back.update_time,
        updated_by: back.updated_by.clone(),
        ..fresh
    };
    assert_eq!(back, fresh);
}

#[tokio::test]
async fn a1_a_blank_sender_name_is_not_the_default_one() {
    let daemon = TestDaemon::start().await;
    let blank = set(&daemon, with!(sender_name: Some(String::new())), &["sender_name"]).await.unwrap();
    assert_eq!(blank.sender_name.as_deref(), Some(""));
    let back = set(&daemon, with!(sender_name: None), &["sender_name"]).await.unwrap();
    assert_eq!(back.sender_name.as_deref(), Some("Faxpost"));
}

#[tokio::test]
async fn a2_the_port_follows_the_mode_until_somebody_chooses_one() {
    let daemon = TestDaemon::start().await;
    for (security, port) in [(Security::Implicit, 465), (Security::Starttls, 587), (Security::None, 25)] {
        let changed = set(&daemon, with!(security: security.into()), &["security"]).await.unwrap();
        assert_eq!((changed.port, changed.effective_port), (0, port));
    }
    set(&daemon, with!(port: 2525), &["port"]).await.unwrap();
    let changed = set(&daemon, with!(security: Security::Implicit.into()), &["security"]).await.unwrap();
    assert_eq!((changed.port, changed.effective_port), (2525, 2525));
    for good in [1, 65_535] {
        assert_eq!(set(&daemon, with!(port: good), &["port"]).await.unwrap().effective_port, good);
    }
    for bad in [65_536, u32::MAX] {
        invalid(set(&daemon, with!(port: bad), &["port"]).await, &["port"]);
    }
}

#[tokio::test]
async fn a12_only_fields_in_the_mask_change() {
    let daemon = TestDaemon::start().await;
    let before = account(&daemon, "default").await;
    let given = v1::Account { login: "fax".to_owned(), ..smtp_account("default", 99) };
    let after = set(&daemon, given, &["login"]).await.unwrap();
    let expected = v1::Account {
        login: "fax".to_owned(),
        effective_login: "fax".to_owned(),
        etag: after.etag.clone(),
        update_time: after.update_time,
        updated_by: after.updated_by.clone(),
        ..before
    };
    assert_eq!(after, expected);
}

#[tokio::test]
async fn a12_a_mask_names_fields_that_can_be_set() {
    let daemon = TestDaemon::start().await;
    let before = account(&daemon, "default").await;
    for output_only in
        ["id", "etag", "effective_port", "has_password", "update_time", "updated_by", "redacted"]
    {
        let status = invalid(set(&daemon, before.clone(), &[output_only]).await, &["update_mask"]);
        assert!(status.message().contains(output_only), "{}", status.message());
    }
    for unknown in
        ["", "*", "sever", "senderEmail", "sender-email", "server.port", "account.server", "Server"]
    {
        invalid(set(&daemon, before.clone(), &[unknown]).await, &["update_mask"]);
    }
    let two = set(&daemon, before.clone(), &["sever", "login", "etag"]).await;
    assert_eq!(fields(&invalid(two, &["update_mask", "update_mask"])).len(), 2, "each wrong name is told");
    assert_eq!(account(&daemon, "default").await, before);
}

#[tokio::test]
async fn a12_an_update_without_account_etag_or_mask_is_refused() {
    let daemon = TestDaemon::start().await;
    let before = account(&daemon, "default").await;
    let mut client = daemon.accounts().await;
    let request = |account: Option<v1::Account>, fields: Option<&[&str]>| v1::UpdateAccountRequest {
        account,
        update_mask: fields.map(mask),
        validate_only: false,
    };
    let login = || v1::Account { login: "x".to_owned(), ..before.clone() };
    invalid(client.update_account(request(None, Some(&["login"]))).await, &["account"]);
    invalid(client.update_account(request(Some(login()), None)).await, &["update_mask"]);
    invalid(client.update_account(request(Some(login()), Some(&[]))).await, &["update_mask"]);
    for etag in ["", "zz", "-1", "\"1\"", "ffffffffffffffffffff"] {
        let account = v1::Account { etag: etag.to_owned(), ..login() };
        invalid(client.update_account(request(Some(account), Some(&["login"]))).await, &["etag"]);
    }
    let missing = v1::Account { id: "missing".to_owned(), ..login() };
    let answer = client.update_account(request(Some(missing), Some(&["login"]))).await;
    refused(answer, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    assert_eq!(account(&daemon, "default").await, before);
}

#[tokio::test]
async fn a12_of_two_editors_the_slower_one_is_told() {
    let daemon = TestDaemon::start().await;
    let read = account(&daemon, "default").await;
    let update = |login: &str| v1::UpdateAccountRequest {
        account: Some(v1::Account { login: login.to_owned(), ..read.clone() }),
        update_mask: Some(mask(&["login"])),
        validate_only: false,
    };
    let first = ok(daemon.accounts().await.update_account(update("first")).await).account.unwrap();
    assert_ne!(first.etag, read.etag);
    for validate_only in [true, false] {
        let second = v1::UpdateAccountRequest { validate_only, ..update("second") };
        let answer = daemon.accounts().await.update_account(second).await;
        refused(answer, Code::Aborted, reason::ETAG_MISMATCH);
    }
    assert_eq!(account(&daemon, "default").await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a12_of_many_editors_at_once_exactly_one_wins() {
    let daemon = TestDaemon::start().await;
    let read = account(&daemon, "default").await;
    let mut editors = tokio::task::JoinSet::new();
    for number in 0..20 {
        let mut client = daemon.accounts().await;
        let account = v1::Account { login: format!("editor-{number}"), ..read.clone() };
        editors.spawn(async move {
            let update_mask = Some(mask(&["login"]));
            let request =
                v1::UpdateAccountRequest { account: Some(account), update_mask, validate_only: false };
            client.update_account(request).await
        });
    }
    let mut winners = Vec::new();
    for answer in editors.join_all().await {
        match answer {
            Ok(answer) => winners.push(answer.into_inner().account.unwrap()),
            Err(status) => {
                refused::<()>(Err(status), Code::Aborted, reason::ETAG_MISMATCH);
            }
        }
    }
    assert_eq!(winners, [account(&daemon, "default").await]);
}

#[tokio::test]
async fn a12_validate_only_says_what_would_be_and_changes_nothing() {
    let daemon = TestDaemon::start().await;
    let before = account(&daemon, "default").await;
    let request = |change: v1::Account, fields: &[&str]| v1::UpdateAccountRequest {
        account: Some(v1::Account { etag: before.etag.clone(), ..change }),
        update_mask: Some(mask(fields)),
        validate_only: true,
    };
    let mut client = daemon.accounts().await;
    let would_be = ok(client.update_account(request(smtp_account("default", 2525), SMTP_FIELDS)).await);
    let would_be = would_be.account.unwrap();
    assert_eq!((would_be.method(), would_be.effective_port), (Method::SecureSmtpClient, 2525));
    invalid(client.update_account(request(with!(port: 70_000), &["port"])).await, &["port"]);
    assert_eq!(account(&daemon, "default").await, before);
}

#[tokio::test]
async fn a_form_learns_of_all_its_wrong_fields_at_once() {
    let daemon = TestDaemon::start().await;
    let given = v1::Account {
        sender_email: "nobody".to_owned(),
        sender_name: Some("x".repeat(129)),
        server: "smtp://mail.example.test".to_owned(),
        port: 70_000,
        tls_pin: "not hex".to_owned(),
        login: "a\r\nb".to_owned(),
        password: "x".repeat(1025),
        pickup_directory: "relative".to_owned(),
        ehlo_name: "a b".to_owned(),
        envelope_sender: "nobody".to_owned(),
        reply_to: "a@b, c@d".to_owned(),
        max_connections: 101,
        messages_per_minute: 60_001,
        ..v1::Account::default()
    };
    let names = [
        "sender_email",
        "sender_name",
        "server",
        "port",
        "tls_pin",
        "login",
        "password",
        "pickup_directory",
        "ehlo_name",
        "envelope_sender",
        "reply_to",
        "max_connections",
        "messages_per_minute",
    ];
    let status = invalid(set(&daemon, given, &names).await, &names);
    assert!(!status.message().contains(&"x".repeat(200)), "a value is not thrown back: {}", status.message());
}

#[tokio::test]
async fn values_that_no_server_or_system_could_use_are_refused() {
    let daemon = TestDaemon::start().await;
    let long = "x".repeat(300);
    let refusals: &[(v1::Account, &str)] = &[
        (with!(sender_email: "a@b@c".to_owned()), "sender_email"),
        (with!(sender_email: "Ann <ann@example.test>".to_owned()), "sender_email"),
        (with!(sender_email: "ann@example.test\r\nBcc: eve@example.test".to_owned()), "sender_email"),
        (with!(sender_email: format!("{long}@example.test")), "sender_email"),
        (with!(sender_name: Some("a\r\nBcc: eve@example.test".to_owned())), "sender_name"),
        (with!(server: "mail.example.test:25".to_owned()), "server"),
        (with!(server: "fax@example.test".to_owned()), "server"),
        (with!(server: long.clone()), "server"),
        (with!(login: long.clone()), "login"),
        (with!(login: "\0".to_owned()), "login"),
        (with!(password: "a\nb".to_owned()), "password"),
        (with!(password: "a\0b".to_owned()), "password"),
        (with!(ehlo_name: "x\r\nMAIL FROM:<eve@example.test>".to_owned()), "ehlo_name"),
        (with!(pickup_directory: "faxes".to_owned()), "pickup_directory"),
        (with!(tls_pin: "ab".repeat(31)), "tls_pin"),
        (with!(method: 99), "method"),
        (with!(security: 99), "security"),
        (with!(tls_check: -1), "tls_check"),
        (with!(sign: 99), "sign"),
    ];
    let before = account(&daemon, "default").await;
    for (change, field) in refusals {
        invalid(set(&daemon, change.clone(), &[field]).await, &[field]);
    }
    assert_eq!(account(&daemon, "default").await, before);
}

#[tokio::test]
async fn a4_a_pin_and_its_check_belong_together() {
    let daemon = TestDaemon::start().await;
    let pinned = || with!(tls_check: TlsCheck::Pinned.into());
    let pin = "0f".repeat(32);
    invalid(set(&daemon, pinned(), &["tls_check"]).await, &["tls_pin"]);
    invalid(set(&daemon, with!(tls_pin: pin.clone()), &["tls_pin"]).await, &["tls_pin"]);

    let both = v1::Account { tls_pin: "0F:".repeat(31) + "0F", ..pinned() };
    let changed = set(&daemon, both, &["tls_check", "tls_pin"]).await.unwrap();
    assert_eq!((changed.tls_check(), changed.tls_pin), (TlsCheck::Pinned, pin), "as openssl writes it");
    let changed = set(&daemon, v1::Account::default(), &["tls_check"]).await.unwrap();
    assert_eq!((changed.tls_check(), changed.tls_pin.as_str()), (TlsCheck::System, ""));
}

#[tokio::test]
async fn a7_what_this_host_lacks_is_refused_with_field_and_reason() {
    let daemon = TestDaemon::start().await;
    let before = account(&daemon, "default").await;
    let unavailable = async |change: v1::Account, names: &[&str], expected: &[&str]| {
        let answer = set(&daemon, change, names).await;
        let status = refused(answer, Code::InvalidArgument, reason::NOT_AVAILABLE);
        assert_eq!(fields(&status), expected, "{status:?}");
    };
    let missing = || v1::Account { method: MISSING_METHOD.into(), ..smtp_account("default", 25) };
    unavailable(missing(), SMTP_FIELDS, &["method"]).await;

    let change = v1::Account { ehlo_name: "fax.example.com".to_owned(), ..missing() };
    let answer = set(&daemon, change, &["method", "server", "port", "sender_email", "ehlo_name"]).await;
    let status = refused(answer, Code::InvalidArgument, reason::METHOD_CANNOT);
    assert_eq!(fields(&status), ["method", "ehlo_name"]);
    assert_eq!(account(&daemon, "default").await, before);
}

#[tokio::test]
async fn a2_a5_what_a_connection_needs_must_be_there() {
    let daemon = TestDaemon::start().await;
    let smtp = || with!(method: Method::SecureSmtpClient.into());
    invalid(set(&daemon, smtp(), &["method"]).await, &["server", "sender_email"]);

    let signing_in = || v1::Account { authentication: true, ..smtp_account("default", 25) };
    let names = ["method", "server", "port", "sender_email", "authentication"];
    invalid(set(&daemon, signing_in(), &names).await, &["authentication"]);
    let willing = v1::Account { plaintext_auth: true, ..signing_in() };
    let all = ["method", "server", "port", "sender_email", "authentication", "plaintext_auth"];
    assert!(set(&daemon, willing, &all).await.unwrap().authentication);
    // The consent cannot be taken back while it is what the sign-in rests on.
    invalid(set(&daemon, v1::Account::default(), &["plaintext_auth"]).await, &["authentication"]);
}

#[tokio::test]
async fn b6_a_mechanism_is_known_by_any_case_of_its_name_and_fits_the_credential() {
    let daemon = TestDaemon::start().await;
    let signing_in = v1::Account {
        authentication: true,
        security: Security::Starttls.into(),
        mechanism: " scram-sha-256-Plus ".to_owned(),
        ..smtp_account("default", 25)
    };
    let names = [SMTP_FIELDS, &["authentication", "security", "mechanism"]].concat();
    assert_eq!(set(&daemon, signing_in, &names).await.unwrap().mechanism, "SCRAM-SHA-256-PLUS");
    for bad in ["NTLM", "PLAIN LOGIN", "XOAUTH2", "oauthbearer"] {
        invalid(set(&daemon, with!(mechanism: bad.to_owned()), &["mechanism"]).await, &["mechanism"]);
    }
    // Without TLS there is nothing to bind to.
    let plain = with!(plaintext_auth: true);
    invalid(set(&daemon, plain, &["security", "plaintext_auth"]).await, &["mechanism"]);
    assert_eq!(set(&daemon, with!(), &["mechanism"]).await.unwrap().mechanism, "");
}

#[tokio::test]
async fn a12_accounts_survive_a_crash() {
    let mut daemon = TestDaemon::start().await;
    let given = v1::Account {
        security: Security::Starttls.into(),
        tls_check: TlsCheck::Pinned.into(),
        tls_pin: "0f".repeat(32),
        login: "логин".to_owned(),
        password: "geheim".to_owned(),
        sender_name: Some(String::new()),
        ..smtp_account("default", 2525)
    };
    let names =
        [SMTP_FIELDS, &["security", "tls_check", "tls_pin", "login", "password", "sender_name"]].concat();
    let before = set(&daemon, given, &names).await.unwrap();
    let new = v1::Account { id: "sales".to_owned(), ..v1::Account::default() };
    let sales =
        ok(daemon.accounts().await.create_account(crate::kit::create(new, &[])).await).account.unwrap();

    daemon.kill();
    daemon.start_again().await;
    assert_eq!(account(&daemon, "default").await, before);
    assert!(before.has_password);
    assert_eq!(account(&daemon, "sales").await, sales);
}
