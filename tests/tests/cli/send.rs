//! `faxpost send`

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{At, Fault, Received, SmtpServer};

use crate::kit::{faxpost, faxpost_with, file, send_by};

/// Head and body of the part with this in its head, as they came.
fn part<'a>(content: &'a str, head: &str) -> (&'a str, &'a str) {
    let boundary = content.split_once("boundary=\"").unwrap().1.split_once('"').unwrap().0;
    let boundary = format!("--{boundary}");
    let part = content
        .split(&boundary)
        .skip(1)
        .find(|part| part.contains(head))
        .unwrap_or_else(|| panic!("no {head}"));
    part.trim_start().split_once("\r\n\r\n").unwrap()
}

fn text(received: &Received) -> String {
    String::from_utf8(received.content.clone()).unwrap()
}

fn decoded(body: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(body.lines().collect::<String>()).unwrap()
}

#[tokio::test]
async fn g1_send_hands_over_text_html_files_and_headers() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let folder = tempfile::tempdir().unwrap();
    let html = file(&folder, "body.html", "<p>Две страницы</p>".as_bytes());
    let (one, two) = (file(&folder, "one.tif", b"II*\0one"), file(&folder, "Факс 2.pdf", b"%PDF two"));
    let arguments = [
        "send",
        "--to",
        "Пётр <petr@example.test>",
        "b@example.test",
        "--cc",
        "c@example.test",
        "--bcc",
        "hidden@example.test",
        "--subject",
        "Входящий факс",
        "--text",
        "-",
        "--html",
        &html,
        "--attach",
        &one,
        &two,
        "--header",
        "X-Fax-Line: 7",
        "--wait",
    ];
    let sent = faxpost_with(&daemon, &arguments, "Из стандартного ввода.\n").await.exits(0);
    let sent = sent.says("Accepted: ").says("\ndelivered\n");
    let id = sent.out.split_whitespace().nth(1).unwrap();

    let received = server.wait_for(1).await;
    assert_eq!(
        received[0].to,
        ["petr@example.test", "b@example.test", "c@example.test", "hidden@example.test"]
    );
    let content = text(&received[0]);
    assert!(content.contains("\r\nX-Fax-Line: 7\r\n") && !content.contains("hidden@"), "{content}");
    for (head, expected) in [("filename=\"one.tif\"", &b"II*\0one"[..]), ("application/pdf", b"%PDF two")] {
        assert_eq!(decoded(part(&content, head).1), expected);
    }
    let shown = faxpost(&daemon, &["outbox", "show", id]).await.exits(0);
    shown.says("Входящий факс").says("hidden@example.test").says("delivered");
}

#[tokio::test]
async fn f4_the_same_request_id_sends_once() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let send = ["send", "--to", "a@example.test", "--text", "Once.", "--request-id", "fax-7", "--subject"];
    let first = faxpost(&daemon, &[&["--json"], &send[..], &["One"]].concat()).await.exits(0).json();
    assert_ne!(first["duplicate"], true);
    let again = faxpost(&daemon, &[&["--json"], &send[..], &["One"]].concat()).await.exits(0).json();
    assert_eq!(again["duplicate"], true);
    assert_eq!((&again["id"], &again["messageId"]), (&first["id"], &first["messageId"]));
    let told = faxpost(&daemon, &[&send[..], &["One", "--wait"]].concat()).await.exits(0);
    told.says(first["id"].as_str().unwrap()).says("nothing new was sent").says("delivered");
    let other = faxpost(&daemon, &[&send[..], &["Other"]].concat()).await.exits(65);
    other.complains("This request id was used before for another message");
    assert_eq!(server.wait_for(1).await.len(), 1);
}

