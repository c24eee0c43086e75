//! Up to where one user's lists were read, in a few tens of bytes for each.

use std::collections::BTreeMap;
use std::time::Duration;

use humanapi_client::CursorName;
use humanapi_core::ClientUserId;
use humanapi_core::data::{Route, Watermark};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::super::key::BucketKey;

/// Which kind of record, in two bytes.
pub(super) type Kind = u16;

/// Up to where one list was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    /// Where the next pass over what changed begins, as bytes; none where a list does not tell changes.
    watermark: Option<Vec<u8>>,
    /// How far behind that what was told is remembered, in seconds: the lag of the pass that ended there.
    lag: u16,
    /// Until when everything that changed was told, in seconds since 1970: by the service's clock where it told the time. 0
    /// where that is not known.
    changes_until: u32,
    /// When all of it was last read, so that nothing of it could be deleted without a trace.
    whole_at: Option<u32>,
    /// Whether that was the first time.
    is_first: bool,
    /// What tells whether a list is still the same, if nothing of it changed since it was read whole.
    pub(super) fingerprint: Option<u64>,
    /// Whether what was told already may come again without being known.
    may_repeat: bool,
    /// Why nothing came of it when it was asked for last.
    pub(super) unread: Option<Unread>,
}

/// Why a list could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The service refuses it.
    Refused,
    /// For a reason that may pass.
    Failed,
}

impl Unread {
    /// Why, where no more is known.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// A pass that is over.
pub(super) struct PassRead<'w> {
    /// When it began, by our clock.
    pub(super) began: Timestamp,
    /// Where it began itself; nothing where it read everything.
    pub(super) since: Option<Timestamp>,
    /// Where the next one over what changed begins; nothing where a list does not tell changes.
    pub(super) watermark: Option<&'w Watermark>,
    /// Whether all that changed was told.
    pub(super) is_settled: bool,
    /// Whether it read everything,
    pub(super) is_of_everything: bool,
    /// and nothing of what it did not meet is there.
    pub(super) is_whole: bool,
    /// How long a record may take to appear.
    pub(super) lag: Duration,
    /// When each record had changed that it told and remembers, as far as it remembers.
    pub(super) told: &'w [Timestamp],
}

const HAS_WATERMARK: u8 = 1;
const HAS_WHOLE: u8 = 2;
const IS_FIRST: u8 = 4;
const HAS_FINGERPRINT: u8 = 8;
const MAY_REPEAT: u8 = 16;
const IS_REFUSED: u8 = 32;
const HAS_FAILED: u8 = 64;
const HAS_LAG: u8 = 128;

/// How late a record may appear unless a caller says otherwise,
pub(super) const LAG: Duration = Duration::from_secs(10 * 60);
/// the least that a pass takes, and what it reads beyond it.
pub(super) const SHORTEST_LAG: Duration = Duration::from_secs(60);
pub(super) const BOUNDARY: Duration = Duration::from_secs(1);

/// What a watermark is without what it remembers, and each record that it remembers, in bytes.
const WATERMARK: usize = 9;
const REMEMBERED: usize = 24;
/// A pass remembers so many records at most, and drops the first ones then.
const MOST_REMEMBERED: usize = 1_000;

impl Cursor {
    pub(super) fn watermark(&self, route: &Route) -> Option<Watermark> {
        Watermark::from_bytes(route, self.watermark.as_deref()?)
    }

    /// Whether what was told lately may come again without being known, in a pass of this lag.
    pub(super) fn may_repeat(&self, lag: Duration) -> bool {
        // The longest that is told may have been longer.
        let is_longer = lag > Duration::from_secs(self.lag.into());
        self.may_repeat || is_longer || seconds_of(lag) == u16::MAX
    }

    /// Whether the lag is another than the usual one, which takes no bytes.
    fn has_own_lag(&self) -> bool {
        self.watermark.is_some() && self.lag != seconds_of(LAG)
    }

