//! The sign-in page, with a provider of the test's own.

use faxpost_gui_ui::PageName;
use faxpost_proto::v1::{self, Method, Security};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::oauth::{CLIENT_ID, OauthServer};

use crate::kit::{Gui, daemon, runtime};

async fn prepared(daemon: &TestDaemon) -> OauthServer {
    let provider = OauthServer::start().await;
    let account = v1::Account {
        id: "default".into(),
        sender_email: "fax@example.org".into(),
        method: Method::SecureSmtpClient.into(),
        server: "localhost".into(),
        security: Security::Starttls.into(),
        authentication: true,
        oauth: true,
        oauth_client_id: CLIENT_ID.into(),
        oauth_scope: "mail".into(),
        oauth_authorization_endpoint: provider.endpoint("authorize"),
        oauth_token_endpoint: provider.endpoint("token"),
        oauth_device_authorization_endpoint: provider.endpoint("device"),
        ..v1::Account::default()
    };
    let fields = [
        "sender_email",
        "method",
        "server",
        "security",
        "authentication",
        "oauth",
        "oauth_client_id",
        "oauth_scope",
        "oauth_authorization_endpoint",
        "oauth_token_endpoint",
        "oauth_device_authorization_endpoint",
    ];
    daemon.set(account, &fields).await.unwrap();
    provider
}

/// The page, with the account read.
fn page(daemon: &TestDaemon) -> Gui {
    // No browser is started: the test takes the address from the window.
    let gui = Gui::at(daemon, PageName::SignIn);
    gui.until("the account", |gui| gui.has("Get token in browser") && gui.is_enabled("Get token in browser"));
    gui
}

#[test]
fn b3_a_device_code_is_shown_with_its_countdown_and_signs_in() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let provider = runtime.block_on(prepared(&daemon));
    let gui = page(&daemon);
    gui.press("With a code");
    gui.until("the code", |gui| gui.has("Code") && !gui.value("Code").is_empty());
    gui.until("the countdown", |gui| gui.says("Waiting, "));
    let code = gui.value("Code");
    provider.decide_device(&code, true);
    gui.until("signed in", |gui| gui.says("Signed in. The tokens"));
    gui.until("the state", |gui| gui.has("signed in"));
    assert!(!gui.has("Code"), "the code is over");

    gui.press("Sign out");
    gui.until("signed out", |gui| gui.says("Signed out"));
}

#[test]
fn b2_the_browser_flow_ends_in_tokens_that_the_window_never_sees() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let provider = runtime.block_on(prepared(&daemon));
    let gui = page(&daemon);
    gui.press("Get token in browser");
    gui.until("the address", |gui| gui.has("Address") && !gui.value("Address").is_empty());
    let address = gui.value("Address");
    let query = provider.agree(&address);
    visit(&address, &query);
    gui.until("signed in", |gui| gui.says("Signed in. The tokens"));
    let all = gui.all();
    for secret in provider.secrets() {
        assert!(!all.contains(&secret), "a secret is shown");
    }
}

#[test]
fn b2_a_sign_in_can_be_given_up() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let _provider = runtime.block_on(prepared(&daemon));
    let gui = page(&daemon);
    gui.press("With a code");
    gui.until("the code", |gui| gui.has("Code"));
    gui.press("Cancel");
    gui.until("given up", |gui| !gui.has("Code") && gui.is_enabled("With a code"));
}

#[test]
fn b2_what_is_unsaved_must_be_applied_first() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let _provider = runtime.block_on(prepared(&daemon));
    let gui = page(&daemon);
    gui.set("Client ID", "another");
    assert!(!gui.is_enabled("Get token in browser"));
    assert!(gui.description("Get token in browser").contains("Apply the changes first"));
}

/// As the browser would, after a person agreed.
fn visit(authorization_url: &str, query: &str) {
    use std::io::{Read as _, Write as _};
    let parameters = authorization_url.split_once('?').unwrap().1;
    let redirect = parameters.split('&').find_map(|pair| pair.strip_prefix("redirect_uri=")).unwrap();
    let redirect = redirect.replace("%3A", ":").replace("%2F", "/");
    let (host, path) = redirect.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path}?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    std::thread::spawn(move || {
        let mut page = String::new();
        let _ = stream.read_to_string(&mut page);
    });
}
