//! The peers themselves: what a plain client submits is found in the maildir, byte for byte. When this fails, a failure of
//! the other tests here says nothing about Faxpost.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use faxpost_tests::{
    peers::{ALICE, BOB, Postfix},
    tiff,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// A message as a fax server sends it: a Cyrillic subject, and a TIFF of three pages.
fn fax_message(to: &str) -> Vec<u8> {
    let mut message = format!(
        "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: alice@fax.test\r\nTo: {to}\r\nBcc: hidden@fax.test\r\n\
         Message-ID: <{}@fax.test>\r\nSubject: =?utf-8?B?{}?=\r\nMIME-Version: 1.0\r\n\
         Content-Type: image/tiff\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        uuid::Uuid::new_v4(),
        BASE64.encode("Получен факс"),
    )
    .into_bytes();
    for line in BASE64.encode(tiff::fax(3, 200)).as_bytes().chunks(76) {
        message.extend_from_slice(line);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b".\r\n..a line that begins with dots\r\n");
    message
}

/// Says `command` and wants an answer that begins with `wanted`; returns the last line of it.
fn say<S: Read + Write>(stream: &mut BufReader<S>, command: &str, wanted: &str) -> String {
    if !command.is_empty() {
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
    }
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert!(line.starts_with(wanted), "to {command:?} the server said {line:?} instead of {wanted}");
        if line.as_bytes().get(3) != Some(&b'-') {
            return line;
        }
    }
}

fn tls(postfix: &Postfix, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(postfix.ca()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(connection, stream)
}

fn sign_in<S: Read + Write>(stream: &mut BufReader<S>, (login, password): (&str, &str)) {
    say(stream, "EHLO client.test", "250");
    say(stream, &format!("AUTH PLAIN {}", BASE64.encode(format!("\0{login}\0{password}"))), "235 2.7.0");
}

fn submit<S: Read + Write>(stream: &mut BufReader<S>, to: &str, message: &[u8]) {
    say(stream, "MAIL FROM:<alice@fax.test>", "250");
    say(stream, &format!("RCPT TO:<{to}>"), "250");
    say(stream, "DATA", "354");
    let mut wire = Vec::new();
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    stream.get_mut().write_all(&wire).unwrap();
    say(stream, ".", "250 2.0.0");
    say(stream, "QUIT", "221");
}

#[tokio::test]
async fn what_is_submitted_with_starttls_and_a_sign_in_arrives_byte_for_byte() {
    let postfix = Postfix::shared();
    let message = fax_message("starttls@fax.test");

    let mut plain = BufReader::new(TcpStream::connect(("127.0.0.1", postfix.starttls)).unwrap());
    say(&mut plain, "", "220");
    say(&mut plain, "EHLO client.test", "250");
    say(&mut plain, "MAIL FROM:<alice@fax.test>", "530 5.7.0");
    say(&mut plain, "STARTTLS", "220");
    let mut stream = BufReader::new(tls(postfix, plain.into_inner()));
    sign_in(&mut stream, ALICE);
    submit(&mut stream, "starttls@fax.test", &message);

    let mails = postfix.wait_for("starttls@fax.test", 1).await.unwrap();
    assert!(mails[0].message == message, "what arrived is not what was sent");
    assert_eq!(mails[0].return_path, "alice@fax.test");
    assert!(mails[0].trace.contains("TLSv1.3"), "{}", mails[0].trace);
    assert!(mails[0].trace.contains("Authenticated sender: alice@fax.test"), "{}", mails[0].trace);
}

#[tokio::test]
async fn implicit_tls_takes_a_password_that_is_no_ascii() {
    let postfix = Postfix::shared();
    let message = fax_message("smtps@fax.test");

    let stream = TcpStream::connect(("127.0.0.1", postfix.smtps)).unwrap();
    let mut stream = BufReader::new(tls(postfix, stream));
    say(&mut stream, "", "220");
    sign_in(&mut stream, BOB);
    submit(&mut stream, "smtps@fax.test", &message);

    let mails = postfix.wait_for("smtps@fax.test", 1).await.unwrap();
    assert!(mails[0].message == message, "what arrived is not what was sent");
}

#[test]
fn the_scripted_answers_are_postfix_own() {
    let postfix = Postfix::start().unwrap();
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", postfix.plain)).unwrap());
    say(&mut stream, "", "220 mail.test");
    say(&mut stream, "EHLO client.test", "250");
    say(&mut stream, "MAIL FROM:<s553@fax.test>", "250");
    say(
        &mut stream,
        "RCPT TO:<anna@fax.test>",
        "553 5.7.1 <s553@fax.test>: Sender address rejected: scripted",
    );
    say(&mut stream, "RSET", "250");
    say(&mut stream, "MAIL FROM:<alice@fax.test>", "250");
    say(&mut stream, "RCPT TO:<r550@fax.test>", "550 5.1.1");
    say(&mut stream, "RCPT TO:<r450@fax.test>", "450 4.2.1");
    say(&mut stream, "RCPT TO:<r421@fax.test>", "421 4.7.0");

    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", postfix.authplain)).unwrap());
    say(&mut stream, "", "220");
    say(&mut stream, "EHLO client.test", "250");
    say(&mut stream, &format!("AUTH PLAIN {}", BASE64.encode("\0alice@fax.test\0wrong")), "535 5.7.8");
    assert!(postfix.mails_to("anna@fax.test").unwrap().is_empty());
}
