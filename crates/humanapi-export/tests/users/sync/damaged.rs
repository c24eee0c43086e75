//! Files of earlier runs that are damaged, torn or gone: what is new comes all the same, and the damage is told.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use humanapi_export::{BucketKey, ExportError, SyncSummary, Synchronization};
use humanapi_store::SqliteCursorStore;
use humanapi_testing::client::{CursorStore, MemoryCursorStore};
use humanapi_testing::core::data::{Operation, ROUTES, Route};
use humanapi_testing::{OfflineSandbox, RecordChange};
use tempfile::TempDir;

use super::interrupted::{Reader, stop_after};
use super::{HOUR, change, copy_folder, now_without, quiet, run, same};
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

fn synchronization(sandbox: &OfflineSandbox) -> impl Fn() -> Synchronization {
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let client = quiet(sandbox);
    move || {
        // Whoever is in which bucket, it is the same each time.
        Synchronization::new(client.clone(), Arc::clone(&cursors)).with_key(BucketKey::new([7; 32]))
    }
}

fn only(name: &'static str) -> impl Iterator<Item = &'static Route> {
    ROUTES
        .iter()
        .filter(move |route| route.operation == Operation::List && route.name == name)
}

fn named(paths: &BTreeSet<String>, folder: &Path) -> Vec<PathBuf> {
    paths.iter().map(|name| folder.join(name)).collect()
}

/// The first file whose path has this text.
fn find(folder: &Path, text: &str) -> PathBuf {
    let mut files = crate::files(folder).into_iter();
    let found = files.find(|path| path.to_string_lossy().contains(text));
    found.unwrap()
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
fn has_all(folder: &Path, damaged: &str, kind: &str, sandbox: &OfflineSandbox, users: &[String]) {
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
fn have_vitals(sandbox: &OfflineSandbox, users: &[String]) -> u64 {
    let have = |user: &&String| !lists(sandbox, user, "vitals").is_empty();
    users.iter().filter(have).count() as u64
}

/// What is damaged keeps nobody from being read, and is named. Where a line ends nothing in the file itself tells.
#[tokio::test]
async fn what_is_new_comes_where_a_file_is_damaged_that_it_has_to_be_compared_with() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    assert!(run(with(), &users, folder).await.unwrap().whole);
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
        for user in &users {
            change(&sandbox, user, RecordChange::insert("medical/vitals"));
        }
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
    for user in &users {
        change(&sandbox, user, RecordChange::delete("medical/vitals"));
    }
    let full = with().with_full_every(Duration::ZERO);
    let full = run(full, &users, folder).await.unwrap();
    assert!(full.whole && full.damaged.is_empty(), "{full:?}");
    same(folder, &sandbox, &users);
}

/// A run that has nothing to write looks at what was written all the same.
#[tokio::test]
async fn a_file_that_is_gone_or_cut_is_noticed_where_nothing_changes() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    let full = || with().with_full_every(Duration::ZERO);
    assert!(run(full(), &users, folder).await.unwrap().whole);
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
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    assert!(run(with(), &users, folder).await.unwrap().whole);
    let path = find(folder, "resource=vitals");
    damage(&path, None);
    for user in &users {
        change(&sandbox, user, RecordChange::insert("medical/vitals"));
    }
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

/// A manifest is made anew of its files where nothing else is missing, whichever run it is of.
#[tokio::test]
async fn a_manifest_that_is_lost_or_torn_is_made_anew_of_its_files() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    for _ in 0..2 {
        assert!(run(with(), &users, folder).await.unwrap().whole);
        for user in &users {
            change(&sandbox, user, RecordChange::delete("medical/vitals"));
            change(&sandbox, user, RecordChange::insert("medical/vitals"));
        }
    }
    assert!(run(with(), &users, folder).await.unwrap().whole);
    let mut reader = Reader::default();
    reader.take(folder);
    let before = crate::content(folder);
    for commit in ["commit-000000000003", "commit-000000000001"] {
        let path = find(folder, &format!("_manifest/{commit}"));
        let whole = fs::read(&path).unwrap();
        for how in damages(&whole) {
            damage(&path, how);
            for user in &users {
                change(&sandbox, user, RecordChange::insert("medical/vitals"));
            }
            let full = with().with_full_every(Duration::ZERO);
            let full = run(full, &users, folder).await.unwrap();
            assert!(full.whole && full.damaged.is_empty(), "{full:?}");
            assert_eq!(named(&full.mended, folder), std::slice::from_ref(&path));
            let new = have_vitals(&sandbox, &users);
            assert_eq!(full.records, new, "none is told once more");
            let there = crate::content(folder);
            let is_as_before = |(path, bytes)| there.get(path) == Some(bytes);
            let mut kept = before
                .iter()
                .filter(|(path, _)| path.to_string_lossy().contains("commit-"));
            assert!(kept.all(is_as_before));
        }
    }
    reader.take(folder);
    let full = with().with_full_every(Duration::ZERO);
    run(full, &users, folder).await.unwrap();
    same(folder, &sandbox, &users);
}

/// With the folder that they are in, and none of their files.
#[tokio::test]
async fn manifests_that_are_lost_together_are_made_anew_of_their_files() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    assert!(run(with(), &users, folder).await.unwrap().whole);
    let lost = folder.join("_manifest/commit-000000000001");
    let manifests = crate::files(&lost);
    assert_eq!(manifests.len(), 4);
    let mut before = crate::content(folder);
    before.retain(|path, _| path.to_string_lossy().contains("commit-"));
    fs::remove_dir_all(&lost).unwrap();
    for user in &users {
        change(&sandbox, user, RecordChange::insert("medical/vitals"));
    }
    let full = || with().with_full_every(Duration::ZERO);
    let next = run(full(), &users, folder).await.unwrap();
    assert!(next.whole && next.damaged.is_empty(), "{next:?}");
    assert_eq!(named(&next.mended, folder), manifests);
    let new = have_vitals(&sandbox, &users);
    assert_eq!(next.records, new, "none is told once more");
    let there = crate::content(folder);
    let is_as_before = |(path, bytes)| there.get(path) == Some(bytes);
    assert!(before.iter().all(is_as_before));
    let last = run(full(), &users, folder).await.unwrap();
    assert!(last.whole && last.mended.is_empty(), "{last:?}");
    same(folder, &sandbox, &users);
}

