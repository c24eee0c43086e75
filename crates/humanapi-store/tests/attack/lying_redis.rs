//! A server that speaks Redis' protocol as long as it likes.

use std::sync::{Arc, Mutex};

use humanapi_store::RedisStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Lie, Lies, Memory, TIMEOUT, all, attack, operating, serve};

/// From when on it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    /// Whatever it is asked.
    TheFirst,
    /// Once it is asked for a token.
    Load,
    /// Once it is asked for the time.
    Time,
    /// Once it is asked which rows there are.
    Scan,
    /// Once it is asked what two rows say of themselves.
    Look,
    /// Once it is to run a script.
    Script,
    /// Once it is asked how careful it is.
    Settings,
    /// Once it is asked for an order.
    Order,
    /// Once it is to keep an order.
    KeepOrder,
    /// Once it is asked which orders are open.
    OpenOrders,
}

fn lies() -> Vec<Lie> {
    let says = |text: &str| Lie::Says(text.as_bytes().to_vec());
    let mut lies: Vec<Lie> = [
        "+\r\n",
        "-\r\n",
        "-ERR\r\n",
        "-ERR canary-password\r\n",
        "-canary canary-password\r\n",
        "-READONLY canary-password\r\n",
        "-LOADING canary-password\r\n",
        "-MASTERDOWN canary-password\r\n",
        "-CLUSTERDOWN canary-password\r\n",
        "-MOVED 7 127.0.0.1:1\r\n",
        "-ASK 7 canary-host:1\r\n",
        "-NOAUTH canary-password\r\n",
        "-WRONGPASS canary-password\r\n",
        "-NOPERM User canary-user has no permissions to run the 'canary' command\r\n",
        "-NOPERM User canary-user has no permissions to run the 'hset' command\r\n",
        "-WRONGTYPE canary\r\n",
        "-OOM canary\r\n",
        "-MISCONF canary\r\n",
        "-BUSY canary\r\n",
        "-EXECABORT canary\r\n",
        "-NOSCRIPT canary\r\n",
        "-TRYAGAIN canary\r\n",
        "$-1\r\n",
        "$-2\r\n",
        "$canary\r\n",
        "$2147483647\r\n",
        "$9223372036854775807\r\n",
        "*-5\r\n",
        "*0\r\n",
        "*2147483647\r\n",
        "*9223372036854775807\r\n",
        "%2147483647\r\n",
        "%4611686018427387903\r\n",
        "%-1\r\n",
        "|1\r\n",
        "|4611686018427387903\r\n",
        "~1000000000\r\n",
        ">2147483647\r\n",
        ">1\r\n+canary\r\n",
        ":99999999999999999999\r\n",
        ":-1\r\n",
        ",nan\r\n",
        "#canary\r\n",
        "_\r\n",
        "=15\r\ncanary\r\n",
        "=-1\r\n",
        "!-1\r\n",
        "!6\r\ncanary\r\n",
        "(canary\r\n",
        "*2\r\n$3\r\nwon\r\n$6\r\ncanary\r\n",
        "*2\r\n$4\r\nheld\r\n$19\r\n9000000000000000000\r\n",
        "*2\r\n$4\r\nheld\r\n$20\r\n18446744073709551615\r\n",
        "*5\r\n$5\r\nnewer\r\n$1\r\n7\r\n$1\r\n7\r\n$6\r\ncanary\r\n$1\r\n7\r\n",
        "*4\r\n$1\r\n7\r\n$20\r\n18446744073709551615\r\n$5\r\nfirst\r\n$0\r\n\r\n",
        "*4\r\n$-1\r\n$1\r\n7\r\n$5\r\nfirst\r\n$3\r\n\0\0\0\r\n",
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        "+OK\n",
        "",
        "$5\r\nab",
    ]
    .into_iter()
    .map(says)
    .collect();
    lies.extend([
        // A list of rows without an end: in one place, in a circle, and ever further on.
        Lie::Says(scanned("7", &["07"])),
        Lie::Says(scanned("7", &[])),
        Lie::Numbered(|number| scanned(&(number % 50 + 1).to_string(), &["07", "08"])),
        Lie::Numbered(|number| scanned(&number.to_string(), &["07", "08"])),
        Lie::Numbered(|number| scanned(&number.to_string(), &[])),
        Lie::Says(scanned("18446744073709551616", &["07"])),
        Lie::Says(scanned("0", &["07"; 3_000])),
        Lie::Says(order(&["7", "1", "1", "first", "canary"])),
        Lie::Says(order(&["canary", "1", "1", "first", "canary"])),
        Lie::Says(order(&["7", "9007199254740993", "1", "first", ""])),
        Lie::Says(order(&["7", "1", "canary", "first", "canary"])),
        Lie::Says(order(&["7", "1", "1", &"k".repeat(5_000), "canary"])),
        Lie::Says(order(&["7"])),
        Lie::Says(order(&["1"])),
        Lie::Says(order(&[])),
        Lie::Says(order(&[&"07".repeat(32), &"06".repeat(32)])),
        Lie::Says(order(&vec![&*"07".repeat(32); 300])),
        Lie::Numbered(|number| order(&[&format!("{number:064x}")])),
        Lie::Says(looks("canary")),
        Lie::Says(looks("spare")),
        Lie::Says(looks(&"k".repeat(5_000))),
        Lie::Says("*1\r\n".repeat(5_000).into_bytes()),
        Lie::Says(vec![0; 100_000]),
        Lie::Says(vec![0xff; 100_000]),
        Lie::Says(b"\x15\x03\x03\x00\x02\x02\x28".to_vec()),
        Lie::Says([b"-ERR ".to_vec(), vec![b'A'; 300_000], b"\r\n".to_vec()].concat()),
        Lie::Ends(Vec::new()),
        Lie::Ends(b"+OK\r\n".to_vec()),
        Lie::Ends(b"$100\r\ncanary".to_vec()),
        Lie::Ends(b"*4\r\n$1\r\n7\r\n".to_vec()),
        Lie::Endless(b"+OK\r\n".to_vec()),
        Lie::Endless(b":1\r\n".to_vec()),
        Lie::Endless(b"-LOADING canary\r\n".to_vec()),
        Lie::Endless(b"A".to_vec()),
        Lie::Endless(vec![0]),
        Lie::Endless(b"*1\r\n".to_vec()),
        Lie::Endless(b">2\r\n+message\r\n+canary\r\n".to_vec()),
        Lie::Then(b"$2147483647\r\n".to_vec(), b"canary".to_vec()),
        Lie::Then(b"*2147483647\r\n".to_vec(), b":1\r\n".to_vec()),
        Lie::Then(b"%1073741823\r\n".to_vec(), b"+a\r\n".to_vec()),
        Lie::Then(b"+".to_vec(), b"canary".to_vec()),
        Lie::Slowly(b"+OK\r\n".repeat(500)),
        Lie::Slowly(b"$1000\r\n".repeat(500)),
    ]);
    lies
}

