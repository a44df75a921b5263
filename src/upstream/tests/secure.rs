//! TLS towards origins.

use std::io::Write;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

use super::support::*;
use crate::http::{Scheme, TargetUri};
use crate::upstream::{Config, SetupError, TlsFailure, Upstream, UpstreamError};

/// An authority that nobody trusts, in a file, and a server with a certificate of it.
struct Authority {
    file: NamedTempFile,
    server: Arc<ServerConfig>,
}

fn authority(names: &[&str]) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(issuer.pem().as_bytes()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(leaf.der().to_vec())],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Authority { file, server: Arc::new(server) }
}

impl Authority {
    /// An origin behind TLS; it answers with its connection's number.
    async fn origin(&self) -> Origin {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.server));
        Origin::start(move |peer| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(peer.stream).await {
                    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                    Peer::new(stream, peer.number).answer_all().await;
                }
            }
        })
        .await
    }

    fn trusted(&self) -> Config {
        Config { upstream_ca: Some(self.file.path().into()), ..config() }
    }
}

fn https(host: &str, origin: &Origin) -> TargetUri {
    TargetUri::new(Scheme::Https, host, origin.address.port(), "/")
}

#[tokio::test]
async fn an_origin_with_a_certificate_of_a_named_authority_is_fetched_and_its_connection_kept() {
    let authority = authority(&["localhost", "127.0.0.1"]);
    let origin = authority.origin().await;
    let upstream = upstream(&authority.trusted());
    for host in ["localhost", "127.0.0.1"] {
        for turn in 0..3 {
            let (_, reused) = get(&https(host, &origin)).text(&upstream).await;
            assert_eq!(reused, turn > 0);
        }
    }
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_certificate_that_is_not_acceptable_is_said_in_one_sentence() {
    let authority = authority(&["other.example"]);
    let origin = authority.origin().await;
    let target = https("localhost", &origin);
    let unknown = "unknown issuer; trust the issuer with --upstream-ca if it is yours";
    for (config, expected) in
        [(config(), unknown), (authority.trusted(), "its certificate is for another name")]
    {
        let error = get(&target).send(&upstream(&config)).await.unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(matches!(error, UpstreamError::Tls { kind: TlsFailure::Certificate, .. }));
    }
}

#[tokio::test]
async fn an_origin_that_speaks_no_tls_is_said_so() {
    let origin = Origin::saying_at_once("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = get(&https("localhost", &origin)).send(&upstream(&config())).await.unwrap_err();
    assert!(error.to_string().ends_with("it does not speak TLS on this port"), "{error}");
    assert!(matches!(error, UpstreamError::Tls { kind: TlsFailure::Protocol, .. }));
    let origin = Origin::saying_at_once("").await;
    let error = get(&https("localhost", &origin)).send(&upstream(&config())).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Tls { kind: TlsFailure::Protocol, .. }), "{error}");
}

#[tokio::test]
async fn http_and_https_share_no_connection() {
    let authority = authority(&["localhost"]);
    let origin = authority.origin().await;
    let upstream = upstream(&authority.trusted());
    get(&https("localhost", &origin)).text(&upstream).await;
    let plain = TargetUri::new(Scheme::Http, "localhost", origin.address.port(), "/");
    assert!(get(&plain).send(&upstream).await.is_err());
    assert_eq!(origin.connections(), 2);
}

#[test]
fn a_file_of_roots_that_is_none_is_an_error_that_names_it() {
    let interfaces = || Arc::new(crate::net::Interfaces::fixed([]));
    let mut none = NamedTempFile::new().unwrap();
    none.write_all(b"no PEM here").unwrap();
    for path in [none.path(), "/does/not/exist.pem".as_ref()] {
        let config = Config { upstream_ca: Some(path.into()), ..config() };
        let error = Upstream::new(&config, interfaces()).unwrap_err();
        assert!(matches!(error, SetupError::Roots { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}
