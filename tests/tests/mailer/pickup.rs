use std::fs;
use std::path::Path;

use faxpostd::mailer::{Body, Envelope, FailureKind, Job, RecipientOutcome, Route, Step, StepState};

use crate::kit::{MESSAGE, run, run_told};

const TOP: &[u8] = b"X-Sender: a@example.com\r\nX-Receiver: b@example.com\r\nX-Receiver: c@example.com\r\n";

fn job(directory: &Path, body: Body) -> Job {
    let to = vec!["b@example.com".to_owned(), "c@example.com".to_owned()];
    Job {
        route: Route::Pickup { directory: directory.to_owned(), file_stem: "0193-abc_1".to_owned() },
        envelope: Envelope { from: "a@example.com".to_owned(), to },
        body,
        seven_bit: false,
        signing: None,
        until: Step::Message,
        delivery_status: Default::default(),
        pool: None,
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a7_pickup_writes_the_message_byte_for_byte_under_the_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("spooled");
    fs::write(&source, MESSAGE).unwrap();
    let spooled = Body::File { path: source, size: MESSAGE.len() as u64 };
    for (name, body) in [("inline", Body::Inline(MESSAGE.to_vec())), ("spooled-to", spooled)] {
        let directory = folder.path().join(name).join("made");
        let (outcome, reports) = run_told(job(&directory, body)).await;
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
        assert!(matches!(
            outcome.recipients[..],
            [RecipientOutcome::Delivered { .. }, RecipientOutcome::Delivered { .. }]
        ));
        assert_eq!(names(&directory), ["0193-abc_1.eml"]);
        let file = directory.join("0193-abc_1.eml");
        assert_eq!(fs::read(&file).unwrap(), [TOP, MESSAGE].concat());
        assert_eq!(outcome.answer, file.display().to_string());
        assert!(outcome.transcript.text.contains("wrote"));
        let run: Vec<_> = reports.iter().filter(|r| r.state == StepState::Passed).map(|r| r.step).collect();
        assert_eq!(run, [Step::Connect, Step::Message]);
    }
}

#[tokio::test]
async fn a7_the_same_message_again_replaces_its_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("0193-abc_1.eml"), "half").unwrap();
    fs::write(
        folder.path().join("0193-abc_1.tmp"),
        "left over by a crash, and longer than the message".repeat(9),
    )
    .unwrap();
    run(job(folder.path(), Body::Inline(MESSAGE.to_vec())), None).await;
    assert_eq!(names(folder.path()), ["0193-abc_1.eml"]);
    assert_eq!(fs::read(folder.path().join("0193-abc_1.eml")).unwrap(), [TOP, MESSAGE].concat());
}

#[tokio::test]
async fn d1_a_test_of_the_folder_leaves_nothing_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut test = job(folder.path(), Body::Inline(Vec::new()));
    test.until = Step::Recipient;
    let outcome = run(test, None).await;
    assert!(outcome.failure.is_none() && names(folder.path()).is_empty());
    assert!(matches!(outcome.recipients[0], RecipientOutcome::Deferred { .. }));
}

#[tokio::test]
async fn a_folder_or_message_that_cannot_be_used_is_a_local_failure_and_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let outcome = run(job(&file, Body::Inline(MESSAGE.to_vec())), None).await;
    let failure = outcome.failure.unwrap();
    assert_eq!((failure.kind, failure.step), (FailureKind::LocalFile, Step::Connect));
    assert!(failure.is_transient() && matches!(outcome.recipients[0], RecipientOutcome::Deferred { .. }));

    let outcome = run(job(folder.path(), Body::File { path: file, size: 5 }), None).await;
    assert_eq!(outcome.failure.unwrap().step, Step::Message);
    assert_eq!(names(folder.path()), ["a-file"]);
}

#[tokio::test]
async fn neither_a_stem_nor_an_address_breaks_out() {
    let folder = tempfile::tempdir().unwrap();
    for stem in ["../out", "", "a/b", "a\\b", "C:x", ".."] {
        let mut bad = job(folder.path(), Body::Inline(MESSAGE.to_vec()));
        bad.route = Route::Pickup { directory: folder.path().to_owned(), file_stem: stem.to_owned() };
        assert_eq!(run(bad, None).await.failure.unwrap().kind, FailureKind::LocalFile);
    }
    let mut bad = job(folder.path(), Body::Inline(MESSAGE.to_vec()));
    bad.envelope.to[0] = "x@y\r\nSubject: other".to_owned();
    let outcome = run(bad, None).await;
    assert!(matches!(outcome.recipients[0], RecipientOutcome::Failed { .. }));
    let written = fs::read_to_string(folder.path().join("0193-abc_1.eml")).unwrap();
    assert!(written.starts_with("X-Sender: a@example.com\r\nX-Receiver: c@example.com\r\nSubject: fax\r\n"));
}
