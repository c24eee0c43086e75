//! Which bucket a user is in, told by a keyed hash, and which buckets one process of several takes.

use std::fmt;
use std::io;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use humanapi_core::ClientUserId;
use sha2::Sha256;
use thiserror::Error;

use crate::keyed::{self, InvalidKey, hex};

/// So many there are unless it is said.
pub(super) const BUCKETS: u32 = 16;
/// So many buckets there can be.
pub(super) const MOST_BUCKETS: u32 = 1_000;

/// What stands for texts where they must not stand themselves.
pub(super) type Code = [u8; 16];

/// The key by which users are put into buckets, and documents are named.
///
/// Who has it and a user's id can tell which bucket the user is in; a path tells nothing without it. An export has one for as
/// long as it lives, so that its users stay in their buckets.
///
/// `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketKey([u8; 32]);

impl BucketKey {
    /// This key: 32 bytes that nobody can guess.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A new key, drawn by the system.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn draw() -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self(key))
    }

    /// The key as text, for a file that is kept: 64 hexadecimal digits.
    #[must_use]
    pub fn expose_secret(&self) -> String {
        hex(&self.0)
    }

    /// The bucket of a user, of so many.
    pub(super) fn bucket(&self, user: &ClientUserId, buckets: u32) -> u32 {
        let hash = self.hash("bucket", [user.as_str()]);
        let (first, _) = hash.split_at(8);
        let number = first
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        (number % u64::from(buckets.max(1))) as u32
    }

    /// What stands for these texts where they must not stand themselves.
    pub(super) fn name<'a>(&self, of: &'a str, texts: impl IntoIterator<Item = &'a str>) -> String {
        hex(&self.code(of, texts))
    }

    /// The same as bytes.
    pub(super) fn code<'a>(&self, of: &'a str, texts: impl IntoIterator<Item = &'a str>) -> Code {
        let hash = self.hash(of, texts);
        let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
        *first
    }

    fn hash<'a>(&self, of: &'a str, texts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
        let mut hash =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for text in std::iter::once(of).chain(texts) {
            // The length first, so that no two lists of texts have the same bytes.
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into_bytes().into()
    }
}

impl fmt::Debug for BucketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BucketKey(…)")
    }
}

impl FromStr for BucketKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        keyed::read(text).map(Self)
    }
}

/// Which share of the buckets one process of several takes: the first of four, written `1/4`.
///
/// All of them need the same [key](BucketKey), number of buckets and users. Those that run at once are shares of one number: no
/// lock keeps `1/2` and `1/3` from writing the buckets that they have in common.
///
/// ```
/// use humanapi_export::Shard;
///
/// let shard: Shard = "1/4".parse()?;
/// assert_eq!(shard.to_string(), "1/4");
/// assert!("5/4".parse::<Shard>().is_err());
/// # Ok::<(), humanapi_export::InvalidShard>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// All buckets.
    pub(super) const ALL: Self = Self { number: 1, of: 1 };

    pub(super) const fn takes(self, bucket: u32) -> bool {
        bucket % self.of == self.number - 1
    }

    /// What its files are called by.
    pub(super) fn name(self) -> String {
        format!("{}-of-{}", self.number, self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// It is no shard.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("it is no shard: the second of four is written 2/4")]
#[non_exhaustive]
pub struct InvalidShard;

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let numbers = text.split_once('/');
        let numbers =
            numbers.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err(InvalidShard),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_shows_nothing_of_itself() {
        let key = BucketKey::draw().unwrap();
        assert_eq!(key.expose_secret().parse(), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "BucketKey(…)");
        for text in ["", "abc", &"x".repeat(64)] {
            assert!(text.parse::<BucketKey>().is_err());
        }
    }

    #[test]
    fn users_are_spread_and_another_key_spreads_them_otherwise() {
        let (one, other) = (BucketKey::new([1; 32]), BucketKey::new([2; 32]));
        let buckets = |key: &BucketKey| -> Vec<u32> {
            let users = (0..800).map(|user| ClientUserId::from(format!("u{user}")));
            users.map(|user| key.bucket(&user, 8)).collect()
        };
        let spread = buckets(&one);
        for bucket in 0..8 {
            let users = spread.iter().filter(|own| **own == bucket).count();
            assert!((60..140).contains(&users), "{bucket}: {users}");
        }
        assert_ne!(spread, buckets(&other));
    }

    #[test]
    fn shards_take_each_bucket_once() {
        let shards: Vec<Shard> = (1..=3).map(|n| format!("{n}/3").parse().unwrap()).collect();
        for bucket in 0..16 {
            let takers = shards.iter().filter(|shard| shard.takes(bucket)).count();
            assert_eq!(takers, 1);
        }
        for text in ["", "1", "0/4", "5/4", "1/0", "a/b", "1/4/2", "-1/4"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
