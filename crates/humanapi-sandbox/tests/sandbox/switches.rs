//! What the documentation of the data API leaves open: each switch shows in the answers.

use std::io::Read as _;

use http::Method;
use humanapi_sandbox::{Assumption, Persona};
use serde_json::{Value, json};

use crate::support::*;

/// A user of whom only what a test writes is known.
fn writer() -> (Offline, String) {
    let s = Offline::new();
    let token = s.access("u", &["pulseband", "sandbox_clinic", "strider"]);
    s.persona("u", Persona::Empty);
    (s, token)
}

fn insert(s: &Offline, resource: &str, fields: Value) {
    s.change(
        "u",
        json!({"change": "insert", "resource": resource, "fields": fields}),
    );
}

fn read(s: &Offline, token: &str, path: &str) -> (u16, Value) {
    let response = s.read(&format!("/v1/human/{path}"), token);
    (response.status().as_u16(), body(&response))
}

#[test]
fn pages_and_dates_of_lists() {
    let s = Offline::new();
    let count = |query: &str| {
        let (status, page) = read(&s, "demo", &format!("activities?{query}"));
        (status, page.as_array().map_or(0, Vec::len))
    };
    assert_eq!(count(""), (200, 50));
    s.assume(Assumption::DefaultLimit, "20");
    assert_eq!(count(""), (200, 20));
    assert_eq!(count("offset=10001").0, 200);
    s.assume(Assumption::GreatestOffset, "10000");
    assert_eq!(
        (count("offset=10000").0, count("offset=10001").0),
        (200, 400)
    );
    assert_eq!(count("start_date=2025-01-01").0, 200);
    s.assume(Assumption::DatesAlone, "refused");
    let (status, refusal) = read(&s, "demo", "activities?start_date=2025-01-01");
    assert_eq!(
        (status, &refusal["validation"]["keys"]),
        (400, &json!(["end_date"]))
    );
    let (status, refusal) = read(&s, "demo", "activities?end_date=2025-01-01");
    assert_eq!(
        (status, &refusal["validation"]["keys"]),
        (400, &json!(["start_date"]))
    );
    assert_eq!(count("start_date=2025-01-01&end_date=2025-01-02").0, 200);
}

#[test]
fn which_lists_have_pages() {
    let (s, token) = writer();
    for name in ["a", "b", "c"] {
        insert(&s, "medical/reports", json!({"name": name}));
        insert(&s, "medical/timeline", json!({"name": name}));
        insert(&s, "medical/issues", json!({"name": name}));
    }
    let counts = || {
        ["timeline", "reports", "issues"].map(|list| {
            let (_, page) = read(&s, &token, &format!("medical/{list}?limit=2"));
            page.as_array().unwrap().len()
        })
    };
    assert_eq!(counts(), [2, 3, 2]);
    s.assume(Assumption::UncertainPages, "all");
    assert_eq!(counts(), [2, 2, 2]);
    s.assume(Assumption::UncertainPages, "none");
    assert_eq!(counts(), [3, 3, 2]);
}

