//! The way from a certificate to a root (RFC 5280 section 6), built from what this machine has and from nothing else.
//!
//! It is a forecast of what readers of the mail will find, so every link says what is wrong with it, where a verifier
//! would only say no. What it must never do is to call something good that is not: whatever it does not understand and is
//! marked critical is a problem.

use std::collections::HashSet;

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;

use super::name::rfc4514;
use super::read::{Details, parse};
use super::revocation::{self, Revocation};
use super::store::Authorities;
use crate::message::address::domain_to_ascii;

/// Links of a chain; real ones have two to four.
const MAX_LINKS: usize = 8;

/// Signatures checked for one chain, so that authorities of one name with many keys cost no more than this.
const MAX_CHECKS: usize = 64;

/// A certificate and those above it, as far as they are known.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The certificate itself first.
    pub links: Vec<Link>,
    /// What is wrong with a link or between them; `None`: nothing.
    pub problem: Option<String>,
    /// Why the end is no trusted root; `None`: it is one, or there is a `problem` that comes before this question.
    pub untrusted: Option<String>,
    /// What is known of revocation.
    pub revocation: Revocation,
}

/// One certificate of a chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// DER.
    pub certificate: Vec<u8>,
    /// Read.
    pub details: Details,
    /// A root that this machine trusts.
    pub trusted_root: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// Builds the chain of `certificate`. `with_it`: certificates that came with it. `now`: Unix seconds.
///
/// # Errors
/// The certificate itself cannot be read; why, as the end of a sentence.
pub(super) fn build(
    certificate: &[u8],
    with_it: &[Vec<u8>],
    known: &Authorities,
    now: i64,
) -> Result<Chain, String> {
    let leaf = parse(certificate)?;
    let roots: HashSet<&[u8]> = known.roots.iter().map(Vec::as_slice).collect();
    let others = with_it.iter().chain(&known.intermediates);
    let pool =
        known.roots.iter().chain(others).filter_map(|der| parse(der).ok().map(|parsed| (&der[..], parsed)));
    let mut search = Search { pool: pool.collect(), roots, now, checks: MAX_CHECKS };
    let mut path = vec![(certificate, leaf)];
    search.extend(&mut path);
    Ok(describe(&path, &search, known))
}

type Parsed<'a> = (&'a [u8], X509Certificate<'a>);

struct Search<'a> {
    pool: Vec<Parsed<'a>>,
    roots: HashSet<&'a [u8]>,
    now: i64,
    checks: usize,
}

