//! What tells records of a list from each other, and which of the page before come again.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};

use crate::data::record::Record;

/// What tells a record from others: its id, or all its bytes where it has none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Identity<'a> {
    Id(&'a [u8]),
    Bytes(&'a [u8]),
}

/// An id is not kept beyond this length.
const LONGEST_ID: usize = 256;

impl<'a> Identity<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        match record.known("id").map(|id| id.raw()) {
            Some(id) if id.len() <= LONGEST_ID && !matches!(id, b"null" | b"\"\"") => Self::Id(id),
            _ => Self::Bytes(record.raw()),
        }
    }
}

/// A record's bytes, as a hash.
pub(super) fn form(record: &Record) -> u64 {
    hash(record.raw())
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The records of the page before, as far as they have ids.
///
/// They are hashed where one is looked for or the call is saved. Most often neither happens, so until then the page itself
/// is kept.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(into = "BTreeSet<Form>", from = "BTreeSet<Form>")]
pub(super) enum PageBefore {
    #[default]
    Nothing,
    /// One of its records, which holds all.
    Page(Record),
    Forms(BTreeSet<Form>),
}

/// The hashes of an id and of its record's bytes.
type Form = (u64, u64);

/// Which records of a page were on the page before.
#[derive(Default)]
pub(super) struct CameAgain {
    /// Those that are just as they were there, by their index.
    pub(super) unchanged: Vec<usize>,
    /// Whether others are there in another form.
    pub(super) has_changed: bool,
}

impl PageBefore {
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Which of these were on it.
    pub(super) fn find_again<'a>(&self, records: impl Iterator<Item = &'a Record>) -> CameAgain {
        let mut again = CameAgain::default();
        if self.is_nothing() {
            return again;
        }
        let forms = BTreeSet::from(self.clone());
        for (index, record) in records.enumerate() {
            let Some(form) = form_of(record) else {
                continue;
            };
            if forms.contains(&form) {
                again.unchanged.push(index);
            } else {
                let (id, _) = form;
                again.has_changed |= forms.range((id, 0)..=(id, u64::MAX)).next().is_some();
            }
        }
        again
    }
}

fn form_of(record: &Record) -> Option<Form> {
    match Identity::of(record) {
        Identity::Id(id) => Some((hash(id), form(record))),
        // What has no id cannot be told from another that is just like it.
        Identity::Bytes(_) => None,
    }
}

impl From<PageBefore> for BTreeSet<Form> {
    fn from(before: PageBefore) -> Self {
        match before {
            PageBefore::Nothing => Self::new(),
            PageBefore::Page(record) => {
                let records = record.of_its_page();
                records.filter_map(|record| form_of(&record)).collect()
            }
            PageBefore::Forms(forms) => forms,
        }
    }
}

impl From<BTreeSet<Form>> for PageBefore {
    fn from(forms: BTreeSet<Form>) -> Self {
        Self::Forms(forms)
    }
}
