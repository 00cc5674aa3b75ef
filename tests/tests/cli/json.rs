//! `--json` for every command: the API's answer, one object a line, and nothing else on standard output.

use std::collections::BTreeSet;

use faxpost_tests::daemon::TestDaemon;

use crate::generated::commands;
use crate::kit::{faxpost_with, object, send};

/// A line for each command, and how it ends. What fails says why on standard error, and nothing on standard output. ID is
/// a message's.
const LINES: &[(&str, i32)] = &[
    ("status", 0),
    ("account list", 0),
    ("account show", 0),
    ("account create second", 0),
    ("account set second sender-name=Fax", 0),
    ("account test", 0),
    ("account delete second --yes", 0),
    ("account history", 0),
    ("account diff 999999", 65),
    ("account rollback 999999", 65),
    ("account export", 0),
    ("account import missing.toml", 65),
    ("account methods", 0),
    ("account presets", 0),
    ("account discover nobody", 65),
    ("signin", 65),
    ("signout", 0),
    ("send --to a@example.test", 0),
    ("sendmail a@example.test", 0),
    ("outbox list", 0),
    ("outbox show ID", 0),
    ("outbox retry ID", 65),
    ("outbox hold ID", 65),
    ("outbox release ID", 65),
    ("outbox cancel ID", 65),
    ("log list", 0),
    ("log show 1", 0),
    ("log transcript 1", 65),
    ("log export", 0),
    ("cert list", 0),
    ("cert show 00", 65),
    ("cert candidates", 78),
    ("cert install missing.pem", 65),
    ("cert grant 00", 65),
    ("cert revoke 00 --from S-1-5-20", 65),
    ("cert check 00", 65),
    ("cert delete 00 --yes", 65),
    ("cert csr create --sender nobody", 65),
    ("cert csr list", 0),
    ("cert csr install missing.pem", 65),
    ("cert csr delete 00 --yes", 65),
    ("request list", 0),
    ("request show 7", 65),
    ("request approve 7 --yes", 65),
    ("request refuse 7", 65),
    ("request withdraw 7", 65),
    ("policy show", 0),
    ("policy set Log/GetEntry user=deny", 0),
    ("audit list", 0),
    ("audit show 1", 0),
    ("audit show 999999", 65),
];

/// They end with Ctrl-C, want an editor, or their output is a file by itself; other tests have them.
const OTHERS: [&str; 5] = ["account edit", "log follow", "request watch", "completions", "man"];

#[tokio::test]
async fn g1_with_json_standard_output_is_the_apis_answer_and_nothing_else() {
    let daemon = TestDaemon::start().await;
    let id = send(&daemon, "a@example.test").await;
    crate::kit::wait_for(&daemon, &id, "MESSAGE_STATE_DELIVERED", 1).await;
    for (line, code) in LINES {
        let words: Vec<_> = std::iter::once("--json")
            .chain(line.split(' '))
            .map(|word| if word == "ID" { &id } else { word })
            .collect();
        let run = faxpost_with(&daemon, &words, "\nx\n").await;
        assert_eq!(run.code, *code, "{line}: {run:#?}");
        if *code == 0 {
            assert!(!run.out.is_empty(), "{line}: {run:#?}");
        }
        run.out.lines().for_each(|line| drop(object(line)));
    }
}

#[tokio::test]
async fn g1_every_command_is_tried_with_json() {
    let daemon = TestDaemon::start().await;
    let tried: BTreeSet<_> = LINES.iter().map(|(line, _)| *line).chain(OTHERS).collect();
    let all = commands(&daemon).await;
    for path in &all {
        let name = path.join(" ");
        let is_group = all.iter().any(|other| other.len() > path.len() && other.starts_with(path));
        let is_tried = tried.iter().any(|line| *line == name || line.starts_with(&format!("{name} ")));
        assert!(is_group || is_tried, "{name} has no line among those that are tried with --json");
    }
}
