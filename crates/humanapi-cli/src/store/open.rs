//! The store that a command line names: which it is, with which keys, and how its failures are told.

use std::error::Error as _;
use std::io;
#[cfg(feature = "orders")]
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "orders")]
use humanapi_client::OrderJournal;
use humanapi_client::{StoreError, StoreErrorKind, TokenStore};
#[cfg(feature = "export")]
use humanapi_store::RateShares;
use humanapi_store::{
    KeyFile, KeyFileInPlace, PostgresStore, RedisStore, Rotation, SealingKeys, SqliteStore,
    StoreStatus, Unfinished,
};
use zeroize::Zeroizing;

use crate::args::{StoreArgs, StorePlace};
use crate::exit::{Code, Failure};
use crate::output;

/// The environment variables that hold the address of a server, and the keys.
const URL: &str = "HUMANAPI_STORE_URL";
const KEYS: &str = "HUMANAPI_STORE_KEYS";

/// The store that a token comes from and goes to.
pub(crate) async fn shared(args: &StoreArgs) -> Result<Option<Arc<dyn TokenStore>>, Failure> {
    let Some(store) = &args.store else {
        return Ok(None);
    };
    let place = StorePlace {
        store: store.clone(),
        keys: args.store_keys.clone(),
    };
    let store = Store::open(&place).await?;
    if let Store::Sqlite(file, _) = &store
        && let Some(open) = file.backend().open_to_others()
    {
        output::warn(&open);
    }
    match store.check().await {
        Ok(()) => {}
        Err(error) if is_wrong_setting(error.kind()) => return Err(store.failure(&error)),
        Err(error) => {
            without(&error);
            return Ok(None);
        }
    }
    Ok(Some(match store {
        Store::Sqlite(store, _) => Arc::new(*store),
        Store::Postgres(store) => Arc::new(*store),
        Store::Redis(store) => Arc::new(*store),
    }))
}

/// A store as orders are placed with it: their journal, and the tokens beside it.
#[cfg(feature = "orders")]
pub(crate) struct Journal {
    pub(crate) tokens: Arc<dyn TokenStore>,
    pub(crate) orders: Arc<dyn OrderJournal>,
}

/// Whether the caller has something to correct. Whatever else is wrong with a store, it costs nobody a token.
const fn is_wrong_setting(kind: StoreErrorKind) -> bool {
    matches!(
        kind,
        StoreErrorKind::Misconfigured
            | StoreErrorKind::NotSetUp
            | StoreErrorKind::AuthenticationFailed
            | StoreErrorKind::UnknownSealingKey
    )
}

/// Tells that the store failed, which is no reason to fail.
pub(crate) fn without(error: &StoreError) {
    output::warn(&format!("{error}; the token is got without the store"));
}

/// One of the stores, chosen on the command line.
pub(super) enum Store {
    /// One in a file, and where that is.
    Sqlite(Box<SqliteStore>, String),
    Postgres(Box<PostgresStore>),
    Redis(Box<RedisStore>),
}

macro_rules! each {
    ($store:expr, $inner:ident => $call:expr) => {
        match $store {
            Store::Sqlite($inner, _) => $call,
            Store::Postgres($inner) => $call,
            Store::Redis($inner) => $call,
        }
    };
}

/// The store that it is written in which orders were sent. Without it none is sent.
#[cfg(feature = "orders")]
pub(crate) async fn journal(store: &str, keys: Option<PathBuf>) -> Result<Journal, Failure> {
    let place = StorePlace {
        store: store.to_owned(),
        keys,
    };
    let store = Store::checked(&place).await?;
    let both = |tokens, orders| Journal { tokens, orders };
    Ok(each!(store, store => {
        let store = Arc::new(*store);
        both(Arc::clone(&store) as Arc<dyn TokenStore>, store as Arc<dyn OrderJournal>)
    }))
}

