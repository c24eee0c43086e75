//! Tokens in a Redis server that a fleet shares.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, RedisError, RedisResult, Script, ScriptInvocation, Value,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::backend::{Backend, Batch, Mark, RowName, Sealed, Survey, unreadable};
use crate::bounded::{Bounded, Meter};
use crate::keys::SealingKeys;
use crate::seal::millis;
use crate::store::Store;

/// Keeps tokens in a Redis server, version 6.2 or later, or in Valkey, for a fleet.
///
/// Its clock is the server's. It sets itself up with its first use, so that a server that lost all it
/// had is no reason to fail; and each row goes by itself once it is spent, so a purge finds nothing.
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
    server: ConnectionInfo,
    /// What the server of the present connection sent since its last answer was taken.
    meter: Meter,
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
    "if get('fence') and number('fence') <= tonumber(ARGV[1]) then
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

/// Does once what the scripts above do, on a key that goes by itself, and tells what it may not.
const PROBE: &str = "
    local time = redis.pcall('TIME')
    if time.err then
        return {'TIME', time.err}
    end
    local soon = string.format('%.0f', (tonumber(time[1]) + 1) * 1000)
    local steps = {
        {'HSET', KEYS[1], 'fence', '0'},
        {'HGET', KEYS[1], 'fence'},
        {'PEXPIREAT', KEYS[1], soon},
        {'HDEL', KEYS[1], 'fence'},
    }
    for _, step in ipairs(steps) do
        local answer = redis.pcall(unpack(step))
        if type(answer) == 'table' and answer.err then
            return {step[1], answer.err}
        end
    end
    return {}";

const PROBE_KEY: &str = "humanapi:probe";

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
    from: &'a RedisRows,
}

impl Using<'_> {
    /// Ends the use of the connection with what came back.
    fn settle<T>(mut self, answer: RedisResult<T>) -> Result<T, StoreError> {
        self.settled = !answer.as_ref().is_err_and(is_of_no_use);
        if self.settled {
            self.from.meter.reset();
        }
        answer.map_err(failed)
    }
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.from.doubted.fetch_max(self.number, Ordering::Relaxed);
        }
    }
}

