//! No record breaks a picture.

use std::cell::Cell;

use humanapi_core::data::Record;
use humanapi_core::data::medical::TestResult;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Moments as they are sent, and such as nobody can mean.
fn moment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_i64..2_000_000_000).prop_map(|second| {
            Timestamp::from_second(second).expect("jiff knows these years").to_string()
        }),
        2 => (-377_705_023_201_i64..253_402_207_200).prop_map(|second| {
            Timestamp::from_second(second).expect("jiff knows these years").to_string()
        }),
        1 => prop::sample::select(vec![
            "2026-01-01", "0001-01-01T00:00:00Z", "9999-12-30T00:00:00Z", "2014", "2014-00-00", "NaN", "", "1e9",
        ]).prop_map(str::to_owned),
    ]
}

/// Numbers, bounds, and what only looks like one.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0_u32..3000).prop_map(|tenths| format!("{}", f64::from(tenths) / 10.0)),
        2 => any::<f64>().prop_map(|number| format!("{number:e}")),
        2 => prop::sample::select(vec![
            "0", "-0", "1e15", "-1e15", "1.0000000000000001e15", "1e-308", "1e308", "1e999", "NaN", "inf", "-Infinity",
            "<10", ">= 1e14", "≤0", "120/80", "1,234", "Negative", "7 mg/dL", "5 $x$", "",
        ]).prop_map(str::to_owned),
    ]
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => prop::sample::select(vec!["ALT", "mg/dL", "%", "$a$", "</svg>", "\u{202e}", ""]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-zà-ÿ漢 $\\\\{}_^]{0,300}",
    ]
}

fn record() -> impl Strategy<Value = String> {
    let component = (words(), value(), words(), value(), value()).prop_map(
        |(name, value, unit, low, high)| {
            serde_json::json!({"name": name, "value": value, "unit": unit, "low": low, "high": high})
        },
    );
    (words(), moment(), prop::collection::vec(component, 0..4)).prop_map(
        |(source, when, components)| {
            serde_json::json!({"source": source, "resultDateTime": when, "components": components})
                .to_string()
        },
    )
}

/// What a reader of XML may not meet, and what is no number.
fn is_sound(svg: &str) -> Result<(), TestCaseError> {
    prop_assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{svg}");
    prop_assert!(!svg.contains(char::is_control), "{svg:?}");
    for wrong in [
        "=\"NaN", "=\"inf", "=\"-inf", ",NaN", " NaN", "\u{fffe}", "\u{ffff}", "<script",
    ] {
        prop_assert!(!svg.contains(wrong), "{wrong}: {svg}");
    }
    let (opened, closed) = (svg.matches("<text").count(), svg.matches("</text>").count());
    prop_assert_eq!(opened, closed);
    Ok(())
}

#[test]
fn no_record_breaks_a_picture() {
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    let cases = if deep { 5_000 } else { 60 };
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let records = (
        prop_oneof![3 => prop::collection::vec(record(), 0..12), 1 => prop::collection::vec(record(), 0..200)],
        240_u16..900,
        240_u16..500,
        any::<bool>(),
    );
    let drawn = Cell::new(0);
    runner
        .run(&records, |(records, width, height, is_dark)| {
            let mut plot = Plot::new("test_results");
            for json in &records {
                let record = Record::from_sent(json.clone(), TestResult::FIELDS);
                plot.note(&record.map_err(|error| TestCaseError::fail(error.to_string()))?);
            }
            let canvas = Canvas::wide().with_size(width, height);
            let theme = if is_dark { Theme::Dark } else { Theme::Light };
            let canvas = canvas.with_theme(theme);
            let measured = plot.measured();
            let names: Vec<&str> = measured
                .iter()
                .map(|measured| measured.name.as_str())
                .collect();
            let firsts = names.get(..names.len().min(3)).unwrap_or_default();
            let chosen = firsts
                .iter()
                .map(std::slice::from_ref)
                .chain([&[][..], firsts]);
            for measures in chosen {
                let Ok(picture) = plot.picture(measures, canvas) else {
                    continue;
                };
                drawn.set(drawn.get() + 1);
                is_sound(&picture.svg())?;
                prop_assert!(!picture.terminal(80, 24).is_empty());
            }
            // Dots take their time.
            if let Ok(picture) = plot.picture(&[], Canvas::wide().with_size(240, 240)) {
                let png = picture.png();
                prop_assert!(png.is_ok_and(|png| png.starts_with(b"\x89PNG")));
            }
            Ok(())
        })
        .expect("no record breaks a picture");
    assert!(
        drawn.get() > cases,
        "hardly a picture was drawn: {}",
        drawn.get()
    );
}
