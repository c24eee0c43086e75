//! Exports without what tells whose the data are, and with values in the unit of their kind.

use std::fs;
use std::future::pending;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use humanapi_export::{Dates, DeidentifyKey, Export, ExportError, Format, Policy, Shard, Units};
use humanapi_testing::core::data::ReportFormat;
use humanapi_testing::{ForTests as _, OfflineSandbox};
use tempfile::TempDir;

use crate::sandbox::{NEW, people};
use crate::{content, export, files, run};

const KEY: [u8; 32] = [7; 32];

fn deidentified(sandbox: &OfflineSandbox, format: Format) -> Export {
    Export::new(sandbox.client(), format)
        .with_buckets(4)
        .with_deidentification(Policy::safe_harbor(), DeidentifyKey::new(KEY))
}

/// Whether the folder tells of somebody, in a name or in a file.
fn tells(folder: &Path, users: &[String]) -> Option<String> {
    for path in files(folder) {
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        // One that went while we looked tells nothing any more.
        let bytes = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let is_told = |user: &String| name.contains(user.as_str()) || text.contains(user.as_str());
        if users.iter().any(is_told) {
            return Some(name);
        }
    }
    None
}

/// Who looks at the folder at any moment finds nobody: in no file that is not whole, in no list that waits.
#[tokio::test]
async fn a_folder_tells_of_nobody_while_it_is_written_and_after() {
    let (sandbox, mut users) = people(12);
    users.push(NEW.to_owned());
    for format in Format::ALL {
        let folder = TempDir::new().unwrap();
        let (path, all) = (folder.path().to_owned(), users.clone());
        let seen = Arc::new(Mutex::new((0, None)));
        let see = Arc::clone(&seen);
        let export = deidentified(&sandbox, *format)
            .with_held(0)
            .with_listener(move |_| {
                let mut seen = see.lock().unwrap();
                seen.0 += 1;
                // Not each time: there are many.
                if seen.0 % 40 == 1 && seen.1.is_none() {
                    seen.1 = tells(&path, &all);
                }
            });
        let summary = run(export, &users, folder.path()).await.unwrap();
        assert!(summary.whole && summary.records > 1_000, "{summary:?}");
        let (events, told) = seen.lock().unwrap().clone();
        assert!(events > 400 && told.is_none(), "{format}: {told:?}");
        assert_eq!(tells(folder.path(), &users), None, "{format}");
        assert!(!folder.path().join("_manifest/key").exists(), "{format}");
        let manifests = files(&folder.path().join("_manifest"));
        let manifests = manifests
            .into_iter()
            .map(|path| fs::read_to_string(path).unwrap());
        let refused = manifests.filter(|text| text.contains("nothing_connected"));
        assert_eq!(refused.count(), 1, "who is refused is told by a code");
        let counts = &summary.deidentified["test_results"];
        assert!(counts.kept() > 0 && counts.dropped() > 0, "{counts:?}");
        let again = run(deidentified(&sandbox, *format), &users, folder.path()).await;
        assert_eq!(again.unwrap().skipped, 4);
    }
}

/// A file without a name is still in its folder: whoever has the disk has what was in it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_long_list_waits_elsewhere_than_in_a_folder_that_tells_of_nobody() {
    let (sandbox, users) = people(3);
    let most_waiting = async |export: Export| {
        let folder = TempDir::new().unwrap();
        let most = Arc::new(Mutex::new(0));
        let (seen, path) = (Arc::clone(&most), folder.path().to_owned());
        let export = export.with_held(0).with_listener(move |_| {
            let open = fs::read_dir("/proc/self/fd").unwrap();
            // Those of other tests come and go.
            let open = open.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
            let waiting = open.filter(|open| {
                open.starts_with(&path) && open.to_string_lossy().ends_with(" (deleted)")
            });
            let mut seen = seen.lock().unwrap();
            *seen = waiting.count().max(*seen);
        });
        let summary = run(export, &users, folder.path()).await.unwrap();
        assert!(summary.whole && summary.records > 100, "{summary:?}");
        *most.lock().unwrap()
    };
    assert!(most_waiting(export(&sandbox, Format::Ndjson)).await > 0);
    assert_eq!(
        most_waiting(deidentified(&sandbox, Format::Ndjson)).await,
        0
    );
}

/// Rows in the order of ids would tell of somebody whose id is known between which others they stand.
#[tokio::test]
async fn users_stand_in_the_order_of_their_codes() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let one = deidentified(&sandbox, Format::Envelope).with_buckets(1);
    run(one, &users, folder.path()).await.unwrap();
    let lines = folder
        .path()
        .join("resource=test_results/bucket=0000/records.ndjson");
    let lines = fs::read_to_string(lines).unwrap();
    let mut codes: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| {
            assert_eq!(line["_resource"], "test_results");
            line["_user"].as_str().unwrap().to_owned()
        })
        .collect();
    codes.dedup();
    assert!(codes.len() > 5 && codes.is_sorted(), "{codes:?}");
    assert!(codes.iter().all(|code| code.len() == 32));
}