/// Its bucket is read again, and the files that it told of stay for whoever has still to take them.
#[tokio::test]
async fn a_manifest_that_is_lost_with_a_file_of_its_makes_no_other_file_go() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    assert!(run(with(), &users, folder).await.unwrap().whole);
    let manifest = find(folder, "_manifest/commit-000000000001");
    let name = manifest.file_stem().unwrap().to_str().unwrap();
    let bucket = name.replace("bucket-", "bucket=");
    let lost = find(folder, &format!("resource=vitals/{bucket}"));
    fs::remove_file(&manifest).unwrap();
    fs::remove_file(&lost).unwrap();
    let mut before = crate::content(folder);
    before.retain(|path, _| {
        let path = path.to_string_lossy();
        path.starts_with("resource=") && path.contains(&bucket)
    });
    assert!(!before.is_empty());
    for user in &users {
        change(&sandbox, user, RecordChange::insert("medical/vitals"));
    }
    let next = run(with(), &users, folder).await.unwrap();
    assert_eq!(
        named(&next.damaged, folder),
        std::slice::from_ref(&manifest)
    );
    has_all(folder, "", "vitals", &sandbox, &users);
    let there = crate::content(folder);
    assert!(
        before
            .iter()
            .all(|(path, bytes)| there.get(path) == Some(bytes))
    );
    // It goes on, and what is new comes.
    for user in &users {
        change(&sandbox, user, RecordChange::insert("medical/vitals"));
    }
    let next = run(with(), &users, folder).await.unwrap();
    assert_eq!(next.records, have_vitals(&sandbox, &users));
    has_all(folder, "", "vitals", &sandbox, &users);
}

