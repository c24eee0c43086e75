//! What something between caller and service says.

use http::StatusCode;
use serde::Serialize;

use crate::reply::{self, Reply};

/// What something between caller and service says in the service's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IntermediaryBody {
    /// A page, as a firewall or a network's sign-in has them.
    Html,
    /// No byte.
    Empty,
    /// A line of plain text.
    Text,
    /// JSON of another form than the service's, as a gateway writes it.
    Json,
}

impl IntermediaryBody {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Html, Self::Empty, Self::Text, Self::Json];

    /// Its name in the control API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Empty => "empty",
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    /// The answer of this status.
    pub(crate) fn reply(self, status: StatusCode) -> Reply {
        match self {
            Self::Html => reply::html(
                status,
                "<!doctype html><title>Blocked</title><p>Enable JavaScript and cookies to continue."
                    .to_owned(),
            ),
            Self::Empty => reply::empty(status),
            Self::Text => reply::text(status, "blocked\n"),
            Self::Json => reply::json(
                status,
                &serde_json::json!({ "message": "Forbidden", "blocked": true }),
            ),
        }
    }
}
