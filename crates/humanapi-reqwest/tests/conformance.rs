//! The suite that every transport has to pass.
#![cfg(feature = "rustls")]

use humanapi_reqwest::ReqwestTransport;
use humanapi_testkit::{TransportSettings, conformance};

conformance!(transport);

fn transport(settings: &TransportSettings) -> ReqwestTransport {
    settings.build()
}
