//! The example that orders records: once whatever is clicked, followed to its end, and honest where nobody knows.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::Method;
use humanapi_browser_tests::{Browser, Key, Stage};
use humanapi_client::{Client, Spawn, Task, Timer, TokioRuntime};
use humanapi_core::admin::order::OrderPolicy;
use humanapi_core::{Credentials, Hosts, Now, Provisioning};
use humanapi_sandbox::{Assumption, DemoApp, Fault, OrderState};
use humanapi_store::{SealingKeys, SqliteStore};
use tempfile::NamedTempFile;
use underwriting::{Desk, DeskJournal};

use crate::keyboard::tab_to;
use crate::secrets::{Places, SANDBOX_LOG};
use crate::{tasks, within};

/// Where the desk that the browser is at is served.
pub(crate) async fn origin(browser: &Browser) -> String {
    let origin = browser.eval("return location.origin").await;
    origin.as_str().expect("it is at a page").to_owned()
}

/// A clock on which waiting takes a hundredth of its time: what is polled every 30 seconds is soon there.
struct Hasty(TokioRuntime);

impl Timer for Hasty {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        self.0.sleep(duration / 100)
    }

    fn alarm(&self, timeout: Duration) -> Task<'static> {
        self.0.alarm(timeout)
    }
}

impl Spawn for Hasty {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        self.0.spawn(task)
    }
}

/// A stage for the desk, and a listener that it can be served on; none where a program is missing.
async fn open(test: &str) -> Option<(Stage, String, Arc<NamedTempFile>)> {
    let listener = listen();
    let origin = origin_of(&listener);
    let stage = Stage::set_with_callback(test, &format!("{origin}/back")).await?;
    let log = Arc::new(NamedTempFile::new().expect("there is room for a log"));
    serve(&stage, listener, &log);
    Some((stage, origin, log))
}

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port on loopback")
}

fn origin_of(listener: &TcpListener) -> String {
    let port = listener.local_addr().expect("it is bound").port();
    format!("http://localhost:{port}")
}

/// Serves the desk on the stage's sandbox, with its log in all detail and what most servers log of a request. It ends with
/// the process.
fn serve(stage: &Stage, listener: TcpListener, log: &Arc<NamedTempFile>) {
    let origin = origin_of(&listener);
    let app = stage.sandbox.app(DemoApp::Hip);
    let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
    let credentials = credentials.expect("an id and a secret");
    let hosts = Hosts::single(stage.sandbox.url()).expect("an address on this machine");
    let transport = stage.clinic.transport();
    // What is not there at once is not waited for.
    let policy = OrderPolicy::default().with_read_patience(Duration::ZERO);
    let client = Client::builder(credentials, Provisioning::Hip, transport)
        .hosts(hosts)
        .order_policy(policy);
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(lines);
        let folder = tempfile::tempdir().expect("a folder for the journal");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("there are threads").block_on(async {
            let keys = SealingKeys::generate("test").expect("there are random numbers");
            let journal = SqliteStore::open(folder.path().join("orders.sqlite"), keys).await;
            journal.init().await.expect("a folder of the test's own");
            let journal = Arc::new(DeskJournal::over(Arc::new(journal)));
            let client = client.order_journal(journal.clone());
            let client = client.build_on(Hasty(TokioRuntime::new()));
            let app = underwriting::app(Desk::new(client, journal), &origin);
            let app = app.layer(from_fn_with_state(log, note));
            listener.set_nonblocking(true).expect("it is a socket");
            let listener = tokio::net::TcpListener::from_std(listener);
            axum::serve(listener.expect("it is bound"), app).await
        })
    });
}

async fn note(State(log): State<Arc<NamedTempFile>>, request: Request, next: Next) -> Response {
    let line = format!(
        "{} {} {:?}",
        request.method(),
        request.uri(),
        request.headers()
    );
    let answer = next.run(request).await;
    writeln!(&*log, "{line} {} {:?}", answer.status(), answer.headers())
        .expect("the log takes one line more");
    answer
}

const BIRTH_DATE: &str = "1980-04-09";
const SSN: &str = "900-12-3456";

/// Fills in the form for this policy, and sends nothing.
async fn fill(browser: &Browser, policy: &str) {
    for (label, text) in [
        ("Policy number", policy),
        ("First name", "Testina"),
        ("Last name", "Sandboxer"),
        ("Social Security number", SSN),
        ("Street and number", "1 Fixture Way"),
        ("City", "Testville"),
        ("State", "OR"),
        ("ZIP code", "02134"),
    ] {
        let field = browser.find("field", label).await;
        field.clear().await.expect("it can be emptied");
        browser.fill(label, text).await;
    }
    // Of which a browser shows day, month and year apart, each where its language has it.
    let day = "document.getElementById('dateOfBirth').value = arguments[0]";
    browser.eval_with(day, vec![BIRTH_DATE.into()]).await;
    let gender = browser.find("field", "Gender").await;
    gender
        .select_by_value("female")
        .await
        .expect("it has the value");
}

