//! The certificate page.

use faxpost_gui_ui::PageName;
use faxpost_proto::advice::Language;
use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Kind, Pki, pem};

use crate::kit::{Gui, runtime};

pub(crate) const SENDER: &str = "fax@example.test";

/// A daemon that trusts the root of `pki`, with a sender.
pub(crate) async fn trusting(pki: &Pki, folder: &std::path::Path) -> TestDaemon {
    let root = folder.join("root.pem");
    std::fs::write(&root, pem("CERTIFICATE", &pki.root())).unwrap();
    let daemon = TestDaemon::builder().env("SSL_CERT_FILE", root.to_str().unwrap()).start().await;
    let account = v1::Account { id: "default".into(), sender_email: SENDER.into(), ..v1::Account::default() };
    daemon.set(account, &["sender_email"]).await.unwrap();
    daemon
}

/// A certificate that is not for the account's sender.
async fn has_somebody_elses(pki: &Pki, daemon: &TestDaemon) {
    let other = pki.person("somebody@else.test", Kind::EcP256);
    let call = v1::InstallCertificateRequest {
        pem: other.pem(),
        key_pem: other.key_pem(),
        ..v1::InstallCertificateRequest::default()
    };
    daemon.certificates().await.install_certificate(call).await.unwrap();
}

#[test]
fn c4_a_file_is_installed_and_its_certificate_can_sign() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(Kind::EcP256);
    let daemon = runtime.block_on(trusting(&pki, folder.path()));
    let issued = pki.person(SENDER, Kind::EcP256);
    let file = folder.path().join("fax.pem");
    std::fs::write(&file, format!("{}{}", issued.pem(), issued.key_pem())).unwrap();

    let gui = Gui::at(&daemon, PageName::Certificate);
    gui.until("the empty list", |gui| gui.says("There is no certificate yet."));
    gui.press("Install from file…");
    gui.until("the dialog", |gui| gui.has("Install from a file"));
    gui.window().global_open_folder(&file.display().to_string());
    // PEM has no password.
    gui.until("the file is chosen", |gui| gui.has("Install") && gui.is_enabled("Install"));
    assert!(!gui.has("Password of the file"));
    gui.window().global_install_file();
    gui.until("installed", |gui| gui.says("Installed: "));
    gui.until("it can sign", |gui| gui.has("can sign"));
    gui.until("its chain", |gui| gui.says("trusted root"));
    assert!(gui.says(&issued.fingerprint()));

    gui.press("Check signing");
    gui.until("signed", |gui| gui.says("and verified ("));
    gui.press("Use for this account");
    gui.until("chosen", |gui| gui.says("It is chosen for this account."));
    gui.ctrl("s");
    gui.until("saved", |gui| gui.has("Saved."));
    gui.until("in use", |gui| gui.has("in use"));
}

#[test]
fn c3_what_a_certificate_lacks_is_said() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(Kind::EcP256);
    let daemon = runtime.block_on(trusting(&pki, folder.path()));
    runtime.block_on(has_somebody_elses(&pki, &daemon));
    let gui = Gui::at(&daemon, PageName::Certificate);
    gui.until("the list", |gui| gui.says("somebody@else.test"));
    // Word by word as the daemon judges it.
    let judged = runtime.block_on(async {
        let call = v1::ListCandidatesRequest::default();
        daemon.certificates().await.list_candidates(call).await.unwrap().into_inner()
    });
    let unmet = &judged.candidates[0].unmet;
    assert!(!unmet.is_empty());
    for unmet in unmet {
        assert!(gui.description("somebody@else.test").contains(&unmet.text), "{}", unmet.text);
    }
}

#[test]
fn g2_what_the_daemon_says_of_certificates_is_russian_in_russian() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(Kind::EcP256);
    let daemon = runtime.block_on(trusting(&pki, folder.path()));
    runtime.block_on(has_somebody_elses(&pki, &daemon));
    let gui = Gui::at(&daemon, PageName::Certificate);
    gui.until("the list", |gui| gui.says("somebody@else.test"));
    gui.app.choose_language(Language::Ru);
    gui.until("the details", |gui| gui.says("списка отзыва под рукой нет"));
    let lacks = gui.description("somebody@else.test");
    assert!(lacks.contains("Он для somebody@else.test, а не для fax@example.test."), "{lacks}");
}

/// The dialog's own parts, whose labels stand twice in the window.
pub(crate) trait Chooser {
    fn global_open_folder(&self, path: &str);
    fn global_install_file(&self);
}

impl Chooser for faxpost_gui_ui::MainWindow {
    fn global_open_folder(&self, path: &str) {
        use slint::ComponentHandle as _;
        self.global::<faxpost_gui_ui::CertificateView>().invoke_open_folder(path.into());
    }

    fn global_install_file(&self) {
        use slint::ComponentHandle as _;
        self.global::<faxpost_gui_ui::CertificateView>().invoke_install_file();
    }
}
