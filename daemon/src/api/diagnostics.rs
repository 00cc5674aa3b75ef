//! `faxpost.v1.Diagnostics`.

use std::sync::Arc;

use faxpost_proto::v1::{self, diagnostics_server::Diagnostics};
use futures_util::StreamExt as _;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status};

use super::accounts::id_or_default;
use super::authorize::Admitted;
use super::watch::{Watch, until_stopping};
use super::{App, convert, error};
use crate::accounts::{Account, Method, Security, TlsCheck};
use crate::diagnose::{self, Test};
use crate::mailer::{CertificateInfo, Event, Step, StepReport, StepState, TlsInfo};
use crate::policy::Decision;
use crate::secrets::{Secret, VaultError};

pub(super) struct Service(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Diagnostics for Service {
    async fn get_status(&self, request: Request<v1::GetStatusRequest>) -> Answer<v1::GetStatusResponse> {
        let viewer = Admitted::of(&request)?;
        let app = &self.0;
        let unfinished = app.outbox.unfinished().await.map_err(|e| error::store(&e))?;
        let policy = app.policy.now();
        let permissions = policy
            .rules()
            .map(|(method, _)| v1::Permission {
                method: method.to_owned(),
                allowed: policy.decide(method, viewer.role) == Decision::Allow,
            })
            .collect();
        let accounts = app.registry.all();
        let alarms = accounts.iter().flat_map(|row| {
            let password = app.registry.password(row);
            alarms(&row.account, &password).into_iter().map(|(reason, text)| v1::Alarm {
                reason: reason.to_owned(),
                account: row.id.to_string(),
                text: text.to_owned(),
            })
        });
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
            service_account_name: app.mailer.account().name.clone(),
            service_account_id: app.mailer.account().id.clone(),
            mailer_note: app.mailer.account().note.and_then(english).unwrap_or_default().to_owned(),
            ..v1::GetStatusResponse::default()
        };
        if viewer.is_administrator() {
            status.state_dir = app.config.state_dir.display().to_string();
            status.endpoint = app.config.endpoint.clone();
            status.process_id = std::process::id().try_into().unwrap_or_default();
        }
        Ok(Response::new(status))
    }

    type WatchStatusStream = Watch<v1::WatchStatusResponse>;

    async fn watch_status(
        &self,
        _request: Request<v1::WatchStatusRequest>,
    ) -> Answer<Self::WatchStatusStream> {
        Err(Status::unimplemented("not built in yet"))
    }

    type TestAccountStream = Watch<v1::TestAccountResponse>;

    async fn test_account(
        &self,
        request: Request<v1::TestAccountRequest>,
    ) -> Answer<Self::TestAccountStream> {
        let caller = Admitted::of(&request)?;
        let request = request.into_inner();
        let id = id_or_default(request.id);
        let sets = convert::sets(request.draft.unwrap_or_default(), request.update_mask.as_ref())?;
        let registry = &self.0.registry;
        let (account, password) =
            registry.draft(&id, &sets, caller.is_administrator()).map_err(error::draft)?;
        let until = match v1::Step::try_from(request.until) {
            Ok(v1::Step::Unspecified | v1::Step::Message) => Step::Message,
            Ok(v1::Step::Resolve) => Step::Resolve,
            Ok(v1::Step::Connect) => Step::Connect,
            Ok(v1::Step::Tls) => Step::Tls,
            Ok(v1::Step::Ehlo) => Step::Ehlo,
            Ok(v1::Step::SignIn) => Step::SignIn,
            Ok(v1::Step::Sender) => Step::Sender,
            Ok(v1::Step::Recipient) => Step::Recipient,
            Err(_) => return Err(error::invalid("until", "not a step")),
        };
        let russian = match request.language.as_str() {
            "" | "en" => false,
            "ru" => true,
            _ => return Err(error::invalid("language", "en or ru")),
        };
        let server = account.server.clone();
        let test = Test { id, account, password, to: request.to, until, russian, caller: caller.author() };
        let events = diagnose::start(test, self.0.outbox.host(), &self.0.log, &self.0.mailer)
            .map_err(|p| error::fields(&p))?;
        let steps = UnboundedReceiverStream::new(events.steps).map(move |event| {
            // The guard ends the test when the caller ends the call.
            let _ = &events.guard;
            Ok(v1::TestAccountResponse { step: Some(step(event, &server)) })
        });
        Ok(Response::new(until_stopping(steps, &self.0.stopping)))
    }
}

