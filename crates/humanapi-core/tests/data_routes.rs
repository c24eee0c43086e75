//! Every resource by its tables: where it is read, and that each documented field of it can be read.
//!
//! One piece: each kind of endpoint is tested over all of its resources here, and the rows are held to the documented
//! routes beside it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::collections::BTreeSet;

use humanapi_core::data::application::*;
use humanapi_core::data::medical::*;
use humanapi_core::data::*;
use humanapi_core::http::{HeaderMap, StatusCode};
use humanapi_core::{
    ApiErrorKind, Authorization, Body, BuildError, ClientId, ClientUserId, Drift, Endpoint, Hosts,
    HumanId, ListEnd, Now, Replay, Response, ResponseError,
};
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
    (daily_lists $check:ident) => {
        $check!(
            Activity BloodGlucose BloodOxygen BloodPressure Bmi BodyFat HeartRate Height Weight Sleep
            Location
        )
    };
    (daily_summaries $check:ident) => {
        $check!(ActivitySummary HeartRateSummary SleepSummary)
    };
    (latest $check:ident) => {
        $check!(BloodGlucose BloodOxygen BloodPressure Bmi BodyFat HeartRate Height Weight)
    };
    (batches $check:ident) => {
        $check!(
            Activity ActivitySummary HeartRate HeartRateSummary Bmi BodyFat Height Weight
            BloodGlucose BloodOxygen BloodPressure Sleep SleepSummary GeneticTrait Location Meal
        )
    };
}

fn path_and_query(endpoint: &impl Endpoint) -> Result<String, BuildError> {
    let request = endpoint.request(&Hosts::production())?;
    assert_eq!(request.method(), "GET");
    assert_eq!(request.uri().host(), Some("api.humanapi.co"));
    assert_eq!(endpoint.authorization(), Authorization::AccessToken);
    assert_eq!(endpoint.replay(), Replay::Safe);
    Ok(request.uri().path_and_query().unwrap().to_string())
}

/// The rows of an operation, in the order of the table.
fn routes(operation: Operation) -> Vec<&'static Route> {
    let is_it = |route: &&Route| route.operation == operation;
    ROUTES.iter().filter(is_it).collect()
}

/// Compares the names of calls with those of the rows, so that a row without a test is noticed.
#[track_caller]
fn check_names(operation: Operation, called: &[&str]) {
    let rows: Vec<&str> = routes(operation).iter().map(|route| route.name).collect();
    let missing: Vec<_> = rows.iter().filter(|name| !called.contains(name)).collect();
    assert!(
        missing.is_empty(),
        "in no line of `for_all` here: {missing:?}"
    );
    assert_eq!(rows, called, "in the order of the rows");
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
    check_names(Operation::List, &read);
}

#[test]
fn a_list_that_is_named_at_run_time_is_the_one_of_its_type() {
    let mut lists = ROUTES.iter().filter_map(ListRecords::new);
    let since = "2026-01-02T03:04:05Z".parse().unwrap();
    macro_rules! check {
        ($($record:ident)+) => {$(
            let typed = List::<$record>::new().with_limit(2).with_updated_since(since).with_source("a b");
            let named = lists.next().unwrap().with_limit(2).with_updated_since(since).with_source("a b");
            assert_eq!(named.name(), typed.name());
            assert_eq!(path_and_query(&named), path_and_query(&typed));
            // A page that is not full is the end of a list that comes all at once, and of no other.
            for body in [r#"[{"id":"a"},{"id":"b"}]"#, r#"[{"id":"a"},null]"#, r#"[{"id":"a"}]"#, "[]"] {
                let typed = typed.parse(answer(200, body), now()).unwrap();
                let named = named.parse(answer(200, body), now()).unwrap();
                let next = |query: Option<String>| query.unwrap_or_default();
                assert_eq!(
                    next(named.next.map(|call| path_and_query(&call).unwrap())),
                    next(typed.next.map(|call| path_and_query(&call).unwrap())),
                );
                assert_eq!((named.end, named.drift), (typed.end, typed.drift));
                assert!(named.items.iter().map(Record::raw).eq(typed.items.iter().map(|item| item.raw())));
                assert!(named.odd.iter().map(Record::raw).eq(typed.odd.iter().map(Record::raw)));
            }
            assert!(!format!("{named:?}").contains("a b"));
        )+};
    }
    for_all!(lists check);
    assert_eq!(lists.next().map(|list| list.name()), None);
}

