//! Every resource by its tables: where it is read, and that each documented field of it can be read.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::collections::BTreeSet;

use humanapi_core::data::medical::*;
use humanapi_core::data::*;
use humanapi_core::http::StatusCode;
use humanapi_core::{Body, BuildError, Endpoint, Hosts, Now, Response, ResponseError};
use serde_json::{Map, Value, json};

/// Calls a macro with all types of one kind of route, so that a table that is added is a line here.
macro_rules! for_all {
    (lists $check:ident) => {
        $check!(
            Source Activity ActivitySummary BloodGlucose BloodOxygen BloodPressure Bmi BodyFat HeartRate
            HeartRateSummary Height Weight Sleep SleepSummary Location Meal GeneticTrait Allergy Ccd
            Demographics Encounter FunctionalStatus Immunization Instruction Issue Medication Narrative
            Organization PlanOfCare Procedure SocialHistory TestResult Vitals TimelineEntry Report
        )
    };
    (by_id $check:ident) => {
        $check!(
            Activity ActivitySummary BloodGlucose BloodOxygen BloodPressure Bmi BodyFat HeartRate
            HeartRateSummary Height Weight Sleep SleepSummary Location Meal Allergy Ccd Demographics
            Encounter FunctionalStatus Immunization Instruction Issue Medication Narrative Organization
            PlanOfCare Procedure SocialHistory TestResult Vitals
        )
    };
    (singles $check:ident) => {
        $check!(
            BloodGlucose BloodOxygen BloodPressure Bmi BodyFat HeartRate Height Weight MedicalProfile
        )
    };
}

fn path_and_query(endpoint: &impl Endpoint) -> Result<String, BuildError> {
    let request = endpoint.request(&Hosts::production())?;
    assert_eq!(request.method(), "GET");
    assert_eq!(request.uri().host(), Some("api.humanapi.co"));
    Ok(request.uri().path_and_query().unwrap().to_string())
}

fn routes(chosen: impl Fn(&Shape) -> bool) -> Vec<&'static Route> {
    ROUTES.iter().filter(|route| chosen(&route.shape)).collect()
}

#[test]
fn every_list_is_read_a_page_at_a_time() {
    let mut read = Vec::new();
    macro_rules! check {
        ($($record:ident)+) => {$(
            let call = List::<$record>::new();
            let path = format!("{}?limit=50", <$record as Resource>::PATH);
            assert_eq!(path_and_query(&call).unwrap(), path);
            assert_eq!(call.name(), <$record as Resource>::NAME);
            let page = call.parse(answer(200, "[{},{}]"), now()).unwrap();
            assert_eq!(page.items.len(), 2);
            read.push(call.name());
        )+};
    }
    for_all!(lists check);
    let rows = routes(|shape| matches!(shape, Shape::List { .. }));
    assert!(rows.iter().map(|route| route.name).eq(read));
}

