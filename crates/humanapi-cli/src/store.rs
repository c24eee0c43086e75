//! The verb `store`, and the store behind `token … --store`.
//!
//! One piece: the verbs of one subcommand, which share how a store is opened and told of.

use std::error::Error as _;

use std::io::{self, IsTerminal as _};
#[cfg(feature = "orders")]
use std::path::PathBuf;
use std::sync::Arc;

use comfy_table::Table;
#[cfg(feature = "orders")]
use humanapi_client::OrderJournal;
use humanapi_client::{StoreError, StoreErrorKind, TokenStore};
use humanapi_store::{
    KeyFile, KeyFileInPlace, OtherMark, PostgresStore, RedisStore, Rotation, SealingKeys,
    SqliteStore, StoreStatus, Unfinished,
};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::{OutputArgs, RotateArgs, StoreArgs, StorePlace, StoreVerb};
use crate::exit::{self, Code, Failure};
use crate::output;
use crate::print::print;

/// The environment variables that hold the address of a server, and the keys.
const URL: &str = "HUMANAPI_STORE_URL";
const KEYS: &str = "HUMANAPI_STORE_KEYS";

pub(crate) async fn run(verb: StoreVerb) -> Result<(), Failure> {
    match verb {
        StoreVerb::Init {
            place,
            new_keys: false,
            output,
        } => {
            let keys = keys(&place)?;
            let store = Store::at(&place.store, keys.clone()).await?;
            store.init().await.map_err(|error| store.failure(&error))?;
            print(&output, &SetUp::of(&keys, None), SetUp::text)
        }
        StoreVerb::Init { place, output, .. } => init_with_new_keys(&place, &output).await,
        StoreVerb::Status { place, output } => {
            let store = Store::open(&place).await?;
            let status = store
                .status()
                .await
                .map_err(|error| store.failure(&error))?;
            print(&output, &StatusLine::of(&status), |line| {
                status_table(line, &status)
            })
        }
        StoreVerb::Purge { place, output } => {
            let store = Store::open(&place).await?;
            let purged = store
                .purge()
                .await
                .map_err(|error| store.unfinished(&error))?;
            print(&output, &Purged { purged }, |line| {
                one_row("rows dropped", &line.purged.to_string())
            })
        }
        StoreVerb::RotateKey(args) => rotate(&args).await,
    }
}

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
enum Store {
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
    let store = Store::open(&place).await?;
    store.check().await.map_err(|error| store.failure(&error))?;
    if let Store::Sqlite(file, _) = &store
        && let Some(open) = file.backend().open_to_others()
    {
        output::warn(&open);
    }
    let both = |tokens, orders| Journal { tokens, orders };
    Ok(each!(store, store => {
        let store = Arc::new(*store);
        both(Arc::clone(&store) as Arc<dyn TokenStore>, store as Arc<dyn OrderJournal>)
    }))
}

impl Store {
    async fn open(place: &StorePlace) -> Result<Self, Failure> {
        let keys = keys(place)?;
        Self::at(&place.store, keys).await
    }

