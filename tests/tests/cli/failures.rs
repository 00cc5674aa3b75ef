//! No daemon, a wrong address, a daemon that goes away; and the exit codes scripts live by.

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{faxpost, object, send};

#[tokio::test]
async fn g1_without_a_daemon_every_command_exits_69_and_says_how_to_start_it() {
    let mut daemon = TestDaemon::start().await;
    daemon.kill();
    for arguments in [
        &["status"][..],
        &["account", "list"],
        &["account", "set", "port=1"],
        &["account", "test"],
        &["send", "--to", "a@example.test"],
        &["outbox", "list"],
        &["log", "follow"],
        &["policy", "show"],
        &["--json", "log", "list"],
    ] {
        let run = faxpost(&daemon, arguments).await.exits(69);
        assert!(run.out.is_empty() && !run.err.contains("os error"), "{run:#?}");
        run.complains("is not running").complains(daemon.endpoint()).complains("faxpostd run");
    }
    let russian = faxpost(&daemon, &["--lang", "ru", "status"]).await.exits(69);
    russian.complains("не запущена").complains("faxpostd run");
    // These need no daemon.
    faxpost(&daemon, &["completions", "bash"]).await.exits(0);
    faxpost(&daemon, &["--version"]).await.exits(0).says("faxpost ");
    daemon.start_again().await;
    faxpost(&daemon, &["status"]).await.exits(0);
}

#[tokio::test]
async fn g1_the_option_goes_before_the_environment() {
    let (one, two) = (TestDaemon::start().await, TestDaemon::start().await);
    let status = faxpost(&one, &["--json", "--endpoint", two.endpoint(), "status"]).await.exits(0).json();
    assert_eq!(status["endpoint"], two.endpoint());
}

#[cfg(unix)]
#[tokio::test]
async fn h1_what_is_no_faxpost_gets_nothing() {
    let daemon = TestDaemon::start().await;
    let folder = daemon.state_dir().display().to_string();
    let run = faxpost(&daemon, &["--endpoint", &folder, "status"]).await.exits(77);
    run.complains("is not the Faxpost service").complains("Nothing was sent there");
}

#[tokio::test]
async fn g1_a_follower_learns_that_the_daemon_is_gone() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    let mut daemon = TestDaemon::start().await;
    send(&daemon, "a@example.test").await;
    let mut follow = bins::started(|| {
        crate::kit::command(&daemon, &["--json", "log", "follow", "--backlog", "1"]).spawn()
    });
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    object(&lines.next_line().await.unwrap().unwrap());
    daemon.kill();
    while let Some(line) = lines.next_line().await.unwrap() {
        object(&line);
    }
    let output = follow.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("The connection to the Faxpost service broke"), "{said}");
}

#[tokio::test]
async fn g1_exits_are_those_of_the_manual() {
    let daemon = TestDaemon::start().await;
    let etag = ["account", "set", "--etag", "fff", "port=26"];
    for (arguments, code) in [
        (&["status"][..], 0),
        (&["--help"], 0),
        (&[], 64),
        (&["status", "--nonsense"], 64),
        (&["account", "show", "nope"], 65),
        (&["account", "create", "default"], 73),
        (&etag, 75),
        (
            &[
                "account",
                "set",
                faxpost_tests::SET_MISSING_METHOD,
                "server=a.example",
                "sender-email=a@a.example",
            ],
            78,
        ),
    ] {
        let run = faxpost(&daemon, arguments).await;
        assert_eq!(run.code, code, "{arguments:?}: {run:#?}");
    }
    // 1 and 77 are proved with `send --wait` and the policy, 69 above.
    let help = faxpost(&daemon, &["--help"]).await.exits(0);
    for code in ["  64  ", "  65  ", "  69  ", "  73  ", "  75  ", "  77  ", "  78  "] {
        assert!(help.out.contains(code), "{code}");
    }
}

#[tokio::test]
async fn g1_pipes_and_no_color_get_plain_text() {
    let daemon = TestDaemon::start().await;
    for arguments in [&["policy", "show"][..], &["account", "test"], &["account", "show", "nope"]] {
        for no_color in [false, true] {
            let mut command = daemon.faxpost(arguments);
            if no_color {
                command.env("NO_COLOR", "1");
            }
            let output = bins::started(|| command.output());
            assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{arguments:?}");
        }
    }
}
