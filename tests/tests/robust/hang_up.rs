//! Callers who hang up in the middle of a call: what was begun is ended, and memory and disk agree afterwards.

use std::time::Duration;

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dice::Dice;

use crate::kit::{finished, mail, outbox, spool_is_empty, unharmed};

#[tokio::test(flavor = "multi_thread")]
async fn a12_a_change_whose_caller_hangs_up_is_made_or_not_but_never_half() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.accounts().await;
    let mut dice = Dice(0x5EED_0003);
    for n in 0..150 {
        let read = client.get_account(v1::GetAccountRequest::default()).await.unwrap().into_inner();
        let account = v1::Account {
            sender_name: Some(format!("Name {n}")),
            etag: read.account.unwrap().etag,
            ..v1::Account::default()
        };
        let change = v1::UpdateAccountRequest {
            account: Some(account),
            update_mask: Some(faxpost_tests::daemon::mask(&["sender_name"])),
            validate_only: false,
        };
        // Dropped wherever it is by then; nothing is concluded from how long it took.
        let patience = Duration::from_micros(dice.below(1500) as u64);
        let _ = tokio::time::timeout(patience, client.update_account(change)).await;
    }
    // Calls that were hung up on end by themselves; then the store has what memory has.
    let account = v1::Account { sender_name: Some("Last".to_owned()), ..v1::Account::default() };
    let mut last = Err(tonic::Status::unknown("not tried"));
    for _ in 0..20 {
        last = daemon.set(account.clone(), &["sender_name"]).await;
        if last.is_ok() {
            break;
        }
    }
    last.unwrap();
    let mut daemon = daemon;
    let read = client.get_account(v1::GetAccountRequest::default()).await.unwrap().into_inner().account;
    daemon.kill();
    daemon.start_again().await;
    let mut client = daemon.accounts().await;
    let again = client.get_account(v1::GetAccountRequest::default()).await.unwrap().into_inner().account;
    assert_eq!(again, read);
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_mail_whose_caller_hangs_up_is_sent_once_or_not_at_all() {
    let daemon = TestDaemon::start().await;
    let client = daemon.mail().await;
    let mut dice = Dice(0x5EED_0004);
    for n in 0..150 {
        let patience = Duration::from_micros(dice.below(4000) as u64);
        let mut client = client.clone();
        let sending = client.send_mail(mail(&format!("hang-up-{n}"), n % 3 == 0));
        let _ = tokio::time::timeout(patience, sending).await;
    }
    let mut client = client;
    let mut ids = std::collections::BTreeSet::new();
    for n in 0..150 {
        let answer = client.send_mail(mail(&format!("hang-up-{n}"), n % 3 == 0)).await.unwrap().into_inner();
        finished(&daemon, &answer.id).await;
        ids.insert(answer.id);
    }
    let there: std::collections::BTreeSet<_> = outbox(&daemon).await.into_iter().map(|m| m.id).collect();
    assert_eq!(there, ids);
    spool_is_empty(&daemon).await;
    unharmed(&daemon).await;
}
