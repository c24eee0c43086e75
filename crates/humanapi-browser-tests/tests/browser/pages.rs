//! How the pages look, who can use them, and what their content policies forbid.

use std::io::Write as _;
use std::path::Path;

use http::header;
use humanapi_browser_tests::{Browser, Stage, packages};
use humanapi_sandbox::{OrderState, Sandbox};
use serde_json::json;

use crate::pictures::{HIGHEST, Pictures};
use crate::{data_quality, package, patient_page, story, tasks, underwriting_desk, within};

/// A narrow phone and a wide window.
const SIZES: [(u32, u32); 2] = [(390, 844), (1280, 800)];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// Goes through every screen there is, and looks at each.
async fn walk(stage: &Stage, patient_page: &str, mut look: impl AsyncFnMut(&Browser, &str)) {
    let Stage {
        browser,
        clinic,
        sandbox,
        ..
    } = stage;
    let token = clinic.token().await;
    browser.goto(&clinic.launcher_page(&token)).await;
    look(browser, "clinic").await;
    browser.click("button", "Connect your health data").await;
    browser.enter_connect().await;
    browser.leave_frames().await;
    look(browser, "clinic-with-connect").await;

    let connect = |token: &str| format!("{}/?token={token}", sandbox.url());
    browser.goto(&connect(token.expose_secret())).await;
    look(browser, "connect-new").await;
    browser
        .click("button", "Connect Lakeside Family Practice")
        .await;
    browser
        .find("heading", "Sign in to Lakeside Family Practice")
        .await;
    look(browser, "connect-sign-in").await;
    browser.fill("Username", "somebody").await;
    browser.fill("Password", "wrong").await;
    browser.click("button", "Sign in").await;
    browser
        .until("return document.querySelector('[role=alert]').textContent !== ''")
        .await;
    look(browser, "connect-sign-in-refused").await;
    browser
        .find("field", "Username")
        .await
        .clear()
        .await
        .expect("it can be emptied");
    browser.fill("Username", "demouser").await;
    browser.fill("Password", "password").await;
    browser.click("button", "Sign in").await;
    browser.find("heading", "Enter your code").await;
    look(browser, "connect-code").await;
    browser.fill("One-time code", "123456").await;
    browser.click("button", "Verify").await;
    browser
        .find("status", "Lakeside Family Practice is connected.")
        .await;
    story::connect(browser, "Strider").await;
    look(browser, "connect-going-on").await;
    browser.click("button", "Request a provider").await;
    browser.find("heading", "Request a provider").await;
    look(browser, "connect-request").await;
    browser
        .fill(
            "Doctor or practice",
            "Dr. Maximiliane Musterfrau-Zwischenberger",
        )
        .await;
    browser.click("button", "Send request").await;
    browser.find("status", "Your request was noted.").await;
    browser.click("button", "Done").await;
    browser.find("heading", "You are done here").await;
    look(browser, "connect-ended").await;

    clinic
        .patient()
        .confirm_connection()
        .await
        .expect("the service answers");
    let token = clinic.token().await;
    browser.goto(&connect(token.expose_secret())).await;
    browser.find("heading", "Welcome back").await;
    look(browser, "connect-returning").await;
    browser.goto(&connect("nonsense")).await;
    look(browser, "connect-refused").await;
    browser
        .goto(&format!("{}/?mode=select", sandbox.url()))
        .await;
    look(browser, "connect-select").await;
    task_manager(browser, sandbox, &mut look).await;
    browser.goto(&format!("{}/", sandbox.url())).await;
    browser.find("status", "Live").await;
    look(browser, "dashboard").await;

    browser.goto(patient_page).await;
    look(browser, "patient-page-sign-in").await;
    patient_page::sign_in(browser, patient_page, "Chloé O’Hara").await;
    browser.find("heading", "Welcome, Chloé O’Hara").await;
    look(browser, "patient-page-new").await;
    browser.click("button", "Connect your health data").await;
    browser.enter_connect().await;
    story::connect(browser, "Strider").await;
    story::connect(browser, "Sandbox Clinic").await;
    browser.click("button", "Done").await;
    browser.leave_frames().await;
    browser.find("heading", "Welcome back, Chloé O’Hara").await;
    browser.find("heading", "Medications").await;
    look(browser, "patient-page-connected").await;
    browser.click("button", "Manage your sources").await;
    browser.enter_connect().await;
    browser.leave_frames().await;
    look(browser, "patient-page-with-connect").await;
    // Once its server has answered, the page loads itself again, and would go on with that from wherever it is.
    browser.eval("window.isOld = true").await;
    browser.click("button", "Close").await;
    browser
        .until("return !window.isOld && document.readyState === 'complete'")
        .await;
    browser.goto(&format!("{patient_page}/nowhere")).await;
    browser.find("heading", "Not found").await;
    look(browser, "patient-page-not-found").await;
    data_quality::walk(browser, &mut look).await;
    underwriting_desk::walk(stage, &mut look).await;
}

