//! The tokens at hand: read without a lock, replaced bucket by bucket.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use humanapi_core::broker::{BrokerPolicy, Fitness, KeptToken, Life};
use humanapi_core::rules::Purpose;
use humanapi_core::{Bearer, BuildError, Expiry, Generation, HumanId, Now, TokenKey, TokenKind};
use zeroize::Zeroizing;

use super::sync::{AtomicU32, AtomicUsize, Loaded, Mutex, Ordering, Swap, lock};

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

type Bucket = Box<[Slot]>;
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

/// One token in few bytes.
struct Slot {
    /// The upper half of the key's hash, so that other keys are hardly ever compared.
    tag: u32,
    used: AtomicU32,
    life: Life,
    user_len: u32,
    token_len: u32,
    purpose: Purpose,
    kind: TokenKind,
    /// User id, token and human id, one after another.
    text: Zeroizing<Box<[u8]>>,
}

impl Slot {
    fn new(tag: u32, key: &TokenKey, token: &KeptToken, life: Life, now: Now) -> Option<Self> {
        let user = user(key);
        let secret = token.expose_secret();
        let human_id = token.human_id().map_or("", HumanId::as_str);
        let text = [user, secret, human_id].concat().into_bytes();
        Some(Self {
            tag,
            used: AtomicU32::new(mark(now)),
            life,
            user_len: u32::try_from(user.len()).ok()?,
            token_len: u32::try_from(secret.len()).ok()?,
            purpose: key.purpose(),
            kind: token.kind(),
            text: Zeroizing::new(text.into_boxed_slice()),
        })
    }

    fn copy(&self) -> Self {
        Self {
            tag: self.tag,
            used: AtomicU32::new(self.used.load(Ordering::Relaxed)),
            life: self.life,
            user_len: self.user_len,
            token_len: self.token_len,
            purpose: self.purpose,
            kind: self.kind,
            text: self.text.clone(),
        }
    }

