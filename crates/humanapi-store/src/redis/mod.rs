//! Tokens in a Redis server that a fleet shares.

mod connection;
mod errors;
mod journal;
mod scripts;

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};
use redis::{ConnectionAddr, IntoConnectionInfo as _, RedisResult, Value};

use self::connection::{Question, Server};
use self::errors::{command, known, said};
use self::scripts::Scripts;
use crate::backend::{Backend, Limits};
use crate::journal_rows::JournalRows;
use crate::keys::SealingKeys;
use crate::rows::{Batch, Mark, RowName, Sealed, Survey, unreadable};
use crate::seal::millis;
use crate::store::Store;

/// Keeps tokens in a Redis server, version 6.2 or later, or in Valkey, for a fleet.
///
/// Its clock is the server's. It sets itself up with its first use, so that a server that lost all it
/// had is no reason to fail; and each row goes by itself once it is spent, so a purge finds nothing.
///
/// A journal of orders in it is another matter: it has to be [set up](Store::init), no row of it ends, and it takes
/// nothing unless the server puts each write onto its disk before it answers, drops no key for want of memory and, where
/// it has replicas, waits for them. A server that lost its data is told as one that was never set up.
///
/// One server that takes writes, whichever that is at the moment: behind an address that a failover moves, a
/// connection to what became a replica is given up with the first answer that says so. Sentinel and Cluster are not
/// supported.
pub type RedisStore = Store<RedisRows>;

impl RedisStore {
    /// A store in the server of this address: `redis://…`, or `rediss://…` for TLS. It is connected to
    /// with the first operation.
    ///
    /// TLS is rustls with ring, and trusts whom the platform trusts.
    ///
    /// # Errors
    ///
    /// When the address is not one, or asks for TLS without a check of the certificate. The message does not repeat it, because it can hold a password.
    pub async fn connect(url: &str, keys: SealingKeys) -> Result<Self, StoreError> {
        Ok(Self::new(RedisRows::new(url)?, keys))
    }
}

/// A Redis server with rows.
pub struct RedisRows {
    server: Server,
    /// The same server, over a connection on which a journal waits for replicas and keeps nobody else waiting.
    journal: Server,
    scripts: Scripts,
    limits: Limits,
}

const SCHEMA_VERSION: u32 = 1;
/// What the key of a token's row begins with.
const ROW: &str = "humanapi:row:";
const MARK: &str = "humanapi:mark";
/// The mark is renewed whenever a process starts: 400 days.
const MARK_LIFE: u64 = 400 * 86_400_000;
/// The version and the mark. One byte more is fetched, so that a longer one is told from ours.
const MARK_LENGTH: usize = 1 + 32;
/// Keys that one step of a survey looks at.
const STEP: u32 = 500;

const PROBE_KEY: &str = "humanapi:probe";

/// Fields of a row, as the server holds them.
type Fields = Vec<Option<Vec<u8>>>;

impl RedisRows {
    fn new(url: &str) -> Result<Self, StoreError> {
        let wrong = |_| {
            let message = "the address of the Redis store is not `redis://…` or `rediss://…`";
            StoreError::new(StoreErrorKind::Misconfigured, message)
        };
        let server = url.into_connection_info().map_err(wrong)?;
        if matches!(server.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            let message = "the address of the Redis store asks for TLS that trusts anybody: take `#insecure` out";
            return Err(StoreError::new(StoreErrorKind::Misconfigured, message));
        }
        Ok(Self {
            journal: Server::new(server.clone()),
            server: Server::new(server),
            scripts: Scripts::new(),
            limits: Limits::default(),
        })
    }

    /// The answers to a few commands. Each is by itself, because no transaction is needed; the first that failed tells
    /// what is wrong.
    async fn each(&self, commands: &mut redis::Pipeline) -> Result<Vec<Value>, StoreError> {
        let mut using = self.server.tested().await?;
        let answers: RedisResult<Vec<RedisResult<Value>>> =
            commands.ignore_errors().query_async(&mut using.open).await;
        using.settle(answers.and_then(|answers| answers.into_iter().collect()))
    }

