//! The verb `store`, and tokens that come from a store.
#![cfg(feature = "store")]

mod support;

use std::path::Path;
use std::process::Command;

use humanapi_sandbox::{AppCredentials, DemoApp, Sandbox};
use serde_json::Value;
use support::{Run, humanapi, run};

/// A folder with a store's file and its keys.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn command(&self, words: &[&str]) -> Command {
        let store = format!("sqlite:{}", self.path("tokens.db"));
        let keys = self.path("keys.txt");
        humanapi([words, &["--store", &store, "--store-keys", &keys]].concat())
    }

    fn run(&self, words: &[&str]) -> Run {
        run(&mut self.command(words))
    }

    fn set_up() -> Self {
        let place = Self::new();
        let told = place.run(&["store", "init", "--new-keys"]);
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
        place
    }

    fn token(&self, sandbox: &Sandbox, app: &AppCredentials, words: &[&str]) -> Value {
        let words = [
            &["token"],
            words,
            &["--reveal", "--base-url", sandbox.url()],
        ]
        .concat();
        let mut command = self.command(&words);
        command
            .env("HUMANAPI_CLIENT_ID", &app.client_id)
            .env("HUMANAPI_CLIENT_SECRET", &app.client_secret);
        json(&run(&mut command))
    }
}

#[track_caller]
fn json(told: &Run) -> Value {
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    serde_json::from_str(&told.stdout).expect("one line of JSON")
}

/// A sandbox and an application with one user, who has connected a source.
fn connected() -> (Sandbox, AppCredentials) {
    let sandbox = Sandbox::start().expect("loopback has free ports");
    let app = sandbox.app(DemoApp::Connect);
    let mut command = humanapi([
        "token",
        "session",
        "--user",
        "p17",
        "--base-url",
        sandbox.url(),
    ]);
    command
        .env("HUMANAPI_CLIENT_ID", &app.client_id)
        .env("HUMANAPI_CLIENT_SECRET", &app.client_secret);
    json(&run(&mut command));
    let control = sandbox.control();
    control
        .connect_source(&app.client_id, "p17", "strider")
        .expect("there is such a source");
    (sandbox, app)
}

#[test]
fn a_token_is_exchanged_once_and_then_comes_from_the_store() {
    let (sandbox, app) = connected();
    let place = Place::set_up();
    let access = ["access", "--user", "p17"];
    let first = place.token(&sandbox, &app, &access);
    assert_eq!(
        place.token(&sandbox, &app, &access)["token"],
        first["token"]
    );
    assert_eq!(sandbox.control().exchanges().access, 1);
    let connect = ["connect", "--user", "p17"];
    let first = place.token(&sandbox, &app, &connect);
    assert_eq!(first["kind"], "id");
    assert_eq!(
        place.token(&sandbox, &app, &connect)["token"],
        first["token"]
    );
    assert_eq!(sandbox.control().exchanges().id, 1);
    let status = json(&place.run(&["store", "status"]));
    assert_eq!(
        (&status["live_tokens"], &status["rows"]),
        (&2.into(), &2.into()),
        "{status}"
    );
    let file = std::fs::read(place.path("tokens.db")).expect("the store is a file");
    let holds = |secret: &str| {
        file.windows(secret.len())
            .any(|part| part == secret.as_bytes())
    };
    assert!(!holds(first["token"].as_str().expect("a token")) && !holds("p17"));
}

#[test]
fn the_sealing_key_changes_in_three_steps_and_tokens_stay() {
    let (sandbox, app) = connected();
    let place = Place::set_up();
    let access = ["access", "--user", "p17"];
    let token = place.token(&sandbox, &app, &access);
    for step in [&["--add", "second"][..], &["--promote", "second"]] {
        let told = place.run(&[&["store", "rotate-key"], step].concat());
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
        assert_eq!(
            place.token(&sandbox, &app, &access)["token"],
            token["token"]
        );
    }
    assert_eq!(
        json(&place.run(&["store", "status"]))["tokens_to_rotate"],
        1
    );
    let rotated = json(&place.run(&["store", "rotate-key"]));
    assert_eq!(rotated["resealed"], 1, "{rotated}");
    let status = json(&place.run(&["store", "status"]));
    assert_eq!(status["tokens_by_key"]["second"], 1, "{status}");
    assert_eq!(
        place.token(&sandbox, &app, &access)["token"],
        token["token"]
    );
    assert_eq!(sandbox.control().exchanges().access, 1);
    assert_eq!(json(&place.run(&["store", "purge"]))["purged"], 0);
}

#[track_caller]
fn check(told: &Run, code: i32, says: &str) {
    assert_eq!(told.code, Some(code), "{told:?}");
    assert_eq!(
        told.stderr.lines().count(),
        2,
        "one line of cause, one of help: {told:?}"
    );
    assert!(told.stderr.contains(says), "{told:?}");
    assert!(!told.stderr.contains("canary"), "{told:?}");
    assert_eq!(told.stdout, "", "{told:?}");
}

#[test]
fn mistakes_are_told_in_two_lines_without_secrets() {
    let place = Place::new();
    check(&place.run(&["store", "status"]), 3, "keys");
    let place = Place::set_up();
    check(
        &place.run(&["store", "init", "--new-keys"]),
        70,
        "cannot write",
    );
    let keys = place.path("keys.txt");
    let with = |store: &str| humanapi(["store", "status", "--store", store, "--store-keys", &keys]);
    check(
        &run(&mut with("postgres://me:canary@db.example.test/x")),
        2,
        "no store",
    );
    check(&run(&mut with("redis")), 3, "HUMANAPI_STORE_URL");
    let mut unreachable = with("redis");
    unreachable.env("HUMANAPI_STORE_URL", "redis://:canary@127.0.0.1:1/0");
    check(&run(&mut unreachable), 5, "store");
    let mut wrong = with("postgres");
    wrong.env("HUMANAPI_STORE_URL", "mysql://me:canary@127.0.0.1:1/x");
    check(&run(&mut wrong), 2, "postgres://");
    check(
        &place.run(&["store", "rotate-key", "--promote", "none"]),
        2,
        "none",
    );
    let elsewhere = format!("sqlite:{}", place.path("other.db"));
    let told = run(&mut with(&elsewhere));
    check(&told, 2, "store init");
    assert!(
        !Path::new(&place.path("other.db")).exists(),
        "asking makes no store"
    );
}

#[cfg(unix)]
#[test]
fn new_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::set_up();
    let mode = |place: &Place| {
        let file = std::fs::metadata(place.path("keys.txt")).expect("init made it");
        file.permissions().mode() & 0o777
    };
    assert_eq!(mode(&place), 0o600);
    place.run(&["store", "rotate-key", "--add", "second"]);
    assert_eq!(mode(&place), 0o600);
}
