//! `faxpost.v1.Mail`: the outbox. Lists, attempts and their outcome for each recipient, and steering.

use faxpost_proto::v1::{MessageState, RecipientState};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{At, Fault, SmtpServer};
use tonic::{Code, Status};

use crate::kit::{
    SMTP_FIELDS, create, dead_port, entries, eventually, finished, invalid, mail_to, message, ok, refused,
    send, send_to, send_to_port, smtp_account, spool, watched,
};

/// Long pauses: what is tried again is tried because somebody said so.
const PATIENT: &str = "[outbox]\nretry-seconds = [3600]";
/// Short ones.
const EAGER: &str = "[outbox]\nretry-seconds = [1]";

#[derive(Clone, Copy, Debug)]
enum Steer {
    Retry,
    Hold,
    Release,
    Cancel,
}

async fn steer(daemon: &TestDaemon, id: &str, how: Steer) -> Result<v1::Message, Status> {
    let mut client = daemon.mail().await;
    let id = id.to_owned();
    let message = match how {
        Steer::Retry => client.retry_message(v1::RetryMessageRequest { id }).await?.into_inner().message,
        Steer::Hold => client.hold_message(v1::HoldMessageRequest { id }).await?.into_inner().message,
        Steer::Release => {
            client.release_message(v1::ReleaseMessageRequest { id }).await?.into_inner().message
        }
        Steer::Cancel => client.cancel_message(v1::CancelMessageRequest { id }).await?.into_inner().message,
    };
    Ok(message.unwrap())
}

/// A message whose first attempt failed.
async fn waiting(daemon: &TestDaemon) -> v1::Message {
    let id = send(daemon, mail_to("a@example.test")).await;
    watched(daemon, &id, |message| message.attempts == 1).await
}

fn states(message: &v1::Message) -> Vec<(&str, RecipientState)> {
    message.recipients.iter().map(|recipient| (recipient.address.as_str(), recipient.state())).collect()
}

#[tokio::test]
async fn f3_a_message_tells_where_it_stands() {
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    let port = dead_port();
    send_to_port(&daemon, port).await;
    let sent = ok(daemon.mail().await.send_mail(mail_to("a@пример.рф")).await);
    let message = watched(&daemon, &sent.id, |message| message.attempts == 1).await;
    assert_eq!(message.state(), MessageState::Queued);
    assert_eq!((message.message_id, message.accept_time), (sent.message_id, sent.accept_time));
    assert_eq!((message.account.as_str(), message.sender.as_str()), ("default", "fax@example.test"));
    assert_eq!((message.subject.as_str(), message.size > 100), ("Fax", true));
    assert_eq!(message.recipients.len(), 1);
    assert_eq!(message.recipients[0].address, "a@xn--e1afmkfd.xn--p1ai");
    assert_eq!(message.recipients[0].state(), RecipientState::Pending);
    assert_eq!(message.last_error_reason, "CONNECTION_REFUSED");
    assert!(!message.last_error.is_empty());
    let (accepted, next) = (message.accept_time.unwrap(), message.next_attempt_time.unwrap());
    assert!((3600..3700).contains(&(next.seconds - accepted.seconds)), "{next:?}");
    assert_eq!(message.expire_time.unwrap().seconds - accepted.seconds, 120 * 3600);
    let status = ok(daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await);
    assert_eq!(message.caller, status.caller_name);
}

