//! The escape hatch: any call to a named host.

use std::fmt;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_core::Serialize;
use serde_core::de::DeserializeOwned;

use crate::answer::{self, Expected};
use crate::body::Body;
use crate::endpoint::Endpoint;
use crate::error::{Asked, BuildError, DecodeError, ResponseError};
use crate::hosts::{Host, Hosts};
use crate::message::{self, Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;
use crate::secret_buffer::SecretBuffer;

/// Any method, path and JSON on a named host, with the same authorization, retry and limits as the
/// documented operations.
///
/// ```
/// use humanapi_core::http::Method;
/// use humanapi_core::{Endpoint as _, Host, Hosts, RawCall, Replay};
///
/// let call = RawCall::new(Method::GET, Host::Data, "/v1/human/sources?limit=5");
/// assert_eq!(call.replay(), Replay::Safe);
/// let request = call.request(&Hosts::production())?;
/// assert_eq!(request.uri(), "https://api.humanapi.co/v1/human/sources?limit=5");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
#[derive(Clone)]
pub struct RawCall {
    method: Method,
    host: Host,
    path_and_query: String,
    body: Option<Body>,
    replay: Replay,
    authorization: Authorization,
    /// An application's key, where that authorizes it.
    key: Option<HeaderValue>,
}

/// Leaves out the path, which can name a person.
impl fmt::Debug for RawCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawCall")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("replay", &self.replay)
            .field("authorization", &self.authorization)
            .finish_non_exhaustive()
    }
}

impl RawCall {
    /// A call without a body. The path begins with `/`; it and the query are percent-encoded already. Where an id
    /// stands in it, make it of a [`UrlPath`](crate::UrlPath).
    ///
    /// A fragment, a segment of one or two dots, or letters that have to be escaped are refused when the request is
    /// built: HTTP stacks would change them, each in its own way.
    ///
    /// `GET`, `HEAD`, `OPTIONS`, `PUT` and `DELETE` are taken as safe to repeat, as HTTP defines
    /// them; other methods are repeated only if they never left.
    ///
    /// It is authorized as its host's documented operations are: by an access token where health data are read, by
    /// the client token on the Admin API, and by nothing but itself elsewhere.
    #[must_use]
    pub fn new(method: Method, host: Host, path_and_query: impl Into<String>) -> Self {
        let replay = if method.is_idempotent() {
            Replay::Safe
        } else {
            Replay::OnlyIfNotSent
        };
        let authorization = match host {
            Host::Data => Authorization::AccessToken,
            Host::Admin => Authorization::ClientToken,
            Host::Auth | Host::Connect | Host::HostedLink => Authorization::InRequest,
        };
        Self {
            method,
            host,
            path_and_query: path_and_query.into(),
            body: None,
            replay,
            authorization,
            key: None,
        }
    }

    /// Adds a JSON body.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON.
    pub fn with_json(mut self, value: &impl Serialize) -> Result<Self, BuildError> {
        let mut bytes = SecretBuffer::new();
        serde_json::to_writer(&mut bytes, value).map_err(|_| BuildError::Body)?;
        self.body = Some(bytes.into());
        Ok(self)
    }

    /// Says whether it may be repeated after an attempt whose outcome is unknown.
    #[must_use]
    pub const fn with_replay(mut self, replay: Replay) -> Self {
        self.replay = replay;
        self
    }

    /// Says what authorizes it, where that is not what its host makes of it.
    #[must_use]
    pub const fn with_authorization(mut self, authorization: Authorization) -> Self {
        self.authorization = authorization;
        self
    }

    /// Has it authorized by an application's key, which goes out in this header.
    #[cfg(feature = "data")]
    pub(crate) fn keyed(mut self, key: HeaderValue) -> Self {
        self.key = Some(key);
        self.with_authorization(Authorization::InRequest)
    }

    /// What a refusal is one of.
    pub(crate) const fn asked(&self) -> Asked {
        match self.key {
            Some(_) => Asked::WithAppKey,
            None => Asked::WithToken,
        }
    }
}

impl Endpoint for RawCall {
    type Output = RawAnswer;

    fn name(&self) -> &'static str {
        "raw"
    }

    fn replay(&self) -> Replay {
        self.replay
    }

    fn authorization(&self) -> Authorization {
        self.authorization
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let uri = hosts.base(self.host).join(&self.path_and_query)?;
        let mut request = message::build(self.method.clone(), uri, self.body.clone());
        if let Some(key) = &self.key {
            request.headers_mut().insert(AUTHORIZATION, key.clone());
        }
        Ok(request)
    }

    fn parse(&self, response: Response, _: Now) -> Result<RawAnswer, ResponseError> {
        answer::accept(self.asked(), Expected::Anything, &response)?;
        let (head, body) = response.into_parts();
        Ok(RawAnswer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

/// A successful answer as it came. `Debug` leaves out what it holds.
#[non_exhaustive]
pub struct RawAnswer {
    /// The status, of the 2xx class.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Body,
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawAnswer")
            .field("status", &self.status.as_u16())
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl RawAnswer {
    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON of that shape, or is compressed, which was not asked for.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.body
            .json()
            .map_err(|error| match message::content_coding(&self.headers) {
                Some(_) => DecodeError {
                    path: ".".to_owned(),
                    reason: "it is compressed, which was not asked for",
                },
                None => error,
            })
    }

    /// The body's bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.body.into_bytes()
    }
}
