//! Health data: who may read it, how lists are filtered and paged, and what an empty user has.
//!
//! One piece: each test reads the same lists, with another filter, token or user.

use std::time::Duration;

use http::Method;
use humanapi_sandbox::{Assumption, DemoApp};
use serde_json::{Value, json};

use crate::support::*;

/// The queries of the links of a page, by relation and in order.
fn links(response: &http::Response<bytes::Bytes>) -> Vec<(String, String)> {
    let Some(text) = header(response, "link") else {
        return Vec::new();
    };
    text.split(',')
        .map(|link| {
            let (url, relation) = link.split_once(">; rel=\"").unwrap();
            let query = url
                .strip_prefix("<http://127.0.0.1/v1/human/activities?")
                .unwrap();
            (relation.trim_end_matches('"').to_owned(), query.to_owned())
        })
        .collect()
}

#[test]
fn a_token_is_needed_in_the_header_or_the_query() {
    let s = Offline::new();
    let token = s.access("u", &["strider"]);
    for path in [
        "/v1/human",
        "/v1/human/",
        "/v1/human/profile",
        "/v1/human/activities/",
    ] {
        assert_eq!(s.read(path, &token).status(), 200, "{path}");
        assert_eq!(s.read(path, "demo").status(), 200, "{path}");
    }
    assert_eq!(
        s.get(&format!("/v1/human?access_token={token}"), &[])
            .status(),
        200
    );
    let both = format!("/v1/human?access_token={token}");
    assert_eq!(s.read(&both, "wrong").status(), 401, "the header wins");
    let session = s.session("v");
    let id = s.granted(CONNECT, "id", "u", "id_token");
    for bad in [session.as_str(), &id, "wrong", "", "Demo"] {
        let response = s.read("/v1/human", bad);
        assert_eq!(response.status(), 401, "{bad}");
        assert_eq!(header(&response, "www-authenticate"), Some("Bearer"));
        let body = body(&response);
        assert_eq!(
            (&body["statusCode"], &body["code"]),
            (&json!(401), &json!(401))
        );
    }
    assert_eq!(s.get("/v1/human", &[]).status(), 401);
    assert_eq!(
        s.get("/v1/human", &[("authorization", "Basic ZGVtbzo=")])
            .status(),
        401
    );
    let control = s.sandbox.control();
    control
        .set_assumption(Assumption::DemoToken, "refused")
        .unwrap();
    assert_eq!(s.read("/v1/human", "demo").status(), 401);
}

#[test]
fn client_tokens_open_no_health_data() {
    let s = Offline::of(DemoApp::Hip);
    let client = s.granted(ADMIN, "client", "u", "client_token");
    assert_eq!(s.read("/v1/human", &client).status(), 401);
}

#[test]
fn an_access_token_ends_with_its_time_its_user_and_its_revocation() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let token = s.access("u", &["strider"]);
    control.advance_clock(Duration::from_secs(86_399)).unwrap();
    assert_eq!(s.read("/v1/human", &token).status(), 200);
    control.advance_clock(Duration::from_secs(1)).unwrap();
    assert_eq!(s.read("/v1/human", &token).status(), 401);

    let token = s.granted(CONNECT, "access", "u", "access_token");
    control.revoke_token(&token).unwrap();
    assert_eq!(s.read("/v1/human", &token).status(), 401);

    let token = s.granted(CONNECT, "access", "u", "access_token");
    control.delete_user(&s.app.client_id, "u").unwrap();
    assert_eq!(s.read("/v1/human", &token).status(), 401);
    s.session("u");
    assert_eq!(
        s.read("/v1/human", &token).status(),
        401,
        "not even when the user starts over"
    );
}

#[test]
fn the_demo_user_has_234_activities_on_five_pages() {
    let s = Offline::new();
    let mut path = "/v1/human/activities".to_owned();
    let mut seen = Vec::new();
    let mut relations = Vec::new();
    loop {
        let page = s.read(&path, "demo");
        assert_eq!(header(&page, "x-total-count"), Some("234"));
        let items = body(&page).as_array().unwrap().clone();
        seen.push(items.len());
        let links = links(&page);
        relations.push(
            links
                .iter()
                .map(|(relation, _)| relation.clone())
                .collect::<Vec<_>>(),
        );
        match links.iter().find(|(relation, _)| relation == "next") {
            Some((_, query)) => path = format!("/v1/human/activities?{query}"),
            None => break,
        }
    }
    assert_eq!(seen, [50, 50, 50, 50, 34]);
    assert_eq!(relations[0], ["next", "last"]);
    for middle in &relations[1..4] {
        assert_eq!(middle, &["next", "prev", "last", "first"]);
    }
    assert_eq!(relations[4], ["prev", "first"]);
}

