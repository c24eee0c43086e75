//! Records that change between two pages, and a user with more records than are held.
//!
//! One piece: each test changes lists of the same form between pages, and reads them in the same way.

use humanapi_sandbox::{
    Assumption, ControlError, InvalidRecordChange, Persona, RecordChange, Sandbox, Scenario,
};
use serde_json::{Value, json};

use crate::support::*;

fn ids(page: &Value) -> Vec<String> {
    let items = page.as_array().unwrap().iter();
    items
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

fn page(s: &Offline, token: &str, query: &str) -> Value {
    body(&s.read(&format!("/v1/human/activities?{query}"), token))
}

#[test]
fn an_insertion_after_a_page_shifts_the_next_one() {
    let s = Offline::new();
    let token = s.access("u", &["strider"]);
    let before = ids(&page(&s, &token, "limit=500"));
    s.change(
        "u",
        json!({"change": "insert", "resource": "activities", "after_pages": 1}),
    );
    let first = page(&s, &token, "limit=10");
    assert_eq!(ids(&first), before[..10], "not before the page");
    let second = s.read("/v1/human/activities?limit=10&offset=10", &token);
    assert_eq!(ids(&body(&second)), before[9..19], "one comes twice");
    let total = (before.len() + 1).to_string();
    assert_eq!(header(&second, "x-total-count"), Some(total.as_str()));

    let newest = &page(&s, &token, "limit=1")[0];
    let id = newest["id"].as_str().unwrap();
    assert!(!before.contains(&id.to_owned()));
    assert_eq!(newest["createdAt"], "2026-01-15T09:00:00.000Z");
    let one = s.read(&format!("/v1/human/activities/{id}"), &token);
    assert_eq!(body(&one), *newest);
    for known in &before {
        let one = s.read(&format!("/v1/human/activities/{known}"), &token);
        assert_eq!(body(&one)["id"], **known);
    }
}

#[test]
fn a_deletion_after_a_page_hides_a_record_from_whoever_reads_on() {
    let s = Offline::new();
    let token = s.access("u", &["strider"]);
    let before = ids(&page(&s, &token, "limit=500"));
    s.change(
        "u",
        json!({"change": "delete", "resource": "activities", "at": 3, "after_pages": 1}),
    );
    let read = [
        page(&s, &token, "limit=10"),
        page(&s, &token, "limit=10&offset=10"),
    ];
    let read: Vec<_> = read.iter().flat_map(ids).collect();
    assert!(!read.contains(&before[10]), "it moved onto the page before");
    let gone = s.read(&format!("/v1/human/activities/{}", before[3]), &token);
    assert_eq!(gone.status(), 404);
    let mut left = before.clone();
    left.remove(3);
    assert_eq!(ids(&page(&s, &token, "limit=500")), left);

    s.assume(Assumption::DeletedRecords, "tombstone");
    let all = page(&s, &token, "limit=500");
    assert_eq!(ids(&all), before);
    assert_eq!(all[3]["deleted"], true);
    assert_eq!(all[3]["updatedAt"], "2026-01-15T09:00:00.000Z");
    assert_eq!(all[3].get("startTime"), None);
}

#[test]
fn an_update_shows_in_the_record_and_in_the_filters() {
    let s = Offline::new();
    let token = s.access("u", &["strider"]);
    let before = page(&s, &token, "limit=500");
    let id = before[7]["id"].as_str().unwrap();
    s.change(
        "u",
        json!({"change": "update", "resource": "activities", "id": id, "fields": {"steps": 7}}),
    );
    let after = page(&s, &token, "limit=500");
    for (at, (old, new)) in before
        .as_array()
        .unwrap()
        .iter()
        .zip(after.as_array().unwrap())
        .enumerate()
    {
        assert_eq!(old == new, at != 7, "{at}");
    }
    assert_eq!(
        (&after[7]["steps"], &after[7]["createdAt"]),
        (&json!(7), &before[7]["createdAt"])
    );
    assert_eq!(after[7]["updatedAt"], "2026-01-15T09:00:00.000Z");
    let changed = page(&s, &token, "updated_since=2026-01-15T08:59:59Z");
    assert_eq!(ids(&changed), [id]);
}

#[test]
fn changes_wait_for_their_pages_in_order_and_for_nobody_else() {
    let s = Offline::new();
    let token = s.access("u", &["strider"]);
    let other = s.access("v", &["strider"]);
    let count = |token: &str| {
        let page = s.read("/v1/human/activities?limit=1", token);
        header(&page, "x-total-count")
            .unwrap()
            .parse::<i64>()
            .unwrap()
    };
    let start = count(&token);
    for pages in [2, 4] {
        s.change(
            "u",
            json!({"change": "delete", "resource": "activities", "after_pages": pages}),
        );
    }
    s.change(
        "u",
        json!({"change": "insert", "resource": "activities", "after_pages": 1, "pages_of": "sleeps"}),
    );
    for _ in 0..9 {
        count(&other);
        s.send(request(
            http::Method::HEAD,
            "/v1/human/activities",
            &[("authorization", &format!("Bearer {token}"))],
            "",
        ));
    }
    let read: Vec<_> = (0..6).map(|_| count(&token) - start).collect();
    assert_eq!(read, [0, 0, -1, -1, -2, -2]);
    s.read("/v1/human/sleeps", &token);
    assert_eq!(count(&token) - start, -1);
}

#[test]
fn any_order_of_changes_leaves_each_record_once_and_at_its_place() {
    let s = Offline::new();
    let token = s.access("u", &["strider"]);
    let mut model = ids(&page(&s, &token, "limit=500"));
    let mut numbers = 7_u64;
    for round in 0..60 {
        numbers = numbers
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let at = usize::try_from(numbers >> 33).unwrap() % model.len();
        if round % 3 == 0 {
            s.change(
                "u",
                json!({"change": "delete", "resource": "activities", "at": at}),
            );
            model.remove(at);
        } else {
            s.change(
                "u",
                json!({"change": "insert", "resource": "activities", "at": at}),
            );
            let id = ids(&page(&s, &token, &format!("limit=1&offset={at}"))).remove(0);
            assert!(!model.contains(&id), "round {round}");
            model.insert(at, id);
        }
        assert_eq!(ids(&page(&s, &token, "limit=500")), model, "round {round}");
    }
    for id in model.iter().step_by(7) {
        assert_eq!(
            body(&s.read(&format!("/v1/human/activities/{id}"), &token))["id"],
            **id
        );
    }
}

#[test]
fn records_can_be_written_for_whoever_has_none() {
    let s = Offline::new();
    let token = s.access("u", &["pulseband", "sandbox_clinic"]);
    s.persona("u", Persona::Empty);
    let fields = json!({"timestamp": "2026-01-15T08:00:00.000Z", "tzOffset": "+00:00", "value": 61, "unit": "bpm"});
    s.change(
        "u",
        json!({"change": "insert", "resource": "heart_rate", "fields": fields}),
    );
    let latest = body(&s.read("/v1/human/heart_rate", &token));
    assert_eq!(
        (&latest["value"], &latest["source"]),
        (&json!(61), &json!("pulseband"))
    );
    s.change(
        "u",
        json!({"change": "insert", "resource": "medical/issues", "fields": {"name": "Test ache"}}),
    );
    let issue = &body(&s.read("/v1/human/medical/issues", &token))[0];
    assert_eq!(issue["organization"]["name"], "Sandbox Clinic");
    assert_eq!(issue["source"], issue["organization"]["id"]);
    // What is no longer connected is no longer told.
    s.disconnect("u", "pulseband");
    assert_eq!(body(&s.read("/v1/human/heart_rate", &token)), json!({}));
}

#[test]
fn records_with_oddities_change_like_any_others() {
    let s = Offline::new();
    let token = s.access("u", &["strider", "sandbox_clinic"]);
    s.persona("u", Persona::Odd);
    let path = "/v1/human/medical/vitals";
    let before = body(&s.read(path, &token));
    let count = before.as_array().unwrap().len();
    let at = before
        .as_array()
        .unwrap()
        .iter()
        .position(|one| one["id"].is_string())
        .unwrap();
    let id = before[at]["id"].as_str().unwrap();
    s.change("u", json!({"change": "update", "resource": "medical/vitals", "id": id, "fields": {"author": "Dana"}}));
    let updated = body(&s.read(&format!("{path}/{id}"), &token));
    assert_eq!(
        (&updated["author"], &updated["updatedAt"]),
        (&json!("Dana"), &json!("2026-01-15T09:00:00.000Z"))
    );
    s.change(
        "u",
        json!({"change": "insert", "resource": "medical/vitals", "id": id}),
    );
    let after = body(&s.read(path, &token));
    assert_eq!(after.as_array().unwrap().len(), count + 1);
    assert_ne!(after[at]["id"], id, "it has an id of its own");
    s.change(
        "u",
        json!({"change": "fill", "resource": "medical/vitals", "count": 3}),
    );
    let ids = ids(&body(&s.read(path, &token)));
    let unique: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), unique.len()), (3, 3));
}

