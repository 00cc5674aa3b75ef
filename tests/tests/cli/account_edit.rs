//! `faxpost account edit`, with a shell script for an editor.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{Run, command, faxpost};

/// Runs it with an editor that does this; `$1` is the file, and `$ROUND` counts.
async fn edit(daemon: &TestDaemon, arguments: &[&str], script: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let editor = folder.path().join("editor");
    let rounds = folder.path().join("rounds");
    let text = format!(
        "#!/bin/sh\necho >> {0}\nROUND=$(wc -l < {0})\nexport PATH=/usr/bin:/bin\n{script}\n",
        rounds.display()
    );
    std::fs::write(&editor, text).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut edit = command(daemon, &[&["account", "edit"], arguments].concat());
    edit.env("EDITOR", format!("/bin/sh {}", editor.display())).env_remove("VISUAL").stdin(Stdio::null());
    edit.env("FAXPOST", bins::path("faxpost")).env("TMPDIR", folder.path());
    let output = bins::started(|| edit.spawn()).wait_with_output().await.unwrap();
    let run = Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    if let Some(kept) = run.err.lines().find_map(|line| line.split("kept in ").nth(1)) {
        let text = std::fs::read_to_string(kept.trim()).expect("the text is where it was said to be");
        return Run { out: format!("{}{text}", run.out), ..run };
    }
    run
}

#[tokio::test]
async fn g1_what_was_changed_in_the_editor_is_saved() {
    let daemon = TestDaemon::start().await;
    let script = "sed -i 's/^port = .*/port = 2525/' $1";
    edit(&daemon, &[], script).await.exits(0).says("2525");
    faxpost(&daemon, &["account", "show"]).await.exits(0).says("2525");
    let json = edit(&daemon, &["--json"], "sed -i 's/^port = .*/port = 26/' $1").await.exits(0).json();
    assert_eq!(json["account"]["port"], 26);
}

#[tokio::test]
async fn g1_nothing_changed_is_no_change() {
    let daemon = TestDaemon::start().await;
    for script in ["true", "touch $1", ": > $1", "echo '# a remark' >> $1"] {
        edit(&daemon, &[], script).await.exits(0).complains("Nothing is different.");
    }
    let history = faxpost(&daemon, &["--json", "account", "history"]).await.exits(0).json();
    assert_eq!(history["revisions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn g1_mistakes_come_back_as_comments_at_their_place_and_nothing_is_lost() {
    let daemon = TestDaemon::start().await;
    // First a wrong key, then what the daemon does not take, then good.
    let script = "case $ROUND in
      1) sed -i 's/^port = .*/prot = 1/; s/^reply-to = .*/reply-to = \"me@example.org\"/' $1;;
      2) grep -q '^#! .*prot' $1 || exit 9; sed -i 's/^prot = .*/port = 99999/' $1;;
      3) grep -B1 '^port = 99999' $1 | grep -q '^#! port: a port is a number' || exit 9
         grep -q prot: $1 && exit 9; sed -i 's/^port = .*/port = 2525/' $1;;
    esac";
    edit(&daemon, &[], script).await.exits(0).says("2525").says("me@example.org");

    let script = "[ $ROUND = 1 ] && sed -i 's/^port = .*/port = 99999/' $1";
    let given_up = edit(&daemon, &[], &format!("{script}; true")).await.exits(65).complains("kept in");
    assert!(given_up.out.contains("port = 99999"), "{given_up:#?}");
    let broken = edit(&daemon, &[], "sed -i 's/^port = .*/port = 1/' $1; exit 3").await.exits(64);
    assert!(broken.err.contains("cannot be run") && broken.out.contains("port = 1"), "{broken:#?}");
    faxpost(&daemon, &["account", "show"]).await.exits(0).says("2525");
}

#[tokio::test]
async fn a12_two_editors_see_each_others_changes() {
    let daemon = TestDaemon::start().await;
    let script = "case $ROUND in
      1) $FAXPOST account set port=27 server=theirs.example >/dev/null
         sed -i 's/^port = .*/port = 26/; s/^reply-to = .*/reply-to = \"mine@example.org\"/' $1;;
      2) grep -q '^#! port is 27 now' $1 && grep -q '^port = 26' $1 && grep -q theirs.example $1 || exit 9
         echo '# seen' >> $1;;
    esac";
    edit(&daemon, &[], script).await.exits(0).says("26").says("mine@example.org");
    let now = faxpost(&daemon, &["--json", "account", "show"]).await.exits(0).json();
    assert_eq!((&now["account"]["server"], &now["account"]["port"]), (&"theirs.example".into(), &26.into()));
}
