//! TLS through rustls with ring: no provider is installed for the whole process, and none is needed.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::error::{Error, ErrorKind};
use crate::key::pem;

/// `needed`: without https there is no reason to read the system's certificates, and a machine that has none still works.
pub(crate) fn config(needed: bool, trusted: &[String]) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unusable("TLS cannot be set up", error))?;
    let mut config = if needed {
        let verifier = Verifier::new_with_extra_roots(certificates(trusted)?, provider);
        let verifier = verifier.map_err(|error| unusable("the trusted certificates cannot be read", error))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
    } else {
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(trusted: &[String]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let mut certificates = Vec::new();
    for text in trusted {
        let before = certificates.len();
        let blocks = pem::blocks(text).filter(|block| block.label == "CERTIFICATE");
        certificates.extend(blocks.filter_map(|block| block.der).map(CertificateDer::from));
        if certificates.len() == before {
            return Err(Error::new(ErrorKind::Configuration, "`trust_pem` needs -----BEGIN CERTIFICATE-----"));
        }
    }
    Ok(certificates)
}

fn unusable(message: &str, error: rustls::Error) -> Error {
    Error::new(ErrorKind::Configuration, format!("{message}: {error}")).with_source(error)
}
