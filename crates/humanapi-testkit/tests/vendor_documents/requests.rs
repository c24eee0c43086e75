//! Every request that the SDK builds, against the documents.

use std::collections::{BTreeMap, BTreeSet};

use humanapi_core::admin::{
    ActOnUser, Address, Attachment, AttachmentKind, BirthDate, CreateSubscription,
    DeleteSubscription, Gender, ListOrderTypes, ListReports, ListSubscriptions, ListUserProviders,
    ListUsers, MakeConsumerLink, NewOrder, NewSubscription, Provider, ReadReport, ReadSubscription,
    ReadUser, ReportFormat, SubmitOrder,
};
use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::http::{Method, header};
use humanapi_core::{
    Authorization, ClientUserId, Credentials, Endpoint, Hosts, HumanId, Provisioning, Request,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use crate::documents::{Operation, operations};
use crate::orders::{digits, given};

/// A request, and whether a client token goes with it.
pub(crate) struct Sent {
    pub(crate) request: Request,
    authorization: Authorization,
}

fn sent(endpoint: &impl Endpoint) -> Sent {
    Sent {
        request: endpoint.request(&Hosts::production()).unwrap(),
        authorization: endpoint.authorization(),
    }
}

/// Odd ones: what they are in a path or a query is not what they are in a body.
fn users() -> [ClientUserId; 2] {
    ["policy-000417", "case 41/é?&=#%"].map(|id| ClientUserId::new(id).unwrap())
}

fn humans() -> [HumanId; 2] {
    ["7a1d0c55e2f34b8f9d3b6c0e4f2a1b90", "5c2e/../é ?#%"].map(HumanId::new)
}

fn whole_order() -> NewOrder {
    let address = || {
        let address = Address::new("1 Fixture Way", "Testville", "MA", "02134").unwrap();
        address.with_street2("Flat 2").unwrap()
    };
    let provider = Provider::new("Clinic Zero", address())
        .and_then(|provider| provider.with_organization("Clinics"))
        .and_then(|provider| provider.with_client_provider_id("prov-1"))
        .and_then(|provider| provider.with_phone("555-010-0199"))
        .and_then(|provider| provider.with_fax("(555) 010-0198"))
        .and_then(|provider| provider.with_mrn("mr-1"))
        .and_then(|provider| provider.with_npi("1000000000"))
        .unwrap();
    let today = "2026-11-29".parse().unwrap();
    NewOrder::new("policy-000417")
        .with_email("applicant-417@example.test")
        .and_then(|order| order.with_name("Testina", "Sandboxer"))
        .and_then(|order| order.with_middle_name("Q."))
        .and_then(|order| order.with_ssn("900-12-3456"))
        .and_then(|order| order.with_phone("555-010-0199"))
        .and_then(|order| order.with_order_type("full"))
        .and_then(|order| order.with_client_data("caseNo", 417))
        .and_then(|order| order.with_client_data("rush", true))
        .and_then(|order| order.with_client_data("desk", "north"))
        .and_then(|order| order.with_suggested_source("Clinic Zero"))
        .and_then(|order| order.with_condition("asthma"))
        .unwrap()
        .with_gender(Gender::Female)
        .with_birth_date(BirthDate::parse("4/9/80", today).unwrap())
        .with_auto_invite(false)
        .with_address(address())
        .with_provider(provider)
        .with_attachment(
            Attachment::new(AttachmentKind::HipaaAuthorization, *b"%PDF-1.7\n").unwrap(),
        )
}

/// All kinds of requests that the documents are about, each with nothing and with everything that it can say.
pub(crate) fn all() -> Vec<Sent> {
    let credentials = || Credentials::new("0123456789abcdef", "made-up-secret").unwrap();
    let mut all = vec![
        sent(&IssueClientToken::new(credentials())),
        sent(&ListOrderTypes::new()),
        sent(&ListUsers::new()),
        sent(&SubmitOrder::new(whole_order())),
        sent(&SubmitOrder::new(whole_order().with_gender(Gender::Male))),
        sent(&SubmitOrder::new(whole_order().with_gender(Gender::Other))),
        sent(&ReadReport::new("rep-1")),
        sent(&ReadReport::new("rep-1").with_format(ReportFormat::Pdf)),
        sent(&ReadReport::new("a/b?c")),
        sent(&ReadSubscription::new("65a0f3c2d4b1e09876543bbb")),
        sent(&DeleteSubscription::new("65a0/b")),
    ];
    for user in users() {
        let session = || IssueSessionToken::new(credentials(), user.clone());
        let mut subscription =
            NewSubscription::new(user.clone(), "producer-9@example.test").unwrap();
        let list = ListSubscriptions::new(user.clone(), "producer-9@example.test");
        let of_user = ListUsers::new().with_client_user_id(user.clone());
        all.extend([
            sent(&session()),
            sent(
                &session()
                    .with_email("p17@example.test")
                    .with_extra_scopes(["first"]),
            ),
            sent(&IssueIdToken::new(credentials(), user.clone())),
            sent(&IssueAccessToken::new(
                credentials(),
                Provisioning::Connect,
                user.clone(),
            )),
            sent(&IssueAccessToken::new(
                credentials(),
                Provisioning::Hip,
                user.clone(),
            )),
            sent(&SubmitOrder::new(NewOrder::new(user.clone()))),
            sent(&of_user.with_offset(50)),
            sent(&ActOnUser::abort(user.clone())),
            sent(&ListUserProviders::new(user.clone())),
            sent(&ListReports::new(user.clone())),
            sent(&MakeConsumerLink::new(user.clone())),
            sent(&list.clone()),
            sent(
                &list
                    .with_offset(7)
                    .with_limit(20)
                    .with_query("a&b")
                    .with_sort("-createdAt"),
            ),
            sent(&CreateSubscription::new(subscription.clone())),
        ]);
        subscription = subscription.with_name("Proda", "Fixture").unwrap();
        subscription = subscription.with_office("office-7").unwrap();
        all.push(sent(&CreateSubscription::new(subscription)));
    }
    for human in humans() {
        let of_order = ListReports::new(human.clone()).with_created_by_order("o 1");
        all.extend([
            sent(&ListUsers::new().with_human_id(human.clone())),
            sent(&ActOnUser::resync(human.clone())),
            sent(&ReadUser::new(human.clone())),
            sent(&ListUserProviders::new(human.clone())),
            sent(&of_order),
            sent(&MakeConsumerLink::new(human)),
        ]);
    }
    all
}

/// What a request said, for the check that all that can be said was.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) operations: BTreeSet<String>,
    pub(crate) properties: BTreeSet<(String, String)>,
    pub(crate) parameters: BTreeSet<(String, String)>,
    /// Each text, with the operation and the name.
    texts: BTreeSet<[String; 3]>,
}

