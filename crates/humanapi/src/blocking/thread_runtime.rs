//! Time for calls that are waited for on the caller's own thread.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use futures_timer::Delay;
use humanapi_client::{Spawn, Task, Timer};
use humanapi_core::Now;

/// Time by the system's clocks, and a thread for each task. There are few: a token is got by one, so that whoever waits for
/// it can stop waiting, and so that it is renewed while calls go on.
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
        let task = Arc::new(Mutex::new(Some(task)));
        let take = |task: &Mutex<Option<Task<'static>>>| {
            let mut task = task.lock().unwrap_or_else(PoisonError::into_inner);
            task.take()
        };
        let theirs = Arc::clone(&task);
        let begun = thread::Builder::new()
            .name("humanapi".to_owned())
            .spawn(move || take(&theirs).map(pollster::block_on));
        match begun {
            Ok(_) => None,
            // The system has no thread left: whoever waits for the work does it.
            Err(_) => take(&task),
        }
    }
}
