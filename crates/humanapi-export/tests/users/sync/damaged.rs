//! Files of earlier runs that are damaged, torn or gone: what is new comes all the same, and the damage is told.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use humanapi_export::{ExportError, SyncSummary, Synchronization};
use humanapi_store::SqliteCursorStore;
use humanapi_testing::core::data::{Operation, ROUTES};
use humanapi_testing::{OfflineSandbox, RecordChange};
use tempfile::TempDir;

use super::interrupted::only;
use super::whole::synchronization;
use super::{HOUR, change, change_each, copy_folder, now_without, quiet, run, same};
use crate::broken::breaks;
use crate::sandbox::{NEW, lists, people};

/// Gone, and cut in the middle, if there is a middle.
pub(crate) fn damages(whole: &[u8]) -> Vec<Option<&[u8]>> {
    match whole.len() {
        0 => vec![None],
        length => vec![None, Some(&whole[..length / 2])],
    }
}

pub(crate) fn damage(path: &Path, how: Option<&[u8]>) {
    match how {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
}

pub(super) fn named(paths: &BTreeSet<String>, folder: &Path) -> Vec<PathBuf> {
    paths.iter().map(|name| folder.join(name)).collect()
}

/// The first file whose path has this text.
pub(super) fn find(folder: &Path, text: &str) -> PathBuf {
    let mut files = crate::files(folder).into_iter();
    let found = files.find(|path| path.to_string_lossy().contains(text));
    found.unwrap()
}

/// A folder in which these users are in step.
pub(super) async fn in_step(with: Synchronization, users: &[String]) -> TempDir {
    let folder = TempDir::new().unwrap();
    assert!(run(with, users, folder.path()).await.unwrap().whole);
    folder
}

/// Of this kind of record, and of one bucket of four, it cannot be told what is gone.
#[track_caller]
fn held_up(summary: &SyncSummary, kind: &str) {
    assert_eq!(summary.written, 4, "{summary:?}");
    let failed = summary.failed.get("damaged_file").copied();
    let failed = failed.unwrap_or_default();
    assert!((1..12).contains(&failed), "{summary:?}");
    assert_eq!(summary.failed.len(), 1);
    for (resource, lists) in &summary.lists {
        let expected = if resource == kind { failed } else { 0 };
        assert_eq!(lists.failed, expected, "{resource}");
    }
}

/// Each record that the sandbox has of a kind is there, whatever is in the file that is damaged.
#[track_caller]
pub(super) fn has_all(
    folder: &Path,
    damaged: &str,
    kind: &str,
    sandbox: &OfflineSandbox,
    users: &[String],
) {
    let there = now_without(folder, damaged);
    for user in users {
        let there = there.get(&(kind.to_owned(), user.clone()));
        let there = there.map(Vec::as_slice).unwrap_or_default();
        let all = lists(sandbox, user, kind);
        let lacks = all.iter().filter(|record| !there.contains(record));
        assert_eq!(lacks.count(), 0, "{user} {kind}");
    }
}

/// How many users have vitals.
pub(super) fn have_vitals(sandbox: &OfflineSandbox, users: &[String]) -> u64 {
    let have = |user: &&String| !lists(sandbox, user, "vitals").is_empty();
    users.iter().filter(have).count() as u64
}

/// What is damaged keeps nobody from being read, and is named. Where a line ends nothing in the file itself tells.
#[tokio::test]
async fn what_is_new_comes_where_a_file_is_damaged_that_it_has_to_be_compared_with() {
    let (sandbox, users) = people(12);
    let with = synchronization(&sandbox);
    let folder = in_step(with(), &users).await;
    let folder = folder.path();
    let path = find(folder, "resource=vitals");
    let whole = fs::read(&path).unwrap();
    let mut line_ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let (first_line, _) = line_ends.next().unwrap();
    assert!(line_ends.next().is_some(), "there are several lines");
    let longer = [&whole[..], &whole[..=first_line]].concat();
    let damages = [
        Some(&whole[..whole.len() - 10]),
        Some(&whole[..=first_line]),
        Some(&whole[first_line + 1..]),
        Some(&longer),
        Some(&[]),
        None,
    ];
    for (time, how) in damages.into_iter().enumerate() {
        damage(&path, how);
        change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
        sandbox.control().advance_clock(HOUR).unwrap();
        let full = with().with_full_every(Duration::ZERO);
        let full = run(full, &users, folder).await.unwrap();
        assert_eq!(named(&full.damaged, folder), std::slice::from_ref(&path));
        assert!(!full.whole, "{full:?}");
        held_up(&full, "vitals");
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
        has_all(folder, name, "vitals", &sandbox, &users);
        // What the damaged file may have told is told once more, and not again and again.
        let new = have_vitals(&sandbox, &users);
        assert_eq!(full.records > new, time == 0, "{}", full.records);
        // What changes is told meanwhile.
        let later = run(with(), &users, folder).await.unwrap();
        assert_eq!(later.records, 0, "{later:?}");
    }
    damage(&path, Some(&whole));
    change_each(&sandbox, &users, &RecordChange::delete("medical/vitals"));
    let full = with().with_full_every(Duration::ZERO);
    let full = run(full, &users, folder).await.unwrap();
    assert!(full.whole && full.damaged.is_empty(), "{full:?}");
    same(folder, &sandbox, &users);
}

/// A run that has nothing to write looks at what was written all the same.
#[tokio::test]
async fn a_file_that_is_gone_or_cut_is_noticed_where_nothing_changes() {
    let (sandbox, users) = people(12);
    let with = synchronization(&sandbox);
    let full = || with().with_full_every(Duration::ZERO);
    let folder = in_step(full(), &users).await;
    let folder = folder.path();
    let unchanged = run(full(), &users, folder).await.unwrap();
    assert!(unchanged.whole && unchanged.commit.is_none());
    let path = find(folder, "resource=vitals");
    let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
    let whole = fs::read(&path).unwrap();
    let mut records = Vec::new();
    for how in damages(&whole) {
        damage(&path, how);
        for _ in 0..2 {
            let next = run(full(), &users, folder).await.unwrap();
            assert_eq!(named(&next.damaged, folder), std::slice::from_ref(&path));
            assert!(!next.whole, "{next:?}");
            held_up(&next, "vitals");
            records.push(next.records);
        }
        has_all(folder, name, "vitals", &sandbox, &users);
    }
    assert!(records[0] > 0, "what it told is told once more");
    assert_eq!(records[1..], [0, 0, 0], "and not again and again");
    damage(&path, Some(&whole));
    let last = run(full(), &users, folder).await.unwrap();
    assert!(last.whole && last.damaged.is_empty(), "{last:?}");
    assert_eq!(last.commit, None);
    same(folder, &sandbox, &users);
}

/// Of what is gone such a pass tells nothing anyway, so that nothing failed of what was asked for.
#[tokio::test]
async fn a_pass_over_changes_names_a_damaged_file_and_does_not_fail_for_it() {
    let (sandbox, users) = people(12);
    let with = synchronization(&sandbox);
    let folder = in_step(with(), &users).await;
    let folder = folder.path();
    let path = find(folder, "resource=vitals");
    damage(&path, None);
    change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
    // More comes again than was remembered, so that it is compared.
    let changes = run(with().with_lag(2 * HOUR), &users, folder)
        .await
        .unwrap();
    assert_eq!(named(&changes.damaged, folder), [path]);
    assert!(changes.whole, "{changes:?}");
    assert_eq!(changes.lists["vitals"].failed, 0);
    let full = with().with_full_every(Duration::ZERO);
    held_up(&run(full, &users, folder).await.unwrap(), "vitals");
}

/// Of lists that are not asked for, their cursors tell what they can.
#[tokio::test]
async fn who_is_missing_is_told_anew_where_the_file_that_tells_it_is_torn() {
    let (sandbox, mut users) = people(6);
    users.push(NEW.to_owned());
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    breaks(&sandbox, "/v1/human/medical/immunizations");
    assert!(!run(with(), &users, folder).await.unwrap().whole);
    let missing: Vec<PathBuf> = crate::files(&folder.join("_manifest"))
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("missing-"))
        .collect();
    let before: Vec<String> = missing
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert!(missing.len() > 1);
    for (path, text) in missing.iter().zip(&before) {
        damage(path, Some(&text.as_bytes()[..text.len() / 2]));
    }
    // Of one kind, which can be read.
    let vitals = with().with_resources(only("data.vitals"));
    let vitals = run(vitals, &users, folder).await.unwrap();
    assert!(vitals.whole, "{vitals:?}");
    assert_eq!(named(&vitals.mended, folder), missing);
    for path in &missing {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains("\"immunizations\""), "{text}");
        assert!(text.contains("\"failed\""), "{text}");
    }
    // Asked for again, it is told as before.
    for (path, text) in missing.iter().zip(&before) {
        damage(path, Some(&text.as_bytes()[..text.len() / 2]));
    }
    let all = run(with(), &users, folder).await.unwrap();
    assert_eq!(named(&all.mended, folder), missing);
    for (path, text) in missing.iter().zip(&before) {
        assert_eq!(&fs::read_to_string(path).unwrap(), text);
    }
}

