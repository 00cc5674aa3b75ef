//! Access tokens: from the store while they are fresh, else from the provider, and written down before they are used.
//!
//! A provider that rotates refresh tokens takes the old one back when it gives the new one. So an answer is never
//! dropped: it is awaited in a task of its own, which ends even if nobody waits any more; it is committed before anybody
//! sees the access token; and when the commit fails, it is kept until it succeeds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::grant::{Grant, Loss, LossKind, SealedTokens};
use super::meaning::{self, NO_REFRESH_TOKEN};
use super::profiles::Flow;
use super::{Oauth, OauthError, lock, now, unexpected, uses_oauth};
use crate::accounts::oauth::{parse_scope, token_binding};
use crate::mailer::{Answer, Exchange, ExchangeError, Tokens};
use crate::secrets::{Secret, VaultError};
use crate::store::AccountRow;

/// Where a provider does not say how long an access token lives: what most of them do.
const USUAL_LIFE_S: u64 = 3600;

/// No token lives longer than we can count on the clock.
const LONGEST_LIFE_S: u64 = 366 * 86_400;

/// Pauses after a provider could not be asked: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// A provider's own wish for patience is heard up to this.
const LONGEST_WISH: Duration = Duration::from_secs(3600);

/// At most one refresh in so long because a server refused a token: its introspection may be down, and every waiting
/// message would cost the provider a request.
const AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// A refresh token is used at least so often, so that it does not end of disuse, and a loss is seen before mail waits.
const KEEP_ALIVE_MS: i64 = 24 * 3_600_000;

/// An access token, for one use.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub token: Secret,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// What it is good for.
    pub scope: String,
    /// SASL identity that goes with it.
    pub login: String,
}

/// One refresh at a time, and when the last was made because of a refusal.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// A provider that could not be asked.
pub(super) struct Trouble {
    pub(super) grant: i64,
    pub(super) error: ExchangeError,
    failures: u32,
    until: Instant,
}

/// Tokens that came and could not be written.
pub(super) struct Unsaved {
    grant: i64,
    tokens: SealedTokens,
    scope: String,
    at: i64,
}

