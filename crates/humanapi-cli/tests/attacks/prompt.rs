//! The hidden prompt, at a terminal: whatever ends the command there, the terminal echoes again.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pty_process::blocking::Pty;

use crate::terminal_support::{begin, echoes, rest};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command that asks for the secret, and the terminal where it does.
struct Asked {
    child: Child,
    pty: Arc<Pty>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Asked {
    /// Starts it and waits until the terminal is silent.
    fn new() -> Self {
        // A base URL where nobody answers, for prompts that go well.
        let words = ["token", "client", "--base-url", "http://127.0.0.1:1"];
        let (pty, child) = begin(words, [("HUMANAPI_CLIENT_ID", "app")]);
        let (pty, said) = (Arc::new(pty), Arc::new(Mutex::new(Vec::new())));
        let (from, to) = (Arc::clone(&pty), Arc::clone(&said));
        std::thread::spawn(move || {
            rest(&from, |bytes| {
                let mut said = to.lock().expect("nothing panics with it");
                said.extend_from_slice(bytes);
            });
        });
        let asked = Self { child, pty, said };
        asked.until(|asked| asked.said().contains("not shown") && !echoes(&asked.pty));
        asked
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().expect("nothing panics with it")).into_owned()
    }

    fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let gives_up = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < gives_up, "{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn types(&self, keys: &[u8]) {
        (&*self.pty)
            .write_all(keys)
            .expect("the terminal takes keys");
    }

    fn signal(&self, signal: &str) {
        let sent = std::process::Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill is part of every Unix").success());
    }

    /// How it ended; the terminal is as it was, and showed nothing of what was typed.
    #[track_caller]
    fn ended(mut self) -> (ExitStatus, String) {
        let gives_up = Instant::now() + PATIENCE;
        let ended = loop {
            if let Some(ended) = self.child.try_wait().expect("it is our own child") {
                break ended;
            }
            assert!(Instant::now() < gives_up, "it hangs: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(echoes(&self.pty), "{ended}: the terminal stays silent");
        let said = self.said();
        assert!(
            !said.contains("canary") && !said.contains("fault"),
            "{said}"
        );
        (ended, said)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn ctrl_c_ends_it_as_it_ends_any_program() {
    let asked = Asked::new();
    asked.types(b"canary");
    asked.types(b"\x03");
    let (ended, _) = asked.ended();
    assert_eq!(ended.signal(), Some(2));
}

#[test]
fn signals_end_it_and_the_terminal_echoes_again() {
    for (name, number) in [("-TERM", 15), ("-INT", 2), ("-HUP", 1), ("-QUIT", 3)] {
        let asked = Asked::new();
        asked.types(b"canary");
        asked.signal(name);
        let (ended, _) = asked.ended();
        assert_eq!(ended.signal(), Some(number), "{name}");
    }
}

#[test]
fn whatever_is_typed_the_terminal_echoes_again() {
    let long = [&b"canary"[..]; 1000].concat();
    let cases: [(&[u8], &[u8], &[i32]); 8] = [
        (b"canary", b"\n", &[5]),
        (b"canary", b"\r", &[5]),
        (b"", b"\n", &[3]),
        (b"", b"\x04", &[3]),
        (b"canary\x7f\x15", b"\n", &[3]),
        (b"\x1b[A\x1b[Bcanary\x17", b"\n", &[3]),
        (b"\xff\xfe\x00\x01", b"\n", &[2, 3, 5]),
        (&long, b"\n", &[2, 3, 5]),
    ];
    for (typed, end, codes) in cases {
        let asked = Asked::new();
        asked.types(typed);
        asked.types(end);
        let (ended, said) = asked.ended();
        let code = ended.code().expect("no signal ended it");
        assert!(codes.contains(&code), "{code}: {said}");
    }
}
