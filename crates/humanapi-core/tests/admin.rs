//! The Admin API: what goes out for each operation, and what is made of whatever comes back.
//!
//! Values are made up; shapes are the documented ones.
//!
//! One piece: the operations of one API, one after another over the same few checks.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fmt::Debug;
use std::io;
use std::time::{Duration, SystemTime};

use humanapi_core::admin::{
    ActOnUser, Address, AdminList, Attachment, AttachmentError, AttachmentFormat, AttachmentKind,
    BirthDate, CreateSubscription, DeleteSubscription, Gender, ListOrderTypes, ListReports,
    ListSubscriptions, ListUserProviders, ListUsers, MakeConsumerLink, NewOrder, NewSubscription,
    OrderState, OrderedUser, Provider, ReadReport, ReadSubscription, ReadUser, ReportFormat,
    SubmitOrder, UserRef,
};
use humanapi_core::connect::Callback;
use humanapi_core::http::StatusCode;
use humanapi_core::{
    ApiErrorKind, Authorization, Body, BuildError, ClientUserId, Endpoint, Hosts, HumanId, Leeway,
    Now, Replay, Response, ResponseError,
};

mod requests;
use requests::check_request;

const CANARY: &str = "canary-8f3c";

fn now() -> Now {
    Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH)
}

fn user() -> ClientUserId {
    ClientUserId::new("case 41/é").unwrap()
}

fn human() -> HumanId {
    HumanId::new("5c2e/../é ?#%")
}

fn birth_date() -> BirthDate {
    BirthDate::parse("2/7/1971", "2026-11-29".parse().unwrap()).unwrap()
}

fn address() -> Address {
    let address = Address::new("12 Sample Rd", "Mockton", "MA", "02134").unwrap();
    address.with_street2("Flat 3").unwrap()
}

fn provider() -> Provider {
    Provider::new("Dr. Example", address())
        .and_then(|provider| provider.with_organization("Example Practice"))
        .and_then(|provider| provider.with_client_provider_id("prov-9"))
        .and_then(|provider| provider.with_phone("(555) 010-0142"))
        .and_then(|provider| provider.with_fax("555.010.0143"))
        .and_then(|provider| provider.with_mrn("000MR-7"))
        .and_then(|provider| provider.with_npi("1000000009"))
        .unwrap()
}

fn whole_order() -> NewOrder {
    let pdf = Attachment::new(AttachmentKind::HipaaAuthorization, *b"%PDF-1.7\n%%EOF\n").unwrap();
    assert_eq!(pdf.format(), AttachmentFormat::Pdf);
    NewOrder::new(user())
        .with_email("case41@example.test")
        .and_then(|order| order.with_name("Zo\u{eb}", "O'Test \"Q\""))
        .and_then(|order| order.with_middle_name("M."))
        .and_then(|order| order.with_ssn("900-45-6789"))
        .and_then(|order| order.with_phone("555-010-0141"))
        .and_then(|order| order.with_order_type("full"))
        .and_then(|order| order.with_client_data("caseNo", 41))
        .and_then(|order| order.with_client_data("rush", true))
        .and_then(|order| order.with_client_data("desk", "north"))
        .and_then(|order| order.with_suggested_source("Mockton Hospital"))
        .and_then(|order| order.with_condition("asthma"))
        .unwrap()
        .with_gender(Gender::Other)
        .with_birth_date(birth_date())
        .with_auto_invite(false)
        .with_address(address())
        .with_provider(provider())
        .with_attachment(pdf)
}

fn subscription() -> NewSubscription {
    NewSubscription::new(user(), "desk-2@example.test")
        .and_then(|new| new.with_name("Pro", "Ducer"))
        .and_then(|new| new.with_office("office-2"))
        .unwrap()
}

