//! What is told of an export while it runs, and at its end.

use std::collections::BTreeMap;

use humanapi_core::Drift;

/// What is told of an export or a synchronization while it runs.
///
/// Nothing in it is of a user or a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// All users were counted.
    #[non_exhaustive]
    Planned {
        /// How many users there are in the buckets of this process, each counted once.
        users: u64,
        /// How many lists that are: one for each user and resource.
        lists: u64,
    },
    /// A bucket is whole already.
    #[non_exhaustive]
    Skipped {
        /// Which one.
        bucket: u32,
        /// How many lists are not read again.
        lists: u64,
    },
    /// A user's records of one kind were read.
    #[non_exhaustive]
    Read {
        /// The kind, such as `activities`.
        resource: &'static str,
        /// How many records there are.
        records: u64,
        /// How many bytes they have as they were sent.
        bytes: u64,
    },
    /// Records of a user and kind that are there no longer, as a full pass of a synchronization found.
    #[non_exhaustive]
    Deleted {
        /// The kind.
        resource: &'static str,
        /// How many.
        records: u64,
    },
    /// The service refuses a user's records of one kind, or one document of theirs. Where it refuses the user, it is told for
    /// each kind.
    #[non_exhaustive]
    Refused {
        /// The kind.
        resource: &'static str,
        /// Whether it is one document. Its list was read, and is told of by itself.
        is_document: bool,
        /// Why, by the word of [`ErrorKind::name`](humanapi_client::ErrorKind::name).
        reason: &'static str,
    },
    /// A user's records of one kind, or one document of theirs, could not be read, for a reason that may pass. Of a list that
    /// moved each time that it was read, for the reason [`Summary::DRIFTED`], some records may be missing, and the others are
    /// there.
    #[non_exhaustive]
    Failed {
        /// The kind.
        resource: &'static str,
        /// Whether it is one document. Its list was read, and is told of by itself.
        is_document: bool,
        /// Why, by the word of [`ErrorKind::name`](humanapi_client::ErrorKind::name).
        reason: &'static str,
    },
    /// A page or a list is asked for again.
    #[non_exhaustive]
    AskedAgain {
        /// The kind.
        resource: &'static str,
        /// How often.
        times: u32,
    },
    /// A list changed while it was read, each time that it was, or holds what is no record.
    #[non_exhaustive]
    Drifted {
        /// The kind.
        resource: &'static str,
        /// What was noticed.
        drift: Drift,
    },
    /// All files of a bucket are in their places.
    #[non_exhaustive]
    Written {
        /// Which one.
        bucket: u32,
        /// Whether nothing is missing that could be had another time.
        whole: bool,
    },
}

/// How an export ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Whether all buckets of this process are whole, so that the same export again has nothing to do. One that another run
    /// has said meanwhile is not whole is not, though nothing failed here.
    pub whole: bool,
    /// How many users there are, each counted once.
    pub users: u64,
    /// How many buckets were written.
    pub written: u32,
    /// How many buckets were whole before.
    pub skipped: u32,
    /// How many records were read.
    pub records: u64,
    /// How many bytes they have as they were sent.
    pub bytes: u64,
    /// How many documents were read.
    pub documents: u64,
    /// How often a page, a list or a document was asked for again.
    pub asked_again: u64,
    /// How many lists changed while they were read, or hold what is no record.
    pub drifted: u64,
    /// What became of the fields of each kind of record in the files of this run, where the records were de-identified.
    #[cfg(feature = "deidentify")]
    pub deidentified: BTreeMap<&'static str, crate::deidentify::FieldCounts>,
    /// How many lists and documents the service refused, by the reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// How many could not be read, or moved whenever they were, by the reason. They are read by the same export again.
    pub failed: BTreeMap<&'static str, u64>,
}

impl Summary {
    /// The reason in [`failed`](Self::failed) of lists that moved whenever they were read: their records are there, and some
    /// that were in them all the time may be missing. Lists to which others were added alone, and those that came twice as
    /// they were, have moved and lack nothing: they are in [`drifted`](Self::drifted).
    pub const DRIFTED: &str = "drifted";

    /// Counts in what became of the fields of one file.
    pub(super) fn add(&mut self, resource: &'static str, taken: &super::output::Taken) {
        #[cfg(feature = "deidentify")]
        if let Some(counts) = taken {
            self.deidentified.entry(resource).or_default().add(counts);
        }
        #[cfg(not(feature = "deidentify"))]
        let _ = (resource, taken);
    }
}
