//! `signin`: in the browser of whoever sits here. The loopback and the flow are shared with other clients
//! (`faxpost_proto::signin`); this is what it looks like.

use std::env;

use faxpost_proto::{
    signin::{self, Loopback, Redirect},
    v1::{GetAccountRequest, StartSignInResponse},
};

use super::{command, done, refused};
use crate::{
    args::SignInArgs,
    commands::{Context, request},
    error::Error,
    exit::Exit,
    output::escape::one_line,
    times,
};

pub(super) async fn run(args: &SignInArgs, context: &mut Context) -> Result<(), Error> {
    let redirect = match &args.redirect_uri {
        Some(redirect) => redirect.clone(),
        None => usual_redirect(&args.id, context).await?,
    };
    let loopback = match Loopback::bind(&redirect).await {
        Ok(loopback) => loopback,
        Err(error) => {
            let sentence = (context.texts.signin.no_loopback)(&one_line(&error.to_string()));
            return Err(refused(&sentence, Exit::CannotCreate, context));
        }
    };
    let mut client = context.oauth().await?;
    let begun = match signin::begin(&mut client, &args.id, &loopback).await {
        Ok(begun) => begun,
        Err(error) => return Err(explain(error, &args.id, context)),
    };
    show(&begun, args.no_browser, context).await?;
    match signin::finish(&mut client, &begun, loopback, context.language).await {
        Ok(answer) if context.out.is_json() => context.out.json(&answer),
        Ok(answer) => done(&answer.sign_in.unwrap_or_default(), context),
        Err(error) => Err(explain(error, &args.id, context)),
    }
}

/// What registrations with the account's provider usually have.
async fn usual_redirect(id: &str, context: &Context) -> Result<Redirect, Error> {
    let call = request(GetAccountRequest { id: id.to_owned() });
    let answer = context.accounts().await?.get_account(call).await?.into_inner();
    Ok(Redirect::of_profile(&answer.account.unwrap_or_default().oauth_profile))
}

/// Opens the browser, and shows the address in any case: it may open elsewhere, or not at all.
async fn show(begun: &StartSignInResponse, no_browser: bool, context: &mut Context) -> Result<(), Error> {
    let texts = &context.texts.signin;
    let opened = !no_browser && open(begun.authorization_url.clone()).await;
    if context.out.is_json() {
        context.out.json(begun)?;
    } else {
        context.out.line(if opened { texts.browser_opened } else { texts.go_to })?;
        context.out.line(&format!("\n  {}\n", one_line(&begun.authorization_url)))?;
        context.out.flush()?;
    }
    if !opened {
        context.out.remark(texts.same_machine)?;
    }
    context.out.remark(&(texts.waiting_until)(&times::local(begun.expire_time.as_ref())))
}

/// Whether a browser of this user's session takes it.
async fn open(address: String) -> bool {
    if !has_session() {
        return false;
    }
    // Asks the desktop, and may wait for it.
    tokio::task::spawn_blocking(move || webbrowser::open(&address).is_ok()).await.unwrap_or(false)
}

/// A session with a screen: without one, what would open is a browser in this very terminal.
fn has_session() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !matches!(env::consts::OS, "linux" | "freebsd")
        || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"].into_iter().any(is_set)
}

fn explain(error: signin::Error, id: &str, context: &mut Context) -> Error {
    let texts = &context.texts.signin;
    match error {
        signin::Error::Call(status) => status.into(),
        signin::Error::Loopback(error) => {
            let sentence = (texts.no_loopback)(&one_line(&error.to_string()));
            refused(&sentence, Exit::CannotCreate, context)
        }
        signin::Error::TimedOut => refused(&(texts.timed_out)(&command(id)), Exit::Temporary, context),
        signin::Error::Browser { code, description } => {
            let temporary = matches!(code.as_str(), "server_error" | "temporarily_unavailable");
            let exit = if temporary { Exit::Temporary } else { Exit::Configuration };
            let said = one_line(format!("{code} {description}").trim());
            let sentence = format!("{}\n  {}: {said}", (texts.browser_error)(&code), texts.provider_says);
            refused(&sentence, exit, context)
        }
    }
}
