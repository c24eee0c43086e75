//! What the SQL stores of cursors share: rows as they come, and what becomes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use humanapi_client::{BucketCursors, CursorName, ListsWhole, StoreError, StoreErrorKind};

use crate::backend::Limits;
use crate::rows::unreadable;
use crate::sql::{signed, unsigned};

/// Run, check, commit.
pub(crate) type BucketColumns = (i64, Vec<u8>, i64);

/// A user's name and cursors; no cursors where they are more than anybody's.
pub(crate) type UserColumns = (Vec<u8>, Option<Vec<u8>>);

/// Bucket, kind, users, refused, failed, changes until, deletions until.
pub(crate) type WholeColumns = (i64, String, i64, i64, i64, Option<i64>, Option<i64>);

/// The most bytes of one user's cursors. All lists that remember as much as they can have fewer.
const LARGEST_USER: usize = 1024 * 1024;

/// The most bytes of the cursors of one bucket: all of them are in memory at once. That is a hundred times as much as is usual
/// for the most users that a bucket may have.
pub(crate) const LARGEST_BUCKET: u64 = 1024 * 1024 * 1024;

/// What a user's row takes beside the cursors, in bytes.
const ROW: usize = 64;

/// So many users go to and fro at once at most, and no more of them once there are so many bytes. In hexadecimal that, and
/// one more user, are well below [what a server may send](crate::bounded).
const PAGE_USERS: usize = 1_000;
const PAGE_BYTES: usize = 1024 * 1024;

/// How long all of a bucket may take, in times of [one page](Limits::all_rows).
const PAGES: u32 = 20;

pub(crate) const fn whole_bucket(limits: Limits) -> Duration {
    limits.all_rows.saturating_mul(PAGES)
}

/// A statement for one page: those users of a bucket whose names come after this one, in their order. A row that is none of
/// ours is not fetched, whatever lies in it.
///
/// Which users those are is found by how long their cursors are: a database that carried the cursors along for that would
/// read and sort those of all that follow, for each page.
pub(crate) fn page(sync: &str, bucket: &str, after: &str) -> String {
    format!(
        "SELECT substr(kept.user_name, 1, 17), CASE WHEN length(kept.cursors) <= {LARGEST_USER} THEN kept.cursors END
        FROM (
            SELECT user_name, bytes, sum(bytes) OVER (ORDER BY user_name) AS so_far
            FROM (
                SELECT user_name, length(cursors) + {ROW} AS bytes FROM humanapi_sync_cursors
                WHERE sync = {sync} AND bucket = {bucket} AND user_name > {after}
                ORDER BY user_name LIMIT {PAGE_USERS}
            ) AS next
        ) AS page
        JOIN humanapi_sync_cursors AS kept
            ON kept.sync = {sync} AND kept.bucket = {bucket} AND kept.user_name = page.user_name
        WHERE page.so_far - page.bytes < {PAGE_BYTES} ORDER BY page.user_name"
    )
}

/// A statement for how many bytes the rows of a bucket are.
pub(crate) fn sum(sync: &str, bucket: &str) -> String {
    format!(
        "SELECT coalesce(sum(length(cursors) + {ROW}), 0) FROM humanapi_sync_cursors WHERE sync = {sync} AND bucket = {bucket}"
    )
}

/// The users of a bucket, as they come page by page.
#[derive(Default)]
pub(crate) struct Users {
    found: BTreeMap<CursorName, Vec<u8>>,
    bytes: u64,
    is_whole: bool,
}

impl Users {
    /// Behind whom the next page begins; nothing once all are there.
    pub(crate) fn after(&self) -> Option<&[u8]> {
        let last = self.found.last_key_value();
        (!self.is_whole).then(|| last.map_or(&[][..], |(name, _)| name))
    }

