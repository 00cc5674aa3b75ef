use proptest::prelude::*;

use super::*;

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// A complete account of the own engine.
fn account() -> Account {
    Account {
        method: Method::SecureSmtpClient,
        server: "mail.example.com".to_owned(),
        sender_email: "fax@example.com".to_owned(),
        security: Security::Starttls,
        authentication: true,
        ..Account::default()
    }
}

fn applied(sets: &[Set]) -> Applied {
    apply(&account(), true, sets, true).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn refused(current: &Account, sets: &[Set]) -> Vec<(String, Problem)> {
    let problems = apply(current, true, sets, false).expect_err("must be refused");
    assert!(problems.iter().all(|p| !p.text.is_empty()));
    problems.into_iter().map(|p| (p.field, p.problem)).collect()
}

fn invalid(field: &str) -> Vec<(String, Problem)> {
    vec![(field.to_owned(), Problem::Invalid)]
}

#[test]
fn a1_sender_address_and_name() {
    let applied = applied(&[
        Set::SenderEmail(" факс@пример.рф ".to_owned()),
        Set::SenderName(Some(" Факс ".to_owned())),
        Set::Login("fax".to_owned()),
    ]);
    assert_eq!(applied.account.sender_email, "факс@пример.рф");
    assert_eq!(applied.account.sender_name, "Факс");

    let blank = apply(&account(), false, &[Set::SenderName(Some(String::new()))], false).unwrap();
    assert_eq!(blank.account.sender_name, "");
    let default = apply(&blank.account, false, &[Set::SenderName(None)], false).unwrap();
    assert_eq!(default.account.sender_name, "Faxpost");
}

#[test]
fn a1_senders_that_are_none_are_refused() {
    let long = format!("fax@{}example.com", "a.".repeat(122));
    for wrong in ["fax", "fax@", "Fax <fax@example.com>", "fax@exa mple.com", "f\r\nx@example.com", &long] {
        assert_eq!(
            refused(&account(), &[Set::SenderEmail(wrong.to_owned())]),
            invalid("sender_email"),
            "{wrong}"
        );
    }
    for wrong in ["a\nb", "a\0", &"x".repeat(129)] {
        assert_eq!(refused(&account(), &[Set::SenderName(Some(wrong.to_owned()))]), invalid("sender_name"));
    }
}

#[test]
fn a2_server_and_port() {
    let changed = applied(&[Set::Server(" Mail2.example.com ".to_owned()), Set::Port(2587)]);
    assert_eq!((changed.account.server.as_str(), changed.account.port), ("Mail2.example.com", Some(2587)));
    assert_eq!(applied(&[Set::Port(2587), Set::Port(0)]).account.port, None);
    assert_eq!(refused(&account(), &[Set::Port(65_536)]), invalid("port"));
    assert_eq!(refused(&account(), &[Set::Server("smtp://x".to_owned())]), invalid("server"));
    assert_eq!(refused(&account(), &[Set::Server(String::new())]), invalid("server"));
}

#[test]
fn a3_security_goes_back_to_its_default() {
    let problems = refused(&account(), &[Set::Security(None)]);
    assert_eq!(
        problems,
        invalid("authentication"),
        "the default has no TLS, and there is a password to protect"
    );
    let allowed = applied(&[Set::Security(None), Set::PlaintextAuth(true)]);
    assert_eq!(allowed.account.security, Security::None);
}

#[test]
fn a4_a_pin_comes_with_the_check_or_is_there_already() {
    let pin = |byte: u8| Set::TlsPin(hex::encode([byte; 32]));
    let kind = |kind| Set::TlsCheck(Some(kind));
    let pinned = Account { tls_check: TlsCheck::Pinned([7; 32]), ..account() };
    let check =
        |current: &Account, sets: &[Set]| apply(current, false, sets, false).unwrap().account.tls_check;

    assert_eq!(check(&account(), &[kind(TlsCheckKind::Pinned), pin(1)]), TlsCheck::Pinned([1; 32]));
    assert_eq!(
        check(&account(), &[pin(1), kind(TlsCheckKind::Pinned)]),
        TlsCheck::Pinned([1; 32]),
        "any order"
    );
    assert_eq!(check(&pinned, &[kind(TlsCheckKind::Pinned)]), TlsCheck::Pinned([7; 32]));
    assert_eq!(check(&pinned, &[pin(2)]), TlsCheck::Pinned([2; 32]));
    assert_eq!(check(&pinned, &[Set::TlsCheck(None)]), TlsCheck::System);
    assert_eq!(check(&pinned, &[kind(TlsCheckKind::AcceptInvalid)]), TlsCheck::AcceptInvalid);
    assert_eq!(check(&pinned, &[kind(TlsCheckKind::System), Set::TlsPin(String::new())]), TlsCheck::System);
    assert_eq!(check(&account(), &[Set::TlsPin(String::new())]), TlsCheck::System);
    let colons = ["AB"; 32].join(":");
    let colons = Set::TlsPin(format!(" {colons} "));
    assert_eq!(check(&account(), &[kind(TlsCheckKind::Pinned), colons]), TlsCheck::Pinned([0xab; 32]));

    for (current, sets) in [
        (account(), vec![kind(TlsCheckKind::Pinned)]),
        (account(), vec![pin(1)]),
        (account(), vec![kind(TlsCheckKind::System), pin(1)]),
        (pinned.clone(), vec![kind(TlsCheckKind::AcceptInvalid), pin(1)]),
        (pinned.clone(), vec![Set::TlsPin(String::new())]),
        (pinned.clone(), vec![kind(TlsCheckKind::Pinned), Set::TlsPin(String::new())]),
        (account(), vec![kind(TlsCheckKind::Pinned), Set::TlsPin("ab:cd".to_owned())]),
        (pinned, vec![Set::TlsPin("x".repeat(64))]),
    ] {
        assert_eq!(refused(&current, &sets), invalid("tls_pin"), "{sets:?}");
    }
}

#[test]
fn a5_login_and_password_are_bounded_and_passwords_kept_as_typed() {
    let changed = applied(&[Set::Login(" svc ".to_owned()), Set::Password(secret(" p w "))]);
    assert_eq!(changed.account.login, "svc");
    assert_eq!(changed.password, PasswordChange::Set(secret(" p w ")));
    assert_eq!(refused(&account(), &[Set::Login("x".repeat(255))]), invalid("login"));
    assert_eq!(refused(&account(), &[Set::Login("a\0b".to_owned())]), invalid("login"));
    for wrong in ["a\rb", "a\nb", "a\0b", &"x".repeat(1025)] {
        assert_eq!(refused(&account(), &[Set::Password(secret(wrong))]), invalid("password"));
    }
    let no_login = Account { sender_email: String::new(), ..account() };
    let found = refused(&no_login, &[]);
    assert_eq!(found, [invalid("sender_email"), invalid("login")].concat());
}

#[test]
fn a5_h3_a_refused_password_is_not_in_the_error() {
    let sets = [Set::Password(secret("hunter2\n")), Set::Port(70_000)];
    let problems = apply(&account(), true, &sets, false).unwrap_err();
    assert!(!format!("{problems:?}{sets:?}").contains("hunter2"));
}

#[test]
fn a7_a_method_that_this_host_lacks_is_known_and_not_available() {
    // Nowhere where the tests run is the one of the other system: CDO on Linux, .NET under Wine.
    let (method, security) = match cfg!(windows) {
        true => (Method::SystemNetMail, Security::Starttls),
        false => (Method::CdoMessage, Security::Implicit),
    };
    let found = refused(&Account { security, ..account() }, &[Set::Method(Some(method))]);
    let fields: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["method"]);
    assert!(found.iter().all(|(_, problem)| *problem == Problem::NotAvailable));
    applied(&[
        Set::Oauth(false),
        Set::Sign(None),
        Set::Sign(Some(Signing::Off)),
        Set::Certificate(String::new()),
    ]);
}

