//! Each file of a finished export that a run reads back, torn or gone: the same export again comes to what one run comes to,
//! or says which file it is and what to do.

use std::fs;
use std::path::Path;

use humanapi_export::{Export, ExportError, Format};
use humanapi_testing::core::data::ReportFormat;
use humanapi_testing::{ForTests as _, OfflineSandbox};
use tempfile::TempDir;

use crate::sandbox::{NEW, people};
use crate::sync::copy_folder;
use crate::sync::damaged::{damage, damages};
use crate::{content, files, run};

fn export(sandbox: &OfflineSandbox) -> Export {
    let kinds = ["data.activities", "data.ccds", "data.profile"];
    let routes = Export::all_resources().filter(move |route| kinds.contains(&route.name));
    // Its key is drawn, and kept in the folder.
    Export::new(sandbox.client(), Format::Ndjson)
        .with_buckets(2)
        .with_resources(routes)
        .with_documents(ReportFormat::Json)
}

/// Which files are what remains of a run that is over, by their paths in the folder.
fn names(folder: &Path) -> Vec<String> {
    let files = files(folder).into_iter();
    let names = files.map(|path| {
        let name = path.strip_prefix(folder).unwrap();
        name.to_str().unwrap().to_owned()
    });
    names.collect()
}

#[tokio::test]
async fn whichever_file_is_torn_or_gone_the_same_export_again_mends_it_or_names_it() {
    let (sandbox, users) = people(6);
    let users = [&users[..1], &users[3..4], &[NEW.to_owned()]].concat();
    let base = TempDir::new().unwrap();
    let first = run(export(&sandbox), &users, base.path()).await.unwrap();
    assert!(first.whole && first.documents > 0, "{first:?}");
    let expected = content(base.path());
    let (mut mended, mut named) = (0, Vec::new());
    for name in names(base.path()) {
        let whole = fs::read(base.path().join(&name)).unwrap();
        for how in damages(&whole) {
            let copy = TempDir::new().unwrap();
            copy_folder(base.path(), copy.path());
            damage(&copy.path().join(&name), how);
            #[cfg(feature = "ucum")]
            reported(copy.path(), &name);
            match run(export(&sandbox), &users, copy.path()).await {
                Ok(summary) => {
                    assert!(summary.whole, "{name} {summary:?}");
                    assert!(content(copy.path()) == expected, "{name}");
                    let told = fs::read_to_string(copy.path().join("_manifest/export.json"));
                    assert!(told.unwrap().contains("\"whole\": true"), "{name}");
                    mended += 1;
                }
                Err(error @ (ExportError::Manifest(_) | ExportError::Key)) => {
                    assert!(error.to_string().contains(&name), "{name} {error}");
                    assert!(error.remedy().contains("put th"), "{name} {error}");
                    named.push(name.clone());
                }
                Err(error) => panic!("{name} {error:?}"),
            }
        }
    }
    assert!(mended > 12, "{mended}");
    let twice = |name: &str| [name.to_owned(), name.to_owned()];
    assert_eq!(
        named,
        [twice("_manifest/export.json"), twice("_manifest/key")].concat()
    );
}

/// A report of it is of all of it, or says that it is not, or which file is damaged.
#[cfg(feature = "ucum")]
#[track_caller]
fn reported(folder: &Path, name: &str) {
    use humanapi_export::{DataReport, ReportError};

    let is_read = name.starts_with("resource=") || name == "_manifest/export.json";
    match DataReport::of_folder(folder) {
        Ok(report) => assert!(
            !is_read && (report.whole != name.contains("bucket-")),
            "{name}"
        ),
        Err(error @ (ReportError::Manifest(_) | ReportError::Torn(_))) => {
            assert!(error.to_string().contains(name), "{name} {error}");
            // An export looks at lengths alone.
            let is_torn = matches!(error, ReportError::Torn(_));
            assert_eq!(is_torn, error.remedy().starts_with("remove that file"));
        }
        Err(error) => panic!("{name} {error:?}"),
    }
}