/// Reads commands, and answers those before its time to lie as a server would.
async fn speak(mut stream: TcpStream, from: From, lie: Lie, mark: Arc<Mutex<Vec<u8>>>, lies: Lies) {
    let mut pending: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        while let Some((words, length)) = command(&pending) {
            pending.drain(..length);
            let name = words.first().map(|name| name.to_ascii_uppercase());
            let name = name.as_deref().unwrap_or_default();
            // A script that has the row of an order as its first key.
            let about_order = name == b"EVALSHA" && words.get(3).is_some_and(|key| is_order(key));
            let is_time_to_lie = match from {
                From::TheFirst => true,
                From::Load => name == b"EVALSHA" && words.len() == 4 && is_row(&words[3]),
                From::Time => name == b"TIME",
                From::Scan => name == b"SCAN",
                From::Look => name == b"EVALSHA" && words.get(2).is_some_and(|keys| keys == b"2"),
                From::Script => name == b"EVALSHA" && words.len() > 4,
                From::Settings => name == b"CONFIG" || name == b"INFO",
                From::Order => about_order && words.len() == 6,
                From::KeepOrder => about_order && words.len() > 6,
                From::OpenOrders => name == b"ZRANGEBYLEX",
            };
            if is_time_to_lie {
                if from != From::TheFirst {
                    // Each script has a name of its own.
                    let script = words.get(1).filter(|_| name == b"EVALSHA");
                    let name = script.map_or(name, |script| script);
                    lies.count(&String::from_utf8_lossy(name));
                }
                if lie.tell(&mut stream).await {
                    return;
                }
                continue;
            }
            let mut kept = mark.lock().expect("nobody panics").clone();
            let answer = match name {
                b"SET" => {
                    kept.clone_from(&words[2]);
                    *mark.lock().expect("nobody panics") = words[2].clone();
                    b"+OK\r\n".to_vec()
                }
                b"GETRANGE" => {
                    let mut answer = format!("${}\r\n", kept.len()).into_bytes();
                    answer.extend(kept);
                    answer.extend(b"\r\n");
                    answer
                }
                b"PEXPIRE" => b":1\r\n".to_vec(),
                b"EVALSHA" if words.len() == 4 && is_row(&words[3]) => {
                    [b"*4\r\n".as_slice(), b"$-1\r\n".repeat(4).as_slice()].concat()
                }
                b"EVALSHA" if about_order && words.len() == 6 => [
                    b"*5\r\n$1\r\n7\r\n".as_slice(),
                    b"$-1\r\n".repeat(4).as_slice(),
                ]
                .concat(),
                b"EVALSHA" if about_order => order(&["1"]),
                b"EVALSHA" => b"*0\r\n".to_vec(),
                b"CONFIG" => {
                    let setting = String::from_utf8_lossy(&words[2]).into_owned();
                    let value = match &*setting {
                        "appendonly" => "yes",
                        "appendfsync" => "always",
                        "no-appendfsync-on-rewrite" => "no",
                        "maxmemory-policy" => "noeviction",
                        _ => "0",
                    };
                    order(&[&setting, value])
                }
                b"INFO" => {
                    let told = "role:master\r\nconnected_slaves:0\r\n";
                    format!("${}\r\n{told}\r\n", told.len()).into_bytes()
                }
                b"ZRANGEBYLEX" => b"*0\r\n".to_vec(),
                b"TIME" => b"*2\r\n$1\r\n7\r\n$1\r\n7\r\n".to_vec(),
                b"SCAN" if words[3].starts_with(b"humanapi:order:") => {
                    scanned_of("humanapi:order:", "0", &["07", "08"])
                }
                b"SCAN" => scanned("0", &["07", "08"]),
                b"PING" => b"+PONG\r\n".to_vec(),
                _ => b"+OK\r\n".to_vec(),
            };
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
        match stream.read(&mut chunk).await {
            Ok(read @ 1..) => pending.extend(&chunk[..read]),
            _ => return,
        }
    }
}

