use std::collections::BTreeMap;

use mail_parser::{MessageParser, MimeHeaders as _};
use proptest::prelude::*;

use super::*;
use crate::message::author;

fn senders() -> Senders {
    Senders {
        email: "fax@example.test".to_owned(),
        name: "Faxpost".to_owned(),
        reply_to: String::new(),
        envelope_sender: String::new(),
        others: vec!["@other.test".to_owned(), "info@third.test".to_owned()],
        foreign: Foreign::Rewrite,
    }
}

fn aliases() -> Aliases {
    let names = [("root", vec!["admin@example.test"]), ("team", vec!["a@b.test", "c@d.test"])];
    let names = names.map(|(name, list)| (name.to_owned(), list.into_iter().map(str::to_owned).collect()));
    Aliases { names: BTreeMap::from(names), hosts: vec!["localhost".to_owned(), "faxhost".to_owned()] }
}

fn mail(message: impl AsRef<[u8]>) -> RawMail {
    RawMail {
        recipients: vec!["to@example.test".to_owned()],
        recipients_from_header: false,
        sender: String::new(),
        sender_name: String::new(),
        message: Content::Memory(message.as_ref().to_vec().into()),
    }
}

fn finished(mail: RawMail) -> (Finished, String) {
    let finished = mail.finish(&senders(), &aliases()).unwrap_or_else(|error| panic!("{error:?}"));
    let mut out = Vec::new();
    finished.write_to(&mut out).unwrap();
    (finished, String::from_utf8(out).unwrap())
}

fn sent(message: impl AsRef<[u8]>) -> String {
    finished(mail(message)).1
}

/// Values of a field, unfolded.
fn fields(message: &str, name: &str) -> Vec<String> {
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let of = |line: &str| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    head.split("\r\n").filter_map(of).collect()
}

fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").unwrap().1
}

/// Where signing would refuse it: what is signed must be fit for every way.
fn is_fit(message: &str) -> bool {
    let mut watch = crate::message::smime::lines::Watch::default();
    watch.push(message.as_bytes());
    watch.finish().is_none()
}

#[test]
fn f4_a_page_of_text_gets_what_is_missing_and_nothing_else() {
    let message = sent("Subject: Fax\nTo: you@example.test\n\nTwo pages.\n.\n..\n");
    assert_eq!(fields(&message, "From"), ["Faxpost <fax@example.test>"]);
    assert_eq!(fields(&message, "To"), ["you@example.test"]);
    assert_eq!(fields(&message, "Date").len(), 1);
    assert!(fields(&message, "Message-ID")[0].ends_with("@example.test>"), "{message}");
    assert_eq!(fields(&message, "MIME-Version"), <[&str; 0]>::default());
    assert_eq!(body(&message), "Two pages.\r\n.\r\n..\r\n");
    // Without any header, as `echo hello | sendmail somebody` has it.
    let message = sent("hello, world\nA: b");
    assert_eq!(body(&message), "hello, world\r\nA: b\r\n");
    assert_eq!(fields(&message, "To"), ["undisclosed-recipients:;"]);
    assert!(fields(&sent(""), "From").len() == 1);
    // The first line of a mailbox file is no field.
    assert_eq!(fields(&sent("From root Thu Nov 26 17:00:00 2026\nSubject: x\n\ny\n"), "Subject"), ["x"]);
}

#[test]
fn f4_bcc_is_taken_out_and_sent_to() {
    let mut mail =
        mail("To: A <a@b.test>, team\nCc: c@d.test\nBcc: hidden@b.test,\n e@b.test\nbcc: f@b.test\n\nx\n");
    mail.recipients = vec!["A@b.test".to_owned(), "a@b.test".to_owned()];
    mail.recipients_from_header = true;
    let (finished, message) = finished(mail);
    assert_eq!(
        finished.envelope.to,
        ["A@b.test", "a@b.test", "c@d.test", "hidden@b.test", "e@b.test", "f@b.test"]
    );
    assert!(!message.to_lowercase().contains("bcc:") && !message.contains("hidden"), "{message}");
    // Sent on: only to whom that is.
    let mut resent =
        self::mail("To: a@b.test\nBcc: x@b.test\nResent-To: r@b.test\nResent-Bcc: s@b.test\n\nx\n");
    resent.recipients.clear();
    resent.recipients_from_header = true;
    assert_eq!(finished_to(resent), ["r@b.test", "s@b.test"]);
}

