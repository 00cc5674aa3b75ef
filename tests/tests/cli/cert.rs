//! `faxpost cert …`

use std::path::Path;

use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Issued, Kind, Pki};

use crate::generated::completed;
use crate::kit::{faxpost, faxpost_with, file};

/// A certificate for fax@example.test in files: the whole, the certificate, the key.
fn files(folder: &tempfile::TempDir, person: &Issued) -> (String, String, String) {
    let both = format!("{}{}", person.pem(), person.key_pem());
    (
        file(folder, "both.pem", both.as_bytes()),
        file(folder, "cert.pem", person.pem().as_bytes()),
        file(folder, "key.pem", person.key_pem().as_bytes()),
    )
}

async fn set_sender(daemon: &TestDaemon) {
    faxpost(daemon, &["account", "set", "sender-email=fax@example.test"]).await.exits(0);
}

#[tokio::test]
async fn g1_fingerprints_are_completed_wherever_a_certificate_is_named() {
    let daemon = TestDaemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(Kind::EcP256);
    let (one, two) = (pki.person("a@example.test", Kind::EcP256), pki.person("b@example.test", Kind::EcP256));
    for person in [&one, &two] {
        faxpost(&daemon, &["cert", "install", &files(&folder, person).0]).await.exits(0);
    }
    let fingerprint = one.fingerprint();
    // Two begin alike once in a long time.
    let begun =
        (1..16).map(|digits| &fingerprint[..digits]).find(|begun| !two.fingerprint().starts_with(*begun));
    for command in ["show", "grant", "revoke", "check", "delete"] {
        let words = ["cert".to_owned(), command.to_owned()];
        assert_eq!(completed(&daemon, &words, begun.unwrap()).await, [&fingerprint[..16]], "{command}");
        assert_eq!(completed(&daemon, &words, &fingerprint[..20]).await, [&*fingerprint], "{command}");
    }
    let made = faxpost(&daemon, &["--json", "cert", "csr", "create", "--sender", "a@example.test"]).await;
    let id = made.exits(0).json()["signingRequest"]["id"].as_str().unwrap().to_owned();
    let words = ["cert", "csr", "delete"].map(str::to_owned);
    assert_eq!(completed(&daemon, &words, &id[..2]).await, [&id[..16]]);
}

#[tokio::test]
async fn c4_a_pem_pair_is_installed_listed_shown_and_deleted() {
    let daemon = TestDaemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let person = Pki::new(Kind::EcP256).person("fax@example.test", Kind::EcP256);
    let (both, certificate, key) = files(&folder, &person);
    let fingerprint = person.fingerprint();
    let short = &fingerprint[..16];

    faxpost(&daemon, &["cert", "list"]).await.exits(0).complains("Nothing found");
    faxpost(&daemon, &["cert", "install", &certificate]).await.exits(65).complains("--key");
    faxpost(&daemon, &["cert", "install", &certificate, "--key", &key]).await.exits(0).says(short);
    faxpost(&daemon, &["cert", "install", &both]).await.exits(0).says("was there before").says(short);

    faxpost(&daemon, &["cert", "list"]).await.exits(0).says(short).says("fax@example.test");
    let listed = faxpost(&daemon, &["--json", "cert", "list"]).await.exits(0).json();
    assert_eq!(listed["certificates"][0]["sha256"], fingerprint.as_str());

    let shown = faxpost(&daemon, &["cert", "show", short]).await.exits(0);
    let shown =
        shown.says(&fingerprint).says("Chain").says("└─ ").says("Test Root CA").says("May use the key");
    assert!(shown.out.contains("fax@example.test"), "{}", shown.out);
    let json = faxpost(&daemon, &["--json", "cert", "show", short]).await.exits(0).json();
    assert_eq!(json["chain"].as_array().unwrap().len(), 3, "{json}");

    faxpost(&daemon, &["cert", "show", "abcdef12"]).await.exits(65).complains("no certificate");
    faxpost(&daemon, &["cert", "delete", short, "--yes"]).await.exits(0);
    faxpost(&daemon, &["cert", "show", short]).await.exits(65);
}

#[tokio::test]
async fn c3_candidates_say_what_they_lack_in_the_readers_language() {
    let daemon = TestDaemon::start().await;
    set_sender(&daemon).await;
    faxpost(&daemon, &["cert", "candidates"]).await.exits(78).complains("cert install");
    let folder = tempfile::tempdir().unwrap();
    let person = Pki::new(Kind::EcP256).person("other@example.test", Kind::EcP256);
    let (both, ..) = files(&folder, &person);
    faxpost(&daemon, &["cert", "install", &both]).await.exits(0);

    let said = faxpost(&daemon, &["cert", "candidates"]).await.exits(78).says("fax@example.test");
    assert!(said.out.contains("other@example.test"), "the daemon's own sentence: {}", said.out);
    faxpost(&daemon, &["--lang", "ru", "cert", "candidates"])
        .await
        .exits(78)
        .says("В сертификате нет адреса отправителя")
        .says("Корневому сертификату этот компьютер не доверяет");
    let json = faxpost(&daemon, &["--json", "cert", "candidates"]).await.exits(78).json();
    let unmet = json["candidates"][0]["unmet"].as_array().unwrap();
    assert!(unmet.iter().any(|unmet| unmet["requirement"] == "REQUIREMENT_ADDRESS"), "{json}");

    let other = ["--json", "cert", "candidates", "--sender", "other@example.test"];
    let json = faxpost(&daemon, &other).await.json();
    let unmet = json["candidates"][0]["unmet"].as_array().cloned().unwrap_or_default();
    assert!(unmet.iter().all(|unmet| unmet["requirement"] != "REQUIREMENT_ADDRESS"), "{json}");
}

