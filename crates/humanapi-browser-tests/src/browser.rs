//! A Chromium of the test's own, driven as a person would: by roles and names, mouse and keyboard.
//!
//! One piece: what a person does in a browser, one method each, over one connection to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fantoccini::actions::{
    InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::traffic::Traffic;

pub use fantoccini::key::Key;

/// Set to anything: the browser has a window, and every step waits a moment.
const VISIBLE: &str = "HUMANAPI_BROWSER_VISIBLE";
const MOMENT: Duration = Duration::from_millis(700);
/// How long something may take to come about.
const PATIENCE: Duration = Duration::from_secs(20);

/// The driver, and what ends it and the browser when the test does: a shell whose input is a pipe
/// from this process. However the test ends, the pipe closes, and the shell ends both by their ids.
const KEEPER: &str = r#"
trap '' INT TERM HUP
"$DRIVER" --port=0 --log-path="$HOME/driver.log" &
driver=$!
# The driver alone holds the pipe that its words come through, so that this ends with the driver.
exec >&-
browser=
while read -r pid; do browser=$pid; done
kill -KILL $browser $driver
wait
"#;

/// `nameOf(element)`, for scripts that tell elements by what a screen reader calls them.
pub const NAMES: &str = include_str!("names.js");
/// What is there of a screen's parts, found as a person with a screen reader finds them.
const FIND: &str = concat!(include_str!("names.js"), include_str!("find.js"));
/// Runs first in every page, and takes note of what happens there.
const RECORDER: &str = include_str!("recorder.js");

/// Where the programs are; `Err` names one that is missing.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    chromium: PathBuf,
    driver: PathBuf,
}

impl Programs {
    pub(crate) fn find() -> Result<Self, &'static str> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let find = |name: &str| {
            std::env::split_paths(&path)
                .map(|folder| folder.join(name))
                .find(|file| file.is_file())
        };
        Ok(Self {
            chromium: find("chromium").ok_or("chromium")?,
            driver: find("chromedriver").ok_or("chromedriver")?,
        })
    }
}

/// A browser without a past, which sends all it sends through a recording proxy.
#[derive(Debug)]
pub struct Browser {
    driver: Client,
    traffic: Traffic,
    console: Mutex<Vec<String>>,
    // Before the folder, because it ends those who write there.
    _process: EndedOnDrop,
    folder: TempDir,
}

/// Ends with the pipe to it.
#[derive(Debug)]
struct EndedOnDrop(std::process::Child);

impl Drop for EndedOnDrop {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Browser {
    pub(crate) async fn start(programs: &Programs) -> Self {
        let traffic = Traffic::record().await;
        let folder = tempfile::tempdir().expect("a folder for the profile");
        let (mut process, port) = start_driver(programs, folder.path()).await;
        let driver = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(programs, &traffic, folder.path()))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromedriver starts chromium");
        let browser = driver
            .capabilities()
            .and_then(|all| all.get("goog:processID")?.as_u64())
            .expect("chromedriver tells chromium's id");
        writeln!(process.0.stdin.as_mut().expect("it is a pipe"), "{browser}").expect("it listens");
        let this = Self {
            driver,
            traffic,
            console: Mutex::default(),
            _process: process,
            folder,
        };
        this.record().await;
        this
    }