fn finished_to(mail: RawMail) -> Vec<String> {
    finished(mail).0.envelope.to
}

#[test]
fn f4_names_without_a_domain_are_looked_up() {
    let to = |typed: &str| {
        let mail = RawMail { recipients: vec![typed.to_owned()], ..mail("\nx\n") };
        mail.finish(&senders(), &aliases()).map(|finished| finished.envelope.to)
    };
    for known in ["root", "ROOT", "root@localhost", "root@FAXHOST", "root (Cron)", "\"R, oot\" <root>"] {
        assert_eq!(to(known).unwrap(), ["admin@example.test"], "{known}");
    }
    assert_eq!(to("team, b@b.test").unwrap(), ["a@b.test", "c@d.test", "b@b.test"]);
    assert_eq!(to("who@faxhost").unwrap(), ["who@faxhost"]);
    let RawError::Fields(problems) = to("nobody").unwrap_err() else { panic!("fields") };
    assert!(problems[0].text.contains("\"nobody\", a name without @"), "{problems:?}");
    let everybody = Aliases { names: [("*".to_owned(), vec!["all@b.test".to_owned()])].into(), ..aliases() };
    let any = RawMail { recipients: vec!["nobody".to_owned()], ..mail("\nx\n") };
    assert_eq!(any.finish(&senders(), &everybody).unwrap().envelope.to, ["all@b.test"]);
    for wrong in ["", "a@", "@b", "a b@c.test", "<a@b.test"] {
        assert!(to(wrong).is_err(), "{wrong}");
    }
    let many = RawMail { recipients: (0..101).map(|n| format!("a{n}@b.test")).collect(), ..mail("\nx\n") };
    assert!(many.finish(&senders(), &aliases()).is_err());
}

#[test]
fn f4_another_author_becomes_the_accounts() {
    for (given, from, reply_to) in [
        ("root (Cron Daemon)", "\"Cron Daemon\" <fax@example.test>", None),
        ("root@faxhost", "Faxpost <fax@example.test>", None),
        (
            "\"The HylaFAX Receive Agent\" <fax@server.local>",
            "\"The HylaFAX Receive Agent\" <fax@example.test>",
            Some("fax@server.local"),
        ),
        (
            "=?utf-8?b?0KTQsNC60YE=?= <a@b.test>",
            "=?utf-8?b?0KTQsNC60YE=?= <fax@example.test>",
            Some("a@b.test"),
        ),
        ("Факс <a@b.test>", "=?utf-8?b?0KTQsNC60YE=?= <fax@example.test>", Some("a@b.test")),
        ("a@b.test, b@b.test", "Faxpost <fax@example.test>", Some("a@b.test")),
        ("<", "Faxpost <fax@example.test>", None),
    ] {
        let message = sent(format!("From: {given}\nSender: boss@b.test\nX-Original-From: eve@b.test\n\nx\n"));
        assert_eq!(fields(&message, "From"), [from], "{given}");
        assert_eq!(fields(&message, "Reply-To"), Vec::from_iter(reply_to), "{given}");
        assert_eq!(fields(&message, "X-Original-From").len(), 1);
        assert!(!message.contains("eve@") && !message.contains("boss@"), "{message}");
        let author = author(&Content::Memory(message.into_bytes().into())).unwrap();
        assert_eq!(author.as_deref(), Some("fax@example.test"), "it can be signed for");
    }
    // One answer is enough, and the account's own goes before.
    let message = sent("From: a@b.test\nReply-To: r@b.test\n\nx\n");
    assert_eq!(fields(&message, "Reply-To"), ["r@b.test"]);
    let own = Senders { reply_to: "desk@example.test".to_owned(), ..senders() };
    let mut out = Vec::new();
    mail("From: a@b.test\n\nx\n").finish(&own, &aliases()).unwrap().write_to(&mut out).unwrap();
    assert_eq!(fields(&String::from_utf8(out).unwrap(), "Reply-To"), ["desk@example.test"]);
}

