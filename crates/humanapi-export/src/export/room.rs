//! The memory that all lists share while they wait for the rest of them, or to be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// So many bytes of records may be held in memory.
pub(super) struct Room {
    most: usize,
    /// So many are, or are kept free for lists that have begun.
    used: AtomicUsize,
    /// What a list took of late.
    usual: AtomicUsize,
    freed: Notify,
}

/// What one list has of it.
pub(super) struct Share {
    room: Arc<Room>,
    /// So much is counted for it,
    counted: usize,
    /// of which it took so much.
    taken: usize,
}

impl Room {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            used: AtomicUsize::new(0),
            usual: AtomicUsize::new(0),
            freed: Notify::new(),
        })
    }

    /// Ends once another list may begin, which is whenever no list has anything. Where a service is quicker than the disk, this
    /// is what holds it back.
    pub(super) async fn wait(&self) {
        loop {
            let freed = self.freed.notified();
            let used = self.used.load(Ordering::Acquire);
            if used == 0 || used < self.most {
                return;
            }
            freed.await;
        }
    }

    /// What a list has as it begins: half of what lists took of late, for half of it is there on average while it is read.
    pub(super) fn begin(self: &Arc<Self>) -> Share {
        let counted = self.usual.load(Ordering::Relaxed) / 2;
        self.used.fetch_add(counted, Ordering::AcqRel);
        Share {
            room: Arc::clone(self),
            counted,
            taken: 0,
        }
    }
}

impl Share {
    /// Takes more, if there is as much. No list takes more than a quarter of all.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let (room, taken) = (&self.room, self.taken + bytes);
        if taken > room.most / 4 {
            return false;
        }
        if let Some(more) = taken.checked_sub(self.counted) {
            let has_it = |used: usize| used.checked_add(more).filter(|used| *used <= room.most);
            let (set, fetch) = (Ordering::AcqRel, Ordering::Acquire);
            if room.used.fetch_update(set, fetch, has_it).is_err() {
                return false;
            }
            self.counted = taken;
        }
        self.taken = taken;
        true
    }

    /// The list is whole: it takes no more.
    pub(super) fn end(&mut self) {
        let (room, taken) = (&self.room, self.taken);
        let usual = room.usual.load(Ordering::Relaxed);
        room.usual
            .store(usual - usual / 8 + taken / 8, Ordering::Relaxed);
        room.free(self.counted - taken);
        self.counted = taken;
    }
}

impl Room {
    fn free(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
        // One waits, and may not do so yet.
        self.freed.notify_one();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.free(self.counted);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn may_begin(room: &Room) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(room.wait()).poll(&mut context).is_ready()
    }

    #[test]
    fn lists_take_no_more_than_there_is_and_none_begins_before_some_is_free() {
        let room = Room::new(100);
        let mut shares: Vec<_> = (0..5).map(|_| room.begin()).collect();
        for share in &mut shares[..4] {
            assert!(share.take(20) && share.take(5));
            assert!(!share.take(1), "a quarter is the most");
        }
        assert!(!may_begin(&room));
        assert!(!shares[4].take(1));
        shares.remove(0);
        assert!(may_begin(&room));
        assert!(shares[3].take(1));
    }

    #[test]
    fn a_list_that_begins_has_half_of_what_lists_took() {
        let room = Room::new(100);
        for _ in 0..64 {
            let mut share = room.begin();
            assert!(share.take(24));
            share.end();
        }
        let shares: Vec<_> = std::iter::repeat_with(|| may_begin(&room).then(|| room.begin()))
            .map_while(|share| share)
            .collect();
        assert!((9..=12).contains(&shares.len()), "{}", shares.len());
        drop(shares);
        assert_eq!(room.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn without_any_room_lists_begin_all_the_same() {
        let room = Room::new(0);
        let mut share = room.begin();
        assert!(!share.take(1));
        share.end();
        assert!(may_begin(&room));
    }
}
