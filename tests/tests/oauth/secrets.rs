//! Tokens, codes, verifiers and client secrets (requirement H3): everything that the daemon writes and answers is searched
//! for them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use faxpost_proto::v1;
use faxpost_proto::v1::MessageState;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::oauth::{At, CLIENT_SECRET, Fault, OauthServer, Rotation};
use faxpost_tests::smtp::{self, Authority, SmtpServer};

use crate::kit::{
    EAGER, FIELDS, LOGIN, account, finish, give_secret, message_in, ok, send, sign_in, standing, start,
    status, token,
};

/// The forms of a secret: as it is, escaped, in hex, and in base64 at every offset.
fn traces(secret: &str) -> Vec<(&'static str, String)> {
    let escaped: String = secret
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_owned(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut traces = vec![
        ("text", secret.to_owned()),
        ("form", escaped),
        ("debug", format!("{secret:?}").trim_matches('"').to_owned()),
        ("hex", hex::encode(secret)),
        ("bytes", format!("{:?}", secret.as_bytes()).trim_matches(['[', ']']).to_owned()),
        // Of a token, half of its random part is as good as the whole to find where it went.
        ("half", secret.chars().skip(secret.len() / 2).collect()),
    ];
    for offset in 0..3 {
        let shifted = [&b"xxx"[..offset], secret.as_bytes()].concat();
        let begin = (offset * 8).div_ceil(6);
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            traces.push(("base64", text[begin..text.len() - 1].to_owned()));
        }
    }
    traces
}

