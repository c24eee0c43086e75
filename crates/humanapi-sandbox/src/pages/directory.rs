//! What the Connect page looks like: the directory, the refusals, and their forms.

use maud::{Markup, html};

use super::message::{Message, Status};
use crate::source::{Source, SourceKind};

pub(super) const STYLE: &str = include_str!("connect.css");
pub(super) const SCRIPT: &str = include_str!("connect.js");

/// The hosted link that a page was opened by.
pub(super) struct Hosted {
    pub(super) app: usize,
    pub(super) client_id: String,
    pub(super) callback: String,
}

/// What the page shows.
pub(super) struct Connect<'a> {
    pub(super) token: &'a str,
    pub(super) hosted: Option<Hosted>,
    pub(super) connected: Vec<&'static Source>,
    pub(super) requested: usize,
    pub(super) refusal: Option<Status>,
    pub(super) looks_only: bool,
}

impl Connect<'_> {
    /// A look at the directory without a user.
    pub(super) fn looking() -> Self {
        Self {
            token: "",
            hosted: None,
            connected: Vec::new(),
            requested: 0,
            refusal: None,
            looks_only: true,
        }
    }

    pub(super) fn markup(&self) -> Markup {
        match self.refusal {
            Some(status) => self.refused(status),
            None => self.directory(),
        }
    }

    fn directory(&self) -> Markup {
        let intro = if self.looks_only {
            "These are the sources that a user can connect."
        } else if self.connected.is_empty() {
            "Choose where your health records are kept. You decide what is shared."
        } else {
            "Welcome back. You can connect more sources, or disconnect those that you have."
        };
        let ending = Message::nothing(Status::Success);
        html! {
            main data-ending=[self.looks_only.then(|| json_text(&ending))] {
                (banner())
                h1 { "Connect your health data" }
                p .intro { (intro) }
                @for (kind, title) in [
                    (SourceKind::Medical, "Clinics and pharmacies"),
                    (SourceKind::Wellness, "Apps and devices"),
                ] {
                    section {
                        h2 { (title) }
                        ul {
                            @for source in Source::ALL.iter().filter(|source| source.kind == kind) {
                                (self.entry(source))
                            }
                        }
                    }
                }
                @if !self.looks_only { (self.request_form()) }
                div .bar {
                    div {
                        @if !self.looks_only { p #count { (count_text(self.connected.len())) } }
                        p #news role="status" aria-live="polite" {}
                    }
                    form method="post" action="/connect/done" data-done {
                        (self.hidden_fields())
                        button .primary type="submit" { "Done" }
                    }
                }
            }
        }
    }

    fn entry(&self, source: &Source) -> Markup {
        let is_connected = self.connected.iter().any(|one| one.id == source.id);
        let (action, verb) = if is_connected {
            ("disconnect", "Disconnect")
        } else {
            ("connect", "Connect")
        };
        html! {
            li data-connected[is_connected] {
                div {
                    span .name { (source.name) }
                    span .state { @if is_connected { "Connected" } @else { "Not connected" } }
                }
                @if !self.looks_only {
                    form method="post" action=(format!("/connect/sources/{}", source.id))
                        data-source=(source.name)
                    {
                        (self.hidden_fields())
                        input type="hidden" name="action" value=(action);
                        button type="submit" {
                            span { (verb) }
                            span .unseen { " " (source.name) }
                        }
                    }
                }
            }
        }
    }

    fn request_form(&self) -> Markup {
        html! {
            details {
                summary { "Your provider is not listed?" }
                form .request method="post" action="/connect/requests" data-request {
                    (self.hidden_fields())
                    label { "Doctor or practice"
                        input name="physician" required autocomplete="off" maxlength="200"; }
                    label { "Health system (if you know it)"
                        input name="healthSystem" autocomplete="off" maxlength="200"; }
                    label { "Address"
                        input name="address" autocomplete="off" maxlength="300"; }
                    label { "Website"
                        input name="website" type="url" autocomplete="off" maxlength="300"; }
                    button type="submit" { "Ask for this provider" }
                }
                p #requested data-count=(self.requested) {
                    @if self.requested > 0 { "Asked for so far: " (self.requested) }
                }
            }
        }
    }

    fn refused(&self, status: Status) -> Markup {
        let (title, text) = match status {
            Status::SessionTokenExpired => (
                "Your session has ended",
                "For your safety, a session lasts for a limited time. Go back and start again.",
            ),
            Status::MissingSessionToken => (
                "There is no session",
                "The app opened Connect without saying for whom. Go back and start again.",
            ),
            _ => (
                "This session is not valid",
                "The app opened Connect in a way that is not accepted. Go back and start again.",
            ),
        };
        html! {
            main data-ending=(json_text(&Message::nothing(status))) {
                (banner())
                h1 { (title) }
                p .intro { (text) }
                p .code { code { (status.name()) } }
                div .bar {
                    div { p #news role="status" aria-live="polite" {} }
                    form method="post" action="/connect/done" data-done {
                        (self.hidden_fields())
                        button .primary type="submit" { "Close" }
                    }
                }
            }
        }
    }

    fn hidden_fields(&self) -> Markup {
        html! {
            input type="hidden" name="token" value=(self.token);
            @if let Some(hosted) = &self.hosted {
                input type="hidden" name="clientId" value=(hosted.client_id);
                input type="hidden" name="callback" value=(hosted.callback);
            }
        }
    }
}

pub(super) fn banner() -> Markup {
    html! { p .banner { strong { "Sandbox" } " Everything here is made up, for development and tests." } }
}

fn count_text(count: usize) -> String {
    match count {
        0 => "Nothing connected yet".to_owned(),
        1 => "1 source connected".to_owned(),
        _ => format!("{count} sources connected"),
    }
}

fn json_text(message: &Message) -> String {
    serde_json::to_string(message).unwrap_or_default()
}
