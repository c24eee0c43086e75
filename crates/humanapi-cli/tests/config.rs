//! Settings from options, variables and profiles: which one counts, where each comes from, and how profiles are kept.
//!
//! One piece: each setting by each way to say it, in one home folder and by one reader of what was said.
#![cfg(all(unix, feature = "token"))]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use humanapi_sandbox::{DemoApp, Sandbox};
use serde_json::Value;
use support::{Run, humanapi, run};
use tempfile::TempDir;

/// A folder with a file of profiles, which is not there at first.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a folder"))
    }

    fn with(text: &str) -> Self {
        let home = Self::new();
        fs::write(home.file(), text).expect("there is room for a file");
        home
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("config.toml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("it is ours")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = humanapi(words);
        command.env("HUMANAPI_CONFIG", self.file());
        command
    }

    #[track_caller]
    fn done(&self, words: &[&str]) -> Run {
        let told = run(&mut self.command(words));
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
        told
    }

    /// Fails with this cause, in which FILE stands for the file.
    #[track_caller]
    fn fails(&self, words: &[&str], set: &[(&str, &str)], cause: &str, remedy: &str) {
        let told = run(self.command(words).envs(set.iter().copied()));
        let cause = cause.replace("FILE", &self.file().display().to_string());
        let wanted = format!("error: {cause}\nhelp: {remedy}\n");
        assert_eq!(told.stderr, wanted);
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    }

    /// The value of a setting, and where it comes from.
    #[track_caller]
    fn shown(&self, name: &str, words: &[&str], set: &[(&str, &str)]) -> (String, String) {
        let words = [&["config", "show"], words].concat();
        let told = run(self.command(&words).envs(set.iter().copied()));
        assert_eq!(told.code, Some(0), "{told:?}");
        let told: Value = serde_json::from_str(&told.stdout).expect("a line of JSON");
        let told = &told["settings"][name];
        let text = |part: &str| told[part].as_str().unwrap_or_default().to_owned();
        (text("value"), text("from"))
    }
}

const TWO: &str = r#"# what I use
profile = "sandbox" # for now

[profiles.default]
client_id = "of-default"

[profiles.sandbox]
client_id = "of-sandbox"
base_url = "http://127.0.0.1:7001"
data_url = "http://127.0.0.1:7002"
timeout = "5s"
"#;

/// The library reads the same variables: its tests hold it to the same lines.
const VARIABLES: &str = include_str!("../../humanapi/tests/environment.txt");

#[test]
fn a_variable_says_the_same_to_the_command_and_to_the_library() {
    let home = Home::new();
    for line in VARIABLES.lines() {
        let [variable, value, wanted] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let set = [
            ("HUMANAPI_CLIENT_ID", "my-app"),
            ("HUMANAPI_CLIENT_SECRET", "hush"),
            (variable, value),
        ];
        if let Some(wanted) = wanted.strip_prefix("error: ") {
            let (cause, remedy) = wanted.split_once("; ").expect("an error has a remedy");
            home.fails(
                &["config", "show"],
                &set,
                &format!("{variable}: {cause}"),
                remedy,
            );
            continue;
        }
        let shown = |name: &str| home.shown(name, &[], &set).0;
        let told = match variable {
            "HUMANAPI_PROVISIONING" => shown("provisioning"),
            "HUMANAPI_TIMEOUT" => shown("timeout"),
            _ => ["auth_url", "admin_url", "data_url"].map(shown).join(" "),
        };
        assert_eq!(told, wanted, "{line}");
    }
}

