//! The desk over real HTTP, before a sandbox: what a browser without JavaScript would send.
//!
//! One piece: one desk, walked through from page to page by the same few calls.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use humanapi::admin::order::{
    Before, Effect, EntryState, Finding, IntentKey, Op, OrderPolicy, Subject,
};
use humanapi::admin::{BirthDate, NewOrder};
use humanapi::client::OrderJournal;
use humanapi::http::Method;
use humanapi::store::{SealingKeys, SqliteStore};
use humanapi::{Client, Provisioning};
use humanapi_sandbox::{Assumption, DemoApp, Fault, OrderState, Sandbox};
use reqwest::header::LOCATION;
use tempfile::TempDir;
use underwriting::{Desk, DeskJournal, app};

struct World {
    sandbox: Sandbox,
    desk: Desk,
    base: String,
    http: reqwest::Client,
    /// All that was answered, heads and bodies.
    answered: Mutex<String>,
    /// What the desk's journal lies in.
    store: Arc<SqliteStore>,
    folder: TempDir,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    to: String,
    text: String,
}

/// A claim that nobody takes over.
const LONG: Duration = Duration::from_secs(3_600);
const BIRTH_DATE: &str = "1980-04-09";
const SSN: &str = "900-12-3456";
const OURS: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];

impl World {
    async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = Sandbox::start().unwrap();
        let folder = TempDir::new().unwrap();
        let keys = SealingKeys::generate("test").unwrap();
        let store = SqliteStore::open(folder.path().join("orders.sqlite"), keys).await;
        store.init().await.unwrap();
        let store = Arc::new(store);
        let journal = Arc::new(DeskJournal::over(store.clone()));
        let own = sandbox.app(DemoApp::Hip);
        // What is not there at once is not waited for, nor what may arrive late.
        let policy = OrderPolicy::default()
            .with_read_patience(Duration::ZERO)
            .with_absent_after(Some(Duration::ZERO));
        let client = Client::new(&*own.client_id, own.client_secret.clone()).unwrap();
        let client = client
            .base_url(sandbox.url())
            .unwrap()
            .provisioning(Provisioning::Hip)
            .order_policy(policy)
            .order_journal(journal.clone());
        let desk = Desk::new((*client).clone(), journal);
        let routes = app(desk.clone(), &base);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        // These tests speak plain http. Built together with the adapters, reqwest wants a provider even so.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().redirect(redirect).no_proxy();
        Self {
            sandbox,
            desk,
            base,
            http: http.build().unwrap(),
            answered: Mutex::default(),
            store,
            folder,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let head = format!("{:?}", response.headers());
        let to = response.headers().get(LOCATION);
        let to = to.map_or("", |to| to.to_str().unwrap()).to_owned();
        let status = response.status().as_u16();
        let text = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        let mut answered = self.answered.lock().unwrap();
        answered.push_str(&format!("{head}\n{text}\n"));
        drop(answered);
        Reply { status, to, text }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], String::new()).await
    }

    async fn post(&self, path: &str, body: &str) -> Reply {
        self.send(Method::POST, path, &OURS, body.to_owned()).await
    }

    async fn order(&self, policy: &str) -> Reply {
        self.post("/cases", &applicant(policy, "Testina")).await
    }

    /// Writes an order into the journal, as a desk does that ends before it sends it; or just after it did, a while ago.
    async fn leave_behind(&self, policy: &str, was_sent: bool) {
        let intent = IntentKey::new(format!("underwriting/{policy}")).unwrap();
        let born = BirthDate::parse(BIRTH_DATE, "2026-11-29".parse().unwrap()).unwrap();
        let order = NewOrder::new(policy).with_name("Testina", "Sandboxer");
        let order = order.unwrap().with_birth_date(born);
        let (short, subject) = (Duration::from_millis(1), Subject::of(&order));
        let ttl = if was_sent { LONG } else { short };
        let begun = self.store.apply(&intent, Op::Begin { ttl, subject });
        let Effect::Send(claim) = begun.await.unwrap() else {
            panic!("{policy} is new");
        };
        if was_sent {
            let (ttl, before) = (short, Before::Nobody);
            let departed = self.store.apply(&intent, Op::Depart { claim, ttl, before });
            assert_eq!(departed.await.unwrap(), Effect::Departed);
        }
        // Whoever comes by it finds that nobody is at it.
        tokio::time::sleep(short * 2).await;
    }

    /// Whether the first page lists a policy as not settled.
    async fn lists(&self, policy: &str) -> bool {
        let page = self.get("/").await.text;
        page.contains(&format!("href=\"/cases/{policy}\""))
    }

    fn billed(&self) -> usize {
        self.sandbox.control().ledger().len()
    }
}

