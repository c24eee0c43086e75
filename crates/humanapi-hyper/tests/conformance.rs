//! The suite that every transport has to pass.
#![cfg(feature = "rustls")]

use humanapi_hyper::HyperTransport;
use humanapi_testkit::{TransportSettings, conformance};

conformance!(transport);

fn transport(settings: &TransportSettings) -> HyperTransport {
    settings.build()
}