#[test]
fn the_last_link_may_lead_to_an_empty_page() {
    let s = Offline::new();
    let path = "/v1/human/activities?access_token=demo&limit=2&offset=51";
    let page = s.get(path, &[]);
    let query = |offset: u32| format!("access_token=demo&limit=2&offset={offset}");
    let expected = [("next", 53), ("prev", 49), ("last", 234), ("first", 0)];
    let expected = expected.map(|(relation, offset)| (relation.to_owned(), query(offset)));
    assert_eq!(links(&page), expected);
    let last = s.get(&format!("/v1/human/activities?{}", query(234)), &[]);
    assert_eq!(body(&last), json!([]));
    assert_eq!(header(&last, "x-total-count"), Some("234"));
    let control = s.sandbox.control();
    control
        .set_assumption(Assumption::LastLink, "exact")
        .unwrap();
    assert_eq!(links(&s.get(path, &[]))[2].1, query(232));
    control
        .set_assumption(Assumption::TotalCount, "absent")
        .unwrap();
    assert_eq!(header(&s.get(path, &[]), "x-total-count"), None);
    control
        .set_assumption(Assumption::SinglePageLinks, "present")
        .unwrap();
    let single = s.read("/v1/human/activities?limit=500", "demo");
    assert_eq!(
        links(&single),
        [("last".to_owned(), "limit=500&offset=0".to_owned())]
    );
}

#[test]
fn malformed_parameters_are_named() {
    let s = Offline::new();
    let count = |query: &str| {
        let response = s.read(&format!("/v1/human/activities?{query}"), "demo");
        assert_eq!(response.status(), 200, "{query}");
        body(&response).as_array().unwrap().len()
    };
    assert_eq!(
        (count("limit=500"), count("limit=501"), count("limit=7")),
        (234, 234, 7)
    );
    for (query, key) in [
        ("limit=abc", "limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("offset=-1", "offset"),
        ("offset=1.5", "offset"),
        ("created_since=yesterday", "created_since"),
        ("updated_before=20261301T000000Z", "updated_before"),
        ("start_date=2026-02-30", "start_date"),
        ("end_date=01-02-2026", "end_date"),
    ] {
        let response = s.read(&format!("/v1/human/activities?{query}"), "demo");
        assert_eq!(response.status(), 400, "{query}");
        let validation = &body(&response)["validation"];
        assert_eq!(*validation, json!({"source": "query", "keys": [key]}));
    }
}

fn all(s: &Offline, token: &str, query: &str) -> Vec<Value> {
    let response = s.read(&format!("/v1/human/activities?limit=500&{query}"), token);
    assert_eq!(response.status(), 200, "{query}");
    body(&response).as_array().unwrap().clone()
}

fn texts<'a>(records: &'a [Value], field: &str) -> Vec<&'a str> {
    records
        .iter()
        .map(|record| record[field].as_str().unwrap())
        .collect()
}

#[test]
fn filters_agree_with_the_records() {
    let s = Offline::new();
    let records = all(&s, "demo", "");
    for (name, field, keeps_later) in [
        ("created_since", "createdAt", true),
        ("created_before", "createdAt", false),
        ("updated_since", "updatedAt", true),
        ("updated_before", "updatedAt", false),
    ] {
        let bound = records[100][field].as_str().unwrap();
        let found = all(&s, "demo", &format!("{name}={bound}"));
        let expected: Vec<_> = records
            .iter()
            .filter(|record| {
                let at = record[field].as_str().unwrap();
                if keeps_later { at > bound } else { at < bound }
            })
            .cloned()
            .collect();
        assert!(!expected.is_empty() && expected.len() < records.len());
        assert_eq!(found, expected, "{name}");
    }
    // The local day decides.
    let (start, end) = ("2025-11-01", "2025-11-30");
    let local_day = |record: &Value| {
        let at: jiff::Timestamp = record["startTime"].as_str().unwrap().parse().unwrap();
        let offset = record["tzOffset"].as_str().unwrap();
        let minutes: i64 =
            offset[1..3].parse::<i64>().unwrap() * 60 + offset[4..6].parse::<i64>().unwrap();
        let minutes = if offset.starts_with('-') {
            -minutes
        } else {
            minutes
        };
        let at = at + jiff::SignedDuration::from_mins(minutes);
        at.to_string()[..10].to_owned()
    };
    let found = all(
        &s,
        "demo",
        &format!("start_date={start}&end_date={end}&source=strider"),
    );
    let expected: Vec<_> = records
        .iter()
        .filter(|record| {
            let day = local_day(record);
            record["source"] == "strider" && start <= day.as_str() && day.as_str() <= end
        })
        .cloned()
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
    assert_eq!(all(&s, "demo", "source=nobody"), Vec::<Value>::new());
    let by_id = all(&s, "demo", "source=65a0f3c2d4b1e09876540006");
    assert_eq!(by_id, all(&s, "demo", "source=pulseband"));

    let bound = format!(
        "created_since={}",
        records[100]["createdAt"].as_str().unwrap()
    );
    let strict = all(&s, "demo", &bound).len();
    let control = s.sandbox.control();
    control
        .set_assumption(Assumption::FilterBounds, "inclusive")
        .unwrap();
    assert_eq!(all(&s, "demo", &bound).len(), strict + 1);
}

