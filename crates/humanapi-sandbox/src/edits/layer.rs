//! What was changed of one user's records of one resource.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::clock::Millis;
use crate::record_change::Checked;
use crate::records::{Ask, Entry, Fields, Head, Records};
use crate::resource::Resource;
use crate::seed::{Numbers, keyed};
use crate::source::{Source, SourceKind};

/// Changes over what is told.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) filled: Option<usize>,
    pub(super) inserted: Vec<Inserted>,
    pub(super) updated: HashMap<String, Update>,
    pub(super) deleted: HashMap<String, Millis>,
    /// How many records were ever inserted.
    serial: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Inserted {
    /// The record that it stands before, of those that were not inserted; `None`: the end.
    pub(super) before: Option<String>,
    pub(super) entry: Entry,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Update {
    pub(super) at: Millis,
    pub(super) fields: Map<String, Value>,
}

impl Layer {
    /// A list of so many made-up records, whatever was there before.
    pub(super) fn filled(count: usize) -> Self {
        Self {
            filled: Some(count),
            ..Self::default()
        }
    }

    pub(super) fn insert(
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

    pub(super) fn update(&mut self, id: &str, change: &Checked, now: Millis) {
        if let Some(inserted) = self.inserted.iter_mut().find(|one| one.entry.id == id) {
            inserted.entry.head.updated = now;
            merge(&mut inserted.entry.fields, &change.fields);
            return;
        }
        let update = self.updated.entry(id.to_owned()).or_default();
        update.at = now;
        update.fields.extend(change.fields.clone());
    }

    pub(super) fn delete(&mut self, id: String, now: Millis) {
        let before = self.inserted.len();
        self.inserted.retain(|one| one.entry.id != id);
        if self.inserted.len() == before {
            self.deleted.insert(id, now);
        }
    }
}

pub(super) fn merge(fields: &mut Fields, others: &Map<String, Value>) {
    for (name, value) in others {
        fields.set(name.clone(), value.clone());
    }
}

/// A record of a user who has none to copy; `None` where nothing fitting is connected.
pub(super) fn blank(ask: &Ask<'_>, resource: Resource) -> Option<Entry> {
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
