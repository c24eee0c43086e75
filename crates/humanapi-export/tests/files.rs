//! Files hold what was sent: as it was sent, and by columns that no record changes.

use std::io::{self, Write};

use humanapi_core::data::medical::{DeprecatedResult, Immunization, Medication, Vitals};
use humanapi_core::data::{Activity, Sleep, Table};
use humanapi_export::{Columns, Format, Row, User, WriteError};
use jiff::Timestamp;

fn read_at() -> Timestamp {
    "2026-03-01T10:00:00.123456Z"
        .parse()
        .expect("it is a moment")
}

fn written<T: Table>(format: Format, records: &[T]) -> Vec<u8> {
    let user = User::new("patient-17");
    let mut file = Vec::new();
    let mut sink = format
        .begin(&Columns::of(T::FIELDS), &mut file)
        .expect("memory takes it");
    for record in records {
        sink.write(&Row::new(&user, read_at(), record))
            .expect("memory takes it");
    }
    sink.finish().expect("memory takes it");
    file
}

fn text(file: Vec<u8>) -> String {
    String::from_utf8(file).expect("it is text")
}

/// A cell of a file of comma-separated values, by the name of its column.
fn cell(csv: &str, row: usize, column: &str) -> String {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names = reader.headers().expect("there are some").clone();
    let place = names
        .iter()
        .position(|name| name == column)
        .expect("there is such a column");
    let record = reader
        .records()
        .nth(row)
        .expect("there are so many rows")
        .expect("it is CSV");
    record[place].to_owned()
}

#[test]
fn a_line_is_the_record_as_it_was_sent() {
    let sent =
        "{\"id\":\"a\\u0041\",\r\n \"distance\" : 1.10,\"x\":\"\u{2028}\u{85}\\ud83d \\\"\\\\\"\n}";
    let activity = Activity::from_json(sent.to_owned().into_bytes()).unwrap();
    let line = text(written(Format::Ndjson, &[activity]));
    let expected =
        "{\"id\":\"a\\u0041\",   \"distance\" : 1.10,\"x\":\"\u{2028}\u{85}\\ud83d \\\"\\\\\" }\n";
    assert_eq!(line, expected);
}

/// The reader keeps what is no JSON, and a file of JSON has to be readable all the same.
#[test]
fn a_record_that_is_no_json_is_a_text_that_says_what_was_sent() {
    let sent: [&[u8]; 3] = [
        b"{\"id\":\"a\",\n\"distance\":NaN}",
        b"{\"id\":\"b\",\"note\":\"\xff\"}",
        b"{\"id\":\"c\",\"note\":\"one\ntwo\"}",
    ];
    let records = sent.map(|json| Activity::from_json(json.to_vec()).unwrap());
    let lines = text(written(Format::Ndjson, &records));
    assert_eq!(lines.lines().count(), 3, "{lines}");
    for (line, sent) in lines.lines().zip(sent) {
        let told: String = serde_json::from_str(line).unwrap();
        assert_eq!(told, String::from_utf8_lossy(sent));
    }
}

#[test]
fn an_envelope_tells_whose_a_record_is_and_holds_it_as_it_was_sent() {
    let user = User::new("a\"b");
    let sent = "{\"id\":\"a1\",\n\"distance\": 1.10}";
    let record = Activity::from_json(sent.to_owned()).unwrap();
    let mut file = Vec::new();
    let mut sink = Format::Envelope
        .begin(&Columns::of(Activity::FIELDS), &mut file)
        .unwrap();
    let row = Row::new(&user, read_at(), &record);
    sink.write(&row.with_resource("activities")).unwrap();
    sink.write(&row).unwrap();
    sink.finish().unwrap();
    let record = r#""record":{"id":"a1", "distance": 1.10}"#;
    let read_at = r#""_read_at":"2026-03-01T10:00:00.123456Z""#;
    let expected = format!(
        "{{\"_user\":\"a\\\"b\",\"_resource\":\"activities\",{read_at},{record}}}\n{{\"_user\":\"a\\\"b\",{read_at},{record}}}\n"
    );
    assert_eq!(text(file), expected);
}

