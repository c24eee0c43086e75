//! The package `humanapi-spark`, whose tasks run this command: as its tools judge it, and on Spark before a sandbox.
//!
//! It needs Java, and a Python with the packages of `requirements.txt`, as `.ci/install` makes one.
#![cfg(all(
    unix,
    feature = "deidentify",
    feature = "parquet",
    feature = "store",
    feature = "sync",
    feature = "values"
))]

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use humanapi_core::data::{FieldKind, Operation, ROUTES};
use humanapi_sandbox::{DemoApp, Sandbox, Scenario};
use humanapi_testkit::servers::RedisServer;
use serde_json::{Value, json};
use support::{NO_PROFILES, VARIABLES, humanapi, run};
use tempfile::TempDir;

const MADE: &str = ".cache/humanapi/spark/bin/python";
/// A cluster of two executors of one core each, in place of two threads.
const CLUSTER: &str = "local-cluster[2,1,1024]";

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/humanapi-spark")
}

/// Runs a tool of Python's in the package, or skips the test where it is missing.
fn python(test: &str) -> Option<Command> {
    let named = std::env::var_os("HUMANAPI_SPARK_PYTHON").map(PathBuf::from);
    let made = std::env::var_os("HOME").map(|home| Path::new(&home).join(MADE));
    let runs = |command: &mut Command| command.output().is_ok_and(|told| told.status.success());
    let found = named.into_iter().chain(made).find(|python| {
        let imports = "import deltalake, duckdb, mypy, pyarrow, pyspark, pytest, ruff";
        runs(Command::new(python).args(["-c", imports]))
    });
    let (Some(python), true) = (found, runs(Command::new("java").arg("-version"))) else {
        humanapi_testkit::skip(test, "Java, or a Python with pyspark and deltalake");
        return None;
    };
    let mut command = Command::new(python);
    command
        .current_dir(package())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let told = command.output().expect("it is a program");
    let said = String::from_utf8_lossy(&told.stdout);
    let beside = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{said}\n{beside}");
}

#[test]
fn the_package_has_the_version_of_the_command_and_the_licences_of_all() {
    let project = std::fs::read_to_string(package().join("pyproject.toml")).expect("it is there");
    let line = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(project.lines().any(|own| own == line), "{line}");
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let read = |path: PathBuf| std::fs::read_to_string(path).expect("it is there");
        let of_all = read(package().join("../..").join(licence));
        assert_eq!(read(package().join(licence)), of_all, "{licence}");
    }
}

#[test]
fn the_package_is_formatted_linted_and_typed() {
    for words in [
        &["ruff", "format", "--check", "--no-cache"][..],
        &["ruff", "check", "--no-cache"],
        &["mypy"],
    ] {
        let Some(mut python) = python("the_package_is_formatted_linted_and_typed") else {
            return;
        };
        succeeds(python.arg("-m").args(words));
    }
}

/// A service with users, a store, and what else the tests in Python are told of.
struct World {
    sandbox: Sandbox,
    redis: RedisServer,
    folder: TempDir,
}

