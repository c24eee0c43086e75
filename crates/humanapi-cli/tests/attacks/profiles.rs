//! Configurations that are none, that lie or that belong to somebody else, and paths that lead astray.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::{CANARY, Folder, at_least, attack, command};

/// What reads the configuration, and what would change it.
const VERBS: [&[&str]; 4] = [
    &["config", "show"],
    &["config", "set", "timeout", "5s"],
    &["config", "remove", "default"],
    &["token", "client", "--auth-url", "http://127.0.0.1:1"],
];

fn with(file: &str, words: &[&str]) -> Command {
    let mut command = command(words);
    command.env("HUMANAPI_CONFIG", file);
    command
}

#[test]
fn configurations_are_whole_or_refused_and_stay_as_they_were() {
    let deep = format!("a = {}", "[".repeat(20_000));
    let dotted = format!("{} = 1", vec!["a"; 20_000].join("."));
    let many: String = (0..5_000).map(|at| format!("[profiles.p{at}]\n")).collect();
    let large = format!("#{}\n", "x".repeat(65_536));
    let contents: &[(&str, &[u8])] = &[
        ("a word", b"canary7"),
        ("binary", &[0xff; 100]),
        ("nul", b"profile = \"a\0canary7\""),
        ("utf 16", b"\xff\xfep\0r\0o\0"),
        ("open text", b"profile = \"canary7"),
        ("open table", b"[profiles.canary7"),
        (
            "twice",
            b"[profiles.a]\nclient_id=\"canary7\"\nclient_id=\"canary7\"",
        ),
        ("twice a table", b"[profiles.a]\n[profiles.a]\n"),
        ("deep", deep.as_bytes()),
        ("dotted", dotted.as_bytes()),
        ("large", large.as_bytes()),
        ("unknown", b"canary7 = 1"),
        ("unknown within", b"[profiles.a]\ncanary7 = \"canary7\""),
        ("number", b"profile = 7"),
        ("array", b"profiles = [\"canary7\"]"),
        ("tables", b"[[profiles]]\nname = \"canary7\""),
        ("profile of text", b"[profiles]\na = \"canary7\""),
        ("odd name", b"[profiles.\"../canary7\"]"),
        ("steering name", b"[profiles.\"\\u001b[2Jcanary7\"]"),
        ("empty name", b"[profiles.\"\"]"),
        (
            "long name",
            b"[profiles.canary7canary7canary7canary7canary7canary7canary7canary7canary7canary7]",
        ),
        ("odd choice", b"profile = \"\\u001b[2Jcanary7\""),
        ("secret", b"[profiles.a]\nclient_secret = \"canary7\""),
        ("secret above", b"secret = \"canary7\""),
        (
            "two secrets",
            b"[profiles.a]\nsecret_file=\"/canary7\"\nsecret_command=[\"canary7\"]",
        ),
        (
            "no variable",
            b"[profiles.a]\nsecret_variable = \"canary7\"",
        ),
        ("no words", b"[profiles.a]\nsecret_command = []"),
        (
            "words that are none",
            b"[profiles.a]\nsecret_command = [\"canary7\", 7]",
        ),
        ("no text", b"[profiles.a]\nclient_id = 7"),
        (
            "address",
            b"[profiles.a]\nbase_url = \"https://canary7@a.test\"",
        ),
        (
            "plain http",
            b"[profiles.a]\ndata_url = \"http://canary7.test\"",
        ),
        (
            "steering address",
            b"[profiles.a]\nauth_url = \"http://127.0.0.1/\\u001b[2Jcanary7\"",
        ),
        ("time", b"[profiles.a]\ntimeout = \"canary7\""),
        ("negative time", b"[profiles.a]\ntimeout = -1"),
        ("stack", b"[profiles.a]\nadapter = \"canary7\""),
        ("provisioning", b"[profiles.a]\nprovisioning = \"canary7\""),
        ("inline", b"profiles = { a = { canary7 = 1 } }"),
        ("lost choice", b"profile = \"lost\"\n[profiles.a]"),
    ];
    let folder = Folder::new();
    for (name, bytes) in contents {
        for words in VERBS {
            // Some changes make it right.
            let path = folder.file("config", bytes);
            let name = format!("{name}: {words:?}");
            attack(&name, with(&path, words), &[0, 2]);
            if !words.contains(&"set") && !words.contains(&"remove") {
                attack(&name, with(&path, words), &[2]);
            }
        }
    }
    // These are right, if odd ones.
    let odd: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("mark", b"\xef\xbb\xbf"),
        ("carriage returns", b"[profiles.default]\r\ntimeout = 5\r\n"),
        ("comments", b"# canary7\n"),
        ("many", many.as_bytes()),
        ("inline", b"profiles = { default = { timeout = 5 } }"),
        ("dots", b"profiles.default.timeout = 5"),
    ];
    for (name, bytes) in odd {
        let path = folder.file("config", bytes);
        for words in VERBS {
            attack(
                &format!("{name}: {words:?}"),
                with(&path, words),
                &[0, 2, 5],
            );
        }
    }
    at_least("configurations", contents.len() + odd.len());
}

