//! Exports to object stores: the same files as in a folder, whatever moment the store is lost at, and one who writes.

mod overlap;
mod store;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::TryStreamExt as _;
use futures_util::stream;
use humanapi_export::{
    CloudError, CloudFolder, Export, ExportError, Format, Shard, Summary, Synchronization,
};
use humanapi_testing::client::{CursorStore, MemoryCursorStore};
use humanapi_testing::core::data::ReportFormat;
use humanapi_testing::{ForTests as _, OfflineSandbox};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use tempfile::TempDir;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::sandbox::people;
use crate::{KEY, content, is_begun, run};
use store::{Lost, Meddled, Slow, Unanswered};

const FOLDER: &str = "exports/2026";

fn export(sandbox: &OfflineSandbox, format: Format) -> Export {
    let kinds = ["data.activities", "data.ccds", "data.profile"];
    let routes = Export::all_resources().filter(move |route| kinds.contains(&route.name));
    Export::new(sandbox.client(), format)
        .with_key(KEY)
        .with_buckets(2)
        .with_resources(routes)
        .with_documents(ReportFormat::Json)
}

async fn run_in(
    export: Export,
    users: &[String],
    store: Arc<dyn ObjectStore>,
) -> Result<Summary, ExportError> {
    let users = users.iter().map(|user| Ok(user.as_str().into()));
    let folder = CloudFolder::new(store, FOLDER).unwrap();
    export
        .run_in_cloud(stream::iter(users), folder, pending())
        .await
}

/// A run that is on its way, and has come to what is slow; nothing where it came to its end before.
async fn run_until(
    slow: Slow,
    export: Export,
    users: &[String],
    store: &Arc<InMemory>,
) -> Option<(Arc<Slow>, JoinHandle<Result<Summary, ExportError>>)> {
    let slow = Arc::new(slow);
    let meddled = Meddled {
        store: Arc::clone(store),
        with: Arc::clone(&slow),
    };
    let users = users.to_vec();
    let mut run = spawn_local(async move { run_in(export, &users, Arc::new(meddled)).await });
    tokio::select! {
        began = slow.began.acquire() => began.unwrap().forget(),
        ended = &mut run => {
            assert!(ended.unwrap().unwrap().whole);
            return None;
        }
    }
    Some((slow, run))
}

fn is_taken_over(run: &Result<Summary, ExportError>) -> bool {
    matches!(run, Err(ExportError::Cloud(CloudError::TakenOver)))
}

/// What is in a store, but for the time at which it was written.
async fn there(store: &InMemory) -> BTreeMap<String, Vec<u8>> {
    let objects: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
    let mut all = BTreeMap::new();
    for object in objects {
        let path = object.location.as_ref().strip_prefix(FOLDER).unwrap();
        if path == "/_manifest/export.json" || path.starts_with("/_manifest/.writer-") {
            continue;
        }
        all.extend(
            get(store, &object.location)
                .await
                .map(|content| (path[1..].to_owned(), content)),
        );
    }
    all
}

async fn get(store: &InMemory, path: &Path) -> Option<Vec<u8>> {
    match store.get(path).await {
        Err(object_store::Error::NotFound { .. }) => None,
        object => Some(object.unwrap().bytes().await.unwrap().into()),
    }
}

async fn paths(store: &InMemory) -> Vec<String> {
    let objects: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
    let paths = objects
        .iter()
        .map(|object| object.location.as_ref().to_owned());
    paths.collect()
}

#[tokio::test]
async fn a_store_gets_what_a_folder_gets_and_nothing_of_a_user_is_in_a_path() {
    let (sandbox, users) = people(6);
    let folder = TempDir::new().unwrap();
    let first = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    let first = first.unwrap();
    assert!(first.whole && first.documents > 0, "{first:?}");
    let expected = content(folder.path());

    let store = Arc::new(InMemory::new());
    let summary = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
    assert_eq!(summary.unwrap(), first);
    let paths = paths(&store).await;
    assert!(paths.iter().all(|path| !path.contains("canary")));
    assert!(paths.contains(&format!("{FOLDER}/_manifest/export.json")));
    let there = there(&store).await;
    let there = there
        .into_iter()
        .map(|(path, content)| (path.into(), content));
    assert!(there.collect::<BTreeMap<_, _>>() == expected);

    let disk = TempDir::new().unwrap();
    let store = LocalFileSystem::new_with_prefix(disk.path()).unwrap();
    run_in(export(&sandbox, Format::Ndjson), &users, Arc::new(store))
        .await
        .unwrap();
    assert!(content(&disk.path().join(FOLDER)) == expected);
}