#[test]
fn values_stay_what_they_are_in_a_csv_file() {
    let results = [
        r#"{"name": "=HYPERLINK(\"https://x.test\",\"a\")", "value": "<10 IntlUnit/mL"}"#,
        r#"{"name": "a,b \"c\"\r\nd", "value": "-3.5", "resultDateTime": "2007"}"#,
        r#"{"name": ["odd"], "value": "1,234", "resultDateTime": "2014-03-10"}"#,
    ];
    let results = results.map(|json| DeprecatedResult::from_json(json).unwrap());
    let csv = text(written(Format::Csv, &results));
    assert!(csv.lines().next().unwrap().starts_with("_user,_read_at,"));
    let is =
        |row, column, expected: &str| assert_eq!(cell(&csv, row, column), expected, "{column}");
    is(0, "_user", "patient-17");
    is(0, "_read_at", "2026-03-01T10:00:00.123456Z");
    is(0, "name", "'=HYPERLINK(\"https://x.test\",\"a\")");
    is(0, "value", "<10 IntlUnit/mL");
    is(0, "value_comparator", "<");
    is(0, "value_number", "10");
    is(0, "value_unit", "IntlUnit/mL");
    is(1, "name", "a,b \"c\"\r\nd");
    is(1, "value", "-3.5");
    is(1, "value_number", "-3.5");
    is(1, "resultDateTime", "2007");
    is(1, "resultDateTime_day", "");
    is(2, "name", "");
    is(2, "value", "1,234");
    is(2, "value_number", "");
    is(2, "resultDateTime_day", "2014-03-10");
}

#[test]
fn a_file_takes_records_of_its_own_kind_alone() {
    let user = User::new("patient-17");
    let sleep = Sleep::from_json("{}").unwrap();
    for format in Format::ALL
        .iter()
        .filter(|format| format.extension() != "ndjson")
    {
        let mut sink = format
            .begin(&Columns::of(Activity::FIELDS), io::sink())
            .unwrap();
        let refused = sink.write(&Row::new(&user, read_at(), &sleep));
        assert!(matches!(refused, Err(WriteError::OtherKind)), "{format}");
    }
}

#[test]
fn a_disk_that_is_full_is_told_and_nothing_of_a_record_is() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::StorageFull, "canary"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::Error::new(io::ErrorKind::StorageFull, "canary"))
        }
    }
    let user = User::new("canary-user");
    let record = Activity::from_json(r#"{"id":"canary-record"}"#).unwrap();
    for format in Format::ALL {
        let written = || -> Result<(), WriteError> {
            let mut sink = format.begin(&Columns::of(Activity::FIELDS), Full)?;
            sink.write(&Row::new(&user, read_at(), &record))?;
            sink.finish()
        };
        let error = written().unwrap_err();
        let is_full =
            matches!(&error, WriteError::Io(error) if error.kind() == io::ErrorKind::StorageFull);
        assert!(is_full, "{format}: {error:?}");
        assert_eq!(error.to_string(), "the file could not be written");
    }
    let shown = format!("{user:?} {:?}", Row::new(&user, read_at(), &record));
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn a_format_is_known_by_its_name() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(*format));
        assert!(format.name().starts_with(format.extension()));
    }
    let error = "xlsx".parse::<Format>().unwrap_err();
    assert!(
        error.to_string().contains("ndjson, ndjson-envelope, csv"),
        "{error}"
    );
}