    fn part(&self, from: usize, to: usize) -> &str {
        let bytes = self.text.get(from..to).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    const fn ends(&self) -> (usize, usize) {
        let user = self.user_len as usize;
        (user, user + self.token_len as usize)
    }

    fn is_of(&self, tag: u32, purpose: Purpose, user: &[u8]) -> bool {
        self.tag == tag
            && self.purpose == purpose
            && self.text.get(..self.user_len as usize) == Some(user)
    }
}

fn user(key: &TokenKey) -> &str {
    key.user().map_or("", |user| user.as_str())
}

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
        self.hasher.hash_one((key.purpose(), user(key)))
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
        let user = user(key).as_bytes();
        let index = bucket
            .as_deref()?
            .iter()
            .position(|slot| slot.is_of(place.tag, key.purpose(), user))?;
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
        let Some(slot) = Slot::new(place.tag, key, token, life, now) else {
            return 0;
        };
        let mut slot = Some(slot);
        self.rewrite(place.bucket, |slots| {
            let same = |slot: &Slot| slot.is_of(place.tag, key.purpose(), user(key).as_bytes());
            match slots.iter().position(same) {
                Some(index) if slots[index].life.generation() >= life.generation() => {}
                Some(index) => slots[index] = slot.take().expect("a bucket is rewritten once"),
                None => slots.push(slot.take().expect("a bucket is rewritten once")),
            }
        });
        self.make_room(policy, now)
    }

    /// Drops the token of a key if `gone` says so.
    pub(crate) fn drop_if(&self, key: &TokenKey, gone: impl Fn(&Life, TokenKind) -> bool) {
        let place = self.place(key);
        self.rewrite(place.bucket, |slots| {
            slots.retain(|slot| {
                let same = slot.is_of(place.tag, key.purpose(), user(key).as_bytes());
                !(same && gone(&slot.life, slot.kind))
            });
        });
    }

    fn rewrite(&self, index: usize, change: impl FnOnce(&mut Vec<Slot>)) {
        let _writer = lock(&self.writers[index % WRITERS]);
        let segment = self.segments[index / SEGMENT].get_or_init(|| {
            let buckets = SEGMENT.min(self.mask + 1);
            std::iter::repeat_with(Swap::empty).take(buckets).collect()
        });
        let bucket = &segment[index % SEGMENT];
        let before = bucket.load();
        let mut slots: Vec<Slot> = before
            .as_deref()
            .map(|slots| slots.iter().map(Slot::copy).collect())
            .unwrap_or_default();
        let (was, _) = (slots.len(), change(&mut slots));
        let is = slots.len();
        bucket.store((is > 0).then(|| Arc::new(slots.into_boxed_slice())));
        if is > was {
            self.len.fetch_add(is - was, Ordering::Relaxed);
        } else {
            self.len.fetch_sub(was - is, Ordering::Relaxed);
        }
    }

    /// Drops what has ended in the next bucket, so that no secret outlives its use for long; and if
    /// there are too many tokens, those that ended first, then the least recently used of a few.
    fn make_room(&self, policy: &BrokerPolicy, now: Now) -> usize {
        let ended = |slot: &Slot| slot.life.fitness(Duration::ZERO, policy, now) == Fitness::Spent;
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
                let slots = bucket.as_deref().map_or(&[][..], |slots| slots);
                if slots.iter().any(ended) {
                    drop(bucket);
                    self.rewrite(index, |slots| slots.retain(|slot| !ended(slot)));
                } else if let Some(used) = slots
                    .iter()
                    .map(|slot| slot.used.load(Ordering::Relaxed))
                    .min()
                    && oldest.is_none_or(|(before, _)| used < before)
                {
                    oldest = Some((used, index));
                }
            }
            if self.len() <= self.capacity {
                return given_up;
            }
            if let Some((_, index)) = oldest {
                self.rewrite(index, |slots| {
                    let used = |slot: &Slot| slot.used.load(Ordering::Relaxed);
                    if let Some(oldest) = (0..slots.len()).min_by_key(|index| used(&slots[*index]))
                    {
                        slots.swap_remove(oldest);
                        given_up += 1;
                    }
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
    fn slot(&self) -> &Slot {
        let bucket = self.bucket.as_deref().expect("only what was found is lent");
        &bucket[self.index]
    }

    pub(crate) fn life(&self) -> &Life {
        &self.slot().life
    }

    /// Marks it as used, once in a while.
    pub(crate) fn touch(&self, now: Now) {
        let (used, mark) = (&self.slot().used, mark(now));
        if used.load(Ordering::Relaxed) != mark {
            used.store(mark, Ordering::Relaxed);
        }
    }

    /// The kind of token.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.slot().kind
    }

    /// Tells it from the one it replaced.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.slot().life.generation()
    }

    /// When it ends.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.slot().life.expiry()
    }

    /// The token in clear. Keep it out of logs and messages.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        let (user, token) = self.slot().ends();
        self.slot().part(user, token)
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
        let slot = self.slot();
        let human_id = slot.part(slot.ends().1, slot.text.len());
        // How long it lived in all decided when it is renewed, and that is decided.
        KeptToken::new(
            slot.kind,
            self.expose_secret(),
            slot.life.generation(),
            slot.life.expiry(),
            Duration::ZERO,
        )
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
    fn keys_differ_by_user_and_purpose_and_human_ids_come_along() {
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
                .with_human_id(Some(HumanId::new(format!("h{number}"))));
            table.keep(key, &token, &BrokerPolicy::default(), noon());
        }
        for (number, key) in keys.iter().enumerate() {
            let kept = table.find(key).unwrap().to_kept();
            assert_eq!(kept.expose_secret(), format!("t{number}"));
            assert_eq!(kept.human_id().unwrap().as_str(), format!("h{number}"));
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
