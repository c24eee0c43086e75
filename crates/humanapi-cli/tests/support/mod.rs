//! Runs the command as a script would: no terminal, nothing of the caller's environment that it reads.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the command reads of its environment.
pub(crate) const VARIABLES: [&str; 22] = [
    "HUMANAPI_ADMIN_URL",
    "HUMANAPI_APP_KEY",
    "HUMANAPI_AUTH_URL",
    "HUMANAPI_BASE_URL",
    "HUMANAPI_CLIENT_ID",
    "HUMANAPI_CLIENT_SECRET",
    "HUMANAPI_DATA_URL",
    "HUMANAPI_PROFILE",
    "HUMANAPI_PROVISIONING",
    "HUMANAPI_SANDBOX_TOKEN",
    "HUMANAPI_SANDBOX_URL",
    "HUMANAPI_STORE_KEYS",
    "HUMANAPI_STORE_URL",
    "HUMANAPI_TIMEOUT",
    "BROWSER",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "HTTPS_PROXY",
    "https_proxy",
];

/// Where no profiles are nor can be made, whatever the caller keeps.
pub(crate) const NO_PROFILES: (&str, &str) = ("HUMANAPI_CONFIG", "/dev/null/humanapi/config.toml");

/// The command with these words.
pub(crate) fn humanapi<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_humanapi"));
    for word in words {
        command.arg(word.as_ref());
    }
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.env(NO_PROFILES.0, NO_PROFILES.1);
    command.stdin(Stdio::null());
    command
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// All of stdout.
    pub(crate) stdout: String,
    /// All of stderr.
    pub(crate) stderr: String,
}

/// Longer than any run may take: two attempts of 10 s, and 30 s for a secret.
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs to the end.
///
/// # Panics
///
/// When it does not end; then it is ended.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Run {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command
        .spawn()
        .expect("the command was built for this test");
    ended(child)
}

/// Waits for the end of one that was begun, and reads its streams that are pipes.
///
/// # Panics
///
/// When it does not end; then it is ended.
#[track_caller]
pub(crate) fn ended(mut child: Child) -> Run {
    // Nothing more is said to it.
    drop(child.stdin.take());
    let stdout = child.stdout.take().map(drain);
    let stderr = child.stderr.take().map(drain);
    let gives_up = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our own child") {
            break status;
        }
        if Instant::now() > gives_up {
            child.kill().expect("it is our own child");
            child.wait().expect("it is our own child");
            panic!("it hangs");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = |stream: Option<JoinHandle<Vec<u8>>>| {
        let bytes = stream.map(|stream| stream.join().expect("reading does not panic"));
        let bytes = bytes.unwrap_or_default();
        String::from_utf8(bytes).expect("the command writes UTF-8")
    };
    Run {
        code: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

fn drain(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}
