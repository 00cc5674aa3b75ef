//! `signin`, `signout` and what they leave to see. The browser is a GET of this test's own.

use std::process::Stdio;

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::oauth::{At, CLIENT_ID, CLIENT_SECRET, Fault, OauthServer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout};

use crate::kit::{command, faxpost, faxpost_with, object};

const LOGIN: &str = "fax@example.test";

/// A daemon with an account for this provider.
async fn daemon(provider: &OauthServer) -> TestDaemon {
    let daemon = TestDaemon::start().await;
    let settings = [
        "method=secure-smtp-client".to_owned(),
        "server=127.0.0.1".to_owned(),
        "security=starttls".to_owned(),
        format!("sender-email={LOGIN}"),
        "authentication=on".to_owned(),
        "oauth=on".to_owned(),
        format!("oauth-client-id={CLIENT_ID}"),
        "oauth-scope=mail.send".to_owned(),
        format!("oauth-authorization-endpoint={}", provider.endpoint("authorize")),
        format!("oauth-token-endpoint={}", provider.endpoint("token")),
        format!("oauth-device-authorization-endpoint={}", provider.endpoint("device")),
        format!("oauth-revocation-endpoint={}", provider.endpoint("revoke")),
    ];
    let mut arguments = vec!["account", "set"];
    arguments.extend(settings.iter().map(String::as_str));
    faxpost(&daemon, &arguments).await.exits(0);
    daemon
}

/// A `signin` under way.
struct SignIn {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: String,
}

impl SignIn {
    fn begin(daemon: &TestDaemon, arguments: &[&str]) -> Self {
        let mut child = bins::started(|| command(daemon, arguments).stdin(Stdio::null()).spawn());
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines, said: String::new() }
    }

    /// The first line with this in it.
    async fn line(&mut self, part: &str) -> String {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(part) {
                return line;
            }
        }
        let mut complaint = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaint).await.unwrap();
        panic!("no {part:?} in {}{complaint}", self.said);
    }

    /// Everything it said on both, when it has ended so.
    async fn ends(mut self, exit: i32) -> String {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        let output = self.child.wait_with_output().await.unwrap();
        self.said.push_str(&String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{}", self.said);
        self.said
    }
}

/// The browser comes back with this query; the page it gets.
async fn come_back(authorization_url: &str, query: &str) -> String {
    let (_, asked) = authorization_url.split_once("redirect_uri=").expect("a redirect");
    let redirect = asked.split('&').next().unwrap().replace("%3A", ":").replace("%2F", "/");
    let (authority, path) =
        redirect.strip_prefix("http://").expect("the loopback").split_once('/').expect("a path");
    let mut stream = TcpStream::connect(authority).await.expect("somebody listens");
    let request = format!("GET /{path}?{query} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

fn no_secret_in(said: &str, provider: &OauthServer) {
    assert!(!provider.secrets().is_empty());
    for secret in provider.secrets() {
        assert!(!said.contains(&secret), "{secret} in {said}");
    }
}

#[tokio::test]
async fn b2_signing_in_with_a_browser_shows_the_address_and_tells_how_it_went() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    for (lang, done, page) in [
        ("en", "Account default is signed in.", "You can close this page"),
        ("ru", "Вход в учётную запись default выполнен.", "можно закрыть"),
    ] {
        let mut sign_in = SignIn::begin(&daemon, &["--lang", lang, "signin", "--no-browser"]);
        let address = sign_in.line("http://").await.trim().to_owned();
        // A page of somebody else's, that knows the port, neither ends nor answers it.
        assert!(come_back(&address, "code=x&state=y").await.starts_with("HTTP/1.1 404"));
        let shown = come_back(&address, &provider.agree(&address)).await;
        assert!(shown.contains(page), "{shown}");
        let said = sign_in.ends(0).await;
        assert!(said.contains(done) && said.contains("mail.send"), "{said}");
        no_secret_in(&said.replace(&address, ""), &provider);
    }
    faxpost(&daemon, &["status"]).await.exits(0).says("default: signed in (by ");
    faxpost(&daemon, &["--lang", "ru", "account", "show"]).await.exits(0).says("Токен обновления");
}

#[tokio::test]
async fn g1_the_json_of_a_sign_in_is_what_the_api_said() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut sign_in = SignIn::begin(&daemon, &["--json", "signin", "--no-browser"]);
    let begun = object(&sign_in.line("{").await);
    let address = begun["authorizationUrl"].as_str().unwrap();
    come_back(address, &provider.agree(address)).await;
    let said = sign_in.ends(0).await;
    let objects: Vec<Value> = said.lines().map(object).collect();
    assert_eq!(objects.len(), 2, "{said}");
    assert_eq!(objects[1]["signIn"]["state"], "SIGN_IN_STATE_SIGNED_IN");
    no_secret_in(&objects[1].to_string(), &provider);
    let out = faxpost(&daemon, &["--json", "signout"]).await.exits(0).json();
    assert_eq!(out["signIn"]["state"], "SIGN_IN_STATE_SIGNED_OUT");
}