/// At each change that a run makes to the store: as if it was killed before it, and as if it was killed after it.
#[tokio::test]
async fn wherever_the_store_is_lost_the_same_export_again_comes_to_what_one_run_comes_to() {
    // Of the others each has many documents, each of which is a change.
    let (sandbox, users) = people(6);
    let users = [&users[..1], &users[3..4]].concat();
    let store = Arc::new(InMemory::new());
    run_in(export(&sandbox, Format::Ndjson), &users, store.clone())
        .await
        .unwrap();
    let expected = there(&store).await;
    let is_document = |path: &&String| path.starts_with("documents=");
    assert!(expected.keys().any(|path| is_document(&path)));
    assert!((9..30).contains(&expected.len()), "{}", expected.len());
    for at in 0.. {
        let mut ended = 0;
        for is_done in [false, true] {
            let store = Arc::new(InMemory::new());
            let meddled = Meddled {
                store: Arc::clone(&store),
                with: Arc::new(Lost::at(at, is_done)),
            };
            let lost = run_in(
                export(&sandbox, Format::Ndjson),
                &users,
                Arc::new(meddled.clone()),
            );
            match lost.await {
                Err(ExportError::Cloud(error)) => assert_eq!(error, CloudError::Failed),
                other => {
                    assert!(other.unwrap().whole);
                    assert!(meddled.with.changes() <= at);
                    ended += 1;
                }
            }
            let left = there(&store).await;
            for (path, content) in &left {
                if is_begun(path.as_ref(), content) {
                    continue;
                }
                let is_as_expected = expected.get(path) == Some(content);
                assert!(is_as_expected, "{path} is torn at {at}");
                if path.starts_with("_manifest/bucket-") {
                    let manifest: serde_json::Value = serde_json::from_slice(content).unwrap();
                    let mut files = manifest["files"].as_array().unwrap().iter();
                    assert!(
                        files.all(|file| left.contains_key(file["path"].as_str().unwrap())),
                        "{path} tells of what is not there at {at}"
                    );
                }
            }
            let again = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
            let again = again.unwrap();
            assert!(again.whole, "{again:?}");
            assert!(there(&store).await == expected, "{at}");
        }
        if ended > 0 {
            assert_eq!(ended, 2);
            assert!(at > 16, "{at} changes are too few");
            return;
        }
    }
}

#[tokio::test]
async fn the_same_export_again_reads_nothing_that_is_whole_and_keeps_the_key_that_it_drew() {
    let (sandbox, users) = people(12);
    let store = Arc::new(InMemory::new());
    let resources = || {
        let of = Export::all_resources().filter(|route| route.name == "data.activities");
        Export::new(sandbox.client(), Format::Ndjson).with_resources(of)
    };
    let first = run_in(resources(), &users, store.clone()).await.unwrap();
    assert_eq!((first.whole, first.written, first.skipped), (true, 16, 0));
    let before = there(&store).await;
    assert!(before.contains_key("_manifest/key"));
    sandbox.control().clear_requests();
    let again = run_in(resources(), &users, store.clone()).await.unwrap();
    assert_eq!((again.whole, again.written, again.skipped), (true, 0, 16));
    assert_eq!(sandbox.control().requests().len(), 0);
    assert!(there(&store).await == before);

    let (gone, _) = before
        .iter()
        .find(|(path, _)| path.starts_with("resource="))
        .unwrap();
    let gone = Path::from(format!("{FOLDER}/{gone}"));
    store.delete(&gone).await.unwrap();
    let mended = run_in(resources(), &users, store.clone()).await.unwrap();
    assert_eq!((mended.whole, mended.written), (true, 1));
    assert!(there(&store).await == before);
}