#[test]
fn a8_a_certificate_is_named_as_people_copy_its_fingerprint() {
    let hex = "ab".repeat(32);
    let typed = format!(
        "\u{200e}{} ",
        hex.to_uppercase().as_bytes().chunks(2).map(String::from_utf8_lossy).collect::<Vec<_>>().join(":")
    );
    for sign in [Signing::Clear, Signing::Opaque] {
        let account = applied(&[Set::Sign(Some(sign)), Set::Certificate(typed.clone())]).account;
        assert_eq!((account.sign, account.certificate.as_str()), (sign, hex.as_str()));
    }
    for wrong in ["ab", &hex[1..], &format!("{hex}0"), &hex.replace('a', "g"), &"a".repeat(100_000)] {
        let found = refused(&account(), &[Set::Certificate(wrong.to_owned())]);
        assert_eq!(found, [("certificate".to_owned(), Problem::Invalid)]);
    }
}

#[test]
fn a7_the_way_to_a_server_and_back_to_pickup() {
    let sets = [
        Set::Method(Some(Method::SecureSmtpClient)),
        Set::Server("mail.example.com".to_owned()),
        Set::SenderEmail("fax@example.com".to_owned()),
        Set::Security(Some(Security::Implicit)),
    ];
    let there = apply(&Account::default(), false, &sets, false).unwrap().account;
    assert_eq!(there.effective_port(), 465);
    let back = apply(&there, false, &[Set::Method(None)], false).unwrap().account;
    assert_eq!(back, Account { method: Method::Pickup, ..there }, "the settings of the connection are kept");
}