#[test]
fn records_are_newest_first_and_mix_kinds_of_numbers() {
    let s = Offline::new();
    let records = all(&s, "demo", "time_series=true");
    let starts = texts(&records, "startTime");
    assert!(starts.is_sorted_by(|a, b| a >= b));
    let ids: std::collections::BTreeSet<_> = texts(&records, "id").into_iter().collect();
    assert_eq!(ids.len(), 234);
    for field in ["duration", "distance", "calories"] {
        assert!(
            records.iter().any(|r| r[field].is_i64()),
            "{field} is never whole"
        );
        assert!(
            records.iter().any(|r| r[field].is_f64()),
            "{field} is always whole"
        );
    }
    assert!(
        records
            .iter()
            .any(|record| record["timeSeries"].is_object())
    );
    assert!(
        all(&s, "demo", "")
            .iter()
            .all(|record| record.get("timeSeries").is_none())
    );
    let text = String::from_utf8(
        s.read("/v1/human/activities?limit=1", "demo")
            .body()
            .to_vec(),
    )
    .unwrap();
    let order = [
        "id",
        "userId",
        "humanId",
        "source",
        "createdAt",
        "updatedAt",
        "startTime",
        "endTime",
        "tzOffset",
        "type",
        "duration",
        "distance",
        "steps",
        "calories",
        "sourceData",
    ];
    let places: Vec<_> = order
        .map(|name| text.find(&format!("\"{name}\":")).unwrap())
        .into();
    assert!(places.is_sorted(), "{text}");
    let id = ids.first().unwrap();
    let one = s.read(&format!("/v1/human/activities/{id}"), "demo");
    assert_eq!(body(&one)["id"], **id);
    assert_eq!(s.read("/v1/human/activities/none", "demo").status(), 404);
}

#[test]
fn each_source_adds_its_own_records_and_changes_no_others() {
    let s = Offline::new();
    let token = s.access("u", &["sandbox_clinic"]);
    assert_eq!(all(&s, &token, ""), Vec::<Value>::new());
    s.connect("u", "strider");
    let strider = all(&s, &token, "");
    assert!((40..500).contains(&strider.len()));
    s.connect("u", "pulseband");
    assert_eq!(all(&s, &token, "source=strider"), strider);
    assert!(all(&s, &token, "").len() > strider.len());
    let other = s.access("v", &["strider"]);
    assert_ne!(texts(&all(&s, &other, ""), "id"), texts(&strider, "id"));
}

#[test]
fn an_empty_user_has_empty_parts() {
    let s = Offline::new();
    let token = s.access("u", &["starfleet_pharmacy"]);
    let response = s.read("/v1/human", &token);
    let summary = body(&response);
    for part in [
        "bloodGlucose",
        "bloodOxygen",
        "bloodPressure",
        "bmi",
        "bodyFat",
        "height",
        "heartRate",
        "weight",
        "activitySummary",
        "sleepSummary",
    ] {
        assert_eq!(summary[part], json!({}), "{part}");
    }
    assert!(summary.get("email").is_none());
    let list = s.read("/v1/human/activities", &token);
    assert_eq!(body(&list), json!([]));
    assert_eq!(
        (header(&list, "x-total-count"), header(&list, "link")),
        (Some("0"), None)
    );
    let full = body(&s.read("/v1/human", "demo"));
    assert!(
        full.as_object()
            .unwrap()
            .values()
            .all(|part| *part != json!({}))
    );
    let profile = body(&s.read("/v1/human/profile", "demo"));
    assert_eq!(profile["humanId"], full["humanId"]);
    assert_eq!(profile["defaultTimeZone"], json!({"name": "UTC"}));
}

