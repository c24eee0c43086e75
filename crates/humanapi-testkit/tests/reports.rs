//! Reports that are read as they arrive, over real connections: what they take of memory, and what is left of one that
//! breaks off.
//!
//! Memory is what this process has allocated at most, the service's part included. So one test runs at a time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use futures_util::TryStreamExt as _;
use humanapi_client::{Client, ErrorKind, SaveError, Transport};
use humanapi_core::{Credentials, Hosts, Provisioning, RetryPolicy, SendFailureKind};
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;
use humanapi_testkit::reports::LargeReports;
use tokio::sync::Mutex;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

static ALONE: Mutex<()> = Mutex::const_new(());

const MIB: u64 = 1024 * 1024;
/// What a report may take, however large it is.
const AT_MOST: u64 = 16 * MIB;

/// As large as a report may well be.
const LARGE: u64 = 200 * MIB;

/// So large that whoever keeps it as a whole is noticed, and larger with `HUMANAPI_DEEP=1`.
fn noticed() -> u64 {
    match std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1") {
        true => LARGE,
        false => 64 * MIB,
    }
}

fn client(reports: &LargeReports, transport: impl Transport + 'static) -> Client {
    let credentials = Credentials::new("app-1", "canary-secret").unwrap();
    Client::builder(credentials, Provisioning::Hip, transport)
        .hosts(Hosts::single(reports.url()).unwrap())
        .retry(RetryPolicy::default().with_max_attempts(2))
        .build()
}

/// How many bytes were allocated at the same time while this was done.
async fn peak(work: impl Future<Output = ()>) -> u64 {
    let _profiler = dhat::Profiler::builder().testing().build();
    work.await;
    dhat::HeapStats::get().max_bytes as u64
}

/// Each way to read a report, at a service whose reports are so large.
async fn each_way(transport: impl Transport + 'static, size: u64) {
    let reports = LargeReports::start(size, 0);
    let client = client(&reports, transport);
    let orders = client.orders();
    let report = || orders.report("rep-1");
    // What is made once in a process, and the token, are made here.
    let mut first = report().open().await.unwrap();
    assert!(first.try_next().await.unwrap().is_some());
    drop(first);

    let written = peak(async {
        let written = report().download_to(&mut tokio::io::sink()).await.unwrap();
        assert_eq!(written.bytes, size);
        assert_eq!(written.content_type.as_deref(), Some("application/pdf"));
    });
    let written = written.await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let saved = peak(async {
        let written = report().download_to_file(&path).await.unwrap();
        assert_eq!(written.bytes, size);
    });
    let saved = saved.await;
    assert_eq!(std::fs::metadata(&path).unwrap().len(), size);
    // As somebody does who hands it on.
    let passed = peak(async {
        let mut pieces = report().open().await.unwrap();
        let mut length = 0;
        while let Some(piece) = pieces.try_next().await.unwrap() {
            length += piece.len() as u64;
        }
        assert_eq!(length, size);
    });
    let passed = passed.await;
    for (way, most) in [("written", written), ("saved", saved), ("passed", passed)] {
        assert!(most <= AT_MOST, "{way}: {most} bytes of memory for {size}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_report_takes_little_memory_over_hyper() {
    let _alone = ALONE.lock().await;
    each_way(HyperTransport::new(), LARGE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_report_takes_little_memory_over_reqwest() {
    let _alone = ALONE.lock().await;
    each_way(ReqwestTransport::new(), noticed()).await;
}

/// The others count what they say they do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_kept_as_a_whole_is_noticed() {
    let _alone = ALONE.lock().await;
    let size = 2 * AT_MOST;
    let reports = LargeReports::start(size, 0);
    let client = client(&reports, HyperTransport::new());
    let most = peak(async {
        let opened = client.orders().report("rep-1").open().await.unwrap();
        let whole = opened.bytes(size as usize).await.unwrap();
        assert_eq!(whole.len() as u64, size);
    });
    assert!(most.await >= size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_breaks_off_leaves_no_file() {
    let _alone = ALONE.lock().await;
    let reports = LargeReports::start(MIB, u64::MAX);
    let client = client(&reports, HyperTransport::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let report = client.orders().report("rep-1");
    let error = report.download_to_file(&path).await.unwrap_err();
    let cut = ErrorKind::Network(SendFailureKind::CutShort);
    assert!(
        matches!(&error, SaveError::Download(error) if error.kind() == cut),
        "{error:?}"
    );
    assert_eq!(reports.asked(), 2, "as often as the policy says");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // What was there before stays.
    std::fs::write(&path, "before").unwrap();
    let report = client.orders().report("rep-1");
    assert!(report.download_to_file(&path).await.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"before");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    // A writer is told, and cannot take back what it took.
    let mut writer = Vec::new();
    let report = client.orders().report("rep-1");
    assert!(report.download_to(&mut writer).await.is_err());
    assert!((writer.len() as u64) < MIB);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_broke_off_is_begun_anew() {
    let _alone = ALONE.lock().await;
    let reports = LargeReports::start(MIB, 1);
    let client = client(&reports, HyperTransport::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let report = client.orders().report("rep-1");
    let written = report.download_to_file(&path).await.unwrap();
    assert_eq!(written.bytes, MIB);
    assert_eq!(written.content_type.as_deref(), Some("application/pdf"));
    assert_eq!(reports.asked(), 2);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), MIB);
}
