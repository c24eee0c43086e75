//! Tokens in a Redis server that a fleet shares.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, RedisError,
    RedisResult, Script, ServerErrorKind,
};
use tokio::sync::Mutex;

use crate::backend::{Backend, Batch, Mark, RowName, Sealed, Survey};
use crate::keys::SealingKeys;
use crate::seal::millis;
use crate::store::Store;

/// Keeps tokens in a Redis server, version 6.2 or later, or in Valkey, for a fleet.
///
/// Its clock is the server's. It sets itself up with its first use, so that a server that lost all it
/// had is no reason to fail; and each row goes by itself once it is spent, so a purge finds nothing.
pub type RedisStore = Store<RedisRows>;

impl RedisStore {
    /// A store in the server of this address: `redis://…`, or `rediss://…` for TLS. It is connected to
    /// with the first operation.
    ///
    /// With TLS, and where the process has installed no crypto provider for rustls, ring is installed.
    ///
    /// # Errors
    ///
    /// When the address is not one. The message does not repeat it, because it can hold a password.
    pub async fn connect(url: &str, keys: SealingKeys) -> Result<Self, StoreError> {
        Ok(Self::new(RedisRows::new(url)?, keys))
    }
}

/// A Redis server with rows.
pub struct RedisRows {
    client: Client,
    /// All operations share it: it takes questions without waiting for the answers to earlier ones.
    connection: Mutex<Connection>,
    /// The number of the last connection that is not to be used any more.
    doubted: AtomicU64,
    scripts: Scripts,
}

const SCHEMA_VERSION: u32 = 1;
const MARK: &str = "humanapi:mark";
/// The mark is renewed whenever a process starts: 400 days.
const MARK_LIFE: u64 = 400 * 86_400_000;
/// Keys that one step of a survey looks at.
const STEP: u32 = 500;

// A row is a hash of strings: fence, lease (its end), generation, expires, key, sealed. All that concerns
// it happens in one script on one key, so it is undivided. Lua counts in floating point, which is exact for
// the numbers here; they are written without an exponent.
macro_rules! script {
    ($($body:expr),+) => {
        concat!(
            "local time = redis.call('TIME')
            local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
            local now = math.floor(micros / 1000)
            local function whole(number) return string.format('%.0f', number) end
            local function get(field) return redis.call('HGET', KEYS[1], field) end
            local function number(field) return tonumber(get(field) or '0') end
            -- A row goes once no token in it lives, no lease on it runs, and a fence that is made anew
            -- is higher than its last.
            local function keep()
                local ends = math.floor(number('fence') / 1000) + 1
                ends = math.max(ends, number('lease'), number('expires'))
                redis.call('PEXPIREAT', KEYS[1], whole(ends))
            end
            ",
            $($body),+
        )
    };
}

const ACQUIRE: &str = script!(
    "local expires = number('expires')
    if get('sealed') and expires > now and number('generation') > tonumber(ARGV[2]) then
        return {'newer', get('generation'), get('expires'), get('key'), get('sealed')}
    end
    local lease = number('lease')
    if lease > now then
        return {'held', whole(lease - now)}
    end
    local fence = whole(math.max(number('fence') + 1, micros))
    redis.call('HSET', KEYS[1], 'fence', fence, 'lease', whole(now + tonumber(ARGV[1])))
    keep()
    return {'won', fence}"
);

const COMMIT: &str = script!(
    "if get('fence') ~= ARGV[1] or number('lease') <= now then
        return 0
    end
    redis.call('HSET', KEYS[1], 'lease', '0', 'generation', ARGV[1],
        'expires', ARGV[2], 'key', ARGV[3], 'sealed', ARGV[4])
    keep()
    return 1"
);

const RELEASE: &str = script!(
    "if get('fence') == ARGV[1] then
        redis.call('HSET', KEYS[1], 'lease', '0')
        keep()
    end
    return 0"
);

const INVALIDATE: &str = script!(
    "if get('fence') == ARGV[1] then
        redis.call('HSET', KEYS[1], 'lease', '0')
        keep()
    end
    if get('sealed') and number('generation') <= tonumber(ARGV[1]) then
        redis.call('HDEL', KEYS[1], 'generation', 'expires', 'key', 'sealed')
        keep()
    end
    return 0"
);

const RESEAL: &str = script!(
    "if get('generation') ~= ARGV[1] or get('key') ~= ARGV[2] or get('sealed') ~= ARGV[3] then
        return 0
    end
    redis.call('HSET', KEYS[1], 'key', ARGV[4], 'sealed', ARGV[5])
    return 1"
);

#[derive(Default)]
struct Connection {
    /// Its number, counted from 1.
    number: u64,
    open: Option<MultiplexedConnection>,
}

