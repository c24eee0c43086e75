//! What is on a picture, and what is said of what is not.

use humanapi_core::data::medical::TestResult;
use humanapi_core::data::{Activity, BloodPressure, HeartRate};

use super::*;

fn heart_rates(lines: &[(&str, &str)]) -> Plot {
    let mut plot = Plot::new("heart_rate");
    for (moment, value) in lines {
        let json = format!(
            r#"{{"timestamp":"{moment}","value":{value},"unit":"bpm","source":"<&strider>"}}"#
        );
        plot.note(&HeartRate::from_json(json).unwrap());
    }
    plot
}

#[test]
fn each_value_is_one_sign() {
    let lines = [
        ("2026-01-01T00:00:00Z", "60"),
        ("2026-01-02T00:00:00Z", "61.5"),
        ("2026-01-03T00:00:00Z", "59"),
    ];
    let picture = heart_rates(&lines).picture(&[], Canvas::wide()).unwrap();
    assert!(picture.png().unwrap().starts_with(b"\x89PNG"));
    let svg = picture.svg();
    // One more in the legend.
    assert_eq!(svg.matches("<circle").count(), lines.len() + 1, "{svg}");
    assert_eq!(picture.title(), "Heart rate");
    assert!(picture.notes().is_empty());
    assert!(svg.contains(">bpm</text>"));
    assert!(svg.contains("&lt;&amp;strider&gt;") && !svg.contains("<&"));
}

#[test]
fn what_cannot_be_drawn_is_told() {
    let lines = [
        ("2026-01-01T00:00:00Z", "60"),
        ("some day", "61"),
        ("2026-01-02T00:00:00Z", "1e300"),
    ];
    let mut plot = heart_rates(&lines);
    let other = r#"{"timestamp":"2026-01-03T00:00:00Z","value":1,"unit":"Hz"}"#;
    plot.note(&HeartRate::from_json(other).unwrap());
    let picture = plot.picture(&["VALUE"], Canvas::narrow()).unwrap();
    assert_eq!(
        picture.notes(),
        ["not drawn: 1 without a day, 1 too large for an axis, 1 in another unit",]
    );
    assert_eq!(plot.measured()[0].values, 3);
}