/// The store that a rate is shared through, and the tokens beside it. Without it nothing is sent.
#[cfg(feature = "export")]
pub(crate) async fn sharing_rate(
    args: &StoreArgs,
) -> Result<(Arc<dyn TokenStore>, Arc<dyn RateShares>), Failure> {
    let place = StorePlace {
        // A rate needs it, as the arguments say.
        store: args.store.clone().unwrap_or_default(),
        keys: args.store_keys.clone(),
    };
    let store = Store::checked(&place).await?;
    Ok(each!(store, store => {
        let store = Arc::new(*store);
        (Arc::clone(&store) as Arc<dyn TokenStore>, store as Arc<dyn RateShares>)
    }))
}

impl Store {
    /// One that is set up, and without which nothing goes on.
    #[cfg(any(feature = "export", feature = "orders"))]
    async fn checked(place: &StorePlace) -> Result<Self, Failure> {
        let store = Self::open(place).await?;
        store.check().await.map_err(|error| store.failure(&error))?;
        if let Self::Sqlite(file, _) = &store
            && let Some(open) = file.backend().open_to_others()
        {
            output::warn(&open);
        }
        Ok(store)
    }

    pub(super) async fn open(place: &StorePlace) -> Result<Self, Failure> {
        let keys = keys(place)?;
        Self::at(&place.store, keys).await
    }

    pub(super) async fn at(place: &str, keys: SealingKeys) -> Result<Self, Failure> {
        match place.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => {
                let store = SqliteStore::open(path, keys).await;
                Ok(Self::Sqlite(Box::new(store), path.to_owned()))
            }
            None if place == "postgres" => {
                let store = PostgresStore::connect(&url()?, keys)
                    .await
                    .map_err(|error| failure(&error))?;
                Ok(Self::Postgres(Box::new(store)))
            }
            None if place == "redis" => {
                let store = RedisStore::connect(&url()?, keys)
                    .await
                    .map_err(|error| failure(&error))?;
                Ok(Self::Redis(Box::new(store)))
            }
            // What stands there may be an address with a password, so it is not repeated.
            _ => Err(Failure::new(
                Code::Usage,
                "that is no store",
                "it can be sqlite:PATH, postgres or redis; the address of a server comes from HUMANAPI_STORE_URL",
            )),
        }
    }

    pub(super) async fn init(&self) -> Result<(), StoreError> {
        each!(self, store => store.init().await)
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        each!(self, store => store.check().await)
    }

    pub(super) async fn reach(&self) -> Result<(), StoreError> {
        each!(self, store => store.reach().await)
    }

    pub(super) async fn status(&self) -> Result<StoreStatus, StoreError> {
        each!(self, store => store.status().await)
    }

    pub(super) async fn purge(&self) -> Result<u64, StoreError> {
        each!(self, store => store.purge_expired().await)
    }

    /// What went wrong, with the place: a path is no secret, as an address may be.
    pub(super) fn failure(&self, error: &StoreError) -> Failure {
        match self {
            Self::Sqlite(_, path) => failure(error).about(path),
            _ => failure(error),
        }
    }

    /// The same of work over all rows, which may have come some way.
    pub(super) fn unfinished(&self, error: &StoreError) -> Failure {
        let so_far = error
            .source()
            .and_then(|source| source.downcast_ref::<Unfinished>());
        match (self.failure(error), so_far) {
            (
                Failure::Told {
                    code,
                    cause,
                    remedy,
                    ..
                },
                Some(so_far),
            ) => Failure::new(
                code,
                format!("{cause}; {so_far}"),
                match error.kind() {
                    StoreErrorKind::Unfinished => remedy,
                    _ => format!("{remedy}; then run the same again, which goes on with the rest")
                        .into(),
                },
            ),
            (failure, _) => failure,
        }
    }

    pub(super) async fn rotate(
        &self,
        progress: impl FnMut(&Rotation) + Send,
    ) -> Result<Rotation, StoreError> {
        each!(self, store => store.rotate(progress).await)
    }
}

pub(crate) fn failure(error: &StoreError) -> Failure {
    Failure::new(code(error), error.to_string(), error.remedy()).with_report(&error.report())
}

