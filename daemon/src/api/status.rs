//! How the daemon is: what GetStatus and WatchStatus answer.

use std::sync::Arc;
use std::time::Duration;

use faxpost_proto::v1;
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::authorize::Admitted;
use super::{App, convert, error};
use crate::accounts::{Account, Method, Security, TlsCheck};
use crate::alarm::Alarm;
use crate::certs::SigningSource as _;
use crate::oauth;
use crate::policy::Decision;
use crate::secrets::{Secret, VaultError};
use crate::store::Member;

/// Answers of a watch come at most so often.
const PAUSE: Duration = Duration::from_secs(1);

/// Alarms come with time as well: so often it is looked without a change.
const LOOK: Duration = Duration::from_secs(60);

/// The status as this caller may see it.
pub(super) async fn now(app: &App, viewer: &Admitted) -> Result<v1::GetStatusResponse, Status> {
    // As with the messages themselves: of others nothing but that something waits.
    let unfinished = app.outbox.unfinished(viewer.only_own()).await.map_err(|e| error::store(&e))?;
    let pending = app.desk.pending(viewer.only_own()).await.map_err(|e| error::store(&e))?;
    let sign_ins = app.oauth.sign_ins().await.map_err(|e| error::store(&e))?;
    let unsigned = app.outbox.signing_alarms(viewer.only_own()).await.map_err(|e| error::store(&e))?;
    let policy = app.policy.now();
    let permissions = policy
        .rules()
        .map(|(method, _)| {
            let decision = policy.decide(method, viewer.role);
            v1::Permission {
                method: method.to_owned(),
                allowed: decision == Decision::Allow,
                approval: decision == Decision::Approval,
            }
        })
        .collect();
    let at = jiff::Timestamp::now().as_millisecond();
    let accounts = app.registry.all();
    let signing = app.certificates.alarms().await;
    let alarms = accounts.iter().flat_map(|row| {
        let password = app.registry.password(row);
        let mut alarms = alarms(&row.account, &password);
        if let Some(sign_in) = sign_ins.iter().find(|sign_in| sign_in.account == row.id.as_str()) {
            alarms.extend(oauth::alarms(row, sign_in, at));
        }
        let waiting = unsigned.iter().filter(|(account, _)| account == row.id.as_str());
        alarms.extend(waiting.map(|(_, alarm)| alarm.clone()));
        let of_account = signing.iter().filter(|(account, _)| *account == row.id);
        alarms.extend(of_account.map(|(_, alarm)| alarm.clone()));
        alarms.into_iter().map(|alarm| v1::Alarm {
            reason: alarm.reason.to_owned(),
            account: row.id.to_string(),
            text: alarm.text,
            due_time: alarm.due.map(convert::timestamp),
        })
    });
    let mailer = app.mailer.account();
    let english = |code| faxpost_proto::advice::text(code, faxpost_proto::advice::Language::En);
    let mut status = v1::GetStatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        start_time: Some(convert::timestamp(app.started_at)),
        caller_name: viewer.caller.name.clone(),
        caller_id: viewer.caller.id.clone(),
        role: viewer.role.as_str().to_owned(),
        permissions,
        alarms: alarms.collect(),
        queued: unfinished.queued.try_into().unwrap_or(i64::MAX),
        held: unfinished.held.try_into().unwrap_or(i64::MAX),
        oldest_queued_time: unfinished.oldest.map(convert::timestamp),
        pending_requests: pending,
        service_account_name: mailer.name,
        service_account_id: mailer.id,
        mailer_note: mailer.note.and_then(english).unwrap_or_default().to_owned(),
        ..v1::GetStatusResponse::default()
    };
    if viewer.is_administrator() {
        status.state_dir = app.config.state_dir.display().to_string();
        status.store = app.store.place();
        status.store_held_time = app.store.held_since().map(convert::timestamp);
        if let Some(members) = app.store.members() {
            let members = members.borrow().clone();
            status.nodes = members.all.iter().map(|member| node(member, members.me)).collect();
        }
        status.endpoint = app.config.endpoint.clone();
        status.process_id = std::process::id().try_into().unwrap_or_default();
    }
    Ok(status)
}

fn node(member: &Member, me: i64) -> v1::Node {
    v1::Node {
        number: member.id,
        machine: member.machine.clone(),
        version: member.version.clone(),
        start_time: Some(convert::timestamp(member.since)),
        this_one: member.id == me,
        lost: !member.is_alive,
        signs: member.signs.clone(),
    }
}

/// The status now, and again when it is another; at most once a second. A slow reader gets the latest.
pub(super) fn watch(
    app: Arc<App>,
    viewer: Admitted,
) -> impl Stream<Item = Result<v1::GetStatusResponse, Status>> {
    let (told, states) = mpsc::channel(1);
    tokio::spawn(async move {
        // Subscribed before the first look, so that nothing falls between.
        let (mut accounts, mut sign_ins) = (app.registry.watch(), app.oauth.watch());
        let mut requests = app.desk.watch();
        let mut certificates = app.certificates.machine().changes();
        let mut messages = app.outbox.watch();
        let mut last = None;
        loop {
            let status = now(&app, &viewer).await;
            let failed = status.is_err();
            if failed || status.as_ref().ok() != last.as_ref() {
                last = status.as_ref().ok().cloned();
                if told.send(status).await.is_err() || failed {
                    return;
                }
            }
            tokio::select! {
                () = told.closed() => return,
                () = app.stopping.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
                changed = accounts.changed() => if changed.is_err() { return },
                changed = sign_ins.changed() => if changed.is_err() { return },
                changed = requests.changed() => if changed.is_err() { return },
                changed = certificates.changed() => if changed.is_err() { return },
                changed = messages.recv() => if matches!(changed, Err(RecvError::Closed)) { return },
            }
            tokio::select! {
                () = told.closed() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            // What came meanwhile is in what is looked at next.
            accounts.mark_unchanged();
            sign_ins.mark_unchanged();
            requests.mark_unchanged();
            certificates.mark_unchanged();
            messages = messages.resubscribe();
        }
    });
    ReceiverStream::new(states)
}

/// What an administrator should know about an account, beside what the Test finds.
fn alarms(account: &Account, password: &Result<Option<Secret>, VaultError>) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    if account.method == Method::Pickup {
        return alarms;
    }
    if account.security != Security::None && account.tls_check == TlsCheck::AcceptInvalid {
        alarms.push(Alarm::new(
            "ACCEPT_INVALID",
            "the server's certificate is not checked: whoever is on the path can read the mail and the password; pin \
             the certificate instead",
        ));
    }
    if account.authentication && account.security == Security::None {
        alarms.push(Alarm::new("PLAINTEXT_AUTH", "the password crosses the network without TLS"));
    }
    match password {
        Ok(None) if account.authentication && !account.oauth => alarms.push(Alarm::new(
            "NO_PASSWORD",
            "the account signs in, but its password is not set: mail waits until it is",
        )),
        Err(_) if !account.oauth => alarms.push(Alarm::new(
            "PASSWORD_UNUSABLE",
            "the stored password cannot be unsealed: the sealing key was replaced, or the database edited; set the \
             password anew",
        )),
        Ok(_) | Err(_) => {}
    }
    alarms
}
