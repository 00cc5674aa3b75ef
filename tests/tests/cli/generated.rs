//! What the program makes of itself: help, completion scripts and manual pages, each complete.

use std::collections::BTreeSet;

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{command, faxpost};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// Every command as its words, found in the help of the one above it.
pub(crate) async fn commands(daemon: &TestDaemon) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(path) = open.pop() {
        let mut arguments: Vec<_> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = faxpost(daemon, &arguments).await.exits(0);
        let lines = help.out.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in lines.take_while(|line| line.starts_with("  ")) {
            // Descriptions stand further to the right.
            let name = line[2..].split(' ').next().unwrap();
            if !name.is_empty() && name != "help" {
                let path = [&path[..], &[name.to_owned()]].concat();
                assert!(found.insert(path.clone()));
                open.push(path);
            }
        }
    }
    found
}

#[tokio::test]
async fn g1_every_command_has_help_a_manual_page_and_completions() {
    let daemon = TestDaemon::start().await;
    let commands = commands(&daemon).await;
    for known in [
        "status",
        "account set",
        "account edit",
        "account rollback",
        "send",
        "outbox hold",
        "log transcript",
        "policy set",
        "completions",
        "cert csr create",
        "request approve",
        "audit list",
        "audit show",
    ] {
        let path: Vec<_> = known.split(' ').map(str::to_owned).collect();
        assert!(commands.contains(&path), "{known} is not in the help");
    }

    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().display().to_string();
    let man = faxpost(&daemon, &["man", &target]).await.exits(0);
    assert!(man.out.is_empty());
    for path in &commands {
        let name = format!("faxpost-{}.1", path.join("-"));
        let page = std::fs::read_to_string(folder.path().join(&name))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".TH ") && page.contains("SYNOPSIS"), "{name}");
    }
    let page = std::fs::read_to_string(folder.path().join("faxpost.1")).unwrap();
    assert!(page.contains("Exit status"), "the exit codes stand in the manual");

    for shell in SHELLS {
        let script = faxpost(&daemon, &["completions", shell]).await.exits(0);
        assert!(script.out.contains("FAXPOST_COMPLETE"), "{shell} asks the program");
    }
    for path in &commands {
        let (name, before) = path.split_last().unwrap();
        let found = completed(&daemon, before, "").await;
        assert!(found.contains(name), "{path:?} is not among {found:?}");
    }
    let options = completed(&daemon, &["send".to_owned()], "--wa").await;
    assert_eq!(options, ["--wait", "--wait-seconds"]);
    faxpost(&daemon, &["completions", "tcsh"]).await.exits(64).complains("powershell");
}

/// What a shell offers behind these words, where `current` is begun.
pub(crate) async fn completed(daemon: &TestDaemon, before: &[String], current: &str) -> Vec<String> {
    let words: Vec<_> = before.iter().map(String::as_str).collect();
    let line = [&["--", "faxpost"][..], &words, &[current]].concat();
    let mut asked = command(daemon, &line);
    // As the script for bash does it.
    asked.env("FAXPOST_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len() + 1).to_string());
    asked.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_COMP_TYPE", "9");
    let output = bins::started(|| asked.spawn()).wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{line:?}: {}", String::from_utf8_lossy(&output.stderr));
    said.lines().map(|line| line.trim_end().to_owned()).collect()
}

#[tokio::test]
async fn g1_completions_ask_the_daemon_for_ids_and_keep_quiet_without_it() {
    let mut daemon = TestDaemon::start().await;
    faxpost(&daemon, &["account", "create", "office"]).await.exits(0);
    faxpost(&daemon, &["account", "create", "online"]).await.exits(0);
    let id = crate::kit::send(&daemon, "a@example.test").await;
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    assert_eq!(completed(&daemon, &words(&["account", "show"]), "o").await, ["office", "online"]);
    assert_eq!(completed(&daemon, &words(&["account", "diff"]), "").await[0], "3");
    assert_eq!(completed(&daemon, &words(&["outbox", "show"]), &id[..6]).await, [id]);
    let keys = completed(&daemon, &words(&["account", "set"]), "sender-").await;
    assert_eq!(keys, ["sender-email=", "sender-name="]);
    assert_eq!(completed(&daemon, &words(&["log", "list", "--account"]), "on").await, ["online"]);
    let methods = completed(&daemon, &words(&["policy", "set"]), "Mail/Send").await;
    assert_eq!(methods, ["Mail/SendMail", "Mail/SendMailStream", "Mail/SendRawMail"]);
    daemon.kill();
    assert_eq!(completed(&daemon, &words(&["account", "show"]), "o").await, Vec::<String>::new());
}

#[tokio::test]
async fn g1_pages_that_cannot_be_written_exit_73() {
    let daemon = TestDaemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").display().to_string();
    faxpost(&daemon, &["man", &missing]).await.exits(73).complains("it does not exist");
}

#[tokio::test]
async fn g1_whoever_closes_the_output_early_gets_no_complaint() {
    let daemon = TestDaemon::start().await;
    crate::kit::send(&daemon, "a@example.test").await;
    for arguments in [
        &["completions", "bash"][..],
        &["--help"],
        &["policy", "show"],
        &["--json", "account", "list"],
        &["log", "follow", "--backlog", "1"],
        &["account", "test"],
    ] {
        let mut child = bins::started(|| command(&daemon, arguments).spawn());
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("error:"), "{arguments:?}: {said}");
    }
}
