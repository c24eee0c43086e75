//! Times a load through each store beside the same question to the same database with the bare driver, in turns.
//!
//! What comes on top is the name of the row, the seal, the time limit and the care for the connection.

use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use humanapi_benchkit::median;
use humanapi_store::client::TokenStore;
use humanapi_store::core::broker::{Acquired, KeptToken};
use humanapi_store::core::{ClientId, ClientUserId, Expiry, Generation, TokenKey, TokenKind};
use humanapi_store::{MemoryStore, PostgresStore, RedisStore, SealingKeys, SqliteStore};
use humanapi_testkit::servers::{PostgresServer, RedisServer};
use redis::aio::MultiplexedConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

const TOKENS: u32 = 1_000;
/// Many short rounds, so that a neighbour on the machine disturbs few of them.
const ROUNDS: u32 = 200;
/// Loads of each contender in one of them.
const LOADS: u32 = 20;
const LIFE: Duration = Duration::from_secs(86_400);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let keys = SealingKeys::generate("first")?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "a load in sequence, median of {ROUNDS} rounds: store, bare driver, the median of their ratios"
    )?;

    let store = MemoryStore::in_memory(keys.clone());
    compare::<PgConnection>(&mut out, "memory", &store, None).await?;

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tokens.sqlite");
    let store = SqliteStore::open(&path, keys.clone()).await;
    store.init().await?;
    let bare = SqliteConnectOptions::new()
        .filename(&path)
        .connect()
        .await?;
    compare(&mut out, "SQLite", &store, Some(bare)).await?;

    if let Some(server) = PostgresServer::start("stores: PostgreSQL") {
        let store = PostgresStore::connect(&server.url(), keys.clone()).await?;
        store.init().await?;
        let bare = PgConnection::connect(&server.url()).await?;
        compare(&mut out, "PostgreSQL", &store, Some(bare)).await?;
    }
    if let Some(server) = RedisServer::start("stores: Redis") {
        let store = RedisStore::connect(&server.url(), keys).await?;
        store.init().await?;
        let client = redis::Client::open(server.url())?;
        let bare = client.get_multiplexed_async_connection().await?;
        compare(&mut out, "Redis", &store, Some(bare)).await?;
    }
    Ok(())
}

/// A connection to the database, by the driver that the store uses.
trait Bare {
    /// The names of the rows with tokens.
    async fn names(&mut self) -> anyhow::Result<Vec<Vec<u8>>>;

    /// Whether there is a token in a row, all of which is fetched.
    async fn load(&mut self, name: &[u8]) -> anyhow::Result<bool>;
}

const NAMES: &str = "SELECT row_name FROM humanapi_rows";

type Columns = (i64, i64, String, Vec<u8>);

impl Bare for SqliteConnection {
    async fn names(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        Ok(sqlx::query_scalar(NAMES).fetch_all(self).await?)
    }

    async fn load(&mut self, name: &[u8]) -> anyhow::Result<bool> {
        const LOAD: &str = "
            SELECT generation, expires_at, sealed_with, sealed FROM humanapi_rows
            WHERE row_name = ?1 AND sealed IS NOT NULL";
        let query = sqlx::query_as::<_, Columns>(LOAD).bind(name);
        Ok(query.fetch_optional(self).await?.is_some())
    }
}

impl Bare for PgConnection {
    async fn names(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        Ok(sqlx::query_scalar(NAMES).fetch_all(self).await?)
    }

    async fn load(&mut self, name: &[u8]) -> anyhow::Result<bool> {
        const LOAD: &str = "
            SELECT generation, expires_at, sealed_with, sealed FROM humanapi_rows
            WHERE row_name = $1 AND sealed IS NOT NULL";
        let query = sqlx::query_as::<_, Columns>(LOAD).bind(name);
        Ok(query.fetch_optional(self).await?.is_some())
    }
}

impl Bare for MultiplexedConnection {
    async fn names(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut keys = redis::cmd("KEYS");
        Ok(keys.arg("humanapi:row:*").query_async(self).await?)
    }

    async fn load(&mut self, name: &[u8]) -> anyhow::Result<bool> {
        type Fields = (Option<u64>, Option<u64>, Option<String>, Option<Vec<u8>>);
        let (.., sealed): Fields = redis::cmd("HMGET")
            .arg(name)
            .arg(&["generation", "expires", "key", "sealed"])
            .query_async(self)
            .await?;
        Ok(sealed.is_some())
    }
}

/// Fills the store, and times hits and misses through it and past it.
async fn compare<B: Bare>(
    out: &mut impl Write,
    name: &str,
    store: &dyn TokenStore,
    mut bare: Option<B>,
) -> anyhow::Result<()> {
    let keys = (0..TOKENS).map(key).collect::<Result<Vec<_>, _>>()?;
    for key in &keys {
        keep(store, key).await?;
    }
    let rows = match &mut bare {
        Some(bare) => bare.names().await?,
        None => Vec::new(),
    };
    anyhow::ensure!(
        bare.is_none() || rows.len() == TOKENS as usize,
        "not all are there"
    );
    for (case, found) in [("hit", true), ("miss", false)] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Nobody always comes first.
            for turn in [round, round + 1] {
                let places = (0..LOADS).map(|load| (round * LOADS + load) % TOKENS);
                let begun = Instant::now();
                if turn % 2 == 0 {
                    for place in places {
                        let absent = key(TOKENS + place)?;
                        let key = if found {
                            &keys[place as usize]
                        } else {
                            &absent
                        };
                        let token = store.load(key).await?;
                        anyhow::ensure!(token.is_some() == found, "{name}: no {case}");
                    }
                    ours.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(LOADS));
                } else if let Some(bare) = &mut bare {
                    for place in places {
                        let mut row = rows[place as usize].clone();
                        if !found && let Some(last) = row.last_mut() {
                            *last ^= 1;
                        }
                        let there = bare.load(&row).await?;
                        anyhow::ensure!(there == found, "bare {name}: no {case}");
                    }
                    theirs.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(LOADS));
                }
            }
        }
        let time = median(ours.iter().copied());
        write!(out, "{name:<12} {case:<5} {time:>8.1} µs")?;
        if bare.is_some() {
            let bare = median(theirs.iter().copied());
            let ratio = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs));
            write!(out, " {bare:>8.1} µs {ratio:>6.2} ×")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn key(number: u32) -> anyhow::Result<TokenKey> {
    let user = ClientUserId::new(format!("patient-{number:07}"))?;
    Ok(TokenKey::access(ClientId::new("app")?, user))
}

async fn keep(store: &dyn TokenStore, key: &TokenKey) -> anyhow::Result<()> {
    let Acquired::Won(lease) = store.acquire(key, LIFE, None).await? else {
        anyhow::bail!("another has the lease");
    };
    let ends = Expiry::at(SystemTime::now() + LIFE);
    let secret = "fYx0n3vQe1RmZ8tKc5LdWj7hUa2oSbPiG4kN6wXqT9M";
    let token = KeptToken::new(TokenKind::Access, secret, Generation::new(0), ends, LIFE);
    store.commit(key, lease, &token).await?;
    store.load(key).await?.context("it is kept")?;
    Ok(())
}
