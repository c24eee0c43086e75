//! Cases of the way through a proxy.

use std::error::Error as _;

use humanapi_core::SendFailureKind::{NotSent, ProxyAuthentication};
use humanapi_core::{SendFailure, SendFailureKind};

use crate::authority::HOST;
use crate::golden;
use crate::proxy::Proxy;
use crate::script::Reply;
use crate::server::{Server, Wire, deserted};
use crate::settings::TransportSettings;
use crate::support::{AMPLE, SECRET_PATH, Subject, fail, failure, get, post, send, through};

/// The proxy is asked for a tunnel and sees nothing else.
pub async fn https_goes_through_a_tunnel<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    tunnels(make, Wire::Http1Tls).await;
}

/// HTTP/2 is agreed on with the service, not with the proxy.
pub async fn http2_goes_through_a_tunnel<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    tunnels(make, Wire::Http2Tls).await;
}

async fn tunnels<T: Subject>(make: impl Fn(&TransportSettings) -> T, wire: Wire) {
    let server = Server::start(wire, |_| Reply::ok("tunnelled")).await;
    let proxy = Proxy::to(server.address()).await;
    let transport = make(&through(proxy.setting(), ""));
    for _ in 0..3 {
        let answer = send(&transport, post(&target("https"))).await;
        assert_eq!(answer.body().as_bytes(), b"tunnelled");
    }
    assert_eq!(proxy.asked(), [golden::CONNECT]);
    let received = server.received();
    assert_eq!(received.len(), 3);
    for received in received {
        assert!(!received.headers.contains_key("proxy-authorization"));
        assert_eq!(
            received.uri.path_and_query().expect("a target"),
            SECRET_PATH
        );
    }
}

/// Plain http is only for loopback, so a proxy has no business with it.
pub async fn plain_http_is_never_proxied<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    let server = Server::start(Wire::Http1, |_| Reply::ok("direct")).await;
    let proxy = Proxy::to(server.address()).await;
    let transport = make(&through(proxy.setting(), ""));
    assert_eq!(fail(&transport, post(&target("http"))).await, NotSent);
    send(&transport, post(&server.url("/"))).await;
    assert!(proxy.asked().is_empty());
    assert!(
        !server.received()[0]
            .headers
            .contains_key("proxy-authorization")
    );
}

/// What is on this machine is reached on this machine.
pub async fn loopback_is_never_proxied<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    let server = Server::start(Wire::Http2Tls, |_| Reply::ok("direct")).await;
    let elsewhere = Server::start(Wire::Http2Tls, |_| Reply::ok("tunnelled")).await;
    let proxy = Proxy::to(elsewhere.address()).await;
    let transport = make(&through(proxy.setting(), ""));
    let answer = send(&transport, get(&server.url("/"))).await;
    assert_eq!(answer.body().as_bytes(), b"direct");
    let port = deserted().await.port();
    for host in [
        "localhost",
        "LOCALHOST",
        "127.9.8.7",
        "127.255.255.254",
        "[::1]",
    ] {
        let url = format!("https://{host}:{port}{SECRET_PATH}");
        assert_eq!(fail(&transport, post(&url)).await, NotSent);
    }
    assert!(proxy.asked().is_empty());
    // Not loopback, though they look like it. The certificate is for another name.
    for host in ["128.0.0.1", "notlocalhost"] {
        let url = format!("https://{host}{SECRET_PATH}");
        assert_eq!(fail(&transport, post(&url)).await, NotSent);
    }
    assert_eq!(proxy.asked().len(), 2);
}

