//! What became of a sitting in Connect, and what to do next.
//!
//! One piece: how reports are put together and what follows from them are read off flags that nothing else may see, and
//! the tests tell of whole sittings.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::report::{
    AuthCode, ConnectEvent, ConnectReport, ConnectStatus, ConnectedSource, ProviderRequest,
    ReportError,
};
use crate::user::UserEvent;

/// What became of a sitting in Connect: one report, or several of the same sitting put together.
///
/// It comes from a browser, so it is a hint and no proof. Whatever it says, only the service can say
/// that a user has connected something: [`next_step`](Self::next_step) tells whether it is worth asking.
///
/// ```
/// use humanapi_core::connect::{ConnectEnd, ConnectOutcome, NextStep};
///
/// let connected = br#"{"type":"hapi-connect-connect-source","status":"CONNECTED_SOURCE",
///     "sessionResults":{"connectedSources":[{"name":"Sandbox Clinic","id":"65a0"}]}}"#;
/// let mut outcome = ConnectOutcome::from_message(connected)?;
/// assert!(!outcome.is_over());
///
/// // An hour later, without having closed the page:
/// let closed = br#"{"type":"hapi-connect-close","status":"SESSION_TOKEN_EXPIRED"}"#;
/// outcome.join(ConnectOutcome::from_message(closed)?);
/// assert_eq!(outcome.end, Some(ConnectEnd::TokenExpired));
/// assert_eq!(outcome.connected[0].name, "Sandbox Clinic");
/// assert_eq!(outcome.next_step(), NextStep::AskForAccessToken);
/// # Ok::<(), humanapi_core::connect::ReportError>(())
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ConnectOutcome {
    /// Connected in this sitting, each once.
    pub connected: Vec<ConnectedSource>,
    /// Disconnected in this sitting, each once.
    pub disconnected: Vec<ConnectedSource>,
    /// Asked for in this sitting, because the directory does not list them, each once.
    pub requested: Vec<ProviderRequest>,
    /// All connected, by the latest report that had any.
    pub current_connections: Vec<ConnectedSource>,
    /// All asked for so far, by the latest report that had any.
    pub requested_providers: Vec<ProviderRequest>,
    /// How the sitting ended. `None` while it goes on, or where no report told.
    pub end: Option<ConnectEnd>,
    /// Only widgets of 2018 sent one.
    pub auth_code: Option<AuthCode>,
    /// Whatever else came along, under its own names; the latest where names are the same.
    pub extra: Map<String, Value>,
    /// An event or a status told of a change, with or without names.
    tells_connect: bool,
    tells_disconnect: bool,
    tells_sources: bool,
    /// There was an event that is neither a change nor the end.
    goes_on: bool,
}

/// How a sitting ended.
///
/// Names of statuses say *session* for id tokens too.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectEnd {
    /// The user left in the ordinary way.
    ///
    /// Documented: `SUCCESS`, in the vendor's
    /// [supplemental reference](https://reference.humanapi.co/v2.2/docs/supplemental-connect-reference).
    /// A close without any status, as widgets before 2.x sent it, is taken for the same.
    Left,
    /// The page's own close button or the Escape key ended it; only `connect.js` tells.
    Dismissed,
    /// `SESSION_TOKEN_EXPIRED`: the launch token ended before or during the sitting. Documented there.
    TokenExpired,
    /// `SESSION_TOKEN_INVALID`: the launch token is none, or none of this service. Documented there.
    TokenInvalid,
    /// `MISSING_SESSION_TOKEN`: Connect was opened without a token. Documented there.
    TokenMissing,
    /// A status that is not documented, as it was sent.
    Other(String),
}

impl ConnectEnd {
    /// Whether the sitting ended because something was wrong, as far as is known.
    #[must_use]
    pub const fn is_abnormal(&self) -> bool {
        !matches!(self, Self::Left | Self::Dismissed)
    }
}

