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

/// Settings of the application's own, of which what would resend a request or follow a redirect does not count.
mod settings {
    use humanapi_reqwest::ReqwestTransport;
    use humanapi_testkit::{TransportSettings, Wire};

    humanapi_testkit::conformance!(@cases exchange (transport, Wire::Http1)
        requests_arrive_unaltered
        one_call_is_one_request
        redirects_are_not_followed
    );

    fn transport(_: &TransportSettings) -> ReqwestTransport {
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::limited(5));
        ReqwestTransport::from_builder(builder).expect("nothing is unusual")
    }
}
