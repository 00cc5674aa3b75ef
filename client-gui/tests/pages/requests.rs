//! The requests page. Whoever runs these tests is the only caller, and so never the one who may approve what he asked for;
//! with the feature "users" somebody else asks.

use faxpost_gui_ui::PageName;
use faxpost_proto::v1::{self, Decision, Role};
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{Gui, daemon, runtime};

const CREATE: &str = "Certificates/CreateSigningRequest";

async fn decide(daemon: &TestDaemon, role: Role, decision: Decision) {
    let cell =
        v1::UpdatePolicyRequest { method: CREATE.to_owned(), role: role.into(), decision: decision.into() };
    daemon.admin().await.update_policy(cell).await.unwrap();
}

/// Asks for a key; it becomes a request.
async fn ask(daemon: &TestDaemon, address: &str) {
    let call = v1::CreateSigningRequestRequest {
        sender_email: address.to_owned(),
        key_type: v1::KeyType::EcP256.into(),
        ..v1::CreateSigningRequestRequest::default()
    };
    daemon.certificates().await.create_signing_request(call).await.unwrap_err();
}

#[test]
fn c6_ones_own_request_is_shown_live_and_taken_back_but_not_approved() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    runtime.block_on(decide(&daemon, Role::Administrator, Decision::Approval));
    let gui = Gui::at(&daemon, PageName::Requests);
    gui.until("nothing", |gui| gui.has("Nobody asks for anything."));
    runtime.block_on(ask(&daemon, "fax@example.test"));
    gui.until("the request", |gui| gui.says("Make a key and ask a CA"));
    gui.choose("Make a key and ask a CA");
    assert!(gui.says("fax@example.test"), "{}", gui.all());
    assert!(!gui.is_enabled("Approve…"));
    assert!(gui.description("Approve…").contains("another administrator"));
    gui.press("Take back");
    gui.until("taken back", |gui| gui.has("Request 1 is taken back."));
    gui.until("its state", |gui| gui.says("withdrawn"));
    assert_eq!(gui.description("Take back"), "It is decided already.");
}

#[test]
fn c6_a_request_is_refused_with_a_reason() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    runtime.block_on(async {
        decide(&daemon, Role::Administrator, Decision::Approval).await;
        ask(&daemon, "fax@example.test").await;
    });
    let gui = Gui::at(&daemon, PageName::Requests);
    gui.until("the request", |gui| gui.says("Make a key and ask a CA"));
    gui.choose("Make a key and ask a CA");
    gui.press("Refuse…");
    gui.set("Why", "Ask the CA's own portal.");
    gui.press("Refuse");
    gui.until("refused", |gui| gui.has("Request 1 is refused."));
    gui.until("why", |gui| gui.says("Ask the CA's own portal."));
}

#[cfg(feature = "users")]
#[test]
fn c6_somebody_elses_request_is_approved_as_it_is_shown() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    runtime.block_on(decide(&daemon, Role::User, Decision::Approval));
    let program = std::path::Path::new(daemon.endpoint()).with_file_name("faxpost");
    // Where the programs are built, others may not go.
    let from = faxpost_tests::bins::path("faxpost");
    assert!(
        std::process::Command::new("install")
            .arg("--mode=755")
            .arg(from)
            .arg(&program)
            .status()
            .unwrap()
            .success()
    );
    let mut somebody = std::process::Command::new("setpriv");
    somebody.args(["--reuid=4711", "--regid=4711", "--clear-groups"]).arg(program);
    somebody
        .args(["cert", "csr", "create", "--sender", "fax@example.test", "--key-type", "ec-p256"])
        .current_dir("/")
        .env_clear();
    somebody.env(faxpost_proto::endpoint::ENDPOINT_VARIABLE, daemon.endpoint());
    let asked = somebody.output().unwrap();
    let gui = Gui::at(&daemon, PageName::Requests);
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    gui.until(&format!("the request ({said})"), |gui| gui.says("uid:4711"));
    gui.choose("Make a key and ask a CA");
    gui.press("Approve…");
    assert!(gui.has("Approve this?") && gui.says("fax@example.test") && gui.has("SHA-256"), "{}", gui.all());
    gui.press("Approve and carry out");
    gui.until("done", |gui| gui.has("Request 1 is approved and carried out."));
    gui.until("its state", |gui| gui.says("done"));
}