#[test]
fn an_option_counts_before_a_named_profile_before_a_variable_before_the_profile_in_use() {
    let home = Home::with(TWO);
    let id = |words: &[&str], set: &[(&str, &str)]| home.shown("client_id", words, set);
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    let variables = [
        ("HUMANAPI_CLIENT_ID", "of-variable"),
        ("HUMANAPI_BASE_URL", "http://127.0.0.1:9"),
    ];
    assert_eq!(id(&[], &[]), pair("of-sandbox", "profile sandbox, line 8"));
    assert_eq!(
        id(&[], &variables),
        pair("of-variable", "HUMANAPI_CLIENT_ID")
    );
    assert_eq!(
        id(&["--profile", "default"], &variables),
        pair("of-default", "profile default, line 5")
    );
    assert_eq!(
        id(&["--client-id", "of-option"], &variables),
        pair("of-option", "--client-id")
    );
    assert_eq!(
        id(
            &["--profile", "default"],
            &[("HUMANAPI_PROFILE", "sandbox")]
        ),
        pair("of-default", "profile default, line 5")
    );
    assert_eq!(
        id(&[], &[("HUMANAPI_PROFILE", "default")]),
        pair("of-default", "profile default, line 5")
    );
    let profile = |set: &[(&str, &str)]| home.shown("profile", &[], set);
    assert_eq!(profile(&[]), pair("sandbox", "line 2 of the file"));
    assert_eq!(
        profile(&[("HUMANAPI_PROFILE", "default")]),
        pair("default", "HUMANAPI_PROFILE")
    );
    assert_eq!(
        home.shown("timeout", &[], &[("HUMANAPI_TIMEOUT", "90")]),
        pair("90s", "HUMANAPI_TIMEOUT")
    );
    assert_eq!(
        home.shown(
            "timeout",
            &["--profile", "sandbox"],
            &[("HUMANAPI_TIMEOUT", "90")]
        ),
        pair("5s", "profile sandbox, line 11")
    );
    assert_eq!(
        home.shown("provisioning", &[], &[("HUMANAPI_PROVISIONING", "hip")]),
        pair("hip", "HUMANAPI_PROVISIONING")
    );
    assert_eq!(
        home.shown("adapter", &["--adapter", "hyper"], &[]),
        pair("hyper", "--adapter")
    );
    // An empty variable is none.
    assert_eq!(
        id(&[], &[("HUMANAPI_CLIENT_ID", ""), ("HUMANAPI_PROFILE", "")]),
        pair("of-sandbox", "profile sandbox, line 8")
    );
}

#[test]
fn who_names_a_sandbox_asks_no_other_host() {
    let home = Home::with(TWO);
    let hosts = |words: &[&str], set: &[(&str, &str)]| {
        ["auth_url", "admin_url", "data_url"].map(|name| home.shown(name, words, set).0)
    };
    let one = "http://127.0.0.1:7001";
    assert_eq!(hosts(&[], &[]), [one, one, "http://127.0.0.1:7002"]);
    let nine = "http://127.0.0.1:9";
    assert_eq!(hosts(&["--base-url", nine], &[]), [nine; 3]);
    let all = ("HUMANAPI_BASE_URL", nine);
    let id = ("HUMANAPI_CLIENT_ID", "of-variable");
    assert_eq!(hosts(&[], &[all, id]), [nine; 3]);
    assert_eq!(
        hosts(&["--auth-url", nine], &[]),
        [nine, one, "http://127.0.0.1:7002"]
    );
    assert_eq!(
        hosts(&["--auth-url", nine], &[("HUMANAPI_DATA_URL", one), id]),
        [nine, "https://admin.humanapi.co", one]
    );
    // A profile that is named is all of it, whatever the shell was set up for.
    assert_eq!(hosts(&["--profile", "sandbox"], &[all, id])[0], one);
    let production = hosts(&["--profile", "default"], &[all]);
    assert!(production.iter().all(|host| host.ends_with("humanapi.co")));
}

#[test]
fn each_host_is_asked_where_it_is_said_to_be() {
    let sandbox = Sandbox::builder()
        .seed(7)
        .start()
        .expect("loopback has free ports");
    let app = sandbox.app(DemoApp::Connect);
    let home = Home::new();
    let nowhere = "http://127.0.0.1:1";
    home.done(&["config", "set", "client_id", &app.client_id]);
    home.done(&["config", "set", "base_url", nowhere]);
    home.done(&["config", "set", "auth_url", sandbox.url()]);
    home.done(&["config", "set", "secret_variable", "HUMANAPI_CLIENT_SECRET"]);
    let words = ["token", "session", "--user", "a"];
    let secret = ("HUMANAPI_CLIENT_SECRET", app.client_secret.as_str());
    let told = run(home.command(&words).envs([secret]));
    assert_eq!(told.code, Some(0), "{told:?}");
    let id = ("HUMANAPI_CLIENT_ID", app.client_id.as_str());
    let told = run(home
        .command(&words)
        .envs([id, secret, ("HUMANAPI_AUTH_URL", nowhere)]));
    assert_eq!(told.code, Some(5), "{told:?}");
    assert!(told.stderr.contains(nowhere), "{told:?}");
    let told = run(home
        .command(&words)
        .envs([id, secret, ("HUMANAPI_BASE_URL", sandbox.url())]));
    assert_eq!(told.code, Some(0), "{told:?}");
}

