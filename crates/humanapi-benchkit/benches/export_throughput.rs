//! Times exports against a bare client that reads the same pages and writes their bytes, in turns; then a slow service;
//! then what memory a million records take.
//!
//! The bare client has as many requests out, keeps one file for all, and waits once until that is on the disk: it names no
//! user, hashes nothing, looks at no record, and is not safe to kill.
//!
//! Where the disk is busy, it decides how quick all of them are; so the same is timed once more in a folder in memory, where
//! waiting for a disk takes no time.

use std::fs::{self, File};
use std::future::pending;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Empty};
use humanapi_benchkit::exchange::{CLIENT_ID, CLIENT_SECRET};
use humanapi_benchkit::lists::PAGE;
use humanapi_benchkit::{Contender, Load, Outcome, Race, Server, serve_if_asked};
use humanapi_client::Client;
use humanapi_core::{Credentials, Hosts, Provisioning};
use humanapi_export::{Export, Format};
use humanapi_hyper::HyperTransport;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::{Builder, Runtime};

const MILLION: u32 = 1_000_000;
/// Records of each user where there are many.
const OF_A_USER: u32 = 5_000;
const PAGES_OF_A_USER: u32 = OF_A_USER / PAGE;
const ROUNDS: usize = 5;
/// Lists that are read at once.
const AT_ONCE: u32 = 16;
/// A folder that is in memory, where there is one.
const IN_MEMORY: &str = "/dev/shm";
const FORMATS: [(&str, Format); 4] = [
    ("NDJSON", Format::Ndjson),
    ("CSV", Format::Csv),
    ("Parquet", Format::Parquet),
    ("Arrow", Format::Arrow),
];

fn main() -> anyhow::Result<()> {
    serve_if_asked();
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    if let Some(name) = arguments.next() {
        return of_one_process(&name, &mut arguments);
    }
    let disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
    speed("a million records, on the disk", disk)?;
    if Path::new(IN_MEMORY).is_dir() {
        speed("a million records, in memory", Path::new(IN_MEMORY))?;
    }
    slow_service(disk)?;
    memory(disk)
}

/// Where all are as quick as they can be.
fn speed(title: &'static str, within: &Path) -> anyhow::Result<()> {
    const USERS: u32 = MILLION / OF_A_USER;
    let server = Server::of_lists(OF_A_USER, Duration::ZERO)?;
    let export = |format| {
        let url = server.url();
        move |_: Load| timed(within, USERS, |folder| exported(url, format, USERS, folder))
    };
    let contenders = [
        Contender::new("export, NDJSON", export(Format::Ndjson)),
        Contender::new("export, CSV", export(Format::Csv)),
        Contender::new("export, Parquet", export(Format::Parquet)),
        Contender::new("export, Arrow", export(Format::Arrow)),
        Contender::new("bare, as many at once", |_| {
            timed(within, USERS, |folder| {
                bare(server.url(), USERS, AT_ONCE, folder)
            })
        }),
    ];
    let pages = Load::in_sequence(USERS * PAGES_OF_A_USER);
    Race::new(title, pages, &contenders)
        .with_rounds(ROUNDS)
        .run()
}

/// Where each page takes 20 ms.
fn slow_service(within: &Path) -> anyhow::Result<()> {
    const USERS: u32 = 40;
    let server = Server::of_lists(OF_A_USER, Duration::from_millis(20))?;
    let contenders = [
        Contender::new("export, NDJSON", |_| {
            timed(within, USERS, |folder| {
                exported(server.url(), Format::Ndjson, USERS, folder)
            })
        }),
        Contender::new("export, Parquet", |_| {
            timed(within, USERS, |folder| {
                exported(server.url(), Format::Parquet, USERS, folder)
            })
        }),
        Contender::new("bare, in sequence", |_| {
            timed(within, USERS, |folder| bare(server.url(), USERS, 1, folder))
        }),
    ];
    let pages = Load::in_sequence(USERS * PAGES_OF_A_USER);
    Race::new("pages that take 20 ms each", pages, &contenders)
        .with_rounds(3)
        .run()
}