impl Said {
    fn say(&mut self, id: &str, name: &str, text: &str) {
        self.texts.insert([id, name, text].map(str::to_owned));
    }
}

/// The operation that a request is for: a path without parameters goes before one with.
pub(crate) fn operation_of<'a>(
    operations: &'a [Operation],
    request: &Request,
) -> (&'a Operation, BTreeMap<String, String>) {
    let fits = |operation: &'a Operation| {
        let values = operation.path_values(request.uri().path())?;
        (operation.method == request.method().as_str()).then_some((operation, values))
    };
    let mut fitting: Vec<_> = operations.iter().filter_map(fits).collect();
    fitting.sort_by_key(|(_, values)| values.len());
    let found = fitting.into_iter().next();
    found.unwrap_or_else(|| panic!("no operation is {} {}", request.method(), request.uri()))
}

/// What is in a body, by its name, that of what lies in something else behind a dot.
pub(crate) fn named<'a>(before: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = format!("{before}{name}");
                named(&format!("{name}."), value, found);
                found.push((name, value));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named(before, item, found)),
        _ => {}
    }
}

/// What is wrong with a request by the documents; nothing where it is as they say.
pub(crate) fn complaint(operations: &[Operation], sent: &Sent, said: &mut Said) -> Option<String> {
    let Sent {
        request,
        authorization,
    } = sent;
    let (operation, path_values) = operation_of(operations, request);
    let id = &operation.id;
    let complaint = |what: &str| Some(format!("{id}: {what}"));
    said.operations.insert(id.clone());
    let url = Url::parse(&request.uri().to_string()).unwrap();
    if url.origin().ascii_serialization() != operation.server {
        return complaint("it goes to another host");
    }
    let needs = if operation.is_authorized() {
        Authorization::ClientToken
    } else {
        Authorization::InRequest
    };
    if *authorization != needs {
        return complaint("it is authorized otherwise");
    }
    let mut given: Vec<(String, String, String)> = Vec::new();
    for (name, value) in path_values {
        given.push(("path".to_owned(), name, value));
    }
    for (name, value) in url.query_pairs() {
        given.push(("query".to_owned(), name.into_owned(), value.into_owned()));
    }
    let parameters = operation.parameters();
    for (place, name, text) in &given {
        let is_it =
            |known: &&crate::documents::Parameter| known.place == *place && known.name == *name;
        let Some(known) = parameters.iter().find(is_it) else {
            return complaint(&format!("it has no parameter {name}"));
        };
        // A parameter is text until its schema says otherwise.
        let value = match known.schema["type"].as_str() {
            Some("integer") => text
                .parse::<i32>()
                .map_or_else(|_| json!(text), |number| json!(number)),
            _ => json!(text),
        };
        if text.is_empty() || !operation.validator(&known.schema, true).is_valid(&value) {
            return complaint(&format!("the parameter {name} has another form"));
        }
        said.parameters.insert((id.clone(), name.clone()));
        said.say(id, name, text);
    }
    for known in parameters.iter().filter(|known| known.is_required) {
        if !given.iter().any(|(_, name, _)| *name == known.name) {
            return complaint(&format!("the parameter {} is missing", known.name));
        }
    }
    let body = request.body().as_bytes();
    match operation.body() {
        None if body.is_empty() => None,
        None => complaint("it has no body"),
        Some(schema) => {
            if request.headers().get(header::CONTENT_TYPE).unwrap() != "application/json" {
                return complaint("its body is of another type");
            }
            let body: Value = serde_json::from_slice(body).unwrap();
            let mut found = Vec::new();
            named("", &body, &mut found);
            for (name, value) in found {
                if let Some(text) = value.as_str() {
                    said.say(id, &name, text);
                }
                said.properties.insert((id.clone(), name));
            }
            let validator = operation.validator(&schema, true);
            let errors: Vec<String> = (validator.iter_errors(&body))
                .map(|error| format!("{} at {}", error, error.instance_path()))
                .collect();
            (!errors.is_empty()).then(|| format!("{id}: {}", errors.join("; ")))
        }
    }
}

