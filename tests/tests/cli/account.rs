//! `faxpost account list | show | create | set | delete`

use faxpost_tests::daemon::TestDaemon;

use crate::kit::faxpost;

#[tokio::test]
async fn a1_a_fresh_account_shows_what_is_not_set() {
    let daemon = TestDaemon::start().await;
    let shown = faxpost(&daemon, &["account", "show"]).await.exits(0);
    let value = |key: &str| {
        let line = shown.out.lines().find(|line| line.starts_with(&format!("{key} ")));
        line.unwrap_or_else(|| panic!("no {key} in {}", shown.out))[key.len()..].trim().to_owned()
    };
    assert_eq!(value("id"), "default");
    assert_eq!(value("method"), "pickup");
    assert_eq!(value("server"), "(not set)");
    assert_eq!(value("port"), "25 (default)");
    assert_eq!(value("password"), "not set");
    assert_eq!(value("pickup-directory"), "(pickup in the state folder)");
    assert_eq!(value("sign"), "off");

    let account = faxpost(&daemon, &["--json", "account", "show", "default"]).await.exits(0).json();
    assert_eq!(account["account"]["method"], "METHOD_PICKUP");
    assert_eq!(account["account"]["effectivePort"], 25);
}

#[tokio::test]
async fn a7_methods_show_what_each_can_and_what_this_machine_has() {
    let daemon = TestDaemon::start().await;
    let told = faxpost(&daemon, &["--json", "account", "methods"]).await.exits(0).json();
    let rows = told["methods"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    let shown = faxpost(&daemon, &["account", "methods"]).await.exits(0);
    let cells = |label: &str| {
        let line = shown.out.lines().find(|line| line.starts_with(&format!("{label} ")));
        let line = line.unwrap_or_else(|| panic!("no {label} in {}", shown.out));
        line[label.len()..].split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    // pickup makes no connection, and has no cell there.
    assert_eq!(cells("security=implicit"), ["yes", "yes", "no"]);
    assert_eq!(cells("security=starttls"), ["yes", "no", "yes"]);
    assert_eq!(cells("proxy"), ["yes", "no", "no"]);
    assert_eq!(cells("sign"), ["yes"; 4]);
    let here = rows.iter().map(|row| if row["available"] == true { "yes" } else { "no" });
    assert_eq!(cells("here"), here.collect::<Vec<_>>());
    for row in rows.iter().filter(|row| row["available"] != true) {
        assert!(shown.out.contains(row["unavailableText"].as_str().unwrap()), "{}", shown.out);
    }
    if cfg!(unix) {
        let russian = faxpost(&daemon, &["--lang", "ru", "account", "methods"]).await.exits(0);
        russian.says("Collaboration Data Objects — часть Windows");
    }
}

#[tokio::test]
async fn a1_every_key_can_be_set_shown_and_set_back() {
    let daemon = TestDaemon::start().await;
    let pin = "00ff".repeat(16);
    let check = format!("tls-check=pinned:{pin}");
    let settings = [
        ("sender-email=fax@example.org", "senderEmail", "fax@example.org"),
        ("sender-name=Fax of the office", "senderName", "Fax of the office"),
        ("server=mail.example.org", "server", "mail.example.org"),
        ("port=2587", "port", "2587"),
        ("security=starttls", "security", "SECURITY_STARTTLS"),
        (&check, "tlsPin", &pin),
        ("authentication=on", "authentication", "true"),
        ("login=fax", "login", "fax"),
        ("ehlo-name=fax.example.org", "ehloName", "fax.example.org"),
        ("method=secure-smtp-client", "method", "METHOD_SECURE_SMTP_CLIENT"),
    ];
    let mut arguments = vec!["account", "set"];
    arguments.extend(settings.iter().map(|(setting, ..)| *setting));
    let set = faxpost(&daemon, &arguments).await.exits(0).says("KEY").says("OLD").says("NEW");
    assert!(!set.err.contains("pickup"), "{}", set.err);

    let account = faxpost(&daemon, &["--json", "account", "show"]).await.exits(0).json();
    for (_, field, expected) in settings {
        let value = &account["account"][field];
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(value, expected, "{field}");
    }
    let typed = faxpost(&daemon, &["account", "show"]).await.exits(0).out;
    assert!(typed.contains(&format!("pinned:{pin}")), "{typed}");

    faxpost(&daemon, &["account", "set", "ehlo-name=", "port="]).await.exits(0).says("(this host's name)");
    let account = faxpost(&daemon, &["--json", "account", "show"]).await.exits(0).json();
    assert_eq!(account["account"]["effectivePort"], 587, "the usual port of STARTTLS");
}

#[tokio::test]
async fn a3_setting_a_server_while_mail_goes_to_the_folder_says_how_to_switch() {
    let daemon = TestDaemon::start().await;
    let set = faxpost(&daemon, &["account", "set", "server=mail.example.org"]).await.exits(0);
    let set = set.complains("method=pickup").complains("faxpost account set method=secure-smtp-client");
    assert!(!set.out.contains("pickup"), "the hint is no part of the result: {}", set.out);
    let json = faxpost(&daemon, &["--json", "account", "set", "server=mail.example.net"]).await.exits(0);
    assert_eq!(json.json()["account"]["server"], "mail.example.net");
    // Who has just chosen the folder needs none.
    let set = faxpost(&daemon, &["account", "set", "server=", "method=pickup"]).await.exits(0);
    assert!(!set.err.contains("pickup"), "{}", set.err);
    // What has nothing to do with servers needs no hint.
    let set = faxpost(&daemon, &["account", "set", "sender-name=Fax"]).await.exits(0);
    assert!(!set.err.contains("pickup"), "{}", set.err);
}

#[tokio::test]
async fn a12_what_was_changed_meanwhile_is_not_overwritten_and_exits_75() {
    let daemon = TestDaemon::start().await;
    let old = faxpost(&daemon, &["--json", "account", "show"]).await.exits(0).json();
    let etag = old["account"]["etag"].as_str().unwrap();
    faxpost(&daemon, &["account", "set", "sender-name=First"]).await.exits(0);
    let late = faxpost(&daemon, &["account", "set", "--etag", etag, "sender-name=Second"]).await.exits(75);
    assert!(late.out.is_empty(), "{}", late.out);
    late.complains("was changed meanwhile").complains("your changes were not made");
    faxpost(&daemon, &["account", "show"]).await.exits(0).says("First");
    faxpost(&daemon, &["account", "create", "office"]).await.exits(0);
    faxpost(&daemon, &["account", "delete", "office", "--etag", etag, "--yes"]).await.exits(75);
}

#[tokio::test]
async fn a8_signing_without_a_certificate_is_warned_of_and_an_unchecked_server_everywhere() {
    let daemon = TestDaemon::start().await;
    let set = ["account", "set", "sender-email=fax@example.test", "sign=clear"];
    for arguments in [&set[..], &["account", "show"]] {
        let run = faxpost(&daemon, arguments).await.exits(0);
        run.complains("no certificate here can sign for fax@example.test")
            .complains("cert candidates default");
    }
    let settings = ["sign=off", "server=mail.example.org", "security=starttls", "tls-check=accept-invalid"];
    let set = [&["account", "set", "method=secure-smtp-client"], &settings[..]].concat();
    let run = faxpost(&daemon, &set).await.exits(0).complains("tls-check=accept-invalid");
    assert!(!run.err.contains("can sign"), "{}", run.err);
    faxpost(&daemon, &["account", "list"]).await.exits(0).says("accept-invalid (!)");
    // Also of saved settings, and not of those that a draft changes.
    let test = ["account", "test", "server=127.0.0.1", "port=1", "--until", "resolve"];
    faxpost(&daemon, &test).await.exits(0).complains("takes any server for the right one");
    let test = faxpost(&daemon, &[&test[..], &["tls-check="]].concat()).await.exits(0);
    assert!(!test.err.contains("takes any server"), "{}", test.err);
}

#[tokio::test]
async fn b1_a_profile_brings_its_server_where_there_is_none() {
    let daemon = TestDaemon::start().await;
    let set = [
        "account",
        "set",
        "authentication=on",
        "oauth=on",
        "oauth-profile=google",
        "sender-email=me@gmail.com",
    ];
    faxpost(&daemon, &set).await.exits(0).says("smtp.gmail.com");
    faxpost(&daemon, &["account", "show"]).await.exits(0).says("me@gmail.com (default)");
    let other = faxpost(&daemon, &["account", "set", "oauth-profile=yandex"]).await.exits(0);
    let other = other.complains("The server stays smtp.gmail.com; that of the profile is smtp.yandex");
    assert!(!other.out.contains("smtp.yandex"), "{}", other.out);
}

#[tokio::test]
async fn a11_an_address_of_a_provider_with_both_ways_is_proposed_both() {
    let daemon = TestDaemon::start().await;
    let found = faxpost(&daemon, &["account", "discover", "me@gmail.com"]).await.exits(0);
    let found =
        found.says("OAuth 2.0, app password").says("--ask-password\n").says("oauth=on oauth-profile=google");
    let by_password = found.out.lines().find(|line| line.ends_with("--ask-password")).unwrap();
    assert!(!by_password.contains("oauth"), "{by_password}");
    let russian = faxpost(&daemon, &["--lang", "ru", "account", "discover", "me@yandex.ru"]).await.exits(0);
    russian.says("встроенные настройки yandex").says("пароль для приложений");
}

#[tokio::test]
async fn g1_what_is_deleted_for_good_is_asked_about_or_wants_yes() {
    let daemon = TestDaemon::start().await;
    faxpost(&daemon, &["account", "create", "office"]).await.exits(0);
    faxpost(&daemon, &["account", "delete", "office"]).await.exits(64).complains("--yes");
    faxpost(&daemon, &["account", "show", "office"]).await.exits(0);
    faxpost(&daemon, &["account", "delete", "nobody"]).await.exits(65);
    faxpost(&daemon, &["cert", "delete", "abcdef12"]).await.exits(65);
    faxpost(&daemon, &["cert", "csr", "delete", "abcdef12"]).await.exits(64).complains("--yes");
}

#[tokio::test]
async fn a1_wrong_settings_name_the_key_and_change_nothing() {
    let daemon = TestDaemon::start().await;
    for (settings, code, said) in [
        (&["serverr=x"][..], 64, "There is no key \"serverr\". Did you mean server? Keys: sender-email,"),
        (&["zzz=x"], 64, "There is no key \"zzz\". Keys: sender-email,"),
        (&["security=tls"], 65, "Good values: none, implicit, starttls"),
        (&["port=abc"], 65, "port must be a whole number from 0"),
        (&["messages-per-minute=-1"], 65, "messages-per-minute must be a whole number from 0"),
        (&["plaintext-auth=yes"], 65, "Good values: on, off"),
        (&["port=1", "port=2"], 64, "port is given twice"),
        (&["server", "mail.example.org"], 64, "Did you mean server=mail.example.org?"),
        (&["tls-check=pinned:12"], 65, "64 hexadecimal digits"),
        (&["nothing"], 64, "nothing to change"),
        (&[], 64, "nothing to change"),
        (&["port=99999"], 65, "One field is wrong.\n  port: a port is a number from 1 to 65535"),
        (&["server=two words"], 65, "  server: "),
        (&["sender-email=nobody"], 65, "  sender-email: "),
        (&["method=secure-smtp-client"], 65, "Some fields are wrong.\n  server: "),
        (
            &[
                "method=secure-smtp-client",
                "server=a.example",
                "sender-email=a@a.example",
                "authentication=on",
            ],
            65,
            "plaintext-auth",
        ),
        (&[faxpost_tests::SET_MISSING_METHOD, "server=a.example", "sender-email=a@a.example"], 78, "method"),
        (&["nope", "server=x.example"], 65, "There is no account nope."),
    ] {
        let run = faxpost(&daemon, &[&["account", "set", "--validate-only"], settings].concat()).await;
        assert_eq!(run.code, code, "{settings:?}: {run:#?}");
        assert!(run.out.is_empty() && run.err.contains(said), "{settings:?}: {run:#?}");
        assert!(!run.err.contains("os error") && !run.err.contains("Status"), "{run:#?}");
    }
    let valid = faxpost(&daemon, &["account", "set", "--validate-only", "port=587"]).await;
    valid.exits(0).says("valid; nothing was changed");
    let account = faxpost(&daemon, &["--json", "account", "show"]).await.exits(0).json();
    assert_eq!(account["account"]["etag"], "1");
}

#[tokio::test]
async fn a1_accounts_are_made_listed_and_deleted() {
    let daemon = TestDaemon::start().await;
    let created = ["account", "create", "office", "sender-email=office@example.org"];
    faxpost(&daemon, &created).await.exits(0).says("Account office is there.");
    faxpost(&daemon, &created).await.exits(73).complains("There is an account office already.");
    faxpost(&daemon, &["account", "create", "Office 1"]).await.exits(65).complains("1 to 32 characters");

    let list = faxpost(&daemon, &["account", "list"]).await.exits(0).says("METHOD");
    assert_eq!(list.out.lines().count(), 3, "{}", list.out);
    let list = faxpost(&daemon, &["--json", "account", "list"]).await.exits(0).json();
    let ids: Vec<_> = list["accounts"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["default", "office"]);

    faxpost(&daemon, &["account", "delete", "office", "--yes"]).await.exits(0).says("deleted");
    faxpost(&daemon, &["account", "delete", "office", "--yes"])
        .await
        .exits(65)
        .complains("no account office");
    faxpost(&daemon, &["account", "delete", "default", "--yes"]).await.exits(65).complains("always exists");
    let json = faxpost(&daemon, &["--json", "account", "create", "two"]).await.exits(0).json();
    assert_eq!(json["account"]["id"], "two");
}
