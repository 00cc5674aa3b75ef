//! The settings of one account while somebody edits them: what is saved, what is changed here, what somebody else changes
//! meanwhile, and what the daemon said about it.

pub mod fields;
pub mod matrix;

use std::collections::{BTreeMap, BTreeSet};

use faxpost_proto::v1::{Account, OAuthProfile, UpdateAccountRequest};
use prost_types::FieldMask;
use zeroize::Zeroizing;

/// What an arriving account did to the form.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is the first one.
    First,
    /// Nothing that can be seen is different.
    Same,
    /// Somebody else changed these fields, and they are shown now.
    Merged(Vec<&'static str>),
    /// Somebody else changed these fields, which are changed here, too: a person must choose.
    Conflict(Vec<&'static str>),
}

/// The form.
#[derive(Default)]
pub struct Form {
    /// As the daemon has it.
    saved: Option<Account>,
    /// As it is shown.
    draft: Account,
    /// The new password while it is typed. Empty: forget the stored one.
    password: Option<Zeroizing<String>>,
    /// The new secret of the OAuth client, likewise.
    client_secret: Option<Zeroizing<String>>,
    /// What was typed where a number is wanted, and is none.
    raw: BTreeMap<&'static str, String>,
    errors: BTreeMap<String, String>,
    conflicts: BTreeSet<&'static str>,
    /// Who changed them.
    conflict_by: String,
}

impl Form {
    /// As the daemon has it; `None` before it was read.
    #[must_use]
    pub fn saved(&self) -> Option<&Account> {
        self.saved.as_ref()
    }

    /// As it is shown.
    #[must_use]
    pub fn draft(&self) -> &Account {
        &self.draft
    }

    /// The account as the daemon tells it now: what is changed here stays changed.
    pub fn arrive(&mut self, account: Account) -> Arrival {
        let Some(before) = self.saved.replace(account) else {
            self.draft = self.saved.clone().unwrap_or_default();
            return Arrival::First;
        };
        let now = self.saved.as_ref().unwrap_or(&before);
        let mut merged = Vec::new();
        for field in fields::ALL.iter().copied().filter(|field| !fields::same(&before, now, field)) {
            let untouched = fields::same(&self.draft, &before, field) && !self.raw.contains_key(field);
            if untouched {
                fields::copy(now, &mut self.draft, field);
                merged.push(field);
            } else if fields::same(&self.draft, now, field) {
                // Both want the same.
                self.conflicts.remove(field);
            } else {
                self.conflicts.insert(field);
                self.conflict_by.clone_from(&now.updated_by);
            }
        }
        // What only the daemon knows.
        self.draft.etag.clone_from(&now.etag);
        self.draft.effective_port = now.effective_port;
        self.draft.has_password = now.has_password;
        self.draft.has_oauth_client_secret = now.has_oauth_client_secret;
        self.draft.redacted.clone_from(&now.redacted);
        match (merged.is_empty(), self.conflicts.is_empty()) {
            (_, false) => Arrival::Conflict(self.conflicts.iter().copied().collect()),
            (false, true) => Arrival::Merged(merged),
            (true, true) => Arrival::Same,
        }
    }

    /// Another account is chosen: begins anew.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// A line was typed.
    pub fn edit(&mut self, field: &str, value: &str) {
        let Some(field) = fields::ALL.iter().copied().find(|known| *known == field) else { return };
        self.errors.remove(field);
        if fields::set_text(&mut self.draft, field, value) {
            self.raw.remove(field);
        } else {
            self.raw.insert(field, value.to_owned());
        }
        self.settle(field);
    }

    /// A switch was turned.
    pub fn switch(&mut self, field: &str, on: bool) {
        fields::set_switch(&mut self.draft, field, on);
        self.settle_named(field);
        // OAuth 2.0 is a way to authenticate.
        if field == "oauth" && on {
            self.draft.authentication = true;
        }
        if field == "authentication" && !on {
            self.draft.oauth = false;
        }
    }

    /// A value of an enum was chosen.
    pub fn choose(&mut self, field: &str, value: i32) {
        fields::choose(&mut self.draft, field, value);
        self.settle_named(field);
    }

    /// A moment was chosen.
    pub fn set_secret_expiry(&mut self, time: Option<prost_types::Timestamp>) {
        self.draft.oauth_client_secret_expire_time = time;
        self.settle_named("oauth_client_secret_expire_time");
    }

    /// The secret of this field is being typed; `None`: it stays as it is.
    pub fn secret(&mut self, field: &str, secret: Option<Zeroizing<String>>) {
        self.errors.remove(field);
        match field {
            "password" => self.password = secret,
            "oauth_client_secret" => self.client_secret = secret,
            _ => {}
        }
    }

    /// Whether that secret is being typed.
    #[must_use]
    pub fn is_typed(&self, field: &str) -> bool {
        match field {
            "password" => self.password.is_some(),
            "oauth_client_secret" => self.client_secret.is_some(),
            _ => false,
        }
    }

    /// Takes over what a provider's profile says. A proposal: it is saved by [`Self::update`] only.
    pub fn fill_in(&mut self, profile: &OAuthProfile) {
        if profile.server.is_empty() {
            return;
        }
        self.draft.server.clone_from(&profile.server);
        // The usual port of the mode needs no choice.
        self.draft.port = if profile.port == usual_port(profile.security) { 0 } else { profile.port };
        self.raw.remove("port");
        self.draft.security = profile.security;
        self.draft.authentication = true;
        self.draft.oauth_profile.clone_from(&profile.id);
        if self.draft.sender_email.contains('@') && self.draft.login.is_empty() {
            // The known providers want the whole address.
            self.draft.login.clone_from(&self.draft.sender_email);
        }
        if self.draft.method() == faxpost_proto::v1::Method::Pickup {
            self.draft.set_method(faxpost_proto::v1::Method::SecureSmtpClient);
        }
        self.errors.clear();
    }

    /// Takes over these fields of settings that were found, as one would have typed them.
    pub fn take_over(&mut self, found: &Account, paths: &[String]) {
        for field in fields::ALL.iter().copied().filter(|field| paths.iter().any(|path| path == field)) {
            fields::copy(found, &mut self.draft, field);
            self.raw.remove(field);
            self.settle(field);
        }
        // The usual port of the mode needs no choice.
        if self.draft.port == usual_port(self.draft.security) {
            self.draft.port = 0;
        }
        self.errors.clear();
    }

    /// Fields that are not saved yet.
    #[must_use]
    pub fn changed(&self) -> Vec<&'static str> {
        let Some(saved) = &self.saved else { return Vec::new() };
        let mut changed: Vec<_> =
            fields::ALL.iter().copied().filter(|field| self.is_changed_from(saved, field)).collect();
        changed.extend(self.password.is_some().then_some("password"));
        changed.extend(self.client_secret.is_some().then_some("oauth_client_secret"));
        changed
    }

    /// Whether this field is not saved yet.
    #[must_use]
    pub fn is_changed(&self, field: &str) -> bool {
        self.is_typed(field) || self.saved.as_ref().is_some_and(|saved| self.is_changed_from(saved, field))
    }

    /// What is in the line of this field.
    #[must_use]
    pub fn text(&self, field: &str) -> String {
        self.raw.get(field).cloned().unwrap_or_else(|| fields::text(&self.draft, field))
    }

    /// Whether this field wants a number, and has none.
    #[must_use]
    pub fn is_no_number(&self, field: &str) -> bool {
        self.raw.contains_key(field)
    }

    /// Whether it can be applied as it is.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.raw.is_empty()
    }

    /// What the daemon said is wrong with a field, in its English; empty: nothing.
    #[must_use]
    pub fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// Takes what the daemon said about fields. Those that this page does not show are given back.
    pub fn refused(&mut self, violations: Vec<(String, String)>) {
        self.errors = violations.into_iter().collect();
    }

    /// Fields that somebody else changed, too, and who.
    #[must_use]
    pub fn conflicts(&self) -> (Vec<&'static str>, &str) {
        (self.conflicts.iter().copied().collect(), &self.conflict_by)
    }

    /// What is shown here counts.
    pub fn keep_mine(&mut self) {
        self.conflicts.clear();
    }

    /// What somebody else saved counts.
    pub fn take_theirs(&mut self) {
        let Some(saved) = &self.saved else { return };
        for field in std::mem::take(&mut self.conflicts) {
            fields::copy(saved, &mut self.draft, field);
            self.raw.remove(field);
            self.errors.remove(field);
        }
    }

    /// Back to what is saved.
    pub fn revert(&mut self) {
        if let Some(saved) = &self.saved {
            self.draft.clone_from(saved);
        }
        self.password = None;
        self.client_secret = None;
        self.raw.clear();
        self.errors.clear();
        self.conflicts.clear();
    }

    /// The unsaved changes as message and mask, with the secrets that are typed.
    #[must_use]
    pub fn unsaved(&self) -> (Account, FieldMask) {
        let mut account = self.draft.clone();
        if let Some(password) = &self.password {
            account.password = password.to_string();
        }
        if let Some(secret) = &self.client_secret {
            account.oauth_client_secret = secret.to_string();
        }
        (account, FieldMask { paths: self.changed().into_iter().map(str::to_owned).collect() })
    }

    /// What saves the changes. The secrets go with it, and are not kept.
    #[must_use]
    pub fn update(&mut self) -> UpdateAccountRequest {
        let (account, mask) = self.unsaved();
        self.password = None;
        self.client_secret = None;
        UpdateAccountRequest { account: Some(account), update_mask: Some(mask), validate_only: false }
    }

    /// It was saved so.
    pub fn applied(&mut self, account: Account) {
        self.errors.clear();
        self.conflicts.clear();
        self.draft.clone_from(&account);
        self.saved = Some(account);
    }

    fn is_changed_from(&self, saved: &Account, field: &str) -> bool {
        self.raw.contains_key(field) || !fields::same(&self.draft, saved, field)
    }

    fn settle_named(&mut self, field: &str) {
        if let Some(field) = fields::ALL.iter().copied().find(|known| *known == field) {
            self.errors.remove(field);
            self.settle(field);
        }
    }

    /// A field that is as it is saved has no conflict.
    fn settle(&mut self, field: &'static str) {
        if self.saved.as_ref().is_some_and(|saved| !self.is_changed_from(saved, field)) {
            self.conflicts.remove(field);
        }
    }
}

/// The usual port of a security mode.
#[must_use]
pub fn usual_port(security: i32) -> u32 {
    use faxpost_proto::v1::Security;
    match Security::try_from(security) {
        Ok(Security::Implicit) => 465,
        Ok(Security::Starttls) => 587,
        _ => 25,
    }
}

/// The provider that serves the domain of this address, unless the account is set up for it already.
#[must_use]
pub fn proposal<'a>(account: &Account, profiles: &'a [OAuthProfile]) -> Option<&'a OAuthProfile> {
    let (_, domain) = account.sender_email.rsplit_once('@')?;
    let profile = profiles.iter().find(|profile| {
        !profile.server.is_empty() && profile.domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
    })?;
    (!profile.server.eq_ignore_ascii_case(&account.server)).then_some(profile)
}

#[cfg(test)]
mod tests;
