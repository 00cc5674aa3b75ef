//! Passwords of accounts: write-only (requirement H3), and never sent to a server they were not given for (D3).

use faxpost_proto::v1;
use faxpost_proto::v1::{Security, TlsCheck};
use faxpost_tests::daemon::{TestDaemon, mask};
use faxpost_tests::smtp::SmtpServer;

use crate::kit::{SMTP_FIELDS, account, create, finished, mail_to, ok, send, smtp_account};

/// "default" with a password, bound to everything a password is bound to.
async fn with_password() -> TestDaemon {
    let daemon = TestDaemon::start().await;
    let given = v1::Account {
        security: Security::Implicit.into(),
        authentication: true,
        login: "fax".to_owned(),
        password: "geheim".to_owned(),
        ..smtp_account("default", 2465)
    };
    let given = v1::Account { server: "mail.example.test".to_owned(), ..given };
    let names = [SMTP_FIELDS, &["security", "authentication", "login", "password"]].concat();
    let answer = daemon.set(given, &names).await.unwrap();
    assert!(answer.account.unwrap().has_password && !answer.password_cleared);
    daemon
}

/// Changes "default".
async fn set(daemon: &TestDaemon, change: v1::Account, fields: &[&str]) -> v1::UpdateAccountResponse {
    daemon.set(v1::Account { id: "default".to_owned(), ..change }, fields).await.unwrap()
}

/// What a password is bound to, each changed: the change and its fields.
fn elsewhere() -> Vec<(v1::Account, Vec<&'static str>)> {
    let empty = v1::Account::default;
    vec![
        (v1::Account { server: "evil.example.test".to_owned(), ..empty() }, vec!["server"]),
        (v1::Account { port: 2466, ..empty() }, vec!["port"]),
        (empty(), vec!["port"]),
        (v1::Account { security: Security::Starttls.into(), ..empty() }, vec!["security"]),
        (
            v1::Account { security: Security::None.into(), plaintext_auth: true, ..empty() },
            vec!["security", "plaintext_auth"],
        ),
        (v1::Account { tls_check: TlsCheck::AcceptInvalid.into(), ..empty() }, vec!["tls_check"]),
        (
            v1::Account { tls_check: TlsCheck::Pinned.into(), tls_pin: "0f".repeat(32), ..empty() },
            vec!["tls_check", "tls_pin"],
        ),
        (v1::Account { login: "other".to_owned(), ..empty() }, vec!["login"]),
    ]
}

#[tokio::test]
async fn h3_no_reply_holds_a_password() {
    let daemon = with_password().await;
    let mut client = daemon.accounts().await;
    let given = || v1::Account { password: "geheim".to_owned(), ..v1::Account::default() };
    let mut seen = vec![account(&daemon, "default").await];
    seen.extend(set(&daemon, given(), &["password"]).await.account);
    let new = create(v1::Account { id: "sales".to_owned(), ..given() }, &["password"]);
    seen.extend(ok(client.create_account(new).await).account);
    seen.extend(ok(client.list_accounts(v1::ListAccountsRequest::default()).await).accounts);
    let mut watch = ok(client.watch_accounts(v1::WatchAccountsRequest {}).await);
    seen.extend(watch.message().await.unwrap().unwrap().accounts);
    let etag = account(&daemon, "default").await.etag;
    let checked = v1::UpdateAccountRequest {
        account: Some(v1::Account { id: "default".to_owned(), etag, ..given() }),
        update_mask: Some(mask(&["password"])),
        validate_only: true,
    };
    seen.extend(ok(client.update_account(checked).await).account);
    assert_eq!(seen.len(), 8);
    for account in seen {
        assert!(account.has_password, "{account:?}");
        assert_eq!(account.password, "");
    }
}

#[tokio::test]
async fn d3_a_change_of_where_the_password_goes_clears_it_and_says_so() {
    for (change, fields) in elsewhere() {
        let daemon = with_password().await;
        let etag = account(&daemon, "default").await.etag;
        let request = v1::UpdateAccountRequest {
            account: Some(v1::Account { id: "default".to_owned(), etag, ..change.clone() }),
            update_mask: Some(mask(&fields)),
            validate_only: true,
        };
        let would_be = ok(daemon.accounts().await.update_account(request).await);
        assert!(would_be.password_cleared, "a check says it beforehand: {fields:?}");
        assert!(account(&daemon, "default").await.has_password);

        let answer = set(&daemon, change, &fields).await;
        assert!(answer.password_cleared, "{fields:?}");
        assert!(!answer.account.unwrap().has_password, "{fields:?}");
        assert!(!account(&daemon, "default").await.has_password, "{fields:?}");
    }
}