#[test]
fn the_day_of_a_record_and_where_it_is_asked_for() {
    let (s, token) = writer();
    // One in the morning of the 15th by the user's clock is the 14th in London.
    let fields = json!({"timestamp": "2026-01-15T09:00:00.000Z", "tzOffset": "+10:00", "value": 1});
    insert(&s, "weight", fields);
    let on = |day: &str| {
        let by_path = read(&s, &token, &format!("weight/readings/daily/{day}")).1;
        let directly = read(&s, &token, &format!("weight/readings/{day}")).1;
        let filtered = read(
            &s,
            &token,
            &format!("weight/readings?start_date={day}&end_date={day}"),
        )
        .1;
        assert_eq!((&by_path, &directly), (&filtered, &filtered), "{day}");
        filtered.as_array().unwrap().len()
    };
    // What was written counts as local: nine o'clock on the 15th.
    assert_eq!((on("2026-01-14"), on("2026-01-15")), (0, 1));
    s.assume(Assumption::DayBoundary, "utc");
    assert_eq!((on("2026-01-14"), on("2026-01-15")), (1, 0));
    s.assume(Assumption::DailyPaths, "404");
    assert_eq!(read(&s, &token, "weight/readings/daily/2026-01-14").0, 404);
    assert_eq!(read(&s, &token, "activities/daily/2026-01-14").0, 404);
    assert_eq!(read(&s, &token, "activities").0, 200);

    let id = read(&s, &token, "weight").1["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for path in [format!("weight/{id}"), format!("weight/readings/{id}")] {
        assert_eq!(read(&s, &token, &path).0, 200, "{path}");
    }
    s.assume(Assumption::OldPaths, "404");
    assert_eq!(read(&s, &token, &format!("weight/{id}")).0, 404);
    assert_eq!(read(&s, &token, &format!("weight/readings/{id}")).0, 200);
    assert_eq!(read(&s, &token, "activities/summary").0, 404);
}

#[test]
fn the_summary_of_a_day_with_several_sources() {
    let (s, token) = writer();
    for source in ["strider", "pulseband"] {
        let other = if source == "strider" {
            "pulseband"
        } else {
            "strider"
        };
        s.disconnect("u", other);
        s.connect("u", source);
        insert(
            &s,
            "sleeps/summaries",
            json!({"date": "2026-01-15", "of": source}),
        );
        s.connect("u", other);
        let control = s.sandbox.control();
        control
            .advance_clock(std::time::Duration::from_secs(1))
            .unwrap();
    }
    for path in [
        "sleeps/summaries/2026-01-15",
        "sleeps/summary/2026-01-15",
        "sleeps/summary",
    ] {
        let (status, one) = read(&s, &token, path);
        assert_eq!(
            (status, &one["of"]),
            (200, &json!("pulseband")),
            "{path}: it changed last"
        );
    }
    let of = |source: &str| {
        read(
            &s,
            &token,
            &format!("sleeps/summaries/2026-01-15?source={source}"),
        )
    };
    assert_eq!(of("strider").1["of"], "strider");
    assert_eq!(of("nobody").0, 404);
    assert_eq!(read(&s, &token, "sleeps/summaries/2026-01-14").0, 404);
    let all = read(&s, &token, "sleeps/summaries").1;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let id = all[1]["id"].as_str().unwrap();
    assert_eq!(
        read(&s, &token, &format!("sleeps/summaries/{id}")).1,
        all[1]
    );
    assert_eq!(read(&s, &token, "sleeps/summary/today").0, 404);
    s.assume(Assumption::SummaryOfDay, "array");
    assert_eq!(read(&s, &token, "sleeps/summaries/2026-01-15").1, all);
}

#[test]
fn what_stands_in_the_place_of_nothing() {
    let (s, token) = writer();
    assert_eq!(read(&s, &token, "weight"), (200, json!({})));
    assert_eq!(read(&s, &token, "medical/profile").0, 404);
    s.assume(Assumption::NoLatest, "404");
    s.assume(Assumption::NoMedicalProfile, "empty-object");
    assert_eq!(read(&s, &token, "weight").0, 404);
    assert_eq!(read(&s, &token, "medical/profile"), (200, json!({})));
    insert(
        &s,
        "medical/profile",
        json!({"smoking": {"status": "never"}}),
    );
    assert_eq!(
        read(&s, &token, "medical/profile").1["smoking"]["status"],
        "never"
    );
}

