//! What was changed of users' records, over what their lives tell, and what is still to be changed.

mod edited;
mod filled;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

use crate::assumption::{Assumption, Assumptions};
use crate::clock::Millis;
use crate::data::Resource;
use crate::data::records::{Ask, Entry, Fields, Head, Records};
use crate::lock;
use crate::record_change::{At, Checked, Kind};
use crate::seed::{Numbers, keyed};
use crate::source::{Source, SourceKind};
use crate::state::Full;
use edited::Edited;

/// All users' changes.
#[derive(Debug, Default)]
pub(crate) struct Edits(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    count: usize,
    done: HashMap<(Arc<str>, Resource), Arc<Layer>>,
    planned: Vec<Planned>,
}

#[derive(Debug)]
struct Planned {
    human_id: Arc<str>,
    pages: u32,
    change: Checked,
}

/// What was changed of one user's records of one resource.
#[derive(Debug, Clone, Default)]
struct Layer {
    filled: Option<usize>,
    inserted: Vec<Inserted>,
    updated: HashMap<String, Update>,
    deleted: HashMap<String, Millis>,
    /// How many records were ever inserted.
    serial: u32,
}

#[derive(Debug, Clone)]
struct Inserted {
    /// The record that it stands before, of those that were not inserted; `None`: the end.
    before: Option<String>,
    entry: Entry,
}

#[derive(Debug, Clone, Default)]
struct Update {
    at: Millis,
    fields: Map<String, Value>,
}

impl Edits {
    /// How many changes are kept and planned, until a reset makes room.
    pub(crate) const MOST: usize = 10_000;

    pub(crate) fn reset(&self) {
        *lock(&self.0) = Kept::default();
    }

    /// Forgets a user.
    pub(crate) fn forget(&self, human_id: &str) {
        let mut kept = lock(&self.0);
        kept.done.retain(|(owner, _), _| **owner != *human_id);
        kept.planned
            .retain(|planned| *planned.human_id != *human_id);
    }

    /// Plans a change, and says whether it is for now.
    pub(crate) fn plan(&self, human_id: &str, change: Checked) -> Result<bool, Full> {
        let mut kept = lock(&self.0);
        if kept.count >= Self::MOST {
            return Err(Full);
        }
        kept.count += 1;
        let pages = change.pages;
        kept.planned.push(Planned {
            human_id: human_id.into(),
            pages,
            change,
        });
        Ok(pages == 0)
    }

    /// A user's records of a resource with all changes.
    pub(crate) fn over(
        &self,
        assumptions: &Assumptions,
        resource: Resource,
        ask: &Ask<'_>,
        told: Box<dyn Records>,
    ) -> Box<dyn Records> {
        let key = (ask.subject.human_id.as_str().into(), resource);
        let Some(layer) = lock(&self.0).done.get(&key).cloned() else {
            return told;
        };
        let keeps_deleted = assumptions.is(Assumption::DeletedRecords, "tombstone");
        Box::new(Edited::new(layer, keeps_deleted, resource, ask, told))
    }

    /// Counts a page of a user, and gives what is to be done then, in the order of planning.
    pub(crate) fn due(&self, human_id: &str, page_of: Option<Resource>) -> Vec<Checked> {
        let mut kept = lock(&self.0);
        let mut due = Vec::new();
        kept.planned.retain_mut(|planned| {
            if *planned.human_id != *human_id {
                return true;
            }
            if page_of == Some(planned.change.pages_of) {
                planned.pages = planned.pages.saturating_sub(1);
            }
            if planned.pages == 0 {
                due.push(planned.change.clone());
            }
            planned.pages > 0
        });
        due
    }

    /// Does a change; `now_told` are the records with the changes so far.
    ///
    /// Where there is no such record, there is nothing to change.
    pub(crate) fn apply(&self, change: &Checked, ask: &Ask<'_>, now_told: &dyn Records) {
        let mut kept = lock(&self.0);
        let key = (ask.subject.human_id.as_str().into(), change.resource);
        let layer = Arc::make_mut(kept.done.entry(key).or_default());
        let id = match &change.at {
            At::Index(index) if *index < now_told.len() => Some(now_told.at(*index).id),
            At::Index(_) => None,
            At::Id(id) => now_told.find(id).map(|_| id.clone()),
        };
        // Some odd records have no id, by which a change could be kept.
        let id = id.filter(|id| !id.is_empty());
        match (change.kind, id) {
            (Kind::Fill(count), _) => {
                *layer = Layer {
                    filled: Some(count),
                    ..Layer::default()
                };
            }
            (Kind::Insert, before) => layer.insert(before, change, ask, now_told),
            (Kind::Update, Some(id)) => layer.update(&id, change, ask.now),
            (Kind::Delete, Some(id)) => layer.delete(id, ask.now),
            (Kind::Update | Kind::Delete, None) => {}
        }
    }
}

impl Layer {
    fn insert(
        &mut self,
        before: Option<String>,
        change: &Checked,
        ask: &Ask<'_>,
        now_told: &dyn Records,
    ) {
        self.serial += 1;
        let id = Numbers::new(keyed(
            ask.seed,
            &[
                b"inserted",
                ask.subject.human_id.as_bytes(),
                change.resource.path().as_bytes(),
                &self.serial.to_be_bytes(),
            ],
        ))
        .hex(24);
        let mut entry = if now_told.len() > 0 {
            now_told.at(0)
        } else {
            match blank(ask, change.resource) {
                Some(entry) => entry,
                None => return,
            }
        };
        entry.id = id;
        entry.series = None;
        entry.fields = entry.fields.changeable();
        entry.head.created = ask.now;
        entry.head.updated = ask.now;
        for name in ["id", "createdAt", "updatedAt"] {
            entry.fields.remove(name);
        }
        merge(&mut entry.fields, &change.fields);
        // Before one that was inserted itself is before whatever that one stands before.
        let place = before.as_ref().and_then(|before| {
            self.inserted
                .iter()
                .position(|other| other.entry.id == *before)
        });
        match place {
            Some(place) => {
                let before = self.inserted[place].before.clone();
                self.inserted.insert(place, Inserted { before, entry });
            }
            None => self.inserted.push(Inserted { before, entry }),
        }
    }

    fn update(&mut self, id: &str, change: &Checked, now: Millis) {
        if let Some(inserted) = self.inserted.iter_mut().find(|one| one.entry.id == id) {
            inserted.entry.head.updated = now;
            merge(&mut inserted.entry.fields, &change.fields);
            return;
        }
        let update = self.updated.entry(id.to_owned()).or_default();
        update.at = now;
        update.fields.extend(change.fields.clone());
    }

    fn delete(&mut self, id: String, now: Millis) {
        let before = self.inserted.len();
        self.inserted.retain(|one| one.entry.id != id);
        if self.inserted.len() == before {
            self.deleted.insert(id, now);
        }
    }
}

fn merge(fields: &mut Fields, others: &Map<String, Value>) {
    for (name, value) in others {
        fields.set(name.clone(), value.clone());
    }
}

/// A record of a user who has none to copy; `None` where nothing fitting is connected.
fn blank(ask: &Ask<'_>, resource: Resource) -> Option<Entry> {
    let is_wellness = |source: &Source| source.kind == SourceKind::Wellness;
    let source = ask
        .subject
        .sources
        .iter()
        .copied()
        .find(|source| is_wellness(source) == resource.is_wellness())?;
    let head = Head {
        source,
        created: ask.now,
        updated: ask.now,
        local: resource.is_wellness().then_some(ask.now),
    };
    Some(Entry::new(String::new(), head, Fields::new()))
}
