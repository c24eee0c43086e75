//! What the Connect page tells the page around it, and what a hosted link brings back.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

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
                requested_sources: sitting.requested,
            },
            current_connections: named(&user.connections),
            requested_providers: user.requested.clone(),
        }
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
    pub(super) fn on_callback(&self, callback: &str) -> String {
        let (base, fragment) = callback
            .split_once('#')
            .map_or((callback, None), |(base, at)| (base, Some(at)));
        let mut url = base.to_owned();
        let mut separator = if base.contains('?') { '&' } else { '?' };
        let mut add = |name: &str, value: &str| {
            url.push(separator);
            separator = '&';
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, VALUE));
        };
        add("status", self.status.name());
        add("sessionResults", &json_text(&self.session_results));
        add("currentConnections", &json_text(&self.current_connections));
        add("requestedProviders", &json_text(&self.requested_providers));
        if let Some(fragment) = fragment {
            url.push('#');
            url.push_str(fragment);
        }
        url
    }
}

/// Everything but the characters that need no escaping anywhere.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
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
        let message = Message::nothing(Status::SessionTokenExpired);
        let url = message.on_callback("exampleapp://connected?state=a%20b#top");
        assert!(
            url.starts_with("exampleapp://connected?state=a%20b&status=SESSION_TOKEN_EXPIRED&")
        );
        assert!(
            url.ends_with("&currentConnections=%5B%5D&requestedProviders=%5B%5D#top"),
            "{url}"
        );
        let url = message.on_callback("https://app.example.test/connected");
        assert!(url.starts_with("https://app.example.test/connected?status="));
    }
}