/// The one that began last goes on; what began before it ends before it puts anything more.
#[tokio::test]
async fn of_two_that_write_the_same_one_goes_on_and_the_other_is_told() {
    let test = async {
        let (sandbox, users) = people(6);
        let store = Arc::new(InMemory::new());
        let slow = Slow::at("bucket=0000/records.ndjson");
        let first = export(&sandbox, Format::Ndjson);
        let (slow, first) = run_until(slow, first, &users, &store).await.unwrap();
        let second = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
        assert!(second.unwrap().whole);
        let expected = there(&store).await;

        slow.go_on();
        let first = first.await.unwrap();
        assert!(is_taken_over(&first), "{first:?}");
        assert_eq!(slow.after.load(Ordering::Relaxed), 0);
        assert!(there(&store).await == expected);
    };
    LocalSet::new().run_until(test).await;
}

/// Nobody waits for it any more, and its last put may still be on its way.
#[tokio::test]
async fn an_export_that_is_dropped_in_the_middle_is_gone_on_with() {
    let test = async {
        let (sandbox, users) = people(6);
        let store = Arc::new(InMemory::new());
        let slow = Slow::at("bucket=0001/records.ndjson");
        let first = export(&sandbox, Format::Ndjson);
        let (slow, first) = run_until(slow, first, &users, &store).await.unwrap();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let second = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
        let second = second.unwrap();
        assert!(second.whole && second.skipped == 1, "{second:?}");
        let expected = there(&store).await;

        let left = Arc::clone(&slow.left);
        slow.go_on();
        drop(slow);
        // Its threads end by themselves.
        left.acquire().await.unwrap().forget();
        assert!(there(&store).await == expected);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn what_is_another_export_is_refused_and_takes_nothing_over() {
    let test = async {
        let (sandbox, users) = people(6);
        let store = Arc::new(InMemory::new());
        let slow = Slow::at("_manifest/bucket-0001.json");
        let running = export(&sandbox, Format::Ndjson);
        let (slow, running) = run_until(slow, running, &users, &store).await.unwrap();
        let other_key = humanapi_export::BucketKey::new([8; 32]);
        for (other, what) in [
            (export(&sandbox, Format::Csv), "a format"),
            (
                export(&sandbox, Format::Ndjson).with_key(other_key),
                "a key",
            ),
        ] {
            let refused = run_in(other, &users, store.clone()).await;
            assert!(matches!(refused, Err(ExportError::Other(other)) if other == what));
        }
        slow.go_on();
        assert!(running.await.unwrap().unwrap().whole);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn shards_share_a_folder_and_one_that_takes_all_ends_them() {
    let test = async {
        let (sandbox, users) = people(6);
        let store = Arc::new(InMemory::new());
        let shard = |text: &str| {
            let shard: Shard = text.parse().unwrap();
            export(&sandbox, Format::Ndjson).with_shard(shard)
        };
        let slow = Slow::at("bucket=0000/records.ndjson");
        let (slow, first) = run_until(slow, shard("1/2"), &users, &store).await.unwrap();
        let second = run_in(shard("2/2"), &users, store.clone()).await.unwrap();
        assert!(second.whole && second.written == 1, "{second:?}");
        let all = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
        let all = all.unwrap();
        assert_eq!((all.whole, all.skipped, all.written), (true, 1, 1));
        slow.go_on();
        let first = first.await.unwrap();
        assert!(is_taken_over(&first), "{first:?}");
    };
    LocalSet::new().run_until(test).await;
}

/// A store need not tell in a list which version an object is, and changes nothing without it.
#[tokio::test]
async fn who_takes_all_goes_on_where_shards_have_written() {
    let (sandbox, users) = people(6);
    let store = Meddled {
        store: Arc::new(InMemory::new()),
        with: Arc::new(Slow::when(|_, _| false)),
    };
    let run = |export| run_in(export, &users, Arc::new(store.clone()));
    let shard = export(&sandbox, Format::Ndjson).with_shard("1/2".parse().unwrap());
    assert!(run(shard).await.unwrap().whole);
    for written in [1, 0] {
        let all = run(export(&sandbox, Format::Ndjson)).await.unwrap();
        assert_eq!((all.whole, all.written), (true, written));
    }
}

/// Such a put is asked for again by no store's client: it may have come.
#[tokio::test]
async fn a_manifest_whose_put_has_no_answer_ends_nothing() {
    let (sandbox, users) = people(2);
    let [alone, store] = [(); 2].map(|()| Arc::new(InMemory::new()));
    run_in(export(&sandbox, Format::Ndjson), &users, alone.clone())
        .await
        .unwrap();
    let unanswered = Arc::new(Unanswered::new());
    let meddled = Meddled {
        store: Arc::clone(&store),
        with: Arc::clone(&unanswered),
    };
    let run = run_in(export(&sandbox, Format::Ndjson), &users, Arc::new(meddled));
    assert!(run.await.unwrap().whole);
    // The export's twice, and twice that of each of its two buckets; each second one once more.
    assert_eq!(unanswered.puts(), 9);
    assert!(there(&store).await == there(&alone).await);
}

#[tokio::test]
async fn an_error_holds_nothing_of_what_the_store_said() {
    let (sandbox, users) = people(2);
    let meddled = Meddled {
        store: Arc::new(InMemory::new()),
        with: Arc::new(Lost::at(0, false)),
    };
    let failed = run_in(export(&sandbox, Format::Ndjson), &users, Arc::new(meddled)).await;
    let failed = failed.unwrap_err();
    let mut said = format!("{failed:?} {failed} {}", failed.remedy());
    let mut next = std::error::Error::source(&failed);
    while let Some(source) = next {
        said += &source.to_string();
        next = source.source();
    }
    assert!(!said.contains("canary"), "{said}");
}

/// Of an address that is taken for a path, a folder of that name would be made.
#[tokio::test]
async fn whatever_takes_a_folder_of_this_machine_refuses_an_address() {
    let (sandbox, users) = people(2);
    let address = std::path::Path::new("s3://example-bucket/exported");
    let refused = run(export(&sandbox, Format::Ndjson), &users, address).await;
    assert!(matches!(refused, Err(ExportError::Address)));
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let synchronization = Synchronization::new(sandbox.client(), cursors);
    let refused = crate::sync::run(synchronization, &users, address).await;
    assert!(matches!(refused, Err(ExportError::Address)));
    assert!(!std::path::Path::new("s3:").exists());
}

const UNUSABLE: &str = "HUMANAPI_EXPORT_TEST_TMPDIR";

/// Where files wait is asked of the system, for all of a process: the test runs its own program again.
#[test]
fn a_folder_for_temporary_files_that_cannot_be_used_is_told() {
    if std::env::var_os(UNUSABLE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        return runtime.unwrap().block_on(async {
            let (sandbox, users) = people(2);
            let store = Arc::new(InMemory::new());
            let cloud = run_in(export(&sandbox, Format::Ndjson), &users, store).await;
            let cloud = cloud.unwrap_err();
            let is_told = matches!(cloud, ExportError::Temporary(_));
            assert!(is_told && cloud.remedy().contains("TMPDIR"), "{cloud:?}");
            let ids = stream::iter(users.iter().map(|user| Ok(user.as_str().into())));
            let one = Export::all_resources().take(1);
            let export = Export::new(sandbox.client(), Format::Ndjson).with_resources(one);
            let streamed = export.write_to(ids, Vec::new(), pending()).await;
            let is_told = matches!(streamed, Err(ExportError::Temporary(_)));
            assert!(is_told, "{streamed:?}");
        });
    }
    let folder = TempDir::new().unwrap();
    let program = std::env::current_exe().expect("a program knows where it is");
    let child = std::process::Command::new(program)
        .args([
            "--exact",
            "cloud::a_folder_for_temporary_files_that_cannot_be_used_is_told",
        ])
        .env(UNUSABLE, "1")
        .env("TMPDIR", folder.path().join("not-there"))
        .output()
        .expect("a program can run itself");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

/// A store that knows no condition but that there is none, and that takes no folder for an object.
#[tokio::test]
async fn a_disk_as_a_store_is_gone_on_with_and_keeps_no_document_of_before() {
    let (sandbox, users) = people(6);
    let disk = TempDir::new().unwrap();
    let store = Arc::new(LocalFileSystem::new_with_prefix(disk.path()).unwrap());
    let some = [&users[..1], &users[3..4]].concat();
    for users in [&users, &some] {
        let written = run_in(export(&sandbox, Format::Ndjson), users, store.clone());
        assert!(written.await.unwrap().whole);
        let folder = TempDir::new().unwrap();
        run(export(&sandbox, Format::Ndjson), users, folder.path())
            .await
            .unwrap();
        assert!(content(&disk.path().join(FOLDER)) == content(folder.path()));
    }
}