#[test]
fn tags_methods_and_origins() {
    let s = Offline::new();
    let bearer = ("authorization", "Bearer demo");
    let get = s.get("/v1/human/activities", &[bearer]);
    let etag = header(&get, "etag").unwrap();
    let again = s.get("/v1/human/activities", &[bearer, ("if-none-match", etag)]);
    assert_eq!((again.status().as_u16(), again.body().len()), (304, 0));
    assert_eq!(header(&again, "etag"), Some(etag));
    let head = s.send(request(Method::HEAD, "/v1/human/activities", &[bearer], ""));
    assert!(head.body().is_empty());
    for name in [
        "etag",
        "link",
        "x-total-count",
        "content-length",
        "content-type",
    ] {
        assert_eq!(header(&head, name), header(&get, name), "{name}");
    }
    let options = s.send(request(Method::OPTIONS, "/v1/human", &[], ""));
    assert_eq!(options.status(), 204);
    for response in [&get, &again, &options, &s.get("/v1/human", &[])] {
        assert_eq!(header(response, "access-control-allow-origin"), Some("*"));
        assert_eq!(
            header(response, "access-control-allow-methods"),
            Some("OPTIONS,GET,HEAD")
        );
    }
    let token_answer = s.token(CONNECT, "session", "u");
    assert_eq!(header(&token_answer, "access-control-allow-origin"), None);
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let response = s.send(request(method, "/v1/human", &[bearer], ""));
        assert_eq!(response.status(), 405);
        assert_eq!(header(&response, "allow"), Some("OPTIONS, GET, HEAD"));
    }
    for path in [
        "/v1/human/activity",
        "/v1/human/meals",
        "/v1/human/profile/x",
        "/v1",
        "/nothing",
    ] {
        assert_eq!(s.get(path, &[bearer]).status(), 404, "{path}");
    }
}

#[test]
fn a_day_has_the_records_of_that_day_in_pages() {
    let s = Offline::new();
    let records = all(&s, "demo", "");
    let day = |from: &str| body(&s.read(&format!("/v1/human/activities/daily/{from}"), "demo"));
    let filtered = |from: &str| all(&s, "demo", &format!("start_date={from}&end_date={from}"));
    let mut seen = 0;
    let mut last = String::new();
    for record in &records {
        let at = &record["startTime"].as_str().unwrap()[..10];
        if at == last {
            continue;
        }
        last = at.to_owned();
        let of_day = day(at);
        assert_eq!(of_day, json!(filtered(at)), "{at}");
        seen += of_day.as_array().unwrap().len();
    }
    assert!(seen > 150, "{seen}");
    let response = s.read("/v1/human/activities/daily/2020-01-01", "demo");
    assert_eq!(header(&response, "x-total-count"), Some("0"));
    for nowhere in ["2026-02-30", "20260101", "today", "2026-01-01/x"] {
        let path = format!("/v1/human/activities/daily/{nowhere}");
        assert_eq!(s.read(&path, "demo").status(), 404, "{nowhere}");
    }
}

#[test]
fn a_link_replaces_the_offset_however_it_is_spelled() {
    let s = Offline::new();
    let path = "/v1/human/activities?access_token=demo&off%73et=50";
    let page = s.get(path, &[]);
    let next = &links(&page)[0];
    assert_eq!(
        (next.0.as_str(), next.1.as_str()),
        ("next", "access_token=demo&offset=100")
    );
}

#[test]
fn documents_come_as_what_they_are() {
    let s = Offline::new();
    let first = |list: &str| {
        let all = body(&s.read(&format!("/v1/human/medical/{list}"), "demo"));
        all[0]["id"].as_str().unwrap().to_owned()
    };
    let path = format!("/v1/human/medical/ccds/{}/raw", first("ccds"));
    let document = s.read(&path, "demo");
    assert_eq!(document.status(), 200);
    assert!(
        header(&document, "content-type")
            .unwrap()
            .starts_with("text/xml")
    );
    let text = std::str::from_utf8(document.body()).unwrap();
    assert!(text.starts_with("<?xml") && text.contains("<ClinicalDocument"));
    assert!(header(&document, "etag").is_some());

    let path = format!("/v1/human/medical/reports/{}/raw", first("reports"));
    for (query, content_type, start) in [
        ("", "application/json", "{"),
        ("?format=json", "application/json", "{"),
        ("?format=html", "text/html", "<!DOCTYPE html>"),
        ("?format=pdf", "application/pdf", "%PDF-"),
    ] {
        let report = s.read(&format!("{path}{query}"), "demo");
        assert_eq!(report.status(), 200, "{query}");
        let found = header(&report, "content-type").unwrap();
        assert!(found.starts_with(content_type), "{query}: {found}");
        assert!(report.body().starts_with(start.as_bytes()), "{query}");
    }
    assert_eq!(s.read(&format!("{path}?format=xml"), "demo").status(), 400);
}
