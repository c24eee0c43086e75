//! Exports of many users against a sandbox: complete, gone on with, and silent about users.
//!
//! One piece: each test exports the same users, and compares by the same reading of them.
#![cfg(feature = "client")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod broken;
#[cfg(feature = "cloud")]
mod cloud;
#[cfg(feature = "deidentify")]
mod deidentified;
mod documents;
#[cfg(unix)]
mod killed;
mod readers;
mod sandbox;
mod stopped;
mod sync;
mod torn;
mod whole;

use std::collections::BTreeMap;
use std::fs;
use std::future::{pending, ready};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures_util::stream;
use humanapi_export::{BucketKey, Event, Export, ExportError, Format, Shard, Summary};
use humanapi_testing::core::data::ReportFormat;
use humanapi_testing::sandbox::Assumption;
use humanapi_testing::{DemoApp, Fault, ForTests as _, OfflineSandbox};
use sandbox::{Lines, NEW, Together, Troubled, connect, lists, people, truth};
use tempfile::TempDir;

const KEY: BucketKey = BucketKey::new([7; 32]);

fn export(sandbox: &OfflineSandbox, format: Format) -> Export {
    Export::new(sandbox.client(), format)
        .with_key(KEY)
        .with_buckets(4)
}

async fn run(export: Export, users: &[String], folder: &Path) -> Result<Summary, ExportError> {
    let users = users.iter().map(|user| Ok(user.as_str().into()));
    export.run(stream::iter(users), folder, pending()).await
}

/// What a folder of envelopes holds: the records of each user and resource, as they were sent.
fn exported(folder: &Path) -> Lines {
    let mut all = Lines::new();
    for path in files(folder) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name != "records.ndjson" {
            continue;
        }
        let resource = path.parent().unwrap().parent().unwrap();
        let resource = resource.file_name().unwrap().to_str().unwrap();
        let resource = resource.strip_prefix("resource=").unwrap();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line: sandbox::Envelope<'_> =
                serde_json::from_str(line).expect("each line is JSON");
            assert_eq!(line.resource, resource);
            let key = (resource.to_owned(), line.user.into_owned());
            all.entry(key)
                .or_default()
                .push(line.record.get().to_owned());
        }
    }
    all
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => left.push(path),
                false => all.push(path),
            }
        }
    }
    all.sort();
    all
}

/// The files of an export with what they hold, but for the time at which they were written.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files(folder).into_iter().filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.starts_with('.') && name != "export.json"
    });
    let read = |path: PathBuf| {
        let content = fs::read(&path).unwrap();
        (path.strip_prefix(folder).unwrap().to_owned(), content)
    };
    files.map(read).collect()
}

/// Whether it is the manifest of a bucket whose files are being replaced, which says so.
fn is_begun(path: &Path, content: &[u8]) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with("bucket-") && {
        let manifest: serde_json::Value = serde_json::from_slice(content).unwrap();
        manifest["whole"] == false && manifest["files"] == serde_json::json!([])
    }
}

/// All 200 of them, each list of each, with a fault at every tenth request. Who compares is not who exports: it asks the
/// sandbox itself, without a fault and without the SDK.
#[tokio::test]
async fn two_hundred_users_are_complete_whatever_happens_to_every_tenth_request() {
    let (sandbox, users) = people(200);
    let truth = truth(&sandbox, &users);
    assert!(truth.len() > 1_000, "there is something to lose");
    let client = connect(&sandbox, Troubled::every(10, &sandbox));
    let folder = TempDir::new().unwrap();
    let failed = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&failed);
    let export = Export::new(client, Format::Envelope)
        .with_key(KEY)
        .with_listener(move |event| {
            if matches!(event, Event::Failed { .. }) {
                told.lock().unwrap().push(event);
            }
        });
    let summary = run(export, &users, folder.path()).await.unwrap();
    let failed = failed.lock().unwrap().clone();
    assert!(summary.whole && failed.is_empty(), "{failed:?} {summary:?}");
    assert!(summary.asked_again > 0, "there were faults");
    let exported = exported(folder.path());
    let differs: Vec<_> = truth
        .keys()
        .chain(exported.keys())
        .filter(|key| truth.get(*key) != exported.get(*key))
        .collect();
    assert!(differs.is_empty(), "{} lists differ", differs.len());
    let records: u64 = truth.values().map(|list| list.len() as u64).sum();
    assert_eq!(summary.records, records);
}

