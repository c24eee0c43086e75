//! Too few handles, threads and memory, and streams that are closed or full.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use humanapi_sandbox::{DemoApp, Sandbox};

use crate::support::run;
use crate::{attack, check, command, is_deep, under};

/// A token from a sandbox, without limits.
fn token(sandbox: &Sandbox) -> Command {
    let app = sandbox.app(DemoApp::Hip);
    let mut command = command(&["token", "client", "--base-url", sandbox.url()]);
    command
        .env("HUMANAPI_CLIENT_ID", &app.client_id)
        .env("HUMANAPI_CLIENT_SECRET", &app.client_secret);
    command
}

#[test]
fn with_too_few_handles_it_says_so() {
    let sandbox = Sandbox::start().expect("loopback has free ports");
    let counts: Vec<u32> = match is_deep() {
        true => (4..80).collect(),
        false => vec![4, 5, 6, 8, 10, 16, 24, 32, 40, 44, 60],
    };
    for handles in counts {
        let shell = format!("ulimit -n {handles} && exec \"$@\"");
        let name = format!("{handles} handles");
        attack(&name, under(&shell, &token(&sandbox)), &[0, 70]);
        attack(&name, under(&shell, &command(&["demo"])), &[0, 70]);
    }
    let few = run(&mut under(
        "ulimit -n 4 && exec \"$@\"",
        &command(&["demo"]),
    ));
    let told = &few.stderr;
    assert_eq!(few.code, Some(70));
    assert!(told.contains("enough open files"), "{told}");
}

#[test]
fn with_too_little_memory_it_says_so() {
    let sandbox = Sandbox::start().expect("loopback has free ports");
    // Below the first, the system itself cannot load the program.
    let sizes: Vec<u32> = match is_deep() {
        true => (120_000..1_200_000).step_by(10_000).collect(),
        false => vec![120_000, 200_000, 300_000, 500_000, 650_000, 800_000],
    };
    for size in sizes {
        let shell = format!("ulimit -v {size} && exec \"$@\"");
        let name = format!("{size} KiB");
        for command in [token(&sandbox), command(&["demo"])] {
            let ended = run(&mut under(&shell, &command));
            check(&name, &ended, &[0, 70]);
            // And no other limit is blamed.
            let says_so = ended.stderr.contains("enough memory");
            assert_eq!(says_so, ended.code == Some(70), "{name}: {}", ended.stderr);
        }
    }
    let little = run(&mut under(
        "ulimit -v 120000 && exec \"$@\"",
        &command(&["demo"]),
    ));
    let told = &little.stderr;
    assert_eq!(little.code, Some(70), "{told}");
    let enough = run(&mut under(
        "ulimit -v 1500000 && exec \"$@\"",
        &command(&["demo"]),
    ));
    assert_eq!(enough.code, Some(0), "{}", enough.stderr);
}

/// The program where every user may run it, which a folder of somebody's own does not allow.
fn for_anybody() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let everybody = Permissions::from_mode(0o755);
    fs::set_permissions(folder.path(), everybody).expect("it is the test's own");
    let program = folder.path().join("humanapi");
    fs::copy(env!("CARGO_BIN_EXE_humanapi"), &program).expect("there is room for the program");
    (folder, program)
}

#[test]
fn with_too_few_threads_it_says_so() {
    let is_root = run(Command::new("id").arg("-u")).stdout == "0\n";
    let anybodys = is_root.then(for_anybody);
    for threads in [2, 3, 4, 6] {
        // Shells differ in the letter.
        let limit = format!("ulimit -u {threads} 2>/dev/null || ulimit -p {threads}");
        let program = match &anybodys {
            Some((_, copy)) => format!("shift && exec '{}'", copy.display()),
            None => "exec".into(),
        };
        let shell = format!("{{ {limit}; }} && {program} \"$@\"");
        let mut limited = under(&shell, &command(&["demo"]));
        if anybodys.is_some() {
            // Root has no such limit, so somebody else runs it, who runs nothing else.
            limited.uid(64_000 + threads);
        }
        let name = format!("{threads} threads");
        let ended = run(&mut limited);
        check(&name, &ended, &[0, 70]);
        if threads == 2 {
            let told = &ended.stderr;
            assert!(
                ended.code == Some(70) && told.contains("enough threads"),
                "{told}"
            );
        }
    }
}

#[test]
fn streams_may_be_closed_or_full() {
    let sandbox = Sandbox::start().expect("loopback has free ports");
    for streams in [
        "<&-",
        ">&-",
        "2>&-",
        "<&- >&-",
        "<&- >&- 2>&-",
        ">/dev/full",
        "2>/dev/full",
    ] {
        let shell = format!("exec \"$@\" {streams}");
        for command in [
            command(&["--help"]),
            command(&["completions", "bash"]),
            command(&["demo"]),
            command(&["token", "client", "--base-url", "nonsense"]),
            token(&sandbox),
        ] {
            let name = format!("{:?} {streams}", command.get_args().next());
            attack(&name, under(&shell, &command), &[0, 2, 70]);
        }
        let sandbox = command(&["sandbox", "--json"]);
        let shell =
            format!("timeout -s INT 1 \"$@\" {streams}; code=$?; [ $code = 124 ] || exit $code");
        attack(
            &format!("sandbox {streams}"),
            under(&shell, &sandbox),
            &[0, 70],
        );
    }
    let shell = "\"$@\" | head -c 1 >/dev/null";
    for command in [
        command(&["--help"]),
        command(&["completions", "zsh"]),
        command(&["demo"]),
    ] {
        attack("a reader that stops early", under(shell, &command), &[0]);
    }
}