    /// The names of some rows, each once, and where those after them begin. A name may be among more than one of them.
    async fn scan(
        &self,
        kind: &str,
        cursor: u64,
        count: u32,
    ) -> Result<(u64, BTreeSet<RowName>), StoreError> {
        // Names of ours alone: others may be of any length.
        let pattern = format!("{kind}{{{}}}", "?".repeat(64));
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor)
            .arg("MATCH")
            .arg(pattern)
            .arg("COUNT")
            .arg(count);
        let (next, keys): (u64, Vec<String>) = self.server.read(Question::Command(&scan)).await?;
        let names = keys.iter().filter_map(|key| name(kind, key));
        Ok((next, names.collect()))
    }

    /// What these rows say of themselves.
    async fn look(&self, names: &[&RowName]) -> Result<Vec<Looks>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut look = self.scripts.look.prepare_invoke();
        for name in names {
            look.key(key(name));
        }
        let rows: Vec<Fields> = self.server.read(Question::Script(&look)).await?;
        if rows.len() != names.len() {
            return Err(unreadable());
        }
        let rows = rows.into_iter().map(|row| {
            let [fence, lease, expires, key_id] = row.try_into().map_err(|_| unreadable())?;
            // What is no number has ended.
            let number = |field: Option<Vec<u8>>| field.and_then(|field| number(&field).ok());
            Ok(Looks {
                is_there: fence.is_some(),
                lease: number(lease),
                expires: number(expires),
                key_id: key_id.map(|key_id| String::from_utf8_lossy(&key_id).into_owned()),
            })
        });
        rows.collect()
    }
}

/// A row without its token.
struct Looks {
    /// One that went since it was found is not.
    is_there: bool,
    /// When its lease ends.
    lease: Option<u64>,
    /// When its token ends.
    expires: Option<u64>,
    /// Which key sealed its token, if it has one.
    key_id: Option<String>,
}

/// The rows that a survey has counted: a server that moves its keys about names some of them twice.
///
/// It remembers half a million, by 8 of their bytes, which takes a few megabytes, and forgets them all when there are
/// more. A row that is named again after that is counted again.
#[derive(Default)]
struct Counted(HashSet<u64>);

impl Counted {
    const ROOM: usize = 500_000;

    /// Whether it was not counted yet.
    fn is_new(&mut self, name: &RowName) -> bool {
        if self.0.len() >= Self::ROOM {
            self.0.clear();
        }
        let (first, _) = name.as_bytes().split_first_chunk().expect("a name has 32");
        self.0.insert(u64::from_le_bytes(*first))
    }
}

impl fmt::Debug for RedisRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRows").finish_non_exhaustive()
    }
}

/// What a script found that tries what it may: nothing, or a command and how it failed.
fn probed(refused: &[Vec<u8>]) -> Result<(), StoreError> {
    match refused {
        [] => Ok(()),
        [step, error, ..] => {
            let error = String::from_utf8_lossy(error);
            let (code, detail) = error.split_once(' ').unwrap_or((&*error, ""));
            let step = String::from_utf8_lossy(step);
            Err(said(known(code, detail), detail, command(&step)))
        }
        [_] => Err(unreadable()),
    }
}

/// The version and our mark, as they are kept.
fn marked(mark: &Mark) -> Vec<u8> {
    let mut ours = vec![SCHEMA_VERSION as u8];
    ours.extend_from_slice(mark.as_bytes());
    ours
}

/// Compares our mark with what the server keeps.
fn compare(kept: Option<&Value>, mark: &Mark) -> Result<(), StoreError> {
    let kept = match kept {
        Some(Value::BulkString(kept)) => kept.split_first(),
        _ => None,
    };
    match kept {
        Some((&version, kept)) if u32::from(version) == SCHEMA_VERSION => mark.compare(kept),
        _ => Err(StoreError::new(
            StoreErrorKind::NotSetUp,
            "the Redis server holds the rows of another version",
        )),
    }
}

