//! Requests for a certificate authority, on the certificate page.

use faxpost_gui_ui::PageName;
use faxpost_proto::advice::Language;
use faxpost_proto::v1::{self, Decision, Role};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Kind, Pki, pem};
use tokio::runtime::Runtime;

use crate::certificate::{Chooser as _, SENDER, trusting};
use crate::kit::{Gui, runtime};

fn waiting(runtime: &Runtime, daemon: &TestDaemon) -> Vec<v1::SigningRequest> {
    runtime.block_on(async {
        let call = v1::ListSigningRequestsRequest {};
        daemon.certificates().await.list_signing_requests(call).await.unwrap().into_inner().signing_requests
    })
}

#[test]
fn c9_a_request_is_made_saved_and_its_answer_is_taken() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(Kind::EcP256);
    let daemon = runtime.block_on(trusting(&pki, folder.path()));
    let gui = Gui::at(&daemon, PageName::Certificate);
    gui.until("the empty list", |gui| gui.says("There is no certificate yet."));
    gui.press("New signing request…");
    assert_eq!(gui.value("Address in the certificate"), SENDER);
    // What is wrong stands at its line, and what was typed stays.
    gui.set("Subject of the certificate", "somebody");
    gui.set("Key", "EC P-256");
    gui.press("Make key and request");
    gui.until("refused", |gui| gui.description("Subject of the certificate").contains("written like CN=Fax"));
    gui.set("Subject of the certificate", "CN=Fax, O=Firm, C=DE");
    gui.press("Make key and request");
    gui.until("the request", |gui| gui.has("Signing request"));
    let made = waiting(&runtime, &daemon).remove(0);
    assert_eq!((made.key_algorithm.as_str(), &made.addresses[..]), ("EC P-256", &[SENDER.to_owned()][..]));
    assert_eq!(gui.value("Signing request"), made.pem.trim_end());

    let file = folder.path().join("fax.csr");
    gui.set("File", file.to_str().unwrap());
    gui.press("Save");
    gui.until("saved", |gui| gui.says("Saved: "));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), made.pem);
    gui.press("Save");
    gui.until("nothing is overwritten", |gui| gui.says("There is such a file already"));
    gui.press("Close");

    let answer = pem("CERTIFICATE", &pki.intermediate()) + &pem("CERTIFICATE", &pki.answer(&made.pem));
    let file = folder.path().join("answer.cer");
    std::fs::write(&file, answer).unwrap();
    gui.until("it waits", |gui| gui.has("Take the answer…"));
    gui.press("Take the answer…");
    gui.until("the dialog", |gui| gui.has("Take the authority's answer"));
    gui.window().global_open_folder(&file.display().to_string());
    gui.until("the file is chosen", |gui| gui.is_enabled("Take it"));
    assert!(!gui.has("Password of the file"));
    gui.press("Take it");
    gui.until("installed", |gui| gui.says("Installed: CN=Fax,O=Firm,C=DE"));
    gui.until("it can sign", |gui| gui.has("can sign") && !gui.has("Take the answer…"));
    assert!(waiting(&runtime, &daemon).is_empty());
}

#[test]
fn c9_a_request_is_given_up_after_a_question() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let daemon = runtime.block_on(trusting(&Pki::new(Kind::EcP256), folder.path()));
    runtime.block_on(async {
        let call = v1::CreateSigningRequestRequest {
            key_type: v1::KeyType::EcP256.into(),
            ..v1::CreateSigningRequestRequest::default()
        };
        daemon.certificates().await.create_signing_request(call).await.unwrap();
    });
    let gui = Gui::at(&daemon, PageName::Certificate);
    gui.until("it waits", |gui| gui.has("Give up…"));
    gui.press("Give up…");
    gui.until("the question", |gui| gui.has("Give this request up?"));
    gui.press("Leave it");
    assert_eq!(waiting(&runtime, &daemon).len(), 1);
    gui.press("Give up…");
    gui.press("Give up");
    gui.until("given up", |gui| gui.has("The request is given up, and its key deleted."));
    gui.until("it is gone", |gui| !gui.has("Give up…"));
    assert!(waiting(&runtime, &daemon).is_empty());
}

#[test]
fn c6_who_may_not_make_a_request_asks_for_it_by_the_same_button() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let daemon = runtime.block_on(trusting(&Pki::new(Kind::EcP256), folder.path()));
    runtime.block_on(async {
        let cell = v1::UpdatePolicyRequest {
            method: "Certificates/CreateSigningRequest".to_owned(),
            role: Role::Administrator.into(),
            decision: Decision::Approval.into(),
        };
        daemon.admin().await.update_policy(cell).await.unwrap();
    });
    let gui = Gui::at(&daemon, PageName::Certificate);
    gui.until("the button asks", |gui| gui.has("Ask for a signing request…"));
    gui.press("Ask for a signing request…");
    gui.press("Ask for key and request");
    gui.until("it waits", |gui| gui.says("Request 1 waits for an administrator."));
    // The list of requests is told by itself, and may come before the answer that closes the dialog.
    gui.until("the dialog is gone", |gui| !gui.has("New signing request"));
    assert!(waiting(&runtime, &daemon).is_empty());
    // What would be done is told in the person's language.
    gui.app.choose_language(Language::Ru);
    // The list that says so may come after the answer, too.
    let told = |gui: &Gui| gui.says("Создаёт ключ (RSA 3072) в хранилище компьютера");
    gui.until("it is told what would be done", told);
}
