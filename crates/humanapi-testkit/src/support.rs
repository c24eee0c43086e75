//! What the cases share: requests, failures, time.

use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use humanapi_client::Transport;
use humanapi_core::{Body, Request, Response, SendFailure, SendFailureKind};

use crate::authority;
use crate::settings::{ProxySetting, TransportSettings};

/// A transport under test.
pub trait Subject: Transport + Debug + 'static {}

impl<T: Transport + Debug + 'static> Subject for T {}

/// Runs a case, and fails it when it hangs.
#[doc(hidden)]
pub async fn within(case: impl Future<Output = ()>) {
    let outcome = tokio::time::timeout(Duration::from_secs(120), case).await;
    outcome.expect("the case ends");
}

/// Settings that trust our authority and use no proxy.
pub(crate) fn trusting() -> TransportSettings {
    TransportSettings {
        extra_roots: vec![authority::root()],
        ..TransportSettings::default()
    }
}

/// Settings that trust our authority and go through this proxy.
pub(crate) fn through(address: String, direct: &str) -> TransportSettings {
    TransportSettings {
        proxy: ProxySetting::Through {
            address,
            direct: direct.to_owned(),
        },
        ..trusting()
    }
}

/// A request as the SDK makes them. Whatever must never be seen in a text is marked with the word *canary*.
pub(crate) fn request(method: Method, url: &str, body: impl Into<Bytes>) -> Request {
    let body: Bytes = body.into();
    let mut request = Request::new(Body::empty());
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let mut secret = HeaderValue::from_static("Bearer canary-token");
    secret.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, secret);
    if !body.is_empty() {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    let agent = HeaderValue::from_static("humanapi-testkit/1");
    headers.insert(header::USER_AGENT, agent);
    *request.method_mut() = method;
    *request.uri_mut() = url.parse().expect("tests use valid addresses");
    *request.body_mut() = Body::from(body);
    request
}

pub(crate) fn get(url: &str) -> Request {
    request(Method::GET, url, Bytes::new())
}

/// A request that must not be repeated.
pub(crate) fn post(url: &str) -> Request {
    request(Method::POST, url, SECRET_BODY)
}

pub(crate) const SECRET_BODY: &str = r#"{"client_secret":"canary-secret"}"#;

/// A path that holds a token.
pub(crate) const SECRET_PATH: &str = "/canary-path?token=canary-query";

/// Time enough for everything that is meant to succeed.
pub(crate) const AMPLE: Duration = Duration::from_secs(60);

pub(crate) async fn send(transport: &impl Transport, request: Request) -> Response {
    let outcome = transport.send(request, AMPLE).await;
    outcome.expect("a whole answer comes back")
}

/// Sends what is meant to fail.
pub(crate) async fn fail(transport: &impl Subject, request: Request) -> SendFailureKind {
    failure(transport, transport.send(request, AMPLE).await)
}

/// The kind of a failure whose texts, and those of everything behind it, hold no secret. The canary in the address stands for the whole of it.
#[track_caller]
pub(crate) fn failure<A>(
    transport: &impl Debug,
    outcome: Result<A, SendFailure>,
) -> SendFailureKind {
    let Err(failure) = outcome else {
        panic!("a failure is expected");
    };
    free_of_secrets(transport, &failure);
    failure.kind()
}

/// Checks that no secret stands in the texts of a failure or of anything behind it.
#[track_caller]
pub(crate) fn free_of_secrets(transport: &impl Debug, failure: &dyn Error) {
    let mut texts = vec![format!("{transport:?}")];
    let mut link = Some(failure);
    while let Some(error) = link {
        texts.extend([
            format!("{error}"),
            format!("{error:?}"),
            format!("{error:#?}"),
        ]);
        link = error.source();
    }
    for text in texts {
        for secret in ["canary", crate::proxy::LOGIN] {
            assert!(
                !text.contains(secret),
                "{secret:?} in an error text: {text}"
            );
        }
    }
}
