//! Orders from a terminal, at a sandbox: files of applicants, what happens on the way, and what else the Admin API gives.
#![cfg(feature = "orders")]

#[path = "../running/mod.rs"]
mod running;
#[path = "../support/mod.rs"]
mod support;

mod at_once;
mod crash;
mod files;
#[cfg(unix)]
mod killed;
mod leads;
mod outcomes;
#[cfg(unix)]
mod stopped;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
#[path = "../terminal_support/mod.rs"]
mod terminal_support;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use humanapi_sandbox::{DemoApp, Sandbox};
use humanapi_testkit::shown_forms;
use serde_json::Value;
use support::{Run, humanapi, run};
use tempfile::TempDir;

/// What the files say of somebody, and nothing that the command prints or writes may say.
const SSN: &str = "912-84-7365";
const BORN: &str = "1931-11-26";
const STREET: &str = "418 Marrowstone Lane";
const NAME: &str = "Vexworthington";
/// A paper that goes along.
const PAPER: &str = "%PDF-1.7 canary of a paper";

/// All of it, and the forms that some of it is sent in.
const CANARIES: [&str; 9] = [
    SSN,
    "912847365",
    BORN,
    "11/26/1931",
    STREET,
    NAME,
    "Quillona",
    "canary of a paper",
    "JVBERi0xLjcgY2FuYXJ5IG9mIGEgcGFwZXI",
];

/// The first line of the files here.
const NAMES: &str = "clientUserId,clientUserEmail,firstName,lastName,dateOfBirth,ssn,orderType,\
    address.street1,address.city,address.state,address.zip";

/// A line of a file.
fn line(id: &str) -> String {
    format!(
        "{id},{id}@example.test,Quillona,{NAME},{BORN},{SSN},full,{STREET},Testville,MA,02134\n"
    )
}

/// A sandbox, a folder, and a store in it that is set up.
struct World {
    sandbox: Sandbox,
    folder: TempDir,
    /// The files that a test has written or asked for. The command writes all others.
    given: RefCell<BTreeSet<PathBuf>>,
}

/// What lies in the folder in the end says nothing of anybody: the journal, results, and what a run left that was killed.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.no_canary_lies_here();
        }
    }
}

impl World {
    fn open() -> Self {
        let world = Self {
            sandbox: Sandbox::start().expect("loopback has free ports"),
            folder: tempfile::tempdir().expect("there is room"),
            given: RefCell::default(),
        };
        let store = world.store();
        let init = [&["store", "init", "--new-keys"][..], &store.each()].concat();
        let told = run(&mut humanapi(init));
        assert_eq!(told.code, Some(0), "{told:?}");
        world
    }

    fn path(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        path.to_str().expect("it has a plain name").to_owned()
    }

    fn store(&self) -> StoreWords {
        StoreWords([
            "--store".to_owned(),
            format!("sqlite:{}", self.path("orders.db")),
            "--store-keys".to_owned(),
            self.path("keys.txt"),
        ])
    }

    /// Writes a file, and says where it is.
    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.asked_for(name);
        std::fs::write(&path, text).expect("there is room");
        path
    }

    /// Where a file is to be that says of somebody what there is to say.
    fn asked_for(&self, name: &str) -> String {
        let path = self.path(name);
        self.given.borrow_mut().insert(PathBuf::from(&path));
        path
    }

    #[track_caller]
    fn no_canary_lies_here(&self) {
        let given = self.given.borrow();
        for entry in std::fs::read_dir(self.folder.path()).expect("it is ours") {
            let path = entry.expect("it is ours").path();
            if given.contains(&path) {
                continue;
            }
            let bytes = std::fs::read(&path).expect("it is a file");
            let text = String::from_utf8_lossy(&bytes);
            for form in CANARIES.into_iter().flat_map(shown_forms) {
                assert!(!text.contains(&form), "{form} in {}", path.display());
            }
        }
    }

    /// Writes a file of these applicants.
    fn applicants(&self, name: &str, ids: &[&str]) -> String {
        let lines: String = ids.iter().map(|id| line(id)).collect();
        self.file(name, format!("{NAMES}\n{lines}"))
    }

    /// The command at this sandbox.
    fn command(&self, words: &[&str]) -> Command {
        let app = self.sandbox.app(DemoApp::Hip);
        let (id, secret) = (app.client_id.as_str(), app.client_secret.as_str());
        at_service(words, self.sandbox.url(), id, secret)
    }

    fn run(&self, words: &[&str]) -> Run {
        let told = run(&mut self.command(words));
        no_canary(&told);
        self.no_canary_lies_here();
        told
    }

    /// `orders submit` of a file, with the store and without asking.
    fn submit(&self, file: &str, more: &[&str]) -> Run {
        let store = self.store();
        let words = [
            &["orders", "submit", file, "--yes"][..],
            &store.each(),
            more,
        ]
        .concat();
        self.run(&words)
    }

    /// The ids of the users whom records were ordered for, once for each order.
    fn billed(&self) -> Vec<String> {
        let ledger = self.sandbox.control().ledger();
        let mut ids: Vec<String> = ledger
            .into_iter()
            .map(|entry| entry.client_user_id)
            .collect();
        ids.sort();
        ids
    }
}

/// The command at a service, with its credentials in the environment.
fn at_service(words: &[&str], url: &str, id: &str, secret: &str) -> Command {
    let mut command = humanapi([words, &["--base-url", url]].concat());
    command.env("HUMANAPI_CLIENT_ID", id);
    command.env("HUMANAPI_CLIENT_SECRET", secret);
    command
}

fn is_deep() -> bool {
    std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1")
}

struct StoreWords([String; 4]);

impl StoreWords {
    fn each(&self) -> [&str; 4] {
        [&self.0[0], &self.0[1], &self.0[2], &self.0[3]].map(String::as_str)
    }
}

#[track_caller]
fn no_canary(told: &Run) {
    says_nothing(&told.stdout);
    says_nothing(&told.stderr);
}

#[track_caller]
fn says_nothing(text: &str) {
    for form in CANARIES.into_iter().flat_map(shown_forms) {
        assert!(!text.contains(&form), "{form}: {text}");
    }
}

/// The last line of the output.
#[track_caller]
fn json(told: &Run) -> Value {
    let last = told.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{told:?}"))
}

/// What is told of each kind, but for what is none.
#[track_caller]
fn counts(told: &Run) -> String {
    let counts = json(told);
    let counts = counts.as_object().expect("an object").iter();
    let some = counts.filter(|(_, count)| **count != 0);
    let some: Vec<String> = some
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    some.join(", ")
}

#[track_caller]
fn fails(told: &Run, code: i32, cause: &str, remedy: &str) {
    let error = told.stderr.lines().find(|line| line.starts_with("error: "));
    let help = told.stderr.lines().find(|line| line.starts_with("help: "));
    let is_told = error.is_some_and(|error| error.contains(cause));
    assert!(
        is_told && help.is_some_and(|help| help.contains(remedy)),
        "{told:?}"
    );
    assert_eq!(told.code, Some(code), "{told:?}");
}
