//! Where a sign-in stands, for people: no token is in it.

use super::grant::Grant;
use super::meaning::{self, SIGN_IN_FIRST};
use super::profiles::Flow;
use super::{Oauth, OauthError, lock, uses_oauth};
use crate::store::{AccountRow, StoreError};

/// Where a sign-in stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInState {
    /// The account does not use OAuth 2.0, or nobody has signed in.
    SignedOut,
    /// All is well.
    SignedIn,
    /// The provider could not be asked; it is tried again.
    Degraded,
    /// Mail is held until somebody does something.
    Lost,
}

/// A sign-in. Times are Unix milliseconds.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Account id.
    pub account: String,
    /// Where it stands.
    pub state: SignInState,
    /// How it was obtained.
    pub flow: Option<Flow>,
    /// What was granted.
    pub scope: String,
    /// Who signed in.
    pub signed_in_by: String,
    /// When.
    pub signed_in_at: Option<i64>,
    /// When the access token at hand ends.
    pub access_expires_at: Option<i64>,
    /// When the refresh token came.
    pub refresh_at: Option<i64>,
    /// When it ends, as far as that is known.
    pub refresh_expires_at: Option<i64>,
    /// When the last refresh succeeded.
    pub refreshed_at: Option<i64>,
    /// The provider's last error.
    pub error_code: String,
    /// Its words.
    pub error_text: String,
    /// Code of the advice; empty: none is needed.
    pub advice: String,
}

impl Oauth {
    /// Where the sign-in of an account stands.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn sign_in_of(&self, account: &str) -> Result<SignIn, OauthError> {
        let row = self.account(account)?;
        let grant = self.store.grant(account.to_owned()).await?;
        Ok(self.view(&row, grant.as_ref()))
    }

    /// Those of all accounts, in their order.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn sign_ins(&self) -> Result<Vec<SignIn>, StoreError> {
        let grants = self.store.grants().await?;
        let rows = self.registry.all();
        let view =
            |row: &AccountRow| self.view(row, grants.iter().find(|grant| grant.account == row.id.as_str()));
        Ok(rows.iter().map(view).collect())
    }

    fn view(&self, row: &AccountRow, grant: Option<&Grant>) -> SignIn {
        let account = row.id.as_str().to_owned();
        let signed_out = SignIn {
            account,
            state: SignInState::SignedOut,
            flow: None,
            scope: String::new(),
            signed_in_by: String::new(),
            signed_in_at: None,
            access_expires_at: None,
            refresh_at: None,
            refresh_expires_at: None,
            refreshed_at: None,
            error_code: String::new(),
            error_text: String::new(),
            advice: if uses_oauth(row) { SIGN_IN_FIRST.to_owned() } else { String::new() },
        };
        let Some(grant) = grant.filter(|_| row.account.oauth) else { return signed_out };
        let tokens = &grant.tokens;
        let mut view = SignIn {
            state: SignInState::SignedIn,
            flow: Some(grant.flow),
            scope: grant.scope.clone(),
            signed_in_by: grant.caller_name.clone(),
            signed_in_at: Some(grant.signed_in_at),
            access_expires_at: tokens.access.as_ref().map(|_| tokens.access_expires_at),
            refresh_at: tokens.refresh.as_ref().and(tokens.refresh_at),
            refresh_expires_at: tokens.refresh.as_ref().and_then(|_| refresh_ends(row, grant)),
            refreshed_at: grant.refreshed_at,
            advice: String::new(),
            ..signed_out
        };
        if let Some(loss) = &grant.lost {
            view.state = SignInState::Lost;
            (view.error_code, view.error_text) = (loss.code.clone(), loss.text.clone());
            view.advice = loss.advice.clone();
        } else if let Some(trouble) = lock(&self.troubles).get(&grant.account).filter(|t| t.grant == grant.id)
        {
            view.state = SignInState::Degraded;
            (view.error_code, view.error_text) = (trouble.error.code.clone(), trouble.error.text.clone());
            view.advice = meaning::advise(&trouble.error).to_owned();
        }
        view
    }
}

/// As the provider said; else when it ends of disuse.
fn refresh_ends(row: &AccountRow, grant: &Grant) -> Option<i64> {
    let idle_days = row.account.oauth_settings.profile().idle_days;
    let used = grant.refreshed_at.unwrap_or(grant.signed_in_at);
    let of_disuse = (idle_days > 0).then(|| used.saturating_add(idle_days.saturating_mul(86_400_000)));
    grant.tokens.refresh_expires_at.or(of_disuse)
}