#[test]
fn each_operation_goes_out_as_documented() {
    check_request("admin_order_types", &ListOrderTypes::new());
    check_request("admin_users", &ListUsers::new());
    let one = ListUsers::new()
        .with_human_id(human())
        .with_client_user_id(user());
    check_request("admin_users_narrowed", &one.with_offset(50));
    check_request(
        "admin_submit_least",
        &SubmitOrder::new(NewOrder::new(user())),
    );
    check_request("admin_submit_whole", &SubmitOrder::new(whole_order()));
    check_request("admin_abort", &ActOnUser::abort(user()));
    check_request("admin_resync", &ActOnUser::resync(human()));
    check_request("admin_user", &ReadUser::new(human()));
    check_request("admin_providers", &ListUserProviders::new(user()));
    check_request(
        "admin_providers_by_human_id",
        &ListUserProviders::new(human()),
    );
    let subscriptions = || ListSubscriptions::new(user(), "desk-2@example.test");
    check_request("admin_subscriptions", &subscriptions());
    let narrowed = subscriptions().with_offset(7).with_limit(20);
    let narrowed = narrowed.with_query("a&b").with_sort("-createdAt");
    check_request("admin_subscriptions_narrowed", &narrowed);
    check_request(
        "admin_create_subscription",
        &CreateSubscription::new(subscription()),
    );
    let least = NewSubscription::new(user(), "desk-2@example.test").unwrap();
    check_request(
        "admin_create_subscription_least",
        &CreateSubscription::new(least),
    );
    check_request("admin_subscription", &ReadSubscription::new("65a0/b"));
    check_request(
        "admin_delete_subscription",
        &DeleteSubscription::new("65a0/b"),
    );
    check_request("admin_reports", &ListReports::new(user()));
    let of_order = ListReports::new(human()).with_created_by_order("o 1");
    check_request("admin_reports_of_an_order", &of_order);
    check_request("admin_report", &ReadReport::new("rep/1"));
    let pdf = ReadReport::new("rep/1").with_format(ReportFormat::Pdf);
    check_request("admin_report_as_pdf", &pdf);
    check_request("admin_consumer_link", &MakeConsumerLink::new(user()));
    check_request(
        "admin_consumer_link_by_human_id",
        &MakeConsumerLink::new(human()),
    );
}

#[test]
fn only_what_changes_nothing_more_is_repeated() {
    fn replay(endpoint: &impl Endpoint) -> Replay {
        assert_eq!(endpoint.authorization(), Authorization::ClientToken);
        endpoint.replay()
    }
    let once = Replay::OnlyIfNotSent;
    assert_eq!(replay(&SubmitOrder::new(NewOrder::new(user()))), once);
    assert_eq!(replay(&ActOnUser::resync(user())), once);
    assert_eq!(replay(&CreateSubscription::new(subscription())), once);
    for safe in [
        replay(&ActOnUser::abort(user())),
        replay(&ListOrderTypes::new()),
        replay(&ListUsers::new()),
        replay(&ReadUser::new(human())),
        replay(&ListUserProviders::new(user())),
        replay(&ListSubscriptions::new(user(), "a@example.test")),
        replay(&ReadSubscription::new("1")),
        replay(&DeleteSubscription::new("1")),
        replay(&ListReports::new(user())),
        replay(&ReadReport::new("1")),
        replay(&MakeConsumerLink::new(user())),
    ] {
        assert_eq!(safe, Replay::Safe);
    }
}

#[test]
fn an_empty_id_is_refused_before_anything_is_sent() {
    #[track_caller]
    fn check(endpoint: &impl Endpoint) {
        let request = endpoint.request(&Hosts::production());
        assert!(request.is_err(), "{}", endpoint.name());
    }
    let nobody = || ClientUserId::from("");
    check(&SubmitOrder::new(NewOrder::new(nobody())));
    check(&ActOnUser::abort(nobody()));
    check(&ActOnUser::resync(HumanId::from("")));
    check(&ListUsers::new().with_client_user_id(nobody()));
    check(&ListUsers::new().with_human_id(HumanId::from("")));
    check(&ListUserProviders::new(nobody()));
    check(&ListReports::new(nobody()));
    check(&MakeConsumerLink::new(nobody()));
    check(&ListSubscriptions::new(nobody(), "desk-2@example.test"));
    let subscription = NewSubscription::new(nobody(), "desk-2@example.test").unwrap();
    check(&CreateSubscription::new(subscription));
}

