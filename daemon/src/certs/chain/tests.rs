use rcgen::{
    BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};

use super::*;
use crate::certs::test_pki::{Issued, Kind, Pki, authority, key_pair};

/// 2026-01-01.
const NOW: i64 = 1_767_225_600;

fn trusting(pki: &Pki) -> Authorities {
    Authorities { roots: vec![pki.root()], ..Authorities::default() }
}

fn chain_of(issued: &Issued, known: &Authorities) -> Chain {
    build(&issued.certificate, &issued.chain, known, NOW).unwrap()
}

#[test]
fn c2_a_chain_goes_up_to_a_trusted_root() {
    for kind in [Kind::EcP256, Kind::Rsa2048, Kind::EcP384, Kind::Ed25519] {
        let pki = Pki::new(kind);
        let person = pki.person("fax@example.com", Kind::EcP256);
        let chain = chain_of(&person, &trusting(&pki));
        assert_eq!((&chain.problem, &chain.untrusted), (&None, &None), "{kind:?}");
        let links: Vec<_> =
            chain.links.iter().map(|link| (link.details.subject.as_str(), link.trusted_root)).collect();
        assert_eq!(
            links,
            [("CN=fax@example.com", false), ("CN=Test Intermediate CA", false), ("CN=Test Root CA", true)]
        );
        assert_eq!(
            chain.revocation,
            Revocation { revoked: false, text: "no revocation list is at hand".to_owned() }
        );
    }
}

#[test]
fn c2_intermediates_may_come_from_the_machine() {
    let pki = Pki::new(Kind::EcP256);
    let person = pki.person("fax@example.com", Kind::EcP256);
    let known = Authorities { intermediates: vec![pki.intermediate()], ..trusting(&pki) };
    let chain = build(&person.certificate, &[], &known, NOW).unwrap();
    assert_eq!((chain.links.len(), chain.problem, chain.untrusted), (3, None, None));
}

#[test]
fn c3_the_missing_link_is_named() {
    let pki = Pki::new(Kind::EcP256);
    let person = pki.person("fax@example.com", Kind::EcP256);
    let chain = build(&person.certificate, &[], &trusting(&pki), NOW).unwrap();
    let problem = "the certificate of its issuer \"CN=Test Intermediate CA\" is not at hand";
    assert_eq!(chain.problem.as_deref(), Some(problem));
    assert_eq!((chain.links.len(), chain.untrusted), (1, None));

    let chain = build(&person.certificate, &[pki.intermediate()], &Authorities::default(), NOW).unwrap();
    let problem =
        "\"CN=Test Intermediate CA\": the certificate of its issuer \"CN=Test Root CA\" is not at hand";
    assert_eq!(chain.problem.as_deref(), Some(problem));
}

#[test]
fn c3_a_root_that_is_not_trusted_is_named() {
    let pki = Pki::new(Kind::EcP256);
    let person = pki.person("fax@example.com", Kind::EcP256);
    let chain = chain_of(&person, &Authorities::default());
    assert_eq!(chain.problem, None);
    assert_eq!(chain.untrusted.unwrap(), "its root \"CN=Test Root CA\" is not trusted by this machine");

    let alone = pki.params("fax@example.com").self_signed(&key_pair(Kind::EcP256)).unwrap();
    let chain = build(alone.der(), &[], &trusting(&pki), NOW).unwrap();
    let text = "the certificate is self-signed, and \"CN=fax@example.com\" is not trusted by this machine";
    assert_eq!((chain.problem, chain.untrusted.unwrap().as_str()), (None, text));
}

#[test]
fn c2_an_authority_of_the_same_name_with_another_key_is_not_the_issuer() {
    let (pki, other) = (Pki::new(Kind::EcP256), Pki::new(Kind::EcP256));
    let person = pki.person("fax@example.com", Kind::EcP256);
    let chain = build(
        &person.certificate,
        &other.person("x@example.com", Kind::EcP256).chain,
        &trusting(&other),
        NOW,
    );
    let problem = chain.unwrap().problem.unwrap();
    assert!(problem.ends_with("has the key that signed it"), "{problem}");
}

#[test]
fn c2_a_signature_that_was_altered_makes_no_chain() {
    let pki = Pki::new(Kind::EcP256);
    let mut person = pki.person("fax@example.com", Kind::EcP256);
    *person.certificate.last_mut().unwrap() ^= 1;
    assert!(chain_of(&person, &trusting(&pki)).problem.is_some());
}

#[test]
fn c2_the_right_way_is_found_among_wrong_ones() {
    let pki = Pki::new(Kind::EcP256);
    let person = pki.person("fax@example.com", Kind::EcP256);
    // Many of the intermediate's name, none of its key; and bytes that are no certificate.
    let mut with_it: Vec<_> = (0..30).map(|_| Pki::new(Kind::EcP256).intermediate()).collect();
    with_it.extend([pki.intermediate(), b"garbage".to_vec(), Vec::new()]);
    let chain = build(&person.certificate, &with_it, &trusting(&pki), NOW).unwrap();
    assert_eq!((chain.links.len(), chain.problem, chain.untrusted), (3, None, None));
}

