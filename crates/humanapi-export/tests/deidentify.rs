//! What is taken from records, and that nothing of anybody is left: a mark of each kind of identifier in each field.
//! One piece: each test takes records through the same policy.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use arrow_array::{Array as _, RecordBatch};
use arrow_data::ArrayData;
use arrow_ipc::reader::StreamReader;
use bytes::Bytes;
use humanapi_core::data::medical::{Component, Demographics, SocialHistory, TestResult, Vitals};
use humanapi_core::data::{Activity, Field, Meal, Record};
use humanapi_export::{
    Columns, Dates, Deidentified, Deidentifier, DeidentifyKey, Format, Ids, Policy, PolicyError,
    Row, Units, User,
};
use humanapi_testkit::marks::{MARKS, marked_all_over, marked_alone, marks, tables};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

fn key() -> DeidentifyKey {
    DeidentifyKey::new([7; 32])
}

fn read_at() -> jiff::Timestamp {
    "2026-03-01T10:00:00Z"
        .parse()
        .expect("the test gives what is right")
}

/// What a file of these rows holds, uncompressed.
fn contents(format: Format, table: &'static [Field], rows: &[Deidentified]) -> Vec<u8> {
    let columns = Columns::of(table)
        .with_values(&Units::new())
        .with_record(false);
    let mut file = Vec::new();
    let mut sink = format
        .begin(&columns, &mut file)
        .expect("the test gives what is right");
    for row in rows {
        sink.write(&row.row())
            .expect("the test gives what is right");
    }
    sink.finish().expect("the test gives what is right");
    let batches: Vec<RecordBatch> = match format {
        Format::Parquet => {
            let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file))
                .expect("the test gives what is right");
            reader
                .build()
                .expect("the test gives what is right")
                .map(Result::unwrap)
                .collect()
        }
        Format::Arrow => {
            let reader =
                StreamReader::try_new(file.as_slice(), None).expect("the test gives what is right");
            reader.map(Result::unwrap).collect()
        }
        _ => return file,
    };
    let mut all = Vec::new();
    for column in batches.iter().flat_map(RecordBatch::columns) {
        gather(&column.to_data(), &mut all);
    }
    all
}

/// The bytes of a column, and of those within it.
fn gather(column: &ArrayData, all: &mut Vec<u8>) {
    for buffer in column.buffers() {
        all.extend_from_slice(buffer.as_slice());
        all.push(b'\n');
    }
    for within in column.child_data() {
        gather(within, all);
    }
}

#[test]
fn no_mark_of_any_kind_in_any_field_of_any_record_is_in_a_file_of_any_format() {
    assert_eq!(MARKS.len(), 18);
    let mut search = AhoCorasick::builder();
    let search = search.ascii_case_insensitive(true).build(marks()).unwrap();
    let policy = Policy::safe_harbor();
    let mut count = 0;
    for (name, table) in tables() {
        let mut deidentifier = Deidentifier::new(&policy, table, &key()).unwrap();
        let records = [marked_all_over(table), marked_alone(table)].concat();
        count += records.len();
        // A mark is somebody's name, too.
        let users: Vec<_> = marks().map(User::new).collect();
        let rows: Vec<_> = std::iter::zip(&records, users.iter().cycle())
            .map(|(json, user)| {
                let record = Record::from_sent(json.clone(), table).unwrap();
                deidentifier.take(&Row::new(user, read_at(), &record))
            })
            .collect();
        for format in Format::ALL {
            let contents = contents(*format, table, &rows);
            if let Some(found) = search.find(&contents) {
                let around =
                    found.start().saturating_sub(80)..(found.end() + 40).min(contents.len());
                panic!(
                    "{name}, {format}: {:?}",
                    String::from_utf8_lossy(&contents[around])
                );
            }
        }
        assert!(deidentifier.unknown() > 0, "{name}");
    }
    assert!(count > 20_000, "{count} records");
}

#[test]
fn each_field_of_each_record_has_a_row() {
    let policy = Policy::safe_harbor();
    for (name, table) in tables() {
        assert_eq!(policy.rowless(table).unwrap(), [""; 0], "{name}");
    }
}

