//! What is known of a user, and how that changes.

use crate::token::TokenKind;

/// What is known of a user, as far as token rules care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the rules are a table over these five: a sixth would change every row"
)]
pub enum UserStatus {
    /// Nothing is known.
    #[default]
    Unknown,
    /// No session was ever started.
    New,
    /// A session token was issued; nothing has been connected.
    Started,
    /// Has connected a source at some time and was not deleted. Disconnecting the last source does
    /// not undo it.
    Connected,
    /// Was deleted.
    Deleted,
}

impl UserStatus {
    /// All of them, in the order of the rule table's columns.
    pub const ALL: [Self; 5] = [
        Self::Unknown,
        Self::New,
        Self::Started,
        Self::Connected,
        Self::Deleted,
    ];

    /// The word that it is written as, wherever one keeps it: it never changes.
    /// [`Display`](std::fmt::Display), [`FromStr`](std::str::FromStr) and serde use the same.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::New => "new",
            Self::Started => "started",
            Self::Connected => "connected",
            Self::Deleted => "deleted",
        }
    }

    /// What is known after `event`.
    ///
    /// ```
    /// use humanapi_core::{TokenKind, UserEvent, UserStatus};
    ///
    /// let started = UserStatus::New.after(UserEvent::TokenIssued(TokenKind::Session));
    /// assert_eq!(started, UserStatus::Started);
    /// assert_eq!(started.after(UserEvent::SourceConnected), UserStatus::Connected);
    /// ```
    #[must_use]
    pub const fn after(self, event: UserEvent) -> Self {
        match event {
            UserEvent::Deleted => Self::Deleted,
            // The service gives out a session only while nothing is connected, and the other two
            // only once something has been.
            UserEvent::TokenIssued(TokenKind::Session) => Self::Started,
            UserEvent::TokenIssued(TokenKind::Id | TokenKind::Access) => Self::Connected,
            UserEvent::TokenIssued(TokenKind::Client) => self,
            // A report from a browser can be late. It does not bring a deleted user back.
            UserEvent::SourceConnected | UserEvent::SourceDisconnected => match self {
                Self::Deleted => Self::Deleted,
                Self::Unknown | Self::New | Self::Started | Self::Connected => Self::Connected,
            },
            // Something in between can refuse in just such words. It leads to an id token, and that one is
            // the proof.
            UserEvent::TokenRefused(TokenRefusal::AlreadyConnected) => self,
            // Something was connected as far as we knew, and the service says otherwise: what we
            // knew is worth nothing now. A status short of connected agrees with the refusal.
            UserEvent::TokenRefused(TokenRefusal::UnknownUser | TokenRefusal::NothingConnected) => {
                match self {
                    Self::Connected => Self::Unknown,
                    Self::Unknown | Self::New | Self::Started | Self::Deleted => self,
                }
            }
        }
    }
}

/// Something that tells of a user's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an event that a caller forgot would leave a wrong status behind"
)]
pub enum UserEvent {
    /// The service issued a token of this kind.
    TokenIssued(TokenKind),
    /// The service refused a token for a reason that tells of the user.
    TokenRefused(TokenRefusal),
    /// Connect reported a connected source.
    SourceConnected,
    /// Connect reported a disconnected source, so one had been connected.
    SourceDisconnected,
    /// The user was deleted.
    Deleted,
}

/// Why the service refused a token, where the reason lies with the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "each names a transition: a new one must be answered everywhere"
)]
pub enum TokenRefusal {
    /// A session was asked for a user who has connected a source.
    AlreadyConnected,
    /// The service does not know the user, or not as a connected one.
    UnknownUser,
    /// The user has no connected source, or was deleted.
    NothingConnected,
}

impl TokenRefusal {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::AlreadyConnected,
        Self::UnknownUser,
        Self::NothingConnected,
    ];

    /// The word that it is written as, wherever one keeps it: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AlreadyConnected => "already_connected",
            Self::UnknownUser => "unknown_user",
            Self::NothingConnected => "nothing_connected",
        }
    }
}

/// A status and how it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownStatus {
    status: UserStatus,
    certain: bool,
}

impl KnownStatus {
    /// The application vouches for it: a rule may refuse a call without asking the service.
    #[must_use]
    pub const fn asserted(status: UserStatus) -> Self {
        Self {
            status,
            certain: true,
        }
    }

    /// Remembered from earlier. It chooses the first request, never the answer.
    #[must_use]
    pub const fn remembered(status: UserStatus) -> Self {
        Self {
            status,
            certain: false,
        }
    }

    /// The status.
    #[must_use]
    pub const fn status(self) -> UserStatus {
        self.status
    }

    /// Whether a rule may refuse a call by it.
    #[must_use]
    pub const fn is_certain(self) -> bool {
        self.certain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use UserEvent::{Deleted, SourceConnected, SourceDisconnected, TokenIssued, TokenRefused};

    fn check(event: UserEvent, after: [UserStatus; 5]) {
        let got = UserStatus::ALL.map(|status| status.after(event));
        assert_eq!(got, after, "{event:?}");
    }

    #[test]
    fn every_event_from_every_status() {
        use UserStatus::{Connected as C, Deleted as D, New as N, Started as S, Unknown as U};
        check(TokenIssued(TokenKind::Session), [S, S, S, S, S]);
        check(TokenIssued(TokenKind::Id), [C, C, C, C, C]);
        check(TokenIssued(TokenKind::Access), [C, C, C, C, C]);
        check(TokenIssued(TokenKind::Client), [U, N, S, C, D]);
        check(SourceConnected, [C, C, C, C, D]);
        check(SourceDisconnected, [C, C, C, C, D]);
        check(
            TokenRefused(TokenRefusal::AlreadyConnected),
            [U, N, S, C, D],
        );
        check(TokenRefused(TokenRefusal::UnknownUser), [U, N, S, U, D]);
        check(
            TokenRefused(TokenRefusal::NothingConnected),
            [U, N, S, U, D],
        );
        check(Deleted, [D, D, D, D, D]);
    }
}