#[tokio::test]
async fn an_export_of_another_policy_key_or_columns_is_another_export() {
    let (sandbox, users) = people(2);
    let folder = TempDir::new().unwrap();
    let units = Units::new();
    let values = |export: Export| export.with_values(&units);
    run(
        values(deidentified(&sandbox, Format::Csv)),
        &users,
        folder.path(),
    )
    .await
    .unwrap();
    let shifted = Policy::safe_harbor().with_dates(Dates::Shift);
    let text = format!("# Mine.\n{}", Policy::safe_harbor_text());
    let others: [(Export, &str); 5] = [
        (values(export(&sandbox, Format::Csv)), "de-identification"),
        (deidentified(&sandbox, Format::Csv), "value columns"),
        (
            values(deidentified(&sandbox, Format::Csv))
                .with_deidentification(shifted, DeidentifyKey::new(KEY)),
            "a policy of de-identification",
        ),
        (
            values(deidentified(&sandbox, Format::Csv))
                .with_deidentification(Policy::read(&text).unwrap(), DeidentifyKey::new(KEY)),
            "a policy of de-identification",
        ),
        (
            values(deidentified(&sandbox, Format::Csv))
                .with_deidentification(Policy::safe_harbor(), DeidentifyKey::new([8; 32])),
            "a key",
        ),
    ];
    let before = content(folder.path());
    for (other, what) in others {
        let refused = run(other, &users, folder.path()).await;
        assert!(
            matches!(refused, Err(ExportError::Other(other)) if other == what),
            "{what}"
        );
    }
    assert!(content(folder.path()) == before);
    // Another version of this crate may read units and carry out a policy otherwise.
    let manifest = folder.path().join("_manifest/export.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let version = format!("humanapi-export {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(text.matches(&version).count(), 2, "{text}");
    for (what, place) in [
        ("a version of value columns", 0),
        ("a version of de-identification", 1),
    ] {
        let at = text.match_indices(&version).nth(place).unwrap().0;
        let older = format!(
            "{}humanapi-export 0.0.1{}",
            &text[..at],
            &text[at + version.len()..]
        );
        fs::write(&manifest, older).unwrap();
        let refused = run(
            values(deidentified(&sandbox, Format::Csv)),
            &users,
            folder.path(),
        )
        .await;
        assert!(
            matches!(refused, Err(ExportError::Other(other)) if other == what),
            "{what}"
        );
    }
}

#[tokio::test]
async fn documents_and_columns_of_what_has_none_are_refused_before_anything_is_read() {
    let (sandbox, users) = people(2);
    let folder = TempDir::new().unwrap();
    let documents = deidentified(&sandbox, Format::Csv).with_documents(ReportFormat::Pdf);
    let refused = run(documents, &users, folder.path()).await;
    assert!(
        matches!(refused, Err(ExportError::Documents)),
        "{refused:?}"
    );
    for format in [Format::Ndjson, Format::Envelope] {
        let values = export(&sandbox, format).with_values(&Units::new());
        let refused = run(values, &users, folder.path()).await;
        assert!(
            matches!(refused, Err(ExportError::NoColumns(_))),
            "{refused:?}"
        );
    }
    let torn = Policy::safe_harbor_text().replace("steps = \"number\"", "steps = \"keep\"");
    let torn = deidentified(&sandbox, Format::Csv)
        .with_deidentification(Policy::read(&torn).unwrap(), DeidentifyKey::new(KEY));
    let refused = run(torn, &users, folder.path()).await;
    assert!(
        matches!(refused, Err(ExportError::Policy(_))),
        "{refused:?}"
    );
    assert_eq!(sandbox.control().requests().len(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_stream_and_shards_are_what_a_folder_is() {
    let (sandbox, users) = people(6);
    let results = || Export::all_resources().filter(|route| route.name == "data.test_results");
    let whole = TempDir::new().unwrap();
    let all = deidentified(&sandbox, Format::Csv).with_resources(results());
    run(all, &users, whole.path()).await.unwrap();
    let parts = TempDir::new().unwrap();
    for shard in ["1/2", "2/2"] {
        let shard: Shard = shard.parse().unwrap();
        let part = deidentified(&sandbox, Format::Csv)
            .with_resources(results())
            .with_shard(shard);
        run(part, &users, parts.path()).await.unwrap();
    }
    assert!(content(parts.path()) == content(whole.path()));
    let file = tempfile::NamedTempFile::new().unwrap();
    let ids: Vec<_> = users.iter().map(|user| Ok(user.as_str().into())).collect();
    let stream = deidentified(&sandbox, Format::Csv).with_resources(results());
    let summary = stream
        .write_to(stream::iter(ids), file.reopen().unwrap(), pending())
        .await
        .unwrap();
    assert!(summary.deidentified["test_results"].dropped() > 0);
    let rows = |path: &Path| -> Vec<String> {
        // A bucket without users has no files.
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().skip(1).map(str::to_owned).collect()
    };
    let in_folder = (0..4).flat_map(|bucket| {
        rows(&whole.path().join(format!(
            "resource=test_results/bucket={bucket:04}/records.csv"
        )))
    });
    assert!(rows(file.path()) == in_folder.collect::<Vec<_>>());
}
