//! A server that speaks PostgreSQL's protocol as long as it likes.
//!
//! One piece: one server, whose lies share how the protocol is spoken.

mod lies;

use std::sync::{Arc, Mutex};

use humanapi_store::{PostgresCursorStore, PostgresStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::lies::{BOOL, BYTEA, INT8, TEXT, answer, lies, message, pages};
use super::{Lie, Lies, Memory, TIMEOUT, all, attack, attack_cursors, operating, serve};

/// From when on it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    /// To the greeting.
    TheFirst,
    /// To the first statement.
    Statement,
    /// Once it is asked about rows.
    Rows,
    /// Once it is asked about orders, and it is careful with its disk.
    Orders,
    /// Once it is to keep an order that it had not.
    KeepOrder,
    /// Once it is asked for a page of cursors.
    Cursors,
    /// Once it is to keep cursors, in the midst of a transaction.
    KeepCursors,
}

/// Which operation on rows a statement is of, if it is of one. Statements have breaks of line where they like.
fn about_rows(statement: &str) -> Option<&'static str> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let words = words.join(" ");
    let operations = [
        ("CREATE TABLE", None),
        (
            "current_setting('fsync') = 'on', concat_ws",
            Some("check_orders"),
        ),
        ("LEFT JOIN humanapi_orders", Some("load_order")),
        ("INSERT INTO humanapi_orders", Some("keep_order")),
        ("UPDATE humanapi_orders SET version", Some("keep_order")),
        (
            "UPDATE humanapi_orders SET sealed_with",
            Some("reseal_order"),
        ),
        ("FROM humanapi_orders WHERE is_open", Some("open_orders")),
        (
            "FROM humanapi_orders WHERE row_name >",
            Some("orders_sealed_otherwise"),
        ),
        ("FROM humanapi_orders GROUP BY 1", Some("survey_orders")),
        ("INSERT INTO humanapi_syncs", Some("begin_sync")),
        ("UPDATE humanapi_syncs", Some("end_sync")),
        ("INSERT INTO humanapi_sync_buckets", Some("keep_bucket")),
        ("FROM humanapi_sync_buckets", Some("bucket")),
        ("OVER (ORDER BY user_name)", Some("cursors")),
        ("sum(length(cursors)", Some("sum_of_cursors")),
        ("DELETE FROM humanapi_sync_whole", Some("keep_whole")),
        ("FROM humanapi_sync_whole", Some("whole")),
        ("FROM humanapi_store LIMIT", None),
        ("FROM humanapi_acquire(", Some("acquire")),
        (
            "UPDATE humanapi_rows SET lease_ends = 0, generation = fence",
            Some("commit"),
        ),
        (
            "UPDATE humanapi_rows SET lease_ends = 0 WHERE",
            Some("release"),
        ),
        (
            "UPDATE humanapi_rows SET generation = 0",
            Some("invalidate"),
        ),
        ("UPDATE humanapi_rows SET sealed_with", Some("reseal")),
        ("DELETE FROM humanapi_rows", Some("purge")),
        (
            "SELECT row_name FROM humanapi_rows WHERE row_name >",
            Some("sealed_otherwise"),
        ),
        ("GROUP BY 1", Some("survey")),
        ("FROM humanapi_rows WHERE row_name", Some("load")),
    ];
    let mut known = operations.into_iter();
    let found = known.find(|(part, _)| words.contains(part));
    assert!(
        found.is_some()
            || !["humanapi_rows", "humanapi_orders", "humanapi_sync"]
                .iter()
                .any(|table| words.contains(table)),
        "a statement that nobody lies to: {words}"
    );
    found.and_then(|(_, operation)| operation)
}

