//! An order with all that must not be shown, sent to a service that answers well, oddly or not at all, and everything else
//! that is done about orders.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::future::IntoFuture;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use humanapi_client::{ApiCall, Client, OrderError, SaveError, Written};
use humanapi_core::admin::order::{Decision, IntentKey, OrderPolicy, Subject};
use humanapi_core::admin::{
    Address, Attachment, AttachmentKind, BirthDate, Gender, NewOrder, NewSubscription, Provider,
};
use humanapi_core::{ClientUserId, Endpoint, HumanId};
use serde_json::{Value, json};

use crate::identifiers::Reply;
use crate::journals::Place;
use crate::{Watch, serve};

/// What the order says of somebody, all made up. None can occur by chance.
pub(crate) const SSN: &str = "912-84-7365";
const BORN: &str = "1931-11-26";
const STREET: &str = "418 Marrowstone Lane";
const CITY: &str = "Quivering Falls";
const ZIP: &str = "97431-8812";
const PHONE: &str = "202-555-0144";
const FIRST: &str = "Quillona";
const LAST: &str = "Vexworthington";
const EMAIL: &str = "q.vexworthington@example.test";
const OWN_ID: &str = "policy-canary-90417";
const INTENT: &str = "intent-canary-90417";
const HUMAN: &str = "5c2e90417canary7731";
const LINK: &str = "https://todo.example.test/?rq=canary-90417";
const PAPER: &[u8] = b"%PDF-1.7 canary of a paper that was signed";
/// The same as it is sent.
const PAPER_SENT: &str = "JVBERi0xLjcgY2FuYXJ5IG9mIGEgcGFwZXIgdGhhdCB3YXMgc2lnbmVk";

pub(crate) const CANARIES: [&str; 19] = [
    SSN,
    "912847365",
    BORN,
    "11/26/1931",
    STREET,
    CITY,
    ZIP,
    PHONE,
    FIRST,
    LAST,
    EMAIL,
    OWN_ID,
    INTENT,
    HUMAN,
    LINK,
    "canary of a paper",
    PAPER_SENT,
    "MRN-90417734",
    "canary-ct-90417",
];

fn order() -> NewOrder {
    let today = "2026-11-29".parse().unwrap();
    let address = || Address::new(STREET, CITY, "OR", ZIP).unwrap();
    let provider = Provider::new(LAST, address())
        .and_then(|provider| provider.with_phone(PHONE))
        .and_then(|provider| provider.with_mrn("MRN-90417734"))
        .unwrap();
    let paper = Attachment::new(AttachmentKind::HipaaAuthorization, PAPER).unwrap();
    NewOrder::new(OWN_ID)
        .with_email(EMAIL)
        .and_then(|order| order.with_name(FIRST, LAST))
        .and_then(|order| order.with_middle_name(LAST))
        .and_then(|order| order.with_ssn(SSN))
        .and_then(|order| order.with_phone(PHONE))
        .and_then(|order| order.with_client_data(LAST, STREET))
        .and_then(|order| order.with_condition(CITY))
        .and_then(|order| order.with_suggested_source(LAST))
        .unwrap()
        .with_gender(Gender::Other)
        .with_birth_date(BirthDate::parse("11/26/1931", today).unwrap())
        .with_address(address())
        .with_provider(provider)
        .with_attachment(paper)
}

fn all() -> String {
    CANARIES.join("; ")
}

/// A service of the Admin API that says of somebody whatever it can, and counts the orders that came whole.
pub(crate) fn service(answer: Reply, orders: Arc<AtomicUsize>) -> String {
    serve(move |request| {
        let mut line = request.lines().next().unwrap_or_default().split(' ');
        let (method, target) = (line.next().unwrap(), line.next().unwrap());
        let path = target.split('?').next().unwrap();
        if path.ends_with("/token") {
            let token = json!({"client_token": "canary-ct-90417", "expires_in": 86400});
            return whole(200, "application/json", &token.to_string());
        }
        let is_order = (method, path) == ("POST", "/api/v1/users");
        // Nobody is there before the first order comes, so that it does.
        let looks = (method, path) == ("GET", "/api/v1/users") && target.contains("clientUserId=");
        if looks && orders.load(Ordering::Relaxed) == 0 {
            return whole(200, "application/json", "[]");
        }
        if is_order {
            assert!(
                [SSN, BORN, STREET, PAPER_SENT]
                    .iter()
                    .all(|sent| request.contains(sent))
            );
            orders.fetch_add(1, Ordering::Relaxed);
        }
        let good = good(method, path).to_string();
        match answer {
            Reply::Good => whole(if is_order { 201 } else { 200 }, "application/json", &good),
            Reply::Odd => {
                let odd = json!([{"humanId": HUMAN, "clientUserId": {all(): all()}, "dateOfBirth": {all(): BORN},
                    "firstName": [all()], "orders": all(), "createdAt": all(), "consumerLink": all(), all(): all()}]);
                whole(200, "application/json", &odd.to_string())
            }
            Reply::Broken => {
                let half = &good[..good.len() / 2];
                whole(200, "application/json", &format!("{half}\u{1}"))
            }
            Reply::Refusal(status) => {
                let refusal = json!({
                    "statusCode": status, "code": status, "error": all(), "message": all(),
                    "x-humanapi-request-id": HUMAN,
                    "validation": {"source": all(), "keys": ["ssn", all()]},
                });
                whole(status, "application/json", &refusal.to_string())
            }
            Reply::Page(status) => {
                let page = format!("<html><title>{0}</title>{0}</html>", all());
                whole(status, "text/html", &page)
            }
        }
    })
}

