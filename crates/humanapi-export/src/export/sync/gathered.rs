//! What came of one list, and what of it has to be written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use humanapi_core::data::{Record, Route};

use super::super::spool::Spool;
use super::known::Written;
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
    /// Whether some of what comes is left out, so that no record may keep its neighbours in memory.
    leaves_out: bool,
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
    /// Files that it had to be compared with and that are damaged. What came is told all the same, once more where they may
    /// have told it; of what is missing some may not be known.
    pub(super) damaged: BTreeSet<String>,
}

/// Records in the forms that they have now.
pub(super) struct Changes {
    pub(super) records: Spool,
    /// The id of each.
    pub(super) ids: Vec<String>,
}

impl Gathered {
    /// `leaves_out` says whether some of the records were left out before they come here.
    pub(super) fn new(route: &'static Route, records: Spool, leaves_out: bool) -> Self {
        Self {
            route,
            records,
            entries: Vec::new(),
            last: BTreeMap::new(),
            moved: false,
            leaves_out,
            is_uncertain: false,
        }
    }

    /// The list moved, and is read on from its beginning.
    pub(super) const fn moved(&mut self) {
        self.moved = true;
        self.leaves_out = true;
    }

    /// Takes the next record. `is_remembered` says whether a pass would have left it out if it had been told.
    pub(super) fn push(&mut self, record: Record, is_remembered: bool) -> io::Result<()> {
        let form = form(&record);
        let mut id = id_of(&record, self.route);
        if let Some(last) = self.last.get(&id) {
            if self.entries[*last].form == form {
                self.leaves_out = true;
                return Ok(());
            }
            if !self.moved {
                // Two records of one id, side by side: each is there, and each is known again by what it holds.
                id = beside(&id, form);
                if self.last.contains_key(&id) {
                    self.leaves_out = true;
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
        match self.leaves_out {
            true => self.records.push_copy(&record, self.route.fields),
            false => self.records.push(record),
        }
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
        known: impl FnOnce() -> io::Result<Written>,
    ) -> io::Result<Settled> {
        let mut settled = Settled {
            changes: Changes {
                records: empty,
                ids: Vec::new(),
            },
            missing: Vec::new(),
            fingerprint: None,
            damaged: BTreeSet::new(),
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
            false => Written::default(),
        };
        let (known, damaged) = (known.forms, known.damaged);
        settled.damaged = damaged;
        let (entries, last) = (self.entries, self.last);
        let is_new = |at: usize, entry: &Entry| {
            let is_known = || known.get(&entry.id) == Some(&Some(entry.form));
            last.get(&entry.id) == Some(&at) && !((is_whole || entry.is_uncertain) && is_known())
        };
        let all = entries.iter().enumerate();
        let new: Vec<bool> = all.map(|(at, entry)| is_new(at, entry)).collect();
        let changes = &mut settled.changes;
        if new.iter().all(|is_new| *is_new) {
            changes.records = self.records;
        } else {
            let fields = self.route.fields;
            for (record, is_new) in self.records.into_records(fields)?.zip(&new) {
                let record = record?;
                if *is_new {
                    changes.records.push_copy(&record, fields)?;
                }
            }
        }
        let ids = entries.into_iter().zip(new);
        changes.ids = ids
            .filter_map(|(entry, is_new)| is_new.then_some(entry.id))
            .collect();
        if is_whole {
            settled.missing = known
                .into_keys()
                .filter(|id| !last.contains_key(id))
                .collect();
        }
        Ok(settled)
    }
}

#[cfg(test)]
mod tests {
    use humanapi_core::data::ROUTES;

    use super::super::super::room::Room;
    use super::*;

    const RECORDS: usize = 20_000;

    /// A list of which two neighbours in a thousand are new, and where what is new of it came to lie.
    async fn settled(sent_most: usize, how: &How) -> Vec<Record> {
        let route = ROUTES.iter().find(|route| route.name == "data.activities");
        let route = route.unwrap();
        let sent: Vec<String> = (0..RECORDS)
            .map(|number| format!(r#"{{"id":"a{number:06}","steps":{number:06}}}"#))
            .collect();
        let page = format!("[{}]", sent.join(","));
        let mut known = Written::default();
        let mut gathered = Gathered::new(
            route,
            Spool::new(&Room::new(sent_most).begin().await, None),
            false,
        );
        let records = Record::list_from_sent(page, route.fields).unwrap();
        for (number, record) in records.into_iter().enumerate() {
            if number % 1_000 > 1 {
                let id = id_of(&record, route);
                known.forms.insert(id, Some(form(&record)));
            }
            gathered.push(record, false).unwrap();
        }
        let empty = Spool::new(&Room::new(1_000_000).begin().await, None);
        let settled = gathered.settle(how, empty, || Ok(known)).unwrap();
        let changes = settled.changes;
        assert_eq!(changes.ids.len(), RECORDS / 500);
        let records = changes.records.into_records(route.fields).unwrap();
        records.map(Result::unwrap).collect()
    }

    /// Why not all records of a text stay.
    #[derive(Clone, Copy, Debug)]
    enum LeftOut {
        /// A pass told the others before.
        Told,
        /// The list moved, and is read from its beginning.
        Moved,
        /// One comes twice.
        Twice,
        /// Two stand side by side under one id, and again.
        BesideTwice,
    }

    #[tokio::test]
    async fn what_is_gathered_of_a_list_in_part_keeps_nothing_else_of_it_in_memory() {
        let route = ROUTES.iter().find(|route| route.name == "data.activities");
        let route = route.unwrap();
        let one = r#"{"id":"a","steps":1}"#;
        let beside = r#"{"id":"a","steps":2}"#;
        for why in [
            LeftOut::Told,
            LeftOut::Moved,
            LeftOut::Twice,
            LeftOut::BesideTwice,
        ] {
            let spool = Spool::new(&Room::new(1_000_000).begin().await, None);
            let leaves_out = matches!(why, LeftOut::Told);
            let mut gathered = Gathered::new(route, spool, leaves_out);
            let first: &[&str] = match why {
                LeftOut::Told => &[],
                LeftOut::Moved => &[one],
                LeftOut::Twice => &[one, one],
                LeftOut::BesideTwice => &[one, beside, beside],
            };
            let sent = [first, &[r#"{"id":"b"}"#, r#"{"id":"c"}"#]].concat();
            let page = format!("[{}]", sent.join(","));
            let records = Record::list_from_sent(page, route.fields).unwrap();
            for (number, record) in records.into_iter().enumerate() {
                if matches!(why, LeftOut::Moved) && number == first.len() {
                    gathered.moved();
                }
                gathered.push(record, true).unwrap();
            }
            let empty = Spool::new(&Room::new(0).begin().await, None);
            let settled = gathered.settle(&How::Changes, empty, || Ok(Written::default()));
            let records = settled.unwrap().changes.records;
            let records = records.into_records(route.fields).unwrap();
            let records: Vec<Record> = records.map(Result::unwrap).collect();
            let [.., b, c] = records.as_slice() else {
                unreachable!()
            };
            assert_eq!(
                (b.raw(), c.raw()),
                (&br#"{"id":"b"}"#[..], &br#"{"id":"c"}"#[..])
            );
            let apart = c
                .raw()
                .as_ptr()
                .addr()
                .wrapping_sub(b.raw().as_ptr().addr());
            assert_ne!(apart, b.raw().len() + 1, "{why:?}: they lie in one text");
        }
    }

    #[tokio::test]
    async fn what_is_new_of_a_list_keeps_nothing_else_of_it_in_memory() {
        // All of it in memory, and all but the first of it in a file.
        for most in [100_000_000, 1_000] {
            for how in [How::Whole(None), How::Changes] {
                for pair in settled(most, &how).await.chunks(2) {
                    let [one, next] = pair else { unreachable!() };
                    let (one_at, next_at) = (one.raw().as_ptr().addr(), next.raw().as_ptr().addr());
                    let apart = next_at.wrapping_sub(one_at);
                    assert_ne!(apart, one.raw().len() + 1, "they lie in one text");
                }
            }
        }
    }
}
