use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faxpost_tests::smtp::{At, Fault, SmtpServer};
use faxpostd::mailer::{FailureKind, Step};

use crate::kit::{JobExt as _, fails, job, run_told, succeeds};

const PASSWORD: &str = "päss wörd – секрет";

#[tokio::test]
async fn a5_the_servers_first_mechanism_is_used_in_either_spelling() {
    for (order, used) in
        [(["PLAIN", "LOGIN"], "PLAIN"), (["LOGIN", "PLAIN"], "LOGIN"), (["XOAUTH2", "LOGIN"], "LOGIN")]
    {
        let builder = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&order);
        for builder in [
            builder.old_auth_spelling(),
            SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&order),
        ] {
            let server = builder.start().await;
            succeeds(job(&server).sign_in("fax", PASSWORD).plaintext_auth()).await;
            let received = server.wait_for(1).await;
            assert_eq!(received[0].mechanism.as_deref(), Some(used));
            assert_eq!(received[0].login.as_deref(), Some("fax"));
        }
    }
}

#[tokio::test]
async fn a5_a_mechanism_that_is_offered_and_unknown_gives_way_to_the_next() {
    let unknown = Fault::answer(504, "5.5.4 unrecognized authentication type");
    let server =
        SmtpServer::builder().credentials("fax", PASSWORD).fault_times(1, At::Auth, unknown).start().await;
    succeeds(job(&server).sign_in("fax", PASSWORD).plaintext_auth()).await;
    assert_eq!(server.wait_for(1).await[0].mechanism.as_deref(), Some("LOGIN"));
}

#[tokio::test]
async fn h3_no_password_without_tls() {
    let server = SmtpServer::builder().credentials("fax", PASSWORD).start().await;
    let failure = fails(job(&server).sign_in("fax", PASSWORD)).await;
    assert_eq!((failure.kind, failure.step), (FailureKind::PlaintextRefused, Step::SignIn));
    assert!(!server.commands().iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn a5_no_usable_mechanism_names_what_is_offered() {
    let server = SmtpServer::builder().credentials("fax", "x").mechanisms(&["GSSAPI", "NTLM"]).start().await;
    let failure = fails(job(&server).sign_in("fax", "x").plaintext_auth()).await;
    assert_eq!(failure.kind, FailureKind::NoMechanism);
    assert!(failure.text.contains("GSSAPI, NTLM"), "{}", failure.text);

    let server = SmtpServer::builder().start().await;
    let failure = fails(job(&server).sign_in("fax", "x").plaintext_auth()).await;
    assert_eq!(failure.kind, FailureKind::NoMechanism);
    let failure = fails(job(&server).sign_in("fax", "").plaintext_auth()).await;
    assert_eq!(failure.kind, FailureKind::NoPassword);
}

#[tokio::test]
async fn a5_rejected_and_temporary_are_told_apart_and_neither_loses_mail() {
    let server = SmtpServer::builder().credentials("fax", "right").start().await;
    let failure = fails(job(&server).sign_in("fax", "wrong").plaintext_auth()).await;
    assert_eq!((failure.kind, failure.is_transient()), (FailureKind::AuthRejected, true));
    assert_eq!(failure.reply.unwrap().enhanced.as_deref(), Some("5.7.8"));

    for (code, text) in [
        (454, "4.7.0 Temporary authentication failure"),
        (432, "4.3.2 Concurrent connections"),
        (421, "4.7.0 busy"),
    ] {
        let builder = SmtpServer::builder().credentials("fax", "right");
        let server = builder.fault(At::SignedIn, Fault::answer(code, text)).start().await;
        let failure = fails(job(&server).sign_in("fax", "right").plaintext_auth()).await;
        assert_eq!(failure.kind, FailureKind::AuthTemporary, "{code}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_ever_is_cancelled() {
    let mut answers = vec![b"334 \r\n".to_vec(); 20];
    answers.push(b"501 5.5.2 cancelled\r\n".to_vec());
    let server = SmtpServer::builder()
        .credentials("fax", "x")
        .fault(At::Auth, Fault::Raw(answers.concat()))
        .start()
        .await;
    let failure = fails(job(&server).sign_in("fax", "x").plaintext_auth()).await;
    assert_eq!((failure.step, failure.is_transient()), (Step::SignIn, true));
}

#[tokio::test]
async fn e2_no_password_is_told_in_any_encoding_even_if_the_server_repeats_it() {
    for (login, password) in [("fax", PASSWORD), ("f", "abc"), ("fax@example.com", "hunter2-hunter2")] {
        for mechanism in ["PLAIN", "LOGIN"] {
            let server = SmtpServer::builder()
                .credentials(login, password)
                .mechanisms(&[mechanism])
                .fault(At::SignedIn, Fault::Echo(535))
                .start()
                .await;
            let (outcome, reports) = run_told(job(&server).sign_in(login, password).plaintext_auth()).await;
            let told = format!("{outcome:?}\n{reports:?}\n{}", serde_json::to_string(&outcome).unwrap());
            assert!(told.contains("you said ***"), "{told}");
            assert!(outcome.transcript.text.contains(" C: ***") || mechanism == "PLAIN");
            let plain = format!("\0{login}\0{password}");
            let secrets = [password.to_owned(), STANDARD.encode(password), STANDARD.encode(&plain)];
            for secret in secrets {
                assert!(!told.contains(&secret), "{secret} in {told}");
                assert!(!told.contains(secret.trim_end_matches('=')), "{secret} in {told}");
            }
        }
    }
}
