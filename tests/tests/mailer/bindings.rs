//! SCRAM-SHA-256-PLUS: a sign-in that is good on its own TLS connection only.

use faxpost_tests::smtp::{At, Authority, Builder, Fault, SmtpServer};
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::mailer::{Failure, FailureKind, Job};

use crate::between::Between;
use crate::kit::{JobExt as _, fails, job, succeeds};

const ALL: [&str; 4] = ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"];

fn server(mechanisms: &[&str]) -> Builder {
    let builder = SmtpServer::builder().implicit_tls(Authority::new().good());
    builder.credentials("fax", "secret").mechanisms(mechanisms)
}

/// Whoever sits in between may have any certificate: that is what the binding is for.
fn signing_in(server: &SmtpServer) -> Job {
    job(server).tls(Security::Implicit, TlsCheck::AcceptInvalid).sign_in("fax", "secret")
}

fn tried(server: &SmtpServer) -> Vec<String> {
    let commands = server.commands().into_iter().filter(|line| line.starts_with("AUTH "));
    commands.filter_map(|line| line.split(' ').nth(1).map(str::to_owned)).collect()
}

#[tokio::test]
async fn h3_the_strongest_is_bound_to_the_tls_connection() {
    let mut identity = Authority::new().good();
    for binding in ["tls-exporter", "tls-server-end-point"] {
        for (security, builder) in [
            (Security::Implicit, SmtpServer::builder().implicit_tls(identity.clone())),
            (Security::Starttls, SmtpServer::builder().starttls(identity.clone())),
        ] {
            let server = builder.credentials("fax", "secret").mechanisms(&ALL).start().await;
            let job = signing_in(&server).tls(security, TlsCheck::AcceptInvalid);
            let outcome = succeeds(job).await;
            assert_eq!(server.wait_for(1).await[0].mechanism.as_deref(), Some("SCRAM-SHA-256-PLUS"));
            let text = outcome.transcript.text;
            assert!(text.contains(&format!("bound to the connection by {binding}")), "{text}");
            assert!(text.contains(" C: AUTH SCRAM-SHA-256-PLUS ***"), "{text}");
        }
        identity = identity.tls12();
    }
}

#[tokio::test]
async fn h3_a_server_that_does_not_know_the_newer_binding_gets_the_older_one() {
    let server = server(&ALL).bindings(&["tls-server-end-point"]).start().await;
    let outcome = succeeds(signing_in(&server)).await;
    assert_eq!(tried(&server), ["SCRAM-SHA-256-PLUS"; 2]);
    let text = outcome.transcript.text;
    assert!(text.contains(" *: the server says: unsupported-channel-binding-type\n"), "{text}");

    // One that knows neither is asked without, unless the account wants it bound and no other way.
    let server = self::server(&ALL).bindings(&["tls-unique"]).start().await;
    let failure = fails(signing_in(&server).mechanism("SCRAM-SHA-256-PLUS")).await;
    assert!(failure.text.contains("(it says unsupported-channel-binding-type)"), "{}", failure.text);
    assert_eq!(tried(&server), ["SCRAM-SHA-256-PLUS"; 2]);
    succeeds(signing_in(&server)).await;
    assert_eq!(tried(&server)[2..], ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
}

#[tokio::test]
async fn h3_who_takes_the_binding_out_of_the_offer_is_found_out() {
    // The server has it; what arrives has not.
    let offer = Fault::answer(250, "mail.test\nAUTH SCRAM-SHA-256 PLAIN");
    let server = server(&ALL).fault(At::Ehlo, offer).start().await;
    let failure = fails(signing_in(&server)).await;
    let Failure { kind, text, .. } = failure;
    assert_eq!(kind, FailureKind::AuthRejected);
    assert!(text.contains("(it says server-does-support-channel-binding)"), "{text}");
    assert_eq!(tried(&server), ["SCRAM-SHA-256"], "and nothing weaker after it");
}

#[tokio::test]
async fn h3_a_server_without_it_is_told_that_we_could() {
    let server = server(&["SCRAM-SHA-256"]).start().await;
    succeeds(signing_in(&server)).await;
    let first = server.commands().into_iter().find(|line| line.starts_with("AUTH ")).unwrap();
    // base64 of "y,,n=fax,r=…".
    assert!(first.starts_with("AUTH SCRAM-SHA-256 eSwsbj1mYXgs"), "{first}");

    // Without TLS there is nothing to bind to: "n,,n=fax,".
    let server = SmtpServer::builder().credentials("fax", "secret").mechanisms(&["SCRAM-SHA-256"]);
    let server = server.start().await;
    succeeds(job(&server).sign_in("fax", "secret")).await;
    let first = server.commands().into_iter().find(|line| line.starts_with("AUTH ")).unwrap();
    assert!(first.starts_with("AUTH SCRAM-SHA-256 biwsbj1mYXgs"), "{first}");
}

#[tokio::test]
async fn h3_somebody_in_between_gets_nowhere_with_a_bound_proof() {
    let server = server(&ALL).start().await;
    let between = Between::start(&Authority::new().good(), server.port()).await;
    let mut through = signing_in(&server);
    through.route().port = between.port();
    let failure = fails(through).await;
    assert_eq!(failure.kind, FailureKind::AuthRejected, "{}", failure.text);
    assert!(failure.text.contains("535"), "{}", failure.text);
    assert_eq!(server.received().len(), 0);
    // Bound to nothing, the same proof would let him in: so the account may ask for the bound one and no other.
    let mut through = signing_in(&server).mechanism("SCRAM-SHA-256");
    through.route().port = between.port();
    succeeds(through).await;
}
