//! `faxpost.v1.Accounts`: reading, making, deleting and watching accounts.

use std::collections::BTreeSet;

use faxpost_proto::v1::{Method, Security, Signing, TlsCheck};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use tonic::Code;

use crate::kit::{
    SMTP_FIELDS, account, create, dead_port, finished, invalid, mail_to, ok, refused, send, smtp_account,
};

async fn ids(daemon: &TestDaemon) -> Vec<String> {
    let list = ok(daemon.accounts().await.list_accounts(v1::ListAccountsRequest::default()).await);
    list.accounts.into_iter().map(|account| account.id).collect()
}

async fn make(daemon: &TestDaemon, id: &str) -> v1::Account {
    let account = v1::Account { id: id.to_owned(), ..v1::Account::default() };
    ok(daemon.accounts().await.create_account(create(account, &[])).await).account.unwrap()
}

#[tokio::test]
async fn a1_to_a8_a_fresh_install_has_the_defaults_of_the_requirements() {
    let daemon = TestDaemon::start().await;
    let fresh = account(&daemon, "default").await;
    assert_eq!((fresh.method(), fresh.security()), (Method::Pickup, Security::None));
    assert_eq!((fresh.tls_check(), fresh.sign()), (TlsCheck::System, Signing::Off));
    let host = fresh.sender_email.strip_prefix("faxpost@").expect("faxpost@ and this host's name");
    assert!(!host.is_empty());
    let expected = v1::Account {
        id: "default".to_owned(),
        etag: fresh.etag.clone(),
        sender_email: fresh.sender_email.clone(),
        sender_name: Some("Faxpost".to_owned()),
        method: Method::Pickup.into(),
        effective_port: 25,
        security: Security::None.into(),
        tls_check: TlsCheck::System.into(),
        sign: Signing::Off.into(),
        sender_email_is_default: true,
        // Everything else is off or empty, and nobody changed it.
        ..v1::Account::default()
    };
    assert_eq!(fresh, expected);
    assert!(!fresh.etag.is_empty());
    assert_eq!(account(&daemon, "").await, fresh, "no id is the default account");
    assert_eq!(ids(&daemon).await, ["default"]);
}

#[tokio::test]
async fn a7_capabilities_say_which_methods_this_host_has_and_what_they_can() {
    let settings = "[limits]\nmax-message-bytes = 12345";
    let daemon = TestDaemon::builder().settings(settings).start().await;
    let answer = ok(daemon.accounts().await.get_capabilities(v1::GetCapabilitiesRequest {}).await);
    assert_eq!(answer.max_message_bytes, 12345);
    assert_eq!(answer.max_unary_bytes, 1024 * 1024);

    let methods: BTreeSet<_> = answer.methods.iter().map(|row| row.method).collect();
    let all = [Method::SecureSmtpClient, Method::CdoMessage, Method::SystemNetMail, Method::Pickup];
    assert_eq!(methods, all.map(i32::from).into());
    for row in &answer.methods {
        let available = matches!(row.method(), Method::SecureSmtpClient | Method::Pickup);
        assert_eq!(row.available, available, "{row:?}");
        assert_eq!(row.unavailable_reason, if available { "" } else { reason::NOT_AVAILABLE });
        assert_eq!(row.unavailable_text.is_empty(), available, "{row:?}");
        let securities: Vec<_> = row.securities().collect();
        let expected: &[Security] = match row.method() {
            Method::SecureSmtpClient => &[Security::None, Security::Implicit, Security::Starttls],
            Method::CdoMessage => &[Security::None, Security::Implicit],
            Method::SystemNetMail => &[Security::None, Security::Starttls],
            _ => &[],
        };
        assert_eq!(securities, expected, "{row:?}");
        let signs = matches!(row.method(), Method::SecureSmtpClient | Method::Pickup);
        assert_eq!(row.signing, signs, "{row:?}");
    }
}

