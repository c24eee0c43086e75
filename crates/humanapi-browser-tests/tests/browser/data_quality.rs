//! The page that `humanapi data report --html` writes: a file that a browser opens, and nothing else.

use humanapi_browser_tests::{Browser, Key, Stage};
use humanapi_core::ClientUserId;
use humanapi_export::{DataReport, Export, Format, Thresholds};
use humanapi_testing::{ForTests as _, Sandbox, Scenario};
use tempfile::TempDir;

use crate::keyboard::tab_to;
use crate::within;

/// A user of each kind of life, one of whom has much that cannot be read as documented.
const PEOPLE: &str = r#"{"users": [
  {"client_user_id": "patient-1", "persona": "chronic", "sources": ["sandbox_clinic", "starfleet_pharmacy"]},
  {"client_user_id": "patient-2", "persona": "odd", "sources": ["sandbox_clinic", "strider"]},
  {"client_user_id": "patient-3", "persona": "child", "sources": ["sandbox_clinic"]}
]}"#;

/// A folder with the page, and its address.
struct File(TempDir);

impl File {
    fn of(page: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        std::fs::write(folder.path().join("quality.html"), page).expect("there is room");
        Self(folder)
    }

    fn address(&self) -> String {
        format!("file://{}/quality.html", self.0.path().display())
    }
}

/// What an offline sandbox has of these people: the same in each run.
async fn report() -> DataReport {
    let scenario = Scenario::from_json(PEOPLE.as_bytes()).expect("it is right");
    let sandbox = Sandbox::builder().seed(7).scenario(scenario);
    let sandbox = sandbox.build_offline();
    let client = sandbox.client();
    let users = ["patient-1", "patient-2", "patient-3"];
    let users = users.map(|id| Ok(ClientUserId::new(id).expect("it is not empty")));
    let users = futures_util::stream::iter(users);
    // Wellness and clinics, with codes, units and what is odd; and a kind that nobody has.
    let kinds = [
        "data.activities",
        "data.genetic_traits",
        "data.medications",
        "data.test_results",
        "data.vitals",
    ];
    let routes = Export::all_resources().filter(|route| kinds.contains(&route.name));
    let export = Export::new(client, Format::Ndjson).with_resources(routes);
    let read = export.report(users, std::future::pending()).await;
    let (summary, report) = read.expect("the sandbox answers");
    assert!(summary.failed.is_empty() && report.records() > 100);
    assert_eq!(report.resources.len(), kinds.len());
    report
}

/// The page as it is where some is worse than was asked for, and the export it is of is not over.
async fn worse() -> File {
    let mut report = report().await;
    report.whole = false;
    report.failed = 2;
    report.refused = 1;
    let thresholds = Thresholds::default()
        .with_completeness("test_results.components.unit", 0.99)
        .with_most_odd_records(0.5);
    let breaches = report.check(&thresholds);
    assert!(breaches.len() >= 3, "{breaches:?}");
    File::of(&report.page(&breaches))
}

/// Each screen of it: as it usually is, with what is wrong at its head, and of nobody.
pub(crate) async fn walk(browser: &Browser, look: &mut impl AsyncFnMut(&Browser, &str)) {
    let usual = File::of(&report().await.page(&[]));
    browser.goto(&usual.address()).await;
    browser.find("heading", "Quality of health data").await;
    look(browser, "data-quality").await;
    let worse = worse().await;
    browser.goto(&worse.address()).await;
    browser
        .find("heading", "Thresholds that are not kept")
        .await;
    look(browser, "data-quality-worse").await;
    let mut nothing = report().await;
    nothing.resources.clear();
    let nothing = File::of(&nothing.page(&[]));
    browser.goto(&nothing.address()).await;
    browser.find("heading", "Overview").await;
    look(browser, "data-quality-of-nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_the_page_is_reached_by_keyboard_alone_and_it_asks_for_nothing() {
    within(async {
        let test = "data_quality::all_of_the_page_is_reached_by_keyboard_alone_and_it_asks_for_nothing";
        let Some(stage) = Stage::set(test).await else {
            return;
        };
        let browser = &stage.browser;
        let page = worse().await;
        browser.look(390, 844, "light").await;
        browser.goto(&page.address()).await;
        // From the overview to a kind.
        tab_to(browser, "test_results").await;
        browser.key(Key::Enter).await;
        let arrived = "const box = document.getElementById('test_results').getBoundingClientRect(); \
             return location.hash === '#test_results' && box.top > -2 && box.top < innerHeight";
        browser.until(arrived).await;
        // A table that is wider than the window is moved within it, and shows that it has the focus.
        tab_to(browser, "Table: code systems of test_results").await;
        let moved = "return document.activeElement.scrollLeft";
        let wider = "const one = document.activeElement; return one.scrollWidth - one.clientWidth";
        if browser.eval(wider).await.as_i64().is_some_and(|over| over > 0) {
            browser.key(Key::Right).await;
            browser.until(&format!("{moved} > 0")).await;
        }
        // Nothing of it is out of reach: each table that is wider than the window can have the focus.
        let out_of_reach = "return [...document.querySelectorAll('main *')].filter((one) => \
             one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== 'visible' && one.tabIndex < 0).length";
        assert_eq!(browser.eval(out_of_reach).await, 0);
        let asked_for = "return performance.getEntriesByType('resource').map((one) => one.name)";
        assert_eq!(browser.eval(asked_for).await, serde_json::json!([]));
        stage.end().await;
    })
    .await;
}
