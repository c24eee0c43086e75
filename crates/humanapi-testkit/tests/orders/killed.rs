//! Processes that are killed while they submit orders, over journals that outlive them.
//!
//! Each is this very program, started again with its work in the environment. The service is in this process, and so is
//! the ledger. Two processes are at the same intents; one of them is killed, when the service has seen so much of it or
//! after so long a time; and a third one finds out what became of each intent.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use humanapi_client::{Client, OrderError, OrderJournal};
use humanapi_core::admin::order::{Decision, IntentKey, OrderPolicy};
use humanapi_core::http::Method;
use humanapi_core::{Credentials, Hosts, Provisioning};
use humanapi_hyper::HyperTransport;
use humanapi_store::{PostgresStore, SealingKeys, SqliteStore};
use humanapi_testkit::servers::PostgresServer;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};

use crate::service::{Answer, Reading, Sending, Service};
use crate::worker::order;

/// The test that is a process of its own when it has work.
const TEST: &str = "killed::a_process_understands_its_work";
const WORK: &str = "HUMANAPI_ORDERS_WORK";
/// What its own lines begin with: the test harness it runs in says things too.
const MARK: &str = "orders> ";
/// Intents of each point at which a process is killed.
const INTENTS: usize = 4;

/// How often a process is killed, for each store.
fn points() -> usize {
    if crate::is_deep() { 50 } else { 4 }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Work {
    url: String,
    store: String,
    keys: String,
    /// The first of its intents.
    first: usize,
    /// Whether it goes on until each intent is known.
    until_it_ends: bool,
}

fn user(number: usize) -> String {
    format!("killed-{number}")
}

#[test]
fn a_process_understands_its_work() {
    match std::env::var(WORK) {
        Ok(work) => {
            let work: Work = serde_json::from_str(&work).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(carry_out(&work));
        }
        Err(_) => {
            let work = Work {
                url: "http://127.0.0.1:1".to_owned(),
                store: "sqlite:orders.sqlite".to_owned(),
                keys: "two\nlines".to_owned(),
                first: 7,
                until_it_ends: true,
            };
            let text = serde_json::to_string(&work).unwrap();
            assert_eq!(serde_json::from_str::<Work>(&text).unwrap(), work);
        }
    }
}

#[expect(clippy::print_stdout, reason = "its parent reads what it prints")]
fn say(line: &str) {
    println!("{MARK}{line}");
}

pub(crate) async fn journal(store: &str, keys: &str, init: bool) -> Arc<dyn OrderJournal> {
    let keys = SealingKeys::parse(keys).unwrap();
    let patience = Duration::from_secs(30);
    match store.strip_prefix("sqlite:") {
        Some(path) => {
            let store = SqliteStore::open(path, keys).await.with_timeout(patience);
            if init {
                store.init().await.unwrap();
            }
            Arc::new(store)
        }
        None => {
            let store = PostgresStore::connect(store, keys).await.unwrap();
            let store = store.with_timeout(patience);
            if init {
                store.init().await.unwrap();
            }
            Arc::new(store)
        }
    }
}

/// Claims and absences of seconds: requests of this machine to itself are not on their way for longer.
pub(crate) fn policy() -> OrderPolicy {
    let second = Duration::from_secs(1);
    let policy = OrderPolicy::default().with_claim_ttl(3 * second).unwrap();
    policy
        .with_wait_for_others(6 * second)
        .with_read_patience(second)
        .with_absent_after(Some(2 * second))
}

async fn carry_out(work: &Work) {
    let credentials = Credentials::new("app-1", "canary-secret").unwrap();
    let client = Client::builder(credentials, Provisioning::Hip, HyperTransport::new())
        .hosts(Hosts::single(&work.url).unwrap())
        .order_journal(journal(&work.store, &work.keys, false).await)
        .order_policy(policy())
        .build();
    say("ready");
    for number in work.first..work.first + INTENTS {
        let known = find_out(&client, &user(number), work.until_it_ends).await;
        say(&format!("{number} {known}"));
    }
}

/// Submits an intent; to the end until it is known that its order is there.
pub(crate) async fn find_out(client: &Client, user: &str, until_it_ends: bool) -> bool {
    let orders = client.orders();
    let (intent, order) = (IntentKey::new(user).unwrap(), order(user));
    for _ in 0..30 {
        match orders.submit(&intent, &order).await {
            Ok(_) => return true,
            Err(_) if !until_it_ends => return false,
            Err(OrderError::Absent(entry)) => {
                // Another one may have decided so first.
                let _decided = orders.decide(&intent, &entry, Decision::SendAgain).await;
            }
            Err(OrderError::NotPlaced(_)) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
    false
}

/// A process at work.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(work: &Work) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(WORK, serde_json::to_string(work).unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next of its own lines; nothing once it has ended.
    fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some((_, own)) = line.trim_end().split_once(MARK) {
                return Some(own.to_owned());
            }
        }
    }

    /// All that it says until it ends.
    fn until_it_ends(mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killed at once, as by `kill -9`. Harmless for one that has ended.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// At which moment a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// So long after it began.
    After(Duration),
    /// Once this many orders have arrived, before the last of them is taken, which it then is not.
    Arrived(usize),
    /// The same, and it is taken all the same.
    ArrivedAndTaken(usize),
    /// Once so many were taken, in the middle of the answer to the last of them.
    Answered(usize),
}

impl Moment {
    /// Of the point of this number: each kind at orders and times of its own.
    fn of(point: usize) -> Self {
        let order = point / 4 % INTENTS + 1;
        match point % 4 {
            0 => Self::Arrived(order),
            1 => Self::ArrivedAndTaken(order),
            2 => Self::Answered(order),
            // Before the first question to the journal, and up to the last answer.
            _ => Self::After(Duration::from_millis((point as u64 * 7_919) % 160)),
        }
    }
}

/// The way from processes to the service: HTTP/1.1, and a process that is killed on it.
struct Line {
    service: Service,
    planned: Mutex<Planned>,
}

#[derive(Default)]
struct Planned {
    moment: Option<Moment>,
    victim: Option<Process>,
    arrived: usize,
}

impl Line {
    /// Counts an order that arrives. If it is the one, its sender is killed, and it is told whether the order is lost and
    /// whether its answer breaks off.
    fn arrives(&self) -> (bool, bool) {
        let mut planned = self.planned.lock().unwrap();
        planned.arrived += 1;
        let is_now = |number: usize| number == planned.arrived;
        let (lost, cut) = match planned.moment {
            Some(Moment::Arrived(number)) if is_now(number) => (true, true),
            Some(Moment::ArrivedAndTaken(number)) if is_now(number) => (false, true),
            Some(Moment::Answered(number)) if is_now(number) => {
                return (false, true);
            }
            _ => return (false, false),
        };
        planned.moment = None;
        planned.victim = None;
        (lost, cut)
    }

    /// Kills whoever is to be killed once half an answer is out.
    fn half_answered(&self) {
        let mut planned = self.planned.lock().unwrap();
        planned.moment = None;
        planned.victim = None;
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) -> std::io::Result<Infallible> {
        let mut stream = BufStream::new(stream);
        loop {
            let mut head = String::new();
            if stream.read_line(&mut head).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await?;
                let Some((name, value)) = line.trim_end().split_once(':') else {
                    break;
                };
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            let mut words = head.split(' ');
            let method: Method = words.next().unwrap().parse().unwrap();
            let path = words.next().unwrap();
            let is_order = method == Method::POST && path.starts_with("/api/v1/users");
            let (lost, cut) = if is_order {
                self.arrives()
            } else {
                (false, false)
            };
            if lost {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            let Answer::Whole(status, answer) = self.service.answer(&method, path, &body) else {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            };
            let head = format!(
                "HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            stream.write_all(head.as_bytes()).await?;
            if cut {
                stream
                    .write_all(&answer.as_bytes()[..answer.len() / 2])
                    .await?;
                stream.flush().await?;
                self.half_answered();
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await?;
        }
    }
}

/// Kills a process at each point, and asserts what became of its intents.
fn kill(store: &str, keys: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let service = Service::new(Sending::Fine, Reading::Fine, SystemTime::now);
    let line = Arc::new(Line {
        service: service.clone(),
        planned: Mutex::default(),
    });
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = Arc::clone(&line);
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&serving).serve(stream));
        }
    });
    drop(runtime.block_on(journal(store, keys, true)));
    let mut killed = 0;
    for point in 0..points() {
        let work = Work {
            url: url.clone(),
            store: store.to_owned(),
            keys: keys.to_owned(),
            first: point * INTENTS,
            until_it_ends: false,
        };
        let moment = Moment::of(point);
        let mut victim = Process::start(&work);
        assert_eq!(victim.line().as_deref(), Some("ready"));
        *line.planned.lock().unwrap() = Planned {
            moment: Some(moment),
            victim: Some(victim),
            arrived: 0,
        };
        // Every other time somebody else is at the same intents meanwhile.
        let other = (point % 8 < 4).then(|| Process::start(&work));
        if let Moment::After(time) = moment {
            std::thread::sleep(time);
            drop(line.planned.lock().unwrap().victim.take());
        }
        drop(other.map(Process::until_it_ends));
        let until_it_ends = true;
        let finder = Process::start(&Work {
            until_it_ends,
            ..work
        });
        let told = finder.until_it_ends();
        let planned = std::mem::take(&mut *line.planned.lock().unwrap());
        killed += usize::from(planned.victim.is_none());
        for number in point * INTENTS..(point + 1) * INTENTS {
            let billed = service.billed(&user(number));
            assert_eq!(
                billed, 1,
                "killed at {moment:?}, the intent {number}: {told:?}"
            );
            let known = format!("{number} true");
            assert!(told.contains(&known), "killed at {moment:?}: {told:?}");
        }
    }
    assert_eq!(killed, points(), "each was killed at its moment");
}

pub(crate) fn keys() -> String {
    use secrecy::ExposeSecret as _;

    crate::places::keys().to_text().expose_secret().to_owned()
}

#[test]
fn killed_over_a_file_an_intent_is_placed_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("orders.sqlite").display());
    kill(&store, &keys());
}

#[test]
fn killed_over_a_database_an_intent_is_placed_once() {
    let Some(server) =
        PostgresServer::start_durable("humanapi-testkit: orders of killed processes")
    else {
        return;
    };
    kill(&server.url(), &keys());
}
