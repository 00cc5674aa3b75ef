//! `outside FOLDER NAME ADDRESS`: what a machine on which a package is tried finds outside of itself. A mail server by that name at
//! that address (`127.0.0.1:587`), with STARTTLS and the sign-in [`LOGIN`]; its authority; and a certificate that mail of
//! that sender is signed with.
//!
//! The folder gets `server-authority.pem`, `mail-authority.pem` and `fax.pem` (certificate, chain and key) before anything is
//! printed, and for each message that the server takes `N.eml` and `N.envelope`. Ends with its standard input. On Windows the
//! machine trusts both authorities until then; on Linux whoever calls sees to that.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use faxpost_tests::pki::{Kind, Pki, pem};
use faxpost_tests::smtp::{Authority, Received, SmtpServer};

const LOGIN: &str = "fax@example.com";
/// Whoever tries it types this.
const PASSWORD: &str = "correct horse battery staple";
/// How soon a message is a file.
const LOOK_EVERY: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let (folder, name, address) = match words.as_slice() {
        [folder, name, address] if address.parse::<SocketAddr>().is_ok() => (folder, name, address),
        _ => {
            eprintln!("usage: outside FOLDER NAME ADDRESS:PORT");
            return ExitCode::from(64);
        }
    };
    let result = tokio::runtime::Runtime::new()
        .context("a runtime")
        .and_then(|runtime| runtime.block_on(outside(Path::new(folder), name, address.parse()?)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("outside: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn outside(folder: &Path, name: &str, address: SocketAddr) -> anyhow::Result<()> {
    let (servers, people) = (Authority::new(), Pki::new(Kind::EcP256));
    let person = people.person(LOGIN, Kind::Rsa2048);
    for (file, content) in [
        ("server-authority.pem", servers.pem()),
        ("mail-authority.pem", pem("CERTIFICATE", &people.root())),
        ("fax.pem", person.pem() + &person.key_pem()),
    ] {
        fs::write(folder.join(file), content).with_context(|| file.to_owned())?;
    }
    #[cfg(windows)]
    let _trusted = [servers.der(), people.root()]
        .map(|root| faxpost_tests::trust::TrustedRoot::new(&root).expect("an administrator's program"));
    let identity = servers.named(&[name, &address.ip().to_string()]);
    let server = SmtpServer::builder().starttls(identity).credentials(LOGIN, PASSWORD);
    let server = server.start_at(address).await;
    println!("{}", server.address());
    std::io::stdout().flush()?;

    let mut end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let mut written = 0;
    loop {
        for message in server.received().iter().skip(written) {
            written += 1;
            keep(folder, written, message)?;
        }
        tokio::select! {
            ended = &mut end => return Ok(ended?.map(|_| ())?),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// The message comes last: whoever sees it can read about it.
fn keep(folder: &Path, number: usize, message: &Received) -> anyhow::Result<()> {
    let login = message.login.as_deref().unwrap_or("nobody");
    let envelope =
        format!("from {}\nto {}\nlogin {login}\ntls {}\n", message.from, message.to.join(" "), message.tls);
    fs::write(folder.join(format!("{number}.envelope")), envelope)?;
    let begun = folder.join(format!("{number}.new"));
    fs::write(&begun, &message.content)?;
    Ok(fs::rename(begun, folder.join(format!("{number}.eml")))?)
}
