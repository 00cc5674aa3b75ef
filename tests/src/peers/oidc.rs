//! oidc-provider as the OAuth 2.0 server, and curl as the browser. `peers/oidc/server.mjs` says what the server does;
//! `tests/run peers` puts its modules into `target/peers`.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// How long a token may live on after its time; a loaded machine is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running OAuth 2.0 server on the loopback; dropped, it ends.
pub struct Oidc {
    port: u16,
    server: Child,
    /// Kept open: whoever writes to a closed one fails.
    _said: BufReader<ChildStdout>,
}

/// A person's browser, with its cookies.
pub struct Browser(TempDir);

impl Oidc {
    /// Starts one of one's own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start() -> anyhow::Result<Self> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = tests.join("../target/peers/node_modules");
        ensure!(modules.is_dir(), "{} is missing: tests/run peers installs it", modules.display());
        let mut server = std::process::Command::new("node")
            .arg(tests.join("peers/oidc/server.mjs"))
            .env("MODULES", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("node cannot be started")?;
        let mut line = String::new();
        let mut said = BufReader::new(server.stdout.take().context("stdout is a pipe")?);
        said.read_line(&mut line)?;
        let port = line.trim().strip_prefix("ready ").context("the OAuth server did not start")?.parse()?;
        Ok(Self { port, server, _said: said })
    }

    /// The address of one of its endpoints.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Where a mail server asks what a token is good for, with its credentials.
    #[must_use]
    pub fn introspection(&self) -> String {
        format!("http://mail:mail-secret@127.0.0.1:{}/token/introspection", self.port)
    }

    /// Sets `accessTtl` (seconds), `deny` or `failing`.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn steer(&self, settings: &Value) -> anyhow::Result<()> {
        let settings = settings.to_string();
        curl(&["--data", &settings, &self.url("/test")]).await.map(|_| ())
    }

    /// Forgets every grant, as an administrator at the provider would.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn revoke(&self) -> anyhow::Result<()> {
        curl(&["--data", "", &self.url("/test/revoke")]).await.map(|_| ())
    }

    /// All tokens that were issued: "access" or "refresh", oldest first.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn issued(&self, kind: &str) -> anyhow::Result<Vec<String>> {
        let state: Value = serde_json::from_str(&curl(&[&self.url("/test")]).await?)?;
        let tokens = state["issued"][kind].as_array().context("a list of tokens")?;
        Ok(tokens.iter().filter_map(|token| token.as_str().map(str::to_owned)).collect())
    }

    /// Waits until none of the access tokens issued so far is good any more.
    ///
    /// # Errors
    /// They live longer than a test can wait.
    pub async fn wait_until_access_ends(&self) -> anyhow::Result<()> {
        let ended = async {
            for token in self.issued("access").await? {
                while self.is_active(&token).await? {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, ended).await.context("the access tokens do not end")?
    }

    /// Asks for tokens with a refresh token that somebody found: the server's answer.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn replay(&self, refresh_token: &str) -> anyhow::Result<Value> {
        let token = format!("refresh_token={refresh_token}");
        let form = ["--data", "grant_type=refresh_token", "--data", "client_id=native", "--data-urlencode"];
        Ok(serde_json::from_str(&curl(&[&form[..], &[&token, &self.url("/token")]].concat()).await?)?)
    }

    async fn is_active(&self, token: &str) -> anyhow::Result<bool> {
        let answer = curl(&["--data-urlencode", &format!("token={token}"), &self.introspection()]).await?;
        Ok(serde_json::from_str::<Value>(&answer)?["active"] == true)
    }
}

impl Drop for Oidc {
    fn drop(&mut self) {
        // It ends when its stdin does.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

impl Browser {
    /// One without cookies.
    ///
    /// # Errors
    /// No folder for them can be made.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    /// The page that is there after all redirects, for somebody who reads this language.
    ///
    /// # Errors
    /// There is none.
    pub async fn visit(&self, address: &str, language: &str) -> anyhow::Result<String> {
        self.curl(&["--header", &format!("Accept-Language: {language}"), address]).await
    }

    /// Types a device's code into the provider's page, and says yes.
    ///
    /// # Errors
    /// The provider does not take it.
    pub async fn enter_code(&self, address: &str, code: &str) -> anyhow::Result<String> {
        let mut page = self.visit(address, "en").await?;
        let code = format!("user_code={code}");
        for more in [&[][..], &["--data", "confirm=yes"]] {
            let (_, rest) = page.split_once("name=\"xsrf\" value=\"").context("a form")?;
            let xsrf = format!("xsrf={}", rest.split('"').next().unwrap_or_default());
            let form = ["--data", &xsrf, "--data-urlencode", &code, address];
            page = self.curl(&[more, &form[..]].concat()).await?;
        }
        Ok(page)
    }

    async fn curl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let jar = self.jar().display().to_string();
        curl(&[&["--location", "--cookie", &jar, "--cookie-jar", &jar], arguments].concat()).await
    }

    fn jar(&self) -> PathBuf {
        self.0.path().join("cookies")
    }
}

/// What curl prints.
async fn curl(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*"])
        .args(arguments)
        .output()
        .await
        .context("curl cannot be started")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "curl: {complaint}");
    Ok(String::from_utf8(output.stdout)?)
}