/// The most memory that a process takes for a million records, beside the same for a page of them.
fn memory(within: &Path) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "\npeak memory of a process, in MiB: a page, {MILLION} records, what is more"
    )?;
    let shapes = [("one user", 1), ("200 users", 200)];
    for (name, format) in FORMATS {
        for (shape, users) in shapes {
            let base = peak_of(within, format, 1, PAGE)?;
            let peak = peak_of(within, format, users, MILLION / users)?;
            let (base, peak) = (f64::from(base) / 1024.0, f64::from(peak) / 1024.0);
            let name = format!("{name}, {shape}");
            writeln!(
                out,
                "{name:<28} {base:>7.1} {peak:>7.1} {:>7.1}",
                peak - base
            )?;
        }
    }
    Ok(())
}

/// Kibibytes, by a process of its own.
fn peak_of(within: &Path, format: Format, users: u32, of_a_user: u32) -> anyhow::Result<u32> {
    let server = Server::of_lists(of_a_user, Duration::ZERO)?;
    let arguments = [format.name(), server.url(), &users.to_string()].map(str::to_owned);
    let output = Command::new(std::env::current_exe()?)
        .args(arguments)
        .arg(within)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

/// One export, and the most memory that this process took, as Linux tells it.
fn of_one_process(name: &str, left: &mut impl Iterator<Item = String>) -> anyhow::Result<()> {
    let format: Format = name.parse()?;
    let url = left.next().context("where?")?;
    let users = left.next().context("how many users?")?.parse()?;
    let within = left.next().context("into what?")?;
    timed(Path::new(&within), users, |folder| {
        exported(&url, format, users, folder)
    })?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.split_whitespace().next());
    writeln!(io::stdout(), "{}", peak.context("Linux tells it")?)?;
    Ok(())
}

/// Pages a second of a work that reads the lists of so many users into a folder.
fn timed(
    within: &Path,
    users: u32,
    work: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir_in(within)?;
    let clock = Instant::now();
    work(folder.path())?;
    let pages = f64::from(users * PAGES_OF_A_USER);
    Ok(Outcome::told(pages / clock.elapsed().as_secs_f64()))
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

/// By the export.
fn exported(url: &str, format: Format, users: u32, folder: &Path) -> anyhow::Result<()> {
    let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
    let client = Client::builder(credentials, Provisioning::Connect, HyperTransport::new())
        .hosts(Hosts::single(url)?)
        .build();
    let activities = Export::all_resources().filter(|route| route.name == "data.activities");
    let export = Export::new(client, format).with_resources(activities);
    let export = export.with_at_once(AT_ONCE as usize);
    let users = (0..users).map(|user| Ok(format!("u-{user}").into()));
    let summary = runtime()?.block_on(export.run(stream::iter(users), folder, pending()))?;
    ensure!(summary.whole, "{summary:?}");
    Ok(())
}

/// By hyper by hand: each page's bytes into one file, which is synced at its end.
fn bare(url: &str, users: u32, at_once: u32, folder: &Path) -> anyhow::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: HyperClient<HttpConnector, Empty<Bytes>> =
        HyperClient::builder(TokioExecutor::new()).build(connector);
    let file = BufWriter::new(File::create(folder.join("pages.json"))?);
    let file = std::sync::Mutex::new(file);
    let begun = AtomicU32::new(0);
    let list = async || {
        while begun.fetch_add(1, Ordering::Relaxed) < users {
            for offset in (0..OF_A_USER).step_by(PAGE as usize) {
                let uri = format!("{url}/v1/human/activities?limit={PAGE}&offset={offset}");
                let page = client.get(uri.parse()?).await?;
                let bytes = page.into_body().collect().await?.to_bytes();
                let mut file = file.lock().map_err(|_| anyhow!("a list failed"))?;
                file.write_all(&bytes)?;
            }
        }
        anyhow::Ok(())
    };
    runtime()?.block_on(futures_util::future::try_join_all(
        (0..at_once).map(|_| list()),
    ))?;
    let file = file.into_inner().map_err(|_| anyhow!("a list failed"))?;
    file.into_inner()?.sync_all()?;
    Ok(())
}
