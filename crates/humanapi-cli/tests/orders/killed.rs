//! Processes that are killed while they order, over journals that outlive them, at a sandbox that is a process as well.
//!
//! Nothing here is made for the test: the sandbox, whoever orders and whoever finds out what became of it are the command
//! as it is built. A process is killed at a moment that a fault of the sandbox holds on to, every other time with another
//! one at the same file; a third one goes on with the file; and the sandbox's ledger tells what would be billed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use humanapi_testkit::servers::PostgresServer;
use serde_json::Value;
use tempfile::TempDir;

use super::crash::BRIEF;
use super::{NAMES, StoreWords, at_service, is_deep, line, no_canary};
use crate::running::Running;
use crate::support::{Run, ended, humanapi, run};

/// Orders of each file.
const ORDERS: usize = 4;
const USERS: &str = "/api/v1/users";

/// How often a process is killed, over each store: at every moment at least once.
fn points() -> usize {
    if is_deep() { 50 } else { Moment::KINDS }
}

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It waits for its token: the order is written, and not marked as sent.
    AsksForAToken,
    /// Its order has arrived, and is lost there.
    OrderLost,
    /// Its order is placed, and it waits for the answer.
    OrderPlaced,
    /// Its order is placed, the answer broke off, and it looks what became of it.
    LooksForPlaced,
    /// Its order is lost, nothing was answered, and it looks what became of it.
    LooksForLost,
    /// Its token is refused, and it asks for another one.
    TokenRefused,
    /// So long after it was started, which may be before it has asked for anything.
    After(Duration),
}

impl Moment {
    const KINDS: usize = 7;

    fn of(point: usize) -> Self {
        match point % Self::KINDS {
            0 => Self::AsksForAToken,
            1 => Self::OrderLost,
            2 => Self::OrderPlaced,
            3 => Self::LooksForPlaced,
            4 => Self::LooksForLost,
            5 => Self::TokenRefused,
            _ => Self::After(Duration::from_millis((point as u64 * 7_919) % 250)),
        }
    }

    /// How many orders are placed by then.
    const fn before(self, point: usize) -> usize {
        match self {
            // With them there is a token, which is kept for all.
            Self::AsksForAToken => 0,
            Self::TokenRefused => 1 + point % (ORDERS - 1),
            _ => point % ORDERS,
        }
    }

    /// What keeps it at this moment: the fault that holds on to it, as the last, and what has it come there.
    fn faults(self) -> Vec<Vec<&'static str>> {
        let on = |kind: &[&'static str], method: &'static str, path: &'static str| {
            [kind, &["--method", method, "--path", path]].concat()
        };
        let held = ["delay", "--delay", "10m", "--times", "100"];
        let token = on(&held, "POST", "/v1/admin/token");
        // It looks once before it sends, which is not the look that is meant.
        let before = on(&["delay", "--delay", "1ms"], "GET", USERS);
        match self {
            Self::AsksForAToken => vec![token],
            Self::OrderLost => vec![
                on(&["drop-before"], "POST", USERS),
                on(&held, "POST", USERS),
            ],
            Self::OrderPlaced => vec![on(&held, "POST", USERS)],
            Self::LooksForPlaced => vec![
                on(&["truncated-body"], "POST", USERS),
                before,
                on(&held, "GET", USERS),
            ],
            Self::LooksForLost => vec![
                on(&["drop-before"], "POST", USERS),
                before,
                on(&held, "GET", USERS),
            ],
            Self::TokenRefused => vec![on(&["status", "--status", "401"], "POST", USERS), token],
            // It is not over before.
            Self::After(_) => vec![vec!["delay", "--delay", "80ms", "--times", "100"]],
        }
    }
}

/// A sandbox that is a process of its own.
struct Served {
    _running: Running,
    url: String,
    id: String,
    secret: String,
}

