//! `cert install FILE` and `cert install --from-user FP`

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::Path,
};

use faxpost_proto::v1::InstallCertificateRequest;

use super::{list, own};
use crate::{
    args::{InstallArgs, PasswordArgs},
    commands::{Context, request, request::or_pending},
    error::Error,
    input,
    output::escape::one_line,
    user_store,
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
    let text = std::str::from_utf8(&bytes).ok().filter(|text| text.contains("-----BEGIN "));
    let Some(text) = text else {
        return Ok(InstallCertificateRequest {
            password: password(args, context)?,
            pkcs12: bytes.into(),
            ..InstallCertificateRequest::default()
        });
    };
    let (mut pem, mut key_pem) = split(text);
    if let Some(key) = &args.key {
        let (others, key) = split(&input::text(key, context.texts)?);
        pem.push_str(&others);
        key_pem.push_str(&key);
    }
    if key_pem.is_empty() {
        let named = args.key.as_deref().unwrap_or(file).to_string_lossy().into_owned();
        return Err(Error::Data((context.texts.certificates.no_key_in)(&named)));
    }
    Ok(InstallCertificateRequest { pem, key_pem, ..InstallCertificateRequest::default() })
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

/// PEM without its keys, and its keys.
fn split(text: &str) -> (String, String) {
    let (mut others, mut keys) = (String::new(), String::new());
    let mut in_key = false;
    for line in text.lines() {
        in_key |= line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY");
        let part = if in_key { &mut keys } else { &mut others };
        part.push_str(line);
        part.push('\n');
        in_key &= !line.starts_with("-----END ");
    }
    (others, keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_a_key_in_the_same_file_travels_in_its_own_field() {
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN EC PRIVATE KEY-----\nBBBB\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(split(&format!("{certificate}{key}")), (certificate.to_owned(), key.to_owned()));
        assert_eq!(split(&format!("{key}{certificate}")), (certificate.to_owned(), key.to_owned()));
        assert_eq!(split(certificate).1, "");
        assert_eq!(split(&key.replace('\n', "\r\n")).1, key);
    }
}
