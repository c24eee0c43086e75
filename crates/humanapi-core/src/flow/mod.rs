//! State machines with time as an input: retry, fallback and renewal, without a loop or a clock.
//!
//! A driver does four things, over and over: it polls; it sends what it is told to send; it waits
//! until the moment it is told to wait for; it hands back what came. The whole of one, blocking and
//! without error handling:
//!
//! ```no_run
//! use humanapi_core::{Flow, Input, Now, Request, Response, SendFailure, Step};
//! # fn now() -> Now { unreachable!() }
//! # fn send(_: Request, _: std::time::Duration) -> Result<Response, SendFailure> { unreachable!() }
//!
//! fn drive<F: Flow>(mut flow: F) -> F::Outcome {
//!     loop {
//!         match flow.poll(now()) {
//!             // A driver that hands over no body as it arrives sends both and reads the whole answer.
//!             Step::Send { id, request, timeout } | Step::Open { id, request, timeout, .. } => {
//!                 let outcome = send(request, timeout);
//!                 flow.handle(Input::sent(id, outcome), now());
//!             }
//!             Step::Read { .. } => unreachable!("no head was handed in without its body"),
//!             Step::WaitUntil(moment) => {
//!                 std::thread::sleep(moment.saturating_sub(now().monotonic()));
//!             }
//!             Step::NeedToken { .. } => unreachable!("SelfServed answers these by itself"),
//!             Step::Done(outcome) => return outcome,
//!         }
//!     }
//! }
//! ```
//!
//! # Bodies that are handed over as they arrive
//!
//! A flow of an [endpoint that streams](crate::Endpoint::streams) asks for its request by [`Step::Open`]. Up to the
//! answer's head it is a flow like any other, with retry, renewal and the overall deadline; an answer that is an error is
//! read, bounded, and judged like any other. With a success it ends, its outcome is the head, and the driver, which has
//! the body, reads on:
//!
//! ```no_run
//! use std::io::Read;
//!
//! use humanapi_core::http;
//! use humanapi_core::{Body, Flow, FlowError, Input, Now, Request, SendFailure, Step, Streamed};
//! # fn now() -> Now { unreachable!() }
//! # fn open<R>(_: Request, _: std::time::Duration) -> Result<http::Response<R>, SendFailure> { unreachable!() }
//! # fn read(_: &mut impl Read, _: usize) -> Result<Body, SendFailure> { unreachable!() }
//! # fn write(_: &[u8]) {}
//!
//! fn download<F, R: Read>(mut flow: F) -> Result<(), FlowError>
//! where
//!     F: Flow<Outcome = Result<Streamed, FlowError>>,
//! {
//!     let mut body: Option<R> = None;
//!     let mut answer = loop {
//!         match flow.poll(now()) {
//!             Step::Send { id, request, timeout } | Step::Open { id, request, timeout, .. } => {
//!                 let input = match open(request, timeout) {
//!                     Ok(response) => {
//!                         let (head, incoming) = response.into_parts();
//!                         body = Some(incoming);
//!                         Input::Head { id, head }
//!                     }
//!                     Err(failure) => Input::SendFailed { id, failure },
//!                 };
//!                 flow.handle(input, now());
//!             }
//!             Step::Read { id, at_least, .. } => {
//!                 let body = body.as_mut().expect("a head was handed in");
//!                 flow.handle(Input::read(id, read(body, at_least)), now());
//!             }
//!             Step::WaitUntil(moment) => {
//!                 std::thread::sleep(moment.saturating_sub(now().monotonic()));
//!             }
//!             Step::NeedToken { .. } => unreachable!("SelfServed answers these by itself"),
//!             Step::Done(outcome) => break outcome?,
//!         }
//!     };
//!     let incoming = answer.incoming();
//!     if let Some(first) = incoming.first()? {
//!         write(&first);
//!     }
//!     while let Some(body) = &mut body {
//!         let piece = read(body, 1)?;
//!         if piece.is_empty() {
//!             break;
//!         }
//!         incoming.take(piece.as_bytes())?;
//!         write(piece.as_bytes());
//!     }
//!     Ok(incoming.end()?) // Without this a body that was cut short would pass for a whole one.
//! }
//! ```

mod authorized;
mod call;
mod connect_token;
mod self_served;
mod token_exchange;

use std::sync::Arc;
use std::time::Duration;

pub use authorized::Authorized;
pub use call::Call;
pub use connect_token::{ConnectGrant, ConnectTokenFlow};
pub use self_served::SelfServed;
pub use token_exchange::TokenExchange;

use crate::bearer::Bearer;
use crate::body::Body;
use crate::error::{FlowError, SendFailure};
use crate::message::{Head, Request, Response};
use crate::now::Now;
use crate::token::{Rejected, TokenKey};

/// One state machine with time as an input.
///
/// # Contract
///
/// * [`poll`](Self::poll) may be called at any time before [`Step::Done`]; calling it more often
///   than needed is harmless. While a request is out it answers [`Step::WaitUntil`] the attempt's
///   end, and once that has passed takes the attempt as timed out.
/// * An input that answers no open question (another request's id, a token nobody asked for) changes
///   nothing.
/// * A driver may stop at any point and another may go on, with time from the same origin.
pub trait Flow {
    /// What it comes to.
    type Outcome;

    /// Asks what to do next.
    ///
    /// Call it after construction, after each [`handle`](Self::handle), and once the moment in
    /// [`Step::WaitUntil`] has passed.
    ///
    /// # Panics
    ///
    /// After [`Step::Done`], as a future does.
    #[must_use = "the step says what to do next"]
    fn poll(&mut self, now: Now) -> Step<Self::Outcome>;