impl Served {
    /// Applications, and so the tokens in a store, follow from the seed.
    fn start(seed: usize) -> Self {
        let seed = seed.to_string();
        // A second order counts, whoever it is for.
        let words = ["sandbox", "--json", "--assume", "second-order=always"];
        let mut child = humanapi([&words[..], &["--seed", &seed]].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command was built for this test");
        let stdout = child.stdout.take().expect("it is a pipe");
        let running = Running(child);
        let mut told = String::new();
        let read = BufReader::new(stdout).read_line(&mut told);
        read.expect("a pipe can be read");
        let told: Value = serde_json::from_str(&told).expect("a line of JSON");
        let mut apps = told["apps"].as_array().expect("a list").iter();
        let app = apps.find(|app| app["app"] == "hip").expect("it orders");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            _running: running,
            url: text(&told["url"]),
            id: text(&app["client_id"]),
            secret: text(&app["client_secret"]),
        }
    }

    /// What its control API answers.
    fn get(&self, path: &str) -> Value {
        let address = self.url.strip_prefix("http://").expect("it is in clear");
        let mut stream = TcpStream::connect(address).expect("it listens");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let sent = stream.write_all(request.as_bytes());
        sent.expect("it reads");
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        read.expect("it answers");
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
        serde_json::from_str(body.unwrap_or_default()).unwrap_or_else(|_| panic!("{answer}"))
    }

    fn fault(&self, words: &[&str]) {
        let words = [&["sandbox", "fault"], words].concat();
        let told = run(humanapi(words).env("HUMANAPI_SANDBOX_URL", &self.url));
        assert_eq!(told.code, Some(0), "{told:?}");
    }

    /// Whether the last fault that was planned holds on to somebody.
    fn holds(&self) -> bool {
        let faults = self.get("/sandbox/faults");
        let last = faults.as_array().and_then(|faults| faults.last());
        last.expect("it holds on to many")["times"] != 100
    }

    /// How many orders of a user would be billed.
    fn billed(&self, user: &str) -> usize {
        let ledger = self.get("/sandbox/ledger");
        let entries = ledger.as_array().expect("a list").iter();
        entries
            .filter(|entry| entry["client_user_id"] == user)
            .count()
    }
}

/// A journal that outlives whoever writes it.
struct Journal {
    folder: TempDir,
    store: String,
    /// Where it is, if that is not said by its name.
    url: Option<String>,
}