/// Two applications: one in variables, one in profiles. Whatever is said and left out, no part of one goes with the other.
#[test]
fn no_part_of_an_application_goes_with_another() {
    const PROFILES: &str = r#"
[profiles.default]
client_id = "canary-id"
secret_command = ["echo", "canary-secret"]
base_url = "http://127.0.0.1:7001"

[profiles.no_secret]
client_id = "canary-id"

[profiles.no_id]
secret_command = ["echo", "canary-secret"]

[profiles.patient]
timeout = "5s"
"#;
    let home = Home::with(PROFILES);
    let id = ("HUMANAPI_CLIENT_ID", "canary-variable");
    let secret = ("HUMANAPI_CLIENT_SECRET", "canary-variable-secret");
    let host = ("HUMANAPI_BASE_URL", "http://127.0.0.1:7002");
    let refused = |words: &[&str], set: &[(&str, &str)], cause: &str, remedy: &str| {
        for verb in [&["config", "show"][..], &["token", "client", "-vv"]] {
            home.fails(&[verb, words].concat(), set, cause, remedy);
        }
    };
    let too = |name: &str, beside: &str| {
        format!(
            "set {name} too, or choose all of the profile by --profile default, or unset {beside}"
        )
    };
    // A part in a variable, and the rest in the profile in use.
    refused(
        &[],
        &[id],
        "the client secret is missing beside HUMANAPI_CLIENT_ID, and that of profile default, line 4 may be another application's",
        &too("HUMANAPI_CLIENT_SECRET", "HUMANAPI_CLIENT_ID"),
    );
    refused(
        &[],
        &[secret],
        "the client id is missing beside HUMANAPI_CLIENT_SECRET, and that of profile default, line 3 may be another application's",
        &too("HUMANAPI_CLIENT_ID", "HUMANAPI_CLIENT_SECRET"),
    );
    refused(
        &[],
        &[id, secret],
        "the host is missing beside HUMANAPI_CLIENT_ID, and that of profile default, line 5 may be another application's",
        &too("HUMANAPI_BASE_URL", "HUMANAPI_CLIENT_ID"),
    );
    refused(
        &[],
        &[host],
        "the client id is missing beside HUMANAPI_BASE_URL, and that of profile default, line 3 may be another application's",
        &too("HUMANAPI_CLIENT_ID", "HUMANAPI_BASE_URL"),
    );
    // A profile that is named and lacks a part that a variable has.
    refused(
        &["--profile", "no_secret"],
        &[id, secret, host],
        "the client secret is missing beside profile no_secret, line 8, and that of HUMANAPI_CLIENT_SECRET may be another application's",
        "`humanapi config set --profile no_secret secret_variable HUMANAPI_CLIENT_SECRET` says that it is this profile's; or use --secret-file",
    );
    refused(
        &["--profile", "no_id"],
        &[id],
        "the client id is missing beside profile no_id, line 11, and that of HUMANAPI_CLIENT_ID may be another application's",
        "`humanapi config set --profile no_id client_id ID` keeps the right one; or use --client-id",
    );
    // An id that is typed takes no other id's secret.
    for set in [&[][..], &[id, secret, host]] {
        let from = match set {
            [] => "profile default, line 4",
            _ => "HUMANAPI_CLIENT_SECRET",
        };
        refused(
            &["--client-id", "other"],
            set,
            &format!(
                "the client secret of {from} belongs to another client id than that of --client-id"
            ),
            "name its own secret by --secret-file, or choose its profile by --profile",
        );
    }
    // Whole sets, and what belongs to none.
    let shown = |name: &str, words: &[&str], set: &[(&str, &str)]| home.shown(name, words, set).1;
    let whole = [id, secret, host];
    for (name, words, set, from) in [
        ("secret", &[][..], &whole[..], "HUMANAPI_CLIENT_SECRET"),
        ("auth_url", &[], &whole, "HUMANAPI_BASE_URL"),
        (
            "secret",
            &["--profile", "default"],
            &whole,
            "profile default, line 4",
        ),
        (
            "auth_url",
            &["--profile", "default"],
            &whole,
            "profile default, line 5",
        ),
        (
            "secret",
            &["--profile", "patient"],
            &whole,
            "HUMANAPI_CLIENT_SECRET",
        ),
        (
            "timeout",
            &["--profile", "patient"],
            &whole,
            "profile patient, line 14",
        ),
        (
            "secret",
            &["--client-id", "canary-id"],
            &[],
            "profile default, line 4",
        ),
        (
            "secret",
            &["--client-id", "other", "--secret-file", "f"],
            &whole,
            "--secret-file",
        ),
        (
            "auth_url",
            &["--base-url", "http://127.0.0.1:9"],
            &[id, secret],
            "--base-url",
        ),
    ] {
        assert_eq!(shown(name, words, set), from, "{name} {words:?}");
    }
    // A profile may say that the usual variable is its own.
    home.done(&[
        "config",
        "set",
        "--profile",
        "no_secret",
        "secret_variable",
        secret.0,
    ]);
    let same = (id.0, "canary-id");
    for set in [&[secret][..], &[same, secret]] {
        let from = shown("secret", &["--profile", "no_secret"], set);
        assert!(from.starts_with("profile no_secret"), "{from}");
    }
    // It is not where another application's id stands beside it, whoever says the id.
    for (words, set, from) in [
        (&[][..], id, "profile no_secret, line 8"),
        (&["--client-id", "canary-id"], id, "--client-id"),
    ] {
        let words = [&["--profile", "no_secret"], words].concat();
        refused(
            &words,
            &[set, secret],
            &format!(
                "the client secret of HUMANAPI_CLIENT_SECRET belongs to another client id than that of {from}: HUMANAPI_CLIENT_ID names it"
            ),
            "name its own secret by --secret-file, or unset HUMANAPI_CLIENT_ID if the secret is this one's",
        );
    }
    let own = ["--profile", "no_secret", "--secret-file", "f"];
    assert_eq!(shown("secret", &own, &[id, secret]), "--secret-file");
    let used = shown("secret", &[], &[("HUMANAPI_PROFILE", "no_secret"), secret]);
    assert!(used.starts_with("profile no_secret"), "{used}");
}