#[test]
fn a7_the_pickup_folder_is_for_administrators() {
    let folder = std::env::temp_dir().join("pickup").to_string_lossy().into_owned();
    let set = [Set::PickupDirectory(folder.clone())];
    assert_eq!(refused(&account(), &set), [("pickup_directory".to_owned(), Problem::Denied)]);
    assert_eq!(applied(&set).account.pickup_directory, folder);
    assert_eq!(applied(&[Set::PickupDirectory(String::new())]).account.pickup_directory, "");
    let up = std::env::temp_dir().join("..").join("etc").to_string_lossy().into_owned();
    for wrong in ["pickup", "../x", &up, &format!("{folder}\n"), &format!("{folder}{}", "x".repeat(1024))] {
        let found = apply(&account(), true, &[Set::PickupDirectory(format!("{wrong}x"))], true).unwrap_err();
        assert_eq!(
            (found[0].field.as_str(), found[0].problem),
            ("pickup_directory", Problem::Invalid),
            "{wrong}"
        );
    }
}

#[test]
fn every_problem_is_told_and_nothing_is_changed() {
    let sets = [
        Set::Server("a b".to_owned()),
        Set::Port(70_000),
        Set::SenderEmail("x".to_owned()),
        Set::OauthSetting(SetOauth::TokenEndpoint("http://sso.example/".to_owned())),
    ];
    let fields: Vec<_> = refused(&account(), &sets).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["server", "port", "sender_email", "oauth_token_endpoint"]);
}

#[test]
fn d3_a_password_goes_with_the_server_it_was_given_for() {
    let cleared = PasswordChange::Clear { by_binding: true };
    let pinned = [Set::TlsCheck(Some(TlsCheckKind::Pinned)), Set::TlsPin("ab".repeat(32))];
    for sets in [
        &[Set::Server("other.example.com".to_owned())][..],
        &[Set::Port(2525)],
        &[Set::Security(Some(Security::Implicit))],
        &[Set::TlsCheck(Some(TlsCheckKind::AcceptInvalid))],
        &pinned,
        &[Set::Login("other".to_owned())],
        &[Set::SenderEmail("other@example.com".to_owned())],
    ] {
        assert_eq!(applied(sets).password, cleared, "{sets:?}");
        assert_eq!(
            apply(&account(), false, sets, false).unwrap().password,
            PasswordChange::Keep,
            "there was none"
        );
        let anew = [sets, &[Set::Password(secret("new"))]].concat();
        assert_eq!(applied(&anew).password, PasswordChange::Set(secret("new")));
    }
}

