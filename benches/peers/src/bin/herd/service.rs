//! The token service that all ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Takes its time and answers or fails, and counts.
#[derive(Clone, Debug, Default)]
pub struct Service(Arc<State>);

#[derive(Debug, Default)]
struct State {
    exchanges: AtomicUsize,
    takes_millis: AtomicU64,
    down: AtomicBool,
    life_seconds: AtomicU64,
}

impl Service {
    /// How it behaves from now on. At first it answers at once.
    pub fn behave(&self, takes: Duration, up: bool) {
        let millis = takes.as_millis().try_into().unwrap_or(u64::MAX);
        self.0.takes_millis.store(millis, Ordering::Relaxed);
        self.0.down.store(!up, Ordering::Relaxed);
    }

    /// How long the tokens live that it gives from now on.
    pub fn give(&self, life: Duration) {
        self.0.life_seconds.store(life.as_secs(), Ordering::Relaxed);
    }

    pub fn exchanges(&self) -> usize {
        self.0.exchanges.load(Ordering::Relaxed)
    }

    /// One try of an exchange: how long the token lives, if there is one.
    pub async fn exchange(&self) -> Option<Duration> {
        self.0.exchanges.fetch_add(1, Ordering::Relaxed);
        let takes = self.0.takes_millis.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(takes)).await;
        let up = !self.0.down.load(Ordering::Relaxed);
        up.then(|| Duration::from_secs(self.0.life_seconds.load(Ordering::Relaxed)))
    }
}
