//! Word of changes, for those who watch: that something changed, never what.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// How many may watch at once.
const WATCHERS: usize = 32;

/// How many events may wait for a client that does not read, besides what its connection holds.
pub(crate) const BACKLOG: usize = 8;

/// The least time between two events: what changes in between is told by the second.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest time without an event, so that the time that tokens have left is told too, and a
/// client that is gone is noticed.
const TICK: Duration = Duration::from_secs(10);

/// Tells watchers that something changed.
///
/// Nothing is queued: each watcher has a flag and no more, however much happens.
#[derive(Debug)]
pub(crate) struct Changes {
    open: watch::Sender<bool>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            open: watch::Sender::new(true),
        }
    }
}

impl Changes {
    pub(crate) fn tell(&self) {
        // Nearly always nobody watches, and load tests count microseconds.
        if self.open.receiver_count() > 0 {
            self.open.send_modify(|_| {});
        }
    }

    #[cfg(test)]
    pub(crate) fn is_watched(&self) -> bool {
        self.open.receiver_count() > 0
    }

    /// Ends every watch, and all that are still to come.
    pub(crate) fn end(&self) {
        self.open.send_replace(false);
    }

    /// `None` when there are as many watchers as there may be.
    pub(crate) fn watch(&self) -> Option<Watch> {
        (self.open.receiver_count() < WATCHERS).then(|| Watch(self.open.subscribe()))
    }
}

/// One watcher's end, on its way from the control API to the connection.
#[derive(Debug, Clone)]
pub(crate) struct Watch(watch::Receiver<bool>);

/// What every watcher is told first: to look, and to come back a second after a lost connection.
pub(crate) const FIRST: &[u8] = b"retry: 1000\n\nevent: change\ndata: {}\n\n";

const CHANGE: Bytes = Bytes::from_static(b"event: change\ndata: {}\n\n");
const TICKED: Bytes = Bytes::from_static(b"event: tick\ndata: {}\n\n");

/// Why a feed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FeedEnd {
    /// The sandbox stops, or the client has left.
    Over,
    /// The client does not read what it asked for.
    Stuck,
}

impl Watch {
    /// Sends events until the sandbox stops, the client leaves, or reads too slowly.
    pub(crate) async fn feed(mut self, client: mpsc::Sender<Bytes>) -> FeedEnd {
        while *self.0.borrow() {
            let tick = sleep_until(Instant::now() + TICK);
            let event = tokio::select! {
                changed = self.0.changed() => {
                    if changed.is_err() || !*self.0.borrow_and_update() {
                        break;
                    }
                    CHANGE
                }
                () = tick => TICKED,
                () = client.closed() => return FeedEnd::Over,
            };
            match client.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => return FeedEnd::Stuck,
                Err(mpsc::error::TrySendError::Closed(_)) => return FeedEnd::Over,
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = client.closed() => return FeedEnd::Over,
            }
        }
        FeedEnd::Over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changes_in_quick_succession_are_told_together() {
        let changes = Changes::default();
        let (sender, mut events) = mpsc::channel(BACKLOG);
        let feed = tokio::spawn(changes.watch().unwrap().feed(sender));
        let mut told = 0;
        for _ in 0..1000 {
            changes.tell();
            sleep(Duration::from_millis(1)).await;
            while events.try_recv().is_ok() {
                told += 1;
            }
        }
        assert!((9..=11).contains(&told), "{told}");
        changes.end();
        assert_eq!(feed.await.unwrap(), FeedEnd::Over);
        // Whoever comes after the end is not kept waiting.
        let (sender, _events) = mpsc::channel(BACKLOG);
        assert_eq!(changes.watch().unwrap().feed(sender).await, FeedEnd::Over);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_a_tick_and_the_last_change_is_never_lost() {
        let changes = Changes::default();
        let (sender, mut events) = mpsc::channel(BACKLOG);
        tokio::spawn(changes.watch().unwrap().feed(sender));
        let start = Instant::now();
        assert_eq!(events.recv().await, Some(TICKED));
        assert_eq!(start.elapsed(), TICK);
        sleep(PAUSE).await;
        changes.tell();
        assert_eq!(events.recv().await, Some(CHANGE));
        // In the pause after an event.
        changes.tell();
        assert_eq!(events.recv().await, Some(CHANGE));
        assert!(start.elapsed() < TICK + 3 * PAUSE);
    }
}
