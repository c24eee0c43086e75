//! Two runs that overlap, wherever the first of them stands still while the second one runs: what is told as whole is so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use humanapi_export::{CloudError, ExportError, Format};
use object_store::memory::InMemory;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::task::LocalSet;

use super::store::Slow;
use super::{FOLDER, export, is_taken_over, run_in, run_until, there};
use crate::sandbox::{NEW, people};

/// What is in a store, the manifest of all of it too.
struct Stored {
    files: BTreeMap<String, Vec<u8>>,
    export: Option<Value>,
}

impl Stored {
    async fn of(store: &Arc<InMemory>) -> Self {
        let path = format!("{FOLDER}/_manifest/export.json").into();
        let export = super::get(store, &path).await;
        Self {
            files: there(store).await,
            export: export.map(|json| serde_json::from_slice(&json).unwrap()),
        }
    }

    /// Whether all of it is told as whole. Whatever is told as whole has to be what its manifest tells, and no more.
    fn is_whole(&self, at: usize) -> bool {
        let is_manifest = |path: &&String| path.starts_with("_manifest/bucket-");
        let mut whole = 0_u64;
        for path in self.files.keys().filter(is_manifest) {
            let manifest: Value = serde_json::from_slice(&self.files[path]).unwrap();
            if manifest["whole"] == true {
                self.is_as_told(&manifest, at);
                whole += 1;
            }
        }
        let Some(export) = &self.export else {
            return false;
        };
        let is_whole = export["whole"] == true;
        let is_so = export["buckets"] == whole;
        assert!(!is_whole || is_so, "{whole} buckets are whole at {at}");
        is_whole
    }

    fn is_as_told(&self, manifest: &Value, at: usize) {
        let mut named = BTreeSet::new();
        for file in manifest["files"].as_array().unwrap() {
            let path = file["path"].as_str().unwrap();
            self.holds(path, file, at);
            named.insert(path.to_owned());
            let Some(folder) = path.strip_suffix("_documents.ndjson") else {
                continue;
            };
            for line in self.files[path].split(|byte| *byte == b'\n') {
                if !line.is_empty() {
                    let line: Value = serde_json::from_slice(line).unwrap();
                    let path = format!("{folder}{}", line["file"].as_str().unwrap());
                    self.holds(&path, &line, at);
                    named.insert(path);
                }
            }
        }
        let bucket = format!("/bucket={:04}/", manifest["bucket"].as_u64().unwrap());
        let there = self.files.keys().filter(|path| path.contains(&bucket));
        let there: BTreeSet<String> = there.cloned().collect();
        assert_eq!(there, named, "at {at}");
    }

    fn holds(&self, path: &str, told: &Value, at: usize) {
        let Some(content) = self.files.get(path) else {
            panic!("{path} is told of and not there at {at}");
        };
        assert_eq!(told["bytes"], content.len(), "{path} at {at}");
        let hash = Sha256::digest(content);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(told["sha256"], hash, "{path} at {at}");
    }
}

/// One export of several runs, whose users are not always the same.
struct Case {
    format: Format,
    /// Whom the folder holds before, if it holds anything.
    before: &'static [usize],
    first: &'static [usize],
    second: &'static [usize],
}

/// At each step of the first run: it stands still while the second one runs from its beginning to its end, and goes on then.
async fn at_each_step(case: Case) {
    let (sandbox, users) = people(6);
    let some = |which: &[usize]| -> Vec<String> {
        which.iter().map(|user| users[*user].clone()).collect()
    };
    let hour = std::time::Duration::from_secs(3600);
    let export = || export(&sandbox, case.format);
    let paths = |there: BTreeMap<String, Vec<u8>>| there.into_keys().collect::<Vec<_>>();
    let alone = Arc::new(InMemory::new());
    let second = run_in(export(), &some(case.second), alone.clone()).await;
    assert!(second.unwrap().whole);
    let expected = paths(there(&alone).await);
    let before = Arc::new(InMemory::new());
    if !case.before.is_empty() {
        let whole = run_in(export(), &some(case.before), before.clone()).await;
        assert!(whole.unwrap().whole);
    }
    let mut steps = 0;
    for at in 0.. {
        let store = Arc::new(before.fork());
        // Records tell when they were read, and so each run writes others.
        sandbox.control().advance_clock(hour).unwrap();
        let slow = Slow::when(move |number, _| number == at);
        let of_first = some(case.first);
        let begun = run_until(slow, export(), &of_first, &store);
        let Some((slow, first)) = begun.await else {
            break;
        };
        steps += 1;
        sandbox.control().advance_clock(hour).unwrap();
        let second = run_in(export(), &some(case.second), store.clone()).await;
        assert!(second.unwrap().whole);
        let claim = claim(&store, "1-of-1").await;
        slow.go_on();
        match first.await.unwrap() {
            // It had not begun yet, or it was over.
            Ok(first) => assert!(first.whole),
            Err(ExportError::Cloud(CloudError::TakenOver) | ExportError::Changed) => {
                assert!(self::claim(&store, "1-of-1").await == claim, "at {at}");
            }
            Err(other) => panic!("{other:?} at {at}"),
        }
        Stored::of(&store).await.is_whole(at);

        let third = run_in(export(), &some(case.second), store.clone()).await;
        assert!(third.unwrap().whole);
        assert!(Stored::of(&store).await.is_whole(at), "at {at}");
        assert_eq!(paths(there(&store).await), expected, "at {at}");
    }
    assert!(steps > 8, "{steps} steps are too few");
}

