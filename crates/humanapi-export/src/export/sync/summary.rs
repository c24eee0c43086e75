//! How a run of a synchronization ended, and what is whole until when.

use std::collections::{BTreeMap, BTreeSet};

use humanapi_client::ListsWhole;
use humanapi_core::data::ROUTES;

use super::super::reading::{is_read, name};
use super::cursor::{Cursors, Kind, Unread, kind};

/// How a run of a synchronization ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncSummary {
    /// Whether it was stopped before its end. The same again goes on.
    pub stopped: bool,
    /// Whether each list was read that the service does not refuse.
    pub whole: bool,
    /// The number that what it wrote bears; nothing where nothing changed.
    pub commit: Option<u64>,
    /// How many users there are, each counted once.
    pub users: u64,
    /// How many buckets were read.
    pub written: u32,
    /// How many buckets an interrupted run had read before.
    pub skipped: u32,
    /// How many records are new or have changed.
    pub records: u64,
    /// How many bytes they have as they were sent.
    pub bytes: u64,
    /// How many records are gone.
    pub deleted: u64,
    /// How many files were written.
    pub files: u64,
    /// How often a page or a list was asked for again.
    pub asked_again: u64,
    /// How many lists changed while they were read, or hold what is no record.
    pub drifted: u64,
    /// How many lists the service refused, by the reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// How many could not be read, by the reason, so that the next run reads them; and how many were read, but may lack what
    /// is gone, for [`DAMAGED`](Self::DAMAGED).
    pub failed: BTreeMap<&'static str, u64>,
    /// Files of earlier runs that are damaged, by their paths in the folder. Of lists that have to be compared with them what
    /// is new is told. Of those that are read as a whole what is gone may not be: they count as failed, for
    /// [`DAMAGED`](Self::DAMAGED), until a file is as it was written.
    pub damaged: BTreeSet<String>,
    /// Files of earlier runs that were lost or torn, by their paths in the folder: manifests that are made anew of their files,
    /// or whose bucket is read again, and those that tell who is missing, which are made anew.
    pub mended: BTreeSet<String>,
    /// What is whole until when, by the kind of record and over all users that were ever read. Nothing where the store of
    /// cursors had not told it two seconds after the run was to stop, be it over or not.
    pub lists: BTreeMap<String, ListsWhole>,
}

impl SyncSummary {
    /// The reason of lists of which a damaged file of the folder keeps from being told what is gone. No run mends that by
    /// itself.
    pub const DAMAGED: &str = "damaged_file";

    pub(super) fn add_whole(&mut self, of_buckets: Vec<(u32, ListsWhole)>) {
        for (_, lists) in of_buckets {
            match self.lists.get_mut(&lists.resource) {
                Some(sum) => sum.add(&lists),
                None => {
                    self.lists.insert(lists.resource.clone(), lists);
                }
            }
        }
    }
}

/// How whole the lists of one bucket are, of all users and kinds that cursors are kept of.
pub(super) fn whole<'c>(users: impl Iterator<Item = &'c Cursors>) -> Vec<ListsWhole> {
    let mut sums: BTreeMap<Kind, ListsWhole> = BTreeMap::new();
    for (kind, cursor) in users.flat_map(Cursors::iter) {
        let sum = sums.entry(kind).or_default();
        sum.users += 1;
        match cursor.unread {
            Some(Unread::Refused) => sum.refused += 1,
            Some(Unread::Failed) => sum.failed += 1,
            None => {}
        }
        // One that was never read says nothing of the others.
        if let Some(changes_until) = cursor.changes_until() {
            sum.add(&ListsWhole {
                changes_until: Some(changes_until),
                deletions_until: cursor.deletions_until().or(Some(0)),
                ..ListsWhole::default()
            });
        }
    }
    let lists = ROUTES.iter().filter(|route| is_read(route));
    let counted = lists.filter_map(|route| {
        let sum = sums.remove(&kind(route))?;
        Some(ListsWhole {
            resource: name(route).to_owned(),
            ..sum
        })
    });
    counted.collect()
}
