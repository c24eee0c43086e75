//! At a terminal: how many billable orders it is, and nothing without a yes.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use humanapi_sandbox::DemoApp;
use pty_process::blocking::Pty;
use rustix::process::{Pid, Signal, kill_process};

use super::terminal_support::{begin, echoes, rest};
use super::{World, says_nothing};

/// What stands on the terminal in the end, and the code.
fn at_terminal(world: &World, file: &str, answer: &str) -> (String, Option<i32>) {
    changed_meanwhile(world, file, answer, || {})
}

/// The same, where this happens while the command waits for the answer.
fn changed_meanwhile(
    world: &World,
    file: &str,
    answer: &str,
    change: impl FnOnce(),
) -> (String, Option<i32>) {
    let app = world.sandbox.app(DemoApp::Hip);
    let store = world.store();
    let words = [
        &["orders", "submit", file, "--base-url", world.sandbox.url()][..],
        &store.each(),
    ]
    .concat();
    let set = [
        ("HUMANAPI_CLIENT_ID", app.client_id.as_str()),
        ("HUMANAPI_CLIENT_SECRET", app.client_secret.as_str()),
        ("NO_COLOR", "1"),
    ];
    let (pty, mut child) = begin(words, set);
    let mut said = until(&pty, |said| said.contains("Type yes to go on: "));
    change();
    if !answer.is_empty() {
        (&pty).write_all(answer.as_bytes()).expect("it listens");
    }
    rest(&pty, |bytes| said.extend_from_slice(bytes));
    let code = child.wait().expect("it is our own child").code();
    let said = String::from_utf8_lossy(&said).replace('\r', "");
    says_nothing(&said);
    world.no_canary_lies_here();
    (said, code)
}

/// What is said until this is so of it, or until the end.
fn until(mut pty: &Pty, is_so: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut said = Vec::new();
    let mut bytes = [0; 4096];
    while !is_so(&String::from_utf8_lossy(&said)) {
        let Ok(read @ 1..) = pty.read(&mut bytes) else {
            break;
        };
        said.extend_from_slice(&bytes[..read]);
    }
    said
}

/// The prompt watches for signals, too, and leaves them to the run once there is one.
#[test]
fn a_run_whose_secret_was_typed_is_stopped_as_any_other() {
    let count = 400;
    let world = World::open();
    let names: Vec<String> = (0..count).map(|at| format!("policy-{at:06}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let file = world.applicants("many.csv", &names);
    let app = world.sandbox.app(DemoApp::Hip);
    let store = world.store();
    let given = ["orders", "submit", &file, "--yes", "--at-once", "1"];
    let words = [
        &given[..],
        &["--base-url", world.sandbox.url()],
        &store.each(),
    ]
    .concat();
    let set = [
        ("HUMANAPI_CLIENT_ID", app.client_id.as_str()),
        ("NO_COLOR", "1"),
    ];
    let (pty, mut child) = begin(words, set);
    let mut said = until(&pty, |said| said.contains("(not shown)") && !echoes(&pty));
    let typed = format!("{}\n", app.client_secret);
    (&pty).write_all(typed.as_bytes()).expect("it listens");
    let said = std::thread::scope(|scope| {
        let reads = scope.spawn(|| {
            rest(&pty, |bytes| said.extend_from_slice(bytes));
            String::from_utf8_lossy(&said).replace('\r', "")
        });
        while world.billed().is_empty() {
            assert!(child.try_wait().expect("it is our own child").is_none());
            std::thread::sleep(Duration::from_millis(5));
        }
        kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
        reads.join().expect("it reads to the end")
    });
    let code = child.wait().expect("it is our own child").code();
    says_nothing(&said);
    assert!(!said.contains(&app.client_secret), "{said}");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("error: it was stopped, and "), "{said}");
    assert!(world.billed().len() < count, "{said}");
}

#[test]
fn somebody_is_asked_and_told_how_many_billable_orders_it_is() {
    let world = World::open();
    let file = world.applicants("new.csv", &["a", "b"]);
    let (said, code) = at_terminal(&world, &file, "no\n");
    assert!(
        said.contains("This places 2 billable orders at http://127.0.0.1:"),
        "{said}"
    );
    assert!(
        said.contains("it was not confirmed; nothing was sent"),
        "{said}"
    );
    assert_eq!((code, world.billed().len()), (Some(2), 0));

    let (said, code) = at_terminal(&world, &file, "yes\n");
    assert_eq!((code, world.billed().len()), (Some(0), 2), "{said}");
    assert!(said.contains("placed") && said.contains('│'), "{said}");

    let file = world.applicants("more.csv", &["a", "b", "c"]);
    let (said, _) = at_terminal(&world, &file, "no\n");
    assert!(said.contains("2 were placed before.\n"), "{said}");
    assert!(said.contains("This places 1 billable order at"), "{said}");
    let (said, code) = at_terminal(&world, &world.applicants("same.csv", &["a"]), "");
    assert!(
        code == Some(0) && !said.contains("Type yes"),
        "nothing is to be placed: {said}"
    );
}

#[test]
fn what_changed_since_it_was_checked_is_not_sent_and_what_is_gone_is_told() {
    let world = World::open();
    let file = world.applicants("new.csv", &["a", "b", "c"]);
    let changed = world.applicants("changed.csv", &["a", "b", "c"]);
    let text = std::fs::read_to_string(&changed).unwrap();
    let (_, other) = text.split_at(text.find("\nb,").unwrap());
    // The same intent, for an order that asks for something else.
    let change = text.replace(other, &other.replacen("02134", "02139", 1));
    let (said, code) = changed_meanwhile(&world, &file, "yes\n", || {
        std::fs::write(&file, change).unwrap();
    });
    assert!(
        said.contains("the file changed while it was read, at line 3: nothing is sent that was"),
        "{said}"
    );
    // Not 2, which says that nothing was sent.
    assert_eq!((code, world.billed()), (Some(70), vec!["a".to_owned()]));

    let file = world.applicants("short.csv", &["d", "e"]);
    let (said, code) = changed_meanwhile(&world, &file, "yes\n", || {
        world.applicants("short.csv", &["d"]);
    });
    assert!(
        said.contains("1 are left: the file changed while it was read, at its end"),
        "{said}"
    );
    assert_eq!(
        (code, world.billed()),
        (Some(70), vec!["a".to_owned(), "d".to_owned()])
    );
}
