//! `faxpost.v1.Accounts`, finding a server: presets, and proposals for an address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use faxpost_proto::{reason, v1};
use prost_types::FieldMask;
use tonic::{Code, Request, Response, Status};

use super::authorize::Admitted;
use super::{App, convert, error};
use crate::accounts::Method;
use crate::accounts::discover::{Proposal, Trust, Wanted};
use crate::accounts::presets::{Password, Preset, presets};
use crate::mailer::discovery::Lookup;

type Answer<T> = Result<Response<T>, Status>;

/// Look-ups under way of one caller: each asks strangers a handful of questions, in the name of this machine.
const OF_A_CALLER: usize = 4;

/// The same of all callers.
const IN_ALL: usize = 16;

/// Look-ups under way, by caller.
#[derive(Clone, Default)]
pub struct Lookups(Arc<Mutex<HashMap<String, usize>>>);

/// One of them, until it is dropped.
struct UnderWay {
    all: Lookups,
    caller: String,
}

impl Lookups {
    /// `None`: that would be one too many.
    fn begin(&self, caller: &str) -> Option<UnderWay> {
        let mut all = self.all();
        let own = all.get(caller).copied().unwrap_or_default();
        if own >= OF_A_CALLER || all.values().sum::<usize>() >= IN_ALL {
            return None;
        }
        all.insert(caller.to_owned(), own + 1);
        Some(UnderWay { all: self.clone(), caller: caller.to_owned() })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = self.all.all();
        match all.get_mut(&self.caller) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(all.remove(&self.caller)),
        }
    }
}

pub(super) fn list() -> v1::ListPresetsResponse {
    let presets = presets().map(|preset| {
        let mut settings = Settings::default();
        settings.server(preset.server, preset.port, preset.security);
        settings.provider(Some(&preset));
        let (account, update_mask) = settings.end();
        v1::Preset {
            id: preset.id.to_owned(),
            title: preset.title.to_owned(),
            domains: texts(preset.domains),
            account,
            update_mask,
            password: preset.password != Password::None,
            app_password: preset.password == Password::App,
            oauth_profile: if preset.oauth { preset.id.to_owned() } else { String::new() },
            notes: texts(preset.notes),
        }
    });
    v1::ListPresetsResponse { presets: presets.collect() }
}

pub(super) async fn discover(
    app: &App,
    request: Request<v1::DiscoverAccountRequest>,
) -> Answer<v1::DiscoverAccountResponse> {
    let caller = Admitted::of(&request)?;
    let request = request.into_inner();
    let wanted = Wanted::parse(&request.address).map_err(|why| error::invalid("address", why))?;
    let found = match wanted.known() {
        Some(known) => known,
        None => {
            let Some(_under_way) = app.lookups.begin(&caller.caller.id) else {
                let text = "too many servers are being looked for, for you or for all callers; wait for one of these calls to end";
                return Err(error::status(Code::ResourceExhausted, reason::TOO_MANY_CALLS, text));
            };
            let settings = &app.config.discovery;
            let lookup = Lookup {
                domain: wanted.domain().to_owned(),
                dns_server: settings.dns_server,
                https_port: settings.https_port,
                private_addresses: settings.private_addresses,
            };
            wanted.judge(app.mailer.discover(lookup).await)
        }
    };
    let sources = found.sources.into_iter().map(|source| v1::DiscoverySource {
        name: source.name,
        found: source.found.try_into().unwrap_or(i32::MAX),
        text: source.text,
    });
    Ok(Response::new(v1::DiscoverAccountResponse {
        proposals: found.proposals.into_iter().map(proposal).collect(),
        sources: sources.collect(),
    }))
}

fn proposal(proposal: Proposal) -> v1::Proposal {
    let password = proposal.password();
    let mut settings = Settings::default();
    settings.account.sender_email = proposal.sender_email;
    settings.fields.push("sender_email");
    settings.server(&proposal.server, proposal.port, proposal.security);
    if let Some(login) = proposal.login {
        settings.account.login = login;
        settings.fields.push("login");
        settings.provider(proposal.preset.as_ref());
    } else {
        settings.account.authentication = false;
    }
    let (account, update_mask) = settings.end();
    let preset = proposal.preset.as_ref();
    v1::Proposal {
        account,
        update_mask,
        trust: match proposal.trust {
            Trust::BuiltIn => v1::Trust::BuiltIn,
            Trust::Authenticated => v1::Trust::Authenticated,
            Trust::SameDomain => v1::Trust::SameDomain,
            Trust::Unconfirmed => v1::Trust::Unconfirmed,
        }
        .into(),
        source: proposal.source,
        preset: preset.map_or_else(String::new, |preset| preset.id.to_owned()),
        password: password != Password::None,
        app_password: password == Password::App,
        notes: preset.map_or_else(Vec::new, |preset| texts(preset.notes)),
    }
}

/// Settings to propose, and which they are.
#[derive(Default)]
struct Settings {
    account: v1::Account,
    fields: Vec<&'static str>,
}

impl Settings {
    fn server(&mut self, server: &str, port: u16, security: crate::accounts::Security) {
        self.account.method = convert::method(Method::SecureSmtpClient).into();
        self.account.server = server.to_owned();
        // A port that is the usual one is not chosen: it may follow the mode.
        self.account.port = if port == security.usual_port() { 0 } else { port.into() };
        self.account.effective_port = port.into();
        self.account.security = convert::security(security).into();
        self.account.authentication = true;
        self.fields.extend(["method", "server", "port", "security", "authentication"]);
    }

    /// What else is known of it.
    fn provider(&mut self, preset: Option<&Preset>) {
        let Some(preset) = preset else { return };
        if preset.oauth {
            // Also beside a password: whoever switches to OAuth 2.0 finds it filled in.
            self.account.oauth_profile = preset.id.to_owned();
            self.fields.push("oauth_profile");
        }
        if preset.password == Password::None {
            self.account.oauth = true;
            self.fields.push("oauth");
        }
        if preset.messages_per_minute > 0 {
            self.account.messages_per_minute = preset.messages_per_minute;
            self.fields.push("messages_per_minute");
        }
    }

    fn end(self) -> (Option<v1::Account>, Option<FieldMask>) {
        let paths = self.fields.into_iter().map(str::to_owned).collect();
        (Some(self.account), Some(FieldMask { paths }))
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h5_look_ups_are_few_at_once_of_a_caller_and_of_all() {
        let lookups = Lookups::default();
        let mut own: Vec<_> = (0..OF_A_CALLER).filter_map(|_| lookups.begin("uid:1")).collect();
        assert_eq!(own.len(), OF_A_CALLER);
        assert!(lookups.begin("uid:1").is_none());
        drop(own.pop());
        own.extend(lookups.begin("uid:1"));
        let others: Vec<_> = (0..100).filter_map(|n| lookups.begin(&format!("uid:{}", 2 + n))).collect();
        assert_eq!(own.len() + others.len(), IN_ALL);
        drop((own, others));
        assert!(lookups.all().is_empty());
    }
}
