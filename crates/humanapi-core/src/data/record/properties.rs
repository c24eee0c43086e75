//! Each kind of record, made at random from its own table: whatever is sent, the page is read, what was
//! sent comes back byte for byte, and what is odd is told by path.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::field::{Field, FieldKind};
use super::{Record, Table, read_list};
use crate::body::Body;
use crate::data::application::AppUser;
use crate::data::medical::*;
use crate::data::*;

/// JSON, and the paths of what is odd in it.
#[derive(Clone, Debug, Default)]
struct Sent {
    json: String,
    odd: Vec<String>,
}

impl Sent {
    fn fine(json: impl Into<String>) -> Self {
        Self {
            json: json.into(),
            odd: Vec::new(),
        }
    }

    fn odd(json: impl Into<String>) -> Self {
        Self {
            json: json.into(),
            odd: vec![String::new()],
        }
    }
}

fn fine_of(texts: &'static [&'static str]) -> BoxedStrategy<Sent> {
    select(texts).prop_map(Sent::fine).boxed()
}

/// A value as documented.
fn fine(kind: FieldKind) -> BoxedStrategy<Sent> {
    match kind {
        FieldKind::Text => fine_of(&[
            r#""walking""#,
            r#""""#,
            "12",
            "1.10",
            r#""\ud83d\ude00 \"q\"""#,
        ]),
        FieldKind::Number => fine_of(&[
            "1.10",
            "0",
            "-3e2",
            r#""98""#,
            r#"" 9.5 ""#,
            "18446744073709551616",
        ]),
        FieldKind::Integer => fine_of(&["3", "-7", r#""12""#, "3.0"]),
        FieldKind::Bool => fine_of(&["true", "false"]),
        FieldKind::Timestamp => fine_of(&[
            r#""2021-06-01T07:30:00.000Z""#,
            r#""2021-06-01T07:30:00+02:00""#,
            r#""Mon Jun 03 2019 09:15:00 GMT-0700 (PDT)""#,
            r#""""#,
        ]),
        FieldKind::Date => fine_of(&[
            r#""2007""#,
            r#""201403""#,
            r#""2014-00-00""#,
            r#""""#,
            "2014",
        ]),
        FieldKind::Offset => fine_of(&[r#""+02:00""#, r#""-04:30""#, r#""""#]),
        FieldKind::Quantity => fine_of(&[
            r#""<10 IntlUnit/mL""#,
            r#""Negative""#,
            "1.10",
            r#""\u003e60""#,
        ]),
        FieldKind::Json => fine_of(&[
            "{}",
            "[1,{\"a\":[]}]",
            r#""\ud83d\ude00""#,
            "1e999",
            "false",
        ]),
        FieldKind::Object(table) => record(table),
        FieldKind::TextOr(table) => prop_oneof![
            fine_of(&[r#""Dana Placeholder""#, r#""""#, r#""\u0044ana""#]),
            record(table),
        ]
        .boxed(),
        FieldKind::List(of) => vec(any_item(*of), 0..4).prop_map(list_of).boxed(),
        FieldKind::Map(of) => vec(any_item(*of), 0..4).prop_map(map_of).boxed(),
    }
}

/// A value of another type than documented, or one that nothing can read.
fn strange(kind: FieldKind) -> BoxedStrategy<Sent> {
    let texts: &'static [&'static str] = match kind {
        FieldKind::Text | FieldKind::Quantity => &[
            "true",
            r#"{"a":1}"#,
            "[\"a\"]",
            r#""run \ud83d""#,
            "NaN",
            r#""\x""#,
        ],
        FieldKind::Number | FieldKind::Integer => &[
            "true",
            r#""many""#,
            r#"">60""#,
            r#""1,234""#,
            "[1]",
            "1e999",
            "-",
            "Infinity",
        ],
        FieldKind::Bool => &["1", r#""yes""#, "[true]", "tru"],
        FieldKind::Timestamp => &[
            "7",
            r#""yesterday""#,
            r#""2007""#,
            r#""2021-02-30T00:00:00Z""#,
            r#""\udc00""#,
        ],
        FieldKind::Date => &[
            "true",
            r#""201413""#,
            r#""soon""#,
            "99999999999999999999",
            "[]",
        ],
        FieldKind::Offset => &["2", r#""+2:00""#, r#""+99:00""#, "{}"],
        FieldKind::Json => &["NaN", "01", "[1,]", r#"{"a" 1}"#],
        FieldKind::Object(_) => &["7", r#""x""#, r#"{"a" 1}"#, "[7]", "[null]"],
        FieldKind::TextOr(_) => &["7", "true", r#"{"a" 1}"#, "[7]", r#""run \ud83d""#],
        FieldKind::List(_) => &["7", r#""x""#, "{\"a\":1}", "[1 2]", "[,]"],
        FieldKind::Map(_) => &["7", "[1]", r#"{"a",1}"#],
    };
    select(texts).prop_map(Sent::odd).boxed()
}

/// An item of a list, where `null` is odd as well.
fn any_item(kind: FieldKind) -> BoxedStrategy<Sent> {
    let null = Just(Sent::odd("null")).boxed();
    prop_oneof![4 => fine(kind), 1 => strange(kind), 1 => null].boxed()
}

fn list_of(items: Vec<Sent>) -> Sent {
    let mut list = Sent::fine("[");
    for (index, item) in items.iter().enumerate() {
        add(&mut list, item, &format!("[{index}]"), index);
    }
    list.json.push(']');
    list
}

fn map_of(items: Vec<Sent>) -> Sent {
    let mut map = Sent::fine("{");
    for (index, item) in items.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(map.json, "{comma}\"canary{index}\" : {}", item.json);
        map.odd
            .extend(item.odd.iter().map(|path| format!(".…{path}")));
    }
    map.json.push('}');
    map
}

fn add(to: &mut Sent, item: &Sent, path: &str, index: usize) {
    if index > 0 {
        to.json.push_str(",\n");
    }
    to.json.push_str(&item.json);
    to.odd
        .extend(item.odd.iter().map(|inner| format!("{path}{inner}")));
}

/// What a record does with one field of its table.
fn field(field: Field) -> BoxedStrategy<Vec<Sent>> {
    let one = |sent: BoxedStrategy<Sent>| sent.prop_map(|sent| vec![sent]);
    let both = (strange(field.kind), fine(field.kind));
    prop_oneof![
        3 => Just(Vec::new()),
        6 => one(fine(field.kind)),
        2 => one(strange(field.kind)),
        1 => one(Just(Sent::fine("null")).boxed()),
        1 => both.prop_map(|(first, last)| vec![first, last]),
    ]
    .boxed()
}

/// A field that no table knows.
fn unknown() -> BoxedStrategy<String> {
    select(
        &[
            r#""mood":"canary \ud83d""#,
            r#""\ud83d":1"#,
            r#""later":{"a":1.10,"b":[null]}"#,
            r#""huge":1e999"#,
            r#""deep":[[[[[[{"a":{}}]]]]]]"#,
        ][..],
    )
    .prop_map(str::to_owned)
    .boxed()
}

/// A record of this table, with fields in any order.
fn record(table: &'static [Field]) -> BoxedStrategy<Sent> {
    let known: Vec<_> = table.iter().map(|known| field(*known)).collect();
    (
        known,
        vec(unknown(), 0..3),
        any::<bool>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(known, unknown, is_turned, turn)| {
            let mut fields = Vec::new();
            let mut odd = Vec::new();
            for (field, sent) in table.iter().zip(known) {
                let name = if is_turned {
                    escaped(field.name)
                } else {
                    field.name.to_owned()
                };
                fields.extend(sent.iter().map(|sent| format!("\"{name}\": {}", sent.json)));
                let last = sent.last().into_iter().flat_map(|sent| &sent.odd);
                odd.extend(last.map(|path| format!("{}{path}", dotted(field.name))));
                if sent.len() > 1 {
                    odd.push(dotted(field.name));
                }
            }
            // Doubled fields stay in their order, whatever comes between.
            let at = turn.index(fields.len() + 1);
            fields.splice(at..at, unknown);
            Sent {
                json: format!("{{{}}}", fields.join(", ")),
                odd,
            }
        })
        .boxed()
}

fn dotted(name: &str) -> String {
    format!(".{name}")
}

/// The same name with an escape.
fn escaped(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("\\u{:04x}{rest}", u32::from(first.as_bytes()[0]))
}

/// An item of a page: a record, or something else.
fn place(table: &'static [Field]) -> BoxedStrategy<(Sent, bool)> {
    let strange = select(
        &[
            "null",
            "7",
            r#""canary \ud83d""#,
            "[{}]",
            "[]",
            r#"{"id" 1}"#,
            "{,}",
        ][..],
    );
    prop_oneof![
        5 => record(table).prop_map(|sent| (sent, true)),
        1 => strange.prop_map(|json| (Sent::odd(json), false)),
    ]
    .boxed()
}

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
