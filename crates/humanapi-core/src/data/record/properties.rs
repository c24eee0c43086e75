//! Each kind of record, made at random from its own table: whatever is sent, the page is read, what was
//! sent comes back byte for byte, and what is odd is told by path.

use proptest::collection::vec;
use proptest::prelude::*;

use super::field::{Field, FieldKind};
use super::random::place;
use super::{Record, Table, read_list};
use crate::body::Body;
use crate::data::application::AppUser;
use crate::data::medical::*;
use crate::data::*;

/// A path of an error, as the model writes it.
fn told(record: &Record) -> Vec<String> {
    let mut paths: Vec<String> = record
        .odd()
        .into_iter()
        .map(|odd| odd.path)
        .filter(|path| path != ".")
        .map(|path| {
            if path.is_empty() {
                path
            } else {
                format!(".{path}")
            }
        })
        .collect();
    paths.sort();
    paths
}

fn check<T: Table>(cases: u32) {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let pages = vec(place(T::FIELDS), 0..8);
    let outcome = runner.run(&pages, |places| {
        let items: Vec<&str> = places.iter().map(|(sent, _)| sent.json.as_str()).collect();
        let page = format!(" [ {} ]\n", items.join(" ,"));
        let read = read_list::<T>(Body::from(page.into_bytes())).unwrap();
        let mut records = read.items.iter().map(|item| &**item);
        let mut odd = read.odd.iter();
        for (index, (sent, is_record)) in places.iter().enumerate() {
            let record = if *is_record {
                records.next()
            } else {
                odd.next()
            };
            let record = record.unwrap();
            prop_assert_eq!(record.raw(), sent.json.as_bytes());
            prop_assert_eq!(record.index(), index);
            let shown = format!("{record:?} {:?}", record.odd());
            prop_assert!(!shown.contains("canary"));
            if *is_record {
                let mut expected = sent.odd.clone();
                expected.sort();
                prop_assert_eq!(told(record), expected, "{}", sent.json);
                for (name, json) in record.fields() {
                    let last = record.field(&name).unwrap();
                    prop_assert!(sent.json.contains(std::str::from_utf8(json.raw()).unwrap()));
                    prop_assert!(sent.json.contains(std::str::from_utf8(last.raw()).unwrap()));
                }
                for (place, field) in T::FIELDS.iter().enumerate() {
                    prop_assert_eq!(
                        record.value(place).is_some(),
                        record.is_readable(place, field),
                        "{} of {}",
                        field.name,
                        sent.json
                    );
                }
                // A record alone reads as it does among others.
                let alone = Record::read(Body::from(sent.json.clone().into_bytes()), T::FIELDS);
                prop_assert_eq!(told(&alone.unwrap()), told(record));
            }
        }
        prop_assert!(records.next().is_none() && odd.next().is_none());
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn no_activity_spoils_its_page() {
    check::<Activity>(256);
    check::<TimeSeries>(128);
}

impl Record {
    /// Whether a field was sent, means something, and is not odd as a whole. Blank text is text, and any JSON is itself.
    fn is_readable(&self, place: usize, field: &Field) -> bool {
        let Some(found) = self.found(place) else {
            return false;
        };
        if found.is_null() {
            return false;
        }
        let text = found.text();
        match field.kind {
            FieldKind::Json => return true,
            FieldKind::Text | FieldKind::Quantity if text.is_some() => {
                return text.as_deref() != field.absent;
            }
            _ => {}
        }
        let mut odd = Vec::new();
        found.note_odd(&field.kind, "whole", &mut odd);
        !found.is_nothing(&field.kind) && odd.iter().all(|odd| odd.path != "whole")
    }
}

/// One test for each of these kinds of records.
macro_rules! no_record_spoils_a_page {
    ($($test:ident: $($record:ident)+;)+) => {$(
        #[test]
        fn $test() {
            $(check::<$record>(48);)+
        }
    )+

    const CHECKED: &[&[Field]] = &[Activity::FIELDS, $($($record::FIELDS),+),+];
    };
}

#[test]
fn each_record_of_a_route_is_checked() {
    for route in ROUTES.iter().filter(|route| !route.fields.is_empty()) {
        assert!(CHECKED.contains(&route.fields), "{}", route.name);
    }
}

no_record_spoils_a_page! {
    no_user_spoils_a_page: Profile TimeZoneName AppUser Source;
    no_summary_spoils_a_page: HealthSummary ActivitySummary SleepSummary HeartRateSummary;
    no_measurement_spoils_a_page: BloodGlucose BloodOxygen BloodPressure Bmi BodyFat HeartRate Height Weight;
    no_day_spoils_a_page: Sleep Meal Location GeneticTrait Genotype;
    no_condition_spoils_a_page: Allergy Issue Immunization FunctionalStatus SocialHistory;
    no_person_spoils_a_page: Demographics MedicalProfile Organization;
    no_visit_spoils_a_page: Encounter PlanOfCare Procedure Instruction;
    no_medication_spoils_a_page: Medication;
    no_result_spoils_a_page: TestResult Vitals;
    no_document_spoils_a_page: Ccd Narrative Report TimelineEntry;
}

/// With every kind of field, those that no record has yet too.
#[test]
fn no_kind_of_field_spoils_a_page() {
    check::<Sample>(256);
}

super::records! {
    /// A record with every kind of field.
    struct Sample {
        /// How many.
        count: Integer = "count",
        /// Whether.
        main: Bool = "mainSleep",
        /// A result.
        value: Quantity = "value" [code_system "LOINC"],
        /// When.
        date: Date = "dateTime",
        /// Reasons.
        reasons: List<Text> = "reasons",
        /// Doses.
        dates: List<Date> = "dates",
        /// Others.
        parts: List<TimeZoneName> = "parts",
        /// By name.
        named: Map<Quantity> = "named",
        /// One of them.
        part: TimeSeries = "part",
    }
}

#[test]
fn a_table_says_what_a_field_is() {
    let value = Sample::FIELDS[2];
    assert_eq!(
        (value.name, value.accessor, value.doc),
        ("value", "value", "A result.")
    );
    assert_eq!((value.unit, value.code_system), (None, Some("LOINC")));
    assert_eq!(Sample::FIELDS[4].kind, FieldKind::List(&FieldKind::Text));
    assert_eq!(
        Sample::FIELDS[8].kind,
        FieldKind::Object(TimeSeries::FIELDS)
    );
}

#[test]
fn each_kind_reads_what_it_holds() {
    let sample = Sample::from_json(
        r#"{"count":"3","mainSleep":true,"value":"\u003c10 IU/mL","dateTime":"2014-00-00",
            "reasons":["Check-up",null,"\ud83d",7],"dates":["2014",8.5,"2014-03-10"],
            "parts":[{"name":"a"},null,{},{"name":"b"}],"named":{"a":"1.10","b":{}},
            "part":[{"type":"indexed"},{"type":"x"}]}"#,
    )
    .unwrap();
    assert_eq!((sample.count(), sample.main()), (Some(3), Some(true)));
    let value = sample.value().unwrap();
    assert_eq!((value.text(), value.number()), ("<10 IU/mL", Some("10")));
    let date = sample.date().unwrap();
    assert_eq!(
        (date.text(), date.year(), date.month()),
        ("2014-00-00", 2014, None)
    );
    assert_eq!((date.day(), date.date(), date.moment()), (None, None, None));
    assert_eq!(sample.reasons().unwrap(), ["Check-up", "7"]);
    assert_eq!(sample.dates().unwrap().len(), 2);
    let names: Vec<_> = sample.parts().unwrap();
    assert_eq!(names[0].name().as_deref(), Some("a"));
    assert_eq!(names.last().unwrap().name().as_deref(), Some("b"));
    let named = sample.named().unwrap();
    assert_eq!((named.len(), &*named[0].0), (1, "a"));
    assert_eq!(named[0].1.number(), Some("1.10"));
    assert_eq!(sample.part().unwrap().kind().as_deref(), Some("indexed"));
    let odd: Vec<_> = sample.odd().into_iter().map(|odd| odd.path).collect();
    let expected = [
        "reasons[1]",
        "reasons[2]",
        "dates[1]",
        "parts[1]",
        "named.…",
    ];
    assert_eq!(odd, expected);
}

#[test]
fn a_long_page_is_read_in_linear_time() {
    // As many items, fields, doubles, brackets and escapes as fit.
    for page in [
        format!("[{}{{}}]", "{},".repeat(200_000)),
        format!("[{{{}\"id\":1}}]", "\"id\":1,".repeat(200_000)),
        format!(
            "[{{\"id\":{}{}}}]",
            "[".repeat(500_000),
            "]".repeat(500_000)
        ),
        format!("[{{\"id\":\"{}\"}}]", "\\\"".repeat(500_000)),
        format!("[{{\"id\" {}}}]", "{\"a\":1},".repeat(100_000)),
        format!(
            "[{{\"timeSeries\":{{\"a\":{{\"values\":[{}1]}}}}}}]",
            "1,".repeat(300_000)
        ),
    ] {
        let read = read_list::<Activity>(Body::from(page.into_bytes())).unwrap();
        for item in &read.items {
            std::hint::black_box((item.odd(), item.id(), item.time_series()));
        }
    }
}
