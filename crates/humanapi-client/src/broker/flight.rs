//! One piece of work that many wait for and nobody owns.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use super::sync::{AtomicUsize, Mutex, Ordering, lock};

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Work under way. Whoever waits for it polls it, in turns; when it has a driver of its own, the driver
/// alone does.
///
/// A waiter may be dropped at any moment: the work stays here, and another takes its turn.
///
/// The work has one waker for its whole life, as a task has: what it waits for may compare the waker that it
/// has with the one that it gets, and wake the one that it replaces. And each poll of a waiter polls the work
/// once, however often it is woken meanwhile: what would end it may need this very thread.
pub(crate) struct Flight<T> {
    state: Mutex<State<T>>,
    waker: Waker,
    /// 1 once something showed meanwhile that its refusal would be out of date.
    outdated: AtomicUsize,
}

struct State<T> {
    /// Absent while somebody polls it, and after its end.
    work: Option<Work<T>>,
    /// The work was woken while it was being polled.
    woken: bool,
    outcome: Option<T>,
    waiting: BTreeMap<u64, Waker>,
    next: u64,
    driver: Option<u64>,
    /// The work panicked: no outcome will come.
    broken: bool,
}

/// The work panicked, so there is no outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

impl<T: Clone + Send + 'static> Flight<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Arc<Self> {
        Arc::new_cyclic(|flight| Self {
            waker: Waker::from(Arc::new(Relay(Weak::clone(flight)))),
            outdated: AtomicUsize::new(0),
            state: Mutex::new(State {
                work: Some(Box::pin(work)),
                woken: false,
                outcome: None,
                waiting: BTreeMap::new(),
                next: 0,
                driver: None,
                broken: false,
            }),
        })
    }

    /// Waits for the outcome. Whoever polls the work to its end calls `settle` with the outcome before
    /// anyone learns of it.
    pub(crate) fn wait<S: Fn(&T)>(self: Arc<Self>, settle: S) -> Waiting<T, S> {
        self.join(settle, false)
    }

    /// Waits for the outcome in a task that the runtime surely polls, so that no other waiter has to.
    pub(crate) fn drive<S: Fn(&T)>(self: Arc<Self>, settle: S) -> Waiting<T, S> {
        self.join(settle, true)
    }

    fn join<S: Fn(&T)>(self: Arc<Self>, settle: S, drives: bool) -> Waiting<T, S> {
        let id = {
            let mut state = lock(&self.state);
            let id = state.next;
            state.next += 1;
            if drives {
                state.driver = Some(id);
            }
            id
        };
        Waiting {
            flight: self,
            settle,
            id,
        }
    }
}

impl<T> Flight<T> {
    /// Those whose turn it may be: the driver, or else all.
    fn turn(state: &State<T>) -> Vec<Waker> {
        match state.driver.and_then(|driver| state.waiting.get(&driver)) {
            Some(driver) => vec![driver.clone()],
            None => state.waiting.values().cloned().collect(),
        }
    }

    /// Takes note that whatever it began from is so no more.
    pub(crate) fn outdate(&self) {
        self.outdated.store(1, Ordering::Release);
    }

    pub(crate) fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Acquire) != 0
    }

    /// Whether it has not ended, and nobody is there to poll it.
    pub(crate) fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        let over = state.outcome.is_some() || state.broken;
        !over && state.driver.is_none() && state.waiting.is_empty()
    }
}

/// Wakes whose turn it is when the work can go on. It does not keep the work alive, which holds it.
struct Relay<T>(Weak<Flight<T>>);

impl<T: Send + 'static> Wake for Relay<T> {
    fn wake(self: Arc<Self>) {
        let Some(flight) = self.0.upgrade() else {
            return;
        };
        let turn = {
            let mut state = lock(&flight.state);
            state.woken = true;
            if state.work.is_none() {
                // Whoever polls it will see.
                return;
            }
            Flight::turn(&state)
        };
        for waker in turn {
            waker.wake();
        }
    }
}

/// One who waits.
pub(crate) struct Waiting<T, S> {
    flight: Arc<Flight<T>>,
    settle: S,
    id: u64,
}

impl<T, S> Unpin for Waiting<T, S> {}

impl<T: Clone + Send + 'static, S: Fn(&T)> Future for Waiting<T, S> {
    type Output = Result<T, Broken>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut work = {
            let mut state = lock(&self.flight.state);
            if let Some(outcome) = &state.outcome {
                return Poll::Ready(Ok(outcome.clone()));
            }
            if state.broken {
                return Poll::Ready(Err(Broken));
            }
            match state.waiting.entry(self.id) {
                Entry::Occupied(mut waiting) => waiting.get_mut().clone_from(cx.waker()),
                Entry::Vacant(waiting) => drop(waiting.insert(cx.waker().clone())),
            }
            if state.driver.is_some_and(|driver| driver != self.id) {
                return Poll::Pending;
            }
            let Some(work) = state.work.take() else {
                return Poll::Pending;
            };
            state.woken = false;
            work
        };
        let panics = BreakOnPanic(&self.flight);
        let polled = work
            .as_mut()
            .poll(&mut Context::from_waker(&self.flight.waker));
        if let Poll::Ready(outcome) = &polled {
            (self.settle)(outcome);
        }
        std::mem::forget(panics);
        let mut state = lock(&self.flight.state);
        match polled {
            Poll::Ready(outcome) => {
                state.outcome = Some(outcome.clone());
                let waiting = std::mem::take(&mut state.waiting);
                drop(state);
                // Not under the lock: what the work owns may do anything when it goes.
                drop(work);
                waiting.into_values().for_each(Waker::wake);
                Poll::Ready(Ok(outcome))
            }
            Poll::Pending => {
                state.work = Some(work);
                if state.woken {
                    // Woken while it was being polled, which told nobody. It is polled once more by this
                    // one, or by a driver that has come meanwhile; should that go, it passes the turn on.
                    let turn = match state.driver {
                        Some(driver) if driver != self.id => Flight::turn(&state),
                        _ => vec![cx.waker().clone()],
                    };
                    drop(state);
                    turn.into_iter().for_each(Waker::wake);
                }
                Poll::Pending
            }
        }
    }
}

impl<T, S> Drop for Waiting<T, S> {
    fn drop(&mut self) {
        let turn = {
            let mut state = lock(&self.flight.state);
            state.waiting.remove(&self.id);
            let drove = state.driver == Some(self.id);
            if drove {
                state.driver = None;
            }
            // A wake-up may have gone to this one and to nobody else.
            if state.outcome.is_none() && (drove || state.woken) {
                Flight::turn(&state)
            } else {
                Vec::new()
            }
        };
        for waker in turn {
            waker.wake();
        }
    }
}

/// Tells all who wait that no outcome will come, unless it is forgotten.
struct BreakOnPanic<'a, T>(&'a Arc<Flight<T>>);

impl<T> Drop for BreakOnPanic<'_, T> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = lock(&self.0.state);
            state.broken = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }
}

impl<T> fmt::Debug for Flight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flight")
    }
}

impl<T, S> fmt::Debug for Waiting<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiting")
    }
}
