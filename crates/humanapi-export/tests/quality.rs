//! What a report says of records, and when it is too little.

use humanapi_core::data::Weight;
use humanapi_core::data::medical::{Allergy, TestResult};
use humanapi_core::data::{Field, FieldKind, Record, Table};
use humanapi_export::{DataReport, Quality, QualityReport, Row, Thresholds, User};

fn report<T: Table>(records: &[&str]) -> QualityReport {
    let mut quality = Quality::new("a kind", T::FIELDS);
    let user = User::new("patient-17");
    for json in records {
        let record =
            Record::from_sent((*json).to_owned(), T::FIELDS).expect("the test gives what is right");
        quality.note(&Row::new(
            &user,
            "2026-03-01T10:00:00Z"
                .parse()
                .expect("the test gives what is right"),
            &record,
        ));
    }
    assert_eq!(
        format!("{quality:?}"),
        format!("Quality({} records)", records.len())
    );
    quality.report()
}

#[track_caller]
fn is_filled(report: &QualityReport, path: &str, filled: u64, of: u64) {
    let field = report
        .fields
        .iter()
        .find(|field| field.path == path)
        .expect("the test gives what is right");
    assert_eq!((field.filled, field.of), (filled, of), "{path}");
}

const RESULTS: [&str; 3] = [
    r#"{"id":"a","resultDateTime":"2026-02-20","components":[{"value":"5.1 K/uL","codes":[{"code":"6690-2","codeSystemName":"LOINC"},{"code":"x","codeSystemName":"Quentin"}]},{"value":"4","unit":"Quentin Placeholder"}]}"#,
    r#"{"id":"b","resultDateTime":"2025-06-01","components":[],"status":"","name":["odd"],"Quentin Placeholder":1,"steps":2}"#,
    r#"{"resultDateTime":"2007","components":[{"value":{}},{"value":{}}],"steps":3,"Quentin":1}"#,
];

#[test]
fn each_field_is_told_with_how_often_it_was_there() {
    let report = report::<TestResult>(&RESULTS);
    assert_eq!(report.records, 3);
    is_filled(&report, "id", 2, 3);
    is_filled(&report, "status", 0, 3);
    is_filled(&report, "components", 2, 3);
    is_filled(&report, "components.value", 2, 4);
    is_filled(&report, "components.codes.codeSystemName", 2, 2);
    // In the order of the table, what was never there too.
    let paths: Vec<_> = report
        .fields
        .iter()
        .map(|field| field.path.as_str())
        .collect();
    assert_eq!(paths[..2], ["id", "source"]);
    assert!(paths.contains(&"transcriptions"));
}

#[test]
fn codes_dates_units_and_what_is_odd_are_counted_by_kind() {
    let report = report::<TestResult>(&RESULTS);
    let systems: Vec<_> = report
        .code_systems
        .iter()
        .map(|line| (line.path.as_str(), line.system, line.codes))
        .collect();
    assert_eq!(
        systems,
        [
            ("components.codes", None, 1),
            ("components.codes", Some("LOINC"), 1)
        ]
    );
    let recency = report.recency;
    assert_eq!(
        (
            recency.month,
            recency.year,
            recency.older,
            recency.ahead,
            recency.undated
        ),
        (1, 1, 0, 0, 1)
    );
    assert_eq!((report.units.read(), report.units.unread()), (1, 1));
    let odd: Vec<_> = report
        .odd
        .iter()
        .map(|line| (line.path.as_str(), line.times))
        .collect();
    assert_eq!(
        (report.odd_records, odd),
        (2, vec![("components.value", 2), ("name", 1)])
    );
    let unknown: Vec<_> = report
        .unknown
        .iter()
        .map(|line| (line.name.as_deref(), line.times))
        .collect();
    assert_eq!(unknown, [(None, 2), (Some("steps"), 2)]);
}

#[test]
fn what_is_no_record_has_a_place_too() {
    let report = report::<TestResult>(&["7", "{\"id\": tru}"]);
    let odd: Vec<_> = report.odd.iter().map(|line| line.path.as_str()).collect();
    assert!(odd.contains(&"."), "{odd:?}");
    assert!(odd.iter().all(|path| !path.is_empty()), "{odd:?}");
}

#[test]
fn a_report_tells_nothing_that_was_sent() {
    let json = serde_json::to_string(&report::<TestResult>(&RESULTS)).unwrap();
    assert!(
        !json.contains("Quentin") && !json.contains("5.1") && !json.contains("patient-17"),
        "{json}"
    );
}