/// Who writes, or has written last.
async fn claim(store: &InMemory, shard: &str) -> Option<Vec<u8>> {
    let path = format!("{FOLDER}/_manifest/.writer-{shard}");
    super::get(store, &path.into()).await
}

async fn test(case: Case) {
    LocalSet::new().run_until(at_each_step(case)).await;
}

#[tokio::test]
async fn a_first_export_that_another_takes_over() {
    test(Case {
        format: Format::Envelope,
        before: &[],
        first: &[0, 3],
        second: &[0, 3],
    })
    .await;
}

#[tokio::test]
async fn documents_that_only_one_of_two_has() {
    test(Case {
        format: Format::Envelope,
        before: &[0, 3, 4],
        first: &[0, 3],
        second: &[3, 4],
    })
    .await;
}

#[tokio::test]
async fn buckets_that_the_other_leaves_as_they_are() {
    test(Case {
        format: Format::Envelope,
        before: &[0, 3, 4],
        first: &[0],
        second: &[0, 3, 4],
    })
    .await;
}

/// Which of them it is, is said by whoever says so first, and the other one says so too.
#[tokio::test]
async fn of_two_different_exports_that_begin_together_one_is_written() {
    let test = async {
        let (sandbox, users) = people(1);
        let (mut refused, mut written) = (0, 0);
        for at in 0.. {
            let store = Arc::new(InMemory::new());
            let slow = Slow::when(move |number, _| number == at);
            let begun = run_until(slow, export(&sandbox, Format::Ndjson), &users, &store);
            let Some((slow, first)) = begun.await else {
                break;
            };
            let second = run_in(export(&sandbox, Format::Csv), &users, store.clone()).await;
            slow.go_on();
            let first = first.await.unwrap();
            let format = match second {
                Ok(second) => {
                    let error = first.unwrap_err();
                    let is_told = matches!(
                        error,
                        ExportError::Other("a format") | ExportError::Cloud(CloudError::TakenOver)
                    );
                    assert!(second.whole && is_told, "{error:?} at {at}");
                    written += 1;
                    "csv"
                }
                Err(second) => {
                    let is_other = matches!(second, ExportError::Other("a format"));
                    assert!(is_other && first.unwrap().whole, "{second:?} at {at}");
                    refused += 1;
                    "ndjson"
                }
            };
            let stored = Stored::of(&store).await;
            assert!(stored.is_whole(at), "at {at}");
            assert_eq!(stored.export.unwrap()["format"], format);
        }
        assert!(written > 1 && refused > 8, "{written} {refused}");
    };
    LocalSet::new().run_until(test).await;
}

/// A claim that was there as it looked, and is of a run by now that began later, stays.
#[tokio::test]
async fn one_that_takes_all_ends_no_shard_that_begins_after_it() {
    let test = async {
        let (sandbox, users) = people(1);
        let store = Arc::new(InMemory::new());
        let shard = || {
            let shard = "1/2".parse().unwrap();
            export(&sandbox, Format::Ndjson).with_shard(shard)
        };
        run_in(shard(), &users, store.clone()).await.unwrap();
        let slow = Slow::at("_manifest/.writer-1-of-2");
        let all = export(&sandbox, Format::Ndjson);
        let (slow, all) = run_until(slow, all, &users, &store).await.unwrap();
        run_in(shard(), &users, store.clone()).await.unwrap();
        let of_shard = claim(&store, "1-of-2").await;
        slow.go_on();
        let all = all.await.unwrap();
        assert!(is_taken_over(&all), "{all:?}");
        assert!(claim(&store, "1-of-2").await == of_shard);
    };
    LocalSet::new().run_until(test).await;
}

