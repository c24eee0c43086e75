//! The verb `store`, and tokens that come from a store.
//!
//! One piece: each verb about stores, over the same stores and keys.
#![cfg(feature = "store")]

mod support;

use std::path::Path;
use std::process::Command;

use humanapi_sandbox::{AppCredentials, DemoApp, Sandbox};
use serde_json::Value;
use support::{Run, humanapi, run};

/// A folder with a store's file and its keys.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn command(&self, words: &[&str]) -> Command {
        let store = format!("sqlite:{}", self.path("tokens.db"));
        let keys = self.path("keys.txt");
        humanapi([words, &["--store", &store, "--store-keys", &keys]].concat())
    }

    fn run(&self, words: &[&str]) -> Run {
        run(&mut self.command(words))
    }

    /// What is in the folder, without what SQLite leaves there while it is used.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("it is our own folder");
        let names = entries.map(|entry| entry.expect("it can be read").file_name());
        let mut names: Vec<String> = names
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
            .collect();
        names.sort();
        names
    }

    /// Changes the keys, and kills whoever does it after a while. Gives what was said, if all was said.
    #[cfg(unix)]
    fn run_and_kill(
        &self,
        step: &str,
        id: &str,
        kill: Option<std::time::Duration>,
    ) -> Option<String> {
        use std::io::Read as _;
        use std::process::Stdio;

        let mut command = self.command(&["store", "rotate-key", step, id]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .expect("the command was built for this test");
        if let Some(after) = kill {
            std::thread::sleep(after);
            child.kill().expect("it is our own child");
        }
        let (mut told, mut error) = (String::new(), String::new());
        let mut stdout = child.stdout.take().expect("it is piped");
        stdout.read_to_string(&mut told).expect("it writes UTF-8");
        let mut stderr = child.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut error).expect("it writes UTF-8");
        let ended = child.wait().expect("it is our own child");
        assert!(kill.is_some() || ended.success(), "{step} {id}: {error}");
        told.ends_with('\n').then_some(told)
    }

    fn set_up() -> Self {
        let place = Self::new();
        let told = place.run(&["store", "init", "--new-keys"]);
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
        place
    }

    fn token(&self, sandbox: &Sandbox, app: &AppCredentials, words: &[&str]) -> Value {
        let words = [
            &["token"],
            words,
            &["--reveal", "--base-url", sandbox.url()],
        ]
        .concat();
        let mut command = self.command(&words);
        command
            .env("HUMANAPI_CLIENT_ID", &app.client_id)
            .env("HUMANAPI_CLIENT_SECRET", &app.client_secret);
        json(&run(&mut command))
    }
}

#[track_caller]
fn json(told: &Run) -> Value {
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    serde_json::from_str(&told.stdout).expect("one line of JSON")
}

/// A sandbox and an application with one user, who has connected a source.
fn connected() -> (Sandbox, AppCredentials) {
    let sandbox = Sandbox::start().expect("loopback has free ports");
    let app = sandbox.app(DemoApp::Connect);
    let mut command = humanapi([
        "token",
        "session",
        "--user",
        "p17",
        "--base-url",
        sandbox.url(),
    ]);
    command
        .env("HUMANAPI_CLIENT_ID", &app.client_id)
        .env("HUMANAPI_CLIENT_SECRET", &app.client_secret);
    json(&run(&mut command));
    let control = sandbox.control();
    control
        .connect_source(&app.client_id, "p17", "strider")
        .expect("there is such a source");
    (sandbox, app)
}