/// Where each answer takes long, what counts is how many are waited for at once.
#[tokio::test]
async fn twelve_lists_and_more_are_out_at_once() {
    let (sandbox, users) = people(24);
    let network = Together::of(12, &sandbox);
    let client = connect(&sandbox, network.clone());
    let lists = Export::all_resources().filter(|route| route.name == "data.sleeps");
    let export = Export::new(client, Format::Ndjson).with_resources(lists);
    let folder = TempDir::new().unwrap();
    let summary = run(export, &users, folder.path()).await;
    assert!(network.met(), "{summary:?}");
    assert!(summary.unwrap().whole);
}

#[tokio::test]
async fn the_same_export_again_reads_nothing_that_is_whole() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let first = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    let first = first.unwrap();
    assert_eq!((first.whole, first.written, first.skipped), (true, 4, 0));
    let before = content(folder.path());
    sandbox.control().clear_requests();
    let again = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    let again = again.unwrap();
    assert_eq!((again.whole, again.written, again.skipped), (true, 0, 4));
    assert_eq!(sandbox.control().requests().len(), 0);
    assert!(content(folder.path()) == before);

    // A user more is another set of users in one bucket alone, and a file that is missing makes its bucket torn.
    let mut more = users.clone();
    more.push("u-one-more".to_owned());
    let more = run(export(&sandbox, Format::Ndjson), &more, folder.path()).await;
    assert_eq!(more.unwrap().written, 1);
    let back = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    assert_eq!(back.unwrap().written, 1);
    let torn = folder
        .path()
        .join("resource=activities/bucket=0002/records.ndjson");
    fs::write(&torn, b"{").unwrap();
    let mended = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    assert_eq!(mended.unwrap().written, 1);
    assert!(content(folder.path()) == before);
}

/// Readers take all files of a folder, whatever its manifests name.
#[tokio::test]
async fn who_is_in_the_list_no_more_is_in_no_file() {
    let (sandbox, users) = people(3);
    let folder = TempDir::new().unwrap();
    // Each of them alone, so that a bucket has nobody any more.
    for user in users.chunks(1) {
        let ended = run(export(&sandbox, Format::Envelope), user, folder.path()).await;
        assert!(ended.unwrap().whole);
        assert!(exported(folder.path()) == truth(&sandbox, user));
    }
}

/// Files are put onto the disk beside further reading, and what goes wrong there is told all the same.
#[tokio::test]
async fn what_cannot_be_put_into_its_place_ends_the_export_and_its_bucket_is_not_whole() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let taken = folder
        .path()
        .join("resource=profile/bucket=0001/records.ndjson");
    fs::create_dir_all(&taken).unwrap();
    let failed = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    assert!(matches!(failed, Err(ExportError::Folder(_))), "{failed:?}");
    let manifest = |bucket: &str| {
        folder
            .path()
            .join(format!("_manifest/bucket-{bucket}.json"))
    };
    let is_begun = |bucket| {
        let manifest = manifest(bucket);
        is_begun(&manifest, &fs::read(&manifest).unwrap())
    };
    assert!(!is_begun("0000") && is_begun("0001"));
    #[cfg(feature = "ucum")]
    assert!(
        !humanapi_export::DataReport::of_folder(folder.path())
            .unwrap()
            .whole
    );

    fs::remove_dir(&taken).unwrap();
    let again = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    let again = again.unwrap();
    assert!(again.whole && again.skipped >= 1, "{again:?}");
    let whole = TempDir::new().unwrap();
    run(export(&sandbox, Format::Ndjson), &users, whole.path())
        .await
        .unwrap();
    assert!(content(folder.path()) == content(whole.path()));
}

