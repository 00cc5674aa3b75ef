//! Settings that are found for an address, on the account page; the name server is the test's own.

use faxpost_gui_ui::PageName;
use faxpost_proto::advice::Language;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dns::{DnsServer, Record};

use crate::kit::{Gui, runtime};

async fn asking(records: &[(&str, Record)]) -> (TestDaemon, DnsServer) {
    let dns = DnsServer::start(records).await;
    let settings = format!("[discovery]\ndns-server = \"{}\"\nhttps-port = 1\n", dns.address());
    (TestDaemon::builder().settings(&settings).start().await, dns)
}

#[test]
fn a11_what_is_found_is_filled_in_only_after_it_was_compared_and_never_saved() {
    let runtime = runtime();
    let (daemon, dns) = runtime.block_on(asking(&[
        ("_submissions._tcp.example.test", Record::Srv(10, 1, 465, "mail.provider.test")),
        ("_submissions._tcp.example.test", Record::Srv(5, 1, 4465, "smtp.example.test")),
    ]));
    let gui = Gui::at(&daemon, PageName::Account);
    gui.set("Sender's e-mail", "fax@example.test");
    gui.press("Find settings for this address…");
    assert_eq!(gui.value("Address"), "fax@example.test");
    assert_eq!(dns.asked(), Vec::<String>::new(), "nobody is asked before a person wants it");
    assert!(!gui.is_enabled("Fill in"));
    gui.press("Search");
    gui.until("found", |gui| gui.has("smtp.example.test:4465, implicit TLS"));
    assert!(gui.is_enabled("Fill in"));

    gui.choose("mail.provider.test:465");
    assert!(gui.description("mail.provider.test:465, implicit TLS").contains("to be confirmed"));
    assert!(!gui.is_enabled("Fill in"));
    gui.press("I have compared it with what the provider says");
    assert!(gui.is_enabled("Fill in"));
    // What was said of one is not said of another.
    gui.choose("smtp.example.test:4465");
    gui.choose("mail.provider.test:465");
    assert!(!gui.is_enabled("Fill in"));
    gui.press("I have compared it with what the provider says");
    gui.press("Fill in");
    assert!(!gui.has("Find settings") && gui.says("The settings of mail.provider.test are filled in."));
    assert_eq!(gui.value("SMTP server"), "mail.provider.test");
    assert_eq!(gui.value("Login"), "fax@example.test");
    assert!(gui.is_enabled("Apply"));
    let saved = runtime.block_on(async {
        let call = faxpost_proto::v1::GetAccountRequest { id: "default".into() };
        daemon.accounts().await.get_account(call).await.unwrap().into_inner().account.unwrap()
    });
    assert_eq!(saved.server, "");
}

#[test]
fn a11_what_was_asked_in_vain_and_what_is_no_address_are_told() {
    let runtime = runtime();
    let (daemon, _dns) = runtime.block_on(asking(&[]));
    let gui = Gui::at(&daemon, PageName::Account);
    gui.app.choose_language(Language::Ru);
    gui.press("Найти настройки для этого адреса…");
    gui.set("Адрес", "nobody");
    gui.press("Искать");
    gui.until("no address", |gui| gui.says("это не адрес электронной почты: в нём нет @"));
    gui.set("Адрес", "fax@example.test");
    gui.press("Искать");
    gui.until("nothing", |gui| gui.says("Для fax@example.test ничего не найдено."));
    assert!(
        gui.says("не читается: такой записи нет") || gui.says("такой службы у него нет"),
        "{}",
        gui.all()
    );
    assert!(!gui.is_enabled("Заполнить"));
    gui.press("Отмена");
    assert!(!gui.has("Поиск настроек"));
}