#[test]
fn every_kind_of_request_is_as_the_vendors_documents_say_and_says_all_that_they_know() {
    let Some(operations) = operations("requests by the vendor's documents") else {
        return;
    };
    let (mut said, mut words) = (Said::default(), 0);
    for sent in all() {
        assert_eq!(complaint(&operations, &sent, &mut said), None);
    }
    for operation in &operations {
        let id = &operation.id;
        assert!(said.operations.contains(id), "{id} is asked for by nothing");
        for parameter in operation.parameters() {
            let name = (id.clone(), parameter.name);
            assert!(
                said.parameters.contains(&name),
                "{name:?} is said by nothing"
            );
        }
        for property in operation.body_properties() {
            let name = (id.clone(), property);
            assert!(
                said.properties.contains(&name),
                "{name:?} is said by nothing"
            );
        }
        for (name, word) in operation.words() {
            words += 1;
            let word = [id.clone(), name, word];
            assert!(said.texts.contains(&word), "{word:?} is said by nothing");
        }
    }
    assert_eq!(words, 8, "as many as there are");
}

#[test]
fn a_date_of_birth_is_taken_in_each_form_that_the_documents_name() {
    let Some(operations) = operations("dates in the vendor's documents") else {
        return;
    };
    let mut all = operations.iter();
    let create = all.find(|operation| operation.id == "createUser").unwrap();
    let description = create.description("/newUser/properties/dateOfBirth");
    let examples = description.lines().filter_map(|line| {
        let (form, example) = line.split_once("Example: ")?;
        Some((form, example.split_whitespace().next()?))
    });
    let today = "2026-11-29".parse().unwrap();
    let mut count = 0;
    for (form, example) in examples {
        // Where there is a zone, it may be left out.
        for text in [example, example.trim_end_matches('Z')] {
            let read = BirthDate::parse(text, today);
            let sent = NewOrder::new("policy-417").with_birth_date(read.expect(form));
            let request = SubmitOrder::new(sent)
                .request(&Hosts::production())
                .unwrap();
            let body: Value = serde_json::from_slice(request.body().as_bytes()).unwrap();
            let day = body["dateOfBirth"].as_str().unwrap();
            assert!(
                !example.starts_with("1990") || day == "1990-12-30",
                "{form}: {day}"
            );
        }
        count += 1;
    }
    assert_eq!(count, 6, "as many as there are: {description}");
}