    /// How many records it remembers.
    fn remembered(&self) -> usize {
        let bytes = self.watermark.as_ref().map_or(0, Vec::len);
        bytes.saturating_sub(WATERMARK) / REMEMBERED
    }

    /// More was told of the list than it knows of.
    fn doubt(&mut self) {
        self.fingerprint = None;
        self.may_repeat = true;
    }

    /// A pass is over.
    pub(super) fn read(&mut self, pass: &PassRead<'_>) {
        let seconds = |at: Timestamp| u32::try_from(at.as_second()).unwrap_or_default();
        // A pass over everything begins without what was told before.
        let before = match pass.is_of_everything {
            true => 0,
            false => self.remembered(),
        };
        self.watermark = pass.watermark.and_then(Watermark::to_bytes);
        self.lag = seconds_of(pass.lag);
        // Where it did not settle, what it did not meet comes again,
        let moment = pass.watermark.and_then(Watermark::moment);
        let doubted = self.may_repeat && !pass.is_settled;
        // and where the next one begins before it, by the clock of another machine, what it was not to meet any more.
        let went_back = pass.since.is_some_and(|since| moment < Some(since));
        self.may_repeat = moment.is_some_and(|moment| {
            // Those behind the lag do not come again.
            let back = pass.lag.saturating_add(BOUNDARY);
            let back = SignedDuration::try_from(back).unwrap_or(SignedDuration::MAX);
            let since = moment.checked_sub(back).unwrap_or(Timestamp::MIN);
            let recent = pass.told.iter().filter(|at| **at >= since).count();
            before + pass.told.len() > MOST_REMEMBERED && (before > 0 || recent > self.remembered())
        });
        self.may_repeat |= doubted || went_back;
        self.unread = None;
        if pass.is_settled {
            self.changes_until = seconds(moment.unwrap_or(pass.began));
        }
        if pass.is_whole {
            self.is_first = self.whole_at.is_none();
            self.whole_at = Some(seconds(pass.began));
        }
    }

    /// Whether it is time to read all of it. The first time after the first is spread over the whole interval, by what
    /// stands for the user, and the others follow in it.
    pub(super) fn is_due(
        &self,
        now: Timestamp,
        every: SignedDuration,
        user: CursorName,
        kind: Kind,
    ) -> bool {
        let Some(whole_at) = self.whole_at else {
            return true;
        };
        // A clock that was put back does not keep it from being read: so much may it differ either way.
        let passed = now.as_second().abs_diff(i64::from(whole_at));
        let share = u16::from_be_bytes([user[0], user[1]]) ^ kind;
        // Wider than an interval of any length, so that the share is taken before it is divided.
        let every = i128::from(every.as_secs());
        let wait = match self.is_first {
            // An eighth at least, so that nothing is read twice at once.
            true => every / 8 + (every - every / 8) * i128::from(share) / 65_536,
            false => every,
        };
        i128::from(passed) >= wait
    }

    /// Until when everything that changed was told, in seconds since 1970: by the service's clock where it told the time.
    /// Nothing where no pass told all of it yet.
    pub(super) fn changes_until(&self) -> Option<i64> {
        (self.changes_until > 0).then_some(i64::from(self.changes_until))
    }

