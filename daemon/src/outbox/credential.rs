//! What an attempt signs in with; and mail that waits for a sign-in with OAuth 2.0 (requirements B4, B5).

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Outbox;
use super::deliver::stayed;
use super::model::Message;
use crate::mailer::{Credential, Failure, FailureKind, Outcome, Signing, Step};
use crate::store::{AccountRow, StoreError};

impl Outbox {
    /// One attempt. A server that refuses an access token is asked once more with a new one: it may have been revoked
    /// before its time. If that one is refused, too, it is the server's word, and not the token's fault.
    pub(super) async fn hand_over(
        &self,
        message: &Message,
        body: Option<Vec<u8>>,
        row: &AccountRow,
        signing: Option<Signing>,
    ) -> Outcome {
        let credential = match self.credential(row, None).await {
            Ok(credential) => credential,
            Err(failure) => return stayed(message, failure),
        };
        let first = match self.job(message, body.clone(), row, credential.clone(), signing.clone()) {
            Ok(job) => self.mailer.deliver(job, None).await,
            Err(failure) => return stayed(message, failure),
        };
        if first.failure.as_ref().is_none_or(|failure| failure.kind != FailureKind::TokenRejected) {
            return first;
        }

        let transcript = first.transcript.clone();
        let mut second = match self.credential(row, credential.as_ref()).await {
            // Renewed a moment ago: once is enough.
            Ok(same) if same == credential => return first,
            Ok(renewed) => match self.job(message, body, row, renewed, signing) {
                Ok(job) => self.mailer.deliver(job, None).await,
                Err(failure) => stayed(message, failure),
            },
            // The server's answer says more than that the provider could not be asked.
            Err(failure) if !failure.kind.holds() => return first,
            Err(failure) => stayed(message, failure),
        };
        second.transcript.text.insert_str(0, &format!("{}* a new access token\n", transcript.text));
        second.transcript.truncated |= transcript.truncated;
        second
    }

    /// `refused`: what its server did not take.
    async fn credential(
        &self,
        row: &AccountRow,
        refused: Option<&Credential>,
    ) -> Result<Option<Credential>, Failure> {
        if row.account.oauth && row.account.authentication {
            let token = self.oauth.access_token(row.id.as_str(), refused.map(Credential::secret)).await;
            return match token {
                Ok(token) => Ok(Some(Credential::AccessToken(token.token))),
                Err(error) => Err(error.failure()),
            };
        }
        let password = self.registry.password(row).map_err(|error| Failure {
            step: Step::SignIn,
            kind: FailureKind::NoPassword,
            text: format!("the account's password cannot be used: {error}; set it anew"),
            reply: None,
        })?;
        Ok(password.map(Credential::Password))
    }

    /// Releases what waits for a sign-in, after each that succeeds; at once what one before a restart has left.
    pub(super) async fn release_after_sign_ins(self: Arc<Self>, shutdown: CancellationToken) {
        let mut changes = self.oauth.watch();
        loop {
            changes.borrow_and_update();
            if let Err(error) = self.release_signed_in().await {
                tracing::error!(%error, "held mail cannot be released yet");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Releases mail that the daemon holds for a sign-in, where there is one now. What a person holds stays.
    pub(super) async fn release_signed_in(&self) -> Result<(), StoreError> {
        for (account, author) in self.store.held_mail(reasons()).await? {
            let Some(row) = self.registry.get(&account) else { continue };
            if !self.oauth.may_send(&row).await? {
                continue;
            }
            let pair = (account.clone(), author);
            let released = self.store.release_held_mail(pair, reasons(), self.clock.wall()).await?;
            self.released(&account, &released);
            if !released.is_empty() {
                tracing::info!(
                    account = row.id.as_str(),
                    messages = released.len(),
                    "released after a sign-in"
                );
            }
        }
        Ok(())
    }
}

fn reasons() -> Vec<&'static str> {
    FailureKind::HOLD_FOR_SIGN_IN.map(FailureKind::code).to_vec()
}
