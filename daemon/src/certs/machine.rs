//! The certificates of this machine as they are now: what is there, and which of it signs for whom.
//!
//! Reading a store, its authorities and every chain takes milliseconds, and mail is signed far more often than certificates
//! change: what was read is kept for a little while, and read anew after every change that was made here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::candidates::{KeyState, Requirement, Unmet, judge, same_address, sort};
use tokio::sync::watch;

use super::chain::{Chain, build, day};
use super::choose::Chosen;
use super::fault::CertificateError;
use super::key::KeyReference;
use super::read::Details;
use super::store::{Authorities, CertificateStore, Fingerprint, Holder, Stored, Trustee};
use crate::alarm::Alarm;

/// How long what was read is good. An administrator who changes the store by other means sees it so much later.
const FRESH: Duration = Duration::from_secs(10);

/// Digits of a fingerprint that name a certificate at least.
const SHORTEST_NAME: usize = 8;

/// The certificates of this machine. Every call may touch the disk: not on the async runtime's own threads.
pub struct Machine {
    pub(super) store: Arc<dyn CertificateStore>,
    account: Option<String>,
    view: Mutex<Option<(Instant, Arc<View>)>>,
    /// Counts the changes that were made here.
    pub(super) changes: watch::Sender<u64>,
}

/// What was read at once.
struct View {
    entries: Vec<Entry>,
    known: Authorities,
}

/// A certificate of the machine's store, with what is known of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As it is stored.
    pub stored: Stored,
    /// Read.
    pub details: Details,
    /// Up to its root.
    pub chain: Chain,
}

/// A certificate that was judged for a sender.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Read.
    pub details: Details,
    /// As it is stored; `None`: it came with the request.
    pub stored: Option<Stored>,
    /// DER.
    pub certificate: Vec<u8>,
    /// What it does not meet; empty: it can sign.
    pub unmet: Vec<Unmet>,
}

impl Machine {
    /// The machine's certificates; `account`: who signs, as the configuration names him.
    #[must_use]
    pub fn new(store: Arc<dyn CertificateStore>, account: Option<String>) -> Self {
        Self { store, account, view: Mutex::new(None), changes: watch::Sender::new(0) }
    }

    /// All of them, those that end last first.
    ///
    /// # Errors
    /// See [`CertificateError`]; so with all of them.
    pub fn entries(&self) -> Result<Vec<Entry>, CertificateError> {
        Ok(self.view()?.entries.clone())
    }

    /// The account of the operating system that mail is signed under.
    pub fn service_account(&self) -> Result<Trustee, CertificateError> {
        Ok(match &self.account {
            Some(account) => self.store.trustee(account)?,
            None => self.store.service_account()?,
        })
    }

    /// An account of the operating system; empty: the service account.
    pub fn trustee(&self, text: &str) -> Result<Trustee, CertificateError> {
        match text.trim() {
            "" => self.service_account(),
            text if text.len() > 512 || text.contains(char::is_control) => Err(
                CertificateError::TrusteeUnknown(text.chars().filter(|c| !c.is_control()).take(64).collect()),
            ),
            text => Ok(self.store.trustee(text)?),
        }
    }

    /// The one with this fingerprint: SHA-256 or SHA-1, hex in any writing, or a beginning that is clear.
    pub fn find(&self, fingerprint: &str) -> Result<Entry, CertificateError> {
        let wanted = normal(fingerprint).ok_or_else(|| {
            let text = "a fingerprint is written in hexadecimal digits: 64 of SHA-256, 40 of SHA-1, or at least the \
                        first 8 of either";
            CertificateError::invalid("fingerprint", text)
        })?;
        let view = self.view()?;
        let named = |entry: &&Entry| {
            hex::encode(entry.details.sha256).starts_with(&wanted)
                || hex::encode(entry.details.sha1).starts_with(&wanted)
        };
        let mut found = view.entries.iter().filter(named);
        match (found.next(), found.next()) {
            (Some(entry), None) => Ok(entry.clone()),
            (None, _) => Err(CertificateError::NotFound(wanted)),
            (Some(_), Some(_)) => {
                let text = format!("{wanted} is the beginning of several fingerprints; give more of it");
                Err(CertificateError::invalid("fingerprint", text))
            }
        }
    }

    /// The one with exactly this fingerprint, if it is there.
    pub fn get(&self, certificate: &Fingerprint) -> Result<Entry, CertificateError> {
        let view = self.view()?;
        let found = view.entries.iter().find(|entry| entry.details.sha256 == *certificate);
        found.cloned().ok_or_else(|| CertificateError::NotFound(hex::encode(certificate)))
    }

