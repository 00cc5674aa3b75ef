//! ListCertificates, GetCertificate, ListCandidates.

use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Kind, pem};
use tonic::Code;

use crate::kit::{Fixture, SENDER, as_pem, invalid, ok, refused};

#[tokio::test]
async fn c1_the_store_is_listed_page_by_page_and_what_ends_last_comes_first() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.list().await, []);
    let mut ends = Vec::new();
    for year in [2050, 2090, 2070] {
        let mut params = fixture.pki.params(SENDER);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let issued = fixture.pki.issue(params, Kind::EcP256);
        fixture.install(&issued).await;
        ends.push((std::cmp::Reverse(year), issued.fingerprint()));
    }
    ends.sort();
    let expected: Vec<_> = ends.into_iter().map(|(_, fingerprint)| fingerprint).collect();

    let mut client = fixture.daemon.certificates().await;
    let mut page = |size, token: String| {
        let request = v1::ListCertificatesRequest { page_size: size, page_token: token };
        let mut client = client.clone();
        async move { client.list_certificates(request).await }
    };
    let first = ok(page(2, String::new()).await);
    let second = ok(page(2, first.next_page_token.clone()).await);
    assert_eq!((first.certificates.len(), second.next_page_token.as_str()), (2, ""));
    let all = [first.certificates, second.certificates].concat();
    assert_eq!(all.iter().map(|certificate| certificate.sha256.clone()).collect::<Vec<_>>(), expected);

    invalid(page(-1, String::new()).await, "page_size");
    invalid(page(0, "x".to_owned()).await, "page_token");
    let _ = &mut client;
}

#[tokio::test]
async fn c2_a_certificate_is_shown_with_its_chain_its_trust_and_who_may_use_its_key() {
    let fixture = Fixture::start().await;
    let issued = fixture.installed(SENDER, Kind::Rsa2048).await;
    let shown = fixture.get(&issued.fingerprint()).await.unwrap();
    let certificate = shown.certificate.unwrap();
    assert_eq!(certificate.subject, format!("CN={SENDER}"));
    assert_eq!(certificate.issuer, "CN=Test Intermediate CA");
    assert_eq!((certificate.serial.as_str(), certificate.key_algorithm.as_str()), ("01020304", "RSA 2048"));
    assert_eq!(certificate.addresses, [SENDER]);
    assert_eq!(
        (certificate.key_usage, certificate.extended_key_usage),
        (vec!["digitalSignature".to_owned()], vec!["emailProtection".to_owned()])
    );
    assert_eq!(certificate.key_provider, i32::from(v1::KeyProvider::File));
    assert!(certificate.key_name.ends_with("key.p8") && certificate.days_left > 365);
    assert_eq!(certificate.der, issued.certificate);
    let links: Vec<_> = shown
        .chain
        .iter()
        .map(|link| {
            (link.certificate.as_ref().unwrap().subject.as_str(), link.trusted_root, link.problem.as_str())
        })
        .collect();
    let expected = [
        (&*format!("CN={SENDER}"), false, ""),
        ("CN=Test Intermediate CA", false, ""),
        ("CN=Test Root CA", true, ""),
    ];
    assert_eq!(links, expected);
    assert_eq!(
        (shown.chain_problem.as_str(), shown.revocation.as_str()),
        ("", "no revocation list is at hand")
    );
    assert!(shown.key_holders.iter().all(|holder| holder.builtin && holder.access == "full"));
    assert!(shown.redacted.is_empty() && shown.key_holders.iter().any(|holder| holder.id == "uid:0"));

    // However people write it.
    let sha256 = issued.fingerprint();
    let colons: Vec<_> =
        sha256.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap().to_uppercase()).collect();
    for written in
        [&sha256[..8], &colons.join(":"), &certificate.sha1, &format!("\u{200e}{}", colons.join(" "))]
    {
        let found = fixture.get(written).await.unwrap().certificate.unwrap();
        assert_eq!(found.sha256, sha256, "{written}");
    }
}

#[tokio::test]
async fn c2_a_certificate_that_is_not_there_or_not_named_is_told() {
    let fixture = Fixture::start().await;
    for wrong in ["", "abcdef0", "xyzxyzxyz", &"a".repeat(65), "../../etc"] {
        invalid(fixture.get(wrong).await, "fingerprint");
    }
    let text =
        refused(fixture.get(&"ab".repeat(32)).await, Code::NotFound, reason::CERTIFICATE_NOT_FOUND, &[]);
    assert!(text.contains("faxpost cert list"), "{text}");
}

