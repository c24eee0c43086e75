//! A server that speaks PostgreSQL's protocol as long as it likes.

use std::sync::{Arc, Mutex};

use humanapi_store::PostgresStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Lie, Lies, Memory, TIMEOUT, all, attack, operating, serve};

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
}

/// A message of this kind, with its right length.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("it is short");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// One that says it is of another length.
fn of_length(kind: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn error(code: &str, text: &str) -> Vec<u8> {
    let body = format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0");
    message(b'E', body.as_bytes())
}

/// What describes rows of columns of these types.
fn columns(types: &[u32]) -> Vec<u8> {
    let mut body = u16::try_from(types.len())
        .expect("few")
        .to_be_bytes()
        .to_vec();
    for (index, kind) in types.iter().enumerate() {
        body.extend(format!("c{index}\0").into_bytes());
        body.extend([0; 6]);
        body.extend(kind.to_be_bytes());
        body.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
    }
    message(b'T', &body)
}

fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = u16::try_from(values.len())
        .expect("few")
        .to_be_bytes()
        .to_vec();
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("short"));
        body.extend(length.to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    message(b'D', &body)
}

const INT8: u32 = 20;
const BYTEA: u32 = 17;
const BOOL: u32 = 16;
const TEXT: u32 = 25;

fn done() -> Vec<u8> {
    [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat()
}

/// A whole answer with one row.
fn answer(types: &[u32], values: &[Option<&[u8]>]) -> Vec<u8> {
    [columns(types), row(values), done()].concat()
}

fn lies() -> Vec<Lie> {
    let token = [INT8, INT8, TEXT, BYTEA];
    let order = [INT8, INT8, BOOL, TEXT, BYTEA];
    let mut says = vec![
        Vec::new(),
        vec![0; 100_000],
        vec![0xff; 100_000],
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        message(b'R', &99_u32.to_be_bytes()),
        message(b'R', b""),
        message(b'R', &[0, 0, 0, 10, 0]),
        message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
        [
            message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
            message(b'R', b"\0\0\0\x0br=canary,s=Y2FuYXJ5,i=4294967295"),
        ]
        .concat(),
        [
            message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
            message(b'R', b"\0\0\0\x0bcanary"),
        ]
        .concat(),
        message(b'R', b"\0\0\0\x05abcd"),
        message(b'R', b"\0\0\0\x05"),
        message(b'Z', b"I"),
        message(b'Z', b""),
        message(b'Z', b"canary"),
        message(b'K', b"1"),
        message(b'S', b"canary"),
        message(b'N', b""),
        message(b'N', b"canary"),
        message(b'E', b""),
        message(b'E', b"canary-password"),
        error("28P01", "canary-password"),
        error("canary", "canary-password"),
        error("57P03", "canary"),
        error("25006", "canary"),
        error("53100", "canary"),
        error("53300", "canary"),
        error("08P01", "canary-password"),
        error("08P01", "unsupported startup parameter: canary"),
        error("XX000", &"canary".repeat(50_000)),
        message(b'C', b""),
        message(b'C', b"SELECT 99999999999999999999\0"),
        message(b'C', b"canary"),
        message(b'I', b""),
        message(b'G', &[0, 0, 1, 0, 0]),
        message(b'H', &[0, 0, 1, 0, 0]),
        message(b'd', b"canary"),
        message(b'A', b"\0\0\0\x01canary\0canary\0"),
        message(b'T', &[0xff, 0xff]),
        message(b'T', b""),
        message(b'D', &[0xff, 0xff]),
        [
            columns(&token),
            message(b'D', &[0, 4, 0x7f, 0xff, 0xff, 0xff]),
            done(),
        ]
        .concat(),
        [
            columns(&token),
            message(b'D', &[0, 4, 0xff, 0xff, 0xff, 0xfe]),
            done(),
        ]
        .concat(),
        answer(&[INT8, INT8], &[Some(b"7"), Some(b"7")]),
        answer(&token, &[None, None, None, None]),
        answer(
            &token,
            &[Some(b"canary"), Some(b"7"), Some(b"first"), Some(b"\\x00")],
        ),
        answer(
            &token,
            &[
                Some(b"7"),
                Some(b"9223372036854775807"),
                Some(b"first"),
                Some(b"\\x"),
            ],
        ),
        answer(
            &token,
            &[Some(b"-7"), Some(b"-7"), Some(b"first"), Some(b"canary")],
        ),
        answer(
            &token,
            &[Some(b"7"), Some(b"7"), Some(&[b'k'; 5_000]), Some(b"\\x00")],
        ),
        answer(
            &token,
            &[Some(b"7"), Some(b"7"), Some(&[0xff; 9]), Some(b"\\x0")],
        ),
        answer(&[999_999, 999_998], &[Some(b"7"), Some(b"7")]),
        answer(
            &[INT8, INT8, INT8, INT8, TEXT, BYTEA],
            &[None, Some(b"9000000000000000000"), None, None, None, None],
        ),
        answer(
            &[INT8, INT8, INT8, INT8, TEXT, BYTEA],
            &[Some(b"9223372036854775807"), None, None, None, None, None],
        ),
        answer(
            &[TEXT, INT8, INT8, INT8, INT8],
            &[
                Some(b"canary\x1b[2J"),
                Some(b"9223372036854775807"),
                Some(b"1"),
                Some(b"1"),
                Some(b"1"),
            ],
        ),
        // Rows of orders that are none, and a clock that does not show anything.
        answer(&order, &[None, None, None, None, None]),
        answer(
            &order,
            &[
                Some(b"7"),
                Some(b"7"),
                Some(b"t"),
                Some(b"first"),
                Some(b"\\x00"),
            ],
        ),
        answer(
            &order,
            &[
                Some(b"7"),
                Some(b"-7"),
                Some(b"f"),
                Some(b"canary"),
                Some(b"\\x"),
            ],
        ),
        answer(
            &order,
            &[
                Some(b"7"),
                Some(b"9223372036854775807"),
                None,
                Some(b"first"),
                None,
            ],
        ),
        answer(
            &order,
            &[
                Some(b"-7"),
                Some(b"7"),
                Some(b"canary"),
                Some(&[b'k'; 5_000]),
                None,
            ],
        ),
        answer(
            &[BOOL, BOOL, TEXT, BOOL],
            &[Some(b"f"), Some(b"f"), Some(b"canary"), Some(b"t")],
        ),
        [done(), done(), done()].concat(),
        // Work over all rows that never ends, or says so.
        batch(7),
        purged("DELETE 1000"),
        purged("DELETE 1001"),
        purged("DELETE 18446744073709551615"),
        // Far more of a token than the statement asks for.
        answer(
            &token,
            &[
                Some(b"7"),
                Some(b"7"),
                Some(b"first"),
                Some(&[b'0'; 3_000_000]),
            ],
        ),
    ];
    for kind in *b"REDTZCNSAK" {
        for length in [0, 1, 2, 3, 4, 0x7fff_ffff, 0xffff_ffff] {
            says.push(of_length(kind, length, b"canary"));
        }
    }
    let mut lies: Vec<Lie> = says.into_iter().map(Lie::Says).collect();
    lies.extend([
        Lie::Ends(Vec::new()),
        Lie::Ends(message(b'R', &[0; 4])),
        Lie::Ends(columns(&token)),
        Lie::Ends(of_length(b'D', 500, b"canary")),
        Lie::Endless(message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mcanary\0\0")),
        Lie::Endless(message(b'S', b"canary\0canary\0")),
        Lie::Endless(message(b'A', b"\0\0\0\x01canary\0canary\0")),
        Lie::Endless(message(b'Z', b"I")),
        Lie::Endless(message(b'C', b"SELECT 1\0")),
        Lie::Endless(message(b'I', b"")),
        Lie::Endless(error("57P03", "canary")),
        Lie::Endless(vec![0]),
        Lie::Endless(b"canary".to_vec()),
        Lie::Then(of_length(b'D', 0x7fff_ffff, b""), b"canary".to_vec()),
        Lie::Then(of_length(b'N', 0x7fff_ffff, b""), b"canary".to_vec()),
        Lie::Then(
            columns(&token),
            row(&[Some(b"7"), Some(b"7"), Some(b"first"), Some(b"\\x00")]),
        ),
        Lie::Numbered(batch),
        Lie::Numbered(|number| batch(number % 50)),
        Lie::Slowly(message(b'S', b"canary\0canary\0").repeat(40)),
        Lie::Slowly(done().repeat(40)),
    ]);
    lies
}

/// As many names as a batch of a rotation has, all of this number.
fn batch(number: u64) -> Vec<u8> {
    let name = format!("\\x{number:064x}");
    let rows = row(&[Some(name.as_bytes())]).repeat(200);
    [columns(&[BYTEA]), rows, done()].concat()
}

fn purged(tag: &str) -> Vec<u8> {
    let tag = format!("{tag}\0");
    [message(b'C', tag.as_bytes()), message(b'Z', b"I")].concat()
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
        found.is_some() || !(words.contains("humanapi_rows") || words.contains("humanapi_orders")),
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
            let name: String = name.chars().take(120).collect();
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