#[test]
fn days_are_refused_where_a_list_takes_none() {
    let day = jiff::civil::date(2026, 1, 2);
    for list in ROUTES.iter().filter_map(ListRecords::new) {
        let has_days = list.has_days();
        match path_and_query(&list.with_days(day, day)) {
            Ok(path) => {
                assert!(has_days && path.ends_with("start_date=2026-01-02&end_date=2026-01-02"))
            }
            Err(error) => assert!(
                !has_days && error.to_string().contains("left out"),
                "{error}"
            ),
        }
    }
}

#[test]
fn every_record_with_an_id_is_read_by_it() {
    let mut read = Vec::new();
    macro_rules! check {
        ($($record:ident)+) => {$(
            let call = ById::<$record>::new("a/b");
            let row = routes(Operation::ById)[read.len()];
            assert_eq!(path_and_query(&call).unwrap(), row.path.replace("{id}", "a%2Fb"));
            for id in ["", ".", ".."] {
                assert!(path_and_query(&ById::<$record>::new(id)).is_err());
            }
            let record = call.parse(answer(200, r#"{"id":"a/b"}"#), now()).unwrap();
            assert_eq!(record.id().as_deref(), Some("a/b"));
            let missing = call.parse(answer(404, REFUSAL), now());
            assert!(matches!(missing, Err(ResponseError::Api(_))));
            assert!(!format!("{call:?}").contains("a/b"));
            // So it is where its kind is named at run time.
            let named = ReadRecord::new(row, "a/b").unwrap();
            assert_eq!((named.name(), path_and_query(&named)), (call.name(), path_and_query(&call)));
            let sent = named.parse(answer(200, r#"{"id":"a/b"}"#), now()).unwrap();
            assert_eq!(sent.raw(), record.raw());
            assert!(matches!(named.parse(answer(404, REFUSAL), now()), Err(ResponseError::Api(_))));
            assert!(!format!("{named:?}").contains("a/b"));
            read.push(call.name());
        )+};
    }
    for_all!(by_id check);
    check_names(Operation::ById, &read);
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
    let rows = routes(Operation::Raw);
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
fn series_come_with_one_record_too() {
    let call = ById::<Activity>::new("a").with_time_series();
    assert_eq!(
        path_and_query(&call).unwrap(),
        "/v1/human/activities/a?time_series=true"
    );
    assert_ne!(call, ById::new("a"));
    let call = ById::<Sleep>::new("a").with_time_series();
    assert_eq!(
        path_and_query(&call).unwrap(),
        "/v1/human/sleeps/a?time_series=true"
    );
}

#[test]
fn every_daily_list_is_read_by_the_day() {
    let day = jiff::civil::date(2026, 1, 2);
    let mut read = Vec::new();
    macro_rules! check {
        ($($record:ident)+) => {$(
            let call = OnDay::<$record>::new(day);
            let path = format!("{}/daily/2026-01-02", <$record as Resource>::PATH);
            assert_eq!(path_and_query(&call).unwrap(), format!("{path}?limit=50"));
            let narrowed = call.clone().with_limit(2).with_source("a b");
            let query = "limit=2&source=a%20b";
            assert_eq!(path_and_query(&narrowed).unwrap(), format!("{path}?{query}"));

            // A page that is full is followed by the next.
            let page = narrowed.parse(answer(200, r#"[{"id":"a"},{"id":"b"}]"#), now()).unwrap();
            let query = "limit=2&offset=1&source=a%20b";
            let second = page.next.unwrap();
            assert_eq!(path_and_query(&second).unwrap(), format!("{path}?{query}"));
            // Another address need not have the same order.
            assert!(matches!(second.parse(answer(404, REFUSAL), now()), Err(ResponseError::Api(_))));

            // What has no address of its own is a part of the list, if the service says so.
            let query = "limit=2&source=a%20b&start_date=2026-01-02&end_date=2026-01-02";
            let path = format!("{}?{query}", <$record as Resource>::PATH);
            let page = narrowed.parse(answer(404, REFUSAL), now()).unwrap();
            assert!(page.items.is_empty() && page.end.is_none());
            let list = page.next.unwrap();
            assert_eq!(path_and_query(&list).unwrap(), path);
            let page = list.parse(answer(200, r#"[{"id":"a"},{"id":"b"}]"#), now()).unwrap();
            let next = path_and_query(&page.next.unwrap()).unwrap();
            assert_eq!(next, path.replace("limit=2", "limit=2&offset=1"));
            assert!(matches!(list.parse(answer(404, REFUSAL), now()), Err(ResponseError::Api(_))));
            // Whether there is nothing is for the list alone to say, and for the service's own word.
            for (call, status) in [(&list, 404), (&narrowed, 404), (&second, 404), (&narrowed, 403)] {
                let gateway = call.parse(answer(status, "<html>"), now());
                assert!(matches!(gateway, Err(ResponseError::Intermediary(_))));
            }
            assert!(!format!("{narrowed:?}").contains("a b"));
            read.push(call.name());
        )+};
    }
    for_all!(daily_lists check);
    let rows = routes(Operation::OnDay);
    let rows = rows.iter().filter(|row| row.path.contains("/daily/"));
    assert!(rows.map(|row| row.name).eq(read));
}

#[test]
fn every_summary_is_read_by_the_day_as_one_record_or_as_several() {
    let day = jiff::civil::date(2026, 1, 2);
    let mut read = Vec::new();
    macro_rules! check {
        ($($record:ident)+) => {$(
            let call = OnDay::<$record>::new(day);
            let path = format!("{}/2026-01-02", <$record as Resource>::PATH);
            assert_eq!(path_and_query(&call).unwrap(), path);
            let narrowed = call.clone().with_source("a b");
            assert_eq!(path_and_query(&narrowed).unwrap(), format!("{path}?source=a%20b"));
            let ids = |status, body| {
                let page = call.parse(answer(status, body), now()).unwrap();
                assert!(page.next.is_none());
                assert_eq!(page.end, Some(ListEnd::AllAtOnce));
                let ids = page.items.iter().map(|item| item.id().unwrap().into_owned());
                (ids.collect::<Vec<_>>(), page.odd.len(), page.drift)
            };
            assert_eq!(ids(200, r#" {"id":"a"} "#), (vec!["a".to_owned()], 0, vec![]));
            let both = vec!["a".to_owned(), "b".to_owned()];
            assert_eq!(ids(200, r#"[{"id":"a"},{"id":"b"}]"#), (both, 0, vec![]));
            let odd = vec![Drift::NoRecord { places: 1 }];
            assert_eq!(ids(200, r#"[null,{"id":"b"}]"#), (vec!["b".to_owned()], 1, odd));
            for (status, none) in [(200, "{}"), (200, "[]"), (404, REFUSAL)] {
                assert_eq!(ids(status, none), (vec![], 0, vec![]));
            }
            let gateway = call.parse(answer(404, "<html>"), now());
            assert!(matches!(gateway, Err(ResponseError::Intermediary(_))));
            assert!(call.parse(answer(200, "7"), now()).is_err());
            read.push(call.name());
        )+};
    }
    for_all!(daily_summaries check);
    let rows = routes(Operation::OnDay);
    let rows = rows.iter().filter(|row| !row.path.contains("/daily/"));
    assert!(rows.map(|row| row.name).eq(read));
}

#[test]
fn a_day_that_the_documented_spelling_cannot_hold_is_refused() {
    let day = jiff::civil::date(-44, 3, 15);
    assert!(path_and_query(&OnDay::<Activity>::new(day)).is_err());
    assert!(path_and_query(&OnDay::<ActivitySummary>::new(day)).is_err());
    assert!(path_and_query(&List::<Activity>::new().with_days(day, day)).is_err());
}

/// Whether what an endpoint gives says that nothing is there.
fn check_maybe<T: std::fmt::Debug>(call: &impl Endpoint<Output = Option<T>>) {
    let read = |status, body| call.parse(answer(status, body), now());
    assert!(read(200, r#"{"id":"a"}"#).unwrap().is_some());
    assert!(read(200, " { } ").unwrap().is_none());
    assert!(read(404, REFUSAL).unwrap().is_none());
    // That nothing is there is the service's to say.
    assert!(matches!(
        read(404, "<html>"),
        Err(ResponseError::Intermediary(_))
    ));
}

#[test]
fn the_latest_record_may_be_missing() {
    let mut read = Vec::new();
    macro_rules! check {
        ($($record:ident)+) => {$(
            let call = Latest::<$record>::new();
            let row = routes(Operation::Latest)[read.len()];
            assert_eq!(path_and_query(&call).unwrap(), row.path);
            check_maybe(&call);
            read.push(call.name());
        )+};
    }
    for_all!(latest check);
    check_names(Operation::Latest, &read);
}

#[test]
fn what_a_user_has_one_of_is_read_by_one_endpoint() {
    let (summary, profile) = (ReadHealthSummary::new(), ReadProfile::new());
    let medical = ReadMedicalProfile::new();
    assert_eq!(path_and_query(&summary).unwrap(), "/v1/human");
    assert_eq!(path_and_query(&profile).unwrap(), "/v1/human/profile");
    assert_eq!(
        path_and_query(&medical).unwrap(),
        "/v1/human/medical/profile"
    );
    check_maybe(&medical);
    assert!(summary.parse(answer(200, "{}"), now()).is_ok());
    for missing in [
        summary.parse(answer(404, REFUSAL), now()).map(drop),
        profile.parse(answer(404, REFUSAL), now()).map(drop),
    ] {
        assert!(matches!(missing, Err(ResponseError::Api(_))));
    }
    check_names(
        Operation::Single,
        &[summary.name(), profile.name(), medical.name()],
    );
}

#[test]
fn genotypes_are_asked_for_by_their_places() {
    let call = ListGenotypes::new(["rs1", "i5000001"]);
    let path = "/v1/human/genetic/genotypes?locations=rs1%20i5000001";
    assert_eq!(path_and_query(&call).unwrap(), path);
    assert_eq!(format!("{call:?}"), "ListGenotypes { .. }");
    check_names(Operation::Genotypes, &[call.name()]);
    for ids in [
        &[][..],
        &[""],
        &["rs1 rs2"],
        &["rs1", "a,b"],
        &["rs\u{e9}"],
        &["rs1&a=b"],
    ] {
        let refused = path_and_query(&ListGenotypes::new(ids.iter().copied()));
        assert!(matches!(
            refused,
            Err(BuildError::OutOfRange {
                name: "locations",
                ..
            })
        ));
    }
    let json = r#"[{"location":"rs1","genotype":"AA"}]"#;
    let page = call.parse(answer(200, json), now()).unwrap();
    assert_eq!(page.items[0].genotype().as_deref(), Some("AA"));
    let page = call.parse(answer(200, r#"{"rs1":"AA"}"#), now()).unwrap();
    assert_eq!(page.items[0].raw(), br#"{"rs1":"AA"}"#);
}

fn app() -> (ClientId, AppKey) {
    let id = ClientId::new("1111/a b").unwrap();
    (id, AppKey::new("canary-key").unwrap())
}

/// Method, path with query, and body of a call that the application's key authorizes.
fn app_request(endpoint: &impl Endpoint) -> Result<(String, String, String), BuildError> {
    let request = endpoint.request(&Hosts::production())?;
    assert_eq!(request.uri().host(), Some("api.humanapi.co"));
    assert_eq!(endpoint.authorization(), Authorization::InRequest);
    let authorization = &request.headers()["authorization"];
    assert_eq!(authorization, "Basic Y2FuYXJ5LWtleTo=");
    assert!(authorization.is_sensitive());
    let body = String::from_utf8(request.body().as_bytes().to_vec()).unwrap();
    let path = request.uri().path_and_query().unwrap().to_string();
    Ok((request.method().to_string(), path, body))
}

#[test]
fn what_all_users_recorded_is_read_a_page_at_a_time() {
    let mut read = vec!["apps.users"];
    let base = "/v1/apps/1111%2Fa%20b/users";
    macro_rules! check {
        ($($record:ident)+) => {$(
            let (id, key) = app();
            let call = Batch::<$record>::new(id, key).with_limit(2);
            let path = format!("{base}{}", <$record as BatchResource>::BATCH_PATH);
            let (method, line, body) = app_request(&call).unwrap();
            assert_eq!((&*method, line, &*body), ("GET", format!("{path}?limit=2"), ""));
            let of_two = r#"[{"humanId":"a","id":"1"},{"humanId":"b","id":"2"}]"#;
            let page = call.parse(answer(200, of_two), now()).unwrap();
            assert_eq!(page.items[1].human_id().as_deref(), Some("b"));
            let (_, line, _) = app_request(&page.next.unwrap()).unwrap();
            // Pages of records without ids share none.
            let has_id = <$record>::FIELDS.iter().any(|field| field.name == "id");
            let offset = if has_id { 1 } else { 2 };
            assert_eq!(line, format!("{path}?limit=2&offset={offset}"));
            let shown = format!("{call:?}");
            assert!(!shown.contains("canary") && !shown.contains("1111"), "{shown}");
            read.push(call.name());
        )+};
    }
    for_all!(batches check);
    let rows = routes(Operation::Batch);
    assert!(rows.iter().map(|route| route.name).eq(read));
}

#[test]
fn the_users_of_an_application_are_listed_made_read_and_deleted() {
    const USER: &str = r#"{"humanId":"a","externalId":"robin-\"001\"","appId":"1111"}"#;
    let base = "/v1/apps/1111%2Fa%20b/users";
    let (id, key) = app();
    let list = ListUsers::new(id.clone(), key.clone());
    assert_eq!(app_request(&list).unwrap().1, format!("{base}?limit=50"));
    let all: Page<_, _> = list.parse(answer(200, "[{},{}]"), now()).unwrap();
    assert_eq!((all.items.len(), all.end), (2, Some(ListEnd::AllAtOnce)));

    let external = ClientUserId::new("robin-\"001\"").unwrap();
    let create = CreateUser::new(id.clone(), key.clone(), external);
    let (method, path, body) = app_request(&create).unwrap();
    assert_eq!((&*method, &*path), ("POST", base));
    assert_eq!(body, r#"{"externalId":"robin-\"001\""}"#);
    assert_eq!(create.replay(), Replay::OnlyIfNotSent);
    for status in [201, 200] {
        let user = create.parse(answer(status, USER), now()).unwrap();
        assert_eq!(user.external_id().as_deref(), Some("robin-\"001\""));
    }

    let human = || HumanId::new("a/../b");
    let read = ReadUser::new(id.clone(), key.clone(), human());
    let (method, path, _) = app_request(&read).unwrap();
    assert_eq!((&*method, path), ("GET", format!("{base}/a%2F..%2Fb")));
    assert_eq!(
        read.parse(answer(200, USER), now())
            .unwrap()
            .human_id()
            .as_deref(),
        Some("a")
    );

    let delete = DeleteUser::new(id.clone(), key.clone(), human());
    let (method, path, _) = app_request(&delete).unwrap();
    assert_eq!((&*method, path), ("DELETE", format!("{base}/a%2F..%2Fb")));
    assert_eq!(
        (read.replay(), delete.replay()),
        (Replay::Safe, Replay::Safe)
    );
    delete.parse(answer(204, ""), now()).unwrap();
    assert!(
        app_request(&DeleteUser::new(
            id.clone(),
            key.clone(),
            HumanId::new("..")
        ))
        .is_err()
    );
    assert!(app_request(&ReadUser::new(id, key, HumanId::new(""))).is_err());

    let kind = |error: ResponseError| match error {
        ResponseError::Api(error) => (error.kind(), error.remedy()),
        other => panic!("{other:?}"),
    };
    let (twice, _) = kind(delete.parse(answer(404, REFUSAL), now()).unwrap_err());
    assert_eq!(twice, ApiErrorKind::NotFound);
    let (refused, remedy) = kind(read.parse(answer(401, REFUSED_KEY), now()).unwrap_err());
    assert_eq!(refused, ApiErrorKind::InvalidCredentials);
    assert!(remedy.contains("app key"), "{remedy}");
    let (refused, remedy) = kind(
        list.parse(answer(403, OTHER_APPLICATION), now())
            .unwrap_err(),
    );
    assert_eq!(refused, ApiErrorKind::NotAuthorized);
    assert!(remedy.contains("app key"), "{remedy}");
    for shown in [
        format!("{create:?}"),
        format!("{read:?}"),
        format!("{delete:?}"),
    ] {
        assert!(shown.ends_with("User(…)"), "{shown}");
    }
    check_names(Operation::CreateUser, &[create.name()]);
    check_names(Operation::ReadUser, &[read.name()]);
    check_names(Operation::DeleteUser, &[delete.name()]);
}

#[test]
fn a_query_has_the_parameters_of_its_row() {
    let moment: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let day = jiff::civil::date(2026, 1, 2);
    macro_rules! all {
        ($call:expr) => {
            $call
                .with_limit(2)
                .with_offset(2)
                .with_created_since(moment)
                .with_created_before(moment)
                .with_updated_since(moment)
                .with_updated_before(moment)
                .with_source("a")
        };
    }
    #[track_caller]
    fn check(operation: Operation, endpoint: &impl Endpoint) {
        let request = endpoint.request(&Hosts::production()).unwrap();
        let pairs = request.uri().query().unwrap_or_default().split('&');
        let sent: HeaderMap = pairs
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, _)| (name.parse().unwrap(), "x".parse().unwrap()))
            .collect();
        let sent: BTreeSet<&str> = sent.keys().map(|name| name.as_str()).collect();
        let row = routes(operation);
        let row = row.iter().find(|row| row.name == endpoint.name()).unwrap();
        assert_eq!(sent, row.query.iter().copied().collect());
    }
    let days = all!(List::<Activity>::new())
        .with_days(day, day)
        .with_time_series();
    check(Operation::List, &days);
    check(
        Operation::List,
        &all!(List::<Meal>::new()).with_days(day, day),
    );
    check(Operation::List, &all!(List::<Allergy>::new()));
    check(Operation::OnDay, &all!(OnDay::<Activity>::new(day)));
    check(
        Operation::OnDay,
        &OnDay::<SleepSummary>::new(day).with_source("a"),
    );
    check(Operation::ById, &ById::<Sleep>::new("a").with_time_series());
    check(Operation::ById, &ById::<Allergy>::new("a"));
    check(Operation::Genotypes, &ListGenotypes::new(["rs1"]));
    let (id, key) = app();
    check(Operation::Batch, &all!(Batch::<Activity>::new(id, key)));
}

/// What is put into a path for its names: the eight measurements, and the medical records with ids.
const MEASUREMENTS: &str =
    "blood_glucose blood_oxygen blood_pressure bmi body_fat heart_rate height weight";
const MEDICAL: &str = "allergies encounters functional_statuses immunizations instructions issues \
    medications narratives organizations plans_of_care procedures test_results vitals demographics \
    social_history";
const BATCHES: &str = "activities activities/summaries heart_rates heart_rate/summaries bmis \
    body_fats heights weights blood_glucoses blood_oxygens blood_pressures sleeps sleeps/summaries \
    genetic_traits locations food/meals";

/// All that the service documents, or was seen to answer, below `/v1`; `{…}` in capitals stands for each of
/// the names above. Not among them are older spellings of what is here:
///
/// * `activities/summary` and `sleeps/summary`, with or without a day, for `summaries`;
/// * a measurement's `{id}` without `readings`, and `readings/{day}` without `daily`.
const DOCUMENTED: &str = "
    GET /human
    GET /human/profile
    GET /human/sources
    GET /human/activities
    GET /human/activities/{id}
    GET /human/activities/daily/{day}
    GET /human/activities/summaries
    GET /human/activities/summaries/{id}
    GET /human/activities/summaries/{day}
    GET /human/{MEASUREMENT}
    GET /human/{MEASUREMENT}/readings
    GET /human/{MEASUREMENT}/readings/{id}
    GET /human/{MEASUREMENT}/readings/daily/{day}
    GET /human/heart_rate/summaries
    GET /human/heart_rate/summaries/{id}
    GET /human/heart_rate/summaries/{day}
    GET /human/sleeps
    GET /human/sleeps/{id}
    GET /human/sleeps/daily/{day}
    GET /human/sleeps/summaries
    GET /human/sleeps/summaries/{id}
    GET /human/sleeps/summaries/{day}
    GET /human/locations
    GET /human/locations/{id}
    GET /human/locations/daily/{day}
    GET /human/food/meals
    GET /human/food/meals/{id}
    GET /human/genetic/traits
    GET /human/genetic/genotypes
    GET /human/medical/{MEDICAL}
    GET /human/medical/{MEDICAL}/{id}
    GET /human/medical/profile
    GET /human/medical/timeline
    GET /human/medical/ccds
    GET /human/medical/ccds/{id}
    GET /human/medical/ccds/{id}/raw
    GET /human/medical/reports
    GET /human/medical/reports/{id}/raw
    GET /apps/{clientId}/users
    POST /apps/{clientId}/users
    GET /apps/{clientId}/users/{humanId}
    DELETE /apps/{clientId}/users/{humanId}
    GET /apps/{clientId}/users/{BATCH}
";

#[test]
fn every_documented_route_has_a_row_and_every_row_is_one() {
    let mut documented = BTreeSet::new();
    for line in DOCUMENTED.lines().filter(|line| !line.trim().is_empty()) {
        let (method, path) = line.trim().split_once(' ').unwrap();
        let (mark, names) = [
            ("{MEASUREMENT}", MEASUREMENTS),
            ("{MEDICAL}", MEDICAL),
            ("{BATCH}", BATCHES),
        ]
        .into_iter()
        .find(|(mark, _)| path.contains(mark))
        .unwrap_or(("{}", "once"));
        for name in names.split_whitespace() {
            documented.insert(format!("{method} /v1{}", path.replace(mark, name)));
        }
    }
    let rows = ROUTES
        .iter()
        .map(|row| format!("{} {}", row.method, row.path));
    let rows: BTreeSet<String> = rows.collect();
    let undocumented: Vec<_> = rows.difference(&documented).collect();
    assert!(
        undocumented.is_empty(),
        "not in DOCUMENTED: {undocumented:?}"
    );
    let missing: Vec<_> = documented.difference(&rows).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    assert_eq!(rows.len(), ROUTES.len(), "a route has one row");
}

#[test]
fn a_name_is_that_of_one_resource() {
    for one in ROUTES {
        assert!(
            one.name.starts_with("data.") || one.name.starts_with("apps."),
            "{}",
            one.name
        );
        // A document is no record.
        let is_same = |other: &&Route| other.name == one.name && other.operation != Operation::Raw;
        for other in ROUTES
            .iter()
            .filter(is_same)
            .filter(|_| one.operation != Operation::Raw)
        {
            assert_eq!(one.fields, other.fields, "{}", one.name);
            assert!(
                one == other || one.operation != other.operation,
                "{}",
                one.name
            );
        }
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
    check!(HealthSummary Profile MedicalProfile AppUser Genotype);
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

const REFUSED_KEY: &str =
    r#"{"statusCode":401,"code":401,"error":"Unauthorized","message":"The key is not valid"}"#;
const OTHER_APPLICATION: &str =
    r#"{"statusCode":403,"code":403,"error":"Forbidden","message":"It is another's key"}"#;

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
