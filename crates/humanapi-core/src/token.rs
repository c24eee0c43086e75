//! The four kinds of token, who may see them, and when they end.

use std::fmt;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret as _, SecretString};

use crate::credentials::ClientId;
use crate::hidden::hidden_debug;
use crate::now::Now;
use crate::rules::Purpose;
use crate::user::{ClientUserId, HumanId};

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

    /// The value of `type` in a request to the token service.
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

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! secret_token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// `Debug` hides it, it is wiped when dropped, and it cannot be serialized.
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Takes a token that the service issued, for instance from a store.
            #[must_use]
            pub fn new(token: impl Into<SecretString>) -> Self {
                Self(token.into())
            }

            /// The token in clear. Keep it out of logs and messages.
            #[must_use]
            pub fn expose_secret(&self) -> &str {
                self.0.expose_secret()
            }
        }

        hidden_debug!($name);
    };
}

secret_token! {
    /// Opens Connect for a user who has connected nothing yet. May go to a browser.
    SessionToken
}
secret_token! {
    /// Opens Connect for a returning user. May go to a browser.
    IdToken
}
secret_token! {
    /// Reads one user's health data. Stays on the server.
    AccessToken
}
secret_token! {
    /// Administers an application on the Health Intelligence Platform. Stays on the server.
    ClientToken
}
secret_token! {
    /// Comes with id and access tokens. No documented call uses it today: to renew, ask again.
    /// Stays on the server.
    RefreshToken
}

/// When a token ends, by both clocks.
///
/// A token's life counts from when its request was handed out, not from when the answer came, so
/// it never seems to live longer than it does. It has ended when *either* clock says so: the wall
/// clock runs on while a machine sleeps, and the monotonic one cannot be set back.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use humanapi_core::{Expiry, Leeway, Now};
///
/// let sent_at = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
/// let expiry = Expiry::after(sent_at, Duration::from_secs(3600));
/// let leeway = Leeway::default();
/// assert!(expiry.leaves(sent_at.after(Duration::from_secs(3590)), leeway));
/// assert!(!expiry.leaves(sent_at.after(Duration::from_secs(3596)), leeway), "5 s of skew");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    ends_wall: SystemTime,
    ends_monotonic: Option<Duration>,
}

/// No answer is believed to live longer: 10 years, so that time arithmetic has room.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 366 * 86_400);

impl Expiry {
    /// The end of a token whose request was handed out at `sent_at`.
    #[must_use]
    pub fn after(sent_at: Now, lifetime: Duration) -> Self {
        let ends = sent_at.after(lifetime.min(LONGEST_LIFE));
        Self {
            ends_wall: ends.wall(),
            ends_monotonic: Some(ends.monotonic()),
        }
    }

    /// The end of a token from a store, which knows the wall clock alone.
    #[must_use]
    pub const fn at(ends: SystemTime) -> Self {
        Self {
            ends_wall: ends,
            ends_monotonic: None,
        }
    }

    pub(crate) const fn by_both(wall: SystemTime, monotonic: Option<Duration>) -> Self {
        Self {
            ends_wall: wall,
            ends_monotonic: monotonic,
        }
    }

    /// The end by the monotonic clock of the process that got the token, unless it came from a store.
    #[must_use]
    pub const fn monotonic(self) -> Option<Duration> {
        self.ends_monotonic
    }

    /// The end by the wall clock, as a store keeps it.
    #[must_use]
    pub const fn wall(self) -> SystemTime {
        self.ends_wall
    }

    /// How much life is left, by the clock that says less. Zero when it has ended.
    #[must_use]
    pub fn time_left(self, now: Now, skew: Duration) -> Duration {
        let by_wall = self
            .ends_wall
            .duration_since(now.wall())
            .unwrap_or_default()
            .saturating_sub(skew);
        match self.ends_monotonic {
            Some(ends) => by_wall.min(ends.saturating_sub(now.monotonic()).saturating_sub(skew)),
            None => by_wall,
        }
    }