/// An answer to the question which rows there are: where to go on, and rows.
fn scanned(next: &str, rows: &[&str]) -> Vec<u8> {
    scanned_of("humanapi:row:", next, rows)
}

fn scanned_of(kind: &str, next: &str, rows: &[&str]) -> Vec<u8> {
    let rows = rows.iter().map(|row| {
        let key = format!("{kind}{{{}}}", row.repeat(32));
        format!("${}\r\n{key}\r\n", key.len())
    });
    let rows: Vec<String> = rows.collect();
    let (length, count) = (next.len(), rows.len());
    format!("*2\r\n${length}\r\n{next}\r\n*{count}\r\n{}", rows.concat()).into_bytes()
}

/// An answer of these texts.
fn order(texts: &[&str]) -> Vec<u8> {
    let texts: Vec<String> = texts
        .iter()
        .map(|text| format!("${}\r\n{text}\r\n", text.len()))
        .collect();
    format!("*{}\r\n{}", texts.len(), texts.concat()).into_bytes()
}

/// What two rows say of themselves: that another key sealed their tokens.
fn looks(key_id: &str) -> Vec<u8> {
    let row = format!(
        "*4\r\n$1\r\n7\r\n$1\r\n7\r\n$1\r\n7\r\n${}\r\n{key_id}\r\n",
        key_id.len()
    );
    format!("*2\r\n{row}{row}").into_bytes()
}

fn is_order(key: &[u8]) -> bool {
    key.starts_with(b"humanapi:order:{")
}

fn is_row(key: &[u8]) -> bool {
    key.starts_with(b"humanapi:row:{")
}

/// The first command in what came, as words, and how long it is.
fn command(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut at = 0;
    let count = number(bytes, &mut at, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = number(bytes, &mut at, b'$')?;
        words.push(bytes.get(at..at + length)?.to_vec());
        at += length + 2;
    }
    (at <= bytes.len()).then_some((words, at))
}

fn number(bytes: &[u8], at: &mut usize, kind: u8) -> Option<usize> {
    let rest = bytes.get(*at..)?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    assert_eq!(rest[0], kind, "the store speaks the protocol");
    let text = std::str::from_utf8(&rest[1..end]).ok()?;
    *at += end + 2;
    text.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_server_may_lie() {
    let mut attacks = Vec::new();
    let from = [
        From::TheFirst,
        From::Load,
        From::Time,
        From::Scan,
        From::Look,
        From::Script,
        From::Settings,
        From::Order,
        From::KeepOrder,
        From::OpenOrders,
    ];
    for from in from {
        for lie in lies() {
            let name = format!("{from:?}: {lie:?}");
            attacks.push((name, (from, lie)));
        }
    }
    let lies = Lies::default();
    all(
        "a lying Redis",
        Memory::Heap,
        attacks,
        async |name, (from, lie)| {
            let mark = Arc::new(Mutex::new(Vec::new()));
            let lies = lies.clone();
            let (port, _serving) =
                serve(move |stream| speak(stream, from, lie.clone(), mark.clone(), lies.clone()));
            let url = format!("redis://canary-user:canary-password@127.0.0.1:{port}/1");
            let store = RedisStore::connect(&url, operating::two_keys()).await;
            let store = store.expect("the address is one").with_timeout(TIMEOUT);
            attack(&name, store).await;
        },
    )
    .await;
    lies.went_to(&["TIME", "SCAN", "CONFIG", "INFO", "ZRANGEBYLEX"]);
    let scripts = lies.0.lock().expect("nobody panics");
    let scripts = scripts.keys().filter(|name| name.len() == 40).count();
    assert_eq!(scripts, 9, "all but the probes and sealing anew");
}
