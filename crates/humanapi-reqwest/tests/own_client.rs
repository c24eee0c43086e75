//! A client of the application's own, with or without this crate's TLS.

use humanapi_reqwest::ReqwestTransport;
use humanapi_testkit::{TransportSettings, own_client};

own_client!(transport);

fn transport(settings: &TransportSettings) -> ReqwestTransport {
    // Nothing is set but what the suite needs: what this crate turns on in reqwest must not ask for more.
    let client = reqwest::Client::builder().no_proxy().build();
    let transport = ReqwestTransport::from_client(client.expect("nothing is unusual"));
    match settings.max_body {
        Some(bytes) => transport.with_max_body(bytes),
        None => transport,
    }
}
