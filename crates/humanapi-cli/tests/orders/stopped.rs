//! A run that is stopped on its way, and what it tells until then.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr};
use std::time::Duration;

use humanapi_core::http::Method;
use humanapi_sandbox::Fault;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::crash::begin;
use super::{NAMES, World, counts, fails, json, line, says_nothing};
use crate::support::{Run, ended};

/// A run whose standard error is read while it goes on.
struct Heard {
    child: Child,
    lines: BufReader<ChildStderr>,
    said: String,
}

impl Heard {
    fn begin(world: &World, file: &str, more: &[&str]) -> Self {
        let mut child = begin(world, file, more);
        let lines = BufReader::new(child.stderr.take().expect("it is a pipe"));
        let said = String::new();
        Self { child, lines, said }
    }

    /// The next line.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("a pipe can be read");
        self.said.push_str(&line);
        (read > 0).then_some(line)
    }

    /// Waits for a line that says this.
    fn until(&mut self, said: &str) -> String {
        loop {
            let line = self.line();
            let line = line.unwrap_or_else(|| panic!("it never says {said}: {}", self.said));
            if line.contains(said) {
                return line;
            }
        }
    }

    /// As Ctrl-C does.
    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it runs");
    }

    fn ended(mut self) -> Run {
        while self.line().is_some() {}
        let Run { code, stdout, .. } = ended(self.child);
        let stderr = self.said;
        says_nothing(&stdout);
        says_nothing(&stderr);
        Run {
            code,
            stdout,
            stderr,
        }
    }
}

fn many(world: &World, count: usize) -> String {
    let lines = (0..count).map(|at| line(&format!("policy-{at:06}")));
    let lines: String = lines.collect();
    world.file("many.csv", format!("{NAMES}\n{lines}"))
}

/// What was begun comes to its end, the rest is not begun, and the same command goes on with it.
#[test]
fn a_run_tells_how_far_it_is_and_when_it_is_stopped_begins_no_more_orders() {
    let count = 400;
    let world = World::open();
    let file = many(&world, count);
    let slowly = ["--at-once", "1", "--progress-every", "100ms"];
    let mut running = Heard::begin(&world, &file, &slowly);
    let told: Value = serde_json::from_str(&running.until("progress")).expect("a line of JSON");
    let far = &told["progress"];
    assert_eq!(
        (&far["unit"], &far["total"]),
        (&"orders".into(), &count.into())
    );
    let done = far["done"].as_u64().expect("a number");
    assert_eq!(far["counts"]["placed"], done, "{told}");
    running.interrupt();
    running.until("note: no more orders are begun; once more ends it at once");
    let told = running.ended();
    assert_eq!(told.code, Some(130), "{told:?}");
    let last: Vec<&str> = told.stderr.lines().rev().take(2).collect();
    assert!(
        last[1].starts_with("error: it was stopped, and ")
            && last[0] == "help: run the same again: what was placed is not sent again",
        "{told:?}"
    );
    let placed = world.billed().len();
    assert!(placed < count && placed as u64 >= done, "{placed}");
    assert_eq!(json(&told)["placed"], placed, "{told:?}");
    let rest = world.submit(&file, &[]);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert_eq!(json(&rest)["already"], placed);
    assert_eq!(world.billed().len(), count);
}

/// As after a crash: what was under way may be placed, and is looked for.
#[test]
fn a_run_that_is_stopped_twice_ends_at_once_and_says_what_it_does_not_know() {
    let world = World::open();
    let file = many(&world, 10);
    let control = world.sandbox.control();
    let stuck = Fault::delay(Duration::from_secs(600)).on_path("/api/v1/users");
    let stuck = stuck.on_method(Method::POST);
    let results = world.path("done.csv");
    control.plan_fault(stuck.times(1)).expect("it is a fault");
    // A call has longer than the command goes on.
    let more = [
        "--timeout",
        "10m",
        "--at-once",
        "1",
        "--progress-every",
        "100ms",
        "--results",
        &results,
    ];
    let mut running = Heard::begin(&world, &file, &more);
    while world.billed().is_empty() {
        running.until("progress");
    }
    running.interrupt();
    running.until("once more ends it at once");
    running.interrupt();
    let told = running.ended();
    assert_eq!(told.code, Some(8), "{told:?}");
    assert_eq!(counts(&told), "not_tried 9, orders 10, unknown 1");
    assert!(
        told.stderr.contains(
            "\nhelp: run the same again later, which looks for them and sends none of them again"
        ),
        "{told:?}"
    );
    assert_eq!(world.billed(), ["policy-000000"]);
    let rows = std::fs::read_to_string(results).expect("it is there");
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(
        rows[0].starts_with("2,policy-000000,policy-000000/full,unknown,,"),
        "{rows:?}"
    );
}

/// What is sent is what was checked: a paper that is another one by then is not sent, and nor is anything after it.
#[test]
fn a_paper_that_changed_since_it_was_checked_is_told_and_not_sent() {
    let larger = format!("%PDF-1.7 {}", " ".repeat(16 * 1024 * 1024));
    let changed = "a file changed since it was checked";
    for (now, told_as, remedy) in [
        (Some("%PDF-1.7 two"), changed, "nobody writes to it"),
        (Some("%PDF-1.7 and more"), changed, "nobody writes to it"),
        (Some("is no paper"), changed, "nobody writes to it"),
        (Some(&*larger), changed, "nobody writes to it"),
        (None, "cannot read a file", "put it back"),
    ] {
        let world = World::open();
        let papers = ["1.pdf", "2.pdf"].map(|name| world.file(name, "%PDF-1.7 one"));
        let line = |at: usize| format!("{},{at}.pdf\n", line(&format!("policy-{at}")).trim_end());
        let text = format!("{NAMES},attachments.0.path\n{}{}", line(1), line(2));
        let file = world.file("new.csv", text);
        let slow = Fault::delay(Duration::from_secs(2)).on_method(Method::POST);
        let slow = slow.on_path("/api/v1/users").times(1);
        world
            .sandbox
            .control()
            .plan_fault(slow)
            .expect("it is a fault");
        let more = ["--at-once", "1", "--progress-every", "100ms"];
        let mut running = Heard::begin(&world, &file, &more);
        while world.billed().is_empty() {
            running.until("progress");
        }
        match now {
            Some(text) => std::fs::write(&papers[1], text),
            None => std::fs::remove_file(&papers[1]),
        }
        .expect("it is ours");
        let told = running.ended();
        fails(&told, 70, told_as, remedy);
        assert_eq!(counts(&told), "not_placed 1, orders 2, placed 1");
        assert_eq!(world.billed(), ["policy-1"]);
    }
}
