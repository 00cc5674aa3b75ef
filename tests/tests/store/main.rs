//! What the store promises, of either database: one list of tests, two harnesses. PostgreSQL's half wants a server, and
//! runs with `tests/run fleet`.
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

mod mail;
mod settings;

use faxpostd::log::{Entry, Kind, Outcome};
use faxpostd::outbox::{Message, Recipient, RecipientState, State};
use faxpostd::store::{Author, NewMessage};

/// Runs each of these tests on each database.
macro_rules! on_each_database {
    ($($file:ident::$test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let folder = tempfile::tempdir().unwrap();
                let store = faxpostd::store::Store::open(folder.path()).unwrap();
                super::$file::$test(store).await;
            })*
        }
        #[cfg(feature = "fleet")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let store = super::on_server(stringify!($test)).await;
                super::$file::$test(store).await;
            })*
        }
    };
}

on_each_database! {
    mail::f4_a_message_is_accepted_with_all_that_belongs_to_it,
    mail::f4_a_request_id_means_one_message_however_many_ask_at_once,
    mail::f2_what_settles_a_message_sees_what_was_settled_before,
    mail::f6_pages_of_messages_are_whole_and_in_order,
    mail::e2_the_log_is_filtered_by_what_it_holds,
    mail::e3_what_is_old_goes_and_what_waits_stays,
    mail::b9_held_mail_is_counted_and_released,
    mail::a_text_with_a_nul_is_no_fault,
    settings::a12_accounts_change_all_or_none_and_only_as_expected,
    settings::a12_of_many_who_change_a_revision_one_wins,
    settings::a12_old_revisions_go_and_new_ones_stay,
    settings::c6_requests_have_bounds_and_are_stepped_once,
    settings::g3_grants_belong_to_their_account,
    settings::h4_audit_and_policy_are_kept,
}

/// A database of its own on the server that all tests share.
#[cfg(feature = "fleet")]
async fn on_server(test: &str) -> faxpostd::store::Store {
    use faxpost_tests::postgres::Postgres;
    use faxpostd::store::{Address, Connected, How, Store};

    static SERVER: std::sync::LazyLock<Postgres> =
        std::sync::LazyLock::new(|| Postgres::start(&["fsync=off"]));
    // Names have at most 63 octets.
    let name: String = test.chars().take(60).collect();
    let url = tokio::task::spawn_blocking(move || {
        SERVER.create(&name);
        SERVER.url(&name)
    });
    let address = Address::parse(&url.await.unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let connected = Store::connect(&address, None, folder.path(), How::Beside).await.unwrap();
    let Connected::Held(store) = connected else { panic!("it is new") };
    store
}

fn author() -> Author {
    Author { id: "uid:1".to_owned(), name: "somebody".to_owned() }
}

fn entry(at: i64) -> Entry {
    let mut entry = Entry::new(Kind::Accepted, Outcome::Ok, at, ("uid:1", "Somebody"), "default");
    entry.recipients = vec![("Alice@Example.com".to_owned(), true, "250 \"ok\"".to_owned())];
    entry
}

fn new_message(id: &str, request: Option<&str>, at: i64) -> NewMessage {
    let recipient = |address: &str| Recipient {
        address: address.to_owned(),
        state: RecipientState::Pending,
        answer: String::new(),
    };
    let message = Message {
        seq: 0,
        id: id.to_owned(),
        message_id: format!("<{id}@example.test>"),
        account: "default".to_owned(),
        caller_id: "uid:1".to_owned(),
        caller_name: "somebody".to_owned(),
        state: State::Queued,
        sender: "fax@example.test".to_owned(),
        subject: "Получен факс".to_owned(),
        recipients: vec![recipient("a@example.test"), recipient("b@example.test")],
        size: 7,
        attempts: 0,
        accepted_at: at,
        next_attempt_at: Some(at),
        expires_at: i64::MAX,
        last_error: String::new(),
        last_error_reason: String::new(),
        not_before: None,
        delivery_status: String::new(),
        seven_bit: true,
        held_for: String::new(),
    };
    let mut entry = entry(at);
    entry.message = id.to_owned();
    NewMessage {
        message,
        author: "fax@example.test".to_owned(),
        request_id: request.map(str::to_owned),
        digest: [7; 32],
        body: Some(b"\0 body\xff".to_vec()),
        file: None,
        entry,
    }
}
