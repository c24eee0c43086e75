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
                (scrolled("users", "Users", html! {
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
                }))
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

    fn user_table(&self, users: &[UserSnapshot]) -> Markup {
        let columns = [
            Column::heads("User", "wide"),
            Column::new("Status", ""),
            Column::new("Sources", "wide"),
            Column::new("Application", ""),
            Column::new("Human id", "mono id"),
        ];
        table(
            &columns,
            users.iter().map(|user| {
                [
                    cell(html! { bdi { (clip(&user.client_user_id, SHOWN)) } }),
                    marked(
                        status_class(user.status),
                        html! { (status_text(user.status)) },
                    ),
                    cell(html! { (source_names(user)) }),
                    cell(html! { (self.app_name(&user.client_id)) }),
                    cell(html! { (user.human_id) }),
                ]
            }),
        )
    }

    fn app_section(&self) -> Markup {
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
                (scrolled("apps", "Applications", table(&apps, self.world.apps.iter().map(|app| [
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

/// A heading, and below it what may be longer than its place and is scrolled then.
fn scrolled(id: &str, title: &str, content: Markup) -> Markup {
    html! {
        h2 id=(id) { (title) }
        div .scroll tabindex="0" role="group" aria-labelledby=(id) { (content) }
    }
}

/// What a table says in each row.
struct Column {
    name: &'static str,
    class: &'static str,
    /// Whether it tells which row this is.
    heads: bool,
}

impl Column {
    const fn new(name: &'static str, class: &'static str) -> Self {
        Self {
            name,
            class,
            heads: false,
        }
    }

    const fn heads(name: &'static str, class: &'static str) -> Self {
        Self {
            name,
            class,
            heads: true,
        }
    }
}

struct Cell {
    content: Markup,
    /// What it is besides what its column is.
    class: &'static str,
}

const fn cell(content: Markup) -> Cell {
    marked("", content)
}

const fn marked(class: &'static str, content: Markup) -> Cell {
    Cell { content, class }
}

/// A table.
///
/// A narrow window shows a card for each row. To be laid out so, an element gives up what it is to a
/// screen reader, so the roles are said.
fn table<const N: usize>(columns: &[Column; N], rows: impl Iterator<Item = [Cell; N]>) -> Markup {
    let class = |column: &Column, cell: &Cell| {
        let both = format!("{} {}", column.class, cell.class);
        Some(both.trim().to_owned()).filter(|class| !class.is_empty())
    };
    html! {
        table role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    @for column in columns { th scope="col" role="columnheader" { (column.name) } }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (column, cell) in columns.iter().zip(&row) {
                            @if column.heads {
                                th scope="row" role="rowheader" class=[class(column, cell)] { (cell.content) }
                            } @else {
                                td role="cell" data-label=(column.name) class=[class(column, cell)] { (cell.content) }
                            }
                        }
                    }
                }
            }
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