fn applicant(policy: &str, first_name: &str) -> String {
    // Another user of the same address is a conflict.
    let mailbox = policy.trim().to_lowercase();
    format!(
        "policy={policy}&orderType=&firstName={first_name}&lastName=Sandboxer&dateOfBirth={BIRTH_DATE}&ssn={SSN}\
         &clientUserEmail={mailbox}%40example.test&gender=female&street1=1+Fixture+Way&city=Testville&state=OR&zip=02134"
    )
}

/// What a page's decisions are about.
fn shown(page: &str) -> &str {
    let at = page.split("name=\"shown\" value=\"").nth(1).unwrap();
    at.split('"').next().unwrap()
}

#[tokio::test]
async fn records_are_ordered_once_however_often_the_form_comes() {
    let world = World::new().await;
    // The service itself forgives nothing: whatever is sent is billed.
    world
        .sandbox
        .control()
        .set_assumption(Assumption::SecondOrder, "always")
        .unwrap();
    // Both clicks of two, and who hangs up before the answer comes.
    let once = world.order("life-0417");
    let hung_up = tokio::time::timeout(Duration::from_millis(1), world.order("LIFE-0417"));
    let (first, second, _) = tokio::join!(once, world.order(" Life-0417 "), hung_up);
    for answer in [first, second, world.order("LIFE-0417").await] {
        assert_eq!((answer.status, &*answer.to), (303, "/cases/LIFE-0417"));
    }
    assert_eq!(world.billed(), 1);
    // Somebody else under the same number is no second order, and is not said to be the first.
    let other = world.post("/cases", &applicant("LIFE-0417", "Ada")).await;
    assert_eq!(other.status, 409, "{}", other.text);
    let link = "The policy <a href=\"/cases/LIFE-0417\">LIFE-0417</a> stands for another order";
    assert!(other.text.contains(link), "{}", other.text);
    assert_eq!(world.order("LIFE-0418").await.status, 303);
    assert_eq!(world.billed(), 2);
    let page = world.get("/cases/life-0417").await;
    assert_eq!(page.status, 200);
    assert!(
        page.text
            .contains("<h2 id=\"now\" tabindex=\"-1\">Ordered</h2>"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn what_nobody_knows_is_told_so_and_decided_by_a_person() {
    let world = World::new().await;
    let control = world.sandbox.control();
    control
        .set_assumption(Assumption::ReadAfterWrite, "10-minutes")
        .unwrap();
    let lost = Fault::drop_after()
        .on_method(Method::POST)
        .on_path("/api/v1/users");
    control.plan_fault(lost).unwrap();
    assert_eq!(world.order("LIFE-1").await.to, "/cases/LIFE-1");
    let unknown = "It is not known whether this is ordered";
    let page = world.get("/cases/LIFE-1").await;
    assert!(page.text.contains(unknown), "{}", page.text);
    assert!(world.get("/").await.text.contains("href=\"/cases/LIFE-1\""));
    // Neither loading it again nor the form sends anything.
    assert_eq!(world.order("LIFE-1").await.to, "/cases/LIFE-1");
    assert_eq!(world.post("/cases/LIFE-1/look", "").await.status, 303);
    let page = world.get("/cases/LIFE-1").await;
    assert!(page.text.contains(unknown), "{}", page.text);
    assert_eq!(world.billed(), 1);

    // A decision needs somebody who has looked, is about what was seen, and is checked.
    let decide = async |body: String| world.post("/cases/LIFE-1/decide", &body).await;
    let seen = shown(&page.text);
    let hasty = decide(format!("shown={seen}&what=send-again")).await;
    assert!(hasty.status == 409 && hasty.text.contains("Look in the vendor’s portal first"));
    let old = decide("shown=absent-0&what=send-again&looked=yes".to_owned()).await;
    assert!(
        old.status == 409 && old.text.contains("has changed"),
        "{}",
        old.text
    );
    let nobody = format!("shown={seen}&what=exists&looked=yes&human_id=none");
    let nobody = decide(nobody).await;
    assert!(
        nobody.status == 409 && nobody.text.contains("no user of this id"),
        "{}",
        nobody.text
    );
    assert_eq!(world.billed(), 1);

    // Once the service shows it, looking is enough.
    control.advance_clock(Duration::from_secs(601)).unwrap();
    assert_eq!(world.post("/cases/LIFE-1/look", "").await.status, 303);
    let page = world.get("/cases/LIFE-1").await;
    assert!(!page.text.contains(unknown), "{}", page.text);

    // And where it is not there, a decision has it sent once more, by a form that is filled in again.
    let early = Fault::drop_before()
        .on_method(Method::POST)
        .on_path("/api/v1/users");
    control.plan_fault(early.times(2)).unwrap();
    world.order("LIFE-2").await;
    assert_eq!(world.post("/cases/LIFE-2/look", "").await.status, 303);
    let page = world.get("/cases/LIFE-2").await;
    assert!(page.text.contains(unknown), "{}", page.text);
    // The timer comes by meanwhile, and finds nothing else.
    world.desk.reconcile().await.unwrap();
    let again = format!("shown={}&what=send-again&looked=yes", shown(&page.text));
    let allowed = world.post("/cases/LIFE-2/decide", &again).await;
    assert_eq!(allowed.to, "/?policy=LIFE-2", "{}", allowed.text);
    assert_eq!(world.billed(), 1);
    assert!(
        world
            .get(&allowed.to)
            .await
            .text
            .contains("value=\"LIFE-2\"")
    );

    // What is not known of the second is another thing to decide, though it reads the same.
    world.order("LIFE-2").await;
    assert_eq!(world.post("/cases/LIFE-2/look", "").await.status, 303);
    let old = world.post("/cases/LIFE-2/decide", &again).await;
    assert!(
        old.status == 409 && old.text.contains("has changed"),
        "{}",
        old.text
    );
    // While somebody looks, nothing is decided, and nothing has changed.
    let page = world.get("/cases/LIFE-2").await;
    assert!(page.text.contains(unknown), "{}", page.text);
    let again = format!("shown={}&what=send-again&looked=yes", shown(&page.text));
    let intent = IntentKey::new("underwriting/LIFE-2").unwrap();
    let take = world.store.apply(&intent, Op::Take { ttl: LONG });
    let Effect::Read(claim, entry) = take.await.unwrap() else {
        panic!("nobody is at it");
    };
    let busy = world.post("/cases/LIFE-2/decide", &again).await;
    assert!(
        busy.status == 409 && busy.text.contains("looks for this order just now"),
        "{}",
        busy.text
    );
    let EntryState::Unknown(doubt) = entry.state else {
        panic!("{entry:?}");
    };
    let finding = Finding::Undecided(doubt);
    let concluded = world.store.apply(&intent, Op::Conclude { claim, finding });
    concluded.await.unwrap();
    let allowed = world.post("/cases/LIFE-2/decide", &again).await;
    assert_eq!(allowed.to, "/?policy=LIFE-2", "{}", allowed.text);
    assert_eq!(world.order("LIFE-2").await.to, "/cases/LIFE-2");
    assert_eq!(world.billed(), 2);
    world.desk.reconcile().await.unwrap();
}

#[tokio::test]
async fn an_order_that_is_not_there_stays_on_the_list_until_somebody_has_acted() {
    let world = World::new().await;
    for policy in ["LIFE-1", "LIFE-2", "LIFE-3"] {
        world.leave_behind(policy, true).await;
    }
    // The timer finds out and has nobody to tell: once, and as often as it likes.
    world.desk.reconcile().await.unwrap();
    let page = world.get("/cases/LIFE-1").await.text;
    assert!(page.contains("The order did not arrive"), "{page}");
    let requests = || world.sandbox.control().requests().len();
    let asked = requests();
    for _ in 0..3 {
        world.desk.reconcile().await.unwrap();
    }
    // What it found it does not ask for again, and somebody who looks does.
    assert_eq!(requests(), asked);
    assert_eq!(world.post("/cases/LIFE-1/look", "").await.status, 303);
    assert!(requests() > asked);
    for policy in ["LIFE-1", "LIFE-2", "LIFE-3"] {
        assert!(world.lists(policy).await, "{policy} is gone");
    }

    // Somebody knows, of a page that nobody has changed since, and leaves it so.
    let known = format!("shown={}", shown(&page));
    let old = world.post("/cases/LIFE-1/known", "shown=absent-0").await;
    assert!(old.status == 409 && old.text.contains("has changed"));
    assert_eq!(world.post("/cases/LIFE-1/known", &known).await.status, 303);
    assert!(!world.lists("LIFE-1").await);
    let page = world.get("/cases/LIFE-1").await.text;
    assert!(
        page.contains("The order did not arrive") && !page.contains("Take it off the list"),
        "{page}"
    );

    // Somebody allows another one, which is not sent before the form came again.
    let page = world.get("/cases/LIFE-2").await.text;
    let again = format!("shown={}&what=send-again&looked=yes", shown(&page));
    assert_eq!(world.post("/cases/LIFE-2/decide", &again).await.status, 303);
    world.desk.reconcile().await.unwrap();
    assert!(world.lists("LIFE-2").await && world.lists("LIFE-3").await);
    assert_eq!(world.billed(), 0);
    // It is sent by the form for the same applicant, and then it is settled.
    let applicant = "policy=LIFE-2&firstName=Testina&lastName=Sandboxer&dateOfBirth=1980-04-09";
    assert_eq!(world.post("/cases", applicant).await.status, 303);
    assert!(!world.lists("LIFE-2").await && world.lists("LIFE-3").await);
    assert_eq!(world.billed(), 1);
}

#[tokio::test]
async fn what_was_never_sent_is_listed_unless_somebody_was_told() {
    let world = World::new().await;
    let control = world.sandbox.control();
    let refused = || {
        let at = Fault::status(400).on_method(Method::POST);
        at.on_path("/api/v1/users")
    };
    // Somebody reads on the page that nothing was ordered.
    control.plan_fault(refused()).unwrap();
    assert_eq!(world.order("LIFE-1").await.status, 502);
    assert!(!world.lists("LIFE-1").await);
    // A desk that ended before it sent told nobody.
    world.leave_behind("LIFE-2", false).await;
    world.desk.reconcile().await.unwrap();
    world.desk.reconcile().await.unwrap();
    assert!(world.lists("LIFE-2").await);
    let page = world.get("/cases/LIFE-2").await.text;
    let known = format!("shown={}", shown(&page));
    assert_eq!(world.post("/cases/LIFE-2/known", &known).await.status, 303);
    assert!(!world.lists("LIFE-2").await);
    // What is there is settled, and nobody need say so.
    world.order("LIFE-3").await;
    world.desk.reconcile().await.unwrap();
    assert!(!world.lists("LIFE-3").await);
    assert_eq!(world.billed(), 1);
}

#[tokio::test]
async fn all_that_is_not_settled_can_be_seen_however_much_it_is() {
    let world = World::new().await;
    let elsewhere = IntentKey::new("of-another-desk").unwrap();
    let order = NewOrder::new("somebody");
    let subject = Subject::of(&order);
    let begin = Op::Begin { ttl: LONG, subject };
    world.store.apply(&elsewhere, begin).await.unwrap();
    let all: Vec<String> = (0..120).map(|number| format!("LIFE-{number}")).collect();
    for policy in &all {
        world.leave_behind(policy, false).await;
    }
    let (mut seen, mut path) = (Vec::new(), "/".to_owned());
    for pages in 1.. {
        assert!(pages <= 3, "{seen:?}");
        let page = world.get(&path).await.text;
        let links = page.split("href=\"/cases/").skip(1);
        seen.extend(links.map(|link| link.split('"').next().unwrap().to_owned()));
        let Some(more) = page.split("href=\"/?after=").nth(1) else {
            break;
        };
        assert!(page.contains("Show more that are not settled"));
        path = format!("/?after={}", more.split('"').next().unwrap());
    }
    seen.sort();
    let mut all = all;
    all.sort();
    assert_eq!(seen, all);
    assert!(world.get(&path).await.text.contains("Begin at the first"));

    // That nothing is listed where nothing can be read would say that all is settled.
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        std::fs::write(file.unwrap().path(), "no database").unwrap();
    }
    let page = world.get("/").await.text;
    assert!(
        page.contains("The journal of orders cannot be read"),
        "{page}"
    );
    // Nor is it said that nothing was ordered: it may have been before.
    let order = world.order("LIFE-1").await;
    assert_eq!(order.status, 503, "{}", order.text);
    for said in [
        "<h1>It is not known whether this is ordered</h1>",
        "<a href=\"/cases/LIFE-1\">the case of LIFE-1</a>",
    ] {
        assert!(order.text.contains(said), "{}", order.text);
    }
    assert!(!order.text.contains("Nothing was ordered"));
}

#[tokio::test]
async fn an_order_is_shown_to_its_end_with_its_tasks_and_reports() {
    let world = World::new().await;
    let control = world.sandbox.control();
    world.order("LIFE-1").await;
    world.order("LIFE-2").await;
    control
        .order("LIFE-1")
        .wait_for(OrderState::Pended)
        .unwrap();
    let page = world.get("/cases/LIFE-1").await;
    assert!(
        page.text.contains("Waiting for the applicant"),
        "{}",
        page.text
    );
    let link = world.post("/cases/LIFE-1/tasks", "").await;
    assert!(link.text.contains("/tasks?clientId="), "{}", link.text);
    control.order("LIFE-1").do_tasks().unwrap();
    control
        .order("LIFE-1")
        .wait_for(OrderState::Completed)
        .unwrap();
    let page = world.get("/cases/LIFE-1/progress?seen=0").await;
    assert!(page.text.contains("data-over"), "{}", page.text);
    let reports: Vec<&str> = page
        .text
        .split("href=\"")
        .skip(1)
        .map(|at| at.split('"').next().unwrap())
        .collect();
    let reports: Vec<_> = reports
        .iter()
        .filter(|path| path.contains("/reports/"))
        .collect();
    assert!(reports.len() >= 3, "{}", page.text);
    for path in &reports {
        assert_eq!(world.get(path).await.status, 200, "{path}");
        // A report of one case is none of another.
        let elsewhere = path.replace("LIFE-1", "LIFE-2");
        assert_eq!(world.get(&elsewhere).await.status, 404, "{path}");
    }
    // Where the Task Manager leads back to decides nothing.
    let order = "%7B%22externalId%22%3A%22LIFE-1%22%7D";
    let back = world
        .get(&format!("/back?status=success&order={order}"))
        .await;
    assert_eq!(back.to, "/cases/LIFE-1");
    assert_eq!(
        world.get("/back?status=error&error=Forbidden").await.status,
        200
    );
    control
        .plan_fault(Fault::status(503).on_path("/api/v1/user").times(50))
        .unwrap();
    let page = world.get("/cases/LIFE-2").await;
    assert!(page.text.contains("could not be read"), "{}", page.text);
}

#[tokio::test]
async fn nobody_else_posts_its_forms_and_nothing_of_them_is_shown_again() {
    let world = World::new().await;
    let body = applicant("LIFE-1", "Testina");
    for headers in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "https://elsewhere.test")],
        vec![
            ("sec-fetch-site", "same-origin"),
            ("host", "elsewhere.test"),
        ],
    ] {
        let answer = world
            .send(Method::POST, "/cases", &headers, body.clone())
            .await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    let host = [("host", "elsewhere.test")];
    let rebound = world
        .send(Method::GET, "/cases/LIFE-1", &host, String::new())
        .await;
    assert_eq!(rebound.status, 403);
    assert_eq!(world.billed(), 0);

    let wrong = world
        .post("/cases", &body.replace("zip=02134", "zip=x"))
        .await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text.contains("zip-problem") && wrong.text.contains("Testville"),
        "{}",
        wrong.text
    );
    let control = world.sandbox.control();
    let refused = Fault::status(400)
        .on_method(Method::POST)
        .on_path("/api/v1/users");
    control.plan_fault(refused).unwrap();
    assert_eq!(world.order("LIFE-1").await.status, 502);
    control.set_assumption(Assumption::Genders, "two").unwrap();
    let other = world
        .post("/cases", &body.replace("gender=female", "gender=other"))
        .await;
    assert_eq!(other.status, 422, "{}", other.text);
    assert!(
        other.text.contains("id=\"gender-problem\""),
        "{}",
        other.text
    );
    assert_eq!(world.order("LIFE-1").await.status, 303);
    for path in [
        "/",
        "/cases/LIFE-1",
        "/cases/LIFE-2",
        "/cases/x%2Fy",
        "/nowhere",
    ] {
        world.get(path).await;
    }
    let answered = world.answered.lock().unwrap();
    for secret in [BIRTH_DATE, SSN, "900123456", "04/09/1980"] {
        assert!(!answered.contains(secret), "{secret} was shown");
    }
    assert!(answered.contains("Testville"), "nothing was kept");
}

/// Ends the program, whatever becomes of the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underwriting"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HUMANAPI_") {
            command.env_remove(name);
        }
    }
    command
}

#[tokio::test]
async fn the_program_serves_a_sandbox_and_orders_for_real_with_a_journal_alone() {
    let mut command = program();
    command.args(["--port", "0"]).stdout(Stdio::piped());
    let mut running = Ended(command.spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let base = first.strip_prefix("Underwriting: ").unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("Sandbox: "));
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = http.get(base).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Order medical records"), "{page}");
    assert!(page.contains("<option value=\"aps-only\">"), "{page}");

    let mut real = program();
    real.env("HUMANAPI_CLIENT_ID", "app")
        .env("HUMANAPI_CLIENT_SECRET", "hush");
    let ended = real.args(["--port", "0"]).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        !ended.status.success() && said.contains("--journal"),
        "{said}"
    );
}