pub(super) fn code(error: &StoreError) -> Code {
    match error.kind() {
        StoreErrorKind::Unavailable | StoreErrorKind::Unfinished => Code::Unreachable,
        StoreErrorKind::Misconfigured | StoreErrorKind::NotSetUp => Code::Usage,
        StoreErrorKind::UnknownSealingKey => Code::Credentials,
        StoreErrorKind::AuthenticationFailed => Code::StoreLogin,
        _ => Code::Service,
    }
}

pub(crate) fn url() -> Result<Zeroizing<String>, Failure> {
    let url = std::env::var(URL).ok().filter(|url| !url.is_empty());
    url.map(Zeroizing::new).ok_or_else(|| {
        Failure::new(
            Code::Credentials,
            "there is no address of the store",
            "set HUMANAPI_STORE_URL; it often holds a password, so there is no option for it",
        )
    })
}

pub(super) fn keys(place: &StorePlace) -> Result<SealingKeys, Failure> {
    match &place.keys {
        Some(path) => SealingKeys::from_file(path).map_err(|error| key_failure(&error)),
        None if std::env::var_os(KEYS).is_some() => SealingKeys::from_env(KEYS)
            .map_err(|error| Failure::new(Code::Credentials, error.to_string(), error.remedy())),
        None => Err(Failure::new(
            Code::Credentials,
            "there are no sealing keys",
            "use --store-keys PATH or set HUMANAPI_STORE_KEYS; `humanapi store init --new-keys` makes a file of them",
        )),
    }
}

pub(super) fn key_file(place: &StorePlace) -> Result<KeyFile, Failure> {
    place.keys.as_ref().map(KeyFile::new).ok_or_else(|| {
        Failure::new(
            Code::Usage,
            "no file of keys is named",
            "say where with --store-keys PATH",
        )
    })
}

/// What is wrong with a file of keys: it is missing or no such file, or this machine did not let us.
pub(super) fn key_failure(error: &StoreError) -> Failure {
    if is_in_place(error) {
        return Failure::new(
            Code::Machine,
            error.to_string(),
            "the file holds the new keys unless something else changed it: look at it, and at the disk, before you give it to any process",
        );
    }
    let (code, remedy) = match system(error) {
        Some(io::ErrorKind::NotFound) => (
            Code::Credentials,
            "check the path, or make new keys with `humanapi store init --new-keys`",
        ),
        Some(io::ErrorKind::AlreadyExists) => (
            Code::Machine,
            "leave out --new-keys to use the keys that are there, or name another file; keys are never overwritten by new ones",
        ),
        Some(_) => (
            Code::Machine,
            "check the path, its permissions and the room on its disk; a file of keys that was there is as it was",
        ),
        None if error.kind() == StoreErrorKind::Unavailable => (
            Code::Machine,
            "find out which one (`lsof` tells), or try again when it is done",
        ),
        None => (Code::Credentials, error.remedy()),
    };
    Failure::new(code, error.to_string(), remedy)
}

/// Whether the file of keys was changed although the change failed.
fn is_in_place(error: &StoreError) -> bool {
    error
        .source()
        .is_some_and(|source| source.is::<KeyFileInPlace>())
}

/// What the system said of a file of keys, if it is what went wrong.
pub(super) fn system(error: &StoreError) -> Option<io::ErrorKind> {
    let system = error.source()?.downcast_ref::<io::Error>()?;
    Some(system.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_was_broken_off_says_how_far_it_came_and_how_it_goes_on() {
        let keys = SealingKeys::generate("first").unwrap();
        let store = Store::at("sqlite:tokens.db", keys).await.unwrap();
        for (kind, goes_on) in [
            (StoreErrorKind::Unfinished, "do the same again"),
            (StoreErrorKind::Unavailable, "then run the same again"),
        ] {
            let error = StoreError::new(kind, "it ended")
                .with_source(Unfinished::Rotation(Rotation::default()));
            let Failure::Told {
                code,
                cause,
                remedy,
                ..
            } = store.unfinished(&error)
            else {
                panic!("{error}: it is told");
            };
            assert_eq!(code, Code::Unreachable);
            let so_far = "tokens.db: it ended; 0 rows were sealed anew before that";
            assert_eq!(cause, so_far);
            assert!(remedy.contains(goes_on), "{remedy}");
        }
    }
}
