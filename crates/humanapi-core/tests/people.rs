//! The sandbox's people, read by the tables: every documented field occurs, and nothing is odd but what was planted.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use humanapi_core::data::medical::*;
use humanapi_core::data::*;
use humanapi_core::http::{Request, Response};
use humanapi_sandbox::{AppCredentials, DemoApp, Oddity, OfflineSandbox, Persona, Sandbox, Source};
use serde_json::Value;

/// Calls a macro with all records of lists, each with its path below `/v1/human/`.
macro_rules! for_all {
    ($check:ident) => {
        $check!(
            Activity "activities", ActivitySummary "activities/summaries", BloodGlucose "blood_glucose/readings",
            BloodOxygen "blood_oxygen/readings", BloodPressure "blood_pressure/readings", Bmi "bmi/readings",
            BodyFat "body_fat/readings", HeartRate "heart_rate/readings", HeartRateSummary "heart_rate/summaries",
            Height "height/readings", Weight "weight/readings", Sleep "sleeps", SleepSummary "sleeps/summaries",
            Location "locations", Meal "food/meals", GeneticTrait "genetic/traits",
            Allergy "medical/allergies", Ccd "medical/ccds", Demographics "medical/demographics",
            Encounter "medical/encounters", FunctionalStatus "medical/functional_statuses",
            Immunization "medical/immunizations", Instruction "medical/instructions", Issue "medical/issues",
            Medication "medical/medications", Narrative "medical/narratives", Organization "medical/organizations",
            PlanOfCare "medical/plans_of_care", Procedure "medical/procedures", SocialHistory "medical/social_history",
            TestResult "medical/test_results", Vitals "medical/vitals", TimelineEntry "medical/timeline",
            Report "medical/reports", Source_ "sources"
        )
    };
}

use humanapi_core::data::Source as Source_;

/// How many records are read at once.
const MOST: usize = 250;

struct House {
    sandbox: OfflineSandbox,
    app: AppCredentials,
}

impl House {
    fn new() -> Self {
        let sandbox = Sandbox::builder().build_offline();
        let app = sandbox.app(DemoApp::Connect);
        Self { sandbox, app }
    }

    fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.sandbox.answer(request).unwrap()
    }

    fn token(&self, user: &str, kind: &str) -> Option<String> {
        let wish = serde_json::json!({
            "client_id": self.app.client_id, "client_secret": self.app.client_secret,
            "client_user_id": user, "client_user_email": "robin@example.test", "type": kind,
        });
        let request = Request::post("/v1/connect/token")
            .header("content-type", "application/json")
            .body(wish.to_string().into())
            .unwrap();
        let answer: Value = serde_json::from_slice(self.send(request).body()).unwrap();
        Some(answer[format!("{kind}_token")].as_str()?.to_owned())
    }

    /// Somebody with everything connected.
    fn user(&self, persona: Persona) -> String {
        let user = persona.name();
        self.token(user, "session");
        let control = self.sandbox.control();
        for source in Source::ALL {
            control
                .connect_source(&self.app.client_id, user, source.id)
                .unwrap();
        }
        control
            .set_persona(&self.app.client_id, user, persona)
            .unwrap();
        self.token(user, "access").unwrap()
    }

    /// The status, the body, and how many there are in all.
    fn read(&self, token: &str, path: &str) -> (u16, String, Option<usize>) {
        let request = Request::get(format!("/v1/human{path}"))
            .header("authorization", format!("Bearer {token}"))
            .body(Default::default())
            .unwrap();
        let answer = self.send(request);
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        let total = answer.headers().get("x-total-count");
        let total = total.map(|total| total.to_str().unwrap().parse().unwrap());
        (answer.status().as_u16(), body, total)
    }

    /// The oldest and the newest records of a list.
    fn list(&self, token: &str, path: &str) -> Vec<String> {
        let mut records = Vec::new();
        let mut offset = 0;
        loop {
            let wanted = format!("/{path}?limit={MOST}&time_series=true&offset={offset}");
            let (status, body, total) = self.read(token, &wanted);
            assert_eq!(status, 200, "{path}: {body}");
            let items: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(&body).unwrap();
            records.extend(items.iter().map(|item| item.get().to_owned()));
            match total {
                // Of the longest lists the newest and the oldest.
                Some(total) if total > 8 * MOST && offset == 0 => offset = total - MOST,
                Some(total) if offset + MOST < total => offset += MOST,
                _ => return records,
            }
        }
    }
}

/// A table by the names of its fields, so that one that many records have parts of is one.
fn table(fields: &'static [Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    names.join(" ")
}

/// Notes which fields of a table occur in a value.
fn note(fields: &'static [Field], value: &Value, of: &str, seen: &mut BTreeSet<String>) {
    // The last of two, as records count it.
    let Some(object) = value.as_object() else {
        return;
    };
    for field in fields {
        if let Some(value) = object.get(field.name) {
            note_kind(&field.kind, value, seen);
            seen.insert(format!("{of}: {}", field.name));
        }
    }
}