/// A host on the list is reached without the proxy.
pub async fn listed_hosts_are_reached_directly<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    let server = Server::start(Wire::Http1Tls, |_| Reply::ok("tunnelled")).await;
    let proxy = Proxy::to(server.address()).await;
    for direct in [
        HOST,
        "example.test",
        ".example.test",
        "other.test, EXAMPLE.test",
        "*",
    ] {
        let transport = make(&through(proxy.setting(), direct));
        assert_eq!(
            fail(&transport, post(&target("https"))).await,
            NotSent,
            "{direct}"
        );
    }
    // A network, whose addresses nothing can be connected to.
    let transport = make(&through(proxy.setting(), "224.0.0.0/4"));
    let url = format!("https://224.0.0.1{SECRET_PATH}");
    assert_eq!(fail(&transport, post(&url)).await, NotSent);
    assert!(proxy.asked().is_empty());
    for direct in ["ample.test", "example.test.other", "10.0.0.0/8"] {
        let transport = make(&through(proxy.setting(), direct));
        send(&transport, post(&target("https"))).await;
    }
    assert_eq!(proxy.asked().len(), 3);
}

/// A proxy that says no has not passed the request on, and cannot have seen it.
pub async fn a_refusing_proxy_is_not_sent<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    for status in ["502 canary Gateway", "403 canary", "302 canary"] {
        refused(&make, status, NotSent).await;
    }
}

/// A proxy that wants a user name and a password, or others, says so by its 407.
pub async fn a_proxy_that_wants_a_login_is_told_as_such<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    refused(
        &make,
        "407 Proxy Authentication Required",
        ProxyAuthentication,
    )
    .await;
    refused(&make, "407 canary", ProxyAuthentication).await;
}

async fn refused<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    status: &'static str,
    kind: SendFailureKind,
) {
    let proxy = Proxy::refusing(status).await;
    let transport = make(&through(proxy.setting(), ""));
    assert_eq!(
        fail(&transport, post(&target("https"))).await,
        kind,
        "{status}"
    );
    assert_eq!(proxy.asked(), [golden::CONNECT]);
    let outcome = transport.open(post(&target("https")), AMPLE).await;
    assert_eq!(failure(&transport, outcome), kind, "{status}");
}

/// A proxy that is not there is not gone around.
pub async fn an_unreachable_proxy_is_not_sent<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    let setting = format!("http://canary-user:canary-password@{}", deserted().await);
    let transport = make(&through(setting, ""));
    assert_eq!(fail(&transport, post(&target("https"))).await, NotSent);
}

/// A setting that means nothing is not read as no proxy.
pub async fn an_unreadable_proxy_is_not_gone_around<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    let server = Server::start(Wire::Http1Tls, |_| Reply::ok("direct")).await;
    for setting in [
        "socks5://canary@127.0.0.1:1080",
        "ftp://canary@127.0.0.1",
        "http://",
        "::",
        "canary://canary",
        "http://canary:canary@127.0.0.1:65536",
        "http://canary:canary@127.0.0.1:-1",
        "http://canary:canary@127.0.0.1:8o80",
        "127.0.0.1:99999999999",
        "http://canary:canary@127.1:3128",
        "http://canary:canary@[::1]canary.example",
    ] {
        let transport = make(&through(setting.to_owned(), ""));
        // The name is unknown here, so going around would fail too, but not for the proxy's sake.
        let outcome = transport.send(post(&target("https")), AMPLE).await;
        let cause = outcome.as_ref().err().map(reasons).unwrap_or_default();
        assert!(cause.contains("proxy"), "{cause}");
        assert_eq!(failure(&transport, outcome), NotSent);
        send(&transport, get(&server.url("/"))).await;
        // A host that it is not meant for fails for another reason.
        let transport = make(&through(setting.to_owned(), HOST));
        let outcome = transport.send(post(&target("https")), AMPLE).await;
        let cause = outcome.as_ref().err().map(reasons).unwrap_or_default();
        assert!(!cause.contains("proxy"), "{cause}");
        assert_eq!(failure(&transport, outcome), NotSent);
    }
}

/// What an error and everything behind it say.
fn reasons(failure: &SendFailure) -> String {
    let mut text = String::new();
    let mut link = failure.source();
    while let Some(error) = link {
        text = format!("{text}: {error}");
        link = error.source();
    }
    text
}

fn target(scheme: &str) -> String {
    format!("{scheme}://{HOST}{SECRET_PATH}")
}