#[test]
fn what_the_documents_forbid_is_noticed() {
    let Some(operations) = operations("what the vendor's documents forbid") else {
        return;
    };
    let submit = || sent(&SubmitOrder::new(whole_order()));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut sent = submit();
        let mut body: Value = serde_json::from_slice(sent.request.body().as_bytes()).unwrap();
        change(&mut body);
        *sent.request.body_mut() = body.to_string().into_bytes().into();
        complaint(&operations, &sent, &mut Said::default())
    };
    assert_eq!(changed(&|_| {}), None);
    let wrong: [&dyn Fn(&mut Value); 8] = [
        &|body| body["nickname"] = json!("T."),
        &|body| drop(body.as_object_mut().unwrap().remove("clientUserId")),
        &|body| body["ssn"] = json!("666-12-3456"),
        &|body| body["phone"] = json!("+1 555 010 0199"),
        &|body| body["address"]["zip"] = json!(2134),
        &|body| body["clientData"]["more"] = json!({"a": 1}),
        &|body| body["providers"][0]["address"]["street1"] = Value::Null,
        &|body| body["attachments"][0]["size"] = json!(1),
    ];
    for (place, change) in wrong.into_iter().enumerate() {
        assert!(changed(change).is_some(), "{place}");
    }
    let mut elsewhere = submit();
    *elsewhere.request.uri_mut() = "https://api.humanapi.co/api/v1/users".parse().unwrap();
    assert!(complaint(&operations, &elsewhere, &mut Said::default()).is_some());
    let mut asked = sent(&ListUsers::new());
    *asked.request.uri_mut() = "https://admin.humanapi.co/api/v1/users?limit=5"
        .parse()
        .unwrap();
    assert!(complaint(&operations, &asked, &mut Said::default()).is_some());
    *asked.request.method_mut() = Method::POST;
    assert!(complaint(&operations, &asked, &mut Said::default()).is_some());
}

#[test]
fn every_order_that_can_be_made_is_one_that_the_documents_allow() {
    let Some(operations) = operations("orders by the vendor's documents") else {
        return;
    };
    let create = operations
        .iter()
        .find(|operation| operation.id == "createUser");
    let validator = create.map(|create| create.validator(&create.body().unwrap(), true));
    let validator = validator.unwrap();
    proptest!(|(given in given())| {
        let request = SubmitOrder::new(given.order()).request(&Hosts::production()).unwrap();
        let body: Value = serde_json::from_slice(request.body().as_bytes()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        prop_assert!(errors.is_empty(), "{errors:?} in {body}");
    });
}

#[test]
fn numbers_of_social_security_and_of_telephones_are_taken_exactly_where_the_documents_take_them() {
    let Some(operations) = operations("numbers by the vendor's documents") else {
        return;
    };
    let create = operations
        .iter()
        .find(|operation| operation.id == "createUser");
    let create = create.unwrap();
    let of = |property: &str| {
        let schema = json!({"$ref": format!("#/components/schemas/newUser/properties/{property}")});
        create.validator(&schema, false)
    };
    let (ssn, phone) = (of("ssn"), of("phone"));
    proptest!(|(text in digits())| {
        let order = || NewOrder::new("policy-417");
        let value = json!(text);
        prop_assert_eq!(order().with_ssn(&text).is_ok(), ssn.is_valid(&value), "{} as an SSN", text);
        prop_assert_eq!(order().with_phone(&text).is_ok(), phone.is_valid(&value), "{} as a phone", text);
    });
}