#[tokio::test]
async fn f3_what_is_not_there_is_not_found_whatever_is_asked() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.mail().await;
    for id in ["", "missing", "01890a5d-ac96-774b-bcce-b302099a8057", "'; DROP TABLE message; --", "../x"] {
        let id = id.to_owned();
        let get = client.get_message(v1::GetMessageRequest { id: id.clone() }).await;
        refused(get, Code::NotFound, reason::MESSAGE_NOT_FOUND);
        let watch = client.watch_message(v1::WatchMessageRequest { id: id.clone() }).await;
        refused(watch, Code::NotFound, reason::MESSAGE_NOT_FOUND);
        for how in [Steer::Retry, Steer::Hold, Steer::Release, Steer::Cancel] {
            refused(steer(&daemon, &id, how).await, Code::NotFound, reason::MESSAGE_NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn f3_lists_are_newest_first_in_pages_and_by_state_and_account() {
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    let sales = create(smtp_account("sales", dead_port()), SMTP_FIELDS);
    ok(daemon.accounts().await.create_account(sales).await);
    let mut ids = Vec::new();
    for _ in 0..5 {
        let id = send(&daemon, mail_to("a@example.test")).await;
        finished(&daemon, &id).await;
        ids.push(id);
    }
    for _ in 0..2 {
        let mail = v1::SendMailRequest { account: "sales".to_owned(), ..mail_to("a@example.test") };
        let id = send(&daemon, mail).await;
        watched(&daemon, &id, |message| message.attempts == 1).await;
        ids.push(id);
    }
    steer(&daemon, &ids[6], Steer::Hold).await.unwrap();
    ids.reverse();
    let mut client = daemon.mail().await;
    let mut list = async |request: v1::ListMessagesRequest| {
        client.list_messages(request).await.map(|answer| {
            let answer = answer.into_inner();
            let ids: Vec<_> = answer.messages.into_iter().map(|message| message.id).collect();
            (ids, answer.next_page_token)
        })
    };
    let everything = v1::ListMessagesRequest::default;
    assert_eq!(list(everything()).await.unwrap(), (ids.clone(), String::new()));

    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListMessagesRequest { page_size: 3, page_token, ..everything() };
        let (page, next) = list(request).await.unwrap();
        assert!(page.len() <= 3);
        seen.extend(page);
        page_token = next;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ids);

    let by = |states: &[MessageState]| v1::ListMessagesRequest {
        states: states.iter().map(|&state| state.into()).collect(),
        ..everything()
    };
    assert_eq!(list(by(&[MessageState::Held])).await.unwrap().0, ids[..1]);
    assert_eq!(list(by(&[MessageState::Held, MessageState::Queued])).await.unwrap().0, ids[..2]);
    assert_eq!(list(by(&[MessageState::Delivered])).await.unwrap().0, ids[2..]);
    assert_eq!(
        list(by(&[MessageState::Failed, MessageState::Cancelled])).await.unwrap().0,
        Vec::<String>::new()
    );
    assert_eq!(list(by(&[MessageState::Sending])).await.unwrap().0, Vec::<String>::new());
    assert_eq!(
        list(by(&vec![MessageState::Held; 100_000])).await.unwrap().0,
        ids[..1],
        "said often is said once"
    );
    for (account, expected) in [("sales", &ids[..2]), ("default", &ids[2..]), ("missing", &[])] {
        let request = v1::ListMessagesRequest { account: account.to_owned(), ..everything() };
        assert_eq!(list(request).await.unwrap().0, expected);
    }

    invalid(list(v1::ListMessagesRequest { page_size: -1, ..everything() }).await, &["page_size"]);
    invalid(
        list(v1::ListMessagesRequest { page_token: "x".to_owned(), ..everything() }).await,
        &["page_token"],
    );
    for state in [0, 7, -1] {
        invalid(list(v1::ListMessagesRequest { states: vec![state], ..everything() }).await, &["states"]);
    }
}

#[tokio::test]
async fn f3_a_message_that_is_being_sent_is_sending_and_not_queued() {
    let server = SmtpServer::builder().fault(At::FinalDot, Fault::Stall).start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let id = send(&daemon, mail_to("a@example.test")).await;
    let sending = watched(&daemon, &id, |message| message.state() == MessageState::Sending).await;
    assert_eq!(sending.next_attempt_time, None);
    let mut client = daemon.mail().await;
    for (state, expected) in [(MessageState::Sending, 1), (MessageState::Queued, 0)] {
        let request = v1::ListMessagesRequest { states: vec![state.into()], ..Default::default() };
        assert_eq!(ok(client.list_messages(request).await).messages.len(), expected, "{state:?}");
    }
}

#[tokio::test]
async fn f3_each_recipient_has_its_own_outcome() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    send_to(&daemon, &server).await;
    let to = ["good@example.test", "r550@example.test", "r450@example.test"];
    let mail = v1::SendMailRequest { to: to.map(str::to_owned).to_vec(), ..v1::SendMailRequest::default() };
    let id = send(&daemon, mail).await;
    let first = watched(&daemon, &id, |message| message.attempts == 1).await;
    let expected = [
        (to[0], RecipientState::Delivered),
        (to[1], RecipientState::Failed),
        (to[2], RecipientState::Pending),
    ];
    assert_eq!(states(&first), expected);
    for (recipient, code) in first.recipients.iter().zip(["250", "550", "450"]) {
        assert!(recipient.answer.starts_with(code), "{recipient:?}");
    }
    assert_eq!(first.last_error_reason, "RECIPIENT_REJECTED");

    watched(&daemon, &id, |message| message.attempts >= 2).await;
    let cancelled = steer(&daemon, &id, Steer::Cancel).await.unwrap();
    assert_eq!(cancelled.state(), MessageState::Cancelled);
    let expected = [expected[0], expected[1], (to[2], RecipientState::Cancelled)];
    assert_eq!(states(&cancelled), expected);
    assert_eq!(server.received().len(), 1);
    let asked = |address: &str| server.commands().iter().filter(|line| line.contains(address)).count();
    assert_eq!((asked(to[0]), asked(to[1])), (1, 1), "who was decided is not asked again");
    assert!(asked(to[2]) >= 2);
}

#[tokio::test]
async fn f3_a_recipient_refused_for_good_fails_the_message_at_once() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    send_to(&daemon, &server).await;
    let id = send(&daemon, mail_to("r550@example.test")).await;
    let failed = finished(&daemon, &id).await;
    assert_eq!((failed.state(), failed.attempts), (MessageState::Failed, 1));
    assert_eq!(failed.next_attempt_time, None);
}

