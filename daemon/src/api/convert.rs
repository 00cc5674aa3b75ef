//! Between wire and domain, in one place.

use faxpost_proto::v1;
use prost_types::{FieldMask, Timestamp};
use tonic::Status;

use super::authorize::Admitted;
use super::error;
use crate::accounts::{
    Account, FieldProblem, Method, OauthSettings, Problem, Security, Set, SetOauth, Signing, TlsCheck,
    TlsCheckKind,
};
use crate::approvals;
use crate::audit::{Event, Outcome};
use crate::certs::{Details, Holder, Requirement, SigningRequest, Unmet};
use crate::outbox::{Message, RecipientState, State};
use crate::policy::{APPROVABLE, Cell, Decision, Role};
use crate::secrets::Secret;
use crate::store::AccountRow;

/// Fields in one mask: more than an account has.
pub(super) const MAX_PATHS: usize = 64;

pub(super) fn timestamp(millis: i64) -> Timestamp {
    Timestamp {
        seconds: millis.div_euclid(1000),
        nanos: (millis.rem_euclid(1000) * 1_000_000).try_into().unwrap_or_default(),
    }
}

pub(super) fn millis(timestamp: &Timestamp) -> i64 {
    timestamp.seconds.saturating_mul(1000).saturating_add(i64::from(timestamp.nanos / 1_000_000))
}

pub(super) fn etag(revision: i64) -> String {
    format!("{revision:x}")
}

pub(super) fn revision(etag: &str) -> Result<i64, Status> {
    i64::from_str_radix(etag, 16)
        .ok()
        .filter(|revision| *revision >= 0)
        .ok_or_else(|| error::invalid("etag", "required: the etag of the account as you read it"))
}

/// The account as this caller may see it.
pub(super) fn account(row: &AccountRow, host_name: &str, viewer: &Admitted) -> v1::Account {
    let Account {
        sender_email,
        sender_name,
        method: sending,
        server,
        port,
        security: mode,
        tls_check,
        authentication,
        login,
        plaintext_auth,
        oauth,
        oauth_settings,
        sign,
        certificate,
        pickup_directory,
        ehlo_name,
        mechanism,
        envelope_sender,
        reply_to,
        max_connections,
        messages_per_minute,
        proxy,
        timeout_seconds,
    } = row.account.clone();
    let (check, pin) = match tls_check {
        TlsCheck::System => (v1::TlsCheck::System, String::new()),
        TlsCheck::Pinned(pin) => (v1::TlsCheck::Pinned, hex::encode(pin)),
        TlsCheck::AcceptInvalid => (v1::TlsCheck::AcceptInvalid, String::new()),
    };
    let OauthSettings {
        profile,
        client_id,
        client_secret_expires_at,
        tenant,
        scope,
        authorization_endpoint,
        token_endpoint,
        device_authorization_endpoint,
        revocation_endpoint,
    } = oauth_settings;
    let mut account = v1::Account {
        id: row.id.to_string(),
        etag: etag(row.revision),
        sender_email: if sender_email.is_empty() {
            row.account.effective_sender(host_name)
        } else {
            sender_email
        },
        sender_name: Some(sender_name),
        method: method(sending).into(),
        server,
        port: port.unwrap_or(0).into(),
        effective_port: row.account.effective_port().into(),
        security: security(mode).into(),
        tls_check: check.into(),
        tls_pin: pin,
        authentication,
        login,
        password: String::new(),
        has_password: row.password.is_some(),
        plaintext_auth,
        oauth,
        oauth_profile: profile,
        oauth_client_id: client_id,
        has_oauth_client_secret: row.client_secret.is_some(),
        oauth_client_secret_expire_time: client_secret_expires_at.map(timestamp),
        oauth_tenant: tenant,
        oauth_scope: scope,
        oauth_authorization_endpoint: authorization_endpoint,
        oauth_token_endpoint: token_endpoint,
        oauth_device_authorization_endpoint: device_authorization_endpoint,
        oauth_revocation_endpoint: revocation_endpoint,
        sign: match sign {
            Signing::Off => v1::Signing::Off,
            Signing::Clear => v1::Signing::Clear,
            Signing::Opaque => v1::Signing::Opaque,
        }
        .into(),
        certificate,
        pickup_directory,
        update_time: row.changed.as_ref().map(|(at, _)| timestamp(*at)),
        updated_by: row.changed.as_ref().map(|(_, by)| by.clone()).unwrap_or_default(),
        redacted: Vec::new(),
        ehlo_name,
        mechanism: mechanism.map_or_else(String::new, |mechanism| mechanism.as_str().to_owned()),
        envelope_sender,
        reply_to,
        max_connections,
        messages_per_minute,
        proxy,
        timeout_seconds,
        sender_email_is_default: row.account.sender_email.is_empty(),
        effective_login: row.account.effective_login().to_owned(),
        ..v1::Account::default()
    };
    if !viewer.edits_accounts {
        (account.login, account.effective_login) = (String::new(), String::new());
        account.redacted.push("login".to_owned());
    }
    if !viewer.is_administrator() && !account.pickup_directory.is_empty() {
        account.pickup_directory = String::new();
        account.redacted.push("pickup_directory".to_owned());
    }
    account
}

