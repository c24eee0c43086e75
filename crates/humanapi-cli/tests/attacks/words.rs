//! Command lines and environments that nobody should write.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use crate::{ANY, CANARY, at_least, attack, command, is_deep};

#[test]
fn command_lines_are_refused_and_not_repeated() {
    let long = CANARY.repeat(15_000);
    let unclear = format!("\u{202e}{CANARY}\u{1b}[2J\r\n");
    let lines: &[&[&str]] = &[
        &[],
        &[""],
        &["-"],
        &["--"],
        &["--", CANARY],
        &[CANARY],
        &[&long],
        &[&unclear],
        &["--canary7"],
        &["-canary7"],
        &["-vvvvvvvvcanary7"],
        &["@canary7"],
        &["--version=canary7"],
        &["--help=canary7"],
        &["help", CANARY],
        &["token"],
        &["token", CANARY],
        &["token", ""],
        &["token", "client", CANARY],
        &["token", "client", "--client-secret", CANARY],
        &["token", "client", "--client-secret=canary7"],
        &["token", "client", "--client-secret:canary7"],
        &["token", "client", "--client-secret canary7"],
        &["token", "client", "--CLIENT_SECRET=canary7"],
        &["token", "client", "\u{2014}client-secret", CANARY],
        &["token", "client", "-s", CANARY],
        &["token", "client", "-scanary7"],
        &["token", "client", "--secret-fil", CANARY],
        &["token", "client", "--json=canary7"],
        &["token", "client", "--json", "--table"],
        &["token", "client", "--json", "--json"],
        &["token", "client", "--reveal=canary7"],
        &["token", "client", "--adapter", CANARY],
        &["token", "client", "--adapter="],
        &["token", "client", "--user", CANARY],
        &["token", "client", "--client-id", "a", "--client-id", CANARY],
        &["--client-id", CANARY, "token", "client"],
        &["token", "--client-id", CANARY, "client"],
        &["token", "session"],
        &["token", "session", "--user"],
        &["token", "session", "--user="],
        &["token", "session", "--user", CANARY, CANARY],
        &["token", "access", "--user", "u", "--provisioning", CANARY],
        &["token", "connect", "--user", "u", "--status", CANARY],
        &["token", "client", "--base-url", CANARY],
        &["token", "client", "--base-url", &long],
        &["token", "client", "--base-url", &unclear],
        &[
            "token",
            "client",
            "--base-url",
            "http://canary7.example.test",
        ],
        &[
            "token",
            "client",
            "--base-url",
            "https://canary7@example.test",
        ],
        &[
            "token",
            "client",
            "--base-url",
            "https://a:canary7@127.0.0.1",
        ],
        &["token", "client", "--base-url", "http://127.0.0.1:99999999"],
        &["token", "client", "--base-url", "http://127.0.0.1:-1"],
        &["token", "client", "--base-url", "http://127.0.0.1:8o80"],
        &["token", "client", "--base-url", "http://[::1]canary7"],
        &[
            "token",
            "client",
            "--base-url",
            "http://127.0.0.1:1#canary7",
        ],
        &[
            "token",
            "client",
            "--base-url",
            "http://127.0.0.1:1?canary7",
        ],
        &["token", "client", "--base-url", "file:///etc/canary7"],
        &["token", "client", "--base-url", "unix:/tmp/canary7"],
        &["token", "client", "--base-url", "http://"],
        &["token", "client", "--base-url", ""],
        &["token", "client", "--auth-url", "https://canary7@a.test"],
        &["token", "client", "--profile", CANARY],
        &["token", "client", "--timeout", CANARY],
        &["token", "client", "--timeout", "99999999999999999999"],
        &["token", "client", "-vq"],
        &["token", "client", "-vcanary7"],
        &["config"],
        &["config", CANARY],
        &["config", "set", CANARY, CANARY],
        &["config", "set", "client_secret", CANARY],
        &["config", "set", "base_url", CANARY],
        &["config", "set", "secret_variable", CANARY],
        &["config", "set", "client_id"],
        &["config", "set", "client_id", "", CANARY],
        &["config", "unset", CANARY],
        &["config", "use", CANARY],
        &["config", "use", "\u{1b}[2Jcanary7"],
        &["config", "remove", CANARY],
        &["config", "show", "--profile", CANARY],
        &["man", CANARY],
        &["reference", CANARY],
        &["sandbox", CANARY],
        &["sandbox", "--port", CANARY],
        &["sandbox", "--port", "-1"],
        &["sandbox", "--port", "65536"],
        &["sandbox", "--port", "canary7\n1"],
        &["sandbox", "--seed", "99999999999999999999999999"],
        &["sandbox", "--seed", CANARY],
        &["sandbox", "--bind", CANARY],
        &["sandbox", "--allow-host", "http://canary7"],
        &["sandbox", "--app-origin", "http://127.0.0.1:canary7"],
        &["sandbox", "--app-origin", "http://a:canary7@127.0.0.1"],
        &["sandbox", "--callback", "javascript:canary7"],
        &["sandbox", "--callback", "http://[::1]canary7/back"],
        &["sandbox", "--assume", CANARY],
        &["sandbox", "--assume", "id-response=canary7"],
        &["sandbox", "--frozen-at", CANARY],
        &["sandbox", "--state", "/nowhere/canary"],
        &["demo", "--seed", CANARY],
        &["demo", "--adapter", CANARY],
        &["demo", CANARY],
        &["completions"],
        &["completions", CANARY],
        &["completions", "bash", CANARY],
        &["store"],
        &["store", CANARY],
        &["store", "init"],
        &["store", "init", "--store", CANARY],
        &["store", "init", "--store", "redis://:canary7@127.0.0.1:1"],
        &[
            "store",
            "init",
            "--store=postgres://a:canary7@127.0.0.1:1/x",
        ],
        &["store", "init", "--new-keys"],
        &["store", "status", "--store", "sqlite:", "--store-keys", "x"],
        &[
            "store",
            "rotate-key",
            "--store",
            "redis",
            "--add",
            CANARY,
            "--promote",
            CANARY,
        ],
        &["store", "rotate-key", "--store", "redis", "--add", ""],
        &["store", "rotate-key", "--store", "redis", "--add", &unclear],
        &[
            "store",
            "rotate-key",
            "--store",
            "redis",
            "--promote",
            CANARY,
        ],
    ];
    at_least("command lines", lines.len());
    for words in lines {
        attack(&format!("{words:?}"), command(words), &[2, 3]);
    }
}