#[tokio::test]
async fn a9_an_account_that_is_not_there_is_not_found() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.accounts().await;
    for id in ["missing", "Default", "../default", "default\0"] {
        let answer = client.get_account(v1::GetAccountRequest { id: id.to_owned() }).await;
        refused(answer, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
        let gone = v1::DeleteAccountRequest { id: id.to_owned(), etag: "1".to_owned() };
        refused(client.delete_account(gone).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    }
}

#[tokio::test]
async fn a9_lists_have_default_first_then_by_id_in_pages() {
    let daemon = TestDaemon::start().await;
    for id in ["zebra", "apple", "beta"] {
        make(&daemon, id).await;
    }
    assert_eq!(ids(&daemon).await, ["default", "apple", "beta", "zebra"]);

    let mut client = daemon.accounts().await;
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = ok(client.list_accounts(v1::ListAccountsRequest { page_size: 3, page_token }).await);
        assert!(page.accounts.len() <= 3);
        seen.extend(page.accounts.into_iter().map(|account| account.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["default", "apple", "beta", "zebra"]);

    let ask =
        |page_size, page_token: &str| v1::ListAccountsRequest { page_size, page_token: page_token.into() };
    assert_eq!(ok(client.list_accounts(ask(i32::MAX, "")).await).accounts.len(), 4);
    invalid(client.list_accounts(ask(-1, "")).await, &["page_size"]);
    for token in ["x", "-1", "0", "1e3", "99999999999999999999"] {
        invalid(client.list_accounts(ask(1, token)).await, &["page_token"]);
    }
    let beyond = ok(client.list_accounts(ask(1, "1000")).await);
    assert_eq!((beyond.accounts.len(), beyond.next_page_token.as_str()), (0, ""));
}

#[tokio::test]
async fn a9_a_new_account_has_the_defaults_changed_by_the_fields_in_the_mask() {
    let daemon = TestDaemon::start().await;
    let given = v1::Account {
        login: "not in the mask".to_owned(),
        security: Security::Starttls.into(),
        etag: "77".to_owned(),
        ..smtp_account("sales-2", 0)
    };
    let fields = ["method", "server", "sender_email", "security"];
    let made = ok(daemon.accounts().await.create_account(create(given, &fields)).await).account.unwrap();
    assert_eq!((made.method(), made.security()), (Method::SecureSmtpClient, Security::Starttls));
    assert_eq!((made.port, made.effective_port), (0, 587), "the usual port of STARTTLS");
    assert_eq!((made.login.as_str(), made.sender_name.as_deref()), ("", Some("Faxpost")));
    assert!(made.update_time.is_some() && !made.updated_by.is_empty());
    assert_ne!(made.etag, "77");
    assert_eq!(account(&daemon, "sales-2").await, made);
}

#[tokio::test]
async fn a9_ids_are_short_and_plain_and_used_once() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.accounts().await;
    let new = |id: &str| create(v1::Account { id: id.to_owned(), ..v1::Account::default() }, &[]);
    for good in ["a", "sales-2", &"x".repeat(32)] {
        ok(client.create_account(new(good)).await);
    }
    let bad = [
        "",
        "A",
        "2a",
        "-a",
        "a_b",
        "a b",
        "a/b",
        "..",
        "\u{430}",
        "a\n",
        "a\0",
        &"x".repeat(33),
        &"x".repeat(9999),
    ];
    for id in bad {
        invalid(client.create_account(new(id)).await, &["id"]);
    }
    for id in ["a", "default"] {
        refused(client.create_account(new(id)).await, Code::AlreadyExists, reason::ACCOUNT_EXISTS);
    }
    let nothing = v1::CreateAccountRequest::default();
    invalid(client.create_account(nothing).await, &["account"]);
    assert_eq!(ids(&daemon).await.len(), 4);
}

#[tokio::test]
async fn a9_create_checks_as_update_does_and_validate_only_makes_nothing() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.accounts().await;
    let good = smtp_account("new", 2525);
    let checked = v1::CreateAccountRequest { validate_only: true, ..create(good.clone(), SMTP_FIELDS) };
    let would_be = ok(client.create_account(checked.clone()).await).account.unwrap();
    assert_eq!((would_be.id.as_str(), would_be.port), ("new", 2525));
    assert_eq!(ids(&daemon).await, ["default"]);

    let bad = v1::Account { server: "smtp://x".to_owned(), port: 70_000, ..good.clone() };
    for validate_only in [true, false] {
        let request = v1::CreateAccountRequest { validate_only, ..create(bad.clone(), SMTP_FIELDS) };
        invalid(client.create_account(request).await, &["server", "port"]);
    }
    invalid(client.create_account(create(good.clone(), &["id"])).await, &["update_mask"]);
    invalid(client.create_account(create(good, &["no_such_field"])).await, &["update_mask"]);
    assert_eq!(ids(&daemon).await, ["default"]);
}

