//! Hostile inputs to the command as it is built: it never panics or hangs, shows no secret, asks nobody but
//! the host that was named, and ends with a documented code.
//!
//! `HUMANAPI_DEEP=1` runs those too that take long, and many more of those that are drawn by chance.
#![cfg(all(
    unix,
    feature = "data",
    feature = "demo",
    feature = "sandbox",
    feature = "store",
    feature = "token"
))]

mod files;
mod limits;
mod profiles;
mod prompt;
mod servers;
#[path = "../support/mod.rs"]
mod support;
#[path = "../terminal_support/mod.rs"]
mod terminal_support;
mod words;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{Run, run};

/// In every secret, and in every word that may be one. It must never be seen.
const CANARY: &str = "canary7";

/// What may come out of a run of bad or good luck: every documented code.
const ANY: &[i32] = &[0, 2, 3, 4, 5, 6, 7, 70];

/// How many inputs the tests of each kind have at least: more than 150 together, whatever else changes.
const LEAST: [(&str, usize); 8] = [
    ("command lines", 75),
    ("odd words", 7),
    ("environments", 60),
    ("random lines", 40),
    ("answers", 75),
    ("stores that are none", 20),
    ("configurations", 40),
    ("calls", 30),
];

const _: () = {
    let (mut all, mut at) = (0, 0);
    while at < LEAST.len() {
        all += LEAST[at].1;
        at += 1;
    }
    assert!(all >= 150, "there are too few hostile inputs");
};

/// Holds a test to as many inputs as are promised of it.
#[track_caller]
fn at_least(kind: &str, inputs: usize) {
    let promised = LEAST.iter().find(|(name, _)| *name == kind);
    let (_, least) = promised.expect("each kind that is counted is listed");
    assert!(inputs >= *least, "{kind}: {inputs} of {least} inputs");
}

fn is_deep() -> bool {
    std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1")
}

/// A listener to which nothing may ever come, on a port that everything lures to.
fn trap() -> (u16, &'static AtomicUsize) {
    static TRAP: OnceLock<u16> = OnceLock::new();
    static CAUGHT: AtomicUsize = AtomicUsize::new(0);
    let port = *TRAP.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = listener.local_addr().expect("it is bound").port();
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                CAUGHT.fetch_add(1, Ordering::SeqCst);
            }
        });
        port
    });
    (port, &CAUGHT)
}

/// The command with credentials that are canaries, and proxies that lead into the trap.
fn command(words: &[&str]) -> Command {
    let mut command = support::humanapi(words);
    arm(&mut command);
    command
}

fn arm(command: &mut Command) {
    let lure = format!("http://{CANARY}:{CANARY}@127.0.0.1:{}", trap().0);
    command
        .env("HUMANAPI_CLIENT_ID", "app")
        .env("HUMANAPI_CLIENT_SECRET", format!("{CANARY}-secret"))
        .env("HTTP_PROXY", &lure)
        .env("http_proxy", &lure)
        .env("https_proxy", &lure)
        .env("ALL_PROXY", &lure);
}

/// The same command under a shell's words, such as `ulimit -n 5 && exec "$@"`.
fn under(shell: &str, command: &Command) -> Command {
    let mut outer = Command::new("sh");
    outer.args(["-c", shell, "sh"]).arg(command.get_program());
    outer.args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

/// Runs it, counts it, and holds it to all that must be so.
#[track_caller]
fn attack(name: &str, mut command: Command, codes: &[i32]) {
    check(name, &run(&mut command), codes);
}

#[track_caller]
fn check(name: &str, ended: &Run, codes: &[i32]) {
    let (stdout, stderr) = (&ended.stdout, &ended.stderr);
    let all = format!(
        "{name}: {:?}\n{}\n{}",
        ended.code,
        stdout.chars().take(2_000).collect::<String>(),
        stderr.chars().take(2_000).collect::<String>()
    );
    let code = ended
        .code
        .unwrap_or_else(|| panic!("a signal ended it: {all}"));
    assert!(codes.contains(&code), "not one of {codes:?}: {all}");
    for bad in [
        "panicked at",
        "RUST_BACKTRACE",
        "this program has a fault",
        CANARY,
    ] {
        assert!(
            !stderr.contains(bad) && !stdout.contains(bad),
            "{bad}: {all}"
        );
    }
    let steers = |text: &str| text.contains(|c: char| c.is_control() && c != '\n' && c != '\t');
    assert!(!steers(stderr) && !steers(stdout), "{all:?}");
    if code != 0 && stderr.contains("error:") {
        let lines: Vec<&str> = stderr.lines().collect();
        let names: Vec<&str> = (lines.iter())
            .filter_map(|line| Some(line.split_once(": ")?.0))
            .collect();
        assert_eq!(names.len(), lines.len(), "{all}");
        let mut whole = ["error", "caused by", "help", "request id"].into_iter();
        assert!(
            names.iter().all(|name| whole.any(|known| known == *name)),
            "{all}"
        );
        assert!(names.contains(&"error") && names.contains(&"help"), "{all}");
        assert!(lines[0].len() < 8_192, "{all}");
    }
    assert_eq!(
        trap().1.load(Ordering::SeqCst),
        0,
        "somebody else was asked: {all}"
    );
}

/// A folder for one test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A file that others cannot read.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        use std::os::unix::fs::PermissionsExt;

        let path = self.path(name);
        std::fs::write(&path, bytes).expect("there is room for a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("it is ours");
        self.text(name)
    }

    fn fifo(&self, name: &str) -> String {
        let made = Command::new("mkfifo").arg(self.path(name)).status();
        assert!(made.expect("mkfifo is part of every Unix").success());
        self.text(name)
    }
}