#[test]
fn an_app_key_of_a_variable_goes_to_no_host_that_a_profile_names() {
    const PROFILES: &str = r#"
[profiles.default]
base_url = "http://127.0.0.1:1"

[profiles.own]
base_url = "http://127.0.0.1:1"
data_url = "http://127.0.0.1:2"

[profiles.patient]
timeout = "5s"
"#;
    let home = Home::with(PROFILES);
    let key = ("HUMANAPI_APP_KEY", "canary-key");
    let path = ["api", "GET", "/v1/apps/a/users"];
    for (words, set, from) in [
        (&[][..], &[key][..], "profile default, line 3"),
        (&["--paginate"], &[key], "profile default, line 3"),
        (
            &["--auth-url", "http://127.0.0.1:1"],
            &[key],
            "profile default, line 3",
        ),
        (&["--profile", "own"], &[key], "profile own, line 7"),
        (
            &[],
            &[key, ("HUMANAPI_PROFILE", "own")],
            "profile own, line 7",
        ),
    ] {
        home.fails(
            &[&path, words].concat(),
            set,
            &format!(
                "the host is missing beside HUMANAPI_APP_KEY, and that of {from} may be another application's"
            ),
            "use --app-key-file for a key of this host's, or say by --data-url which host the key is of",
        );
    }
    // Where the host is said beside it, and where the key is, there is nobody.
    let file = home.0.path().join("key");
    fs::write(&file, "canary-key").expect("there is room");
    let file = file.to_str().expect("a folder of tests has a plain name");
    let host = ("HUMANAPI_DATA_URL", "http://127.0.0.1:1");
    for (words, set) in [
        (&["--data-url", host.1][..], &[key][..]),
        (&["--base-url", host.1], &[key]),
        (&["--app-key-file", file], &[]),
        (&["--app-key-file", file], &[key]),
        (&[], &[key, host]),
        (&[], &[key, host, ("HUMANAPI_PROFILE", "patient")]),
    ] {
        let words = [&path, words, &["--timeout", "5s"]].concat();
        let told = run(home.command(&words).envs(set.iter().copied()));
        assert_eq!(told.code, Some(5), "{words:?} {told:?}");
    }
}

