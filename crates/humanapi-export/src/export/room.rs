//! The memory that all lists share while they wait for the rest of them, or to be written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// What one list has of it, and all that waits of the list together.
pub(super) struct Share {
    room: Arc<Room>,
    has: Mutex<Has>,
}

#[derive(Default)]
struct Has {
    /// So much is counted for it,
    counted: usize,
    /// of which so much is taken now,
    taken: usize,
    /// and so much was at most.
    most_taken: usize,
    /// So much found no place.
    missed: usize,
    /// Whether it keeps nothing free any more.
    is_whole: bool,
}

/// What something that waits took of its list's share: it is given back with it.
pub(super) struct Taken {
    share: Arc<Share>,
    bytes: usize,
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

    /// A share for another list, once there is one, which is whenever no list has anything. Where a service is quicker than the
    /// disk, this is what holds it back.
    ///
    /// One at a time waits for it.
    pub(super) async fn begin(self: &Arc<Self>) -> Arc<Share> {
        loop {
            let freed = self.freed.notified();
            if let Some(share) = self.share() {
                return share;
            }
            freed.await;
        }
    }

    /// What a list has as it begins: as much as lists took of late. Lists that are begun together fill up together, and one that
    /// has to wait in a file costs more than one that begins a little later.
    fn share(self: &Arc<Self>) -> Option<Arc<Share>> {
        let counted = self.usual.load(Ordering::Relaxed);
        let with_it = |used: usize| {
            let all = used.saturating_add(counted);
            (used == 0 || used < self.most && all <= self.most).then_some(all)
        };
        let (set, fetch) = (Ordering::AcqRel, Ordering::Acquire);
        self.used.fetch_update(set, fetch, with_it).ok()?;
        Some(Arc::new(Share {
            room: Arc::clone(self),
            has: Mutex::new(Has {
                counted,
                ..Has::default()
            }),
        }))
    }
}

impl Share {
    /// Takes nothing yet.
    pub(super) fn taken(self: &Arc<Self>) -> Taken {
        Taken {
            share: Arc::clone(self),
            bytes: 0,
        }
    }

    /// The list is whole: nothing is kept free for it.
    pub(super) fn end(&self) {
        let mut has = self.has();
        let room = &self.room;
        // What found no place would have been taken too. A list of more than a list may take waits in a file however much is
        // free: nothing need be, so that as many of these are read at once as are to be.
        let all = has.most_taken + has.missed;
        let needed = if all > room.most / 4 { 0 } else { all };
        let usual = match room.usual.load(Ordering::Relaxed) {
            0 => needed,
            usual => usual - usual / 8 + needed / 8,
        };
        room.usual.store(usual, Ordering::Relaxed);
        has.is_whole = true;
        room.free(has.counted - has.taken);
        has.counted = has.taken;
    }

    fn has(&self) -> MutexGuard<'_, Has> {
        self.has.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let counted = self.has().counted;
        self.room.free(counted);
    }
}

impl Taken {
    /// Takes more, if there is as much. No list takes more than a quarter of all.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let room = &self.share.room;
        let mut has = self.share.has();
        let taken = has.taken + bytes;
        if taken > room.most / 4 {
            return false;
        }
        if let Some(more) = taken.checked_sub(has.counted) {
            let has_it = |used: usize| used.checked_add(more).filter(|used| *used <= room.most);
            let (set, fetch) = (Ordering::AcqRel, Ordering::Acquire);
            if room.used.fetch_update(set, fetch, has_it).is_err() {
                return false;
            }
            has.counted = taken;
        }
        has.taken = taken;
        has.most_taken = has.most_taken.max(taken);
        self.bytes += bytes;
        true
    }

    /// Notes what would have been taken had there been a place for it.
    pub(super) fn miss(&self, bytes: usize) {
        self.share.has().missed += bytes;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut has = self.share.has();
        has.taken -= self.bytes;
        if has.is_whole {
            self.share.room.free(self.bytes);
            has.counted = has.taken;
        }
    }
}

