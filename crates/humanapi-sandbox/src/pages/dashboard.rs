//! The dashboard: what the sandbox holds and was asked, and the controls over it.
//!
//! Everything on it can be read without a script. The script keeps it fresh and sends the forms,
//! because calls of the control API are JSON; so what only a script can do is hidden until one shows it.

use std::borrow::Cow;

use http::StatusCode;
use maud::{Markup, html};

use super::{DASHBOARD_SCRIPT, DASHBOARD_STYLE, Layout};
use crate::assumption::AssumptionSetting;
use crate::clock;
use crate::fault::{Fault, FaultKind, IntermediaryBody};
use crate::lock;
use crate::reply::Reply;
use crate::request_log::{LoggedRequest, clip};
use crate::service::{Incoming, Service};
use crate::source::Source;
use crate::token::{Claim, Standing, TokenKind, mask};
use crate::user::{UserSnapshot, UserStatus};

const USERS: usize = 100;
const REQUESTS: usize = 50;

/// How much of a user's id is shown, and how long one may be to be chosen, in bytes.
const SHOWN: usize = 200;
const CHOSEN: usize = 1024;

/// What the dashboard shows of the users.
struct Users {
    latest: Vec<UserSnapshot>,
    count: usize,
}

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
    pub(super) fn dashboard_page(&self, incoming: &Incoming) -> Reply {
        let now = self.world.clock.now();
        let (users, tokens) = self.users_and_tokens(now);
        let host = incoming.host.as_deref().unwrap_or_default();
        let requests = self.world.log.latest(REQUESTS);
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
                    @if self.guard.control_token().is_some() {
                        (control_token_field())
                    }
                }
                (self.facts(now, host))
                nav aria-label="On this page" {
                    ul {
                        @for (at, name) in [
                            ("users", "Users"), ("tokens", "Tokens"), ("requests", "Requests"),
                            ("clock", "Clock"), ("faults", "Faults"), ("assumptions", "Assumptions"),
                        ] {
                            li { a href=(format!("#{at}")) { (name) } }
                        }
                    }
                }
                div .columns {
                    div {
                        (self.user_section(&users))
                        (token_section(&tokens))
                        (request_section(&requests))
                        (self.app_section())
                    }
                    div {
                        (self.clock_section(now))
                        (self.fault_section())
                    }
                }
                (assumption_section(&self.world.assumptions.settings()))
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

    fn users_and_tokens(&self, now: clock::Millis) -> (Users, Vec<TokenRow>) {
        let state = lock(&self.world.state);
        let count = state.users().len();
        let latest = (0..count)
            .rev()
            .take(USERS)
            .filter_map(|at| self.world.snapshot(&state, u32::try_from(at).ok()?))
            .collect();
        let tokens = state
            .recent(now)
            .into_iter()
            .map(|(text, claim, standing)| TokenRow {
                masked: mask(&text),
                claim,
                owner: match claim.kind {
                    TokenKind::Client => String::new(),
                    _ => state
                        .user(claim.holder)
                        .map(|user| clip(&user.client_user_id, SHOWN))
                        .unwrap_or_default(),
                },
                left: match standing {
                    Standing::Valid { expires, .. } => Left::Seconds((expires - now) / 1000),
                    Standing::Expired(_) => Left::Expired,
                    Standing::Revoked(_) | Standing::Foreign => Left::Ended,
                },
            })
            .collect();
        (Users { latest, count }, tokens)
    }

    fn facts(&self, now: clock::Millis, host: &str) -> Markup {
        html! {
            dl #live-facts data-live {
                div { dt { "Address" } dd { code { "http://" (host) } } }
                div { dt { "Seed" } dd { code { (self.world.seed) } } }
                div {
                    dt { "Clock" }
                    dd { code { (clock::instant(now)) } @if self.world.clock.is_frozen() { " (frozen)" } }
                }
                div { dt { "Token requests" } dd { (self.world.exchanges.read().total()) } }
            }
        }
    }

    fn user_section(&self, users: &Users) -> Markup {
        let living = || {
            users
                .latest
                .iter()
                .filter(|user| user.status != UserStatus::Deleted)
                // The control API takes an id as it is, so a cut one would be of no use.
                .filter(|user| user.client_user_id.len() <= CHOSEN)
        };
        html! {
            section aria-labelledby="users" {
                h2 #users { "Users" }
                div .scroll tabindex="0" role="group" aria-labelledby="users" {
                    div #live-users data-live {
                        @if users.latest.is_empty() {
                            p .none { "None yet. A user appears with the first session token." }
                        } @else {
                            @if users.count > users.latest.len() {
                                p .none { "The latest " (users.latest.len()) " of " (users.count) "." }
                            }
                            (self.user_table(&users.latest))
                        }
                    }
                }
                form #user-form .row data-needs-script hidden {
                    div {
                        label for="live-user-choice" { "User" }
                        // Named by the application as well, because two may have the same id.
                        select #live-user-choice data-live name="user" required {
                            @for user in living() {
                                option value=(user_value(user)) {
                                    (clip(&user.client_user_id, SHOWN)) " · " (self.app_name(&user.client_id))
                                }
                            }
                        }
                    }
                    div {
                        label for="source" { "Source" }
                        select #source name="source" {
                            @for source in Source::ALL { option value=(source.id) { (source.name) } }
                        }
                    }
                    div .buttons {
                        button type="submit" data-path="/sandbox/sources/connect" { "Connect source" }
                        button type="submit" data-path="/sandbox/sources/disconnect" { "Disconnect source" }
                        button type="submit" data-path="/sandbox/users/delete" { "Delete user" }
                    }
                }
            }
        }
    }

    // A narrow window shows a card for each row of a table. To be laid out so, an element gives up what
    // it is to a screen reader, so the roles are said.
    fn user_table(&self, users: &[UserSnapshot]) -> Markup {
        html! {
            table role="table" {
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { "User" } th scope="col" role="columnheader" { "Status" }
                    th scope="col" role="columnheader" { "Sources" } th scope="col" role="columnheader" { "Application" }
                    th scope="col" role="columnheader" { "Human id" }
                } }
                tbody role="rowgroup" {
                    @for user in users {
                        tr role="row" {
                            th scope="row" role="rowheader" .wide { bdi { (clip(&user.client_user_id, SHOWN)) } }
                            td role="cell" data-label="Status" class=(status_class(user.status)) { (status_text(user.status)) }
                            td .wide role="cell" data-label="Sources" { (source_names(user)) }
                            td role="cell" data-label="Application" { (self.app_name(&user.client_id)) }
                            td .mono.id role="cell" data-label="Human id" { (user.human_id) }
                        }
                    }
                }
            }
        }
    }

    fn app_section(&self) -> Markup {
        html! {
            section aria-labelledby="apps" {
                h2 #apps { "Applications" }
                div .scroll tabindex="0" role="group" aria-labelledby="apps" {
                    table role="table" {
                        thead role="rowgroup" { tr role="row" {
                            th scope="col" role="columnheader" { "Name" } th scope="col" role="columnheader" { "Client id" }
                            th scope="col" role="columnheader" { "Access tokens from" } th scope="col" role="columnheader" { "Admin API" }
                        } }
                        tbody role="rowgroup" {
                            @for app in &self.world.apps {
                                tr role="row" {
                                    th scope="row" role="rowheader" { (app.app.name()) }
                                    td .mono.id role="cell" data-label="Client id" { (app.client_id) }
                                    td .mono role="cell" data-label="Access tokens from" { @if app.hip { "/v1/admin/token" } @else { "/v1/connect/token" } }
                                    td role="cell" data-label="Admin API" { @if app.admin_api { "on" } @else { "off" } }
                                }
                            }
                        }
                    }
                }
            }
            section aria-labelledby="sources" {
                h2 #sources { "Sources" }
                div .scroll tabindex="0" role="group" aria-labelledby="sources" {
                    table role="table" {
                        thead role="rowgroup" { tr role="row" {
                            th scope="col" role="columnheader" { "Name" } th scope="col" role="columnheader" { "Category" }
                            th scope="col" role="columnheader" { "Signing in" } th scope="col" role="columnheader" { "Id" }
                        } }
                        tbody role="rowgroup" {
                            @for source in Source::ALL {
                                tr role="row" {
                                    th scope="row" role="rowheader" { (source.name) }
                                    td role="cell" data-label="Category" { (source.kind.category()) }
                                    td role="cell" data-label="Signing in" { "password" @if source.one_time_code { " and code" } }
                                    td .mono.id role="cell" data-label="Id" { (source.id) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn app_name(&self, client_id: &str) -> &'static str {
        self.world
            .app(client_id)
            .map(|(_, app)| app.app.name())
            .unwrap_or_default()
    }

    fn clock_section(&self, now: clock::Millis) -> Markup {
        html! {
            section aria-labelledby="clock" {
                h2 #clock { "Clock" }
                p #live-clock data-live {
                    code { (clock::instant(now)) }
                    @if self.world.clock.is_frozen() { " It stands still unless moved." }
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

    fn fault_section(&self) -> Markup {
        let planned = self.world.faults.planned();
        html! {
            section aria-labelledby="faults" {
                h2 #faults { "Faults" }
                div #live-faults data-live {
                    @if planned.is_empty() {
                        p { "None planned." }
                    } @else {
                        ol .planned aria-label="Planned faults" {
                            @for fault in &planned { li { (fault_text(fault)) } }
                        }
                    }
                }
                form #fault .row data-needs-script hidden data-path="/sandbox/faults" {
                    div {
                        label for="kind" { "Kind" }
                        select #kind name="kind" {
                            @for kind in FaultKind::NAMES { option value=(kind) { (kind) } }
                        }
                    }
                    div data-for="status intermediary" {
                        label for="status" { "Status" }
                        input #status name="status" type="number" min="200" max="599" value="503" required;
                    }
                    div data-for="intermediary" {
                        label for="body" { "Body" }
                        select #body name="body" {
                            @for body in IntermediaryBody::ALL { option { (body.name()) } }
                        }
                    }
                    div data-for="status" {
                        label for="retry-after" { "Retry-After" }
                        input #retry-after name="retry_after" autocomplete="off";
                    }
                    div data-for="status" {
                        label for="error-code" { "Error code" }
                        input #error-code name="error_code" autocomplete="off";
                    }
                    div data-for="delay" {
                        label for="delay" { "Delay in ms" }
                        input #delay name="delay_ms" type="number" min="0" max="3600000" value="1000" required;
                    }
                    div {
                        label for="method" { "Method" }
                        select #method name="method" {
                            option value="" { "any" }
                            @for method in ["GET", "POST", "DELETE"] { option { (method) } }
                        }
                    }
                    div {
                        label for="path" { "Path begins with" }
                        input #path name="path" autocomplete="off" placeholder="/v1/connect/token";
                    }
                    div {
                        label for="times" { "Times" }
                        input #times name="times" type="number" min="1" max="1000000" value="1" required;
                    }
                    div .buttons {
                        button type="submit" { "Plan fault" }
                        button type="submit" formnovalidate data-method="DELETE" data-path="/sandbox/faults" { "Clear faults" }
                    }
                }
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
    html! {
        section aria-labelledby="tokens" {
            h2 #tokens { "Latest tokens" }
            div .scroll tabindex="0" role="group" aria-labelledby="tokens" {
                div #live-tokens data-live {
                    @if tokens.is_empty() {
                        p .none { "None yet." }
                    } @else {
                        table role="table" {
                            thead role="rowgroup" { tr role="row" {
                                th scope="col" role="columnheader" { "Token" } th scope="col" role="columnheader" { "Kind" }
                                th scope="col" role="columnheader" { "User" } th scope="col" role="columnheader" { "Time left" }
                            } }
                            tbody role="rowgroup" {
                                @for token in tokens {
                                    tr role="row" {
                                        th scope="row" role="rowheader" .mono { (token.masked) }
                                        td role="cell" data-label="Kind" { (token.claim.kind) }
                                        td .wide role="cell" data-label="User" { bdi { (token.owner) } }
                                        @match token.left {
                                            Left::Seconds(seconds) => td role="cell" data-label="Time left" { (span_text(seconds)) },
                                            Left::Expired => td .bad role="cell" data-label="Time left" { "expired" },
                                            Left::Ended => td .bad role="cell" data-label="Time left" { "ended" },
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
}

fn request_section(requests: &[LoggedRequest]) -> Markup {
    html! {
        section aria-labelledby="requests" {
            h2 #requests { "Latest requests" }
            div .scroll tabindex="0" role="group" aria-labelledby="requests" {
                div #live-requests data-live {
                    @if requests.is_empty() {
                        p .none { "None yet." }
                    } @else {
                        (request_table(requests))
                    }
                }
            }
            form .buttons data-needs-script hidden data-path="/sandbox/requests" data-method="DELETE" {
                button type="submit" { "Clear log" }
            }
        }
    }
}

fn request_table(requests: &[LoggedRequest]) -> Markup {
    html! {
        table role="table" {
            thead role="rowgroup" { tr role="row" {
                th scope="col" role="columnheader" { "Time" } th scope="col" role="columnheader" { "Request" } th scope="col" role="columnheader" { "Answer" }
                th scope="col" role="columnheader" { "Token" } th scope="col" role="columnheader" { "User" }
            } }
            tbody role="rowgroup" {
                @for request in requests {
                    tr role="row" {
                        td .mono role="cell" data-label="Time" { (clock::instant(clock::from_system(request.at)).get(11..19).unwrap_or_default()) }
                        td .wide.mono.first role="cell" data-label="Request" { (request.method) " " (request.path) }
                        @match request.status {
                            Some(status) => td role="cell" data-label="Answer" class=(if status < 400 { "good" } else { "bad" }) {
                                (status)
                                @if let Some(fault) = request.fault { " (" (fault) ")" }
                            },
                            None => td .bad role="cell" data-label="Answer" { "none (" (request.fault.unwrap_or_default()) ")" },
                        }
                        td role="cell" data-label="Token" { @if let Some(kind) = request.token_kind { (kind) } }
                        td .wide role="cell" data-label="User" { @if let Some(user) = &request.client_user_id { bdi { (user) } } }
                    }
                }
            }
        }
    }
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

/// The ids of a user as the control API takes them.
fn user_value(user: &UserSnapshot) -> String {
    serde_json::json!({
        "client_id": user.client_id,
        "client_user_id": user.client_user_id,
    })
    .to_string()
}

fn fault_text(fault: &Fault) -> String {
    let what: Cow<'_, str> = match fault.kind() {
        FaultKind::Status {
            status,
            retry_after,
            error_code,
        } => {
            let mut text = format!("status {status}");
            for (name, value) in [("Retry-After", retry_after), ("code", error_code)] {
                if let Some(value) = value {
                    text.push_str(&format!(", {name} {value}"));
                }
            }
            text.into()
        }
        FaultKind::Intermediary { status, body } => format!(
            "status {status} of something in between, body {}",
            body.name()
        )
        .into(),
        FaultKind::Delay(by) => format!("delay of {} ms", by.as_millis()).into(),
        other => other.name().into(),
    };
    let method = fault
        .method()
        .map_or("any method", |method| method.as_str());
    let path = fault.path().unwrap_or("any path");
    format!("{what} · {method} · {path} · {} times", fault.times_left())
}

/// Descriptions are written for rustdoc.
fn plain(about: &str) -> String {
    about.replace('`', "")
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
