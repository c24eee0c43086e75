//! Numbers from a seed: the small generator behind every id, token and health record.
//!
//! None of this is cryptography.
//! The same seed must give the same bytes, so whoever knows the seed knows every token.

use std::fmt::Write as _;

/// The SplitMix64 step: spreads a number over all 64 bits.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number that depends on the seed and on every part, where one part ends included.
pub(crate) fn keyed(seed: u64, parts: &[&[u8]]) -> u64 {
    let mut state = mix(seed);
    for part in parts {
        state = mix(state ^ part.len() as u64);
        for chunk in part.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            state = mix(state ^ u64::from_le_bytes(word));
        }
    }
    state
}

/// An endless row of numbers from one start.
#[derive(Debug, Clone)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(start: u64) -> Self {
        Self(start)
    }

    pub(crate) fn next(&mut self) -> u64 {
        let value = mix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        value
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).saturating_add(1);
        low.wrapping_add((self.next() % span).cast_signed())
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T], fallback: T) -> T {
        let at = self.next() % choices.len().max(1) as u64;
        choices.get(at as usize).copied().unwrap_or(fallback)
    }

    pub(crate) fn bytes32(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for word in bytes.chunks_exact_mut(8) {
            word.copy_from_slice(&self.next().to_be_bytes());
        }
        bytes
    }

    /// Lower-case hexadecimal text of the given length.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            // Writing into a String cannot fail.
            let _ = write!(text, "{:016x}", self.next());
        }
        text.truncate(length);
        text
    }

    /// Text in the form of a random UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(keyed(1, &[b"ab", b"c"]), keyed(1, &[b"a", b"bc"]));
        assert_ne!(keyed(1, &[b"a"]), keyed(1, &[b"a\0"]));
        assert_ne!(keyed(1, &[b"a"]), keyed(2, &[b"a"]));
    }

    #[test]
    fn a_range_includes_both_ends_and_nothing_else() {
        let mut numbers = Numbers::new(7);
        let seen: std::collections::BTreeSet<_> = (0..200).map(|_| numbers.within(-1, 2)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-1, 0, 1, 2]);
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        let text = Numbers::new(3).uuid();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
    }
}