/// Each screen of the desk.
pub(crate) async fn walk(stage: &Stage, look: &mut impl AsyncFnMut(&Browser, &str)) {
    let Stage {
        browser, sandbox, ..
    } = stage;
    let listener = listen();
    let desk = origin_of(&listener);
    let log = NamedTempFile::new().expect("there is room for a log");
    serve(stage, listener, &Arc::new(log));
    let control = sandbox.control();
    let lost = || {
        Fault::drop_before()
            .on_method(Method::POST)
            .on_path("/api/v1/users")
    };

    browser.goto(&desk).await;
    browser.find("heading", "Order medical records").await;
    look(browser, "underwriting-form").await;
    fill(browser, "LIFE-0417").await;
    browser.fill("E-mail address", "testina").await;
    browser.click("button", "Order records").await;
    browser.find("heading", "Nothing was ordered").await;
    look(browser, "underwriting-refused").await;

    browser.goto(&desk).await;
    fill(browser, "LIFE-0418").await;
    control
        .plan_fault(lost())
        .expect("a fault that makes sense");
    browser.click("button", "Order records").await;
    browser
        .find("heading", "It is not known whether this is ordered")
        .await;
    look(browser, "underwriting-unknown").await;
    browser.goto(&desk).await;
    browser.find("heading", "Not settled yet").await;
    look(browser, "underwriting-not-settled").await;
    browser.goto(&format!("{desk}/cases/LIFE-0418")).await;
    browser
        .fill("The user’s id in the vendor’s portal", "none")
        .await;
    browser
        .click("field", "I have seen this order in the vendor’s portal")
        .await;
    browser.click("button", "Settle it as ordered").await;
    browser.find("heading", "Nothing was decided").await;
    look(browser, "underwriting-not-decided").await;
    browser.goto(&format!("{desk}/cases/LIFE-0418")).await;
    let looked = "I have looked in the vendor’s portal, and there is no such order";
    browser.click("field", looked).await;
    let again = "Allow it to be sent once more";
    browser.click("button", again).await;
    browser.find("heading", "Order medical records").await;
    browser.goto(&format!("{desk}/cases/LIFE-0418")).await;
    browser.find("heading", "Nothing was ordered").await;
    look(browser, "underwriting-not-sent").await;
    browser.click("button", "Take it off the list").await;
    browser.find("heading", "Nothing was ordered").await;
    browser
        .until("return !document.getElementById('known')")
        .await;

    browser.goto(&desk).await;
    fill(browser, "LIFE-0417").await;
    browser.click("button", "Order records").await;
    browser.find("heading", "Ordered").await;
    let order = control.order("LIFE-0417");
    order
        .wait_for(OrderState::Pended)
        .expect("it lacks an authorization");
    browser.find("heading", "Waiting for the applicant").await;
    look(browser, "underwriting-waits").await;
    browser
        .click("button", "Make a link for the applicant")
        .await;
    browser.find("heading", "A link for the applicant").await;
    look(browser, "underwriting-link").await;
    order.do_tasks().expect("it waits");
    browser.click("link", "Back to the case").await;
    browser.find("heading", "Records are being collected").await;
    order
        .wait_for(OrderState::Completed)
        .expect("it lacks nothing");
    browser.find("heading", "Complete").await;
    browser.find("link", "highlights (PDF)").await;
    look(browser, "underwriting-complete").await;
    browser.goto(&format!("{desk}/cases/LIFE-0001")).await;
    browser.find("heading", "No such case").await;
    look(browser, "underwriting-no-case").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_once_followed_to_its_reports_and_says_nothing_of_the_applicant() {
    within(async {
        let test = "underwriting_desk::an_order_is_placed_once_followed_to_its_reports_and_says_nothing_of_the_applicant";
        let Some((stage, origin, log)) = open(test).await else {
            return;
        };
        let Stage {
            browser, sandbox, ..
        } = &stage;
        let control = sandbox.control();
        // The service itself forgives nothing: whatever is sent is billed.
        control
            .set_assumption(Assumption::SecondOrder, "always")
            .expect("a value that it has");
        let billed = || control.ledger().len();
        let order = control.order("LIFE-0417");
        let mut places = Places::default();
        browser.goto(&origin).await;
        fill(browser, "life-0417").await;
        browser.double_click("button", "Order records").await;
        browser.find("heading", "Policy LIFE-0417").await;
        browser.find("heading", "Ordered").await;
        // Loaded again, and back to the form, which the browser does not fill in again.
        browser.driver().refresh().await.expect("the page loads");
        browser.find("heading", "Ordered").await;
        browser.driver().back().await.expect("there is a page before it");
        browser.find("heading", "Order medical records").await;
        let typed = "return [...document.querySelectorAll('main input')].map((one) => one.value).join('')";
        assert_eq!(browser.eval(typed).await, "");
        assert_eq!(billed(), 1);

        // The page hears of what changes, and says so.
        browser.fill("Find a case", "life-0417").await;
        browser.click("button", "Find").await;
        browser.find("heading", "Ordered").await;
        order.wait_for(OrderState::Pended).expect("it lacks an authorization");
        browser.find("heading", "Waiting for the applicant").await;
        browser.find("status", "Waiting for the applicant").await;
        places.keep_page(browser, "a case").await;
        browser.click("button", "Make a link for the applicant").await;
        browser.click("link", "Open the Task Manager").await;
        browser.find("heading", "Your tasks").await;
        browser.fill(tasks::SIGNATURE, "Testina Sandboxer").await;
        browser.click("field", tasks::AGREES).await;
        browser.click("button", "Sign").await;
        browser.find("heading", "All is done").await;
        browser.click("button", "Done").await;
        browser.find("heading", "Records are being collected").await;
        order.wait_for(OrderState::Completed).expect("it lacks nothing");
        browser.find("status", "Complete").await;
        browser.find("link", "highlights (PDF)").await;

        // On paper there is nothing to press, and all that there is to read.
        let paper = serde_json::json!({ "media": "print" });
        browser.cdp("Emulation.setEmulatedMedia", paper).await;
        assert!(!browser.has("button", "Find").await);
        browser.find("heading", "Complete").await;
        browser.find("link", "highlights (PDF)").await;

        places.keep_page(browser, "a case that is over").await;
        places.keep_browser(browser).await;
        places.keep_log_of(sandbox);
        assert_eq!(billed(), 1);
        let remains = stage.end().await;
        places.keep_remains(&remains);
        let log = std::fs::read(log.path()).expect("the log is there");
        assert!(log.len() > 10_000, "the desk logs nothing");
        places.put("the desk's log", log);
        // The form went to the desk, and from there to the service. The driver notes what it was told to type.
        let form = format!("{origin}/cases");
        for secret in [SSN, "900123456", BIRTH_DATE, "04/09/1980"] {
            let mut held = places.that_hold(secret);
            held.retain(|place| *place != form && !place.ends_with("/driver.log"));
            assert!(held.is_empty(), "{secret}: {held:?}");
        }
        assert!(!places.that_hold(SSN).is_empty());
        assert!(places.at(SANDBOX_LOG).len() > 1_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_decided_by_keyboard_alone_and_without_a_script() {
    within(async {
        let test = "underwriting_desk::what_nobody_knows_is_decided_by_keyboard_alone_and_without_a_script";
        let Some((stage, origin, _)) = open(test).await else {
            return;
        };
        let Stage {
            browser, sandbox, ..
        } = &stage;
        let press = async |name: &str| {
            tab_to(browser, name).await;
            browser.key(Key::Enter).await;
        };
        let apply = async |with_policy: bool| {
            browser.find("heading", "Order medical records").await;
            let policy = with_policy.then_some(("Policy number", "LIFE-0417"));
            let person = [
                ("First name", "Testina"),
                ("Last name", "Sandboxer"),
                // Month, day and year, one after another.
                ("Date of birth", "04091980"),
            ];
            for (field, typed) in policy.into_iter().chain(person) {
                tab_to(browser, field).await;
                browser.keys(typed.chars()).await;
            }
            press("Order records").await;
        };
        let lost = Fault::drop_before().on_method(Method::POST).on_path("/api/v1/users");
        sandbox.control().plan_fault(lost).expect("a fault that makes sense");
        browser.without_javascript().await;
        browser.goto(&origin).await;
        apply(true).await;
        let unknown = "It is not known whether this is ordered";
        browser.find("heading", unknown).await;
        press("Look again").await;
        browser.find("heading", unknown).await;
        assert_eq!(sandbox.control().ledger().len(), 0);
        tab_to(browser, "I have looked in the vendor’s portal, and there is no such order").await;
        browser.keys([' ']).await;
        press("Allow it to be sent once more").await;
        apply(false).await;
        browser.find("heading", "Ordered").await;
        assert_eq!(sandbox.control().ledger().len(), 1);
        let order = sandbox.control().order("LIFE-0417");
        order.wait_for(OrderState::Pended).expect("it lacks most");
        browser.driver().refresh().await.expect("the page loads");
        press("Make a link for the applicant").await;
        press("Open the Task Manager").await;
        browser.find("heading", "Your tasks").await;
        stage.end().await;
    })
    .await;
}
