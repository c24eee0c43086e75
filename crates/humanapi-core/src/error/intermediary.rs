//! What a proxy, a firewall or a sign-in page answered in the service's place.

use std::fmt;
use std::ops::Deref;

use http::StatusCode;
use serde_json::Map;

use super::failed::FailedResponse;
use super::send::PROXY_WANTS_A_PASSWORD;
use crate::message::{self, Response};

/// Something between this program and Human API answered in its place: a proxy, a firewall, a load
/// balancer, a network's sign-in page.
///
/// An answer other than a success is taken as Human API's own only if it bears the service's marks: a
/// documented code, or a JSON error body of one of the service's forms. Any other is one of these, and so
/// is a success that cannot be what was asked for, such as a page, or a document that begins as none of its
/// kind. It tells nothing of a user or an application: no status changes by it, and no kept token goes.
///
/// `Display` and `Debug` show the status, the media type and the content coding. The body can hold
/// anything, so it is shown by [`body`](FailedResponse::body) alone.
#[derive(Clone)]
pub struct IntermediaryError {
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    response: FailedResponse,
    media_type: Option<Box<str>>,
    coding: Option<Box<str>>,
}

impl IntermediaryError {
    pub(crate) fn read(response: &Response) -> Self {
        let headers = response.headers();
        Self {
            inner: Box::new(Inner {
                // Whoever wrote the body, it was not the service.
                response: FailedResponse::read(response, &Map::new()),
                media_type: message::media_type(headers),
                coding: message::content_coding(headers),
            }),
        }
    }

    /// The media type of the body, such as `text/html`, where one of a known form was declared.
    #[must_use]
    pub fn media_type(&self) -> Option<&str> {
        self.inner.media_type.as_deref()
    }

    /// How the body is compressed, such as `gzip`: it could not be read for marks then.
    #[must_use]
    pub fn content_coding(&self) -> Option<&str> {
        self.inner.coding.as_deref()
    }

    /// Whether the same request may well succeed later: always, but where a proxy wants a password or the
    /// answer leads elsewhere.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !self.status().is_redirection()
            && self.status() != StatusCode::PROXY_AUTHENTICATION_REQUIRED
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self.status().as_u16() {
            407 => PROXY_WANTS_A_PASSWORD,
            300..=399 => {
                "check the base URL: redirects are not followed, so that no token goes to another host"
            }
            404 | 405 | 410 => {
                "check the base URL, then what stands between this program and Human API: a proxy, a firewall, a sign-in page"
            }
            429 | 500..=599 => {
                "try again later; if it stays, look at the vendor's status page and at what stands between this program and Human API"
            }
            _ => {
                "look at what stands between this program and Human API: a proxy, a firewall, a sign-in page; if there is nothing, check the base URL"
            }
        }
    }
}

impl Deref for IntermediaryError {
    type Target = FailedResponse;

    fn deref(&self) -> &FailedResponse {
        &self.inner.response
    }
}

impl fmt::Display for IntermediaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        write!(
            f,
            "something in between answered, and not Human API: status {}",
            self.status().as_u16()
        )?;
        match &inner.media_type {
            _ if self.body().is_empty() => f.write_str(", an empty body")?,
            Some(media_type) => write!(f, ", {media_type}")?,
            None => f.write_str(", a body of no known type")?,
        }
        if let Some(coding) = &inner.coding {
            write!(f, ", compressed ({coding})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for IntermediaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntermediaryError")
            .field("status", &self.status().as_u16())
            .field("media_type", &self.inner.media_type)
            .field("content_coding", &self.inner.coding)
            .field("request_id", &self.shown_id())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for IntermediaryError {}