/// What an administrator should know about an account, beside what the Test finds.
fn alarms(
    account: &Account,
    password: &Result<Option<Secret>, VaultError>,
) -> Vec<(&'static str, &'static str)> {
    let mut alarms = Vec::new();
    if account.method == Method::Pickup {
        return alarms;
    }
    if account.security != Security::None && account.tls_check == TlsCheck::AcceptInvalid {
        alarms.push((
            "ACCEPT_INVALID",
            "the server's certificate is not checked: whoever is on the path can read the mail and the password; pin \
             the certificate instead",
        ));
    }
    if account.authentication && account.security == Security::None {
        alarms.push(("PLAINTEXT_AUTH", "the password crosses the network without TLS"));
    }
    match password {
        Ok(None) if account.authentication => alarms.push((
            "NO_PASSWORD",
            "the account signs in, but its password is not set: mail waits until it is",
        )),
        Err(_) => alarms.push((
            "PASSWORD_UNUSABLE",
            "the stored password cannot be unsealed: the sealing key was replaced, or the database edited; set the \
             password anew",
        )),
        Ok(_) => {}
    }
    alarms
}

fn english(code: &str) -> Option<&'static str> {
    faxpost_proto::advice::text(code, faxpost_proto::advice::Language::En)
}

fn step(event: Event, server: &str) -> v1::TestStep {
    let report = match event {
        Event::Started(step) => {
            return v1::TestStep {
                step: number(step).into(),
                state: v1::StepState::Started.into(),
                ..v1::TestStep::default()
            };
        }
        Event::Finished(report) => report,
    };
    let StepReport { step, state, millis, details, reply, tls, failure } = report;
    let advice = failure.as_ref().and_then(|failure| diagnose::advise(failure, server));
    let advice_text = advice.and_then(english);
    v1::TestStep {
        step: number(step).into(),
        state: match state {
            StepState::Passed => v1::StepState::Passed,
            StepState::Failed => v1::StepState::Failed,
            StepState::Skipped => v1::StepState::Skipped,
        }
        .into(),
        duration_ms: millis.try_into().unwrap_or(i32::MAX),
        details,
        answer: reply.map(|reply| reply.to_string()).unwrap_or_default(),
        tls: tls.map(tls_details),
        failure_reason: failure.as_ref().map(|failure| failure.kind.code().to_owned()).unwrap_or_default(),
        failure_text: failure.map(|failure| failure.text).unwrap_or_default(),
        advice_reason: advice.unwrap_or_default().to_owned(),
        advice_text: advice_text.unwrap_or_default().to_owned(),
    }
}

fn number(step: Step) -> v1::Step {
    match step {
        Step::Resolve => v1::Step::Resolve,
        Step::Connect => v1::Step::Connect,
        Step::Tls => v1::Step::Tls,
        Step::Ehlo => v1::Step::Ehlo,
        Step::SignIn => v1::Step::SignIn,
        Step::Sender => v1::Step::Sender,
        Step::Recipient => v1::Step::Recipient,
        Step::Message => v1::Step::Message,
    }
}

fn tls_details(tls: TlsInfo) -> v1::TlsDetails {
    let now = jiff::Timestamp::now().as_second();
    let days_left = tls.chain.first().map_or(0, |leaf| (leaf.not_after - now).div_euclid(86_400));
    v1::TlsDetails {
        version: tls.version,
        cipher: tls.cipher,
        chain: tls.chain.into_iter().map(certificate).collect(),
        days_left: days_left.clamp(i32::MIN.into(), i32::MAX.into()).try_into().unwrap_or_default(),
        tolerated: tls.tolerated.unwrap_or_default(),
    }
}

fn certificate(certificate: CertificateInfo) -> v1::ServerCertificate {
    v1::ServerCertificate {
        subject: certificate.subject,
        issuer: certificate.issuer,
        not_before: Some(convert::timestamp(certificate.not_before.saturating_mul(1000))),
        not_after: Some(convert::timestamp(certificate.not_after.saturating_mul(1000))),
        sha256: hex::encode(certificate.sha256),
        public_key_sha256: hex::encode(certificate.public_key_sha256),
        names: certificate.names,
    }
}
