//! The connection to the server that all operations share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use humanapi_client::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, RedisError,
    RedisResult, ScriptInvocation,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use super::errors::{failed, is_misplaced, is_of_no_use};
use crate::bounded::{Bounded, Meter};

pub(super) struct Server {
    address: ConnectionInfo,
    /// All operations share it: it takes questions without waiting for the answers to earlier ones.
    connection: Mutex<Connection>,
    /// The number of the last connection that is not to be used any more.
    doubted: AtomicU64,
    /// How long it may say nothing before whoever gives up waiting doubts the connection.
    silence: Duration,
}

#[derive(Default)]
struct Connection {
    /// Its number, counted from 1.
    number: u64,
    open: Option<MultiplexedConnection>,
    /// What its server sent.
    meter: Meter,
    silent: Silent,
}

/// Since when a server says nothing.
#[derive(Clone, Copy)]
struct Silent {
    /// All that it had said before that.
    after: u64,
    /// When it was asked for the first time after that.
    since: Instant,
}

impl Default for Silent {
    fn default() -> Self {
        Self {
            after: 0,
            since: Instant::now(),
        }
    }
}

/// The connection, in use by one operation.
///
/// Unless that [settles](Self::settle) it, it was broken off. The answer may still come, and is then nobody's: the driver
/// counts answers. So the others go on with the connection, unless its server has said nothing for long: it may be gone.
pub(super) struct Using<'a> {
    pub(super) open: MultiplexedConnection,
    number: u64,
    meter: Meter,
    silent: Silent,
    settled: bool,
    from: &'a Server,
}

/// What changes nothing.
pub(super) enum Question<'a> {
    Command(&'a redis::Cmd),
    Script(&'a ScriptInvocation<'a>),
    /// Several, whose answers are one list; one that is an error is the answer.
    Each(&'a redis::Pipeline),
}

impl Question<'_> {
    async fn ask<T: FromRedisValue>(&self, server: &mut MultiplexedConnection) -> RedisResult<T> {
        match self {
            Self::Command(command) => command.query_async(server).await,
            Self::Script(script) => script.invoke_async(server).await,
            Self::Each(commands) => {
                let answers: Vec<RedisResult<redis::Value>> = commands.query_async(server).await?;
                let answers: RedisResult<Vec<redis::Value>> = answers.into_iter().collect();
                Ok(T::from_redis_value(redis::Value::Array(answers?))?)
            }
        }
    }
}

impl Using<'_> {
    /// Ends the use of the connection with what came back.
    pub(super) fn settle<T>(mut self, answer: RedisResult<T>) -> Result<T, StoreError> {
        match answer {
            Ok(answer) => {
                self.is_free();
                Ok(answer)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Ends the use of the connection with a failure.
    pub(super) fn fail(mut self, error: RedisError) -> StoreError {
        if is_of_no_use(&error) {
            self.give_up();
        } else {
            self.is_free();
        }
        failed(error)
    }

    fn is_free(&mut self) {
        self.settled = true;
        self.meter.reset();
    }

    /// Nobody uses the connection again.
    pub(super) fn give_up(mut self) {
        self.settled = true;
        self.doubt();
    }

    fn doubt(&self) {
        self.from.doubted.fetch_max(self.number, Ordering::Relaxed);
    }
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        let says_nothing = self.meter.in_all() == self.silent.after;
        if !self.settled && says_nothing && self.silent.since.elapsed() >= self.from.silence {
            self.doubt();
        }
    }
}

impl Server {
    pub(super) fn new(address: ConnectionInfo) -> Self {
        Self {
            address,
            connection: Mutex::default(),
            doubted: AtomicU64::new(0),
            silence: Duration::MAX,
        }
    }

    pub(super) const fn set_silence(&mut self, silence: Duration) {
        self.silence = silence;
    }

    /// The connection as it was left, or a new one where there is none.
    async fn any(&self) -> Result<Using<'_>, StoreError> {
        // One at a time connects, and the others then find it done.
        let mut kept = self.connection.lock().await;
        let doubted = self.doubted.load(Ordering::Relaxed) >= kept.number;
        let open = match &kept.open {
            Some(open) if !doubted => open.clone(),
            _ => {
                let meter = Meter::default();
                let open = self.connect(&meter).await.map_err(failed)?;
                kept.number += 1;
                kept.meter = meter;
                kept.open.insert(open).clone()
            }
        };
        let so_far = kept.meter.in_all();
        if kept.silent.after != so_far {
            kept.silent = Silent {
                after: so_far,
                since: Instant::now(),
            };
        }
        Ok(Using {
            open,
            number: kept.number,
            meter: kept.meter.clone(),
            silent: kept.silent,
            settled: false,
            from: self,
        })
    }

    /// A connection that worked a moment ago: the one that was left may be to a server that has been
    /// started again since.
    pub(super) async fn tested(&self) -> Result<Using<'_>, StoreError> {
        let mut using = self.any().await?;
        let answer: RedisResult<()> = redis::cmd("PING").query_async(&mut using.open).await;
        match answer {
            Ok(()) => Ok(using),
            Err(error) if is_of_no_use(&error) => {
                using.give_up();
                self.any().await
            }
            Err(error) => using.settle(Err(error)),
        }
    }

    /// Asks what changes nothing, over the connection as it was left. Only where that turns out to be broken, another
    /// time over one that is not.
    pub(super) async fn read<T: FromRedisValue>(
        &self,
        question: Question<'_>,
    ) -> Result<T, StoreError> {
        let (using, answer) = self.ask(question).await?;
        using.settle(answer)
    }

    /// The same, for who goes on over the connection that answered.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        question: Question<'_>,
    ) -> Result<(Using<'_>, RedisResult<T>), StoreError> {
        let mut using = self.any().await?;
        let mut answer = question.ask(&mut using.open).await;
        if answer.as_ref().is_err_and(is_of_no_use) {
            using.give_up();
            using = self.any().await?;
            answer = question.ask(&mut using.open).await;
        }
        Ok((using, answer))
    }

    /// Runs a script. A server that could not do it now, because another took its place, did nothing: then once more
    /// over a new connection, which leads to that other where the address does.
    pub(super) async fn invoke<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let mut using = self.tested().await?;
        let mut answer = script.invoke_async(&mut using.open).await;
        if answer.as_ref().is_err_and(is_misplaced) {
            using.give_up();
            using = self.any().await?;
            answer = script.invoke_async(&mut using.open).await;
        }
        using.settle(answer)
    }

    async fn connect(&self, meter: &Meter) -> RedisResult<MultiplexedConnection> {
        match self.address.addr() {
            ConnectionAddr::Tcp(host, port) => self.set_up(tcp(host, *port).await?, meter).await,
            ConnectionAddr::TcpTls { host, port, .. } => {
                let stream = tcp(host, *port).await?;
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                // Certificates are read from files.
                let tls = tokio::task::spawn_blocking(tls).await;
                let tls = tls.map_err(io::Error::other)?.map_err(io::Error::other)?;
                let stream = TlsConnector::from(Arc::new(tls))
                    .connect(name, stream)
                    .await?;
                self.set_up(stream, meter).await
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                self.set_up(stream, meter).await
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
        meter: &Meter,
    ) -> RedisResult<MultiplexedConnection> {
        let stream = Bounded::new(stream, meter.clone());
        // The store has a timeout for all of an operation.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(1_024);
        let settings = self.address.redis_settings();
        let (connection, driver) =
            MultiplexedConnection::new_with_config(settings, stream, config).await?;
        tokio::spawn(driver);
        Ok(connection)
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