    /// Takes what came back.
    fn handle(&mut self, input: Input, now: Now);
}

impl<F: Flow + ?Sized> Flow for &mut F {
    type Outcome = F::Outcome;

    fn poll(&mut self, now: Now) -> Step<Self::Outcome> {
        (**self).poll(now)
    }

    fn handle(&mut self, input: Input, now: Now) {
        (**self).handle(input, now);
    }
}

/// What a driver is to do next.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a driver that ignored a new variant would hang"
)]
pub enum Step<T> {
    /// Send this request, for at most so long, body included.
    Send {
        /// Goes back with the answer.
        id: RequestId,
        /// The request.
        request: Request,
        /// The time left for the whole exchange.
        timeout: Duration,
    },
    /// Send this request and wait for the answer's head, for at most so long: hand in [`Input::Head`] and keep the body.
    ///
    /// A driver that hands over no body as it arrives treats it as [`Send`](Self::Send), and the flow's outcome holds the
    /// whole body.
    Open {
        /// Goes back with the answer.
        id: RequestId,
        /// The request.
        request: Request,
        /// The time left for the head.
        timeout: Duration,
        /// How long the body may be silent, each time more of it is waited for: by [`Read`](Self::Read), and by its reader
        /// once it is handed over.
        chunk_timeout: Duration,
    },
    /// Read the body whose head was handed in until it ends or so many bytes are here, and hand them in by
    /// [`Input::Body`]. Keep the rest of it.
    ///
    /// A driver that can ends it as [timed out](crate::SendFailureKind::TimedOut) where the body is silent for longer than
    /// the `chunk_timeout` that it was [opened](Self::Open) with.
    ///
    /// A driver that has the answer no more hands in [`Input::SendFailed`], with what cut it short as its kind.
    Read {
        /// The request's id.
        id: RequestId,
        /// So many bytes, or more where a piece has more, or fewer where the body ends.
        at_least: usize,
        /// The time left for it.
        timeout: Duration,
    },
    /// Hand in a token by [`Input::Token`].
    NeedToken {
        /// Which one.
        key: TokenKey,
        /// The token of this generation was refused: a newer one is needed.
        rejected: Option<Rejected>,
        /// The time left for getting it. Once that is over, poll again without a token.
        timeout: Duration,
    },
    /// Poll again once the monotonic clock has reached this reading, or an input has come.
    WaitUntil(Duration),
    /// It is over. Where the outcome is a [`Streamed`](crate::Streamed), the rest of the body that was kept belongs to it;
    /// with any other step but [`Read`](Self::Read) that body is of no use any more.
    Done(T),
}

impl<T> Step<T> {
    /// The outcome, or else the step as one of a flow with another outcome: for flows made of flows.
    #[expect(
        clippy::result_large_err,
        reason = "a step is large because it carries its request, whichever way it goes on"
    )]
    pub(crate) fn outcome<U>(self) -> Result<T, Step<U>> {
        Err(match self {
            Self::Done(outcome) => return Ok(outcome),
            Self::Send {
                id,
                request,
                timeout,
            } => Step::Send {
                id,
                request,
                timeout,
            },
            Self::Open {
                id,
                request,
                timeout,
                chunk_timeout,
            } => Step::Open {
                id,
                request,
                timeout,
                chunk_timeout,
            },
            Self::Read {
                id,
                at_least,
                timeout,
            } => Step::Read {
                id,
                at_least,
                timeout,
            },
            Self::NeedToken {
                key,
                rejected,
                timeout,
            } => Step::NeedToken {
                key,
                rejected,
                timeout,
            },
            Self::WaitUntil(moment) => Step::WaitUntil(moment),
        })
    }

    /// The same step with another outcome.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Step<U> {
        match self.outcome() {
            Ok(outcome) => Step::Done(change(outcome)),
            Err(step) => step,
        }
    }
}

/// What a driver hands back.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "these are the answers to the steps, and a driver makes them"
)]
pub enum Input {
    /// The answer to a request.
    Response {
        /// The request's id.
        id: RequestId,
        /// The answer.
        response: Response,
    },
    /// The head of the answer to a request that was [opened](Step::Open).
    Head {
        /// The request's id.
        id: RequestId,
        /// The head.
        head: Head,
    },
    /// The beginning of the body that followed, or all of it.
    Body {
        /// The request's id.
        id: RequestId,
        /// What came.
        body: Body,
    },
    /// A request that brought no usable answer.
    SendFailed {
        /// The request's id.
        id: RequestId,
        /// What went wrong.
        failure: SendFailure,
    },
    /// The token that was needed, or why there is none.
    Token(Result<Bearer, Arc<FlowError>>),
}

impl Input {
    /// How sending a request ended, as an input.
    #[must_use]
    pub fn sent(id: RequestId, outcome: Result<Response, SendFailure>) -> Self {
        match outcome {
            Ok(response) => Self::Response { id, response },
            Err(failure) => Self::SendFailed { id, failure },
        }
    }

    /// How [reading](Step::Read) the beginning of a body ended, as an input.
    #[must_use]
    pub fn read(id: RequestId, outcome: Result<Body, SendFailure>) -> Self {
        match outcome {
            Ok(body) => Self::Body { id, body },
            Err(failure) => Self::SendFailed { id, failure },
        }
    }
}

/// Ties an answer to its request within one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    const FIRST: Self = Self(1);

    const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}
