//! The history of accounts, going back, and imports (requirement A12).

use faxpost_proto::v1::{Decision, RevisionKind, Role, SecretChange, Security};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::{TestDaemon, mask};
use tonic::Code;

use crate::kit::{account, create, decide, fields, invalid, ok, refused, smtp_account};

async fn history(daemon: &TestDaemon, account: &str) -> Vec<v1::Revision> {
    let request = v1::ListRevisionsRequest { account: account.to_owned(), ..Default::default() };
    ok(daemon.accounts().await.list_revisions(request).await).revisions
}

async fn revision(daemon: &TestDaemon, number: i64, compare_with: i64) -> v1::GetRevisionResponse {
    ok(daemon.accounts().await.get_revision(v1::GetRevisionRequest { number, compare_with }).await)
}

async fn back(
    daemon: &TestDaemon,
    number: i64,
    etag: &str,
    validate_only: bool,
) -> Result<v1::RollbackAccountResponse, tonic::Status> {
    let request = v1::RollbackAccountRequest { number, etag: etag.to_owned(), validate_only };
    daemon.accounts().await.rollback_account(request).await.map(tonic::Response::into_inner)
}

/// "default" signs in with a password at a server, then goes to another one without.
async fn moved(daemon: &TestDaemon) {
    let given = v1::Account {
        security: Security::Starttls.into(),
        authentication: true,
        password: "correct horse".to_owned(),
        login: "secret-login".to_owned(),
        ..smtp_account("default", 587)
    };
    let fields =
        ["method", "server", "port", "sender_email", "security", "authentication", "password", "login"];
    daemon.set(given, &fields).await.unwrap();
    let elsewhere = v1::Account { server: "elsewhere.example".to_owned(), ..smtp_account("default", 587) };
    assert!(daemon.set(elsewhere, &["server"]).await.unwrap().password_cleared);
}

#[tokio::test]
async fn a12_every_change_is_a_revision_with_who_when_and_what_and_never_a_secret() {
    let daemon = TestDaemon::start().await;
    moved(&daemon).await;
    let told = history(&daemon, "default").await;
    let kinds: Vec<_> = told.iter().map(v1::Revision::kind).collect();
    assert_eq!(kinds, [RevisionKind::Changed, RevisionKind::Changed, RevisionKind::Created]);
    assert!(told[0].current && !told[1].current && told[0].number > told[1].number);
    assert_eq!(told[0].fields, ["server"]);
    assert_eq!(told[0].password(), SecretChange::ClearedByBinding);
    assert_eq!(told[1].password(), SecretChange::Set);
    assert!(told[1].fields.contains(&"login".to_owned()) && !told[1].fields.contains(&"password".to_owned()));
    assert!(!told[0].changed_by.is_empty() && !told[0].changed_by_id.is_empty() && told[0].time.is_some());

    let one = revision(&daemon, told[0].number, 0).await;
    assert_eq!(one.fields, ["server"]);
    assert_eq!(one.compared_account.unwrap().server, "127.0.0.1");
    assert_eq!(one.account.unwrap().server, "elsewhere.example");
    let first = revision(&daemon, told[2].number, 0).await;
    assert!(first.compared.is_none() && first.fields.is_empty());
    let far = revision(&daemon, told[0].number, told[2].number).await;
    assert!(far.fields.len() >= 6, "{:?}", far.fields);
    assert!(!format!("{told:?}{far:?}").contains("correct horse"));
}

#[tokio::test]
async fn a12_a_change_that_changes_nothing_is_no_revision_and_no_action() {
    let daemon = TestDaemon::start().await;
    moved(&daemon).await;
    let (before, told) = (account(&daemon, "default").await, history(&daemon, "default").await);
    let actions = async || {
        let request = v1::ListAuditEntriesRequest::default();
        ok(daemon.admin().await.list_audit_entries(request).await).entries.len()
    };
    let audited = actions().await;
    for _ in 0..3 {
        let same = daemon.set(before.clone(), &["server", "port", "login"]).await.unwrap();
        assert_eq!(same.account.unwrap(), before);
    }
    assert_eq!(history(&daemon, "default").await, told);
    assert_eq!(actions().await, audited);
}