/// Where a row lies. All that would ever lie beside it is found by the part in braces.
fn key(name: &RowName) -> String {
    format!("{ROW}{{{name}}}")
}

/// The name of the row at a key of this kind.
fn name(kind: &str, key: &str) -> Option<RowName> {
    let name = key.strip_prefix(kind)?;
    of_digits(name.strip_prefix('{')?.strip_suffix('}')?)
}

fn of_digits(digits: &str) -> Option<RowName> {
    let digits: &[u8; 64] = digits.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(RowName::new(bytes))
}

fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable())?;
    text.parse().map_err(|_| unreadable())
}

/// The token of these fields – generation, end, key, sealed bytes –, which are all there or none.
fn token(fields: Fields) -> Result<Option<RowToken<Sealed>>, StoreError> {
    let Ok([generation, expires_at, key_id, sealed]) = <[_; 4]>::try_from(fields) else {
        return Err(unreadable());
    };
    let (Some(generation), Some(expires_at), Some(key_id), Some(sealed)) =
        (generation, expires_at, key_id, sealed)
    else {
        return Ok(None);
    };
    let key_id = String::from_utf8(key_id).map_err(|_| unreadable())?;
    Ok(Some(RowToken {
        generation: Generation::new(number(&generation)?),
        expires_at: number(&expires_at)?,
        payload: Sealed::read(key_id, sealed)?,
    }))
}

/// Where a batch begins, by what the batch before told.
fn cursor(from: Option<&[u8]>) -> Result<u64, StoreError> {
    let cursor = from.map(|from| std::str::from_utf8(from).ok()?.parse().ok());
    cursor.unwrap_or(Some(0)).ok_or_else(unreadable)
}

/// Where the next batch begins, as a batch tells it; a scan that is back where it began is over.
fn begins_at(cursor: u64) -> Option<Vec<u8>> {
    (cursor != 0).then(|| cursor.to_string().into_bytes())
}

