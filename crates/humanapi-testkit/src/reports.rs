//! A service whose reports are as large as a test wants them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives everybody a client token, and answers every GET with one report, which it makes while it sends it: it begins as a
/// PDF does, and goes on with zeros. It ends with the process.
#[derive(Clone, Debug)]
pub struct LargeReports {
    url: String,
    asked: Arc<AtomicU64>,
}

impl LargeReports {
    /// Starts one on a free port of loopback, whose reports have so many bytes. The first so many answers break off in
    /// their middle.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn start(size: u64, cuts: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("it is bound");
        let this = Self {
            url: format!("http://{address}"),
            asked: Arc::default(),
        };
        let asked = Arc::clone(&this.asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = Arc::clone(&asked);
                // Whoever breaks an answer off is seen by the one who reads it.
                std::thread::spawn(move || drop(answer(&stream, size, cuts, &asked)));
            }
        });
        this
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often a report was asked for.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

const BEGINNING: &[u8] = b"%PDF-1.7\n";

/// One answer for each connection.
fn answer(stream: &TcpStream, size: u64, cuts: u64, asked: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let from = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
        let line = head[from..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut stream = stream;
    if !head.starts_with("GET ") {
        // What is sent and not read would have the answer broken off.
        std::io::copy(
            &mut std::io::Read::take(reader, length),
            &mut std::io::sink(),
        )?;
        let token = r#"{"client_token":"canary-ct","expires_in":86400}"#;
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{token}",
            token.len()
        );
    }
    let is_cut = asked.fetch_add(1, Ordering::SeqCst) < cuts;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/pdf\r\ncontent-length: {size}\r\n\r\n"
    )?;
    let mut piece = [0; 64 * 1024];
    piece[..BEGINNING.len()].copy_from_slice(BEGINNING);
    let mut left = if is_cut { size / 2 } else { size };
    while left > 0 {
        let next = left.min(piece.len() as u64);
        stream.write_all(&piece[..next as usize])?;
        piece[..BEGINNING.len()].fill(0);
        left -= next;
    }
    Ok(())
}