#[test]
fn d3_what_does_not_change_the_destination_keeps_the_password() {
    for set in [
        Set::Server("MAIL.Example.Com.".to_owned()),
        Set::Port(587),
        Set::Login("fax".to_owned()),
        Set::SenderEmail("fax@other.example".to_owned()),
        Set::SenderName(None),
        Set::Method(Some(Method::Pickup)),
        Set::TlsCheck(None),
        Set::EhloName("fax.example.com".to_owned()),
        Set::Authentication(false),
    ] {
        assert_eq!(applied(std::slice::from_ref(&set)).password, PasswordChange::Keep, "{set:?}");
    }
    let idn = Account { server: "почта.рф".to_owned(), ..account() };
    let same = apply(&idn, true, &[Set::Server("xn--80a1acny.xn--p1ai".to_owned())], false).unwrap();
    assert_eq!(same.password, PasswordChange::Keep);
}

#[test]
fn d3_an_empty_password_is_forgotten_on_request() {
    assert_eq!(applied(&[Set::Password(secret(""))]).password, PasswordChange::Clear { by_binding: false });
}

#[test]
fn d3_the_binding_names_its_account() {
    let other = AccountId::parse("other").unwrap();
    assert_ne!(binding(&AccountId::default_account(), &account()), binding(&other, &account()));
}

fn any_security() -> impl Strategy<Value = Security> {
    prop_oneof![Just(Security::None), Just(Security::Implicit), Just(Security::Starttls)]
}

fn any_tls_check() -> impl Strategy<Value = TlsCheck> {
    prop_oneof![
        Just(TlsCheck::System),
        Just(TlsCheck::AcceptInvalid),
        (0..2_u8).prop_map(|b| TlsCheck::Pinned([b; 32]))
    ]
}

prop_compose! {
    /// From few values, so that equal pairs come up.
    fn any_account()(
        server in "[aA]{0,2}", port in proptest::option::of(prop_oneof![Just(25_u16), Just(465)]), login in "[ab]{0,2}",
        sender in prop_oneof![Just(""), Just("a@b.c"), Just("b@b.c")], security in any_security(),
        tls_check in any_tls_check(), sender_name in "[xy]?",
        method in prop::sample::select(vec![Method::SecureSmtpClient, Method::Pickup, Method::CdoMessage, Method::SystemNetMail]),
        mechanism in prop::sample::select(vec![None, Some(Mechanism::Plain), Some(Mechanism::ScramSha256)]),
    ) -> Account {
        let sender_email = sender.to_owned();
        Account {
            server, port, login, sender_email, security, tls_check, sender_name, method, mechanism, ..Account::default()
        }
    }
}

fn any_set() -> impl Strategy<Value = Set> {
    let text = || prop_oneof!["\\PC{0,40}", "[ -~\\r\\n\\x00]{0,40}", "[a-z.@:\\[\\]0-9]{0,30}"];
    prop_oneof![
        text().prop_map(Set::SenderEmail),
        proptest::option::of(text()).prop_map(Set::SenderName),
        text().prop_map(Set::Server),
        any::<u32>().prop_map(Set::Port),
        proptest::option::of(any_security()).prop_map(Set::Security),
        text().prop_map(Set::TlsPin),
        any::<bool>().prop_map(Set::Authentication),
        text().prop_map(Set::Login),
        text().prop_map(|text| Set::Password(Secret::new(text))),
        text().prop_map(Set::Certificate),
        text().prop_map(Set::PickupDirectory),
        text().prop_map(Set::EhloName),
        prop_oneof![
            Just(TlsCheckKind::System),
            Just(TlsCheckKind::Pinned),
            Just(TlsCheckKind::AcceptInvalid)
        ]
        .prop_map(|kind| Set::TlsCheck(Some(kind))),
        prop_oneof![Just(Method::SecureSmtpClient), Just(Method::CdoMessage), Just(Method::Pickup)]
            .prop_map(|method| Set::Method(Some(method))),
    ]
}