/// The connection, in use by one operation. Unless that [settles](Self::settle) it, nobody uses it again: what was
/// broken off may have waited for a server that is gone.
struct Using<'a> {
    open: MultiplexedConnection,
    number: u64,
    settled: bool,
    doubted: &'a AtomicU64,
}

impl Using<'_> {
    /// Ends the use of the connection with what came back.
    fn settle<T>(mut self, answer: RedisResult<T>) -> Result<T, StoreError> {
        self.settled = !answer.as_ref().is_err_and(is_broken);
        answer.map_err(failed)
    }
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.doubted.fetch_max(self.number, Ordering::Relaxed);
        }
    }
}

struct Scripts {
    acquire: Script,
    commit: Script,
    release: Script,
    invalidate: Script,
    reseal: Script,
}

/// Generation, end, id of the sealing key, sealed bytes: all or none are there.
type TokenFields = (Option<u64>, Option<u64>, Option<String>, Option<Vec<u8>>);

impl RedisRows {
    fn new(url: &str) -> Result<Self, StoreError> {
        let wrong = |_| {
            let message = "the address of the Redis store is not `redis://…` or `rediss://…`";
            StoreError::new(StoreErrorKind::Misconfigured, message)
        };
        let info = url.into_connection_info().map_err(wrong)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. })
            && rustls::crypto::CryptoProvider::get_default().is_none()
        {
            // Somebody else may be faster, and theirs does as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = Client::open(info).map_err(wrong)?;
        Ok(Self {
            client,
            connection: Mutex::default(),
            doubted: AtomicU64::new(0),
            scripts: Scripts {
                acquire: Script::new(ACQUIRE),
                commit: Script::new(COMMIT),
                release: Script::new(RELEASE),
                invalidate: Script::new(INVALIDATE),
                reseal: Script::new(RESEAL),
            },
        })
    }

    /// The connection as it was left, or a new one where there is none.
    async fn any(&self) -> Result<Using<'_>, StoreError> {
        // One at a time connects, and the others then find it done.
        let mut kept = self.connection.lock().await;
        let doubted = self.doubted.load(Ordering::Relaxed) >= kept.number;
        let open = match &kept.open {
            Some(open) if !doubted => open.clone(),
            _ => {
                let open = self.connect().await.map_err(failed)?;
                kept.number += 1;
                kept.open.insert(open).clone()
            }
        };
        Ok(Using {
            open,
            number: kept.number,
            settled: false,
            doubted: &self.doubted,
        })
    }

    /// A connection that worked a moment ago: the one that was left may be to a server that has been
    /// started again since.
    async fn tested(&self) -> Result<Using<'_>, StoreError> {
        let mut using = self.any().await?;
        let answer: RedisResult<()> = redis::cmd("PING").query_async(&mut using.open).await;
        match answer {
            Ok(()) => Ok(using),
            Err(error) if is_broken(&error) => {
                drop(using);
                self.any().await
            }
            Err(error) => using.settle(Err(error)),
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            // The store has a timeout for all of an operation.
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(1_024);
        let connect = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        connect.await
    }

    async fn fields(
        connection: &mut MultiplexedConnection,
        name: &RowName,
    ) -> RedisResult<TokenFields> {
        redis::cmd("HMGET")
            .arg(key(name))
            .arg(&["generation", "expires", "key", "sealed"])
            .query_async(connection)
            .await
    }

    /// The next keys of rows, and where those after them begin. A key may come more than once.
    async fn scan(&self, cursor: u64, count: u32) -> Result<(u64, Vec<String>), StoreError> {
        let mut using = self.tested().await?;
        let answer = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg("humanapi:row:*")
            .arg("COUNT")
            .arg(count)
            .query_async(&mut using.open)
            .await;
        using.settle(answer)
    }
}

impl fmt::Debug for RedisRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRows").finish_non_exhaustive()
    }
}

/// Whether the connection is of no use any more. One that does not answer may be to a machine that is gone.
fn is_broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

/// Where a row lies. All that would ever lie beside it is found by the part in braces.
fn key(name: &RowName) -> String {
    format!("humanapi:row:{{{name}}}")
}

/// The name of the row at a key.
fn name(key: &str) -> Option<RowName> {
    let digits = key.strip_prefix("humanapi:row:{")?.strip_suffix('}')?;
    let digits: &[u8; 64] = digits.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(RowName::new(bytes))
}

fn token(fields: TokenFields) -> Option<RowToken<Sealed>> {
    let (Some(generation), Some(expires_at), Some(key_id), Some(bytes)) = fields else {
        return None;
    };
    Some(RowToken {
        generation: Generation::new(generation),
        expires_at,
        payload: Sealed {
            key_id: key_id.into(),
            bytes,
        },
    })
}