#[test]
fn all_records_of_a_family_have_the_fields_of_the_family() {
    let s = Offline::new();
    let token = s.access("u", &["pulseband", "sandbox_clinic"]);
    s.persona("u", Persona::Empty);
    let check = |resource: &str, list: &str, expected: &[&str]| {
        s.change("u", json!({"change": "insert", "resource": resource}));
        let page = body(&s.read(&format!("/v1/human/{list}"), &token));
        let record = page.get(0).unwrap_or(&page);
        let names: Vec<_> = record.as_object().unwrap().keys().collect();
        assert_eq!(names, expected, "{resource}");
    };
    let wellness = [
        "createdAt",
        "humanId",
        "id",
        "source",
        "updatedAt",
        "userId",
    ];
    for resource in [
        "blood_glucose",
        "blood_oxygen",
        "blood_pressure",
        "bmi",
        "body_fat",
        "heart_rate",
        "height",
        "weight",
    ] {
        check(resource, &format!("{resource}/readings"), &wellness);
    }
    for resource in [
        "activities",
        "activities/summaries",
        "heart_rate/summaries",
        "sleeps",
        "sleeps/summaries",
        "locations",
        "food/meals",
    ] {
        check(resource, resource, &wellness);
    }
    let medical = ["createdAt", "id", "organization", "source", "updatedAt"];
    for resource in [
        "allergies",
        "encounters",
        "functional_statuses",
        "immunizations",
        "instructions",
        "issues",
        "medications",
        "narratives",
        "plans_of_care",
        "procedures",
        "test_results",
        "vitals",
        "timeline",
        "ccds",
    ] {
        let resource = format!("medical/{resource}");
        check(&resource, &resource, &medical);
    }
    for resource in ["medical/demographics", "medical/social_history"] {
        check(
            resource,
            resource,
            &["createdAt", "id", "organization", "updatedAt"],
        );
    }
    check(
        "medical/profile",
        "medical/profile",
        &["createdAt", "id", "updatedAt"],
    );
    check(
        "medical/reports",
        "medical/reports",
        &["createdAt", "id", "source", "updatedAt"],
    );
}

