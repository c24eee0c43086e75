//! What the SQL stores of cursors share: rows as they come, and what becomes of them.

use std::collections::BTreeMap;

use humanapi_client::{BucketCursors, CursorName, ListsWhole, StoreError};

use crate::rows::unreadable;
use crate::sql::{signed, unsigned};

/// Run, check, commit.
pub(crate) type BucketColumns = (i64, Vec<u8>, i64);

/// A user's name and cursors.
pub(crate) type UserColumns = (Vec<u8>, Vec<u8>);

/// Bucket, kind, users, refused, failed, changes until, deletions until.
pub(crate) type WholeColumns = (i64, String, i64, i64, i64, Option<i64>, Option<i64>);

pub(crate) fn bucket(
    read: Option<BucketColumns>,
    users: Vec<UserColumns>,
) -> Result<BucketCursors, StoreError> {
    let (run, check, commit) = read.unwrap_or_default();
    let users = users.into_iter().map(|(user, cursors)| {
        let user: CursorName = user.try_into().map_err(|_| unreadable())?;
        Ok((user, cursors))
    });
    Ok(BucketCursors {
        run: unsigned(run),
        check,
        commit: unsigned(commit),
        users: users.collect::<Result<BTreeMap<_, _>, StoreError>>()?,
    })
}

pub(crate) fn whole(rows: Vec<WholeColumns>) -> Vec<(u32, ListsWhole)> {
    let rows = rows.into_iter().map(
        |(bucket, resource, users, refused, failed, changes_until, deletions_until)| {
            let lists = ListsWhole {
                resource,
                users: unsigned(users),
                refused: unsigned(refused),
                failed: unsigned(failed),
                changes_until,
                deletions_until,
            };
            (u32::try_from(bucket).unwrap_or(u32::MAX), lists)
        },
    );
    rows.collect()
}

/// The numbers of a row, in the order of its columns.
pub(crate) fn counts(lists: &ListsWhole) -> [i64; 3] {
    [lists.users, lists.refused, lists.failed].map(signed)
}
