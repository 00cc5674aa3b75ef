use proptest::prelude::*;

use super::super::asn1::write;
use super::super::test_pki::{Issued, Kind, Pki, pem as to_pem};
use super::*;

/// A file of another program, see tests/pkcs12/README.md.
fn file(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/pkcs12");
    std::fs::read(folder.join(format!("{name}.p12"))).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn open(name: &str, password: &str) -> Result<Identity, CertificateError> {
    pkcs12(&file(name), &secret(password))
}

fn subject(identity: &Identity) -> String {
    Details::read(&identity.certificate).unwrap().subject
}

#[test]
fn c4_files_of_other_programs_are_opened() {
    for (name, password, subject_is, chain) in [
        ("rsa-aes", "correct-horse", "CN=rsa@example.com", 1),
        ("ec-aes", "correct-horse", "CN=ec@example.com", 1),
        ("rsa-legacy", "correct-horse", "CN=rsa@example.com", 1),
        ("ec-legacy-rc2-128", "correct-horse", "CN=ec@example.com", 0),
        ("ec-sha512-mac", "correct-horse", "CN=ec@example.com", 0),
        ("ec-no-mac", "correct-horse", "CN=ec@example.com", 0),
        ("ec-plain", "", "CN=ec@example.com", 0),
        ("ec-empty-password", "", "CN=ec@example.com", 0),
        ("ec-unicode", "пароль-ключ", "CN=ec@example.com", 0),
        ("ec-aes-unicode", "пароль-ключ", "CN=ec@example.com", 0),
        ("java", "correct-horse", "CN=ec@example.com", 1),
    ] {
        let identity = open(name, password).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((subject(&identity).as_str(), identity.chain.len()), (subject_is, chain), "{name}");
        let public = Details::read(&identity.certificate).unwrap().public_key;
        assert_eq!(fit(&identity.key, &public), Fit::Fits(identity.key.clone()), "{name}");
    }
}

#[test]
fn c4_a_wrong_password_is_told_as_such() {
    for name in [
        "rsa-aes",
        "ec-aes",
        "rsa-legacy",
        "ec-legacy-rc2-128",
        "ec-sha512-mac",
        "ec-no-mac",
        "java",
        "no-key",
    ] {
        for password in ["wrong", "", "Correct-horse", "correct-horse "] {
            assert_eq!(open(name, password), Err(CertificateError::WrongPassword), "{name} {password:?}");
        }
    }
    assert_eq!(open("ec-empty-password", "x"), Err(CertificateError::WrongPassword));
    assert_eq!(CertificateError::WrongPassword.field(), Some("password"));
}

/// The field and the sentence of a refusal.
fn refused(result: Result<Identity, CertificateError>) -> (&'static str, &'static str, String) {
    let error = result.unwrap_err();
    (error.reason(), error.field().unwrap_or_default(), error.to_string())
}

#[test]
fn c4_what_is_missing_or_too_much_is_named() {
    for (name, reason, words) in [
        ("no-key", "KEY_MISSING", "no private key"),
        ("no-certificate", "INVALID_FIELD", "no certificate"),
        ("java-several", "INVALID_FIELD", "several certificates with private keys"),
        ("small-key", "INVALID_FIELD", "at least 2048 bits"),
        ("many-rounds", "INVALID_FIELD", "rounds of key derivation"),
    ] {
        let (found, field, text) = refused(open(name, "correct-horse"));
        assert_eq!((found, field), (reason, "pkcs12"), "{name}");
        assert!(text.contains(words), "{name}: {text}");
    }
    let (_, _, text) = refused(open("java-several", "correct-horse"));
    assert!(text.contains("CN=rsa@example.com") && text.contains("CN=ec@example.com"), "{text}");
    let (_, field, text) = refused(pkcs12(&vec![0; MAX_PKCS12 + 1], &secret("x")));
    assert!(field == "pkcs12" && text.contains("larger than 40000"), "{text}");
}

#[test]
fn c4_a_truncated_file_and_garbage_are_refused_with_the_field() {
    let whole = file("rsa-aes");
    for cut in (0..whole.len()).step_by(97) {
        let (reason, field, text) = refused(pkcs12(&whole[..cut], &secret("correct-horse")));
        assert_eq!((reason, field), ("INVALID_FIELD", "pkcs12"), "{cut}");
        assert!(text.contains("not a PKCS#12 file, or is damaged or cut off"), "{text}");
    }
    for garbage in [&b"garbage"[..], b"", &[0x30, 0x80], b"-----BEGIN CERTIFICATE-----"] {
        assert_eq!(refused(pkcs12(garbage, &secret("x"))).1, "pkcs12");
    }
}

/// The same in BER, as old programs write it: every length indefinite, every octet string in pieces of 100.
fn to_ber(der: &[u8]) -> Vec<u8> {
    let mut ber = Vec::new();
    let mut reader = Reader::new(der);
    while let Some(element) = reader.next() {
        if element.tag == 4 {
            let pieces: Vec<_> = element.content.chunks(100).map(|piece| write(4, &[piece])).collect();
            ber.extend([&[0x24, 0x80], &pieces.concat()[..], &[0, 0]].concat());
        } else if element.tag & 0x20 != 0 {
            ber.extend([&[element.tag, 0x80], &to_ber(element.content)[..], &[0, 0]].concat());
        } else {
            ber.extend_from_slice(element.whole);
        }
    }
    ber
}

#[test]
fn c4_ber_is_read_as_well() {
    for name in ["rsa-legacy", "ec-aes", "java"] {
        let identity = pkcs12(&to_ber(&file(name)), &secret("correct-horse")).unwrap();
        assert_eq!(identity, open(name, "correct-horse").unwrap());
    }
}

#[test]
fn c4_one_of_several_keys_is_chosen_if_it_alone_has_its_certificate() {
    let pki = Pki::new(Kind::EcP256);
    let [one, other] =
        [pki.person("one@example.com", Kind::EcP256), pki.person("two@example.com", Kind::EcP256)];
    let key = |issued: &Issued| (1, issued.key.clone());
    let file = |bags: &[(u8, Vec<u8>)]| pkcs12(&super::pkcs12::plain_file(bags), &secret(""));
    let certificate = |der: &[u8]| super::pkcs12::certificate_bag(der);

    let identity = file(&[
        key(&other),
        certificate(&pki.root()),
        certificate(&one.certificate),
        key(&one),
        certificate(&pki.intermediate()),
    ])
    .unwrap();
    assert_eq!((&identity.certificate, &identity.chain), (&one.certificate, &one.chain));
    let (_, field, text) = refused(file(&[key(&other), certificate(&one.certificate)]));
    assert_eq!((field, text.as_str()), ("pkcs12", "the private key is not that of the certificate"));
    let (_, _, text) = refused(file(&[
        key(&one),
        key(&other),
        certificate(&one.certificate),
        certificate(&other.certificate),
    ]));
    assert!(text.contains("several"), "{text}");
    let nested = (6, write(SEQUENCE, &[]));
    assert!(refused(file(&[nested])).2.contains("no certificate"));
    let many: Vec<_> = (0..51).map(|_| key(&one)).collect();
    assert!(refused(file(&many)).2.contains("more than 50"));
}

#[test]
fn c4_pem_comes_in_every_form_of_keys() {
    let pki = Pki::new(Kind::EcP256);
    for kind in [Kind::Rsa2048, Kind::EcP256] {
        let person = pki.person("fax@example.com", kind);
        let mut info = Reader::new(only(&person.key, SEQUENCE).unwrap());
        (info.take(INTEGER), info.take(SEQUENCE));
        let inner = info.take(4).unwrap();
        let old = if kind == Kind::Rsa2048 { "RSA PRIVATE KEY" } else { "EC PRIVATE KEY" };
        let whole = pem(&person.pem(), &secret(&person.key_pem())).unwrap();
        assert_eq!((&whole.certificate, &whole.chain), (&person.certificate, &person.chain));
        assert_eq!(pem(&person.pem(), &secret(&to_pem(old, inner))).unwrap(), whole);
        let both = format!("{}{}", person.key_pem(), person.pem());
        assert_eq!(pem(&both, &secret("")).unwrap(), whole);
    }
}

#[test]
fn c4_pem_that_does_not_serve_is_refused_with_its_field() {
    let pki = Pki::new(Kind::EcP256);
    let [person, other] = [Kind::Rsa2048, Kind::OtherRsa2048].map(|kind| pki.person("fax@example.com", kind));
    let ed = pki.person("fax@example.com", Kind::Ed25519);
    let old =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----";
    for (certificate, key, reason, field, words) in [
        (
            person.pem(),
            other.key_pem(),
            "INVALID_FIELD",
            "key_pem",
            "no private key belongs to a certificate",
        ),
        (person.pem(), String::new(), "KEY_MISSING", "key_pem", "no private key"),
        (String::new(), person.key_pem(), "INVALID_FIELD", "pem", "no certificate"),
        (person.pem(), to_pem("ENCRYPTED PRIVATE KEY", b"x"), "INVALID_FIELD", "key_pem", "encrypted"),
        (person.pem(), old.to_owned(), "INVALID_FIELD", "key_pem", "encrypted"),
        (person.pem(), "-----BEGIN PRIVATE KEY-----\nAA".to_owned(), "INVALID_FIELD", "key_pem", "cut off"),
        (person.pem(), to_pem("EC PRIVATE KEY", b"x"), "INVALID_FIELD", "key_pem", "damaged"),
        (ed.pem(), ed.key_pem(), "INVALID_FIELD", "key_pem", "cannot sign here"),
        (to_pem("CERTIFICATE", b"x"), person.key_pem(), "INVALID_FIELD", "pem", "certificate 1"),
        ("x".repeat(MAX_TEXT + 1), person.key_pem(), "INVALID_FIELD", "pem", "larger"),
    ] {
        let (found, at, text) = refused(pem(&certificate, &secret(&key)));
        assert_eq!((found, at), (reason, field), "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn c9_answers_come_in_every_form() {
    let pki = Pki::new(Kind::EcP256);
    let person = pki.person("fax@example.com", Kind::EcP256);
    let all = [vec![person.certificate.clone()], person.chain.clone()].concat();
    assert_eq!(answer(person.pem().as_bytes()).unwrap(), all);
    assert_eq!(answer(&person.certificate).unwrap(), [person.certificate.clone()]);
    // SignedData without signers, as `openssl crl2pkcs7 -nocrl` writes it.
    let certificates = write(0xa0, &all.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let empty = write(SEQUENCE, &[&write(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]])]);
    let data = write(SEQUENCE, &[&[2, 1, 1], &[0x31, 0], &empty, &certificates, &[0x31, 0]]);
    let seven = write(SEQUENCE, &[&write(6, &[SIGNED_DATA]), &write(0xa0, &[&data])]);
    assert_eq!(answer(&seven).unwrap(), all);
    assert_eq!(answer(&to_ber(&seven)).unwrap(), all);
    assert_eq!(answer(to_pem("PKCS7", &seven).as_bytes()).unwrap(), all);
    for wrong in [&b""[..], b"garbage", b"-----BEGIN CERTIFICATE-----", &seven[..seven.len() - 3]] {
        assert_eq!(answer(wrong).unwrap_err().field(), Some("answer"));
    }
}

#[test]
fn c4_a_chain_is_put_in_order_and_ends_where_it_ends() {
    let pki = Pki::new(Kind::EcP256);
    let person = pki.person("fax@example.com", Kind::EcP256);
    let stranger = pki.person("other@example.com", Kind::EcP256).certificate;
    let others = [pki.root(), stranger, person.certificate.clone(), pki.intermediate()];
    assert_eq!(above(&person.certificate, &others), person.chain);
    assert_eq!(above(&pki.root(), &others), [] as [Vec<u8>; 0]);
    assert_eq!(above(&person.certificate, &[]), [] as [Vec<u8>; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn c4_altered_files_are_opened_or_refused_and_never_more(
        which in 0_usize..4, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let name = ["rsa-legacy", "ec-no-mac", "ec-plain", "ec-legacy-rc2-128"][which];
        let password = secret(if which == 2 { "" } else { "correct-horse" });
        let mut altered = file(name);
        let _ = pkcs12(&altered[..cut.index(altered.len())], &password);
        let at = at.index(altered.len());
        altered[at] = byte;
        let _ = pkcs12(&altered, &password);
        let _ = answer(&altered);
    }

    #[test]
    fn c4_garbage_is_refused(garbage in proptest::collection::vec(any::<u8>(), 0..400), text in "\\PC{0,200}") {
        prop_assert!(pkcs12(&garbage, &secret("x")).is_err());
        prop_assert!(answer(&garbage).is_err());
        prop_assert!(pem(&text, &secret(&text)).is_err());
    }
}
