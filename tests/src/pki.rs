//! Certificates as the tests need them, in the way of RFC 9216: a root, an intermediate, and people's certificates below.
//!
//! The daemon's unit tests include this file, too. RSA keys are files, because making them takes long; whoever has this
//! repository has them, and they are good for nothing else.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RSA of 2048 bits: always the same one.
    Rsa2048,
    /// Another RSA key of 2048 bits, always the same one.
    OtherRsa2048,
    /// A new key on P-256.
    EcP256,
    /// A new key on P-384, which nobody signs mail with here.
    EcP384,
    /// A new key on Curve25519, which nobody signs mail with here.
    Ed25519,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// DER.
    pub certificate: Vec<u8>,
    /// PKCS#8, DER.
    pub key: Vec<u8>,
    /// Intermediate and root, DER.
    pub chain: Vec<Vec<u8>>,
}

impl Issued {
    /// SHA-256 of the certificate, as the API writes it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest as _, Sha256};
        hex::encode(Sha256::digest(&self.certificate))
    }

    /// Certificate and chain, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let all = std::iter::once(&self.certificate).chain(&self.chain);
        all.map(|der| pem("CERTIFICATE", der)).collect()
    }

    /// The key, PEM.
    #[must_use]
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }
}

/// A root and an intermediate.
pub struct Pki {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    /// With keys of this kind.
    ///
    /// # Panics
    /// rcgen fails.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let root = CertifiedIssuer::self_signed(authority("Test Root CA"), key_pair(kind)).expect("a root");
        let params = authority("Test Intermediate CA");
        let intermediate =
            CertifiedIssuer::signed_by(params, key_pair(kind), &root).expect("an intermediate");
        Self { root, intermediate }
    }

    /// With an intermediate of the test's own.
    ///
    /// # Panics
    /// rcgen fails.
    #[must_use]
    pub fn with_intermediate(kind: Kind, params: CertificateParams) -> Self {
        let root = CertifiedIssuer::self_signed(authority("Test Root CA"), key_pair(kind)).expect("a root");
        let intermediate =
            CertifiedIssuer::signed_by(params, key_pair(kind), &root).expect("an intermediate");
        Self { root, intermediate }
    }

    /// DER.
    #[must_use]
    pub fn root(&self) -> Vec<u8> {
        self.root.as_ref().der().to_vec()
    }

    /// DER.
    #[must_use]
    pub fn intermediate(&self) -> Vec<u8> {
        self.intermediate.as_ref().der().to_vec()
    }

    /// What a person's certificate has: change it, then [`Pki::issue`] it.
    ///
    /// # Panics
    /// The address is not ASCII.
    #[must_use]
    pub fn params(&self, address: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, address);
        params.subject_alt_names = vec![SanType::Rfc822Name(address.try_into().expect("ASCII"))];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        params.serial_number = Some(SerialNumber::from(0x0102_0304_u64));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2099, 12, 31);
        params
    }

    /// Issues it with a key of this kind.
    ///
    /// # Panics
    /// rcgen fails.
    #[must_use]
    pub fn issue(&self, params: CertificateParams, kind: Kind) -> Issued {
        let key = key_pair(kind);
        let certificate = params.signed_by(&key, &self.intermediate).expect("a certificate");
        Issued {
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
            chain: vec![self.intermediate(), self.root()],
        }
    }

    /// The usual one.
    #[must_use]
    pub fn person(&self, address: &str, kind: Kind) -> Issued {
        self.issue(self.params(address), kind)
    }

    /// Answers a request of PKCS#10 (PEM) with a certificate.
    ///
    /// # Panics
    /// It is none, or rcgen fails.
    #[must_use]
    pub fn answer(&self, request: &str) -> Vec<u8> {
        let mut request = rcgen::CertificateSigningRequestParams::from_pem(request).expect("a request");
        (request.params.not_before, request.params.not_after) =
            (date_time_ymd(2020, 1, 1), date_time_ymd(2099, 12, 31));
        request.signed_by(&self.intermediate).expect("a certificate").der().to_vec()
    }

    /// The intermediate's revocation list with these serials, DER.
    ///
    /// # Panics
    /// rcgen fails.
    #[must_use]
    pub fn revocation_list(&self, serials: &[u64], next_update_year: i32) -> Vec<u8> {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2024, 6, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(next_update_year, 6, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.intermediate).expect("a list").der().to_vec()
    }
}

/// What an authority's certificate has.
#[must_use]
pub fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 12, 31);
    params
}

/// A key.
///
/// # Panics
/// rcgen fails.
#[must_use]
pub fn key_pair(kind: Kind) -> KeyPair {
    match kind {
        Kind::Rsa2048 => KeyPair::from_pem(include_str!("../keys/rsa-2048-1.pem")),
        Kind::OtherRsa2048 => KeyPair::from_pem(include_str!("../keys/rsa-2048-2.pem")),
        Kind::EcP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        Kind::EcP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        Kind::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
    }
    .expect("a key")
}

/// PEM (RFC 7468).
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
