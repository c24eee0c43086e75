//! What the Connect page shows: the directory, the steps of signing in, a request, the refusals.

use std::sync::Arc;

use maud::{Markup, html};

use super::message::{Message, Status};
use crate::source::{Source, SourceKind};
use crate::token::TokenKind;
use crate::user::{RequestedProvider, User};

/// The hosted link that a page was opened by.
pub(super) struct Hosted {
    pub(super) app: usize,
    pub(super) client_id: String,
    pub(super) callback: String,
}

/// Under whose authority a page is open, repeated in each of its forms.
pub(super) struct Authority<'a> {
    pub(super) token: &'a str,
    pub(super) hosted: Option<Hosted>,
    /// In which form the script tells the page around it what happened: a value of `connect-message`.
    pub(super) messages: &'static str,
}

/// One screen of the page.
pub(super) enum Screen {
    /// The directory without a user.
    Looking,
    Directory(Person),
    SignIn {
        source: &'static Source,
        username: String,
        problem: Option<&'static str>,
    },
    Code {
        source: &'static Source,
        problem: Option<&'static str>,
    },
    Request {
        problem: Option<&'static str>,
    },
    Refused(Status),
    /// The sitting is over, and nothing surrounds the page that could take it away.
    Left(Status),
}

/// What a form has brought about, told on the screen that follows it.
///
/// It travels in that screen's address, and is told only as far as it is true when that is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Connected(&'static Source),
    Disconnected(&'static Source),
    Requested,
}

impl News {
    /// How it is written into an address.
    pub(super) fn parameter(self) -> String {
        match self {
            Self::Connected(source) => format!("connected-{}", source.id),
            Self::Disconnected(source) => format!("disconnected-{}", source.id),
            Self::Requested => "requested".to_owned(),
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        if text == "requested" {
            return Some(Self::Requested);
        }
        let (what, source) = text.split_once('-')?;
        let source = Source::find(source)?;
        match what {
            "connected" => Some(Self::Connected(source)),
            "disconnected" => Some(Self::Disconnected(source)),
            _ => None,
        }
    }

    /// The same words as the script's.
    fn text(self) -> String {
        match self {
            Self::Connected(source) => format!("{} is connected.", source.name),
            Self::Disconnected(source) => format!("{} is disconnected.", source.name),
            Self::Requested => "Your request was noted.".to_owned(),
        }
    }
}

/// What the directory tells a user of themselves.
pub(super) struct Person {
    kind: TokenKind,
    connected: Vec<&'static Source>,
    requested: Vec<Arc<RequestedProvider>>,
}

impl Person {
    pub(super) fn new(kind: TokenKind, user: &User) -> Self {
        Self {
            kind,
            connected: user.connections.clone(),
            requested: user.requested.clone(),
        }
    }
}

impl Screen {
    pub(super) fn title(&self) -> String {
        let what = match self {
            Self::Looking | Self::Directory(_) => "Connect your health data",
            Self::SignIn { source, .. } | Self::Code { source, .. } => {
                return format!("Sign in to {} – Human API sandbox", source.name);
            }
            Self::Request { .. } => "Request a provider",
            Self::Refused(status) => refusal(*status).0,
            Self::Left(_) => "You are done here",
        };
        format!("{what} – Human API sandbox")
    }

    pub(super) fn markup(&self, authority: &Authority<'_>, news: Option<News>) -> Markup {
        // Both ends of the page are outside what the script exchanges, so that the live region is
        // there before anything is said in it.
        html! {
            main data-screen=(self.name()) data-messages=(authority.messages) data-ending=[self.ending()] {
                @match self {
                    Self::Looking => (directory(None, authority)),
                    Self::Directory(person) => (directory(Some(person), authority)),
                    Self::SignIn { source, username, problem } => {
                        (sign_in(source, username, *problem, authority))
                    }
                    Self::Code { source, problem } => (code(source, *problem, authority)),
                    Self::Request { problem } => (request(*problem, authority)),
                    Self::Refused(status) => (refused(*status)),
                    Self::Left(status) => (left(*status)),
                }
            }
            footer .bar {
                div {
                    p #count { (self.count()) }
                    p #news role="status" { @if let Some(news) = news { (news.text()) } }
                }
                form #leave method="post" action="/connect/done" {
                    (fields(authority))
                    // Who only looks has no token, and no session that could be missed.
                    @if matches!(self, Self::Looking) { input type="hidden" name="mode" value="select"; }
                    button .primary type="submit" {
                        @if matches!(self, Self::Refused(_)) { "Close" } @else { "Done" }
                    }
                }
            }
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Looking => "looking",
            Self::Directory(_) => "directory",
            Self::SignIn { .. } => "sign-in",
            Self::Code { .. } => "code",
            Self::Request { .. } => "request",
            Self::Refused(_) => "refused",
            Self::Left(_) => "ended",
        }
    }

    /// What the script tells on leaving, where no user could be asked for.
    fn ending(&self) -> Option<String> {
        let status = match self {
            Self::Looking => Status::Success,
            Self::Refused(status) => *status,
            _ => return None,
        };
        serde_json::to_string(&Message::nothing(status)).ok()
    }

