//! Why an export ended before its end.

use std::io;
use std::sync::Arc;

use humanapi_client::{Error, StoreError};
use thiserror::Error;

use crate::error::WriteError;

/// Why an export ended before its end.
///
/// Whatever was whole by then stays whole, and the same export again goes on with what is left.
/// No message holds anything of a user or a record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The list of users could not be read.
    #[error("the list of users could not be read")]
    Users(#[source] io::Error),
    /// A user's id is empty.
    #[error("user {0} of the list has an empty id")]
    EmptyUser(
        /// Which of the list, counted from 1.
        u64,
    ),
    /// The folder could not be used.
    #[error("the export's folder could not be written to or read")]
    Folder(#[source] io::Error),
    /// The folder in an object store could not be used.
    #[cfg(feature = "cloud")]
    #[error(transparent)]
    Cloud(#[from] super::cloud::CloudError),
    /// The path of a folder is the address of something else. An export to an object store is run by
    /// `Export::run_in_cloud`.
    #[error("the folder is written as an address, and this takes a folder of this machine")]
    Address,
    /// The system's folder for temporary files, where what does not go to a folder of this machine waits, could not be used.
    #[error("the system's folder for temporary files could not be written to or read")]
    Temporary(#[source] io::Error),
    /// Another run, which has been taken over or writes other shares of the buckets, changed a manifest that this one wrote.
    #[error("another run changed what this export writes, while it wrote it")]
    Changed,
    /// Another process writes to the folder.
    #[error("another export is writing to this folder")]
    InUse,
    /// The folder holds an export of other settings.
    #[error("the folder holds an export with {0} other than is asked for")]
    Other(
        /// What is another.
        &'static str,
    ),
    /// A file that tells what the folder holds is gone, cannot be read, or is of a later version.
    #[error("the folder's {0} is not there, cannot be read, or is of a later version")]
    Manifest(
        /// Its path in the folder.
        String,
    ),
    /// The folder's own key is gone or cannot be read, and nobody gave one.
    #[error("the folder's _manifest/key is not there or cannot be read, and no key was given")]
    Key,
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The service refuses the application itself, whoever the user is.
    #[error("the service refuses the application")]
    Application(#[source] Arc<Error>),
    /// So many lists in a row could not be read.
    #[error("{lists} lists in a row could not be read")]
    GaveUp {
        /// How many.
        lists: u32,
        /// How the last one failed.
        #[source]
        last: Arc<Error>,
    },
    /// The route is none that an export reads.
    #[error("{0} is no list of a user's records, nor a single one")]
    NotExported(
        /// The route's name.
        &'static str,
    ),
    /// One stream holds records of one kind.
    #[error("a stream holds records of one kind, and {0} are asked for")]
    Kinds(
        /// How many are asked for.
        usize,
    ),
    /// Value columns are asked for, and the format has no columns.
    #[error("{0} has no columns, and value columns are asked for")]
    NoColumns(
        /// The format's name.
        &'static str,
    ),
    /// Documents are asked for, and nothing may tell whose the data are.
    #[error("documents are full of names, and cannot be de-identified")]
    Documents,
    /// The policy of de-identification cannot be carried out.
    #[cfg(feature = "deidentify")]
    #[error(transparent)]
    Policy(#[from] crate::deidentify::PolicyError),
    /// The store of cursors failed.
    #[error("the cursors could not be read or kept")]
    Cursors(#[source] StoreError),
    /// The folder holds something else: an export where a synchronization is to go on, or the other way round.
    #[error("the folder holds {0}")]
    OtherKind(
        /// What it holds.
        &'static str,
    ),
    /// All users of a bucket are in memory with their cursors, and there would be too many.
    #[error("{users} users are too many for {buckets} buckets")]
    Crowded {
        /// How many there are.
        users: u64,
        /// How many buckets the folder has, or was to have.
        buckets: u32,
    },
    /// A share of buckets is asked for without the key that all shares need.
    #[error("a share of buckets needs the key that users are put into buckets by")]
    ShardKey,
    /// So many buckets cannot be.
    #[error("there can be 1 to {} buckets", super::key::MOST_BUCKETS)]
    Buckets,
}

impl ExportError {
    /// What went wrong with the folder, wherever that is.
    pub(super) fn of_folder(error: io::Error) -> Self {
        #[cfg(feature = "cloud")]
        let error = match error.downcast() {
            Ok(error) => return Self::Cloud(error),
            Err(error) => error,
        };
        Self::Folder(error)
    }

    /// What it is where there is no folder of this machine but the system's own for temporary files.
    pub(super) fn in_temporary(self) -> Self {
        match self {
            Self::Folder(error) => Self::Temporary(error),
            other => other,
        }
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Users(_) => "see that the list can be read, then start the same export again",
            Self::EmptyUser(_) => "give each user's id, as your application knows the user",
            Self::Folder(_) => {
                "make room and see that the folder can be written to, then start the same export again: it goes on"
            }
            #[cfg(feature = "cloud")]
            Self::Cloud(error) => error.remedy(),
            Self::Address => {
                "name a folder of this machine; of all runs, only an export can write to an object store"
            }
            Self::Temporary(_) => {
                "make room in it, or name another by TMPDIR, then start the same export again: it goes on"
            }
            Self::Changed => {
                "see that one run at a time writes there, then start the same export again: it goes on"
            }
            Self::InUse => "wait until that one has ended, or take another folder",
            Self::Other(_) => {
                "take another folder, or the settings that the folder's manifest tells"
            }
            Self::Manifest(_) => {
                "put that file back from a copy; or take another folder, or the version of this program that wrote this one"
            }
            Self::Key => {
                "give the key that the folder began with, or put the file back from a copy; without either, take another folder"
            }
            Self::Write(error) => error.remedy(),
            Self::Application(error) => error.remedy(),
            Self::GaveUp { .. } => {
                "see what is wrong, then start the same export again: what is whole is not read again"
            }
            Self::NotExported(_) => "name lists of a user's records",
            Self::Kinds(_) => "name one resource, or write to a folder",
            Self::NoColumns(_) => "take csv, parquet or arrow, or leave value columns out",
            Self::Documents => {
                "leave documents out, or export them to a folder of their own with what was sent"
            }
            #[cfg(feature = "deidentify")]
            Self::Policy(error) => error.remedy(),
            Self::Cursors(error) => error.remedy(),
            Self::OtherKind(_) => "take another folder: each holds one of both",
            Self::Crowded { .. } => {
                "take another folder with more buckets: about a thousand users in each are a good size"
            }
            Self::ShardKey => "give all shares the same key, and keep it",
            Self::Buckets => "give a number of that range",
        }
    }
}
