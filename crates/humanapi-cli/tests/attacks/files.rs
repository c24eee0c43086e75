//! Files that hold no secret, no keys and no store, or never end, or never begin.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use crate::{CANARY, Folder, attack, command, is_deep, under};

const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const B: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

#[test]
fn secret_files_hold_a_secret_or_are_refused() {
    let folder = Folder::new();
    let looped = folder.path("loop");
    symlink("loop", &looped).expect("a link can be made");
    let contents: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("line break", b"\n"),
        ("mark", b"\xef\xbb\xbf"),
        ("mark and line break", b"\xef\xbb\xbf\r\n"),
        ("utf 16", b"\xff\xfec\0a\0n\0a\0r\0y\x007\0"),
        ("binary", b"canary7\xff\xfe\x80"),
        ("spaces", b" canary7 "),
        ("lines", b"canary7\ncanary7\n\n"),
        ("long", &[b'x'; 4097]),
        ("very long", &[b'x'; 1_000_000]),
    ];
    for (name, bytes) in contents {
        let path = folder.file(name, bytes);
        secret_file(name, &path, &[3]);
    }
    // These are secrets, if odd ones: the command goes on, to where nobody answers.
    let odd: &[(&str, &[u8])] = &[
        ("marked", b"\xef\xbb\xbfcanary7\r\n"),
        ("nul", b"canary7\0canary7"),
        ("escape", b"canary7\x1b[2Jcanary7"),
        ("longest", &[b'x'; 4096]),
    ];
    for (name, bytes) in odd {
        let path = folder.file(name, bytes);
        secret_file(name, &path, &[5]);
    }
    for path in [
        "",
        "/",
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/proc/self/mem",
        "/nowhere/secret",
        &folder.text("loop"),
        &folder.text("missing"),
        &folder.text(&"long".repeat(1_200)),
        &folder.text("\u{1b}[2J\n"),
    ] {
        secret_file(path, path, &[2, 3]);
    }
}

fn secret_file(name: &str, path: &str, codes: &[i32]) {
    let words = [
        "token",
        "client",
        "--base-url",
        "http://127.0.0.1:1",
        "--secret-file",
        path,
    ];
    let short: String = name.chars().take(80).collect();
    attack(&format!("secret file {short}"), command(&words), codes);
}

#[test]
fn standard_input_holds_a_secret_or_is_refused() {
    let words = [
        "token",
        "client",
        "--base-url",
        "http://127.0.0.1:1",
        "--secret-file",
        "-",
    ];
    for input in ["</dev/null", "</dev/zero", "</", "<&-", "</dev/full"] {
        let shell = format!("exec \"$@\" {input}");
        attack(input, under(&shell, &command(&words)), &[3, 70, 2]);
    }
    attack("endless", under("yes | \"$@\"", &command(&words)), &[3]);
}

/// Nobody ever writes into the pipe. It takes as long as a secret may take.
#[test]
fn a_pipe_that_gives_nothing_is_given_up() {
    let folder = Folder::new();
    let fifo = folder.fifo("fifo");
    std::thread::scope(|scope| {
        scope.spawn(|| secret_file("fifo", &fifo, &[3]));
        if is_deep() {
            scope.spawn(|| {
                let words = [
                    "token",
                    "client",
                    "--base-url",
                    "http://127.0.0.1:1",
                    "--secret-file",
                    "-",
                ];
                let mut command = command(&words);
                // Both ends are ours, so that it never ends.
                let (read, write) = std::io::pipe().expect("there are handles");
                command.stdin(Stdio::from(read));
                attack("silent standard input", command, &[3]);
                drop(write);
            });
        }
        // Files of keys and stores wait for nobody.
        for words in [
            [
                "store",
                "status",
                "--store",
                "sqlite:x",
                "--store-keys",
                &fifo,
            ],
            [
                "store",
                "init",
                "--store",
                "sqlite:x",
                "--store-keys",
                &fifo,
            ],
        ] {
            attack("keys from a pipe", command(&words), &[3]);
        }
    });
}

