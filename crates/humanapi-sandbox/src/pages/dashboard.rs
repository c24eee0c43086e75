//! The dashboard: what the sandbox holds and was asked, and the controls over it.
//!
//! Everything on it can be read without a script. The script keeps it fresh and sends the forms,
//! because calls of the control API are JSON; so what only a script can do is hidden until one shows it.

mod faults;
mod orders;
mod table;
mod users;

use http::StatusCode;
use maud::{Markup, html};

use self::faults::fault_section;
use self::orders::{Orders, order_section};
use self::table::{Column, SHOWN, cell, marked, scrolled, table};
use self::users::{Users, record_section, user_section};
use super::layout::{DASHBOARD_SCRIPT, DASHBOARD_STYLE, Layout};
use crate::assumption::AssumptionSetting;
use crate::call::Call;
use crate::clock;
use crate::reply::Reply;
use crate::request_log::{LoggedRequest, clip};
use crate::source::Source;
use crate::token::{Claim, TokenKind, TokenState, mask};
use crate::world::World;

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

pub(crate) fn dashboard(call: &Call<'_>) -> Reply {
    let world = &**call.world;
    let now = world.clock.now();
    let (users, orders, tokens) = held(world, now);
    let host = call.host();
    let requests = world.log.latest(REQUESTS);
    let content = html! {
        main {
            header {
                p .banner { strong { "Sandbox" } " for development and tests. Everything here is made up." }
                h1 { "Human API sandbox" }
                // Said by the script, which is what makes it true.
                p #live .live role="status" {}
                noscript {
                    p .live { "Without JavaScript this page can be read, but not changed from here. " a href="/" { "Load it again" } " for the latest." }
                }
                @if call.guard.control_token().is_some() {
                    (control_token_field())
                }
            }
            (facts(world, now, host))
            nav aria-label="On this page" {
                ul {
                    @for (at, name) in [
                        ("users", "Users"), ("orders", "Orders"), ("records", "Records"), ("tokens", "Tokens"), ("requests", "Requests"),
                        ("clock", "Clock"), ("faults", "Faults"), ("assumptions", "Assumptions"),
                    ] {
                        li { a href=(format!("#{at}")) { (name) } }
                    }
                }
            }
            div .columns {
                div {
                    (user_section(world, &users))
                    (order_section(&orders))
                    (record_section(world, &users))
                    (token_section(&tokens))
                    (request_section(&requests))
                    (app_section(world))
                }
                div {
                    (clock_section(world, now))
                    (fault_section(world))
                }
            }
            (assumption_section(&world.assumptions.settings()))
            (start_over_section())
        }
        p #news .news role="status" {}
    };
    Layout {
        title: "Human API sandbox",
        style: &DASHBOARD_STYLE,
        script: Some(&DASHBOARD_SCRIPT),
        forms: "'none'".to_owned(),
        framed: false,
    }
    .reply(StatusCode::OK, &content)
}

/// What the sandbox holds, all of one moment.
fn held(world: &World, now: clock::Millis) -> (Users, Orders, Vec<TokenRow>) {
    let state = world.state();
    let users = Users::read(world, &state);
    let orders = Orders::read(world, &state);
    let tokens = state
        .recent(now)
        .into_iter()
        .map(|(text, claim, token_state)| TokenRow {
            masked: mask(&text),
            claim,
            owner: match claim.kind {
                TokenKind::Client => String::new(),
                _ => state
                    .user(claim.holder)
                    .map(|user| clip(&user.client_user_id, SHOWN))
                    .unwrap_or_default(),
            },
            left: match token_state {
                TokenState::Valid { expires, .. } => Left::Seconds((expires - now) / 1000),
                TokenState::Expired(_) => Left::Expired,
                TokenState::Revoked(_) | TokenState::Foreign => Left::Ended,
            },
        })
        .collect();
    (users, orders, tokens)
}

