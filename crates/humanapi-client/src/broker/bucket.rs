//! A few tokens side by side.

use std::{array, mem};

use humanapi_core::broker::{KeptToken, Life};
use humanapi_core::rules::Purpose;
use humanapi_core::{HumanId, RefreshToken, TokenKey, TokenKind};
use zeroize::Zeroizing;

use super::sync::{AtomicU32, Ordering};

/// Tokens whose keys have the same lower half of a hash. It never changes but for the marks of use; who
/// wants other tokens makes another bucket.
///
/// It lies in three pieces of memory: the heads here, the slots, and the text. A lookup goes from the head
/// to slot and text at once, so that it waits for memory as often as in a plain map.
pub(crate) struct Bucket {
    /// Of the first tokens. Beside each other and beside the rest of this struct, so that whoever looks
    /// for a token looks at one or two lines of memory.
    near: [Head; NEAR],
    /// Of the others, if there are any.
    far: Box<[Head]>,
    slots: Box<[Slot]>,
    /// User id, token, refresh token and human id of each token, one after another.
    text: Zeroizing<Box<str>>,
}

/// Most buckets of a full table hold no more.
const NEAR: usize = 12;

/// What a lookup needs of a token before it knows that it is the right one.
#[derive(Clone, Copy, Default)]
struct Head {
    /// The upper half of the key's hash, so that other keys are hardly ever compared.
    tag: u32,
    /// Where its text begins.
    begin: u32,
}

/// The rest of what is known of a token.
pub(crate) struct Slot {
    life: Life,
    used: AtomicU32,
    user_len: u32,
    token_len: u32,
    purpose: Purpose,
    kind: TokenKind,
    refresh_len: u16,
}

/// A token on its way into a bucket: a new one, or one of another bucket.
pub(crate) struct Entry<'a> {
    tag: u32,
    used: u32,
    life: Life,
    purpose: Purpose,
    kind: TokenKind,
    user: &'a str,
    token: &'a str,
    refresh: &'a str,
    human_id: &'a str,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(
        tag: u32,
        key: &'a TokenKey,
        token: &'a KeptToken,
        life: Life,
        used: u32,
    ) -> Self {
        Self {
            tag,
            used,
            life,
            purpose: key.purpose(),
            kind: token.kind(),
            user: user(key),
            token: token.expose_secret(),
            refresh: refresh(token),
            human_id: token.human_id().map_or("", HumanId::as_str),
        }
    }

    const fn parts(&self) -> [&'a str; 4] {
        [self.user, self.token, self.refresh, self.human_id]
    }

    pub(crate) fn is_of(&self, tag: u32, key: &TokenKey) -> bool {
        self.tag == tag && self.purpose == key.purpose() && self.user == user(key)
    }

    pub(crate) const fn life(&self) -> &Life {
        &self.life
    }

    pub(crate) const fn kind(&self) -> TokenKind {
        self.kind
    }

    pub(crate) const fn used(&self) -> u32 {
        self.used
    }
}

/// The user of a key; a key without one has an empty id, which no user has.
pub(crate) fn user(key: &TokenKey) -> &str {
    key.user().map_or("", |user| user.as_str())
}

/// The refresh token that came along, empty if none did. One of more than 64 KiB is not kept in memory, where
/// it would cost every token room.
fn refresh(token: &KeptToken) -> &str {
    let refresh = (token.refresh_token()).map_or("", RefreshToken::expose_secret);
    match u16::try_from(refresh.len()) {
        Ok(_) => refresh,
        Err(_) => "",
    }
}

