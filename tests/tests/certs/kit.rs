//! Daemons that trust a test's own root, certificates in them, and refusals taken apart.

use std::fmt::Debug;
use std::path::PathBuf;

use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Issued, Kind, Pki, pem};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

/// The sender of the accounts here.
pub(crate) const SENDER: &str = "fax@example.test";

/// A daemon that trusts the root of `pki`.
pub(crate) struct Fixture {
    pub(crate) daemon: TestDaemon,
    pub(crate) pki: Pki,
    _root: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let pki = Pki::new(Kind::EcP256);
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("root.pem");
        std::fs::write(&path, pem("CERTIFICATE", &pki.root())).unwrap();
        let builder = TestDaemon::builder().env("SSL_CERT_FILE", path.to_str().unwrap());
        let daemon = builder.start().await;
        Self { daemon, pki, _root: root }
    }

    /// Installs a certificate for this address, and gives it.
    pub(crate) async fn installed(&self, address: &str, kind: Kind) -> Issued {
        let issued = self.pki.person(address, kind);
        self.install(&issued).await;
        issued
    }

    pub(crate) async fn install(&self, issued: &Issued) -> v1::InstallCertificateResponse {
        ok(self.daemon.certificates().await.install_certificate(as_pem(issued)).await)
    }

    /// The folder of the store.
    pub(crate) fn folder(&self) -> PathBuf {
        self.daemon.state_dir().join("certificates")
    }

    /// What is in the store.
    pub(crate) async fn list(&self) -> Vec<v1::Certificate> {
        let request = v1::ListCertificatesRequest::default();
        ok(self.daemon.certificates().await.list_certificates(request).await).certificates
    }

    pub(crate) async fn get(&self, fingerprint: &str) -> Result<v1::GetCertificateResponse, Status> {
        let request = v1::GetCertificateRequest { fingerprint: fingerprint.to_owned() };
        self.daemon.certificates().await.get_certificate(request).await.map(Response::into_inner)
    }

    pub(crate) async fn candidates(&self, request: v1::ListCandidatesRequest) -> v1::ListCandidatesResponse {
        ok(self.daemon.certificates().await.list_candidates(request).await)
    }

    /// Sets fields of "default".
    pub(crate) async fn set(&self, account: v1::Account, fields: &[&str]) -> Result<(), Status> {
        let account = v1::Account { id: "default".to_owned(), ..account };
        self.daemon.set(account, fields).await.map(|_| ())
    }

    /// Makes "default" sign for [`SENDER`] with this certificate; empty: the best.
    pub(crate) async fn sign_with(&self, certificate: &str) -> Result<(), Status> {
        let account = v1::Account {
            sender_email: SENDER.to_owned(),
            sign: v1::Signing::Clear.into(),
            certificate: certificate.to_owned(),
            ..v1::Account::default()
        };
        self.set(account, &["sender_email", "sign", "certificate"]).await
    }

    /// Alarms of "default", by their codes.
    pub(crate) async fn alarms(&self) -> Vec<(String, String)> {
        let status = ok(self.daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await);
        status.alarms.into_iter().map(|alarm| (alarm.reason, alarm.text)).collect()
    }
}

/// A request that installs it as PEM.
pub(crate) fn as_pem(issued: &Issued) -> v1::InstallCertificateRequest {
    v1::InstallCertificateRequest { pem: issued.pem(), key_pem: issued.key_pem(), ..Default::default() }
}

/// The message of an answer.
#[track_caller]
pub(crate) fn ok<T>(result: Result<Response<T>, Status>) -> T {
    result.unwrap_or_else(|status| panic!("{status:?}")).into_inner()
}

/// Asserts a refusal with code, reason and fields, and gives its sentence.
#[track_caller]
pub(crate) fn refused<T: Debug>(result: Result<T, Status>, code: Code, why: &str, fields: &[&str]) -> String {
    let status = result.expect_err("the call is refused");
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("an ErrorInfo in {status:?}"));
    assert_eq!((status.code(), info.reason.as_str()), (code, why), "{status:?}");
    assert!(reason::ALL.contains(&why), "{why} is a reason of the vocabulary");
    let named = status.get_details_bad_request().map_or_else(Vec::new, |bad| bad.field_violations);
    let named: Vec<_> = named.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, fields, "{status:?}");
    status.message().to_owned()
}

/// As [`refused`], for a wrong field.
#[track_caller]
pub(crate) fn invalid<T: Debug>(result: Result<T, Status>, field: &str) -> String {
    refused(result, Code::InvalidArgument, reason::INVALID_FIELD, &[field])
}
