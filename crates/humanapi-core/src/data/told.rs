//! What a pass over changes told lately, so that it tells nothing twice.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::data::record::Record;

/// So many records are remembered as told: those that changed last. What changes more than that in one lag is told again.
const MOST_REMEMBERED: usize = 1000;

/// What was told lately, by when it had changed: in which form each record was told last.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Told {
    forms: VecDeque<Form>,
    /// The form of each, by the hash of its id.
    #[serde(skip)]
    last: BTreeMap<u64, u64>,
}

/// The hashes of an id and of a record's bytes, and when the record had changed.
type Form = (u64, u64, i64);
/// The bytes of one.
const FORM: usize = 24;

impl Told {
    /// Whether the record was not told in this very form last. Takes note of it.
    pub(super) fn is_new(&mut self, record: &Record) -> bool {
        // What has no id cannot be told from another that is just like it.
        let (Some(id), Some(updated)) = (record.known("id"), updated(record)) else {
            return true;
        };
        if self.last.is_empty() {
            let forms = self.forms.iter();
            self.last = forms.map(|(id, form, _)| (*id, *form)).collect();
        }
        let (id, form) = (hash(id.raw()), hash(record.raw()));
        match self.last.insert(id, form) {
            Some(before) if before == form => return false,
            Some(_) => self.forms.retain(|(other, _, _)| *other != id),
            None => {}
        }
        // Lists come newest first, so what was told first is not what is forgotten first.
        let updated = updated.as_millisecond();
        let place = self.forms.partition_point(|(_, _, at)| *at <= updated);
        self.forms.insert(place, (id, form, updated));
        if self.forms.len() > MOST_REMEMBERED
            && let Some((oldest, _, _)) = self.forms.pop_front()
        {
            self.last.remove(&oldest);
        }
        true
    }

    /// The forms in so many bytes each.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        for (id, form, updated) in &self.forms {
            bytes.extend(id.to_be_bytes());
            bytes.extend(form.to_be_bytes());
            bytes.extend(updated.to_be_bytes());
        }
    }

    /// Reads what was written; nothing where it is none, or more than is remembered.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (forms, rest) = bytes.as_chunks::<FORM>();
        if !rest.is_empty() || forms.len() > MOST_REMEMBERED {
            return None;
        }
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).ok();
        let forms = forms.iter().map(|form| {
            let (id, rest) = form.split_at(8);
            let (form, updated) = rest.split_at(8);
            Some((number(id)?, number(form)?, number(updated)?.cast_signed()))
        });
        Some(Self {
            forms: forms.collect::<Option<_>>()?,
            last: BTreeMap::new(),
        })
    }

    /// Forgets what had changed before this moment, because it does not come again.
    pub(super) fn forget_before(&mut self, moment: Timestamp) {
        let moment = moment.as_millisecond();
        self.forms.retain(|(_, _, updated)| *updated >= moment);
        self.last.clear();
    }
}

/// What a rebuilt program hashes otherwise is told once more, which does no harm.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// When a record was last changed, where it says so.
pub(super) fn updated(record: &Record) -> Option<Timestamp> {
    record.known("updatedAt")?.moment()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Activity;

    #[test]
    fn what_changed_last_is_remembered_in_whichever_order_it_was_told() {
        let record = |number: usize| {
            let updated = Timestamp::from_second(1_768_478_400 + number as i64).unwrap();
            let sent = format!(r#"{{"id": "a{number}", "updatedAt": "{updated}"}}"#);
            Record::from_sent(sent, Activity::FIELDS).unwrap()
        };
        let all = 0..MOST_REMEMBERED + 500;
        let (up, down): (Vec<_>, Vec<_>) = (all.clone().collect(), all.clone().rev().collect());
        for order in [up, down] {
            let mut told = Told::default();
            for number in order {
                assert!(told.is_new(&record(number)));
            }
            let mut bytes = Vec::new();
            told.write(&mut bytes);
            let mut read = Told::read(&bytes).unwrap();
            for number in all.clone().skip(500) {
                assert!(!read.is_new(&record(number)), "{number}");
            }
            assert!(read.is_new(&record(499)));
        }
    }
}