impl Bucket {
    /// Nothing if the texts are longer than 4 GiB together.
    pub(crate) fn new(entries: &[Entry<'_>]) -> Option<Self> {
        let length = |entry: &Entry<'_>| entry.parts().map(str::len).iter().sum::<usize>();
        // As long as it will be: what a string leaves behind when it grows is not wiped.
        let mut text = Zeroizing::new(String::with_capacity(entries.iter().map(length).sum()));
        let mut heads = Vec::with_capacity(entries.len());
        let mut slots = Vec::with_capacity(entries.len());
        for entry in entries {
            heads.push(Head {
                tag: entry.tag,
                begin: u32::try_from(text.len()).ok()?,
            });
            slots.push(Slot {
                life: entry.life,
                used: AtomicU32::new(entry.used),
                user_len: u32::try_from(entry.user.len()).ok()?,
                token_len: u32::try_from(entry.token.len()).ok()?,
                refresh_len: u16::try_from(entry.refresh.len()).ok()?,
                purpose: entry.purpose,
                kind: entry.kind,
            });
            entry
                .parts()
                .into_iter()
                .for_each(|part| text.push_str(part));
        }
        let near = array::from_fn(|index| heads.get(index).copied().unwrap_or_default());
        Some(Self {
            near,
            far: heads.get(NEAR..).unwrap_or_default().into(),
            slots: slots.into_boxed_slice(),
            text: Zeroizing::new(mem::take(&mut *text).into_boxed_str()),
        })
    }

    /// Which token is that of a key.
    pub(crate) fn position(&self, tag: u32, key: &TokenKey) -> Option<usize> {
        let (purpose, user) = (key.purpose(), user(key));
        let is_it = |(index, head): &(usize, &Head)| {
            head.tag == tag
                && self.slots.get(*index).is_some_and(|slot| {
                    let (begin, length) = (head.begin as usize, user.len());
                    self.text.as_bytes().get(begin..begin + length) == Some(user.as_bytes())
                        && slot.user_len as usize == length
                        && slot.purpose == purpose
                })
        };
        let mut heads = self.near.iter().chain(&*self.far).enumerate();
        Some(heads.find(is_it)?.0)
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn head(&self, index: usize) -> Head {
        let far = || self.far.get(index - NEAR);
        let head = self.near.get(index).or_else(far);
        head.copied().unwrap_or_default()
    }

    fn begin(&self, index: usize) -> usize {
        self.head(index).begin as usize
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    pub(crate) fn token(&self, index: usize) -> &str {
        let slot = &self.slots[index];
        let from = self.begin(index) + slot.user_len as usize;
        self.part(from, from + slot.token_len as usize)
    }

    /// Empty where none came along.
    pub(crate) fn refresh_token(&self, index: usize) -> &str {
        let slot = &self.slots[index];
        let from = self.begin(index) + slot.user_len as usize + slot.token_len as usize;
        self.part(from, from + usize::from(slot.refresh_len))
    }

    pub(crate) fn human_id(&self, index: usize) -> &str {
        let slot = &self.slots[index];
        let from = self.begin(index)
            + slot.user_len as usize
            + slot.token_len as usize
            + usize::from(slot.refresh_len);
        let to = if index + 1 < self.slots.len() {
            self.begin(index + 1)
        } else {
            self.text.len()
        };
        self.part(from, to)
    }

    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        let entry = |(index, slot): (usize, &Slot)| {
            let begin = self.begin(index);
            Entry {
                tag: self.head(index).tag,
                used: slot.used(),
                life: slot.life,
                purpose: slot.purpose,
                kind: slot.kind,
                user: self.part(begin, begin + slot.user_len as usize),
                token: self.token(index),
                refresh: self.refresh_token(index),
                human_id: self.human_id(index),
            }
        };
        self.slots.iter().enumerate().map(entry).collect()
    }
}

impl Slot {
    pub(crate) const fn life(&self) -> &Life {
        &self.life
    }

    pub(crate) const fn kind(&self) -> TokenKind {
        self.kind
    }

    pub(crate) fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// Writes only where there is something to write, because all threads share it.
    pub(crate) fn mark(&self, used: u32) {
        if self.used() != used {
            self.used.store(used, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use humanapi_core::broker::BrokerPolicy;
    use humanapi_core::{ClientId, ClientUserId, Expiry, Generation};
    use std::time::{Duration, SystemTime};

    fn kept(number: u32) -> (TokenKey, KeptToken) {
        let app = ClientId::new("app").unwrap();
        let user = ClientUserId::new(format!("u{number}")).unwrap();
        let key = match number % 2 {
            0 => TokenKey::access(app, user),
            _ => TokenKey::connect(app, user),
        };
        let (expiry, none) = (Expiry::at(SystemTime::UNIX_EPOCH), Duration::ZERO);
        let generation = Generation::new(u64::from(number));
        let refresh = number.is_multiple_of(4);
        let token = KeptToken::new(
            TokenKind::Id,
            format!("t{number}"),
            generation,
            expiry,
            none,
        )
        .with_human_id((!number.is_multiple_of(3)).then(|| HumanId::new(format!("h{number}"))))
        .with_refresh_token(refresh.then(|| RefreshToken::new(format!("r{number}"))));
        (key, token)
    }

    /// Each token is found, with all that belongs to it, although it shares its tag with every third.
    fn check(tokens: u32) {
        let kept: Vec<_> = (0..tokens).map(kept).collect();
        let entries: Vec<_> = (0..tokens)
            .zip(&kept)
            .map(|(number, (key, token))| {
                let life = Life::of(token, &BrokerPolicy::default(), 0);
                Entry::new(number % 3, key, token, life, number)
            })
            .collect();
        let first = Bucket::new(&entries).unwrap();
        let copy = Bucket::new(&first.entries()).unwrap();
        for bucket in [first, copy] {
            for (number, (key, token)) in (0..tokens).zip(&kept) {
                let at = bucket.position(number % 3, key).unwrap();
                let slot = &bucket.slots()[at];
                let generation = slot.life().generation().number();
                assert_eq!((generation, slot.used()), (number.into(), number));
                assert_eq!(bucket.token(at), token.expose_secret());
                let human_id = token.human_id().map_or("", HumanId::as_str);
                assert_eq!(bucket.human_id(at), human_id);
                assert_eq!(bucket.refresh_token(at), refresh(token));
                assert_eq!(bucket.position(3, key), None, "another tag");
            }
            let (nobody, _) = self::kept(tokens);
            let found = (0..3).find_map(|tag| bucket.position(tag, &nobody));
            assert_eq!((bucket.slots().len(), found), (tokens as usize, None));
        }
    }

    #[test]
    fn tokens_are_found_however_many_there_are() {
        (1..=30).for_each(check);
    }

    #[test]
    fn a_users_id_is_compared_in_full() {
        let [short, long] = [1, 10].map(kept);
        let life = Life::of(&short.1, &BrokerPolicy::default(), 0);
        let bucket = Bucket::new(&[Entry::new(0, &short.0, &short.1, life, 0)]).unwrap();
        assert_eq!(bucket.position(0, &long.0), None);
        let connect = short.0.user().unwrap().clone();
        let access = TokenKey::access(short.0.client_id().clone(), connect);
        assert_eq!(bucket.position(0, &access), None, "another purpose");
        assert_eq!(bucket.position(0, &short.0), Some(0));
    }
}