impl Journal {
    fn of_file() -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let store = format!("sqlite:{}", folder.path().join("orders.db").display());
        Self::set_up(folder, store, None)
    }

    fn of_database(server: &PostgresServer) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        Self::set_up(folder, "postgres".to_owned(), Some(server.url()))
    }

    fn set_up(folder: TempDir, store: String, url: Option<String>) -> Self {
        let journal = Self { folder, store, url };
        let words = journal.words();
        let words = [&["store", "init", "--new-keys"][..], &words.each()].concat();
        let mut init = humanapi(words);
        init.envs(journal.url.iter().map(|url| ("HUMANAPI_STORE_URL", url)));
        let told = run(&mut init);
        assert_eq!(told.code, Some(0), "{told:?}");
        journal
    }

    fn words(&self) -> StoreWords {
        let keys = self.folder.path().join("keys.txt");
        StoreWords([
            "--store".to_owned(),
            self.store.clone(),
            "--store-keys".to_owned(),
            keys.to_str().expect("it has a plain name").to_owned(),
        ])
    }

    /// A file of these applicants.
    fn file(&self, name: &str, users: &[String]) -> String {
        let lines: String = users.iter().map(|user| line(user)).collect();
        let path = self.folder.path().join(name);
        std::fs::write(&path, format!("{NAMES}\n{lines}")).expect("there is room");
        path.to_str().expect("it has a plain name").to_owned()
    }

    /// Begins to order what stands in a file.
    fn submit(&self, served: &Served, file: &str, more: &[&str]) -> Child {
        let store = self.words();
        let words = ["orders", "submit", file, "--yes"];
        let words = [&words[..], &store.each(), more].concat();
        let mut command = at_service(&words, &served.url, &served.id, &served.secret);
        command.envs(self.url.iter().map(|url| ("HUMANAPI_STORE_URL", url)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .spawn()
            .expect("the command was built for this test")
    }

    /// The same, to the end.
    fn submitted(&self, served: &Served, file: &str, more: &[&str]) -> Run {
        let told = ended(self.submit(served, file, more));
        no_canary(&told);
        told
    }
}

/// Kills a process at this point, and asserts what became of its orders once another one went on with the `later` journal.
fn kill(point: usize, journal: &Journal, later: &Journal) {
    let moment = Moment::of(point);
    let served = Served::start(point + 1);
    let users: Vec<String> = (0..ORDERS).map(|at| format!("p-{point}-{at}")).collect();
    let before = &users[..moment.before(point)];
    if !before.is_empty() {
        let file = journal.file(&format!("{point}-before.csv"), before);
        let told = journal.submitted(&served, &file, &[]);
        assert_eq!(told.code, Some(0), "{told:?}");
    }
    for fault in moment.faults() {
        served.fault(&fault);
    }
    let file = journal.file(&format!("{point}.csv"), &users);
    let alone = ["--timeout", "2s", "--absent-after", "1s", "--at-once", "1"];
    let mut victim = Running(journal.submit(&served, &file, &alone));
    let has_other = (point / 2).is_multiple_of(2);
    let begin_other = || has_other.then(|| journal.submit(&served, &file, &BRIEF));
    let other = match moment {
        Moment::After(time) => {
            let other = begin_other();
            sleep(time);
            other
        }
        _ => {
            while !served.holds() {
                let left = victim.0.try_wait().expect("it is our own child");
                assert!(left.is_none(), "it never came to {moment:?}: {left:?}");
                sleep(Duration::from_millis(2));
            }
            let other = begin_other();
            sleep(Duration::from_millis(point as u64 * 37 % 300));
            other
        }
    };
    let left = victim.0.try_wait().expect("it is our own child");
    assert!(left.is_none(), "it ended before {moment:?}: {left:?}");
    // SIGKILL: it is given no time to do anything more.
    victim.0.kill().expect("it is our own child");
    victim.0.wait().expect("it is our own child");
    served.fault(&["--clear"]);
    if let Some(other) = other {
        no_canary(&ended(other));
    }
    let mut told = later.submitted(&served, &file, &BRIEF);
    for _ in 0..3 {
        if told.code == Some(0) {
            break;
        }
        assert_eq!(told.code, Some(8), "killed at {moment:?}: {told:?}");
        told = later.submitted(&served, &file, &BRIEF);
    }
    for user in &users {
        let billed = served.billed(user);
        assert_eq!(
            billed, 1,
            "{billed} orders for one intent, {user}, killed at {moment:?}: {told:?}"
        );
    }
    assert_eq!(told.code, Some(0), "killed at {moment:?}: {told:?}");
}

#[expect(
    clippy::print_stdout,
    reason = "how many were killed is the test's report"
)]
fn kill_at_each_point(journal: &Journal) {
    let next = AtomicUsize::new(0);
    let (next, journal) = (&next, journal);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                loop {
                    let point = next.fetch_add(1, Ordering::Relaxed);
                    if point >= points() {
                        break;
                    }
                    kill(point, journal, journal);
                }
            });
        }
    });
    println!(
        "{} processes killed over {}, {} orders, each placed once",
        points(),
        journal.store.split(':').next().unwrap_or_default(),
        points() * ORDERS
    );
}

#[test]
fn whoever_is_killed_over_a_file_has_each_order_placed_once() {
    kill_at_each_point(&Journal::of_file());
}

#[test]
fn whoever_is_killed_over_a_database_has_each_order_placed_once() {
    let test = "humanapi-cli: orders of killed processes in PostgreSQL";
    let Some(server) = PostgresServer::start_durable(test) else {
        return;
    };
    kill_at_each_point(&Journal::of_database(&server));
}

/// The ledger notices a journal that is lost.
#[test]
#[should_panic(expected = "2 orders for one intent")]
fn whoever_is_killed_and_loses_the_journal_is_noticed() {
    let placed = 2;
    assert_eq!(Moment::of(placed), Moment::OrderPlaced);
    kill(placed, &Journal::of_file(), &Journal::of_file());
}
