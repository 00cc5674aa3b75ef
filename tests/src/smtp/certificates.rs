//! A certification authority of our own, and server certificates good and bad.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;

use crate::pki::pem;

/// Signs server certificates. Nobody trusts it until its PEM is named by `SSL_CERT_FILE`.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate and key.
#[derive(Clone)]
pub struct Identity {
    /// For the server's side of TLS.
    pub(crate) config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
    /// PKCS #8.
    private: Vec<u8>,
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub public_key_sha256: [u8; 32],
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one, with a key of its own.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, "Faxpost Test CA");
        Self(CertifiedIssuer::self_signed(params, new_key()).expect("parameters of our own"))
    }

    /// Its certificate, for whom should trust it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// The same, DER.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// For localhost, 127.0.0.1 and ::1, in its time.
    #[must_use]
    pub fn good(&self) -> Identity {
        self.issue(server("localhost", &["localhost", "127.0.0.1", "::1"]))
    }

    /// For these hosts, in its time.
    ///
    /// # Panics
    /// There is no name, or one is none.
    #[must_use]
    pub fn named(&self, names: &[&str]) -> Identity {
        self.issue(server(names[0], names))
    }

    /// Over since 2021.
    #[must_use]
    pub fn expired(&self) -> Identity {
        let mut params = server("localhost", &["localhost", "127.0.0.1", "::1"]);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.issue(params)
    }

    /// For another host.
    #[must_use]
    pub fn wrong_name(&self) -> Identity {
        self.issue(server("elsewhere.test", &["elsewhere.test"]))
    }

    /// Signed by nobody but itself, and marked as an authority, as `openssl req -x509` makes them.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    pub fn self_signed() -> Identity {
        let key = new_key();
        let mut params = server("localhost", &["localhost", "127.0.0.1", "::1"]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("parameters of our own");
        Identity::new(vec![certificate.der().clone()], &key)
    }

    fn issue(&self, params: CertificateParams) -> Identity {
        let key = new_key();
        let certificate = params.signed_by(&key, &self.0).expect("parameters of our own");
        // With its issuer's, as servers of small authorities send them. Shown half a chain, Wine complains of another thing.
        Identity::new(vec![certificate.der().clone(), self.0.der().clone()], &key)
    }
}

impl Identity {
    /// `chain` begins with its own certificate.
    fn new(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Self {
        let private = key.serialize_der();
        Self {
            config: config(&chain, &private, rustls::DEFAULT_VERSIONS),
            sha256: Sha256::digest(&chain[0]).into(),
            public_key_sha256: Sha256::digest(key.subject_public_key_info()).into(),
            chain,
            private,
        }
    }

    /// Its chain and its key, PEM: for servers that read files.
    #[must_use]
    pub fn pem(&self) -> (String, String) {
        let chain = self.chain.iter().map(|certificate| pem("CERTIFICATE", certificate)).collect();
        (chain, pem("PRIVATE KEY", &self.private))
    }

    /// For servers of other make.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// The same for a server that knows no TLS but 1.2.
    #[must_use]
    pub fn tls12(mut self) -> Self {
        self.config = config(&self.chain, &self.private, &[&rustls::version::TLS12]);
        self
    }
}

fn config(
    chain: &[CertificateDer<'static>],
    private: &[u8],
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(private.to_vec()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("ring knows them")
        .with_no_client_auth()
        .with_single_cert(chain.to_vec(), private)
        .expect("the key belongs to the certificate");
    Arc::new(config)
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has random numbers")
}

fn server(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("good names");
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}
