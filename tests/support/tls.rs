//! A certificate authority of the test's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsConnector;

use super::client::Client;
use super::gate::within;
use super::wire::Wire;

/// A root, and a server certificate that it signed.
pub struct Ca {
    root: CertificateDer<'static>,
    directory: tempfile::TempDir,
    server: Arc<ServerConfig>,
}

impl Ca {
    /// A new root that signs a certificate for `names` (host names or addresses).
    pub fn new(names: &[&str]) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&root_key).unwrap();

        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        let issuer = Issuer::new(params, &root_key);
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();

        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("root.pem"), root.pem()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        Self { root: root.der().clone(), directory, server: Arc::new(server) }
    }

    /// The root as a PEM file, for `--upstream-ca`.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("root.pem")
    }

    /// What a server needs to be one of `names`.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }

    /// Speaks TLS as a client on what `client` is connected to (an origin, or a tunnel to it).
    pub async fn secure(&self, client: Client, name: &str) -> Client {
        secure(client, name, self.root.clone()).await
    }
}

/// Speaks TLS on `client` and trusts the root in the PEM `file`.
pub async fn secure_by_file(client: Client, name: &str, file: &Path) -> Client {
    secure(client, name, CertificateDer::from_pem_file(file).unwrap()).await
}

async fn secure(client: Client, name: &str, root: CertificateDer<'static>) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let tcp = client.into_wire().into_tcp();
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    Client::on(Wire::new(within("the TLS handshake", handshake).await.expect("TLS works")))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