#[test]
fn a_token_is_exchanged_once_and_then_comes_from_the_store() {
    let (sandbox, app) = connected();
    let place = Place::set_up();
    let access = ["access", "--user", "p17"];
    let first = place.token(&sandbox, &app, &access);
    assert_eq!(
        place.token(&sandbox, &app, &access)["token"],
        first["token"]
    );
    assert_eq!(sandbox.control().exchanges().access, 1);
    let connect = ["connect", "--user", "p17"];
    let first = place.token(&sandbox, &app, &connect);
    assert_eq!(first["kind"], "id");
    assert_eq!(
        place.token(&sandbox, &app, &connect)["token"],
        first["token"]
    );
    assert_eq!(sandbox.control().exchanges().id, 1);
    let status = json(&place.run(&["store", "status"]));
    assert_eq!(
        (&status["live_tokens"], &status["rows"]),
        (&2.into(), &2.into()),
        "{status}"
    );
    let file = std::fs::read(place.path("tokens.db")).expect("the store is a file");
    let holds = |secret: &str| {
        file.windows(secret.len())
            .any(|part| part == secret.as_bytes())
    };
    assert!(!holds(first["token"].as_str().expect("a token")) && !holds("p17"));
}

#[test]
fn the_sealing_key_changes_in_three_steps_and_tokens_stay() {
    let (sandbox, app) = connected();
    let place = Place::set_up();
    let access = ["access", "--user", "p17"];
    let token = place.token(&sandbox, &app, &access);
    for step in [&["--add", "second"][..], &["--promote", "second"]] {
        let told = place.run(&[&["store", "rotate-key"], step].concat());
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
        assert_eq!(
            place.token(&sandbox, &app, &access)["token"],
            token["token"]
        );
    }
    assert_eq!(
        json(&place.run(&["store", "status"]))["tokens_to_rotate"],
        1
    );
    let rotated = json(&place.run(&["store", "rotate-key"]));
    assert_eq!(rotated["resealed"], 1, "{rotated}");
    let status = json(&place.run(&["store", "status"]));
    assert_eq!(status["tokens_by_key"]["second"], 1, "{status}");
    assert_eq!(
        place.token(&sandbox, &app, &access)["token"],
        token["token"]
    );
    assert_eq!(sandbox.control().exchanges().access, 1);
    assert_eq!(json(&place.run(&["store", "purge"]))["purged"], 0);
}

#[track_caller]
fn check(told: &Run, code: i32, says: &str) {
    assert_eq!(told.code, Some(code), "{told:?}");
    let count = told.stderr.lines().count();
    assert!(
        (2..=3).contains(&count),
        "a line of cause, one of what caused it, one of help: {told:?}"
    );
    assert!(told.stderr.contains(says), "{told:?}");
    assert!(!told.stderr.contains("canary"), "{told:?}");
    assert_eq!(told.stdout, "", "{told:?}");
}

#[test]
fn mistakes_are_told_in_two_lines_without_secrets() {
    let place = Place::new();
    check(&place.run(&["store", "status"]), 3, "keys");
    let place = Place::set_up();
    check(&place.run(&["store", "init", "--new-keys"]), 70, "already");
    let keys = place.path("keys.txt");
    let with = |store: &str| humanapi(["store", "status", "--store", store, "--store-keys", &keys]);
    check(
        &run(&mut with("postgres://me:canary@db.example.test/x")),
        2,
        "no store",
    );
    check(&run(&mut with("redis")), 3, "HUMANAPI_STORE_URL");
    let mut unreachable = with("redis");
    unreachable.env("HUMANAPI_STORE_URL", "redis://:canary@127.0.0.1:1/0");
    check(&run(&mut unreachable), 5, "store");
    let mut wrong = with("postgres");
    wrong.env("HUMANAPI_STORE_URL", "mysql://me:canary@127.0.0.1:1/x");
    check(&run(&mut wrong), 2, "postgres://");
    check(
        &place.run(&["store", "rotate-key", "--promote", "none"]),
        2,
        "no sealing key of this id",
    );
    check(
        &place.run(&["store", "rotate-key", "--promote", "naming"]),
        2,
        "not `naming`",
    );
    let elsewhere = format!("sqlite:{}", place.path("other.db"));
    let told = run(&mut with(&elsewhere));
    check(&told, 2, "store init");
    assert!(
        !Path::new(&place.path("other.db")).exists(),
        "asking makes no store"
    );
}

