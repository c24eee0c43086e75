//! What the book, the READMEs and the help show of the command is run: each call, page by page and in the order in which a
//! reader meets it, against a sandbox of the page's own.
#![cfg(all(
    unix,
    feature = "data",
    feature = "demo",
    feature = "sandbox",
    feature = "store"
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
use support::{humanapi, run};

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It ends with one of these codes, for this reason.
    Ends(&'static [i32], &'static str),
    /// It is not run, for this reason; that the command takes it is another test's business.
    Left(&'static str),
}

/// What is about an order that was placed before, or a file of them.
const ORDERED: Way = Way::Left("the tests of orders run it, with orders that there are");

/// The calls that do not end with 0, by a part of them.
const OTHERS: [(&str, Way); 15] = [
    ("humanapi sandbox order ", ORDERED),
    ("humanapi orders", ORDERED),
    ("humanapi providers", ORDERED),
    ("humanapi reports", ORDERED),
    ("humanapi consumer-link", ORDERED),
    ("humanapi subscriptions", ORDERED),
    ("demo --browser", Way::Left("it waits for a person")),
    (
        "--store postgres",
        Way::Left("it needs a PostgreSQL server"),
    ),
    (
        "--profile default",
        Way::Left("that profile asks production"),
    ),
    (
        "--format arrow",
        Way::Left("what it writes is no text; the tests of exports read such files"),
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
            ("story.json", story),
            ("users.txt", "p17\npatient-17\n"),
            (
                ".humanapi-secret",
                &world.sandbox.app(DemoApp::Hip).client_secret,
            ),
        ] {
            fs::write(world.folder.path().join(name), text).expect("there is room for a file");
        }
        world
    }

    fn home(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// The command with these words and this world's environment.
    fn command(&self, words: &[String]) -> Command {
        let is_admin = words
            .iter()
            .any(|word| word == "client" || word.starts_with("/api/"));
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
        words
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
        if words.iter().any(|word| word == "--new-keys")
            && let Some(at) = words.iter().position(|word| word == "--store-keys")
        {
            // Another example may have made some, and none are overwritten.
            let _ = fs::remove_file(self.folder.path().join(&words[at + 1]));
        }
        let mut command = self.command(&words);
        command.envs(call.settings.iter().cloned());
        if runs_on(&words) {
            return self.begin(command);
        }
        let told = run(&mut command);
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

/// Whether a call ends by itself, or runs until it is ended.
fn runs_on(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["sandbox"] => true,
        ["sandbox", option, ..] if option.starts_with("--") => option != "--help",
        ["sandbox", "logs", ..] => words.contains(&"--follow"),
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
    assert!(run >= 70, "only {run} calls were run");
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
