//! The documents that have all operations, and the collections for Postman: what they say beyond the documents that the
//! other tests are about.

use std::collections::BTreeSet;

use humanapi_core::admin::{
    CreateSubscription, ListReports, ListSubscriptions, ListUserProviders, ListUsers, NewOrder,
    NewSubscription, ReadSubscription, SubmitOrder,
};
use humanapi_core::http::header;
use humanapi_testkit::vendor::{Collected, Shown, collected};
use serde_json::{Map, Value};

use crate::contradictions::COLLECTIONS;
use crate::documents::{Operation, combined, operations};
use crate::examples::{Became, answer, expected, read, read_by, user};
use crate::requests::{Said, all, complaint, named, operation_of};

/// The folders of collections, and of how many operations each has some.
const FOLDERS: [(&str, usize); 2] = [("human-api", 5), ("humanapi", 15)];

#[test]
fn the_documents_that_have_all_operations_say_what_those_of_one_each_say() {
    let test = "the vendor's documents of all operations";
    let (Some(single), Some(combined)) = (operations(test), combined(test)) else {
        return;
    };
    for (single, combined) in single.iter().zip(&combined) {
        assert_eq!(single.whole(), combined.whole(), "{}", single.id);
        assert!(single.whole()["operation"].is_object());
    }
}

/// The requests of all collections, each with its operation.
fn requests<'a>(
    test: &str,
    operations: &'a [Operation],
) -> Option<Vec<(Collected, &'a Operation)>> {
    let mut found = Vec::new();
    for (folder, count) in FOLDERS {
        let mut of = BTreeSet::new();
        for request in collected(test, folder)? {
            let mut all = operations.iter();
            let is_it = |one: &&Operation| one.method == request.method && one.path == request.path;
            let operation = all.find(is_it);
            let operation = operation.unwrap_or_else(|| panic!("nothing is {}", request.path));
            of.insert(&operation.id);
            found.push((request, operation));
        }
        assert_eq!(of.len(), count, "{folder}");
    }
    Some(found)
}

/// Whether what one request takes for an answer has room for what another one takes.
fn covers(own: &str, other: &str) -> bool {
    let mut own = own
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim());
    own.any(|range| range == "*/*" || range == other)
}

#[test]
fn every_request_of_the_collections_is_one_that_the_sdk_makes_and_says_nothing_that_it_cannot() {
    let test = "requests by the collections";
    let Some(operations) = operations(test) else {
        return;
    };
    let Some(requests) = requests(test, &operations) else {
        return;
    };
    let mut said = Said::default();
    let own = all();
    for sent in &own {
        assert_eq!(complaint(&operations, sent, &mut said), None);
    }
    let mut elsewhere = BTreeSet::new();
    for (request, operation) in &requests {
        let (id, file) = (&operation.id, &request.file);
        let is_as_documented = (&request.server, request.is_authorized)
            == (&operation.server, operation.is_authorized());
        if !is_as_documented {
            elsewhere.insert(file.as_str());
        }
        let documented: BTreeSet<String> = (operation.parameters().into_iter())
            .filter(|one| one.place == "query")
            .map(|one| one.name)
            .collect();
        let query: BTreeSet<String> = request.query.iter().cloned().collect();
        assert_eq!(query, documented, "{id} of {file}");
        for name in query {
            assert!(
                said.parameters.contains(&(id.clone(), name.clone())),
                "{id}: {name}"
            );
        }
        // Each body that is shown: the request's own, and those that answers are shown for.
        let asked = request
            .answers
            .iter()
            .filter_map(|shown| shown.asked.as_ref());
        let known = operation.body_properties();
        for body in request.body.iter().chain(asked) {
            let mut found = Vec::new();
            named("", body, &mut found);
            assert!(!found.is_empty(), "{id} of {file}");
            for (name, _) in found {
                // Of what a caller makes the names.
                if name.starts_with("clientData.") {
                    continue;
                }
                assert!(known.contains(&name), "{id} of {file}: {name}");
                assert!(
                    said.properties.contains(&(id.clone(), name.clone())),
                    "{id}: {name}"
                );
            }
        }
        assert_eq!(
            request.body.is_some(),
            operation.body().is_some(),
            "{id} of {file}"
        );
        let ours: Vec<_> = (own.iter())
            .filter(|sent| operation_of(&operations, &sent.request).0.id == *id)
            .collect();
        assert!(!ours.is_empty(), "{id}");
        for (name, value) in &request.headers {
            let fits = |own: &str| match name.as_str() {
                "accept" => covers(own, value),
                "content-type" => own == value,
                _ => panic!("{id} of {file} has a header {name}"),
            };
            let fit = ours.iter().filter(|sent| {
                let own = sent.request.headers().get(name);
                own.is_some_and(|own| fits(own.to_str().unwrap()))
            });
            assert_eq!(fit.count(), ours.len(), "{id} of {file}: {name}");
        }
        let has_type = request
            .headers
            .iter()
            .any(|(name, _)| name == header::CONTENT_TYPE.as_str());
        assert_eq!(has_type, request.body.is_some(), "{id} of {file}");
    }
    let known: BTreeSet<&str> = COLLECTIONS.iter().map(|(file, _)| *file).collect();
    assert_eq!(elsewhere, known);
    assert!(COLLECTIONS.iter().all(|(_, why)| !why.is_empty()));
}

