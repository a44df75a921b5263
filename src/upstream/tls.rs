//! TLS towards origins: the machine's roots, or the bundled ones where it has none, and `--upstream-ca`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, Error as RustlsError, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{SetupError, TlsFailure};

/// How many origins' sessions are remembered for resumption.
const SESSIONS: usize = 8192;

/// Makes TLS connections to origins.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
}

impl Tls {
    /// Loads the roots; `extra` is a PEM file of roots trusted besides the machine's.
    pub(super) fn new(extra: Option<&Path>) -> Result<Self, SetupError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if let Some(path) = extra {
            add_file(&mut roots, path)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Shakes hands with `host` (IPv6 in brackets) over `stream`.
    pub(super) async fn handshake(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, (TlsFailure, String)> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let bare = bare.strip_suffix('.').unwrap_or(bare);
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|error| (TlsFailure::Protocol, error.to_string()))?;
        self.connector.connect(name, stream).await.map_err(|error| explain(&error))
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), SetupError> {
    let wrong = |why: String| SetupError::Roots { path: path.display().to_string(), why };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(words(&error)))?;
    let mut found = false;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(words(&error)))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        found = true;
    }
    if found { Ok(()) } else { Err(wrong("it holds no certificate".to_owned())) }
}

fn words(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => error.to_string(),
        other => format!("it is not PEM ({other})"),
    }
}

/// What failed, in words for a person.
fn explain(error: &io::Error) -> (TlsFailure, String) {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>());
    match inner {
        Some(RustlsError::InvalidCertificate(why)) => (TlsFailure::Certificate, certificate(why)),
        Some(RustlsError::NoCertificatesPresented) => {
            (TlsFailure::Certificate, "it presented no certificate".to_owned())
        }
        Some(RustlsError::AlertReceived(alert)) => {
            (TlsFailure::Alert, format!("it refused with the TLS alert {alert:?}"))
        }
        Some(RustlsError::InvalidMessage(_)) => {
            (TlsFailure::Protocol, "it does not speak TLS on this port".to_owned())
        }
        Some(other) => (TlsFailure::Protocol, other.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            (TlsFailure::Protocol, "it closed the connection during the handshake".to_owned())
        }
        None => (TlsFailure::Protocol, error.kind().to_string()),
    }
}

fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
            "its certificate comes from an unknown issuer; trust the \
             issuer with --upstream-ca if it is yours"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        CertificateError::Revoked => "its certificate was revoked".to_owned(),
        other => format!("its certificate is invalid ({other})"),
    }
}
