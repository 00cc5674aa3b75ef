//! The status page.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use faxpost_gui_ui::{AlarmLine, App as AppView, Fact, Kind, PageName, SignInLine, StatusView};
use faxpost_proto::v1::{Alarm, GetStatusResponse, SignIn, SignInState};
use faxpost_proto::{advice, alarm};
use slint::{ComponentHandle as _, Model as _};

use super::{Context, Page, keep};
use crate::lang::Texts;
use crate::link::{Task, sign_in as calls};
use crate::state::status::{DEEDS, May, Repair, may, repair};
use crate::times;

/// The status page.
pub struct StatusPage {
    me: Weak<Self>,
    context: Rc<Context>,
    sign_ins: RefCell<Vec<SignIn>>,
    watch: RefCell<Option<Task>>,
    connected: Cell<bool>,
    shown: Cell<bool>,
}

impl StatusPage {
    /// Sets the callbacks.
    #[must_use]
    pub fn new(context: Rc<Context>) -> Rc<Self> {
        let page = Rc::new_cyclic(|me: &Weak<Self>| Self {
            me: me.clone(),
            context,
            sign_ins: RefCell::default(),
            watch: RefCell::default(),
            connected: Cell::default(),
            shown: Cell::default(),
        });
        if let Some(window) = page.context.window.upgrade() {
            let view = window.global::<StatusView>();
            let weak = page.me.clone();
            view.on_repair(move |index| {
                if let Some(page) = weak.upgrade() {
                    page.repair(index);
                }
            });
            let weak = page.me.clone();
            view.on_go(move |name| {
                if let Some(page) = weak.upgrade() {
                    page.context.go(name);
                }
            });
        }
        page
    }

    /// Goes to where the alarm is repaired, with the account that it is about.
    fn repair(&self, index: i32) {
        let alarm = {
            let status = self.context.status();
            usize::try_from(index).ok().and_then(|at| status.alarms.get(at)).cloned()
        };
        let (Some(alarm), Some(window)) = (alarm, self.context.window.upgrade()) else { return };
        let app = window.global::<AppView>();
        let account = app.get_accounts().iter().position(|account| account.as_str() == alarm.account);
        if let Some(account) = account.and_then(|at| i32::try_from(at).ok()) {
            app.invoke_choose_account(account);
        }
        match repair(&alarm.reason) {
            Repair::Account => self.context.go(PageName::Account),
            Repair::SignIn => self.context.go(PageName::SignIn),
            Repair::Certificate => self.context.go(PageName::Certificate),
            Repair::Nowhere => {}
        }
    }

    /// Who is signed in, for as long as it is looked at.
    fn watch_if_needed(&self) {
        let me = self.me.clone();
        let wanted = self.shown.get() && self.connected.get() && self.context.may("OAuth/WatchSignIns");
        let task = wanted.then(|| {
            self.context.link.follow(calls::watch, move |sign_ins| {
                if let Some(page) = me.upgrade() {
                    page.sign_ins.replace(sign_ins);
                    page.show();
                }
            })
        });
        self.watch.replace(task);
    }

    fn present(&self) -> Option<()> {
        let window = self.context.window.upgrade()?;
        let view = window.global::<StatusView>();
        let all = self.context.texts();
        let words = &all.status;
        let status = self.context.status();

        let alarms = status.alarms.iter().map(|alarm| alarm_line(alarm, all)).collect();
        view.set_alarms(keep(view.get_alarms(), alarms));
        view.set_no_alarms(words.no_alarms.into());
        let own = env!("CARGO_PKG_VERSION");
        let other = if status.version.is_empty() || status.version == own {
            String::new()
        } else {
            (words.other_version)(own)
        };
        view.set_other_version(other.into());
        view.set_outbox(keep(view.get_outbox(), outbox(&status, all)));
        let pending = match status.pending_requests {
            0 => words.none.to_owned(),
            count => count.to_string(),
        };
        view.set_requests(keep(view.get_requests(), pairs([(words.pending, pending)])));
        let sign_ins = self.sign_ins.borrow();
        let sign_ins = sign_ins.iter().filter_map(|sign_in| sign_in_line(sign_in, all)).collect();
        view.set_sign_ins(keep(view.get_sign_ins(), sign_ins));
        view.set_no_sign_ins(words.no_sign_ins.into());
        view.set_me(keep(view.get_me(), me(&status, all)));
        view.set_service(keep(view.get_service(), service(&status, all)));
        let note = advice::code_of(&status.mailer_note).and_then(|code| advice::text(code, all.language));
        view.set_mailer_note(note.unwrap_or(&status.mailer_note).into());
        Some(())
    }
}

impl Page for StatusPage {
    fn connected(&self) {
        self.connected.set(true);
        self.watch_if_needed();
    }

    fn lost(&self) {
        self.connected.set(false);
        self.watch.take();
    }

    fn shown(&self, shown: bool) {
        self.shown.set(shown);
        self.watch_if_needed();
        self.show();
    }

    fn status(&self) {
        self.show();
    }

    fn show(&self) {
        self.present();
    }
}

