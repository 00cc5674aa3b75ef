//! Access tokens: XOAUTH2 and OAUTHBEARER, and how a refusal is told.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faxpost_tests::smtp::{At, Fault, SmtpServer};
use faxpostd::mailer::{FailureKind, Step};

use crate::kit::{JobExt as _, fails, job, run_told, succeeds};

const LOGIN: &str = "fax=team,1@example.com";
const TOKEN: &str = "ya29.a0AfB_byC-1~x/9+zz==";

fn server() -> faxpost_tests::smtp::Builder {
    SmtpServer::builder().tokens(|login, token| (login, token) == (LOGIN, TOKEN))
}

#[tokio::test]
async fn b6_a_token_signs_in_with_either_mechanism_and_is_not_told() {
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let server = server().mechanisms(&["PLAIN", "LOGIN", mechanism]).start().await;
        let outcome = succeeds(job(&server).token(LOGIN, TOKEN).plaintext_auth()).await;
        let received = server.wait_for(1).await;
        let (login, used) = (received[0].login.as_deref(), received[0].mechanism.as_deref());
        assert_eq!((login, used), (Some(LOGIN), Some(mechanism)));
        let text = &outcome.transcript.text;
        assert!(text.contains(&format!(" C: AUTH {mechanism} ***\n")), "{text}");
    }
}

#[tokio::test]
async fn b6_a_refused_token_is_acknowledged_and_the_servers_json_is_told() {
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let server = server().mechanisms(&[mechanism]).start().await;
        let (outcome, reports) = run_told(job(&server).token(LOGIN, "old").plaintext_auth()).await;
        let failure = outcome.failure.clone().unwrap();
        assert_eq!((failure.kind, failure.step), (FailureKind::TokenRejected, Step::SignIn));
        assert!(failure.is_transient(), "the mail is kept");
        let reply = failure.reply.unwrap();
        assert_eq!(
            (reply.code, reply.enhanced.as_deref()),
            (535, Some("5.7.8")),
            "the answer after the JSON"
        );
        let json = r#"{"schemes":"bearer","scope":"https://mail.test/","status":"401"}"#;
        assert!(failure.text.ends_with(&format!(" (it says {json})")), "{}", failure.text);
        let told = format!("the server says: {json}");
        assert!(outcome.transcript.text.contains(&format!(" *: {told}\n")), "{}", outcome.transcript.text);
        assert!(reports.last().unwrap().details.contains(&told), "{reports:?}");
        // One sign-in, and not another try with the same token.
        assert_eq!(server.commands().iter().filter(|line| line.starts_with("AUTH ")).count(), 1);
    }
}

#[tokio::test]
async fn b6_a_token_that_is_too_long_for_a_command_follows_when_it_is_asked_for() {
    let long = "eyJ0eXAi".repeat(400);
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let known = long.clone();
        let builder = SmtpServer::builder().tokens(move |_, token| token == known);
        let server = builder.mechanisms(&[mechanism]).start().await;
        let outcome = succeeds(job(&server).token("fax", &long).plaintext_auth()).await;
        assert!(server.commands().contains(&format!("AUTH {mechanism}")), "{:?}", server.commands());
        let text = outcome.transcript.text;
        assert!(text.contains(&format!(" C: AUTH {mechanism}\n")) && text.contains(" C: ***\n"), "{text}");
    }
}

#[tokio::test]
async fn b4_a_token_is_judged_at_each_sign_in() {
    let good = Arc::new(Mutex::new(HashSet::from(["first".to_owned()])));
    let known = Arc::clone(&good);
    let server = SmtpServer::builder().tokens(move |_, token| known.lock().unwrap().contains(token));
    let server = server.start().await;
    succeeds(job(&server).token("fax", "first").plaintext_auth()).await;
    *good.lock().unwrap() = HashSet::from(["second".to_owned()]);
    let failure = fails(job(&server).token("fax", "first").plaintext_auth()).await;
    assert_eq!(failure.kind, FailureKind::TokenRejected);
    succeeds(job(&server).token("fax", "second").plaintext_auth()).await;
}

#[tokio::test]
async fn h3_no_token_is_told_in_any_encoding_even_if_the_server_repeats_it() {
    let json = |token: &str| STANDARD.encode(format!("{{\"error\":\"bad \\\"{token}\\\"\"}}"));
    let escaped: String = TOKEN.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        for fault in [
            Fault::Echo(535),
            Fault::Raw(format!("334 {}\r\n", json(TOKEN)).into_bytes()),
            Fault::Raw(format!("334 {}\r\n", json(&TOKEN.replace('/', "\\/"))).into_bytes()),
            Fault::Raw(format!("334 {}\r\n", json(&escaped)).into_bytes()),
            Fault::Raw(format!("334 {}\r\n", STANDARD.encode(format!("no json: {TOKEN}"))).into_bytes()),
        ] {
            let server = SmtpServer::builder().tokens(|_, _| false).mechanisms(&[mechanism]);
            let server = server.fault(At::TokenRefused, fault).start().await;
            let (outcome, reports) = run_told(job(&server).token(LOGIN, TOKEN).plaintext_auth()).await;
            let told = format!("{outcome:?}\n{reports:?}\n{}", serde_json::to_string(&outcome).unwrap());
            assert!(told.contains("***"), "{told}");
            for secret in [TOKEN, TOKEN.trim_end_matches('='), &STANDARD.encode(TOKEN), "ya29", "byC"] {
                assert!(!told.contains(secret), "{secret} in {told}");
            }
        }
    }
}

