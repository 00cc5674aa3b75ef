//! `cert show FP`: the certificate, its chain as a tree, and who may use its key.

use faxpost_proto::v1::{Certificate, ChainLink, GetCertificateRequest, KeyProvider};

use super::{holders, list};
use crate::{
    commands::{Context, request},
    error::Error,
    output::{escape::one_line, has_unicode, style::Style},
    times,
};

pub(super) async fn run(fingerprint: String, context: &mut Context) -> Result<(), Error> {
    let call = request(GetCertificateRequest { fingerprint });
    let answer = context.certificates().await?.get_certificate(call).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let words = context.texts.certificates;
    if let Some(certificate) = &answer.certificate {
        let mut pairs = pairs(certificate, context);
        if !answer.revocation.is_empty() {
            pairs.push((words.revocation, context.texts.said(&answer.revocation).into_owned()));
        }
        context.out.pairs(&pairs)?;
    }
    context.out.line("")?;
    let title = context.out.paint(Style::Bold, words.chain);
    context.out.line(&title)?;
    chain(&answer.chain, context)?;
    if !answer.chain_problem.is_empty() {
        let problem = context.out.paint(Style::Bad, &one_line(&context.texts.said(&answer.chain_problem)));
        context.out.line(&problem)?;
    }
    if answer.redacted.iter().any(|field| field == "key_holders") {
        context.out.line("")?;
        return context.out.pairs(&[(words.holders, context.texts.hidden.to_owned())]);
    }
    if !answer.key_holders.is_empty() {
        context.out.line("")?;
        let title = context.out.paint(Style::Bold, words.holders);
        context.out.line(&title)?;
        holders(&answer.key_holders, context)?;
    }
    Ok(())
}

fn pairs(certificate: &Certificate, context: &Context) -> Vec<(&'static str, String)> {
    let (texts, words) = (context.texts, context.texts.certificates);
    let usage = |usage: &[String]| {
        if usage.is_empty() { words.any_usage.to_owned() } else { usage.join(", ") }
    };
    let period = format!(
        "{} – {}, {}",
        times::local_date(certificate.not_before.as_ref()),
        times::local_date(certificate.not_after.as_ref()),
        (texts.days_left)(certificate.days_left),
    );
    let mut pairs = vec![
        (words.subject, certificate.subject.clone()),
        (words.issuer, certificate.issuer.clone()),
        (words.addresses, certificate.addresses.join(", ")),
        (words.validity, period),
        (words.key_usage, usage(&certificate.key_usage)),
        (words.extended_key_usage, usage(&certificate.extended_key_usage)),
        (words.key, certificate.key_algorithm.clone()),
        (words.key_place, (words.key_provider)(certificate.key_provider()).to_owned()),
        (words.key_name, certificate.key_name.clone()),
    ];
    if certificate.key_provider() != KeyProvider::None {
        let exportable = if certificate.exportable { texts.yes } else { texts.no };
        pairs.push((words.exportable, exportable.to_owned()));
    }
    pairs.extend([
        (words.signature, certificate.signature_algorithm.clone()),
        (words.serial, certificate.serial.clone()),
        ("SHA-256", certificate.sha256.clone()),
        ("SHA-1", certificate.sha1.clone()),
        (words.used_by, certificate.used_by.join(", ")),
    ]);
    pairs.retain(|(_, value)| !value.is_empty());
    pairs
}

/// Each link beneath the one that it signed.
fn chain(links: &[ChainLink], context: &mut Context) -> Result<(), Error> {
    let (texts, words) = (context.texts, context.texts.certificates);
    let branch = if has_unicode() { "└─ " } else { "`- " };
    for (depth, link) in links.iter().enumerate() {
        let unknown = Certificate::default();
        let certificate = link.certificate.as_ref().unwrap_or(&unknown);
        let before = match depth {
            0 => String::new(),
            depth => format!("{}{branch}", "   ".repeat(depth - 1)),
        };
        let mut line = format!("{before}{}", one_line(&certificate.subject));
        let days = (texts.days_left)(certificate.days_left);
        line.push_str(&format!("  {}", context.out.paint(list::until(certificate), &days)));
        if link.trusted_root {
            line.push_str(&format!("  {}", context.out.paint(Style::Good, words.trusted_root)));
        }
        context.out.line(&line)?;
        if !link.problem.is_empty() {
            let indent = " ".repeat(before.chars().count());
            let problem = context.out.paint(Style::Bad, &one_line(&texts.said(&link.problem)));
            context.out.line(&format!("{indent}{problem}"))?;
        }
    }
    Ok(())
}
