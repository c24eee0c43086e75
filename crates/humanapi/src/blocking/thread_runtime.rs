//! Time for calls that are waited for on the caller's own thread.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant, SystemTime};

use futures_timer::Delay;
use humanapi_client::{Spawn, Task, Timer};
use humanapi_core::Now;

/// Time by the system's clocks, and no tasks: whoever waits for a piece of work does it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadRuntime {
    origin: Instant,
}

impl ThreadRuntime {
    /// Time counts from now on.
    pub(super) fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Timer for ThreadRuntime {
    fn now(&self) -> Now {
        Now::new(self.origin.elapsed(), SystemTime::now())
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        Box::pin(Delay::new(duration))
    }

    fn random(&self) -> Option<u64> {
        // The keys of a hash are random numbers of the system, and no secret hangs on these.
        Some(RandomState::new().hash_one(()))
    }
}

impl Spawn for ThreadRuntime {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        Some(task)
    }
}