proptest! {
    #[test]
    fn d3_the_binding_is_equal_exactly_when_what_is_bound_is(one in any_account(), two in any_account()) {
        let id = AccountId::default_account();
        let bound = |a: &Account| (
            a.server.to_lowercase(), a.effective_port(), a.security, a.tls_check, a.effective_login().to_owned(),
            // Who signs in, and by what, where everybody can listen.
            Some(a.method).filter(|method| [Method::CdoMessage, Method::SystemNetMail].contains(method)),
            a.mechanism.filter(|_| a.security == Security::None),
        );
        prop_assert_eq!(bound(&one) == bound(&two), binding(&id, &one) == binding(&id, &two));
    }

    #[test]
    fn arbitrary_changes_never_panic_and_what_passes_can_be_kept(
        sets in proptest::collection::vec(any_set(), 0..6), administrator in any::<bool>(), current in any_account(),
    ) {
        if let Ok(applied) = apply(&current, true, &sets, administrator) {
            let json = serde_json::to_string(&applied.account).unwrap();
            prop_assert_eq!(serde_json::from_str::<Account>(&json).unwrap(), applied.account.clone());
            let again = apply(&applied.account, false, &[], false);
            prop_assert_eq!(again.unwrap().account, applied.account, "what was accepted stays acceptable");
        }
    }
}

#[test]
fn d3_the_way_through_a_proxy_is_part_of_the_binding() {
    let id = AccountId::default_account();
    let change = applied(&[Set::Proxy("proxy.example.com:1080".to_owned())]);
    assert_eq!(change.password, PasswordChange::Clear { by_binding: true });
    assert!(!change.tokens_stay);
    let through = change.account;
    let spelled = apply(&through, true, &[Set::Proxy("PROXY.example.com:1080".to_owned())], true).unwrap();
    assert_eq!(spelled.password, PasswordChange::Keep, "two spellings of one proxy");
    let other = apply(&through, true, &[Set::Proxy("proxy.example.com:1081".to_owned())], true).unwrap();
    assert_eq!(other.password, PasswordChange::Clear { by_binding: true });
    assert_ne!(binding(&id, &through), binding(&id, &account()));
}

#[test]
fn d3_what_was_sealed_before_there_were_proxies_can_still_be_read() {
    let expected = b"faxpost-password-binding-1\0\0\0\0\0\0\0\x07default\0\0\0\0\0\0\0\x10mail.example.com\0\0\0\0\0\0\0\x02\x02K\
                     \0\0\0\0\0\0\0\x08starttls\0\0\0\0\0\0\0\x06system\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03fax";
    assert_eq!(binding(&AccountId::default_account(), &account()), expected);
}

#[test]
fn a10_timeouts_and_proxies_are_checked_and_go_with_the_own_engine_only() {
    let set = applied(&[Set::TimeoutSeconds(5), Set::Proxy("[2001:db8::1]:1080".to_owned())]).account;
    assert_eq!((set.timeout_seconds, set.proxy_parts()), (5, Some(("2001:db8::1".to_owned(), 1080))));
    for wrong in [1, 4, 601, u32::MAX] {
        assert_eq!(refused(&account(), &[Set::TimeoutSeconds(wrong)]), invalid("timeout_seconds"));
    }
    assert_eq!(refused(&account(), &[Set::Proxy("proxy".to_owned())]), invalid("proxy"));
    assert_eq!(applied(&[Set::TimeoutSeconds(0), Set::Proxy(String::new())]).account, account());
}

#[test]
fn d3_what_was_sealed_before_methods_counted_can_still_be_read() {
    let id = AccountId::default_account();
    assert_eq!(earlier_binding(&id, &account()), binding(&id, &account()));
    let other = Account { method: Method::SystemNetMail, ..account() };
    assert_eq!(earlier_binding(&id, &other), binding(&id, &account()));
    assert_ne!(binding(&id, &other), binding(&id, &account()));
}