#[async_trait]
impl Backend for RedisRows {
    async fn init(&self, mark: &Mark) -> Result<(), StoreError> {
        self.check(mark).await
    }

    async fn check(&self, mark: &Mark) -> Result<(), StoreError> {
        let mut ours = vec![SCHEMA_VERSION as u8];
        ours.extend_from_slice(mark.as_bytes());
        let mut using = self.tested().await?;
        let answer = redis::pipe()
            .atomic()
            .cmd("SET")
            .arg(MARK)
            .arg(ours)
            .arg("NX")
            .arg("PX")
            .arg(MARK_LIFE)
            .ignore()
            .cmd("GET")
            .arg(MARK)
            .cmd("PEXPIRE")
            .arg(MARK)
            .arg(MARK_LIFE)
            .ignore()
            .query_async(&mut using.open)
            .await;
        let (kept,): (Vec<u8>,) = using.settle(answer)?;
        match kept.split_first() {
            Some((&version, kept)) if u32::from(version) == SCHEMA_VERSION => mark.compare(kept),
            _ => Err(StoreError::new(
                StoreErrorKind::NotSetUp,
                "the Redis server holds the rows of another version",
            )),
        }
    }

    /// One round trip. Only where the connection turns out to be broken, another over one that is not.
    async fn load(&self, name: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        let mut using = self.any().await?;
        let mut fields = Self::fields(&mut using.open, name).await;
        if fields.as_ref().is_err_and(is_broken) {
            drop(using);
            using = self.any().await?;
            fields = Self::fields(&mut using.open, name).await;
        }
        Ok(token(using.settle(fields)?))
    }

