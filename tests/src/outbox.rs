//! An outbox in this process, without its daemon: for what a daemon has no switch for, a clock that jumps or a mailer that is
//! in another place.

use std::path::Path;
use std::sync::Arc;

use faxpostd::accounts::{Method, Registry, Set};
use faxpostd::certs::{self, Machine};
use faxpostd::config::Config;
use faxpostd::log::Log;
use faxpostd::mailer::{DeliveryStatus, Mailer};
use faxpostd::message::Draft;
use faxpostd::oauth::Oauth;
use faxpostd::outbox::{Outbox, Request};
use faxpostd::secrets::Vault;
use faxpostd::store::{Author, Store};

/// The outbox of a state folder, and what it is made of.
pub struct Parts {
    /// Takes and sends, once it is run.
    pub outbox: Arc<Outbox>,
    /// Its messages.
    pub store: Store,
    /// Its accounts.
    pub registry: Arc<Registry>,
}

impl Parts {
    /// Opens what is in `folder`, or begins there.
    ///
    /// # Panics
    /// When the folder is not one of Faxpost's.
    pub async fn open(folder: &Path, config: &Config, mailer: Mailer) -> Self {
        let store = Store::open(folder).expect("a store");
        let vault = Arc::new(Vault::open(folder).expect("a vault"));
        let machine = certs::machine_store(folder).expect("a certificate store");
        let machine = Arc::new(Machine::new(machine, config.mailer.account.clone()));
        let registry = Registry::open(store.clone(), vault.clone(), machine.clone()).await;
        let registry = Arc::new(registry.expect("the accounts"));
        let log = Log::new(store.clone());
        let oauth = Arc::new(Oauth::new(store.clone(), registry.clone(), vault, mailer.clone()));
        let outbox = Outbox::open(config, store.clone(), registry.clone(), oauth, machine, log, mailer);
        let outbox = Arc::new(outbox.await.expect("an outbox"));
        Self { outbox, store, registry }
    }

    /// Has the account `default` send to `port` of the loopback, without TLS and sign-in, on at most so many connections.
    ///
    /// # Panics
    /// When it cannot be written.
    pub async fn send_to(&self, port: u16, connections: u32) {
        let row = self.registry.get("default").expect("the account");
        let sets = [
            Set::Method(Some(Method::SecureSmtpClient)),
            Set::Server("127.0.0.1".to_owned()),
            Set::Port(port.into()),
            Set::SenderEmail("fax@example.test".to_owned()),
            Set::MaxConnections(connections),
        ];
        let author = author();
        let updated = self.registry.update("default", row.revision, &sets, true, &author, false);
        updated.await.expect("the account is written");
    }

    /// Accepts a message with this text; gives its id.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn accept(&self, text: &str) -> String {
        let draft =
            Draft { to: vec!["a@example.test".to_owned()], text: text.to_owned(), ..Draft::default() };
        let request = Request {
            account: "default".to_owned(),
            draft,
            request_id: String::new(),
            caller: author(),
            not_before: None,
            delivery_status: DeliveryStatus::default(),
        };
        self.outbox.accept(request).await.expect("the message is accepted").id
    }
}

fn author() -> Author {
    Author { id: "uid:1".to_owned(), name: "one".to_owned() }
}