    /// Whether more life is left than `leeway` asks for.
    #[must_use]
    pub fn leaves(self, now: Now, leeway: Leeway) -> bool {
        self.time_left(now, leeway.skew) > leeway.at_least
    }
}

/// How much life a token must have left to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leeway {
    at_least: Duration,
    skew: Duration,
}

impl Leeway {
    /// By how much our clocks and the service's may differ, unless told otherwise.
    pub const DEFAULT_SKEW: Duration = Duration::from_secs(5);

    /// More than so much life must be left.
    #[must_use]
    pub const fn at_least(life: Duration) -> Self {
        Self {
            at_least: life,
            skew: Self::DEFAULT_SKEW,
        }
    }

    /// Sets by how much clocks may differ.
    #[must_use]
    pub const fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }
}

impl Default for Leeway {
    /// Any life at all, clocks at most 5 s apart.
    fn default() -> Self {
        Self::at_least(Duration::ZERO)
    }
}

/// A token as the service issued it, with all that came along.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issued<T> {
    /// The token.
    pub token: T,
    /// When it ends.
    pub expiry: Expiry,
    /// Human API's id for the user, where the answer told it.
    pub human_id: Option<HumanId>,
    /// Came along with an id or access token. No documented call takes it.
    pub refresh_token: Option<RefreshToken>,
}

impl<T> Issued<T> {
    /// A token with its end, for instance from a store.
    #[must_use]
    pub const fn new(token: T, expiry: Expiry) -> Self {
        Self {
            token,
            expiry,
            human_id: None,
            refresh_token: None,
        }
    }
}

/// A token that may go to a browser and opens Connect: a session or an id token.
///
/// Only these two become one, so that a server's token cannot reach a page by mistake:
///
/// ```compile_fail
/// use humanapi_core::{AccessToken, ConnectToken, Issued};
///
/// fn leak(token: Issued<AccessToken>) -> ConnectToken {
///     token.into()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ConnectToken {
    token: LaunchSecret,
    expiry: Expiry,
    human_id: Option<HumanId>,
}

#[derive(Clone, Debug)]
enum LaunchSecret {
    Session(SessionToken),
    Id(IdToken),
}

impl ConnectToken {
    /// Which of the two it is.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        match self.token {
            LaunchSecret::Session(_) => TokenKind::Session,
            LaunchSecret::Id(_) => TokenKind::Id,
        }
    }

    /// When it ends.
    #[must_use]
    pub const fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// Human API's id for the user, where the answer told it.
    #[must_use]
    pub const fn human_id(&self) -> Option<&HumanId> {
        self.human_id.as_ref()
    }

    /// The token in clear, for the page that opens Connect. Keep it out of logs.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        match &self.token {
            LaunchSecret::Session(token) => token.expose_secret(),
            LaunchSecret::Id(token) => token.expose_secret(),
        }
    }
}

impl From<Issued<SessionToken>> for ConnectToken {
    fn from(issued: Issued<SessionToken>) -> Self {
        Self {
            token: LaunchSecret::Session(issued.token),
            expiry: issued.expiry,
            human_id: issued.human_id,
        }
    }
}

impl From<Issued<IdToken>> for ConnectToken {
    fn from(issued: Issued<IdToken>) -> Self {
        Self {
            token: LaunchSecret::Id(issued.token),
            expiry: issued.expiry,
            human_id: issued.human_id,
        }
    }
}

/// Which token is meant: application, user and purpose.
///
/// The purpose stands for the token's kind. Opening Connect has one key for both kinds of token that
/// open it, because a user needs one of them at a time, and which one is the service's to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKey {
    client_id: ClientId,
    user: Option<ClientUserId>,
    purpose: Purpose,
}

impl TokenKey {
    /// The access token for one user's data.
    #[must_use]
    pub const fn access(client_id: ClientId, user: ClientUserId) -> Self {
        Self {
            client_id,
            user: Some(user),
            purpose: Purpose::ReadData,
        }
    }