/// The token came, and one line tells that the store had no part in it.
#[track_caller]
fn served_with_a_warning(told: &Run) {
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.stderr.lines().count(), 1, "{told:?}");
    assert!(told.stderr.starts_with("warning: "), "{told:?}");
    assert!(told.stdout.contains("\"kind\":\"access\""), "{told:?}");
    assert!(!told.stderr.contains("canary"), "{told:?}");
}

#[test]
fn a_store_that_fails_costs_nobody_a_token() {
    let (sandbox, app) = connected();
    let place = Place::set_up();
    let keys = place.path("keys.txt");
    let access = [
        "token",
        "access",
        "--user",
        "p17",
        "--base-url",
        sandbox.url(),
    ];
    let armed = |mut command: Command| {
        command
            .env("HUMANAPI_CLIENT_ID", &app.client_id)
            .env("HUMANAPI_CLIENT_SECRET", &app.client_secret);
        command
    };
    for (store, url) in [
        ("redis", "redis://:canary@127.0.0.1:1"),
        ("postgres", "postgres://me:canary@127.0.0.1:1/x"),
    ] {
        let words = [&access[..], &["--store", store, "--store-keys", &keys]].concat();
        let mut command = armed(humanapi(words));
        served_with_a_warning(&run(command.env("HUMANAPI_STORE_URL", url)));
    }
    // A mistake in the setting is told, and not gone around.
    let store = format!("sqlite:{}", place.path("other.db"));
    let words = [&access[..], &["--store", &store, "--store-keys", &keys]].concat();
    check(&run(&mut armed(humanapi(words))), 2, "store init");
}

#[cfg(unix)]
#[test]
fn a_full_disk_costs_nobody_a_token() {
    let (sandbox, app) = connected();
    // SQLite can open a store on a full disk only while another process has it open.
    for is_open in [false, true] {
        let place = Place::set_up();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let store = runtime.block_on(async {
            let keys = humanapi_store::SealingKeys::from_file(place.path("keys.txt")).unwrap();
            let store = humanapi_store::SqliteStore::open(place.path("tokens.db"), keys).await;
            if is_open {
                store.check().await.unwrap();
            }
            store
        });
        let access = [
            "token",
            "access",
            "--user",
            "p17",
            "--base-url",
            sandbox.url(),
        ];
        let command = place.command(&access);
        let shell = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
        let mut limited = Command::new("sh");
        limited
            .args(["-c", shell])
            .arg(command.get_program())
            .args(command.get_args())
            .env("HUMANAPI_CLIENT_ID", &app.client_id)
            .env("HUMANAPI_CLIENT_SECRET", &app.client_secret);
        served_with_a_warning(&run(&mut limited));
        drop(store);
    }
}

#[test]
fn every_step_prints_json() {
    let place = Place::new();
    let step = |words: &[&str]| json(&place.run(&[&["store"], words].concat()));
    let set_up = step(&["init", "--new-keys", "--json"]);
    assert_eq!(set_up["set_up"], true);
    assert_eq!(set_up["writes"], "first");
    assert_eq!(set_up["new_keys"], place.path("keys.txt"));
    let again = step(&["init"]);
    assert_eq!(
        (&again["set_up"], again.get("new_keys")),
        (&true.into(), None)
    );
    let added = step(&["rotate-key", "--add", "second", "--json"]);
    assert_eq!(
        added,
        serde_json::json!({"added": "second", "writes": "first"})
    );
    let promoted = step(&["rotate-key", "--promote", "second"]);
    assert_eq!(
        promoted,
        serde_json::json!({"promoted": "second", "writes": "second"})
    );
    assert_eq!(step(&["rotate-key", "--json"])["resealed"], 0);
    assert_eq!(step(&["status"])["newest_key"], "second");
    assert_eq!(step(&["purge"])["purged"], 0);
    let told = place.run(&["store", "rotate-key", "--promote", "first", "--table"]);
    assert!(told.stdout.starts_with("Key first writes now."), "{told:?}");
}