fn facts(world: &World, now: clock::Millis, host: &str) -> Markup {
    html! {
        dl #live-facts data-live {
            div { dt { "Address" } dd { code { "http://" (host) } } }
            div { dt { "Seed" } dd { code { (world.seed) } } }
            div {
                dt { "Clock" }
                dd { code { (clock::instant(now)) } @if world.clock.is_frozen() { " (frozen)" } }
            }
            div { dt { "Token requests" } dd { (world.exchanges.read().total()) } }
        }
    }
}

fn app_section(world: &World) -> Markup {
    let apps = [
        Column::heads("Name", ""),
        Column::new("Client id", "mono id"),
        Column::new("Access tokens from", "mono"),
        Column::new("Admin API", ""),
    ];
    let sources = [
        Column::heads("Name", ""),
        Column::new("Category", ""),
        Column::new("Signing in", ""),
        Column::new("Id", "mono id"),
    ];
    html! {
        section aria-labelledby="apps" {
            (scrolled("apps", "Applications", table(&apps, world.apps.iter().map(|app| [
                cell(html! { (app.app.name()) }),
                cell(html! { (app.client_id) }),
                cell(html! { @if app.hip { "/v1/admin/token" } @else { "/v1/connect/token" } }),
                cell(html! { @if app.admin_api { "on" } @else { "off" } }),
            ]))))
        }
        section aria-labelledby="sources" {
            (scrolled("sources", "Sources", table(&sources, Source::ALL.iter().map(|source| [
                cell(html! { (source.name) }),
                cell(html! { (source.kind.category()) }),
                cell(html! { "password" @if source.one_time_code { " and code" } }),
                cell(html! { (source.id) }),
            ]))))
        }
    }
}

fn clock_section(world: &World, now: clock::Millis) -> Markup {
    html! {
        section aria-labelledby="clock" {
            h2 #clock { "Clock" }
            p #live-clock data-live {
                code { (clock::instant(now)) }
                @if world.clock.is_frozen() { " It stands still unless moved." }
                @else { " It runs, and can be moved forward." }
            }
            form .buttons data-needs-script hidden data-path="/sandbox/clock/advance" {
                button type="submit" name="seconds" value="60" { "Forward 1 minute" }
                button type="submit" name="seconds" value="3600" { "Forward 1 hour" }
                button type="submit" name="seconds" value="86400" { "Forward 1 day" }
            }
            form #advance .row data-needs-script hidden data-path="/sandbox/clock/advance" {
                div {
                    label for="amount" { "Amount" }
                    input #amount name="amount" type="number" min="1" max="1000000000" step="1" required;
                }
                div {
                    label for="unit" { "Unit" }
                    select #unit name="unit" {
                        option value="1" { "seconds" }
                        option value="60" selected { "minutes" }
                        option value="3600" { "hours" }
                        option value="86400" { "days" }
                    }
                }
                div .buttons { button type="submit" { "Move forward" } }
            }
        }
    }
}

fn control_token_field() -> Markup {
    html! {
        form #control .row data-needs-script hidden {
            div {
                label for="control-token" { "Control token" }
                input #control-token type="password" autocomplete="off"
                    aria-describedby="control-why";
            }
            p #control-why { "Shown where the sandbox was started. Needed here, because it listens beyond this machine." }
            div .buttons { button type="submit" { "Use token" } }
        }
    }
}

fn token_section(tokens: &[TokenRow]) -> Markup {
    let columns = [
        Column::heads("Token", "mono"),
        Column::new("Kind", ""),
        Column::new("User", "wide"),
        Column::new("Time left", ""),
    ];
    let rows = tokens.iter().map(|token| {
        [
            cell(html! { (token.masked) }),
            cell(html! { (token.claim.kind) }),
            cell(html! { bdi { (token.owner) } }),
            match token.left {
                Left::Seconds(seconds) => cell(html! { (span_text(seconds)) }),
                Left::Expired => marked("bad", html! { "expired" }),
                Left::Ended => marked("bad", html! { "ended" }),
            },
        ]
    });
    html! {
        section aria-labelledby="tokens" {
            (scrolled("tokens", "Latest tokens", html! {
                div #live-tokens data-live {
                    @if tokens.is_empty() { p .none { "None yet." } } @else { (table(&columns, rows)) }
                }
            }))
        }
    }
}

