//! What an async runtime gives: time, and tasks.

use std::future::Future;
#[cfg(feature = "tokio")]
use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use humanapi_core::Now;

/// A future that a runtime can hold.
pub type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Reads both clocks and waits.
pub trait Timer: Send + Sync {
    /// A reading of both clocks. The monotonic one counts from the same origin in all calls.
    fn now(&self) -> Now;

    /// Waits so long.
    fn sleep(&self, duration: Duration) -> Task<'static>;

    /// Rings after so long, for whoever waits for something else meanwhile and has enough of it then.
    ///
    /// By default that is [`sleep`](Self::sleep). A clock that is moved by hand may tell them apart: it can pass the time
    /// of who sleeps, and should not that of who waits for somebody's work.
    fn alarm(&self, timeout: Duration) -> Task<'static> {
        self.sleep(timeout)
    }

    /// A number that nobody else draws, where there is randomness: another one each time. It spreads the
    /// retries, pauses and renewals of processes that fail together.
    fn random(&self) -> Option<u64> {
        None
    }
}

/// Runs tasks beside the caller's own.
pub trait Spawn: Send + Sync {
    /// Runs the task to its end, whatever becomes of the caller. A runtime that cannot hands the task
    /// back, and the caller polls it by itself.
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>>;
}

/// Time and tasks together. Implemented by all that implement both.
pub trait Runtime: Timer + Spawn {}

impl<R: Timer + Spawn + ?Sized> Runtime for R {}

/// What points to a timer is one, and likewise to what runs tasks.
macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        impl<R: Timer + ?Sized> Timer for $pointer {
            fn now(&self) -> Now {
                (**self).now()
            }

            fn sleep(&self, duration: Duration) -> Task<'static> {
                (**self).sleep(duration)
            }

            fn alarm(&self, timeout: Duration) -> Task<'static> {
                (**self).alarm(timeout)
            }

            fn random(&self) -> Option<u64> {
                (**self).random()
            }
        }

        impl<R: Spawn + ?Sized> Spawn for $pointer {
            fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
                (**self).spawn(task)
            }
        }
    )+};
}

pointers!(&R, Box<R>, Arc<R>);

/// Time and tasks by tokio.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug)]
pub struct TokioRuntime {
    origin: tokio::time::Instant,
}

#[cfg(feature = "tokio")]
impl TokioRuntime {
    /// Time counts from now on. Calls that wait must be made inside a tokio runtime with its timer
    /// enabled.
    #[must_use]
    pub fn new() -> Self {
        Self {
            origin: tokio::time::Instant::now(),
        }
    }
}

#[cfg(feature = "tokio")]
impl Default for TokioRuntime {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "tokio")]
impl Timer for TokioRuntime {
    fn now(&self) -> Now {
        Now::new(self.origin.elapsed(), std::time::SystemTime::now())
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> Option<u64> {
        // The keys of a hash are random numbers of the system, and no secret hangs on these.
        Some(RandomState::new().hash_one(()))
    }
}

#[cfg(feature = "tokio")]
impl Spawn for TokioRuntime {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        match tokio::runtime::Handle::try_current() {
            Ok(handle) => {
                handle.spawn(task);
                None
            }
            Err(_) => Some(task),
        }
    }
}