#[tokio::test]
async fn c2_the_missing_link_and_an_own_authority() {
    let daemon = TestDaemon::start().await;
    let pki = faxpost_tests::pki::Pki::new(Kind::EcP256);
    let mut issued = pki.person(SENDER, Kind::EcP256);
    issued.chain.clear();
    let mut client = daemon.certificates().await;
    ok(client.install_certificate(as_pem(&issued)).await);
    let request = v1::GetCertificateRequest { fingerprint: issued.fingerprint() };
    let problem = ok(client.get_certificate(request.clone()).await).chain_problem;
    assert_eq!(problem, "the certificate of its issuer \"CN=Test Intermediate CA\" is not at hand");

    // An administrator puts them there; a change of the store has it looked at anew.
    let authorities = daemon.state_dir().join("certificates/authorities");
    std::fs::write(
        authorities.join("own.pem"),
        pem("CERTIFICATE", &pki.root()) + &pem("CERTIFICATE", &pki.intermediate()),
    )
    .unwrap();
    let lists = daemon.state_dir().join("certificates/revocation");
    std::fs::write(lists.join("own.crl"), pki.revocation_list(&[9], 2099)).unwrap();
    let other = pki.person("other@example.test", Kind::EcP256);
    ok(client.install_certificate(as_pem(&other)).await);
    let shown = ok(client.get_certificate(request).await);
    assert_eq!((shown.chain_problem.as_str(), shown.chain.len()), ("", 3));
    assert_eq!(shown.revocation, "not on the list of \"CN=Test Intermediate CA\" from 2025-01-01");
}

#[tokio::test]
async fn c1_c3_candidates_are_judged_with_every_unmet_requirement_and_the_best_first() {
    let fixture = Fixture::start().await;
    let good = fixture.installed(SENDER, Kind::EcP256).await;
    let mut params = fixture.pki.params("other@example.test");
    params.not_after = rcgen::date_time_ymd(2024, 1, 1);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let bad = fixture.pki.issue(params, Kind::EcP256);
    fixture.install(&bad).await;
    // Of the caller's own store: judged as if it were installed; his copy of an installed one is the installed one.
    let mine = fixture.pki.person(SENDER, Kind::Rsa2048);
    let request = v1::ListCandidatesRequest {
        sender_email: "fax@EXAMPLE.test".to_owned(),
        certificates: vec![
            mine.certificate.clone().into(),
            fixture.pki.intermediate().into(),
            good.certificate.clone().into(),
        ],
        ..v1::ListCandidatesRequest::default()
    };
    let answer = fixture.candidates(request).await;
    assert_eq!(answer.sender_email, "fax@EXAMPLE.test");
    assert!(!answer.service_account_name.is_empty() && answer.service_account_id.starts_with("uid:"));
    let found: Vec<_> = answer
        .candidates
        .iter()
        .map(|candidate| {
            let unmet: Vec<_> = candidate.unmet.iter().map(v1::UnmetRequirement::requirement).collect();
            (candidate.certificate.as_ref().unwrap().sha256.clone(), candidate.from_request, unmet)
        })
        .collect();
    use v1::Requirement::{Address, ExtendedKeyUsage, Period};
    assert_eq!(found.len(), 4);
    let mut best = [(good.fingerprint(), false, vec![]), (mine.fingerprint(), true, vec![])];
    best.sort();
    assert_eq!(found[..2], best);
    assert_eq!(found[3], (bad.fingerprint(), false, vec![Address, Period, ExtendedKeyUsage]));
    let texts: Vec<_> = answer.candidates[3].unmet.iter().map(|unmet| unmet.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "It is for other@example.test, not for fax@EXAMPLE.test.",
            "It is over since 2024-01-01.",
            "Its extended key usage is serverAuth, without emailProtection.",
        ]
    );
}

#[tokio::test]
async fn c1_candidates_name_the_field_that_is_wrong() {
    let fixture = Fixture::start().await;
    let mut client = fixture.daemon.certificates().await;
    let account = v1::ListCandidatesRequest { account: "nobody".to_owned(), ..Default::default() };
    refused(client.list_candidates(account).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND, &[]);
    let sender = v1::ListCandidatesRequest { sender_email: "nobody".to_owned(), ..Default::default() };
    invalid(client.list_candidates(sender).await, "sender_email");
    for certificates in
        [vec![b"garbage".to_vec().into()], vec![vec![0_u8; 70_000].into()], vec![bytes::Bytes::new(); 51]]
    {
        let request = v1::ListCandidatesRequest { certificates, ..Default::default() };
        invalid(client.list_candidates(request).await, "certificates");
    }
}
