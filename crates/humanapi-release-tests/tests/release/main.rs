//! A release from its preparation to an application that fetches it, and uses it with `HUMANAPI_DEEP=1`: with the verbs of
//! xtask, on a copy of this repository and a registry on loopback.
//!
//! The copy is of the last commit: what is not committed is not tried, but for the verbs. Crates of others come from where
//! cargo has them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use humanapi_release_tests::Registry;
use serde_json::Value;

/// The crate at which the first attempt fails.
const STUMBLE: &str = "humanapi-hyper";

/// The folders of the test. They have a fixed place and share a target folder, so that the next run need not build
/// everything again.
struct World {
    registry: Registry,
    folder: PathBuf,
    /// The program of the verbs, as it is in this work tree.
    xtask: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        self.forget_registry();
    }
}

/// How a program ended, and all that it said.
struct Run {
    succeeded: bool,
    said: String,
}

/// A crate that is to be published: its version, and which others of ours it needs, for its tests too.
struct Publishable {
    version: String,
    needs: Vec<String>,
}

impl Run {
    fn of(output: Output) -> Self {
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Self {
            succeeded: output.status.success(),
            said: said.concat(),
        }
    }
}

/// Has cargo build xtask where whoever runs this test builds: `cargo xtask test` has built it there already.
fn build_xtask() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--quiet", "--package", "xtask", "--target-dir"])
        .arg(target)
        .current_dir(root);
    let built = Run::of(forget_this_package(&mut command).output().unwrap());
    assert!(built.succeeded, "{}", built.said);
    let name = format!("xtask{}", std::env::consts::EXE_SUFFIX);
    target.join("debug").join(name)
}

/// Takes from a program what cargo tells a test of its crate: build scripts watch it, and would run again for it.
fn forget_this_package(command: &mut Command) -> &mut Command {
    for (key, _) in std::env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
        if key
            .to_str()
            .is_some_and(|key| told.iter().any(|told| key.starts_with(told)))
        {
            command.env_remove(key);
        }
    }
    command
}

impl World {
    /// A fresh copy of the repository, as if nothing had ever been released.
    fn new() -> Self {
        let world = Self {
            registry: Registry::start(),
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("release"),
            xtask: build_xtask(),
        };
        // Another registry had this port before, maybe one whose test was killed.
        world.forget_registry();
        for copy in [
            world.workspace(),
            world.remote(),
            world.application(),
            world.latecomer(),
        ] {
            if copy.exists() {
                fs::remove_dir_all(copy).unwrap();
            }
        }
        fs::create_dir_all(&world.folder).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut clone = Command::new("git");
        clone.args(["clone", "--quiet", "--no-tags"]).arg(root);
        world.check(clone.arg(world.workspace()));
        world.git(&["checkout", "--quiet", "-B", "main"]);
        for name in world.publishable().keys() {
            let path = world.workspace().join("crates").join(name);
            let changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- All of it.\n";
            fs::write(path.join("CHANGELOG.md"), changelog).unwrap();
        }
        world.git(&[
            "commit",
            "--quiet",
            "--all",
            "--allow-empty",
            "--message=Begin",
        ]);
        let remote = world.remote();
        let remote = remote.to_str().unwrap();
        world.git(&["init", "--quiet", "--bare", remote]);
        world.git(&["remote", "set-url", "origin", remote]);
        world.git(&["push", "--quiet", "origin", "main"]);
        world
    }

    /// Removes what cargo keeps of a registry at this address: it takes what it has unpacked for what is there.
    fn forget_registry(&self) {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
        let kept = home.unwrap().join("registry");
        let index = self.registry.index();
        let address = index.trim_start_matches("sparse+");
        let address = address.trim_end_matches("/index/");
        let Ok(indexes) = fs::read_dir(kept.join("index")) else {
            return;
        };
        for index in indexes {
            let index = index.unwrap();
            let Ok(config) = fs::read(index.path().join("config.json")) else {
                continue;
            };
            let config: Value = serde_json::from_slice(&config).unwrap_or_default();
            if config["api"] != address {
                continue;
            }
            for part in ["src", "cache", "index"] {
                let folder = kept.join(part).join(index.file_name());
                if folder.exists() {
                    fs::remove_dir_all(folder).unwrap();
                }
            }
        }
    }

    fn workspace(&self) -> PathBuf {
        self.folder.join("workspace")
    }

