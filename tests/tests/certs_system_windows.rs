//! Signing certificates through the real programs: into the machine's store, granted, used for mail, and out again.
#![cfg(windows)]
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

use std::path::{Path, PathBuf};
use std::process::Output;

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Kind, Pki, pem};
use faxpost_tests::restricted::spawn_restricted;
use faxpost_tests::trust::TrustedRoot;
use serde_json::Value;

const SENDER: &str = "fax@example.test";
const LOCAL_SERVICE: &str = "S-1-5-19";

/// Exit codes of the command line.
const BAD_DATA: i32 = 65;
const DENIED: u32 = 77;
/// An administrator must approve it first.
const PENDING: u32 = 75;

fn run(daemon: &TestDaemon, arguments: &[&str]) -> Output {
    bins::started(|| daemon.faxpost(arguments).output())
}

fn faxpost(daemon: &TestDaemon, arguments: &[&str]) -> String {
    let output = run(daemon, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "faxpost {arguments:?}: {said}\n{}", daemon.stderr());
    String::from_utf8(output.stdout).unwrap()
}

fn json(daemon: &TestDaemon, arguments: &[&str]) -> Value {
    serde_json::from_str(&faxpost(daemon, &[&["--json"], arguments].concat())).unwrap()
}

fn as_user(daemon: &TestDaemon, arguments: &[&str]) -> (u32, String) {
    let endpoint = ["--endpoint", daemon.endpoint()];
    spawn_restricted(&bins::path("faxpost"), &[&endpoint, arguments].concat()).unwrap()
}

/// Who may use a certificate's key: SIDs.
fn holders(daemon: &TestDaemon, fingerprint: &str) -> Vec<String> {
    let shown = json(daemon, &["cert", "show", fingerprint]);
    let holders = shown["keyHolders"].as_array().unwrap_or_else(|| panic!("{shown}"));
    holders.iter().map(|holder| holder["id"].as_str().unwrap().to_owned()).collect()
}

fn messages(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_c5_c7_a_certificate_from_its_file_to_signed_mail() {
    let pki = Pki::new(Kind::EcP256);
    let _root = TrustedRoot::new(&pki.root()).unwrap();
    let issued = pki.person(SENDER, Kind::Rsa2048);
    let fingerprint = issued.fingerprint();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Факс.pem");
    std::fs::write(&file, issued.pem() + &issued.key_pem()).unwrap();
    let file = file.to_str().unwrap();
    let pickup = folder.path().join("pickup");
    std::fs::create_dir(&pickup).unwrap();
    let daemon = TestDaemon::start().await;

    // Not for everybody: to install is asked for, to delete is denied.
    for (refused, expected) in
        [(&["cert", "install", file][..], PENDING), (&["cert", "delete", &fingerprint, "--yes"], DENIED)]
    {
        let (code, said) = as_user(&daemon, refused);
        assert_eq!(code, expected, "{refused:?}: {said}");
    }
    assert!(!faxpost(&daemon, &["cert", "list"]).contains(SENDER), "nothing was installed");

    faxpost(&daemon, &["cert", "install", file]);
    assert!(faxpost(&daemon, &["cert", "list"]).contains(SENDER));
    let shown = faxpost(&daemon, &["cert", "show", &fingerprint]);
    assert!(shown.contains("Test Root CA") && shown.contains("S-1-5-18"), "{shown}");
    let before = holders(&daemon, &fingerprint);
    faxpost(&daemon, &["cert", "grant", &fingerprint, "--to", LOCAL_SERVICE]);
    assert_eq!(holders(&daemon, &fingerprint), [before.clone(), vec![LOCAL_SERVICE.to_owned()]].concat());
    faxpost(&daemon, &["cert", "revoke", &fingerprint, "--from", LOCAL_SERVICE]);
    assert_eq!(holders(&daemon, &fingerprint), before);
    let refused = run(&daemon, &["cert", "revoke", &fingerprint, "--from", "S-1-5-18"]);
    assert_eq!(refused.status.code(), Some(BAD_DATA), "{}", String::from_utf8_lossy(&refused.stderr));

    // The service account has to be able to sign, before an account is signed for.
    faxpost(&daemon, &["cert", "grant", &fingerprint]);
    let sender = format!("sender-email={SENDER}");
    let pickup_directory = format!("pickup-directory={}", pickup.display());
    faxpost(&daemon, &["account", "set", &sender, "method=pickup", &pickup_directory, "sign=clear"]);
    let check = json(&daemon, &["cert", "check", &fingerprint]);
    assert_eq!(check["passed"], true, "{check}");

    faxpost(
        &daemon,
        &["send", "--to", "a@example.test", "--subject", "Факс", "--text", "Три страницы.", "--wait"],
    );
    let [message] = messages(&pickup).try_into().unwrap();
    let message = std::fs::read_to_string(message).unwrap();
    assert!(message.contains("multipart/signed") && message.contains("smime.p7s"), "{message}");
    if let Some(folder) = std::env::var_os("FAXPOST_SIGNED").map(PathBuf::from) {
        std::fs::write(folder.join("mailed.eml"), &message).unwrap();
        std::fs::write(folder.join("mailed.pem"), pem("CERTIFICATE", &pki.root())).unwrap();
    }

    faxpost(&daemon, &["account", "set", "sign=off"]);
    faxpost(&daemon, &["cert", "delete", &fingerprint, "--yes"]);
    assert_eq!(run(&daemon, &["cert", "show", &fingerprint]).status.code(), Some(BAD_DATA));
}
