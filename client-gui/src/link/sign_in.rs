//! Calls of the sign-in page.

use faxpost_proto::advice::Language;
use faxpost_proto::signin::{self, Loopback, Redirect};
use faxpost_proto::v1::o_auth_client::OAuthClient;
use faxpost_proto::v1::{
    SignIn, SignInWithClientCredentialsRequest, SignInWithDeviceRequest, SignOutRequest, WatchSignInsRequest,
};
use prost_types::Timestamp;
use tonic::transport::Channel;

use super::{Answer, LARGEST_ANSWER, PATIENCE, Sender, request};

/// What a sign-in tells while it goes on.
pub enum Progress {
    /// A person is waited for.
    Waiting {
        /// To be opened.
        url: String,
        /// To be typed there; empty: nothing.
        code: String,
        /// When it is given up.
        until: Option<Timestamp>,
    },
    /// It is over.
    Done(Box<Result<SignIn, signin::Error>>),
}

/// Where the sign-ins of all accounts stand, now and after every change.
pub async fn watch(channel: Channel, to: Sender<Vec<SignIn>>) {
    let Ok(answers) = client(channel).watch_sign_ins(WatchSignInsRequest {}).await else { return };
    let mut answers = answers.into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        to.send(answer.sign_ins);
    }
}

/// With the browser of whoever sits here.
pub async fn browser(
    channel: Channel,
    account: String,
    redirect: Redirect,
    language: Language,
    to: Sender<Progress>,
) {
    let mut client = client(channel);
    let way = async {
        let loopback = Loopback::bind(&redirect).await?;
        let begun = signin::begin(&mut client, &account, &loopback).await?;
        to.send(Progress::Waiting {
            url: begun.authorization_url.clone(),
            code: String::new(),
            until: begun.expire_time,
        });
        signin::finish(&mut client, &begun, loopback, language).await
    };
    let result = way.await.map(|answer| answer.sign_in.unwrap_or_default());
    to.send(Progress::Done(Box::new(result)));
}

/// With a code that is typed on any device.
pub async fn device(channel: Channel, account: String, to: Sender<Progress>) {
    let way = async {
        let call = SignInWithDeviceRequest { account };
        let mut answers = client(channel).sign_in_with_device(call).await?.into_inner();
        let mut signed_in = SignIn::default();
        while let Some(answer) = answers.message().await? {
            if !answer.user_code.is_empty() {
                // The complete address would put the code in by itself; what is typed is compared by a person.
                let url = if answer.verification_uri.is_empty() {
                    answer.verification_uri_complete
                } else {
                    answer.verification_uri
                };
                to.send(Progress::Waiting { url, code: answer.user_code, until: answer.expire_time });
            }
            signed_in = answer.sign_in.unwrap_or(signed_in);
        }
        Ok(signed_in)
    };
    to.send(Progress::Done(Box::new(way.await)));
}

/// As the application itself.
pub async fn application(channel: Channel, account: String, to: Sender<Progress>) {
    let mut call = tonic::Request::new(SignInWithClientCredentialsRequest { account });
    call.set_timeout(PATIENCE);
    let answer = client(channel).sign_in_with_client_credentials(call).await;
    let result = answer.map(|answer| answer.into_inner().sign_in.unwrap_or_default());
    to.send(Progress::Done(Box::new(result.map_err(signin::Error::from))));
}

/// Forgets the tokens. What comes back is why the provider could not be told; empty: it was.
///
/// # Errors
/// The daemon's.
pub async fn sign_out(channel: Channel, account: String) -> Answer<String> {
    let answer = client(channel).sign_out(request(SignOutRequest { account })).await?;
    Ok(answer.into_inner().revocation_error)
}

fn client(channel: Channel) -> OAuthClient<Channel> {
    OAuthClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}