    async fn at(place: &str, keys: SealingKeys) -> Result<Self, Failure> {
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

    async fn init(&self) -> Result<(), StoreError> {
        each!(self, store => store.init().await)
    }

    async fn check(&self) -> Result<(), StoreError> {
        each!(self, store => store.check().await)
    }

    async fn reach(&self) -> Result<(), StoreError> {
        each!(self, store => store.reach().await)
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        each!(self, store => store.status().await)
    }

    async fn purge(&self) -> Result<u64, StoreError> {
        each!(self, store => store.purge_expired().await)
    }

    /// What went wrong, with the place: a path is no secret, as an address may be.
    fn failure(&self, error: &StoreError) -> Failure {
        match self {
            Self::Sqlite(_, path) => failure(error).about(path),
            _ => failure(error),
        }
    }

    /// The same of work over all rows, which may have come some way.
    fn unfinished(&self, error: &StoreError) -> Failure {
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

    async fn rotate(&self, progress: impl FnMut(&Rotation) + Send) -> Result<Rotation, StoreError> {
        each!(self, store => store.rotate(progress).await)
    }
}

pub(crate) fn failure(error: &StoreError) -> Failure {
    Failure::new(code(error), error.to_string(), error.remedy()).with_report(&error.report())
}

fn code(error: &StoreError) -> Code {
    match error.kind() {
        StoreErrorKind::Unavailable | StoreErrorKind::Unfinished => Code::Unreachable,
        StoreErrorKind::Misconfigured | StoreErrorKind::NotSetUp => Code::Usage,
        StoreErrorKind::UnknownSealingKey => Code::Credentials,
        StoreErrorKind::AuthenticationFailed => Code::StoreLogin,
        _ => Code::Service,
    }
}

fn url() -> Result<Zeroizing<String>, Failure> {
    let url = std::env::var(URL).ok().filter(|url| !url.is_empty());
    url.map(Zeroizing::new).ok_or_else(|| {
        Failure::new(
            Code::Credentials,
            "there is no address of the store",
            "set HUMANAPI_STORE_URL; it often holds a password, so there is no option for it",
        )
    })
}

fn keys(place: &StorePlace) -> Result<SealingKeys, Failure> {
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

fn key_file(place: &StorePlace) -> Result<KeyFile, Failure> {
    place.keys.as_ref().map(KeyFile::new).ok_or_else(|| {
        Failure::new(
            Code::Usage,
            "no file of keys is named",
            "say where with --store-keys PATH",
        )
    })
}

/// What is wrong with a file of keys: it is missing or no such file, or this machine did not let us.
fn key_failure(error: &StoreError) -> Failure {
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
fn system(error: &StoreError) -> Option<io::ErrorKind> {
    let system = error.source()?.downcast_ref::<io::Error>()?;
    Some(system.kind())
}

/// Whether a store was set up with its keys although `init` failed with this error; nothing where that is not sure.
/// Who then throws the keys away may throw away the only ones.
async fn is_set_up(store: &Store, init: &StoreError) -> Option<bool> {
    let has_other_keys = |error: &StoreError| {
        error
            .source()
            .is_some_and(|source| source.is::<OtherMark>())
    };
    if has_other_keys(init) {
        return Some(false);
    }
    match store.check().await {
        // The answer was lost, and was a yes.
        Ok(()) => Some(true),
        Err(check) if has_other_keys(&check) => Some(false),
        // What was not answered may still be under way.
        Err(check) if check.kind() == StoreErrorKind::NotSetUp => {
            (init.kind() != StoreErrorKind::Unavailable).then_some(false)
        }
        Err(_) => None,
    }
}

/// Sets a store up with new keys. Nothing is touched until the store can be, and keys that surely no store
/// took do not stay.
async fn init_with_new_keys(place: &StorePlace, output: &OutputArgs) -> Result<(), Failure> {
    let file = key_file(place)?;
    let keys = SealingKeys::generate("first").map_err(|error| failure(&error))?;
    let store = Store::at(&place.store, keys.clone()).await?;
    let reached = store.reach().await;
    reached.map_err(|error| store.failure(&error))?;
    file.create(&keys).map_err(|error| match system(&error) {
        Some(io::ErrorKind::NotFound) => Failure::new(
            Code::Machine,
            error.to_string(),
            "check the path, and make its folder first",
        ),
        _ => key_failure(&error),
    })?;
    if let Err(error) = store.init().await {
        let path = file.path().display();
        match is_set_up(&store, &error).await {
            Some(true) => {}
            Some(false) => {
                std::fs::remove_file(file.path()).map_err(|error| {
                    Failure::here(&format!("cannot remove {path}"), &exit::system_text(&error))
                })?;
                return Err(store.failure(&error));
            }
            None => {
                return Err(Failure::new(
                    code(&error),
                    format!(
                        "{error}; whether it was set up with the new keys in {path} is unknown"
                    ),
                    format!(
                        "{}; keep that file, and run the same again without --new-keys",
                        error.remedy()
                    ),
                ));
            }
        }
    }
    let path = file.path().display().to_string();
    print(output, &SetUp::of(&keys, Some(path)), SetUp::text)
}

async fn rotate(args: &RotateArgs) -> Result<(), Failure> {
    let (file, id, add) = match (&args.add, &args.promote) {
        (Some(id), _) => (key_file(&args.place)?, id, true),
        (None, Some(id)) => (key_file(&args.place)?, id, false),
        (None, None) => return reseal(args).await,
    };
    // Before anything is changed: a wrong address, or keys of another store, change no file.
    let store = Store::open(&args.place).await?;
    store.check().await.map_err(|error| store.failure(&error))?;
    let keys = if add { file.add(id) } else { file.promote(id) };
    let keys = keys.map_err(|error| match error.source() {
        // The id is wrong, and not the file.
        None if error.kind() == StoreErrorKind::Misconfigured => failure(&error),
        _ => key_failure(&error),
    })?;
    let changed = Changed {
        added: add.then_some(id),
        promoted: (!add).then_some(id),
        writes: keys.newest_id(),
    };
    print(&args.output, &changed, |_| match add {
        true => format!(
            "Key {id} can read now. Give the file to all processes, then run `humanapi store rotate-key --promote {id}`."
        ),
        false => format!(
            "Key {id} writes now. Give the file to all processes, then run `humanapi store rotate-key`."
        ),
    })
}

/// Seals anew what older keys sealed.
async fn reseal(args: &RotateArgs) -> Result<(), Failure> {
    let store = Store::open(&args.place).await?;
    let status = store.status().await;
    let status = status.map_err(|error| store.failure(&error))?;
    let todo = status.tokens_to_rotate() + status.orders_to_rotate();
    let shows = io::stderr().is_terminal();
    let rotation = store
        .rotate(|so_far| {
            if shows {
                anstream::eprint!("\r{} of {todo} rows sealed anew", so_far.resealed);
            }
        })
        .await
        .map_err(|error| store.unfinished(&error))?;
    if shows && todo > 0 {
        anstream::eprintln!();
    }
    let line = Rotated {
        resealed: rotation.resealed,
        replaced_meanwhile: rotation.replaced_meanwhile,
        unreadable: rotation.unreadable,
    };
    print(&args.output, &line, |line| {
        let mut table = one_row("sealed anew", &line.resealed.to_string());
        table.add_row(["replaced meanwhile", &line.replaced_meanwhile.to_string()]);
        table.add_row(["unreadable", &line.unreadable.to_string()]);
        table
    })
}

fn one_row(name: &str, value: &str) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    table.add_row([name, value]);
    table
}

/// What `store status` prints as JSON. Its fields are a contract: new ones may come, these stay.
#[derive(Serialize)]
struct StatusLine<'a> {
    schema_version: u32,
    rows: u64,
    live_tokens: u64,
    ended_tokens: u64,
    running_leases: u64,
    tokens_by_key: &'a std::collections::BTreeMap<String, u64>,
    newest_key: &'a str,
    tokens_to_rotate: u64,
    orders: u64,
    open_orders: u64,
    orders_to_rotate: u64,
    latency_micros: u64,
}

/// What `store init` prints as JSON.
#[derive(Serialize)]
struct SetUp {
    set_up: bool,
    writes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_keys: Option<String>,
}

/// What `store rotate-key` prints as JSON with `--add` and `--promote`.
#[derive(Serialize)]
struct Changed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promoted: Option<&'a String>,
    writes: &'a str,
}

/// What `store purge` prints as JSON.
#[derive(Serialize)]
struct Purged {
    purged: u64,
}

/// What `store rotate-key` prints as JSON with neither.
#[derive(Serialize)]
struct Rotated {
    resealed: u64,
    replaced_meanwhile: u64,
    unreadable: u64,
}

impl SetUp {
    fn of(keys: &SealingKeys, new_keys: Option<String>) -> Self {
        Self {
            set_up: true,
            writes: keys.newest_id().to_owned(),
            new_keys,
        }
    }

