//! OAuth 2.0 from end to end with servers of other make: oidc-provider issues the tokens, Dovecot asks it about them, and
//! Postfix takes the mail. The command line signs in, and curl is the browser.

use std::process::Stdio;
use std::time::Duration;

use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::peers::{ALICE, Browser, Oidc, Postfix};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A loaded machine is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that takes part.
struct Scene {
    oidc: Oidc,
    postfix: Postfix,
    daemon: TestDaemon,
}

/// A sign-in under way.
struct SignIn {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Scene {
    /// An account for these servers, where nobody has signed in. `access`: seconds that an access token lives.
    async fn set(client: &str, mechanism: &str, access: u64) -> Self {
        let oidc = Oidc::start().unwrap();
        oidc.steer(&json!({ "accessTtl": access })).await.unwrap();
        let postfix = Postfix::with_tokens_of(&oidc).unwrap();
        let builder = TestDaemon::builder().settings("[outbox]\nretry-seconds = [1]\n");
        let daemon = builder.env("SSL_CERT_FILE", postfix.ca().display().to_string()).start().await;
        let scene = Self { oidc, postfix, daemon };
        let settings = [
            "method=secure-smtp-client".to_owned(),
            "server=localhost".to_owned(),
            format!("port={}", scene.postfix.smtps),
            "security=implicit".to_owned(),
            format!("sender-email={}", ALICE.0),
            "authentication=on".to_owned(),
            format!("login={}", ALICE.0),
            "oauth=on".to_owned(),
            format!("mechanism={mechanism}"),
            "oauth-profile=custom".to_owned(),
            format!("oauth-client-id={client}"),
            "oauth-scope=mail.send".to_owned(),
            format!("oauth-authorization-endpoint={}", scene.oidc.url("/auth")),
            format!("oauth-token-endpoint={}", scene.oidc.url("/token")),
            format!("oauth-device-authorization-endpoint={}", scene.oidc.url("/device/auth")),
            format!("oauth-revocation-endpoint={}", scene.oidc.url("/token/revocation")),
        ];
        let mut arguments = vec!["account", "set"];
        arguments.extend(settings.iter().map(String::as_str));
        scene.run(&arguments, 0).await;
        scene
    }

    /// Runs the command line to its end; what it printed.
    async fn run(&self, arguments: &[&str], exit: i32) -> String {
        let output = Command::from(self.daemon.faxpost(arguments)).output().await.unwrap();
        let (out, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let log = self.daemon.stderr();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {out}{complaint}\n{log}");
        out.into_owned()
    }

    fn begin(&self, arguments: &[&str]) -> SignIn {
        let arguments = [&["--json", "signin"], arguments].concat();
        let mut command = Command::from(self.daemon.faxpost(&arguments));
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        SignIn { child, lines }
    }

    /// The person signs in with a browser.
    async fn sign_in(&self) -> Value {
        let mut sign_in = self.begin(&["--no-browser"]);
        let begun = sign_in.next().await;
        let address = begun["authorizationUrl"].as_str().unwrap();
        let page = Browser::new().unwrap().visit(address, "ru").await.unwrap();
        assert!(page.contains("Вход выполнен") && page.contains("можно закрыть"), "{page}");
        let ended = sign_in.next().await;
        sign_in.ends(0).await;
        ended["signIn"].clone()
    }

    /// Accepts a message; its id.
    async fn send(&self, to: &str) -> String {
        let send = ["--json", "send", "--to", to, "--subject", "Fax", "--text", "One page."];
        let sent: Value = serde_json::from_str(&self.run(&send, 0).await).unwrap();
        sent["id"].as_str().unwrap().to_owned()
    }

    /// Waits until it has arrived, sent by alice.
    async fn arrives(&self, to: &str) {
        let mails = self.postfix.wait_for(to, 1).await.unwrap();
        assert!(mails[0].trace.contains("Authenticated sender: alice@fax.test"), "{}", mails[0].trace);
    }

    /// Sends until a message is held because nobody is signed in, and everybody is told; to whom that one was.
    ///
    /// The first may still go: on a connection that was signed in before, while the token at hand seems good.
    async fn mail_stops(&self, name: &str) -> String {
        let held = async {
            for number in 0.. {
                let to = format!("{name}-{number}@fax.test");
                let id = self.send(&to).await;
                let message = self.settled(&id).await;
                if message["state"] == "MESSAGE_STATE_HELD" {
                    assert!(!message["lastError"].as_str().unwrap().is_empty(), "{message}");
                    return to;
                }
                assert_eq!(message["state"], "MESSAGE_STATE_DELIVERED", "{message}");
            }
            unreachable!("numbers do not end");
        };
        let to = tokio::time::timeout(PATIENCE, held).await.expect("mail is held");
        assert!(self.postfix.mails_to(&to).unwrap().is_empty());
        let status = self.run(&["status"], 0).await;
        assert!(status.contains("default: lost: sign in again"), "{status}");
        let account = self.run(&["--lang", "ru", "account", "show"], 0).await;
        assert!(account.contains("утрачен: войдите заново"), "{account}");
        to
    }

    /// The message when nothing is under way any more.
    async fn settled(&self, id: &str) -> Value {
        loop {
            let message = self.run(&["--json", "outbox", "show", id], 0).await;
            let message = serde_json::from_str::<Value>(&message).unwrap()["message"].clone();
            if !["MESSAGE_STATE_QUEUED", "MESSAGE_STATE_SENDING"]
                .contains(&message["state"].as_str().unwrap())
            {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// No token that was ever issued stands anywhere in the daemon's state or log.
    async fn keeps_tokens_to_itself(&self) {
        let mut tokens = self.oidc.issued("access").await.unwrap();
        tokens.extend(self.oidc.issued("refresh").await.unwrap());
        assert!(!tokens.is_empty());
        let mut told = self.daemon.stderr().into_bytes();
        told.extend(self.run(&["log", "export", "--transcripts"], 0).await.into_bytes());
        let mut folders = vec![self.daemon.state_dir()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    told.extend(bytes);
                }
            }
        }
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("AUTH "), "the transcripts are among it");
        for token in tokens {
            assert!(!told.contains(&token), "{token} is kept in the open");
        }
    }
}

impl SignIn {
    async fn next(&mut self) -> Value {
        match self.lines.next_line().await.unwrap() {
            Some(line) => serde_json::from_str(&line).unwrap(),
            None => {
                let mut complaint = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut complaint).await.unwrap();
                panic!("it ended: {complaint}");
            }
        }
    }

