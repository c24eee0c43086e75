//! One documented operation as a value: it builds a request and reads the response.

use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Head, Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// One documented operation as a value.
///
/// Builds one request and reads one response, status included. A library author can stop here:
///
/// ```
/// use humanapi_core::auth::IssueSessionToken;
/// use humanapi_core::{ClientUserId, Credentials, Endpoint as _, Hosts};
///
/// let credentials = Credentials::new("my-app", "hush")?;
/// let call = IssueSessionToken::new(credentials, ClientUserId::new("patient-17")?)
///     .with_email("p17@example.test");
/// let request = call.request(&Hosts::production())?;
/// assert_eq!(request.uri(), "https://auth.humanapi.co/v1/connect/token");
/// // Send it, then: let issued = call.parse(response, sent_at)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Endpoint {
    /// What the response says.
    type Output;

    /// A short name for logs, such as `auth.session`. Never holds what a user typed.
    fn name(&self) -> &'static str;

    /// Whether it may be repeated after an attempt whose outcome is unknown.
    fn replay(&self) -> Replay;

    /// What authorizes its request.
    ///
    /// A flow refuses, before anything is sent, to authorize it by anything else.
    fn authorization(&self) -> Authorization;

    /// Builds the request, without the token that authorizes it.
    ///
    /// # Errors
    ///
    /// When a value cannot go over the wire.
    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError>;

    /// Whether the body of a success is handed over as it arrives, instead of whole.
    ///
    /// The output is a [`Streamed`](crate::Streamed) then. [`parse`](Self::parse) sees the head, and of a success's body
    /// as much as [`peek`](Self::peek) asks for; of any other answer's as much as it takes to judge it.
    fn streams(&self) -> bool {
        false
    }

    /// How many bytes of a success's body [`parse`](Self::parse) has to see, where the rest is handed over as it
    /// arrives. It sees more where more has come, and fewer where the body is shorter.
    fn peek(&self, head: &Head) -> usize {
        let _ = head;
        0
    }

    /// Reads the response. `sent_at` is when the request was handed out.
    ///
    /// # Errors
    ///
    /// When the service refused, or the answer is not what was asked for.
    fn parse(&self, response: Response, sent_at: Now) -> Result<Self::Output, ResponseError>;
}