pub(super) fn method(method: Method) -> v1::Method {
    match method {
        Method::SecureSmtpClient => v1::Method::SecureSmtpClient,
        Method::CdoMessage => v1::Method::CdoMessage,
        Method::SystemNetMail => v1::Method::SystemNetMail,
        Method::Pickup => v1::Method::Pickup,
    }
}

pub(super) fn security(security: Security) -> v1::Security {
    match security {
        Security::None => v1::Security::None,
        Security::Implicit => v1::Security::Implicit,
        Security::Starttls => v1::Security::Starttls,
    }
}

/// The fields of `account` that `mask` names.
pub(super) fn sets(account: v1::Account, mask: Option<&FieldMask>) -> Result<Vec<Set>, Status> {
    read_sets(&account, mask).map_err(|problems| error::fields(&problems))
}

/// The same, with every field that is wrong.
pub(super) fn read_sets(
    account: &v1::Account,
    mask: Option<&FieldMask>,
) -> Result<Vec<Set>, Vec<FieldProblem>> {
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    if paths.len() > MAX_PATHS {
        let text = format!("{} fields are more than the {MAX_PATHS} that can be set at once", paths.len());
        return Err(vec![FieldProblem::new("update_mask", Problem::Invalid, text)]);
    }
    let mut problems = Vec::new();
    let mut sets = Vec::new();
    for path in paths {
        match set(account, path) {
            Ok(set) => sets.push(set),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(sets) } else { Err(problems) }
}

fn set(account: &v1::Account, path: &str) -> Result<Set, FieldProblem> {
    let problem =
        |field: &str, text: String| FieldProblem { field: field.to_owned(), problem: Problem::Invalid, text };
    let number = |field: &str, value: i32| problem(field, format!("{value} is not one of its values"));
    Ok(match path {
        "sender_email" => Set::SenderEmail(account.sender_email.clone()),
        "sender_name" => Set::SenderName(account.sender_name.clone()),
        "method" => Set::Method(match v1::Method::try_from(account.method) {
            Ok(v1::Method::Unspecified) => None,
            Ok(v1::Method::SecureSmtpClient) => Some(Method::SecureSmtpClient),
            Ok(v1::Method::CdoMessage) => Some(Method::CdoMessage),
            Ok(v1::Method::SystemNetMail) => Some(Method::SystemNetMail),
            Ok(v1::Method::Pickup) => Some(Method::Pickup),
            Err(_) => return Err(number(path, account.method)),
        }),
        "server" => Set::Server(account.server.clone()),
        "port" => Set::Port(account.port),
        "security" => Set::Security(match v1::Security::try_from(account.security) {
            Ok(v1::Security::Unspecified) => None,
            Ok(v1::Security::None) => Some(Security::None),
            Ok(v1::Security::Implicit) => Some(Security::Implicit),
            Ok(v1::Security::Starttls) => Some(Security::Starttls),
            Err(_) => return Err(number(path, account.security)),
        }),
        "tls_check" => Set::TlsCheck(match v1::TlsCheck::try_from(account.tls_check) {
            Ok(v1::TlsCheck::Unspecified) => None,
            Ok(v1::TlsCheck::System) => Some(TlsCheckKind::System),
            Ok(v1::TlsCheck::Pinned) => Some(TlsCheckKind::Pinned),
            Ok(v1::TlsCheck::AcceptInvalid) => Some(TlsCheckKind::AcceptInvalid),
            Err(_) => return Err(number(path, account.tls_check)),
        }),
        "tls_pin" => Set::TlsPin(account.tls_pin.clone()),
        "authentication" => Set::Authentication(account.authentication),
        "login" => Set::Login(account.login.clone()),
        "password" => Set::Password(Secret::new(account.password.clone())),
        "plaintext_auth" => Set::PlaintextAuth(account.plaintext_auth),
        "oauth" => Set::Oauth(account.oauth),
        oauth if oauth.starts_with("oauth_") => Set::OauthSetting(set_oauth(account, path)?),
        "sign" => Set::Sign(match v1::Signing::try_from(account.sign) {
            Ok(v1::Signing::Unspecified) => None,
            Ok(v1::Signing::Off) => Some(Signing::Off),
            Ok(v1::Signing::Clear) => Some(Signing::Clear),
            Ok(v1::Signing::Opaque) => Some(Signing::Opaque),
            Err(_) => return Err(number(path, account.sign)),
        }),
        "certificate" => Set::Certificate(account.certificate.clone()),
        "pickup_directory" => Set::PickupDirectory(account.pickup_directory.clone()),
        "ehlo_name" => Set::EhloName(account.ehlo_name.clone()),
        "mechanism" => Set::Mechanism(account.mechanism.clone()),
        "envelope_sender" => Set::EnvelopeSender(account.envelope_sender.clone()),
        "reply_to" => Set::ReplyTo(account.reply_to.clone()),
        "max_connections" => Set::MaxConnections(account.max_connections),
        "messages_per_minute" => Set::MessagesPerMinute(account.messages_per_minute),
        "proxy" => Set::Proxy(account.proxy.clone()),
        "timeout_seconds" => Set::TimeoutSeconds(account.timeout_seconds),
        "id"
        | "etag"
        | "effective_port"
        | "effective_login"
        | "has_password"
        | "has_oauth_client_secret"
        | "update_time"
        | "updated_by"
        | "sender_email_is_default"
        | "redacted" => {
            return Err(problem("update_mask", format!("{path} cannot be set")));
        }
        unknown => return Err(problem("update_mask", format!("an account has no field {unknown:?}"))),
    })
}

fn set_oauth(account: &v1::Account, path: &str) -> Result<SetOauth, FieldProblem> {
    Ok(match path {
        "oauth_profile" => SetOauth::Profile(account.oauth_profile.clone()),
        "oauth_client_id" => SetOauth::ClientId(account.oauth_client_id.clone()),
        "oauth_client_secret" => SetOauth::ClientSecret(Secret::new(account.oauth_client_secret.clone())),
        "oauth_client_secret_expire_time" => {
            SetOauth::ClientSecretExpires(account.oauth_client_secret_expire_time.as_ref().map(millis))
        }
        "oauth_tenant" => SetOauth::Tenant(account.oauth_tenant.clone()),
        "oauth_scope" => SetOauth::Scope(account.oauth_scope.clone()),
        "oauth_authorization_endpoint" => {
            SetOauth::AuthorizationEndpoint(account.oauth_authorization_endpoint.clone())
        }
        "oauth_token_endpoint" => SetOauth::TokenEndpoint(account.oauth_token_endpoint.clone()),
        "oauth_device_authorization_endpoint" => {
            SetOauth::DeviceEndpoint(account.oauth_device_authorization_endpoint.clone())
        }
        "oauth_revocation_endpoint" => {
            SetOauth::RevocationEndpoint(account.oauth_revocation_endpoint.clone())
        }
        unknown => {
            let text = format!("an account has no field {unknown:?}");
            return Err(FieldProblem { field: "update_mask".to_owned(), problem: Problem::Invalid, text });
        }
    })
}

pub(super) fn message(message: Message) -> v1::Message {
    v1::Message {
        id: message.id,
        message_id: message.message_id,
        account: message.account,
        caller: message.caller_name,
        state: state(message.state).into(),
        sender: message.sender,
        subject: message.subject,
        recipients: message
            .recipients
            .into_iter()
            .map(|recipient| v1::Recipient {
                address: recipient.address,
                state: match recipient.state {
                    RecipientState::Pending => v1::RecipientState::Pending,
                    RecipientState::Delivered => v1::RecipientState::Delivered,
                    RecipientState::Failed => v1::RecipientState::Failed,
                    RecipientState::Cancelled => v1::RecipientState::Cancelled,
                }
                .into(),
                answer: recipient.answer,
            })
            .collect(),
        size: message.size.try_into().unwrap_or(i64::MAX),
        attempts: message.attempts.try_into().unwrap_or(i32::MAX),
        accept_time: Some(timestamp(message.accepted_at)),
        next_attempt_time: message.next_attempt_at.map(timestamp),
        expire_time: Some(timestamp(message.expires_at)),
        last_error: message.last_error,
        last_error_reason: message.last_error_reason,
        held_for: message.held_for,
    }
}

fn state(state: State) -> v1::MessageState {
    match state {
        State::Queued => v1::MessageState::Queued,
        State::Sending => v1::MessageState::Sending,
        State::Held => v1::MessageState::Held,
        State::Delivered => v1::MessageState::Delivered,
        State::Failed => v1::MessageState::Failed,
        State::Cancelled => v1::MessageState::Cancelled,
    }
}

pub(super) fn rule(method: &str, cells: [Cell; 3]) -> v1::PolicyRule {
    let cell = |cell: Cell| v1::PolicyCell {
        role: role(cell.role).into(),
        decision: match cell.decision {
            Decision::Allow => v1::Decision::Allow,
            Decision::Deny => v1::Decision::Deny,
            Decision::Approval => v1::Decision::Approval,
        }
        .into(),
        changed: cell.changed,
    };
    let approvable = APPROVABLE.contains(&method);
    v1::PolicyRule { method: method.to_owned(), cells: cells.map(cell).to_vec(), approvable }
}

pub(super) fn role(role: Role) -> v1::Role {
    match role {
        Role::Administrator => v1::Role::Administrator,
        Role::Service => v1::Role::Service,
        Role::User => v1::Role::User,
    }
}

pub(super) fn request(request: approvals::Request) -> v1::Request {
    use approvals::State;
    v1::Request {
        number: request.number,
        method: request.method,
        state: match request.state {
            State::Pending => v1::RequestState::Pending,
            State::Approved => v1::RequestState::Approved,
            State::Done => v1::RequestState::Done,
            State::Failed => v1::RequestState::Failed,
            State::Refused => v1::RequestState::Refused,
            State::Expired => v1::RequestState::Expired,
            State::Withdrawn => v1::RequestState::Withdrawn,
        }
        .into(),
        caller_name: request.caller_name,
        caller_id: request.caller_id,
        create_time: Some(timestamp(request.created_at)),
        expire_time: Some(timestamp(request.expires_at)),
        summary: request.summary,
        effects: request
            .effects
            .into_iter()
            .map(|effect| v1::RequestEffect { name: effect.name, value: effect.value })
            .collect(),
        digest: hex::encode(request.digest),
        decided_by: request.decider_name,
        decide_time: request.decided_at.map(timestamp),
        decision_text: request.decision_text,
        outcome_reason: request.outcome_reason,
        outcome_text: request.outcome_text,
    }
}

pub(super) fn request_state(number: i32) -> Result<approvals::State, Status> {
    use approvals::State;
    Ok(match v1::RequestState::try_from(number) {
        Ok(v1::RequestState::Pending) => State::Pending,
        Ok(v1::RequestState::Approved) => State::Approved,
        Ok(v1::RequestState::Done) => State::Done,
        Ok(v1::RequestState::Failed) => State::Failed,
        Ok(v1::RequestState::Refused) => State::Refused,
        Ok(v1::RequestState::Expired) => State::Expired,
        Ok(v1::RequestState::Withdrawn) => State::Withdrawn,
        Ok(v1::RequestState::Unspecified) | Err(_) => {
            return Err(error::invalid("states", format!("{number} is not a state of a request")));
        }
    })
}

pub(super) fn audit_entry(id: i64, event: Event) -> v1::AuditEntry {
    v1::AuditEntry {
        id,
        time: Some(timestamp(event.at)),
        caller_name: event.caller_name,
        caller_id: event.caller_id,
        role: event.role,
        origin: event.origin,
        method: event.method,
        target: event.target,
        outcome: match event.outcome {
            Outcome::Done => v1::AuditOutcome::Done,
            Outcome::Denied => v1::AuditOutcome::Denied,
            Outcome::Failed => v1::AuditOutcome::Failed,
            Outcome::Pending => v1::AuditOutcome::Pending,
        }
        .into(),
        reason: event.reason,
        request: event.request,
    }
}

/// A certificate by itself, without what only the store knows of it.
pub(super) fn certificate(details: &Details, der: &[u8]) -> v1::Certificate {
    let now = jiff::Timestamp::now().as_second();
    let days_left = (details.not_after.saturating_sub(now)).div_euclid(86_400);
    v1::Certificate {
        sha256: details.fingerprint(),
        sha1: hex::encode(details.sha1),
        subject: details.subject.clone(),
        issuer: details.issuer.clone(),
        serial: details.serial.clone(),
        not_before: Some(timestamp(details.not_before.saturating_mul(1000))),
        not_after: Some(timestamp(details.not_after.saturating_mul(1000))),
        days_left: days_left.clamp(i32::MIN.into(), i32::MAX.into()).try_into().unwrap_or_default(),
        addresses: details.addresses.clone(),
        key_usage: details.key_usage.clone().unwrap_or_default(),
        extended_key_usage: details.extended_key_usage.clone().unwrap_or_default(),
        key_algorithm: details.key_algorithm.clone(),
        signature_algorithm: details.signature_algorithm.clone(),
        der: der.to_vec().into(),
        ..v1::Certificate::default()
    }
}

pub(super) fn holder(holder: &Holder) -> v1::KeyHolder {
    v1::KeyHolder {
        id: holder.trustee.id.clone(),
        name: holder.trustee.name.clone(),
        access: if holder.full { "full" } else { "read" }.to_owned(),
        builtin: holder.builtin,
    }
}

pub(super) fn unmet(unmet: &Unmet) -> v1::UnmetRequirement {
    let requirement = match unmet.requirement {
        Requirement::Address => v1::Requirement::Address,
        Requirement::Period => v1::Requirement::Period,
        Requirement::KeyUsage => v1::Requirement::KeyUsage,
        Requirement::ExtendedKeyUsage => v1::Requirement::ExtendedKeyUsage,
        Requirement::Algorithm => v1::Requirement::Algorithm,
        Requirement::Chain => v1::Requirement::Chain,
        Requirement::Trust => v1::Requirement::Trust,
        Requirement::Key => v1::Requirement::Key,
        Requirement::KeyAccess => v1::Requirement::KeyAccess,
        Requirement::Revocation => v1::Requirement::Revocation,
    };
    v1::UnmetRequirement { requirement: requirement.into(), text: unmet.text.clone() }
}

pub(super) fn signing_request(request: SigningRequest) -> v1::SigningRequest {
    v1::SigningRequest {
        id: hex::encode(request.id),
        subject: request.subject,
        addresses: request.addresses,
        key_algorithm: request.key_algorithm,
        create_time: Some(timestamp(request.created_at)),
        created_by: request.created_by,
        pem: request.pem,
    }
}