#[test]
fn a_profile_tells_where_the_secret_is_and_nothing_shows_it() {
    let sandbox = Sandbox::builder()
        .seed(8)
        .start()
        .expect("loopback has free ports");
    let app = sandbox.app(DemoApp::Connect);
    let home = Home::new();
    let secret = home.0.path().join("secret");
    fs::write(&secret, format!("{}\n", app.client_secret)).expect("there is room");
    let secret = secret.to_str().expect("a folder of tests has a plain name");
    home.done(&["config", "set", "client_id", &app.client_id]);
    home.done(&["config", "set", "base_url", sandbox.url()]);
    let mut seen = String::new();
    let print = format!("printf '%s\\n' '{}'", app.client_secret);
    for place in [
        &["secret_file", secret][..],
        &["secret_variable", "MY_OWN_SECRET"],
        &["secret_command", "cat", secret],
        &["secret_command", "sh", "-c", &print],
    ] {
        home.done(&[&["config", "set"], place].concat());
        let words = ["token", "access", "--user", "nobody", "-vv"];
        let told = run(home
            .command(&words)
            .env("MY_OWN_SECRET", &app.client_secret));
        // An access token is refused without the right secret, and this user is not known.
        assert!(told.stderr.contains("UNKNOWN_CLIENT_USER_ID"), "{told:?}");
        seen += &told.stderr;
        for form in ["--json", "--table"] {
            let shown = home.done(&["config", "show", form]).stdout;
            let name = place[0].trim_start_matches("secret_");
            assert!(
                shown.contains(name) || shown.contains("printed by"),
                "{shown}"
            );
            seen += &shown;
        }
        // One place at a time.
        let text = home.text();
        assert_eq!(text.matches("secret_").count(), 1, "{text}");
    }
    assert!(!seen.contains(&app.client_secret), "{seen}");
}

#[test]
fn a_profile_tells_where_the_app_key_is_and_no_variable_leads_it_elsewhere() {
    let sandbox = Sandbox::start().expect("loopback has free ports");
    let app = sandbox.app(DemoApp::Connect);
    let home = Home::new();
    let key = home.0.path().join("key");
    fs::write(&key, format!("{}\n", app.app_key)).expect("there is room");
    let key = key.to_str().expect("a folder of tests has a plain name");
    home.done(&["config", "set", "base_url", sandbox.url()]);
    let path = format!("/v1/apps/{}/users", app.client_id);
    let call = ["api", "GET", path.as_str()];
    let mut seen = String::new();
    for (place, told) in [
        (&["app_key_file", key][..], "in the file"),
        (
            &["app_key_variable", "MY_OWN_KEY"],
            "in the variable MY_OWN_KEY",
        ),
        (&["app_key_command", "cat", key], "printed by"),
    ] {
        home.done(&[&["config", "set"], place].concat());
        // Its own key counts before that of the variable, which may be another application's.
        let mut command = home.command(&call);
        let run_so = run(command
            .env("MY_OWN_KEY", &app.app_key)
            .env("HUMANAPI_APP_KEY", "canary-key"));
        assert_eq!(run_so.code, Some(0), "{run_so:?}");
        let shown = home.done(&["config", "show", "--table"]).stdout;
        assert!(shown.contains(told), "{shown}");
        seen += &(run_so.stderr + &shown);
        // One place at a time.
        let text = home.text();
        assert_eq!(text.matches("app_key_").count(), 1, "{text}");
    }
    assert!(!seen.contains(&app.app_key), "{seen}");
    let told = run(home.command(&call).envs([
        ("HUMANAPI_CLIENT_ID", "another"),
        ("HUMANAPI_CLIENT_SECRET", "canary"),
        ("HUMANAPI_BASE_URL", "http://127.0.0.1:1"),
    ]));
    let cause = "the app key is missing beside HUMANAPI_CLIENT_ID, and that of profile default";
    assert!(told.stderr.contains(cause), "{told:?}");
    assert_eq!(told.code, Some(2), "{told:?}");
    // The key alone says nothing of who asks: a variable's host is none of its own.
    home.done(&["config", "unset", "base_url"]);
    let told = run(home
        .command(&call)
        .env("HUMANAPI_BASE_URL", "http://127.0.0.1:1"));
    let cause = "the app key is missing beside HUMANAPI_BASE_URL, and that of profile default";
    assert!(told.stderr.contains(cause), "{told:?}");
    home.done(&["config", "unset", "app_key_command"]);
    let told = run(&mut home.command(&call));
    assert!(told.stderr.contains("there is no app key"), "{told:?}");
    assert_eq!(told.code, Some(3), "{told:?}");
}