/// What an application does after a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NextStep {
    /// Ask the service for an access token: the user has changed something, or no report told
    /// whether. That proves that the user is connected, and reads the data.
    ///
    /// Documented: once Connect closes the server asks for an access token, and no code is exchanged
    /// ([retrieve an access token](https://reference.humanapi.co/docs/retrieve-user-access-token)).
    AskForAccessToken,
    /// Get a new token for Connect and open it again: the one it was opened with has ended or is not
    /// accepted. If the new one is refused as well, hosts and application do not fit together.
    ///
    /// Documented: the statuses, in the
    /// [supplemental reference](https://reference.humanapi.co/v2.2/docs/supplemental-connect-reference),
    /// and the lifetimes of 3600 s and 86400 s, in the
    /// [web guide](https://reference.humanapi.co/v2.2/edit/web-guide).
    RenewLaunchToken,
    /// Hand Connect its token: the page opened it without one, so a new token would not help.
    ///
    /// Documented: `MISSING_SESSION_TOKEN`, in the supplemental reference.
    PassLaunchToken,
    /// Wait for the next report: the sitting goes on, and nothing has changed so far.
    ///
    /// Documented: events come one by one until `close`, in the README of the
    /// [widget](https://github.com/humanapi/connect-client).
    KeepListening,
    /// Nothing: the user left and changed nothing. A source that the user asked for comes to
    /// Connect's directory, or does not; no call is documented for it.
    Nothing,
}

impl NextStep {
    /// What to do, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::AskForAccessToken => {
                "ask the service for an access token, which proves what the browser only claims"
            }
            Self::RenewLaunchToken => "get a new connect token and let the user open Connect again",
            Self::PassLaunchToken => "open Connect with a token: the page had none to pass on",
            Self::KeepListening => "wait for the next report",
            Self::Nothing => "leave things as they are",
        }
    }
}

impl ConnectOutcome {
    /// Reads the data of a message, in all forms that [`ConnectReport::from_json`] reads.
    ///
    /// # Errors
    ///
    /// When it is larger than 64 KiB or none of these.
    pub fn from_message(data: &[u8]) -> Result<Self, ReportError> {
        ConnectReport::from_json(data).map(Self::from)
    }

    /// Reads what hosted Connect appended to the callback. Coming back is the end of a sitting,
    /// whether or not the callback says so.
    ///
    /// # Errors
    ///
    /// When it is larger than 64 KiB or holds no field of a report.
    pub fn from_callback(url_or_query: &str) -> Result<Self, ReportError> {
        let mut outcome = ConnectReport::from_callback(url_or_query).map(Self::from)?;
        outcome.end.get_or_insert(ConnectEnd::Left);
        Ok(outcome)
    }

    /// What to do next.
    ///
    /// What was changed comes first: a user who connected something and then let the token expire is
    /// a user with a source.
    #[must_use]
    pub fn next_step(&self) -> NextStep {
        if self.tells_connect
            || self.tells_disconnect
            || !self.connected.is_empty()
            || !self.disconnected.is_empty()
        {
            return NextStep::AskForAccessToken;
        }
        match &self.end {
            Some(ConnectEnd::TokenExpired | ConnectEnd::TokenInvalid) => NextStep::RenewLaunchToken,
            Some(ConnectEnd::TokenMissing) => NextStep::PassLaunchToken,
            Some(ConnectEnd::Other(_)) => NextStep::AskForAccessToken,
            None if self.goes_on => NextStep::KeepListening,
            // Asking costs one request; believing that nothing happened could cost a user's data.
            _ if !self.tells_sources => NextStep::AskForAccessToken,
            _ => NextStep::Nothing,
        }
    }

    /// Whether the user has left Connect.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// What it tells of the user's status. Remember it with
    /// [`KnownStatus::remembered`](crate::KnownStatus::remembered), which refuses nothing.
    #[must_use]
    pub fn user_event(&self) -> Option<UserEvent> {
        if self.tells_connect || !self.connected.is_empty() || !self.current_connections.is_empty()
        {
            Some(UserEvent::SourceConnected)
        } else if self.tells_disconnect || !self.disconnected.is_empty() {
            Some(UserEvent::SourceDisconnected)
        } else {
            None
        }
    }

    /// Adds a later outcome of the same sitting. Nothing that was told before is forgotten.
    ///
    /// The work grows with all that was told so far: to put many reports together, collect them.
    pub fn join(&mut self, later: Self) {
        self.append(later);
        self.keep_each_once();
    }

