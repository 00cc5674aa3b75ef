//! TLS: rustls with ring, TLS 1.2 at least, and one place that decides which server certificate is good.
//!
//! [`TlsCheck::System`] asks the platform: on Windows its own chain engine, on Linux webpki with the roots that
//! rustls-native-certs finds. There, `SSL_CERT_FILE` or `SSL_CERT_DIR` in the daemon's environment replaces the
//! system's roots: so tests trust a CA of their own. On Windows the check can fetch revocation lists, and holds a
//! runtime thread meanwhile.
//!
//! Whatever the check is, the handshake's signature is verified: a pin, too, means that the server has the key. And
//! whatever becomes of the check, the chain is told: who cannot see a certificate, cannot decide to pin it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate;
use crate::accounts::TlsCheck;
use crate::mailer::failure::Fault;
use crate::mailer::{FailureKind, TlsInfo};

/// How long the system's roots are kept. Reading them costs 10 to 30 ms and some MB; who installs a CA need not
/// restart the daemon.
const ROOTS_KEPT: Duration = Duration::from_secs(300);

/// Shakes hands with `server`, a host name or IP address. What TLS came to is told in both cases, if it got so far.
pub(super) async fn handshake(
    stream: TcpStream,
    server: &str,
    check: TlsCheck,
    patience: Duration,
) -> (Option<TlsInfo>, Result<Box<TlsStream<TcpStream>>, Fault>) {
    let name = match ServerName::try_from(server.trim_end_matches('.').to_owned()) {
        Ok(name) => name,
        Err(_) => {
            let text = format!("\"{}\" is not a name that a certificate can have", server.escape_debug());
            return (None, Err(Fault::new(FailureKind::TlsFailed, text)));
        }
    };
    let judge = Arc::new(Judge { check, system: system_check().await, seen: Mutex::default() });
    let config = match config(Arc::clone(&judge)) {
        Ok(config) => config,
        Err(error) => return (None, Err(Fault::new(FailureKind::TlsFailed, error.to_string()))),
    };
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let result = match tokio::time::timeout(patience, connecting).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(explain(&error, &judge)),
        Err(_) => Err(Fault::new(FailureKind::TimedOut, "the TLS handshake did not end in time")),
    };
    (judge.info(result.as_deref().ok()), result)
}

/// Days until `not_after`, rounded down; negative when it is over.
pub(super) fn days_left(not_after: i64) -> i64 {
    let now = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
    not_after.saturating_sub(now).div_euclid(86_400)
}

fn config(judge: Arc<Judge>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(judge)
        .with_no_client_auth();
    // Each session has a check of its own to report, so none is resumed.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// ring, as everywhere.
pub(in crate::mailer) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::LazyLock<Arc<CryptoProvider>> =
        std::sync::LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    Arc::clone(&PROVIDER)
}

/// The system's verifier, built once and kept for [`ROOTS_KEPT`]; or why there is none, which is not kept.
pub(in crate::mailer) async fn system_check() -> Result<Arc<Verifier>, Error> {
    static KEPT: Mutex<Option<(Instant, Arc<Verifier>)>> = Mutex::new(None);
    if let Some((built, verifier)) = &*KEPT.lock().unwrap_or_else(PoisonError::into_inner)
        && built.elapsed() < ROOTS_KEPT
    {
        return Ok(Arc::clone(verifier));
    }
    let verifier = tokio::task::spawn_blocking(|| Verifier::new(provider()))
        .await
        .map_err(|panic| Error::General(panic.to_string()))??;
    let verifier = Arc::new(verifier);
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&verifier)));
    Ok(verifier)
}

/// Decides about one server's certificate, and remembers what it saw.
#[derive(Debug)]
struct Judge {
    check: TlsCheck,
    system: Result<Arc<Verifier>, Error>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    complaint: Option<Error>,
}

