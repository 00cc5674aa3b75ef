//! The store fails under the running daemon: it says so to everybody who needs the store, and lives.

use std::fs::OpenOptions;
use std::io::{Seek as _, Write as _};

use faxpost_proto::v1::send_mail_stream_request::Part;
use faxpost_proto::v1::{Decision, Role};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use tonic::{Code, Status};

use crate::kit::{account, decide, finished, mail_to, message, ok, refused, send, smtp_account};

/// Overwrites the database with noise, in place: the daemon has its files open.
fn destroy(daemon: &TestDaemon) {
    // The shared-memory index as well, without which SQLite goes on with what it remembers of the pages.
    for name in ["faxpost.db", "faxpost.db-wal", "faxpost.db-shm"] {
        let mut file = OpenOptions::new().write(true).open(daemon.state_dir().join(name)).unwrap();
        let size = file.seek(std::io::SeekFrom::End(0)).unwrap();
        file.rewind().unwrap();
        let noise: Vec<u8> = (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        file.write_all(&noise).unwrap();
    }
}

async fn failed<T: std::fmt::Debug>(what: &str, call: impl Future<Output = Result<T, Status>>) {
    let answer = tokio::time::timeout(crate::kit::PATIENCE, call).await;
    let answer = answer.unwrap_or_else(|_| panic!("{what} hangs"));
    assert!(answer.is_err(), "{what} did not fail: {answer:?}");
    let status = refused(answer, Code::Unavailable, reason::STORE_FAILED);
    assert!(!status.message().contains("SQL"), "{what}: {}", status.message());
}

#[tokio::test]
async fn a_destroyed_database_is_told_to_whoever_needs_it_and_the_daemon_lives() {
    let daemon = TestDaemon::start().await;
    let id = send(&daemon, mail_to("a@example.test")).await;
    finished(&daemon, &id).await;
    let before = account(&daemon, "default").await;
    let made = v1::Account { id: "sales".to_owned(), ..v1::Account::default() };
    let made =
        ok(daemon.accounts().await.create_account(crate::kit::create(made, &[])).await).account.unwrap();
    let (mut accounts, mut mail, mut log) =
        (daemon.accounts().await, daemon.mail().await, daemon.log().await);
    let (mut diagnostics, mut admin) = (daemon.diagnostics().await, daemon.admin().await);
    let known = v1::ListRevisionsRequest { account: "default".to_owned(), ..Default::default() };
    let known = ok(accounts.list_revisions(known).await).revisions.remove(0).number;

    destroy(&daemon);
    let id = || id.clone();
    failed("ListMessages", mail.list_messages(v1::ListMessagesRequest::default())).await;
    failed("GetMessage", mail.get_message(v1::GetMessageRequest { id: id() })).await;
    failed("WatchMessage", mail.watch_message(v1::WatchMessageRequest { id: id() })).await;
    failed("ListEntries", log.list_entries(v1::ListEntriesRequest::default())).await;
    failed("GetEntry", log.get_entry(v1::GetEntryRequest { id: 1 })).await;
    failed("GetTranscript", log.get_transcript(v1::GetTranscriptRequest { id: 1 })).await;
    failed("FollowEntries", log.follow_entries(v1::FollowEntriesRequest::default())).await;
    failed("GetStatus", diagnostics.get_status(v1::GetStatusRequest {})).await;
    failed("ListRevisions", accounts.list_revisions(v1::ListRevisionsRequest::default())).await;
    let request = v1::GetRevisionRequest { number: known, compare_with: 0 };
    failed("GetRevision", accounts.get_revision(request)).await;
    let request = v1::RollbackAccountRequest {
        number: known,
        etag: before.etag.clone(),
        ..v1::RollbackAccountRequest::default()
    };
    failed("RollbackAccount", accounts.rollback_account(request)).await;
    // The first write that fails stops the writer, so each is asked twice.
    for _ in 0..2 {
        failed("SendMail", mail.send_mail(mail_to("b@example.test"))).await;
        let part = v1::SendMailStreamRequest { part: Some(Part::Mail(mail_to("b@example.test"))) };
        failed("SendMailStream", mail.send_mail_stream(tokio_stream::once(part))).await;
        failed("SendRawMail", mail.send_raw_mail(raw(10))).await;
        failed("RetryMessage", mail.retry_message(v1::RetryMessageRequest { id: id() })).await;
        failed("HoldMessage", mail.hold_message(v1::HoldMessageRequest { id: id() })).await;
        failed("ReleaseMessage", mail.release_message(v1::ReleaseMessageRequest { id: id() })).await;
        failed("CancelMessage", mail.cancel_message(v1::CancelMessageRequest { id: id() })).await;
        let new = v1::Account { id: "new".to_owned(), ..v1::Account::default() };
        failed("CreateAccount", accounts.create_account(crate::kit::create(new, &[]))).await;
        failed("UpdateAccount", daemon.set(smtp_account("default", 25), &["server"])).await;
        let request = v1::DeleteAccountRequest { id: "sales".to_owned(), etag: made.etag.clone() };
        failed("DeleteAccount", accounts.delete_account(request)).await;
        let etag = before.etag.clone();
        let changed = v1::Account { id: "default".to_owned(), etag, port: 26, ..v1::Account::default() };
        let update_mask = Some(faxpost_tests::daemon::mask(&["port"]));
        let one = v1::AccountImport { account: Some(changed), update_mask };
        let request = v1::ImportAccountsRequest { accounts: vec![one], validate_only: false };
        failed("ImportAccounts", accounts.import_accounts(request)).await;
        failed("UpdatePolicy", decide(&daemon, "Mail/SendMail", Role::User, Decision::Deny)).await;
    }

    // What needs no store goes on, and nothing changed in it.
    assert_eq!(account(&daemon, "default").await, before);
    assert_eq!(ok(accounts.list_accounts(v1::ListAccountsRequest::default()).await).accounts.len(), 2);
    ok(accounts.get_capabilities(v1::GetCapabilitiesRequest {}).await);
    let mut watch = ok(accounts.watch_accounts(v1::WatchAccountsRequest {}).await);
    assert_eq!(watch.message().await.unwrap().unwrap().accounts.len(), 2);
    let policy = ok(admin.get_policy(v1::GetPolicyRequest {}).await);
    assert!(policy.rules.iter().all(|rule| rule.cells.iter().all(|cell| !cell.changed)));
    let until = v1::Step::Resolve.into();
    let request = v1::TestAccountRequest { until, ..v1::TestAccountRequest::default() };
    let mut test = ok(diagnostics.test_account(request).await);
    while test.message().await.unwrap().is_some() {}
    assert!(daemon.stderr().contains("the store failed"), "{}", daemon.stderr());
}

/// A finished message of so many bytes.
fn raw(bytes: usize) -> impl tokio_stream::Stream<Item = v1::SendRawMailRequest> {
    use v1::send_raw_mail_request::Part;
    let to = v1::RawEnvelope { recipients: vec!["b@example.test".to_owned()], ..v1::RawEnvelope::default() };
    let parts = [Part::Envelope(to), Part::Chunk(vec![b'\n'; bytes].into())];
    tokio_stream::iter(parts.map(|part| v1::SendRawMailRequest { part: Some(part) }))
}

#[tokio::test]
async fn f2_a_spool_that_is_gone_refuses_large_mail_and_small_mail_goes_on() {
    let daemon = TestDaemon::start().await;
    std::fs::remove_dir(daemon.state_dir().join("spool")).unwrap();
    let mut mail = daemon.mail().await;
    let large = v1::SendMailRequest { text: "x".repeat(200_000), ..mail_to("a@example.test") };
    failed("SendMail", mail.send_mail(large)).await;
    let start = v1::AttachmentStart { file_name: "a.bin".to_owned(), ..Default::default() };
    let parts = [Part::Mail(mail_to("a@example.test")), Part::Attachment(start), Part::Chunk(vec![7].into())];
    let parts = parts.map(|part| v1::SendMailStreamRequest { part: Some(part) });
    failed("SendMailStream", mail.send_mail_stream(tokio_stream::iter(parts))).await;
    failed("SendRawMail", mail.send_raw_mail(raw(200_000))).await;

    let id = send(&daemon, mail_to("a@example.test")).await;
    finished(&daemon, &id).await;
    assert_eq!(message(&daemon, &id).await.attempts, 1);
    let listed = ok(mail.list_messages(v1::ListMessagesRequest::default()).await).messages;
    assert_eq!(listed.len(), 1, "of the refused nothing is left");
}
