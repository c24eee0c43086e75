//! What the Connect page tells the page around it, and what a hosted link brings back.

use std::sync::Arc;

use serde::Serialize;

use super::callback;
use crate::source::Source;
use crate::state::Sitting;
use crate::user::{RequestedProvider, User};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Event {
    #[serde(rename = "hapi-connect-connect-source")]
    Connect,
    #[serde(rename = "hapi-connect-disconnect-source")]
    Disconnect,
    #[serde(rename = "hapi-connect-close")]
    Close,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Success,
    ConnectedSource,
    DisconnectedSource,
    SessionTokenInvalid,
    SessionTokenExpired,
    MissingSessionToken,
}

impl Status {
    /// The name on the wire.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::ConnectedSource => "CONNECTED_SOURCE",
            Self::DisconnectedSource => "DISCONNECTED_SOURCE",
            Self::SessionTokenInvalid => "SESSION_TOKEN_INVALID",
            Self::SessionTokenExpired => "SESSION_TOKEN_EXPIRED",
            Self::MissingSessionToken => "MISSING_SESSION_TOKEN",
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    #[serde(rename = "type")]
    event: Event,
    status: Status,
    session_results: SessionResults,
    current_connections: Vec<Named>,
    requested_providers: Vec<RequestedProvider>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionResults {
    connected_sources: Vec<Named>,
    disconnected_sources: Vec<Named>,
    requested_sources: Vec<RequestedProvider>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: &'static str,
    id: &'static str,
}

impl Message {
    pub(super) fn new(event: Event, status: Status, user: &User, sitting: Sitting) -> Self {
        Self {
            event,
            status,
            session_results: SessionResults {
                connected_sources: named(&sitting.connected),
                disconnected_sources: named(&sitting.disconnected),
                requested_sources: wishes(&sitting.requested),
            },
            current_connections: named(&user.connections),
            requested_providers: wishes(&user.requested),
        }
    }

    pub(super) const fn status(&self) -> Status {
        self.status
    }

    /// The end of a sitting that never was.
    pub(super) fn nothing(status: Status) -> Self {
        Self {
            event: Event::Close,
            status,
            session_results: SessionResults::default(),
            current_connections: Vec::new(),
            requested_providers: Vec::new(),
        }
    }

    /// The callback with the message in its query: one parameter for each field, its value JSON.
    ///
    /// An address that is too long is not opened, or is refused by the server that it leads to. So
    /// the oldest requests for providers are left out of a long report, and `shortened=true` says so.
    pub(super) fn on_callback(mut self, callback: &str) -> String {
        let mut url = self.write_on(callback, false);
        while url.len() > ADDRESS && self.leave_out_some() {
            url = self.write_on(callback, true);
        }
        url
    }

    /// Leaves out the older half of the longer list of requests; false when both are empty.
    fn leave_out_some(&mut self) -> bool {
        let here = &mut self.session_results.requested_sources;
        let all = &mut self.requested_providers;
        // This sitting's own are told last of all.
        let list = if all.len() >= here.len() { all } else { here };
        list.drain(..list.len().div_ceil(2)).count() > 0
    }

    fn write_on(&self, callback: &str, shortened: bool) -> String {
        let mut told = vec![
            ("status", self.status.name().to_owned()),
            ("sessionResults", json_text(&self.session_results)),
            ("currentConnections", json_text(&self.current_connections)),
            ("requestedProviders", json_text(&self.requested_providers)),
        ];
        if shortened {
            told.push(("shortened", "true".to_owned()));
        }
        callback::with(callback, &told)
    }
}

/// The longest address that a hosted link leads back to: what common servers read of a request's
/// first line, with some room for the method and the host's own habits.
const ADDRESS: usize = 7800;

fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn wishes(kept: &[Arc<RequestedProvider>]) -> Vec<RequestedProvider> {
    kept.iter()
        .map(|wish| RequestedProvider::clone(wish))
        .collect()
}

fn named(sources: &[&'static Source]) -> Vec<Named> {
    sources
        .iter()
        .map(|source| Named {
            name: source.name,
            id: source.id,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_name() {
        for status in [
            Status::Success,
            Status::ConnectedSource,
            Status::DisconnectedSource,
            Status::SessionTokenInvalid,
            Status::SessionTokenExpired,
            Status::MissingSessionToken,
        ] {
            let json = serde_json::to_string(&status).unwrap();
            assert_eq!(json, format!("\"{}\"", status.name()));
        }
    }

    #[test]
    fn a_callback_keeps_its_own_query_and_fragment() {
        let message = || Message::nothing(Status::SessionTokenExpired);
        let url = message().on_callback("exampleapp://connected?state=a%20b#top");
        assert!(
            url.starts_with("exampleapp://connected?state=a%20b&status=SESSION_TOKEN_EXPIRED&")
        );
        assert!(
            url.ends_with("&currentConnections=%5B%5D&requestedProviders=%5B%5D#top"),
            "{url}"
        );
        let url = message().on_callback("https://app.example.test/connected");
        assert!(url.starts_with("https://app.example.test/connected?status="));
    }

    #[test]
    fn a_long_report_leaves_out_the_oldest_requests_and_says_so() {
        let wish = |number: u32, name: &str| RequestedProvider {
            physician: format!("{number} {name}"),
            ..RequestedProvider::default()
        };
        for (count, name, shortened) in [
            (3, "Dr. Test".to_owned(), false),
            (50, "Dr. Test".to_owned(), true),
            (100, "é✓".repeat(100), true),
        ] {
            let mut message = Message::nothing(Status::Success);
            message.requested_providers = (0..count).map(|n| wish(n, &name)).collect();
            message.session_results.requested_sources = message.requested_providers.clone();
            let callback = "https://app.example.test/connected?state=1";
            let url = message.on_callback(callback);
            assert!(url.len() <= ADDRESS, "{count} {name}: {}", url.len());
            assert_eq!(url.contains("&shortened=true"), shortened, "{url}");
            let newest = format!("%22{}%20", count - 1);
            assert!(name.len() > 100 || url.contains(&newest), "{url}");
        }
    }
}
