//! Both languages say the same: same exits, same ids, and the words of each.

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{faxpost, send, wait_for};

fn is_cyrillic(text: &str) -> bool {
    text.chars().any(|character| ('\u{400}'..='\u{4ff}').contains(&character))
}

#[tokio::test]
async fn g2_every_command_speaks_russian_when_asked_to() {
    let daemon = TestDaemon::start().await;
    let id = send(&daemon, "a@example.test").await;
    wait_for(&daemon, &id, "MESSAGE_STATE_DELIVERED", 1).await;
    for (arguments, english, russian) in [
        (&["status"][..], "Service", "Служба"),
        (&["account", "list"], "METHOD", "СПОСОБ"),
        (&["account", "show"], "(not set)", "(не задано)"),
        (&["account", "set", "port=2525", "--validate-only"], "KEY", "КЛЮЧ"),
        (&["account", "methods"], "transcript", "протокол сеанса"),
        (&["outbox", "list"], "STATE", "СОСТОЯНИЕ"),
        (&["outbox", "show", &id], "delivered", "доставлено"),
        (&["log", "list"], "OUTCOME", "ИТОГ"),
        (&["log", "show", "1"], "Outcome", "Итог"),
        (&["policy", "show"], "METHOD", "МЕТОД"),
        (&["send", "--to", "a@example.test", "--request-id", "one"], "Accepted: ", "Принято: "),
        // The last one: its message is Russian, too.
        (&["account", "test"], "Connect", "Соединение"),
    ] {
        let in_english = faxpost(&daemon, arguments).await.exits(0).says(english);
        assert!(!is_cyrillic(&in_english.out), "{}", in_english.out);
        faxpost(&daemon, &[&["--lang", "ru"], arguments].concat()).await.exits(0).says(russian);
    }
    let json = ["--json", "account", "show"];
    let english = faxpost(&daemon, &json).await.exits(0).out;
    assert_eq!(faxpost(&daemon, &[&["--lang", "ru"], &json[..]].concat()).await.exits(0).out, english);
}

#[tokio::test]
async fn g2_every_mistake_is_told_in_russian_with_the_same_exit() {
    let daemon = TestDaemon::start().await;
    for arguments in [
        &["acount"][..],
        &["--colour", "status"],
        &["outbox", "show"],
        &["outbox", "show", "123"],
        &["outbox", "list", "--state", "lost"],
        &["log", "show", "x"],
        &["log", "show", "99"],
        &["log", "list", "--since", "soon"],
        &["account", "show", "nope"],
        &["account", "create", "default"],
        &["account", "delete", "default", "--yes"],
        &["account", "set", "serverr=x"],
        &["account", "set", "security=tls"],
        &["account", "set", "port=99999"],
        &["account", "set", "port=many"],
        &["account", "set", "sender-email=nobody", "server=two words", "proxy=x"],
        &["account", "test", "--to", ""],
        &["account", "delete", "default"],
        &["account", "history", "-n", "0"],
        &["cert", "show", "ff"],
        &["cert", "show", "ffffffff"],
        &["cert", "install", "/etc/hostname"],
        &["request", "approve", "99"],
        &["request", "refuse", "x"],
        &["policy", "set", "Mail/SendMail", "user=approval"],
        &["account", "set", "server", "mail.example.org"],
        &["account", "set", faxpost_tests::SET_MISSING_METHOD],
        &["account", "set", "password=x"],
        &["account", "set", "--etag", "fff", "port=26"],
        &["account", "set", "--password-stdin"],
        &["account", "set", "--ask-password", "--password-stdin"],
        &["send", "--subject", "x"],
        &["send", "--to", "nobody"],
        &["send", "--to", "a@example.test", "--attach", "no such file"],
        &["policy", "set", "Mail/SendMail", "user=maybe"],
        &["policy", "set", "Admin/GetPolicy", "administrator=deny"],
        &["completions", "tcsh"],
        &["man", "no/such/folder"],
    ] {
        let english = faxpost(&daemon, arguments).await;
        let russian = faxpost(&daemon, &[&["--lang", "ru"], arguments].concat()).await.exits(english.code);
        assert!(english.err.contains("error: ") && !is_cyrillic(&english.err), "{english:#?}");
        // Wine may have said something before.
        let mut lines = russian.err.lines().skip_while(|line| !line.contains("ошибка:")).peekable();
        assert!(lines.peek().is_some(), "{arguments:?}: {russian:#?}");
        for line in lines {
            assert!(is_cyrillic(line.trim_start_matches("ошибка:")), "{arguments:?}: {line}");
        }
    }
}

#[tokio::test]
async fn g2_the_language_comes_from_the_locale_too() {
    let daemon = TestDaemon::start().await;
    for (locale, expected) in [("ru_RU.UTF-8", "Служба"), ("de_DE.UTF-8", "Service")] {
        let output = bins::started(|| daemon.faxpost(&["status"]).env("LC_ALL", locale).output());
        assert!(String::from_utf8(output.stdout).unwrap().contains(expected), "{locale}");
    }
    let output = bins::started(|| daemon.faxpost(&["acount"]).env("LC_ALL", "ru_RU.UTF-8").output());
    assert!(String::from_utf8_lossy(&output.stderr).contains("Команды acount нет."));
}