    async fn ends(mut self, exit: i32) -> String {
        let mut complaint = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaint).await.unwrap();
        assert_eq!(self.child.wait().await.unwrap().code(), Some(exit), "{complaint}");
        complaint
    }
}

#[tokio::test]
async fn b2_b4_b5_signed_in_once_mail_goes_until_it_is_revoked_and_again_after_the_next_sign_in() {
    let scene = Scene::set("native", "OAUTHBEARER", 3).await;
    let signed_in = scene.sign_in().await;
    assert_eq!(signed_in["state"], "SIGN_IN_STATE_SIGNED_IN", "{signed_in}");
    scene.send("first@fax.test").await;
    scene.arrives("first@fax.test").await;

    // Nobody is there when the token ends.
    scene.oidc.wait_until_access_ends().await.unwrap();
    scene.send("second@fax.test").await;
    scene.arrives("second@fax.test").await;
    assert!(scene.oidc.issued("refresh").await.unwrap().len() >= 2, "the refresh token was rotated");

    scene.oidc.revoke().await.unwrap();
    let third = scene.mail_stops("third").await;

    scene.sign_in().await;
    scene.arrives(&third).await;
    scene.keeps_tokens_to_itself().await;
}

#[tokio::test]
async fn b4_a_stolen_refresh_token_ends_the_grant_and_the_mail_waits() {
    let scene = Scene::set("native", "XOAUTH2", 3).await;
    scene.sign_in().await;
    scene.oidc.wait_until_access_ends().await.unwrap();
    scene.send("rotated@fax.test").await;
    scene.arrives("rotated@fax.test").await;

    // Somebody else uses the one that was rotated away: the provider takes everything back.
    let old = scene.oidc.issued("refresh").await.unwrap().remove(0);
    assert_eq!(scene.oidc.replay(&old).await.unwrap()["error"], "invalid_grant");
    scene.mail_stops("stolen").await;
}

#[tokio::test]
async fn b4_a_provider_that_is_down_loses_nothing() {
    let scene = Scene::set("native", "XOAUTH2", 3).await;
    scene.sign_in().await;
    scene.oidc.wait_until_access_ends().await.unwrap();
    scene.oidc.steer(&json!({ "failing": true })).await.unwrap();
    scene.send("patient@fax.test").await;
    let status = async {
        while !scene.run(&["status"], 0).await.contains("the provider could not be asked just now") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, status).await.expect("it is told");
    scene.oidc.steer(&json!({ "failing": false })).await.unwrap();
    scene.arrives("patient@fax.test").await;
}