#[test]
fn a_command_that_gives_no_secret_is_told_without_its_words() {
    let home = Home::new();
    home.done(&["config", "set", "client_id", "app"]);
    for (words, cause) in [
        (&["false", "canary"][..], "it ended with code 1"),
        (&["sh", "-c", "kill -9 $$ # canary"], "a signal ended it"),
        (&["/nowhere/program", "canary"], "no such file or directory"),
        (&["true", "canary"], "the client secret is empty"),
    ] {
        home.done(&[&["config", "set", "secret_command"], words].concat());
        let told = run(&mut home.command(&["token", "client", "--base-url", "http://127.0.0.1:1"]));
        assert!(told.stderr.contains(cause), "{told:?}");
        assert!(!told.stderr.contains("canary"), "{told:?}");
        assert_eq!(told.code, Some(3));
    }
    home.done(&["config", "set", "secret_variable", "NOT_SET_ANYWHERE"]);
    let told = run(&mut home.command(&["token", "client"]));
    assert!(told.stderr.contains("NOT_SET_ANYWHERE"), "{told:?}");
    assert_eq!(told.code, Some(3));
}

#[test]
fn profiles_are_made_chosen_and_dropped_and_comments_stay() {
    let home = Home::with(TWO);
    home.done(&["config", "set", "timeout", "1m"]);
    home.done(&["config", "set", "--profile", "third", "adapter", "hyper"]);
    home.done(&["config", "unset", "data_url"]);
    home.done(&["config", "use", "third"]);
    let text = home.text();
    assert_eq!(
        text,
        TWO.replace("\"5s\"", "\"1m\"")
            .replace("data_url = \"http://127.0.0.1:7002\"\n", "")
            .replace("profile = \"sandbox\"", "profile = \"third\"")
            + "\n[profiles.third]\nadapter = \"hyper\"\n"
    );
    let list = home.done(&["config", "list"]).stdout;
    assert_eq!(
        list,
        "{\"used\":\"third\",\"profiles\":[\"default\",\"sandbox\",\"third\"]}\n"
    );
    let list = home.done(&["config", "list", "--table"]).stdout;
    assert_eq!(list, "  default\n  sandbox\n* third\n");
    home.done(&["config", "remove", "sandbox"]);
    home.done(&["config", "remove", "third"]);
    let text = home.text();
    assert!(!text.contains("third") && !text.contains("7001"), "{text}");
    let list = home.done(&["config", "list"]).stdout;
    assert_eq!(list, "{\"used\":\"default\",\"profiles\":[\"default\"]}\n");
    let told = home.done(&["config", "path"]).stdout;
    assert_eq!(told.trim_end(), home.file().display().to_string());
}

#[test]
fn comments_that_are_about_more_than_what_goes_are_kept() {
    let text = "# mine alone\n\n# the first\n[profiles.a]\nclient_id = \"a\" # own\n\n# the second\n[profiles.b]\n";
    let home = Home::with(text);
    home.done(&["config", "set", "--profile", "a", "client_id", "other"]);
    assert_eq!(home.text(), text.replace("\"a\" #", "\"other\" #"));
    home.done(&["config", "remove", "a"]);
    assert_eq!(home.text(), "# mine alone\n\n# the second\n[profiles.b]\n");
    home.done(&["config", "remove", "b"]);
    assert_eq!(home.text(), "# mine alone\n\n");
}

#[test]
fn comments_stay_whatever_ends_their_lines_and_whichever_way_a_setting_goes() {
    let text = "# mine alone\n\n# the first\n[profiles.a]\nadapter = \"hyper\"\n\n# about all that follow\n\n# own\nsecret_file = \"s\"\n";
    let home = Home::with(&text.replace('\n', "\r\n"));
    home.done(&["config", "set", "--profile", "a", "secret_variable", "S"]);
    let kept = home.text();
    for comment in [
        "# mine alone\n",
        "# the first\n",
        "# about all that follow\n",
    ] {
        assert!(kept.contains(comment), "{kept}");
    }
    home.done(&["config", "remove", "a"]);
    assert!(home.text().contains("# mine alone\n"), "{}", home.text());
}

#[test]
fn the_file_is_its_owners_alone_and_a_link_to_it_stays_one() {
    let home = Home::new();
    let real = home.0.path().join("folder/real.toml");
    let folder = real.parent().expect("it is in a folder");
    let mut command = humanapi(["config", "set", "client_id", "app"]);
    assert_eq!(run(command.env("HUMANAPI_CONFIG", &real)).code, Some(0));
    let mode = |path: &std::path::Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
    };
    assert_eq!((mode(&real) & 0o777, mode(folder) & 0o777), (0o600, 0o700));
    symlink(&real, home.file()).expect("a link can be made");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).expect("it is ours");
    home.done(&["config", "set", "timeout", "9s"]);
    assert!(
        fs::symlink_metadata(home.file())
            .expect("it is there")
            .is_symlink()
    );
    assert_eq!(mode(&real) & 0o777, 0o600);
    assert!(
        fs::read_to_string(&real)
            .expect("it is ours")
            .contains("9s")
    );
    fs::set_permissions(&real, fs::Permissions::from_mode(0o620)).expect("it is ours");
    home.fails(
        &["config", "show"],
        &[],
        "FILE: others than its owner can change it",
        "whoever changes it can have a command run: look through it, then `chmod 600` it",
    );
}

