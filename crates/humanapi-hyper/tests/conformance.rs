//! The suite that every transport has to pass.
#![cfg(feature = "rustls")]

use humanapi_hyper::HyperTransport;
use humanapi_testkit::{ProxySetting, TransportSettings, conformance};

conformance!(transport);

fn transport(settings: &TransportSettings) -> HyperTransport {
    let mut builder = HyperTransport::builder();
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
