//! What the book, the READMEs and the help show of the command is run: each call, page by page and in the order in which a
//! reader meets it, against a sandbox of the page's own.
#![cfg(all(
    unix,
    feature = "deidentify",
    feature = "demo",
    feature = "orders",
    feature = "parquet",
    feature = "plot",
    feature = "report",
    feature = "sandbox",
    feature = "sync"
))]

#[path = "../src/args/book/calls.rs"]
mod calls;
mod running;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use calls::{Call, calls, pages, words};
use humanapi_sandbox::{DemoApp, Sandbox, Scenario};
use running::Running;
use serde_json::Value;
use support::{ended, humanapi, run};

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It ends with one of these codes, for this reason.
    Ends(&'static [i32], &'static str),
    /// It is not run, for this reason; that the command takes it is another test's business.
    Left(&'static str),
}

/// What is about orders, and is run with the applicants of the README, whose order there is by then.
const ORDERS: [&str; 6] = [
    "orders",
    "providers",
    "reports",
    "consumer-link",
    "subscriptions",
    "admin",
];

/// The user whom these pages order records for.
const APPLICANT: &str = "policy-000417";

/// The calls that do not end with 0, by a part of them.
const OTHERS: [(&str, Way); 14] = [
    (
        "humanapi orders abort",
        Way::Ends(&[4], "the order is over by then, a page above saw to it"),
    ),
    (
        "--send-again",
        Way::Ends(&[2], "the order is placed, and nothing is to be decided"),
    ),
    (
        "subscriptions remove",
        Way::Ends(&[4], "the page makes up the id"),
    ),
    (
        "--min-recent",
        Way::Ends(&[0, 9], "people who are made up may be worse than is asked"),
    ),
    (
        "--max-unread-units",
        Way::Ends(&[0, 9], "people who are made up may be worse than is asked"),
    ),
    ("demo --browser", Way::Left("it waits for a person")),
    (
        "--store postgres",
        Way::Left("it needs a PostgreSQL server"),
    ),
    ("--out s3://", Way::Left("it needs an object store")),
    (
        "--profile default",
        Way::Left("that profile asks production"),
    ),
    (
        "--user nobody",
        Way::Ends(&[4], "the page shows the refusal"),
    ),
    (
        "reports/r-1/raw",
        Way::Ends(&[4], "the sandbox has no report of this id"),
    ),
    (
        "/api/v1/users/actions",
        Way::Ends(&[4], "there is no such order to abort"),
    ),
    (
        "GET /api/v1/users",
        Way::Ends(&[0, 4], "a sandbox without an Admin API refuses it"),
    ),
    (
        "humanapi token client",
        Way::Ends(&[0, 3], "the page shows another application's id as well"),
    ),
];