fn request_section(requests: &[LoggedRequest]) -> Markup {
    html! {
        section aria-labelledby="requests" {
            (scrolled("requests", "Latest requests", html! {
                div #live-requests data-live {
                    @if requests.is_empty() {
                        p .none { "None yet." }
                    } @else {
                        (request_table(requests))
                    }
                }
            }))
            form .buttons data-needs-script hidden data-path="/sandbox/requests" data-method="DELETE" {
                button type="submit" { "Clear log" }
            }
        }
    }
}

fn request_table(requests: &[LoggedRequest]) -> Markup {
    let columns = [
        Column::new("Time", "mono"),
        Column::new("Request", "wide mono first"),
        Column::new("Answer", ""),
        Column::new("Token", ""),
        Column::new("User", "wide"),
    ];
    table(
        &columns,
        requests.iter().map(|request| {
            let time = clock::instant(clock::from_system(request.at));
            let answer = match request.status {
                Some(status) => marked(
                    if status < 400 { "good" } else { "bad" },
                    html! { (status) @if let Some(fault) = request.fault { " (" (fault) ")" } },
                ),
                None => marked(
                    "bad",
                    html! { "none (" (request.fault.unwrap_or_default()) ")" },
                ),
            };
            [
                cell(html! { (time.get(11..19).unwrap_or_default()) }),
                cell(html! { (request.method) " " (request.path) }),
                answer,
                cell(html! { @if let Some(kind) = request.token_kind { (kind) } }),
                cell(html! { @if let Some(user) = &request.client_user_id { bdi { (user) } } }),
            ]
        }),
    )
}

fn assumption_section(settings: &[AssumptionSetting]) -> Markup {
    let changed: Vec<_> = settings
        .iter()
        .filter(|setting| setting.values.first() != Some(&setting.value))
        .map(|setting| format!("{} is {}", setting.name, setting.value))
        .collect();
    html! {
        section aria-labelledby="assumptions" {
            h2 #assumptions { "Assumptions" }
            p { "What the service's documentation leaves open, and what the sandbox does meanwhile." }
            p #live-changed data-live {
                @if changed.is_empty() { "All are at their defaults." }
                @else { "Not at their defaults: " (changed.join(", ")) "." }
            }
            ul .assumptions {
                @for setting in settings {
                    @let name = setting.name.name();
                    li {
                        label for=(format!("assume-{name}")) { code { (name) } }
                        // The description belongs to the control, and is read out with it.
                        p id=(format!("about-{name}")) { (plain(setting.about)) }
                        noscript { p { code { (setting.value) } } }
                        select id=(format!("assume-{name}")) data-live data-assumption=(name)
                            data-needs-script hidden
                            aria-describedby=(format!("about-{name}")) autocomplete="off"
                        {
                            @for value in setting.values {
                                option value=(value) selected[*value == setting.value] {
                                    (value) @if Some(value) == setting.values.first() { " (default)" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn start_over_section() -> Markup {
    html! {
        section aria-labelledby="start-over" data-needs-script hidden {
            h2 #start-over { "Start over" }
            // Two steps, because nothing brings back what it forgets.
            details {
                summary { "Forget users, tokens, faults and the log" }
                form .buttons data-path="/sandbox/reset" {
                    button type="submit" { "Reset the sandbox" }
                }
            }
        }
    }
}

/// Descriptions are written for rustdoc.
fn plain(about: &str) -> String {
    about.replace('`', "")
}

/// `23 h 59 min`, `59 min`, `12 s`.
fn span_text(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
