//! The suite that every transport has to pass.
#![cfg(feature = "rustls")]

use humanapi_reqwest::ReqwestTransport;
use humanapi_testkit::{ProxySetting, TransportSettings, conformance};

conformance!(transport);

fn transport(settings: &TransportSettings) -> ReqwestTransport {
    let mut builder = ReqwestTransport::builder();
    for root in &settings.extra_roots {
        builder = builder.extra_root_der(root.clone());
    }
    if let Some(bytes) = settings.max_body {
        builder = builder.max_body(bytes);
    }
    builder = match &settings.proxy {
        ProxySetting::None => builder.no_proxy(),
        ProxySetting::Environment => builder,
        ProxySetting::Through { address, direct } => builder.proxy(address, direct),
    };
    builder.build()
}
