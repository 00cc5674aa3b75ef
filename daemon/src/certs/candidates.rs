//! Which certificate can sign for a sender (requirement C3): every requirement that one does not meet, with a sentence,
//! and the best first.

use super::chain::{Chain, day};
use super::name::dangerous;
use super::read::Details;
use crate::message::address::parse_addr_spec;

/// What a certificate must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// The sender's address is in it.
    Address,
    /// It has begun and is not over.
    Period,
    /// Its key may sign.
    KeyUsage,
    /// It is for e-mail.
    ExtendedKeyUsage,
    /// Its key's algorithm is one that signs here.
    Algorithm,
    /// Each link to a root is at hand and right.
    Chain,
    /// The root is trusted here.
    Trust,
    /// Its private key is in the machine's store.
    Key,
    /// The service account may use the key.
    KeyAccess,
    /// It is not on a revocation list that is at hand.
    Revocation,
}

/// A requirement that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Which.
    pub requirement: Requirement,
    /// What is wrong, one sentence.
    pub text: String,
}

/// What is known of a certificate's private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState<'a> {
    /// In the store, and the service account may use it.
    Usable,
    /// Not in the store.
    Missing,
    /// In the store, and this service account may not use it.
    Denied(&'a str),
    /// Not to be judged: the certificate is not in the machine's store yet.
    NotAsked,
}