    /// Who may use the key of a certificate; nobody, if it has none.
    pub fn holders(&self, entry: &Entry) -> Result<Vec<Holder>, CertificateError> {
        entry.stored.key.as_ref().map_or_else(|| Ok(Vec::new()), |key| Ok(self.store.holders(key)?))
    }

    /// Judges all of the store, and `others` as if they were in it, for a sender; the best first.
    pub fn candidates(&self, sender: &str, others: &[Vec<u8>]) -> Result<Vec<Candidate>, CertificateError> {
        let view = self.view()?;
        let account = self.service_account()?;
        let now = now();
        let mut candidates = Vec::new();
        for entry in &view.entries {
            let unmet = self.unmet(entry, &account, sender, now);
            candidates.push(Candidate {
                details: entry.details.clone(),
                stored: Some(entry.stored.clone()),
                certificate: entry.stored.certificate.clone(),
                unmet,
            });
        }
        for (at, der) in others.iter().enumerate() {
            let wrong = |what| CertificateError::invalid("certificates", format!("number {} {what}", at + 1));
            let details = Details::read(der).map_err(wrong)?;
            if candidates.iter().any(|candidate| candidate.details.sha256 == details.sha256) {
                continue;
            }
            // What the caller has beside it may be its chain.
            let chain = build(der, others, &view.known, now).map_err(wrong)?;
            let unmet = judge(&details, &chain, KeyState::NotAsked, sender, now);
            candidates.push(Candidate { details, stored: None, certificate: der.clone(), unmet });
        }
        sort(&mut candidates, |candidate| (&candidate.details, &candidate.unmet));
        Ok(candidates)
    }

    /// The certificate that signs for `sender`: the configured one, or the best that fits.
    ///
    /// # Errors
    /// [`CertificateError::NoneUsable`] names every unmet requirement; mail waits then (requirement C8).
    pub fn signer(&self, sender: &str, configured: &str) -> Result<Chosen, CertificateError> {
        let view = self.view()?;
        let account = self.service_account()?;
        let now = now();
        if !configured.is_empty() {
            let named = view.entries.iter().find(|entry| hex::encode(entry.details.sha256) == configured);
            let entry = named.ok_or_else(|| {
                let text =
                    format!("the certificate {configured} that is to sign is not in the machine's store");
                CertificateError::NoneUsable(text)
            })?;
            let unmet = self.unmet(entry, &account, sender, now);
            return match (&entry.stored.key, unmet.as_slice()) {
                (Some(key), []) => Ok(chosen(entry, key)),
                _ => Err(CertificateError::NoneUsable(refusal(&entry.details, &unmet))),
            };
        }
        // In the order of preference, and each judged only until one fits: this is done for every message.
        let mut order: Vec<_> = view.entries.iter().collect();
        order.sort_by_key(|entry| (std::cmp::Reverse(entry.details.not_after), entry.details.sha256));
        for entry in &order {
            let named = entry.details.addresses.iter().any(|address| same_address(address, sender));
            if let Some(key) = &entry.stored.key
                && named
                && self.unmet(entry, &account, sender, now).is_empty()
            {
                return Ok(chosen(entry, key));
            }
        }
        let best = self.candidates(sender, &[])?;
        let text = best.first().map_or_else(
            || format!("no certificate is in the machine's store that could sign for {sender}"),
            |best| {
                format!(
                    "no certificate can sign for {sender}; the best: {}",
                    refusal(&best.details, &best.unmet)
                )
            },
        );
        Err(CertificateError::NoneUsable(text))
    }

    /// What an administrator should know of the certificate that signs for `sender`.
    pub fn alarm(&self, sender: &str, configured: &str) -> Option<Alarm> {
        let chosen = match self.signer(sender, configured) {
            Ok(chosen) => chosen,
            Err(error) => {
                return Some(Alarm::new(
                    "CERTIFICATE_UNUSABLE",
                    format!("mail waits and is not sent: {error}"),
                ));
            }
        };
        let details = Details::read(&chosen.certificate).ok()?;
        let days = (details.not_after - now()).div_euclid(86_400);
        let on = day(details.not_after);
        let ends = match days {
            ..1 => format!("ends in less than a day, on {on}"),
            1 => format!("ends in a day, on {on}"),
            2..=30 => format!("ends in {days} days, on {on}"),
            _ => return None,
        };
        let text = format!(
            "the signing certificate {} {ends}: after that mail waits; install its successor before",
            details.subject
        );
        Some(Alarm::before(details.not_after.saturating_mul(1000), "CERTIFICATE_EXPIRING", text))
    }

