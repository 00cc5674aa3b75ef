//! H5: what one caller can hold, and that it comes back.

use bytes::Bytes;
use faxpost_proto::reason::{INVALID_FIELD, MESSAGE_TOO_LARGE, TOO_MANY_CALLS, TOO_MANY_CONNECTIONS};
use faxpost_proto::v1;
use faxpost_proto::v1::diagnostics_client::DiagnosticsClient;
use faxpost_proto::v1::send_mail_stream_request::Part;
use faxpost_tests::daemon::TestDaemon;
use tonic::Code;

use crate::kit::{eventually, mail, reason, served, spool_is_empty, unharmed};

/// An administrator, as the tests' user is one, has so many connections beside his share.
const RESERVE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn h5_one_connection_too_many_is_told_so_and_room_is_given_back() {
    let daemon = TestDaemon::builder().settings("[limits]\nconnections-per-caller = 4\n").start().await;
    eventually("the look whether it serves is over", async || served(&daemon).await).await;
    let mut clients = Vec::new();
    let mut refusal = None;
    for _ in 0..4 + RESERVE + 1 {
        let mut client = DiagnosticsClient::new(daemon.connect().await.unwrap());
        match client.get_status(v1::GetStatusRequest {}).await {
            Ok(_) => clients.push(client),
            Err(status) => refusal = Some(status),
        }
    }
    let refusal = refusal.unwrap();
    assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::ResourceExhausted, TOO_MANY_CONNECTIONS));
    assert!(clients.len() >= 4);
    for client in &mut clients {
        client.get_status(v1::GetStatusRequest {}).await.unwrap();
    }
    drop(clients);
    unharmed(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_one_call_too_many_is_told_so_and_slots_are_given_back() {
    let daemon = TestDaemon::builder().settings("[limits]\ncalls-per-caller = 3\n").start().await;
    let mut watches = Vec::new();
    for _ in 0..3 {
        let mut client = daemon.accounts().await;
        watches.push(client.watch_accounts(v1::WatchAccountsRequest {}).await.unwrap().into_inner());
    }
    // Another connection of the same caller has no more slots.
    let refusal = daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::ResourceExhausted, TOO_MANY_CALLS));
    for watch in &mut watches {
        assert!(watch.message().await.unwrap().is_some(), "those that were there go on");
    }
    watches.pop();
    eventually("a slot is given back", async || served(&daemon).await).await;
    drop(watches);
    unharmed(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_requests_in_memory_are_bounded_together_and_room_is_given_back() {
    let settings = "[limits]\nrequest-bytes-per-caller = 2097152\npatience-seconds = 60\n";
    let daemon = TestDaemon::builder().settings(settings).start().await;
    let large = |name: &str| {
        let content = Bytes::from(vec![7; 900_000]);
        let attachment = v1::Attachment { file_name: "a.tif".to_owned(), content, ..Default::default() };
        v1::SendMailRequest { attachments: vec![attachment], ..mail(name, false) }
    };
    let begin = async |name: &str| {
        let (parts, stream) = tokio::sync::mpsc::channel(1);
        let first = v1::SendMailStreamRequest { part: Some(Part::Mail(large(name))) };
        parts.send(first).await.unwrap();
        let mut client = daemon.mail().await;
        let stream = tokio_stream::wrappers::ReceiverStream::new(stream);
        (parts, tokio::spawn(async move { client.send_mail_stream(stream).await }))
    };
    let names = ["one", "two"];
    let mut under_way = Vec::new();
    for name in names {
        under_way.push(begin(name).await);
    }
    let mut client = daemon.mail().await;
    let mut refused = None;
    let full = async || {
        // Under a name of its own each time: what came before the others' bytes was accepted. The bytes of such a one can be
        // what was too much for one of the two, which then begins anew.
        for (call, name) in under_way.iter_mut().zip(names) {
            if call.1.is_finished() {
                *call = begin(name).await;
            }
        }
        refused = client.send_mail(large(&uuid::Uuid::new_v4().to_string())).await.err();
        refused.is_some() && under_way.iter().all(|(_, call)| !call.is_finished())
    };
    eventually("the third is one too many", full).await;
    let refusal = refused.unwrap();
    assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::ResourceExhausted, TOO_MANY_CALLS));
    client.send_mail(mail("small", false)).await.unwrap();
    let mut accepted = 0;
    for (parts, call) in under_way {
        drop(parts);
        match call.await.unwrap() {
            Ok(_) => accepted += 1,
            // Looked at above before it heard that the one too many had its room for a moment.
            Err(refusal) => assert_eq!(reason(&refusal), TOO_MANY_CALLS),
        }
    }
    assert!(accepted > 0, "what was too much was not all of it");
    client.send_mail(large("three")).await.unwrap();
    unharmed(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_what_is_too_large_is_refused_and_leaves_nothing() {
    let daemon = TestDaemon::builder().settings("[limits]\nmax-message-bytes = 6000000\n").start().await;
    let mut client = daemon.mail().await;
    let content = Bytes::from(vec![7; 5 << 20]);
    let attachment =
        v1::Attachment { file_name: "a.tif".to_owned(), content: content.clone(), ..Default::default() };
    let large = v1::SendMailRequest { attachments: vec![attachment], ..mail("large", false) };
    too_large(client.send_mail(large).await.unwrap_err());

    let account = v1::Account { server: "x".repeat(600_000), ..Default::default() };
    let change = v1::UpdateAccountRequest { account: Some(account), ..Default::default() };
    too_large(daemon.accounts().await.update_account(change).await.unwrap_err());

    let part = |part| v1::SendMailStreamRequest { part: Some(part) };
    let mut parts = vec![part(Part::Mail(mail("stream", false)))];
    for name in ["a.tif", "b.tif"] {
        let start = v1::AttachmentStart { file_name: name.to_owned(), content_type: String::new() };
        parts.push(part(Part::Attachment(start)));
        for at in 0..50 {
            parts.push(part(Part::Chunk(content.slice(at * 65_536..(at + 1) * 65_536))));
        }
    }
    let stream = tokio_stream::iter(parts);
    too_large(client.send_mail_stream(stream).await.unwrap_err());
    spool_is_empty(&daemon).await;
    unharmed(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_refusal_takes_no_memory_whatever_was_asked() {
    let daemon = TestDaemon::start().await;
    let mask = |count| Some(prost_types::FieldMask { paths: vec![String::new(); count] });
    let small = |refusal: tonic::Status| {
        assert_eq!(
            (refusal.code(), reason(&refusal).as_str()),
            (Code::InvalidArgument, INVALID_FIELD),
            "{refusal:?}"
        );
        assert!(refusal.message().len() + refusal.details().len() < 6000, "{}", refusal.message().len());
    };
    let account = || v1::Account { etag: "0".to_owned(), ..Default::default() };
    let mut accounts = daemon.accounts().await;
    for count in [1, 64, 65, 30_000] {
        let change = v1::UpdateAccountRequest {
            account: Some(account()),
            update_mask: mask(count),
            ..Default::default()
        };
        small(accounts.update_account(change).await.unwrap_err());
        let test = v1::TestAccountRequest { update_mask: mask(count), ..Default::default() };
        small(daemon.diagnostics().await.test_account(test).await.unwrap_err());
    }
    let change = |count| v1::UpdateAccountRequest {
        account: Some(account()),
        update_mask: mask(count),
        ..Default::default()
    };
    too_large(accounts.update_account(change(40_000)).await.unwrap_err());
    // Only an import has many accounts.
    let imports = (0..100).map(|n| v1::AccountImport {
        account: Some(v1::Account { id: format!("a{n}"), server: "x".repeat(2000), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["server".to_owned()] }),
    });
    let import = v1::ImportAccountsRequest { accounts: imports.collect(), validate_only: true };
    small(accounts.import_accounts(import).await.unwrap_err());

    for recipients in [vec!["(".to_owned(); 100], vec!["(".to_owned(); 101], vec![String::new(); 300_000]] {
        let envelope = v1::RawEnvelope { recipients, ..Default::default() };
        let part = v1::send_raw_mail_request::Part::Envelope(envelope);
        let parts = tokio_stream::iter([v1::SendRawMailRequest { part: Some(part) }]);
        small(daemon.mail().await.send_raw_mail(parts).await.unwrap_err());
    }
    unharmed(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_large_pipes_at_once_hold_only_what_is_in_memory() {
    use v1::send_raw_mail_request::Part;
    let settings = "[limits]\nrequest-bytes-per-caller = 2097152\npatience-seconds = 60\n";
    let daemon = TestDaemon::builder().settings(settings).start().await;
    let part = |part| v1::SendRawMailRequest { part: Some(part) };
    let mut pipes = Vec::new();
    for n in 0..8 {
        let (parts, stream) = tokio::sync::mpsc::channel(1);
        let mut client = daemon.mail().await;
        let stream = tokio_stream::wrappers::ReceiverStream::new(stream);
        let call = tokio::spawn(async move { client.send_raw_mail(stream).await });
        let recipients = vec![format!("a{n}@example.test")];
        parts.send(part(Part::Envelope(v1::RawEnvelope { recipients, ..Default::default() }))).await.unwrap();
        pipes.push((parts, call));
    }
    for _ in 0..16 {
        for (parts, _) in &pipes {
            let line = [&[b'x'; 63][..], b"\n"].concat().repeat(1000);
            parts.send(part(Part::Chunk(line.into()))).await.expect("the call goes on");
        }
    }
    for (parts, call) in pipes {
        drop(parts);
        call.await.unwrap().unwrap();
    }
    unharmed(&daemon).await;
}

fn too_large(refusal: tonic::Status) {
    let found = (refusal.code(), reason(&refusal));
    assert_eq!(found, (Code::InvalidArgument, MESSAGE_TOO_LARGE.to_owned()), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_long_lists_come_in_pages_that_every_client_takes() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.mail().await;
    let many: Vec<_> =
        (0..100).map(|n| format!("{n:03}{}@{}.test", "x".repeat(55), "y".repeat(60))).collect();
    let count = 120;
    for n in 0..count {
        let request = v1::SendMailRequest { to: many.clone(), ..mail(&format!("many-{n}"), false) };
        client.send_mail(request).await.unwrap();
    }
    let (mut all, mut pages, mut page_token) = (0, 0, String::new());
    loop {
        let request = v1::ListMessagesRequest { page_size: 500, page_token, ..Default::default() };
        let page = client.list_messages(request).await.unwrap().into_inner();
        (all, pages, page_token) = (all + page.messages.len(), pages + 1, page.next_page_token);
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(all, count);
    assert!(pages > 1, "one page would have been larger than a client takes");
}
