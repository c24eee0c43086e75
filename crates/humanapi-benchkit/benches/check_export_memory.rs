//! Holds the memory that a million records take above what a page of them takes: each format, and a synchronization.
//!
//! Each is a process of its own, whose peak Linux tells. Elsewhere the check is skipped.

mod million;

use std::fs;
use std::future::pending;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use humanapi_benchkit::lists::PAGE;
use humanapi_benchkit::{Server, failed, serve_if_asked, skip};
use humanapi_client::MemoryCursorStore;
use humanapi_export::{Format, Synchronization};
use million::{MILLION, OF_A_USER, activities, client, exported, ids, runtime};

/// Where Linux tells what a process takes.
const STATUS: &str = "/proc/self/status";
/// Of memory above the program's base, in KiB.
const AT_MOST: u32 = 64 * 1024;
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

fn main() -> ExitCode {
    serve_if_asked();
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let ended = match arguments.next() {
        Some(by) => in_this_process(&by, &mut arguments).map(|()| ExitCode::SUCCESS),
        None => check(),
    };
    ended.unwrap_or_else(|error| failed(&error))
}

fn check() -> anyhow::Result<ExitCode> {
    if !Path::new(STATUS).exists() {
        return skip("check_export_memory", STATUS);
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "peak memory in MiB: a page, {MILLION} records, what is more"
    )?;
    let mut broken = false;
    for (by, users) in WORKS {
        let base = peak_of(by, ONE, PAGE)?;
        let peak = peak_of(by, users, MILLION / users)?;
        let more = peak.saturating_sub(base);
        let is_kept = more <= AT_MOST;
        broken |= !is_kept;
        let verdict = if is_kept { "ok    " } else { "BROKEN" };
        let [base, peak, more] = [base, peak, more].map(|kib| f64::from(kib) / 1024.0);
        writeln!(
            out,
            "{verdict} {by:<8} {users:>4} users {base:>7.1} {peak:>7.1} {more:>7.1}, at most {}",
            AT_MOST / 1024
        )?;
    }
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The most memory that a process takes for so many users, in KiB.
fn peak_of(by: &str, users: u32, of_a_user: u32) -> anyhow::Result<u32> {
    let server = Server::of_lists(of_a_user, Duration::ZERO)?;
    let output = Command::new(std::env::current_exe()?)
        .args([by, server.url(), &users.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

/// Reads what there is of so many users, and says the most memory that this process took.
fn in_this_process(by: &str, left: &mut impl Iterator<Item = String>) -> anyhow::Result<()> {
    let url = left.next().context("where?")?;
    let users = left.next().context("how many users?")?.parse()?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    match by {
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