fn good(method: &str, path: &str) -> Value {
    let user = json!({
        "humanId": HUMAN, "clientUserId": OWN_ID, "clientUserEmail": EMAIL, "firstName": FIRST, "lastName": LAST,
        "dateOfBirth": format!("{BORN}T00:00:00.000Z"), "createdAt": "2026-02-03T04:00:00.000Z",
        "status": all(), "inviteLink": LINK, "consumerLink": LINK, "suggestedSources": [LAST], all(): all(),
        "orders": [{"orderId": HUMAN, "orderType": LAST, "orderStatus": "Completed", all(): all()}],
    });
    match path.strip_prefix("/api/v1").unwrap() {
        "/order-types" => json!([{"orderType": "full", "orderTypeAlias": "Full", all(): all()}]),
        "/users/providers" => json!([{"id": HUMAN, "name": LAST}]),
        "/users" if method == "POST" => json!([user]),
        "/users" => json!([user]),
        "/user/reports" => {
            json!([{"name": LAST, "reports": [{"id": HUMAN, "fileExtension": "json", "uri": LINK}]}])
        }
        "/resources/consumer-link" => json!({"consumerLink": LINK, "clientId": LAST}),
        path if path.starts_with("/subscriptions") => {
            json!([{"id": HUMAN, "clientUserId": OWN_ID, "subscriberEmail": EMAIL, "subscriberFirstName": FIRST}])
        }
        path if path.starts_with("/user/reports/") => json!({all(): all()}),
        _ => user,
    }
}

/// An answer that has everything in its head, too.
fn whole(status: u16, declared: &str, body: &str) -> String {
    let all = all();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {declared}\r\ncontent-length: {}\r\netag: \"{all}\"\r\nx-patient: {all}\r\n\
         content-disposition: attachment; filename=\"{all}.xml\"\r\nlocation: /{HUMAN}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
    )
}

/// How long each part of placing one may take here: nobody waits for a service that is a test.
pub(crate) fn policy() -> OrderPolicy {
    let brief = Duration::from_millis(50);
    OrderPolicy::default()
        .with_claim_ttl(Duration::from_secs(20))
        .unwrap()
        .with_read_patience(brief)
        .with_wait_for_others(brief)
        .with_absent_after(Some(brief))
}

/// Does all that there is about orders, and shows all that can be shown of what came.
pub(crate) struct Orderer<'a> {
    pub(crate) watch: &'a Watch,
    pub(crate) client: Client,
    pub(crate) place: &'a Place,
    /// How many calls gave an answer, and how many an error.
    pub(crate) outcomes: (usize, usize),
}