#[test]
fn what_is_no_file_of_ones_own_is_refused() {
    let folder = Folder::new();
    symlink("loop", folder.path("loop")).expect("a link can be made");
    let fifo = folder.fifo("fifo");
    let open = folder.file(
        "open",
        b"[profiles.default]\nsecret_command = [\"sh\", \"-c\", \"echo canary7\"]\n",
    );
    for mode in [0o666, 0o620, 0o602] {
        std::fs::set_permissions(&open, PermissionsExt::from_mode(mode)).expect("it is ours");
        for words in VERBS {
            attack(
                &format!("mode {mode:o}: {words:?}"),
                with(&open, words),
                &[2],
            );
        }
    }
    for path in [
        "/",
        "/dev/zero",
        "/dev/full",
        "/dev/null",
        "/proc/self/mem",
        "/dev/null/config.toml",
        &fifo,
        &folder.text(""),
        &folder.text("loop"),
        &folder.text("odd\n\u{1b}[2J/config.toml"),
        &folder.text(&"long".repeat(1_200)),
    ] {
        for words in VERBS {
            let short: String = path.chars().take(60).collect();
            attack(
                &format!("{short}: {words:?}"),
                with(path, words),
                &[0, 2, 5, 70],
            );
        }
    }
    // Nothing is left beside what is no file.
    for lock in [
        "/.lock",
        "/dev/zero.lock",
        "/dev/full.lock",
        "/dev/null.lock",
    ] {
        assert!(!std::path::Path::new(lock).exists(), "{lock}");
    }
}

/// What a profile has run is told by how it ends, whatever it says.
#[test]
fn commands_that_give_no_secret_are_told_and_not_repeated() {
    let folder = Folder::new();
    for (name, script) in [
        ("nothing", "true canary7"),
        ("a refusal", "echo canary7; exit 3"),
        ("a signal", "echo canary7; kill -9 $$"),
        ("endless", "yes canary7"),
        ("binary", "printf '\\377canary7'"),
        ("lines", "printf 'canary7\\ncanary7\\n\\n'"),
    ] {
        let text = format!(
            "[profiles.default]\nclient_id = \"a\"\nsecret_command = [\"sh\", \"-c\", {script:?}]\n"
        );
        let path = folder.file("config", text.as_bytes());
        let mut command = with(
            &path,
            &["token", "client", "--base-url", "http://127.0.0.1:1"],
        );
        command.env_remove("HUMANAPI_CLIENT_ID");
        command.env_remove("HUMANAPI_CLIENT_SECRET");
        attack(name, command, &[3]);
        attack(name, with(&path, &["config", "show"]), &[0]);
    }
}

#[test]
fn paths_that_lead_astray_lead_nowhere() {
    let trap = format!("http://127.0.0.1:{}", crate::trap().0);
    let long = format!("/v1/human/{}", "x".repeat(60_000));
    let there = format!("{trap}/v1/human/profile");
    let at = there.replace("http://", "http://a:canary7@");
    let twice = format!("/v1/human/{there}");
    let paths = [
        "",
        "/",
        "canary7",
        "v1/human",
        "//127.0.0.1/v1/human",
        "/\\127.0.0.1/v1/human",
        "/v1/humans",
        "/v1/human\0",
        "/v1/human ",
        "/v1/human/\r\nHost: canary7",
        "/v1/human/\u{1b}[2J",
        "/v1/human/é",
        "/v1/human/%",
        "/v1/human/%zz",
        "/v1/human/.",
        "/v1/human/..",
        "/v1/human/../../api",
        "/v1/human/%2E%2e/x",
        "/v1/human/.%2e",
        "/v1/human/a\\..\\b",
        "/v1/human#canary7",
        "/v1/human?a='b'",
        "/api/../v1/human",
        "/v1/connect/token",
        "/v1/admin/token?client_secret=canary7",
        "/v1/apps/canary7/users",
        "/sandbox/users",
        "http://",
        "https://",
        "://",
        "file:///etc/passwd",
        "javascript:canary7://x",
        &there,
        &at,
        &long,
        &twice,
    ];
    at_least("calls", paths.len());
    for path in paths {
        let short: String = path.chars().take(60).collect();
        let nowhere = ["--user", "u", "--base-url", "http://127.0.0.1:1"];
        for more in [&["--include"][..], &["--paginate"]] {
            if path.contains('\0') {
                continue;
            }
            let words = [&["api", "GET", path], &nowhere[..], more].concat();
            attack(&short, command(&words), &[2, 3, 5]);
        }
    }
    let folder = Folder::new();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("a word", CANARY.as_bytes()),
        ("two", b"{} {\"canary7\":1}"),
        ("deep", &[b'['; 100_000]),
        ("binary", b"\"\xff\""),
    ] {
        let file = folder.file("body", bytes);
        let words = ["api", "POST", "/api/v1/users", "--input", &file];
        attack(name, command(&words), &[2]);
    }
    for file in ["/", "/dev/zero", "/nowhere/canary"] {
        let words = ["api", "POST", "/api/v1/users", "--input", file];
        attack(file, command(&words), &[2]);
    }
}
