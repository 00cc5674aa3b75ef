//! The commands, one file each: parse, call, print.

use std::{env, time::Duration};

use faxpost_proto::{
    advice::Language,
    command_line, connect, endpoint,
    v1::{
        accounts_client::AccountsClient, admin_client::AdminClient, approvals_client::ApprovalsClient,
        certificates_client::CertificatesClient, diagnostics_client::DiagnosticsClient,
        log_client::LogClient, mail_client::MailClient,
    },
};
use tonic::{Request, transport::Channel};

use crate::{
    args::{Cli, Command},
    error::Error,
    exit::Exit,
    lang::{self, Texts},
    output::Output,
};

mod account;
mod audit;
mod cert;
mod completions;
mod log;
mod man;
mod outbox;
mod policy;
mod request;
mod send;
mod sendmail;
mod signin;
mod status;
mod stream;

/// A page of 500 messages with 100 recipients and their answers each; tonic's own 4 MiB would refuse it.
const LARGEST_ANSWER: usize = 64 << 20;
/// A daemon that does not answer is a fault that a script must learn of. Not for streams and uploads.
const PATIENCE: Duration = Duration::from_secs(60);

/// What every command needs.
pub(crate) struct Context {
    endpoint: String,
    language: Language,
    pub(crate) texts: &'static Texts,
    pub(crate) out: Output,
}

/// Answers a shell that completes a command line, and ends; does nothing for everybody else.
pub(crate) fn complete() {
    completions::answer();
}

/// Runs the command, and says what went wrong.
pub(crate) fn run(cli: Cli) -> Exit {
    let language = command_line::language(cli.lang.map(Into::into));
    let texts = lang::texts(language);
    let from_environment = || env::var(endpoint::ENDPOINT_VARIABLE).ok().filter(|path| !path.is_empty());
    let mut context = Context {
        endpoint: cli.endpoint.or_else(from_environment).unwrap_or_else(|| endpoint::DEFAULT.to_owned()),
        language,
        texts,
        out: Output::new(cli.json, texts),
    };
    let result = execute(cli.command, &mut context).and_then(|()| context.out.flush());
    match result {
        Ok(()) => Exit::Done,
        Err(error) => {
            if error.is_silent() {
                // Nobody takes it any more, or it was all said.
                let _ = context.out.flush();
            } else {
                context.out.error(&error.sentence(texts));
            }
            error.exit()
        }
    }
}

fn execute(command: Command, context: &mut Context) -> Result<(), Error> {
    match command {
        Command::Completions { shell } => completions::run(shell),
        Command::Man { dir } => man::run(&dir),
        command => {
            // One thread: nothing here is worth starting a second one for.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let result = runtime.block_on(call(command, context));
            // A read of a file that hangs must not keep the program from ending.
            runtime.shutdown_background();
            result
        }
    }
}

async fn call(command: Command, context: &mut Context) -> Result<(), Error> {
    match command {
        Command::Status { metrics: true } => status::metrics(context).await,
        Command::Status { metrics: false } => status::run(context).await,
        Command::Account(command) => account::run(command, context).await,
        Command::Signin(args) => signin::run(args, context).await,
        Command::Signout { id } => signin::sign_out(id, context).await,
        Command::Send(args) => send::run(*args, context).await,
        Command::Sendmail { words, .. } => sendmail::run(&words, context).await,
        Command::Outbox(command) => outbox::run(command, context).await,
        Command::Log(command) => log::run(command, context).await,
        Command::Cert(command) => cert::run(command, context).await,
        Command::Request(command) => request::run(command, context).await,
        Command::Policy(command) => policy::run(command, context).await,
        Command::Audit(command) => audit::run(command, context).await,
        Command::Completions { .. } | Command::Man { .. } => Ok(()),
    }
}

impl Context {
    async fn channel(&self) -> Result<Channel, Error> {
        Ok(connect::connect(&self.endpoint).await?)
    }

    async fn accounts(&self) -> Result<AccountsClient<Channel>, Error> {
        Ok(AccountsClient::new(self.channel().await?).max_decoding_message_size(LARGEST_ANSWER))
    }

    async fn admin(&self) -> Result<AdminClient<Channel>, Error> {
        Ok(AdminClient::new(self.channel().await?).max_decoding_message_size(LARGEST_ANSWER))
    }

    async fn approvals(&self) -> Result<ApprovalsClient<Channel>, Error> {
        Ok(ApprovalsClient::new(self.channel().await?).max_decoding_message_size(LARGEST_ANSWER))
    }

    async fn certificates(&self) -> Result<CertificatesClient<Channel>, Error> {
        Ok(CertificatesClient::new(self.channel().await?).max_decoding_message_size(LARGEST_ANSWER))
    }

    async fn diagnostics(&self) -> Result<DiagnosticsClient<Channel>, Error> {
        Ok(DiagnosticsClient::new(self.channel().await?).max_decoding_message_size(LARGEST_ANSWER))
    }

    async fn log(&self) -> Result<LogClient<Channel>, Error> {
        Ok(LogClient::new(self.channel().await?).max_decoding_message_size(LARGEST_ANSWER))
    }

    async fn mail(&self) -> Result<MailClient<Channel>, Error> {
        Ok(MailClient::new(self.channel().await?).max_decoding_message_size(LARGEST_ANSWER))
    }
}

/// A call with one answer, that must come.
fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    request
}

/// Name and id, once if they are the same.
fn who(name: &str, id: &str) -> String {
    if name == id { id.to_owned() } else { format!("{name} ({id})") }
}

/// The next page's size: what is still wanted, at most what the daemon gives.
fn page_size(wanted: u32, have: usize, most: u32) -> i32 {
    let missing = wanted.saturating_sub(u32::try_from(have).unwrap_or(u32::MAX));
    i32::try_from(missing.min(most)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_asked_for_until_enough_is_there() {
        assert_eq!(page_size(50, 0, 500), 50);
        assert_eq!(page_size(1_200, 0, 500), 500);
        assert_eq!(page_size(1_200, 1_000, 500), 200);
        assert_eq!(page_size(10, 10, 500), 0);
        assert_eq!(page_size(u32::MAX, 0, 500), 500);
    }
}