    /// Takes in a page. One that does not go on is an error, so that there is an end whatever the place says.
    pub(crate) fn take(&mut self, page: Vec<UserColumns>) -> Result<(), StoreError> {
        let (users, before) = (page.len(), self.bytes);
        for (name, cursors) in page {
            let name: CursorName = name.try_into().map_err(|_| unreadable())?;
            let cursors = cursors.ok_or_else(unreadable)?;
            let goes_on = self.after().is_some_and(|after| after < &name[..]);
            self.bytes += (cursors.len() + ROW) as u64;
            if !goes_on || self.bytes > LARGEST_BUCKET {
                return Err(unreadable());
            }
            self.found.insert(name, cursors);
        }
        self.is_whole = users < PAGE_USERS && self.bytes - before < PAGE_BYTES as u64;
        Ok(())
    }

    /// The bucket, of all of them.
    pub(crate) fn of(self, read: Option<BucketColumns>) -> BucketCursors {
        let (run, check, commit) = read.unwrap_or_default();
        BucketCursors {
            run: unsigned(run),
            check,
            commit: unsigned(commit),
            users: self.found,
        }
    }
}

/// Some users and their cursors.
pub(crate) type Part<'k> = Vec<(&'k CursorName, &'k Vec<u8>)>;

/// What is to be kept of a bucket, in parts that go to the place one by one.
///
/// # Errors
///
/// When nobody could read it back.
pub(crate) fn parts(kept: &BucketCursors) -> Result<Vec<Part<'_>>, StoreError> {
    let (mut parts, mut bytes) = (vec![Vec::new()], 0);
    for (name, cursors) in &kept.users {
        if cursors.len() > LARGEST_USER {
            return Err(StoreError::new(
                StoreErrorKind::Misconfigured,
                "a user's cursors are larger than 1 MiB, which no store keeps",
            ));
        }
        if bytes >= PAGE_BYTES || parts.last().is_some_and(|part| part.len() >= PAGE_USERS) {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += cursors.len() + ROW;
        parts
            .last_mut()
            .expect("there is one")
            .push((name, cursors));
    }
    Ok(parts)
}

/// An error where a bucket has come to hold so many bytes that nobody could read it back.
pub(crate) fn fits(bytes: i64, most: u64) -> Result<(), StoreError> {
    if unsigned(bytes) <= most {
        return Ok(());
    }
    let message = format!(
        "the cursors of one bucket are more than {} MiB: begin another folder with more buckets",
        most / (1024 * 1024)
    );
    Err(StoreError::new(StoreErrorKind::Misconfigured, message))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn page(from: u64, users: u64, cursors: usize) -> Vec<UserColumns> {
        let user = |number: u64| [[0; 8], number.to_be_bytes()].concat();
        let rows = (from + 1..=from + users).map(|number| (user(number), Some(vec![0; cursors])));
        rows.collect()
    }

    /// A place that goes on and on, or round in circles.
    #[test]
    fn pages_come_to_an_end() {
        let mut users = Users::default();
        let mut pages = 0;
        while users.take(page(pages, 1, LARGEST_USER)).is_ok() {
            assert!(users.after().is_some());
            pages += 1;
        }
        assert_eq!(pages, LARGEST_BUCKET / (LARGEST_USER + ROW) as u64);

        let mut users = Users::default();
        users.take(page(0, 1_000, 9)).unwrap();
        assert!(users.after().is_some());
        let again = users.take(page(999, 1_000, 9)).unwrap_err();
        assert_eq!(again.kind(), StoreErrorKind::Tampered);

        let mut users = Users::default();
        users.take(page(0, 999, 9)).unwrap();
        assert_eq!(users.after(), None);
    }

    #[test]
    fn what_is_none_of_ours_is_refused() {
        let (short, absurd) = ((vec![7; 15], Some(Vec::new())), (vec![7; 16], None));
        for row in [short, absurd] {
            let refused = Users::default().take(vec![row]).unwrap_err();
            assert_eq!(refused.kind(), StoreErrorKind::Tampered);
        }
    }
}
