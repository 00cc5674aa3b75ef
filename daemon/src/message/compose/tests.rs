//! Read back with an independent parser, so that lettre and we cannot be wrong together.

use std::io::Write as _;

use bytes::Bytes;
use mail_parser::{MessageParser, MimeHeaders as _};
use proptest::prelude::*;

use super::*;
use crate::message::Content;

fn draft() -> Draft {
    Draft {
        sender_name: "Faxpost".to_owned(),
        sender_email: "fax@example.com".to_owned(),
        to: vec!["Ann <ann@example.org>".to_owned()],
        subject: "Fax".to_owned(),
        text: "Hello\n".to_owned(),
        ..Draft::default()
    }
}

fn memory(file_name: &str, bytes: &[u8]) -> Attachment {
    Attachment {
        file_name: file_name.to_owned(),
        content_type: String::new(),
        content: Content::Memory(Bytes::copy_from_slice(bytes)),
    }
}

fn composed(draft: &Draft) -> Composed {
    draft.compose().unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn written(composed: &Composed) -> Vec<u8> {
    let mut out = Vec::new();
    composed.write_to(&mut out).unwrap();
    assert_eq!(out.len() as u64, composed.size, "the size is known before writing");
    out
}

/// The message as text, after the checks that hold for every message.
fn wire(draft: &Draft) -> String {
    let bytes = written(&composed(draft));
    check_form(&bytes, true).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn check_form(bytes: &[u8], seven_bit: bool) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    if seven_bit && !text.is_ascii() {
        return Err("not 7-bit".to_owned());
    }
    if !text.ends_with("\r\n") {
        return Err("no line end at the end".to_owned());
    }
    for line in text.split("\r\n") {
        if line.len() > 998 {
            return Err(format!("a line of {} octets", line.len()));
        }
        if line.contains(['\r', '\n', '\0']) {
            return Err(format!("a bare CR, LF or NUL: {line:?}"));
        }
        if line.starts_with("From ") {
            return Err(format!("a line that a mailbox file would change: {line:?}"));
        }
    }
    Ok(())
}

/// Names of the message's own header section.
fn field_names(text: &str) -> Vec<String> {
    let section = text.split("\r\n\r\n").next().unwrap_or_default();
    let lines = section.split("\r\n").filter(|line| !line.starts_with(' '));
    lines.map(|line| line.split(':').next().unwrap_or_default().to_ascii_lowercase()).collect()
}

fn fields(draft: &Draft) -> Vec<String> {
    draft.compose().expect_err("must be refused").into_iter().map(|problem| problem.field).collect()
}

#[test]
fn f1_a_simple_message_is_simple() {
    let text = wire(&draft());
    let names = [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    ];
    assert_eq!(field_names(&text), names);
    assert!(text.starts_with(
        "From: Faxpost <fax@example.com>\r\nTo: Ann <ann@example.org>\r\nSubject: Fax\r\nDate: "
    ));
    assert!(text.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{text}");
    assert!(text.contains("\r\n\r\nHello\r\n"), "{text}");
}

#[test]
fn f1_structure_is_only_as_deep_as_needed() {
    let with = |text: &str, html: &str, attachments: usize| {
        let attachments = (0..attachments).map(|_| memory("a.tif", b"II*\0")).collect();
        let text = wire(&Draft { text: text.to_owned(), html: html.to_owned(), attachments, ..draft() });
        let types = text.lines().filter_map(|line| line.strip_prefix("Content-Type: "));
        types.map(|t| t.split(';').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(with("", "", 0), ["text/plain"]);
    assert_eq!(with("", "<p>", 0), ["text/html"]);
    assert_eq!(with("t", "<p>", 0), ["multipart/alternative", "text/plain", "text/html"]);
    assert_eq!(with("t", "", 2), ["multipart/mixed", "text/plain", "image/tiff", "image/tiff"]);
    let all = ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "image/tiff"];
    assert_eq!(with("t", "<p>", 1), all);
}

#[test]
fn f1_cyrillic_everywhere_is_read_back() {
    let tiff = [b"II*\0".as_slice(), &[0xff; 300]].concat();
    let draft = Draft {
        sender_name: "Факс-сервер".to_owned(),
        to: vec!["Иван Петров <ivan@пример.рф>".to_owned()],
        cc: vec!["\"Отдел, продаж\" <sales@example.com>".to_owned()],
        subject: "Входящий факс от +7 495 123-45-67 (3 страницы)".to_owned(),
        text: "Здравствуйте!\nФакс во вложении.\n".to_owned(),
        html: "<p>Здравствуйте!</p>".to_owned(),
        headers: vec![("Comments".to_owned(), "от кого: Анна".to_owned())],
        attachments: vec![memory("Факс от 1 мая, стр. 3.tif", &tiff), memory("short \"q\".pdf", b"%PDF")],
        ..draft()
    };
    let text = wire(&draft);
    let message = MessageParser::default().parse(text.as_bytes()).unwrap();
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Факс-сервер"), Some("fax@example.com")));
    let to = message.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Иван Петров"), Some("ivan@xn--e1afmkfd.xn--p1ai")));
    assert_eq!(message.cc().unwrap().first().unwrap().name(), Some("Отдел, продаж"));
    assert_eq!(message.subject(), Some(draft.subject.as_str()));
    assert_eq!(message.body_text(0).unwrap(), "Здравствуйте!\r\nФакс во вложении.\r\n");
    assert_eq!(message.body_html(0).unwrap(), draft.html);
    assert_eq!(message.header("Comments").unwrap().as_text(), Some("от кого: Анна"));
    let attachments: Vec<_> = message.attachments().collect();
    assert_eq!(attachments[0].attachment_name(), Some("Факс от 1 мая, стр. 3.tif"));
    assert_eq!(attachments[0].contents(), tiff);
    assert_eq!(attachments[1].attachment_name(), Some("short \"q\".pdf"));
}

#[test]
fn f1_bcc_is_in_the_envelope_only_and_duplicates_are_dropped() {
    let draft = Draft {
        to: vec!["ann@EXAMPLE.org".to_owned(), "Ann <ann@example.org>".to_owned(), "x@пример.рф".to_owned()],
        cc: vec!["x@xn--e1afmkfd.xn--p1ai".to_owned(), "Ann@example.org".to_owned()],
        bcc: vec!["secret@example.net".to_owned(), "ann@example.org".to_owned()],
        ..draft()
    };
    let composed = composed(&draft);
    assert_eq!(composed.envelope.from, "fax@example.com");
    let to = ["ann@example.org", "x@xn--e1afmkfd.xn--p1ai", "Ann@example.org", "secret@example.net"];
    assert_eq!(composed.envelope.to, to);
    let text = String::from_utf8(written(&composed)).unwrap();
    assert!(!text.contains("secret") && !text.to_ascii_lowercase().contains("bcc:"));

    let only = Draft { to: vec![], cc: vec![], ..draft };
    let text = wire(&only);
    assert!(text.contains("\r\nTo: undisclosed-recipients:;\r\n") && !text.contains("secret"));
}

#[test]
fn f1_the_message_id_is_ours_and_differs_each_time() {
    let idn = Draft { sender_email: "fax@пример.рф".to_owned(), ..draft() };
    let (one, two) = (composed(&idn), composed(&idn));
    assert_ne!(one.message_id, two.message_id);
    assert!(one.message_id.starts_with('<') && one.message_id.ends_with("@xn--e1afmkfd.xn--p1ai>"));
    assert!(
        String::from_utf8(written(&one))
            .unwrap()
            .contains(&format!("\r\nMessage-ID: {}\r\n", one.message_id))
    );
}

#[test]
fn f1_a_hundred_recipients_and_no_more() {
    let many = |count: usize| (0..count).map(|n| format!("r{n}@example.com")).collect::<Vec<_>>();
    assert_eq!(composed(&Draft { to: many(60), cc: many(40), ..draft() }).envelope.to.len(), 60);
    wire(&Draft { to: many(100), ..draft() });
    assert_eq!(fields(&Draft { to: many(60), bcc: many(41), ..draft() }), ["to"]);
    assert_eq!(fields(&Draft { to: vec![], ..draft() }), ["to"]);
}

#[test]
fn f1_every_wrong_field_is_named() {
    let bad = Draft {
        sender_name: "a\nb".to_owned(),
        sender_email: "fax".to_owned(),
        to: vec!["ann@example.org".to_owned(), String::new(), "b".to_owned()],
        cc: vec!["c@d\r\nX: y".to_owned()],
        bcc: vec!["a@b.c, d@e.f".to_owned()],
        subject: "a\r\nBcc: eve@example.com".to_owned(),
        headers: vec![
            ("Bcc".to_owned(), "eve@example.com".to_owned()),
            ("X-A".to_owned(), "a\nb".to_owned()),
            ("x-a".to_owned(), "again".to_owned()),
            ("Reply-To".to_owned(), "nobody".to_owned()),
        ],
        attachments: vec![
            memory("ok.tif", b""),
            Attachment { content_type: "tiff".to_owned(), ..memory("../a", b"") },
            Attachment { content: Content::File("/nonexistent/x".into()), ..memory("b", b"") },
        ],
        ..draft()
    };
    let expected = [
        "sender_email",
        "sender_name",
        "subject",
        "to[1]",
        "to[2]",
        "cc[0]",
        "bcc[0]",
        "headers[0].name",
        "headers[1].value",
        "headers[2].name",
        "headers[3].value",
        "attachments[1].file_name",
        "attachments[1].content_type",
        "attachments[2].content",
    ];
    assert_eq!(fields(&bad), expected);
    assert_eq!(fields(&Draft { subject: "я".repeat(999), ..draft() }), ["subject"]);
    let many = vec![memory("a", b""); 101];
    assert_eq!(fields(&Draft { attachments: many, ..draft() }), ["attachments"]);
    let many = (0..51).map(|n| (format!("X-{n}"), String::new())).collect();
    assert_eq!(fields(&Draft { headers: many, ..draft() }), ["headers"]);
}

#[test]
fn f1_a_large_file_is_streamed_and_its_size_exact() {
    /// Holds the message to its claim without keeping it.
    struct Measured {
        total: u64,
        largest: usize,
        base64: Vec<u8>,
    }
    impl std::io::Write for Measured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.total += bytes.len() as u64;
            self.largest = self.largest.max(bytes.len());
            self.base64.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.tif");
    let content: Vec<u8> =
        (0..20 * 1024 * 1024 + 1_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::File::create(&path).unwrap().write_all(&content).unwrap();
    let file = Attachment { content: Content::File(path.clone()), ..memory("large.tif", b"") };
    let composed = composed(&Draft { attachments: vec![memory("first.txt", b"1"), file], ..draft() });
    let kept: usize =
        composed.pieces.iter().map(|p| if let Piece::Text(text) = p { text.len() } else { 0 }).sum();
    assert!(kept < 4096, "{kept} bytes of skeleton");

    let mut out = Measured { total: 0, largest: 0, base64: Vec::new() };
    composed.write_to(&mut out).unwrap();
    assert_eq!(out.total, composed.size);
    assert!(out.largest <= 80 * 1024, "pieces of {} bytes", out.largest);
    check_form(&out.base64, true).unwrap();
    let message = MessageParser::default().parse(&out.base64).unwrap();
    assert!(message.attachments().nth(1).unwrap().contents() == content, "every byte");

    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    assert_eq!(composed.write_to(&mut std::io::sink()).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
}

#[test]
fn f1_texts_arrive_as_given() {
    for given in [
        "plain\r\nwith CRLF\r\n",
        "lone\rCR\rand\nLF",
        "trailing blank \nand tab\t\n",
        "nul\0 and bell\u{7}",
        ".\n..\nFrom x\n",
        "From ä\nFrom From From\n>From x\n From x\nFrom \nFrom",
        &"From one to another, ".repeat(60),
        &"From ".repeat(500),
        &"long ".repeat(500),
        &"x".repeat(2000),
        &"длинно ".repeat(500),
        "\u{2028}\u{feff}=?utf-8?q?x?=",
        "\n\n\n",
    ] {
        let text = wire(&Draft { text: given.to_owned(), ..draft() });
        let message = MessageParser::default().parse(text.as_bytes()).unwrap();
        let expected = crlf(given);
        // A part that is the whole message ends with a line end, whether its text did or not.
        let read = message.body_text(0).unwrap().into_owned();
        assert_eq!(read.trim_end_matches("\r\n"), expected.trim_end_matches("\r\n"), "{given:?}");
    }
}

#[test]
fn a_large_text_takes_linear_time() {
    let text = "line\n".repeat(1_000_000);
    assert!(composed(&Draft { text, ..draft() }).size > 6_000_000);
}

/// Mostly what is accepted, so that the checks of the written message are reached, and now and then what is not.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[ -~]{0,60}",
        6 => "[а-яa-z =?\"]{0,120}",
        3 => "(x|\u{1F4E0}){0,120}",
        2 => "[a-z]{110,128}",
        1 => "[a-z]{990,998}",
        1 => " {0,998}",
        1 => "[ -~\\r\\n\\t\\x00:]{0,60}",
        1 => "x\r\nBcc: eve@a\\.b",
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,80}",
        "(From |x|я|\n|[a-z]{70,76}){0,12}",
        "[ -~\\r\\n\\t\\x00:]{0,60}",
        "[а-я\n]{0,100}",
        any_line()
    ]
}

fn any_mailbox() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => ("[а-яa-zA-Z .@=?]{0,40}", "[a-zа-я+]{1,10}", "[a-zа-я]{1,8}(\\.[a-z]{2}){0,2}")
            .prop_map(|(name, local, domain)| format!("{name} <{local}@{domain}>")),
        12 => ("[a-zA-Z ,;<>]{0,120}", "[a-z+ ,<@]{1,10}").prop_map(|(name, local)| format!("\"{name}\" <\"{local}\"@a.b>")),
        6 => Just("ann@example.org".to_owned()),
        1 => any_line(),
    ]
}