    fn count(&self) -> String {
        let Self::Directory(person) = self else {
            return String::new();
        };
        match person.connected.len() {
            0 => "Nothing connected yet".to_owned(),
            1 => "1 source connected".to_owned(),
            count => format!("{count} sources connected"),
        }
    }
}

fn directory(person: Option<&Person>, authority: &Authority<'_>) -> Markup {
    let connected = person.map_or(&[][..], |person| &person.connected);
    html! {
        (banner(person.map(|person| person.kind)))
        @match person {
            None => {
                h1 tabindex="-1" { "Connect your health data" }
                p .intro { "These are the sources that a user can connect." }
            }
            Some(person) => {
                (greeting(person))
                (connections(person, authority))
            }
        }
        section aria-labelledby="providers" {
            h2 #providers { "Find your provider" }
            // Of no use without the script, which shows it.
            div .find hidden {
                div role="search" {
                    label for="search" { "Search for a provider" }
                    input #search type="search" autocomplete="off" maxlength="100";
                }
                div role="tablist" aria-label="Categories" {
                    (tab("all", "All", true))
                    @for kind in SourceKind::ALL {
                        (tab(kind.category(), kind.category(), false))
                    }
                }
            }
            p #found .unseen role="status" {}
            div #panel {
                ul #sources .cards {
                    @for kind in SourceKind::ALL {
                        @for source in Source::ALL.iter().filter(|source| source.kind == *kind) {
                            (entry(source, person.is_some(), connected.contains(&source), authority))
                        }
                    }
                }
                p #none hidden { "No provider of that name is listed here." }
            }
            @if person.is_some() {
                p .missing {
                    "Is your provider not listed?"
                }
                (turn(authority, Some("request"), html! { "Request a provider" }))
            }
        }
    }
}

fn greeting(person: &Person) -> Markup {
    let (title, intro) = match person.kind {
        TokenKind::Id => (
            "Welcome back",
            "You can connect more sources, or disconnect those that you have.",
        ),
        _ if person.connected.is_empty() && person.requested.is_empty() => (
            "Connect your health data",
            "Choose where your health records are kept. You decide what is shared.",
        ),
        _ => (
            "Connect your health data",
            "Go on where you stopped: what you have done so far is listed here.",
        ),
    };
    html! {
        h1 tabindex="-1" { (title) }
        p .intro { (intro) }
    }
}

fn connections(person: &Person, authority: &Authority<'_>) -> Markup {
    html! {
        section #connections aria-labelledby="connected" {
            @if !person.connected.is_empty() {
                h2 #connected tabindex="-1" { "Your connections" }
                ul .cards {
                    @for source in &person.connected {
                        li {
                            div {
                                span .name { (source.name) }
                                span .state.on { "Connected" }
                            }
                            form method="post" action=(format!("/connect/sources/{}", source.id)) {
                                (fields(authority))
                                input type="hidden" name="action" value="disconnect";
                                button type="submit" data-key=(format!("off-{}", source.id)) {
                                    "Disconnect" span .unseen { " " (source.name) }
                                }
                            }
                        }
                    }
                }
            } @else {
                h2 #connected .unseen tabindex="-1" { "Your connections: none yet" }
            }
            @if !person.requested.is_empty() {
                h2 #requested { "Requested providers" }
                ul .requested aria-labelledby="requested" {
                    @for provider in &person.requested {
                        li { bdi { (title_of(provider)) } }
                    }
                }
            }
        }
    }
}

fn title_of(provider: &RequestedProvider) -> &str {
    if provider.physician.is_empty() {
        &provider.health_system
    } else {
        &provider.physician
    }
}

fn tab(category: &str, name: &str, selected: bool) -> Markup {
    html! {
        button type="button" role="tab" id=(format!("tab-{category}")) data-category=(category)
            aria-controls="panel" aria-selected=(selected)
            tabindex=(if selected { "0" } else { "-1" })
        {
            (name)
        }
    }
}

fn entry(source: &Source, offered: bool, connected: bool, authority: &Authority<'_>) -> Markup {
    html! {
        li data-category=(source.kind.category()) data-name=(source.name) {
            div {
                span .name { (source.name) }
                span .state { (source.kind.about()) }
            }
            @if connected {
                span .state.on { "Connected" }
            } @else if offered {
                (turn(authority, Some(source.id), html! {
                    "Connect" span .unseen { " " (source.name) }
                }))
            }
        }
    }
}