#[test]
fn an_id_that_would_lead_to_another_path_is_refused() {
    for id in [".", ".."] {
        let request = ReadUser::new(HumanId::new(id)).request(&Hosts::production());
        assert!(
            matches!(request, Err(BuildError::OutOfRange { .. })),
            "{id}"
        );
    }
    for name in ["providers", "actions"] {
        // They have routes of their own, and no id of the service's is such a word.
        let request = ReadUser::new(HumanId::new(name)).request(&Hosts::production());
        assert!(request.is_err(), "{name}");
    }
}

#[test]
fn a_list_is_asked_for_by_nothing_that_the_service_refuses() {
    fn refused(endpoint: &impl Endpoint) -> String {
        endpoint
            .request(&Hosts::production())
            .unwrap_err()
            .to_string()
    }
    let subscriptions = || ListSubscriptions::new(user(), "a@example.test");
    // The numbers are of 32 bits with a sign.
    let most = u64::try_from(i32::MAX).unwrap();
    let more = u32::try_from(most + 1).unwrap();
    let number = "at most 2147483647";
    for (problem, told) in [
        (
            refused(&subscriptions().with_limit(0)),
            "limit must be at least 1",
        ),
        (
            refused(&subscriptions().with_limit(more)),
            &*format!("limit must be {number}"),
        ),
        (
            refused(&subscriptions().with_offset(most + 1)),
            &*format!("offset must be {number}"),
        ),
        (
            refused(&ListUsers::new().with_offset(most + 1)),
            &*format!("offset must be {number}"),
        ),
        (
            refused(&ListSubscriptions::new(user(), "")),
            "subscriberEmail must be some text",
        ),
        (
            refused(&subscriptions().with_query("")),
            "query must be some text",
        ),
        (
            refused(&subscriptions().with_sort("")),
            "sort must be some text",
        ),
    ] {
        assert_eq!(problem, told);
    }
    let last = ListUsers::new().with_offset(most);
    assert!(last.request(&Hosts::production()).is_ok());
}

#[test]
fn a_user_without_an_id_is_refused_by_each_operation() {
    fn check(endpoint: &impl Endpoint) {
        let refused = endpoint.request(&Hosts::production());
        let name = endpoint.name();
        assert!(matches!(refused, Err(BuildError::UserId(_))), "{name}");
    }
    check(&SubmitOrder::new(NewOrder::new("")));
    let subscription = NewSubscription::new("", "a@example.test").unwrap();
    check(&CreateSubscription::new(subscription));
    check(&ListSubscriptions::new("", "a@example.test"));
    check(&ListUsers::new().with_client_user_id(""));
    check(&ListUsers::new().with_human_id(""));
    check(&ReadUser::new(""));
    for user in [
        UserRef::from(ClientUserId::from("")),
        UserRef::from(HumanId::from("")),
    ] {
        check(&ListUserProviders::new(user.clone()));
        check(&ListReports::new(user.clone()));
        check(&ActOnUser::abort(user.clone()));
        check(&MakeConsumerLink::new(user));
    }
}