impl World {
    /// One whose clock runs, unless it is told where it stands still.
    fn start(test: &str, users: usize, stands_at: Option<SystemTime>) -> Option<Self> {
        let redis = RedisServer::start(test)?;
        let ids: Vec<String> = (0..users)
            .map(|number| format!("user-{number:03}"))
            .collect();
        let persona = |number: usize| match number % 12 {
            1 => r#""persona": "chronic", "sources": ["sandbox_clinic", "pulseband", "strider"]"#,
            2 => r#""persona": "odd", "sources": ["sandbox_clinic", "strider"]"#,
            3 => r#""persona": "empty", "sources": ["strider"]"#,
            4 => r#""status": "started""#,
            _ => r#""persona": "child", "sources": ["sandbox_clinic"]"#,
        };
        let people: Vec<String> = ids
            .iter()
            .enumerate()
            .map(|(number, id)| format!(r#"{{"client_user_id": "{id}", {}}}"#, persona(number)))
            .collect();
        let story = format!(r#"{{"users": [{}]}}"#, people.join(","));
        let scenario = Scenario::from_json(story.as_bytes()).expect("the scenario is right");
        let mut sandbox = Sandbox::builder()
            .seed(7)
            .scenario(scenario)
            .log_capacity(100_000);
        if let Some(instant) = stands_at {
            sandbox = sandbox.frozen_at(instant);
        }
        let sandbox = sandbox.start().expect("loopback has free ports");
        let folder = TempDir::new().expect("there is room for a folder");
        let world = Self {
            sandbox,
            redis,
            folder,
        };
        world.write("users.txt", &(ids.join("\n") + "\n"));
        world.write("key", &"7f".repeat(32));
        let keys = world.path("store.keys");
        let words = [
            "store",
            "init",
            "--store",
            "redis",
            "--new-keys",
            "--store-keys",
            &keys,
        ];
        let told = run(world.environment(&mut humanapi(words)));
        assert_eq!(told.code, Some(0), "{}{}", told.stdout, told.stderr);
        Some(world)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("there is room for a file");
    }

    fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let app = self.sandbox.app(DemoApp::Connect);
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command
            .env(NO_PROFILES.0, NO_PROFILES.1)
            .env("HUMANAPI_CLIENT_ID", app.client_id)
            .env("HUMANAPI_CLIENT_SECRET", app.client_secret)
            .env("HUMANAPI_STORE_URL", self.redis.url())
    }

    /// Runs tests in Python.
    fn pytest(&self, mut python: Command, master: &str, tests: &[&str]) {
        let told = json!({
            "base_url": self.sandbox.url(),
            "command": env!("CARGO_BIN_EXE_humanapi"),
            "key_file": self.path("key"),
            "master": master,
            "page": package().join("../../docs/on-a-cluster.md"),
            "routes": routes(),
            "store_keys": self.path("store.keys"),
            "users": self.path("users.txt"),
        });
        self.write("service.json", &told.to_string());
        python
            .args([
                "-m",
                "pytest",
                "--durations",
                "5",
                "-p",
                "no:cacheprovider",
                "--basetemp",
            ])
            .arg(self.path("tests"))
            .args(tests)
            .env("HUMANAPI_SPARK_SERVICE", self.path("service.json"));
        succeeds(self.environment(&mut python));
    }
}

/// What is exported, from where it is read, and which of its fields are numbers.
fn routes() -> Value {
    let exported = ROUTES
        .iter()
        .filter(|route| matches!(route.operation, Operation::List | Operation::Single));
    let told = exported.map(|route| {
        let numbers = route
            .fields
            .iter()
            .filter(|field| matches!(field.kind, FieldKind::Number));
        json!({
            "resource": route.name.trim_start_matches("data."),
            "path": route.path,
            "is_list": route.operation == Operation::List,
            "on_pages": route.on_pages,
            "numbers": numbers.map(|field| field.name).collect::<Vec<_>>(),
        })
    });
    told.collect()
}

#[test]
fn spark_reads_and_lands_what_the_service_has_and_every_reader_reads_it() {
    let name = "spark_reads_and_lands_what_the_service_has_and_every_reader_reads_it";
    // What is summed up of a day changes with its hours, and is held against what there was some minutes before.
    let stands_at = Some(SystemTime::now());
    let (Some(python), Some(world)) = (python(name), World::start(name, 18, stands_at)) else {
        return;
    };
    world.pytest(
        python,
        "local[2]",
        // The last one moves the clock, and so changes what the others found.
        &[
            "tests/test_command.py",
            "tests/test_claim.py",
            "tests/test_spark.py",
            "tests/test_drift.py",
        ],
    );
}

#[test]
fn an_executor_that_is_killed_loses_and_doubles_nothing_and_the_one_rate_is_kept() {
    let name = "an_executor_that_is_killed_loses_and_doubles_nothing_and_the_one_rate_is_kept";
    let (Some(python), Some(world)) = (python(name), World::start(name, 120, None)) else {
        return;
    };
    world.pytest(python, CLUSTER, &["tests/test_cluster.py"]);
}
