//! What was changed of users' records, over what their lives tell, and what is still to be changed.

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

/// How much older each record of a filled list is than the one before.
const STEP: Millis = 600_000;

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

/// A user's records with changes over them.
struct Edited {
    layer: Arc<Layer>,
    told: Box<dyn Records>,
    pieces: Vec<Piece>,
    len: usize,
    updated: HashMap<usize, String>,
    deleted: HashMap<usize, Millis>,
}

/// A row of records that stand together.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Where it begins in the whole list.
    start: usize,
    from: From,
}

#[derive(Debug, Clone, Copy)]
enum From {
    /// From here on in what is told.
    Told(usize),
    /// This one of the inserted ones.
    Inserted(usize),
}

impl Edited {
    fn new(
        layer: Arc<Layer>,
        keeps_deleted: bool,
        resource: Resource,
        ask: &Ask<'_>,
        told: Box<dyn Records>,
    ) -> Self {
        let told: Box<dyn Records> = match layer.filled {
            None => told,
            Some(count) => Filled::of(count, resource, ask, &*told),
        };
        let updated = layer
            .updated
            .keys()
            .filter_map(|id| Some((told.find(id)?, id.clone())))
            .collect();
        let deleted: HashMap<_, _> = layer
            .deleted
            .iter()
            .filter_map(|(id, at)| Some((told.find(id)?, *at)))
            .collect();
        // Where something else than the next record of what is told stands.
        let mut cuts: Vec<(usize, Option<usize>)> = Vec::new();
        for (at, inserted) in layer.inserted.iter().enumerate() {
            if !ask.subject.sources.contains(&inserted.entry.head.source) {
                continue;
            }
            let before = inserted.before.as_ref();
            let place = before.map_or(Some(told.len()), |id| told.find(id));
            cuts.push((place.unwrap_or(0), Some(at)));
        }
        if !keeps_deleted {
            cuts.extend(deleted.keys().map(|index| (*index, None)));
        }
        // What is inserted before a record stands before it even where that one is deleted.
        cuts.sort_by_key(|(place, inserted)| (*place, inserted.is_none(), *inserted));
        let mut pieces = Vec::new();
        let (mut len, mut next) = (0, 0);
        let mut add = |from, count: usize| {
            if count > 0 {
                pieces.push(Piece { start: len, from });
                len += count;
            }
        };
        for (place, inserted) in cuts {
            add(From::Told(next), place - next);
            next = place;
            match inserted {
                Some(at) => add(From::Inserted(at), 1),
                None => next += 1,
            }
        }
        add(From::Told(next), told.len().saturating_sub(next));
        Self {
            layer,
            told,
            pieces,
            len,
            updated,
            deleted,
        }
    }

    /// Where the record at an index comes from.
    fn from(&self, index: usize) -> From {
        let at = self.pieces.partition_point(|piece| piece.start <= index) - 1;
        let piece = self.pieces[at];
        match piece.from {
            From::Told(first) => From::Told(first + index - piece.start),
            inserted @ From::Inserted(_) => inserted,
        }
    }

    fn updates(&self, head: &mut Head, told: usize) {
        if let Some(id) = self.updated.get(&told) {
            head.updated = self.layer.updated[id].at;
        }
        if let Some(at) = self.deleted.get(&told) {
            head.updated = *at;
        }
    }
}

impl Records for Edited {
    fn len(&self) -> usize {
        self.len
    }

    fn head(&self, index: usize) -> Head {
        match self.from(index) {
            From::Inserted(at) => self.layer.inserted[at].entry.head,
            From::Told(told) => {
                let mut head = self.told.head(told);
                self.updates(&mut head, told);
                head
            }
        }
    }

    fn at(&self, index: usize) -> Entry {
        match self.from(index) {
            From::Inserted(at) => self.layer.inserted[at].entry.clone(),
            From::Told(told) => {
                let mut entry = self.told.at(told);
                self.updates(&mut entry.head, told);
                if let Some(id) = self.updated.get(&told) {
                    entry.fields.remove("updatedAt");
                    merge(&mut entry.fields, &self.layer.updated[id].fields);
                }
                if self.deleted.contains_key(&told) {
                    entry.fields = Fields::new().with("deleted", true);
                    entry.series = None;
                }
                entry
            }
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        let told = self.told.find(id);
        self.pieces.iter().enumerate().find_map(|(at, piece)| {
            let end = self.pieces.get(at + 1).map_or(self.len, |next| next.start);
            match piece.from {
                From::Inserted(inserted) => {
                    (self.layer.inserted[inserted].entry.id == id).then_some(piece.start)
                }
                From::Told(first) => {
                    let index = piece.start + told?.checked_sub(first)?;
                    (index < end).then_some(index)
                }
            }
        })
    }
}

/// As many records as were asked for, each made from one by its index.
struct Filled {
    count: usize,
    model: Entry,
}

impl Filled {
    /// After the newest of what is told, or a record with nothing in it.
    fn of(count: usize, resource: Resource, ask: &Ask<'_>, told: &dyn Records) -> Box<dyn Records> {
        let model = if told.len() > 0 {
            Some(told.at(0))
        } else {
            blank(ask, resource)
        };
        match model {
            None => Box::new(Vec::new()),
            Some(mut model) => {
                for name in ["id", "createdAt", "updatedAt"] {
                    model.fields.remove(name);
                }
                // What is spoken of is the same for all of a user's filled lists.
                model.id =
                    Numbers::new(keyed(ask.seed, &[b"filled", resource.path().as_bytes()])).hex(12);
                Box::new(Self { count, model })
            }
        }
    }

    /// How much older a record is than the model.
    fn age(index: usize) -> Millis {
        i64::try_from(index)
            .unwrap_or(i64::MAX)
            .saturating_mul(STEP)
    }
}

impl Records for Filled {
    fn len(&self) -> usize {
        self.count
    }

    fn head(&self, index: usize) -> Head {
        let age = Self::age(index);
        let head = &self.model.head;
        Head {
            source: head.source,
            created: head.created.saturating_sub(age),
            updated: head.updated.saturating_sub(age),
            local: head.local.map(|local| local.saturating_sub(age)),
        }
    }

    fn at(&self, index: usize) -> Entry {
        let mut fields = self.model.fields.clone();
        for value in fields.values_mut() {
            if let Some(older) = value
                .as_str()
                .and_then(|text| shifted(text, Self::age(index)))
            {
                *value = older.into();
            }
        }
        Entry {
            id: format!("{}{index:012x}", self.model.id),
            head: self.head(index),
            fields,
            series: self.model.series.clone(),
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        let index = id.strip_prefix(&self.model.id)?;
        let at = usize::from_str_radix(index, 16).ok()?;
        // Only the spelling that it is told with.
        (at < self.count && format!("{at:012x}") == index).then_some(at)
    }
}

/// An instant or a date that is older by so much.
fn shifted(text: &str, age: Millis) -> Option<String> {
    if text.len() == 10 {
        let date: jiff::civil::Date = text.parse().ok()?;
        let at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        return Some(crate::clock::day(at.as_millisecond().saturating_sub(age)));
    }
    if text.len() != 24 {
        return None;
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(crate::clock::instant(
        at.as_millisecond().saturating_sub(age),
    ))
}
