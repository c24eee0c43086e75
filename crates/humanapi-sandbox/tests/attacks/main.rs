//! Hostile input over real sockets: nothing panics, hangs, grows without end or shows a secret.
//!
//! All inputs that are written down run always. `HUMANAPI_DEEP=1` adds what takes long: floods, thousands of mutated
//! bodies, and callers that are slow on purpose.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails where it stands, as the test itself would"
)]

mod inputs;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use humanapi_sandbox::{DemoApp, RecordChange, Sandbox};
use inputs::{Attack, Expect};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// How long anything may take here that does not wait on purpose.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most that test and sandbox may hold together, in bytes: far more than what they need, and far less than what
/// has no bound.
const PEAK: usize = 200 * 1024 * 1024;

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// How often somebody came to the address that stands in many inputs.
static VISITS: AtomicUsize = AtomicUsize::new(0);

/// A listener to which nobody may come.
fn trap() -> SocketAddr {
    static TRAP: OnceLock<SocketAddr> = OnceLock::new();
    *TRAP.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                VISITS.fetch_add(1, Ordering::SeqCst);
            }
        });
        address
    })
}

/// Memory is counted for the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn deep() -> bool {
    std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1")
}

/// A sandbox with a connected user, and what must never be seen.
struct Target {
    sandbox: Sandbox,
    client_id: String,
    canaries: Vec<String>,
    _profiler: dhat::Profiler,
}

impl Target {
    fn new() -> Self {
        let profiler = dhat::Profiler::builder()
            .testing()
            .trim_backtraces(Some(4))
            .build();
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let name = std::thread::current().name().map(str::to_owned);
            if name.is_some_and(|name| name.starts_with("humanapi-sandbox")) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            report(info);
        }));
        let sandbox = Sandbox::start().unwrap();
        let app = sandbox.app(DemoApp::Connect);
        let mut this = Self {
            client_id: app.client_id.clone(),
            canaries: [DemoApp::Connect, DemoApp::Hip, DemoApp::NoAdmin]
                .map(|kind| sandbox.app(kind))
                .into_iter()
                .flat_map(|app| [app.client_secret, app.app_key])
                .collect(),
            sandbox,
            _profiler: profiler,
        };
        let session = this.token("session", "session_token");
        this.sandbox
            .control()
            .connect_source(&this.client_id, "victim", "strider")
            .unwrap();
        let access = this.token("access", "access_token");
        this.canaries.extend([session, access]);
        this
    }

    fn token(&self, kind: &str, field: &str) -> String {
        let secret = self.sandbox.app(DemoApp::Connect).client_secret;
        let body = format!(
            r#"{{"client_id":"{}","client_secret":"{secret}","client_user_id":"victim","type":"{kind}"}}"#,
            self.client_id
        );
        let answer = self.send(&[inputs::post(
            self,
            "/v1/connect/token",
            "application/json",
            &body,
        )]);
        let text = String::from_utf8(answer).unwrap();
        let (_, rest) = text.split_once(&format!("\"{field}\":\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Sends pieces, closes that half, and reads what comes until the other side closes.
    fn send(&self, pieces: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.sandbox.addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in pieces {
            // Who is refused early is hung up on before all is said.
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!(
                    "the sandbox hangs after {:?}",
                    String::from_utf8_lossy(&answer)
                )
            }
            // A reset is one of the ways in which a connection ends.
            _ => answer,
        }
    }

    /// The sandbox serves others as before.
    #[track_caller]
    fn is_well(&self, after: &str) {
        let get = format!(
            "GET /v1/human HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer demo\r\n\r\n",
            self.sandbox.addr()
        );
        let answer = self.send(&[get.into_bytes()]);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 200 "), "after {after}: {text}");
        Self::is_quiet(after);
    }

    /// Nothing panicked, and nobody was sent elsewhere.
    #[track_caller]
    fn is_quiet(after: &str) {
        assert_eq!(PANICS.load(Ordering::SeqCst), 0, "panics after {after}");
        assert_eq!(VISITS.load(Ordering::SeqCst), 0, "visits after {after}");
    }

    #[track_caller]
    fn shows_no_secret(&self, text: &str, of: &str) {
        for canary in &self.canaries {
            assert!(!text.contains(canary.as_str()), "{of} shows a secret");
        }
    }

    fn run(&self, attack: &Attack) {
        let Attack {
            name,
            pieces,
            expect,
        } = attack;
        let answer = self.send(pieces);
        let text = String::from_utf8_lossy(&answer);
        self.shows_no_secret(&text, name);
        let statuses = statuses(&text);
        for status in &statuses {
            let is_ours = *status < 500 || [503, 505, 507].contains(status);
            assert!(is_ours, "{name}: {text}");
        }
        match expect {
            Expect::Anything => {}
            Expect::Refusal => assert!(
                statuses.iter().all(|status| (400..500).contains(status)),
                "{name}: {statuses:?}"
            ),
            Expect::Status(status) => assert_eq!(statuses.first(), Some(status), "{name}: {text}"),
            Expect::Count(count) => assert_eq!(statuses.len(), *count, "{name}: {statuses:?}"),
        }
    }

    /// What the sandbox itself tells of all that has happened holds no secret, and little else.
    #[track_caller]
    fn tells_no_secret(&self) {
        for path in ["/sandbox/requests", "/"] {
            let get = format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n",
                self.sandbox.addr()
            );
            let answer = self.send(&[get.into_bytes()]);
            self.shows_no_secret(&String::from_utf8_lossy(&answer), path);
            assert!(answer.len() < 18 * 1024 * 1024, "{path}: {}", answer.len());
        }
        Self::is_quiet("all of it");
        let peak = dhat::HeapStats::get().max_bytes;
        assert!(peak < PEAK, "{peak} bytes were in use");
    }
}