fn note_kind(kind: &FieldKind, value: &Value, seen: &mut BTreeSet<String>) {
    match kind {
        FieldKind::Object(fields) | FieldKind::TextOr(fields) => {
            note(fields, value, &table(fields), seen)
        }
        FieldKind::List(of) => {
            for item in value.as_array().into_iter().flatten() {
                note_kind(of, item, seen);
            }
        }
        FieldKind::Map(of) => {
            for item in value.as_object().into_iter().flat_map(|map| map.values()) {
                note_kind(of, item, seen);
            }
        }
        _ => {}
    }
}

/// Every field of a table, and of those within it.
fn documented(fields: &'static [Field], of: &str, all: &mut BTreeSet<String>) {
    for field in fields {
        let mut kind = &field.kind;
        while let FieldKind::List(of) | FieldKind::Map(of) = kind {
            kind = of;
        }
        if let FieldKind::Object(fields) | FieldKind::TextOr(fields) = kind {
            documented(fields, &table(fields), all);
        }
        all.insert(format!("{of}: {}", field.name));
    }
}

/// The oddities of a record, by path.
fn odd<T: Table>(json: &str) -> Vec<String> {
    match T::from_json(json.to_owned().into_bytes()) {
        Ok(record) => record.odd().into_iter().map(|odd| odd.path).collect(),
        Err(_) => vec![".".to_owned()],
    }
}

/// Fields of a table that many records share, which these records are not documented to have.
const ABSENT: &[&str] = &["medical/ccds: ccd", "medical/timeline: ccd"];

/// What the parts of the health summary keep of their records.
const SUMMARY: &[(&str, &[&str])] = &[
    (
        "bloodGlucose",
        &["id", "timestamp", "source", "value", "unit"],
    ),
    (
        "bloodOxygen",
        &["id", "timestamp", "source", "value", "unit"],
    ),
    (
        "bloodPressure",
        &[
            "id",
            "userId",
            "timestamp",
            "source",
            "systolic",
            "diastolic",
            "unit",
            "heartRate",
        ],
    ),
    ("bmi", &["id", "timestamp", "source", "value", "unit"]),
    ("bodyFat", &["id", "timestamp", "source", "value", "unit"]),
    ("height", &["id", "timestamp", "source", "value", "unit"]),
    ("heartRate", &["id", "timestamp", "source", "value", "unit"]),
    ("weight", &["id", "timestamp", "source", "value", "unit"]),
    (
        "activitySummary",
        &[
            "id",
            "date",
            "duration",
            "distance",
            "sedentary",
            "light",
            "moderate",
            "vigorous",
            "total",
            "steps",
            "calories",
            "source",
        ],
    ),
    (
        "sleepSummary",
        &[
            "id",
            "userId",
            "date",
            "source",
            "timeAsleep",
            "timeAwake",
            "updatedAt",
        ],
    ),
];

#[test]
fn the_people_have_every_documented_field_and_nothing_odd_but_what_was_planted() {
    let house = House::new();
    let tokens: Vec<(Persona, String)> = Persona::ALL
        .iter()
        .map(|persona| (*persona, house.user(*persona)))
        .collect();
    let mut all = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    let mut planted: BTreeMap<&str, Vec<&Oddity>> = BTreeMap::new();
    for oddity in Oddity::ALL {
        planted.entry(oddity.resource).or_default().push(oddity);
    }
    macro_rules! check {
        ($($record:ident $path:literal),+) => {$(
            documented($record::FIELDS, $path, &mut all);
            for (persona, token) in &tokens {
                let records = house.list(token, $path);
                assert!(*persona != Persona::Empty || records.is_empty() || $path == "sources", $path);
                let resource = $path.trim_end_matches("/readings");
                let oddities = planted.get(resource).map_or(&[][..], Vec::as_slice);
                if *persona == Persona::Odd && $path != "sources" {
                    assert_eq!(records.len(), oddities.len(), "{resource}");
                    assert!(!records.is_empty(), "{resource}");
                }
                for (index, json) in records.iter().enumerate() {
                    if let Ok(value) = serde_json::from_str(json) {
                        note($record::FIELDS, &value, $path, &mut seen);
                        // The same table within another record.
                        note($record::FIELDS, &value, &table($record::FIELDS), &mut seen);
                    }
                    let expected: Vec<String> = match persona {
                        Persona::Odd if $path != "sources" => oddities[index].unreadable.iter().map(ToString::to_string).collect(),
                        _ => Vec::new(),
                    };
                    let found = odd::<$record>(json);
                    if found != expected {
                        problems.push(format!("{persona} {} {index}: {found:?} and not {expected:?}: {json}", $path));
                    }
                }
            }
        )+};
    }
    for_all!(check);
    macro_rules! single {
        ($($record:ident $path:literal),+) => {$(
            documented($record::FIELDS, $path, &mut all);
            for (persona, token) in &tokens {
                let (status, json, _) = house.read(token, $path);
                if status == 404 && *persona == Persona::Empty {
                    continue;
                }
                assert_eq!(status, 200, "{persona} {} {json}", $path);
                note($record::FIELDS, &serde_json::from_str(&json).unwrap(), $path, &mut seen);
                let found = odd::<$record>(&json);
                if !found.is_empty() {
                    problems.push(format!("{persona} {}: {found:?}: {json}", $path));
                }
            }
        )+};
    }
    let mut parts = 0;
    for (persona, token) in tokens
        .iter()
        .filter(|(persona, _)| *persona == Persona::Chronic)
    {
        let summary: Value = serde_json::from_str(&house.read(token, "").1).unwrap();
        for (part, kept) in SUMMARY {
            let mut names: Vec<&str> = summary[part]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            let mut kept = kept.to_vec();
            names.sort_unstable();
            kept.sort_unstable();
            assert_eq!(names, kept, "{persona} {part}");
            parts += 1;
        }
    }
    assert_eq!(parts, SUMMARY.len());
    single!(HealthSummary "", Profile "/profile", MedicalProfile "/medical/profile");
    let missing: Vec<&String> = all
        .difference(&seen)
        .filter(|field| !ABSENT.contains(&field.as_str()))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(missing, Vec::<&String>::new());
    assert!(
        ABSENT
            .iter()
            .all(|field| all.contains(*field) && !seen.contains(*field)),
        "they are there after all"
    );
    assert!(all.len() > 400, "{}", all.len());
}