impl<'a> Search<'a> {
    /// Extends `path` by the best issuers there are; `true`: up to a trusted root, with nothing wrong.
    fn extend(&mut self, path: &mut Vec<Parsed<'a>>) -> bool {
        let Some((last_der, last)) = path.last().cloned() else { return false };
        if self.roots.contains(last_der) {
            return (0..path.len()).all(|at| self.problem(path, at).is_none());
        }
        if path.len() >= MAX_LINKS || is_self_issued(&last) && self.signed(&last, &last) {
            return false;
        }
        let mut issuers: Vec<_> =
            self.pool.iter().filter(|(_, issuer)| names_issuer(&last, issuer)).cloned().collect();
        // Trusted ones first, then those that are valid now, then those that end last.
        issuers.sort_by_key(|(der, issuer)| {
            let over = !in_period(issuer, self.now);
            (!self.roots.contains(der), over, std::cmp::Reverse(issuer.validity().not_after.timestamp()))
        });
        let depth = path.len();
        let mut best: Option<Vec<Parsed<'a>>> = None;
        for issuer in issuers {
            if path.iter().any(|(der, _)| *der == issuer.0) || !self.signed(&last, &issuer.1) {
                continue;
            }
            path.push(issuer);
            if self.extend(path) {
                return true;
            }
            // Nothing is right all the way: the first that was found is the one to tell about, unless another gets to a root.
            let reaches = |path: &[Parsed<'_>]| path.last().is_some_and(|(der, _)| self.roots.contains(der));
            if best.as_ref().is_none_or(|best| !reaches(best) && reaches(path)) {
                best = Some(path.clone());
            }
            path.truncate(depth);
        }
        if let Some(best) = best {
            *path = best;
        }
        false
    }

    fn signed(&mut self, certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
        if self.checks == 0 {
            return false;
        }
        self.checks -= 1;
        // Both places name the algorithm, and only one of them is signed (RFC 5280 section 4.1.1.2).
        certificate.signature_algorithm == certificate.tbs_certificate.signature
            && certificate.verify_signature(Some(issuer.public_key())).is_ok()
    }

    /// What is wrong with the link at `at`, other than that nothing comes after it.
    fn problem(&self, path: &[Parsed<'_>], at: usize) -> Option<String> {
        let (der, certificate) = &path[at];
        let root = self.roots.contains(der);
        if !in_period(certificate, self.now) && at > 0 {
            let over = certificate.validity().not_after.timestamp() < self.now;
            let end = if over { certificate.validity().not_after } else { certificate.validity().not_before };
            let what = if over { "is over since" } else { "begins only on" };
            return Some(format!("its validity {what} {}", day(end.timestamp())));
        }
        if let Some(oid) = unknown_critical(certificate) {
            return Some(format!("it has the critical extension {oid}, which is not understood here"));
        }
        // The root's own signature says nothing: it is trusted because it is in the store.
        if !root && weak(certificate) {
            return Some("it is signed with MD5 or SHA-1, which readers do not accept".to_owned());
        }
        (at > 0).then(|| authority_problem(path, at)).flatten()
    }
}

fn describe(path: &[Parsed<'_>], search: &Search<'_>, known: &Authorities) -> Chain {
    let mut links: Vec<Link> = Vec::new();
    for (at, (der, _)) in path.iter().enumerate() {
        let Ok(details) = Details::read(der) else { break };
        let trusted_root = search.roots.contains(der);
        links.push(Link {
            certificate: der.to_vec(),
            details,
            trusted_root,
            problem: search.problem(path, at),
        });
    }
    let revocation = revocation::judge(path, known, search.now);
    let mut chain = Chain { links, problem: None, untrusted: None, revocation };
    let Some((last_der, last)) = path.last() else { return chain };
    if !search.roots.contains(last_der)
        && let Some(link) = chain.links.last_mut()
    {
        if is_self_issued(last) && last.verify_signature(None).is_ok() {
            let what = if path.len() == 1 { "the certificate is self-signed, and" } else { "its root" };
            let text = format!("{what} {:?} is not trusted by this machine", link.details.subject);
            chain.untrusted = Some(text);
        } else {
            let names =
                search.pool.iter().any(|(_, issuer)| issuer.subject().as_raw() == last.issuer().as_raw());
            let issuer = &link.details.issuer;
            let text = if names {
                format!("no certificate of its issuer {issuer:?} that is at hand has the key that signed it")
            } else {
                format!("the certificate of its issuer {issuer:?} is not at hand")
            };
            link.problem.get_or_insert(text);
        }
    }
    chain.problem = chain.links.iter().enumerate().find_map(|(at, link)| {
        let problem = link.problem.as_ref()?;
        Some(match at {
            0 => problem.clone(),
            _ => format!("{:?}: {problem}", link.details.subject),
        })
    });
    chain
}

fn in_period(certificate: &X509Certificate<'_>, now: i64) -> bool {
    let validity = certificate.validity();
    (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

/// The names fit, and the key identifiers where both have them.
fn names_issuer(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    if certificate.issuer().as_raw() != issuer.subject().as_raw() {
        return false;
    }
    let wanted = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    });
    let has = issuer.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    });
    match (wanted, has) {
        (Some(wanted), Some(has)) => wanted == has,
        _ => true,
    }
}

/// Why this certificate cannot have issued those below it.
fn authority_problem(path: &[Parsed<'_>], at: usize) -> Option<String> {
    let certificate = &path[at].1;
    // Certificates of version 1 have no extensions; old roots are such.
    if certificate.version().0 == 0 && at + 1 == path.len() {
        return None;
    }
    let mut authority = false;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(constraints) => {
                authority = constraints.ca;
                // Authorities between this one and the first certificate; those that renew themselves do not count.
                let between = path[1..at].iter().filter(|(_, below)| !is_self_issued(below)).count();
                if constraints.path_len_constraint.is_some_and(|most| between as u64 > u64::from(most)) {
                    return Some("it may not have so many authorities below it (path length)".to_owned());
                }
            }
            ParsedExtension::KeyUsage(usage) if !usage.key_cert_sign() => {
                return Some("its key usage does not let it issue certificates".to_owned());
            }
            ParsedExtension::ExtendedKeyUsage(usage) if !usage.any && !usage.email_protection => {
                return Some(
                    "its extended key usage does not let it issue certificates for e-mail".to_owned(),
                );
            }
            ParsedExtension::NameConstraints(constraints) => {
                let listed =
                    |trees: &Option<Vec<_>>| trees.as_ref().map_or_else(Vec::new, |trees| addresses(trees));
                let (permitted, excluded) =
                    (listed(&constraints.permitted_subtrees), listed(&constraints.excluded_subtrees));
                let Ok(leaf) = Details::read(path[0].0) else { continue };
                for address in &leaf.addresses {
                    let within = |tree: &String| within(address, tree);
                    if excluded.iter().any(within) || !permitted.is_empty() && !permitted.iter().any(within) {
                        return Some(format!("its name constraints do not let it certify {address}"));
                    }
                }
            }
            _ => {}
        }
    }
    (!authority).then(|| "it is not an authority (basic constraints)".to_owned())
}

