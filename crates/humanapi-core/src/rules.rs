//! The token rules, as one table: what for × what is known of the user → which token, or a refusal.
//!
//! `docs/token-rules.md` is generated from this file by [`render`].

use std::fmt::{self, Write as _};

use thiserror::Error;

pub use crate::token::Purpose;
use crate::token::TokenKind;
use crate::user::{TokenRefusal, UserEvent, UserStatus};

/// What authorizes a request.
///
/// This is no [`Purpose`], which says what a token is for: a token that opens Connect authorizes no request,
/// and a request with credentials of its own needs no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "what sends requests has to know how to authorize each of them"
)]
pub enum Authorization {
    /// The request carries credentials of its own, as a request for a token does.
    InRequest,
    /// A user's access token, with which health data are read.
    AccessToken,
    /// The application's client token.
    ClientToken,
}

impl Authorization {
    /// The words used in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InRequest => "credentials of its own",
            Self::AccessToken => "a user's access token",
            Self::ClientToken => "the application's client token",
        }
    }

    /// What the token is for that authorizes the request; nothing where the request needs none.
    #[must_use]
    pub const fn purpose(self) -> Option<Purpose> {
        match self {
            Self::InRequest => None,
            Self::AccessToken => Some(Purpose::ReadData),
            Self::ClientToken => Some(Purpose::Administer),
        }
    }
}

/// How an application was set up with Human API, which decides where its access tokens come from.
///
/// It is always said, never guessed, and the other one is never tried silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there are two token addresses, and each call goes to exactly one of them"
)]
pub enum Provisioning {
    /// Access tokens come from `/v1/connect/token`.
    Connect,
    /// The application is on the Health Intelligence Platform: access and client tokens come from
    /// `/v1/admin/token`.
    Hip,
}

impl Provisioning {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Connect, Self::Hip];

    /// The word that it is written as, wherever one keeps it: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Hip => "hip",
        }
    }
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a rule either names a token or refuses"
)]
pub enum Decision {
    /// Ask the service for a token of this kind first.
    Ask(TokenKind),
    /// No token can be had for this.
    Refuse(Refusal),
}

/// A rule says that no token can be had, and what to do instead.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The user never started a session.
    #[error("the user has not started a session, so there is no data to read")]
    NotStarted,
    /// The user started a session and connected nothing.
    #[error("the user has not connected a source, so there is no data to read")]
    NothingConnected,
    /// The user was deleted.
    #[error("the user was deleted, so there is no data to read")]
    Deleted,
}

impl Refusal {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotStarted | Self::Deleted => {
                "start a session: ask for a connect token and let the user open Connect"
            }
            Self::NothingConnected => "let the user open Connect and connect a source",
        }
    }

    const fn short(self) -> &'static str {
        match self {
            Self::NotStarted | Self::Deleted => "refuse: start a session",
            Self::NothingConnected => "refuse: connect a source",
        }
    }
}

use Decision::{Ask, Refuse};
use TokenKind::{Access, Client, Id, Session};

/// THE table. Rows are [`Purpose::ALL`], columns [`UserStatus::ALL`].
const TABLE: [[Decision; 5]; 3] = [
    // unknown, new, started, connected, deleted
    [
        Ask(Session),
        Ask(Session),
        Ask(Session),
        Ask(Id),
        Ask(Session),
    ],
    [
        Ask(Access),
        Refuse(Refusal::NotStarted),
        Refuse(Refusal::NothingConnected),
        Ask(Access),
        Refuse(Refusal::Deleted),
    ],
    [
        Ask(Client),
        Ask(Client),
        Ask(Client),
        Ask(Client),
        Ask(Client),
    ],
];

/// What the table says.
///
/// ```
/// use humanapi_core::rules::{Decision, Purpose, decide};
/// use humanapi_core::{TokenKind, UserStatus};
///
/// let first = decide(Purpose::OpenConnect, UserStatus::Connected);
/// assert_eq!(first, Decision::Ask(TokenKind::Id));
/// ```
#[must_use]
pub const fn decide(purpose: Purpose, status: UserStatus) -> Decision {
    TABLE[purpose as usize][status as usize]
}

/// Which token opens Connect after the first one was refused, if any.
///
/// A session is refused once a source was connected, and the id token takes its place; an id token
/// is refused until then, and the session takes its place. One of the two is always right, so one
/// change of mind is enough.
#[must_use]
pub const fn after_refusal(asked: TokenKind, refusal: TokenRefusal) -> Option<TokenKind> {
    match (asked, refusal) {
        (Session, TokenRefusal::AlreadyConnected) => Some(Id),
        (Id, TokenRefusal::UnknownUser | TokenRefusal::NothingConnected) => Some(Session),
        _ => None,
    }
}

/// What the service will answer, where the status is the true one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the service issues or refuses, or it cannot be foretold"
)]
pub enum Prediction {
    /// The token is issued.
    Issued,
    /// The token is refused, for a reason that lies with the user.
    Refused,
    /// Nothing is known of the user.
    Open,
}

/// Foretells the service's answer to a request for a token.
///
/// The client token belongs to the application, so no user's status refuses it.
#[must_use]
pub const fn predict(asked: TokenKind, status: UserStatus) -> Prediction {
    match (asked, status) {
        (Client, _) => Prediction::Issued,
        (_, UserStatus::Unknown) => Prediction::Open,
        (Session, UserStatus::New | UserStatus::Started | UserStatus::Deleted)
        | (Id | Access, UserStatus::Connected) => Prediction::Issued,
        (Session, UserStatus::Connected)
        | (Id | Access, UserStatus::New | UserStatus::Started | UserStatus::Deleted) => {
            Prediction::Refused
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ask(kind) => write!(f, "{kind}"),
            Refuse(refusal) => f.write_str(refusal.short()),
        }
    }
}