#[tokio::test]
async fn f1_a_large_file_is_streamed_and_arrives_whole() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let content: Vec<u8> =
        (0..5_u32 << 20).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let folder = tempfile::tempdir().unwrap();
    let fax = file(&folder, "long fax.tif", &content);
    let send = ["--json", "send", "--to", "a@example.test", "--subject", "5 MB", "--attach", &fax, "--wait"];
    let sent = faxpost(&daemon, &send).await.exits(0);
    assert!(sent.json()["id"].is_string(), "one object, and states elsewhere: {sent:#?}");
    assert!(
        sent.err.contains("delivered") && !sent.err.contains("MiB"),
        "no bar without a terminal: {sent:#?}"
    );
    let message = text(&server.wait_for(1).await[0]);
    let (head, body) = part(&message, "long fax.tif");
    assert!(head.contains("image/tiff"), "{head}");
    assert!(decoded(body) == content, "the attachment is not what was sent");
}

#[tokio::test]
async fn f3_wait_tells_the_end_whatever_it_is() {
    let server =
        SmtpServer::builder().fault_times(1, At::Mail, Fault::answer(451, "4.3.0 once")).start().await;
    let daemon = TestDaemon::builder().settings("[outbox]\nretry-seconds = [1]\n").start().await;
    send_by(&daemon, &server).await;
    let send = |to| ["send", "--subject", "Fax", "--text", "One page.", "--wait", "--to", to];
    // The first attempt fails for the time being, and waiting goes on.
    faxpost(&daemon, &send("a@example.test")).await.exits(0).says("4.3.0 once").says("\ndelivered\n");
    let failed = faxpost(&daemon, &send("r550@example.test")).await.exits(1);
    failed.says("failed").says("r550@example.test").says("RECIPIENT").says("550");
    let waiting = [&send("r450@example.test")[..], &["--wait-seconds", "1"]].concat();
    faxpost(&daemon, &waiting).await.exits(75).complains("goes on trying").complains("faxpost outbox show");
    let json = faxpost(&daemon, &[&["--json"], &send("r550@example.test")[..]].concat()).await.exits(1);
    assert!(json.json()["messageId"].is_string());
}

#[tokio::test]
async fn g1_mistakes_in_a_message_are_named() {
    let daemon = TestDaemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let latin = file(&folder, "latin1.html", b"\xff\xfe");
    let directory = folder.path().display().to_string();
    for (arguments, code, said) in [
        (&["--subject", "x"][..], 65, "at least one recipient"),
        (&["--to", "nobody"], 65, "to[0] \"nobody\" is not an e-mail address: it has no @"),
        (&["--to", "a@example.test", "b@"], 65, "to[1] \"b@\" has no valid domain"),
        (&["--to", "a@example.test", "--header", "X-Fax"], 64, "is not 'Name: value'"),
        (&["--to", "a@example.test", "--header", "From: b@example.test"], 65, "headers[0].name is From"),
        (&["--to", "a@example.test", "--header", "X-A: 1\nBcc: b@example.test"], 65, "line break"),
        (&["--to", "a@example.test", "--subject", "x\r\nBcc: b@example.test"], 65, "subject"),
        (&["--to", "a@example.test", "--attach", "no such file"], 65, "no such file: it does not exist"),
        (&["--to", "a@example.test", "--attach", &directory], 65, "it is a folder"),
        (&["--to", "a@example.test", "--html", &latin], 65, "not text in UTF-8"),
        (&["--to", "a@example.test", "--account", "nope"], 65, "There is no account nope."),
        (&["--to"], 64, "--to"),
    ] {
        let run = faxpost(&daemon, &[&["send"], arguments].concat()).await;
        assert_eq!(run.code, code, "{arguments:?}: {run:#?}");
        assert!(run.out.is_empty() && run.err.contains(said), "{arguments:?}: {run:#?}");
    }
    let list = faxpost(&daemon, &["outbox", "list"]).await.exits(0).complains("Nothing found.");
    assert!(list.out.is_empty());
}

#[tokio::test]
async fn h5_a_message_that_is_too_large_says_the_limit() {
    let daemon = TestDaemon::builder().settings("[limits]\nmax-message-bytes = 100000\n").start().await;
    let folder = tempfile::tempdir().unwrap();
    for size in [200_000, 3 << 20] {
        let fax = file(&folder, "fax.tif", &vec![7; size]);
        let run = faxpost(&daemon, &["send", "--to", "a@example.test", "--attach", &fax]).await.exits(65);
        run.complains("100000");
    }
}
