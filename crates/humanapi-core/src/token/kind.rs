//! The four kinds of token, and what they are wanted for.

use std::time::Duration;

/// The kinds of token that the service issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the rules are a table over these four"
)]
pub enum TokenKind {
    /// Opens Connect for a user who has connected nothing yet. Lives 3600 s.
    Session,
    /// Opens Connect for a returning user. Lives 86400 s.
    Id,
    /// Reads one user's data, from a server. Lives 86400 s.
    Access,
    /// Administers an application on the Health Intelligence Platform. Lives 86400 s.
    Client,
}

impl TokenKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Session, Self::Id, Self::Access, Self::Client];

    /// The value of `type` in a request to the token service, and the word that it is written as wherever one keeps it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Id => "id",
            Self::Access => "access",
            Self::Client => "client",
        }
    }

    /// How long a token lives when the answer does not say: the documented lifetime.
    #[must_use]
    pub const fn default_lifetime(self) -> Duration {
        match self {
            Self::Session => Duration::from_secs(3_600),
            Self::Id | Self::Access | Self::Client => Duration::from_secs(86_400),
        }
    }
}

/// What a token is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the rules are a table over these three"
)]
pub enum Purpose {
    /// Open Connect in the user's browser.
    OpenConnect,
    /// Read the user's health data from a server.
    ReadData,
    /// Administer an application on the Health Intelligence Platform.
    Administer,
}

impl Purpose {
    /// All of them, in the order of the table's rows.
    pub const ALL: [Self; 3] = [Self::OpenConnect, Self::ReadData, Self::Administer];

    /// The word that it is written as, wherever one keeps it: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenConnect => "open_connect",
            Self::ReadData => "read_data",
            Self::Administer => "administer",
        }
    }
}
