//! Manifests of runs that are lost or torn: made anew of their files where these are all there, and else told.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use humanapi_testing::RecordChange;
use tempfile::TempDir;

use super::damaged::{damage, damages, find, has_all, have_vitals, in_step, named};
use super::interrupted::{Reader, stop_after};
use super::whole::synchronization;
use super::{change_each, run, same};
use crate::sandbox::people;

/// A manifest of the first run, and its bucket as it stands in a path.
fn first_manifest(folder: &Path) -> (PathBuf, String) {
    let manifest = find(folder, "_manifest/commit-000000000001");
    let name = manifest.file_stem().unwrap().to_str().unwrap();
    let bucket = name.replace("bucket-", "bucket=");
    (manifest, bucket)
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
        change_each(&sandbox, &users, &RecordChange::delete("medical/vitals"));
        change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
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
            change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
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
    let with = synchronization(&sandbox);
    let folder = in_step(with(), &users).await;
    let folder = folder.path();
    let lost = folder.join("_manifest/commit-000000000001");
    let manifests = crate::files(&lost);
    assert_eq!(manifests.len(), 4);
    let mut before = crate::content(folder);
    before.retain(|path, _| path.to_string_lossy().contains("commit-"));
    fs::remove_dir_all(&lost).unwrap();
    change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
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
    let with = synchronization(&sandbox);
    let folder = in_step(with(), &users).await;
    let folder = folder.path();
    let (manifest, bucket) = first_manifest(folder);
    let lost = find(folder, &format!("resource=vitals/{bucket}"));
    fs::remove_file(&manifest).unwrap();
    fs::remove_file(&lost).unwrap();
    let mut before = crate::content(folder);
    before.retain(|path, _| {
        let path = path.to_string_lossy();
        path.starts_with("resource=") && path.contains(&bucket)
    });
    assert!(!before.is_empty());
    change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
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
    change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
    let next = run(with(), &users, folder).await.unwrap();
    assert_eq!(next.records, have_vitals(&sandbox, &users));
    has_all(folder, "", "vitals", &sandbox, &users);
}

/// Of which kinds the files were nobody can tell any more: of no list of the bucket it is known what is gone.
#[tokio::test]
async fn no_list_is_whole_of_a_bucket_whose_manifest_is_lost_with_files_of_its() {
    for (are_all_gone, is_newest) in [(false, true), (false, false), (true, true), (true, false)] {
        let (sandbox, users) = people(12);
        let with = synchronization(&sandbox);
        let folder = in_step(with(), &users).await;
        let folder = folder.path();
        let (manifest, bucket) = first_manifest(folder);
        if !is_newest {
            change_each(&sandbox, &users, &RecordChange::insert("medical/issues"));
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
        change_each(&sandbox, &users, &RecordChange::delete("medical/vitals"));
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
