//! How many values were read, by unit, and how many were not, by reason.

use std::collections::BTreeMap;

use serde::Serialize;

/// So many units have a line of their own.
const MOST_UNITS: usize = 512;

/// Why a value has no unit of UCUM, or was brought to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unread {
    /// A number stands without a unit.
    NoUnit,
    /// The text is no unit that is known.
    Unknown,
    /// The text means different things to different senders.
    Doubt,
    /// The unit beside the value is another one than the unit within it.
    TwoUnits,
    /// The codes name two different things that were measured.
    TwoAnalytes,
    /// The unit is of another kind than values of what was measured, and no rule says how many of one the other is.
    NoRule,
    /// One unit is of another kind than the other.
    OtherKind,
    /// The number is larger, or has more digits, than any that was measured.
    OutOfRange,
}

/// How values were read. It tells nothing of a value, and of a unit only what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<(Option<String>, Option<Unread>), u64>,
}

/// One line of a [`Tally`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnitCount {
    /// The unit by UCUM. Nothing where the text is none that is known, because it could be anything.
    pub unit: Option<String>,
    /// Why the values were brought to no other unit; nothing where they were.
    pub unread: Option<Unread>,
    /// How many values.
    pub values: u64,
}

impl Tally {
    pub(super) fn add(&mut self, unit: Option<&str>, unread: Option<Unread>) {
        let mut key = (unit.map(ToOwned::to_owned), unread);
        if self.counts.len() >= MOST_UNITS && !self.counts.contains_key(&key) {
            key.0 = None;
        }
        *self.counts.entry(key).or_default() += 1;
    }

    /// How many values were read, and brought to the unit of their kind.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.lines()
            .filter(|line| line.unread.is_none())
            .map(|line| line.values)
            .sum()
    }

    /// How many values were not.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.lines()
            .filter(|line| line.unread.is_some())
            .map(|line| line.values)
            .sum()
    }

    /// By unit and reason.
    pub fn lines(&self) -> impl Iterator<Item = UnitCount> {
        self.counts
            .iter()
            .map(|((unit, unread), values)| UnitCount {
                unit: unit.clone(),
                unread: *unread,
                values: *values,
            })
    }
}

impl Serialize for Tally {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.lines())
    }
}
