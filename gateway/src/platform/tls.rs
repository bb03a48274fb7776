//! TLS from PEM files. Invariant: a failed reload leaves the current certificate in use.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::platform::config::TlsFiles;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not there, not readable, or not PEM.
    #[error("{path}: {cause}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not match, or rustls does not support them.
    #[error("the certificate and key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

/// How the gateway calls others: the system's certificates, HTTP/1.1.
pub fn client() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut tls = tls.with_platform_verifier()?.with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

/// The certificate in use, which can be changed while serving.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the files.
    pub fn read(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = RwLock::new(pair(files, &provider)?);
        Ok(Arc::new(Self { files: files.clone(), provider, current }))
    }

    /// Reads the files again; connections made from now on see the new certificate.
    pub fn reload(&self) -> Result<(), TlsError> {
        let pair = pair(&self.files, &self.provider)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// The settings of a server with this certificate.
    pub fn server(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        Ok(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn pair(files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let TlsFiles { certificate, key } = files;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|cause| TlsError::File { path: certificate.clone(), cause })?;
    if chain.is_empty() {
        let cause = rustls::pki_types::pem::Error::NoItemsFound;
        return Err(TlsError::File { path: certificate.clone(), cause });
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|cause| TlsError::File { path: key.clone(), cause })?;
    // Also checks that the key is the certificate's.
    Ok(Arc::new(CertifiedKey::from_der(chain, key, provider)?))
}