impl Oauth {
    /// An access token of this account. `refused`: one that its server did not take; then another is asked for.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn access_token(
        self: &Arc<Self>,
        account: &str,
        refused: Option<&Secret>,
    ) -> Result<AccessToken, OauthError> {
        let (this, account, refused) = (self.clone(), account.to_owned(), refused.cloned());
        // Whoever waits may go away; what the provider answers must be written all the same.
        let asked =
            self.exchanges.spawn(async move { this.fresh_token(&account, refused.as_ref(), false).await });
        asked.await.map_err(|failed| OauthError::Failed(failed.to_string()))?
    }

    /// The same for another component: only a scope within what was granted.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn broker(self: &Arc<Self>, account: &str, scope: &str) -> Result<AccessToken, OauthError> {
        use crate::accounts::{FieldProblem, Problem};
        let asked = parse_scope(scope)
            .map_err(|text| OauthError::Fields(vec![FieldProblem::new("scope", Problem::Invalid, text)]))?;
        let grant = self.grant_of(account).await?;
        if let Some(word) =
            asked.split(' ').find(|word| !word.is_empty() && !grant_covers(&grant.scope, word))
        {
            return Err(OauthError::ScopeDenied(word.to_owned()));
        }
        self.access_token(account, None).await
    }

    /// Once a minute: writes what could not be written, asks again after troubles, and uses what would end of disuse.
    pub(super) async fn look_after(self: &Arc<Self>) {
        let waiting: Vec<String> = lock(&self.unsaved).keys().cloned().collect();
        for account in waiting {
            if let Err(error) = self.save(&account).await {
                tracing::error!(account, %error, "new tokens cannot be written yet");
            }
        }
        let grants = match self.store.grants().await {
            Ok(grants) => grants,
            Err(error) => return tracing::error!(%error, "the sign-ins cannot be read"),
        };
        let at = now();
        for grant in grants.iter().filter(|grant| grant.lost.is_none()) {
            let idle = at - grant.refreshed_at.unwrap_or(grant.signed_in_at) > KEEP_ALIVE_MS;
            let again = lock(&self.troubles)
                .get(&grant.account)
                .is_some_and(|trouble| trouble.grant == grant.id && trouble.until <= Instant::now());
            let wanted = (idle && grant.tokens.refresh.is_some()) || again;
            if wanted && self.registry.get(&grant.account).is_some_and(|row| uses_oauth(&row)) {
                let (this, account) = (self.clone(), grant.account.clone());
                // Whatever comes of it is told where the sign-in is shown; a provider that is slow holds up nobody else.
                self.exchanges.spawn(async move { this.fresh_token(&account, None, true).await });
            }
        }
    }

    /// `renew`: also if the one at hand is fresh.
    async fn fresh_token(
        &self,
        account: &str,
        refused: Option<&Secret>,
        renew: bool,
    ) -> Result<AccessToken, OauthError> {
        if refused.is_none() && !renew {
            let (row, grant) = self.grant_and_row(account).await?;
            if grant.tokens.is_fresh(now()) {
                return self.at_hand(&row, &grant);
            }
        }
        let slot = lock(&self.slots).entry(account.to_owned()).or_default().clone();
        let mut last_forced = slot.lock().await;
        self.save(account).await?;
        // One refresh at a time in the whole fleet: a provider that rotates refresh tokens takes the old one back.
        let alone = self.store.alone_with_grant(account).await?;
        // Somebody else may have refreshed it while this one waited.
        let (row, grant) = self.grant_and_row(account).await?;
        let at = now();
        if grant.tokens.is_fresh(at) && !renew {
            let token = self.at_hand(&row, &grant)?;
            let lately = last_forced.is_some_and(|last| last.elapsed() < AFTER_REFUSAL);
            if refused.is_none_or(|refused| token.token != *refused) || lately {
                return Ok(token);
            }
        }
        if let Some(error) = self.pausing(&grant) {
            return self.make_do(&row, &grant, refused, error.into());
        }
        if refused.is_some() {
            *last_forced = Some(Instant::now());
        }
        let refreshed = self.refresh(&row, &grant).await;
        drop(alone);
        match refreshed {
            Ok(token) => Ok(token),
            Err(error) => self.make_do(&row, &grant, refused, error),
        }
    }

    /// While the provider cannot be asked, a token that has not ended will do.
    fn make_do(
        &self,
        row: &AccountRow,
        grant: &Grant,
        refused: Option<&Secret>,
        error: OauthError,
    ) -> Result<AccessToken, OauthError> {
        if matches!(error, OauthError::Unavailable(_)) && refused.is_none() && grant.tokens.is_usable(now()) {
            return self.at_hand(row, grant);
        }
        Err(error)
    }

    async fn refresh(&self, row: &AccountRow, grant: &Grant) -> Result<AccessToken, OauthError> {
        let binding = token_binding(&row.id, &row.account);
        let client = match self.client(row) {
            Ok(client) => client,
            Err(OauthError::Vault(error)) => return Err(OauthError::Vault(error)),
            Err(_) => return Err(OauthError::NotSignedIn("the account's OAuth settings are not complete")),
        };
        let scope = scope_to_resend(&grant.requested_scope, &grant.scope);
        let exchange = match (&grant.tokens.refresh, grant.flow) {
            (Some(sealed), _) => {
                Exchange::Refresh { client, refresh_token: self.unseal(sealed, &binding, REFRESH)?, scope }
            }
            (None, Flow::ClientCredentials) => Exchange::ClientCredentials { client, scope },
            (None, _) => {
                let loss = Loss {
                    kind: LossKind::Grant,
                    code: "no_refresh_token".to_owned(),
                    text: "the access token is over, and the provider gave nothing to renew it with"
                        .to_owned(),
                    advice: NO_REFRESH_TOKEN.to_owned(),
                };
                return Err(self.lose(grant, loss).await?);
            }
        };
        let asked_at = now();
        match self.mailer.exchange(exchange).await {
            Ok(Answer::Tokens(tokens)) => {
                let scope = tokens.scope.clone().unwrap_or_else(|| grant.scope.clone());
                let sealed = self.seal(&tokens, Some(&grant.tokens), &binding, asked_at);
                let unsaved = Unsaved { grant: grant.id, tokens: sealed, scope: scope.clone(), at: now() };
                let expires_at = unsaved.tokens.access_expires_at;
                lock(&self.unsaved).insert(grant.account.clone(), unsaved);
                lock(&self.troubles).remove(&grant.account);
                let saved = self.save(&grant.account).await;
                self.changed();
                saved?;
                let login = row.account.effective_login().to_owned();
                Ok(AccessToken { token: tokens.access, expires_at, scope, login })
            }
            Ok(_) => Err(self.trouble(grant, unexpected())),
            Err(error) => match meaning::loss(&error) {
                Some(loss) => Err(self.lose(grant, loss).await?),
                None => Err(self.trouble(grant, error)),
            },
        }
    }

    /// Writes tokens that came; until that has succeeded they are of no use to anybody.
    async fn save(&self, account: &str) -> Result<(), OauthError> {
        let waiting = lock(&self.unsaved)
            .get(account)
            .map(|unsaved| (unsaved.grant, unsaved.tokens.clone(), unsaved.scope.clone(), unsaved.at));
        let Some((grant, tokens, scope, at)) = waiting else { return Ok(()) };
        let kept = self.store.renew_grant(grant, tokens, scope, at).await?;
        lock(&self.unsaved).remove(account);
        self.changed();
        // Signed out, or signed in anew, while the provider answered: these are nobody's.
        if kept { Ok(()) } else { Err(OauthError::NotSignedIn("somebody signed out meanwhile")) }
    }

    async fn lose(&self, grant: &Grant, loss: Loss) -> Result<OauthError, OauthError> {
        tracing::error!(
            account = grant.account,
            code = loss.code,
            "the sign-in is lost; mail of the account is held"
        );
        lock(&self.troubles).remove(&grant.account);
        self.store.lose_grant(grant.id, loss.clone()).await?;
        self.changed();
        Ok(OauthError::Lost(loss))
    }

    fn trouble(&self, grant: &Grant, error: ExchangeError) -> OauthError {
        let mut troubles = lock(&self.troubles);
        let before = troubles.get(&grant.account).filter(|before| before.grant == grant.id);
        let failures = before.map_or(0, |before| before.failures).saturating_add(1);
        let pause = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(10)).min(LAST_PAUSE);
        let wish = Duration::from_secs(error.retry_after.unwrap_or(0)).min(LONGEST_WISH);
        tracing::warn!(
            account = grant.account,
            text = error.text,
            failures,
            "the provider could not be asked"
        );
        let until = Instant::now() + pause.max(wish);
        let trouble = Trouble { grant: grant.id, error: error.clone(), failures, until };
        troubles.insert(grant.account.clone(), trouble);
        drop(troubles);
        self.changed();
        OauthError::Unavailable(error)
    }

    /// What went wrong last, while it is too early to ask again.
    fn pausing(&self, grant: &Grant) -> Option<ExchangeError> {
        let troubles = lock(&self.troubles);
        let trouble = troubles.get(&grant.account)?;
        (trouble.grant == grant.id && trouble.until > Instant::now()).then(|| trouble.error.clone())
    }

    async fn grant_of(&self, account: &str) -> Result<Grant, OauthError> {
        Ok(self.grant_and_row(account).await?.1)
    }

    async fn grant_and_row(&self, account: &str) -> Result<(AccountRow, Grant), OauthError> {
        let row = self.account(account)?;
        if !row.account.oauth {
            return Err(OauthError::NotSignedIn("the account does not use OAuth 2.0"));
        }
        let Some(grant) = self.store.grant(account.to_owned()).await? else {
            return Err(OauthError::NotSignedIn("nobody has signed in to the account's provider yet"));
        };
        match &grant.lost {
            Some(loss) => Err(OauthError::Lost(loss.clone())),
            None => Ok((row, grant)),
        }
    }

    fn at_hand(&self, row: &AccountRow, grant: &Grant) -> Result<AccessToken, OauthError> {
        let sealed = grant.tokens.access.as_ref().ok_or(VaultError::Unseal)?;
        let token = self.unseal(sealed, &token_binding(&row.id, &row.account), ACCESS)?;
        Ok(AccessToken {
            token,
            expires_at: grant.tokens.access_expires_at,
            scope: grant.scope.clone(),
            login: row.account.effective_login().to_owned(),
        })
    }

    /// Tokens that came at `at`, sealed; `before`: what stays where the provider sent nothing new.
    pub(super) fn seal(
        &self,
        tokens: &Tokens,
        before: Option<&SealedTokens>,
        binding: &[u8],
        at: i64,
    ) -> SealedTokens {
        let after = |seconds: u64| at.saturating_add(seconds.min(LONGEST_LIFE_S).saturating_mul(1000) as i64);
        let access = self.vault.seal(&tokens.access, &access_binding(binding));
        let mut sealed = SealedTokens {
            access: Some(access),
            access_at: at,
            access_expires_at: after(tokens.expires_in.unwrap_or(USUAL_LIFE_S)),
            refresh: before.and_then(|before| before.refresh.clone()),
            refresh_at: before.and_then(|before| before.refresh_at),
            refresh_expires_at: before.and_then(|before| before.refresh_expires_at),
        };
        if let Some(refresh) = tokens.refresh.as_ref().filter(|token| !token.is_empty()) {
            sealed.refresh = Some(self.vault.seal(refresh, &refresh_binding(binding)));
            sealed.refresh_at = Some(at);
            sealed.refresh_expires_at = tokens.refresh_expires_in.map(after);
        } else if let Some(life) = tokens.refresh_expires_in {
            sealed.refresh_expires_at = Some(after(life));
        }
        sealed
    }

    pub(super) fn unseal(&self, sealed: &[u8], binding: &[u8], which: &[u8]) -> Result<Secret, VaultError> {
        self.vault.unseal(sealed, &[which, binding].concat())
    }
}