/// The statuses of all answers in what was read; no body here has what looks like a status line.
fn statuses(text: &str) -> Vec<u16> {
    text.match_indices("HTTP/1.")
        .filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok())
        .collect()
}

#[test]
fn what_is_written_down_here_does_no_harm() {
    let _alone = alone();
    let target = Target::new();
    let attacks = inputs::all(&target);
    assert!(attacks.len() >= 150, "{} inputs", attacks.len());
    let mut names = std::collections::HashSet::new();
    for Attack { name, .. } in &attacks {
        assert!(names.insert(name), "two have the name {name}");
    }
    for attack in &attacks {
        target.run(attack);
        target.is_well(&attack.name);
    }
    target.tells_no_secret();
}

#[test]
fn pages_of_other_sites_and_other_hosts_learn_and_change_nothing() {
    let _alone = alone();
    let target = Target::new();
    for (path, method) in [
        ("/sandbox/apps", "GET"),
        ("/sandbox/users", "GET"),
        ("/", "GET"),
        ("/sandbox/reset", "POST"),
    ] {
        for host in inputs::HOSTS {
            let text = format!(
                "{method} {path} HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
            );
            let answer = target.send(&[text.into_bytes()]);
            let answer = String::from_utf8_lossy(&answer);
            target.shows_no_secret(&answer, host);
            let statuses = statuses(&answer);
            assert!(
                statuses.iter().all(|status| [400, 421].contains(status)),
                "{host:?}: {answer}"
            );
        }
    }
    let user = target
        .sandbox
        .control()
        .find_user(&target.client_id, "victim")
        .unwrap();
    assert!(user.is_some(), "the reset got through");
}

/// Mutates a body at random: bytes exchanged, dropped, doubled, cut off.
fn mutate(body: &str, numbers: &mut impl FnMut() -> usize) -> Vec<u8> {
    let mut bytes = body.as_bytes().to_vec();
    for _ in 0..=numbers() % 4 {
        let at = numbers() % bytes.len().max(1);
        match numbers() % 5 {
            0 if !bytes.is_empty() => bytes[at] = (numbers() % 256) as u8,
            1 if !bytes.is_empty() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            3 => bytes.extend_from_within(at..),
            _ => bytes.insert(at.min(bytes.len()), b"\"{}[]:,\\"[numbers() % 8]),
        }
    }
    bytes
}

#[test]
fn bodies_that_are_nearly_right_are_read_or_refused() {
    let _alone = alone();
    let target = Target::new();
    let mut state = 7_u64;
    let mut numbers = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize
    };
    let rounds = if deep() { 400 } else { 6 };
    for (path, body) in inputs::bodies(&target) {
        for round in 0..rounds {
            let body = mutate(&body, &mut numbers);
            let attack = Attack {
                name: format!(
                    "{path} mutated {round}: {:?}",
                    String::from_utf8_lossy(&body)
                ),
                pieces: vec![inputs::post_bytes(&target, path, "application/json", &body)],
                expect: Expect::Anything,
            };
            target.run(&attack);
        }
        target.is_well(path);
    }
    target.tells_no_secret();
}

