//! `cargo demo [--once]`: the main job on a machine of one's own, nothing prepared and nothing left behind. A daemon with
//! throwaway state, an SMTP server with TLS and sign-in in this process, and the real command line between them.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{Authority, Received, SmtpServer};
use faxpost_tests::{bins, tiff};

const LOGIN: &str = "fax@example.test";
/// A fax of three short pages.
const PAGES: u16 = 3;
const ROWS: u32 = 400;
/// Only this demo's server knows it.
const PASSWORD: &str = "correct horse battery staple";

fn main() -> ExitCode {
    let once = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--once" => true,
        _ => {
            eprintln!("usage: cargo demo [--once]");
            return ExitCode::from(64);
        }
    };
    eprintln!("Building faxpostd and faxpost; the first time this takes a few minutes.");
    let _built = bins::path("faxpostd");
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(demo(once)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn demo(once: bool) -> anyhow::Result<()> {
    let identity = Authority::self_signed();
    let pin = hex::encode(identity.public_key_sha256);
    let server = SmtpServer::builder().starttls(identity).credentials(LOGIN, PASSWORD).start().await;
    let daemon = TestDaemon::start().await;
    let files = tempfile::tempdir()?;
    let fax = files.path().join("Факс 2026-11-23.tif");
    std::fs::write(&fax, tiff::fax(PAGES, ROWS))?;
    let shell = Shell { daemon: &daemon };

    say("A daemon with fresh state serves its endpoint. Who am I to it?");
    shell.run(&["status"], None)?;

    say("Settings of the account. The server's certificate is self-signed, as many on company networks are.");
    let port = format!("port={}", server.port());
    let sender = format!("sender-email={LOGIN}");
    let settings = [
        "account",
        "set",
        "method=secure-smtp-client",
        "server=localhost",
        &port,
        "security=starttls",
        &sender,
    ];
    shell.run(&settings, None)?;

    say("The test says what is wrong, step by step, and what to do.");
    shell.fails(&["account", "test", "--until", "ehlo"])?;

    say(
        "So the certificate is pinned: this key and no other. The password goes in by standard input, never by argument.",
    );
    let check = format!("tls-check=pinned:{pin}");
    let login = format!("login={LOGIN}");
    shell
        .run(&["account", "set", &check, "authentication=on", &login, "--password-stdin"], Some(PASSWORD))?;
    shell.run(&["account", "test", "--to", "chief@example.test"], None)?;

    #[cfg(unix)]
    let verifier = certificate::install(&daemon).await?;
    #[cfg(unix)]
    {
        say("Mail is signed from here on, by a throwaway certificate that was just installed with its key.");
        shell.run(&["account", "set", "sign=clear"], None)?;
    }

    say("A fax of three pages, sent as a TIFF, accepted durably and delivered.");
    let fax = fax.display().to_string();
    let send = [
        "send",
        "--to",
        "Пётр Иванов <petr@example.test>",
        "--subject",
        "Входящий факс, 3 страницы",
        "--text",
        "Факс от +7 495 000-00-00 во вложении.",
        "--attach",
        &fax,
        "--wait",
    ];
    shell.run(&send, None)?;

    say("What the server received.");
    let received = server.wait_for(2).await;
    let received = received.last().context("the server has no message")?;
    show(received)?;
    #[cfg(unix)]
    certificate::verify(&verifier, received)?;

    say("And the log of it all; the SMTP dialogue is kept without secrets.");
    shell.run(&["log", "list"], None)?;
    shell.run(&["log", "transcript", "4"], None)?;

    if once {
        say("Done.");
        return Ok(());
    }
    say("The daemon stays up. In another terminal:");
    println!("    export FAXPOST_ENDPOINT='{}'", daemon.endpoint());
    println!("    export PATH={}:$PATH", folder(&bins::path("faxpost")));
    println!("    faxpost send --to you@example.test --subject Hello --text 'It works.' --wait\n");
    println!("Ctrl-C ends it and leaves nothing behind.");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

struct Shell<'a> {
    daemon: &'a TestDaemon,
}

impl Shell<'_> {
    fn run(&self, arguments: &[&str], input: Option<&str>) -> anyhow::Result<()> {
        if !self.show(arguments, input)? {
            bail!("that should have worked; the daemon's log:\n{}", self.daemon.stderr());
        }
        Ok(())
    }

    fn fails(&self, arguments: &[&str]) -> anyhow::Result<()> {
        if self.show(arguments, None)? {
            bail!("that should have failed");
        }
        Ok(())
    }

    /// Shows the command as it would be typed, and what it prints; whether it succeeded.
    fn show(&self, arguments: &[&str], input: Option<&str>) -> anyhow::Result<bool> {
        let typed: Vec<_> = arguments.iter().map(|argument| quoted(argument)).collect();
        println!("{} faxpost {}", paint("32", "$"), paint("1", &typed.join(" ")));
        let mut command: Command = self.daemon.faxpost(arguments);
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().context("faxpost cannot be started")?;
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            writeln!(stdin, "{input}")?;
        }
        let status = child.wait()?;
        println!();
        Ok(status.success())
    }
}

