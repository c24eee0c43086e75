//! The pure protocol of the Human API SDK.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(feature = "data"),
    expect(
        dead_code,
        reason = "much of what reads answers is there for the data API"
    )
)]

#[cfg(feature = "admin")]
pub mod admin;
mod answer;
pub mod auth;
mod base_url;
mod bearer;
mod body;
pub mod broker;
mod call_timeout;
pub mod connect;
mod credentials;
#[cfg(feature = "data")]
pub mod data;
mod endpoint;
mod error;
pub mod flow;
mod hidden;
mod hosts;
mod into_secret;
mod json;
pub mod limiter;
mod message;
mod now;
mod parameters;
mod query_string;
mod raw_call;
#[cfg(any(feature = "admin", feature = "data"))]
mod report_format;
mod retry;
pub mod rules;
mod secret_buffer;
mod streamed;
mod token;
mod url_path;
mod user;
mod user_id;
mod words;

pub use http;

pub use base_url::BaseUrl;
pub use bearer::Bearer;
pub use body::Body;
pub use call_timeout::{CallTimeout, CallTimeoutError};
pub use credentials::{ClientId, Credentials, CredentialsError};
#[cfg(feature = "data")]
pub use data::{ListEnd, Page};
pub use endpoint::Endpoint;
pub use error::{
    ApiError, ApiErrorKind, BuildError, DecodeError, Drift, ErrorCode, FailedResponse, FlowError,
    HostError, IntermediaryError, Report, ResponseError, SendFailure, SendFailureKind, Validation,
};
pub use flow::{Flow, Input, RequestId, Step};
pub use hosts::{Host, Hosts};
pub use into_secret::IntoSecret;
pub use message::{Head, Request, Response};
pub use now::Now;
pub use raw_call::{RawAnswer, RawCall};
pub use retry::{Replay, RetryAfter, RetryPolicy};
pub use rules::{Authorization, Provisioning, Refusal};
pub use secret_buffer::SecretBuffer;
pub use streamed::{Incoming, Streamed, StreamedCall};
pub use token::{
    AccessToken, ClientToken, ConnectToken, Expiry, Generation, IdToken, Issued, Leeway,
    RefreshToken, Rejected, SessionToken, TokenKey, TokenKind,
};
pub use url_path::UrlPath;
pub use user::{KnownStatus, TokenRefusal, UserEvent, UserStatus};
pub use user_id::{ClientUserId, EmptyUserId, HumanId};
pub use words::UnknownWord;