#[cfg(feature = "parquet")]
mod of_columns {
    use std::sync::Arc;

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Date32Type, Float64Type, TimestampMicrosecondType};
    use arrow_array::{Array as _, RecordBatch};
    use arrow_ipc::reader::StreamReader;
    use humanapi_core::data::ROUTES;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn batches(format: Format, file: Vec<u8>) -> Vec<RecordBatch> {
        match format {
            Format::Parquet => {
                let file = bytes::Bytes::from(file);
                let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("it is Parquet");
                let batches = reader.build().expect("its rows can be read");
                batches.map(Result::unwrap).collect()
            }
            Format::Arrow => {
                let reader = StreamReader::try_new(file.as_slice(), None).expect("it is Arrow");
                reader.map(Result::unwrap).collect()
            }
            _ => panic!("{format} has no columns with types"),
        }
    }

    const FORMATS: [Format; 2] = [Format::Parquet, Format::Arrow];

    #[test]
    fn columns_hold_what_the_accessors_read_and_the_record_beside_them() {
        let sent = [
            r#"{"id":"a1","startTime":"2021-06-01T07:30:00.000Z","distance":1.10,"steps":3}"#,
            r#"{"id":7,"startTime":"soon","distance":"2.5","steps":"many","mood":"fine"}"#,
        ];
        let activities = sent.map(|json| Activity::from_json(json).unwrap());
        for format in FORMATS {
            let read = batches(format, written(format, &activities));
            let [batch] = read.as_slice() else {
                panic!("{} batches", read.len());
            };
            let column = |name| batch.column_by_name(name).unwrap();
            assert_eq!(column("id").as_string::<i32>().value(1), "7");
            let distance = column("distance").as_primitive::<Float64Type>();
            assert_eq!((distance.value(0), distance.value(1)), (1.1, 2.5));
            let steps = column("steps").as_primitive::<Float64Type>();
            assert_eq!((steps.value(0), steps.is_null(1)), (3.0, true));
            let start = column("startTime").as_primitive::<TimestampMicrosecondType>();
            assert_eq!(
                (start.value(0), start.is_null(1)),
                (1_622_532_600_000_000, true)
            );
            let record = column("_record").as_string::<i32>();
            assert_eq!((record.value(0), record.value(1)), (sent[0], sent[1]));
            let read_at = column("_read_at").as_primitive::<TimestampMicrosecondType>();
            assert_eq!(read_at.value(0), super::read_at().as_microsecond());
        }
    }

    /// The quantities are in lists within lists.
    #[test]
    fn lists_of_records_are_columns_with_columns_of_their_own() {
        let sent = [
            r#"{"id":"v1","codes":[],"results":[
                {"name":"Blood pressure","values":[{"name":"systolic","value":"121","unit":"mm[Hg]"},{"name":"diastolic"}]},
                {"name":"Pulse"}]}"#,
            r#"{"id":"v2","results":"none","codes":[{"code":"85354-9"},7,null]}"#,
            r#"{"id":"v3"}"#,
        ];
        let records = sent.map(|json| Vitals::from_json(json).unwrap());
        for format in FORMATS {
            let read = batches(format, written(format, &records));
            let results = read[0].column_by_name("results").unwrap().as_list::<i32>();
            let nulls: Vec<bool> = (0..3).map(|row| results.is_null(row)).collect();
            assert_eq!(nulls, [false, true, true]);
            let first = results.value(0);
            let first = first.as_struct();
            let names = first.column_by_name("name").unwrap().as_string::<i32>();
            assert_eq!(
                (names.value(0), names.value(1)),
                ("Blood pressure", "Pulse")
            );
            let values = first.column_by_name("values").unwrap().as_list::<i32>();
            assert_eq!((values.value_length(0), values.is_null(1)), (2, true));
            let values = values.value(0);
            let values = values.as_struct();
            let unit = values.column_by_name("unit").unwrap().as_string::<i32>();
            assert_eq!((unit.value(0), unit.is_null(1)), ("mm[Hg]", true));
            let codes = read[0].column_by_name("codes").unwrap().as_list::<i32>();
            let lengths: Vec<i32> = (0..3).map(|row| codes.value_length(row)).collect();
            assert_eq!(lengths, [0, 1, 0], "what is no code is in the record");
        }
        // CSV has no lists.
        let csv = text(written(Format::Csv, &records));
        assert_eq!(cell(&csv, 1, "codes"), r#"[{"code":"85354-9"},7,null]"#);
    }

    #[test]
    fn lists_of_texts_are_columns_of_texts() {
        let sent = [
            r#"{"dates":["2014","2015-03-10",7]}"#,
            r#"{"dates":[]}"#,
            r#"{"dates":null}"#,
        ];
        let records = sent.map(|json| Immunization::from_json(json).unwrap());
        for format in FORMATS {
            let read = batches(format, written(format, &records));
            let dates = read[0].column_by_name("dates").unwrap().as_list::<i32>();
            let first = dates.value(0);
            let texts: Vec<_> = first.as_string::<i32>().iter().flatten().collect();
            assert_eq!(texts[..2], ["2014", "2015-03-10"]);
            assert_eq!((dates.value_length(1), dates.is_null(2)), (0, true));
        }
    }

    #[test]
    fn a_date_is_as_precise_as_it_was_sent() {
        let dates = [
            "2007",
            "201403",
            "03/2014",
            "2014-00-00",
            "",
            "1969-12-31",
            "2014-03-10T23:30:00-08:00",
        ];
        let records = dates.map(|date| {
            Medication::from_json(format!(r#"{{"startDate":"{date}"}}"#).into_bytes()).unwrap()
        });
        for format in FORMATS {
            let read = batches(format, written(format, &records));
            let column = |name| read[0].column_by_name(name).unwrap();
            let (text, day) = (column("startDate"), column("startDate_day"));
            let text = text.as_string::<i32>();
            let day = day.as_primitive::<Date32Type>();
            assert_eq!(text.value(0), "2007");
            assert_eq!(text.value(1), "201403");
            assert_eq!(text.value(3), "2014-00-00");
            let days: Vec<_> = day.iter().collect();
            // The day that was written, whatever the time zone of this machine or of the text.
            assert_eq!(days, [None, None, None, None, None, Some(-1), Some(16_139)]);
        }
    }

    /// A year of drift is one table: no record changes the schema of its file.
    #[test]
    fn no_record_changes_the_schema_of_its_kind() {
        let odd = [
            "{}",
            r#"{"id":1,"distance":"far","source":"s","startTime":7,"new":{"a":[1]}}"#,
            r#"{"id":[],"distance":{},"source":null,"startTime":null}"#,
        ];
        for route in ROUTES.iter().filter(|route| !route.fields.is_empty()) {
            let columns = Columns::of(route.fields);
            for format in FORMATS {
                let mut file = Vec::new();
                let sink = format.begin(&columns, &mut file).unwrap();
                sink.finish().unwrap();
                // A file without records has the schema too.
                let schema = match format {
                    Format::Parquet => {
                        let file = bytes::Bytes::from(std::mem::take(&mut file));
                        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
                        Arc::clone(reader.schema())
                    }
                    _ => StreamReader::try_new(file.as_slice(), None)
                        .unwrap()
                        .schema(),
                };
                assert_eq!(schema.fields(), columns.schema().fields(), "{}", route.name);
            }
        }
        let records = odd.map(|json| Activity::from_json(json).unwrap());
        for format in FORMATS {
            let read = batches(format, written(format, &records));
            let expected = Columns::of(Activity::FIELDS).schema();
            assert_eq!(read[0].schema().fields(), expected.fields());
            assert_eq!(read[0].num_rows(), 3);
        }
    }

    #[test]
    fn no_row_group_is_larger_than_a_reader_should_hold() {
        let large = format!(r#"{{"id":"a","note":"{}"}}"#, "x".repeat(100_000));
        let record = Activity::from_json(large.into_bytes()).unwrap();
        let user = User::new("patient-17");
        let mut file = Vec::new();
        let mut sink = Format::Parquet
            .begin(&Columns::of(Activity::FIELDS), &mut file)
            .unwrap();
        for number in 0..1_000_u32 {
            // Not twice the same, which would be kept once.
            let note = format!(r#"{{"id":"{number}","note":"{}"}}"#, noise(number));
            let record = Activity::from_json(note.into_bytes()).unwrap();
            sink.write(&Row::new(&user, read_at(), &record)).unwrap();
        }
        sink.write(&Row::new(&user, read_at(), &record)).unwrap();
        sink.finish().unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap();
        let groups = reader.metadata().row_groups();
        assert!(groups.len() > 1);
        let most = groups
            .iter()
            .map(|group| group.total_byte_size())
            .max()
            .unwrap();
        assert!(most <= 36 * 1024 * 1024, "{most}");
        let rows: i64 = groups.iter().map(|group| group.num_rows()).sum();
        assert_eq!(rows, 1_001);
    }

    /// Letters that compress badly.
    fn noise(seed: u32) -> String {
        let mut state = u64::from(seed) + 1;
        let letter = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + ((state >> 33) % 26) as u8)
        };
        (0..100_000).map(letter).collect()
    }
}