#[test]
fn a_user_with_a_million_records_is_read_without_holding_them() {
    let s = Offline::new();
    let token = s.access("u", &["strider"]);
    s.change(
        "u",
        json!({"change": "fill", "resource": "activities", "count": 1_000_000}),
    );
    let first = s.read("/v1/human/activities?limit=500", &token);
    assert_eq!(header(&first, "x-total-count"), Some("1000000"));
    let mut starts = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for offset in [0, 500, 499_500, 999_500] {
        let page = page(&s, &token, &format!("limit=500&offset={offset}"));
        assert_eq!(page.as_array().unwrap().len(), 500);
        for record in page.as_array().unwrap() {
            starts.push(record["startTime"].as_str().unwrap().to_owned());
            assert!(seen.insert(record["id"].as_str().unwrap().to_owned()));
        }
    }
    assert!(starts.is_sorted_by(|a, b| a > b), "newest first");
    let last = page(&s, &token, "limit=1&offset=999999");
    let id = last[0]["id"].as_str().unwrap();
    assert_eq!(
        body(&s.read(&format!("/v1/human/activities/{id}"), &token)),
        last[0]
    );
    assert_eq!(page(&s, &token, "limit=1&offset=1000000"), json!([]));
    // Filters and changes work on them as on any others.
    let bound = starts[999].clone();
    let since = s.read(
        &format!("/v1/human/activities?limit=1&start_date={}", &bound[..10]),
        &token,
    );
    let count: usize = header(&since, "x-total-count").unwrap().parse().unwrap();
    assert!((1000..1300).contains(&count), "{count}");
    s.change(
        "u",
        json!({"change": "delete", "resource": "activities", "id": id}),
    );
    let read = s.read("/v1/human/activities?limit=1", &token);
    assert_eq!(header(&read, "x-total-count"), Some("999999"));
    assert_eq!(
        s.read(&format!("/v1/human/activities/{id}"), &token)
            .status(),
        404
    );
}

