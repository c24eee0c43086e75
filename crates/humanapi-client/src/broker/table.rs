//! The tokens at hand: read without a lock, replaced bucket by bucket.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use humanapi_core::broker::{BrokerPolicy, Fitness, KeptToken, Life};
use humanapi_core::{
    Bearer, BuildError, Expiry, Generation, HumanId, Now, RefreshToken, TokenKey, TokenKind,
};

use super::bucket::{Bucket, Entry, Slot, user};
use super::sync::{AtomicUsize, Loaded, Mutex, Ordering, Swap, lock};

/// Tokens of one application by key.
///
/// A read finds its bucket, takes what is there and writes nothing that threads share, except once in
/// a while a mark that the token is in use. A write copies its bucket of about eight tokens: exchanges
/// are rare and take milliseconds.
pub(crate) struct Table {
    hasher: RandomState,
    /// Made when first written to: a small process pays for few.
    segments: Box<[OnceLock<Segment>]>,
    /// How many buckets there are in all, less one: a power of two, less one.
    mask: usize,
    /// Held while a bucket is replaced; each guards every n-th.
    writers: Box<[Mutex<()>]>,
    len: AtomicUsize,
    capacity: usize,
    /// Where to look next for tokens to give up.
    hand: AtomicUsize,
}

type Segment = Box<[Swap<Bucket>]>;

/// Tokens in a bucket when the table is full.
const FILL: usize = 8;
const WRITERS: usize = 64;
/// Buckets in a segment.
const SEGMENT: usize = 512;
/// How many buckets are looked at for a token to give up: the least recently used of about as many
/// times [`FILL`] goes.
const LOOKED_AT: usize = 4;
/// Seconds between two marks that a token is in use, as a power of two: often enough to tell what is
/// used, rarely enough that reading stays reading.
const MARK_SHIFT: u32 = 6;

fn mark(now: Now) -> u32 {
    u32::try_from(now.monotonic().as_secs() >> MARK_SHIFT).unwrap_or(u32::MAX)
}

/// A key's place.
#[derive(Clone, Copy)]
struct Place {
    bucket: usize,
    tag: u32,
}

impl Table {
    /// Room for so many tokens.
    pub(crate) fn new(capacity: usize) -> Self {
        let buckets = (capacity / FILL).max(1).next_power_of_two();
        let segments = buckets.div_ceil(SEGMENT);
        Self {
            hasher: RandomState::new(),
            segments: std::iter::repeat_with(OnceLock::new)
                .take(segments)
                .collect(),
            mask: buckets - 1,
            writers: std::iter::repeat_with(|| Mutex::new(()))
                .take(WRITERS)
                .collect(),
            len: AtomicUsize::new(0),
            capacity: capacity.max(1),
            hand: AtomicUsize::new(0),
        }
    }