/// Each file of a finished folder in turn.
#[tokio::test]
async fn whichever_file_is_torn_or_gone_the_next_run_tells_it_and_what_is_new_comes() {
    let (sandbox, mut users) = people(3);
    users.push(NEW.to_owned());
    let place = TempDir::new().unwrap();
    let with = async |place: &Path| {
        let cursors = SqliteCursorStore::open(place.join("cursors.sqlite")).await;
        let kinds = ["data.vitals", "data.activities"];
        let routes = ROUTES
            .iter()
            .filter(move |route| kinds.contains(&route.name) && route.operation == Operation::List);
        Synchronization::new(quiet(&sandbox), Arc::new(cursors))
            .with_resources(routes)
            .with_full_every(Duration::ZERO)
    };
    let base = place.path().join("in-step");
    for _ in 0..2 {
        let first = run(with(place.path()).await, &users, &base).await;
        assert!(first.unwrap().whole);
        change_each(
            &sandbox,
            &users[..3],
            &RecordChange::insert("medical/vitals"),
        );
        change(&sandbox, &users[2], RecordChange::delete("activities"));
    }
    // Each list has to be compared with what was written.
    change_each(
        &sandbox,
        &users[..3],
        &RecordChange::insert("medical/vitals"),
    );
    change(&sandbox, &users[2], RecordChange::insert("activities"));
    let mut seen = BTreeSet::new();
    for path in crate::files(&base) {
        let name = path
            .strip_prefix(&base)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let whole = fs::read(&path).unwrap();
        for how in damages(&whole) {
            let copy = TempDir::new().unwrap();
            copy_folder(place.path(), copy.path());
            let folder = copy.path().join("in-step");
            damage(&folder.join(&name), how);
            let run = run(with(copy.path()).await, &users, &folder).await;
            let is_data = name.starts_with("resource=");
            let kind = match run {
                Err(error @ (ExportError::Manifest(_) | ExportError::Key)) => {
                    assert!(error.to_string().contains(&name), "{name} {error}");
                    assert!(error.remedy().contains("put th"), "{name} {error}");
                    "named"
                }
                Err(error) => panic!("{name} {error:?}"),
                Ok(summary) => {
                    for kind in ["vitals", "activities"] {
                        let damaged = if is_data { name.as_str() } else { "" };
                        has_all(&folder, damaged, kind, &sandbox, &users[..3]);
                    }
                    assert_eq!(summary.whole, !is_data, "{name} {summary:?}");
                    assert_eq!(
                        summary.damaged.contains(&name),
                        is_data,
                        "{name} {summary:?}"
                    );
                    match (is_data, summary.mended.contains(&name)) {
                        (true, _) => "damaged",
                        (false, true) => "mended",
                        (false, false) => {
                            let is_told_anew = how.is_none() && name.contains("missing-");
                            assert!(is_told_anew || name.contains(".lock"), "{name}");
                            "made anew"
                        }
                    }
                }
            };
            seen.insert(kind);
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}
