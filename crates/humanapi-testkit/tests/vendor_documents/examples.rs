//! Every example in the documents, against its own schema and through our readers.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use humanapi_core::admin::{
    ActOnUser, CreateSubscription, DeleteSubscription, ListOrderTypes, ListReports,
    ListSubscriptions, ListUserProviders, ListUsers, MakeConsumerLink, NewOrder, NewSubscription,
    OrderState, ReadReport, ReadSubscription, ReadUser, SubmitOrder,
};
use humanapi_core::auth::{IssueClientToken, IssueSessionToken};
use humanapi_core::http::StatusCode;
use humanapi_core::{
    ApiErrorKind, Body, ClientUserId, Credentials, Endpoint, HumanId, Now, Response, ResponseError,
};
use serde_json::Value;

use crate::contradictions::{CORRECTIONS, EXAMPLES};
use crate::documents::{Example, operations};

pub(crate) fn user() -> ClientUserId {
    ClientUserId::new("policy-000417").unwrap()
}

/// An answer with this body.
pub(crate) fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let content_type = content_type.parse().unwrap();
    response.headers_mut().insert("content-type", content_type);
    response
}

fn json(status: u16, body: &Value) -> Response {
    answer(status, "application/json", body.to_string())
}

pub(crate) fn read<E: Endpoint>(
    endpoint: &E,
    response: Response,
) -> Result<E::Output, ResponseError> {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    endpoint.parse(response, now)
}

/// What became of an answer: read, read as nothing, or an error of this kind of this request.
#[derive(Debug, PartialEq)]
pub(crate) enum Became {
    Read,
    Error(ApiErrorKind, String),
    Lost(String),
}

fn became<T>(read: Result<T, ResponseError>) -> Became {
    match read {
        Ok(_) => Became::Read,
        Err(ResponseError::Api(error)) => Became::Error(
            error.kind(),
            error.request_id().unwrap_or_default().to_owned(),
        ),
        Err(error) => Became::Lost(error.to_string()),
    }
}

/// Has the operation of this id read the answer.
pub(crate) fn read_by(id: &str, answer: Response) -> Became {
    let credentials = || Credentials::new("0123456789abcdef", "made-up-secret").unwrap();
    let human = || HumanId::new("7a1d0c55");
    let subscription = || NewSubscription::new(user(), "producer-9@example.test").unwrap();
    match id {
        "getOrderTypes" => became(read(&ListOrderTypes::new(), answer)),
        "getUsersList" => became(read(&ListUsers::new(), answer)),
        "createUser" => became(read(&SubmitOrder::new(NewOrder::new(user())), answer)),
        "performActionForUser" => became(read(&ActOnUser::abort(user()), answer)),
        "getUserDetails" => became(read(&ReadUser::new(human()), answer)),
        "userProviders" => became(read(&ListUserProviders::new(user()), answer)),
        "getUsersSubscriptions" => {
            let list = ListSubscriptions::new(user(), "producer-9@example.test");
            became(read(&list, answer))
        }
        "createSubscription" => became(read(&CreateSubscription::new(subscription()), answer)),
        "getSubscriptionDetails" => became(read(&ReadSubscription::new("65a0"), answer)),
        "deleteSubscription" => became(read(&DeleteSubscription::new("65a0"), answer)),
        "getUserReports" => became(read(&ListReports::new(user()), answer)),
        "getReportById" => became(read(&ReadReport::new("rep-1"), answer)),
        "getTasksLiistLink" => became(read(&MakeConsumerLink::new(user()), answer)),
        "/v1/admin/token" => became(read(&IssueClientToken::new(credentials()), answer)),
        "/v1/connect/token" => {
            let session = IssueSessionToken::new(credentials(), user());
            became(read(&session, answer))
        }
        _ => panic!("{id} has no answers that are documented"),
    }
}