fn answer(status: u16, body: &str) -> Response {
    let mut response = Response::new(Body::from(body.as_bytes().to_vec()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let json = "application/json".parse().unwrap();
    response.headers_mut().insert("content-type", json);
    response
}

fn read<E: Endpoint>(endpoint: &E, status: u16, body: &str) -> Result<E::Output, ResponseError> {
    endpoint.parse(answer(status, body), now())
}

const GENERAL_404: &str =
    r#"{"code":404,"error":"Not Found","message":"Not Found","x-humanapi-request-id":"9e0b7c1a"}"#;

const USER: &str = r#"{"humanId":"5c2e","clientUserId":"case 41/é","clientUserEmail":"case41@example.test",
    "firstName":"Zoë","lastName":"Test","dateOfBirth":"1971-02-07T00:00:00.000Z",
    "createdAt":"2026-02-03T04:00:00.000Z","updatedAt":"2026-02-03T04:00:00.5","status":"Invited",
    "suggestedSources":["Mockton Hospital"],"inviteLink":"https://connect.example.test/?pisId=1"}"#;

#[test]
fn a_user_is_read_from_a_list_and_from_one_object_with_each_success() {
    for status in [200, 201, 202] {
        for body in [
            USER.to_owned(),
            format!("[{USER}]"),
            format!("\u{feff}[{USER}]"),
        ] {
            let submitted = read(&SubmitOrder::new(NewOrder::new(user())), status, &body).unwrap();
            assert_eq!(submitted.status.as_u16(), status);
            let read = submitted.user;
            assert_eq!(read.human_id.as_str(), "5c2e");
            assert_eq!(read.client_user_id, Some(user()));
            assert_eq!(read.first_name.as_deref(), Some("Zoë"));
            assert_eq!(read.birth_date.unwrap().to_string(), "1971-02-07");
            assert_eq!(
                read.updated_at.unwrap().to_string(),
                "2026-02-03T04:00:00.5Z"
            );
            assert_eq!(read.status.as_deref(), Some("Invited"));
            assert!(read.invite_link.is_some() && read.consumer_link.is_none());
            assert!(read.orders.is_empty() && read.other.is_empty());
        }
    }
}

#[test]
fn an_order_that_was_taken_tells_of_the_user_who_was_sent() {
    let submit = SubmitOrder::new(NewOrder::new(user()));
    let other = USER.replace("case 41/é", "case 42");
    assert!(read(&submit, 201, &format!("[{other},{USER}]")).is_ok());
    let anonymous = r#"[{"humanId":"5c2e"}]"#;
    assert!(read(&submit, 201, anonymous).is_ok());
    for body in [other.as_str(), "[]", "", "null", "[null]", "[{}]", "{}"] {
        assert!(read(&submit, 201, body).is_err(), "{body}");
    }
}

#[test]
fn the_other_form_of_a_user_has_orders() {
    let body = r#"{"humanId":"5c2e","clientUserId":41,"orders":[
        {"orderId":"o-1","orderType":"full","orderTypeAlias":"Full","orderStatus":"Pended","reportsAvailable":true},
        {"orderStatus":"in_progress","dataAvailable":false,"more":1}]}"#;
    let user = read(&ReadUser::new(human()), 200, body).unwrap().unwrap();
    assert_eq!(user.client_user_id.unwrap().as_str(), "41");
    let states: Vec<_> = user
        .orders
        .iter()
        .map(|order| order.state.clone().unwrap())
        .collect();
    assert_eq!(states, [OrderState::Pended, OrderState::InProgress]);
    assert_eq!(user.orders[0].reports_available, Some(true));
    assert_eq!(user.orders[1].other["more"], 1);
}

#[test]
fn what_is_of_another_form_than_documented_is_kept_and_spoils_nothing() {
    let body = r#"{"humanId":"5c2e","createdAt":"soon","dateOfBirth":7,"suggestedSources":"one","orders":[1],
        "inviteLink":"javascript:alert(1)","status":null,"later":{"a":[1]}}"#;
    let user = read(&ReadUser::new(human()), 200, body).unwrap().unwrap();
    assert!(user.created_at.is_none() && user.birth_date.is_none() && user.status.is_none());
    assert!(user.suggested_sources.is_empty() && user.orders.is_empty());
    assert!(user.invite_link.is_none());
    let kept: Vec<_> = user.other.keys().map(String::as_str).collect();
    let expected = [
        "createdAt",
        "dateOfBirth",
        "inviteLink",
        "later",
        "orders",
        "suggestedSources",
    ];
    assert_eq!(kept, expected);
    let by_serde: OrderedUser = serde_json::from_str(body).unwrap();
    assert_eq!(by_serde.other, user.other);
    assert!(serde_json::from_str::<OrderedUser>("{}").is_err());
}