/// The problem of a chain whose intermediate is like this.
fn problem_with(params: rcgen::CertificateParams) -> Option<String> {
    let pki = Pki::with_intermediate(Kind::EcP256, params);
    chain_of(&pki.person("fax@example.com", Kind::EcP256), &trusting(&pki)).problem
}

#[test]
fn c3_an_authority_that_may_not_issue_is_named_with_the_reason() {
    let with = |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        let mut params = authority("Odd CA");
        change(&mut params);
        problem_with(params).unwrap_or_default()
    };
    for (change, expected) in [
        (
            &(|p: &mut rcgen::CertificateParams| p.is_ca = IsCa::ExplicitNoCa)
                as &dyn Fn(&mut rcgen::CertificateParams),
            "\"CN=Odd CA\": it is not an authority (basic constraints)",
        ),
        (
            &|p| p.key_usages = vec![KeyUsagePurpose::CrlSign],
            "\"CN=Odd CA\": its key usage does not let it issue certificates",
        ),
        (
            &|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            "\"CN=Odd CA\": its extended key usage does not let it issue certificates for e-mail",
        ),
        (
            &|p| p.not_after = date_time_ymd(2024, 2, 3),
            "\"CN=Odd CA\": its validity is over since 2024-02-03",
        ),
        (
            &|p| p.not_before = date_time_ymd(2040, 2, 3),
            "\"CN=Odd CA\": its validity begins only on 2040-02-03",
        ),
        (
            &|p| {
                let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                extension.set_criticality(true);
                p.custom_extensions.push(extension);
            },
            "\"CN=Odd CA\": it has the critical extension 1.2.3.4, which is not understood here",
        ),
        (
            &|p| {
                let tree = GeneralSubtree::Rfc822Name("example.org".to_owned());
                p.name_constraints =
                    Some(NameConstraints { permitted_subtrees: vec![tree], excluded_subtrees: Vec::new() });
            },
            "\"CN=Odd CA\": its name constraints do not let it certify fax@example.com",
        ),
        (
            &|p| {
                let tree = GeneralSubtree::Rfc822Name("fax@EXAMPLE.com".to_owned());
                p.name_constraints =
                    Some(NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: vec![tree] });
            },
            "\"CN=Odd CA\": its name constraints do not let it certify fax@example.com",
        ),
    ] {
        assert_eq!(with(change), expected);
    }
    let mut permitted = authority("Fine CA");
    let tree = GeneralSubtree::Rfc822Name("Example.com".to_owned());
    permitted.name_constraints =
        Some(NameConstraints { permitted_subtrees: vec![tree], excluded_subtrees: Vec::new() });
    permitted.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    assert_eq!(problem_with(permitted), None);
}

#[test]
fn c3_a_path_that_is_too_long_for_an_authority_is_refused() {
    let key = key_pair(Kind::EcP256);
    let mut params = authority("Narrow Root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let root = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
    let middle =
        rcgen::CertifiedIssuer::signed_by(authority("Middle"), key_pair(Kind::EcP256), &root).unwrap();
    let person =
        Pki::new(Kind::EcP256).params("fax@example.com").signed_by(&key_pair(Kind::EcP256), &middle).unwrap();
    let known = Authorities { roots: vec![root.as_ref().der().to_vec()], ..Authorities::default() };
    let chain = build(person.der(), &[middle.as_ref().der().to_vec()], &known, NOW).unwrap();
    assert!(chain.problem.unwrap().contains("path length"));
}

#[test]
fn c2_c8_revocation_is_told_from_the_lists_at_hand() {
    let pki = Pki::new(Kind::EcP256);
    let person = pki.person("fax@example.com", Kind::EcP256);
    let with = |lists: Vec<Vec<u8>>| {
        let known = Authorities { revocation_lists: lists, ..trusting(&pki) };
        let Revocation { revoked, text } = chain_of(&person, &known).revocation;
        (revoked, text)
    };
    let list = "the list of \"CN=Test Intermediate CA\" from 2025-01-01";
    assert_eq!(with(vec![pki.revocation_list(&[7], 2099)]), (false, format!("not on {list}")));
    let stale = format!("not on {list}, which is out of date");
    assert_eq!(with(vec![pki.revocation_list(&[7], 2025)]), (false, stale));
    let revoked = format!("it is revoked since 2024-06-01, by {list}");
    assert_eq!(
        with(vec![b"garbage".to_vec(), pki.revocation_list(&[7, 0x0102_0304], 2099)]),
        (true, revoked)
    );
    // Of the same name, and signed by another key: worth nothing.
    let forged = Pki::new(Kind::EcP256).revocation_list(&[0x0102_0304], 2099);
    assert_eq!(with(vec![forged]), (false, "no revocation list is at hand".to_owned()));
}

#[test]
fn c3_the_subtrees_of_addresses_are_those_of_rfc_5280() {
    for (address, tree, expected) in [
        ("a@example.com", "example.com", true),
        ("a@mail.example.com", "example.com", false),
        ("a@mail.example.com", ".example.com", true),
        ("a@example.com", ".example.com", false),
        ("a@EXAMPLE.com", "A@example.com", false),
        ("a@EXAMPLE.com", "a@example.com", true),
        ("nothing", "example.com", false),
    ] {
        assert_eq!(within(address, tree), expected, "{address} in {tree}");
    }
}