#[tokio::test]
async fn d3_without_tls_a_password_is_for_its_mechanism_and_always_for_who_signs_in() {
    let empty = v1::Account::default;
    let open = || v1::Account { security: Security::None.into(), plaintext_auth: true, ..empty() };
    let bound = [
        (v1::Account { mechanism: "PLAIN".to_owned(), ..empty() }, "mechanism", true),
        (empty(), "mechanism", true),
        (v1::Account { mechanism: "scram-sha-256".to_owned(), ..empty() }, "mechanism", false),
        (v1::Account { method: v1::Method::Pickup.into(), ..empty() }, "method", false),
    ];
    for (change, field, is_cleared) in bound {
        let daemon = with_password().await;
        let given =
            v1::Account { mechanism: "SCRAM-SHA-256".to_owned(), password: "geheim".to_owned(), ..open() };
        set(&daemon, given, &["security", "plaintext_auth", "mechanism", "password"]).await;
        let draft = v1::TestAccountRequest {
            draft: Some(change.clone()),
            update_mask: Some(mask(&[field])),
            until: v1::Step::Resolve.into(),
            ..v1::TestAccountRequest::default()
        };
        let tested = daemon.diagnostics().await.test_account(draft).await;
        assert_eq!(tested.is_err(), is_cleared, "{change:?}");
        assert_eq!(set(&daemon, change, &[field]).await.password_cleared, is_cleared, "{field}");
    }
    // With TLS any mechanism may have it.
    let daemon = with_password().await;
    let plain = v1::Account { mechanism: "PLAIN".to_owned(), ..empty() };
    assert!(!set(&daemon, plain, &["mechanism"]).await.password_cleared);
}

#[tokio::test]
async fn d3_a_password_given_anew_with_the_change_stays() {
    let daemon = with_password().await;
    for (change, mut fields) in elsewhere() {
        fields.push("password");
        let answer = set(&daemon, v1::Account { password: "neu".to_owned(), ..change }, &fields).await;
        assert!(!answer.password_cleared, "{fields:?}");
        assert!(answer.account.unwrap().has_password, "{fields:?}");
    }
}

#[tokio::test]
async fn d3_a_cleared_password_does_not_come_back_with_the_old_server() {
    let daemon = with_password().await;
    let server = |name: &str| v1::Account { server: name.to_owned(), ..v1::Account::default() };
    assert!(set(&daemon, server("evil.example.test"), &["server"]).await.password_cleared);
    let back = set(&daemon, server("mail.example.test"), &["server"]).await;
    assert!(!back.password_cleared, "there is none to clear");
    assert!(!back.account.unwrap().has_password);
}

#[tokio::test]
async fn d3_the_login_that_follows_from_the_sender_is_bound_too() {
    let daemon = with_password().await;
    let password = "geheim".to_owned();
    let implied = v1::Account { password, ..v1::Account::default() };
    assert!(set(&daemon, implied, &["login", "password"]).await.account.unwrap().has_password);
    let sender = |email: &str| v1::Account { sender_email: email.to_owned(), ..v1::Account::default() };
    let same = set(&daemon, sender("fax@other.test"), &["sender_email"]).await;
    assert!(!same.password_cleared, "the login is still fax");
    assert!(set(&daemon, sender("other@example.test"), &["sender_email"]).await.password_cleared);
}

#[tokio::test]
async fn d3_what_does_not_change_where_it_goes_keeps_the_password() {
    let daemon = with_password().await;
    let keeps = [
        (v1::Account { server: "MAIL.Example.TEST.".to_owned(), ..v1::Account::default() }, "server"),
        (v1::Account { port: 2465, ..v1::Account::default() }, "port"),
        (v1::Account { login: "fax".to_owned(), ..v1::Account::default() }, "login"),
        (v1::Account { sender_name: Some("Fax".to_owned()), ..v1::Account::default() }, "sender_name"),
        (v1::Account { sender_email: "x@example.test".to_owned(), ..v1::Account::default() }, "sender_email"),
        (v1::Account { ehlo_name: "fax.test".to_owned(), ..v1::Account::default() }, "ehlo_name"),
        (v1::Account { authentication: false, ..v1::Account::default() }, "authentication"),
        (v1::Account::default(), "tls_check"),
        (v1::Account::default(), "method"),
    ];
    for (change, field) in keeps {
        let answer = set(&daemon, change, &[field]).await;
        assert!(!answer.password_cleared && answer.account.unwrap().has_password, "{field}");
    }
}

#[tokio::test]
async fn a5_an_empty_password_forgets_it() {
    let daemon = with_password().await;
    let answer = set(&daemon, v1::Account::default(), &["password"]).await;
    assert!(!answer.password_cleared, "it was asked for");
    assert!(!answer.account.unwrap().has_password);
}

#[tokio::test]
async fn h3_a_sealed_password_is_still_good_after_a_crash() {
    let password = "pässwörd mit Leer & \"Q\"";
    let server = SmtpServer::builder().credentials("fax", password).start().await;
    let mut daemon = TestDaemon::start().await;
    let given = v1::Account {
        authentication: true,
        plaintext_auth: true,
        password: password.to_owned(),
        ..smtp_account("default", server.port())
    };
    let names = [SMTP_FIELDS, &["authentication", "plaintext_auth", "password"]].concat();
    daemon.set(given, &names).await.unwrap();
    daemon.kill();
    daemon.start_again().await;
    let id = send(&daemon, mail_to("a@example.test")).await;
    let message = finished(&daemon, &id).await;
    assert_eq!(message.state(), v1::MessageState::Delivered, "{message:?}");
    assert_eq!(server.wait_for(1).await[0].login.as_deref(), Some("fax"));
}