#[tokio::test]
async fn b2_a_refusal_in_the_browser_is_told_in_plain_words() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    for (lang, words) in [("en", "it was refused in the browser"), ("ru", "отказали в браузере")]
    {
        let mut sign_in = SignIn::begin(&daemon, &["--lang", lang, "signin", "--no-browser"]);
        let address = sign_in.line("http://").await.trim().to_owned();
        let page = come_back(&address, &provider.disagree(&address)).await;
        assert!(page.contains("200 OK") && !page.contains("access_denied"), "{page}");
        let said = sign_in.ends(78).await;
        assert!(said.contains(words) && said.contains("access_denied"), "{said}");
    }
    let mut sign_in = SignIn::begin(&daemon, &["signin", "--no-browser"]);
    let address = sign_in.line("http://").await.trim().to_owned();
    let state = address.split('&').find(|part| part.contains("state=")).unwrap().to_owned();
    let state = state.rsplit('?').next().unwrap();
    let query = format!("error=temporarily_unavailable&error_description=%1b[2Jlater&{state}");
    come_back(&address, &query).await;
    let said = sign_in.ends(75).await;
    assert!(said.contains("Try again later") && !said.contains('\u{1b}'), "{said}");
    // What the exchange of the code brings is an answer of the daemon.
    provider.fault(1, At::Token, Fault::Error("invalid_client", "who are you?".to_owned()));
    let mut sign_in = SignIn::begin(&daemon, &["signin", "--no-browser"]);
    let address = sign_in.line("http://").await.trim().to_owned();
    let page = come_back(&address, &provider.agree(&address)).await;
    assert!(page.contains("did not work"), "{page}");
    let said = sign_in.ends(78).await;
    assert!(said.contains("invalid_client"), "{said}");
}

#[tokio::test]
async fn b3_a_device_code_is_shown_to_be_typed_and_the_end_is_told() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut sign_in = SignIn::begin(&daemon, &["signin", "--device"]);
    sign_in.line("Code:").await;
    sign_in.line("").await;
    let code = sign_in.line("").await.trim().to_owned();
    assert!(sign_in.said.contains("http"), "where to go: {}", sign_in.said);
    provider.decide_device(&code, true);
    let said = sign_in.ends(0).await;
    assert!(said.contains("Account default is signed in."), "{said}");
    no_secret_in(&said, &provider);

    let mut sign_in = SignIn::begin(&daemon, &["--json", "signin", "--device"]);
    let codes = object(&sign_in.line("{").await);
    provider.decide_device(codes["userCode"].as_str().unwrap(), false);
    let said = sign_in.ends(78).await;
    assert!(said.contains("access_denied"), "{said}");
}

