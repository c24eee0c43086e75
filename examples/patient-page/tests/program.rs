//! The program itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// The program without anything that the environment of whoever tests it says.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patient-page"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HUMANAPI_") {
            command.env_remove(name);
        }
    }
    // Whoever tests it may want backtraces; whoever uses it gets none.
    command.env("RUST_BACKTRACE", "1");
    command
}

/// Ends the program, whatever becomes of the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn it_prints_where_it_is_and_remembers_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("patients.db");
    let mut command = program();
    command.args(["--port", "0", "--database"]).arg(&database);
    let mut running = Ended(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let base = first.strip_prefix("Patient page: ").unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("Sandbox: "));
    // This test speaks plain http. Built together with the adapters, reqwest wants a provider even so.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = client.get(base).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Who are you today?"));
    assert!(database.exists());
}

fn told(arguments: &[&str]) -> (Output, String) {
    let output = program().args(arguments).output().unwrap();
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    text.push_str(std::str::from_utf8(&output.stderr).unwrap());
    (output, text)
}

#[test]
fn help_teaches() {
    let (output, text) = told(&["--help"]);
    assert!(output.status.success());
    for word in [
        "--port",
        "--origin",
        "--database",
        "--secret-file",
        "HUMANAPI_CLIENT_ID",
        "demouser",
        "cargo run -p patient-page",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// It ends with two lines: what went wrong, and what to do.
#[track_caller]
fn check_refused(arguments: &[&str], what: &str, remedy: &str) {
    let free: &[&str] = if arguments.contains(&"--port") {
        &[]
    } else {
        &["--port", "0"]
    };
    let (output, text) = told(&[free, arguments].concat());
    assert_eq!(output.status.code(), Some(1), "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("error: ") && lines[0].contains(what),
        "{text}"
    );
    assert!(
        lines[1].starts_with("help: ") && lines[1].contains(remedy),
        "{text}"
    );
}

const fn file(path: &str) -> [&str; 4] {
    ["--client-id", "my-app", "--secret-file", path]
}

#[test]
fn what_is_wrong_is_told_in_two_lines() {
    let app = ["--client-id", "my-app"];
    let secret = "HUMANAPI_CLIENT_SECRET or use --secret-file";
    check_refused(&app, "no client secret", secret);
    let origin = |origin| ["--origin", origin];
    check_refused(
        &origin("http://app.example.test"),
        "plain http",
        "use https",
    );
    check_refused(&origin("https://app.example.test:65536"), "port", ":8080");
    check_refused(
        &origin("https://APP.example.test/"),
        "as browsers",
        "https://app.example.test",
    );
    check_refused(&origin("http://127.1:80"), "IP address", "127.0.0.1");
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    check_refused(&file(&place("none")), "cannot read", "name a file");
    check_refused(&file(&place("")), "no file", "name a file");
    std::fs::write(place("long"), "canary".repeat(1_000)).unwrap();
    check_refused(&file(&place("long")), "at most 4 KiB", "name a file");
    std::fs::write(place("binary"), [0xff, 0xfe]).unwrap();
    check_refused(&file(&place("binary")), "of text", "name a file");
    #[cfg(unix)]
    check_refused(&file("/dev/zero"), "no file", "name a file");
    std::fs::write(place("secret"), "\u{feff}hush\r\n").unwrap();
    for (url, why) in [
        ("http://127.0.0.1:65536", "port"),
        ("http://127.0.0.1:8o80", "port"),
        ("http://[::1]evil.example", "IP address"),
        ("https://user:canary@api.example.test", "user information"),
    ] {
        let secret = place("secret");
        let arguments = [&file(&secret)[..], &["--base-url", url]].concat();
        check_refused(&arguments, why, "");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    check_refused(&["--port", &port], "cannot be used", "--port");
    let nowhere = place("none/patients.db");
    check_refused(&["--database", &nowhere], "", "may write");
}

/// A program that serves, and where.
#[cfg(unix)]
fn serving() -> (Ended, String) {
    let mut command = program();
    command.args(["--port", "0"]);
    let mut running = Ended(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let address = first.strip_prefix("Patient page: http://").unwrap();
    (running, address.to_owned())
}

#[cfg(unix)]
#[test]
fn it_ends_on_ctrl_c_whatever_connections_are_open() {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    let (mut running, address) = serving();
    let connect = |sent: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        stream
    };
    let idle = connect("");
    let half_a_head = connect("GET / HTTP/1.1\r\nHost: x\r\nX: ");
    let half_a_body = connect(
        "POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nform",
    );
    let mut kept = connect("GET /style.css HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut first = [0];
    kept.read_exact(&mut first).unwrap();
    let unread = connect(&"GET /style.css HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200));
    let id = running.0.id().to_string();
    let told = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(told.success());
    // It ends by itself, or this test would not.
    let status = running.0.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    drop((idle, half_a_head, half_a_body, kept, unread));
}
