//! Tokens shared between processes.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_core::broker::{Acquired, Commit, KeptToken, Lease};
use humanapi_core::{Generation, Report, TokenKey};

/// Keeps tokens where several processes find them, and leases the right to get the next one.
///
/// # Contract
///
/// For each key a store does what [`Row`](humanapi_core::broker::Row) does, each operation at once and
/// undivided, whatever other processes do meanwhile:
///
/// * A lease ends `ttl` after it was won **by the store's own clock**, and no later lease on the key
///   has a fence as low. Fences are never less than the store's clock in microseconds, so that a row
///   that was purged gives out no number twice.
/// * Whoever finds a lease held is told to wait for no longer than the `ttl` that was asked for: a row may
///   say anything.
/// * A token is committed only under the lease that still runs, and its generation is that lease's
///   fence, whatever generation it came with.
/// * [`invalidate`](Self::invalidate) drops a token of that generation or an older one, and no newer. It
///   ends the lease of that generation or of an older one, if such a one runs, and no other: the highest
///   generation of all drops what is there and what is under way.
/// * An operation whose answer is lost may have happened. Repeating it is harmless: a second
///   [`acquire`](Self::acquire) finds its own lease held until it ends, a second
///   [`commit`](Self::commit) is [fenced](Commit::Fenced).
/// * No connection, lock or transaction is held between two operations. The token exchange happens
///   between them.
/// * A store answers or fails within a time that it sets for itself, a few seconds at most.
///   Dropping a future breaks its operation off; it may or may not have happened.
/// * What is stored can be read by nobody who holds the store alone: tokens are sealed, and rows are
///   named by keyed hashes.
///
/// The conformance suite of the project's testkit holds an implementation to all of this.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token kept for `key`, which may have ended.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked, or what it keeps cannot be opened.
    async fn load(&self, key: &TokenKey) -> Result<Option<KeptToken>, StoreError>; // An `impl` needs `#[async_trait]` above it, too.

    /// Takes the lease on getting the next token of `key`, unless another holds it or a token newer
    /// than `known` is there.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked, or the newer token cannot be opened.
    async fn acquire(
        &self,
        key: &TokenKey,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<KeptToken>, StoreError>;

    /// Keeps the token that was got under `lease`, and ends the lease.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked. Whether the token is kept is then unknown.
    async fn commit(
        &self,
        key: &TokenKey,
        lease: Lease,
        token: &KeptToken,
    ) -> Result<Commit, StoreError>;

    /// Ends a lease without a token.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked. The lease then ends by itself.
    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError>;

    /// Drops the token of `key` if it is of this generation or older, and ends the lease if that is: the
    /// service refused it, or the user was deleted.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    async fn invalidate(&self, key: &TokenKey, generation: Generation) -> Result<(), StoreError>;

    /// Drops everything that has ended. Tells how many rows went.
    ///
    /// It may take longer than other operations, and ends too, whatever others do to the store meanwhile.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked, or did not come to an end. What was dropped until then is gone, and calling it
    /// again goes on with the rest.
    async fn purge_expired(&self) -> Result<u64, StoreError>;
}

/// What points to a store is one.
macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[async_trait]
        impl<S: TokenStore + ?Sized> TokenStore for $pointer {
            async fn load(&self, key: &TokenKey) -> Result<Option<KeptToken>, StoreError> {
                (**self).load(key).await
            }

            async fn acquire(
                &self,
                key: &TokenKey,
                ttl: Duration,
                known: Option<Generation>,
            ) -> Result<Acquired<KeptToken>, StoreError> {
                (**self).acquire(key, ttl, known).await
            }

            async fn commit(
                &self,
                key: &TokenKey,
                lease: Lease,
                token: &KeptToken,
            ) -> Result<Commit, StoreError> {
                (**self).commit(key, lease, token).await
            }

            async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
                (**self).release(key, lease).await
            }

            async fn invalidate(
                &self,
                key: &TokenKey,
                generation: Generation,
            ) -> Result<(), StoreError> {
                (**self).invalidate(key, generation).await
            }

            async fn purge_expired(&self) -> Result<u64, StoreError> {
                (**self).purge_expired().await
            }
        }
    )+};
}

pointers!(&S, Box<S>, Arc<S>);

/// How a store failed.
///
/// Neither `Display` nor `Debug` nor a source holds a token, a user id, a sealing key or the password of
/// the store's address: a store names its causes in words of its own.
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It cannot be reached, or did not answer in time.
    Unavailable,
    /// It refused the user name or the password.
    AuthenticationFailed,
    /// It can be read and not written: a replica, or a file that this process may not change.
    ReadOnly,
    /// Its address, its keys or its file cannot be used as they are.
    Misconfigured,
    /// It was never set up, or by another version.
    NotSetUp,
    /// What it keeps was not sealed for this place, or was changed since.
    Tampered,
    /// What it keeps was sealed with a key that is not at hand.
    UnknownSealingKey,
    /// It gave back an older token than one that it gave this process before.
    RolledBack,
    /// Work over all of its rows was ended before it was done. What was done stays done.
    Unfinished,
}

impl StoreErrorKind {
    /// The word for it, for logs and counters: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::AuthenticationFailed => "authentication_failed",
            Self::ReadOnly => "read_only",
            Self::Misconfigured => "misconfigured",
            Self::NotSetUp => "not_set_up",
            Self::Tampered => "tampered",
            Self::UnknownSealingKey => "unknown_sealing_key",
            Self::RolledBack => "rolled_back",
            Self::Unfinished => "unfinished",
        }
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Unavailable => "check that the store runs and can be reached from here",
            Self::AuthenticationFailed => {
                "correct the user name and the password in the store's address"
            }
            Self::ReadOnly => {
                "lead the store's address to the server that takes writes, or let this process write to the file"
            }
            Self::Misconfigured => "correct the setting that the message names",
            Self::NotSetUp => "set it up with `humanapi store init`",
            Self::Tampered => {
                "find out who can write to the store, then remove the row: its next token is asked for afresh"
            }
            Self::UnknownSealingKey => {
                "give this process all sealing keys that are in use, old ones too"
            }
            Self::RolledBack => {
                "find out who put an older copy of the store in place, and purge it"
            }
            Self::Unfinished => {
                "do the same again, which goes on with what is left; if it ends so each time, find out who writes to the store"
            }
        }
    }
}

impl StoreError {
    /// A failure of this kind. The message names the cause in a line without secrets.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Adds what lies beneath. It must hold no secret either.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        self.kind.remedy()
    }

    /// All that there is to tell, on a line each: the failure, what lies beneath, and what to do next.
    #[must_use]
    pub const fn report(&self) -> Report<'_> {
        Report::new(self, self.remedy())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&**self.source.as_ref()? as _)
    }
}
