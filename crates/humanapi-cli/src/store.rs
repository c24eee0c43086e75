//! The verb `store`, and the store behind `token … --store`.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use comfy_table::Table;
use humanapi_client::{StoreError, StoreErrorKind, TokenStore};
use humanapi_store::{PostgresStore, RedisStore, Rotation, SealingKeys, SqliteStore, StoreStatus};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::{RotateArgs, StoreArgs, StorePlace, StoreVerb};
use crate::exit::{self, Code, Failure};
use crate::output;

/// The environment variables that hold the address of a server, and the keys.
const URL: &str = "HUMANAPI_STORE_URL";
const KEYS: &str = "HUMANAPI_STORE_KEYS";

pub(crate) async fn run(verb: StoreVerb) -> Result<(), Failure> {
    match verb {
        StoreVerb::Init { place, new_keys } => init(&place, new_keys).await,
        StoreVerb::Status { place, output } => {
            let status = Store::open(&place).await?.status().await?;
            print(
                output.json,
                output.table,
                &StatusLine::of(&status),
                |line| status_table(line, &status),
            )
        }
        StoreVerb::Purge { place, output } => {
            let purged = Store::open(&place).await?.purge().await?;
            print(output.json, output.table, &Purged { purged }, |line| {
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
    store.check().await?;
    Ok(Some(match store {
        Store::Sqlite(store) => Arc::new(store),
        Store::Postgres(store) => Arc::new(*store),
        Store::Redis(store) => Arc::new(*store),
    }))
}

/// One of the stores, chosen on the command line.
enum Store {
    Sqlite(SqliteStore),
    Postgres(Box<PostgresStore>),
    Redis(Box<RedisStore>),
}

macro_rules! each {
    ($store:expr, $inner:ident => $call:expr) => {
        match $store {
            Store::Sqlite($inner) => $call,
            Store::Postgres($inner) => $call,
            Store::Redis($inner) => $call,
        }
    };
}

impl Store {
    async fn open(place: &StorePlace) -> Result<Self, Failure> {
        let keys = keys(place)?;
        Self::at(&place.store, keys).await
    }

    async fn at(place: &str, keys: SealingKeys) -> Result<Self, Failure> {
        match place.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => {
                Ok(Self::Sqlite(SqliteStore::open(path, keys).await))
            }
            None if place == "postgres" => {
                let store = PostgresStore::connect(&url()?, keys)
                    .await
                    .map_err(failure)?;
                Ok(Self::Postgres(Box::new(store)))
            }
            None if place == "redis" => {
                let store = RedisStore::connect(&url()?, keys).await.map_err(failure)?;
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

    async fn init(&self) -> Result<(), Failure> {
        each!(self, store => store.init().await).map_err(failure)
    }

    async fn check(&self) -> Result<(), Failure> {
        each!(self, store => store.check().await).map_err(failure)
    }

    async fn status(&self) -> Result<StoreStatus, Failure> {
        each!(self, store => store.status().await).map_err(failure)
    }

    async fn purge(&self) -> Result<u64, Failure> {
        each!(self, store => store.purge_expired().await).map_err(failure)
    }

    async fn rotate(&self, progress: impl FnMut(&Rotation) + Send) -> Result<Rotation, Failure> {
        each!(self, store => store.rotate(progress).await).map_err(failure)
    }
}

fn failure(error: StoreError) -> Failure {
    let code = match error.kind() {
        StoreErrorKind::Unavailable => Code::Unreachable,
        StoreErrorKind::Misconfigured | StoreErrorKind::NotSetUp => Code::Usage,
        StoreErrorKind::UnknownSealingKey => Code::Credentials,
        _ => Code::Service,
    };
    Failure::new(code, error.to_string(), error.remedy())
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
        Some(path) => SealingKeys::from_file(path),
        None if std::env::var_os(KEYS).is_some() => SealingKeys::from_env(KEYS),
        None => {
            return Err(Failure::new(
                Code::Credentials,
                "there are no sealing keys",
                "use --store-keys PATH or set HUMANAPI_STORE_KEYS; `humanapi store init --new-keys` makes a file of them",
            ));
        }
    }
    .map_err(|error| Failure::new(Code::Credentials, error.to_string(), error.remedy()))
}

async fn init(place: &StorePlace, new_keys: bool) -> Result<(), Failure> {
    if new_keys {
        let path = key_file(place)?;
        let keys = SealingKeys::generate("first").map_err(failure)?;
        write_new(path, keys.to_text().expose_secret())?;
    }
    Store::open(place).await?.init().await?;
    let mut out = anstream::stdout().lock();
    writeln!(out, "The store is set up.")?;
    if let (true, Some(path)) = (new_keys, &place.keys) {
        writeln!(
            out,
            "Its keys are in {}: give all processes the same, and keep a copy. Without them no token can be read.",
            output::plain(&path.display().to_string())
        )?;
    }
    Ok(())
}

fn key_file(place: &StorePlace) -> Result<&Path, Failure> {
    place.keys.as_deref().ok_or_else(|| {
        Failure::new(
            Code::Usage,
            "no file of keys is named",
            "say where with --store-keys PATH",
        )
    })
}

/// Makes a file that its owner alone can read. One that is there already stays.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
    });
    written.map_err(|error| cannot("write", path, &error))
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Code::Machine,
        format!(
            "cannot {what} {}: {}",
            path.display(),
            exit::system_text(error)
        ),
        "check the path and its permissions; a file of keys that is there is never overwritten by new ones",
    )
}

async fn rotate(args: &RotateArgs) -> Result<(), Failure> {
    if let Some(id) = &args.add {
        change_keys(&args.place, |text| with_key(text, id))?;
        return say(&format!(
            "Key {id} can read now. Give the file to all processes, then run `humanapi store rotate-key --promote {id}`."
        ));
    }
    if let Some(id) = &args.promote {
        change_keys(&args.place, |text| with_first(text, id))?;
        return say(&format!(
            "Key {id} writes now. Give the file to all processes, then run `humanapi store rotate-key`."
        ));
    }
    let store = Store::open(&args.place).await?;
    let todo = store.status().await?.tokens_to_rotate();
    let shows = io::stderr().is_terminal();
    let rotation = store
        .rotate(|so_far| {
            if shows {
                anstream::eprint!("\r{} of {todo} tokens sealed anew", so_far.resealed);
            }
        })
        .await?;
    if shows && todo > 0 {
        anstream::eprintln!();
    }
    let line = Rotated {
        resealed: rotation.resealed,
        replaced_meanwhile: rotation.replaced_meanwhile,
        unreadable: rotation.unreadable,
    };
    print(args.output.json, args.output.table, &line, |line| {
        let mut table = one_row("sealed anew", &line.resealed.to_string());
        table.add_row(["replaced meanwhile", &line.replaced_meanwhile.to_string()]);
        table.add_row(["unreadable", &line.unreadable.to_string()]);
        table
    })
}

/// Rewrites the file of keys, all or nothing.
fn change_keys(
    place: &StorePlace,
    change: impl FnOnce(&str) -> Result<Zeroizing<String>, Failure>,
) -> Result<(), Failure> {
    let path = key_file(place)?;
    // Reads them first: what is no file of keys is not rewritten.
    keys(place)?;
    let text = fs::read_to_string(path).map_err(|error| cannot("read", path, &error))?;
    let text = change(&Zeroizing::new(text))?;
    SealingKeys::parse(&text).map_err(failure)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    write_new(Path::new(&beside), &text)?;
    fs::rename(&beside, path).map_err(|error| cannot("replace", path, &error))
}

fn id_of(line: &str) -> Option<&str> {
    let (id, _) = line.trim().split_once(':')?;
    (!id.starts_with('#')).then_some(id)
}

/// The same keys and one more, below those that are there.
fn with_key(text: &str, id: &str) -> Result<Zeroizing<String>, Failure> {
    let fresh = SealingKeys::generate(id).map_err(failure)?.to_text();
    let line = (fresh.expose_secret().lines()).find(|line| id_of(line) == Some(id));
    let line = line.ok_or_else(|| unknown(id))?;
    Ok(Zeroizing::new(format!("{}\n{line}\n", text.trim_end())))
}

/// The same keys, with this one before all others that seal.
fn with_first(text: &str, id: &str) -> Result<Zeroizing<String>, Failure> {
    let mut lines: Vec<&str> = text.lines().collect();
    let from = lines.iter().position(|line| id_of(line) == Some(id));
    let to = lines
        .iter()
        .position(|line| id_of(line).is_some_and(|id| id != "naming"));
    let (Some(from), Some(to)) = (from, to) else {
        return Err(unknown(id));
    };
    let line = lines.remove(from);
    lines.insert(to, line);
    let mut text = Zeroizing::new(lines.join("\n"));
    text.push('\n');
    Ok(text)
}

fn unknown(id: &str) -> Failure {
    Failure::new(
        Code::Usage,
        format!(
            "there is no key {} in the file, one on each line",
            output::plain(id)
        ),
        "add it first, with `humanapi store rotate-key --add ID`",
    )
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(anstream::stdout().lock(), "{text}")?;
    Ok(())
}

/// Prints JSON or a table, as the other verbs do.
fn print<T: Serialize>(
    json: bool,
    wants_table: bool,
    line: &T,
    table: impl FnOnce(&T) -> Table,
) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    if json || !(wants_table || io::stdout().is_terminal()) {
        serde_json::to_writer(&mut out, line).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", table(line))?;
    }
    out.flush()?;
    Ok(())
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
    latency_micros: u64,
}

/// What `store purge` prints as JSON.
#[derive(Serialize)]
struct Purged {
    purged: u64,
}

/// What `store rotate-key` prints as JSON.
#[derive(Serialize)]
struct Rotated {
    resealed: u64,
    replaced_meanwhile: u64,
    unreadable: u64,
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
    table.add_row(["schema", &format!("version {}", line.schema_version)]);
    table.add_row(["one question takes", &format!("{:.1?}", status.latency)]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_reads_first_and_writes_when_it_is_promoted() {
        let text = SealingKeys::generate("first").unwrap().to_text();
        let added = with_key(text.expose_secret(), "second").unwrap();
        let keys = SealingKeys::parse(&added).unwrap();
        assert_eq!(keys.ids().collect::<Vec<_>>(), ["first", "second"]);
        let promoted = with_first(&added, "second").unwrap();
        let keys = SealingKeys::parse(&promoted).unwrap();
        assert_eq!(keys.ids().collect::<Vec<_>>(), ["second", "first"]);
        assert!(with_first(&promoted, "third").is_err());
    }
}