/// The next bucket is planned with the last list of the one before.
#[tokio::test]
async fn a_bucket_that_is_whole_stays_so_where_the_next_one_cannot_begin() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let manifest = |bucket: &str| {
        let name = format!("_manifest/bucket-{bucket}.json");
        folder.path().join(name)
    };
    // Each bucket of four has users.
    let export = || export(&sandbox, Format::Ndjson).with_key(BucketKey::new([7; 32]));
    let whole = run(export(), &users, folder.path()).await;
    assert!(whole.unwrap().whole);
    fs::remove_file(manifest("0000")).unwrap();
    fs::remove_file(manifest("0001")).unwrap();
    // Whose data are in the next one cannot be read any more once the first one is on its way.
    let work = folder.path().join("_work");
    let broken = export().with_listener(move |event| {
        if let Event::Read { .. } = event {
            let mut waiting = files(&work).into_iter();
            let next = waiting.find(|path| path.file_name() == Some("1".as_ref()));
            fs::write(next.unwrap(), "no id").unwrap();
        }
    });
    let failed = run(broken, &users, folder.path()).await;
    assert!(matches!(failed, Err(ExportError::Folder(_))), "{failed:?}");
    assert!(manifest("0000").exists() && !manifest("0001").exists());

    let again = run(export(), &users, folder.path()).await;
    let again = again.unwrap();
    assert_eq!((again.whole, again.written, again.skipped), (true, 1, 3));
}

