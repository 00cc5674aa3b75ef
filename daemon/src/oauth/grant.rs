//! What a sign-in brought, as it is kept. The tokens in it are sealed; times are Unix milliseconds.

use super::profiles::Flow;

/// Refreshed when less than this is left: some endpoints refuse tokens that nearly end.
const EARLY_MS: i64 = 600_000;

/// One account's grant.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Of this sign-in, and of no other.
    pub id: i64,
    /// Account id.
    pub account: String,
    /// How it was obtained.
    pub flow: Flow,
    /// What was asked for.
    pub requested_scope: String,
    /// What was granted.
    pub scope: String,
    /// Who signed in.
    pub caller_id: String,
    /// The same for people.
    pub caller_name: String,
    /// When.
    pub signed_in_at: i64,
    /// The tokens.
    pub tokens: SealedTokens,
    /// When the last refresh succeeded.
    pub refreshed_at: Option<i64>,
    /// Why it is of no use any more.
    pub lost: Option<Loss>,
}

/// Tokens at rest.
#[derive(Clone, Debug)]
pub struct SealedTokens {
    /// Sealed access token.
    pub access: Option<Vec<u8>>,
    /// When it came.
    pub access_at: i64,
    /// When it ends.
    pub access_expires_at: i64,
    /// Sealed refresh token.
    pub refresh: Option<Vec<u8>>,
    /// When it came.
    pub refresh_at: Option<i64>,
    /// When it ends, as far as that is known.
    pub refresh_expires_at: Option<i64>,
}

/// Why a grant is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What kind.
    pub kind: LossKind,
    /// The provider's code.
    pub code: String,
    /// The provider's words.
    pub text: String,
    /// Code of the advice.
    pub advice: String,
}

/// What was lost. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossKind {
    /// The grant: somebody must sign in again.
    Grant = 1,
    /// The client's registration or secret is refused: a new secret may be enough.
    Client = 2,
}

impl LossKind {
    /// The kind of a stored number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Grant, Self::Client].into_iter().find(|kind| *kind as i64 == number)
    }
}

impl SealedTokens {
    /// The access token is good for an attempt that begins at `now`: at least ten minutes are left, or two thirds of a
    /// short life.
    #[must_use]
    pub fn is_fresh(&self, now: i64) -> bool {
        let life = self.access_expires_at.saturating_sub(self.access_at);
        let left = self.access_expires_at.saturating_sub(now);
        // From the future: the clock was set back, and what it says of the rest is not known.
        self.access.is_some() && self.access_at <= now && left > EARLY_MS.min(life / 3)
    }

    /// The access token has not ended.
    #[must_use]
    pub fn is_usable(&self, now: i64) -> bool {
        self.access.is_some() && self.access_at <= now && self.access_expires_at > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(life_s: i64) -> SealedTokens {
        SealedTokens {
            access: Some(Vec::new()),
            access_at: 0,
            access_expires_at: life_s * 1000,
            refresh: None,
            refresh_at: None,
            refresh_expires_at: None,
        }
    }

    #[test]
    fn b4_tokens_are_refreshed_ten_minutes_early_and_short_ones_after_two_thirds() {
        let hour = tokens(3600);
        assert!(hour.is_fresh(0) && hour.is_fresh(2_999_000));
        assert!(!hour.is_fresh(3_000_000), "600 s are left");
        let short = tokens(30);
        assert!(short.is_fresh(0) && short.is_fresh(19_000));
        assert!(!short.is_fresh(20_000) && short.is_usable(29_000) && !short.is_usable(30_000));
        assert!(!tokens(0).is_fresh(0));
    }

    #[test]
    fn b4_a_token_from_the_future_is_not_trusted() {
        let mut tokens = tokens(3600);
        tokens.access_at = 5_000;
        assert!(!tokens.is_fresh(4_000) && !tokens.is_usable(4_000));
    }
}