/// The message's head and structure: what a person checks first.
fn show(received: &Received) -> anyhow::Result<()> {
    let content = String::from_utf8_lossy(&received.content);
    let login = received.login.as_deref().unwrap_or("nobody");
    println!("from <{}> to {:?}, signed in as {login}, TLS: {}", received.from, received.to, received.tls);
    for line in content.lines().take_while(|line| !line.is_empty()) {
        println!("  {line}");
    }
    println!("  …");
    let mut attachments =
        content.split("\r\n--").filter(|part| part.contains("Content-Disposition: attachment"));
    let attachment = attachments.next().context("the message has no attachment")?;
    let (head, body) = attachment.split_once("\r\n\r\n").context("the attachment has no body")?;
    for line in head.lines().skip(1) {
        println!("  {line}");
    }
    let lines: String = body.lines().collect();
    let decoded = BASE64_STANDARD.decode(lines).context("the attachment is not base64")?;
    println!(
        "  … {} bytes in all; the attachment decodes to a TIFF of {} bytes\n",
        received.size,
        decoded.len()
    );
    if decoded != tiff::fax(PAGES, ROWS) {
        bail!("the attachment is not what was sent");
    }
    Ok(())
}

/// Keys are files here; on Windows they are the system's, and a demo leaves nothing in its store.
#[cfg(unix)]
mod certificate {
    use anyhow::{Context as _, bail};
    use faxpost_proto::v1;
    use faxpost_tests::daemon::TestDaemon;
    use faxpost_tests::pki::{Kind, Pki, pem};
    use faxpost_tests::smtp::Received;
    use faxpost_tests::verify::{Verdict, Verifier};

    /// Lets the daemon trust a CA that lives as long as the demo, and gives it a certificate of the sender.
    pub(crate) async fn install(daemon: &TestDaemon) -> anyhow::Result<Verifier> {
        let pki = Pki::new(Kind::EcP256);
        let authorities = daemon.state_dir().join("certificates/authorities");
        std::fs::create_dir_all(&authorities)?;
        std::fs::write(authorities.join("demo.pem"), pem("CERTIFICATE", &pki.root()))?;
        let person = pki.person(super::LOGIN, Kind::Rsa2048);
        let request = v1::InstallCertificateRequest {
            pem: person.pem(),
            key_pem: person.key_pem(),
            grant: true,
            ..v1::InstallCertificateRequest::default()
        };
        let mut client = daemon.certificates().await;
        client.install_certificate(request).await.context("the certificate cannot be installed")?;
        Ok(Verifier::trusting(&pki.root()))
    }

    /// By another program than ours, if it is there.
    pub(crate) fn verify(verifier: &Verifier, received: &Received) -> anyhow::Result<()> {
        if std::process::Command::new("openssl").arg("version").output().is_err() {
            println!("signed by {}; OpenSSL, which would verify it, is not installed\n", super::LOGIN);
            return Ok(());
        }
        match verifier.openssl(&received.content) {
            Verdict::Good(_) => println!("signed by {}, verified by OpenSSL\n", super::LOGIN),
            Verdict::Bad(words) => bail!("the signature is not good: {words}"),
        }
        Ok(())
    }
}

fn say(text: &str) {
    println!("{}\n", paint("36", &format!("# {text}")));
}

fn paint(code: &str, text: &str) -> String {
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn quoted(argument: &str) -> String {
    if argument.contains([' ', '<']) { format!("'{argument}'") } else { argument.to_owned() }
}

fn folder(program: &Path) -> String {
    program.parent().unwrap_or(program).display().to_string()
}