fn pairs(facts: impl IntoIterator<Item = (&'static str, String)>) -> Vec<Fact> {
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    facts.map(|(label, value)| Fact { label: label.into(), value: value.into() }).collect()
}

fn alarm_line(alarm: &Alarm, all: &Texts) -> AlarmLine {
    let said = alarm::text(alarm, all.language);
    let text = if alarm.account.is_empty() { sentence(&said) } else { format!("{}: {said}", alarm.account) };
    AlarmLine {
        action: (all.status.repair)(repair(&alarm.reason)).into(),
        spoken: text.as_str().into(),
        text: text.into(),
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn outbox(status: &GetStatusResponse, all: &Texts) -> Vec<Fact> {
    let words = &all.status;
    let oldest = status.oldest_queued_time.as_ref();
    let oldest = oldest.map(|time| times::local(Some(time), all.language)).unwrap_or_default();
    pairs([
        (words.queued, status.queued.to_string()),
        (words.oldest, oldest),
        (words.held, status.held.to_string()),
    ])
}

fn sign_in_line(sign_in: &SignIn, all: &Texts) -> Option<SignInLine> {
    let kind = match sign_in.state() {
        SignInState::SignedOut | SignInState::Unspecified => return None,
        SignInState::SignedIn => Kind::Good,
        SignInState::Degraded => Kind::Warning,
        SignInState::Lost => Kind::Bad,
    };
    let when = times::local(sign_in.sign_in_time.as_ref(), all.language);
    let by = (all.status.signed_in_by)(&sign_in.signed_in_by, &when);
    let said = if kind == Kind::Good { String::new() } else { all.said(&sign_in.error_text).into_owned() };
    let detail = [by, said].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    Some(SignInLine {
        account: sign_in.account.as_str().into(),
        state: (all.words.sign_in_state)(sign_in.state()).into(),
        kind,
        detail: detail.into(),
    })
}

fn me(status: &GetStatusResponse, all: &Texts) -> Vec<Fact> {
    let words = &all.status;
    // A line each: they are many, and short.
    let of = |label: &'static str, wanted: May| {
        let deeds = DEEDS.iter().filter(move |(_, methods)| may(&status.permissions, methods) == wanted);
        deeds
            .enumerate()
            .map(move |(at, (deed, _))| (if at == 0 { label } else { "" }, (words.deed)(*deed).to_owned()))
    };
    let role = (words.role_of)(&status.role).map_or_else(|| status.role.clone(), str::to_owned);
    let known = [(words.name, named(&status.caller_name, &status.caller_id, all)), (words.role, role)];
    let deeds = of(words.may, May::Yes).chain(of(words.may_ask, May::Ask)).chain(of(words.may_not, May::No));
    pairs(known.into_iter().chain(deeds))
}

fn service(status: &GetStatusResponse, all: &Texts) -> Vec<Fact> {
    let words = &all.status;
    let process = if status.process_id == 0 { String::new() } else { status.process_id.to_string() };
    // A line each.
    let nodes = status.nodes.iter().enumerate().map(|(at, node)| {
        let since = times::local(node.start_time.as_ref(), all.language);
        (if at == 0 { words.nodes } else { "" }, (words.node)(node, &since))
    });
    let known = [
        (words.version, status.version.clone()),
        (words.since, times::local(status.start_time.as_ref(), all.language)),
        (words.mailer, named(&status.service_account_name, &status.service_account_id, all)),
        (words.endpoint, status.endpoint.clone()),
        (words.state_dir, status.state_dir.clone()),
        (words.process, process),
        (words.store, all.said(&status.store).into_owned()),
    ];
    pairs(known.into_iter().chain(nodes))
}

fn named(name: &str, id: &str, all: &Texts) -> String {
    if name == id || name.is_empty() { id.to_owned() } else { (all.status.with_id)(name, id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::texts;
    use faxpost_proto::advice::Language;
    use faxpost_proto::v1::Node;

    #[test]
    fn g2_an_alarm_names_its_account_or_begins_as_a_sentence_does() {
        let alarm = |account: &str| Alarm {
            reason: "PLAINTEXT_AUTH".into(),
            account: account.into(),
            text: "the password crosses the network without TLS".into(),
            ..Alarm::default()
        };
        let said = |account, language| alarm_line(&alarm(account), texts(language)).text;
        assert_eq!(said("", Language::Ru), "Пароль передаётся по сети без TLS");
        assert_eq!(said("alerts", Language::Ru), "alerts: пароль передаётся по сети без TLS");
        assert_eq!(said("", Language::En), "The password crosses the network without TLS");
    }

    #[test]
    fn g2_who_is_signed_out_is_no_line() {
        let sign_in = |state: SignInState| SignIn { state: state.into(), ..SignIn::default() };
        let lines = |state| sign_in_line(&sign_in(state), texts(Language::En)).map(|line| line.kind);
        assert_eq!(lines(SignInState::SignedOut), None);
        assert_eq!(lines(SignInState::Lost), Some(Kind::Bad));
    }

    #[test]
    fn g2_j2_the_daemons_of_a_database_are_told_one_by_one() {
        let node = |machine: &str, number| Node {
            machine: machine.into(),
            number,
            version: "0.1.0".into(),
            ..Node::default()
        };
        let status = GetStatusResponse {
            store: "SQLite in the state folder".into(),
            nodes: vec![
                Node { this_one: true, signs: vec!["alerts".into(), "default".into()], ..node("fax-1", 3) },
                Node { lost: true, ..node("fax-2", 4) },
            ],
            ..GetStatusResponse::default()
        };
        let told = |language| {
            let facts = service(&status, texts(language)).into_iter().skip(1);
            facts.map(|fact| format!("{}|{}", fact.label, fact.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            told(Language::En),
            [
                "Store|SQLite in the state folder",
                "Services|fax-1 (3), Faxpost 0.1.0, since -, this one, signs: alerts, default",
                "|fax-2 (4), Faxpost 0.1.0, since -, does not answer",
            ]
        );
        assert_eq!(told(Language::Ru)[0], "Хранилище|SQLite в папке данных");
        assert!(told(Language::Ru)[2].ends_with(", не отвечает"));
    }

    #[test]
    fn g2_facts_without_a_value_are_left_out() {
        let facts = service(&GetStatusResponse::default(), texts(Language::En));
        let labels: Vec<_> = facts.into_iter().map(|fact| fact.label).collect();
        assert_eq!(labels, ["Running since"]);
    }
}