#[test]
fn files_of_keys_are_whole_or_refused() {
    let folder = Folder::new();
    let store = format!("sqlite:{}", folder.text("tokens.db"));
    symlink("loop", folder.path("loop")).expect("a link can be made");
    let whole = format!("naming:{A}\n1:{B}\n");
    let contents: &[(&str, Vec<u8>)] = &[
        ("empty", vec![]),
        ("nothing", b"\n\n#\n".to_vec()),
        ("a word", CANARY.into()),
        ("binary", vec![0xff; 100]),
        ("nul", vec![0; 100]),
        ("naming alone", format!("naming:{A}").into()),
        ("no naming", format!("1:{A}").into()),
        ("two namings", format!("naming:{A}\nnaming:{B}").into()),
        ("short key", format!("naming:{A}\n1:AAAA").into()),
        ("no base64", format!("naming:{A}\n1:{CANARY}").into()),
        ("same key", format!("naming:{A}\n1:{A}").into()),
        (
            "same id",
            format!("naming:{A}\n1:{B}\n1:AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").into(),
        ),
        (
            "odd id",
            format!("naming:{A}\n{CANARY} {CANARY}:{B}").into(),
        ),
        (
            "long id",
            format!("naming:{A}\n{}:{B}", CANARY.repeat(10)).into(),
        ),
        ("no id", format!("naming:{A}\n:{B}").into()),
        ("colons", ":".repeat(1_000).into()),
        ("commas and a word", format!(",,,,{CANARY},,,").into()),
        (
            "larger than a file of keys",
            format!("#{}\n{whole}", "x".repeat(65_536)).into(),
        ),
        ("cut", whole.as_bytes()[..70].to_vec()),
        (
            "utf 16",
            whole.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
    ];
    for (name, bytes) in contents {
        let path = folder.file(name, bytes);
        let before = std::fs::read(&path).expect("it is ours");
        for verb in [
            &["status"][..],
            &["rotate-key", "--add", "second"],
            &["rotate-key", "--promote", "1"],
        ] {
            let words = [
                &["store"],
                verb,
                &["--store", &store, "--store-keys", &path],
            ]
            .concat();
            attack(&format!("keys: {name} {verb:?}"), command(&words), &[3, 70]);
        }
        assert_eq!(std::fs::read(&path).expect("it is ours"), before, "{name}");
        let text = String::from_utf8_lossy(bytes).replace('\0', "");
        if text.len() < 10_000 {
            let mut command = command(&["store", "status", "--store", &store]);
            command.env("HUMANAPI_STORE_KEYS", text);
            // Some are whole here, and then there is no store.
            attack(
                &format!("keys in the environment: {name}"),
                command,
                &[2, 3],
            );
        }
    }
    let open = folder.file("open", whole.as_bytes());
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o666)).expect("it is ours");
    for path in [
        "",
        "/",
        "/dev/zero",
        "/dev/null",
        "/nowhere/keys",
        &folder.text("loop"),
        &open,
    ] {
        let words = ["store", "status", "--store", &store, "--store-keys", path];
        attack(&format!("keys at {path}"), command(&words), &[2, 3, 70]);
        let words = [
            "store",
            "init",
            "--new-keys",
            "--store",
            &store,
            "--store-keys",
            path,
        ];
        attack(&format!("new keys at {path}"), command(&words), &[2, 70]);
    }
    assert!(!folder.path("tokens.db").exists(), "no store was made");
}

#[test]
fn stores_are_whole_or_refused() {
    let folder = Folder::new();
    let keys = folder.file("keys", format!("naming:{A}\n1:{B}\n").as_bytes());
    let garbage = folder.file("garbage", &[0xa5; 10_000]);
    let header = folder.file("header", b"SQLite format 3\0canary7");
    let empty = folder.file("empty", b"");
    for place in [
        "/",
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/proc/self/mem",
        "/nowhere/tokens.db",
        &folder.text(""),
        &folder.text(&"long".repeat(1_200)),
        &folder.text("odd\u{1b}[2J\n"),
        &garbage,
        &header,
        &empty,
    ] {
        let store = format!("sqlite:{place}");
        let short: String = place.chars().take(60).collect();
        for verb in ["status", "purge", "rotate-key"] {
            let words = ["store", verb, "--store", &store, "--store-keys", &keys];
            attack(
                &format!("{verb} of {short}"),
                command(&words),
                &[2, 5, 6, 70],
            );
        }
    }
    for (store, url) in [
        ("redis", "canary7"),
        ("redis", "redis://:canary7@127.0.0.1:1/canary7"),
        ("redis", "redis://:canary7@[::1"),
        ("redis", "http://:canary7@127.0.0.1:1"),
        ("redis", "redis+unix:///canary7"),
        ("redis", "rediss://:canary7@127.0.0.1:1"),
        ("postgres", "canary7"),
        ("postgres", "postgres://a:canary7@127.0.0.1:1/x"),
        ("postgres", "postgres://a:canary7@127.0.0.1:99999999/x"),
        (
            "postgres",
            "postgres://a:canary7@127.0.0.1:1/x?sslmode=canary7",
        ),
        (
            "postgres",
            "postgres://a:canary7@127.0.0.1:1/x?sslrootcert=/nowhere&sslmode=verify-full",
        ),
        ("postgres", "host=127.0.0.1 password=canary7"),
    ] {
        let words = ["store", "status", "--store", store, "--store-keys", &keys];
        let mut command = command(&words);
        command.env("HUMANAPI_STORE_URL", url);
        attack(&format!("{store} at {url}"), command, &[2, 3, 5, 6]);
    }
}
