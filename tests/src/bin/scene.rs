//! `scene`: a daemon with something to look at, for the window's screenshots and measurements. Prints its endpoint, and ends
//! with its standard input.
//!
//! `scene --entries N`: with N messages in its log instead.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use faxpost_proto::v1;
use faxpost_tests::daemon::{TestDaemon, mask};
use faxpost_tests::dns::{DnsServer, Record};
use faxpost_tests::pki::{Issued, Kind, Pki, pem};
use faxpost_tests::smtp::{Authority, SmtpServer};

const SENDER: &str = "fax@example.test";

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let entries = match words.as_slice() {
        [] => None,
        [flag, number] if flag == "--entries" => number.parse().ok(),
        _ => {
            eprintln!("usage: scene [--entries N]");
            return ExitCode::from(64);
        }
    };
    let result = tokio::runtime::Runtime::new()
        .context("a runtime")
        .and_then(|runtime| runtime.block_on(scene(entries)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scene: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn scene(entries: Option<u32>) -> anyhow::Result<()> {
    let pki = Pki::new(Kind::EcP256);
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root.pem");
    std::fs::write(&root, pem("CERTIFICATE", &pki.root()))?;
    let root = root.to_str().context("a path in UTF-8")?;
    let dns = DnsServer::start(&[
        ("_submissions._tcp.example.test", Record::Srv(10, 1, 465, "mail.provider.test")),
        ("_submissions._tcp.example.test", Record::Srv(5, 1, 465, "smtp.example.test")),
    ])
    .await;
    let found = format!("[discovery]\ndns-server = \"{}\"\nhttps-port = 1\n", dns.address());
    let daemon = TestDaemon::builder().settings(&found).env("SSL_CERT_FILE", root).start().await;
    let strict = SmtpServer::builder().starttls(Authority::self_signed()).start().await;
    let plain = SmtpServer::builder().start().await;
    settings(&daemon, strict.port(), plain.port()).await?;
    match entries {
        None => {
            for (address, kind) in [(SENDER, Kind::Rsa2048), ("reception@example.test", Kind::OtherRsa2048)] {
                install(&daemon, &pki.person(address, kind)).await?;
            }
            mail(&daemon).await?;
        }
        Some(entries) => many(&daemon, entries).await?,
    }
    println!("{}", daemon.endpoint());
    std::io::stdout().flush()?;
    // Until whoever looks has seen enough.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

async fn settings(daemon: &TestDaemon, strict: u16, plain: u16) -> anyhow::Result<()> {
    let account = v1::Account {
        id: "default".into(),
        sender_email: SENDER.into(),
        sender_name: Some("Fax room".into()),
        method: v1::Method::SecureSmtpClient.into(),
        server: "localhost".into(),
        port: strict.into(),
        security: v1::Security::Starttls.into(),
        authentication: true,
        login: SENDER.into(),
        password: "correct horse battery staple".into(),
        sign: v1::Signing::Clear.into(),
        ..v1::Account::default()
    };
    let fields = [
        "sender_email",
        "sender_name",
        "method",
        "server",
        "port",
        "security",
        "authentication",
        "login",
        "password",
        "sign",
    ];
    daemon.set(account, &fields).await?;
    let other = v1::Account {
        id: "alerts".into(),
        sender_email: "alerts@example.test".into(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "localhost".into(),
        port: plain.into(),
        security: v1::Security::None.into(),
        ..v1::Account::default()
    };
    let request = v1::CreateAccountRequest {
        account: Some(other),
        update_mask: Some(mask(&["sender_email", "method", "server", "port", "security"])),
        validate_only: false,
    };
    daemon.accounts().await.create_account(request).await?;
    Ok(())
}

async fn install(daemon: &TestDaemon, issued: &Issued) -> anyhow::Result<()> {
    let request = v1::InstallCertificateRequest {
        pem: issued.pem(),
        key_pem: issued.key_pem(),
        grant: true,
        ..v1::InstallCertificateRequest::default()
    };
    daemon.certificates().await.install_certificate(request).await?;
    Ok(())
}

/// Delivered, refused, and waiting.
async fn mail(daemon: &TestDaemon) -> anyhow::Result<()> {
    let letters = [
        ("alerts", "anna@example.test", "Fax received from +49 30 1234567"),
        ("alerts", "boris@example.test", "Факс отправлен: 3 страницы"),
        ("alerts", "r550.nobody@example.test", "Fax received from +7 495 7654321"),
        ("default", "anna@example.test", "Delivery receipt 4711"),
        ("alerts", "carla@example.test", "Line 2 is busy for an hour"),
    ];
    let mut client = daemon.mail().await;
    for (account, to, subject) in letters {
        client.send_mail(letter(account, to, subject)).await?;
    }
    // Attempts are quick here; what does not arrive is what the scene is about.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    Ok(())
}

async fn many(daemon: &TestDaemon, count: u32) -> anyhow::Result<()> {
    let mut client = daemon.mail().await;
    for number in 0..count {
        let request = letter("alerts", "anna@example.test", &format!("Fax {number}"));
        client.send_mail(request).await?;
    }
    Ok(())
}

fn letter(account: &str, to: &str, subject: &str) -> v1::SendMailRequest {
    v1::SendMailRequest {
        account: account.to_owned(),
        to: vec![to.to_owned()],
        subject: subject.to_owned(),
        text: "See the attachment.".to_owned(),
        ..v1::SendMailRequest::default()
    }
}
