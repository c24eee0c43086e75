//! What "Testing your application" says for continuous integration: its recipes are read as a forge reads them, and what
//! they run is run here.
#![cfg(all(unix, feature = "demo", feature = "sandbox", feature = "token"))]

mod support;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use humanapi_testkit::skip;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use support::{NO_PROFILES, VARIABLES, ended, humanapi, run};

const PAGE: &str = include_str!("../../../docs/testing-your-application.md");

/// The blocks of a language, in the order of the page.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let mut pieces = PAGE.split(fence.as_str());
    pieces.next();
    pieces
        .filter_map(|piece| Some(piece.split_once("\n```")?.0))
        .collect()
}

/// What the steps of a recipe run, wherever they stand in it.
fn scripts(of: &Value, found: &mut Vec<String>) {
    match of {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("run", Value::String(script)) => found.push(script.clone()),
                    ("script", Value::Array(lines)) => {
                        let lines = lines.iter().filter_map(Value::as_str);
                        found.extend(lines.map(str::to_owned));
                    }
                    _ => scripts(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| scripts(item, found)),
        _ => {}
    }
}

/// What all recipes of the page run.
fn all() -> Vec<String> {
    let mut found = Vec::new();
    for block in blocks("yaml") {
        let recipe: Value = serde_saphyr::from_str(block).expect("it is YAML");
        scripts(&recipe, &mut found);
    }
    found
}

/// Ends what a script left behind, as the end of a job does.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // Where all of it has ended there is nobody to tell.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// What the recipes run besides the command and the application. A Mac has no `timeout`.
const PROGRAMS: [&str; 5] = ["bash", "jq", "sh", "sleep", "timeout"];

/// Where a program lies, if it is here.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

/// A script as a forge runs it, in this folder. On its path are the command and what the folder `bin` has, so that it
/// runs nothing that was not looked for.
fn bash(folder: &Path, script: &str) -> Command {
    let command = Path::new(env!("CARGO_BIN_EXE_humanapi"));
    let folders = [
        folder.join("bin"),
        command.parent().expect("it lies in a folder").to_owned(),
    ];
    let path = std::env::join_paths(folders);
    let file = folder.join("step.sh");
    fs::write(&file, script).expect("there is room");
    let mut bash = Command::new("bash");
    bash.arg("-e").arg(file);
    for variable in VARIABLES {
        bash.env_remove(variable);
    }
    // No pipe: what goes on in the background would keep it open.
    let said = fs::File::create(folder.join("said")).expect("there is room");
    bash.current_dir(folder)
        .stderr(said)
        .env(NO_PROFILES.0, NO_PROFILES.1)
        .env("PATH", path.expect("no folder has a colon in its name"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    bash
}

#[test]
fn each_line_that_a_recipe_runs_is_run_by_a_test() {
    let all = all();
    let (beside, alone): (Vec<_>, Vec<_>) = all.iter().partition(|script| script.contains('\n'));
    // The first two are in the tests of the facade's first programs, the third in those of releases.
    assert_eq!(
        alone,
        [
            "cargo test --locked",
            "cargo test --locked",
            "cargo install --locked humanapi-cli"
        ]
    );
    assert_eq!(beside.len(), 1, "one is run below: {beside:?}");
}

#[test]
fn an_application_is_tested_beside_the_command_as_the_page_says() {
    let folder = tempfile::tempdir().expect("there is room");
    let folder = folder.path();
    fs::create_dir(folder.join("bin")).expect("there is room");
    for name in PROGRAMS {
        let Some(found) = program(name) else {
            return skip(
                "an_application_is_tested_beside_the_command_as_the_page_says",
                name,
            );
        };
        symlink(found, folder.join("bin").join(name)).expect("there is room");
    }
    let all = all();
    let script = all.iter().find(|script| script.contains('\n'));
    let script = script.expect("one recipe has several lines");
    assert!(
        script.lines().last().is_some_and(|line| line == "npm test"),
        "{script}"
    );

    // In place of an application's tests: whether its variables lead to a service that knows the application.
    let npm = folder.join("bin/npm");
    fs::write(
        &npm,
        "#!/bin/sh\n[ \"$1\" = test ] && humanapi token session --user p17\n",
    )
    .expect("there is room");
    fs::set_permissions(&npm, fs::Permissions::from_mode(0o700)).expect("it is ours");
    // The page's port may be taken here.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    let port = free.expect("there is a free port").port().to_string();
    let script = script.replace("8080", &port);

    let mut step = bash(folder, &script);
    let step = step.process_group(0).spawn().expect("bash is here");
    let id = i32::try_from(step.id()).ok().and_then(Pid::from_raw);
    let _sandbox = Group(id.expect("it runs"));
    let told = ended(step);
    let said = || fs::read_to_string(folder.join("said")).expect("it was made");
    assert_eq!(told.code, Some(0), "{told:?} {}", said());
    assert!(told.stdout.contains("st-"), "{told:?}");

    // What another step does, up to what goes on until it is ended.
    let shells = blocks("sh");
    let other = shells.last().expect("it stands on the page");
    let (other, follows) = other.rsplit_once('\n').expect("it has several lines");
    assert_eq!(follows, "humanapi sandbox logs --follow");
    let url = format!("http://127.0.0.1:{port}");
    let told = run(bash(folder, other).env("HUMANAPI_SANDBOX_URL", &url));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    // And what was asked of the sandbox is what it logs.
    let told = run(humanapi(["sandbox", "logs"]).env("HUMANAPI_SANDBOX_URL", &url));
    assert!(told.stdout.contains("/v1/connect/token"), "{told:?}");
}
