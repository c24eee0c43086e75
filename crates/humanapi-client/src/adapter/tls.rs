//! Whom TLS by rustls trusts.

use std::error::Error;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::ExtraRoots;

/// Why there are no settings for TLS.
pub type TlsError = Box<dyn Error + Send + Sync>;

/// Trusts whom the platform trusts, and the extra roots. It offers no protocol yet: see [`offering_http`].
///
/// It reads files, so call it off a runtime's threads, and with the first https request.
///
/// # Errors
///
/// When an extra root cannot be read, or a PEM text holds none.
pub fn trusting_platform(roots: &ExtraRoots) -> Result<ClientConfig, TlsError> {
    let provider = provider();
    let verifier = Verifier::new_with_extra_roots(certificates(roots)?, Arc::clone(&provider))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Trusts nobody, and so reads no certificate: for a client that only ever speaks plain http.
///
/// # Errors
///
/// Never with the provider that this is built with.
pub fn trusting_nobody() -> Result<ClientConfig, TlsError> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// The same, offering HTTP/2 and HTTP/1.1 to whoever answers.
#[must_use]
pub fn offering_http(mut settings: ClientConfig) -> ClientConfig {
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    settings
}

/// Reads the extra roots.
fn certificates(roots: &ExtraRoots) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let der = roots.der.iter().cloned().map(CertificateDer::from);
    let mut certificates: Vec<_> = der.collect();
    for pem in &roots.pem {
        let before = certificates.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            certificates.push(certificate?);
        }
        if certificates.len() == before {
            return Err("an extra root's PEM text holds no certificate".into());
        }
    }
    Ok(certificates)
}

/// Handed over with each configuration, so that no process-wide provider is installed or asked for.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(pem: &[&str]) -> ExtraRoots {
        ExtraRoots {
            pem: pem.iter().map(|text| text.as_bytes().to_vec()).collect(),
            ..ExtraRoots::default()
        }
    }

    const ROOT: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    #[test]
    fn a_pem_text_without_a_certificate_is_an_error() {
        let count = |pem: &[&str]| certificates(&roots(pem)).map(|read| read.len()).ok();
        assert_eq!(count(&[]), Some(0));
        assert_eq!(count(&[ROOT]), Some(1));
        assert_eq!(count(&[&ROOT.repeat(2), ROOT]), Some(3));
        for none in [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(count(&[none]), None);
            assert_eq!(count(&[ROOT, none]), None);
        }
    }
}