/// Each screen of the Task Manager: nobody has looked, everything to do, something wrong, one thing done, all done, left,
/// nothing to do, and a link that has ended or cannot be opened.
async fn task_manager(
    browser: &Browser,
    sandbox: &Sandbox,
    look: &mut impl AsyncFnMut(&Browser, &str),
) {
    let control = sandbox.control();
    let link = async |user: &str| tasks::link(sandbox, user, None).await;
    tasks::order_least(sandbox, "applicant-1").await;
    let opened = link("applicant-1").await;
    browser.goto(&opened).await;
    let not_yet = "Your order is being looked at";
    browser.find("heading", not_yet).await;
    look(browser, "tasks-not-yet").await;
    control
        .order("applicant-1")
        .wait_for(OrderState::Pended)
        .expect("it lacks everything");
    browser.click("link", "Look again").await;
    browser.find("heading", "Your tasks").await;
    look(browser, "tasks").await;
    browser.fill("First name", "Testina").await;
    browser.fill("Social Security number", "000-00-0000").await;
    browser.click("button", "Send").await;
    browser
        .find("alert", "Please look at what is marked.")
        .await;
    look(browser, "tasks-refused").await;
    browser.fill(tasks::SIGNATURE, "Testina Sandboxer").await;
    browser.click("field", tasks::AGREES).await;
    browser.click("button", "Sign").await;
    browser
        .find("status", "Done: Allow your records to be handed out.")
        .await;
    look(browser, "tasks-one-done").await;
    control.order("applicant-1").do_tasks().expect("it waits");
    browser.goto(&opened).await;
    browser.find("heading", "All is done").await;
    look(browser, "tasks-done").await;
    browser.click("button", "Done").await;
    browser.find("heading", "You are done here").await;
    look(browser, "tasks-left").await;
    browser.goto(&opened.replace("rq=", "rq=x")).await;
    browser.find("heading", "This link has ended").await;
    look(browser, "tasks-ended").await;
    let elsewhere = "&callback=https%3A%2F%2Felsewhere.test%2F";
    browser.goto(&format!("{opened}{elsewhere}")).await;
    browser.find("heading", "This link cannot be opened").await;
    look(browser, "tasks-cannot-be-opened").await;

    for state in OrderState::ALL {
        let order = control.order(format!("applicant {}", state.name()));
        order.placed(state).expect("there is room");
    }
    let none = format!("applicant {}", OrderState::Created.name());
    browser.goto(&link(&none).await).await;
    browser.find("heading", "There is nothing to do").await;
    look(browser, "tasks-none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing() {
    within(async {
        let test = "pages::axe_finds_nothing";
        let Some(axe) = package(test, packages::AXE, "axe.min.js").await else {
            return;
        };
        let Some((stage, origin)) = patient_page::open(test).await else {
            return;
        };
        let mut screens = 0;
        walk(&stage, &origin, async |browser, screen| {
            screens += 1;
            for (width, height) in SIZES {
                for scheme in SCHEMES {
                    browser.look(width, height, scheme).await;
                    let look = format!("{width}, {scheme}");
                    check_access(browser, &axe, screen, &look).await;
                    if screen.ends_with("-with-connect") {
                        browser.enter("#human-api").await;
                        check_access(browser, &axe, "connect-in-frame", &look).await;
                        browser.leave_frames().await;
                    }
                }
            }
            browser.look(1280, 800, "light").await;
        })
        .await;
        assert!(screens >= 40, "{screens} screens");
        stage
            .end_but_for(&["400", "401", "404", "409", "422"])
            .await;
    })
    .await;
}

async fn check_access(browser: &Browser, axe: &str, screen: &str, look: &str) {
    if browser.eval("return !window.axe").await == true {
        browser.eval(axe).await;
    }
    let run = "const done = arguments[0]; axe.run(document, { iframes: false }).then(\
         ({ violations, passes }) => done({ violations, passes: passes.length }), (error) => done({ error: String(error) }))";
    let found = browser
        .driver()
        .execute_async(run, Vec::new())
        .await
        .expect("axe runs");
    assert!(
        found["passes"].as_u64().is_some_and(|passes| passes >= 5),
        "{screen}: {found:#?}"
    );
    let violations = found["violations"].as_array().expect("a list");
    let found: Vec<_> = violations
        .iter()
        .map(|violation| {
            json!([
                violation["id"],
                violation["impact"],
                violation["help"],
                violation["nodes"]
            ])
        })
        .collect();
    assert!(found.is_empty(), "{screen}, {look}: {found:#?}");
}

/// The fields that stand beside another one of their form, and higher or lower: whatever is said above or below them.
const UNEVEN: &str = r#"
const fields = [...document.querySelectorAll('form :is(input:not([type="checkbox"], [type="radio"], [type="hidden"]), select, textarea)')]
  .filter((one) => one.checkVisibility())
  .map((one) => ({ name: one.name || one.id, form: one.form, at: one.getBoundingClientRect() }));
const besides = (a, b) => a.form === b.form && a.at.top < b.at.bottom && b.at.top < a.at.bottom;
return fields
  .filter((one) => fields.some((other) => besides(one, other) && Math.abs(one.at.top - other.at.top) > 1))
  .map((one) => one.name)
"#;

/// Takes a picture of a page that runs no script.
pub(crate) async fn picture(browser: &Browser, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::fs::create_dir_all(&folder).expect("the target folder takes one more");
    let file = folder.join(format!("{name}.png"));
    let picture = browser.picture_at_once().await;
    std::fs::write(file, picture).expect("the folder takes pictures");
}

#[tokio::test(flavor = "multi_thread")]
async fn they_fit_into_narrow_and_wide_windows_in_light_and_dark() {
    within(async {
        let test = "pages::they_fit_into_narrow_and_wide_windows_in_light_and_dark";
        let Some((stage, origin)) = patient_page::open(test).await else { return };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
        std::fs::create_dir_all(&folder).expect("the target folder takes one more");
        let mut pictures = Pictures::default();
        walk(&stage, &origin, async |browser, screen| {
            let mut backgrounds = Vec::new();
            for (width, height) in SIZES {
                for scheme in SCHEMES {
                    browser.look(width, height, scheme).await;
                    let page = browser.eval("return [document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight]").await;
                    assert!(page[0].as_i64().is_some_and(|over| over <= 0), "{screen} is wider than a window of {width}");
                    let uneven = browser.eval(UNEVEN).await;
                    assert_eq!(uneven, json!([]), "{screen} has fields beside each other that are not level at {width}");
                    let whole = u32::try_from(page[1].as_u64().expect("a height")).expect("a height");
                    if whole > height {
                        browser.look(width, whole.min(HIGHEST), scheme).await;
                    }
                    pictures.take(browser, screen, width, scheme).await;
                    if whole > HIGHEST {
                        browser.look(width, whole, scheme).await;
                    }
                    let file = folder.join(format!("{screen}-{width}-{scheme}.png"));
                    std::fs::write(file, browser.picture().await).expect("the folder takes pictures");
                    let background = "const canvas = document.querySelector('dialog[open]') ?? document.body; \
                         return getComputedStyle(canvas).backgroundColor + getComputedStyle(canvas).color";
                    backgrounds.push(browser.eval(background).await);
                }
            }
            assert_ne!(backgrounds[0], backgrounds[1], "{screen} has no dark side");
            browser.look(1280, 800, "light").await;
        })
        .await;
        pictures.settle(&stage.browser).await;
        stage.end_but_for(&["400", "401", "404", "409", "422"]).await;
        // Past the test's captured output, because nobody asks for it where all is well.
        writeln!(std::io::stderr(), "screenshots: {}", folder.display()).expect("it is open");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_has_a_strict_content_policy() {
    within(async {
        let opened = patient_page::open("pages::each_has_a_strict_content_policy").await;
        let Some((stage, origin)) = opened else {
            return;
        };
        walk(&stage, &origin, async |_, _| {}).await;
        let desk = underwriting_desk::origin(&stage.browser).await;
        let ours = [
            stage.clinic.site.origin().to_owned(),
            stage.sandbox.url().to_owned(),
            origin,
            desk,
        ];
        let remains = stage
            .end_but_for(&["400", "401", "404", "409", "422"])
            .await;
        let mut pages = 0;
        for exchange in remains.traffic.exchanges() {
            let kind = exchange.answer_headers.get(header::CONTENT_TYPE);
            if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
                continue;
            }
            assert!(
                ours.iter().any(|origin| exchange.url.starts_with(origin)),
                "{}",
                exchange.url
            );
            let policy = exchange.answer_headers.get(header::CONTENT_SECURITY_POLICY);
            let policy = policy
                .expect("each page has a policy")
                .to_str()
                .expect("ASCII");
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            assert!(
                !policy.contains("unsafe") && !policy.contains('*'),
                "{policy}"
            );
            pages += 1;
        }
        assert!(pages >= 10, "{pages} pages");
    })
    .await;
}

/// The other tests see no violation; this one sees that they would.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_forbids_is_seen() {
    within(async {
        let Some(stage) = Stage::set("pages::what_a_policy_forbids_is_seen").await else { return };
        let Stage { browser, clinic, .. } = &stage;
        let token = clinic.token().await;
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        // In the page, and in a frame of another site.
        let forbidden = "document.body.append(Object.assign(document.createElement('script'), { src: '/forbidden.js' }))";
        browser.eval(forbidden).await;
        browser.enter_connect().await;
        browser.eval(forbidden).await;
        browser.leave_frames().await;
        for _ in 0..200 {
            if browser.traffic().violations().len() >= 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let violations = browser.traffic().violations();
        assert_eq!(violations.len(), 2, "{violations:#?}");
        assert!(violations.iter().all(|report| report.contains("script-src")), "{violations:#?}");
        let console = browser.console().await;
        assert!(console.iter().any(|line| line.contains("Content Security")), "{console:#?}");
        assert!(browser.traffic().exchanges().iter().all(|exchange| !exchange.url.contains("forbidden.js")));
    })
    .await;
}