/// Judges a certificate for this sender at `now` (Unix seconds).
#[must_use]
pub fn judge(details: &Details, chain: &Chain, key: KeyState<'_>, sender: &str, now: i64) -> Vec<Unmet> {
    let none = |what: Option<String>, requirement| what.map(|text| Unmet { requirement, text });
    let revoked = chain.revocation.revoked.then(|| sentence(&chain.revocation.text));
    [
        none(address(details, sender), Requirement::Address),
        none(period(details, now), Requirement::Period),
        none(key_usage(details), Requirement::KeyUsage),
        none(extended_key_usage(details), Requirement::ExtendedKeyUsage),
        none(algorithm(details), Requirement::Algorithm),
        none(chain.problem.as_deref().map(sentence), Requirement::Chain),
        none(chain.untrusted.as_deref().map(sentence), Requirement::Trust),
        none(revoked, Requirement::Revocation),
        none(key_missing(key), Requirement::Key),
        none(key_access(key), Requirement::KeyAccess),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Sorts the best first: the fewest unmet requirements, then the latest end. The fingerprint makes it the same every time.
pub(super) fn sort<T>(candidates: &mut [T], of: impl Fn(&T) -> (&Details, &[Unmet])) {
    candidates.sort_by_cached_key(|candidate| {
        let (details, unmet) = of(candidate);
        (unmet.len(), std::cmp::Reverse(details.not_after), details.sha256)
    });
}

/// Whether two addresses are the same to S/MIME (RFC 8550 section 3): the part before the @ to the letter, the domain
/// without regard to case, and an internationalised one in either form.
#[must_use]
pub fn same_address(left: &str, right: &str) -> bool {
    match (parse_addr_spec(left), parse_addr_spec(right)) {
        (Ok(left), Ok(right)) => {
            left.user() == right.user() && left.domain().eq_ignore_ascii_case(right.domain())
        }
        _ => left == right,
    }
}

fn address(details: &Details, sender: &str) -> Option<String> {
    let sender = &sender.replace(dangerous, "?");
    if details.addresses.iter().any(|address| same_address(address, sender)) {
        return None;
    }
    let (shown, more) = details.addresses.split_at(details.addresses.len().min(5));
    let mut list = shown.join(", ");
    if !more.is_empty() {
        list = format!("{list} and {} more", more.len());
    }
    Some(if list.is_empty() {
        format!("It names no e-mail address, and so is not for {sender}.")
    } else if details.addresses.iter().any(|address| address.to_lowercase() == sender.to_lowercase()) {
        format!("It is for {list}, not for {sender}: before the @ upper and lower case are different.")
    } else {
        format!("It is for {list}, not for {sender}.")
    })
}

fn period(details: &Details, now: i64) -> Option<String> {
    if now > details.not_after {
        return Some(format!("It is over since {}.", day(details.not_after)));
    }
    (now < details.not_before).then(|| format!("It begins only on {}.", day(details.not_before)))
}

fn key_usage(details: &Details) -> Option<String> {
    let usage = details.key_usage.as_ref()?;
    let signs = usage.iter().any(|usage| ["digitalSignature", "nonRepudiation"].contains(&usage.as_str()));
    (!signs).then(|| {
        format!(
            "Its key usage is {}, without digitalSignature or nonRepudiation: it does not sign.",
            list_of(usage)
        )
    })
}

fn extended_key_usage(details: &Details) -> Option<String> {
    let usage = details.extended_key_usage.as_ref()?;
    let mail = usage.iter().any(|usage| ["emailProtection", "anyExtendedKeyUsage"].contains(&usage.as_str()));
    (!mail).then(|| format!("Its extended key usage is {}, without emailProtection.", list_of(usage)))
}

fn list_of(usage: &[String]) -> String {
    if usage.is_empty() { "empty".to_owned() } else { usage.join(", ") }
}

fn algorithm(details: &Details) -> Option<String> {
    details.signs_with.is_none().then(|| {
        format!(
            "Its key is {}; what signs here is RSA of 2048 to 4096 bits and EC P-256.",
            details.key_algorithm
        )
    })
}

fn key_missing(key: KeyState<'_>) -> Option<String> {
    let text =
        "Its private key is not in the machine's store; install the certificate together with its key.";
    (key == KeyState::Missing).then(|| text.to_owned())
}

fn key_access(key: KeyState<'_>) -> Option<String> {
    let KeyState::Denied(account) = key else { return None };
    Some(format!(
        "The account {account} that mail is signed under may not use its private key; grant it access."
    ))
}

/// What a chain says, as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType, date_time_ymd};

    use super::super::chain::build;
    use super::super::store::Authorities;
    use super::super::test_pki::{Kind, Pki};
    use super::*;

    /// 2026-01-01.
    const NOW: i64 = 1_767_225_600;

    fn unmet(
        change: impl Fn(&mut CertificateParams),
        kind: Kind,
        key: KeyState<'_>,
        sender: &str,
    ) -> Vec<(Requirement, String)> {
        let pki = Pki::new(Kind::EcP256);
        let mut params = pki.params("fax@example.com");
        change(&mut params);
        let issued = pki.issue(params, kind);
        let known = Authorities { roots: vec![pki.root()], ..Authorities::default() };
        let chain = build(&issued.certificate, &issued.chain, &known, NOW).unwrap();
        let details = Details::read(&issued.certificate).unwrap();
        let found = judge(&details, &chain, key, sender, NOW);
        found.into_iter().map(|unmet| (unmet.requirement, unmet.text)).collect()
    }

    #[test]
    fn c1_c3_a_certificate_that_fits_meets_every_requirement() {
        for kind in [Kind::Rsa2048, Kind::EcP256] {
            for sender in ["fax@example.com", "fax@EXAMPLE.Com"] {
                assert_eq!(unmet(|_| {}, kind, KeyState::Usable, sender), []);
            }
        }
        let unlimited =
            |p: &mut CertificateParams| (p.key_usages, p.extended_key_usages) = (Vec::new(), Vec::new());
        assert_eq!(unmet(unlimited, Kind::EcP256, KeyState::NotAsked, "fax@example.com"), []);
        let committed = |p: &mut CertificateParams| {
            p.key_usages = vec![KeyUsagePurpose::ContentCommitment];
            p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
        };
        assert_eq!(unmet(committed, Kind::EcP256, KeyState::Usable, "fax@example.com"), []);
    }

    #[test]
    fn c3_each_requirement_that_fails_is_named_with_a_sentence() {
        type Change = fn(&mut CertificateParams);
        let same: Change = |_| {};
        let (ec, usable, sender) = (Kind::EcP256, KeyState::Usable, "fax@example.com");
        let table: &[(Change, Kind, KeyState<'_>, &str, Requirement, &str)] = &[
            (
                same,
                ec,
                usable,
                "a@example.org",
                Requirement::Address,
                "It is for fax@example.com, not for a@example.org.",
            ),
            (
                same,
                ec,
                usable,
                "Fax@example.com",
                Requirement::Address,
                "It is for fax@example.com, not for Fax@example.com: before the @ upper and lower case are different.",
            ),
            (
                |p| p.subject_alt_names.clear(),
                ec,
                usable,
                sender,
                Requirement::Address,
                "It names no e-mail address, and so is not for fax@example.com.",
            ),
            (
                |p| p.not_after = date_time_ymd(2025, 3, 4),
                ec,
                usable,
                sender,
                Requirement::Period,
                "It is over since 2025-03-04.",
            ),
            (
                |p| p.not_before = date_time_ymd(2030, 3, 4),
                ec,
                usable,
                sender,
                Requirement::Period,
                "It begins only on 2030-03-04.",
            ),
            (
                |p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
                ec,
                usable,
                sender,
                Requirement::KeyUsage,
                "Its key usage is keyEncipherment, without digitalSignature or nonRepudiation: it does not sign.",
            ),
            (
                |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
                ec,
                usable,
                sender,
                Requirement::ExtendedKeyUsage,
                "Its extended key usage is clientAuth, without emailProtection.",
            ),
            (
                same,
                Kind::EcP384,
                usable,
                sender,
                Requirement::Algorithm,
                "Its key is EC P-384; what signs here is RSA of 2048 to 4096 bits and EC P-256.",
            ),
            (
                same,
                ec,
                KeyState::Missing,
                sender,
                Requirement::Key,
                "Its private key is not in the machine's store; install the certificate together with its key.",
            ),
            (
                same,
                ec,
                KeyState::Denied("faxpost"),
                sender,
                Requirement::KeyAccess,
                "The account faxpost that mail is signed under may not use its private key; grant it access.",
            ),
        ];
        for (change, kind, key, sender, requirement, text) in table {
            assert_eq!(unmet(change, *kind, *key, sender), [(*requirement, (*text).to_owned())]);
        }
    }

    #[test]
    fn c3_all_that_fails_is_told_and_not_only_the_first() {
        let wrong = |p: &mut CertificateParams| {
            p.not_after = date_time_ymd(2025, 3, 4);
            p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        };
        let found = unmet(wrong, Kind::Ed25519, KeyState::Missing, "other@example.com");
        let requirements: Vec<_> = found.iter().map(|(requirement, _)| *requirement).collect();
        use Requirement::{Address, Algorithm, ExtendedKeyUsage, Key, Period};
        assert_eq!(requirements, [Address, Period, ExtendedKeyUsage, Algorithm, Key]);
    }

    #[test]
    fn c3_chain_trust_and_revocation_are_told_apart() {
        let pki = Pki::new(Kind::EcP256);
        let person = pki.person("fax@example.com", Kind::EcP256);
        let details = Details::read(&person.certificate).unwrap();
        let found = |with_it: &[Vec<u8>], known: Authorities| {
            let chain = build(&person.certificate, with_it, &known, NOW).unwrap();
            judge(&details, &chain, KeyState::Usable, "fax@example.com", NOW)
        };
        let unmet = |requirement, text: &str| [Unmet { requirement, text: text.to_owned() }];
        let text = "The certificate of its issuer \"CN=Test Intermediate CA\" is not at hand.";
        assert_eq!(found(&[], Authorities::default()), unmet(Requirement::Chain, text));
        let text = "Its root \"CN=Test Root CA\" is not trusted by this machine.";
        assert_eq!(found(&person.chain, Authorities::default()), unmet(Requirement::Trust, text));
        let known = Authorities {
            roots: vec![pki.root()],
            revocation_lists: vec![pki.revocation_list(&[0x0102_0304], 2099)],
            ..Authorities::default()
        };
        let found = found(&person.chain, known);
        assert_eq!((found.len(), found[0].requirement), (1, Requirement::Revocation));
        assert!(found[0].text.starts_with("It is revoked since 2024-06-01"), "{}", found[0].text);
    }

    #[test]
    fn c1_the_best_comes_first_and_the_order_is_always_the_same() {
        let pki = Pki::new(Kind::EcP256);
        let details = |year| {
            let mut params = pki.params("fax@example.com");
            params.not_after = date_time_ymd(year, 1, 1);
            Details::read(&pki.issue(params, Kind::EcP256).certificate).unwrap()
        };
        let unmet = || Unmet { requirement: Requirement::Period, text: String::new() };
        let mut found = vec![
            (details(2090), vec![unmet()]),
            (details(2030), vec![]),
            (details(2060), vec![]),
            (details(2095), vec![unmet(), unmet()]),
        ];
        let ends: Vec<_> = [2, 1, 0, 3].iter().map(|at: &usize| found[*at].0.not_after).collect();
        for _ in 0..4 {
            found.rotate_left(1);
            sort(&mut found, |(details, unmet)| (details, unmet));
            assert_eq!(found.iter().map(|(details, _)| details.not_after).collect::<Vec<_>>(), ends);
        }
    }

    #[test]
    fn c3_domains_compare_without_case_and_in_either_form_and_local_parts_to_the_letter() {
        for (left, right, same) in [
            ("a@example.com", "a@EXAMPLE.COM", true),
            ("A@example.com", "a@example.com", false),
            ("a@пример.рф", "a@xn--e1afmkfd.xn--p1ai", true),
            ("факс@пример.рф", "факс@xn--e1afmkfd.xn--p1ai", true),
            ("a@example.com", "a@example.com.", false),
            ("a", "a", true),
            ("a", "b", false),
        ] {
            assert_eq!(same_address(left, right), same, "{left} {right}");
        }
        let utf8 = |p: &mut CertificateParams| {
            let mailbox = rcgen::OtherNameValue::Utf8String("факс@пример.рф".to_owned());
            p.subject_alt_names = vec![SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 9], mailbox))];
        };
        assert_eq!(unmet(utf8, Kind::EcP256, KeyState::Usable, "факс@xn--e1afmkfd.xn--p1ai"), []);
    }
}