#[test]
fn a_file_of_one_line_is_changed_like_one_of_many() {
    let place = Place::set_up();
    let path = place.path("keys.txt");
    let lines = std::fs::read_to_string(&path).unwrap();
    let one_line = lines.trim_end().replace('\n', ",");
    std::fs::write(&path, one_line).unwrap();
    for step in [["--add", "second"], ["--promote", "second"]] {
        json(&place.run(&[&["store", "rotate-key"], &step[..]].concat()));
    }
    assert_eq!(
        json(&place.run(&["store", "status"]))["newest_key"],
        "second"
    );
}

#[test]
fn a_wrong_store_changes_no_keys_and_leaves_none_behind() {
    let place = Place::set_up();
    let other = Place::set_up();
    let before = std::fs::read(place.path("keys.txt")).unwrap();
    let fresh = place.path("fresh.txt");
    let keys = place.path("keys.txt");
    let missing = format!("sqlite:{}", place.path("no/such/folder.db"));
    let others = format!("sqlite:{}", other.path("tokens.db"));
    let nowhere = "redis://:canary@127.0.0.1:1";
    for (store, url) in [
        (missing.as_str(), ""),
        (others.as_str(), ""),
        ("sqlite:", ""),
        ("nonsense", ""),
        ("redis", ""),
        ("redis", nowhere),
        ("postgres", "postgres://me:canary@127.0.0.1:1/x"),
        ("postgres", nowhere),
    ] {
        let steps: [&[&str]; 3] = [
            &["init", "--new-keys", "--store-keys", &fresh],
            &["rotate-key", "--add", "second", "--store-keys", &keys],
            &["rotate-key", "--promote", "first", "--store-keys", &keys],
        ];
        for step in steps {
            let mut command = humanapi([&["store"], step, &["--store", store]].concat());
            let told = run(command.env("HUMANAPI_STORE_URL", url));
            assert!(matches!(told.code, Some(2 | 3 | 5)), "{store}: {told:?}");
            assert!(!told.stderr.contains("canary"), "{told:?}");
        }
    }
    assert_eq!(std::fs::read(place.path("keys.txt")).unwrap(), before);
    assert_eq!(place.names(), ["keys.txt", "tokens.db"]);
}

#[test]
fn a_missing_file_is_named_with_a_way_out() {
    let place = Place::set_up();
    let lost = place.path("lost.txt");
    let store = format!("sqlite:{}", place.path("tokens.db"));
    let told = run(&mut humanapi([
        "store",
        "status",
        "--store",
        &store,
        "--store-keys",
        &lost,
    ]));
    check(
        &told,
        3,
        &format!("there is no file with sealing keys at {lost}"),
    );
    assert!(told.stderr.contains("--new-keys"), "{told:?}");
    let lost = place.path("lost.db");
    let keys = place.path("keys.txt");
    let store = format!("sqlite:{lost}");
    let told = run(&mut humanapi([
        "store",
        "status",
        "--store",
        &store,
        "--store-keys",
        &keys,
    ]));
    check(&told, 2, &lost);
    assert!(told.stderr.contains("humanapi store init"), "{told:?}");
}

#[cfg(unix)]
#[test]
fn new_keys_are_for_their_owner_alone() {
    let place = Place::set_up();
    assert_eq!(mode(&place.path("keys.txt")), 0o600);
    place.run(&["store", "rotate-key", "--add", "second"]);
    assert_eq!(mode(&place.path("keys.txt")), 0o600);
}

#[cfg(unix)]
fn mode(path: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;

    let file = std::fs::metadata(path).expect("it is there");
    file.permissions().mode() & 0o7777
}