fn take(policy: &Policy, table: &'static [Field], json: &str) -> (String, Deidentifier) {
    let mut deidentifier =
        Deidentifier::new(policy, table, &key()).expect("the test gives what is right");
    let record = Record::from_sent(json.to_owned(), table).expect("the test gives what is right");
    let user = User::new("patient-17");
    let taken = deidentifier.take(&Row::new(&user, read_at(), &record));
    let json =
        String::from_utf8(taken.record.raw().to_vec()).expect("the test gives what is right");
    (json, deidentifier)
}

#[track_caller]
fn check(table: &'static [Field], json: &str, expected: &str) {
    assert_eq!(
        take(&Policy::safe_harbor(), table, json).0,
        expected,
        "{json}"
    );
}

#[test]
fn what_is_no_identifier_stays() {
    check(
        TestResult::FIELDS,
        r#"{"resultDateTime":"2021-05-20T09:00:00Z","status":"Final result","components":[{"name":"A","value":"<10 IntlUnit/mL","unit":"IntlUnit/mL","flag":"h","codes":[{"name":"A","code":"2345-7","codeSystem":"2.16.840.1.113883.6.1","codeSystemName":"LOINC","inferred":false}]},{"value":"Negative"},{"value":"1,234"}]}"#,
        r#"{"components":[{"value":"<10 [IU]/mL","unit":"[IU]/mL","flag":"H","codes":[{"code":"2345-7","codeSystem":"2.16.840.1.113883.6.1","codeSystemName":"LOINC","inferred":false}]},{"value":"negative"},{}],"resultDateTime":"2021","status":"final result"}"#,
    );
    check(
        Meal::FIELDS,
        r#"{"timestamp":"2021-06-01T00:00:00Z","tzOffset":"-05:00","type":"Lunch","name":"Test salad","calories":320,"fat":1.23456789,"sodium":4155550137}"#,
        r#"{"timestamp":"2021-01-01T00:00:00Z","tzOffset":"-05:00","type":"lunch","calories":320,"fat":1.234568}"#,
    );
}

