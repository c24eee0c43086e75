//! What a pass over changes told lately, so that it tells nothing twice.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::data::record::Record;

/// So many records are remembered as told. What changes more than that in one lag is told again.
const MOST_REMEMBERED: usize = 1000;

/// What was told lately, oldest first: in which form each record was told last, and when it had changed.
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
        if self.last.insert(id, form) == Some(form) {
            return false;
        }
        self.forms.push_back((id, form, updated.as_millisecond()));
        if self.forms.len() > MOST_REMEMBERED
            && let Some((oldest, form, _)) = self.forms.pop_front()
            && self.last.get(&oldest) == Some(&form)
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