#[test]
fn f4_an_author_that_the_account_may_use_stays() {
    for given in ["fax@example.test", "FAX@Example.Test", "X <info@third.test>", "Who <who@other.test>"] {
        let message = sent(format!("From: {given}\nSender: x@other.test\n\nx\n"));
        let address = given.rsplit(['<', '>', ' ']).find(|part| !part.is_empty()).unwrap().to_lowercase();
        assert!(fields(&message, "From")[0].to_lowercase().contains(&address), "{message}");
        assert_eq!(fields(&message, "Sender"), ["x@other.test"]);
        assert!(!message.contains("X-Original-From") && !message.contains("Reply-To"), "{message}");
    }
    let refuse = Senders { foreign: Foreign::Refuse, ..senders() };
    for foreign in [
        "root",
        "a@b.test",
        "fax@example.test, a@b.test",
        "x@evil.other.test",
        "\"fax@example.test\" <a@b.test>",
    ] {
        let result = mail(format!("From: {foreign}\n\nx\n")).finish(&refuse, &aliases());
        assert!(matches!(result, Err(RawError::Foreign(..))), "{foreign}");
    }
    assert!(mail("From: who@other.test\n\nx\n").finish(&refuse, &aliases()).is_ok());
    // Two fields are two authors.
    let two = mail("From: fax@example.test\nFrom: a@b.test\n\nx\n").finish(&refuse, &aliases());
    assert!(matches!(two, Err(RawError::Foreign(..))));
}

#[test]
fn f4_the_envelope_of_a_mail_that_is_picked_up_is_ours() {
    let message = sent("X-Sender: eve@b.test\nx-receiver: eve@b.test\nX-Fax: 1\n\nX-Receiver: in the text\n");
    assert!(
        fields(&message, "X-Sender").is_empty() && fields(&message, "X-Receiver").is_empty(),
        "{message}"
    );
    assert_eq!(fields(&message, "X-Fax"), ["1"]);
}

#[test]
fn f4_nobody_else_is_read_into_an_author() {
    for (given, from) in [
        ("<ceo@bank.test> <fax@example.test>", "Faxpost <fax@example.test>"),
        ("<ceo@bank.test> <a@b.test>", "Faxpost <fax@example.test>"),
        ("ceo@bank.test <fax@example.test>", "\"ceo@bank.test\" <fax@example.test>"),
        ("ceo@bank.test <a@b.test>", "\"ceo@bank.test\" <fax@example.test>"),
        ("<ceo@bank.test>: fax@example.test", "fax@example.test"),
        ("Fax (<ceo@bank.test>) <fax@example.test>", "Fax <fax@example.test>"),
    ] {
        let message = sent(format!("From: {given}\nSender: {given}\n\nx\n"));
        let unquoted = |text: &str| {
            mail_parser::MessageParser::new()
                .parse(format!("From: {text}\r\n\r\n").as_bytes())
                .unwrap()
                .from()
                .unwrap()
                .first()
                .unwrap()
                .address()
                .map(str::to_owned)
        };
        let found = fields(&message, "From").remove(0);
        assert_eq!(unquoted(&found), unquoted(from), "{given}: {found}");
        assert!(!found.replace("\"ceo@bank.test\"", "").contains("bank.test"), "{given}: {found}");
        assert!(fields(&message, "Sender").iter().all(|sender| *sender == found), "{message}");
        let author = author(&Content::Memory(message.into_bytes().into())).unwrap();
        assert_eq!(author.as_deref(), Some("fax@example.test"));
    }
    let refuse = Senders { foreign: Foreign::Refuse, ..senders() };
    let two = mail("From: <ceo@bank.test> <fax@example.test>\n\nx\n").finish(&refuse, &aliases());
    assert!(matches!(two, Err(RawError::Foreign(..))));
}