    /// A number of the key's own, which spreads what is drawn for it.
    pub(crate) fn seed(&self, key: &TokenKey) -> u64 {
        // No two keys write the same, because all of them end with one number.
        let mut hasher = self.hasher.build_hasher();
        hasher.write(user(key).as_bytes());
        hasher.write_u8(key.purpose() as u8);
        hasher.finish()
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    fn place(&self, key: &TokenKey) -> Place {
        let hash = self.seed(key);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "both halves of a hash are numbers as good as the whole"
        )]
        Place {
            bucket: hash as usize & self.mask,
            tag: (hash >> 32) as u32,
        }
    }

    /// The token of a key, whatever it is good for.
    pub(crate) fn find(&self, key: &TokenKey) -> Option<TokenRef> {
        let place = self.place(key);
        let bucket = self.segments[place.bucket / SEGMENT].get()?[place.bucket % SEGMENT].load();
        let index = bucket.as_deref()?.position(place.tag, key)?;
        Some(TokenRef { bucket, index })
    }

    /// Keeps a token unless a newer one is there. Tells how many others were given up for want of room.
    pub(crate) fn keep(
        &self,
        key: &TokenKey,
        token: &KeptToken,
        policy: &BrokerPolicy,
        now: Now,
    ) -> usize {
        let place = self.place(key);
        let life = Life::of(token, policy, self.seed(key));
        let entry = Entry::new(place.tag, key, token, life, mark(now));
        self.rewrite(place.bucket, Some(entry), |entries, entry| {
            let same = |entry: &Entry<'_>| entry.is_of(place.tag, key);
            match entries.iter().position(same) {
                Some(at) if entries[at].life().generation() >= life.generation() => return false,
                Some(at) => entries.splice(at..=at, entry).for_each(drop),
                None => entries.extend(entry),
            }
            true
        });
        self.make_room(policy, now)
    }

    /// Drops the token of a key if `gone` says so.
    pub(crate) fn drop_if(&self, key: &TokenKey, gone: impl Fn(&Life, TokenKind) -> bool) {
        let place = self.place(key);
        self.drop_from(place.bucket, |entry| {
            entry.is_of(place.tag, key) && gone(entry.life(), entry.kind())
        });
    }

    fn drop_from(&self, index: usize, gone: impl Fn(&Entry<'_>) -> bool) {
        self.rewrite(index, None, |entries, _| {
            let was = entries.len();
            entries.retain(|entry| !gone(entry));
            entries.len() < was
        });
    }

    /// Puts another bucket in place of one. `change` gets what is there and what comes, and tells whether
    /// it changed anything.
    fn rewrite(
        &self,
        index: usize,
        new: Option<Entry<'_>>,
        change: impl for<'a> FnOnce(&mut Vec<Entry<'a>>, Option<Entry<'a>>) -> bool,
    ) {
        let _writer = lock(&self.writers[index % WRITERS]);
        let segment = self.segments[index / SEGMENT].get_or_init(|| {
            let buckets = SEGMENT.min(self.mask + 1);
            std::iter::repeat_with(Swap::empty).take(buckets).collect()
        });
        let bucket = &segment[index % SEGMENT];
        let before = bucket.load();
        let mut entries = before.as_deref().map(Bucket::entries).unwrap_or_default();
        let was = entries.len();
        if !change(&mut entries, new) {
            return;
        }
        let is = entries.len();
        if is == 0 {
            bucket.store(None);
        } else if let Some(after) = Bucket::new(&entries) {
            bucket.store(Some(Arc::new(after)));
        } else {
            return;
        }
        if is > was {
            self.len.fetch_add(is - was, Ordering::Relaxed);
        } else {
            self.len.fetch_sub(was - is, Ordering::Relaxed);
        }
    }

    /// Drops what has ended in the next bucket, so that no secret outlives its use for long; and if
    /// there are too many tokens, those that ended first, then the least recently used of a few.
    fn make_room(&self, policy: &BrokerPolicy, now: Now) -> usize {
        let ended = |life: &Life| life.fitness(Duration::ZERO, policy, now) == Fitness::Spent;
        let mut given_up = 0;
        loop {
            let looked_at = if self.len() > self.capacity {
                LOOKED_AT
            } else {
                1
            };
            let mut oldest: Option<(u32, usize)> = None;
            for _ in 0..looked_at {
                let index = self.hand.fetch_add(1, Ordering::Relaxed) & self.mask;
                let Some(segment) = self.segments[index / SEGMENT].get() else {
                    self.hand.fetch_add(SEGMENT, Ordering::Relaxed);
                    continue;
                };
                let bucket = segment[index % SEGMENT].load();
                let slots = bucket.as_deref().map_or(&[][..], Bucket::slots);
                if slots.iter().any(|slot| ended(slot.life())) {
                    drop(bucket);
                    self.drop_from(index, |entry| ended(entry.life()));
                } else if let Some(used) = slots.iter().map(Slot::used).min()
                    && oldest.is_none_or(|(before, _)| used < before)
                {
                    oldest = Some((used, index));
                }
            }
            if self.len() <= self.capacity {
                return given_up;
            }
            if let Some((_, index)) = oldest {
                self.rewrite(index, None, |entries, _| {
                    let used = |index: &usize| entries[*index].used();
                    let Some(oldest) = (0..entries.len()).min_by_key(used) else {
                        return false;
                    };
                    entries.swap_remove(oldest);
                    given_up += 1;
                    true
                });
            }
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// A token at hand, lent.
///
/// Taking one copies nothing and counts no reference that threads share. Drop it soon: as long as it
/// lives, so does the token in memory, even if it was replaced. `Debug` hides it.
pub struct TokenRef {
    bucket: Loaded<Bucket>,
    index: usize,
}

impl TokenRef {
    fn bucket(&self) -> &Bucket {
        self.bucket.as_deref().expect("only what was found is lent")
    }

    fn slot(&self) -> &Slot {
        &self.bucket().slots()[self.index]
    }

    pub(crate) fn life(&self) -> &Life {
        self.slot().life()
    }

    /// Marks it as used, once in a while.
    pub(crate) fn touch(&self, now: Now) {
        self.slot().mark(mark(now));
    }

    /// The kind of token.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.slot().kind()
    }

    /// Tells it from the one it replaced.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.life().generation()
    }

    /// When it ends.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.life().expiry()
    }

    /// The token in clear. Keep it out of logs and messages.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.bucket().token(self.index)
    }

    /// What authorizes calls.
    ///
    /// # Errors
    ///
    /// When it is a token that opens Connect, or holds bytes that no header can hold.
    pub fn bearer(&self) -> Result<Bearer, BuildError> {
        self.to_kept().bearer()
    }

    /// A copy to keep.
    #[must_use]
    pub fn to_kept(&self) -> KeptToken {
        let human_id = self.bucket().human_id(self.index);
        let refresh = self.bucket().refresh_token(self.index);
        KeptToken::new(
            self.kind(),
            self.expose_secret(),
            self.generation(),
            self.expiry(),
            self.life().in_all(),
        )
        .with_refresh_token((!refresh.is_empty()).then(|| RefreshToken::new(refresh)))
        .with_human_id((!human_id.is_empty()).then(|| HumanId::new(human_id)))
    }
}

