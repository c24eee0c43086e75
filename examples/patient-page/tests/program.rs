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

#[test]
fn what_is_missing_is_told() {
    let (output, text) = told(&["--port", "0", "--client-id", "my-app"]);
    assert!(!output.status.success());
    assert!(
        text.contains("set HUMANAPI_CLIENT_SECRET or use --secret-file"),
        "{text}"
    );
    let (output, text) = told(&["--port", "0", "--origin", "http://app.example.test"]);
    assert!(!output.status.success());
    assert!(text.contains("origin"), "{text}");
}