#[test]
fn f4_the_recipients_that_are_read_are_those_that_are_served() {
    let from_header = |to: &str| {
        let mail = RawMail {
            recipients: Vec::new(),
            recipients_from_header: true,
            ..mail(format!("To: {to}\n\nx\n"))
        };
        mail.finish(&senders(), &aliases())
    };
    assert!(from_header("<a@x.test> <b@y.test>").is_err());
    let finished = from_header("<a@x.test>: b@y.test;").unwrap();
    let mut out = Vec::new();
    finished.write_to(&mut out).unwrap();
    assert_eq!(finished.envelope.to, ["b@y.test"]);
    assert_eq!(fields(&String::from_utf8(out).unwrap(), "To"), ["b@y.test"]);
}

#[test]
fn f4_the_envelope_sender_is_one_that_the_account_may_use() {
    let from = |sender: &str| {
        let mail = RawMail { sender: sender.to_owned(), sender_name: "Fax, Ann".to_owned(), ..mail("\nx\n") };
        let (finished, message) = finished(mail);
        (finished.envelope.from, fields(&message, "From").remove(0))
    };
    assert_eq!(from(""), ("fax@example.test".into(), "=?utf-8?b?RmF4LCBBbm4=?= <fax@example.test>".into()));
    assert_eq!(from("root@faxhost").0, "fax@example.test");
    assert_eq!(
        from("info@third.test"),
        ("info@third.test".into(), "=?utf-8?b?RmF4LCBBbm4=?= <info@third.test>".into())
    );
    assert_eq!(from("<who@other.test>").0, "who@other.test");
    assert_eq!(from("<>").0, "");
    let own = Senders { envelope_sender: "bounces@example.test".to_owned(), ..senders() };
    assert_eq!(own.envelope_sender("root"), "bounces@example.test");
}

#[test]
fn f4_raw_8_bit_text_can_be_read_and_signed() {
    for (content_type, text) in [
        ("", "Получен факс, 2 стр.\n"),
        (
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n",
            "Получен факс, mostly ASCII text here, really.\n",
        ),
        ("Content-Type: text/plain\n", "caf\u{e9} au lait, one page \n-- \nFrom here\n"),
    ] {
        let message = sent(format!("Subject: Факс\n{content_type}\n{text}"));
        assert!(is_fit(&message), "{message}");
        let parsed = MessageParser::new().parse(message.as_bytes()).unwrap();
        assert_eq!(parsed.subject(), Some("Факс"));
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), text, "{message}");
        assert_eq!(fields(&message, "Content-Transfer-Encoding").len(), 1);
        assert_eq!(fields(&message, "MIME-Version"), ["1.0"]);
    }
    // Latin-1, without a word about it.
    let message = sent(b"\ncaf\xe9\n");
    assert_eq!(MessageParser::new().parse(message.as_bytes()).unwrap().body_text(0).unwrap(), "café\r\n");
    assert_eq!(finished(mail("Subject: Факс\n\nx\n")).0.subject, "Факс");
    assert_eq!(finished(mail("Subject: =?utf-8?b?0KTQsNC60YE=?=\n\nx\n")).0.subject, "Факс");
}

const MIXED: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"a b\"\nContent-Transfer-Encoding: 8bit\n\nPreamble \n\
    --a b\nContent-Type: multipart/alternative; boundary=inner\n\n--inner\n\nplain\n--inner\nContent-Type: text/html; charset=utf-8\n\n<p>Факс</p>\n\
    --inner--\n\n--a b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"Факс.bin\"\nContent-Transfer-Encoding: binary\n\n\
    \u{0}\u{1}\nx\r\n\n--a b\nContent-Type: image/tiff\nContent-Transfer-Encoding: base64\n\nSUkqAA==\n--a b\nContent-Type: message/rfc822\n\nSubject: inside\n\nвнутри\n--a b--\nepilogue\n";