/// Fails if one of them is there. One look at each place of the haystack, whatever the number of secrets.
fn search(place: &str, bytes: &[u8], secrets: &[String]) {
    let mut needles = std::collections::HashMap::<[u8; 8], Vec<(&str, String)>>::new();
    for secret in secrets {
        for (form, trace) in traces(secret) {
            assert!(trace.len() >= 8, "too short to mean something: {form} of a secret");
            let head = trace.as_bytes()[..8].try_into().unwrap();
            needles.entry(head).or_default().push((form, trace));
        }
    }
    for (at, window) in bytes.windows(8).enumerate() {
        let head: [u8; 8] = window.try_into().unwrap();
        for (form, trace) in needles.get(&head).into_iter().flatten() {
            if bytes[at..].starts_with(trace.as_bytes()) {
                let around = &bytes[at.saturating_sub(160)..(at + 120).min(bytes.len())];
                panic!("a secret is in {place} as {form}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

fn search_files(folder: &Path, secrets: &[String]) -> usize {
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            count += search_files(&path, secrets);
        } else {
            search(&path.display().to_string(), &std::fs::read(&path).unwrap(), secrets);
            count += 1;
        }
    }
    count
}

#[tokio::test]
async fn h3_no_token_and_no_client_secret_is_in_a_file_a_log_or_an_answer() {
    let provider =
        OauthServer::builder().confidential().life(0).rotation(Rotation::UntilNewIsUsed).start().await;
    let server = SmtpServer::builder()
        .starttls(Authority::new().good())
        .tokens(provider.introspection(LOGIN))
        .fault_times(1, smtp::At::SignedIn, smtp::Fault::Echo(535))
        .start()
        .await;
    let mut daemon = TestDaemon::builder().settings(EAGER).env("FAXPOST_LOG", "trace").start().await;
    let mut answers = Vec::new();
    answers.push(format!("{:?}", daemon.set(account(&provider, server.port()), FIELDS).await));
    answers.push(format!("{:?}", give_secret(&daemon).await));

    // Every flow; a provider and a mail server that repeat what they were told, too.
    for fault in [Fault::Echo("invalid_client"), Fault::Echo("temporarily_unavailable")] {
        provider.fault(1, At::Token, fault);
        answers.push(format!("{:?}", sign_in(&daemon, &provider).await.unwrap_err()));
    }
    let started = start(&daemon).await.unwrap();
    let query = provider.agree(&started.authorization_url);
    answers.push(format!("{:?}", finish(&daemon, &started.sign_in_id, &query).await.unwrap()));
    answers.push(format!("{:?}", finish(&daemon, &started.sign_in_id, &query).await.unwrap_err()));
    let id = send(&daemon).await;
    answers.push(format!("{:?}", message_in(&daemon, &id, MessageState::Delivered).await));
    for fault in [
        Fault::Echo("temporarily_unavailable"),
        Fault::DropAfter,
        Fault::Answer(200, "{\"access_token\":\"partial-secret-token\"}".to_owned()),
    ] {
        provider.fault(1, At::Refresh, fault);
        answers.push(format!("{:?}", token(&daemon).await.map(|_| "a token")));
        answers.push(format!("{:?}", standing(&daemon).await));
        // Signed in anew: nobody waits for the pause to end.
        sign_in(&daemon, &provider).await.unwrap();
    }
    provider.fault(1, At::Refresh, Fault::Echo("invalid_grant"));
    let id = send(&daemon).await;
    answers.push(format!("{:?}", message_in(&daemon, &id, MessageState::Held).await));
    answers.push(format!("{:?}", standing(&daemon).await));
    answers.push(format!("{:?}", status(&daemon).await));
    let mut steps =
        ok(daemon.oauth().await.sign_in_with_device(v1::SignInWithDeviceRequest::default()).await);
    let codes = steps.message().await.unwrap().unwrap();
    provider.decide_device(&codes.user_code, true);
    answers.push(format!("{codes:?} {:?}", steps.message().await.unwrap()));
    let request = v1::SignInWithClientCredentialsRequest::default();
    answers.push(format!("{:?}", daemon.oauth().await.sign_in_with_client_credentials(request).await));
    let mut tests = ok(daemon.diagnostics().await.test_account(v1::TestAccountRequest::default()).await);
    while let Some(step) = tests.message().await.unwrap() {
        answers.push(format!("{step:?}"));
    }
    provider.fault(1, At::Revoke, Fault::Echo("invalid_request"));
    let out = ok(daemon.oauth().await.sign_out(v1::SignOutRequest::default()).await);
    assert!(out.revocation_error.contains("invalid_request"), "{out:?}");
    answers.push(format!("{out:?}"));
    // Signed in at the end, so that there is something in the files.
    sign_in(&daemon, &provider).await.unwrap();
    token(&daemon).await.unwrap();

    let log = ok(daemon
        .log()
        .await
        .list_entries(v1::ListEntriesRequest { page_size: 500, ..Default::default() })
        .await);
    let mut transcripts = String::new();
    for entry in log.entries {
        if entry.has_transcript {
            let request = v1::GetTranscriptRequest { id: entry.id };
            transcripts.push_str(&ok(daemon.log().await.get_transcript(request).await).text);
        }
        answers.push(format!("{entry:?}"));
    }
    assert!(transcripts.contains("AUTH XOAUTH2"), "the sign-ins are told of");
    answers.push(transcripts);

    let mut secrets = provider.secrets();
    secrets.extend([CLIENT_SECRET.to_owned(), "partial-secret-token".to_owned()]);
    // What goes through the browser's address bar is the person's, and in the log of no daemon either.
    assert!(secrets.len() > 30, "{}", secrets.len());
    search("the answers", answers.join("\n").as_bytes(), &secrets);
    let stderr = daemon.stderr();
    assert!(stderr.contains("TRACE") && stderr.len() > 10_000, "trace was on");
    search("the daemon's log", stderr.as_bytes(), &secrets);
    daemon.kill();
    assert!(search_files(&daemon.state_dir(), &secrets) >= 3);
    daemon.start_again().await;
    token(&daemon).await.unwrap();
    search("the daemon's log", daemon.stderr().as_bytes(), &provider.secrets());
}
