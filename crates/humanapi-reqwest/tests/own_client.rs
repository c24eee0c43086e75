//! A client of the application's own, with or without this crate's TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use humanapi_reqwest::ReqwestTransport;
use humanapi_reqwest::client::Transport as _;
use humanapi_reqwest::core::http::Request;
use humanapi_reqwest::core::{Body, SendFailureKind};

const PATIENCE: Duration = Duration::from_secs(30);

fn transport() -> ReqwestTransport {
    #[cfg(feature = "rustls")]
    let client = reqwest::Client::builder().tls_backend_preconfigured(plain());
    #[cfg(not(feature = "rustls"))]
    let client = reqwest::Client::builder();
    ReqwestTransport::from_client(client.no_proxy().build().expect("nothing is unusual"))
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

/// Answers each connection's first request with six bytes.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("a listener has an address");
    let url = format!("http://{address}/");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("somebody connected");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).expect("a request comes");
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\nanswer";
            stream.write_all(answer).expect("the other end is open");
        }
    });
    url
}

#[tokio::test]
async fn an_own_client_sends() {
    let request = Request::get(server()).body(Body::empty()).unwrap();
    let answer = transport().send(request, PATIENCE).await.unwrap();
    assert_eq!(answer.body().as_bytes(), b"answer");
}

#[tokio::test]
async fn the_limit_is_the_transports() {
    let request = Request::get(server()).body(Body::empty()).unwrap();
    let outcome = transport().with_max_body(5).send(request, PATIENCE).await;
    assert_eq!(outcome.unwrap_err().kind(), SendFailureKind::TooLarge);
}

#[tokio::test]
async fn an_address_without_a_host_is_not_sent() {
    let request = Request::get("/path?canary").body(Body::empty()).unwrap();
    let failure = transport().send(request, PATIENCE).await.unwrap_err();
    assert_eq!(failure.kind(), SendFailureKind::NotSent);
    assert!(!format!("{failure:?}").contains("canary"));
}
