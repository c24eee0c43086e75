//! The memory that a million records take above what a page of them takes: each format, and a synchronization.
//!
//! Each is a process of its own, whose peak Linux tells. Elsewhere the check is skipped.

use std::fmt::Write as _;
use std::fs;
use std::future::pending;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use humanapi_benchkit::lists::PAGE;
use humanapi_benchkit::{Server, Verdict, skip};
use humanapi_client::MemoryCursorStore;
use humanapi_export::{Format, Synchronization};

use crate::million::{MILLION, OF_A_USER, activities, client, exported, ids, runtime};

/// Where Linux tells what a process takes.
const STATUS: &str = "/proc/self/status";
/// Of memory above the program's base, in KiB.
const AT_MOST: u32 = 64 * 1024;
const READ: &str = "--read";
const SYNC: &str = "sync";
const ONE: u32 = 1;
const MANY: u32 = MILLION / OF_A_USER;
/// By what, and of how many users. The list of a single user does not find room and waits in a file.
const WORKS: [(&str, u32); 6] = [
    ("ndjson", ONE),
    ("ndjson", MANY),
    ("csv", MANY),
    ("parquet", MANY),
    ("arrow", MANY),
    (SYNC, MANY),
];

/// Whether this process is to read what is there and to say the most memory that it took, and how that went.
pub(crate) fn if_asked() -> Option<anyhow::Result<()>> {
    let mut arguments = std::env::args().skip(1);
    let is_asked = arguments.next().as_deref() == Some(READ);
    is_asked.then(|| in_this_process(&mut arguments))
}

/// Holds each work to its bound.
pub(crate) fn check() -> anyhow::Result<Verdict> {
    if !Path::new(STATUS).exists() {
        let skipped = skip("memory of a million records", STATUS)?;
        return Ok((String::new(), skipped == ExitCode::SUCCESS));
    }
    let mut told = format!("peak memory in MiB: a page, {MILLION} records, what is more\n");
    let mut all_kept = true;
    for (by, users) in WORKS {
        let base = peak_of(by, ONE, PAGE)?;
        let peak = peak_of(by, users, MILLION / users)?;
        let more = peak.saturating_sub(base);
        let is_kept = more <= AT_MOST;
        all_kept &= is_kept;
        let verdict = if is_kept { "ok    " } else { "BROKEN" };
        let [base, peak, more] = [base, peak, more].map(|kib| f64::from(kib) / 1024.0);
        writeln!(
            told,
            "{verdict} {by:<8} {users:>4} users {base:>7.1} {peak:>7.1} {more:>7.1}, at most {}",
            AT_MOST / 1024
        )?;
    }
    Ok((told, all_kept))
}

/// The most memory that a process takes for so many users, in KiB.
fn peak_of(by: &str, users: u32, of_a_user: u32) -> anyhow::Result<u32> {
    let server = Server::of_lists(of_a_user, Duration::ZERO)?;
    let output = Command::new(std::env::current_exe()?)
        .args([READ, by, server.url(), &users.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

/// Reads what there is of so many users, and says the most memory that this process took.
fn in_this_process(left: &mut impl Iterator<Item = String>) -> anyhow::Result<()> {
    let by = left.next().context("by what?")?;
    let url = left.next().context("where?")?;
    let users = left.next().context("how many users?")?.parse()?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    match by.as_str() {
        SYNC => synchronized(&url, users, folder.path())?,
        format => exported(&url, format.parse::<Format>()?, users, folder.path())?,
    }
    let status = fs::read_to_string(STATUS)?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.split_whitespace().next());
    writeln!(io::stdout(), "{}", peak.context("Linux tells it")?)?;
    Ok(())
}

fn synchronized(url: &str, users: u32, folder: &Path) -> anyhow::Result<()> {
    let cursors = Arc::new(MemoryCursorStore::new());
    let run = Synchronization::new(client(url)?, cursors).with_resources(activities());
    let summary = runtime()?.block_on(run.run(ids(users), folder, pending()))?;
    ensure!(summary.whole, "{summary:?}");
    Ok(())
}