#[async_trait]
impl Backend for RedisRows {
    fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.server.set_silence(limits.silence());
        // It is silent while it waits for replicas.
        self.journal.set_silence(limits.row);
    }

    fn journal(&self) -> Option<&dyn JournalRows> {
        Some(self)
    }

    async fn init(&self, mark: &Mark) -> Result<(), StoreError> {
        self.check(mark).await?;
        self.mark_orders(mark).await
    }

    async fn check(&self, mark: &Mark) -> Result<(), StoreError> {
        // The mark comes last: whoever is told that this failed, because a permission is missing, has marked nothing.
        let answers = self
            .each(
                redis::pipe()
                    .cmd("GETRANGE")
                    .arg(MARK)
                    .arg(0)
                    .arg(MARK_LENGTH)
                    .cmd("PEXPIRE")
                    .arg(MARK)
                    .arg(MARK_LIFE),
            )
            .await?;
        if !matches!(answers.first(), Some(Value::BulkString(none)) if none.is_empty()) {
            compare(answers.first(), mark)?;
        }
        let refused: Vec<Vec<u8>> = self
            .server
            .invoke(self.scripts.probe.prepare_invoke().key(PROBE_KEY))
            .await?;
        probed(&refused)?;
        let answers = self
            .each(
                redis::pipe()
                    .cmd("SET")
                    .arg(MARK)
                    .arg(marked(mark))
                    .arg("NX")
                    .arg("PX")
                    .arg(MARK_LIFE)
                    .cmd("GETRANGE")
                    .arg(MARK)
                    .arg(0)
                    .arg(MARK_LENGTH),
            )
            .await?;
        compare(answers.get(1), mark)
    }

    /// One round trip. Only where the connection turns out to be broken, another over one that is not.
    async fn load(&self, name: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        let load = self.scripts.load.key(key(name));
        token(self.server.read(Question::Script(&load)).await?)
    }

    async fn acquire(
        &self,
        name: &RowName,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<RowToken<Sealed>>, StoreError> {
        let known = known.map_or_else(|| "-1".to_owned(), |known| known.number().to_string());
        let mut acquire = self.scripts.acquire.key(key(name));
        let answer: Vec<Vec<u8>> = self
            .server
            .invoke(acquire.arg(millis(ttl)).arg(known))
            .await?;
        match answer.as_slice() {
            [won, fence] if won == b"won" => Ok(Acquired::Won(Lease::new(number(fence)?))),
            [held, remaining] if held == b"held" => {
                let remaining = Duration::from_millis(number(remaining)?);
                Ok(Acquired::Held { remaining })
            }
            [newer, fields @ ..] if newer == b"newer" => {
                let fields = fields.iter().cloned().map(Some).collect();
                token(fields)?.map(Acquired::Newer).ok_or_else(unreadable)
            }
            _ => Err(unreadable()),
        }
    }

    async fn commit(
        &self,
        name: &RowName,
        lease: Lease,
        expires_at: u64,
        sealed: &Sealed,
    ) -> Result<Commit, StoreError> {
        let mut commit = self.scripts.commit.key(key(name));
        commit
            .arg(lease.fence())
            .arg(expires_at)
            .arg(&*sealed.key_id)
            .arg(&sealed.bytes[..]);
        let done: bool = self.server.invoke(&commit).await?;
        Ok(if done { Commit::Done } else { Commit::Fenced })
    }

    async fn release(&self, name: &RowName, lease: Lease) -> Result<(), StoreError> {
        let mut release = self.scripts.release.key(key(name));
        self.server.invoke(release.arg(lease.fence())).await
    }

    async fn invalidate(&self, name: &RowName, generation: Generation) -> Result<(), StoreError> {
        let mut invalidate = self.scripts.invalidate.key(key(name));
        self.server
            .invoke(invalidate.arg(generation.number()))
            .await
    }

    /// Nothing is left to do: each row goes by itself once it is spent.
    async fn purge(&self, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        let time = redis::cmd("TIME");
        let (seconds, micros): (u64, u64) = self.server.read(Question::Command(&time)).await?;
        let now = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
        let lives = |ends: Option<u64>| ends.is_some_and(|ends| ends > now);
        let mut survey = Survey {
            schema_version: SCHEMA_VERSION,
            ..Survey::default()
        };
        let mut counted = Counted::default();
        let mut cursor = 0;
        loop {
            let (next, names) = self.scan(ROW, cursor, STEP).await?;
            let new: Vec<&RowName> = names.iter().filter(|name| counted.is_new(name)).collect();
            for row in self.look(&new).await? {
                survey.rows += u64::from(row.is_there);
                survey.running_leases += u64::from(lives(row.lease));
                if let Some(key_id) = row.key_id {
                    let lives = lives(row.expires);
                    survey.live_tokens += u64::from(lives);
                    survey.ended_tokens += u64::from(!lives);
                    survey.count_tokens(&key_id, 1);
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(survey);
            }
        }
    }

    async fn sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        let from = cursor(from)?;
        let (next, names) = self.scan(ROW, from, limit).await?;
        let names: Vec<&RowName> = names.iter().collect();
        let rows = self.look(&names).await?;
        let otherwise = |row: &Looks| row.key_id.as_deref().is_some_and(|id| id != key_id);
        let names = names.into_iter().zip(rows);
        let names = names.filter_map(|(name, row)| otherwise(&row).then_some(*name));
        Ok(Batch {
            names: names.collect(),
            next: begins_at(next),
        })
    }

    async fn reseal(
        &self,
        name: &RowName,
        read: &RowToken<Sealed>,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let mut reseal = self.scripts.reseal.key(key(name));
        reseal
            .arg(read.generation.number())
            .arg(&*read.payload.key_id)
            .arg(&read.payload.bytes[..])
            .arg(&*anew.key_id)
            .arg(&anew.bytes[..]);
        self.server.invoke(&reseal).await
    }
}
