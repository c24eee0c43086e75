//! A long file whose run is killed three times on its way: every order is placed, and none twice.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::{NAMES, World, counts, is_deep, json, line, no_canary};
use crate::running::Running;
use crate::support::{Run, ended};

/// What was begun is known to be there or not within seconds.
pub(super) const BRIEF: [&str; 5] = ["--timeout", "2s", "--absent-after", "1s", "--send-absent"];
/// More than a run of many orders may take beyond one of a few, in KiB. What grows with the file is a mark for each order.
const GROWTH: u64 = 16 * 1024;

fn orders() -> usize {
    if is_deep() { 10_000 } else { 1_000 }
}

/// A run that goes on, with its streams in pipes.
pub(super) fn begin(world: &World, file: &str, more: &[&str]) -> Child {
    let store = world.store();
    let given = ["orders", "submit", file, "--yes"];
    let words = [&given[..], &store.each(), more].concat();
    let mut command = world.command(&words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
        .spawn()
        .expect("the command was built for this test")
}

/// The most memory that a process had so far, in KiB.
fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Runs to the end; what it told, and the most memory that it had.
pub(super) fn to_the_end(mut child: Child) -> (Run, u64) {
    // What it prints fits into the pipes.
    let mut most = 0;
    while child.try_wait().expect("it is our own child").is_none() {
        most = most.max(peak(&child).unwrap_or(0));
        sleep(Duration::from_millis(5));
    }
    (ended(child), most)
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how much memory it took is the test's report"
)]
fn a_file_whose_run_is_killed_three_times_is_placed_whole_and_nothing_of_it_twice() {
    let count = orders();
    let world = World::open();
    let few = world.applicants("few.csv", &["few-1", "few-2", "few-3"]);
    let (told, base) = to_the_end(begin(&world, &few, &BRIEF));
    assert_eq!(told.code, Some(0), "{told:?}");
    let lines: String = (0..count)
        .map(|at| line(&format!("policy-{at:06}")))
        .collect();
    let file = world.file("many.csv", format!("{NAMES}\n{lines}"));
    for quarter in 1..=3 {
        let mut running = Running(begin(&world, &file, &BRIEF));
        let until = 3 + count * quarter / 4;
        while world.sandbox.control().ledger().len() < until {
            let left = running.0.try_wait().expect("it is our own child");
            assert!(left.is_none(), "it ended before it was killed: {left:?}");
            sleep(Duration::from_millis(2));
        }
        // SIGKILL: it is given no time to do anything more.
        running.0.kill().expect("it is our own child");
        running.0.wait().expect("it is our own child");
    }
    let results = world.path("done.csv");
    let (told, most) = to_the_end(begin(&world, &file, &BRIEF));
    no_canary(&told);
    // Some may have been under way for so long that the first run after it does not wait for them.
    let mut last = told;
    for _ in 0..3 {
        if last.code == Some(0) {
            break;
        }
        assert_eq!(last.code, Some(8), "{last:?}");
        last = to_the_end(begin(&world, &file, &BRIEF)).0;
    }
    assert_eq!(last.code, Some(0), "{last:?}");
    let billed = world.billed();
    let distinct: BTreeSet<&String> = billed.iter().collect();
    assert_eq!((billed.len(), distinct.len()), (count + 3, count + 3));

    let told = world.submit(&file, &["--results", &results]);
    assert_eq!(counts(&told), format!("already {count}, orders {count}"));
    assert_eq!(json(&told)["already"], count);
    assert_eq!(
        world.billed().len(),
        count + 3,
        "the same file once more sends nothing"
    );
    let written = std::fs::read_to_string(&results).unwrap();
    let in_order = written.lines().skip(1).enumerate();
    let in_order =
        in_order.filter(|(at, row)| row.starts_with(&format!("{},policy-{at:06},", at + 2)));
    assert_eq!(in_order.count(), count);
    if base > 0 {
        let growth = most.saturating_sub(base);
        println!(
            "{count} orders: {base} KiB with three, {most} KiB with all of them, {growth} KiB more"
        );
        assert!(
            growth < GROWTH,
            "{base} KiB with three orders, {most} KiB with {count}"
        );
    }
}

/// What is held of each is so many bytes that a file may be long.
#[test]
#[cfg(target_os = "linux")]
fn a_hundred_thousand_orders_are_looked_at_in_the_memory_of_a_mark_for_each() {
    // Few, and so many that what was held is seen before it is over.
    let (few, many, mark) = (5_000, 100_000, 96);
    let world = World::open();
    let look = |name: &str, count: usize| {
        let lines: String = (0..count)
            .map(|at| line(&format!("policy-{at:06}")))
            .collect();
        let file = world.file(name, format!("{NAMES}\n{lines}"));
        let mut command = world.command(&["orders", "submit", &file, "--dry-run"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let looking = command
            .spawn()
            .expect("the command was built for this test");
        let (told, most) = to_the_end(looking);
        assert_eq!(told.code, Some(0), "{told:?}");
        assert_eq!(json(&told)["orders"], count);
        most
    };
    let held = [look("few.csv", few), look("many.csv", many)];
    let growth = held[1].saturating_sub(held[0]) * 1024 / (many - few) as u64;
    assert!(growth < mark, "{growth} bytes for each: {held:?} KiB");
}