    fn remote(&self) -> PathBuf {
        self.folder.join("remote.git")
    }

    fn application(&self) -> PathBuf {
        self.folder.join("application")
    }

    fn latecomer(&self) -> PathBuf {
        self.folder.join("latecomer")
    }

    /// The crates without `publish = false`, by name.
    fn publishable(&self) -> BTreeMap<String, Publishable> {
        let arguments = ["metadata", "--no-deps", "--format-version=1", "--quiet"];
        let mut command = Command::new(env!("CARGO"));
        let command = command.args(arguments).current_dir(self.workspace());
        let output = self.prepared(command).output().unwrap();
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut crates: BTreeMap<_, _> = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|package| package["publish"].is_null())
            .map(|package| {
                let needs = package["dependencies"].as_array().unwrap();
                let publishable = Publishable {
                    version: text(&package["version"]),
                    needs: needs.iter().map(|needed| text(&needed["name"])).collect(),
                };
                (text(&package["name"]), publishable)
            })
            .collect();
        let ours: Vec<String> = crates.keys().cloned().collect();
        for publishable in crates.values_mut() {
            publishable.needs.retain(|needed| ours.contains(needed));
        }
        crates
    }

    /// Adds what every program of this test has to know.
    fn prepared<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        forget_this_package(command)
            .envs(self.registry.environment("local"))
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_INCREMENTAL", "0")
            .env("NO_COLOR", "1")
            // Whoever runs this may sign commits, or have hooks.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Test")
            .env("GIT_AUTHOR_EMAIL", "test@example.test")
            .env("GIT_COMMITTER_NAME", "Test")
            .env("GIT_COMMITTER_EMAIL", "test@example.test")
    }

    fn run(&self, command: &mut Command) -> Run {
        Run::of(self.prepared(command).output().unwrap())
    }

    #[track_caller]
    fn check(&self, command: &mut Command) -> String {
        let run = self.run(command);
        assert!(run.succeeded, "{command:?}\n{}", run.said);
        run.said
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        self.check(git.args(arguments).current_dir(self.workspace()))
    }

    fn release(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(&self.xtask);
        command
            .arg("release")
            .args(arguments)
            .args(["--registry", "local"])
            .current_dir(self.workspace());
        // By this it finds the workspace to work in.
        let there = self.workspace().join("xtask");
        let output = self
            .prepared(&mut command)
            .env("CARGO_MANIFEST_DIR", there)
            .output();
        Run::of(output.unwrap())
    }

    fn publish(&self) -> Run {
        self.release(&["publish", "--execute", "--unverified"])
    }

    /// Makes a project that is no part of the workspace.
    fn write_project(&self, folder: &Path, dependencies: &str, test: &str) {
        fs::create_dir_all(folder.join("tests")).unwrap();
        fs::create_dir_all(folder.join("src")).unwrap();
        // It lies within the folder of a workspace, of which it is no part.
        let manifest = format!(
            "[workspace]\n\n[package]\nname = \"application\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{dependencies}"
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/lib.rs"), "").unwrap();
        fs::write(folder.join("tests/application.rs"), test).unwrap();
        // The same versions of others' crates as here.
        let lock = self.workspace().join("Cargo.lock");
        fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    }

    fn cargo(&self, folder: &Path, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO"));
        self.run(command.args(arguments).current_dir(folder))
    }

    #[track_caller]
    fn check_cargo(&self, folder: &Path, arguments: &[&str]) {
        let run = self.cargo(folder, arguments);
        assert!(run.succeeded, "{arguments:?}\n{}", run.said);
    }
}

