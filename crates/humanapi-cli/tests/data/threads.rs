//! How many threads an export has, and what it says where it may not have the memory for them.

#[path = "../../src/room/threads.rs"]
#[expect(dead_code, reason = "the command has other verbs, too")]
mod promised;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{ended, run};
use crate::{data, sandbox};

/// Those for an object store, where there is none.
#[cfg(feature = "cloud")]
const CLOUD: usize = 5;
#[cfg(not(feature = "cloud"))]
const CLOUD: usize = 0;

/// One for Parquet, whose files have none while they are short.
#[cfg(feature = "parquet")]
const LONG_FILE: usize = 1;
#[cfg(not(feature = "parquet"))]
const LONG_FILE: usize = 0;

/// The threads that a process has now, by their names.
fn threads(process: u32) -> Option<BTreeMap<String, usize>> {
    let mut threads = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        // One that has ended meanwhile was there.
        let name = fs::read_to_string(thread.ok()?.path().join("comm")).unwrap_or_default();
        *threads.entry(name.trim().to_owned()).or_default() += 1;
    }
    Some(threads)
}

#[test]
fn an_export_has_no_more_threads_than_it_asks_for_first() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let out = place.path().join("out");
    let words = [
        "export",
        "--user",
        "ill",
        "--user",
        "odd",
        "--documents",
        "json",
        "--out",
    ];
    let words = [&words[..], &[out.to_str().unwrap()]].concat();
    let mut command = data(&sandbox, &words);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut most, mut most_own, mut seen) = (0, 0, BTreeMap::new());
    // Whoever ends it where it does not end has patience of its own.
    let patience = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() && Instant::now() < patience {
        let now = threads(child.id()).unwrap_or_default();
        // Whatever else there is, such as the stores, is not among these.
        let own = now.iter().filter(|(name, _)| name.starts_with("humanapi-"));
        let own: usize = own.map(|(_, count)| count).sum();
        // While it asks, they have the name of the command.
        if now.contains_key("humanapi-disk") {
            most = most.max(now.values().sum());
            if own > most_own {
                (most_own, seen) = (own, now);
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    let run = ended(child);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    // One that another one follows may not be seen beside it, or two of them while they end.
    let promised = humanapi_export::Export::THREADS - CLOUD - LONG_FILE;
    let likely = promised - 1..=promised + 2;
    assert!(likely.contains(&most_own), "{promised}: {seen:?}");
    // And the one that it begins with.
    assert!(most <= promised::EXPORT + 1, "{most}: {seen:?}");
}

#[test]
fn an_export_that_may_not_have_its_memory_says_so_before_it_begins() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let limited = |mib: usize, name: &str| {
        let out = place.path().join(name);
        let words = ["export", "--user", "ill", "--out", out.to_str().unwrap()];
        let command = data(&sandbox, &words);
        let mut limited = Command::new("sh");
        let shell = format!("ulimit -v {} && exec \"$@\"", mib * 1024);
        limited
            .args(["-c", &shell, "sh"])
            .arg(command.get_program());
        limited.args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        (run(&mut limited), out)
    };
    let needed = 64 * promised::EXPORT;
    for mib in [needed / 4, needed / 2, needed] {
        let (run, out) = limited(mib, "little");
        assert_eq!(run.code, Some(70), "{mib} MiB: {}", run.stderr);
        assert!(
            run.stderr.contains("enough memory"),
            "{mib} MiB: {}",
            run.stderr
        );
        assert!(!out.exists());
    }
    let (run, _) = limited(needed + 1024, "enough");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}