impl fmt::Debug for TokenRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRef")
            .field("kind", &self.kind())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use humanapi_core::{ClientId, ClientUserId};
    use std::time::SystemTime;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn noon() -> Now {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Now::new(Duration::from_secs(1_000), wall)
    }

    fn key(user: &str) -> TokenKey {
        let app = ClientId::new("app").unwrap();
        TokenKey::access(app, ClientUserId::new(user).unwrap())
    }

    fn token(secret: &str, generation: u64, issued: Now) -> KeptToken {
        let (expiry, number) = (Expiry::after(issued, HOUR), Generation::new(generation));
        KeptToken::new(TokenKind::Access, secret, number, expiry, HOUR)
    }

    fn keep(table: &Table, user: &str, generation: u64, now: Now) -> usize {
        let token = token(&format!("at-{user}-{generation}"), generation, now);
        table.keep(&key(user), &token, &BrokerPolicy::default(), now)
    }

    fn secret(table: &Table, key: &TokenKey) -> Option<String> {
        Some(table.find(key)?.expose_secret().to_owned())
    }

    #[test]
    fn what_was_kept_is_found_and_newer_replaces_older() {
        let table = Table::new(100);
        for user in 0..80 {
            keep(&table, &format!("u{user}"), 5, noon());
        }
        assert_eq!(table.len(), 80);
        keep(&table, "u7", 6, noon());
        keep(&table, "u7", 4, noon());
        assert_eq!(table.len(), 80);
        assert_eq!(secret(&table, &key("u7")).unwrap(), "at-u7-6");
        assert_eq!(secret(&table, &key("u8")).unwrap(), "at-u8-5");
        assert_eq!(secret(&table, &key("nobody")), None);
    }

    #[test]
    fn keys_differ_by_user_and_purpose_and_all_that_came_along_is_kept() {
        let app = ClientId::new("app").unwrap();
        let user = ClientUserId::new("u").unwrap();
        let keys = [
            TokenKey::access(app.clone(), user.clone()),
            TokenKey::connect(app.clone(), user),
            TokenKey::client(app),
        ];
        let table = Table::new(10);
        for (number, key) in keys.iter().enumerate() {
            let token = token(&format!("t{number}"), 1, noon())
                .with_human_id(Some(HumanId::new(format!("h{number}"))))
                .with_refresh_token(Some(RefreshToken::new(format!("r{number}"))));
            table.keep(key, &token, &BrokerPolicy::default(), noon());
        }
        for (number, key) in keys.iter().enumerate() {
            let kept = table.find(key).unwrap().to_kept();
            assert_eq!(kept.expose_secret(), format!("t{number}"));
            assert_eq!(kept.human_id().unwrap().as_str(), format!("h{number}"));
            let refresh = kept.refresh_token().unwrap();
            assert_eq!(refresh.expose_secret(), format!("r{number}"));
            assert_eq!(kept.life(), HOUR);
        }
    }

    #[test]
    fn dropping_is_by_key_and_condition() {
        let table = Table::new(10);
        keep(&table, "a", 3, noon());
        table.drop_if(&key("a"), |life, _| life.generation() < Generation::new(3));
        assert_eq!(table.len(), 1);
        table.drop_if(&key("b"), |_, _| true);
        assert_eq!(table.len(), 1);
        table.drop_if(&key("a"), |_, _| true);
        assert_eq!((table.len(), secret(&table, &key("a"))), (0, None));
    }

    #[test]
    fn a_full_table_gives_up_what_was_used_least_recently() {
        let table = Table::new(64);
        for user in 0..64 {
            keep(&table, &format!("u{user}"), 1, noon());
        }
        let later = noon().after(Duration::from_secs(600));
        for user in 0..32 {
            table.find(&key(&format!("u{user}"))).unwrap().touch(later);
        }
        let mut given_up = 0;
        for user in 64..80 {
            given_up += keep(&table, &format!("u{user}"), 1, later);
        }
        assert_eq!((table.len(), given_up), (64, 16));
        let used = (0..32).filter(|user| table.find(&key(&format!("u{user}"))).is_some());
        assert_eq!(used.count(), 32, "none of those in use went");
    }

    #[test]
    fn a_full_table_gives_up_what_has_ended_first() {
        let table = Table::new(64);
        for user in 0..64 {
            keep(&table, &format!("old{user}"), 1, noon());
        }
        let later = noon().after(HOUR);
        for user in 0..64 {
            assert_eq!(keep(&table, &format!("new{user}"), 1, later), 0);
        }
        let alive = (0..64).filter(|user| table.find(&key(&format!("new{user}"))).is_some());
        assert_eq!(alive.count(), 64);
    }

    #[test]
    fn a_lent_token_outlives_its_replacement() {
        let table = Table::new(10);
        keep(&table, "a", 1, noon());
        let lent = table.find(&key("a")).unwrap();
        keep(&table, "a", 2, noon());
        assert_eq!(lent.expose_secret(), "at-a-1");
        assert!(!format!("{lent:?} {table:?}").contains("at-a"), "{lent:?}");
        assert_eq!(secret(&table, &key("a")).unwrap(), "at-a-2");
    }
}