    /// Adds a later outcome, and leaves what was told twice in its lists.
    fn append(&mut self, mut later: Self) {
        self.connected.append(&mut later.connected);
        self.disconnected.append(&mut later.disconnected);
        self.requested.append(&mut later.requested);
        if !later.current_connections.is_empty() || later.tells_sources {
            self.current_connections = later.current_connections;
        }
        if !later.requested_providers.is_empty() {
            self.requested_providers = later.requested_providers;
        }
        self.end = later.end.or_else(|| self.end.take());
        self.auth_code = later.auth_code.or_else(|| self.auth_code.take());
        self.extra.extend(later.extra);
        self.tells_connect |= later.tells_connect;
        self.tells_disconnect |= later.tells_disconnect;
        self.tells_sources |= later.tells_sources;
        self.goes_on |= later.goes_on;
    }
}

impl ConnectOutcome {
    fn keep_each_once(&mut self) {
        let by_source = |source: &ConnectedSource| (source.name.clone(), source.id.clone());
        keep_each_once(&mut self.connected, by_source);
        keep_each_once(&mut self.disconnected, by_source);
        keep_each_once(&mut self.requested, |one| {
            // Numbers from JSON are never NaN, and adding zero makes one of both zeros.
            let place = (one.location).map(|place| {
                [place.latitude, place.longitude].map(|degrees| (degrees + 0.0).to_bits())
            });
            let texts = [
                &one.address,
                &one.health_system,
                &one.physician,
                &one.website,
            ];
            (texts.map(Clone::clone), place)
        });
    }
}

/// Keeps the first of those that are equal. A browser chooses how many there are, so they are not compared each with
/// each; and which, so not by a hash that it could have all of them share.
fn keep_each_once<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert(key(item)));
}

impl From<ConnectReport> for ConnectOutcome {
    fn from(report: ConnectReport) -> Self {
        let mut outcome = Self {
            current_connections: report.current_connections,
            requested_providers: report.requested_providers,
            auth_code: report.auth_code,
            extra: report.extra,
            tells_connect: report.event == Some(ConnectEvent::Connect)
                || report.status == Some(ConnectStatus::ConnectedSource),
            tells_disconnect: report.event == Some(ConnectEvent::Disconnect)
                || report.status == Some(ConnectStatus::DisconnectedSource),
            tells_sources: report.tells_sources,
            goes_on: matches!(report.event, Some(ConnectEvent::Other(_))),
            end: None,
            connected: report.connected,
            disconnected: report.disconnected,
            requested: report.requested,
        };
        outcome.keep_each_once();
        outcome.end = match (report.status, report.event) {
            (Some(ConnectStatus::SessionTokenExpired), _) => Some(ConnectEnd::TokenExpired),
            (Some(ConnectStatus::SessionTokenInvalid), _) => Some(ConnectEnd::TokenInvalid),
            (Some(ConnectStatus::MissingSessionToken), _) => Some(ConnectEnd::TokenMissing),
            _ if report.dismissed => Some(ConnectEnd::Dismissed),
            (Some(ConnectStatus::Other(status)), Some(ConnectEvent::Close)) => {
                Some(ConnectEnd::Other(status))
            }
            // The callbacks of `open` get the payload without its event; only a close succeeds.
            (_, Some(ConnectEvent::Close)) | (Some(ConnectStatus::Success), None) => {
                Some(ConnectEnd::Left)
            }
            _ => None,
        };
        outcome
    }
}

impl FromIterator<ConnectReport> for ConnectOutcome {
    /// Puts the reports of one sitting together, oldest first.
    fn from_iter<I: IntoIterator<Item = ConnectReport>>(reports: I) -> Self {
        let mut whole = Self::default();
        for report in reports {
            whole.append(report.into());
        }
        whole.keep_each_once();
        whole
    }
}

impl fmt::Debug for ConnectEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "Left",
            Self::Dismissed => "Dismissed",
            Self::TokenExpired => "TokenExpired",
            Self::TokenInvalid => "TokenInvalid",
            Self::TokenMissing => "TokenMissing",
            Self::Other(_) => "Other(…)",
        })
    }
}