#[tokio::test]
async fn an_export_stops_between_buckets_that_are_passed_over() {
    let (sandbox, users) = people(2);
    let folder = TempDir::new().unwrap();
    let buckets = |sandbox| export(sandbox, Format::Ndjson).with_buckets(200);
    let first = run(buckets(&sandbox), &users, folder.path()).await;
    assert!(first.unwrap().whole);
    let mut asked = 0;
    let stop = std::future::poll_fn(|_| {
        asked += 1;
        match asked > 10 {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    });
    let ids = users.iter().map(|user| Ok(user.as_str().into()));
    let again = buckets(&sandbox).run(stream::iter(ids), folder.path(), stop);
    let again = again.await.unwrap();
    assert!(again.stopped && again.skipped < 100, "{again:?}");
}

/// Wherever it is stopped, the same export again comes to what one run comes to.
#[tokio::test]
async fn an_export_that_is_stopped_is_gone_on_with() {
    let (sandbox, users) = people(12);
    let whole = TempDir::new().unwrap();
    let uninterrupted = run(export(&sandbox, Format::Ndjson), &users, whole.path()).await;
    assert!(uninterrupted.unwrap().whole);
    let expected = content(whole.path());
    for lists in [0, 1, 60, 130, 200, 300] {
        let folder = TempDir::new().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let mut stop = Some(stop);
        let mut read = 0;
        let interrupted = export(&sandbox, Format::Ndjson).with_listener(move |event| {
            if let Event::Read { .. } = event {
                read += 1;
            }
            if read >= lists
                && let Some(stop) = stop.take()
            {
                stop.send(()).unwrap();
            }
        });
        let ids = users.iter().map(|user| Ok(user.as_str().into()));
        let stopped = async {
            let _ = stopped.await;
        };
        let summary = interrupted
            .run(stream::iter(ids), folder.path(), stopped)
            .await;
        let summary = summary.unwrap();
        assert!(summary.stopped && !summary.whole, "{lists}");
        assert!(
            !folder.path().join("_work").exists(),
            "nothing torn is left"
        );
        for (path, bytes) in content(folder.path()) {
            let is_key_to_all = path.starts_with("_manifest");
            assert!(is_key_to_all || expected[&path] == bytes, "{path:?}");
        }
        let rest = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
        assert!(rest.unwrap().whole);
        assert!(content(folder.path()) == expected, "after {lists} lists");
    }
}

#[tokio::test]
async fn who_is_refused_is_told_and_asked_again_only_on_request() {
    let (sandbox, mut users) = people(8);
    users.push(NEW.to_owned());
    let folder = TempDir::new().unwrap();
    let first = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    let first = first.unwrap();
    let lists = Export::all_resources().count() as u64;
    assert!(first.whole, "the others are there");
    assert_eq!(first.refused.values().sum::<u64>(), lists);
    let told: Vec<String> = files(&folder.path().join("_manifest"))
        .into_iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .filter(|manifest| manifest.contains(NEW))
        .collect();
    assert_eq!(told.len(), 1, "once, with the reason");
    sandbox.control().clear_requests();
    let again = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    assert_eq!(again.unwrap().skipped, 4);
    assert_eq!(sandbox.control().requests().len(), 0);
    let app = sandbox.app(DemoApp::Connect);
    sandbox
        .control()
        .connect_source(&app.client_id, NEW, "strider")
        .unwrap();
    let retried = export(&sandbox, Format::Ndjson).with_refused_again();
    let retried = run(retried, &users, folder.path()).await.unwrap();
    assert_eq!(
        (retried.written, retried.refused.len()),
        (1, 0),
        "{retried:?}"
    );
}

/// What fails for a reason that may pass leaves no half list behind, and is read by the same export again.
#[tokio::test]
async fn a_list_that_fails_is_left_out_and_read_by_the_next_run() {
    let (sandbox, users) = people(3);
    let path = "/v1/human/sleeps";
    let plan = |times| {
        let fault = Fault::status(503).on_path(path).times(times);
        sandbox.control().plan_fault(fault).unwrap();
    };
    plan(100_000);
    let folder = TempDir::new().unwrap();
    let first = run(export(&sandbox, Format::Envelope), &users, folder.path()).await;
    let first = first.unwrap();
    // With the summaries below it.
    assert_eq!(first.failed.values().sum::<u64>(), 6, "{first:?}");
    assert!(!first.whole);
    let there = exported(folder.path());
    assert!(there.keys().all(|(resource, _)| resource != "sleeps"));
    sandbox.control().clear_faults();
    let again = run(export(&sandbox, Format::Envelope), &users, folder.path()).await;
    assert!(again.unwrap().whole);
    assert!(exported(folder.path()) == truth(&sandbox, &users));
}

#[tokio::test]
async fn an_application_that_is_refused_ends_the_export_and_no_user_counts_as_refused() {
    let (sandbox, users) = people(3);
    let fault = Fault::status(401).error_code("INVALID_CLIENT_ID_OR_SECRET");
    let fault = fault.on_path("/v1/connect/token").times(1_000);
    sandbox.control().plan_fault(fault).unwrap();
    let folder = TempDir::new().unwrap();
    let refused = run(export(&sandbox, Format::Envelope), &users, folder.path()).await;
    assert!(
        matches!(refused, Err(ExportError::Application(_))),
        "{refused:?}"
    );
    sandbox.control().clear_faults();
    let again = run(export(&sandbox, Format::Envelope), &users, folder.path()).await;
    assert!(again.unwrap().whole);
    assert!(exported(folder.path()) == truth(&sandbox, &users));
}

#[tokio::test]
async fn shards_come_to_what_one_process_comes_to() {
    let (sandbox, users) = people(12);
    let whole = TempDir::new().unwrap();
    run(export(&sandbox, Format::Ndjson), &users, whole.path())
        .await
        .unwrap();
    let folder = TempDir::new().unwrap();
    for shard in ["1/3", "2/3", "3/3"] {
        let shard: Shard = shard.parse().unwrap();
        let part = export(&sandbox, Format::Ndjson).with_shard(shard);
        assert!(run(part, &users, folder.path()).await.unwrap().whole);
    }
    assert!(content(folder.path()) == content(whole.path()));
}

#[tokio::test]
async fn a_folder_takes_one_export_and_one_process() {
    let (sandbox, users) = people(2);
    let folder = TempDir::new().unwrap();
    run(export(&sandbox, Format::Ndjson), &users, folder.path())
        .await
        .unwrap();
    let others: [(Export, &str); 4] = [
        (export(&sandbox, Format::Csv), "a format"),
        (
            export(&sandbox, Format::Ndjson).with_buckets(5),
            "a number of buckets",
        ),
        (
            export(&sandbox, Format::Ndjson).with_key(BucketKey::new([8; 32])),
            "a key",
        ),
        (
            export(&sandbox, Format::Ndjson).with_since("2026-01-01T00:00:00Z".parse().unwrap()),
            "a moment since when",
        ),
    ];
    for (other, what) in others {
        let refused = run(other, &users, folder.path()).await;
        assert!(
            matches!(refused, Err(ExportError::Other(other)) if other == what),
            "{what}"
        );
    }
    let busy = export(&sandbox, Format::Ndjson);
    let other = export(&sandbox, Format::Ndjson);
    let path = folder.path().to_owned();
    let seen = Arc::new(Mutex::new(None));
    let saw = Arc::clone(&seen);
    // While one runs, another is refused.
    let nested = users.clone();
    let mut other = Some(other);
    let busy = busy.with_listener(move |_| {
        if let Some(other) = other.take() {
            let (ids, path) = (nested.clone(), path.clone());
            // A listener is not waited for, so it is asked on a thread and a runtime of its own.
            let asked = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                runtime.unwrap().block_on(run(other, &ids, &path))
            });
            let refused = asked.join().unwrap();
            *saw.lock().unwrap() = Some(matches!(refused, Err(ExportError::InUse)));
        }
    });
    run(busy, &users, folder.path()).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(true));
}

