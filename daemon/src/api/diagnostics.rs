//! `faxpost.v1.Diagnostics`.

use std::sync::Arc;

use faxpost_proto::v1::{self, diagnostics_server::Diagnostics};
use futures_util::StreamExt as _;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status};

use super::accounts::id_or_default;
use super::authorize::Admitted;
use super::watch::{Watch, until_stopping};
use super::{App, convert, error, status};
use crate::accounts::Method;
use crate::certs::SigningSource;
use crate::diagnose::{self, Test};
use crate::mailer::{CertificateInfo, Credential, Event, Step, StepReport, StepState, TlsInfo};
use crate::outbox::signing::choose;

pub(super) struct Service(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Diagnostics for Service {
    async fn get_metrics(&self, _request: Request<v1::GetMetricsRequest>) -> Answer<v1::GetMetricsResponse> {
        let text = self.0.outbox.metrics().await.map_err(|e| error::store(&e))?;
        Ok(Response::new(v1::GetMetricsResponse { text }))
    }

    async fn get_status(&self, request: Request<v1::GetStatusRequest>) -> Answer<v1::GetStatusResponse> {
        let viewer = Admitted::of(&request)?;
        Ok(Response::new(status::now(&self.0, &viewer).await?))
    }

    type WatchStatusStream = Watch<v1::WatchStatusResponse>;

    async fn watch_status(
        &self,
        request: Request<v1::WatchStatusRequest>,
    ) -> Answer<Self::WatchStatusStream> {
        let viewer = Admitted::of(&request)?;
        let states = status::watch(self.0.clone(), viewer)
            .map(|status| status.map(|status| v1::WatchStatusResponse { status: Some(status) }));
        Ok(Response::new(until_stopping(states, &self.0.stopping)))
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
        let drafted = registry.draft(&id, &sets, caller.is_administrator()).map_err(error::draft)?;
        let account = drafted.account;
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
        // The tokens at hand fit the draft, else it was refused above.
        let credential = if account.oauth && account.authentication && account.method != Method::Pickup {
            let token = self.0.oauth.access_token(&id, None).await;
            token.map(|token| Some(Credential::AccessToken(token.token))).map_err(|error| error.failure())
        } else {
            Ok(drafted.password.map(Credential::Password))
        };
        let sender = account.effective_sender(&self.0.outbox.host().name);
        let source: Arc<dyn SigningSource> = self.0.certificates.machine().clone();
        let signing = choose(&source, &account, &sender).await;
        let test = Test {
            id,
            account,
            credential,
            signing,
            to: request.to,
            until,
            russian,
            caller: caller.author(),
        };
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
    let advice_text =
        advice.and_then(|code| faxpost_proto::advice::text(code, faxpost_proto::advice::Language::En));
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
