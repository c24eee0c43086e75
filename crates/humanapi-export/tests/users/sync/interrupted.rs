//! Runs that did not come to their end, and what the next one makes of them: nothing is skipped, and who takes each commit
//! once has everything.
//!
//! One piece: each test ends the same run in another way, and has the next one go on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::stream;
use humanapi_export::{BucketKey, Event, ExportError, SyncSummary, Synchronization};
use humanapi_store::SqliteCursorStore;
use humanapi_testing::client::{CursorStore, MemoryCursorStore};
use humanapi_testing::core::data::{Operation, ROUTES, Route};
use humanapi_testing::{Fault, OfflineSandbox, RecordChange};
use serde::Deserialize;
use tempfile::TempDir;

use super::halting::{Asked, Halting};
use super::{HOUR, Line, change, change_each, copy_folder, expected, quiet, run, same};
use crate::sandbox::{Lines, lists, people};

const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

fn memory() -> Arc<dyn CursorStore> {
    Arc::new(MemoryCursorStore::new())
}

async fn sqlite(place: &Path) -> Arc<dyn CursorStore> {
    Arc::new(SqliteCursorStore::open(place.join("cursors.sqlite")).await)
}

/// Each bucket of four has users, and the first few users are in several.
fn synchronization(sandbox: &OfflineSandbox, cursors: &Arc<dyn CursorStore>) -> Synchronization {
    Synchronization::new(quiet(sandbox), Arc::clone(cursors))
        .with_key(BucketKey::new([7; 32]))
        .with_full_every(NEVER)
}