/// What has to become of an answer of this status.
pub(crate) fn expected(id: &str, status: u16, body: &Value) -> Became {
    // What is not there is nothing, where something is read and not changed.
    let is_reading = id.starts_with("get") && id != "getReportById" && id != "getTasksLiistLink";
    let kind = match status {
        200..300 => return Became::Read,
        404 if is_reading || id == "userProviders" => return Became::Read,
        400 => ApiErrorKind::InvalidRequest,
        401 => ApiErrorKind::InvalidToken,
        404 => ApiErrorKind::NotFound,
        409 => ApiErrorKind::Conflict,
        _ => ApiErrorKind::ServiceFailure,
    };
    let request = body["x-humanapi-request-id"].as_str().unwrap();
    Became::Error(kind, request.to_owned())
}

#[test]
fn every_example_of_an_answer_is_read() {
    let Some(operations) = operations("examples in the vendor's documents") else {
        return;
    };
    let mut count = 0;
    for operation in &operations {
        for example in operation.examples() {
            let Some(status) = example.status else {
                continue;
            };
            let became = read_by(&operation.id, json(status, &example.value));
            let at = &example.at;
            assert_eq!(
                became,
                expected(&operation.id, status, &example.value),
                "{} of {at}",
                operation.id
            );
            count += 1;
        }
    }
    assert_eq!(count, 35, "as many as there are");
}

#[test]
fn of_each_example_everything_is_understood() {
    let Some(operations) = operations("fields in the vendor's documents") else {
        return;
    };
    let examples = |id: &str| -> Vec<Example> {
        let mut found = operations.iter().filter(|operation| operation.id == id);
        let examples = found.next().unwrap().examples();
        examples
            .into_iter()
            .filter(|example| example.status == Some(200))
            .collect()
    };
    let types = json(200, &examples("getOrderTypes")[0].value);
    let types = read(&ListOrderTypes::new(), types).unwrap();
    assert!(types.iter().all(|kind| kind.other.is_empty()));
    assert_eq!(types.len(), 1);
    let mut states = Vec::new();
    for example in examples("getUserDetails") {
        let user = ReadUser::new(HumanId::new("7a1d"));
        let user = read(&user, json(200, &example.value)).unwrap().unwrap();
        assert!(user.other.is_empty(), "{}", example.at);
        assert!(
            user.birth_date.is_some() && user.created_at.is_some() && user.client_user_id.is_some()
        );
        states.extend(user.orders.iter().map(|order| {
            assert!(order.other.is_empty());
            order.state.clone().unwrap()
        }));
    }
    assert_eq!(states, [OrderState::Pended, OrderState::Completed]);
    for example in examples("getUserReports") {
        let groups = read(&ListReports::new(user()), json(200, &example.value)).unwrap();
        let reports: Vec<_> = groups.iter().flat_map(|group| &group.reports).collect();
        assert_eq!((groups.len(), reports.len()), (2, 2));
        for report in reports {
            assert!(report.format().is_some() && report.created_at.is_some());
        }
    }
    let link = &examples("getTasksLiistLink")[0].value;
    assert!(read(&MakeConsumerLink::new(user()), json(200, link)).is_ok());
}

#[test]
fn the_documents_contradict_themselves_where_we_say_and_nowhere_else() {
    let Some(operations) = operations("contradictions in the vendor's documents") else {
        return;
    };
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    for operation in &operations {
        for example in operation.examples() {
            // Requests are held against what is corrected: that the zip is a text is one contradiction, and not four.
            let validator = operation.validator(&example.schema, example.status.is_none());
            if !validator.is_valid(&example.value) {
                wrong.insert(example.at);
            }
        }
    }
    let known: BTreeSet<String> = EXAMPLES.iter().map(|(at, _)| (*at).to_owned()).collect();
    assert_eq!(wrong, known);
    assert!(EXAMPLES.iter().all(|(_, why)| !why.is_empty()));
    // A correction of what no document says any more would hide something.
    for correction in &CORRECTIONS {
        let create = operations
            .iter()
            .find(|operation| operation.id == "createUser")
            .unwrap();
        let request = create
            .examples()
            .into_iter()
            .filter(|example| example.status.is_none());
        let as_written = create.validator(&create.body().unwrap(), false);
        let refused = request
            .filter(|example| !as_written.is_valid(&example.value))
            .count();
        assert_eq!(refused, 1, "{}", correction.at);
    }
}