#[tokio::test]
async fn a12_the_history_comes_in_pages_and_survives_a_crash() {
    let mut daemon = TestDaemon::start().await;
    for port in 1..=7 {
        daemon.set(v1::Account { port, ..v1::Account::default() }, &["port"]).await.unwrap();
    }
    daemon.kill();
    daemon.start_again().await;
    let mut client = daemon.accounts().await;
    let (mut numbers, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListRevisionsRequest { page_size: 3, page_token, ..Default::default() };
        let page = ok(client.list_revisions(request).await);
        assert!(page.revisions.len() <= 3);
        numbers.extend(page.revisions.iter().map(|revision| revision.number));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(numbers, (1..=8).rev().collect::<Vec<_>>());
    invalid(
        client.list_revisions(v1::ListRevisionsRequest { page_size: -1, ..Default::default() }).await,
        &["page_size"],
    );
    let token = v1::ListRevisionsRequest { page_token: "x".to_owned(), ..Default::default() };
    invalid(client.list_revisions(token).await, &["page_token"]);
    for number in [0, -1, 99] {
        let missing = client.get_revision(v1::GetRevisionRequest { number, compare_with: 0 }).await;
        refused(missing, Code::NotFound, reason::REVISION_NOT_FOUND);
    }
}

#[tokio::test]
async fn a12_two_accounts_cannot_be_compared() {
    let daemon = TestDaemon::start().await;
    ok(daemon.accounts().await.create_account(create(smtp_account("sales", 25), &["port"])).await);
    let request = v1::GetRevisionRequest { number: 2, compare_with: 1 };
    invalid(daemon.accounts().await.get_revision(request).await, &["compare_with"]);
}

#[tokio::test]
async fn a12_a_rollback_is_a_new_revision() {
    let daemon = TestDaemon::start().await;
    daemon.set(v1::Account { port: 26, ..v1::Account::default() }, &["port"]).await.unwrap();
    daemon.set(v1::Account { port: 27, ..v1::Account::default() }, &["port"]).await.unwrap();
    let etag = account(&daemon, "default").await.etag;

    let preview = back(&daemon, 2, &etag, true).await.unwrap();
    assert_eq!((preview.fields, preview.account.unwrap().port), (vec!["port".to_owned()], 26));
    assert_eq!(account(&daemon, "default").await.port, 27, "nothing was changed");

    back(&daemon, 2, &etag, false).await.unwrap();
    assert_eq!(account(&daemon, "default").await.port, 26);
    let told = history(&daemon, "default").await;
    assert_eq!(told.len(), 4);
    assert_eq!(
        (told[0].kind(), told[0].rolled_back_to, told[0].current),
        (RevisionKind::RolledBack, 2, true)
    );

    refused(back(&daemon, 1, &etag, false).await, Code::Aborted, reason::ETAG_MISMATCH);
    invalid(back(&daemon, 1, "", false).await, &["etag"]);
    invalid(back(&daemon, 1, "no etag", false).await, &["etag"]);
    refused(back(&daemon, 99, &etag, false).await, Code::NotFound, reason::REVISION_NOT_FOUND);
    let etag = account(&daemon, "default").await.etag;
    assert!(back(&daemon, 2, &etag, false).await.unwrap().fields.is_empty());
    assert_eq!(history(&daemon, "default").await.len(), 4, "without a difference there is no revision");
}

#[tokio::test]
async fn d3_a_rollback_to_another_server_takes_the_password_that_belongs_to_this_one() {
    let daemon = TestDaemon::start().await;
    moved(&daemon).await;
    let anew = v1::Account { password: "of elsewhere".to_owned(), ..v1::Account::default() };
    daemon.set(anew, &["password"]).await.unwrap();
    let etag = account(&daemon, "default").await.etag;
    for validate_only in [true, false] {
        let answer = back(&daemon, 2, &etag, validate_only).await.unwrap();
        assert!(answer.password_cleared && !answer.account.unwrap().has_password);
    }
    let now = account(&daemon, "default").await;
    assert_eq!((now.server.as_str(), now.has_password), ("127.0.0.1", false));
    assert_eq!(history(&daemon, "default").await[0].password(), SecretChange::ClearedByBinding);

    let anew = v1::Account { password: "of this one".to_owned(), ..v1::Account::default() };
    daemon.set(anew, &["password"]).await.unwrap();
    daemon
        .set(v1::Account { sender_name: Some("x".to_owned()), ..v1::Account::default() }, &["sender_name"])
        .await
        .unwrap();
    let (number, etag) =
        (history(&daemon, "default").await[1].number, account(&daemon, "default").await.etag);
    assert!(!back(&daemon, number, &etag, false).await.unwrap().password_cleared);
    assert!(account(&daemon, "default").await.has_password, "the server stayed the same");
}

#[tokio::test]
async fn a12_a_deleted_account_keeps_its_history_and_comes_back_without_its_password() {
    let daemon = TestDaemon::start().await;
    let sales = v1::Account { password: "correct horse".to_owned(), ..smtp_account("sales", 2525) };
    let fields = ["method", "server", "port", "sender_email", "password"];
    let made = ok(daemon.accounts().await.create_account(create(sales, &fields)).await).account.unwrap();
    assert!(made.has_password);
    let request = v1::DeleteAccountRequest { id: "sales".to_owned(), etag: made.etag.clone() };
    ok(daemon.accounts().await.delete_account(request).await);

    let told = history(&daemon, "sales").await;
    assert_eq!(
        told.iter().map(v1::Revision::kind).collect::<Vec<_>>(),
        [RevisionKind::Deleted, RevisionKind::Created]
    );
    assert!(told.iter().all(|revision| !revision.current));
    assert!(revision(&daemon, told[0].number, 0).await.account.is_none());
    invalid(back(&daemon, told[0].number, "", false).await, &["number"]);
    refused(
        back(&daemon, told[1].number, &made.etag, false).await,
        Code::NotFound,
        reason::ACCOUNT_NOT_FOUND,
    );

    back(&daemon, told[1].number, "", false).await.unwrap();
    let again = account(&daemon, "sales").await;
    assert_eq!((again.port, again.has_password), (2525, false));
    assert_eq!(history(&daemon, "sales").await[0].kind(), RevisionKind::RolledBack);
}

#[tokio::test]
async fn a12_who_may_not_see_a_login_does_not_see_it_in_the_history() {
    let daemon = TestDaemon::start().await;
    moved(&daemon).await;
    decide(&daemon, "Accounts/UpdateAccount", Role::Administrator, Decision::Deny).await.unwrap();
    let told = history(&daemon, "default").await;
    let one = revision(&daemon, told[1].number, told[2].number).await;
    assert!(!format!("{one:?}").contains("secret-login"));
    assert_eq!(one.account.unwrap().redacted, ["login"]);
    let (number, etag) = (told[1].number, account(&daemon, "default").await.etag);
    let answer = back(&daemon, number, &etag, true).await.unwrap();
    assert!(!format!("{answer:?}").contains("secret-login"));
}

fn one(account: v1::Account, fields: &[&str]) -> v1::AccountImport {
    v1::AccountImport { account: Some(account), update_mask: Some(mask(fields)) }
}

async fn import(
    daemon: &TestDaemon,
    accounts: Vec<v1::AccountImport>,
    validate_only: bool,
) -> Result<Vec<v1::ImportedAccount>, tonic::Status> {
    let request = v1::ImportAccountsRequest { accounts, validate_only };
    daemon.accounts().await.import_accounts(request).await.map(|answer| answer.into_inner().accounts)
}

#[tokio::test]
async fn a12_an_import_says_what_will_change_and_does_all_of_it() {
    let daemon = TestDaemon::start().await;
    let etag = account(&daemon, "default").await.etag;
    let accounts = vec![
        one(smtp_account("sales", 2525), &["method", "server", "port", "sender_email"]),
        one(
            v1::Account {
                id: "default".to_owned(),
                etag,
                reply_to: "a@b.example".to_owned(),
                ..Default::default()
            },
            &["reply_to"],
        ),
        one(v1::Account { id: "plain".to_owned(), ..Default::default() }, &[]),
    ];
    let preview = import(&daemon, accounts.clone(), true).await.unwrap();
    assert_eq!(preview.len(), 3);
    assert!(preview[0].before.is_none() && preview[0].fields.contains(&"port".to_owned()));
    assert_eq!(
        (preview[1].fields.as_slice(), preview[1].before.is_some()),
        (&["reply_to".to_owned()][..], true)
    );
    assert_eq!(history(&daemon, "").await.len(), 1, "nothing was changed");

    let done = import(&daemon, accounts, false).await.unwrap();
    assert_eq!(
        done.iter().map(|one| one.account.clone().unwrap().id).collect::<Vec<_>>(),
        ["sales", "default", "plain"]
    );
    assert_eq!(account(&daemon, "sales").await.port, 2525);
    assert_eq!(account(&daemon, "default").await.reply_to, "a@b.example");
    let told = history(&daemon, "").await;
    assert_eq!(told.len(), 4);
    assert!(told[..3].iter().all(|revision| revision.kind() == RevisionKind::Imported));

    let etag = account(&daemon, "default").await.etag;
    let same = v1::Account {
        id: "default".to_owned(),
        etag,
        reply_to: "a@b.example".to_owned(),
        ..Default::default()
    };
    let same = import(&daemon, vec![one(same, &["reply_to"])], false).await.unwrap();
    assert!(same[0].fields.is_empty() && same[0].before == same[0].account);
    assert_eq!(history(&daemon, "").await.len(), 4, "what is the same makes no revision");
}

#[tokio::test]
async fn a12_an_import_is_all_or_nothing_and_names_every_wrong_field() {
    let daemon = TestDaemon::start().await;
    let good = one(smtp_account("good", 25), &["port"]);
    let wrong = vec![
        good.clone(),
        one(
            v1::Account { port: 70_000, reply_to: "nobody".to_owned(), ..smtp_account("bad", 25) },
            &["port", "reply_to"],
        ),
        one(v1::Account { server: "two words".to_owned(), ..smtp_account("worse", 25) }, &["server"]),
    ];
    let status = import(&daemon, wrong, false).await.unwrap_err();
    assert_eq!(fields(&status), ["accounts[1].port", "accounts[1].reply_to", "accounts[2].server"]);

    let etag = account(&daemon, "default").await.etag;
    let stale = v1::Account { id: "default".to_owned(), etag, port: 26, ..Default::default() };
    daemon.set(v1::Account { port: 30, ..Default::default() }, &["port"]).await.unwrap();
    let answer = import(&daemon, vec![good.clone(), one(stale, &["port"])], false).await;
    refused(answer, Code::Aborted, reason::ETAG_MISMATCH);
    let there = v1::Account { id: "default".to_owned(), ..Default::default() };
    let answer = import(&daemon, vec![good.clone(), one(there, &[])], false).await;
    refused(answer, Code::AlreadyExists, reason::ACCOUNT_EXISTS);
    let missing = v1::Account { id: "missing".to_owned(), etag: "1".to_owned(), ..Default::default() };
    let answer = import(&daemon, vec![good.clone(), one(missing, &[])], false).await;
    refused(answer, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    let request = v1::ListAccountsRequest::default();
    assert_eq!(
        ok(daemon.accounts().await.list_accounts(request).await).accounts.len(),
        1,
        "nothing was made"
    );

    invalid(import(&daemon, vec![], false).await, &["accounts"]);
    invalid(import(&daemon, vec![good.clone(); 101], false).await, &["accounts"]);
    invalid(import(&daemon, vec![good.clone(), good.clone()], false).await, &["accounts[1].id"]);
    invalid(import(&daemon, vec![v1::AccountImport::default()], false).await, &["accounts[0].account"]);
    invalid(import(&daemon, vec![one(smtp_account("Not good", 25), &[])], false).await, &["accounts[0].id"]);
    invalid(
        import(&daemon, vec![one(smtp_account("a", 25), &["sever"])], false).await,
        &["accounts[0].update_mask"],
    );
    let etag = v1::Account { etag: "no etag".to_owned(), ..smtp_account("a", 25) };
    invalid(import(&daemon, vec![one(etag, &[])], false).await, &["accounts[0].etag"]);
    for secret in ["password", "oauth_client_secret"] {
        let answer = import(&daemon, vec![one(smtp_account("a", 25), &[secret])], false).await;
        invalid(answer, &[&format!("accounts[0].{secret}")]);
    }
}

#[tokio::test]
async fn d3_an_import_to_another_server_takes_the_password() {
    let daemon = TestDaemon::start().await;
    let given = v1::Account { password: "correct horse".to_owned(), ..smtp_account("default", 25) };
    daemon.set(given, &["method", "server", "port", "sender_email", "password"]).await.unwrap();
    let etag = account(&daemon, "default").await.etag;
    let elsewhere =
        v1::Account { etag, server: "elsewhere.example".to_owned(), ..smtp_account("default", 25) };
    let answer = import(&daemon, vec![one(elsewhere, &["server"])], false).await.unwrap();
    assert!(answer[0].password_cleared);
    assert!(!account(&daemon, "default").await.has_password);
}