impl Judge {
    /// What there is to tell; nothing, when the server showed no certificate.
    fn info(&self, stream: Option<&TlsStream<TcpStream>>) -> Option<TlsInfo> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.as_ref()?;
        let session = stream.map(|stream| stream.get_ref().1);
        let version = session.and_then(|session| session.protocol_version());
        let cipher = session.and_then(|session| session.negotiated_cipher_suite());
        Some(TlsInfo {
            version: match version {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
                Some(other) => format!("{other:?}"),
                None => String::new(),
            },
            cipher: cipher.map_or_else(String::new, |cipher| format!("{:?}", cipher.suite())),
            chain: certificate::describe_chain(&seen.chain),
            tolerated: session
                .and(seen.complaint.as_ref())
                .map(|complaint| judgement(complaint, seen.chain.first()).1),
        })
    }

    /// The server's certificate.
    fn own(&self) -> Option<CertificateDer<'static>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().and_then(|seen| seen.chain.first().cloned())
    }

    fn is_pinned(&self, own: &CertificateDer<'_>, pin: &[u8; 32]) -> bool {
        let (certificate, key) = certificate::fingerprints(own);
        certificate == *pin || key == Some(*pin)
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match &self.system {
            Ok(system) => system.verify_server_cert(own, others, name, ocsp, now),
            Err(error) => Err(error.clone()),
        };
        let chain = std::iter::once(own).chain(others).map(|der| der.clone().into_owned()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Seen { chain, complaint: verdict.as_ref().err().cloned() });
        match &self.check {
            TlsCheck::System => verdict,
            TlsCheck::Pinned(pin) if self.is_pinned(own, pin) => Ok(ServerCertVerified::assertion()),
            TlsCheck::Pinned(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
            TlsCheck::AcceptInvalid => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, own, signature, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, own, signature, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Why a handshake failed.
fn explain(error: &io::Error, judge: &Judge) -> Fault {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let own = judge.own();
    let (kind, text) = match tls {
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            if matches!(judge.check, TlsCheck::Pinned(_)) =>
        {
            (FailureKind::PinMismatch, "the server's certificate is not the pinned one".to_owned())
        }
        Some(error @ Error::InvalidCertificate(_)) => judgement(error, own.as_ref()),
        Some(Error::InvalidMessage(_)) if own.is_none() => {
            let text = "what the server sent is not TLS: on this port it seems to speak plainly first";
            (FailureKind::NotTls, text.to_owned())
        }
        Some(error) => (FailureKind::TlsFailed, format!("the TLS handshake failed: {error}")),
        None => (FailureKind::ConnectionLost, format!("the connection broke in the TLS handshake: {error}")),
    };
    Fault::new(kind, text)
}

/// What the system's check has against a certificate.
fn judgement(error: &Error, own: Option<&CertificateDer<'_>>) -> (FailureKind, String) {
    use CertificateError as E;
    let Error::InvalidCertificate(error) = error else {
        return (FailureKind::TlsFailed, format!("the certificate could not be checked: {error}"));
    };
    match windows_verdict(error).as_ref().unwrap_or(error) {
        E::Expired | E::ExpiredContext { .. } => {
            (FailureKind::CertificateExpired, "the server's certificate has expired".to_owned())
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            (FailureKind::CertificateExpired, "the server's certificate is not valid yet".to_owned())
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            (FailureKind::CertificateName, "the server's certificate is for another name".to_owned())
        }
        E::Revoked => {
            (FailureKind::CertificateUntrusted, "the server's certificate has been revoked".to_owned())
        }
        _ if own.is_some_and(certificate::is_self_signed) => {
            let text = "the server's certificate is self-signed, and not trusted on this computer";
            (FailureKind::CertificateUntrusted, text.to_owned())
        }
        // The others: a trusted issuer has the same name and another key.
        E::UnknownIssuer
        | E::BadSignature
        | E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            let text = "the issuer of the server's certificate is not trusted on this computer";
            (FailureKind::CertificateUntrusted, text.to_owned())
        }
        E::UnknownRevocationStatus => {
            let text = "it could not be found out whether the server's certificate has been revoked";
            (FailureKind::CertificateUntrusted, text.to_owned())
        }
        other => {
            (FailureKind::CertificateUntrusted, format!("the server's certificate is not good: {other}"))
        }
    }
}

/// What Windows' chain engine means by the codes that the platform's verifier does not translate: it passes them on as
/// "(os error -2146762486)" behind a sentence in the language of the machine.
fn windows_verdict(error: &CertificateError) -> Option<CertificateError> {
    let CertificateError::Other(other) = error else { return None };
    let text = other.0.to_string();
    let (_, code) = text.rsplit_once("(os error ")?;
    let code: i32 = code.strip_suffix(')')?.parse().ok()?;
    match code.cast_unsigned() {
        // CERT_E_CHAINING, the usual one of a private authority; CERT_E_UNTRUSTEDCA
        0x800b_010a | 0x800b_0112 => Some(CertificateError::UnknownIssuer),
        // TRUST_E_CERT_SIGNATURE
        0x8009_6004 => Some(CertificateError::BadSignature),
        // CERT_E_REVOKED
        0x800b_010c => Some(CertificateError::Revoked),
        // CERT_E_REVOCATION_FAILURE, CRYPT_E_NO_REVOCATION_CHECK, CRYPT_E_REVOCATION_OFFLINE
        0x800b_010e | 0x8009_2012 | 0x8009_2013 => Some(CertificateError::UnknownRevocationStatus),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rustls::OtherError;

    use super::*;

    #[test]
    fn d2_what_windows_says_by_number_is_told_in_words() {
        for (code, words) in [
            (-2_146_762_486, "issuer of the server's certificate is not trusted"),
            (-2_146_762_478, "issuer of the server's certificate is not trusted"),
            (-2_146_869_244, "issuer of the server's certificate is not trusted"),
            (-2_146_762_484, "has been revoked"),
            (-2_146_762_482, "could not be found out"),
            (-2_146_885_613, "could not be found out"),
            (-2_146_762_480, "is not good"),
        ] {
            let said = format!("Eine Zertifikatkette (1) konnte nicht … (os error {code})");
            let other = CertificateError::Other(OtherError(Arc::new(io::Error::other(said))));
            let (kind, text) = judgement(&Error::InvalidCertificate(other), None);
            assert_eq!(kind, FailureKind::CertificateUntrusted);
            assert!(text.contains(words), "{code}: {text}");
        }
    }
}