#[test]
fn a_flood_of_long_requests_fills_no_memory() {
    let _alone = alone();
    let target = Target::new();
    let count = if deep() { 10_000 } else { 400 };
    let path = format!("/{}", "p".repeat(64 * 1024 - 40));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n",
        target.sandbox.addr()
    );
    let before = dhat::HeapStats::get().curr_bytes;
    let mut stream = TcpStream::connect(target.sandbox.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mark = b"HTTP/1.1 404";
        let (mut answers, mut seen) = (0, Vec::new());
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = reading.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..length]);
            answers += seen.windows(mark.len()).filter(|part| part == mark).count();
            // What may be the beginning of one more.
            seen.drain(..seen.len().saturating_sub(mark.len() - 1));
        }
        answers
    });
    for _ in 0..count {
        stream.write_all(request.as_bytes()).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(reader.join().unwrap(), count);
    let grown = dhat::HeapStats::get().curr_bytes.saturating_sub(before);
    // At most 4096 entries of about 1.5 KiB.
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes stay");
    target.tells_no_secret();
}

#[test]
fn millions_of_records_are_read_in_the_memory_of_a_page() {
    let _alone = alone();
    let target = Target::new();
    let control = target.sandbox.control();
    let count = 1_000_000;
    let fill = RecordChange::fill("activities", count);
    control
        .change_records(&target.client_id, "victim", fill)
        .unwrap();
    let token = target.canaries.last().unwrap();
    let before = dhat::HeapStats::get().curr_bytes;
    let mut largest = 0;
    for query in [
        "limit=500",
        "limit=500&offset=999500",
        "limit=500&updated_since=20200101T000000Z&source=strider",
        "limit=1&start_date=2020-01-01&offset=100000",
    ] {
        let get = format!(
            "GET /v1/human/activities?{query} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            target.sandbox.addr()
        );
        let answer = target.send(&[get.into_bytes()]);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 200 "), "{query}: {text}");
        largest = largest.max(answer.len());
    }
    assert!(largest > 100_000, "a page of 500 has {largest} bytes");
    let stays = dhat::HeapStats::get().curr_bytes.saturating_sub(before);
    let peak = dhat::HeapStats::get().max_bytes;
    // A byte for each record would be more.
    assert!(stays < count, "{stays} bytes stay");
    assert!(peak < 16 * 1024 * 1024, "{peak} bytes were in use");
    target.is_well("a million records");
}

#[test]
fn who_is_slow_on_purpose_is_hung_up_on_and_keeps_nobody_waiting() {
    if !deep() {
        return;
    }
    let _alone = alone();
    let target = Target::new();
    let host = target.sandbox.addr();
    let head = format!(
        "POST /v1/connect/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    );
    let beginnings = [
        format!(
            "{head}Content-Length: 1000000\r\n\r\n{}",
            " ".repeat(500_000)
        ),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhe"),
        format!("{head}Content-Length: 10\r\n\r\n"),
        format!("{head}X-Slow: "),
    ];
    let stuck: Vec<_> = (0..400)
        .map(|number| {
            let mut stream = TcpStream::connect(host).unwrap();
            stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
            stream
                .write_all(beginnings[number % beginnings.len()].as_bytes())
                .unwrap();
            stream
        })
        .collect();
    target.is_well("400 slow callers");
    for mut stream in stuck {
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(
            ended.is_ok()
                || ended.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock),
            "it hangs"
        );
    }
    target.is_well("400 slow callers that were hung up on");
    target.tells_no_secret();
}

#[test]
fn hundreds_who_come_at_once_are_served() {
    if !deep() {
        return;
    }
    let _alone = alone();
    let target = Target::new();
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let address = target.sandbox.addr();
            std::thread::spawn(move || {
                let mut open: Vec<_> = (0..40)
                    .map(|_| TcpStream::connect(address).unwrap())
                    .collect();
                for stream in &mut open {
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    write!(
                        stream,
                        "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
                    )
                    .unwrap();
                }
                for mut stream in open {
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).unwrap();
                    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    target.is_well("640 connections");
    target.tells_no_secret();
}