#[tokio::test]
async fn b3_an_application_signs_in_with_a_secret_that_is_no_argument() {
    let provider = OauthServer::builder().confidential().start().await;
    let daemon = daemon(&provider).await;
    faxpost(&daemon, &["signin", "--client-credentials"]).await.exits(65).complains("client-secret");
    let argument = format!("client-secret={CLIENT_SECRET}");
    for arguments in [&["account", "set", &argument][..], &["account", "create", "office", &argument]] {
        let run = faxpost(&daemon, arguments).await.exits(64).complains("--client-secret-stdin");
        assert!(!run.err.contains(CLIENT_SECRET), "{run:?}");
    }
    let set = ["account", "set", "--client-secret-stdin"];
    faxpost_with(&daemon, &set, "").await.exits(65).complains("client secret is empty");
    faxpost(&daemon, &["account", "set", "--ask-client-secret"]).await.exits(64).complains("no terminal");
    let both = ["account", "set", "--client-secret-stdin", "--password-stdin"];
    faxpost(&daemon, &both).await.exits(64).complains("cannot be used with");
    faxpost_with(&daemon, &set, &format!("{CLIENT_SECRET}\n")).await.exits(0).says("set anew");
    let shown = faxpost(&daemon, &["account", "show"]).await.exits(0);
    assert!(shown.out.lines().any(|line| line.starts_with("client-secret") && line.ends_with(" set")));
    let run = faxpost(&daemon, &["signin", "--client-credentials"]).await.exits(0);
    let run = run.says("Account default is signed in.");
    no_secret_in(&format!("{}{}{}", run.out, run.err, daemon.stderr()), &provider);
    let json =
        faxpost(&daemon, &["--json", "signin", "default", "--client-credentials"]).await.exits(0).json();
    assert_eq!(json["signIn"]["flow"], "O_AUTH_FLOW_CLIENT_CREDENTIALS");
    let cleared =
        faxpost(&daemon, &["account", "set", "--clear-client-secret"]).await.exits(0).says("not set");
    assert!(!cleared.err.contains("--ask-client-secret"), "as it was asked for: {cleared:?}");
    faxpost_with(&daemon, &set, CLIENT_SECRET).await.exits(0);
    let other = faxpost(&daemon, &["account", "set", "oauth-client-id=other"]).await.exits(0).says("not set");
    other.complains("belonged to the former registration").complains("--ask-client-secret");
}

#[tokio::test]
async fn b5_signing_out_forgets_and_says_when_the_provider_was_not_told() {
    let provider = OauthServer::builder().confidential().start().await;
    let daemon = daemon(&provider).await;
    let set = ["account", "set", "--client-secret-stdin"];
    faxpost_with(&daemon, &set, CLIENT_SECRET).await.exits(0);
    for (lang, done) in [("en", "its tokens are forgotten"), ("ru", "токены забыты")] {
        faxpost(&daemon, &["signin", "--client-credentials"]).await.exits(0);
        faxpost(&daemon, &["--lang", lang, "signout"]).await.exits(0).says(done);
    }
    faxpost(&daemon, &["signin", "--client-credentials"]).await.exits(0);
    provider.fault(9, At::Revoke, Fault::Drop);
    let run = faxpost(&daemon, &["signout"]).await.exits(0).says("its tokens are forgotten");
    run.complains("The provider could not be told");
    let status = faxpost(&daemon, &["status"]).await.exits(0);
    assert!(!status.out.contains("Sign-in"), "{status:?}");
}

#[tokio::test]
async fn g1_what_cannot_be_signed_in_is_explained() {
    let daemon = TestDaemon::start().await;
    faxpost(&daemon, &["signin", "--no-browser"]).await.exits(65).complains("oauth: ");
    faxpost(&daemon, &["signin", "nobody", "--no-browser"]).await.exits(65).complains("account");
    faxpost(&daemon, &["signin", "--device", "--client-credentials"]).await.exits(64);
    for bad in ["https://localhost", "http://example.org", "http://localhost:99999"] {
        let run = faxpost(&daemon, &["signin", "--redirect-uri", bad]).await.exits(64);
        run.complains("http://127.0.0.1");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let redirect = format!("http://127.0.0.1:{}/", taken.local_addr().unwrap().port());
    let run = faxpost(&daemon, &["--lang", "ru", "signin", "--redirect-uri", &redirect]).await.exits(73);
    run.complains("не удалось открыть путь из браузера");
    let nobody = if cfg!(windows) { r"\\.\pipe\faxpost-nobody" } else { "/nonexistent/faxpost.sock" };
    let none = ["--endpoint", nobody, "signin", "--no-browser"];
    faxpost(&daemon, &none).await.exits(69);
}

#[tokio::test]
async fn g1_ctrl_c_gives_a_sign_in_up() {
    // Wine's console has nobody to press it.
    if std::env::consts::OS == "windows" {
        return;
    }
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    for (way, shown) in [("--no-browser", "http://"), ("--device", "Code:")] {
        let mut sign_in = SignIn::begin(&daemon, &["signin", way]);
        sign_in.line(shown).await;
        let process = sign_in.child.id().unwrap().to_string();
        let killed = std::process::Command::new("kill").args(["-INT", &process]).status().unwrap();
        assert!(killed.success());
        let said = sign_in.ends(1).await;
        assert!(said.contains("Given up: nobody has signed in."), "{said}");
    }
    faxpost(&daemon, &["account", "show"]).await.exits(0).says("nobody has signed in");
}