#[tokio::test]
async fn b6_a_complaint_that_does_not_end_is_cut_and_one_that_asks_on_is_cancelled() {
    let long = STANDARD.encode("x".repeat(2900));
    let server = SmtpServer::builder().tokens(|_, _| false);
    let fault = Fault::Raw(format!("334 {long}\r\n").into_bytes());
    let server = server.fault(At::TokenRefused, fault).start().await;
    let failure = fails(job(&server).token("fax", TOKEN).plaintext_auth()).await;
    assert!(failure.text.contains(&"x".repeat(1000)) && failure.text.len() < 1200, "{}", failure.text);

    let mut answers = vec![format!("334 {}\r\n", STANDARD.encode("{}")).into_bytes(); 20];
    answers.push(b"501 5.5.2 cancelled\r\n".to_vec());
    let server = SmtpServer::builder().tokens(|_, _| false);
    let server = server.fault(At::Auth, Fault::Raw(answers.concat())).start().await;
    let failure = fails(job(&server).token("fax", TOKEN).plaintext_auth()).await;
    assert_eq!((failure.step, failure.is_transient()), (Step::SignIn, true));
}

#[tokio::test]
async fn b6_neither_goes_where_it_does_not_belong() {
    // A token is no password, and a password no token: whatever else the server offers.
    let server = server().credentials("fax", "secret").mechanisms(&["PLAIN", "SCRAM-SHA-256"]).start().await;
    let failure = fails(job(&server).token("fax", TOKEN).plaintext_auth()).await;
    assert_eq!(failure.kind, FailureKind::NoMechanism);
    assert!(failure.text.contains("the server offers PLAIN, SCRAM-SHA-256"), "{}", failure.text);
    let server = self::server().start().await;
    let failure = fails(job(&server).sign_in("fax", "secret").plaintext_auth()).await;
    assert_eq!(failure.kind, FailureKind::NoMechanism);
    assert!(failure.text.contains("the server offers XOAUTH2, OAUTHBEARER"), "{}", failure.text);
    // And neither crosses an open line without leave.
    let failure = fails(job(&server).token("fax", TOKEN)).await;
    assert_eq!(failure.kind, FailureKind::PlaintextRefused);
    assert!(!server.commands().iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn b6_the_mechanism_that_was_asked_for_and_no_other() {
    let server = server().credentials("fax", "secret").mechanisms(&[
        "SCRAM-SHA-256",
        "LOGIN",
        "PLAIN",
        "XOAUTH2",
        "OAUTHBEARER",
    ]);
    let server = server.start().await;
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        succeeds(job(&server).sign_in("fax", "secret").mechanism(mechanism).plaintext_auth()).await;
        assert_eq!(server.received().last().unwrap().mechanism.as_deref(), Some(mechanism));
    }
    for mechanism in ["OAUTHBEARER", "XOAUTH2"] {
        succeeds(job(&server).token(LOGIN, TOKEN).mechanism(mechanism).plaintext_auth()).await;
        assert_eq!(server.received().last().unwrap().mechanism.as_deref(), Some(mechanism));
    }
    let tried = server.commands().len();
    let failure = fails(job(&server).sign_in("fax", "secret").mechanism("CRAM-MD5").plaintext_auth()).await;
    assert_eq!(failure.kind, FailureKind::NoMechanism);
    let text = "offers SCRAM-SHA-256, LOGIN, PLAIN, XOAUTH2, OAUTHBEARER; the account asks for CRAM-MD5";
    assert!(failure.text.contains(text), "{}", failure.text);
    assert!(!server.commands()[tried..].iter().any(|line| line.starts_with("AUTH")));

    // Refused as such, it does not give way to another one.
    let refused = Fault::answer(504, "5.5.4 unknown");
    let server = SmtpServer::builder().credentials("fax", "secret").fault(At::Auth, refused).start().await;
    let failure = fails(job(&server).sign_in("fax", "secret").mechanism("PLAIN").plaintext_auth()).await;
    assert_eq!(failure.kind, FailureKind::NoMechanism);
    assert_eq!(server.commands().iter().filter(|line| line.starts_with("AUTH")).count(), 1);
}