    /// What `entry` does not meet for this sender.
    pub(super) fn unmet(&self, entry: &Entry, account: &Trustee, sender: &str, now: i64) -> Vec<Unmet> {
        let state = match &entry.stored.key {
            None => KeyState::Missing,
            Some(key) => match self.store.may_use(key, account) {
                Ok(true) => KeyState::Usable,
                Ok(false) => KeyState::Denied(&account.name),
                Err(error) => {
                    tracing::warn!(certificate = hex::encode(entry.details.sha256), %error, "who may use a key is unknown");
                    KeyState::Denied(&account.name)
                }
            },
        };
        judge(&entry.details, &entry.chain, state, sender, now)
    }

    /// Reads everything anew at the next call.
    pub fn refresh(&self) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Tells those who wait for a certificate or a key that something changed.
    pub(super) fn changed(&self) {
        self.refresh();
        self.changes.send_modify(|count| *count += 1);
    }

    fn view(&self) -> Result<Arc<View>, CertificateError> {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, fresh)) = &*view
            && at.elapsed() < FRESH
        {
            return Ok(fresh.clone());
        }
        let known = self.store.authorities()?;
        let now = now();
        let mut entries = Vec::new();
        for stored in self.store.list()? {
            let read = Details::read(&stored.certificate)
                .and_then(|details| Ok((build(&stored.certificate, &stored.chain, &known, now)?, details)));
            match read {
                Ok((chain, details)) => entries.push(Entry { stored, details, chain }),
                Err(why) => tracing::warn!(why, "a certificate of the machine's store cannot be read"),
            }
        }
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.details.not_after), entry.details.sha256));
        let fresh = Arc::new(View { entries, known });
        *view = Some((Instant::now(), fresh.clone()));
        Ok(fresh)
    }

    /// The chain of a certificate that is not in the store.
    pub(super) fn chain_of(
        &self,
        certificate: &[u8],
        with_it: &[Vec<u8>],
    ) -> Result<Chain, CertificateError> {
        let view = self.view()?;
        build(certificate, with_it, &view.known, now())
            .map_err(|what| CertificateError::invalid("certificate", format!("the certificate {what}")))
    }

    /// Why this certificate cannot be chosen for this sender: what its end and the key's rights cannot change later.
    pub(crate) fn unfit(
        &self,
        fingerprint: &Fingerprint,
        sender: &str,
    ) -> Result<Option<String>, CertificateError> {
        let entry = match self.get(fingerprint) {
            Ok(entry) => entry,
            Err(error @ CertificateError::NotFound(_)) => return Ok(Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let account = self.service_account()?;
        let mut unmet = self.unmet(&entry, &account, sender, now());
        unmet.retain(|unmet| ![Requirement::Period, Requirement::KeyAccess].contains(&unmet.requirement));
        Ok((!unmet.is_empty()).then(|| refusal(&entry.details, &unmet)))
    }
}

/// What the mailer needs of a certificate. Without the root: who trusts it has it.
fn chosen(entry: &Entry, key: &KeyReference) -> Chosen {
    let above = entry.chain.links.iter().skip(1).filter(|link| !link.trusted_root);
    Chosen {
        certificate: entry.stored.certificate.clone(),
        chain: above.map(|link| link.certificate.clone()).collect(),
        key: key.clone(),
    }
}

/// A certificate and all that keeps it from signing.
fn refusal(details: &Details, unmet: &[Unmet]) -> String {
    let sentences: Vec<_> = unmet.iter().map(|unmet| unmet.text.as_str()).collect();
    let short = &details.fingerprint()[..16];
    format!("{} ({short}…): {}", details.subject, sentences.join(" "))
}

/// Lower-case digits without colons and blanks; `None`: it names nothing.
pub(crate) fn normal(fingerprint: &str) -> Option<String> {
    let ignored = |c: &char| *c == ':' || c.is_whitespace();
    // Windows puts an invisible mark before a thumbprint that is copied from its dialog.
    let digits: String =
        fingerprint.trim_start_matches('\u{200e}').chars().filter(|c| !ignored(c)).take(65).collect();
    let digits = digits.to_ascii_lowercase();
    let known = (SHORTEST_NAME..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    known.then_some(digits)
}

pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
