//! Everything by which the broker's threads meet. Built with `--cfg shuttle`, it comes from shuttle,
//! which tries many schedules of the same code.

#[cfg(not(shuttle))]
mod primitives {
    use std::sync::Arc;

    pub(crate) use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};

    use arc_swap::{ArcSwapOption, Guard};

    /// A value that is read without a lock and replaced whole.
    pub(crate) struct Swap<T>(ArcSwapOption<T>);

    /// What was there when it was read. Counts no reference that threads share.
    pub(crate) type Loaded<T> = Guard<Option<Arc<T>>>;

    impl<T> Swap<T> {
        pub(crate) fn empty() -> Self {
            Self(ArcSwapOption::empty())
        }

        pub(crate) fn load(&self) -> Loaded<T> {
            self.0.load()
        }

        pub(crate) fn store(&self, value: Option<Arc<T>>) {
            self.0.store(value);
        }
    }
}

#[cfg(shuttle)]
mod primitives {
    use std::sync::Arc;

    pub(crate) use shuttle::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;

    pub(crate) struct Swap<T>(Mutex<Option<Arc<T>>>);

    pub(crate) struct Loaded<T>(Option<Arc<T>>);

    impl<T> Swap<T> {
        pub(crate) fn empty() -> Self {
            Self(Mutex::new(None))
        }

        pub(crate) fn load(&self) -> Loaded<T> {
            Loaded(lock(&self.0).clone())
        }

        pub(crate) fn store(&self, value: Option<Arc<T>>) {
            *lock(&self.0) = value;
        }
    }

    impl<T> std::ops::Deref for Loaded<T> {
        type Target = Option<Arc<T>>;

        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }

    use super::lock;
}

pub(crate) use primitives::*;

/// The lock, also after a thread panicked while it held it: nothing is left half done under one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
