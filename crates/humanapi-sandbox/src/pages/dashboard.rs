//! The dashboard: users, tokens and requests at a glance, nothing secret in clear.

use http::StatusCode;
use maud::{Markup, html};

use super::Layout;
use crate::clock;
use crate::lock;
use crate::reply::Reply;
use crate::request_log::LoggedRequest;
use crate::service::{Incoming, Service};
use crate::token::{Claim, Standing, TokenKind, mask};
use crate::user::{UserSnapshot, UserStatus};

const USERS: usize = 100;
const REQUESTS: usize = 50;

/// One token as the dashboard shows it.
struct TokenRow {
    masked: String,
    claim: Claim,
    owner: String,
    left: Left,
}

enum Left {
    Seconds(i64),
    Expired,
    Ended,
}

impl Service {
    pub(super) fn dashboard(&self, incoming: &Incoming, nonce: &str) -> Reply {
        let now = self.clock.now();
        let (users, count, tokens) = {
            let state = lock(&self.state);
            let count = state.users().len();
            let users: Vec<_> = (0..count)
                .rev()
                .take(USERS)
                .filter_map(|at| self.snapshot(&state, u32::try_from(at).ok()?))
                .collect();
            let tokens: Vec<_> = state
                .recent(now)
                .into_iter()
                .map(|(text, claim, standing)| TokenRow {
                    masked: mask(&text),
                    claim,
                    owner: match claim.kind {
                        TokenKind::Client => String::new(),
                        _ => state
                            .user(claim.holder)
                            .map(|user| user.client_user_id.to_string())
                            .unwrap_or_default(),
                    },
                    left: match standing {
                        Standing::Valid { expires, .. } => Left::Seconds((expires - now) / 1000),
                        Standing::Expired(_) => Left::Expired,
                        Standing::Revoked(_) | Standing::Foreign => Left::Ended,
                    },
                })
                .collect();
            (users, count, tokens)
        };
        let requests = self.log.latest(REQUESTS);
        let host = incoming.host.as_deref().unwrap_or_default();
        let content = html! {
            main {
                p .banner { strong { "Sandbox" } " for development and tests. Everything here is made up." }
                header {
                    h1 { "Human API sandbox" }
                    a href="/" { "Refresh" }
                }
                dl {
                    div { dt { "Address" } dd { code { "http://" (host) } } }
                    div { dt { "Seed" } dd { code { (self.seed) } } }
                    div { dt { "Clock" } dd { code { (clock::instant(now)) } @if self.clock.is_frozen() { " (frozen)" } } }
                    div { dt { "Token requests" } dd { (self.exchanges.read().total()) } }
                }
                (self.app_table())
                (self.user_table(&users, count))
                (token_table(&tokens))
                (request_table(&requests))
            }
        };
        Layout {
            title: "Human API sandbox",
            nonce,
            style: include_str!("dashboard.css"),
            script: "",
            form_target: None,
        }
        .reply(StatusCode::OK, &content)
    }

    fn app_table(&self) -> Markup {
        html! {
            section {
                h2 #apps { "Applications" }
                div .scroll tabindex="0" role="region" aria-labelledby="apps" {
                    table {
                        thead { tr { th scope="col" { "Name" } th scope="col" { "Client id" } th scope="col" { "Access tokens from" } th scope="col" { "Admin API" } } }
                        tbody {
                            @for app in &self.apps {
                                tr {
                                    td { (app.app.name()) }
                                    td .mono { (app.client_id) }
                                    td .mono { @if app.hip { "/v1/admin/token" } @else { "/v1/connect/token" } }
                                    td { @if app.admin_api { "on" } @else { "off" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn user_table(&self, users: &[UserSnapshot], count: usize) -> Markup {
        html! {
            section {
                h2 #users { "Users" @if count > users.len() { " (latest " (users.len()) " of " (count) ")" } }
                div .scroll tabindex="0" role="region" aria-labelledby="users" {
                    @if users.is_empty() {
                        p .none { "None yet. A user appears with the first session token." }
                    } @else {
                        table {
                            thead { tr { th scope="col" { "User" } th scope="col" { "Status" } th scope="col" { "Sources" } th scope="col" { "Application" } th scope="col" { "Human id" } } }
                            tbody {
                                @for user in users {
                                    tr {
                                        td .wide { bdi { (user.client_user_id) } }
                                        td class=(status_class(user.status)) { (status_text(user.status)) }
                                        td .wide { (source_names(user)) }
                                        td { (self.app_name(&user.client_id)) }
                                        td .mono { (user.human_id) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn app_name(&self, client_id: &str) -> &'static str {
        self.app(client_id)
            .map(|(_, app)| app.app.name())
            .unwrap_or_default()
    }
}

fn token_table(tokens: &[TokenRow]) -> Markup {
    html! {
        section {
            h2 #tokens { "Latest tokens" }
            div .scroll tabindex="0" role="region" aria-labelledby="tokens" {
                @if tokens.is_empty() {
                    p .none { "None yet." }
                } @else {
                    table {
                        thead { tr { th scope="col" { "Kind" } th scope="col" { "Token" } th scope="col" { "User" } th scope="col" { "Time left" } } }
                        tbody {
                            @for token in tokens {
                                tr {
                                    td { (token.claim.kind) }
                                    td .mono { (token.masked) }
                                    td .wide { bdi { (token.owner) } }
                                    @match token.left {
                                        Left::Seconds(seconds) => td { (span_text(seconds)) },
                                        Left::Expired => td .bad { "expired" },
                                        Left::Ended => td .bad { "revoked" },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn request_table(requests: &[LoggedRequest]) -> Markup {
    html! {
        section {
            h2 #requests { "Latest requests" }
            div .scroll tabindex="0" role="region" aria-labelledby="requests" {
                @if requests.is_empty() {
                    p .none { "None yet." }
                } @else {
                    table {
                        thead { tr { th scope="col" { "Time" } th scope="col" { "Request" } th scope="col" { "Answer" } th scope="col" { "Token" } th scope="col" { "User" } } }
                        tbody {
                            @for request in requests {
                                tr {
                                    td .mono { (clock::instant(clock::from_system(request.at)).get(11..19).unwrap_or_default()) }
                                    td .wide.mono { (request.method) " " (request.path) }
                                    @match request.status {
                                        Some(status) => td class=(if status < 400 { "good" } else { "bad" }) {
                                            (status)
                                            @if let Some(fault) = request.fault { " (" (fault) ")" }
                                        },
                                        None => td .bad { "none (" (request.fault.unwrap_or_default()) ")" },
                                    }
                                    td { @if let Some(kind) = request.token_kind { (kind) } }
                                    td .wide { bdi { (request.client_user_id.as_deref().unwrap_or_default()) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn status_text(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Started => "started",
        UserStatus::Connected => "connected",
        UserStatus::Deleted => "deleted",
    }
}

fn status_class(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Started => "",
        UserStatus::Connected => "good",
        UserStatus::Deleted => "bad",
    }
}

fn source_names(user: &UserSnapshot) -> String {
    let names: Vec<_> = user.sources.iter().map(|source| source.name).collect();
    names.join(", ")
}

/// `23 h 59 min`, `59 min`, `12 s`.
fn span_text(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
