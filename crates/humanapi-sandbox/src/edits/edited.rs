//! A user's records with what was changed over what is told.

use std::collections::HashMap;
use std::sync::Arc;

use super::filled::Filled;
use super::layer::{Layer, merge};
use crate::clock::Millis;
use crate::records::{Ask, Entry, Fields, Head, Records};
use crate::resource::Resource;

/// A user's records with changes over them.
pub(super) struct Edited {
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
    pub(super) fn new(
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
            let place = match before {
                None => Some(told.len()),
                Some(id) => told.find(id),
            };
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
                    entry.fields = entry.fields.changeable();
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