    /// Takes note of what happens in the pages of this window: `window.seen` has it. The first window does so from the
    /// start.
    pub async fn record(&self) {
        let script = json!({ "source": RECORDER });
        self.cdp("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
    }

    /// All that it sends and loads.
    #[must_use]
    pub const fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The driver itself, for what is not here.
    #[must_use]
    pub const fn driver(&self) -> &Client {
        &self.driver
    }

    /// Loads a page.
    pub async fn goto(&self, url: &str) {
        self.driver.goto(url).await.expect("the page loads");
        moment().await;
    }

    /// What a function body gives, run in the page or the frame that was entered.
    pub async fn eval(&self, script: &str) -> Value {
        self.eval_with(script, Vec::new()).await
    }

    /// As [`eval`](Self::eval), with `arguments`.
    pub async fn eval_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        let result = self.driver.execute(script, arguments).await;
        result.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a function body gives something true, and gives that.
    pub async fn until(&self, script: &str) -> Value {
        self.until_with(script, Vec::new()).await
    }

    /// As [`until`](Self::until), with `arguments`.
    pub async fn until_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        let begun = Instant::now();
        loop {
            // While a page is being left, there is nothing to run a script in.
            let found = self.driver.execute(script, arguments.clone()).await;
            if let Ok(value) = &found
                && !matches!(value, Value::Null | Value::Bool(false))
            {
                return value.clone();
            }
            if begun.elapsed() >= PATIENCE {
                let shown = "return [location.href, document.body.innerText]";
                let shown = self.driver.execute(shown, Vec::new()).await;
                let script = if script == FIND { "an element" } else { script };
                panic!("in vain: {script} {arguments:?}: {found:?} on {shown:#?}");
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// The element of a role and a name: `button`, `tab`, `link`, `heading`, `field`, `dialog` or `status`.
    pub async fn find(&self, role: &str, name: &str) -> Element {
        self.until_with(FIND, vec![role.into(), name.into()]).await;
        let found = self
            .driver
            .execute(FIND, vec![role.into(), name.into()])
            .await;
        let found = found.expect("it was there a moment ago");
        let id = found["element-6066-11e4-a52e-4f735466cecf"].as_str();
        let id = id.expect("an element").to_owned();
        Element::from_element_id(self.driver.clone(), id.into())
    }

    /// As a person scrolls: the driver is content with a place under the bar at the page's end.
    async fn find_in_view(&self, role: &str, name: &str) -> Element {
        let element = self.find(role, name).await;
        let scroll = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
        let target = serde_json::to_value(&element).expect("an element has an id");
        self.eval_with(scroll, vec![target]).await;
        element
    }

    /// Whether an element of a role and a name is there now.
    pub async fn has(&self, role: &str, name: &str) -> bool {
        !self
            .eval_with(FIND, vec![role.into(), name.into()])
            .await
            .is_null()
    }

    /// Clicks on what has a role and a name.
    pub async fn click(&self, role: &str, name: &str) {
        let element = self.find_in_view(role, name).await;
        let clicked = element.click().await;
        clicked.unwrap_or_else(|error| panic!("{role} {name}: {error}"));
        moment().await;
    }

    /// Clicks twice, as quickly as a double click.
    pub async fn double_click(&self, role: &str, name: &str) {
        let element = self.find_in_view(role, name).await;
        let press = || PointerAction::Down {
            button: MOUSE_BUTTON_LEFT,
        };
        let release = || PointerAction::Up {
            button: MOUSE_BUTTON_LEFT,
        };
        let mouse = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveToElement {
                element,
                duration: None,
                x: 0.0,
                y: 0.0,
            })
            .then(press())
            .then(release())
            .then(press())
            .then(release());
        self.driver
            .perform_actions(mouse)
            .await
            .expect("there is a mouse");
        moment().await;
    }

    /// Types into a field, by its label.
    pub async fn fill(&self, label: &str, text: &str) {
        let element = self.find("field", label).await;
        element.send_keys(text).await.expect("the field takes text");
        moment().await;
    }

    /// Presses keys, wherever the focus is.
    pub async fn keys(&self, keys: impl IntoIterator<Item = char>) {
        let mut keyboard = KeyActions::new("keyboard".to_owned());
        for value in keys {
            keyboard = keyboard
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.driver
            .perform_actions(keyboard)
            .await
            .expect("there is a keyboard");
        moment().await;
    }

    /// Presses one key, wherever the focus is.
    pub async fn key(&self, key: Key) {
        self.keys([char::from(key)]).await;
    }

    /// Enters a frame: what follows happens in it.
    pub async fn enter(&self, css: &str) {
        let begun = Instant::now();
        // A frame that moves to a process of its own cannot be entered meanwhile.
        while !self.try_to_enter(css).await {
            assert!(begun.elapsed() < PATIENCE, "{css} cannot be entered");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Enters a frame if it is there now.
    pub async fn try_to_enter(&self, css: &str) -> bool {
        match self.driver.find(Locator::Css(css)).await {
            Ok(frame) => frame.enter_frame().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Enters the open Connect, and waits for its page.
    pub async fn enter_connect(&self) {
        self.enter("iframe#human-api").await;
        self.until("return document.readyState === 'complete' && !!document.querySelector('main[data-screen]')")
            .await;
    }

    /// Leaves all frames.
    pub async fn leave_frames(&self) {
        let top = SessionCommand("frame", json!({ "id": null }));
        self.driver
            .issue_cmd(top)
            .await
            .expect("the page is still there");
    }

    /// A command of the browser's own protocol, for the page.
    pub async fn cdp(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        let result = self
            .driver
            .issue_cmd(SessionCommand("goog/cdp/execute", body))
            .await;
        result.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// What the console has shown so far: scripts' own lines, uncaught errors, and what the browser
    /// complains about. The driver does not tell it of frames of another site.
    pub async fn console(&self) -> Vec<String> {
        let body = json!({ "type": "browser" });
        let result = self.driver.issue_cmd(SessionCommand("se/log", body)).await;
        let lines = result.expect("the driver keeps the console");
        let lines = lines.as_array().expect("a list").iter();
        // The driver tells each line once, and several may want to know.
        let mut console = self.console.lock().expect("nobody panics holding it");
        console.extend(lines.map(|line| format!("{} {}", line["level"], line["message"])));
        console.clone()
    }

    /// Runs no script of any page from here on. Those of the test run all the same.
    pub async fn without_javascript(&self) {
        let off = json!({ "value": true });
        self.cdp("Emulation.setScriptExecutionDisabled", off).await;
    }

    /// Sets the size of the page's window and the colours that the system prefers.
    pub async fn look(&self, width: u32, height: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.cdp("Emulation.setEmulatedMedia", media).await;
    }

    /// A picture of the window, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        // Two frames later, all that was changed has been painted.
        let painted = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
        self.driver
            .execute_async(painted, Vec::new())
            .await
            .expect("the page paints");
        self.picture_at_once().await
    }

    /// A picture of the window without waiting for a script, of a page that runs none.
    pub async fn picture_at_once(&self) -> Vec<u8> {
        let picture = self
            .cdp("Page.captureScreenshot", json!({ "format": "png" }))
            .await;
        let data = picture["data"].as_str().expect("a picture");
        STANDARD.decode(data).expect("base64")
    }

    /// Quits the browser, so that it writes down what it keeps, and gives the folder with all of it.
    pub async fn quit(self) -> Remains {
        self.driver.clone().close().await.expect("the session ends");
        Remains {
            traffic: self.traffic,
            folder: self.folder,
        }
    }
}

/// What is left of a browser.
#[derive(Debug)]
#[non_exhaustive]
pub struct Remains {
    /// All that it has sent and loaded.
    pub traffic: Traffic,
    folder: TempDir,
}

impl Remains {
    /// Where its profile and the driver's log are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

async fn moment() {
    if std::env::var_os(VISIBLE).is_some() {
        tokio::time::sleep(MOMENT).await;
    }
}

/// The driver takes a free port of one address family, and gives up if somebody has the same one of the
/// other. So it is started again.
async fn start_driver(programs: &Programs, folder: &Path) -> (EndedOnDrop, u16) {
    for _ in 0..10 {
        if let Some(started) = try_to_start_driver(programs, folder).await {
            return started;
        }
    }
    let log = std::fs::read_to_string(folder.join("driver.log"));
    panic!("chromedriver does not start: {log:?}");
}

async fn try_to_start_driver(programs: &Programs, folder: &Path) -> Option<(EndedOnDrop, u16)> {
    let child = std::process::Command::new("sh")
        .args(["-c", KEEPER])
        .env("DRIVER", &programs.driver)
        // Whatever the browser keeps beside its profile goes there too.
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_CACHE_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut process = EndedOnDrop(child.expect("there is a shell"));
    let output = process.0.stdout.take().expect("it is a pipe");
    let output = tokio::process::ChildStdout::from_std(output).expect("the runtime takes pipes");
    let mut lines = BufReader::new(output).lines();
    let port = loop {
        let line = lines.next_line().await.expect("a pipe can be read")?;
        let port = line
            .split_once("successfully on port ")
            .map(|(_, port)| port.trim_end_matches('.'));
        if let Some(port) = port.and_then(|port| port.parse().ok()) {
            break port;
        }
    };
    // A pipe that nobody reads would end the driver.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some((process, port))
}

fn capabilities(programs: &Programs, traffic: &Traffic, folder: &Path) -> Capabilities {
    let mut arguments = vec![
        format!("--proxy-server=http://{}", traffic.address()),
        // Also for this machine, which otherwise goes past the proxy.
        "--proxy-bypass-list=<-loopback>".to_owned(),
        format!("--user-data-dir={}", folder.join("profile").display()),
        "--window-size=1280,900".to_owned(),
        "--lang=en-US".to_owned(),
        // Containers have no namespaces to give, and the pages are our own.
        "--no-sandbox".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-extensions".to_owned(),
        "--no-first-run".to_owned(),
        "--password-store=basic".to_owned(),
    ];
    if std::env::var_os(VISIBLE).is_none() {
        arguments.push("--headless=new".to_owned());
    }
    let all = json!({
        "goog:chromeOptions": { "binary": programs.chromium, "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "script": 20_000, "pageLoad": 20_000 },
    });
    match all {
        Value::Object(all) => all,
        _ => unreachable!("it was written as an object"),
    }
}

/// A command that the library does not have.
#[derive(Debug)]
struct SessionCommand(&'static str, Value);

impl WebDriverCompatibleCommand for SessionCommand {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.0
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_driver_that_gives_up_is_started_again() {
        const DRIVER: &str = r#"#!/bin/sh
            [ -e "$HOME/second" ] || { touch "$HOME/second"; exit 1; }
            echo "ChromeDriver was started successfully on port 4242."
            exec sleep 60
        "#;
        let folder = tempfile::tempdir().unwrap();
        let driver = folder.path().join("driver");
        std::fs::write(&driver, DRIVER).unwrap();
        std::fs::set_permissions(&driver, Permissions::from_mode(0o755)).unwrap();
        let programs = Programs {
            chromium: PathBuf::new(),
            driver,
        };
        let (_process, port) = start_driver(&programs, folder.path()).await;
        assert_eq!(port, 4242);
    }
}