#[test]
fn every_record_with_an_id_is_read_by_it() {
    let mut read = Vec::new();
    macro_rules! check {
        ($($record:ident)+) => {$(
            let call = ById::<$record>::new("a/b");
            assert_eq!(path_and_query(&call).unwrap(), format!("{}/a%2Fb", <$record as Resource>::PATH));
            for id in ["", ".", ".."] {
                assert!(path_and_query(&ById::<$record>::new(id)).is_err());
            }
            let record = call.parse(answer(200, r#"{"id":"a/b"}"#), now()).unwrap();
            assert_eq!(record.id().as_deref(), Some("a/b"));
            let missing = call.parse(answer(404, REFUSAL), now());
            assert!(matches!(missing, Err(ResponseError::Api(_))));
            assert!(!format!("{call:?}").contains("a/b"));
            read.push(call.name());
        )+};
    }
    for_all!(by_id check);
    let rows = routes(|shape| matches!(shape, Shape::List { by_id: true, .. }));
    assert!(rows.iter().map(|route| route.name).eq(read));
}

#[test]
fn every_document_is_read_by_its_records_id() {
    let report = |format| move |id: &str| Raw::<Report>::new(id, format);
    let mut read = BTreeSet::new();
    check_document(|id: &str| Raw::<Ccd>::new(id), "", "text/xml", &mut read);
    for (format, accepted) in [
        (ReportFormat::Json, "application/json"),
        (ReportFormat::Html, "text/html"),
        (ReportFormat::Pdf, "application/pdf"),
    ] {
        let query = format!("?format={format}");
        check_document(report(format), &query, accepted, &mut read);
    }
    let rows = routes(|shape| matches!(shape, Shape::List { document: true, .. }));
    assert!(rows.iter().map(|route| route.name).eq(read));
}

/// How one kind of document is asked for.
fn check_document<R: HasDocument>(
    read_by: impl Fn(&str) -> Raw<R>,
    query: &str,
    accepted: &str,
    read: &mut BTreeSet<&'static str>,
) {
    let call = read_by("a/b");
    let path = <R as Resource>::PATH;
    assert_eq!(
        path_and_query(&call).unwrap(),
        format!("{path}/a%2Fb/raw{query}")
    );
    for id in ["", ".", ".."] {
        assert!(path_and_query(&read_by(id)).is_err());
    }
    let request = call.request(&Hosts::production()).unwrap();
    let accept = request.headers()["accept"].to_str().unwrap();
    assert!(accept.starts_with(accepted) && accept.ends_with("*/*;q=0.1"));
    assert!(call.streams());
    let missing = call.parse(answer(404, REFUSAL), now());
    assert!(matches!(missing, Err(ResponseError::Api(_))));
    assert!(!format!("{call:?}").contains("a/b"));
    read.insert(call.name());
}

#[test]
fn what_there_is_once_may_be_missing() {
    let mut read = Vec::new();
    macro_rules! check {
        ($($record:ident)+) => {$(
            let call = ReadSingle::<$record>::new();
            assert_eq!(path_and_query(&call).unwrap(), <$record as Single>::PATH);
            let record = call.parse(answer(200, r#"{"id":"a"}"#), now()).unwrap();
            assert_eq!(record.unwrap().id().as_deref(), Some("a"));
            assert!(call.parse(answer(200, " { } "), now()).unwrap().is_none());
            assert!(call.parse(answer(404, REFUSAL), now()).unwrap().is_none());
            // That nothing is there is the service's to say.
            let gateway = call.parse(answer(404, "<html>"), now());
            assert!(matches!(gateway, Err(ResponseError::Intermediary(_))));
            read.push(call.name());
        )+};
    }
    for_all!(singles check);
    let rows = routes(|shape| matches!(shape, Shape::Single));
    assert!(rows.iter().map(|route| route.name).eq(read));
}

#[test]
fn routes_and_their_names_differ() {
    let names: BTreeSet<_> = ROUTES.iter().map(|route| route.name).collect();
    let paths: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    assert_eq!(names.len(), ROUTES.len());
    assert_eq!(paths.len(), ROUTES.len());
    for route in ROUTES {
        assert!(route.path.starts_with("/v1/human/"), "{}", route.path);
        assert!(route.name.starts_with("data."), "{}", route.name);
    }
}

#[test]
fn every_documented_field_can_be_read_and_is_not_odd() {
    macro_rules! check {
        ($($record:ident)+) => {$({
            let json = sample_of($record::FIELDS);
            let record = $record::from_json(json.to_string()).unwrap();
            assert!(record.odd().is_empty(), "{} {:?}", stringify!($record), record.odd());
            let strange = strange_of($record::FIELDS);
            let record = $record::from_json(strange.to_string()).unwrap();
            assert_eq!(record.odd().len(), strange_fields($record::FIELDS), "{}", stringify!($record));
        })+};
    }
    for_all!(lists check);
    for_all!(singles check);
    check!(HealthSummary Profile AppUser Genotype);
}

#[test]
fn a_name_and_an_address_are_text_or_a_record() {
    let provider = |json: &str| Provider::from_json(json.to_owned()).unwrap();
    let text = provider(r#"{"name":"Dana Placeholder","address":"1 Example Street"}"#);
    assert_eq!(text.name().unwrap().text(), Some("Dana Placeholder"));
    assert_eq!(text.address().unwrap().text(), Some("1 Example Street"));
    let parts =
        provider(r#"{"name":{"given":["Dana"],"family":"Placeholder"},"address":{"zip":"02134"}}"#);
    let name = parts.name().unwrap().record().unwrap().clone();
    assert_eq!(name.family().as_deref(), Some("Placeholder"));
    let address = parts.address().unwrap().record().unwrap().clone();
    assert_eq!(address.zip().as_deref(), Some("02134"));
    for none in [r#"{"name":""}"#, r#"{"name":{}}"#, r#"{"name":null}"#, "{}"] {
        assert!(provider(none).name().is_none(), "{none}");
        assert!(provider(none).odd().is_empty(), "{none}");
    }
    let odd = provider(r#"{"name":7,"address":{"zip":[]}}"#).odd();
    assert_eq!(odd[0].path, "name");
    assert_eq!(odd[1].path, "address.zip");
    let shown = format!("{:?} {:?}", text.name(), parts.name());
    assert!(!shown.contains("Dana"), "{shown}");
}

#[test]
fn words_that_mean_none_are_none() {
    let entry = r#"{"author":"n/a","name":"Office Visit","department":"n/a"}"#;
    let entry = TimelineEntry::from_json(entry).unwrap();
    assert_eq!(entry.author(), None);
    assert_eq!(entry.department(), None);
    assert_eq!(entry.name().as_deref(), Some("Office Visit"));
    let performer = r#"{"organizationName":"[object Object]"}"#;
    let performer = Performer::from_json(performer).unwrap();
    assert_eq!(performer.organization_name(), None);
    assert!(performer.field("organizationName").is_some());
}

const REFUSAL: &str =
    r#"{"statusCode":404,"code":404,"error":"Not Found","message":"Nothing is there"}"#;

fn answer(status: u16, body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn now() -> Now {
    Now::new(std::time::Duration::ZERO, std::time::SystemTime::UNIX_EPOCH)
}

/// A record in which every field of the table is as documented.
fn sample_of(fields: &[Field]) -> Value {
    let sample = |field: &Field| (field.name.to_owned(), sample(&field.kind));
    Value::Object(fields.iter().map(sample).collect())
}

fn sample(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Text => json!("some text"),
        FieldKind::Number => json!(1.5),
        FieldKind::Integer => json!(3),
        FieldKind::Bool => json!(true),
        FieldKind::Timestamp => json!("2021-06-01T07:30:00.000Z"),
        FieldKind::Date => json!("2021-06-01"),
        FieldKind::Offset => json!("-05:00"),
        FieldKind::Quantity => json!("<4.6 mmol/L"),
        FieldKind::Json => json!({"a": [1]}),
        FieldKind::Object(table) | FieldKind::TextOr(table) => sample_of(table),
        FieldKind::List(of) => json!([sample(of), sample(of)]),
        FieldKind::Map(of) => json!({"a": sample(of)}),
        other => panic!("{other:?} has no sample"),
    }
}

/// A record in which every field of the table is of another type than documented.
fn strange_of(fields: &[Field]) -> Value {
    let strange = |field: &Field| {
        let value = match field.kind {
            FieldKind::Object(_)
            | FieldKind::TextOr(_)
            | FieldKind::List(_)
            | FieldKind::Map(_) => json!(7),
            // Where any JSON will do, nothing is strange.
            FieldKind::Json => json!(1),
            _ => json!([]),
        };
        (field.name.to_owned(), value)
    };
    let fields: Map<String, Value> = fields.iter().map(strange).collect();
    Value::Object(fields)
}

/// How many of them are not as documented then.
fn strange_fields(fields: &[Field]) -> usize {
    let typed = fields.iter().filter(|field| field.kind != FieldKind::Json);
    typed.count()
}