prop_compose! {
    fn any_draft()(
        sender_name in any_line(), sender_email in prop_oneof![8 => Just("fax@example.com".to_owned()), 1 => any_mailbox()],
        to in proptest::collection::vec(any_mailbox(), 0..3), cc in proptest::collection::vec(any_mailbox(), 0..2),
        bcc in proptest::collection::vec(Just("bcc@hidden.example".to_owned()), 0..2),
        subject in any_line(), text in any_text(), html in any_text(),
        reply_to in proptest::option::weighted(0.2, any_mailbox()),
        headers in proptest::collection::vec(
            (prop_oneof![8 => "X-[a-z]{1,74}", 1 => any_line()], any_line()), 0..3),
        attachments in proptest::collection::vec((
            prop_oneof![4 => "[ -.0-\\[\\]-~]{1,255}", 4 => "[а-яa-z.]{1,255}", 1 => any_line()],
            prop_oneof![8 => Just(String::new()), 4 => "[a-z]{1,9}/[a-z.+-]{1,20}(; [a-z]{1,9}=[a-z]{1,9}){0,2}", 1 => any_line()],
            proptest::collection::vec(any::<u8>(), 0..200),
        ), 0..3),
    ) -> Draft {
        let attachments = attachments.into_iter().map(|(file_name, content_type, content)| Attachment {
            file_name, content_type, content: Content::Memory(content.into()),
        }).collect();
        let headers = headers.into_iter().chain(reply_to.map(|value| ("Reply-To".to_owned(), value))).collect();
        Draft { sender_name, sender_email, to, cc, bcc, subject, text, html, headers, attachments, ..Draft::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn f1_nothing_a_caller_gives_can_break_out_of_its_field(draft in any_draft()) {
        match draft.compose() {
            Err(problems) => prop_assert!(!problems.is_empty()),
            Ok(composed) => {
                let bytes = written(&composed);
                let ascii = composed.envelope.to.iter().chain([&composed.envelope.from]).all(|a| a.is_ascii());
                check_form(&bytes, ascii).map_err(TestCaseError::fail)?;
                let text = String::from_utf8(bytes).unwrap();
                prop_assert!(!text.contains("bcc@hidden.example"));
                let mut known = vec!["from", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type",
                    "content-transfer-encoding"];
                let given: Vec<_> = draft.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
                known.extend(given.iter().map(String::as_str));
                let mut names = field_names(&text);
                prop_assert!(names.iter().all(|name| known.contains(&name.as_str())), "{:?}", names);
                names.sort_unstable();
                let count = names.len();
                names.dedup();
                prop_assert_eq!(names.len(), count, "each field once");
            }
        }
    }

    #[test]
    fn f1_subjects_and_file_names_are_read_back_as_given(
        subject in prop_oneof!["[ -~]{1,100}", "[а-яa-z 0-9]{1,200}", "\\PC{1,60}", "[a-z]{990,998}", "(\u{1F4E0}| ){1,200}"],
        file_name in prop_oneof!["[ -.0-\\[\\]-~]{1,120}", "[а-яa-z 0-9.]{1,200}", "[\u{1F4E0}%'*=a]{1,100}"],
    ) {
        let draft = Draft { subject: subject.clone(), attachments: vec![memory(&file_name, b"x")], ..draft() };
        if let Ok(composed) = draft.compose() {
            let bytes = written(&composed);
            let message = MessageParser::default().parse(&bytes).unwrap();
            prop_assert_eq!(message.subject().unwrap_or_default().trim(), subject.trim());
            prop_assert_eq!(message.attachment(0).unwrap().attachment_name().unwrap_or_default(), file_name);
        }
    }
}

#[test]
fn f1_line_ends_of_every_kind_become_crlf() {
    for (given, expected) in [
        ("", ""),
        ("a", "a"),
        ("é\rб\nc\r\nd", "é\r\nб\r\nc\r\nd"),
        ("\n\r\r\n\n", "\r\n\r\n\r\n\r\n"),
        ("a\n\r", "a\r\n\r\n"),
    ] {
        assert_eq!(crlf(given), expected, "{given:?}");
    }
}

#[test]
fn f1_control_characters_are_encoded_in_text_of_any_script() {
    for given in ["a\u{1}b", "a\u{7f}b", "б\u{1}", "б\u{85}"] {
        let body = text(given);
        assert!(!matches!(body.encoding(), ContentTransferEncoding::SevenBit), "{given:?}");
        assert!(!body.as_ref().contains(&1), "{given:?}");
    }
    assert!(matches!(text("a\tb").encoding(), ContentTransferEncoding::SevenBit));
}
