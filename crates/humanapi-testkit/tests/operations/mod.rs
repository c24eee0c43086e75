//! The operations of the Admin API, each called through the SDK at the sandbox.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use humanapi_client::{Client, ErrorKind, Transport};
use humanapi_core::admin::order::IntentKey;
use humanapi_core::admin::{
    Address, Attachment, AttachmentKind, BirthDate, Gender, NewOrder, NewSubscription, OrderState,
    Provider, ReadReport, ReportFormat, TaskReport, TaskStatus, UserRef,
};
use humanapi_core::connect::Callback;
use humanapi_core::http::{Request, Response};
use humanapi_core::{ApiErrorKind, ClientUserId, Credentials, Hosts, Provisioning};
use humanapi_sandbox::{Assumption, DemoApp, OrderState as State, Sandbox};

use crate::{at_once, plan_garbage};

/// What was asked for below `/api/v1`, as the log has it.
const OPERATIONS: [&str; 13] = [
    "GET order-types",
    "GET users",
    "POST users",
    "POST users/actions",
    "GET users/providers",
    "GET users/…",
    "GET subscriptions",
    "POST subscriptions",
    "GET subscriptions/…",
    "DELETE subscriptions/…",
    "GET user/reports",
    "GET user/reports/…",
    "POST resources/consumer-link",
];

struct AdminApi {
    sandbox: Sandbox,
    client: Client,
}

fn id(text: &str) -> ClientUserId {
    ClientUserId::new(text).unwrap()
}

fn address() -> Address {
    Address::new("1 Fixture Way", "Testville", "MA", "02134").unwrap()
}

fn whole(user: &str) -> NewOrder {
    let provider = Provider::new("Dr. Example", address())
        .and_then(|one| one.with_organization("Example Practice"))
        .and_then(|one| one.with_client_provider_id("prov-9"))
        .and_then(|one| one.with_phone("(555) 010-0142"))
        .and_then(|one| one.with_fax("555.010.0143"))
        .and_then(|one| one.with_mrn("000MR-7"))
        .and_then(|one| one.with_npi("1000000009"))
        .unwrap();
    let pdf = Attachment::new(AttachmentKind::HipaaAuthorization, *b"%PDF-1.7\n%%EOF\n").unwrap();
    NewOrder::new(id(user))
        .with_email(&format!("{}@example.test", user.len()))
        .and_then(|order| order.with_name("Zo\u{eb}", "O'Test \"Q\""))
        .and_then(|order| order.with_middle_name("M."))
        .and_then(|order| order.with_ssn("900-45-6789"))
        .and_then(|order| order.with_phone("555-010-0141"))
        .and_then(|order| order.with_order_type("aps-only"))
        .and_then(|order| order.with_client_data("caseNo", 41))
        .and_then(|order| order.with_client_data("rush", true))
        .and_then(|order| order.with_client_data("desk", "north"))
        .and_then(|order| order.with_suggested_source("Sample Valley Clinic"))
        .and_then(|order| order.with_condition("asthma"))
        .unwrap()
        .with_gender(Gender::Other)
        .with_birth_date(BirthDate::parse("2/7/1971", "2026-01-15".parse().unwrap()).unwrap())
        .with_auto_invite(true)
        .with_address(address())
        .with_provider(provider)
        .with_attachment(pdf)
}