/// Renders the rules as the Markdown page `docs/token-rules.md`.
#[must_use]
pub fn render() -> String {
    let mut page = String::from(INTRODUCTION);
    let columns = UserStatus::ALL.map(UserStatus::name).join(" | ");
    push_row(&mut page, "purpose", &columns);
    page.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for purpose in Purpose::ALL {
        let cells = UserStatus::ALL.map(|status| match decide(purpose, status) {
            Ask(Access) if matches!(status, UserStatus::Unknown) => {
                "access; the service decides".to_owned()
            }
            decision => decision.to_string(),
        });
        push_row(
            &mut page,
            &purpose.name().replace('_', " "),
            &cells.join(" | "),
        );
    }
    page.push_str(AFTER_TABLE);
    page.push_str("| asked | refused because | then ask |\n| --- | --- | --- |\n");
    for asked in [Session, Id, Access, Client] {
        for (refusal, reason) in REFUSALS {
            if let Some(then) = after_refusal(asked, refusal) {
                push_row(&mut page, asked.name(), &format!("{reason} | {then}"));
            }
        }
    }
    page.push_str(BEFORE_DIAGRAM);
    for (from, label, to) in transitions() {
        writeln!(page, "    {from} --> {to}: {label}").expect("a string can be written to");
    }
    page.push_str(AFTER_DIAGRAM);
    page
}

const REFUSALS: [(TokenRefusal, &str); 3] = [
    (
        TokenRefusal::AlreadyConnected,
        "the user has connected a source",
    ),
    (
        TokenRefusal::UnknownUser,
        "the service knows no such connected user",
    ),
    (
        TokenRefusal::NothingConnected,
        "the user has no connected source",
    ),
];

/// Every event that changes a status, with events of the same effect joined.
fn transitions() -> Vec<(UserStatus, String, UserStatus)> {
    const EVENTS: [(UserEvent, &str); 9] = [
        (UserEvent::TokenIssued(Session), "session issued"),
        (UserEvent::TokenIssued(Id), "id issued"),
        (UserEvent::TokenIssued(Access), "access issued"),
        (UserEvent::SourceConnected, "source connected"),
        (UserEvent::SourceDisconnected, "source disconnected"),
        (
            UserEvent::TokenRefused(TokenRefusal::AlreadyConnected),
            "session refused",
        ),
        (
            UserEvent::TokenRefused(TokenRefusal::UnknownUser),
            "user unknown",
        ),
        (
            UserEvent::TokenRefused(TokenRefusal::NothingConnected),
            "nothing connected",
        ),
        (UserEvent::Deleted, "deleted"),
    ];
    let mut rows: Vec<(UserStatus, String, UserStatus)> = Vec::new();
    for from in UserStatus::ALL {
        for (event, label) in EVENTS {
            let to = from.after(event);
            if to == from {
                continue;
            }
            match rows.iter_mut().find(|row| row.0 == from && row.2 == to) {
                Some(row) => {
                    row.1.push_str(", ");
                    row.1.push_str(label);
                }
                None => rows.push((from, label.to_owned(), to)),
            }
        }
    }
    rows
}

fn push_row(page: &mut String, first: &str, rest: &str) {
    writeln!(page, "| {first} | {rest} |").expect("a string can be written to");
}

const INTRODUCTION: &str = "\
<!-- Generated from crates/humanapi-core/src/rules.rs by `cargo xtask codegen`. Do not edit. -->

# Token rules

Which token is asked for first, by what it is for and by what is known of the user.

";

const AFTER_TABLE: &str = "
*Connected* means that the user has connected a source at some time and was not deleted.
Disconnecting the last source does not undo it.

Only a status that the application asserts refuses a call without asking the service.
A status that is merely remembered chooses the first request, never the answer.
For a *started* user, a session token that is still valid is reused.

## When the first token to open Connect is refused

At most one other token is asked for; when that is refused too, the error shows both answers.

";

const BEFORE_DIAGRAM: &str = "
## How a status changes

```mermaid
stateDiagram-v2
    [*] --> unknown: nothing remembered
    [*] --> new: the application says so
";

const AFTER_DIAGRAM: &str = "```

Events that change nothing are left out.
A browser's report never brings a deleted user back: only an issued token does.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_asks_for_is_what_the_service_will_issue() {
        for purpose in Purpose::ALL {
            for status in UserStatus::ALL {
                if let Ask(kind) = decide(purpose, status) {
                    assert_ne!(
                        predict(kind, status),
                        Prediction::Refused,
                        "{purpose:?} {status}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_the_table_refuses_the_service_would_refuse() {
        for status in UserStatus::ALL {
            if let Refuse(_) = decide(Purpose::ReadData, status) {
                assert_eq!(predict(Access, status), Prediction::Refused, "{status}");
            }
        }
    }

    #[test]
    fn one_change_of_mind_never_leads_back() {
        for asked in TokenKind::ALL {
            for (refusal, _) in REFUSALS {
                if let Some(then) = after_refusal(asked, refusal) {
                    assert_eq!(after_refusal(then, refusal), None);
                }
            }
        }
    }

    #[test]
    fn the_page_names_every_status_and_purpose() {
        let page = render();
        for status in UserStatus::ALL {
            assert!(page.contains(status.name()));
        }
        assert!(page.contains("| read data | access; the service decides | refuse: start a session | refuse: connect a source | access | refuse: start a session |"), "{page}");
    }
}