#[cfg(unix)]
#[test]
fn mode_owner_and_link_of_the_file_of_keys_stay() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown, symlink};

    let place = Place::set_up();
    let (real, link) = (place.path("real"), place.path("keys.txt"));
    std::fs::rename(&link, &real).unwrap();
    symlink("real", &link).unwrap();
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
    // Root may give it to anybody; others have to do without.
    let given = chown(&real, None, Some(64_990)).is_ok();
    for step in [["--add", "second"], ["--promote", "second"]] {
        json(&place.run(&[&["store", "rotate-key"], &step[..]].concat()));
    }
    assert_eq!(mode(&real), 0o640);
    assert!(!given || std::fs::metadata(&real).unwrap().gid() == 64_990);
    assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("real"));
    assert_eq!(
        json(&place.run(&["store", "status"]))["newest_key"],
        "second"
    );
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_keys_as_they_were() {
    let place = Place::set_up();
    let path = place.path("keys.txt");
    let keys = std::fs::read_to_string(&path).unwrap();
    // Larger than the limit below, while the files that SQLite makes are smaller.
    let remarks = format!("# {}\n", "r".repeat(997)).repeat(60);
    let before = format!("{remarks}{keys}");
    std::fs::write(&path, &before).unwrap();
    let command = place.command(&["store", "rotate-key", "--add", "second"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 90; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args());
    check(&run(&mut limited), 70, "cannot be");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    assert_eq!(place.names(), ["keys.txt", "tokens.db"]);
    json(&place.run(&["store", "rotate-key", "--add", "second"]));
}

/// Eight at once add and promote, and many are killed at any moment.
#[cfg(unix)]
#[test]
fn no_key_that_was_reported_is_lost_whoever_is_killed() {
    use std::sync::Mutex;
    use std::time::Duration;

    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    let rounds = if deep { 60 } else { 8 };
    let place = Place::set_up();
    let reported = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for process in 0..8_u64 {
            let (place, reported) = (&place, &reported);
            scope.spawn(move || {
                // Marsaglia's xorshift: moments that are all over the run, and the same each time.
                let mut moment = 0x9e37_79b9_7f4a_7c15 ^ (process + 1);
                for round in 0..rounds {
                    let id = format!("{process}-{round}");
                    for step in ["--add", "--promote"] {
                        moment ^= moment << 13;
                        moment ^= moment >> 7;
                        moment ^= moment << 17;
                        let kill = moment.is_multiple_of(2).then_some(moment % 97);
                        let told = place.run_and_kill(step, &id, kill.map(Duration::from_millis));
                        let Some(told) = told else { break };
                        let line: Value = serde_json::from_str(&told).expect("a line of JSON");
                        if step == "--add" {
                            assert_eq!(line["added"], id.as_str());
                            reported.lock().unwrap().push(id.clone());
                        } else {
                            assert_eq!(line["writes"], id.as_str());
                        }
                    }
                }
            });
        }
    });
    let keys = humanapi_store::SealingKeys::from_file(place.path("keys.txt"));
    let keys = keys.expect("the file is whole");
    let reported = reported.into_inner().unwrap();
    assert!(reported.len() > rounds as usize, "{}", reported.len());
    for id in &reported {
        assert!(keys.ids().any(|there| there == id), "{id} is lost");
    }
    json(&place.run(&["store", "rotate-key", "--add", "last"]));
    json(&place.run(&["store", "rotate-key", "--promote", "last"]));
    let names = place.names();
    let left = names.iter().filter(|name| name.starts_with(".keys"));
    assert_eq!(left.count(), 0, "{names:?}");
}

/// A token access through the store of this place, by a command that something was done to.
fn access(place: &Place, sandbox: &Sandbox, app: &AppCredentials, words: &[&str]) -> Run {
    let inner = place.command(&[
        "token",
        "access",
        "--user",
        "p17",
        "--base-url",
        sandbox.url(),
    ]);
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .arg(inner.get_program())
        .args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .env("HUMANAPI_CLIENT_ID", &app.client_id)
        .env("HUMANAPI_CLIENT_SECRET", &app.client_secret)
        .stdin(std::process::Stdio::null());
    run(&mut command)
}

#[track_caller]
fn is_served_with_one_warning(told: &Run) {
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.starts_with("{\"kind\":\"access\""), "{told:?}");
    assert_eq!(told.stderr.lines().count(), 1, "{told:?}");
    assert!(told.stderr.starts_with("warning: "), "{told:?}");
}

