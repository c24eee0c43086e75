//! The parts of the service, and what all answers of a part have in common: envelope and headers.

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::Serialize;

use crate::assumption::Assumption;
use crate::body::content_type;
use crate::incoming::Incoming;
use crate::pages;
use crate::reply::{self, Numbers, Problem, Reply};
use crate::world::World;

/// A part of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Area {
    /// Both token endpoints.
    Tokens,
    /// Health data, for an access token.
    Data,
    /// Users of an application and their data, for the application's key.
    Apps,
    /// Orders for records, for an application's client token.
    Admin,
    /// Connect's pages and the Task Manager's, and what their buttons do.
    Connect,
    /// What a browser asks for on behalf of whoever watches the sandbox.
    Watch,
    /// The control API.
    Control,
    /// Where nothing is.
    Nowhere,
}

const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");

impl Area {
    /// Whose a path is that leads to no route.
    pub(crate) fn of_path(path: &str) -> Self {
        let below = |root: &str| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below("/sandbox") {
            Self::Control
        } else if below("/v1/human") {
            Self::Data
        } else if below("/v1/apps") {
            Self::Apps
        } else if below("/v1/connect") || below("/v1/admin") {
            Self::Tokens
        } else if below("/api/v1") {
            Self::Admin
        } else if below("/connect") || below("/tasks") {
            Self::Connect
        } else {
            Self::Nowhere
        }
    }

    /// Whether its requests pass the sandbox by: reading the log must not fill it, a fault must not
    /// lock out the one who planned it, and the request ids of a story must not depend on whether
    /// somebody watches it.
    pub(crate) const fn is_aside(self) -> bool {
        matches!(self, Self::Watch | Self::Control)
    }

    /// Whether what can be had by GET can be had by HEAD.
    pub(crate) const fn has_head(self) -> bool {
        !matches!(self, Self::Control)
    }

    /// Whether it tells the methods of a path when asked by OPTIONS.
    pub(crate) const fn tells_options(self) -> bool {
        matches!(self, Self::Data | Self::Control)
    }

    /// Writes a refusal as this area does; `allow` are the methods of the path that was asked for.
    pub(crate) fn write(
        self,
        world: &World,
        problem: &Problem,
        incoming: &Incoming,
        allow: Option<&str>,
        request_id: &str,
    ) -> Reply {
        let mut reply = match self {
            Self::Control => named(problem),
            Self::Connect | Self::Watch if !is_program(incoming) => pages::problem_page(problem),
            Self::Tokens | Self::Connect | Self::Watch => {
                problem.write(&world.assumptions, Numbers::StatusCode, request_id)
            }
            Self::Data | Self::Apps | Self::Nowhere => {
                problem.write(&world.assumptions, Numbers::Both, request_id)
            }
            Self::Admin => {
                let numbers = match world.assumptions.value(Assumption::AdminErrorNumber) {
                    "both" => Numbers::Both,
                    "code" => Numbers::Code,
                    "status-code" => Numbers::StatusCode,
                    _ if problem.validation.is_some() => Numbers::StatusCode,
                    _ => Numbers::Code,
                };
                problem.write(&world.assumptions, numbers, request_id)
            }
        };
        let headers = reply.headers_mut();
        match problem.status {
            StatusCode::METHOD_NOT_ALLOWED => {
                if let Some(allow) = allow.and_then(|allow| HeaderValue::from_str(allow).ok()) {
                    headers.insert(header::ALLOW, allow);
                }
            }
            StatusCode::UNAUTHORIZED if matches!(self, Self::Data | Self::Admin) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::UNAUTHORIZED if self == Self::Apps => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
            }
            _ => {}
        }
        reply
    }

    /// Puts on what every answer of this area has, refusals and planned faults included.
    pub(crate) fn dress(self, reply: &mut Reply) {
        let common: &[(HeaderName, &'static str)] = match self {
            Self::Data => &[
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
                (header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS,GET,HEAD"),
                (
                    header::ACCESS_CONTROL_ALLOW_HEADERS,
                    "Content-Type, Authorization, Accept",
                ),
                (header::ACCESS_CONTROL_MAX_AGE, "86400"),
            ],
            // Addresses of pages hold tokens: keep them out of caches and of other sites' logs.
            Self::Connect | Self::Watch => &[
                (REFERRER_POLICY, "no-referrer"),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            Self::Tokens | Self::Apps | Self::Admin | Self::Control | Self::Nowhere => &[],
        };
        for (name, value) in common {
            let value = HeaderValue::from_static(value);
            reply.headers_mut().insert(name.clone(), value);
        }
    }
}

/// Whether a program or the page's script asks, to whom a page says nothing.
fn is_program(incoming: &Incoming) -> bool {
    let reads = [Method::GET, Method::HEAD].contains(&incoming.head.method);
    let is_form = content_type(&incoming.head.headers).as_deref()
        == Some("application/x-www-form-urlencoded");
    !reads && !is_form
}

/// The control API's own envelope: a name for programs, and a message for people.
fn named(problem: &Problem) -> Reply {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'a str,
        message: &'a str,
    }
    let error = match problem.status {
        StatusCode::NOT_FOUND => "unknown-call",
        StatusCode::METHOD_NOT_ALLOWED => "method",
        StatusCode::PAYLOAD_TOO_LARGE => "body-too-long",
        StatusCode::REQUEST_TIMEOUT => "body-too-slow",
        _ => "refused",
    };
    reply::json(
        problem.status,
        &Body {
            error: problem.code.as_deref().unwrap_or(error),
            message: &problem.message,
        },
    )
}