impl Room {
    fn free(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
        // One waits, and may not do so yet.
        self.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn begun(room: &Arc<Room>) -> Option<Arc<Share>> {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(room.begin()).poll(&mut context) {
            Poll::Ready(share) => Some(share),
            Poll::Pending => None,
        }
    }

    fn used(room: &Room) -> usize {
        room.used.load(Ordering::Relaxed)
    }

    #[test]
    fn lists_take_no_more_than_there_is_and_none_begins_before_some_is_free() {
        let room = Room::new(100);
        let mut lists: Vec<_> = (0..5).map(|_| begun(&room).unwrap().taken()).collect();
        for list in &mut lists[..4] {
            assert!(list.take(20) && list.take(5));
            assert!(!list.take(1), "a quarter is the most");
        }
        assert!(begun(&room).is_none());
        assert!(!lists[4].take(1));
        lists.remove(0);
        assert!(begun(&room).is_some());
        assert!(lists[3].take(1));
    }

    #[test]
    fn as_many_lists_begin_at_once_as_there_is_room_for() {
        let room = Room::new(100);
        for size in [8, 24, 4].into_iter().flat_map(|size| [size; 64]) {
            let share = begun(&room).unwrap();
            assert!(share.taken().take(size));
            share.end();
        }
        assert_eq!(used(&room), 0);
        let mut shares = Vec::new();
        while let Some(share) = begun(&room) {
            shares.push(share);
            assert!(used(&room) <= 100);
        }
        assert!((9..=25).contains(&shares.len()), "{}", shares.len());
        drop(shares);
        assert_eq!(used(&room), 0);
    }

    #[test]
    fn lists_that_found_no_room_make_fewer_begin_at_once() {
        let room = Room::new(100);
        for _ in 0..64 {
            let share = begun(&room).unwrap();
            let mut taken = share.taken();
            assert!(taken.take(2));
            taken.miss(18);
            share.end();
        }
        let begun: Vec<_> = std::iter::from_fn(|| begun(&room)).collect();
        assert!((5..=7).contains(&begun.len()), "{}", begun.len());
    }

    #[test]
    fn lists_that_wait_in_files_however_much_is_free_keep_nothing_free() {
        let room = Room::new(100);
        let lists: Vec<_> = std::iter::from_fn(|| begun(&room)).take(16).collect();
        assert_eq!(lists.len(), 16);
        let long = |share: Arc<Share>| {
            let mut taken = share.taken();
            let fits = |taken: &mut Taken| taken.take(3) && used(&room) <= 100;
            let in_memory = std::iter::from_fn(|| fits(&mut taken).then_some(())).count();
            taken.miss(60 - 3 * in_memory);
            share.end();
            taken
        };
        // They take what there is, and each that is over makes place for another.
        let mut lists: Vec<_> = lists.into_iter().map(long).collect();
        assert!((96..=100).contains(&used(&room)));
        for _ in 0..64 {
            lists.remove(0);
            let next = begun(&room).expect("there is room for one more");
            lists.push(long(next));
            assert!(used(&room) <= 100);
        }
        assert_eq!(lists.len(), 16);
    }

    #[test]
    fn what_waits_of_a_list_shares_what_the_list_has() {
        let room = Room::new(100);
        let share = begun(&room).unwrap();
        let (mut read, mut new) = (share.taken(), share.taken());
        assert!(read.take(20) && new.take(5) && !new.take(1));
        drop(read);
        assert!(new.take(5));
        assert_eq!(used(&room), 25, "it may be read once more");
        share.end();
        drop(share);
        assert_eq!(used(&room), 10);
        drop(new);
        assert_eq!(used(&room), 0);
    }

    /// How often one of two threads had what there is once, and how much was used at most.
    fn raced<T>(room: &Room, take: impl Fn() -> Option<T> + Sync) -> (usize, usize) {
        let (came, had, most) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        // A barrier wakes one after the other; these two go on in the same moment, where each has a core.
        let together = || {
            let round = came.fetch_add(1, Ordering::AcqRel) / 2;
            let mut spins = 0_u32;
            while came.load(Ordering::Acquire) / 2 <= round {
                spins += 1;
                match spins % 1_000 {
                    0 => std::thread::yield_now(),
                    _ => std::hint::spin_loop(),
                }
            }
        };
        let race = || {
            for _ in 0..ROUNDS {
                together();
                let own = take();
                had.fetch_add(usize::from(own.is_some()), Ordering::Relaxed);
                together();
                most.fetch_max(used(room), Ordering::Relaxed);
                together();
                drop(own);
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(race);
            race();
        });
        (had.into_inner(), most.into_inner())
    }

    const ROUNDS: usize = 20_000;

    #[test]
    fn threads_that_take_at_once_take_no_more_than_there_is() {
        let room = Room::new(100);
        room.usual.store(75, Ordering::Relaxed);
        assert_eq!(raced(&room, || room.share()), (ROUNDS, 75));
        room.usual.store(0, Ordering::Relaxed);
        let others = [(); 3].map(|()| {
            let mut other = begun(&room).unwrap().taken();
            assert!(other.take(25));
            other
        });
        let take = || {
            let mut own = room.share().unwrap().taken();
            own.take(20).then_some(own)
        };
        assert_eq!(raced(&room, take), (ROUNDS, 95));
        drop(others);
        assert_eq!(used(&room), 0);
    }

    #[test]
    fn without_any_room_lists_begin_all_the_same() {
        let room = Room::new(0);
        let share = begun(&room).unwrap();
        assert!(!share.taken().take(1));
        share.end();
        assert!(begun(&room).is_some());
    }
}