    fn text(&self) -> String {
        let Some(path) = &self.new_keys else {
            return "The store is set up.".to_owned();
        };
        let path = output::plain(path);
        format!(
            "The store is set up.\nIts keys are in {path}: give all processes the same, and keep a copy. Without them no token can be read."
        )
    }
}

impl<'a> StatusLine<'a> {
    fn of(status: &'a StoreStatus) -> Self {
        Self {
            schema_version: status.schema_version,
            rows: status.rows,
            live_tokens: status.live_tokens,
            ended_tokens: status.ended_tokens,
            running_leases: status.running_leases,
            tokens_by_key: &status.tokens_by_key,
            newest_key: &status.newest_key,
            tokens_to_rotate: status.tokens_to_rotate(),
            orders: status.orders,
            open_orders: status.open_orders,
            orders_to_rotate: status.orders_to_rotate(),
            latency_micros: u64::try_from(status.latency.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

fn status_table(line: &StatusLine<'_>, status: &StoreStatus) -> Table {
    let mut table = one_row("tokens that live", &line.live_tokens.to_string());
    table.add_row(["tokens that have ended", &line.ended_tokens.to_string()]);
    table.add_row(["leases that run", &line.running_leases.to_string()]);
    table.add_row(["rows in all", &line.rows.to_string()]);
    for (key, tokens) in line.tokens_by_key {
        let newest = if key == line.newest_key {
            ", which writes"
        } else {
            ""
        };
        let name = format!("sealed with {}", output::plain(key));
        table.add_row([name, format!("{tokens}{newest}")]);
    }
    if line.orders > 0 {
        table.add_row(["orders", &line.orders.to_string()]);
        table.add_row(["orders to go on with", &line.open_orders.to_string()]);
        table.add_row(["orders to seal anew", &line.orders_to_rotate.to_string()]);
    }
    table.add_row(["schema", &format!("version {}", line.schema_version)]);
    table.add_row(["one question takes", &format!("{:.1?}", status.latency)]);
    table
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