/// What an access token is bound to, with what the account's tokens are.
pub(crate) fn access_binding(tokens: &[u8]) -> Vec<u8> {
    [ACCESS, tokens].concat()
}

/// The same of a refresh token.
pub(crate) fn refresh_binding(tokens: &[u8]) -> Vec<u8> {
    [REFRESH, tokens].concat()
}

/// A refresh token must not open where an access token is wanted.
pub(super) const ACCESS: &[u8] = b"access\0";
pub(super) const REFRESH: &[u8] = b"refresh\0";

/// RFC 6749 section 6: nothing that was not granted; but what says that the grant shall last is never told as granted.
fn scope_to_resend(requested: &str, granted: &str) -> String {
    let kept = |word: &&str| grant_covers(granted, word) || ["offline_access", "openid"].contains(word);
    let words: Vec<_> = requested.split(' ').filter(kept).collect();
    let of_mail = words.iter().any(|word| !["offline_access", "openid"].contains(word));
    // A provider that calls scopes by other names than ours is asked for what it was asked for.
    if of_mail { words.join(" ") } else { requested.to_owned() }
}

fn grant_covers(granted: &str, word: &str) -> bool {
    granted.split(' ').any(|granted| granted == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b4_the_scope_is_sent_again_without_what_was_not_granted() {
        let microsoft = "https://outlook.office.com/SMTP.Send offline_access";
        assert_eq!(scope_to_resend(microsoft, "https://outlook.office.com/SMTP.Send"), microsoft);
        assert_eq!(scope_to_resend("mail:smtp mail:imap", "mail:smtp"), "mail:smtp");
        assert_eq!(scope_to_resend("mail-w", "sdct-w"), "mail-w");
    }

    #[test]
    fn b8_a_scope_is_covered_word_by_word() {
        assert!(grant_covers("a b", "b"));
        assert!(!grant_covers("ab", "a"));
    }
}