/// Where one page's calls are run.
struct World {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let story = r#"{"users": [
            {"client_user_id": "p17", "persona": "chronic", "sources": ["sandbox_clinic", "pulseband", "strider"]},
            {"client_user_id": "patient-17", "persona": "chronic", "sources": ["sandbox_clinic", "pulseband", "strider"]}
        ]}"#;
        let people = Scenario::from_json(story.as_bytes()).expect("the scenario is right");
        let sandbox = Sandbox::builder().scenario(people).start();
        let world = Self {
            sandbox: sandbox.expect("loopback has free ports"),
            folder: tempfile::tempdir().expect("there is room for a folder"),
        };
        let app = world.sandbox.app(DemoApp::Connect);
        for (name, text) in [
            ("app-key", app.app_key.as_str()),
            ("key", &"5d".repeat(32)),
            ("story.json", story),
            ("users.txt", "p17\npatient-17\n"),
            ("key", &"7f".repeat(32)),
            (
                ".humanapi-secret",
                &world.sandbox.app(DemoApp::Hip).client_secret,
            ),
        ] {
            fs::write(world.folder.path().join(name), text).expect("there is room for a file");
        }
        let readme = include_str!("../README.md");
        let applicants = (readme.split_once("```csv\n"))
            .and_then(|(_, rest)| Some(rest.split_once("```")?.0))
            .expect("the README shows a file of applicants");
        fs::write(world.folder.path().join("applicants.csv"), applicants)
            .expect("there is room for a file");
        world
    }

    fn home(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// The command with these words and this world's environment.
    fn command(&self, words: &[String]) -> Command {
        let is_admin = is_about_orders(words)
            || (words.iter()).any(|word| word == "client" || word.starts_with("/api/"));
        let app = self.sandbox.app(match is_admin {
            true => DemoApp::Hip,
            false => DemoApp::Connect,
        });
        let mut command = humanapi(words);
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("HUMANAPI_CONFIG", self.folder.path().join("config.toml"))
            .env("HUMANAPI_BASE_URL", self.sandbox.url())
            .env("HUMANAPI_SANDBOX_URL", self.sandbox.url())
            .env("HUMANAPI_CLIENT_ID", app.client_id)
            .env("HUMANAPI_CLIENT_SECRET", app.client_secret)
            // Whatever would leave this machine gets nowhere.
            .env("HTTPS_PROXY", "http://127.0.0.1:1");
        command
    }

    /// The words of a call, with what is made up on a page in place of what is there.
    fn words(&self, call: &Call) -> Vec<String> {
        let app = self.sandbox.app(DemoApp::Connect).client_id;
        let (home, url) = (self.home(), self.sandbox.url());
        let mut words: Vec<String> = words(&call.text)
            .into_iter()
            .skip(1)
            .map(|word| match word.strip_prefix("~/") {
                Some(rest) => format!("{home}/{rest}"),
                None => (word.replace("http://127.0.0.1:8080", url))
                    .replace("http://127.0.0.1:49152", url)
                    .replace("/var/lib/my-app/", &format!("{home}/"))
                    .replace("/etc/my-app/", &format!("{home}/"))
                    .replace("/v1/apps/my-app/", &format!("/v1/apps/{app}/")),
            })
            .collect();
        if let Some(port) = words.iter().position(|word| word == "--port") {
            words[port + 1] = "0".to_owned();
        }
        if let [data, get, kind, _, _, user, ..] = &words[..]
            && (data.as_str(), get.as_str()) == ("data", "get")
        {
            words[3] = self.some_record(kind, user);
        }
        match &words[..] {
            [orders, submit, ..] if orders == "orders" && submit == "submit" => {
                // Nobody is there to be asked.
                let is_sent = !words
                    .iter()
                    .any(|word| word == "--dry-run" || word == "--yes");
                words.extend(is_sent.then(|| "--yes".to_owned()));
            }
            [reports, get, ..] if reports == "reports" && get == "get" => {
                words[2] = self.some_report();
            }
            _ => {}
        }
        words
    }

    /// The id of a report that there is.
    fn some_report(&self) -> String {
        let list = ["reports", "list", "--user", APPLICANT, "--json"];
        let told = run(&mut self.command(&list.map(str::to_owned)));
        let reports: Value = serde_json::from_str(&told.stdout).expect("an array");
        let all = reports.as_array().expect("an array");
        let pdf = all.iter().find(|report| report["format"] == "pdf");
        pdf.and_then(|report| report["id"].as_str())
            .unwrap_or_else(|| panic!("the order is completed, and has one: {reports}"))
            .to_owned()
    }

    /// Sees to it that the README's order is placed, by the journal that the pages use: however often, it is placed once.
    fn order(&self) {
        let with_store = |words: &str| {
            let store = "--store sqlite:orders.db --store-keys keys.txt";
            let words: Vec<String> = format!("{words} {store}")
                .split(' ')
                .map(str::to_owned)
                .collect();
            let told = run(&mut self.command(&words));
            assert_eq!(told.code, Some(0), "{words:?}: {told:?}");
        };
        if !self.folder.path().join("orders.db").exists() {
            with_store("store init --new-keys");
        }
        with_store("orders submit applicants.csv --yes");
    }

    /// Sees to it that there is an export in this folder.
    fn export(&self, folder: &str) {
        if !self.folder.path().join(folder).exists() {
            let words = ["data", "export", "--users", "users.txt", "--out", folder];
            let told = run(&mut self.command(&words.map(str::to_owned)));
            assert_eq!(told.code, Some(0), "{told:?}");
        }
    }

    /// The id of a record that there is.
    fn some_record(&self, kind: &str, user: &str) -> String {
        let list = [
            "data", "list", kind, "--user", user, "--limit", "1", "--quiet",
        ];
        let told = run(&mut self.command(&list.map(str::to_owned)));
        let records: Value = serde_json::from_str(&told.stdout).expect("an array");
        records[0]["id"]
            .as_str()
            .expect("a record has an id")
            .to_owned()
    }

    /// Why a call is not as the page says, if it is not.
    fn wrong(&self, call: &Call, codes: &[i32]) -> Option<String> {
        let words = self.words(call);
        let is_of_sandbox = words.starts_with(&["sandbox".to_owned(), "order".to_owned()]);
        if is_of_sandbox || is_about_orders(&words) {
            self.order();
        }
        if let [data, report, folder, ..] = &words[..]
            && (data.as_str(), report.as_str()) == ("data", "report")
            && !folder.starts_with("--")
        {
            self.export(folder);
        }
        let mut command = self.command(&words);
        let elsewhere = tempfile::tempdir().expect("there is room for a folder");
        if let Some(at) = words.iter().position(|word| word == "--store-keys")
            && words.iter().any(|word| word == "--new-keys")
        {
            let is_there = |word: &String| {
                let store = word.strip_prefix("sqlite:");
                store.is_some_and(|store| self.folder.path().join(store).exists())
            };
            if words.iter().any(is_there) {
                // It was set up for a call above, and is not set up twice.
                command.current_dir(elsewhere.path());
            } else {
                // Another example may have made some, and none are overwritten.
                let _ = fs::remove_file(self.folder.path().join(&words[at + 1]));
            }
        }
        command.envs(call.settings.iter().cloned());
        if runs_on(&words) {
            return self.begin(command);
        }
        let told = match words.iter().any(|word| word == "arrow") {
            false => run(&mut command),
            // What it writes is no text; the tests of exports read such files.
            true => {
                command.stdout(Stdio::null()).stderr(Stdio::piped());
                ended(command.spawn().expect("it was built for this test"))
            }
        };
        let is_right = told.code.is_some_and(|code| codes.contains(&code));
        (!is_right).then(|| format!("{:?}: {}", told.code, told.stderr))
    }

    /// Starts what runs until it is ended, and waits until it says something.
    fn begin(&self, mut command: Command) -> Option<String> {
        let poke = ["token", "session", "--user", "poke"].map(str::to_owned);
        run(&mut self.command(&poke));
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = Running(child.expect("the command was built for this test"));
        let stdout = child.0.stdout.take().expect("it is a pipe");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        (!read.is_ok_and(|read| read > 0)).then(|| "it says nothing".to_owned())
    }
}

