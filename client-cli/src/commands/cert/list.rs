//! `cert list`, and how a certificate looks in a line.

use faxpost_proto::v1::{Certificate, KeyProvider, ListCertificatesRequest, ListCertificatesResponse};

use crate::{
    commands::{Context, request},
    error::Error,
    output::{
        style::Style,
        table::{Cell, Fit, Table},
    },
    times,
};

/// Digits of a fingerprint in a list: nobody has so many certificates that two begin alike.
const SHORT: usize = 16;

/// From here on somebody should think of the next one.
const SOON: i32 = 30;

/// What the daemon gives on one page at most.
const PAGE: i32 = 100;

pub(super) async fn run(context: &mut Context) -> Result<(), Error> {
    let mut client = context.certificates().await?;
    let mut all = ListCertificatesResponse::default();
    loop {
        let page = ListCertificatesRequest { page_size: PAGE, page_token: all.next_page_token };
        let page = client.list_certificates(request(page)).await?.into_inner();
        all.certificates.extend(page.certificates);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if context.out.is_json() {
        return context.out.json(&all);
    }
    show(&all.certificates, context)
}

/// A table of certificates.
pub(super) fn show(certificates: &[Certificate], context: &mut Context) -> Result<(), Error> {
    if certificates.is_empty() {
        return context.out.note(context.texts.nothing);
    }
    let words = context.texts.certificates;
    let mut table = Table::new([
        (words.fingerprint, Fit::Whole),
        (words.subject, Fit::Shorten),
        (words.until, Fit::Whole),
        (words.addresses, Fit::ShortenOrDrop),
        (words.key, Fit::WholeOrDrop),
        (words.key_place, Fit::WholeOrDrop),
        (words.used_by, Fit::ShortenOrDrop),
    ]);
    for certificate in certificates {
        let key = match certificate.key_provider() {
            KeyProvider::None => Cell::styled((words.key_provider)(KeyProvider::None), Style::Warn),
            provider => (words.key_provider)(provider).into(),
        };
        table.row([
            short(certificate).into(),
            (&*certificate.subject).into(),
            Cell::styled(times::local_date(certificate.not_after.as_ref()), until(certificate)),
            certificate.addresses.join(", ").into(),
            (&*certificate.key_algorithm).into(),
            key,
            certificate.used_by.join(", ").into(),
        ]);
    }
    context.out.table(&table)
}

/// The beginning of its fingerprint: enough to name it.
pub(super) fn short(certificate: &Certificate) -> &str {
    certificate.sha256.get(..SHORT).unwrap_or(&certificate.sha256)
}

/// How its end looks.
pub(super) fn until(certificate: &Certificate) -> Style {
    match certificate.days_left {
        ..0 => Style::Bad,
        0..SOON => Style::Warn,
        _ => Style::Plain,
    }
}