#[test]
fn changes_that_make_no_sense_are_refused_by_name() {
    let s = Offline::new();
    s.access("u", &["strider"]);
    for (change, says) in [
        (
            json!({"change": "insert", "resource": "activity"}),
            "no resource has the path \"activity\"",
        ),
        (
            json!({"change": "insert", "resource": "genetic/traits"}),
            "have no ids",
        ),
        (
            json!({"change": "move", "resource": "activities"}),
            "insert, update, delete and fill",
        ),
        (
            json!({"change": "fill", "resource": "activities"}),
            "needs a count",
        ),
        (
            json!({"change": "fill", "resource": "activities", "count": 10_000_001}),
            "up to",
        ),
        (
            json!({"change": "delete", "resource": "activities", "count": 1}),
            "only fill",
        ),
        (
            json!({"change": "delete", "resource": "activities", "fields": {"a": 1}}),
            "only insert and update",
        ),
        (
            json!({"change": "update", "resource": "activities", "at": 1, "id": "x"}),
            "not both",
        ),
        (
            json!({"change": "update", "resource": "activities", "fields": {"a": "x".repeat(5000)}}),
            "4096",
        ),
        (
            json!({"change": "update", "resource": "activities", "id": "x".repeat(101)}),
            "so long an id",
        ),
    ] {
        let answer = s.try_change("u", &change);
        assert_eq!(answer.status(), 400, "{change}");
        let refusal = body(&answer);
        assert_eq!(refusal["error"], "invalid-change", "{change}");
        assert!(
            refusal["message"].as_str().unwrap().contains(says),
            "{refusal}"
        );
    }
    let nobody = s.try_change(
        "nobody",
        &json!({"change": "insert", "resource": "activities"}),
    );
    assert_eq!(
        (nobody.status().as_u16(), &body(&nobody)["error"]),
        (404, &json!("unknown-user"))
    );
    let control = s.sandbox.control();
    let wrong = control.change_records(&s.app.client_id, "u", RecordChange::insert("nothing"));
    assert!(matches!(
        wrong,
        Err(ControlError::InvalidRecordChange(
            InvalidRecordChange::UnknownResource { .. }
        ))
    ));
    assert!(matches!(
        RecordChange::from_json(b"[]"),
        Err(InvalidRecordChange::NoJson)
    ));
}

#[test]
fn changes_are_bounded_and_forgotten_with_their_user_and_by_a_reset() {
    let s = Offline::new();
    let token = s.access("u", &["strider"]);
    let before = page(&s, &token, "limit=500");
    let control = s.sandbox.control();
    let change = |pages| {
        let change = RecordChange::delete("activities").after_pages(pages);
        control.change_records(&s.app.client_id, "u", change)
    };
    for _ in 0..10_000 {
        change(1_000_000).unwrap();
    }
    assert_eq!(change(0), Err(ControlError::TooManyRecordChanges));
    control.reset();
    let token = s.access("u", &["strider"]);
    change(0).unwrap();
    assert_eq!(ids(&page(&s, &token, "limit=500")), ids(&before)[1..]);
    control.delete_user(&s.app.client_id, "u").unwrap();
    s.assume(Assumption::HumanIdAfterDelete, "same");
    let token = s.access("u", &["strider"]);
    assert_eq!(page(&s, &token, "limit=500"), before);
}

#[test]
fn a_scenario_knows_personas_and_changes() {
    let scenario = br#"{"users": [{
        "client_user_id": "u", "sources": ["strider"], "persona": "empty",
        "changes": [
            {"change": "insert", "resource": "weight", "fields": {"value": 71.5, "unit": "kg"}},
            {"change": "fill", "resource": "weight", "count": 1000}
        ]
    }], "apps": {"connect": {"client_id": "a", "client_secret": "b", "app_key": "c"}}}"#;
    let scenario = Scenario::from_json(scenario).unwrap();
    let sandbox = Sandbox::builder().scenario(scenario).build_offline();
    let app = sandbox.app(humanapi_sandbox::DemoApp::Connect);
    assert_eq!(app.app_key, "c");
    let s = Offline { sandbox, app };
    let check = || {
        let user = s.sandbox.control().find_user("a", "u").unwrap().unwrap();
        assert_eq!(user.persona, Some(Persona::Empty));
        let token = s.granted(CONNECT, "access", "u", "access_token");
        let read = s.read("/v1/human/weight/readings?limit=1", &token);
        assert_eq!(header(&read, "x-total-count"), Some("1000"));
        assert_eq!(
            body(&read)[0]["unit"],
            Value::Null,
            "what is filled has no model any more"
        );
    };
    check();
    s.sandbox.control().reset();
    check();
    for (json, place) in [
        (
            r#"{"users":[{"client_user_id":"u","persona":"giant"}]}"#,
            "users[0].persona",
        ),
        (
            r#"{"users":[{"client_user_id":"u","changes":[{"change":"insert","resource":"x"}]}]}"#,
            "users[0].changes[0]",
        ),
    ] {
        let error = Scenario::from_json(json.as_bytes()).unwrap_err();
        assert_eq!(error.place, place, "{error}");
    }
}