impl Orderer<'_> {
    async fn show<E>(&mut self, call: ApiCall<E>)
    where
        E: Endpoint + Debug + Send + 'static,
        E::Output: Debug + Send,
    {
        self.watch.show(format!("{call:?} {call:#?}"));
        match call.into_future().await {
            Ok(output) => {
                self.outcomes.0 += 1;
                self.watch.show(format!("{output:?} {output:#?}"));
            }
            Err(error) => {
                self.outcomes.1 += 1;
                self.watch.show_error(&error);
            }
        }
    }

    fn show_order_error(&self, error: &OrderError) {
        self.watch
            .show(format!("{error} {error:?} {error:#?} {}", error.remedy()));
        let mut source = error.source();
        while let Some(cause) = source {
            self.watch.show(format!("{cause} {cause:?} {cause:#?}"));
            source = cause.source();
        }
    }

    fn show_outcome(&mut self, outcome: Result<HumanId, OrderError>) {
        match outcome {
            // The id that was asked for shows itself.
            Ok(_) => self.outcomes.0 += 1,
            Err(error) => {
                self.outcomes.1 += 1;
                self.show_order_error(&error);
            }
        }
    }

    /// Places the order, asks for it, decides about it, places it again.
    async fn place(&mut self) {
        let orders = self.client.orders();
        let (intent, order) = (IntentKey::new(INTENT).unwrap(), order());
        let subject = Subject::of(&order);
        self.watch.show(format!(
            "{orders:?} {intent:?} {order:?} {order:#?} {subject:?}"
        ));
        let placed = orders.submit(&intent, &order).await;
        self.show_outcome(placed);
        let found = orders.reconcile(&intent).await;
        self.show_outcome(found);
        let entry = self.place.journal.load(&intent).await.unwrap();
        self.watch
            .show(format!("{entry:?} {entry:#?} {}", (self.place.shown)()));
        if let Some(entry) = entry {
            for decision in [Decision::Exists(HumanId::new(HUMAN)), Decision::SendAgain] {
                self.watch.show(format!("{decision:?}"));
                match orders.decide(&intent, &entry, decision).await {
                    Ok(entry) => self.watch.show(format!("{entry:?}")),
                    Err(error) => self.show_order_error(&error),
                }
            }
        }
        let again = orders
            .submit(&intent, &order.with_email("other@example.test").unwrap())
            .await;
        self.show_outcome(again);
        let open: Vec<_> = orders.reconcile_open().try_collect().await.unwrap();
        for (intent, found) in open {
            self.watch.show(format!("{intent:?}"));
            if let Err(error) = found {
                self.show_order_error(&error);
            }
        }
    }

    fn show_saved(&self, saved: &Result<Written, SaveError>) {
        self.watch.show(format!("{saved:?} {saved:#?}"));
        let Err(error) = saved else {
            return;
        };
        self.watch.show(error.to_string());
        if let SaveError::Download(error) = error {
            self.watch.show_error(error);
        }
        let mut source = error.source();
        while let Some(cause) = source {
            self.watch.show(format!("{cause} {cause:?} {cause:#?}"));
            source = cause.source();
        }
    }

    /// Puts a report into a writer and a file, and into such as take none.
    async fn save(&self) {
        let orders = self.client.orders();
        let (mut whole, mut small) = (Vec::new(), [0; 2]);
        let written = orders.report(HUMAN).download_to(&mut whole).await;
        self.show_saved(&written);
        let too_small = &mut Cursor::new(&mut small[..]);
        let refused = orders.report(HUMAN).download_to(too_small).await;
        self.show_saved(&refused);
        let folder = tempfile::tempdir().unwrap();
        let [file, nowhere] = ["report", "gone/report"].map(|name| folder.path().join(name));
        let saved = orders.report(HUMAN).download_to_file(&file).await;
        self.show_saved(&saved);
        let lost = orders.report(HUMAN).download_to_file(nowhere).await;
        self.show_saved(&lost);
        match written {
            Ok(_) => assert!(
                matches!(refused, Err(SaveError::Writer(_)))
                    && saved.is_ok_and(|saved| saved.bytes == whole.len() as u64)
                    && matches!(lost, Err(SaveError::File(_)))
            ),
            Err(_) => assert!(whole.is_empty() && !file.exists()),
        }
    }

    pub(crate) async fn do_everything(&mut self) {
        self.place().await;
        let orders = self.client.orders();
        let user = || ClientUserId::new(OWN_ID).unwrap();
        let human = || HumanId::new(HUMAN);
        let subscription = || {
            NewSubscription::new(OWN_ID, EMAIL)
                .unwrap()
                .with_name(FIRST, LAST)
                .unwrap()
        };
        self.show(orders.order_types()).await;
        self.show(orders.users()).await;
        self.show(orders.find(user())).await;
        self.show(orders.status(human())).await;
        self.show(orders.abort(user())).await;
        self.show(orders.resync(human())).await;
        self.show(orders.providers(user())).await;
        self.show(orders.reports(user())).await;
        self.show(orders.report(HUMAN)).await;
        self.show(orders.consumer_link(user())).await;
        self.show(orders.subscriptions(user(), EMAIL)).await;
        self.show(orders.subscribe(subscription())).await;
        self.show(orders.subscription(HUMAN)).await;
        self.show(orders.unsubscribe(HUMAN)).await;
        match orders.report(HUMAN).open().await {
            Ok(download) => {
                self.watch.show(format!("{download:?} {download:#?}"));
                if let Err(error) = download.json::<std::net::Ipv6Addr>(1 << 20).await {
                    self.watch.show_error(&error);
                }
            }
            Err(error) => self.watch.show_error(&error),
        }
        self.save().await;
        // A user who is not there is waited for, and what is told of that is what `status` told.
        let mut changes = orders.watch(human());
        if matches!(orders.status(human()).await, Ok(None)) {
            return;
        }
        match changes.try_next().await {
            Ok(change) => self.watch.show(format!("{change:?} {change:#?}")),
            Err(error) => self.watch.show_error(&error),
        }
    }
}