pub(super) fn only(name: &'static str) -> impl Iterator<Item = &'static Route> {
    ROUTES
        .iter()
        .filter(move |route| route.operation == Operation::List && route.name == name)
}

/// Stops it once so many buckets are written.
pub(super) async fn stop_after(
    buckets: u32,
    synchronization: Synchronization,
    users: &[String],
    folder: &Path,
) -> SyncSummary {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (mut stop, mut written) = (Some(stop), 0);
    let synchronization = synchronization.with_buckets(4).with_listener(move |event| {
        written += u32::from(matches!(event, Event::Written { .. }));
        if written >= buckets
            && let Some(stop) = stop.take()
        {
            stop.send(()).unwrap();
        }
    });
    let ids = users.iter().map(|user| Ok(user.as_str().into()));
    let stopped = async {
        let _ = stopped.await;
    };
    let summary = synchronization
        .run(stream::iter(ids), folder, stopped)
        .await
        .unwrap();
    assert!(summary.stopped && !summary.whole, "{summary:?}");
    summary
}

/// Kills a run once so many buckets are kept: the files and the manifest of the next one are in their places. If there is no
/// next one, before the store knows that the run ended.
async fn kill_after(
    keeps: u32,
    with: impl FnOnce(&Arc<dyn CursorStore>) -> Synchronization,
    inner: &Arc<dyn CursorStore>,
    users: &[String],
    folder: &Path,
) {
    let keeps = AtomicU32::new(keeps);
    let left = move || keeps.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
    let killed = Halting::new(Arc::clone(inner), move |asked| match asked {
        Asked::Keep => left().is_err(),
        asked => asked == Asked::End,
    });
    let store: Arc<dyn CursorStore> = Arc::clone(&killed) as _;
    tokio::select! {
        ended = run(with(&store), users, folder) => panic!("it was not killed: {ended:?}"),
        () = killed.reached() => {}
    }
}

#[derive(Deserialize)]
struct Sync {
    commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    commit: u64,
    ended: bool,
    files: u64,
    records: u64,
}

#[derive(Deserialize)]
struct OfBucket {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    path: PathBuf,
}

/// Who takes each commit once, as the page says.
#[derive(Clone, Default)]
pub(super) struct Reader {
    taken: BTreeSet<u64>,
    pub(super) records: BTreeMap<Key, String>,
    /// What was told as gone.
    pub(super) gone: BTreeSet<Key>,
}

/// Kind, user and id.
pub(super) type Key = (String, String, String);

impl Reader {
    pub(super) fn take(&mut self, folder: &Path) {
        let manifest = folder.join("_manifest");
        let sync = fs::read(manifest.join("sync.json")).unwrap();
        let sync: Sync = serde_json::from_slice(&sync).unwrap();
        for line in sync.commits.iter().filter(|line| line.ended) {
            let last = self.taken.last().copied();
            if !self.taken.insert(line.commit) {
                continue;
            }
            assert!(
                last < Some(line.commit),
                "it comes behind one that was taken"
            );
            let (mut files, mut records) = (0, 0);
            let of_commit = manifest.join(format!("commit-{:012}", line.commit));
            for path in crate::files(&of_commit) {
                let of_bucket: OfBucket = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
                for file in of_bucket.files {
                    files += 1;
                    records += self.read(&folder.join(file.path));
                }
            }
            assert_eq!((files, records), (line.files, line.records));
        }
    }

    /// Tells how many records are as they are there.
    fn read(&mut self, path: &Path) -> u64 {
        let mut records = 0;
        for line in fs::read_to_string(path).unwrap().lines() {
            let line: Line<'_> = serde_json::from_str(line).unwrap();
            let key = (line._resource, line._user, line._id);
            match line.record {
                Some(record) => {
                    records += 1;
                    let before = self.records.insert(key, record.get().to_owned());
                    assert_ne!(before.as_deref(), Some(record.get()), "it is told twice");
                }
                None => {
                    assert!(self.records.remove(&key).is_some(), "nobody has it");
                    self.gone.insert(key);
                }
            }
        }
        records
    }

    #[track_caller]
    pub(super) fn has_all(&self, sandbox: &OfflineSandbox, users: &[String]) {
        let mut all = Lines::new();
        for ((resource, user, _), record) in &self.records {
            let list = all.entry((resource.clone(), user.clone())).or_default();
            list.push(record.clone());
        }
        all.values_mut().for_each(|records| records.sort());
        let expected = expected(sandbox, users);
        let differs: Vec<_> = expected
            .keys()
            .chain(all.keys())
            .filter(|key| expected.get(*key) != all.get(*key))
            .collect();
        assert!(differs.is_empty(), "{} lists: {differs:?}", differs.len());
    }
}

#[tokio::test]
async fn who_takes_each_commit_that_has_ended_once_has_everything() {
    let (sandbox, users) = people(12);
    let (folder, cursors) = (TempDir::new().unwrap(), memory());
    let folder = folder.path();
    let mut reader = Reader::default();
    let with = |cursors: &Arc<dyn CursorStore>| synchronization(&sandbox, cursors);
    for round in 0..2 {
        stop_after(1, with(&cursors), &users, folder).await;
        reader.take(folder);
        // What is put into its place by a run that is killed can be gone again before the run goes on.
        kill_after(1, with, &cursors, &users, folder).await;
        reader.take(folder);
        for user in &users {
            change(&sandbox, user, RecordChange::delete("medical/vitals"));
            change(
                &sandbox,
                user,
                RecordChange::insert("medical/immunizations"),
            );
        }
        let rest = run(with(&cursors), &users, folder).await.unwrap();
        assert!(rest.whole, "{round}");
        reader.take(folder);
        sandbox.control().advance_clock(HOUR).unwrap();
        let full = with(&cursors).with_full_every(Duration::ZERO);
        assert!(run(full, &users, folder).await.unwrap().whole);
        reader.take(folder);
        reader.has_all(&sandbox, &users);
        same(folder, &sandbox, &users);
        change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
    }
}

/// The first bucket is in its place in each, the second without its cursors.
#[tokio::test]
async fn a_run_that_the_store_forgot_is_told_and_what_no_manifest_tells_of_goes() {
    let (sandbox, users) = people(12);
    let with = |cursors: &Arc<dyn CursorStore>| synchronization(&sandbox, cursors);
    for is_torn in [false, true] {
        let folder = TempDir::new().unwrap();
        let folder = folder.path();
        kill_after(1, with, &memory(), &users, folder).await;
        if is_torn {
            // Killed between files and manifest.
            let manifests = crate::files(&folder.join("_manifest/commit-000000000001"));
            assert_eq!(manifests.len(), 2);
            fs::remove_file(&manifests[1]).unwrap();
        }
        let forgotten = memory();
        // Other kinds than those that were broken off in.
        let vitals = with(&forgotten).with_resources(only("data.vitals"));
        assert!(run(vitals, &users, folder).await.unwrap().whole);
        for user in &users {
            change(
                &sandbox,
                user,
                RecordChange::delete("medical/immunizations"),
            );
        }
        assert!(run(with(&forgotten), &users, folder).await.unwrap().whole);
        same(folder, &sandbox, &users);
        let mut reader = Reader::default();
        reader.take(folder);
        assert!(reader.taken.contains(&1), "the one that was forgotten");
        reader.has_all(&sandbox, &users);
    }
}

/// A file that comes so slowly that what reads it waits, as one on a disk of another machine may.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_is_at_work_in_the_folder_when_a_stopped_run_is_over() {
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::sync::mpsc;

    /// It fails where nobody reads.
    const NO_WAITING: i32 = 0o4000;
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let first = run(synchronization(&sandbox, &memory()), &users, folder.path());
    assert!(first.await.unwrap().whole);
    let mut files = crate::files(folder.path()).into_iter();
    let slow = files.find(|path| path.to_string_lossy().contains("resource=vitals"));
    let slow = slow.unwrap();
    fs::remove_file(&slow).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&slow).status();
    assert!(made.unwrap().success());
    let (release, released) = mpsc::channel();
    let path = slow.clone();
    let is_read = move |path: &Path| {
        let mut options = OpenOptions::new();
        let options = options.write(true).custom_flags(NO_WAITING);
        options.open(path).is_ok()
    };
    let releasing = std::thread::spawn(move || {
        // It comes at last.
        let () = released.recv().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        while released.try_recv().is_err() {
            is_read(&path);
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    sandbox.control().clear_requests();
    let stop = async {
        let asked = || {
            let requests = sandbox.control().requests();
            let mut paths = requests.iter().map(|request| request.path.as_str());
            paths.any(|path| path.starts_with("/v1/human/medical/vitals"))
        };
        while !asked() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // What comes of it is compared with what was written, which waits.
        tokio::time::sleep(Duration::from_millis(300)).await;
        release.send(()).unwrap();
    };
    // Other cursors: what is known is read for each list.
    let ids = users.iter().map(|user| Ok(user.as_str().into()));
    let stopped = synchronization(&sandbox, &memory())
        .with_buckets(4)
        .run(stream::iter(ids), folder.path(), stop)
        .await
        .unwrap();
    let is_at_work = is_read(&slow);
    release.send(()).unwrap();
    releasing.join().unwrap();
    assert!(stopped.stopped && !is_at_work, "{stopped:?}");
}

#[tokio::test]
async fn lists_that_failed_before_a_stop_are_read_when_it_goes_on() {
    let (sandbox, users) = people(12);
    let (folder, cursors) = (TempDir::new().unwrap(), memory());
    let fault = Fault::status(503)
        .on_path("/v1/human/medical/vitals")
        .times(100_000);
    sandbox.control().plan_fault(fault).unwrap();
    let with = || synchronization(&sandbox, &cursors);
    let stopped = stop_after(2, with(), &users, folder.path()).await;
    assert!(!stopped.failed.is_empty());
    sandbox.control().clear_faults();
    let rest = run(with(), &users, folder.path()).await.unwrap();
    assert!(rest.whole && rest.skipped == 0, "{rest:?}");
    same(folder.path(), &sandbox, &users);
}

#[tokio::test]
async fn what_was_read_before_two_stops_is_not_read_again() {
    let (sandbox, users) = people(12);
    let (folder, cursors) = (TempDir::new().unwrap(), memory());
    let with = || synchronization(&sandbox, &cursors);
    stop_after(1, with(), &users, folder.path()).await;
    // Nothing of the second bucket can be had.
    let fault = Fault::status(503)
        .on_path("/v1/human/medical/vitals")
        .times(100_000);
    sandbox.control().plan_fault(fault).unwrap();
    let second = stop_after(1, with(), &users, folder.path()).await;
    assert!(
        !second.failed.is_empty() && second.skipped == 1,
        "{second:?}"
    );
    sandbox.control().clear_faults();
    // It is read again under another number, and so is the third.
    let third = stop_after(2, with(), &users, folder.path()).await;
    assert_eq!((third.skipped, third.written), (1, 2), "{third:?}");
    let fourth = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!((fourth.skipped, fourth.written), (3, 1), "{fourth:?}");
    assert!(fourth.whole);
    same(folder.path(), &sandbox, &users);
    // What is over is not gone on with.
    let fifth = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!((fifth.skipped, fifth.written), (0, 4), "{fifth:?}");
}

#[tokio::test]
async fn other_kinds_other_users_and_a_full_pass_are_read_when_it_goes_on() {
    let (sandbox, users) = people(12);
    let with = |cursors: &Arc<dyn CursorStore>| synchronization(&sandbox, cursors);

    let (folder, cursors) = (TempDir::new().unwrap(), memory());
    let vitals = with(&cursors).with_resources(only("data.vitals"));
    stop_after(2, vitals, &users, folder.path()).await;
    let rest = run(with(&cursors), &users, folder.path()).await.unwrap();
    assert!(rest.whole);
    same(folder.path(), &sandbox, &users);

    let (folder, cursors) = (TempDir::new().unwrap(), memory());
    let half: Vec<String> = users.iter().step_by(2).cloned().collect();
    stop_after(2, with(&cursors), &half, folder.path()).await;
    let rest = run(with(&cursors), &users, folder.path()).await.unwrap();
    assert!(rest.whole);
    same(folder.path(), &sandbox, &users);

    stop_after(2, with(&cursors), &users, folder.path()).await;
    let mut deleted = 0;
    for user in &users {
        deleted += u64::from(!lists(&sandbox, user, "vitals").is_empty());
        change(&sandbox, user, RecordChange::delete("medical/vitals"));
    }
    assert!(deleted > 8, "{deleted}");
    let full = with(&cursors).with_full_every(Duration::ZERO);
    let full = run(full, &users, folder.path()).await.unwrap();
    assert_eq!(full.deleted, deleted, "{full:?}");
    same(folder.path(), &sandbox, &users);

    // The same again skips what was whole.
    stop_after(2, with(&cursors), &users, folder.path()).await;
    let rest = run(with(&cursors), &users, folder.path()).await.unwrap();
    assert_eq!((rest.skipped, rest.written), (2, 2), "{rest:?}");
}

#[tokio::test]
async fn a_run_that_was_killed_behind_its_last_bucket_leaves_nothing_unread() {
    let (sandbox, users) = people(12);
    let (folder, cursors) = (TempDir::new().unwrap(), memory());
    let with = |cursors: &Arc<dyn CursorStore>| synchronization(&sandbox, cursors);
    kill_after(4, with, &cursors, &users, folder.path()).await;
    sandbox.control().advance_clock(HOUR).unwrap();
    change(&sandbox, &users[0], RecordChange::insert("medical/vitals"));
    let next = run(with(&cursors), &users, folder.path()).await.unwrap();
    assert_eq!(
        (next.records, next.skipped, next.written),
        (1, 0, 4),
        "{next:?}"
    );
    assert_eq!(next.commit, Some(2), "what ended is not added to");
    same(folder.path(), &sandbox, &users);

    // Also where the line that tells its end was not written any more.
    kill_after(4, with, &cursors, &users, folder.path()).await;
    let manifest = folder.path().join("_manifest/sync.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace(r#""ended": true"#, r#""ended": false"#),
    )
    .unwrap();
    change(&sandbox, &users[0], RecordChange::insert("medical/vitals"));
    let next = run(with(&cursors), &users, folder.path()).await.unwrap();
    assert_eq!(
        (next.records, next.skipped, next.written),
        (1, 0, 4),
        "{next:?}"
    );
    same(folder.path(), &sandbox, &users);
    let mut reader = Reader::default();
    reader.take(folder.path());
    reader.has_all(&sandbox, &users);
}

/// A power failure, or a database that was restored.
#[tokio::test]
async fn cursors_that_are_behind_the_folder_hide_no_deletion_and_double_no_record() {
    let (sandbox, users) = people(8);
    let (place, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = |cursors: &Arc<dyn CursorStore>| synchronization(&sandbox, cursors);
    let newer = sqlite(place.path()).await;
    assert!(run(with(&newer), &users, folder).await.unwrap().whole);
    copy_folder(place.path(), copy.path());
    // One that stays, and one that is gone again.
    change(&sandbox, &users[0], RecordChange::insert("medical/vitals"));
    change(
        &sandbox,
        &users[0],
        RecordChange::insert("medical/immunizations"),
    );
    let second = run(with(&newer), &users, folder).await.unwrap();
    assert_eq!((second.records, second.commit), (2, Some(2)));
    change(
        &sandbox,
        &users[0],
        RecordChange::delete("medical/immunizations"),
    );

    let older = sqlite(copy.path()).await;
    // Others of the bucket come first.
    assert!(run(with(&older), &users[1..], folder).await.unwrap().whole);
    let again = run(with(&older), &users, folder).await.unwrap();
    assert_eq!((again.records, again.deleted), (0, 0), "{again:?}");
    let full = with(&older).with_full_every(Duration::ZERO);
    let full = run(full, &users, folder).await.unwrap();
    assert_eq!((full.records, full.deleted), (0, 1), "{full:?}");
    same(folder, &sandbox, &users);
}

#[tokio::test]
async fn a_folder_whose_manifest_is_lost_is_left_as_it_is() {
    let (sandbox, users) = people(2);
    let folder = TempDir::new().unwrap();
    let with = || synchronization(&sandbox, &memory());
    assert!(run(with(), &users, folder.path()).await.unwrap().whole);
    fs::remove_file(folder.path().join("_manifest/sync.json")).unwrap();
    let before = crate::content(folder.path());
    let refused = run(with(), &users, folder.path()).await;
    assert!(
        matches!(&refused, Err(ExportError::Manifest(path)) if path == "_manifest/sync.json"),
        "{refused:?}"
    );
    assert!(crate::content(folder.path()) == before);
}

/// Users who are in no run between are not kept by cursors that the folder knows nothing of.
#[tokio::test]
async fn cursors_that_are_ahead_of_the_folder_count_for_nobody_of_the_bucket() {
    let (sandbox, users) = people(8);
    let (folder, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let cursors = memory();
    let with = || synchronization(&sandbox, &cursors);
    assert!(run(with(), &users, folder.path()).await.unwrap().whole);
    copy_folder(folder.path(), copy.path());
    change_each(&sandbox, &users, &RecordChange::insert("medical/vitals"));
    assert!(run(with(), &users, folder.path()).await.unwrap().records > 4);
    sandbox.control().advance_clock(HOUR).unwrap();
    // In the folder that was restored, one user first.
    for users in [&users[..1], &users[..]] {
        assert!(run(with(), users, copy.path()).await.unwrap().whole);
    }
    same(copy.path(), &sandbox, &users);
}