#[test]
fn without_a_variable_the_file_is_where_the_platform_keeps_configuration() {
    let home = Home::new();
    let path = |name: &str, value: &std::path::Path| {
        let mut command = humanapi(["config", "path"]);
        command
            .env_remove("HUMANAPI_CONFIG")
            .env_remove("XDG_CONFIG_HOME");
        run(command.env(name, value)).stdout
    };
    let folder = home.0.path();
    assert_eq!(
        path("XDG_CONFIG_HOME", folder),
        format!("{}\n", folder.join("humanapi/config.toml").display())
    );
    assert_eq!(
        path("HOME", folder),
        format!(
            "{}\n",
            folder.join(".config/humanapi/config.toml").display()
        )
    );
}

#[test]
fn changes_at_once_lose_none() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for profile in ["a", "b", "c", "d", "e", "f"] {
            let home = &home;
            scope.spawn(move || {
                home.done(&["config", "set", "--profile", profile, "client_id", "x"])
            });
        }
    });
    let list = home.done(&["config", "list"]).stdout;
    assert!(list.contains(r#"["a","b","c","d","e","f"]"#), "{list}");
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_not_repeated() {
    let settings = "a profile has client_id, secret_file, secret_variable, secret_command, app_key_file, app_key_variable, app_key_command, base_url, auth_url, admin_url, data_url, provisioning, adapter, timeout";
    let known = "correct the line; what is text stands in quotes";
    let form = "`humanapi config set` writes settings as they are to be";
    for (text, cause, remedy) in [
        (
            "\nhunter2\n",
            "FILE, line 2: it is no TOML: key with no value, expected `=`",
            known,
        ),
        (
            "[profiles.a]\nbase_ulr = \"hunter2\"\n",
            "FILE, line 2: there is no setting of this name",
            settings,
        ),
        (
            "base_url = \"hunter2\"\n",
            "FILE, line 1: there is no setting of this name",
            settings,
        ),
        (
            "[profiles.a]\n\nclient_secret = \"hunter2\"\n",
            "FILE, line 3: the client secret is not kept in this file",
            "take it out, and name where the secret is by secret_file, secret_variable or secret_command",
        ),
        (
            "[profiles.a]\napp_key = \"hunter2\"\n",
            "FILE, line 2: the app key is not kept in this file",
            "take it out, and name where the key is by app_key_file, app_key_variable or app_key_command",
        ),
        (
            "[profiles.a]\napp_key_file = \"a\"\nsecret_file = \"b\"\napp_key_command = \"c\"\n",
            "FILE, line 4: the profile says more than once where the app key is",
            "keep one of app_key_file, app_key_variable and app_key_command",
        ),
        (
            "[profiles.a]\nbase_url = \"https://hunter2@example.test\"\n",
            "FILE, line 2: base_url: the address has user information before the host",
            "remove everything up to the @",
        ),
        (
            "[profiles.a]\nclient_id = 7\n",
            "FILE, line 2: client_id is to be text in quotes",
            form,
        ),
        (
            "[profiles.a]\nsecret_command = [\"pass\", 7]\n",
            "FILE, line 2: secret_command is to be text in quotes, or a list of words such as [\"pass\", \"show\", \"humanapi\"]",
            form,
        ),
        (
            "[profiles.a]\nsecret_file = \"a\"\nsecret_variable = \"A\"\n",
            "FILE, line 3: the profile says more than once where the client secret is",
            "keep one of secret_file, secret_variable and secret_command",
        ),
        (
            "[profiles.\"hunter2 \\u001B[2J\"]\n",
            "FILE, line 1: a profile is called something else than letters, digits, - and _",
            "name it like sandbox or my-app_2, with 64 letters at most",
        ),
        (
            "profile = \"lost\"\n[profiles.a]\n",
            "FILE, line 1: there is no profile of this name",
            "there are a",
        ),
        (
            "profiles = 7\n",
            "FILE, line 1: profiles is to be a table of profiles, such as [profiles.sandbox]",
            form,
        ),
    ] {
        Home::with(text).fails(&["config", "show"], &[], cause, remedy);
    }
    let home = Home::with(TWO);
    home.fails(
        &["config", "show", "--profile", "hunter2"],
        &[],
        "--profile: FILE: there is no profile of this name",
        "there are default, sandbox",
    );
    home.fails(
        &["config", "show"],
        &[
            ("HUMANAPI_BASE_URL", "hunter2"),
            ("HUMANAPI_CLIENT_ID", "a"),
        ],
        "HUMANAPI_BASE_URL: the address is not an absolute URL",
        "write it like https://host.example.test, or http://127.0.0.1:8080 for a sandbox",
    );
    home.fails(
        &["config", "set", "base_url", "hunter2"],
        &[],
        "base_url: the address is not an absolute URL",
        "write it like https://host.example.test, or http://127.0.0.1:8080 for a sandbox",
    );
    let told = run(&mut home.command(&["config", "set", "client_secret", "hunter2"]));
    assert!(
        told.stderr.contains("name where it is by secret_file"),
        "{told:?}"
    );
    assert!(!told.stderr.contains("hunter2"), "{told:?}");
    assert_eq!((told.code, home.text().as_str()), (Some(2), TWO));
    // A file that is wrong in one place is mended there.
    let home = Home::with("[profiles.default]\nadapter = \"carrier-pigeon\"\n");
    home.done(&["config", "set", "--profile", "default", "adapter", "hyper"]);
    assert_eq!(home.shown("adapter", &[], &[]).0, "hyper");
}

#[test]
fn a_call_gives_up_when_its_time_is_over() {
    // A listener that never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let mut command = humanapi(["token", "client", "--base-url", &url, "--timeout", "400ms"]);
    let told = run(command
        .env("HUMANAPI_CLIENT_ID", "app")
        .env("HUMANAPI_CLIENT_SECRET", "hush"));
    assert_eq!(told.code, Some(5), "{told:?}");
    assert!(told.stderr.contains("gave no answer in time"), "{told:?}");
    assert!(told.stderr.contains("--timeout"), "{told:?}");
}

/// What the README shows of `-v`, without times, for a service at this address.
fn shown_by_the_readme(url: &str) -> Vec<String> {
    let readme = include_str!("../README.md");
    let (_, shown) = readme
        .split_once("$ humanapi token connect --user patient-17 -v\n")
        .expect("the README shows what it says");
    let (shown, _) = shown.split_once("[…]").expect("and not all of it");
    let lines = shown.lines().map(|line| {
        let (_, said) = line.split_once("s DEBUG ").expect("a time stands in front");
        said.replace("http://127.0.0.1:8080", url)
    });
    let lines: Vec<_> = lines.collect();
    assert!(!lines.is_empty());
    lines
}

#[test]
fn verbose_tells_what_is_sent_and_no_secret_or_token() {
    let sandbox = Sandbox::builder()
        .seed(9)
        .start()
        .expect("loopback has free ports");
    let app = sandbox.app(DemoApp::Connect);
    let verbose = |flag: &str, adapter: &str| {
        let words = [
            "token",
            "connect",
            "--user",
            "a",
            "--reveal",
            flag,
            "--adapter",
            adapter,
        ];
        let mut command = humanapi(words);
        let told = run(command.envs([
            ("HUMANAPI_BASE_URL", sandbox.url()),
            ("HUMANAPI_CLIENT_ID", app.client_id.as_str()),
            ("HUMANAPI_CLIENT_SECRET", app.client_secret.as_str()),
        ]));
        assert_eq!(told.code, Some(0), "{told:?}");
        let line: Value = serde_json::from_str(&told.stdout).expect("a line of JSON");
        let token = line["token"].as_str().expect("it is revealed").to_owned();
        for secret in [&token, &app.client_secret] {
            assert!(!told.stderr.contains(secret.as_str()), "{told:?}");
        }
        told.stderr
    };
    for adapter in ["reqwest", "hyper"] {
        let said = verbose("-v", adapter);
        let sent = format!("sending method=POST url={}/v1/connect/token", sandbox.url());
        assert!(said.contains(&sent), "{said}");
        for line in shown_by_the_readme(sandbox.url()) {
            assert!(said.contains(&line), "{line} is missing in {said}");
        }
        assert!(verbose("-vv", adapter).lines().count() >= said.lines().count());
    }
}