    /// The session or id token that opens Connect for one user.
    #[must_use]
    pub const fn connect(client_id: ClientId, user: ClientUserId) -> Self {
        Self {
            client_id,
            user: Some(user),
            purpose: Purpose::OpenConnect,
        }
    }

    /// The client token of an application.
    #[must_use]
    pub const fn client(client_id: ClientId) -> Self {
        Self {
            client_id,
            user: None,
            purpose: Purpose::Administer,
        }
    }

    /// The application.
    #[must_use]
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The user, for all but the client token.
    #[must_use]
    pub const fn user(&self) -> Option<&ClientUserId> {
        self.user.as_ref()
    }

    /// What the token is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// Tells a token from the one it replaced: a later exchange has a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The generation of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A token with which a call was answered by 401, so that a newer one is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejected {
    generation: Generation,
    certain: bool,
}

impl Rejected {
    /// The service refused it: it is of no use any more.
    #[must_use]
    pub const fn by_the_service(generation: Generation) -> Self {
        Self {
            generation,
            certain: true,
        }
    }

    /// The 401 bore no marks of the service, so something in between may have sent it: a newer token may
    /// help, and until there is one, this one is kept.
    #[must_use]
    pub const fn perhaps(generation: Generation) -> Self {
        Self {
            generation,
            certain: false,
        }
    }

    /// Which token it was.
    #[must_use]
    pub const fn generation(self) -> Generation {
        self.generation
    }

    /// Whether the service itself refused it.
    #[must_use]
    pub const fn is_certain(self) -> bool {
        self.certain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn noon() -> Now {
        Now::new(
            Duration::from_secs(1_000),
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        )
    }

    #[test]
    fn debug_hides_every_token() {
        let shown = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            SessionToken::new("canary"),
            IdToken::new("canary"),
            AccessToken::new("canary"),
            ClientToken::new("canary"),
            RefreshToken::new("canary"),
            ConnectToken::from(Issued::new(
                IdToken::new("canary"),
                Expiry::after(noon(), HOUR)
            )),
        );
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.starts_with("SessionToken(…) IdToken(…)"), "{shown}");
    }

    #[test]
    fn the_clock_that_says_less_decides() {
        let expiry = Expiry::after(noon(), HOUR);
        let left = |monotonic: u64, wall: u64| {
            let now = Now::new(
                Duration::from_secs(1_000 + monotonic),
                noon().wall() + Duration::from_secs(wall),
            );
            expiry.time_left(now, Duration::ZERO).as_secs()
        };
        assert_eq!(left(0, 0), 3_600);
        assert_eq!(left(3_000, 0), 600, "the wall clock was set back");
        assert_eq!(left(0, 3_000), 600, "the machine slept");
        assert_eq!(left(4_000, 0), 0);
        assert_eq!(left(0, 4_000), 0);
    }

    #[test]
    fn a_stored_token_knows_wall_time_only() {
        let expiry = Expiry::at(noon().wall() + HOUR);
        let other_process = Now::new(Duration::from_secs(999_999), noon().wall());
        assert_eq!(expiry.time_left(other_process, Duration::ZERO), HOUR);
        assert_eq!(
            expiry.time_left(other_process.after(HOUR), Duration::ZERO),
            Duration::ZERO
        );
    }

    #[test]
    fn absurd_lifetimes_neither_panic_nor_wrap() {
        let expiry = Expiry::after(noon(), Duration::MAX);
        assert_eq!(expiry.time_left(noon(), Duration::ZERO), LONGEST_LIFE);
        let end_of_time = Now::new(Duration::MAX, noon().wall());
        assert_eq!(
            Expiry::after(end_of_time, HOUR).time_left(end_of_time, Duration::ZERO),
            Duration::ZERO
        );
    }

    #[test]
    fn leeway_asks_for_life_beyond_skew() {
        let expiry = Expiry::after(noon(), HOUR);
        let leeway = Leeway::at_least(Duration::from_secs(600));
        assert!(expiry.leaves(noon().after(Duration::from_secs(2_994)), leeway));
        assert!(!expiry.leaves(noon().after(Duration::from_secs(2_995)), leeway));
    }
}
