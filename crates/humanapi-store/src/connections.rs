//! A few connections to PostgreSQL, and who uses which.
//!
//! sqlx has a pool. It asks each connection for a sign of life before the next one may have it, which is a second
//! round trip for every operation, opens more connections meanwhile, and keeps asking a server that refuses all of
//! them. Operations here are one short statement each, so they share fewer connections and learn at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::bounded::Meter;
use crate::passage;

pub(crate) struct Connections {
    options: PgConnectOptions,
    /// Those that nobody uses, with the time when somebody last did, the latest last.
    idle: Mutex<Vec<(Instant, Metered)>>,
    places: Semaphore,
    /// How long an operation may take before those who give it up doubt the other connections.
    silence: Duration,
}

/// A connection, and what counts the bytes of its server.
type Metered = (PgConnection, Meter);

/// A connection for one operation. Unless it is [kept](Self::keep), it is closed: an operation that failed or was broken
/// off may have left it in any state. Those that lie idle are closed with it when the operation was given up after a long
/// wait, because their server may be gone. Whoever gave up earlier says nothing of it, and costs others nothing.
pub(crate) struct Taken<'a> {
    connection: Option<Metered>,
    since: Instant,
    from: &'a Connections,
    _place: SemaphorePermit<'a>,
}

/// An operation is one short statement: a few connections serve thousands of them a second.
const MOST: usize = 8;
/// What lies idle for longer may have been forgotten by something on the way.
const IDLE: Duration = Duration::from_secs(60);

impl Connections {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        Self {
            options,
            idle: Mutex::default(),
            places: Semaphore::new(MOST),
            silence: Duration::MAX,
        }
    }

    pub(crate) const fn set_silence(&mut self, silence: Duration) {
        self.silence = silence;
    }

    /// The connection that was used last, or a new one. It may be to a server that has been started again since.
    pub(crate) async fn any(&self) -> Result<Taken<'_>, sqlx::Error> {
        let mut taken = self.taken().await?;
        if taken.connection.is_none() {
            taken.connection = Some(self.connect().await?);
        }
        Ok(taken)
    }

    /// A connection that worked a moment ago.
    pub(crate) async fn tested(&self) -> Result<Taken<'_>, sqlx::Error> {
        let mut taken = self.taken().await?;
        if let Some((connection, _)) = &mut taken.connection
            && connection.ping().await.is_ok()
        {
            return Ok(taken);
        }
        // Where this one broke, the others did too.
        self.idle().clear();
        taken.connection = Some(self.connect().await?);
        Ok(taken)
    }

    /// A place among those who have connections, and the one that was used last, if there is one.
    async fn taken(&self) -> Result<Taken<'_>, sqlx::Error> {
        let place = self.places.acquire().await;
        Ok(Taken {
            _place: place.map_err(|_| sqlx::Error::PoolClosed)?,
            connection: self.last_used(),
            since: Instant::now(),
            from: self,
        })
    }

    async fn connect(&self) -> Result<Metered, sqlx::Error> {
        let meter = Meter::default();
        let connection = passage::connect(&self.options, &meter).await?;
        meter.reset();
        Ok((connection, meter))
    }

    fn last_used(&self) -> Option<Metered> {
        let mut idle = self.idle();
        let (used, connection) = idle.pop()?;
        if used.elapsed() < IDLE {
            connection.1.reset();
            return Some(connection);
        }
        // The others lay there for longer.
        idle.clear();
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, Metered)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken<'_> {
    pub(crate) const fn connection(&mut self) -> &mut PgConnection {
        let (connection, _) = self
            .connection
            .as_mut()
            .expect("nobody sees one that is not connected, or was kept");
        connection
    }

    /// Leaves the connection for the next operation.
    pub(crate) fn keep(mut self) {
        let connection = self.connection.take();
        let used = connection.map(|connection| (Instant::now(), connection));
        self.from.idle().extend(used);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.connection.is_some() && self.since.elapsed() >= self.from.silence {
            self.from.idle().clear();
        }
    }
}