/// Whether a call is about orders, which the Admin API has.
fn is_about_orders(words: &[String]) -> bool {
    (words.first()).is_some_and(|verb| ORDERS.contains(&verb.as_str()))
}

/// Whether a call ends by itself, or runs until it is ended.
fn runs_on(words: &[String]) -> bool {
    let logs = [&"sandbox", &"logs"];
    let is_following = words.iter().take(2).eq(logs) && words.iter().any(|word| word == "--follow");
    is_following || is_a_start(words)
}

/// Whether a call starts a sandbox.
fn is_a_start(words: &[String]) -> bool {
    match words {
        [verb, rest @ ..] if verb == "sandbox" => match rest {
            [] => true,
            [option, ..] => option.starts_with("--") && option != "--help",
        },
        _ => false,
    }
}

fn way(call: &Call) -> Way {
    let mut others = OTHERS.iter().filter(|(part, _)| call.text.contains(part));
    others.next().map_or(Way::Ends(&[0], ""), |(_, way)| *way)
}

#[test]
fn what_the_pages_show_of_the_command_is_what_it_does() {
    let all: Vec<_> = pages()
        .into_iter()
        .map(|path| {
            let page = fs::read_to_string(&path).expect("the page is there");
            (path, calls(&page))
        })
        .filter(|(_, calls)| !calls.is_empty())
        .collect();
    // What says nothing of its page is run once, however often it is shown.
    let once = Mutex::new(BTreeSet::new());
    let is_again = |call: &Call| {
        let alone = ["demo", "completions", "man"];
        let is_alone = words(&call.text)
            .get(1)
            .is_some_and(|verb| alone.contains(&verb.as_str()));
        is_alone
            && !once
                .lock()
                .expect("nobody panics holding it")
                .insert(call.text.clone())
    };
    let page = |path: &Path, calls: &[Call]| {
        let world = World::new();
        let (mut run, mut wrong) = (0, Vec::new());
        for call in calls {
            let Way::Ends(codes, _) = way(call) else {
                continue;
            };
            if is_again(call) {
                continue;
            }
            run += 1;
            if let Some(why) = world.wrong(call, codes) {
                wrong.push(format!(
                    "{}:{}: `{}`: {why}",
                    path.display(),
                    call.line,
                    call.text
                ));
            }
        }
        (run, wrong)
    };
    let ended: Vec<(usize, Vec<String>)> = thread::scope(|scope| {
        let begun: Vec<_> = (all.iter())
            .map(|(path, calls)| scope.spawn(|| page(path, calls)))
            .collect();
        let ended = begun
            .into_iter()
            .map(|page| page.join().expect("it does not panic"));
        ended.collect()
    });
    let run: usize = ended.iter().map(|(run, _)| run).sum();
    let wrong: Vec<&str> = (ended.iter().flat_map(|(_, wrong)| wrong))
        .map(String::as_str)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run >= 95, "only {run} calls were run");
    for (part, _) in OTHERS {
        let mut texts = all
            .iter()
            .flat_map(|(_, calls)| calls)
            .map(|call| &call.text);
        assert!(
            texts.any(|text| text.contains(part)),
            "no page shows `{part}` any more"
        );
    }
}

/// The address is a setting of these tests, and not of a reader: what the reader started has to be where a verb looks.
#[test]
fn a_sandbox_that_a_page_acts_on_is_one_that_the_page_starts_there() {
    let mut acted = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).expect("the page is there");
        let mut is_there = page.contains("export HUMANAPI_SANDBOX_URL=");
        for call in calls(&page) {
            let words = words(&call.text);
            match words.get(1).map(String::as_str) {
                Some("sandbox") if is_a_start(&words[1..]) => {
                    is_there |= call.text.contains("--port 8080");
                }
                Some("sandbox") if !call.text.ends_with("--help") && words.len() > 2 => {
                    acted += 1;
                    let is_named = call.text.contains("--url");
                    let place = format!("{}:{}: `{}`", path.display(), call.line, call.text);
                    assert!(
                        is_there || is_named || !is_a_story(&path),
                        "{place}: nothing is on port 8080 there"
                    );
                }
                _ => {}
            }
        }
    }
    assert!(acted > 5, "only {acted} calls act on a sandbox");
}

/// Whether a page is read from its top, and not looked up.
fn is_a_story(path: &Path) -> bool {
    !path.ends_with("docs/command-reference.md") && !path.ends_with("docs/troubleshooting.md")
}