#[test]
fn f4_only_the_parts_that_need_it_are_encoded() {
    let message = sent(MIXED);
    assert!(is_fit(&message), "{message}");
    let parsed = MessageParser::new().parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body_text(0).unwrap(), "plain");
    assert_eq!(parsed.body_html(0).unwrap(), "<p>Факс</p>");
    let attachments: Vec<_> = parsed.attachments().collect();
    assert_eq!(attachments[0].contents(), b"\0\x01\nx\r\n");
    assert_eq!(attachments[0].attachment_name(), Some("Факс.bin"));
    assert_eq!(attachments[1].contents(), b"II*\0");
    let inside = attachments[2].message().unwrap();
    assert_eq!((inside.subject(), inside.body_text(0).unwrap().as_ref()), (Some("inside"), "внутри"));
    assert!(message.contains("\r\n\r\nplain\r\n--inner\r\n"), "as it came: {message}");
}

#[test]
fn f4_what_is_signed_already_stays_byte_for_byte() {
    let signed = "MIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=sha-256; protocol=\"application/pkcs7-signature\"; boundary=s\r\n\r\n\
                  --s\r\nContent-Type: text/plain \r\n\r\nblank \r\nFrom here\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--s--\r\n";
    assert_eq!(body(&sent(signed)), signed.split_once("\r\n\r\n").unwrap().1);
}

#[test]
fn h5_a_finished_message_has_bounds() {
    let refused = |message: Vec<u8>| mail(message).finish(&senders(), &aliases()).is_err();
    assert!(refused(b"X: y\n".repeat(1001)));
    assert!(refused([&b"X: "[..], &[b'x'; 200_000], b"\n\n"].concat()));
    assert!(refused(b"Received: x\n".repeat(51)));
    let parts = b"--b\nA: b\n\nx\n".repeat(1001);
    assert!(refused([&b"Content-Type: multipart/mixed; boundary=b\n\n"[..], &parts].concat()));
    // Depth costs nothing, and ends somewhere.
    let nested: String =
        (0..900).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    assert!(!refused(nested.into_bytes()));
    // A line without an end, through an encoder that sees pieces of it only.
    let message = sent([b"\n", &[b'x'; 3_000_000][..]].concat());
    assert!(is_fit(&message));
    let parsed = MessageParser::new().parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body_text(0).unwrap().trim_end().len(), 3_000_000);
}

#[test]
fn f4_fields_that_may_be_there_once_are() {
    let message = sent(
        "Subject: a\nSubject: b\nDate: Thu, 26 Nov 2026 17:00:00 +0000\nDate: x\nMessage-ID: <1@b.test>\nMessage-ID: <2@b.test>\n\
         To: a@b.test\nTo: c@d.test\nReturn-Path: <x@y.test>\nMIME-Version: 1.0\nMIME-Version: 2.0\n\nx\n",
    );
    assert_eq!(fields(&message, "Subject"), ["a"]);
    assert_eq!(fields(&message, "Date"), ["Thu, 26 Nov 2026 17:00:00 +0000"]);
    assert_eq!(fields(&message, "Message-ID"), ["<1@b.test>"]);
    assert_eq!(fields(&message, "To"), ["a@b.test, c@d.test"]);
    assert_eq!(fields(&message, "MIME-Version"), ["1.0"]);
    assert!(fields(&message, "Return-Path").is_empty());
    for wrong in ["x", "<x>", "<a@b c>", "<a@b>,<c@d>", &format!("<{}@b>", "x".repeat(300))] {
        let id = fields(&sent(format!("Message-ID: {wrong}\n\nx\n")), "Message-ID").remove(0);
        assert!(id != wrong && id.ends_with("@example.test>"), "{wrong} {id}");
    }
}

