//! A daemon of a test's own: the real program, with its own state, endpoint and settings; gone with the test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use faxpost_proto::connect::{ConnectError, connect};
use faxpost_proto::v1;
use faxpost_proto::v1::accounts_client::AccountsClient;
use faxpost_proto::v1::admin_client::AdminClient;
use faxpost_proto::v1::approvals_client::ApprovalsClient;
use faxpost_proto::v1::certificates_client::CertificatesClient;
use faxpost_proto::v1::diagnostics_client::DiagnosticsClient;
use faxpost_proto::v1::log_client::LogClient;
use faxpost_proto::v1::mail_client::MailClient;
use faxpost_proto::v1::o_auth_client::OAuthClient;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::bins;

/// How long a daemon may take to serve. Generous: machines that run tests are busy, and a daemon that does not come up
/// at all fails at once, by its exit.
const START: Duration = Duration::from_secs(60);

/// How to start a [`TestDaemon`].
#[derive(Default)]
pub struct Builder {
    settings: String,
    environment: Vec<(String, String)>,
    program: Option<&'static str>,
    arguments: Vec<String>,
    wrapper: Vec<String>,
}

/// A running daemon.
pub struct TestDaemon {
    child: Option<Child>,
    builder: Builder,
    endpoint: String,
    folder: TempDir,
}

impl Builder {
    /// Lines of `faxpostd.toml`.
    #[must_use]
    pub fn settings(mut self, toml: &str) -> Self {
        toml.clone_into(&mut self.settings);
        self
    }

    /// A variable of the daemon's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// One more argument of `run`.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Another program of ours that is a daemon, too.
    #[must_use]
    pub fn program(mut self, name: &'static str) -> Self {
        self.program = Some(name);
        self
    }

    /// Starts it, and waits until it serves.
    ///
    /// # Panics
    /// It does not come up; its log is in the panic.
    pub async fn start(self) -> TestDaemon {
        let mut daemon = self.prepared();
        daemon.start_again().await;
        daemon
    }

    /// Its state and its settings; it is not started.
    ///
    /// # Panics
    /// They cannot be written.
    #[must_use]
    pub fn prepared(self) -> TestDaemon {
        let folder = folder();
        let endpoint = endpoint(folder.path());
        let daemon = TestDaemon { child: None, builder: self, endpoint, folder };
        if !daemon.builder.settings.is_empty() {
            private_folder(&daemon.state_dir());
            std::fs::write(daemon.state_dir().join("faxpostd.toml"), &daemon.builder.settings)
                .expect("settings");
        }
        daemon
    }
}

impl TestDaemon {
    /// A daemon with everything at its default.
    ///
    /// # Panics
    /// It does not come up.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A daemon with settings.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Socket path or pipe name.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The state folder.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Where mail of the method pickup goes by default.
    #[must_use]
    pub fn pickup_dir(&self) -> PathBuf {
        self.state_dir().join("pickup")
    }

    /// Everything the daemon wrote to its log so far.
    ///
    /// # Panics
    /// The log cannot be read.
    #[must_use]
    pub fn stderr(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("stderr")).expect("the daemon's log");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The process id.
    ///
    /// # Panics
    /// It was stopped.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    /// The mailer's processes that the daemon has started and that run; one at most, if all is well.
    ///
    /// # Panics
    /// There is no /proc.
    #[cfg(unix)]
    #[must_use]
    pub fn mailers(&self) -> Vec<u32> {
        let parent = self.id().to_string();
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_ours = |id: &u32| {
            // "1234 (the name) S 1233 …": the name may hold anything, but nothing after it has a parenthesis.
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let mut rest = stat.rsplit(") ").next().unwrap_or_default().split(' ');
            rest.next() != Some("Z") && rest.next() == Some(&parent)
        };
        ids.filter(is_ours).collect()
    }

    /// The next start is under this program, e.g. strace with its arguments; empty: under none.
    pub fn under(&mut self, wrapper: &[&str]) {
        self.builder.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
    }

    /// The next start has these arguments of `run`, and these lines of `faxpostd.toml`.
    ///
    /// # Panics
    /// They cannot be written.
    pub fn change(&mut self, arguments: &[&str], settings: &str) {
        self.builder.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        std::fs::write(self.state_dir().join("faxpostd.toml"), settings).expect("settings");
    }

    /// Starts it again on the same state, after [`Self::kill`].
    ///
    /// # Panics
    /// It does not come up.
    pub async fn start_again(&mut self) {
        if let Err(why) = self.start_or_end().await {
            panic!("faxpostd did not come up ({why}):\n{}", self.stderr());
        }
    }