#[test]
fn an_address_is_a_state_and_the_beginning_of_a_zip_code() {
    let home = |zip: &str, country: &str| {
        format!(
            r#"{{"address":{{"street":["1 Example Street"],"city":"Testville","state":"ca","zip":"{zip}"{country}}}}}"#
        )
    };
    let us = r#","country":"US""#;
    check(
        Demographics::FIELDS,
        &home("94117", us),
        r#"{"address":{"state":"CA","zip":"941","country":"US"}}"#,
    );
    check(
        Demographics::FIELDS,
        &home("03602", ""),
        r#"{"address":{"state":"CA","zip":"000"}}"#,
    );
    check(
        Demographics::FIELDS,
        &home("94117", r#","country":"DE""#),
        r#"{"address":{"state":"CA","country":"DE"}}"#,
    );
    check(
        Demographics::FIELDS,
        r#"{"address":"1 Example Street, Testville"}"#,
        "{}",
    );
}

/// Somebody is read in 2026: whoever was born in 1937 is 88 or 89 then, and whoever was born in 1936 is 89 or 90.
#[test]
fn nothing_tells_an_age_over_89() {
    check(
        Demographics::FIELDS,
        r#"{"dob":"03/14/1937"}"#,
        r#"{"dob":"1937"}"#,
    );
    for born in ["12/31/1936", "1931", "1900-01-01"] {
        check(
            Demographics::FIELDS,
            &format!(r#"{{"dob":"{born}"}}"#),
            "{}",
        );
    }
    check(
        Demographics::FIELDS,
        r#"{"dobDateTime":"1931-02-03T00:00:00Z"}"#,
        "{}",
    );
    // What was done to somebody then tells it too.
    check(
        TestResult::FIELDS,
        r#"{"resultDateTime":"1936-05-20"}"#,
        "{}",
    );
    let age = |value: &str, unit: &str| {
        format!(
            r#"{{"results":[{{"value":{value},"unit":"{unit}","values":[{{"value":{value},"unit":"{unit}"}}],"raw":{{"value":{value}}},"codes":[{{"code":"30525-0","codeSystemName":"LOINC"}}]}}]}}"#
        )
    };
    let told = |value: &str, unit: &str| {
        format!(
            r#"{{"results":[{{"value":"{value}","unit":"{unit}","codes":[{{"code":"30525-0","codeSystemName":"LOINC"}}]}}]}}"#
        )
    };
    check(Vitals::FIELDS, &age("89", "years"), &told("89", "a"));
    check(Vitals::FIELDS, &age("93", "years"), &told(">=90", "a"));
    check(
        Vitals::FIELDS,
        &age(r#""1116""#, "months"),
        &told(">=90", "a"),
    );
    check(
        Vitals::FIELDS,
        &age("93", ""),
        &told(">=90", "").replace(r#""unit":"","#, ""),
    );
}

/// A unit of time tells an age whatever the code, and a code tells it wherever it stands around the value or within it.
#[test]
fn an_age_over_89_is_told_by_its_unit_or_by_any_code_around_it() {
    let component = |value: &str, unit: &str| {
        format!(r#"{{"components":[{{"value":{value},"unit":"{unit}"}}]}}"#)
    };
    for (value, unit) in [
        (r#""93""#, "years"),
        (r#""93""#, "yr"),
        (r#""93""#, "a"),
        (r#""93.0""#, "YRS"),
        (r#""93 years""#, "a"),
        (r#"">93""#, "years old"),
        (r#""1116""#, "months"),
        (r#""1116 mo""#, "mo"),
        (r#""33968""#, "d"),
    ] {
        check(
            TestResult::FIELDS,
            &component(value, unit),
            &component(r#"">=90""#, "a"),
        );
    }
    for unit in ["y/o", "years of age", "a{Quentin}"] {
        check(
            TestResult::FIELDS,
            &component(r#""93""#, unit),
            r#"{"components":[{"value":">=90"}]}"#,
        );
    }
    check(
        TestResult::FIELDS,
        &component(r#""89""#, "yr"),
        &component(r#""89""#, "a"),
    );
    check(
        TestResult::FIELDS,
        &component(r#""1050""#, "months"),
        &component(r#""1050""#, "mo"),
    );
    // Beside an age, what is told in another unit than the age's does not stay.
    check(
        TestResult::FIELDS,
        r#"{"components":[{"value":"1116","low":"600","unit":"mo"}]}"#,
        r#"{"components":[{"value":">=90","unit":"a"}]}"#,
    );
    // A field of numbers has no way to say it.
    check(
        Meal::FIELDS,
        r#"{"amount":{"value":93,"unit":"years"}}"#,
        r#"{"amount":{"unit":"a"}}"#,
    );
    let codes = r#""codes":[{"code":"30525-0","codeSystemName":"LOINC"}]"#;
    // From outside,
    check(
        TestResult::FIELDS,
        &format!(r#"{{{codes},"components":[{{"value":"93"}}],"allResults":[{{"value":"93"}}]}}"#),
        &format!(
            r#"{{{codes},"components":[{{"value":">=90"}}],"allResults":[{{"value":">=90"}}]}}"#
        ),
    );
    check(
        Vitals::FIELDS,
        &format!(r#"{{{codes},"results":[{{"value":"93"}}]}}"#),
        &format!(r#"{{{codes},"results":[{{"value":">=90"}}]}}"#),
    );
    // and from within.
    for within in [codes, r#""unit":"years""#] {
        check(
            Vitals::FIELDS,
            &format!(r#"{{"results":[{{"value":"93","raw":{{"value":"93",{within}}}}}]}}"#),
            r#"{"results":[{"value":">=90"}]}"#,
        );
    }
}

#[test]
fn a_date_is_no_unit() {
    for unit in [
        "04/12/72", "10/24/48", "10.12.24", "100", "10/24", "1972", "04.d", "10.24.d", "10*12.24",
    ] {
        check(
            TestResult::FIELDS,
            &format!(r#"{{"components":[{{"value":"4.6","unit":"{unit}"}}]}}"#),
            r#"{"components":[{"value":"4.6"}]}"#,
        );
    }
}

#[test]
fn a_number_is_short_and_one_of_json() {
    let meal = |number: &str| {
        take(
            &Policy::safe_harbor(),
            Meal::FIELDS,
            &format!(r#"{{"calories":{number}}}"#),
        )
        .0
    };
    for (sent, kept) in [
        ("320", Some("320")),
        ("5.10", Some("5.10")),
        (r#""098""#, Some("98")),
        (r#""5.""#, Some("5")),
        ("4155.550137", Some("4155.55")),
        ("-219.099999", Some("-219.1")),
        ("68.0388555", Some("68.03886")),
        ("4e-7", Some("4e-7")),
        ("0.000000412345678", Some("4.12346e-7")),
        ("1e3", Some("1000")),
        ("100000.0000000", Some("100000")),
        ("0", Some("0")),
        (r#""000000048291""#, None),
        ("1e-300", None),
        ("1000000", None),
    ] {
        let expected = kept.map_or_else(
            || "{}".to_owned(),
            |kept| format!(r#"{{"calories":{kept}}}"#),
        );
        let taken = meal(sent);
        assert_eq!(taken, expected, "{sent}");
        serde_json::from_str::<serde_json::Value>(&taken).unwrap();
    }
    check(
        TestResult::FIELDS,
        r#"{"components":[{"value":"4155.550137"},{"value":"000000048291"},{"value":"<098 mg/dL"}]}"#,
        r#"{"components":[{"value":"4155.55"},{},{"value":"<98 mg/dL"}]}"#,
    );
}

#[test]
fn ids_are_codes_that_only_the_key_can_make() {
    let json = r#"{"id":"a1","userId":"u1","humanId":"u1","source":"fitbit"}"#;
    let (one, _) = take(&Policy::safe_harbor(), Activity::FIELDS, json);
    let (again, _) = take(&Policy::safe_harbor(), Activity::FIELDS, json);
    assert_eq!(one, again);
    let record: BTreeMap<String, String> = serde_json::from_str(&one).unwrap();
    assert_eq!(record["userId"], record["humanId"]);
    assert_ne!(record["id"], record["userId"]);
    assert!(
        record
            .iter()
            .all(|(name, value)| name == "source" || value.len() == 32),
        "{one}"
    );
    // HMAC-SHA-256 of "id\0a1" by 32 bytes of 7, as another program tells it.
    assert_eq!(record["id"], "a0c81363e6e0e4a85d8d6dcf4d3c513d");
    let sent = Record::from_sent(json, Activity::FIELDS).unwrap();
    let other = DeidentifyKey::new([8; 32]);
    let mut other = Deidentifier::new(&Policy::safe_harbor(), Activity::FIELDS, &other).unwrap();
    let taken = other.take(&Row::new(&User::new("patient-17"), read_at(), &sent));
    assert_ne!(
        taken.record.field("id").unwrap().read::<String>().unwrap(),
        record["id"]
    );
    assert_eq!(
        format!("{:?}", DeidentifyKey::new([8; 32])),
        "DeidentifyKey(…)"
    );

    let policy = Policy::safe_harbor().with_ids(Ids::Drop);
    assert_eq!(
        take(&policy, Activity::FIELDS, json).0,
        r#"{"source":"fitbit"}"#
    );
}

#[test]
fn dates_are_moved_by_as_many_days_for_all_of_a_user() {
    let policy = Policy::safe_harbor().with_dates(Dates::Shift);
    let json = r#"{"startTime":"2021-06-01T12:00:00Z","endTime":"2021-06-03T13:30:00Z","updatedAt":"2026-02-28T09:00:00Z"}"#;
    let sent = Record::from_sent(json, Activity::FIELDS).unwrap();
    let mut deidentifier = Deidentifier::new(&policy, Activity::FIELDS, &key()).unwrap();
    let mut shifts = BTreeSet::new();
    for user in 0..200 {
        let user = User::new(format!("patient-{user}"));
        let taken = deidentifier.take(&Row::new(&user, read_at(), &sent));
        let moment = |name| {
            let json = taken.record.field(name).unwrap();
            json.read::<String>()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap()
        };
        let start: jiff::Timestamp = "2021-06-01T12:00:00Z".parse().unwrap();
        let shift = moment("startTime").duration_since(start);
        assert_eq!(
            moment("endTime")
                .duration_since(moment("startTime"))
                .as_secs(),
            2 * 86_400 + 5_400
        );
        // What others know as well would tell the shift.
        let year = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(taken.read_at, year);
        assert_eq!(moment("updatedAt"), year);
        let days = shift.as_hours() / 24;
        assert!(
            shift.as_secs() % 86_400 == 0 && days != 0 && days.abs() <= 365,
            "{days}"
        );
        shifts.insert(days);
    }
    assert!(shifts.len() > 100 && shifts.first() < Some(&-180) && shifts.last() > Some(&180));
    // A date keeps its precision.
    for (date, length) in [("2021", 4), ("2021-06", 7), ("2021-06-01", 10)] {
        let json = format!(r#"{{"resultDateTime":"{date}"}}"#);
        let (moved, _) = take(&policy, TestResult::FIELDS, &json);
        let record: BTreeMap<String, String> = serde_json::from_str(&moved).unwrap();
        assert_eq!(record["resultDateTime"].len(), length, "{moved}");
    }
}

#[test]
fn what_was_dropped_is_counted_and_told_by_no_value() {
    let json = r#"{"entries":[{"name":"Never smoker","dateTime":"2021-05-20"},{"name":"Quentin","Quentin":1}],"ccd":null,"x":1}"#;
    let (kept, deidentifier) = take(&Policy::safe_harbor(), SocialHistory::FIELDS, json);
    assert_eq!(
        kept,
        r#"{"entries":[{"dateTime":"2021","name":"never smoker"},{}]}"#
    );
    let counts: BTreeMap<_, _> = deidentifier
        .counts()
        .filter(|count| count.kept + count.dropped > 0)
        .map(|count| (count.path, (count.kept, count.dropped)))
        .collect();
    let expected = [
        ("entries", (1, 0)),
        ("entries.dateTime", (1, 0)),
        ("entries.name", (1, 1)),
    ];
    assert_eq!(
        counts,
        expected
            .map(|(path, counts)| (path.to_owned(), counts))
            .into()
    );
    assert_eq!(deidentifier.unknown(), 2);
    assert_eq!(format!("{deidentifier:?}"), "Deidentifier(…)");
}

#[test]
fn a_policy_that_cannot_be_carried_out_says_which_row() {
    let text = Policy::safe_harbor_text();
    let row = |from: &str, to: &str, table: &'static [Field]| {
        assert!(text.contains(from), "{from}");
        let policy = Policy::read(&text.replace(from, to)).unwrap();
        Deidentifier::new(&policy, table, &key()).unwrap_err()
    };
    for (from, to, table, expected) in [
        (
            r#"steps = "number""#,
            r#"steps = "keep""#,
            Activity::FIELDS,
            "steps",
        ),
        (
            r#"steps = "number""#,
            r#"steps = "date""#,
            Activity::FIELDS,
            "steps",
        ),
        (
            r#"steps = "number""#,
            r#"step = "number""#,
            Activity::FIELDS,
            "step",
        ),
        (
            r#"type = "word activity""#,
            r#"type = "word nothing""#,
            Activity::FIELDS,
            "type",
        ),
        (
            r#"value = "quantity""#,
            r#"value = "within code""#,
            TestResult::FIELDS,
            "components.value",
        ),
        (
            r#""within component""#,
            r#""within nothing""#,
            TestResult::FIELDS,
            "components",
        ),
    ] {
        match row(from, to, table) {
            PolicyError::Row { field, .. } => assert_eq!(field, expected),
            other => panic!("{other}"),
        }
    }
    assert!(matches!(
        Policy::read("settings = 1"),
        Err(PolicyError::Form(_))
    ));
    // A part of a record is no kind of record.
    let refused = Deidentifier::new(&Policy::safe_harbor(), Component::FIELDS, &key()).unwrap_err();
    assert!(matches!(refused, PolicyError::NoResource(_)) && !refused.remedy().is_empty());
}