/// The store is there to share tokens; whoever wants one gets it without.
#[cfg(unix)]
#[test]
fn a_store_that_fails_costs_a_warning_and_no_token() {
    let (sandbox, app) = connected();
    let place = Place::set_up();
    // No file of this process may grow, as on a full disk.
    let full = ["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"];
    is_served_with_one_warning(&access(&place, &sandbox, &app, &full));

    let file = place.path("tokens.db");
    let whole = std::fs::read(&file).expect("it is there");
    std::fs::write(&file, &whole[..whole.len() / 2]).expect("it is ours");
    is_served_with_one_warning(&access(&place, &sandbox, &app, &["env"]));
    std::fs::write(&file, &whole).expect("it is ours");

    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&file, mode).expect("it is ours");
    let told = access(&place, &sandbox, &app, &["env"]);
    is_served_with_one_warning(&told);
    assert!(told.stderr.contains(&file), "{told:?}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).expect("it is ours");
    let told = access(&place, &sandbox, &app, &["env"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
}

/// A refused password has a code of its own: nobody need read the message to know what to correct.
#[cfg(unix)]
#[test]
fn a_refused_password_of_the_store_has_its_own_code() {
    let Some(server) = humanapi_testkit::servers::RedisServer::start("humanapi-cli: store") else {
        return;
    };
    let place = Place::set_up();
    let keys = place.path("keys.txt");
    let words = ["store", "status", "--store", "redis", "--store-keys", &keys];
    let url = server.url();
    for (url, code) in [
        (url.replace("canary-password", "canary-wrong"), 7),
        (url, 0),
    ] {
        let told = run(humanapi(words).env("HUMANAPI_STORE_URL", url));
        assert_eq!(told.code, Some(code), "{told:?}");
        assert!(!told.stderr.contains("canary"), "{told:?}");
    }
}

/// Keys that a store may have taken are not thrown away, and a store that could not be set up took none.
#[cfg(unix)]
#[test]
fn a_store_that_was_not_set_up_holds_no_mark_of_keys_that_are_gone() {
    use std::io::{Read as _, Write as _};

    let test = "humanapi-cli: store permissions";
    let Some(server) = humanapi_testkit::servers::RedisServer::start(test) else {
        return;
    };
    let say = |line: &str| {
        let address = ("127.0.0.1", server.port());
        let mut stream = std::net::TcpStream::connect(address).expect("it runs");
        write!(stream, "AUTH canary-password\r\n{line}\r\nQUIT\r\n").expect("it runs");
        let mut told = String::new();
        stream.read_to_string(&mut told).expect("it hangs up");
        assert_eq!(told, "+OK\r\n".repeat(3), "{line}");
    };
    let url = server.url().replace("://:", "://canary-user:");
    let init = |place: &Place, words: &[&str]| {
        let keys = place.path("keys.txt");
        let init = ["store", "init", "--store", "redis", "--store-keys", &keys];
        run(humanapi([&init, words].concat()).env("HUMANAPI_STORE_URL", &url))
    };
    let able = "ACL SETUSER canary-user reset on >canary-password ~humanapi:* +@all";
    for missing in ["hdel", "getrange", "set"] {
        say("FLUSHALL");
        say(&format!("{able} -{missing}"));
        let place = Place::new();
        let told = init(&place, &["--new-keys"]);
        check(&told, 2, &format!("run {}", missing.to_uppercase()));
        assert_eq!(place.names(), ["keys.txt"], "{missing}");
        assert!(told.stderr.contains("without --new-keys"), "{told:?}");
        say(able);
        // Whichever way they go on.
        if missing == "hdel" {
            std::fs::remove_file(place.path("keys.txt")).expect("it is there");
            json(&init(&place, &["--new-keys"]));
        }
        json(&init(&place, &[]));
    }
    let other = Place::new();
    check(&init(&other, &["--new-keys"]), 2, "another naming key");
    assert!(other.names().is_empty(), "no store took these");
}
