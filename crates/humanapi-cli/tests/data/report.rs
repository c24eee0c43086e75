//! `data report`: of a folder and of users, as JSON and as a page, with thresholds.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::run;
use crate::{data, fails, json, sandbox, told};

#[test]
fn a_folder_and_its_users_have_one_report_whatever_the_format() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let users = ["--user", "ill", "--user", "odd", "--user", "none"];
    let of_users = told(&sandbox, &[&["report"], users.as_slice()].concat());
    let of_users = json(&of_users);
    assert_eq!(of_users["users"], 3);
    let resources = of_users["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 38);
    let odd = |one: &Value| one["odd_records"].as_u64() > Some(0);
    assert!(resources.iter().any(odd), "somebody has odd records");
    let mut formats = vec!["ndjson-envelope"];
    if cfg!(feature = "parquet") {
        formats.extend(["parquet", "arrow"]);
    }
    for format in formats {
        let out = place.path().join(format);
        let out = out.to_str().unwrap();
        let to = ["--format", format, "--out", out];
        told(&sandbox, &[&["export"], users.as_slice(), &to].concat());
        let page = place.path().join("page.html");
        let words = ["report", out, "--html", page.to_str().unwrap()];
        let of_folder = told(&sandbox, &words);
        assert_eq!(json(&of_folder), of_users, "{format}");
        let page = fs::read_to_string(page).unwrap();
        assert!(page.starts_with("<!doctype html>"), "{page}");
        for text in [&page, &of_folder.stdout] {
            assert!(
                !text.contains("\"ill\"") && !text.contains("2026-01-15"),
                "{format}"
            );
        }
    }
    let csv = place.path().join("csv");
    let csv = csv.to_str().unwrap();
    told(
        &sandbox,
        &[
            &["export"],
            users.as_slice(),
            &["--format", "csv", "--out", csv],
        ]
        .concat(),
    );
    fails(
        &sandbox,
        &["report", csv],
        2,
        "files of the format csv",
        "export as ndjson",
    );
    fails(
        &sandbox,
        &["report", "/nonexistent"],
        2,
        "there is no export in this folder",
        "--out",
    );
}

#[test]
fn data_worse_than_asked_for_end_with_a_code_of_their_own_after_the_report() {
    let sandbox = sandbox();
    let ask = |given: &[&str]| {
        let words = ["report", "--user", "odd", "--resources", "test_results"];
        run(&mut data(&sandbox, &[&words, given].concat()))
    };
    let good = ask(&["--min-complete", "test_results.id=0.9", "--max-odd", "1"]);
    assert_eq!(good.code, Some(0), "{good:?}");
    for given in [
        ["--max-odd", "0"],
        ["--min-complete", "test_results.no_such_field=0.1"],
        ["--min-recent", "1"],
    ] {
        let bad = ask(&given);
        assert_eq!(bad.code, Some(9), "{given:?} {bad:?}");
        assert!(bad.stderr.contains("test_results: "), "{bad:?}");
        let breaches = &json(&bad)["breaches"];
        assert_eq!(breaches.as_array().map(Vec::len), Some(1), "{breaches}");
    }
    for given in [
        ["--max-odd", "2"],
        ["--min-complete", "nothing.id=0.5"],
        ["--min-complete", "vitals=0.5"],
    ] {
        assert_eq!(ask(&given).code, Some(2), "{given:?}");
    }
}