#[tokio::test]
async fn a_stream_holds_one_kind_of_record_in_the_order_of_users() {
    let (sandbox, users) = people(6);
    let routes =
        |name: &'static str| Export::all_resources().filter(move |route| route.name == name);
    let file = tempfile::NamedTempFile::new().unwrap();
    let ids = || {
        stream::iter(
            users
                .iter()
                .map(|user| Ok(user.as_str().into()))
                .collect::<Vec<_>>(),
        )
    };
    let stream = export(&sandbox, Format::Envelope).with_resources(routes("data.activities"));
    let summary = stream
        .write_to(ids(), file.reopen().unwrap(), pending())
        .await
        .unwrap();
    let lines = fs::read_to_string(file.path()).unwrap();
    assert!(summary.records > 0 && lines.lines().count() as u64 == summary.records);
    let both = export(&sandbox, Format::Envelope);
    let refused = both.write_to(ids(), std::io::sink(), ready(())).await;
    assert!(
        matches!(refused, Err(ExportError::Kinds(38))),
        "{refused:?}"
    );
}

/// The service leaves out what changed in the very second that it is asked for.
#[tokio::test]
async fn what_changed_in_the_very_second_is_not_left_out() {
    let (sandbox, users) = people(2);
    let user = &users[1];
    let moment = |record: &String| -> jiff::Timestamp {
        let record: serde_json::Value = serde_json::from_str(record).unwrap();
        record["updatedAt"].as_str().unwrap().parse().unwrap()
    };
    let all = lists(&sandbox, user, "test_results");
    let mut moments: Vec<jiff::Timestamp> = all.iter().map(moment).collect();
    moments.sort_unstable();
    let since = moments[moments.len() / 2];
    let expected = all.iter().filter(|record| moment(record) >= since).count();
    assert!(0 < expected && expected < all.len());
    let results = Export::all_resources().filter(|route| route.name == "data.test_results");
    let folder = TempDir::new().unwrap();
    let changed = export(&sandbox, Format::Envelope)
        .with_resources(results)
        .with_since(since);
    run(changed, std::slice::from_ref(user), folder.path())
        .await
        .unwrap();
    let exported = exported(folder.path());
    let exported = &exported[&("test_results".to_owned(), user.clone())];
    let late = exported
        .iter()
        .filter(|record| moment(record) >= since)
        .count();
    assert_eq!(late, expected);
    let early = since - jiff::SignedDuration::from_secs(2);
    assert!(exported.iter().all(|record| moment(record) >= early));
}

/// Of a user nothing but the folder's own lines tells: no path, no event, no error, no `Debug`.
#[tokio::test]
async fn nothing_of_a_user_is_in_a_path_an_event_or_an_error() {
    let canary = "canary-user-4711";
    let (sandbox, mut users) = people(3);
    users.push(canary.to_owned());
    let told = Arc::new(Mutex::new(String::new()));
    let listener = Arc::clone(&told);
    let folder = TempDir::new().unwrap();
    let export = export(&sandbox, Format::Ndjson)
        .with_documents(ReportFormat::Json)
        .with_listener(move |event| listener.lock().unwrap().push_str(&format!("{event:?}")));
    let shown = format!("{export:?}");
    let summary = run(export, &users, folder.path()).await.unwrap();
    let mut said = told.lock().unwrap().clone() + &shown + &format!("{summary:?}");
    for path in files(folder.path()) {
        said += path.strip_prefix(folder.path()).unwrap().to_str().unwrap();
    }
    sandbox
        .control()
        .set_assumption(Assumption::BadCredentialsStatus, "401")
        .unwrap();
    let fault = Fault::status(401)
        .error_code("INVALID_CLIENT_ID_OR_SECRET")
        .times(1_000);
    sandbox.control().plan_fault(fault).unwrap();
    let other = TempDir::new().unwrap();
    let error = run(self::export(&sandbox, Format::Ndjson), &users, other.path()).await;
    let error = error.unwrap_err();
    said += &format!("{error} {error:?} {}", error.remedy());
    for user in &users {
        assert!(!said.contains(user.as_str()), "a user's id");
    }
}