#[tokio::test]
async fn b3_with_a_code_on_another_device() {
    let scene = Scene::set("native", "OAUTHBEARER", 60).await;
    let mut sign_in = scene.begin(&["--device"]);
    let codes = sign_in.next().await;
    let (address, code) = (codes["verificationUri"].as_str().unwrap(), codes["userCode"].as_str().unwrap());
    let page = Browser::new().unwrap().enter_code(address, code).await.unwrap();
    assert!(page.contains("Sign-in Success"), "{page}");
    let ended = sign_in.next().await;
    assert_eq!(ended["signIn"]["flow"], "O_AUTH_FLOW_DEVICE_CODE", "{ended}");
    sign_in.ends(0).await;
    scene.send("device@fax.test").await;
    scene.arrives("device@fax.test").await;
    scene.keeps_tokens_to_itself().await;
}

#[tokio::test]
async fn b3_an_application_signs_in_as_itself_and_again_by_itself() {
    let scene = Scene::set("service", "XOAUTH2", 3).await;
    scene.run(&["signin", "--client-credentials"], 65).await;
    let set = ["account", "set", "--client-secret-stdin"];
    let mut child = Command::from(scene.daemon.faxpost(&set))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"service-secret\n").await.unwrap();
    assert!(child.wait().await.unwrap().success());
    let said = scene.run(&["signin", "--client-credentials"], 0).await;
    assert!(said.starts_with("Account default is signed in."), "{said}");
    scene.send("service@fax.test").await;
    scene.arrives("service@fax.test").await;
    scene.oidc.wait_until_access_ends().await.unwrap();
    scene.send("again@fax.test").await;
    scene.arrives("again@fax.test").await;
    let said = scene.run(&["signout"], 0).await;
    assert!(said.contains("signed out"), "{said}");
    let message = scene.send("out@fax.test").await;
    let shown = scene.run(&["--json", "outbox", "show", &message], 0).await;
    assert!(!shown.contains("\"DELIVERED\""), "{shown}");
}

#[tokio::test]
async fn b2_whoever_says_no_in_the_browser_is_told_in_both_places() {
    let scene = Scene::set("native", "OAUTHBEARER", 60).await;
    scene.oidc.steer(&json!({ "deny": true })).await.unwrap();
    let mut sign_in = scene.begin(&["--no-browser", "--lang", "ru"]);
    let begun = sign_in.next().await;
    let address = begun["authorizationUrl"].as_str().unwrap();
    let page = Browser::new().unwrap().visit(address, "en").await.unwrap();
    assert!(page.contains("The sign-in did not work") && !page.contains("Alice said no"), "{page}");
    let complaint = sign_in.ends(78).await;
    assert!(complaint.contains("отказали в браузере") && complaint.contains("Alice said no"), "{complaint}");
}

#[tokio::test]
async fn b2_a_real_browser_comes_back_to_the_page() {
    let scene = Scene::set("native", "OAUTHBEARER", 60).await;
    let mut sign_in = scene.begin(&["--no-browser", "--redirect-uri", "http://localhost"]);
    let begun = sign_in.next().await;
    let profile = tempfile::tempdir().unwrap();
    let mut chromium = Command::new("chromium");
    // Nothing but the one page: as root, and without asking anybody else on the network.
    chromium.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--accept-lang=ru",
        "--dump-dom",
    ]);
    chromium.arg(format!("--user-data-dir={}", profile.path().display()));
    chromium.arg(format!("--screenshot={}", profile.path().join("page.png").display()));
    chromium.arg(begun["authorizationUrl"].as_str().unwrap()).kill_on_drop(true);
    let output = chromium.output().await.unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(page.contains("<h1>Вход выполнен</h1>") && page.contains("можно закрыть"), "{page}\n{complaint}");
    assert!(!complaint.contains("Content Security Policy"), "the page keeps its own rules: {complaint}");
    let ended = sign_in.next().await;
    assert_eq!(ended["signIn"]["state"], "SIGN_IN_STATE_SIGNED_IN", "{ended}");
    sign_in.ends(0).await;
    if let Some(folder) = std::env::var_os("FAXPOST_SCREENSHOTS") {
        let target = std::path::Path::new(&folder).join("signed-in.png");
        std::fs::copy(profile.path().join("page.png"), target).unwrap();
    }
}