#[test]
fn every_list_of_a_route_is_among_them() {
    macro_rules! paths {
        ($($record:ident $path:literal),+) => { &[$($path),+] };
    }
    let paths: &[&str] = for_all!(paths);
    for route in ROUTES
        .iter()
        .filter(|route| route.operation == Operation::List)
    {
        let path = route.path.strip_prefix("/v1/human/").unwrap();
        assert!(
            paths.contains(&path),
            "no line of `for_all` here reads {}",
            route.name
        );
    }
}

/// All records of a list as (id, createdAt, updatedAt, all of it).
fn told(house: &House, token: &str, path: &str) -> BTreeMap<String, Value> {
    let records = house.list(token, path);
    let told = records.iter().map(|json| {
        let value: Value = serde_json::from_str(json).unwrap();
        (value["id"].as_str().unwrap().to_owned(), value)
    });
    told.collect()
}

#[test]
fn as_the_clock_goes_on_records_come_late_and_change_and_none_goes_away() {
    let house = House::new();
    let control = house.sandbox.control();
    let user = Persona::Chronic.name();
    house.user(Persona::Chronic);
    let paths = [
        "blood_glucose/readings",
        "sleeps",
        "activities",
        "activities/summaries",
        "medical/test_results",
        "medical/medications",
        "medical/issues",
    ];
    let read = |path: &str| told(&house, &house.token(user, "access").unwrap(), path);
    let mut before: Vec<_> = paths.iter().map(|path| read(path)).collect();
    let mut now = "2026-01-15T09:00:00.000Z".to_owned();
    let (mut added, mut late, mut changed) = (0, 0, 0);
    let mut by_resource = BTreeMap::new();
    for days in [1, 3, 3, 3, 3, 7, 7, 30, 100] {
        let then = control
            .advance_clock(Duration::from_secs(days * 86_400))
            .unwrap();
        let then = jiff::Timestamp::try_from(then).unwrap();
        let then = format!("{then:.3}");
        for (path, before) in paths.iter().zip(&mut before) {
            let after = read(path);
            for (id, old) in before.iter() {
                // Lists are read in parts: what is old may have moved out of sight.
                let Some(new) = after.get(id) else { continue };
                assert_eq!(old["createdAt"], new["createdAt"], "{path}");
                if old != new {
                    assert!(
                        new["updatedAt"].as_str().unwrap() > now.as_str()
                            || old["updatedAt"] != new["updatedAt"],
                        "{path} {old} {new}"
                    );
                    changed += 1;
                }
            }
            for (id, new) in &after {
                let created = new["createdAt"].as_str().unwrap();
                assert!(
                    created <= then.as_str() && new["updatedAt"].as_str().unwrap() <= then.as_str(),
                    "{path} {new}"
                );
                if !before.contains_key(id) && created > now.as_str() {
                    added += 1;
                    *by_resource.entry(*path).or_insert(0) += 1;
                    let begun = [
                        "timestamp",
                        "startTime",
                        "date",
                        "resultDateTime",
                        "dateTime",
                        "startDate",
                    ]
                    .iter()
                    .find_map(|name| new[*name].as_str());
                    late += u32::from(begun.unwrap() < &now[..10]);
                } else if !before.contains_key(id) && before.len() < MOST {
                    panic!("{path}: stored long ago, and not told before: {new}");
                }
            }
            *before = after;
        }
        now = then;
    }
    assert!(
        added > 300 && late > 5 && changed > 10,
        "{added} {late} {changed}"
    );
    assert_eq!(by_resource.len(), paths.len(), "{by_resource:?}");
}
