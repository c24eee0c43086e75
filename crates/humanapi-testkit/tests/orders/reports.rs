//! Reports that are read as they arrive, over real connections.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use humanapi_client::{Client, ErrorKind, SaveError};
use humanapi_core::{Credentials, Hosts, Provisioning, RetryPolicy, SendFailureKind};
use humanapi_hyper::HyperTransport;
use tokio::io::{AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};

const MIB: u64 = 1024 * 1024;
const SIZE: u64 = 200 * MIB;

/// A service that has one report of zeros. It breaks the first so many answers off in their middle.
#[derive(Default)]
struct Reports {
    cuts: u64,
    asked: AtomicU64,
    /// Bytes of bodies that were handed to the system, or are just being handed.
    sent: AtomicU64,
}

impl Reports {
    async fn serve(self: Arc<Self>, stream: TcpStream, size: u64) -> std::io::Result<Infallible> {
        let mut stream = BufStream::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
            if !head.starts_with("GET ") {
                let token = r#"{"client_token":"canary-ct","expires_in":86400}"#;
                // A body of a token request is less than a segment, and its connection is not used again.
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{token}",
                    token.len()
                );
                stream.write_all(answer.as_bytes()).await?;
                stream.flush().await?;
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            let cut = self.asked.fetch_add(1, Ordering::SeqCst) < self.cuts;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: {size}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            let piece = [0; 64 * 1024];
            let mut left = if cut { size / 2 } else { size };
            while left > 0 {
                let length = left.min(piece.len() as u64);
                // Counted first: what is written may arrive before anything else is done here.
                self.sent.fetch_add(length, Ordering::SeqCst);
                stream.write_all(&piece[..length as usize]).await?;
                left -= length;
            }
            stream.flush().await?;
            if cut {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
}

async fn service(cuts: u64, size: u64) -> (Client, Arc<Reports>) {
    let reports = Arc::new(Reports {
        cuts,
        ..Reports::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = Arc::clone(&reports);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&serving).serve(stream, size));
        }
    });
    let credentials = Credentials::new("app-1", "canary-secret").unwrap();
    let client = Client::builder(credentials, Provisioning::Hip, HyperTransport::new())
        .hosts(Hosts::single(&url).unwrap())
        .retry(RetryPolicy::default().with_max_attempts(2))
        .build();
    (client, reports)
}

/// Counts what it takes, and how much was on its way at most.
struct Counting {
    reports: Arc<Reports>,
    taken: u64,
    most: u64,
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let on_its_way = self.reports.sent.load(Ordering::SeqCst) - self.taken;
        self.most = self.most.max(on_its_way);
        self.taken += piece.len() as u64;
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// In this process's buffers, and in the system's for both ends of the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_report_keeps_little_in_memory() {
    let (client, reports) = service(0, SIZE).await;
    let mut writer = Counting {
        reports: Arc::clone(&reports),
        taken: 0,
        most: 0,
    };
    let report = client.orders().report("rep-1");
    let written = report.download_to(&mut writer).await.unwrap();
    assert_eq!((written.bytes, writer.taken), (SIZE, SIZE));
    assert_eq!(written.content_type.as_deref(), Some("application/pdf"));
    assert!(
        writer.most <= 16 * MIB,
        "{} bytes were on their way",
        writer.most
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_breaks_off_leaves_no_file() {
    let (client, reports) = service(u64::MAX, MIB).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let report = client.orders().report("rep-1");
    let error = report.download_to_file(&path).await.unwrap_err();
    let cut = ErrorKind::Network(SendFailureKind::CutShort);
    assert!(
        matches!(&error, SaveError::Download(error) if error.kind() == cut),
        "{error:?}"
    );
    assert_eq!(
        reports.asked.load(Ordering::SeqCst),
        2,
        "as often as the policy says"
    );
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
    let (client, reports) = service(1, MIB).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let report = client.orders().report("rep-1");
    let written = report.download_to_file(&path).await.unwrap();
    assert_eq!(written.bytes, MIB);
    assert_eq!(written.content_type.as_deref(), Some("application/pdf"));
    assert_eq!(reports.asked.load(Ordering::SeqCst), 2);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), MIB);
}
