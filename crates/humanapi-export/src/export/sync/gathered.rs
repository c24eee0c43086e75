//! What came of one list, and what of it has to be written.

use std::collections::BTreeMap;
use std::io;

use humanapi_core::data::{Record, Route};

use super::super::spool::Spool;
use super::known::Forms;
use super::line::{beside, fingerprint, form, id_of};

/// What came of one list, as it comes.
pub(super) struct Gathered {
    route: &'static Route,
    records: Spool,
    entries: Vec<Entry>,
    /// The last entry of each id.
    last: BTreeMap<String, usize>,
    /// Whether the list moved, so that a record which comes in two forms is newer in the later one.
    moved: bool,
    /// Whether any of it may have been told before.
    is_uncertain: bool,
}

struct Entry {
    id: String,
    form: u64,
    is_uncertain: bool,
}

/// How a list was read.
pub(super) enum How {
    /// What changed lately.
    Changes,
    /// All of it, with the fingerprint of the time before.
    Whole(Option<u64>),
}

/// What has to be written of a list.
pub(super) struct Settled {
    pub(super) changes: Changes,
    /// Ids that are known and did not come, if all of the list was read.
    pub(super) missing: Vec<String>,
    /// The fingerprint of what came, if all of the list was read.
    pub(super) fingerprint: Option<u64>,
}

/// Records in the forms that they have now.
pub(super) struct Changes {
    pub(super) records: Spool,
    /// The id of each.
    pub(super) ids: Vec<String>,
}

impl Gathered {
    pub(super) fn new(route: &'static Route, records: Spool) -> Self {
        Self {
            route,
            records,
            entries: Vec::new(),
            last: BTreeMap::new(),
            moved: false,
            is_uncertain: false,
        }
    }

    /// The list moved, and is read on from its beginning.
    pub(super) const fn moved(&mut self) {
        self.moved = true;
    }

    /// Takes the next record. `is_remembered` says whether a pass would have left it out if it had been told.
    pub(super) fn push(&mut self, record: Record, is_remembered: bool) -> io::Result<()> {
        let form = form(&record);
        let mut id = id_of(&record, self.route);
        if let Some(last) = self.last.get(&id) {
            if self.entries[*last].form == form {
                return Ok(());
            }
            if !self.moved {
                // Two records of one id, side by side: each is there, and each is known again by what it holds.
                id = beside(&id, form);
                if self.last.contains_key(&id) {
                    return Ok(());
                }
            }
        }
        self.last.insert(id.clone(), self.entries.len());
        self.is_uncertain |= !is_remembered;
        self.entries.push(Entry {
            id,
            form,
            is_uncertain: !is_remembered,
        });
        self.records.push(record)
    }

    /// Whether a record of this id came.
    pub(super) fn has(&self, id: &str) -> bool {
        self.last.contains_key(id)
    }

    /// Tells what has to be written. It waits for the disk.
    pub(super) fn settle(
        self,
        how: &How,
        empty: Spool,
        known: impl FnOnce() -> io::Result<Forms>,
    ) -> io::Result<Settled> {
        let mut settled = Settled {
            changes: Changes {
                records: empty,
                ids: Vec::new(),
            },
            missing: Vec::new(),
            fingerprint: None,
        };
        let is_whole = matches!(how, How::Whole(_));
        if let How::Whole(before) = how {
            let sum = self.last.iter().fold(0_u64, |sum, (id, at)| {
                sum.wrapping_add(fingerprint(id, self.entries[*at].form))
            });
            settled.fingerprint = Some(sum);
            if *before == Some(sum) {
                return Ok(settled);
            }
        }
        let known = match is_whole || self.is_uncertain {
            true => known()?,
            false => Forms::new(),
        };
        let records = self.records.into_records(self.route.fields)?;
        for (at, (record, entry)) in records.zip(&self.entries).enumerate() {
            let record = record?;
            let is_known = || known.get(&entry.id) == Some(&entry.form);
            if self.last.get(&entry.id) != Some(&at)
                || (is_whole || entry.is_uncertain) && is_known()
            {
                continue;
            }
            settled.changes.records.push(record)?;
            settled.changes.ids.push(entry.id.clone());
        }
        if is_whole {
            settled.missing = known
                .into_keys()
                .filter(|id| !self.last.contains_key(id))
                .collect();
        }
        Ok(settled)
    }
}
