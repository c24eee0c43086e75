//! What Connect reports, as one type.

mod fields;
mod read;

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::hidden::hidden_debug;

/// A longer report is not read.
pub const MAX_REPORT_SIZE: usize = 64 * 1024;

/// What Connect told the page or the app: a source was connected or disconnected, or the user left.
///
/// It comes from a browser, so it is a hint and no proof: ask the service before believing it.
/// Names of sources tell of a person's health, so `Debug` shows counts alone.
///
/// ```
/// use humanapi_core::connect::{ConnectEvent, ConnectReport, ConnectStatus};
///
/// let report = ConnectReport::from_json(br#"{
///     "type": "hapi-connect-close", "status": "SUCCESS",
///     "sessionResults": {"connectedSources": [{"name": "Sandbox Clinic", "id": "65a0"}]},
///     "currentConnections": [{"name": "Sandbox Clinic", "id": "65a0"}]
/// }"#)?;
/// assert_eq!(report.event, Some(ConnectEvent::Close));
/// assert_eq!(report.status, Some(ConnectStatus::Success));
/// assert_eq!(report.connected[0].name, "Sandbox Clinic");
/// # Ok::<(), humanapi_core::connect::ReportError>(())
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ConnectReport {
    /// Which event, where the form tells: a callback's query does not. Of a sitting that was
    /// [dismissed](Self::dismissed), the last one.
    pub event: Option<ConnectEvent>,
    /// How it ended. Older widgets tell none.
    pub status: Option<ConnectStatus>,
    /// Connected in this sitting.
    pub connected: Vec<ConnectedSource>,
    /// Disconnected in this sitting.
    pub disconnected: Vec<ConnectedSource>,
    /// Asked for in this sitting, because the directory does not list them.
    pub requested: Vec<ProviderRequest>,
    /// All connected now.
    pub current_connections: Vec<ConnectedSource>,
    /// All asked for so far.
    pub requested_providers: Vec<ProviderRequest>,
    /// Only widgets of 2018 sent one.
    pub auth_code: Option<AuthCode>,
    /// Whether it says what was connected or disconnected in this sitting, if only that nothing was.
    /// A bare event name does not.
    pub tells_sources: bool,
    /// The page's own close button or the Escape key ended the sitting, and not Connect. Only
    /// `connect.js` tells, and all else is then the last that Connect said before.
    pub dismissed: bool,
    /// Whatever else came along, under its own names.
    pub extra: Map<String, Value>,
}

/// Which event a report is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectEvent {
    /// A source was connected.
    Connect,
    /// A source was disconnected.
    Disconnect,
    /// The user left.
    Close,
    /// Another one, under its own name.
    Other(String),
}

/// How an event came about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectStatus {
    /// The user left in the ordinary way.
    Success,
    /// A source was connected.
    ConnectedSource,
    /// A source was disconnected.
    DisconnectedSource,
    /// The launch token is none.
    SessionTokenInvalid,
    /// The launch token has ended.
    SessionTokenExpired,
    /// Connect was opened without a token.
    MissingSessionToken,
    /// Another one, as it was sent.
    Other(String),
}

/// A source that is or was connected.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConnectedSource {
    /// Its name, as the user sees it.
    pub name: String,
    /// Its id, in practice 24 hex digits.
    pub id: Option<String>,
}

/// A provider that the user asked for, because the directory does not list it.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ProviderRequest {
    /// Its address.
    pub address: Option<String>,
    /// The health system it belongs to; can be `N/A`.
    pub health_system: Option<String>,
    /// Where it is.
    pub location: Option<Location>,
    /// The physician's name.
    pub physician: Option<String>,
    /// Its web site.
    pub website: Option<String>,
}

/// A place on earth, in degrees.
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Location {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

/// The code that widgets of 2018 sent. Later ones never do, and no documented call takes it.
#[derive(Clone)]
#[non_exhaustive]
pub struct AuthCode {
    code: SecretString,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_millis: Option<i64>,
}

impl AuthCode {
    /// The code in clear.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.code.expose_secret()
    }
}

/// A report that cannot be read. Says nothing of what stood in it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {
    /// Longer than [`MAX_REPORT_SIZE`].
    #[error("the report is larger than 64 KiB: Connect sends far less, so it comes from elsewhere")]
    TooLarge,
    /// Neither an object nor the name of an event.
    #[error("the report is neither a JSON object nor the name of a Connect event")]
    NotAReport,
}

impl fmt::Debug for ConnectReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectReport")
            .field("event", &self.event.as_ref().map(ConnectEvent::known_name))
            .field(
                "status",
                &self.status.as_ref().map(ConnectStatus::known_name),
            )
            .field("connected", &self.connected.len())
            .field("disconnected", &self.disconnected.len())
            .field("requested", &self.requested.len())
            .field("current_connections", &self.current_connections.len())
            .finish_non_exhaustive()
    }
}

impl ConnectEvent {
    const fn known_name(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::Close => "close",
            Self::Other(_) => "another",
        }
    }
}

impl ConnectStatus {
    const fn known_name(&self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::ConnectedSource => "CONNECTED_SOURCE",
            Self::DisconnectedSource => "DISCONNECTED_SOURCE",
            Self::SessionTokenInvalid => "SESSION_TOKEN_INVALID",
            Self::SessionTokenExpired => "SESSION_TOKEN_EXPIRED",
            Self::MissingSessionToken => "MISSING_SESSION_TOKEN",
            Self::Other(_) => "another",
        }
    }
}

hidden_debug!(ConnectedSource, ProviderRequest, Location, AuthCode);