struct Scripts {
    acquire: Script,
    commit: Script,
    release: Script,
    invalidate: Script,
    reseal: Script,
    probe: Script,
}

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
            server,
            meter: Meter::default(),
            connection: Mutex::default(),
            doubted: AtomicU64::new(0),
            scripts: Scripts {
                acquire: Script::new(ACQUIRE),
                commit: Script::new(COMMIT),
                release: Script::new(RELEASE),
                invalidate: Script::new(INVALIDATE),
                reseal: Script::new(RESEAL),
                probe: Script::new(PROBE),
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
            from: self,
        })
    }

    /// A connection that worked a moment ago: the one that was left may be to a server that has been
    /// started again since.
    async fn tested(&self) -> Result<Using<'_>, StoreError> {
        let mut using = self.any().await?;
        let answer: RedisResult<()> = redis::cmd("PING").query_async(&mut using.open).await;
        match answer {
            Ok(()) => Ok(using),
            Err(error) if is_of_no_use(&error) => {
                drop(using);
                self.any().await
            }
            Err(error) => using.settle(Err(error)),
        }
    }

    /// Runs a script. A server that could not do it now, because another took its place, did nothing: then once more
    /// over a new connection, which leads to that other where the address does.
    async fn invoke<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let mut using = self.tested().await?;
        let mut answer = script.invoke_async(&mut using.open).await;
        if answer.as_ref().is_err_and(is_misplaced) {
            drop(using);
            using = self.any().await?;
            answer = script.invoke_async(&mut using.open).await;
        }
        using.settle(answer)
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        match self.server.addr() {
            ConnectionAddr::Tcp(host, port) => self.set_up(tcp(host, *port).await?).await,
            ConnectionAddr::TcpTls { host, port, .. } => {
                let stream = tcp(host, *port).await?;
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                // Certificates are read from files.
                let tls = tokio::task::spawn_blocking(tls).await;
                let tls = tls.map_err(io::Error::other)?.map_err(io::Error::other)?;
                let stream = TlsConnector::from(Arc::new(tls))
                    .connect(name, stream)
                    .await?;
                self.set_up(stream).await
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                self.set_up(tokio::net::UnixStream::connect(path).await?)
                    .await
            }
            _ => {
                let message = "there is no way to such an address from here";
                Err(RedisError::from((ErrorKind::InvalidClientConfig, message)))
            }
        }
    }

    /// Greets the server at the other end of a stream.
    async fn set_up(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> RedisResult<MultiplexedConnection> {
        self.meter.reset();
        let stream = Bounded::new(stream, self.meter.clone());
        // The store has a timeout for all of an operation.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(1_024);
        let settings = self.server.redis_settings();
        let (connection, driver) =
            MultiplexedConnection::new_with_config(settings, stream, config).await?;
        tokio::spawn(driver);
        Ok(connection)
    }

    /// The answers to a few commands. Each is by itself, because no transaction is needed; the first that failed tells
    /// what is wrong.
    async fn each(&self, commands: &mut redis::Pipeline) -> Result<Vec<Value>, StoreError> {
        let mut using = self.tested().await?;
        let answers: RedisResult<Vec<RedisResult<Value>>> =
            commands.ignore_errors().query_async(&mut using.open).await;
        using.settle(answers.and_then(|answers| answers.into_iter().collect()))
    }

    async fn fields(connection: &mut MultiplexedConnection, name: &RowName) -> RedisResult<Fields> {
        redis::cmd("HMGET")
            .arg(key(name))
            .arg(&TOKEN)
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

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Whether the connection is of no use any more. One that does not answer may be to a machine that is gone, and one
/// whose server cannot serve now may be to one that another took the place of.
fn is_of_no_use(error: &RedisError) -> bool {
    let is_broken = error.is_io_error() || error.is_unrecoverable_error();
    is_broken || error.kind() == ErrorKind::Parse || is_misplaced(error)
}

/// Whether the server says that it is not the one to ask now. It then did nothing.
fn is_misplaced(error: &RedisError) -> bool {
    matches!(
        code(error),
        "READONLY" | "LOADING" | "CLUSTERDOWN" | "MASTERDOWN"
    )
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

/// The fields of a row that are its token.
const TOKEN: [&str; 4] = ["generation", "expires", "key", "sealed"];

fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable())?;
    text.parse().map_err(|_| unreadable())
}

/// The token of these [fields](TOKEN), which are all there or none.
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

#[async_trait]
impl Backend for RedisRows {
    async fn init(&self, mark: &Mark) -> Result<(), StoreError> {
        self.check(mark).await
    }

    async fn check(&self, mark: &Mark) -> Result<(), StoreError> {
        let mut ours = vec![SCHEMA_VERSION as u8];
        ours.extend_from_slice(mark.as_bytes());
        // The mark comes last: whoever is told that this failed, because a permission is missing, has marked nothing.
        let answers = self
            .each(
                redis::pipe()
                    .cmd("GET")
                    .arg(MARK)
                    .cmd("PEXPIRE")
                    .arg(MARK)
                    .arg(MARK_LIFE)
                    .cmd("HMGET")
                    .arg(PROBE_KEY)
                    .arg("fence"),
            )
            .await?;
        if !matches!(answers.first(), Some(Value::Nil)) {
            compare(answers.first(), mark)?;
        }
        let refused: Vec<Vec<u8>> = self
            .invoke(self.scripts.probe.prepare_invoke().key(PROBE_KEY))
            .await?;
        match refused.as_slice() {
            [] => {}
            [step, error, ..] => {
                let error = String::from_utf8_lossy(error);
                let (code, detail) = error.split_once(' ').unwrap_or((&*error, ""));
                let step = String::from_utf8_lossy(step);
                return Err(said(known(code, detail), detail, command(&step)));
            }
            [_] => return Err(unreadable()),
        }
        let answers = self
            .each(
                redis::pipe()
                    .cmd("SET")
                    .arg(MARK)
                    .arg(ours)
                    .arg("NX")
                    .arg("PX")
                    .arg(MARK_LIFE)
                    .cmd("GET")
                    .arg(MARK),
            )
            .await?;
        compare(answers.get(1), mark)
    }

    /// One round trip. Only where the connection turns out to be broken, another over one that is not.
    async fn load(&self, name: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        let mut using = self.any().await?;
        let mut fields = Self::fields(&mut using.open, name).await;
        if fields.as_ref().is_err_and(is_of_no_use) {
            drop(using);
            using = self.any().await?;
            fields = Self::fields(&mut using.open, name).await;
        }
        token(using.settle(fields)?)
    }

    async fn acquire(
        &self,
        name: &RowName,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<RowToken<Sealed>>, StoreError> {
        let known = known.map_or_else(|| "-1".to_owned(), |known| known.number().to_string());
        let mut acquire = self.scripts.acquire.key(key(name));
        let answer: Vec<Vec<u8>> = self.invoke(acquire.arg(millis(ttl)).arg(known)).await?;
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
        let done: bool = self.invoke(&commit).await?;
        Ok(if done { Commit::Done } else { Commit::Fenced })
    }

    async fn release(&self, name: &RowName, lease: Lease) -> Result<(), StoreError> {
        let mut release = self.scripts.release.key(key(name));
        self.invoke(release.arg(lease.fence())).await
    }

    async fn invalidate(&self, name: &RowName, generation: Generation) -> Result<(), StoreError> {
        let mut invalidate = self.scripts.invalidate.key(key(name));
        self.invoke(invalidate.arg(generation.number())).await
    }

    /// Nothing is left to do: each row goes by itself once it is spent.
    async fn purge(&self, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        let mut using = self.tested().await?;
        let answer = redis::cmd("TIME").query_async(&mut using.open).await;
        let (seconds, micros): (u64, u64) = using.settle(answer)?;
        let now = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
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
            let mut rows: Vec<Fields> = Vec::new();
            if !keys.is_empty() {
                let mut using = self.tested().await?;
                let answer = look.query_async(&mut using.open).await;
                rows = using.settle(answer)?;
            }
            for row in rows {
                let Ok([fence, lease, expires, key_id]) = <[_; 4]>::try_from(row) else {
                    return Err(unreadable());
                };
                // What is no number has ended.
                let lives = |ends: Option<Vec<u8>>| {
                    ends.is_some_and(|ends| number(&ends).is_ok_and(|ends| ends > now))
                };
                // One that went since it was found has nothing.
                survey.rows += u64::from(fence.is_some());
                survey.running_leases += u64::from(lives(lease));
                if let Some(key_id) = key_id {
                    let lives = lives(expires);
                    survey.live_tokens += u64::from(lives);
                    survey.ended_tokens += u64::from(!lives);
                    survey.count_tokens(&String::from_utf8_lossy(&key_id), 1);
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
            look.cmd("HMGET").arg(key).arg(&TOKEN);
        }
        let mut rows: Vec<Fields> = Vec::new();
        if !names.is_empty() {
            let mut using = self.tested().await?;
            let answer = look.query_async(&mut using.open).await;
            rows = using.settle(answer)?;
        }
        let tokens = names.into_keys().zip(rows).filter_map(|(name, fields)| {
            // What cannot be read has no key that it could be sealed anew with.
            let token = token(fields).ok()??;
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
        let mut reseal = self.scripts.reseal.key(key(name));
        reseal
            .arg(read.generation.number())
            .arg(&*read.payload.key_id)
            .arg(&read.payload.bytes[..])
            .arg(&*anew.key_id)
            .arg(&anew.bytes[..]);
        self.invoke(&reseal).await
    }
}

/// Words with which a server begins an answer that is a failure, and which may stand behind a dash in one that a script
/// passes on.
const CODES: [&str; 16] = [
    "READONLY",
    "LOADING",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "NOPERM",
    "NOAUTH",
    "WRONGPASS",
    "WRONGTYPE",
    "MOVED",
    "ASK",
    "CROSSSLOT",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "BUSY",
    "ERR",
];

/// Commands that the store uses. No other word of a server's is repeated.
const COMMANDS: [&str; 17] = [
    "AUTH",
    "SELECT",
    "PING",
    "SET",
    "GET",
    "PEXPIRE",
    "HMGET",
    "HGET",
    "HSET",
    "HDEL",
    "PEXPIREAT",
    "TIME",
    "SCAN",
    "EVALSHA",
    "SCRIPT",
    "SCRIPT|LOAD",
    "HELLO",
];

/// What a failure is called.
fn code(error: &RedisError) -> &'static str {
    known(
        error.code().unwrap_or_default(),
        error.detail().unwrap_or_default(),
    )
}

fn known(code: &str, detail: &str) -> &'static str {
    let is = |known: &&&str| **known == code;
    let code = CODES.iter().find(is).copied().unwrap_or_default();
    if !matches!(code, "" | "ERR") {
        return code;
    }
    // A script of an older server says so in the middle.
    let within = |known: &&&str| detail.contains(&format!("-{known} "));
    if let Some(inner) = CODES.iter().find(within) {
        return inner;
    }
    let ours = ["ACL failure", "can't run this command or subcommand"];
    if ours.iter().any(|said| detail.contains(said)) {
        return "NOPERM";
    }
    code
}

/// The command that this word is, if it is one of ours.
fn command(word: &str) -> Option<&'static str> {
    let mut ours = COMMANDS.iter().copied();
    ours.find(|ours| ours.eq_ignore_ascii_case(word))
}

/// A failure in words of our own: those of the server and of its client may repeat what they were told.
fn failed(error: RedisError) -> StoreError {
    let detail = error.detail().unwrap_or_default();
    let unavailable = |message| StoreError::new(StoreErrorKind::Unavailable, message);
    match error.kind() {
        ErrorKind::AuthenticationFailed => said("WRONGPASS", "", None),
        ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => StoreError::new(
            StoreErrorKind::Misconfigured,
            "the address or the version of the Redis server cannot be used",
        ),
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => {
            unavailable("the Redis server answered what is no answer to the question")
        }
        ErrorKind::Io if error.is_timeout() => {
            unavailable("the Redis server did not answer in time")
        }
        ErrorKind::Io if error.is_connection_refusal() => {
            unavailable("the Redis server cannot be reached: connection refused")
        }
        ErrorKind::Io => unavailable("the connection to the Redis server broke, or cannot be made"),
        _ => {
            // The name of a command stands in quotes.
            let named = detail.split('\'').nth(1).and_then(command);
            said(code(&error), detail, named)
        }
    }
}

/// What the server's answer means. `named` is the command that it is about.
fn said(code: &str, detail: &str, named: Option<&'static str>) -> StoreError {
    let misconfigured = StoreErrorKind::Misconfigured;
    let unavailable = StoreErrorKind::Unavailable;
    let (kind, message) = match code {
        "NOAUTH" | "WRONGPASS" => (
            StoreErrorKind::AuthenticationFailed,
            "the Redis server refused the user name or password",
        ),
        "NOPERM" => {
            let message = match named {
                Some(named) => format!(
                    "the user of the Redis store lacks the permission to run {named}"
                ),
                None if detail.contains("key") => {
                    "the user of the Redis store lacks the permission for keys that begin with `humanapi:`".to_owned()
                }
                None => "the user of the Redis store lacks a permission that it needs".to_owned(),
            };
            return StoreError::new(misconfigured, message);
        }
        "WRONGTYPE" => (
            misconfigured,
            "the Redis server holds something else under a key of the store: another application uses keys that begin with `humanapi:`",
        ),
        "MOVED" | "ASK" | "CROSSSLOT" => (
            misconfigured,
            "the Redis server belongs to a Cluster, which the store does not support",
        ),
        "ERR"
            if detail.starts_with("unknown command")
                || detail.contains("Unknown Redis command") =>
        {
            (
                misconfigured,
                "the Redis server does not know a command that the store needs: it is too old, or a Sentinel",
            )
        }
        "READONLY" => (
            StoreErrorKind::ReadOnly,
            "the Redis server is a read-only replica",
        ),
        "MASTERDOWN" => (
            unavailable,
            "the Redis server is a replica that lost its primary",
        ),
        "LOADING" => (unavailable, "the Redis server is still loading its data"),
        "CLUSTERDOWN" => (unavailable, "the Redis Cluster is down"),
        "OOM" => (unavailable, "the memory of the Redis server is full"),
        "MISCONF" => (
            unavailable,
            "the Redis server takes no writes because it cannot write to its disk",
        ),
        "NOREPLICAS" => (
            unavailable,
            "the Redis server takes no writes because it lacks replicas",
        ),
        "BUSY" => (
            unavailable,
            "the Redis server is busy with somebody's script",
        ),
        _ => (unavailable, "the Redis server failed"),
    };
    StoreError::new(kind, message)
}
