//! One time for the client and the sandbox.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use humanapi_client::core::Now;
use humanapi_client::{Spawn, Task, Timer};
use humanapi_sandbox::{Control, ControlError};

/// The sandbox's clock as the time of a client, so that both always show the same.
///
/// Who waits is done at once: a pause before a retry moves the clock by its length, and takes no time of the test.
/// An alarm, which ends a wait for somebody's answer, moves nothing: it rings once the clock was moved that far. Whatever
/// moves the clock moves both, be it [`advance`](Self::advance) or [`Control::advance_clock`].
///
/// It runs no tasks; callers poll them by themselves, so the same test takes the same course each time. There is no randomness
/// in it either.
///
/// Clones are the same clock.
#[derive(Clone)]
pub struct SandboxClock {
    control: Control,
    time: Arc<Mutex<Time>>,
}

/// How the monotonic reading comes of the wall's, which a reset of the sandbox sets back.
struct Time {
    wall: SystemTime,
    monotonic: Duration,
}

impl SandboxClock {
    pub(crate) fn new(control: Control) -> Self {
        let time = Time {
            wall: control.now(),
            monotonic: Duration::ZERO,
        };
        Self {
            control,
            time: Arc::new(Mutex::new(time)),
        }
    }

    /// Moves the time of the client and of the sandbox forward, and returns what both show then.
    ///
    /// # Errors
    ///
    /// If that would pass the end of the year 9999.
    pub fn advance(&self, by: Duration) -> Result<SystemTime, ControlError> {
        self.control.advance_clock(by)
    }

    /// Passes time until the monotonic reading shows at least this.
    pub(crate) fn pass_until(&self, deadline: Duration) {
        let mut time = self.read();
        let left = deadline.saturating_sub(time.monotonic);
        if !left.is_zero() && self.control.advance_clock(left).is_ok() {
            time.follow(self.control.now());
        }
        // The sandbox's clock shows milliseconds and ends with the year 9999; a wait ends all the same.
        time.monotonic = time.monotonic.max(deadline);
    }

    /// Both readings, up to now.
    fn read(&self) -> MutexGuard<'_, Time> {
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        time.follow(self.control.now());
        time
    }

    fn monotonic(&self) -> Duration {
        self.read().monotonic
    }
}

impl Time {
    fn follow(&mut self, wall: SystemTime) {
        // After a reset the wall shows less than before, and no time has passed.
        let passed = wall.duration_since(self.wall).unwrap_or_default();
        self.monotonic = self.monotonic.saturating_add(passed);
        self.wall = wall;
    }
}

impl Timer for SandboxClock {
    fn now(&self) -> Now {
        let time = self.read();
        Now::new(time.monotonic, time.wall)
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        let clock = self.clone();
        let deadline = clock.monotonic().saturating_add(duration);
        Box::pin(async move { clock.pass_until(deadline) })
    }

    fn alarm(&self, timeout: Duration) -> Task<'static> {
        let clock = self.clone();
        let deadline = clock.monotonic().saturating_add(timeout);
        Box::pin(poll_fn(move |_| {
            if clock.monotonic() >= deadline {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }))
    }
}

impl Spawn for SandboxClock {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        Some(task)
    }
}

impl fmt::Debug for SandboxClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxClock")
            .field("now", &self.control.now())
            .finish_non_exhaustive()
    }
}