    /// As [`Self::start_again`], for a start that may fail.
    ///
    /// # Errors
    /// It ended, or did not serve in time; why.
    ///
    /// # Panics
    /// It cannot be started at all.
    pub async fn start_or_end(&mut self) -> Result<(), String> {
        let log =
            File::options().append(true).create(true).open(self.folder.path().join("stderr")).expect("log");
        let program = bins::path(self.builder.program.unwrap_or("faxpostd"));
        let mut command = match self.builder.wrapper.split_first() {
            None => Command::new(program),
            Some((wrapper, arguments)) => {
                let mut command = Command::new(wrapper);
                command.args(arguments).arg(program);
                command
            }
        };
        command.arg("run").arg("--state-dir").arg(self.state_dir()).args(["--endpoint", &self.endpoint]);
        command.args(&self.builder.arguments);
        command.envs(self.builder.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(bins::started(|| command.spawn()));

        let begun = Instant::now();
        while let Err(error) = connect(&self.endpoint).await {
            let exited = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if exited.is_some() || begun.elapsed() > START {
                self.child.take().map(|mut child| child.wait());
                return Err(format!("{exited:?}, {error}"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Ends it without a chance to tidy up: SIGKILL, TerminateProcess.
    ///
    /// # Panics
    /// It was ended before.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("running");
        child.kill().expect("an own child can be killed");
        child.wait().expect("an own child can be waited for");
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// It was ended before, or does not end within a minute.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("running");
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("an own child can be waited for") {
                return status;
            }
            if begun.elapsed() > START {
                let _ = child.kill();
                panic!("faxpostd did not end:\n{}", self.stderr());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A verified connection of this process.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(&self) -> Result<Channel, ConnectError> {
        connect(&self.endpoint).await
    }

    /// A client of `Accounts`.
    pub async fn accounts(&self) -> AccountsClient<Channel> {
        AccountsClient::new(self.channel().await)
    }

    /// A client of `Mail`.
    pub async fn mail(&self) -> MailClient<Channel> {
        MailClient::new(self.channel().await)
    }

    /// A client of `OAuth`.
    pub async fn oauth(&self) -> OAuthClient<Channel> {
        OAuthClient::new(self.channel().await)
    }

    /// A client of `Certificates`.
    pub async fn certificates(&self) -> CertificatesClient<Channel> {
        CertificatesClient::new(self.channel().await)
    }

    /// A client of `Log`.
    pub async fn log(&self) -> LogClient<Channel> {
        LogClient::new(self.channel().await)
    }

    /// A client of `Diagnostics`.
    pub async fn diagnostics(&self) -> DiagnosticsClient<Channel> {
        DiagnosticsClient::new(self.channel().await)
    }

    /// A client of `Admin`.
    pub async fn admin(&self) -> AdminClient<Channel> {
        AdminClient::new(self.channel().await)
    }

    /// A client of `Approvals`.
    pub async fn approvals(&self) -> ApprovalsClient<Channel> {
        ApprovalsClient::new(self.channel().await)
    }

    /// Changes fields of an account to those of `account`.
    ///
    /// # Errors
    /// The daemon's.
    pub async fn set(
        &self,
        account: v1::Account,
        fields: &[&str],
    ) -> Result<v1::UpdateAccountResponse, tonic::Status> {
        let mut client = self.accounts().await;
        let request = v1::GetAccountRequest { id: account.id.clone() };
        let etag = client.get_account(request).await?.into_inner().account.unwrap_or_default().etag;
        let request = v1::UpdateAccountRequest {
            account: Some(v1::Account { etag, ..account }),
            update_mask: Some(mask(fields)),
            validate_only: false,
        };
        Ok(client.update_account(request).await?.into_inner())
    }

    /// The command line, pointed at this daemon.
    #[must_use]
    pub fn faxpost(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(bins::path("faxpost"));
        command.args(arguments).env(faxpost_proto::endpoint::ENDPOINT_VARIABLE, &self.endpoint);
        // What the machine's person speaks must not change what tests read.
        command.env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR").stdin(Stdio::null());
        command
    }

    async fn channel(&self) -> Channel {
        match self.connect().await {
            Ok(channel) => channel,
            Err(error) => panic!("{error}; the daemon's log:\n{}", self.stderr()),
        }
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A field mask of these names.
#[must_use]
pub fn mask(fields: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() }
}

/// A folder that other users can enter, as they could /run/faxpost; the state folder inside is the daemon's own.
#[cfg(unix)]
fn folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = std::fs::Permissions::from_mode(0o755);
    tempfile::Builder::new()
        .prefix("faxpost-")
        .permissions(permissions)
        .tempdir()
        .expect("a temporary folder")
}

#[cfg(windows)]
fn folder() -> TempDir {
    tempfile::Builder::new().prefix("faxpost-").tempdir().expect("a temporary folder")
}

/// A folder as the daemon makes it for its state.
fn private_folder(path: &Path) {
    faxpostd::service::prepare_state_dir(path).expect("a state folder");
}

#[cfg(unix)]
fn endpoint(folder: &Path) -> String {
    folder.join("faxpost.sock").display().to_string()
}

#[cfg(windows)]
fn endpoint(_folder: &Path) -> String {
    format!(r"\\.\pipe\faxpost-test-{}", uuid::Uuid::new_v4())
}
