//! Signing in with the browser of whoever sits at the client (RFC 8252): the daemon begins and ends the flow, the client
//! shows the address and serves the redirect on the loopback. Shared by the clients; what they show is theirs.
//!
//! ```no_run
//! # use faxpost_proto::{advice::Language, signin, v1::o_auth_client::OAuthClient};
//! # async fn example(mut client: OAuthClient<tonic::transport::Channel>) -> Result<(), signin::Error> {
//! let loopback = signin::Loopback::bind(&signin::Redirect::default()).await?;
//! let begun = signin::begin(&mut client, "default", &loopback).await?;
//! // … show begun.authorization_url, or open it in a browser …
//! let signed_in = signin::finish(&mut client, &begun, loopback, Language::En).await?;
//! # Ok(())
//! # }
//! ```

mod loopback;
mod page;
mod query;

use std::io;
use std::time::{Duration, SystemTime};

use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::advice::Language;
use crate::v1::o_auth_client::OAuthClient;
use crate::v1::{FinishSignInRequest, FinishSignInResponse, StartSignInRequest, StartSignInResponse};

pub use loopback::{Loopback, NoRedirect, Redirect, Visit};

/// The daemon asks the provider meanwhile.
const PATIENCE: Duration = Duration::from_secs(90);

/// As long as a sign-in lasts at the daemon; a clock that is wrong must not make it longer or shorter.
const LONGEST: Duration = Duration::from_secs(600);

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The redirect cannot be served.
    #[error("the loopback cannot be served: {0}")]
    Loopback(#[from] io::Error),
    /// The daemon refused.
    #[error(transparent)]
    Call(#[from] Status),
    /// The browser brought an error (RFC 6749 section 4.1.2.1): usually somebody said no.
    #[error("the provider said {code} in the browser: {description}")]
    Browser {
        /// E.g. "access_denied".
        code: String,
        /// The provider's words; may be empty. Anything may stand in it.
        description: String,
    },
    /// Nobody came back from the browser.
    #[error("nobody came back from the browser in time")]
    TimedOut,
}

/// Begins: gives the address for the browser.
///
/// # Errors
/// The daemon refused.
pub async fn begin(
    client: &mut OAuthClient<Channel>,
    account: &str,
    loopback: &Loopback,
) -> Result<StartSignInResponse, Error> {
    let mut request = Request::new(StartSignInRequest {
        account: account.to_owned(),
        redirect_uri: loopback.redirect_uri(),
    });
    request.set_timeout(PATIENCE);
    Ok(client.start_sign_in(request).await?.into_inner())
}

/// Waits for the browser, hands what it brings to the daemon, and tells the person there how that went.
///
/// # Errors
/// See [`Error`]. The browser was told of all of them but the first and the last.
pub async fn finish(
    client: &mut OAuthClient<Channel>,
    begun: &StartSignInResponse,
    loopback: Loopback,
    language: Language,
) -> Result<FinishSignInResponse, Error> {
    let state = query::value_of(query::of_address(&begun.authorization_url), "state");
    let visit = tokio::time::timeout(time_left(begun), loopback.visit(state.as_deref(), language));
    let visit = visit.await.map_err(|_| Error::TimedOut)??;
    let refusal = query::value_of(visit.query(), "error");

    let mut request = Request::new(FinishSignInRequest {
        sign_in_id: begun.sign_in_id.clone(),
        redirect_query: visit.query().to_owned(),
    });
    request.set_timeout(PATIENCE);
    // A refusal is told, too: the daemon then forgets the flow.
    let answer = client.finish_sign_in(request).await;
    let result = match (answer, refusal) {
        (_, Some(code)) => {
            let description = query::value_of(visit.query(), "error_description").unwrap_or_default();
            Err(Error::Browser { code, description })
        }
        (Ok(answer), None) => Ok(answer.into_inner()),
        (Err(status), None) => Err(status.into()),
    };
    visit.reply(result.is_ok()).await;
    result
}

/// Until the daemon forgets it.
fn time_left(begun: &StartSignInResponse) -> Duration {
    let end = begun.expire_time.and_then(|time| SystemTime::try_from(time).ok());
    let left = end.and_then(|end| end.duration_since(SystemTime::now()).ok());
    left.unwrap_or(LONGEST).min(LONGEST)
}