/// Stands still as it sums up what it wrote, once its one bucket is in its place.
fn summing_up() -> Slow {
    let puts = AtomicUsize::new(0);
    Slow::when(move |_, path| {
        let is_of_bucket = path.ends_with("bucket-0000.json");
        puts.fetch_add(usize::from(is_of_bucket), Ordering::Relaxed);
        path.ends_with("export.json") && puts.load(Ordering::Relaxed) == 2
    })
}

/// What the first one is about to say was so before the other one began, and that one has nothing to add to what is said.
#[tokio::test]
async fn who_sums_up_tells_nothing_as_whole_that_another_has_begun_to_read_again() {
    let test = async {
        let (sandbox, mut users) = people(1);
        users.push(NEW.to_owned());
        let store = Arc::new(InMemory::new());
        let export = || export(&sandbox, Format::Ndjson).with_buckets(1);
        let first = run_in(export(), &users, store.clone()).await.unwrap();
        assert!(first.whole && !first.refused.is_empty(), "{first:?}");

        let again = || export().with_refused_again();
        let begun = run_until(summing_up(), again(), &users, &store).await;
        let (slow_first, first) = begun.unwrap();
        let before = Stored::of(&store).await.export.unwrap();
        let slow = Slow::at("_manifest/bucket-0000.json");
        let (slow_second, second) = run_until(slow, again(), &users, &store).await.unwrap();
        // In S3, the version of what is written anew would be that of before if it was the same.
        assert_ne!(Stored::of(&store).await.export.unwrap(), before);
        slow_first.go_on();
        let first = first.await.unwrap();
        let told = Stored::of(&store).await.export.unwrap();
        assert_eq!(told["whole"], false, "{told}");
        assert!(is_taken_over(&first), "{first:?}");
        slow_second.go_on();
        assert!(second.await.unwrap().unwrap().whole);
        assert!(Stored::of(&store).await.is_whole(0));
    };
    LocalSet::new().run_until(test).await;
}

/// What it is about to say was so until the earlier one said that its files may be among those of the bucket.
#[tokio::test]
async fn who_sums_up_tells_nothing_as_whole_that_one_of_before_has_given_up() {
    let test = async {
        let (sandbox, users) = people(1);
        let store = Arc::new(InMemory::new());
        let export = || export(&sandbox, Format::Envelope).with_buckets(1);
        let slow = Slow::at("bucket=0000/records.ndjson");
        let (slow_first, first) = run_until(slow, export(), &users, &store).await.unwrap();
        let hour = std::time::Duration::from_secs(3600);
        sandbox.control().advance_clock(hour).unwrap();
        let begun = run_until(summing_up(), export(), &users, &store).await;
        let (slow_second, second) = begun.unwrap();
        slow_first.go_on();
        let first = first.await.unwrap();
        assert!(is_taken_over(&first), "{first:?}");
        slow_second.go_on();
        let second = second.await.unwrap().unwrap();
        assert!(!second.whole && second.failed.is_empty(), "{second:?}");
        assert!(!Stored::of(&store).await.is_whole(0));
        assert!(run_in(export(), &users, store.clone()).await.unwrap().whole);
        assert!(Stored::of(&store).await.is_whole(0));
    };
    LocalSet::new().run_until(test).await;
}

/// The later one cannot know which files are its own once the earlier one has said that some may not be.
#[tokio::test]
async fn of_two_that_end_the_same_bucket_together_none_tells_it_as_whole() {
    let test = async {
        let (sandbox, users) = people(1);
        let store = Arc::new(InMemory::new());
        let export = || export(&sandbox, Format::Envelope).with_buckets(1);
        let run = || {
            let puts = AtomicUsize::new(0);
            // The first put says that it begins.
            let ends = move |_, path: &str| {
                path.ends_with("bucket-0000.json") && puts.fetch_add(1, Ordering::Relaxed) == 1
            };
            run_until(Slow::when(ends), export(), &users, &store)
        };
        let (slow_first, first) = run().await.unwrap();
        sandbox
            .control()
            .advance_clock(std::time::Duration::from_secs(3600))
            .unwrap();
        let (slow_second, second) = run().await.unwrap();
        slow_first.go_on();
        let first = first.await.unwrap();
        assert!(is_taken_over(&first), "{first:?}");
        slow_second.go_on();
        let second = second.await.unwrap();
        assert!(matches!(second, Err(ExportError::Changed)), "{second:?}");
        let manifest = there(&store).await.remove("_manifest/bucket-0000.json");
        let manifest: Value = serde_json::from_slice(&manifest.unwrap()).unwrap();
        assert_eq!(manifest["whole"], false);
        let third = run_in(export(), &users, store.clone()).await.unwrap();
        assert!(third.whole && third.written == 1);
    };
    LocalSet::new().run_until(test).await;
}