/// Of which kinds the files were nobody can tell any more: of no list of the bucket it is known what is gone.
#[tokio::test]
async fn no_list_is_whole_of_a_bucket_whose_manifest_is_lost_with_files_of_its() {
    for (are_all_gone, is_newest) in [(false, true), (false, false), (true, true), (true, false)] {
        let (sandbox, users) = people(12);
        let folder = TempDir::new().unwrap();
        let folder = folder.path();
        let with = synchronization(&sandbox);
        assert!(run(with(), &users, folder).await.unwrap().whole);
        let manifest = find(folder, "_manifest/commit-000000000001");
        let name = manifest.file_stem().unwrap().to_str().unwrap();
        let bucket = name.replace("bucket-", "bucket=");
        if !is_newest {
            for user in &users {
                change(&sandbox, user, RecordChange::insert("medical/issues"));
            }
            assert!(run(with(), &users, folder).await.unwrap().whole);
        }
        let kind = if are_all_gone { "" } else { "resource=vitals" };
        for path in crate::files(folder) {
            let name = path.to_string_lossy();
            let is_of_it = name.contains(&format!("{bucket}/commit-000000000001"));
            if is_of_it && name.contains(kind) {
                fs::remove_file(&path).unwrap();
            }
        }
        fs::remove_file(&manifest).unwrap();
        for user in &users {
            change(&sandbox, user, RecordChange::delete("medical/vitals"));
        }
        // It stays so until the manifest is there again.
        for _ in 0..2 {
            let full = with().with_full_every(Duration::ZERO);
            let next = run(full, &users, folder).await.unwrap();
            let lost = std::slice::from_ref(&manifest);
            assert_eq!(named(&next.damaged, folder), lost, "{next:?}");
            assert!(!next.whole);
            let of_vitals = next.lists["vitals"].failed;
            assert!((1..12).contains(&of_vitals), "{next:?}");
            for (kind, lists) in &next.lists {
                assert_eq!(lists.failed, of_vitals, "{kind}");
            }
            has_all(folder, "", "vitals", &sandbox, &users);
        }
    }
}

/// Nobody has taken it yet: the bucket is read again.
#[tokio::test]
async fn a_manifest_of_a_run_that_has_not_ended_is_told_and_its_bucket_read_again() {
    let (sandbox, users) = people(12);
    for is_torn in [false, true] {
        let folder = TempDir::new().unwrap();
        let folder = folder.path();
        let with = synchronization(&sandbox);
        stop_after(2, with(), &users, folder).await;
        let path = find(folder, "_manifest/commit-000000000001");
        let whole = fs::read(&path).unwrap();
        let how = is_torn.then_some(&whole[..whole.len() / 2]);
        damage(&path, how);
        let rest = run(with(), &users, folder).await.unwrap();
        assert!(rest.whole && rest.damaged.is_empty(), "{rest:?}");
        assert_eq!((rest.skipped, rest.written), (1, 3), "{rest:?}");
        let lost = std::slice::from_ref(&path);
        assert_eq!(named(&rest.mended, folder), lost, "{rest:?}");
        same(folder, &sandbox, &users);
        let mut reader = Reader::default();
        reader.take(folder);
        reader.has_all(&sandbox, &users);
    }
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
        for user in &users[..3] {
            change(&sandbox, user, RecordChange::insert("medical/vitals"));
        }
        change(&sandbox, &users[2], RecordChange::delete("activities"));
    }
    // Each list has to be compared with what was written.
    for user in &users[..3] {
        change(&sandbox, user, RecordChange::insert("medical/vitals"));
    }
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
