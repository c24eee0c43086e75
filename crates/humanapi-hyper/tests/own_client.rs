//! A client of the application's own, with or without this crate's TLS.

use humanapi_hyper::HyperTransport;
use humanapi_testkit::{TransportSettings, own_client};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

own_client!(transport);

fn transport(settings: &TransportSettings) -> HyperTransport<HttpConnector> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let transport = HyperTransport::from_client(client);
    match settings.max_body {
        Some(bytes) => transport.with_max_body(bytes),
        None => transport,
    }
}