#[test]
fn words_that_are_no_text_are_refused() {
    let odd = OsStr::from_bytes(b"\xff\xfecanary7");
    let lines = [
        &[][..],
        &["token"],
        &["token", "client", "--base-url"],
        &["token", "session", "--user"],
        &["sandbox", "--port"],
        &["store", "init", "--store"],
        &["completions"],
    ];
    at_least("odd words", lines.len());
    for words in lines {
        let mut command = command(words);
        command.arg(odd);
        attack(&format!("{words:?} and no text"), command, &[2, 3]);
    }
}

#[test]
fn environments_change_no_more_than_they_should() {
    let huge = "9".repeat(100_000);
    let odd = OsStr::from_bytes(b"\xff\xfecanary7");
    let variables: &[(&str, &OsStr)] = &[
        ("COLUMNS", OsStr::new("0")),
        ("COLUMNS", OsStr::new(&huge)),
        ("COLUMNS", OsStr::new("-1")),
        ("TERM", OsStr::new("canary7")),
        ("TERM", OsStr::new("")),
        ("LANG", OsStr::new("tr_TR.UTF-8")),
        ("LC_ALL", OsStr::new("canary7")),
        ("LC_ALL", odd),
        ("LANGUAGE", OsStr::new("ar:he")),
        ("TZ", OsStr::new("/dev/zero")),
        ("TZ", OsStr::new("canary7")),
        ("TMPDIR", OsStr::new("/nowhere")),
        ("HOME", odd),
        ("PATH", OsStr::new("")),
        ("RUST_BACKTRACE", OsStr::new("full")),
        ("RUST_LOG", OsStr::new("trace")),
        ("NO_COLOR", odd),
        ("RUST_MIN_STACK", OsStr::new("1")),
        ("SSL_CERT_FILE", OsStr::new("/nowhere")),
        ("SSL_CERT_DIR", OsStr::new("/nowhere")),
        ("NO_PROXY", OsStr::new("*canary7*")),
        ("HTTPS_PROXY", OsStr::new("canary7 canary7")),
        ("HUMANAPI_CLIENT_ID", odd),
        ("HUMANAPI_CLIENT_ID", OsStr::new("")),
        ("HUMANAPI_CLIENT_ID", OsStr::new(&huge)),
        ("HUMANAPI_CLIENT_ID", OsStr::new(" canary7")),
        ("HUMANAPI_CLIENT_SECRET", odd),
        ("HUMANAPI_CLIENT_SECRET", OsStr::new("")),
        ("HUMANAPI_CLIENT_SECRET", OsStr::new("canary7\n")),
        ("HUMANAPI_CLIENT_SECRET", OsStr::new("\u{feff}")),
        ("HUMANAPI_CLIENT_SECRET", OsStr::new("canary7\u{1b}[2J")),
        ("HUMANAPI_ADMIN_URL", OsStr::new("canary7")),
        ("HUMANAPI_AUTH_URL", odd),
        ("HUMANAPI_AUTH_URL", OsStr::new("https://canary7@a.test")),
        ("HUMANAPI_BASE_URL", OsStr::new("canary7\u{1b}[2J")),
        ("HUMANAPI_BASE_URL", odd),
        ("HUMANAPI_CONFIG", OsStr::new("/dev/zero")),
        ("HUMANAPI_CONFIG", OsStr::new("/")),
        ("HUMANAPI_CONFIG", odd),
        ("HUMANAPI_DATA_URL", OsStr::new("file:///canary7")),
        ("HUMANAPI_PROFILE", OsStr::new("canary7")),
        ("HUMANAPI_PROFILE", odd),
        ("HUMANAPI_PROVISIONING", OsStr::new("canary7")),
        ("HUMANAPI_TIMEOUT", OsStr::new("canary7")),
        ("HUMANAPI_TIMEOUT", OsStr::new(&huge)),
        ("HUMANAPI_TIMEOUT", OsStr::new("-1")),
    ];
    let lines = [
        &["--help"][..],
        &["token", "client", "--base-url", "http://127.0.0.1:1"],
    ];
    at_least("environments", variables.len() * lines.len());
    for (name, value) in variables {
        for words in lines {
            let mut command = command(words);
            command.env(name, value);
            attack(
                &format!("{name}={value:?} {words:?}"),
                command,
                &[0, 2, 3, 5],
            );
        }
    }
}

/// Words of the command's own and others in any order: most mean nothing, and none are repeated.
#[test]
fn words_in_any_order_are_told_by_their_place() {
    let words = [
        "token",
        "client",
        "session",
        "access",
        "store",
        "init",
        "status",
        "rotate-key",
        "--store",
        "--store-keys=/nowhere",
        "--add",
        "--promote",
        "--json",
        "--table",
        "--user",
        "--user=canary7",
        "--base-url=http://127.0.0.1:1",
        "--secret-file=/dev/null",
        "--reveal",
        "canary7",
        "--canary7",
        "-",
        "--",
        "",
        "sqlite:/nowhere/x",
        "--client-id=a",
        "--adapter=hyper",
        "--email",
        "--status=new",
        "completions",
        "--help",
        "-h",
        "-V",
        "--seed=canary7",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("it is small")
    };
    let rounds = if is_deep() { 2_000 } else { 40 };
    at_least("random lines", rounds);
    for _ in 0..rounds {
        let line: Vec<OsString> = (0..=draw(7))
            .map(|_| words[draw(words.len())].into())
            .collect();
        let mut command = command(&[]);
        command.args(&line);
        attack(&format!("{line:?}"), command, ANY);
    }
}