#[test]
fn names_in_another_case_are_the_same_and_what_is_no_number_is_told() {
    let mut plot = Plot::new("test_results");
    for (day, source, name, value, unit) in [
        (1, "Sandbox Clinic", "Glucose", r#""90""#, "mg/dL"),
        (2, "SANDBOX CLINIC", "GLUCOSE", r#""95""#, "mg/dL"),
        (3, "sandbox clinic", "glucose", r#""negative""#, ""),
        // A unit in another case may be another unit.
        (4, "sandbox clinic", "Glucose", r#""99""#, "mg/dl"),
        (5, "sandbox clinic", "glucose", r#""""#, "mg/dL"),
        (6, "sandbox clinic", "Colour", r#""yellow""#, ""),
    ] {
        let json = format!(
            r#"{{"resultDateTime":"2026-01-0{day}","organization":{{"name":"{source}"}},
                "components":[{{"name":"{name}","value":{value},"unit":"{unit}"}},{{"name":"ALT","value":"3"}}]}}"#
        );
        plot.note(&TestResult::from_json(json).unwrap());
    }
    let picture = plot.picture(&["GLUCOSE"], Canvas::wide()).unwrap();
    assert_eq!(
        picture.notes(),
        ["not drawn: 1 in another unit, 1 no number"]
    );
    let svg = picture.svg();
    assert_eq!(svg.matches(">Sandbox Clinic</text>").count(), 1, "{svg}");
    // One more in the legend.
    assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
    let mut rates = heart_rates(&[
        ("2026-01-01T00:00:00Z", "60"),
        ("2026-01-02T00:00:00Z", r#""fast""#),
        ("2026-01-03T00:00:00Z", "[60]"),
        ("2026-01-04T00:00:00Z", "null"),
    ]);
    let json =
        r#"{"timestamp":"2026-01-05T00:00:00Z","value":70,"unit":"bpm","source":"<&STRIDER>"}"#;
    rates.note(&HeartRate::from_json(json).unwrap());
    let picture = rates.picture(&[], Canvas::wide()).unwrap();
    assert_eq!(picture.notes(), ["not drawn: 2 no number"]);
    assert_eq!(picture.svg().matches("<circle").count(), 3);
}

#[test]
fn a_bound_is_hollow_and_what_is_usual_is_shaded() {
    let mut plot = Plot::new("medical/test_results");
    for (day, value, high) in [(1, "<10", 40), (2, "35", 42), (3, "44.0", 42)] {
        let json = format!(
            r#"{{"resultDateTime":"2026-01-0{day}","components":[
                {{"name":"ALT","value":"{value}","unit":"U/L","low":"7","high":"{high}"}},
                {{"name":"Remark","value":"see report"}}]}}"#
        );
        plot.note(&TestResult::from_json(json).unwrap());
    }
    assert_eq!(plot.measured().len(), 1);
    let picture = plot.picture(&["alt"], Canvas::wide()).unwrap();
    assert_eq!(picture.title(), "Medical test results: ALT");
    assert_eq!(picture.notes(), ["hollow signs are bounds, such as <10"]);
    let svg = picture.svg();
    assert!(svg.to_lowercase().contains("#009e73"), "{svg}");
    assert!(svg.contains(">usual: 7 to 42</text>"), "{svg}");
    let told = "<desc>3 values from 01 Jan 2026 to 03 Jan 2026, from 10 to 44 U/L; usual, by the latest record: 7 to 42; hollow";
    assert!(svg.contains(told), "{svg}");
    assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
    assert!(svg.contains("fill-opacity=\"0\""), "{svg}");
}

#[test]
fn measures_of_one_unit_share_a_picture_and_of_two_do_not() {
    let mut plot = Plot::new("blood_pressure");
    let json =
        r#"{"timestamp":"2026-01-01T00:00:00Z","systolic":120,"diastolic":80,"heartRate":60}"#;
    plot.note(&BloodPressure::from_json(json).unwrap());
    let both = plot.picture(&["systolic", "diastolic", "systolic"], Canvas::wide());
    assert_eq!(both.unwrap().title(), "Blood pressure: systolic, diastolic");
    let error = |measures: &[&str]| plot.picture(measures, Canvas::wide()).unwrap_err();
    assert_eq!(error(&["systolic", "heartRate"]), PlotError::TwoUnits);
    assert_eq!(error(&["shoe size"]), PlotError::Unknown);
}

#[test]
fn where_nothing_is_there_is_no_picture() {
    let empty = Plot::new("activities").picture(&[], Canvas::wide());
    assert_eq!(empty.unwrap_err(), PlotError::Nothing);
    let mut plot = Plot::new("activities");
    plot.note(&Activity::from_json(r#"{"distance": 3, "startTime": "2014"}"#).unwrap());
    let undated = plot.picture(&[], Canvas::wide());
    assert_eq!(undated.unwrap_err(), PlotError::Nothing);
}

#[test]
fn many_values_are_means_with_what_lies_around_them() {
    let mut plot = Plot::new("heart_rate");
    for hour in 0..20_000_i64 {
        let moment = Timestamp::from_second(1_700_000_000 + hour * 3600).unwrap();
        let json = format!(
            r#"{{"timestamp":"{moment}","value":{},"unit":"bpm"}}"#,
            60 + hour % 37
        );
        plot.note(&HeartRate::from_json(json).unwrap());
    }
    let picture = plot.picture(&[], Canvas::narrow()).unwrap();
    assert!(picture.notes()[0].starts_with("lines are means"));
    let svg = picture.svg();
    assert_eq!(svg.matches("<circle").count(), 0);
    assert!(svg.len() < 40_000, "{}", svg.len());
}

#[test]
fn each_source_has_a_colour_and_a_sign_and_a_crowd_shares_one() {
    let mut plot = Plot::new("weight");
    for source in 0..200_i64 {
        // The first ones have the most values.
        for day in 0..=(200 - source) / 20 {
            let moment = Timestamp::from_second(day * 86_400).unwrap();
            plot.add(
                "value",
                Some("kg"),
                &format!("scale {source:03}"),
                moment,
                70.0,
            );
        }
    }
    for theme in [Theme::Light, Theme::Dark] {
        let canvas = Canvas::narrow().with_theme(theme);
        let svg = plot.picture(&[], canvas).unwrap().svg();
        for told in ["scale 000", "scale 005", "194 other sources"] {
            assert!(svg.contains(&format!(">{told}</text>")), "{told}: {svg}");
        }
        assert!(!svg.contains("scale 006"), "{svg}");
    }
}

#[test]
fn a_medical_record_is_of_the_organization_that_wrote_it() {
    let mut plot = Plot::new("test_results");
    let json = r#"{"source":"5f00","organization":{"name":"Sandbox Clinic"},"resultDateTime":"2026-01-01",
        "components":[{"name":"ALT","value":"3","unit":"U/L","low":"9","high":"1"}]}"#;
    plot.note(&TestResult::from_json(json).unwrap());
    let picture = plot.picture(&[], Canvas::wide()).unwrap();
    assert!(picture.svg().contains(">Sandbox Clinic</text>"));
    // Nothing lies between nine and one.
    assert!(picture.notes().is_empty());
}

#[test]
fn names_from_elsewhere_neither_steer_nor_become_formulas() {
    let mut plot = Plot::new("<&\u{7}>");
    let source = "$\\frac{a}{b}$ \u{1b}[2J\u{202e}</text><script>";
    plot.add(
        "a$b$\n\u{fffe}",
        Some("$\\alpha$"),
        source,
        Timestamp::UNIX_EPOCH,
        1.0,
    );
    let picture = plot.picture(&[], Canvas::wide()).unwrap();
    assert_eq!(picture.title(), "<&>: a$b$");
    let svg = picture.svg();
    for told in [
        "<title>&lt;&amp;&gt;: a$b$</title>",
        ">$\\frac{a}{b}$ [2J&lt;/text&gt;&lt;script&gt;</text>",
        ">$\\alpha$</text>",
    ] {
        assert!(svg.contains(told), "{told}: {svg}");
    }
    assert!(
        !svg.contains("<script") && !svg.contains(char::is_control),
        "{svg}"
    );
}

#[test]
fn the_same_records_give_the_same_text() {
    let draw = || heart_rates(&[("2026-01-01T00:00:00Z", "60")]).picture(&[], Canvas::wide());
    assert_eq!(draw().unwrap().svg(), draw().unwrap().svg());
    // Names within a page of several pictures would clash.
    assert!(!draw().unwrap().svg().contains(" id="));
}

#[test]
fn debug_tells_nothing_of_health() {
    let plot = heart_rates(&[("2026-01-01T00:00:00Z", "61.5")]);
    let picture = plot.picture(&[], Canvas::wide()).unwrap();
    assert_eq!(
        format!("{plot:?} {picture:?} {:?}", plot.measured()),
        "Plot(1 records) Picture(…) [Measured(1 values)]"
    );
}