#[test]
fn fields_that_nobody_is_sure_of() {
    let (s, token) = writer();
    let first = |path: &str| read(&s, &token, path).1[0].clone();
    insert(
        &s,
        "medical/instructions",
        json!({"name": "Rest", "text": "Long", "dateTime": "2019-06-03T09:15:00.000Z"}),
    );
    insert(
        &s,
        "food/meals",
        json!({"amount": {"unit": "g", "amount": 90}}),
    );
    insert(
        &s,
        "medical/reports",
        json!({"name": "unity", "providerIds": []}),
    );

    assert_eq!(
        first("medical/instructions")["dateTime"],
        "2019-06-03T09:15:00.000Z"
    );
    s.assume(Assumption::MedicalDates, "javascript");
    let date = "Mon Jun 03 2019 09:15:00 GMT+0000 (UTC)";
    assert_eq!(first("medical/instructions")["dateTime"], date);
    s.assume(Assumption::AssumedFields, "name-only");
    let lean = first("medical/instructions");
    let names: Vec<_> = lean.as_object().unwrap().keys().collect();
    assert_eq!(names, ["createdAt", "id", "name", "source", "updatedAt"]);

    assert_eq!(
        first("food/meals")["amount"],
        json!({"unit": "g", "amount": 90})
    );
    s.assume(Assumption::MealAmount, "value");
    assert_eq!(
        first("food/meals")["amount"],
        json!({"unit": "g", "value": 90})
    );
    s.assume(Assumption::MealAmount, "unit-only");
    assert_eq!(first("food/meals")["amount"], json!({"unit": "g"}));

    assert!(first("medical/reports").get("providerIds").is_some());
    s.assume(Assumption::ReportItem, "lean");
    let lean = first("medical/reports");
    let names: Vec<_> = lean.as_object().unwrap().keys().collect();
    assert_eq!(names, ["createdAt", "id", "name"]);

    insert(
        &s,
        "medical/organizations",
        json!({"name": "Elsewhere", "phone": "none"}),
    );
    let phone = || {
        let all = read(&s, &token, "medical/organizations").1;
        let all = all.as_array().unwrap().clone();
        all.iter()
            .any(|one| one.get("phone") == Some(&json!("none")))
    };
    assert!(phone());
    s.assume(Assumption::OrganizationFields, "lean");
    assert!(!phone());

    assert_eq!(first("food/meals")["source"], "pulseband");
    s.assume(Assumption::WellnessSource, "id");
    assert_eq!(first("food/meals")["source"], "65a0f3c2d4b1e09876540006");
}

#[test]
fn values_of_a_time_series_with_their_times() {
    let s = Offline::new();
    let series = || {
        let (_, all) = read(
            &s,
            "demo",
            "activities?limit=500&time_series=true&source=pulseband",
        );
        let with = all
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one.get("timeSeries").is_some());
        with.unwrap()["timeSeries"]["heartRate"].clone()
    };
    let indexed = series();
    assert_eq!(indexed["type"], "indexed");
    let values = indexed["values"].as_array().unwrap();
    s.assume(Assumption::TimeSeries, "timestamped-pairs");
    let pairs = series();
    assert_eq!(
        (&pairs["type"], pairs.get("intervalInMillis")),
        (&json!("timestamped"), None)
    );
    assert_eq!(pairs["values"][1], json!([60_000, values[1]]));
    s.assume(Assumption::TimeSeries, "timestamped-objects");
    assert_eq!(
        series()["values"][1],
        json!({"timestamp": 60_000, "value": values[1]})
    );
}

#[test]
fn genotypes_need_places_and_may_be_one_object() {
    let s = Offline::new();
    let (status, refusal) = read(&s, "demo", "genetic/genotypes");
    assert_eq!(
        (status, &refusal["validation"]["keys"]),
        (400, &json!(["locations"]))
    );
    assert_eq!(read(&s, "demo", "genetic/genotypes?locations=+").0, 400);
    assert_eq!(
        read(&s, "demo", "genetic/genotypes?locations=nothing"),
        (200, json!([]))
    );
    s.assume(Assumption::Genotypes, "object");
    assert_eq!(
        read(&s, "demo", "genetic/genotypes?locations=nothing"),
        (200, json!({}))
    );
}

