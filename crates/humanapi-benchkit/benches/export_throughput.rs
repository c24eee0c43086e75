//! Times exports against a bare client that reads the same pages and writes their bytes, in turns; then where the service
//! takes its time.
//!
//! The bare client has as many requests out, keeps one file for all, and waits once until that is on the disk: it names no
//! user, hashes nothing, looks at no record, and is not safe to kill.
//!
//! Where the disk is busy, it decides how quick all of them are; so the same is timed once more in a folder in memory, where
//! waiting for a disk takes no time.

mod million;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use humanapi_benchkit::lists::PAGE;
use humanapi_benchkit::{Contender, Load, Outcome, Race, Server, serve_if_asked};
use humanapi_export::Format;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use million::{AT_ONCE, MILLION, OF_A_USER, exported, runtime};

const PAGES_OF_A_USER: u32 = OF_A_USER / PAGE;
const ROUNDS: usize = 5;
/// A folder that is in memory, where there is one.
const IN_MEMORY: &str = "/dev/shm";

fn main() -> anyhow::Result<()> {
    serve_if_asked();
    let disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
    speed("a million records, on the disk", disk)?;
    if Path::new(IN_MEMORY).is_dir() {
        speed("a million records, in memory", Path::new(IN_MEMORY))?;
    }
    slow_service(disk)
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
        Contender::new("bare, as many at once", |_| {
            timed(within, USERS, |folder| {
                bare(server.url(), USERS, AT_ONCE, folder)
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