#[test]
fn f2_every_given_field_counts_for_a_request_id() {
    let digest = |mail: RawMail| mail.digest().unwrap();
    let one = || mail("a");
    let others = [
        mail("b"),
        RawMail { recipients: vec!["to@example.test".to_owned(), String::new()], ..one() },
        RawMail { recipients_from_header: true, ..one() },
        RawMail { sender: "x".to_owned(), ..one() },
        RawMail { sender_name: "x".to_owned(), ..one() },
    ];
    let mut digests: Vec<_> = others.into_iter().chain([one()]).map(digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 6);
}

#[test]
fn f4_a_field_of_control_characters_alone_goes_out_empty() {
    let Ok(finished) = mail(b"Subject: \x80\n\nx\n").finish(&senders(), &aliases()) else {
        panic!("it is mail")
    };
    let mut out = Vec::new();
    finished.write_to(&mut out).unwrap();
    let message = String::from_utf8(out).unwrap();
    assert!(message.contains("\r\nSubject:\r\n") && is_fit(&message), "{message}");
}

/// Bytes that programs write, and some that they should not.
fn wild() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        5 => "(From: |To: |Subject: |Bcc: |X: |Date: |Content-Type: (text/plain|multipart/mixed; boundary=b|multipart/signed; boundary=b|message/rfc822|image/tiff)|Content-Transfer-Encoding: (8bit|binary|base64|quoted-printable|x-uuencode))"
            .prop_map(String::into_bytes),
        4 => prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n", "\n--b\n", "\n--b--\n", " ", "\n.\n", "From x\n"]).prop_map(|text| text.as_bytes().to_vec()),
        4 => "[ -~]{0,20}|[а-я]{1,5}|=[0-9A-F]{2}|=|x{990,1010}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn f4_whatever_comes_in_goes_out_as_mail(message in wild()) {
        let finished = match mail(&message).finish(&senders(), &aliases()) {
            Ok(finished) => finished,
            Err(RawError::Fields(_)) => return Ok(()),
            Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        let mut out = Vec::new();
        finished.write_to(&mut out).unwrap();
        prop_assert!(out.ends_with(b"\r\n") && !out.contains(&0));
        for (at, byte) in out.iter().enumerate() {
            prop_assert!(*byte != b'\n' || out[at - 1] == b'\r');
            prop_assert!(*byte != b'\r' || out.get(at + 1) == Some(&b'\n'));
        }
        let head = String::from_utf8(out.clone()).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        for name in ["From", "Date", "Message-ID"] {
            prop_assert_eq!(fields(&head, name).len(), 1, "{}", head);
        }
        prop_assert!(fields(&head, "Bcc").is_empty());
        prop_assert!(fields(&head, "From")[0].contains("fax@example.test"));
        let author = author(&Content::Memory(out.clone().into())).unwrap();
        prop_assert_eq!(author.as_deref(), Some("fax@example.test"));
        // What is not signed, of a type that must not be encoded, or encoded in an unknown way, can be signed here.
        let given = String::from_utf8_lossy(&message).into_owned();
        let known = |encoding: &String| ["7bit", "8bit", "binary", "base64", "quoted-printable"].contains(&&**encoding);
        let is_touched = !["multipart/", "message/"].iter().any(|word| given.contains(word))
            && fields(&head, "Content-Transfer-Encoding").iter().all(known);
        if is_touched {
            prop_assert!(is_fit(&head), "{}", head);
        }
        // Done once, nothing is left to do but for who it is from.
        let mut again = Vec::new();
        mail(&out).finish(&senders(), &aliases()).unwrap().write_to(&mut again).unwrap();
        if is_touched {
            prop_assert_eq!(body(std::str::from_utf8(&again).unwrap()), body(&head));
        }
    }

    #[test]
    fn f4_text_is_what_it_was(text in "([ -~\t]|[а-яé]|\n){0,300}") {
        prop_assume!(!text.starts_with(' ') && !text.starts_with('\t'));
        let message = sent(format!("Subject: x\n\n{text}"));
        prop_assert!(is_fit(&message));
        let parsed = MessageParser::new().parse(message.as_bytes()).unwrap();
        let read = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        prop_assert_eq!(read.trim_end_matches('\n'), text.trim_end_matches('\n'));
    }
}