#[test]
fn documents_that_are_not_ready_and_formats_that_there_are_not() {
    let (s, token) = writer();
    insert(&s, "medical/ccds", json!({"author": "Dana Placeholder"}));
    insert(&s, "medical/reports", json!({"name": "unity"}));
    let id = |list: &str| {
        let all = read(&s, &token, &format!("medical/{list}")).1;
        all[0]["id"].as_str().unwrap().to_owned()
    };
    let ccd = id("ccds");
    assert_eq!(
        read(&s, &token, &format!("medical/ccds/{ccd}")).1["author"],
        "Dana Placeholder"
    );
    s.assume(Assumption::CcdById, "404");
    assert_eq!(read(&s, &token, &format!("medical/ccds/{ccd}")).0, 404);
    s.assume(Assumption::RawCcd, "not-ready");
    let (status, refusal) = read(&s, &token, &format!("medical/ccds/{ccd}/raw"));
    assert_eq!(
        (status, &refusal["message"]),
        (404, &json!("the document is not ready"))
    );
    let report = id("reports");
    for format in ["xml", "PDF", ""] {
        let (status, refusal) = read(
            &s,
            &token,
            &format!("medical/reports/{report}/raw?format={format}"),
        );
        assert_eq!(
            (status, &refusal["validation"]["keys"]),
            (400, &json!(["format"])),
            "{format}"
        );
    }
}

#[test]
fn how_far_a_medical_source_is() {
    let s = Offline::new();
    let token = s.access("u", &["strider", "sandbox_clinic"]);
    let status = || {
        let (_, sources) = read(&s, &token, "sources");
        assert_eq!(
            sources[0].get("syncStatus"),
            None,
            "wellness sources tell nothing"
        );
        let status = &sources[1]["syncStatus"];
        [&status["status"], &status["details"]].map(|text| text.as_str().unwrap().to_owned())
    };
    assert_eq!(status(), ["ok", "ok"]);
    for (value, expected) in [
        ("in-progress", ["inProgress", "ok"]),
        ("no-data-available", ["noDataAvailable", "ok"]),
        ("error", ["error", "invalid_credentials"]),
    ] {
        s.assume(Assumption::SyncStatus, value);
        assert_eq!(status(), expected);
    }
}

#[test]
fn which_data_a_token_opens() {
    let (s, token) = writer();
    let statuses =
        || ["activities", "medical/vitals", "profile"].map(|path| read(&s, &token, path).0);
    assert_eq!(statuses(), [200, 200, 200]);
    s.assume(Assumption::TokenScope, "medical");
    assert_eq!(statuses(), [403, 200, 200]);
    s.assume(Assumption::TokenScope, "wellness");
    assert_eq!(statuses(), [200, 403, 200]);
}

#[test]
fn tags_heads_and_compression() {
    let s = Offline::new();
    let etag = |path: &str| header(&s.read(path, "demo"), "etag").is_some();
    let (long, short) = ("/v1/human/activities", "/v1/human/profile");
    assert_eq!((etag(long), etag(short)), (true, true));
    s.assume(Assumption::Etag, "large");
    assert_eq!((etag(long), etag(short)), (true, false));
    s.assume(Assumption::Etag, "none");
    assert_eq!((etag(long), etag(short)), (false, false));

    let bearer = ("authorization", "Bearer demo");
    let gzip = ("accept-encoding", "br, GZIP");
    let plain = s.get(long, &[bearer, gzip]);
    assert_eq!(header(&plain, "content-encoding"), None);
    s.assume(Assumption::Gzip, "when-asked");
    assert_eq!(header(&s.get(long, &[bearer]), "content-encoding"), None);
    let packed = s.get(long, &[bearer, gzip]);
    assert_eq!(header(&packed, "content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.body()[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked[..], plain.body()[..]);
    s.assume(Assumption::Gzip, "always");
    assert_eq!(
        header(&s.get(long, &[bearer]), "content-encoding"),
        Some("gzip")
    );

    let head = || s.send(request(Method::HEAD, short, &[bearer], "")).status();
    assert_eq!(head(), 200);
    s.assume(Assumption::Head, "405");
    assert_eq!(head(), 405);
}