impl fmt::Debug for ConnectOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOutcome")
            .field("connected", &self.connected.len())
            .field("disconnected", &self.disconnected.len())
            .field("requested", &self.requested.len())
            .field("current_connections", &self.current_connections.len())
            .field("end", &self.end)
            .field("next", &self.next_step())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data: &str, end: Option<ConnectEnd>, next: NextStep) -> ConnectOutcome {
        let outcome = ConnectOutcome::from_message(data.as_bytes()).unwrap();
        assert_eq!((&outcome.end, outcome.next_step()), (&end, next), "{data}");
        outcome
    }

    use ConnectEnd::{Dismissed, Left, Other, TokenExpired, TokenInvalid, TokenMissing};
    use NextStep::{AskForAccessToken, KeepListening, Nothing, PassLaunchToken, RenewLaunchToken};

    const EMPTY: &str = r#""sessionResults":{"connectedSources":[],"disconnectedSources":[]}"#;

    #[test]
    fn every_documented_end_leads_somewhere() {
        let close = |status: &str| {
            format!(r#"{{"type":"hapi-connect-close","status":"{status}",{EMPTY}}}"#)
        };
        check(&close("SUCCESS"), Some(Left), Nothing);
        check(
            &close("SESSION_TOKEN_EXPIRED"),
            Some(TokenExpired),
            RenewLaunchToken,
        );
        check(
            &close("SESSION_TOKEN_INVALID"),
            Some(TokenInvalid),
            RenewLaunchToken,
        );
        check(
            &close("MISSING_SESSION_TOKEN"),
            Some(TokenMissing),
            PassLaunchToken,
        );
        let other = check(
            &close("NEW"),
            Some(Other("NEW".to_owned())),
            AskForAccessToken,
        );
        assert!(other.end.unwrap().is_abnormal());
        assert!(!Left.is_abnormal() && !Dismissed.is_abnormal() && TokenExpired.is_abnormal());
    }

    #[test]
    fn a_change_is_worth_asking_in_every_era() {
        for sources in [
            r#""sessionResults":{"connectedSources":[{"name":"A"}]}"#,
            r#""sessionResults":{"disconnectedSources":[{"name":"A"}]}"#,
            r#""sessionResults":{"connected":[{"name":"A"}]}"#,
            r#""sessionResults":{"disconnected":[{"name":"A"}]}"#,
        ] {
            let closed = format!(r#"{{"type":"hapi-connect-close",{sources}}}"#);
            check(&closed, Some(Left), AskForAccessToken);
            let expired =
                format!(r#"{{"type":"close","status":"SESSION_TOKEN_EXPIRED",{sources}}}"#);
            check(&expired, Some(TokenExpired), AskForAccessToken);
            // As the callbacks of `open` get it.
            check(&format!("{{{sources}}}"), None, AskForAccessToken);
        }
        check(r#"{"status":"CONNECTED_SOURCE"}"#, None, AskForAccessToken);
        check(
            r#"{"status":"DISCONNECTED_SOURCE"}"#,
            None,
            AskForAccessToken,
        );
        check("hapi-connect-connect-source", None, AskForAccessToken);
        check("disconnect-source", None, AskForAccessToken);
    }

    #[test]
    fn nothing_told_is_not_the_same_as_nothing_changed() {
        check("close", Some(Left), AskForAccessToken);
        check(r#"{"type":"close"}"#, Some(Left), AskForAccessToken);
        check(
            &format!(r#"{{"type":"close",{EMPTY}}}"#),
            Some(Left),
            Nothing,
        );
        check(
            &format!(r#"{{"status":"SUCCESS",{EMPTY}}}"#),
            Some(Left),
            Nothing,
        );
        check(&format!("{{{EMPTY}}}"), None, Nothing);
        check(
            r#"{"message":null,"dismissed":true}"#,
            Some(Dismissed),
            AskForAccessToken,
        );
        let before = format!(r#"{{"type":"disconnect-source",{EMPTY}}}"#);
        check(
            &format!(r#"{{"message":{before},"dismissed":true}}"#),
            Some(Dismissed),
            AskForAccessToken,
        );
        check("hapi-connect-open-url", None, KeepListening);
        check(
            r#"{"type":"close","sessionResults":{"connectedSources":[],"requestedSources":[{"physician":"P"}]}}"#,
            Some(Left),
            Nothing,
        );
    }

    #[test]
    fn coming_back_by_a_callback_is_an_end() {
        let back = |query: &str| ConnectOutcome::from_callback(query).unwrap();
        let sources = "sessionResults.connectedSources=%5B%7B%22name%22%3A%22A%22%7D%5D";
        let outcome = back(&format!("exampleapp://done?{sources}"));
        assert_eq!(
            (outcome.end.as_ref(), outcome.next_step()),
            (Some(&Left), AskForAccessToken)
        );
        // Where a long report is shortened, that is a field like any other.
        let outcome = back(&format!("exampleapp://done?{sources}&shortened=true"));
        assert_eq!(outcome.extra["shortened"], "true");
        assert_eq!(outcome.connected.len(), 1);
        let outcome = back("exampleapp://done?status=SESSION_TOKEN_EXPIRED");
        assert_eq!(
            (outcome.end.as_ref(), outcome.next_step()),
            (Some(&TokenExpired), RenewLaunchToken)
        );
    }

    #[test]
    fn a_whole_sitting_is_put_together() {
        let reports = [
            r#"{"type":"hapi-connect-connect-source","status":"CONNECTED_SOURCE",
                "sessionResults":{"connectedSources":[{"name":"A","id":"1"}]},
                "currentConnections":[{"name":"A","id":"1"}],"first":1,"both":1}"#,
            r#"{"type":"hapi-connect-connect-source","status":"CONNECTED_SOURCE",
                "sessionResults":{"connectedSources":[{"name":"A","id":"1"},{"name":"B","id":"2"}]},
                "currentConnections":[{"name":"A","id":"1"},{"name":"B","id":"2"}],"both":2}"#,
            r#"{"type":"hapi-connect-disconnect-source",
                "sessionResults":{"disconnectedSources":[{"name":"A","id":"1"}]},
                "currentConnections":[{"name":"B","id":"2"}]}"#,
            r#"{"type":"hapi-connect-close","status":"SUCCESS","sessionResults":{"connectedSources":[],
                "requestedSources":[{"physician":"P"}]},"currentConnections":[]}"#,
        ];
        let whole: ConnectOutcome = reports
            .iter()
            .map(|report| ConnectReport::from_json(report.as_bytes()).unwrap())
            .collect();
        let names = |sources: &[ConnectedSource]| {
            sources
                .iter()
                .map(|one| one.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&whole.connected), ["A", "B"]);
        assert_eq!(names(&whole.disconnected), ["A"]);
        assert_eq!(whole.requested.len(), 1);
        assert!(whole.current_connections.is_empty(), "the latest word");
        assert_eq!(
            (whole.extra["first"].as_u64(), whole.extra["both"].as_u64()),
            (Some(1), Some(2))
        );
        assert_eq!(
            (whole.end.as_ref(), whole.next_step()),
            (Some(&Left), AskForAccessToken)
        );
        assert_eq!(whole.user_event(), Some(UserEvent::SourceConnected));
    }

    #[test]
    fn what_it_tells_of_the_user() {
        let tells = |data: &str| {
            ConnectOutcome::from_message(data.as_bytes())
                .unwrap()
                .user_event()
        };
        assert_eq!(tells("connect-source"), Some(UserEvent::SourceConnected));
        assert_eq!(
            tells("disconnect-source"),
            Some(UserEvent::SourceDisconnected)
        );
        assert_eq!(
            tells(r#"{"type":"close","currentConnections":[{"name":"A"}]}"#),
            Some(UserEvent::SourceConnected)
        );
        assert_eq!(tells("close"), None);
    }

    #[test]
    fn debug_tells_counts_and_no_names() {
        let outcome = ConnectOutcome::from_message(
            br#"{"type":"close","status":"canary","canary":"canary","authCode":{"code":"canary"},
                "sessionResults":{"connectedSources":[{"name":"canary"}]}}"#,
        )
        .unwrap();
        let shown = format!("{outcome:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(
            shown.contains("connected: 1") && shown.contains("AskForAccessToken"),
            "{shown}"
        );
    }
}