#[tokio::test]
async fn f3_a_temporary_refusal_is_tried_again_until_it_goes() {
    let server = SmtpServer::builder()
        .fault_times(1, At::Mail, Fault::answer(451, "4.3.0 try again"))
        .fault_times(1, At::FinalDot, Fault::answer(452, "4.3.1 full"))
        .start()
        .await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    send_to(&daemon, &server).await;
    let id = send(&daemon, mail_to("a@example.test")).await;
    let delivered = finished(&daemon, &id).await;
    assert_eq!((delivered.state(), delivered.attempts), (MessageState::Delivered, 3));
    assert_eq!((delivered.last_error.as_str(), delivered.last_error_reason.as_str()), ("", ""));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn f3_what_is_too_old_is_given_up() {
    let settings = "[outbox]\nretry-seconds = [1]\ngive-up-hours = 0";
    let daemon = TestDaemon::builder().settings(settings).start().await;
    send_to_port(&daemon, dead_port()).await;
    let id = send(&daemon, mail_to("a@example.test")).await;
    let failed = finished(&daemon, &id).await;
    assert_eq!((failed.state(), failed.attempts), (MessageState::Failed, 1));
    assert!(failed.last_error.contains("given up"), "{}", failed.last_error);
    assert_eq!(states(&failed), [("a@example.test", RecipientState::Failed)]);
    let all = entries(&daemon).await;
    let last = all.iter().rfind(|entry| entry.message == id).unwrap();
    assert_eq!((last.kind(), last.outcome()), (v1::EntryKind::Expired, v1::EntryOutcome::Permanent));
}

#[tokio::test]
async fn f3_a_watch_tells_the_message_now_and_ends_with_it() {
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    send_to_port(&daemon, dead_port()).await;
    let id = waiting(&daemon).await.id;
    let request = v1::WatchMessageRequest { id: id.clone() };
    let mut watch = ok(daemon.mail().await.watch_message(request.clone()).await);
    let mut next = async || {
        let told = tokio::time::timeout(crate::kit::PATIENCE, watch.message()).await.expect("it is told");
        told.unwrap().map(|state| state.message.unwrap().state())
    };
    assert_eq!(next().await, Some(MessageState::Queued));
    steer(&daemon, &id, Steer::Hold).await.unwrap();
    assert_eq!(next().await, Some(MessageState::Held));
    // Of another message nothing is told.
    waiting(&daemon).await;
    steer(&daemon, &id, Steer::Cancel).await.unwrap();
    assert_eq!(next().await, Some(MessageState::Cancelled));
    assert_eq!(next().await, None);

    let mut late = ok(daemon.mail().await.watch_message(request).await);
    let state = late.message().await.unwrap().unwrap().message.unwrap().state();
    assert_eq!(state, MessageState::Cancelled);
    assert_eq!(late.message().await.unwrap(), None);
}

#[tokio::test]
async fn f3_a_queued_message_is_held_released_retried_and_cancelled() {
    let server = SmtpServer::builder().fault_times(1, At::Mail, Fault::answer(451, "later")).start().await;
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    send_to(&daemon, &server).await;
    let id = waiting(&daemon).await.id;
    let held = steer(&daemon, &id, Steer::Hold).await.unwrap();
    assert_eq!((held.state(), held.next_attempt_time), (MessageState::Held, None));
    for wrong in [Steer::Hold, Steer::Retry] {
        refused(steer(&daemon, &id, wrong).await, Code::FailedPrecondition, reason::WRONG_STATE);
    }
    assert_eq!(message(&daemon, &id).await, held, "nothing changed");
    assert_eq!(server.received().len(), 0);
    steer(&daemon, &id, Steer::Release).await.unwrap();
    assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
    for wrong in [Steer::Retry, Steer::Hold, Steer::Release, Steer::Cancel] {
        let status = refused(steer(&daemon, &id, wrong).await, Code::FailedPrecondition, reason::WRONG_STATE);
        assert!(status.message().contains("finished"), "{}", status.message());
    }
}

#[tokio::test]
async fn f3_retry_tries_at_once_and_release_is_for_held_ones() {
    let server = SmtpServer::builder().fault_times(1, At::Mail, Fault::answer(451, "later")).start().await;
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    send_to(&daemon, &server).await;
    let id = waiting(&daemon).await.id;
    refused(steer(&daemon, &id, Steer::Release).await, Code::FailedPrecondition, reason::WRONG_STATE);
    steer(&daemon, &id, Steer::Retry).await.unwrap();
    let delivered = finished(&daemon, &id).await;
    assert_eq!((delivered.state(), delivered.attempts), (MessageState::Delivered, 2));
}

#[tokio::test]
async fn f3_a_cancelled_message_goes_to_nobody_and_leaves_the_spool() {
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    send_to_port(&daemon, dead_port()).await;
    let large = v1::SendMailRequest { text: "x".repeat(200_000), ..mail_to("a@example.test") };
    let id = send(&daemon, large).await;
    watched(&daemon, &id, |message| message.attempts == 1).await;
    assert_eq!(spool(&daemon).len(), 1);
    let cancelled = steer(&daemon, &id, Steer::Cancel).await.unwrap();
    assert_eq!(states(&cancelled), [("a@example.test", RecipientState::Cancelled)]);
    eventually("the spool is empty", || spool(&daemon).is_empty()).await;

    // The server is there now: what was cancelled does not go.
    let server = SmtpServer::builder().start().await;
    send_to(&daemon, &server).await;
    let other = send(&daemon, mail_to("b@example.test")).await;
    finished(&daemon, &other).await;
    assert_eq!(server.wait_for(1).await[0].to, ["b@example.test"]);
}

#[tokio::test]
async fn f2_held_and_queued_messages_survive_a_crash_and_go() {
    let mut daemon = TestDaemon::builder().settings(PATIENT).start().await;
    send_to_port(&daemon, dead_port()).await;
    let held = waiting(&daemon).await.id;
    steer(&daemon, &held, Steer::Hold).await.unwrap();
    let large = v1::SendMailRequest { text: "x".repeat(200_000), ..mail_to("large@example.test") };
    let large = send(&daemon, large).await;
    watched(&daemon, &large, |message| message.attempts == 1).await;
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(message(&daemon, &held).await.state(), MessageState::Held);
    assert_eq!(message(&daemon, &large).await.state(), MessageState::Queued);

    let server = SmtpServer::builder().start().await;
    send_to(&daemon, &server).await;
    steer(&daemon, &held, Steer::Release).await.unwrap();
    steer(&daemon, &large, Steer::Retry).await.unwrap();
    for id in [held, large] {
        assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
    }
    let sizes: Vec<_> = server.wait_for(2).await.iter().map(|mail| mail.content.len() > 200_000).collect();
    assert_eq!(sizes.iter().filter(|large| **large).count(), 1);
}