fn sign_in(
    source: &Source,
    username: &str,
    problem: Option<&'static str>,
    authority: &Authority<'_>,
) -> Markup {
    html! {
        (banner(None))
        h1 tabindex="-1" { "Sign in to " (source.name) }
        p .intro { "Use the account that you have with " (source.name) "." }
        p .hint #hint {
            "A demo source: the username is " code { (Source::DEMO_USERNAME) }
            " and the password is " code { (Source::DEMO_PASSWORD) } "."
        }
        form .step method="post" action=(format!("/connect/sources/{}/sign-in", source.id))
            data-source=(source.id)
        {
            (fields(authority))
            (alert(problem))
            label for="username" { "Username" }
            input #username name="username" value=(username) required autocomplete="off"
                autocapitalize="none" spellcheck="false" maxlength="200"
                aria-describedby="hint problem" aria-invalid=[problem.map(|_| "true")];
            label for="password" { "Password" }
            input #password name="password" type="password" required autocomplete="off"
                maxlength="200" aria-describedby="problem" aria-invalid=[problem.map(|_| "true")];
            button .primary type="submit" { "Sign in" }
        }
        (turn(authority, None, html! { "Back to all providers" }))
    }
}

fn code(source: &Source, problem: Option<&'static str>, authority: &Authority<'_>) -> Markup {
    html! {
        (banner(None))
        h1 tabindex="-1" { "Enter your code" }
        p .intro { (source.name) " has sent you a one-time code, to be sure that it is you." }
        p .hint #hint {
            "A demo source: the code is " code { (Source::DEMO_CODE) } "."
        }
        form .step method="post" action=(format!("/connect/sources/{}/code", source.id))
            data-source=(source.id)
        {
            (fields(authority))
            (alert(problem))
            label for="code" { "One-time code" }
            input #code name="code" required autocomplete="one-time-code" inputmode="numeric"
                maxlength="20" aria-describedby="hint problem"
                aria-invalid=[problem.map(|_| "true")];
            button .primary type="submit" { "Verify" }
        }
        (turn(authority, None, html! { "Back to all providers" }))
    }
}

fn request(problem: Option<&'static str>, authority: &Authority<'_>) -> Markup {
    html! {
        (banner(None))
        h1 tabindex="-1" { "Request a provider" }
        p .intro { "Say whom you mean as well as you can. You will be told once they can be connected." }
        form .step method="post" action="/connect/requests" {
            (fields(authority))
            (alert(problem))
            label for="physician" { "Doctor or practice" }
            input #physician name="physician" required autocomplete="off" maxlength="200"
                aria-describedby="problem" aria-invalid=[problem.map(|_| "true")];
            label for="health-system" { "Health system (if you know it)" }
            input #health-system name="healthSystem" autocomplete="off" maxlength="200";
            label for="address" { "Address (if you know it)" }
            input #address name="address" autocomplete="off" maxlength="300";
            label for="website" { "Website (if you know it)" }
            input #website name="website" type="url" autocomplete="off" maxlength="300";
            button .primary type="submit" { "Send request" }
        }
        (turn(authority, None, html! { "Back to all providers" }))
    }
}

/// There from the start and filled by the script, because a region that comes with its text is
/// not always read out.
fn alert(problem: Option<&'static str>) -> Markup {
    html! { p #problem role="alert" { (problem.unwrap_or_default()) } }
}

fn refused(status: Status) -> Markup {
    let (title, text) = refusal(status);
    html! {
        (banner(None))
        h1 tabindex="-1" { (title) }
        p .intro { (text) }
        p .code { code { (status.name()) } }
    }
}

fn left(status: Status) -> Markup {
    html! {
        h1 tabindex="-1" { "You are done here" }
        p { "You can close this page now." }
        @if status != Status::Success {
            p .code { code { (status.name()) } }
        }
    }
}

const fn refusal(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::SessionTokenExpired => (
            "Your session has ended",
            "For your safety, a session lasts for a limited time. Choose Close to go back, and start again there. What you have connected is kept.",
        ),
        Status::MissingSessionToken => (
            "There is no session",
            "The app opened Connect without saying for whom. Choose Close to go back, and start again there.",
        ),
        _ => (
            "This session is not valid",
            "The app opened Connect in a way that is not accepted. Choose Close to go back, and start again there.",
        ),
    }
}

/// A button that turns to another screen: of a source, of a request, or back to the directory.
///
/// It works without a script, and leaves the address of every screen one that can be loaded.
fn turn(authority: &Authority<'_>, show: Option<&str>, label: Markup) -> Markup {
    let path = if authority.hosted.is_some() {
        "/connect"
    } else {
        "/"
    };
    html! {
        form .turn method="get" action=(path) {
            (fields(authority))
            @if let Some(show) = show { input type="hidden" name="show" value=(show); }
            button type="submit" data-key=(format!("to-{}", show.unwrap_or_default())) { (label) }
        }
    }
}

fn fields(authority: &Authority<'_>) -> Markup {
    html! {
        input type="hidden" name="token" value=(authority.token);
        @if let Some(hosted) = &authority.hosted {
            input type="hidden" name="clientId" value=(hosted.client_id);
            input type="hidden" name="callback" value=(hosted.callback);
        }
    }
}

pub(super) fn banner(kind: Option<TokenKind>) -> Markup {
    html! {
        p .banner {
            strong { "Sandbox" }
            " Everything here is made up, for development and tests."
            @match kind {
                Some(TokenKind::Id) => " Opened with an id token: a returning user.",
                Some(_) => " Opened with a session token: a new user.",
                None => {},
            }
        }
    }
}