#[test]
fn nothing_is_told_by_an_empty_list_and_by_the_services_404() {
    for (status, body) in [(200, "[]"), (404, GENERAL_404)] {
        assert!(
            read(&ListUserProviders::new(user()), status, body)
                .unwrap()
                .is_empty()
        );
        assert!(
            read(&ListReports::new(user()), status, body)
                .unwrap()
                .is_empty()
        );
        assert!(
            read(&ListOrderTypes::new(), status, body)
                .unwrap()
                .is_empty()
        );
        assert!(
            read(&ReadUser::new(human()), status, body)
                .unwrap()
                .is_none()
        );
        assert!(
            read(&ReadSubscription::new("1"), status, body)
                .unwrap()
                .is_none()
        );
        let users = read(&ListUsers::new(), status, body).unwrap();
        assert!(users.items.is_empty() && users.next.is_none());
    }
    // What something in between says tells nothing of users.
    let gateway = read(&ListUsers::new(), 404, r#"{"message":"no route"}"#);
    assert!(matches!(gateway, Err(ResponseError::Intermediary(_))));
    let deleted = read(&DeleteSubscription::new("1"), 404, GENERAL_404).unwrap_err();
    assert!(matches!(deleted, ResponseError::Api(error) if error.kind() == ApiErrorKind::NotFound));
    for status in [200, 202, 204] {
        assert!(read(&DeleteSubscription::new("1"), status, "").is_ok());
        assert!(read(&ActOnUser::abort(user()), status, "").is_ok());
    }
}

/// What was read of it would be taken for all.
#[test]
fn a_list_that_is_gone_before_its_end_is_an_error() {
    let users = read(&ListUsers::new(), 200, r#"[{"humanId":"1"}]"#).unwrap();
    let gone = read(&users.next.unwrap(), 404, GENERAL_404).unwrap_err();
    assert!(matches!(gone, ResponseError::Api(error) if error.kind() == ApiErrorKind::NotFound));
    let list = ListSubscriptions::new(user(), "a@example.test");
    let subscriptions = read(&list, 200, r#"[{"id":"1"}]"#).unwrap();
    let gone = read(&subscriptions.next.unwrap(), 404, GENERAL_404).unwrap_err();
    assert!(matches!(gone, ResponseError::Api(error) if error.kind() == ApiErrorKind::NotFound));
}

#[test]
fn a_list_goes_on_behind_what_came_until_a_page_is_empty() {
    let page = |first: usize, last: usize| {
        let users = (first..last).map(|id| format!(r#"{{"humanId":"{id}"}}"#));
        format!("[{}]", users.collect::<Vec<_>>().join(","))
    };
    let path = |call: &ListUsers| {
        let request = call.request(&Hosts::production()).unwrap();
        request.uri().query().unwrap().to_owned()
    };
    let first = read(
        &ListUsers::new().with_client_user_id(user()),
        200,
        &page(0, 3),
    )
    .unwrap();
    let next = first.next.unwrap();
    assert_eq!(path(&next), "offset=3&clientUserId=case%2041%2F%C3%A9");
    let second = read(&next, 200, &page(3, 4)).unwrap().next.unwrap();
    assert!(path(&second).starts_with("offset=4"));
    assert!(read(&second, 200, "[]").unwrap().next.is_none());
    // A service that takes no notice of the offset would otherwise give a list without end.
    let again = read(&second, 200, &page(3, 4));
    assert!(matches!(
        again,
        Err(ResponseError::PageRepeated { offset: 4 })
    ));
}

#[test]
fn a_page_that_comes_again_is_an_error_where_its_items_have_no_ids_too() {
    let page = |office: u8| format!(r#"[{{"role":"producer","subscriberOffice":"{office}"}}]"#);
    let first = ListSubscriptions::new(user(), "desk-2@example.test");
    let next =
        |list: &ListSubscriptions, office| read(list, 200, &page(office)).map(|page| page.next);
    let second = next(&first, 1).unwrap().unwrap();
    assert!(next(&second, 2).unwrap().is_some());
    assert!(matches!(
        next(&second, 1),
        Err(ResponseError::PageRepeated { offset: 1 })
    ));
}

#[test]
fn reports_of_an_order_without_an_id_are_not_those_of_all_orders() {
    let list = ListReports::new(user()).with_created_by_order("");
    let refused = list.request(&Hosts::production());
    assert!(matches!(refused, Err(BuildError::OutOfRange { .. })));
}

#[test]
fn both_envelopes_are_read_and_a_message_that_may_echo_a_value_is_not_shown() {
    let validation = r#"{"statusCode":400,"error":"Bad Request","message":"\"ssn\" with value \"canary-8f3c\" fails",
        "validation":{"source":"payload","keys":["ssn","providers.0.address","canary-8f3c"]},
        "x-humanapi-request-id":"b1c6b9f2"}"#;
    let error = read(&SubmitOrder::new(whole_order()), 400, validation).unwrap_err();
    let ResponseError::Api(api) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(api.kind(), ApiErrorKind::InvalidRequest);
    assert_eq!(api.request_id(), Some("b1c6b9f2"));
    assert!(api.message().unwrap().contains(CANARY));
    let shown = error.to_string();
    assert!(
        shown.contains("`ssn`") && shown.contains("`providers.address`"),
        "{shown}"
    );
    for text in [
        shown,
        format!("{error:?} {error:#?} {:?}", api.validation()),
        error.remedy().to_owned(),
    ] {
        assert!(!text.contains("canary"), "{text}");
    }
    let general =
        r#"{"code":409,"error":"Conflict","message":"canary-8f3c","x-humanapi-request-id":"b1c6"}"#;
    let error = read(&ActOnUser::abort(user()), 409, general).unwrap_err();
    assert!(matches!(&error, ResponseError::Api(api) if api.kind() == ApiErrorKind::Conflict));
    assert!(!format!("{error} {error:?}").contains("canary"));
    // Where an answer cannot be read, the error says where, and nothing of what stood there.
    for body in [
        r#"[{"canary-8f3c":1}]"#,
        r#"["canary-8f3c"]"#,
        r#"{"canary-8f3c""#,
        "canary-8f3c",
    ] {
        let error = read(&ListUsers::new(), 200, body).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{body}");
    }
}

#[test]
fn a_report_is_read_as_it_arrives_and_its_list_tells_its_form() {
    let body = r#"[{"name":"highlights","reports":[{"id":"rep-1","fileExtension":"pdf","createdByOrderId":null,
        "uri":"https://admin.example.test/api/v1/user/reports/rep-1","createdAt":"2026-02-05T10:10:00.000Z",
        "orderIds":["o-1"],"providerIds":["p-1"],"clientProviderIds":["prov-9"]}]},
        {"name":"combined","baseReportNames":["highlights","ccdraw"],"reports":[{"id":"rep-2","groupBy":"user_id"}]}]"#;
    let groups = read(&ListReports::new(user()), 200, body).unwrap();
    let report = &groups[0].reports[0];
    assert_eq!(report.format(), Some(ReportFormat::Pdf));
    assert!(report.created_by_order_id.is_none() && report.other.is_empty());
    assert_eq!(report.client_provider_ids, ["prov-9"]);
    assert_eq!(groups[1].base_report_names, ["highlights", "ccdraw"]);
    assert_eq!(groups[1].reports[0].group_by.as_deref(), Some("user_id"));
    assert_eq!(groups[1].reports[0].format(), None);

    let any = ReadReport::new("rep-1");
    let pdf = any.clone().with_format(ReportFormat::Pdf);
    assert!(any.streams());
    let page = "<!DOCTYPE html><title>Sign in</title>";
    for other in [page, "\0garbage"] {
        assert!(read(&any, 200, other).is_ok());
        assert!(matches!(
            read(&pdf, 200, other),
            Err(ResponseError::Intermediary(_))
        ));
    }
    assert!(read(&pdf, 200, "%PDF-1.7").is_ok());
    assert!(read(&any, 200, "").is_err());
    assert!(matches!(
        read(&any, 200, GENERAL_404),
        Err(ResponseError::Api(_))
    ));
}

#[test]
fn a_consumer_link_ends_after_eight_hours_and_leads_back() {
    let make = MakeConsumerLink::new(user());
    let body =
        r#"{"consumerLink":"https://todo.example.test/?clientId=a&rq=canary","clientId":"a"}"#;
    let link = read(&make, 200, body).unwrap();
    assert!(!format!("{link:?} {:?}", link.url).contains("canary"));
    let hours = |hours: u64| Leeway::at_least(Duration::from_secs(hours * 3600));
    assert!(link.expiry.leaves(now(), hours(7)) && !link.expiry.leaves(now(), hours(9)));
    let callback = Callback::parse("https://app.example.test/done?a=1&b").unwrap();
    let url = link.url_with_callback(&callback);
    assert_eq!(
        url.expose_secret(),
        "https://todo.example.test/?clientId=a&rq=canary&callback=https%3A%2F%2Fapp.example.test%2Fdone%3Fa%3D1%26b"
    );
    for odd in [
        "javascript:alert(1)",
        "/todo",
        "http://todo.example.test/",
        "https://a b.example.test/",
        "",
    ] {
        let body = format!(r#"{{"consumerLink":"{odd}"}}"#);
        assert!(read(&make, 200, &body).is_err(), "{odd}");
    }
}

#[track_caller]
fn check_hidden(shown: &dyn Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn nothing_of_a_person_is_shown() {
    let id = || ClientUserId::new(CANARY).unwrap();
    let address = Address::new(CANARY, CANARY, CANARY, "02134").unwrap();
    let pdf = format!("%PDF-{CANARY}").into_bytes();
    let paper = Attachment::new(AttachmentKind::HipaaAuthorization, pdf).unwrap();
    let provider = Provider::new(CANARY, address.clone()).unwrap();
    let order = NewOrder::new(id()).with_name(CANARY, CANARY).unwrap();
    let order = order.with_client_data(CANARY, CANARY).unwrap();
    check_hidden(&address);
    check_hidden(&paper);
    check_hidden(&provider);
    check_hidden(&order);
    check_hidden(&SubmitOrder::new(
        order.with_provider(provider).with_attachment(paper),
    ));
    assert_eq!(format!("{:?}", birth_date()), "BirthDate(…)");
    let new = NewSubscription::new(id(), "canary@example.test").unwrap();
    check_hidden(&new);
    check_hidden(&CreateSubscription::new(new));
    check_hidden(&ListSubscriptions::new(id(), CANARY));
    check_hidden(&ReadSubscription::new(CANARY));
    check_hidden(&DeleteSubscription::new(CANARY));
    check_hidden(&UserRef::from(id()));
    check_hidden(&ActOnUser::abort(id()));
    check_hidden(&ListUsers::new().with_client_user_id(id()));
    check_hidden(&ReadUser::new(HumanId::new(CANARY)));
    check_hidden(&ListUserProviders::new(id()));
    check_hidden(&ListReports::new(id()));
    check_hidden(&ReadReport::new(CANARY));
    check_hidden(&MakeConsumerLink::new(id()));

    let user = r#"{"humanId":"canary","orders":[{"orderId":"canary","orderStatus":"canary"}],"canary":"canary",
        "consumerLink":"https://canary.example.test/"}"#;
    let user = read(&ReadUser::new(human()), 200, user).unwrap().unwrap();
    check_hidden(&user);
    check_hidden(&user.orders);
    check_hidden(&user.orders[0].state);
    check_hidden(&user.consumer_link.unwrap());
    let report =
        r#"[{"name":"canary","reports":[{"id":"canary","uri":"https://canary.example.test/"}]}]"#;
    let groups = read(&ListReports::new(human()), 200, report).unwrap();
    check_hidden(&groups);
    check_hidden(&groups[0].reports);
    let body = r#"[{"id":"canary","name":"canary"}]"#;
    check_hidden(&read(&ListUserProviders::new(human()), 200, body).unwrap());
    check_hidden(&read(&ReadSubscription::new("1"), 200, body).unwrap());
    check_hidden(&read(&ListUsers::new(), 200, r#"[{"humanId":"canary"}]"#).unwrap());
}

#[test]
fn a_file_that_is_no_paper_is_refused_by_its_field() {
    for content in [&b""[..], b"GIF89a", b"\xff\xd8\xff", b"%PD"] {
        let paper = Attachment::new(AttachmentKind::HipaaAuthorization, content);
        assert_eq!(paper.unwrap_err().field(), "attachments");
    }
    for content in [&b"II*\0more"[..], b"MM\0*more"] {
        let paper = Attachment::new(AttachmentKind::HipaaAuthorization, content).unwrap();
        assert_eq!(paper.format(), AttachmentFormat::Tiff);
    }
}

/// Gives so many bytes at a time, and breaks off after the last where it is to.
struct Paper<'a> {
    left: &'a [u8],
    at_once: usize,
    breaks: bool,
    interrupted: bool,
}

impl io::Read for Paper<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !std::mem::take(&mut self.interrupted) {
            self.interrupted = true;
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.interrupted = false;
        if self.left.is_empty() && self.breaks {
            return Err(io::Error::other(CANARY));
        }
        let count = self.at_once.min(self.left.len()).min(buffer.len());
        let (now, later) = self.left.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.left = later;
        Ok(count)
    }
}

#[test]
fn a_paper_that_is_read_goes_out_as_one_that_was_there() {
    let kind = AttachmentKind::HipaaAuthorization;
    // Longer than what is read at once, and of no length that base64 has.
    let paper: Vec<u8> = (b"%PDF-1.7".iter().copied())
        .chain((0..200_000).map(|at: u32| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]))
        .collect();
    let read = |at_once, breaks, most| {
        let paper = Paper {
            left: &paper,
            at_once,
            breaks,
            interrupted: false,
        };
        Attachment::read(kind, paper, most)
    };
    let body = |paper: Attachment| {
        let order = NewOrder::new(user()).with_attachment(paper);
        let request = SubmitOrder::new(order).request(&Hosts::production());
        request.unwrap().body().as_bytes().to_vec()
    };
    let whole = body(Attachment::new(kind, paper.clone()).unwrap());
    for at_once in [1_000, 65_536, usize::MAX] {
        assert_eq!(body(read(at_once, false, paper.len()).unwrap()), whole);
    }
    for most in [0, 1, 65_536, paper.len() - 1] {
        let refused = read(usize::MAX, false, most).unwrap_err();
        assert!(matches!(refused, AttachmentError::TooLarge { most: told } if told == most));
    }
    let broken = read(usize::MAX, true, usize::MAX).unwrap_err();
    assert!(matches!(broken, AttachmentError::Unreadable(_)));
    assert!(!broken.to_string().contains(CANARY));
    let none = Attachment::read(kind, &b"GIF89a"[..], 6).unwrap_err();
    assert!(matches!(none, AttachmentError::Unfit(error) if error.field() == "attachments"));
}

/// Both lists are read by one trait.
fn _each_list_is_one<L: AdminList>() {}
const _: fn() = _each_list_is_one::<ListUsers>;
const _: fn() = _each_list_is_one::<ListSubscriptions>;
