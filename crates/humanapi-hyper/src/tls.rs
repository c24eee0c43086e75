//! TLS settings, made when the first https request needs them.

use std::error::Error;
use std::sync::Arc;

use humanapi_client::adapter::{ExtraRoots, Settings};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use tokio::sync::OnceCell;

type BoxError = Box<dyn Error + Send + Sync>;

/// TLS settings that do not exist before they are asked for.
pub(crate) struct LazyTls {
    settings: Arc<Settings>,
    made: OnceCell<Tls>,
}

/// TLS settings for both ends of a connection.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) to_service: Arc<ClientConfig>,
    pub(crate) to_proxy: Arc<ClientConfig>,
}

impl LazyTls {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            made: OnceCell::new(),
        }
    }

    /// The settings. Whoever comes first makes them, off the runtime's threads because certificates are read from
    /// files; a failure is not kept.
    pub(crate) async fn get(&self) -> Result<Tls, BoxError> {
        let make = || async {
            let settings = Arc::clone(&self.settings);
            tokio::task::spawn_blocking(move || make(&settings.extra_roots)).await?
        };
        self.made.get_or_try_init(make).await.cloned()
    }
}

fn make(roots: &ExtraRoots) -> Result<Tls, BoxError> {
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
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))?;
    let to_proxy = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let mut to_service = to_proxy.clone();
    to_service.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Tls {
        to_service: Arc::new(to_service),
        to_proxy: Arc::new(to_proxy),
    })
}
