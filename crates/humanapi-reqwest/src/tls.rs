//! TLS settings for reqwest.

use std::error::Error;
use std::sync::Arc;

use humanapi_client::adapter::ExtraRoots;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Trusts nobody, and so reads no certificate: for a client that only ever speaks plain http.
pub(crate) fn trusting_nobody() -> Result<ClientConfig, BoxError> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}

/// Trusts whom the platform trusts, and the extra roots. Reads files.
pub(crate) fn trusting_platform(roots: &ExtraRoots) -> Result<ClientConfig, BoxError> {
    let mut extra: Vec<_> = roots
        .der
        .iter()
        .cloned()
        .map(CertificateDer::from)
        .collect();
    for pem in &roots.pem {
        let before = extra.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            extra.push(certificate?);
        }
        if extra.len() == before {
            return Err("an extra root's PEM text holds no certificate".into());
        }
    }
    let provider = provider();
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Handed over with each configuration, so that no process-wide provider is installed or asked for.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