#[test]
fn what_does_not_keep_a_threshold_is_told() {
    let report = report::<TestResult>(&RESULTS);
    let kept = Thresholds::default()
        .with_completeness("id", 0.5)
        .with_most_unread_units(0.5)
        .with_most_odd_records(0.7)
        .with_least_recent(0.6);
    assert_eq!(kept.check(&report), []);
    let broken = Thresholds::default()
        .with_completeness("status", 0.1)
        .with_completeness("no such field", 0.1)
        .with_most_unread_units(0.4)
        .with_most_odd_records(0.5)
        .with_least_recent(0.9);
    let breaches = broken.check(&report);
    let of: Vec<_> = breaches.iter().map(|breach| breach.of.as_str()).collect();
    let expected = [
        "completeness of status",
        "completeness of no such field",
        "units that could not be read",
        "records that could not be read whole",
        "records of the last year",
    ];
    assert_eq!(of, expected);
    assert_eq!(
        Thresholds::default().check(&self::report::<Weight>(&[])),
        []
    );
}

/// What it holds does not grow with the records, whatever they are.
#[test]
fn hostile_names_and_units_end_in_one_line() {
    let mut quality = Quality::new("weight", Weight::FIELDS);
    let user = User::new("patient-17");
    for number in 0..5_000_u32 {
        let letters: String = number
            .to_string()
            .bytes()
            .map(|digit| char::from(b'a' + digit - b'0'))
            .collect();
        let json = format!(r#"{{"{letters}":1,"value":1,"unit":"m{{{letters}}}"}}"#);
        let record = Record::from_sent(json, Weight::FIELDS).unwrap();
        quality.note(&Row::new(
            &user,
            "2026-03-01T10:00:00Z".parse().unwrap(),
            &record,
        ));
    }
    let report = quality.report();
    assert!(report.unknown.len() <= 257, "{}", report.unknown.len());
    assert_eq!(report.units.lines().count(), 1);
}

#[test]
fn how_new_a_record_is_says_what_it_tells_of_and_not_when_it_was_stored() {
    let old = r#"{"dateRange":{"start":"2001-05-04"},"updatedAt":"2026-02-28T00:00:00Z"}"#;
    let undated = r#"{"updatedAt":"2026-02-28T00:00:00Z"}"#;
    let report = report::<Allergy>(&[old, undated]);
    assert_eq!((report.recency.older, report.recency.undated), (1, 1));
}

#[test]
fn drift_within_records_is_counted_where_it_stands() {
    let report = report::<TestResult>(&[
        r#"{"steps":1,"components":[{"name":"ALT","steps":2,"Quentin":1},{"steps":3,"codes":[{"code":"1","distance":3}]}]}"#,
    ]);
    let unknown: Vec<_> = report
        .unknown
        .iter()
        .map(|line| (line.within.as_str(), line.name.as_deref(), line.times))
        .collect();
    let expected = [
        ("", Some("steps"), 1),
        ("components", None, 1),
        ("components", Some("steps"), 2),
        ("components.codes", Some("distance"), 1),
    ];
    assert_eq!(unknown, expected);
}

#[test]
fn what_has_no_line_of_its_own_is_counted() {
    let number = Weight::FIELDS
        .iter()
        .find(|field| field.name == "value")
        .expect("a weight has a value");
    let named = |name: String, kind| {
        let mut field = *number;
        field.name = name.leak();
        field.kind = kind;
        field
    };
    let numbers = || (0..200).map(|place| named(format!("n{place}"), FieldKind::Number));
    let table = ["a", "b"].map(|name| {
        let numbers: Vec<Field> = numbers().collect();
        named(name.to_owned(), FieldKind::Object(numbers.leak()))
    });
    let table: &[Field] = table.to_vec().leak();
    let within: Vec<String> = (0..200).map(|place| format!(r#""n{place}":[]"#)).collect();
    let within = within.join(",");
    let record = Record::from_sent(format!(r#"{{"a":{{{within}}},"b":{{{within}}}}}"#), table);
    let record = record.expect("the test gives what is right");
    let mut quality = Quality::new("a kind", table);
    let read_at = "2026-03-01T10:00:00Z"
        .parse()
        .expect("the test gives what is right");
    quality.note(&Row::new(&User::new("patient-17"), read_at, &record));
    let report = quality.report();
    assert_eq!((report.odd.len(), report.more_odd), (256, 144));
    assert_eq!((report.odd_records, report.more_codes), (1, 0));
    let page = DataReport::new(1, [&quality]).page(&[]);
    assert!(
        page.contains("And 144 more fields that could not be read"),
        "{page}"
    );
}