#[test]
fn every_answer_that_a_collection_shows_is_read() {
    let test = "answers in the collections";
    let Some(operations) = operations(test) else {
        return;
    };
    let Some(requests) = requests(test, &operations) else {
        return;
    };
    let (mut read, mut lost, mut refused) = (0, 0, 0);
    for (request, operation) in &requests {
        for shown in &request.answers {
            let Shown {
                status,
                content_type,
                body,
                ..
            } = shown;
            let response = answer(*status, content_type, body.clone());
            let became = read_by(&operation.id, response);
            let at = format!("{status} of {} in {}", operation.id, request.file);
            // No document says what a token comes in, so an answer is shown without one.
            if operation.path.ends_with("/token") {
                assert_eq!((*status, body.as_str()), (200, ""), "{at}");
                assert!(matches!(became, Became::Lost(_)), "{at}: {became:?}");
                lost += 1;
                continue;
            }
            let body: Value = match body.as_str() {
                "" => Value::Null,
                text => serde_json::from_str(text).unwrap(),
            };
            assert_eq!(became, expected(&operation.id, *status, &body), "{at}");
            read += 1;
            if *status >= 400 {
                // A refusal is shown as the documents show it.
                let mut examples = operation.examples().into_iter();
                let is_it = |status| status == Some(shown.status);
                assert!(
                    examples.any(|one| is_it(one.status) && one.value == body),
                    "{at}"
                );
                refused += 1;
            }
        }
    }
    assert_eq!((read, lost, refused), (51, 4, 34), "as many as there are");
}

#[test]
fn of_each_answer_that_a_collection_shows_everything_is_understood() {
    let test = "fields in the collections";
    let Some(operations) = operations(test) else {
        return;
    };
    let Some(requests) = requests(test, &operations) else {
        return;
    };
    let subscription = || NewSubscription::new(user(), "producer-9@example.test").unwrap();
    let nothing = |other: &Map<String, Value>, at: &str| assert!(other.is_empty(), "{at}");
    // What is shown for an address of a person is none, so it is left as it came.
    let kept = |other: &Map<String, Value>, at: &str| {
        let names: Vec<&String> = other.keys().collect();
        assert_eq!(names, ["inviteLink"], "{at}");
    };
    let mut seen = BTreeSet::new();
    for (request, operation) in &requests {
        let id = operation.id.as_str();
        for shown in request.answers.iter().filter(|shown| shown.status < 300) {
            let response = answer(shown.status, &shown.content_type, shown.body.clone());
            let at = format!("{id} in {}", request.file);
            match id {
                "getUsersList" => {
                    let page = read(&ListUsers::new(), response).unwrap();
                    assert_eq!(page.items.len(), 2, "{at}");
                    for user in page.items {
                        kept(&user.other, &at);
                        assert_eq!(user.human_id.as_str(), "string");
                        assert!(
                            user.birth_date.is_some() && user.updated_at.is_some(),
                            "{at}"
                        );
                    }
                }
                "createUser" => {
                    let submitted =
                        read(&SubmitOrder::new(NewOrder::new(user())), response).unwrap();
                    kept(&submitted.user.other, &at);
                    assert_eq!(submitted.status.as_u16(), shown.status);
                }
                "userProviders" => {
                    for provider in read(&ListUserProviders::new(user()), response).unwrap() {
                        nothing(&provider.other, &at);
                        assert!(provider.id.is_some() && provider.name.is_some(), "{at}");
                    }
                }
                "getUsersSubscriptions" => {
                    let list = ListSubscriptions::new(user(), "producer-9@example.test");
                    for one in read(&list, response).unwrap().items {
                        nothing(&one.other, &at);
                        assert!(
                            one.role.is_some() && one.subscriber_office.is_some(),
                            "{at}"
                        );
                    }
                }
                "createSubscription" => {
                    let one = read(&CreateSubscription::new(subscription()), response).unwrap();
                    nothing(&one.other, &at);
                    assert!(one.subscriber_last_name.is_some(), "{at}");
                }
                "getSubscriptionDetails" => {
                    let one = read(&ReadSubscription::new("65a0"), response)
                        .unwrap()
                        .unwrap();
                    nothing(&one.other, &at);
                    assert!(one.client_user_id.is_some(), "{at}");
                }
                "getUserReports" => {
                    let groups = read(&ListReports::new(user()), response).unwrap();
                    assert_eq!(groups.len(), 2, "{at}");
                    for report in groups.iter().flat_map(|group| &group.reports) {
                        assert!(
                            report.format().is_some() && report.created_at.is_some(),
                            "{at}"
                        );
                    }
                }
                _ => continue,
            }
            seen.insert(id);
        }
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}
