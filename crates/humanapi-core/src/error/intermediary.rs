//! What a proxy, a firewall or a sign-in page answered in the service's place.

use std::fmt;

use http::StatusCode;
use http::header::RETRY_AFTER;

use crate::answer;
use crate::endpoint::Response;
use crate::retry::RetryAfter;

/// Something between this program and Human API answered in its place: a proxy, a firewall, a load
/// balancer, a network's sign-in page.
///
/// An answer other than a success is taken as Human API's own only if it bears the service's marks: a
/// documented code, or a JSON error body of one of the service's forms. Any other is one of these. It
/// tells nothing of a user or an application: no status changes by it, and no kept token goes.
///
/// `Display` and `Debug` show the status, the media type and the content coding. The body can hold
/// anything, so it is shown by [`body`](Self::body) alone.
#[derive(Clone)]
pub struct IntermediaryError {
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    status: StatusCode,
    media_type: Option<Box<str>>,
    coding: Option<Box<str>>,
    request_id: Option<String>,
    retry_after: Option<RetryAfter>,
    body: Vec<u8>,
}

impl IntermediaryError {
    pub(crate) fn read(response: &Response) -> Self {
        let headers = response.headers();
        let header = |name: &str| headers.get(name)?.to_str().ok();
        Self {
            inner: Box::new(Inner {
                status: response.status(),
                media_type: answer::media_type(headers),
                coding: answer::content_coding(headers),
                request_id: header(answer::REQUEST_ID).map(str::to_owned),
                retry_after: header(RETRY_AFTER.as_str()).and_then(RetryAfter::parse),
                body: super::kept(response.body()),
            }),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.inner.status
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

    /// The request id that a header named, for the vendor's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.inner.request_id.as_deref()
    }

    /// How long the answer asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter> {
        self.inner.retry_after
    }

    /// The first 8 KiB of the answer as they came. They can hold anything: keep them out of logs.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.inner.body
    }

    /// Whether the same request may well succeed later: always, but where a proxy wants a password or the
    /// answer leads elsewhere.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !self.inner.status.is_redirection()
            && self.inner.status != StatusCode::PROXY_AUTHENTICATION_REQUIRED
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self.inner.status.as_u16() {
            407 => super::PROXY_WANTS_A_PASSWORD,
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

impl fmt::Display for IntermediaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        write!(
            f,
            "something in between answered, and not Human API: status {}",
            inner.status.as_u16()
        )?;
        match &inner.media_type {
            _ if inner.body.is_empty() => f.write_str(", an empty body")?,
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
            .field("status", &self.inner.status.as_u16())
            .field("media_type", &self.inner.media_type)
            .field("content_coding", &self.inner.coding)
            .field(
                "request_id",
                &self.inner.request_id.as_deref().map(super::api::shown_id),
            )
            .finish_non_exhaustive()
    }
}

impl std::error::Error for IntermediaryError {}