    async fn acquire(
        &self,
        name: &RowName,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<RowToken<Sealed>>, StoreError> {
        let known = known.map_or_else(|| "-1".to_owned(), |known| known.number().to_string());
        let mut using = self.tested().await?;
        let answer = self
            .scripts
            .acquire
            .key(key(name))
            .arg(millis(ttl))
            .arg(known)
            .invoke_async(&mut using.open)
            .await;
        let answer: Vec<Vec<u8>> = using.settle(answer)?;
        let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<u64>().ok();
        let read = match answer.as_slice() {
            [won, fence] if won == b"won" => {
                number(fence).map(|fence| Acquired::Won(Lease::new(fence)))
            }
            [held, remaining] if held == b"held" => number(remaining).map(|remaining| {
                let remaining = Duration::from_millis(remaining);
                Acquired::Held { remaining }
            }),
            [newer, generation, expires_at, key_id, sealed] if newer == b"newer" => {
                let key_id = String::from_utf8_lossy(key_id).into_owned();
                let fields = (
                    number(generation),
                    number(expires_at),
                    Some(key_id),
                    Some(sealed.clone()),
                );
                token(fields).map(Acquired::Newer)
            }
            _ => None,
        };
        read.ok_or_else(unreadable)
    }

    async fn commit(
        &self,
        name: &RowName,
        lease: Lease,
        expires_at: u64,
        sealed: &Sealed,
    ) -> Result<Commit, StoreError> {
        let mut using = self.tested().await?;
        let answer = self
            .scripts
            .commit
            .key(key(name))
            .arg(lease.fence())
            .arg(expires_at)
            .arg(&*sealed.key_id)
            .arg(&sealed.bytes[..])
            .invoke_async(&mut using.open)
            .await;
        let done: bool = using.settle(answer)?;
        Ok(if done { Commit::Done } else { Commit::Fenced })
    }

    async fn release(&self, name: &RowName, lease: Lease) -> Result<(), StoreError> {
        let mut using = self.tested().await?;
        let answer = self
            .scripts
            .release
            .key(key(name))
            .arg(lease.fence())
            .invoke_async(&mut using.open)
            .await;
        using.settle(answer)
    }

    async fn invalidate(&self, name: &RowName, generation: Generation) -> Result<(), StoreError> {
        let mut using = self.tested().await?;
        let answer = self
            .scripts
            .invalidate
            .key(key(name))
            .arg(generation.number())
            .invoke_async(&mut using.open)
            .await;
        using.settle(answer)
    }

    /// Nothing is left to do: each row goes by itself once it is spent.
    async fn purge(&self, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        let mut using = self.tested().await?;
        let answer = redis::cmd("TIME").query_async(&mut using.open).await;
        let (seconds, micros): (u64, u64) = using.settle(answer)?;
        let now = seconds * 1_000 + micros / 1_000;
        let mut survey = Survey {
            schema_version: SCHEMA_VERSION,
            ..Survey::default()
        };
        let mut seen = HashSet::new();
        let mut cursor = 0;
        loop {
            let (next, keys) = self.scan(cursor, STEP).await?;
            let keys: Vec<String> = keys
                .into_iter()
                .filter(|key| name(key).is_some_and(|name| seen.insert(name)))
                .collect();
            let mut look = redis::pipe();
            for key in &keys {
                look.cmd("HMGET")
                    .arg(key)
                    .arg(&["fence", "lease", "expires", "key"]);
            }
            type Fields = (Option<u64>, Option<u64>, Option<u64>, Option<String>);
            let mut rows: Vec<Fields> = Vec::new();
            if !keys.is_empty() {
                let mut using = self.tested().await?;
                let answer = look.query_async(&mut using.open).await;
                rows = using.settle(answer)?;
            }
            for (fence, lease, expires, key_id) in rows {
                // One that went since it was found has nothing.
                survey.rows += u64::from(fence.is_some());
                survey.running_leases += u64::from(lease.is_some_and(|ends| ends > now));
                if let Some(key_id) = key_id {
                    let lives = expires.is_some_and(|ends| ends > now);
                    survey.live_tokens += u64::from(lives);
                    survey.ended_tokens += u64::from(!lives);
                    *survey.tokens_by_key.entry(key_id).or_default() += 1;
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
        let from = from.map(|from| std::str::from_utf8(from).ok()?.parse().ok());
        let from = from.unwrap_or(Some(0)).ok_or_else(unreadable)?;
        let (next, keys) = self.scan(from, limit).await?;
        // Sorted, and each once.
        let names: BTreeMap<RowName, String> = keys
            .into_iter()
            .filter_map(|key| Some((name(&key)?, key)))
            .collect();
        let mut look = redis::pipe();
        for key in names.values() {
            look.cmd("HMGET")
                .arg(key)
                .arg(&["generation", "expires", "key", "sealed"]);
        }
        let mut rows: Vec<TokenFields> = Vec::new();
        if !names.is_empty() {
            let mut using = self.tested().await?;
            let answer = look.query_async(&mut using.open).await;
            rows = using.settle(answer)?;
        }
        let tokens = names.into_keys().zip(rows).filter_map(|(name, fields)| {
            let token = token(fields)?;
            (*token.payload.key_id != *key_id).then_some((name, token))
        });
        Ok(Batch {
            tokens: tokens.collect(),
            next: (next != 0).then(|| next.to_string().into_bytes()),
        })
    }

    async fn reseal(
        &self,
        name: &RowName,
        read: &RowToken<Sealed>,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let mut using = self.tested().await?;
        let answer = self
            .scripts
            .reseal
            .key(key(name))
            .arg(read.generation.number())
            .arg(&*read.payload.key_id)
            .arg(&read.payload.bytes[..])
            .arg(&*anew.key_id)
            .arg(&anew.bytes[..])
            .invoke_async(&mut using.open)
            .await;
        using.settle(answer)
    }
}

fn unreadable() -> StoreError {
    StoreError::new(
        StoreErrorKind::Tampered,
        "the store holds a row that cannot be read",
    )
}

/// A failure in words of our own: those of the server and of its client may repeat what they were told.
fn failed(error: RedisError) -> StoreError {
    // The first word of the server's answer, in capitals.
    let code = error.code().unwrap_or_default();
    let is_code =
        (1..=16).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_uppercase());
    let code = if is_code { code } else { "" };
    let (kind, message) = match error.kind() {
        ErrorKind::AuthenticationFailed => (
            StoreErrorKind::Misconfigured,
            "the Redis server refused the user name or password",
        ),
        _ if matches!(code, "NOAUTH" | "WRONGPASS") => (
            StoreErrorKind::Misconfigured,
            "the Redis server refused the user name or password",
        ),
        ErrorKind::Server(ServerErrorKind::NoPerm) => (
            StoreErrorKind::Misconfigured,
            "the user of the Redis store lacks a permission that it needs",
        ),
        ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => (
            StoreErrorKind::Misconfigured,
            "the address or the version of the Redis server cannot be used",
        ),
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => return unreadable(),
        ErrorKind::Io if error.is_timeout() => (
            StoreErrorKind::Unavailable,
            "the Redis server did not answer in time",
        ),
        ErrorKind::Io if error.is_connection_refusal() => (
            StoreErrorKind::Unavailable,
            "the Redis server cannot be reached: connection refused",
        ),
        ErrorKind::Io => (
            StoreErrorKind::Unavailable,
            "the connection to the Redis server broke, or cannot be made",
        ),
        _ => {
            let message = format!("the Redis server failed with code {code:?}");
            return StoreError::new(StoreErrorKind::Unavailable, message);
        }
    };
    StoreError::new(kind, message)
}