#[tokio::test]
async fn a9_deleting_takes_the_account_and_its_password() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.accounts().await;
    let settings = v1::Account { password: "geheim".to_owned(), ..v1::Account::default() };
    let new = v1::Account { id: "sales".to_owned(), ..settings };
    let made = ok(client.create_account(create(new, &["password"])).await).account.unwrap();
    assert!(made.has_password);

    let request = |etag: &str| v1::DeleteAccountRequest { id: "sales".to_owned(), etag: etag.to_owned() };
    invalid(client.delete_account(request("")).await, &["etag"]);
    invalid(client.delete_account(request("no etag")).await, &["etag"]);
    refused(client.delete_account(request("0")).await, Code::Aborted, reason::ETAG_MISMATCH);
    ok(client.delete_account(request(&made.etag)).await);
    refused(client.delete_account(request(&made.etag)).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    assert_eq!(ids(&daemon).await, ["default"]);

    let again = make(&daemon, "sales").await;
    assert!(!again.has_password, "the next of that name begins anew");
    assert_ne!(again.etag, made.etag, "an old etag never fits again");
}

#[tokio::test]
async fn a9_the_default_account_cannot_be_deleted() {
    let daemon = TestDaemon::start().await;
    let etag = account(&daemon, "default").await.etag;
    let request = v1::DeleteAccountRequest { id: "default".to_owned(), etag };
    let answer = daemon.accounts().await.delete_account(request).await;
    refused(answer, Code::FailedPrecondition, reason::ACCOUNT_IN_USE);
    assert_eq!(ids(&daemon).await, ["default"]);
}

#[tokio::test]
async fn a9_an_account_with_unfinished_messages_cannot_be_deleted() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.accounts().await;
    let made = ok(client.create_account(create(smtp_account("sales", dead_port()), SMTP_FIELDS)).await);
    let request = v1::DeleteAccountRequest { id: "sales".to_owned(), etag: made.account.unwrap().etag };
    let id =
        send(&daemon, v1::SendMailRequest { account: "sales".to_owned(), ..mail_to("a@example.test") }).await;
    let held = daemon.mail().await.hold_message(v1::HoldMessageRequest { id: id.clone() }).await;
    assert_eq!(ok(held).message.unwrap().account, "sales");
    let answer = client.delete_account(request.clone()).await;
    refused(answer, Code::FailedPrecondition, reason::ACCOUNT_IN_USE);

    ok(daemon.mail().await.cancel_message(v1::CancelMessageRequest { id: id.clone() }).await);
    finished(&daemon, &id).await;
    ok(client.delete_account(request).await);
    let mail = v1::SendMailRequest { account: "sales".to_owned(), ..mail_to("a@example.test") };
    let answer = daemon.mail().await.send_mail(mail).await;
    refused(answer, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    assert_eq!(crate::kit::message(&daemon, &id).await.account, "sales", "what was is not forgotten");
}

#[tokio::test]
async fn a12_a_watch_begins_with_everything_and_then_tells_changes() {
    let daemon = TestDaemon::start().await;
    make(&daemon, "sales").await;
    let mut watch = ok(daemon.accounts().await.watch_accounts(v1::WatchAccountsRequest {}).await);
    let mut next = async || -> Vec<v1::Account> {
        let told =
            tokio::time::timeout(crate::kit::PATIENCE, watch.message()).await.expect("a change is told");
        told.unwrap().unwrap().accounts
    };
    let first = next().await;
    assert_eq!(first, [account(&daemon, "default").await, account(&daemon, "sales").await]);

    let change = v1::Account {
        id: "sales".to_owned(),
        login: "sales".to_owned(),
        password: "geheim".to_owned(),
        ..v1::Account::default()
    };
    let changed = daemon.set(change, &["login", "password"]).await.unwrap().account.unwrap();
    let second = next().await;
    assert_eq!(second[1], changed);
    assert!(second[1].has_password && second[1].password.is_empty());

    let request = v1::DeleteAccountRequest { id: "sales".to_owned(), etag: changed.etag };
    ok(daemon.accounts().await.delete_account(request).await);
    assert_eq!(next().await.len(), 1);
}

#[tokio::test]
async fn a12_a_slow_watcher_gets_the_latest_state() {
    let daemon = TestDaemon::start().await;
    let mut watch = ok(daemon.accounts().await.watch_accounts(v1::WatchAccountsRequest {}).await);
    for round in 1..=50 {
        let change = v1::Account { login: format!("login-{round}"), ..smtp_account("default", 25) };
        daemon.set(change, &["login"]).await.unwrap();
    }
    let mut told = 0;
    let reading = async {
        loop {
            let state = watch.message().await.unwrap().unwrap();
            told += 1;
            if state.accounts[0].login == "login-50" {
                break;
            }
        }
    };
    tokio::time::timeout(crate::kit::PATIENCE, reading).await.expect("the last state is told");
    assert!(told <= 51, "{told} states of 51");
}