#[tokio::test]
async fn c5_keys_are_granted_and_revoked() {
    let daemon = TestDaemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let person = Pki::new(Kind::EcP256).person("fax@example.test", Kind::EcP256);
    let (both, ..) = files(&folder, &person);
    faxpost(&daemon, &["cert", "install", &both]).await.exits(0);
    let fingerprint = person.fingerprint();
    if cfg!(unix) {
        let granted = ["cert", "grant", &fingerprint, "--to", "uid:54321"];
        faxpost(&daemon, &granted).await.exits(0).says("uid:54321");
        let revoked =
            faxpost(&daemon, &["cert", "revoke", &fingerprint, "--from", "uid:54321"]).await.exits(0);
        assert!(!revoked.out.contains("54321"), "{}", revoked.out);
    }
    faxpost(&daemon, &["cert", "grant", &fingerprint, "--to", "nobody-of-this-name"]).await.exits(65);
    faxpost(&daemon, &["cert", "revoke", &fingerprint]).await.exits(64).complains("--from");
}

#[tokio::test]
async fn c4_the_password_of_a_file_is_no_argument() {
    let daemon = TestDaemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let pkcs12 = file(&folder, "x.p12", &[0x30, 0x03, 0x02, 0x01, 0x03]);
    let unasked = faxpost(&daemon, &["cert", "install", &pkcs12]).await.exits(64);
    unasked.complains("--password-stdin").complains("--no-password");
    faxpost(&daemon, &["cert", "install", &pkcs12, "--password", "x"]).await.exits(64);
    let broken = faxpost_with(&daemon, &["cert", "install", &pkcs12, "--password-stdin"], "hunter2\n").await;
    let broken = broken.exits(65);
    assert!(!broken.err.contains("hunter2"), "{broken:#?}");
    let missing = folder.path().join("missing.p12");
    assert!(!Path::new(&missing).exists());
    let missing = missing.display().to_string();
    faxpost(&daemon, &["cert", "install", &missing]).await.exits(65).complains("does not exist");
    faxpost(&daemon, &["cert", "install"]).await.exits(64);
}

#[tokio::test]
async fn c1_a_system_without_a_store_of_the_user_says_so() {
    let daemon = TestDaemon::start().await;
    if cfg!(unix) {
        faxpost(&daemon, &["cert", "list", "--store", "user"]).await.exits(64).complains("cert install FILE");
        faxpost(&daemon, &["cert", "install", "--from-user", &"ab".repeat(32)]).await.exits(64);
    }
}

#[tokio::test]
async fn c4_a_request_for_a_ca_goes_to_a_file_and_its_answer_comes_back() {
    let daemon = TestDaemon::start().await;
    set_sender(&daemon).await;
    let folder = tempfile::tempdir().unwrap();
    let made = faxpost(&daemon, &["cert", "csr", "create", "--key-type", "ec-p256"]).await.exits(0);
    assert!(made.out.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"), "{made:#?}");
    assert!(made.out.trim_end().ends_with("-----END CERTIFICATE REQUEST-----"), "nothing else: {made:#?}");
    assert!(made.err.contains("faxpost cert csr install"), "{made:#?}");
    faxpost(&daemon, &["cert", "csr", "list"]).await.exits(0).says("fax@example.test");

    let answer = Pki::new(Kind::EcP256).answer(&made.out);
    let answer = file(&folder, "answer", &answer);
    faxpost(&daemon, &["cert", "csr", "install", &answer]).await.exits(0).says("Installed");
    faxpost(&daemon, &["cert", "csr", "list"]).await.exits(0).complains("Nothing found");

    let made = faxpost(&daemon, &["--json", "cert", "csr", "create", "--key-type", "ec-p256"]).await.exits(0);
    let id = made.json()["signingRequest"]["id"].as_str().unwrap().to_owned();
    faxpost(&daemon, &["cert", "csr", "delete", &id[..16], "--yes"]).await.exits(0);
    faxpost(&daemon, &["cert", "csr", "delete", &id, "--yes"]).await.exits(65);
}

#[tokio::test]
async fn c5_a_check_of_nothing_fails_with_a_reason() {
    let daemon = TestDaemon::start().await;
    let none = faxpost(&daemon, &["cert", "check", &"ab".repeat(32)]).await;
    assert!([65, 78].contains(&none.code), "{none:#?}");
    assert!(none.out.is_empty() && !none.err.is_empty(), "{none:#?}");
}
