//! Pages of activities of 15 fields, as the service sends them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// So many records are on a page: the most that the service gives.
pub const PAGE: u32 = 500;

/// A page of these records, the first of them by its number. No two numbers have the same id.
#[must_use]
pub fn page(first: u32, records: u32) -> String {
    let mut page = String::from("[");
    for n in first..first.saturating_add(records) {
        if n > first {
            page.push(',');
        }
        let (minute, of_page) = (n % 60, n % PAGE);
        let (duration, distance, steps) = (1_000 + of_page, 2_400 + of_page, 3_000 + of_page);
        // Writing to a text cannot fail.
        let _ = write!(
            page,
            r#"{{"id":"5f{n:022x}","userId":"5f00000000000000000000a1","startTime":"2021-06-01T12:{minute:02}:00.000Z","endTime":"2021-06-01T12:30:05.000Z","tzOffset":"+02:00","type":"walking","source":"strider","duration":{duration},"distance":{distance}.7,"steps":{steps},"calories":140,"sourceData":{{"manual":false}},"createdAt":"2021-06-01T13:00:00.000Z","updatedAt":"2021-06-01T13:00:00.000Z","humanId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}}"#
        );
    }
    page.push(']');
    page
}

/// A list of so many records that every user has.
#[derive(Debug)]
pub(crate) struct List {
    records: u32,
    /// The first pages that were asked for, by where they begin: making one takes longer than reading it.
    made: Mutex<HashMap<u32, Bytes>>,
}

impl List {
    pub(crate) fn of(records: u32) -> Self {
        Self {
            records,
            made: Mutex::default(),
        }
    }

    /// How many records there are.
    pub(crate) const fn records(&self) -> u32 {
        self.records
    }

    /// The page that begins there. Whoever asks takes full pages.
    pub(crate) fn page(&self, offset: u32) -> Bytes {
        if let Some(page) = self.made().get(&offset) {
            return page.clone();
        }
        let left = self.records.saturating_sub(offset).min(PAGE);
        let page = Bytes::from(page(offset, left));
        let mut made = self.made();
        if made.len() < KEPT {
            made.insert(offset, page.clone());
        }
        page
    }

    /// Makes the first pages, with and without overlap, so that nobody who is timed waits for them.
    pub(crate) fn make(&self) {
        for step in [PAGE, PAGE - 1] {
            for offset in (0..self.records).step_by(step as usize).take(KEPT / 2) {
                self.page(offset);
            }
        }
    }

    fn made(&self) -> MutexGuard<'_, HashMap<u32, Bytes>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many pages of a list are kept: 8 MB. A list is read with and without pages that overlap.
const KEPT: usize = 40;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pages_hold_the_whole_list_and_no_id_twice() {
        let list = List::of(PAGE * 41 + 7);
        let mut ids = BTreeSet::new();
        for offset in (0..list.records()).step_by(PAGE as usize) {
            let page: Vec<serde_json::Value> = serde_json::from_slice(&list.page(offset)).unwrap();
            ids.extend(page.iter().map(|record| record["id"].to_string()));
        }
        assert_eq!(ids.len(), list.records() as usize);
        assert_eq!(list.page(list.records()), "[]");
        assert_eq!(list.page(3), page(3, PAGE), "pages begin anywhere");
    }
}
