//! The page of a report: it needs nothing else, and says nothing that a record says.
#![cfg(feature = "client")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use humanapi_core::data::medical::TestResult;
use humanapi_export::{DataReport, Quality, Row, Thresholds, User};
use sha2::{Digest as _, Sha256};

fn report() -> DataReport {
    let mut quality = Quality::new("test_results", TestResult::FIELDS);
    let user = User::new("patient-17");
    for json in [
        r#"{"id":"<b>1</b>","resultDateTime":"2026-02-27","components":[{"value":"5.1 K/uL"}]}"#,
        r#"{"id":"2","resultDateTime":"2020-02-27","<script>":1,"components":[{"value":"7","unit":"<i>"}]}"#,
        r#"{"id":"3","name":[1],"steps":4,"components":[{"value":{}}]}"#,
    ] {
        let record = TestResult::from_json(json).unwrap();
        let read_at = "2026-03-01T10:00:00Z".parse().unwrap();
        quality.note(&Row::new(&user, read_at, &record));
    }
    quality.note_drifted(2);
    DataReport::new(1, [&quality])
}

#[test]
fn the_page_needs_nothing_else_and_its_policy_takes_its_own_style_alone() {
    let page = report().page(&[]);
    let style = page.split("<style>").nth(1).unwrap();
    let style = style.split("</style>").next().unwrap();
    let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
    let policy = format!(
        "content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\""
    );
    assert!(page.contains(&policy), "the hash of the style is {hash}");
    for other in [
        "<script", "<link", "<img", "src=", "url(", "style=", "http:", "https:", "@import",
        "onclick",
    ] {
        assert!(!page.contains(other), "{other}");
    }
}

/// Nor is a heading of a row empty where it is the whole record that could not be read.
#[test]
fn each_row_of_the_page_says_what_it_is_of() {
    let mut quality = Quality::new("test_results", TestResult::FIELDS);
    let record = humanapi_core::data::Record::from_sent("7", TestResult::FIELDS).unwrap();
    let read_at = "2026-03-01T10:00:00Z".parse().unwrap();
    quality.note(&Row::new(&User::new("patient-17"), read_at, &record));
    let page = DataReport::new(1, [&quality]).page(&[]);
    assert!(page.contains(">the record itself</th>"), "{page}");
    assert!(!page.contains("<th scope=\"row\"></th>"), "{page}");
}

#[test]
fn the_page_tells_what_the_report_does_and_nothing_that_was_sent() {
    let report = report();
    let thresholds = Thresholds::default()
        .with_least_recent(0.9)
        .with_completeness("test_results.id", 0.1)
        .with_completeness("weight.id", 1.0);
    let breaches = report.check(&thresholds);
    assert_eq!(breaches.len(), 2, "{breaches:?}");
    assert!(
        breaches[1].of.contains("weight.id"),
        "a kind that is not there is complete in nothing: {breaches:?}"
    );
    let page = report.page(&breaches);
    for told in [
        "3 records of 1 user, of 1 kind.",
        "test_results: records of the last year: <strong>33\u{a0}%</strong>",
        "2 lists changed while being read",
        "10*3/uL",
        "the unit is none that is known",
        "components.value",
        "any other name",
        "steps",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    for sent in [
        "patient-17",
        "<b>",
        "<i>",
        "5.1",
        "&lt;i&gt;",
        "<script",
        "2020",
    ] {
        assert!(!page.contains(sent), "{sent}");
    }
    // Each plot has its numbers as text.
    assert!(
        page.contains("role=\"img\" aria-label=\"1 up to 30 days, 1 older, 1 without a date\"")
    );
    assert_eq!(
        page.matches("<svg").count(),
        page.matches("aria-hidden=\"true\"").count() + 1
    );
}
