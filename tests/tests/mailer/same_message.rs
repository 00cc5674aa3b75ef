//! The same message by each method arrives with the same meaning: fields, parts and their contents as an independent reader
//! (mail-parser) sees them. Signatures by each method are compared in `smime` and, for Windows, with the machine's store.

use std::collections::BTreeMap;

use faxpost_tests::smtp::SmtpServer;
use faxpostd::mailer::{Body, Job, Route};
use faxpostd::message::{Attachment, Content, Draft};
use mail_parser::{Address, MessageParser, MimeHeaders as _, PartType};

use crate::kit::{JobExt as _, job, run, succeeds};

const TO: [&str; 4] =
    ["petr@example.test", "ann@example.test", "cc@xn--e1afmkfd.xn--p1ai", "hidden@example.test"];

/// What callers send: each with a name.
fn drafts() -> Vec<(&'static str, Draft)> {
    let draft = |text: &str| Draft {
        sender_name: "Факс-сервер \"Север\", приём".to_owned(),
        sender_email: "fax@example.test".to_owned(),
        to: vec![
            "Пётр Иванович <petr@example.test>".to_owned(),
            "\"Lee, Ann\" <ann@example.test>".to_owned(),
        ],
        cc: vec!["cc@пример.рф".to_owned()],
        bcc: vec!["hidden@example.test".to_owned()],
        subject: format!("Входящий факс {}", "на две строки и больше ".repeat(6)),
        text: text.to_owned(),
        headers: vec![
            ("X-Fax-Id".to_owned(), "42 =?no?= тест".to_owned()),
            ("In-Reply-To".to_owned(), "<1@x.test>".to_owned()),
        ],
        reply_to: "Отдел <sales@example.test>".to_owned(),
        ..Draft::default()
    };
    let file = |name: &str, bytes: Vec<u8>| Attachment {
        file_name: name.to_owned(),
        content_type: String::new(),
        content: Content::Memory(bytes.into()),
    };
    let fax = file("Факс №1.tif", (0..70_000_u32).map(|n| (n % 4099 * n % 251) as u8).collect());
    let html = "<p>Факс от <b>+7 495</b></p>\n.\n".to_owned();
    vec![
        ("plain", draft("One line.\n.\n..two\nFrom here\n")),
        ("empty", draft("")),
        ("cyrillic", draft("Три страницы.\n.точка\n  \n\n")),
        ("html", Draft { html: html.clone(), ..draft("Факс\n") }),
        (
            "files",
            Draft {
                attachments: vec![fax.clone(), file("a b.pdf", b"%PDF-1.4\n.\r\n".to_vec())],
                html,
                ..draft("Во вложении.\n")
            },
        ),
        ("only a file", Draft { attachments: vec![fax], ..draft("") }),
    ]
}

/// What a reader makes of a message, without what each method writes itself: Date, and what it adds.
fn meaning(message: &[u8]) -> BTreeMap<String, String> {
    let parsed = MessageParser::default().parse(message).expect("a message");
    let mut found = BTreeMap::new();
    let people = |list: Option<&Address<'_>>| {
        let list = list.into_iter().flat_map(Address::iter);
        list.map(|one| format!("{:?} {:?}", one.name, one.address)).collect::<Vec<_>>().join(", ")
    };
    for (name, list) in [
        ("From", parsed.from()),
        ("To", parsed.to()),
        ("Cc", parsed.cc()),
        ("Bcc", parsed.bcc()),
        ("Reply-To", parsed.reply_to()),
        ("Sender", parsed.sender()),
    ] {
        found.insert(name.to_owned(), people(list));
    }
    found.insert("Subject".to_owned(), parsed.subject().unwrap_or_default().to_owned());
    found.insert("Message-ID".to_owned(), parsed.message_id().unwrap_or_default().to_owned());
    found.insert("Date is there".to_owned(), parsed.date().is_some().to_string());
    let text = String::from_utf8_lossy(message);
    let head = &text[..text.find("\r\n\r\n").expect("a body")].to_lowercase();
    for once in ["date", "from", "to", "cc", "subject", "message-id", "mime-version", "content-type"] {
        let count = head.split("\r\n").filter(|line| line.starts_with(&format!("{once}:"))).count();
        assert_eq!(count, 1, "{once}: {head}");
    }
    for name in ["X-Fax-Id", "In-Reply-To"] {
        let value = parsed.header(name).and_then(|value| value.as_text()).unwrap_or_default();
        found.insert(name.to_owned(), value.to_owned());
    }
    for (number, part) in parsed.parts.iter().enumerate() {
        let content = match &part.body {
            PartType::Text(text) | PartType::Html(text) => text.replace("\r\n", "\n"),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => format!("{bytes:?}"),
            PartType::Message(_) => "a message".to_owned(),
            PartType::Multipart(parts) => format!("{parts:?}"),
        };
        let kind = part.content_type().map(|kind| format!("{}/{:?}", kind.c_type, kind.c_subtype));
        found.insert(format!("part {number}"), format!("{kind:?} {:?}\n{content}", part.attachment_name()));
    }
    found
}

fn ready(mut job: Job, body: &[u8]) -> Job {
    job.body = Body::Inline(body.to_vec());
    job.envelope.from = "fax@example.test".to_owned();
    job.to(&TO)
}

#[tokio::test]
async fn a7_the_same_message_by_each_method_arrives_with_the_same_meaning() {
    let folder = tempfile::tempdir().unwrap();
    let server = SmtpServer::builder().start().await;
    for (name, draft) in drafts() {
        let composed = draft.compose().unwrap();
        let mut message = Vec::new();
        composed.write_to(&mut message).unwrap();
        let expected = meaning(&message);
        assert_eq!(expected["Bcc"], "");

        let mut pickup = ready(job(&server), &message);
        pickup.route = Route::Pickup { directory: folder.path().to_owned(), file_stem: "m".to_owned() };
        assert!(run(pickup, None).await.failure.is_none());
        let file = std::fs::read(folder.path().join("m.eml")).unwrap();
        let without_envelope = file.windows(5).position(|five| five == b"From:").unwrap();
        // lettre writes From first or later: the envelope's lines are those before the message.
        let top = file.len() - message.len();
        assert!(top <= without_envelope, "{name}");
        assert_eq!(meaning(&file[top..]), expected, "{name}: pickup");

        for (method, job) in by_servers(&server) {
            let before = server.received().len();
            succeeds(ready(job, &message)).await;
            let received = server.wait_for(before + 1).await.remove(before);
            assert_eq!(received.from, "fax@example.test");
            let mut to = received.to;
            to.sort();
            let mut all = TO;
            all.sort_unstable();
            assert_eq!(to, all, "{name}: {method}");
            assert_eq!(meaning(&received.content), expected, "{name}: {method}");
        }
    }
}

/// The methods that this host has, and that talk to a server.
fn by_servers(server: &SmtpServer) -> Vec<(&'static str, Job)> {
    let mut jobs = vec![("secure-smtp-client", job(server))];
    #[cfg(unix)]
    jobs.push(("system-net-mail", job(server).net_mail()));
    #[cfg(windows)]
    {
        faxpost_tests::cdo::install();
        jobs.push(("cdo-message", job(server).cdo()));
    }
    jobs
}