/// Reads messages, and answers those before its time to lie as a server would.
async fn speak(mut stream: TcpStream, from: From, lie: Lie, mark: Arc<Mutex<String>>, lies: Lies) {
    // The greeting has no kind, only a length.
    let Ok(length) = stream.read_u32().await else {
        return;
    };
    let mut greeting = vec![0; (length as usize).saturating_sub(4)];
    if stream.read_exact(&mut greeting).await.is_err() {
        return;
    }
    if from == From::TheFirst {
        if !lie.tell(&mut stream).await {
            // Whatever comes then is taken and not answered.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
        return;
    }
    let greeted = [
        message(b'R', &[0; 4]),
        message(b'K', &[0; 8]),
        message(b'Z', b"I"),
    ];
    if stream.write_all(&greeted.concat()).await.is_err() {
        return;
    }
    loop {
        let Ok(kind) = stream.read_u8().await else {
            return;
        };
        let Ok(length) = stream.read_u32().await else {
            return;
        };
        let mut body = vec![0; (length as usize).saturating_sub(4)];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        if kind == b'S' {
            if stream.write_all(&message(b'Z', b"I")).await.is_err() {
                return;
            }
            continue;
        }
        if kind == b'P' && from == From::KeepCursors {
            lies.count("keep_cursors");
            if lie.tell(&mut stream).await {
                return;
            }
            continue;
        }
        if kind != b'Q' {
            return;
        }
        if let Some((_, rest)) = text.split_once("VALUES (1, decode('") {
            let hex = rest.split('\'').next().unwrap_or_default().to_owned();
            *mark.lock().expect("nobody panics") = hex;
        }
        let about_rows = about_rows(&text);
        let lies_now = match from {
            From::Orders => {
                about_rows.is_some_and(|about| about.contains("order") && about != "check_orders")
            }
            From::KeepOrder => about_rows == Some("keep_order"),
            From::Cursors => about_rows == Some("cursors"),
            From::KeepCursors => false,
            From::TheFirst | From::Statement | From::Rows => {
                from == From::Statement || about_rows.is_some()
            }
        };
        if lies_now {
            if from != From::Statement {
                lies.count(about_rows.unwrap_or_default());
            }
            if lie.tell(&mut stream).await {
                return;
            }
            continue;
        }
        let hex = format!("\\x{}", mark.lock().expect("nobody panics"));
        let honest = if about_rows == Some("check_orders") {
            answer(
                &[BOOL, BOOL, TEXT, BOOL],
                &[Some(b"f"), Some(b"t"), Some(b""), Some(b"f")],
            )
        } else if about_rows == Some("load_order") {
            answer(
                &[INT8, INT8, BOOL, TEXT, BYTEA],
                &[Some(b"7"), None, None, None, None],
            )
        } else if text.contains("FROM humanapi_store LIMIT") {
            answer(
                &[INT8, BYTEA, BOOL, TEXT],
                &[Some(b"1"), Some(hex.as_bytes()), Some(b"f"), Some(b"")],
            )
        } else {
            [message(b'C', b"UPDATE 1\0"), message(b'Z', b"I")].concat()
        };
        if stream.write_all(&honest).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_server_may_lie() {
    let mut attacks = Vec::new();
    for from in [
        From::TheFirst,
        From::Statement,
        From::Rows,
        From::Orders,
        From::KeepOrder,
    ] {
        for lie in lies() {
            let name = format!("{from:?}: {lie:?}");
            attacks.push((name, (from, lie)));
        }
    }
    let lies = Lies::default();
    all(
        "a lying PostgreSQL",
        Memory::Process,
        attacks,
        async |name, (from, lie)| {
            let mark = Arc::new(Mutex::new(String::new()));
            let lies = lies.clone();
            let (port, _serving) =
                serve(move |stream| speak(stream, from, lie.clone(), mark.clone(), lies.clone()));
            let url = format!(
                "postgres://canary-user:canary-password@127.0.0.1:{port}/canary?sslmode=disable"
            );
            let store = PostgresStore::connect(&url, operating::two_keys()).await;
            let store = store.expect("the address is one").with_timeout(TIMEOUT);
            attack(&name, store).await;
        },
    )
    .await;
    lies.went_to(&[
        "load",
        "acquire",
        "commit",
        "release",
        "invalidate",
        "survey",
        "purge",
        "sealed_otherwise",
        "check_orders",
        "load_order",
        "keep_order",
        "open_orders",
        "survey_orders",
        "orders_sealed_otherwise",
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_server_may_lie_about_cursors() {
    let mut attacks = Vec::new();
    for from in [From::Rows, From::Cursors, From::KeepCursors] {
        for lie in lies() {
            attacks.push((format!("{from:?}: {lie:?}"), (from, lie)));
        }
    }
    let lies = Lies::default();
    let attack = async |name: String, (from, lie): (From, Lie)| {
        let (mark, lies) = (Arc::default(), lies.clone());
        let (port, _serving) =
            serve(move |stream| speak(stream, from, lie.clone(), Arc::clone(&mark), lies.clone()));
        let url = format!("postgres://u:canary-password@127.0.0.1:{port}/d?sslmode=disable");
        let store = PostgresCursorStore::connect(&url).expect("the address is one");
        attack_cursors(&name, store.with_timeout(TIMEOUT / 5)).await;
    };
    let kind = "a PostgreSQL that lies about cursors";
    all(kind, Memory::Process, attacks, &attack).await;
    // Few, and made for this: each of them runs.
    for lie in pages() {
        attack(format!("{kind}, a page: {lie:?}"), (From::Cursors, lie)).await;
    }
    lies.went_to(&[
        "begin_sync",
        "bucket",
        "cursors",
        "keep_bucket",
        "keep_cursors",
        "whole",
        "end_sync",
    ]);
}

/// The same within a runtime of one thread: a server that is quicker than its reader does not keep that thread.
#[tokio::test]
async fn a_server_that_never_pauses_keeps_no_thread() {
    let notice = message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mcanary\0\0");
    for from in [From::TheFirst, From::Statement, From::Rows] {
        let lie = Lie::Endless(notice.clone());
        let mark = Arc::new(Mutex::new(String::new()));
        let lies = Lies::default();
        let (port, _serving) =
            serve(move |stream| speak(stream, from, lie.clone(), mark.clone(), lies.clone()));
        let url = format!("postgres://u:canary-password@127.0.0.1:{port}/d?sslmode=disable");
        let store = PostgresStore::connect(&url, operating::two_keys()).await;
        let store = store.expect("the address is one").with_timeout(TIMEOUT);
        attack(&format!("{from:?}: notices without end"), store).await;
    }
}