#[test]
fn a_release_goes_on_where_it_stopped_and_reaches_an_application() {
    let world = World::new();
    let expected = world.publishable();
    let prepared = world.release(&["prepare"]);
    assert!(prepared.succeeded, "{}", prepared.said);

    // Nobody has seen it yet.
    let alone = world.publish();
    assert!(!alone.succeeded, "{}", alone.said);
    assert!(
        alone.said.contains("does not have this commit"),
        "{}",
        alone.said
    );
    assert_eq!(world.registry.uploads(), 0);
    world.git(&["push", "--quiet", "origin", "main"]);

    // The registry refuses one crate, once.
    world.registry.fail_publish_of(STUMBLE);
    let stopped = world.publish();
    assert!(!stopped.succeeded, "{}", stopped.said);
    let before = world.registry.published();
    let told = format!(
        "stopped: {} of {} are published",
        before.len(),
        expected.len()
    );
    assert!(stopped.said.contains(&told), "{}", stopped.said);
    assert!(
        !before.is_empty() && before.len() < expected.len(),
        "{before:?}"
    );
    assert!(!before.iter().any(|name| name == STUMBLE));
    assert_eq!(tags(&world), expected_tags(&before, &expected));

    // The second run goes on from there, and sends nothing twice.
    let uploads = world.registry.uploads();
    let finished = world.publish();
    assert!(finished.succeeded, "{}", finished.said);
    let published = world.registry.published();
    assert_eq!(&published[..before.len()], before);
    assert_eq!(
        world.registry.uploads() - uploads,
        published.len() - before.len()
    );

    // Each of those that are to be published came once, after all that it needs.
    let mut sorted = published.clone();
    sorted.sort();
    assert!(sorted.iter().eq(expected.keys()), "{sorted:?}");
    for (place, name) in published.iter().enumerate() {
        for needed in &expected[name].needs {
            assert!(
                published[..place].contains(needed),
                "{needed} before {name}: {published:?}"
            );
        }
    }
    assert_eq!(tags(&world), expected_tags(&published, &expected));

    // There is nothing left for the third.
    let uploads = world.registry.uploads();
    let again = world.publish();
    assert!(again.succeeded, "{}", again.said);
    assert_eq!(world.registry.uploads(), uploads);

    use_it(&world, &expected);
}

/// Whether the application is built and run, for which all that it needs is compiled anew, and not fetched alone.
fn is_deep() -> bool {
    std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1")
}

/// An application that takes the crates from the registry, before and after one of them is yanked.
fn use_it(world: &World, crates: &BTreeMap<String, Publishable>) {
    let version = |name: &str| crates[name].version.clone();
    let own = |name: &str, more: &str| {
        let version = version(name);
        format!("{name} = {{ version = \"{version}\", registry = \"local\"{more} }}\n")
    };
    let dependencies = [
        own("humanapi", ", features = [\"testing\"]"),
        own("humanapi-axum", ""),
        // Parquet is left out for the same reason as SQLite below.
        own("humanapi-export", ", default-features = false"),
        own("humanapi-hyper", ""),
        own("humanapi-reqwest", ""),
        own("humanapi-sandbox", ""),
        // SQLite is left out because compiling it takes longer than all the rest.
        own("humanapi-store", ", default-features = false"),
        "axum = { version = \"0.8\", default-features = false }\n\
         futures-util = { version = \"0.3\", default-features = false }\n\
         tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }\n"
            .to_owned(),
    ];
    let application = world.application();
    let test = include_str!("application.rs");
    world.write_project(&application, &dependencies.concat(), test);
    let verb = if is_deep() { "test" } else { "fetch" };
    world.check_cargo(&application, &[verb, "--quiet"]);
    let lock = fs::read_to_string(application.join("Cargo.lock")).unwrap();
    let source = format!("source = \"{}\"", world.registry.index());
    // Everything but the command.
    assert_eq!(lock.matches(&source).count(), crates.len() - 1, "{lock}");

    let yanked = format!("{STUMBLE}@{}", version(STUMBLE));
    world.check_cargo(&application, &["yank", "--registry=local", &yanked]);
    let latecomer = world.latecomer();
    world.write_project(&latecomer, &own(STUMBLE, ""), "");
    let run = world.cargo(&latecomer, &["generate-lockfile"]);
    assert!(!run.succeeded, "{}", run.said);
    assert!(run.said.contains("is yanked"), "{}", run.said);
    world.check_cargo(&application, &[verb, "--quiet", "--locked"]);

    // The next run has a registry at another address, so what was built of this one is of no use to it.
    let mut clean = vec!["clean", "--quiet"];
    for name in crates.keys().filter(|name| *name != "humanapi-cli") {
        clean.extend(["--package", name]);
    }
    world.check_cargo(&application, &clean);
}

fn tags(world: &World) -> Vec<String> {
    let tags = world.git(&["tag"]);
    tags.lines().map(str::to_owned).collect()
}

fn expected_tags(published: &[String], crates: &BTreeMap<String, Publishable>) -> Vec<String> {
    let mut tags: Vec<_> = published
        .iter()
        .map(|name| format!("{name}-v{}", crates[name].version))
        .collect();
    tags.sort();
    tags
}