    pub(super) fn deletions_until(&self) -> Option<i64> {
        self.whole_at.map(i64::from)
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        bytes.push(
            flag(self.watermark.is_some(), HAS_WATERMARK)
                | flag(self.whole_at.is_some(), HAS_WHOLE)
                | flag(self.is_first, IS_FIRST)
                | flag(self.fingerprint.is_some(), HAS_FINGERPRINT)
                | flag(self.may_repeat, MAY_REPEAT)
                | flag(self.has_own_lag(), HAS_LAG)
                | flag(self.unread == Some(Unread::Refused), IS_REFUSED)
                | flag(self.unread == Some(Unread::Failed), HAS_FAILED),
        );
        bytes.extend(self.changes_until.to_be_bytes());
        if let Some(watermark) = &self.watermark {
            // A watermark has a bounded length.
            let length = u16::try_from(watermark.len()).unwrap_or(u16::MAX);
            bytes.extend(length.to_be_bytes());
            bytes.extend(&watermark[..usize::from(length)]);
        }
        if self.has_own_lag() {
            bytes.extend(self.lag.to_be_bytes());
        }
        bytes.extend(self.whole_at.iter().flat_map(|at| at.to_be_bytes()));
        bytes.extend(self.fingerprint.iter().flat_map(|sum| sum.to_be_bytes()));
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let [flags] = take(bytes)?;
        let changes_until = u32::from_be_bytes(take(bytes)?);
        let has = |flag| flags & flag != 0;
        let watermark = match has(HAS_WATERMARK) {
            true => {
                let length = usize::from(u16::from_be_bytes(take(bytes)?));
                let (watermark, rest) = bytes.split_at_checked(length)?;
                *bytes = rest;
                Some(watermark.to_vec())
            }
            false => None,
        };
        let lag = match has(HAS_LAG) {
            true => u16::from_be_bytes(take(bytes)?),
            false => seconds_of(LAG),
        };
        let whole_at = match has(HAS_WHOLE) {
            true => Some(u32::from_be_bytes(take(bytes)?)),
            false => None,
        };
        let fingerprint = match has(HAS_FINGERPRINT) {
            true => Some(u64::from_be_bytes(take(bytes)?)),
            false => None,
        };
        Some(Self {
            watermark,
            lag,
            changes_until,
            whole_at,
            is_first: has(IS_FIRST),
            fingerprint,
            may_repeat: has(MAY_REPEAT),
            unread: match (has(IS_REFUSED), has(HAS_FAILED)) {
                (true, _) => Some(Unread::Refused),
                (_, true) => Some(Unread::Failed),
                _ => None,
            },
        })
    }
}

/// Whole seconds, so many as are kept.
fn seconds_of(lag: Duration) -> u16 {
    u16::try_from(lag.as_secs()).unwrap_or(u16::MAX)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

/// One user's cursors, by the kind of record.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursors(BTreeMap<Kind, Cursor>);

impl Cursors {
    /// Reads what was kept. What is none is as if nothing was kept: everything is read anew.
    pub(super) fn from_bytes(mut bytes: &[u8]) -> Self {
        let mut cursors = BTreeMap::new();
        while !bytes.is_empty() {
            let Some(kind) = take(&mut bytes).map(Kind::from_be_bytes) else {
                return Self::default();
            };
            let Some(cursor) = Cursor::take(&mut bytes) else {
                return Self::default();
            };
            cursors.insert(kind, cursor);
        }
        Self(cursors)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, cursor) in &self.0 {
            bytes.extend(kind.to_be_bytes());
            cursor.write(&mut bytes);
        }
        bytes
    }

    pub(super) fn of(&self, kind: Kind) -> Option<&Cursor> {
        self.0.get(&kind)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Kind, &Cursor)> {
        self.0.iter().map(|(kind, cursor)| (*kind, cursor))
    }

    pub(super) fn set(&mut self, kind: Kind, cursor: Cursor) {
        self.0.insert(kind, cursor);
    }

    /// More was told of each list than they know of: what comes is compared with what was written.
    pub(super) fn doubt(&mut self) {
        self.0.values_mut().for_each(Cursor::doubt);
    }
}

/// What a user's cursors are kept by.
pub(super) fn cursors_of(key: &BucketKey, user: &ClientUserId) -> CursorName {
    key.code("user", [user.as_str()])
}

/// Two bytes for a kind of record, the same in every release.
pub(super) fn kind(route: &Route) -> Kind {
    let hash = Sha256::digest(route.name.as_bytes());
    Kind::from_be_bytes([hash[0], hash[1]])
}

#[cfg(test)]
mod tests;
