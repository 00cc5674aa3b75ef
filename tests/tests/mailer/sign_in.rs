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
        for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"] {
            let server = SmtpServer::builder()
                .credentials(login, password)
                .mechanisms(&[mechanism])
                .fault(At::SignedIn, Fault::Echo(535))
                .start()
                .await;
            let (outcome, reports) = run_told(job(&server).sign_in(login, password).plaintext_auth()).await;
            let told = format!("{outcome:?}\n{reports:?}\n{}", serde_json::to_string(&outcome).unwrap());
            assert!(told.contains("you said ***"), "{told}");
            let text = &outcome.transcript.text;
            assert!(text.contains(" C: ***") || mechanism == "PLAIN");
            if !matches!(mechanism, "PLAIN" | "LOGIN") {
                // What both say is a proof: with the server's words alone, passwords could be tried.
                let challenges = text.lines().filter(|line| line.contains(" S: 334"));
                assert!(challenges.clone().count() > 0, "{text}");
                assert!(challenges.clone().all(|line| line.ends_with(" S: 334 ***")), "{text}");
                // Decoded, the last word of what the server repeats is the proof.
                let repeated = text.lines().find(|line| line.contains("you said")).unwrap();
                assert!(
                    repeated.ends_with(",p=***") || repeated.ends_with(&format!("{login} ***")),
                    "{text}"
                );
            }
            let plain = format!("\0{login}\0{password}");
            let secrets = [password.to_owned(), STANDARD.encode(password), STANDARD.encode(&plain)];
            for secret in secrets {
                assert!(!told.contains(&secret), "{secret} in {told}");
                assert!(!told.contains(secret.trim_end_matches('=')), "{secret} in {told}");
            }
        }
    }
}

const STRONG: [&str; 5] = ["LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];

#[tokio::test]
async fn a5_the_strongest_mechanism_is_used_whatever_the_server_prefers() {
    for (offered, used) in
        [(&STRONG[..], "SCRAM-SHA-256"), (&STRONG[..4], "SCRAM-SHA-1"), (&STRONG[..3], "CRAM-MD5")]
    {
        let server = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(offered).start().await;
        let outcome = succeeds(job(&server).sign_in("fax", PASSWORD).plaintext_auth()).await;
        assert_eq!(server.wait_for(1).await[0].mechanism.as_deref(), Some(used));
        assert!(!outcome.transcript.text.contains("334 P"), "{}", outcome.transcript.text);
        // A wrong password is refused, and nothing weaker is tried with it.
        let failure = fails(job(&server).sign_in("fax", "wrong").plaintext_auth()).await;
        assert_eq!(failure.kind, FailureKind::AuthRejected);
        let tried = server.commands().iter().filter(|line| line.starts_with("AUTH ")).count();
        assert_eq!(tried, 2, "{:?}", server.commands());
    }
}

#[tokio::test]
async fn a5_scram_needs_no_leave_on_an_open_line_and_cram_md5_does() {
    let server = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&STRONG).start().await;
    succeeds(job(&server).sign_in("fax", PASSWORD)).await;
    let server = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&STRONG[..3]).start().await;
    let failure = fails(job(&server).sign_in("fax", PASSWORD)).await;
    assert_eq!(failure.kind, FailureKind::PlaintextRefused);
    assert!(!server.commands().iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn a5_each_mechanism_that_is_refused_as_such_is_tried_once() {
    for (code, text) in [(504, "5.5.4 unknown"), (534, "5.7.9 mechanism is too weak")] {
        let refused = Fault::answer(code, text);
        let builder = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&STRONG);
        let server = builder.fault_times(2, At::Auth, refused).start().await;
        succeeds(job(&server).sign_in("fax", PASSWORD).plaintext_auth()).await;
        assert_eq!(server.wait_for(1).await[0].mechanism.as_deref(), Some("CRAM-MD5"));
        // Without leave to tell it, the password stays here.
        let builder = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&STRONG);
        let server = builder.fault(At::Auth, Fault::answer(code, text)).start().await;
        let failure = fails(job(&server).sign_in("fax", PASSWORD)).await;
        assert_eq!((failure.kind, failure.reply.unwrap().code), (FailureKind::NoMechanism, code));
        let tried: Vec<_> = server.commands().into_iter().filter(|line| line.starts_with("AUTH ")).collect();
        assert!(tried.len() == 2 && tried.iter().all(|line| line.starts_with("AUTH SCRAM-")), "{tried:?}");
    }
}

#[tokio::test]
async fn h3_a_server_that_does_not_prove_itself_hears_nothing_more() {
    let wrong = format!("334 {}\r\n", STANDARD.encode(format!("v={}", STANDARD.encode([7; 32]))));
    for fault in [
        Fault::Raw(wrong.into_bytes()),
        Fault::Raw(b"334 !\r\n".to_vec()),
        Fault::answer(235, "2.7.0 no proof needed"),
    ] {
        let builder = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&STRONG);
        let server = builder.fault(At::ServerProof, fault).start().await;
        let failure = fails(job(&server).sign_in("fax", PASSWORD).plaintext_auth()).await;
        assert_eq!((failure.kind, failure.step), (FailureKind::ServerUnproven, Step::SignIn));
        assert!(failure.is_transient(), "no mail is lost for it");
        assert!(server.commands().last().unwrap().starts_with("AUTH SCRAM-SHA-256 "), "{failure:?}");
    }
}

#[tokio::test]
async fn h3_a_server_cannot_keep_us_busy_nor_make_us_careless() {
    for rounds in [0, 999, 500_001, u32::MAX] {
        let builder = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&STRONG);
        let server = builder.scram_rounds(rounds).start().await;
        let failure = fails(job(&server).sign_in("fax", PASSWORD).plaintext_auth()).await;
        assert_eq!(failure.kind, FailureKind::ServerUnproven, "{rounds}");
    }
    let builder = SmtpServer::builder().credentials("fax", PASSWORD).mechanisms(&STRONG);
    let server = builder.scram_rounds(2000).start().await;
    let outcome = succeeds(job(&server).sign_in("fax", PASSWORD)).await;
    assert!(
        outcome.transcript.text.contains(" *: 2000 rounds of hashing: the server should have 4096 or more")
    );
}

#[tokio::test]
async fn h3_a_password_that_stands_in_a_challenge_does_not_spoil_it() {
    // All of it is base64, where such a short one is sure to be found.
    for password in ["c", "Y", "Vy", "="] {
        let server = SmtpServer::builder().credentials("fax", password).mechanisms(&STRONG).start().await;
        succeeds(job(&server).sign_in("fax", password)).await;
    }
}
