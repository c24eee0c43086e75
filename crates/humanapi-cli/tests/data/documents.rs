//! `data documents`: documents as files, and nothing that an export would not do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::{fails, json, sandbox, told};

/// The lines that tell which documents of a kind there are.
fn lines(out: &Path, resource: &str) -> Vec<Value> {
    let mut lines = Vec::new();
    for bucket in fs::read_dir(out.join(format!("documents={resource}"))).unwrap() {
        let bucket = bucket.unwrap().path();
        let told = fs::read_to_string(bucket.join("_documents.ndjson")).unwrap();
        for line in told.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let file = bucket.join(line["file"].as_str().unwrap());
            assert_eq!(line["bytes"], fs::metadata(file).unwrap().len());
            lines.push(line);
        }
    }
    lines
}

#[test]
fn documents_of_all_kinds_are_files_and_an_export_of_them_has_nothing_left_to_do() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let (users, out) = (place.path().join("users.txt"), place.path().join("out"));
    fs::write(&users, "ill\nodd\nnone\n").unwrap();
    let given = [
        "--users",
        users.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let first = json(&told(&sandbox, &[&["documents"][..], &given].concat()));
    assert_eq!(
        (&first["whole"], &first["users"]),
        (&true.into(), &3.into())
    );
    let of = |resource| lines(&out, resource);
    assert!(!of("ccds").is_empty() && !of("reports").is_empty());
    assert_eq!(first["documents"], of("ccds").len() + of("reports").len());
    assert!(
        of("ccds")
            .iter()
            .all(|line| line["file"].as_str().unwrap().ends_with(".xml"))
    );
    assert!(
        of("reports")
            .iter()
            .all(|line| line["file"].as_str().unwrap().ends_with(".json"))
    );
    // Nothing but documents, and what lists tell of them.
    let mut there: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let expected = [
        "_manifest",
        "documents=ccds",
        "documents=reports",
        "resource=ccds",
        "resource=reports",
    ];
    assert_eq!(there, expected);

    let export = [
        "export",
        "--resources",
        "ccds,reports",
        "--documents",
        "json",
    ];
    for words in [&["documents"][..], &export] {
        let again = json(&told(&sandbox, &[words, &given].concat()));
        assert_eq!(
            (&again["documents"], &again["buckets_skipped"]),
            (&0.into(), &16.into())
        );
    }
    let as_pdf = [&["documents", "--format", "pdf"][..], &given].concat();
    fails(
        &sandbox,
        &as_pdf,
        2,
        "an export with documents other",
        "take another folder",
    );
}

#[test]
fn kinds_and_forms_are_chosen_and_a_dry_run_asks_nothing() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let out = place.path().join("out");
    let words = [
        "documents",
        "--user",
        "ill",
        "--resources",
        "reports",
        "--format",
        "pdf",
    ];
    let words = [&words[..], &["--out", out.to_str().unwrap()]].concat();
    let dry = told(&sandbox, &[&words[..], &["--dry-run"]].concat());
    assert!(
        dry.stdout.contains("1 kinds of records: reports\n"),
        "{}",
        dry.stdout
    );
    assert!(dry.stdout.contains("reports as pdf\n"), "{}", dry.stdout);
    assert!(sandbox.control().requests().is_empty() && !out.exists());
    told(&sandbox, &words);
    let lines = lines(&out, "reports");
    assert!(!lines.is_empty() && !out.join("documents=ccds").exists());
    for line in lines {
        assert_eq!(line["content_type"], "application/pdf");
    }
    for (words, said) in [
        (&["documents", "--user", "ill"][..], "--out"),
        (&["documents", "--out", "x"], "--user"),
        (
            &[
                "documents",
                "--user",
                "ill",
                "--out",
                "x",
                "--resources",
                "vitals",
            ],
            "ccds or reports",
        ),
    ] {
        let told = crate::support::run(&mut crate::data(&sandbox, words));
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.stderr.contains(said), "{told:?}");
    }
}
