//! A client of the application's own, with or without this crate's TLS.

use humanapi_reqwest::ReqwestTransport;
use humanapi_testkit::{TransportSettings, own_client};

own_client!(transport);

fn transport(settings: &TransportSettings) -> ReqwestTransport {
    let client = reqwest::Client::builder().no_proxy();
    #[cfg(feature = "rustls")]
    let client = client.tls_backend_preconfigured(plain());
    let transport = ReqwestTransport::from_client(client.build().expect("nothing is unusual"));
    match settings.max_body {
        Some(bytes) => transport.with_max_body(bytes),
        None => transport,
    }
}

/// Settings of TLS that trust nobody, so that none are looked for.
#[cfg(feature = "rustls")]
fn plain() -> rustls::ClientConfig {
    let provider = rustls::crypto::ring::default_provider();
    rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}