impl AdminApi {
    fn new(transport: impl Transport + 'static) -> Self {
        // 2026-01-15, at noon.
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_478_400);
        let sandbox = Sandbox::builder().frozen_at(noon).start().unwrap();
        let app = sandbox.app(DemoApp::Hip);
        let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
        let client = Client::builder(credentials.unwrap(), Provisioning::Hip, transport)
            .hosts(Hosts::single(sandbox.url()).unwrap())
            .retry(at_once())
            .build();
        Self { sandbox, client }
    }

    async fn orders(&self) {
        let orders = self.client.orders();
        let types = orders.order_types().await.unwrap();
        assert!(
            types
                .iter()
                .any(|one| one.code.as_deref() == Some("aps-only"))
        );
        let first = IntentKey::new("case-1").unwrap();
        let human_id = orders.submit(&first, &whole("case 1/é")).await.unwrap();
        let again = orders.submit(&first, &whole("case 1/é")).await.unwrap();
        assert_eq!(again, human_id);
        for number in 2..60 {
            let intent = IntentKey::new(format!("case-{number}")).unwrap();
            let order = NewOrder::new(id(&format!("case {number}")));
            orders.submit(&intent, &order).await.unwrap();
        }
        assert_eq!(self.sandbox.control().ledger().len(), 59);
        let users: Vec<_> = orders.users().all().try_collect().await.unwrap();
        assert_eq!(users.len(), 59);
        let user = &orders.find(id("case 1/é")).await.unwrap().items[0];
        assert_eq!(user.human_id, human_id);
        assert_eq!(user.birth_date, Some("1971-02-07".parse().unwrap()));
        assert!(user.invite_link.is_some() && user.other.is_empty());

        let control = self.sandbox.control();
        control
            .order("case 1/é")
            .wait_for(State::Completed)
            .unwrap();
        let user = orders.status(human_id.clone()).await.unwrap().unwrap();
        assert_eq!(user.orders[0].state, Some(OrderState::Completed));
        assert_eq!(user.orders[0].reports_available, Some(true));
        assert!(user.other.is_empty() && user.orders[0].other.is_empty());
        let providers = orders.providers(human_id.clone()).await.unwrap();
        assert_eq!(providers[0].name.as_deref(), Some("Dr. Example"));
        assert!(orders.status("nobody").await.unwrap().is_none());

        let abort = orders.abort(id("case 2")).await;
        abort.unwrap();
        let conflict = orders.abort(id("case 2")).await.unwrap_err();
        assert_eq!(
            conflict.api_error().map(|error| error.kind()),
            Some(ApiErrorKind::Conflict)
        );
        orders.resync(human_id).await.unwrap();
    }

    async fn subscriptions(&self) {
        let orders = self.client.orders();
        let wish = || NewSubscription::new(id("case 1/é"), "p-9@example.test").unwrap();
        let made = orders
            .subscribe(wish().with_office("office-7").unwrap())
            .await
            .unwrap();
        let own = made.id.clone().unwrap();
        assert!(made.created_at.is_some() && made.other.is_empty());
        let listed = orders
            .subscriptions(id("case 1/é"), "p-9@example.test")
            .all();
        let listed: Vec<_> = listed.try_collect().await.unwrap();
        assert_eq!(listed[0].id, made.id);
        let read = orders.subscription(&*own).await.unwrap().unwrap();
        assert_eq!(read.subscriber_office.as_deref(), Some("office-7"));
        let twice = orders.subscribe(wish()).await.unwrap_err();
        assert_eq!(
            twice.api_error().map(|error| error.kind()),
            Some(ApiErrorKind::Conflict)
        );
        orders.unsubscribe(&*own).await.unwrap();
        assert!(orders.subscription(&*own).await.unwrap().is_none());
    }

    async fn reports(&self) {
        let orders = self.client.orders();
        let groups = orders.reports(id("case 1/é")).await.unwrap();
        let names: Vec<_> = groups
            .iter()
            .filter_map(|group| group.name.as_deref())
            .collect();
        assert_eq!(names, ["highlights", "ccdraw", "apidata", "combined"]);
        for report in groups.iter().flat_map(|group| &group.reports) {
            assert!(report.uri.is_some() && report.other.is_empty());
            let format = report.format().unwrap();
            let id = report.id.as_deref().unwrap();
            let call = ReadReport::new(id).with_format(format);
            let open = || orders.read_report(call.clone()).open();
            let content = open().await.unwrap();
            let content = content.bytes(1024 * 1024).await.unwrap();
            plan_garbage(self.sandbox.control(), format!("/api/v1/user/reports/{id}"));
            assert_eq!(open().await.unwrap_err().kind(), ErrorKind::Intermediary);
            let mended = open().await.unwrap().bytes(1024 * 1024).await.unwrap();
            assert_eq!(mended, content);
            assert!(self.sandbox.control().faults().is_empty());
            match format {
                ReportFormat::Pdf => assert!(content.starts_with(b"%PDF-")),
                ReportFormat::Html => assert!(content.starts_with(b"<!DOCTYPE html>")),
                _ => assert!(serde_json::from_slice::<serde_json::Value>(&content).is_ok()),
            }
        }
        assert!(orders.reports(id("case 3")).await.unwrap().is_empty());
    }

    fn ask(&self, request: Request<bytes::Bytes>) -> Response<bytes::Bytes> {
        self.sandbox.offline().answer(request).unwrap()
    }

    /// The tasks of an order that lacks everything, and what the Task Manager tells where it leads back to.
    async fn tasks(&self) {
        let orders = self.client.orders();
        let control = self.sandbox.control();
        let user = UserRef::from(id("case 4"));
        control.order("case 4").wait_for(State::Pended).unwrap();
        let link = orders.consumer_link(user).await.unwrap();
        let callback = Callback::parse("https://app.example.test/connected").unwrap();
        let url = link.url_with_callback(&callback);
        let address = url
            .expose_secret()
            .strip_prefix(self.sandbox.url())
            .unwrap();
        let page = self.ask(Request::get(address).body(bytes::Bytes::new()).unwrap());
        assert_eq!(page.status(), 200);
        let form = address.strip_prefix("/tasks?").unwrap();
        let leave = || {
            let request = Request::post("/tasks/done")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.to_owned().into());
            let answer = self.ask(request.unwrap());
            assert_eq!(answer.status(), 303);
            let back = answer.headers()["location"].to_str().unwrap().to_owned();
            TaskReport::from_callback(&back).unwrap()
        };
        for encoding in ["json", "dotted", "bracketed"] {
            control
                .set_assumption(Assumption::TaskCallback, encoding)
                .unwrap();
            let report = leave();
            assert!(
                report.status == TaskStatus::Success && report.other.is_empty(),
                "{encoding}"
            );
            let order = report.order.unwrap();
            assert_eq!(
                order.client_user_id.as_deref(),
                Some("case 4"),
                "{encoding}"
            );
            assert_eq!(order.all_tasks_resolved, Some(false), "{encoding}");
            assert_eq!(order.state, Some(OrderState::Pended), "{encoding}");
            assert!(
                order.order_id.is_some() && order.other.is_empty(),
                "{encoding}"
            );
        }
        control.order("case 4").do_tasks().unwrap();
        let order = leave().order.unwrap();
        assert_eq!(order.all_tasks_resolved, Some(true));
        assert_eq!(order.state, Some(OrderState::InProgress));
        control
            .advance_clock(Duration::from_secs(8 * 3600))
            .unwrap();
        assert!(leave().status == TaskStatus::Forbidden);
    }

    fn check_log(&self) {
        let mut called = BTreeSet::new();
        for request in self.sandbox.control().requests() {
            let path = request.path.split('?').next().unwrap();
            let Some(path) = path.strip_prefix("/api/v1/") else {
                continue;
            };
            let named = ["users/", "subscriptions/", "user/reports/"];
            let parent = named.into_iter().find(|parent| path.starts_with(parent));
            let path = match parent {
                Some(parent) if !["users/actions", "users/providers"].contains(&path) => {
                    format!("{parent}…")
                }
                _ => path.to_owned(),
            };
            if request.status.is_some_and(|status| status < 300) {
                called.insert(format!("{} {path}", request.method));
            }
        }
        let expected: BTreeSet<_> = OPERATIONS.map(str::to_owned).into();
        assert_eq!(called, expected);
    }
}

pub(crate) async fn every_operation_works(transport: impl Transport + 'static) {
    let api = AdminApi::new(transport);
    api.orders().await;
    api.subscriptions().await;
    api.reports().await;
    api.tasks().await;
    api.check_log();
}