fn addresses(trees: &[x509_parser::extensions::GeneralSubtree<'_>]) -> Vec<String> {
    let tree = |tree: &x509_parser::extensions::GeneralSubtree<'_>| match &tree.base {
        GeneralName::RFC822Name(name) => Some((*name).to_owned()),
        _ => None,
    };
    trees.iter().filter_map(tree).collect()
}

/// Whether an address is in a subtree (RFC 5280 section 4.2.1.10): a mailbox, a host, or ".domain" for all hosts below.
fn within(address: &str, tree: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let domain = domain_to_ascii(domain).unwrap_or_else(|| domain.to_ascii_lowercase());
    match tree.rsplit_once('@') {
        Some((tree_local, host)) => local == tree_local && host.eq_ignore_ascii_case(&domain),
        None if tree.starts_with('.') => domain.ends_with(&tree.to_ascii_lowercase()),
        None => tree.eq_ignore_ascii_case(&domain),
    }
}

fn weak(certificate: &X509Certificate<'_>) -> bool {
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    // MD2, MD5 and SHA-1 with RSA, SHA-1 with ECDSA.
    [
        "1.2.840.113549.1.1.2",
        "1.2.840.113549.1.1.4",
        "1.2.840.113549.1.1.5",
        "1.3.14.3.2.29",
        "1.2.840.10045.4.1",
    ]
    .contains(&oid.as_str())
}

fn unknown_critical(certificate: &X509Certificate<'_>) -> Option<String> {
    let unknown = |extension: &ParsedExtension<'_>| {
        matches!(
            extension,
            ParsedExtension::UnsupportedExtension { .. }
                | ParsedExtension::ParseError { .. }
                | ParsedExtension::Unparsed
        )
    };
    let found = certificate.extensions().iter().find(|e| e.critical && unknown(e.parsed_extension()));
    found.map(|extension| extension.oid.to_id_string())
}

/// A date for people.
pub(super) fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| "an unknown day".to_owned(),
        |at| at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
    )
}

/// A name for people, of a parsed certificate.
pub(super) fn subject(certificate: &X509Certificate<'_>) -> String {
    rfc4514(certificate.subject())
}

#[cfg(test)]
mod tests;
