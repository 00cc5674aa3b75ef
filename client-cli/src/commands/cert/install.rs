//! `cert install FILE` and `cert install --from-user FP`

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::Path,
};

use faxpost_proto::{pem, user_store, v1::InstallCertificateRequest};

use super::{list, own};
use crate::{
    args::{InstallArgs, PasswordArgs},
    commands::{Context, request, request::or_pending},
    error::Error,
    input,
    output::escape::one_line,
};

pub(super) async fn run(args: InstallArgs, context: &mut Context) -> Result<(), Error> {
    let mut call = match (&args.from_user, &args.file) {
        (Some(fingerprint), _) => from_user(fingerprint, context).await?,
        (None, Some(file)) => from_file(file, &args, context)?,
        // clap asks for one of the two.
        (None, None) => InstallCertificateRequest::default(),
    };
    call.exportable = args.exportable;
    call.grant = args.grant;
    let result = context.certificates().await?.install_certificate(request(call)).await;
    let Some(answer) = or_pending(result, args.wait, context).await? else { return Ok(()) };
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let words = context.texts.certificates;
    let certificate = answer.certificate.unwrap_or_default();
    let line = if answer.already_installed {
        (words.already_installed)(list::short(&certificate))
    } else {
        (words.installed)(list::short(&certificate), &certificate.subject)
    };
    context.out.line(&one_line(&line))
}

/// Exported with a password that is used this once.
async fn from_user(fingerprint: &str, context: &Context) -> Result<InstallCertificateRequest, Error> {
    let sha256 = own::find(fingerprint, context).await?;
    let exported = user_store::export(&sha256)?;
    Ok(InstallCertificateRequest {
        pkcs12: exported.pkcs12.to_vec().into(),
        password: exported.password.to_string(),
        ..InstallCertificateRequest::default()
    })
}

fn from_file(file: &Path, args: &InstallArgs, context: &Context) -> Result<InstallCertificateRequest, Error> {
    let bytes = read(file)?;
    let Some(text) = pem::text(&bytes) else {
        // PKCS#12 is a SEQUENCE. The rest is the daemon's to say, but nobody is asked for the password of a text.
        if bytes.first() != Some(&0x30) {
            let file = file.to_string_lossy();
            return Err(Error::Data((context.texts.certificates.neither_p12_nor_pem)(&file)));
        }
        return Ok(InstallCertificateRequest {
            password: password(args, context)?,
            pkcs12: bytes.into(),
            ..InstallCertificateRequest::default()
        });
    };
    let (mut certificates, mut key_pem) = pem::split(text);
    if let Some(key) = &args.key {
        let (others, key) = pem::split(&input::text(key, context.texts)?);
        certificates.push_str(&others);
        key_pem.push_str(&key);
    }
    if key_pem.is_empty() {
        let named = args.key.as_deref().unwrap_or(file).to_string_lossy().into_owned();
        return Err(Error::Data((context.texts.certificates.no_key_in)(&named)));
    }
    Ok(InstallCertificateRequest { pem: certificates, key_pem, ..InstallCertificateRequest::default() })
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|source| Error::Read { path: file.to_owned(), source })
}

fn password(args: &InstallArgs, context: &Context) -> Result<String, Error> {
    if args.no_password {
        return Ok(String::new());
    }
    if args.password_stdin {
        let announced = PasswordArgs { password_stdin: true, ask_password: false };
        return Ok(input::password(&announced, context.texts)?.unwrap_or_default());
    }
    let words = context.texts.certificates;
    if !io::stdin().is_terminal() {
        return Err(Error::Usage(words.password_options.to_owned()));
    }
    rpassword::prompt_password(words.file_password)
        .map_err(|_| Error::Usage(words.password_options.to_owned()))
}
