//! `signin …` and `signout`

use faxpost_proto::v1::{
    GetSignInRequest, SignIn, SignInState, SignInWithClientCredentialsRequest, SignOutRequest,
    o_auth_client::OAuthClient,
};
use tonic::transport::Channel;

use super::{Context, LARGEST_ANSWER, request};
use crate::{
    args::SignInArgs, error::Error, exit::Exit, output::escape::one_line, settings::DEFAULT_ACCOUNT,
};

mod browser;
mod device;
mod state;

pub(super) use state::{line, pairs};

/// Signs in, in one of three ways.
pub(super) async fn run(args: SignInArgs, context: &mut Context) -> Result<(), Error> {
    if args.client_credentials {
        return client_credentials(args.id, context).await;
    }
    let given_up = {
        let way = async {
            if args.device {
                device::run(&args.id, context).await
            } else {
                browser::run(&args, context).await
            }
        };
        tokio::select! {
            result = way => return result,
            // The daemon forgets what nobody ends.
            _ = tokio::signal::ctrl_c() => context.texts.signin.given_up,
        }
    };
    context.out.note(&format!("\n{given_up}"))?;
    Err(Error::Told(Exit::Other))
}

/// `signout [ID]`
pub(super) async fn sign_out(id: String, context: &mut Context) -> Result<(), Error> {
    let mut client = context.oauth().await?;
    let call = request(GetSignInRequest { account: id.clone() });
    // Where that is not to be known, it is said as if there had been some.
    let before = client.get_sign_in(call).await.map(tonic::Response::into_inner);
    let was_out = before
        .is_ok_and(|before| before.sign_in.is_some_and(|sign_in| sign_in.state() == SignInState::SignedOut));
    let call = request(SignOutRequest { account: id.clone() });
    let answer = client.sign_out(call).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let texts = &context.texts.signin;
    let said = if was_out { texts.was_signed_out } else { texts.signed_out };
    context.out.line(&said(&one_line(&id)))?;
    if !answer.revocation_error.is_empty() {
        context
            .out
            .warning(&(texts.not_revoked)(&one_line(&context.texts.said(&answer.revocation_error))))?;
    }
    Ok(())
}

async fn client_credentials(account: String, context: &mut Context) -> Result<(), Error> {
    let call = request(SignInWithClientCredentialsRequest { account });
    let answer = context.oauth().await?.sign_in_with_client_credentials(call).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    done(&answer.sign_in.unwrap_or_default(), context)
}

/// Somebody is signed in.
fn done(sign_in: &SignIn, context: &mut Context) -> Result<(), Error> {
    let sentence = (context.texts.signin.signed_in)(&one_line(&sign_in.account));
    context.out.line(&sentence)?;
    let pairs = pairs(sign_in, context.texts);
    context.out.pairs(&pairs)
}

/// Says why not, and how the program ends.
fn refused(sentence: &str, exit: Exit, context: &mut Context) -> Error {
    context.out.error(sentence);
    Error::Told(exit)
}

/// `faxpost signin`, with the id where it is needed.
fn command(id: &str) -> String {
    match id {
        "" | DEFAULT_ACCOUNT => "faxpost signin".to_owned(),
        id => format!("faxpost signin {}", one_line(id)),
    }
}

impl Context {
    pub(super) async fn oauth(&self) -> Result<OAuthClient<Channel>, Error> {
        Ok(OAuthClient::new(self.channel().await?).max_decoding_message_size(LARGEST_ANSWER))
    }
}
