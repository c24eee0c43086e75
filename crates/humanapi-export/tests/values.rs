//! Value columns: what stands beside a value in a file, and what is counted.

use humanapi_core::data::medical::{Component, Vital};
use humanapi_core::data::{BodyFat, Table, Weight};
use humanapi_export::{Columns, Format, Row, Units, Unread, User};

/// What a file has of one record: canonical value and unit, the unit by UCUM, and the rule.
fn read<T: Table>(units: &Units, json: &str) -> [String; 4] {
    let record = T::from_json(json.to_owned()).expect("the test gives what is right");
    let columns = Columns::of(T::FIELDS).with_values(units);
    let user = User::new("patient-17");
    let mut file = Vec::new();
    let mut sink = Format::Csv
        .begin(&columns, &mut file)
        .expect("the test gives what is right");
    let read_at = "2026-03-01T10:00:00Z"
        .parse()
        .expect("the test gives what is right");
    sink.write(&Row::new(&user, read_at, &record))
        .expect("the test gives what is right");
    sink.finish().expect("the test gives what is right");
    let mut reader = csv::Reader::from_reader(file.as_slice());
    let names = reader
        .headers()
        .expect("the test gives what is right")
        .clone();
    let row = reader
        .records()
        .next()
        .expect("the test gives what is right")
        .expect("the test gives what is right");
    let cell = |name: &str| {
        let place = names
            .iter()
            .position(|column| column == name)
            .expect("the test gives what is right");
        row[place].to_owned()
    };
    ["canonical_value", "canonical_unit", "ucum_unit", "rule"].map(cell)
}

fn component(value: &str, unit: &str, loinc: &str) -> String {
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!(r#","unit":"{unit}""#)
    };
    format!(
        r#"{{"name":"A","value":"{value}"{unit},"codes":[{{"code":"{loinc}","codeSystem":"2.16.840.1.113883.6.1"}}]}}"#
    )
}

#[track_caller]
fn check(json: &str, expected: [&str; 4]) {
    assert_eq!(read::<Component>(&Units::new(), json), expected, "{json}");
}

#[test]
fn a_value_is_brought_to_the_unit_of_its_kind() {
    check(
        &component("4.6", "g/dL", ""),
        ["4600", "mg/dL", "g/dL", "ucum"],
    );
    check(
        &component("<10 IntlUnit/mL", "", ""),
        ["10000", "[IU]/L", "[IU]/mL", "ucum"],
    );
    check(
        &component("5.1 K/uL", "", ""),
        ["5.1", "10*9/L", "10*3/uL", "same"],
    );
    check(
        &component("5.1", "K/uL", ""),
        ["5.1", "10*9/L", "10*3/uL", "same"],
    );
    check(
        &component("1.10", "mmol/mol", ""),
        ["1.1", "mmol/mol", "mmol/mol", "same"],
    );
    check(
        &component("98.6", "°F", ""),
        ["37", "Cel", "[degF]", "temperature"],
    );
    check(&component("37", "degC", ""), ["37", "Cel", "Cel", "same"]);
}

#[test]
fn what_was_measured_decides_where_it_is_known() {
    check(
        &component("5.5", "mmol/L", "2345-7"),
        ["99.0858", "mg/dL", "mmol/L", "analyte: glucose"],
    );
    check(
        &component("0.99", "g/L", "2345-7"),
        ["99", "mg/dL", "g/L", "ucum"],
    );
    check(
        &component("140", "mEq/L", "2951-2"),
        ["140", "mmol/L", "meq/L", "analyte: sodium"],
    );
    check(
        &component("29.3", "pg", "785-6"),
        ["29.3", "pg", "pg", "same"],
    );
    // Without the code they stay apart.
    check(
        &component("5.5", "mmol/L", ""),
        ["5.5", "mmol/L", "mmol/L", "same"],
    );
    check(
        &component("140", "mEq/L", ""),
        ["140", "meq/L", "meq/L", "same"],
    );
    // No rule says how much urea nitrogen a mole is.
    check(&component("5", "mmol/L", "3094-0"), ["", "", "mmol/L", ""]);
}

#[test]
fn what_is_not_certain_is_empty_and_counted_without_its_text() {
    let units = Units::new();
    let nothing = ["", "", "", ""];
    for (value, unit) in [
        ("Negative", ""),
        ("1,234", "mg/dL"),
        ("4.6", ""),
        ("4.6", "G/L"),
        ("4.6", "Dana Placeholder"),
        ("5 mg/dL", "mmol/L"),
    ] {
        assert_eq!(
            read::<Component>(&units, &component(value, unit, "")),
            nothing,
            "{value} {unit}"
        );
    }
    // What stands in braces could be anything.
    let braces = component("4.6", "mg{Dana}/dL", "");
    assert_eq!(read::<Component>(&units, &braces)[2], "mg{Dana}/dL");
    let tally = units.tally();
    let counts: Vec<_> = tally
        .lines()
        .map(|line| (line.unit, line.unread, line.values))
        .collect();
    let expected = [
        (None, None, 1),
        (None, Some(Unread::NoUnit), 1),
        (None, Some(Unread::Unknown), 1),
        (None, Some(Unread::Doubt), 1),
        (None, Some(Unread::TwoUnits), 1),
    ];
    assert_eq!(counts, expected);
    assert_eq!((tally.read(), tally.unread()), (1, 4));
    assert!(!serde_json::to_string(&tally).unwrap().contains("Dana"));
}

#[test]
fn a_clone_counts_into_the_same_tally() {
    let units = Units::new();
    read::<Component>(&units.clone(), &component("4.6", "g/dL", ""));
    assert_eq!(units.tally().read(), 1);
}

#[test]
fn wellness_measurements_and_vital_signs_have_them_too() {
    let units = Units::new();
    let weight = r#"{"value": 150, "unit": "lbs"}"#;
    assert_eq!(
        read::<Weight>(&units, weight),
        ["68.0388555", "kg", "[lb_av]", "ucum"]
    );
    let fat = r#"{"value": 21.50, "unit": "percent"}"#;
    assert_eq!(read::<BodyFat>(&units, fat), ["21.5", "%", "%", "same"]);
    let vital = r#"{"value": "70", "unit": "[in_i]", "raw": {"value": "5", "unit": "ft"}}"#;
    assert_eq!(
        read::<Vital>(&units, vital),
        ["177.8", "cm", "[in_i]", "ucum"]
    );
    let columns = Columns::of(Vital::FIELDS).with_values(&units);
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert!(names.contains(&"raw_canonical_value") && names.contains(&"rule"));
}

#[test]
fn columns_stay_as_they_are_unless_values_are_asked_for() {
    let columns = Columns::of(Weight::FIELDS);
    assert_eq!(
        columns.count() + 4,
        columns.clone().with_values(&Units::new()).count()
    );
}
