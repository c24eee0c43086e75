//! The sandbox without a socket: one function from request to response.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::app::{AppCredentials, DemoApp};
use crate::changes::Watch;
use crate::control::Control;
use crate::incoming::{BodyFault, Incoming, body_limit};
use crate::reply;
use crate::service::Service;

/// The same service as [`Sandbox`](crate::Sandbox), without a socket, a thread or a runtime.
///
/// Cheap to clone; all clones are the same service.
/// Its clock is frozen at 2026-01-15T09:00:00Z unless the builder says otherwise, so the same seed
/// and the same calls give the same bytes.
///
/// ```
/// use humanapi_sandbox::{DemoApp, Sandbox};
///
/// let sandbox = Sandbox::builder().seed(7).build_offline();
/// let app = sandbox.app(DemoApp::Connect);
/// let body = format!(
///     r#"{{"client_id":"{}","client_user_id":"patient-17","type":"session"}}"#,
///     app.client_id
/// );
/// let request = http::Request::post("/v1/connect/token")
///     .header("content-type", "application/json")
///     .body(body.into())?;
/// let response = sandbox.answer(request)?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct OfflineSandbox {
    service: Arc<Service>,
    control: Control,
}

/// A planned fault closed the connection: there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed without an answer")]
#[non_exhaustive]
pub struct Dropped;

/// An extension of a response that a planned fault would have made wait this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delayed(pub Duration);

impl OfflineSandbox {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self {
            control: Control::new(Arc::clone(&service.world)),
            service,
        }
    }

    /// Answers one request.
    ///
    /// A request that names no host counts as one to loopback; one that names another host is
    /// refused as over a socket. A planned delay is not waited for, but told as [`Delayed`] in the
    /// response's extensions. A truncated answer has half its body and the full `Content-Length`.
    ///
    /// # Errors
    ///
    /// If a planned fault closes the connection.
    pub fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let (head, body) = request.into_parts();
        let limit = body_limit(&head);
        let body = if body.len() <= limit {
            Ok(body)
        } else {
            Err(BodyFault::TooLong(limit))
        };
        let is_head = head.method == http::Method::HEAD;
        let mut incoming = Incoming::new(Request::from_parts(head, ()), body);
        if incoming.host.is_none() && !incoming.head.headers.contains_key(http::header::HOST) {
            incoming.host = Some("127.0.0.1".to_owned());
        }
        let outcome = self.service.handle(incoming);
        let mut reply = outcome.reply.ok_or(Dropped)?;
        // Without a socket, nobody follows: the first event is all there is.
        reply.extensions_mut().remove::<Watch>();
        let length = http::HeaderValue::from(reply.body().len());
        if !reply::is_bare(reply.status()) {
            reply
                .headers_mut()
                .insert(http::header::CONTENT_LENGTH, length);
        }
        if is_head {
            *reply.body_mut() = Bytes::new();
        } else if outcome.truncated {
            let half = reply.body().len() / 2;
            *reply.body_mut() = reply.body().slice(..half);
        }
        if let Some(by) = outcome.delay {
            reply.extensions_mut().insert(Delayed(by));
        }
        Ok(reply)
    }

    /// The credentials of a demo application.
    #[must_use]
    pub fn app(&self, kind: DemoApp) -> AppCredentials {
        self.service.world.credentials(kind)
    }

    /// Control over this sandbox.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }
}
