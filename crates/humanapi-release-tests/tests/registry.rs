//! The registry as cargo sees it: two tiny crates, one of which uses the other.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use humanapi_release_tests::Registry;
use tempfile::TempDir;

const BASE: &str = "lantern-base";
const TOP: &str = "lantern-top";

/// A registry, and a folder with crates that know it as `local`.
struct World {
    registry: Registry,
    folder: TempDir,
}

/// How a run of cargo ended, and all that it said.
struct Run {
    succeeded: bool,
    said: String,
}

impl World {
    fn new() -> Self {
        let world = Self {
            registry: Registry::start(),
            folder: TempDir::new().unwrap(),
        };
        world.write_base("1.0.0", 1);
        world.write(
            TOP,
            "1.0.0",
            "light = { package = \"lantern-base\", version = \"1\", registry = \"local\" }",
            "pub fn height() -> u32 { light::height() + 1 }",
        );
        world
    }

    fn write_base(&self, version: &str, height: u32) {
        let source = format!("pub fn height() -> u32 {{ {height} }}");
        self.write(BASE, version, "", &source);
    }

    fn write(&self, name: &str, version: &str, dependencies: &str, source: &str) {
        let folder = self.path(name);
        fs::create_dir_all(folder.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n\
             description = \"a crate for a test\"\nlicense = \"MIT\"\n\n\
             [features]\ndefault = []\n\n[dependencies]\n{dependencies}\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/lib.rs"), source).unwrap();
    }

    /// A project that is never published, and whose test expects this height.
    fn write_user(&self, name: &str, height: u32) {
        let source = format!(
            "#[test]\nfn it_is_so_high() {{ assert_eq!(lantern_top::height(), {height}); }}"
        );
        let dependency = "lantern-top = { version = \"1\", registry = \"local\" }";
        self.write(name, "0.0.0", dependency, &source);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cargo(&self, name: &str, arguments: &[&str]) -> Run {
        let environment = self.registry.environment("local");
        run(&self.path(name), &environment, arguments)
    }

    fn publish(&self, name: &str) -> Run {
        self.cargo(name, &["publish", "--registry=local", "--allow-dirty"])
    }

    #[track_caller]
    fn check(&self, name: &str, arguments: &[&str]) {
        let run = self.cargo(name, arguments);
        assert!(run.succeeded, "{name} {arguments:?}\n{}", run.said);
    }

    #[track_caller]
    fn check_published(&self, name: &str) {
        let run = self.publish(name);
        assert!(run.succeeded, "{}", run.said);
    }
}

fn run(folder: &Path, environment: &[(String, String)], arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(folder)
        // Nothing of a registry that is gone stays behind, and there is nothing to fetch from elsewhere.
        .env("CARGO_HOME", folder.join("home"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .envs(environment.iter().cloned())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Run {
        succeeded: output.status.success(),
        said: said.concat(),
    }
}

#[track_caller]
fn check_fails(run: &Run, because: &str) {
    assert!(!run.succeeded, "it should fail: {}", run.said);
    assert!(run.said.contains(because), "{because:?} in {}", run.said);
}

#[test]
fn a_crate_is_published_after_what_it_depends_on() {
    let world = World::new();
    check_fails(
        &world.publish(TOP),
        "no matching package named `lantern-base` found",
    );
    assert_eq!(world.registry.uploads(), 0, "cargo itself noticed");
    world.check_published(BASE);
    world.check_published(TOP);
    assert_eq!(world.registry.published(), [BASE, TOP]);

    world.write_user("user", 2);
    world.check("user", &["test", "--quiet"]);
    let lock = fs::read_to_string(world.path("user").join("Cargo.lock")).unwrap();
    let index = world.registry.index();
    assert_eq!(
        lock.matches(&*format!("source = \"{index}\"")).count(),
        2,
        "{lock}"
    );
}

#[test]
fn a_version_is_published_once() {
    let world = World::new();
    world.check_published(BASE);
    check_fails(&world.publish(BASE), "already exists");
    world.write_base("1.0.1", 5);
    world.check_published(BASE);
    assert_eq!(world.registry.published(), [BASE, BASE]);
}

#[test]
fn nobody_publishes_without_the_token() {
    let world = World::new();
    let mut environment = world.registry.environment("local");
    environment[1].1 = "another".to_owned();
    let arguments = [
        "publish",
        "--registry=local",
        "--allow-dirty",
        "--no-verify",
    ];
    let run = run(&world.path(BASE), &environment, &arguments);
    check_fails(&run, "the token is missing or wrong");
    assert_eq!(
        (world.registry.uploads(), world.registry.published().len()),
        (1, 0)
    );
}

#[test]
fn a_failure_is_for_cargo_a_failure() {
    let world = World::new();
    world.registry.fail_publish_of(BASE);
    check_fails(
        &world.publish(BASE),
        "`lantern-base` fails once, as it was told",
    );
    assert_eq!(world.registry.uploads(), 1);
    assert_eq!(world.registry.index_of(BASE), "");
    world.check_published(BASE);
    assert!(world.registry.index_of(BASE).contains("\"vers\":\"1.0.0\""));
}

#[test]
fn a_yanked_version_stays_for_who_has_it() {
    let world = World::new();
    world.check_published(BASE);
    world.check_published(TOP);
    world.write_user("early", 2);
    world.check("early", &["generate-lockfile"]);

    let yank = ["yank", "--registry=local", "--version=1.0.0", BASE];
    world.check(BASE, &yank);
    world.check("early", &["test", "--quiet", "--locked"]);
    world.write_user("late", 2);
    let late = world.cargo("late", &["generate-lockfile"]);
    check_fails(&late, "is yanked");

    // The next version takes its place for all that are new.
    world.write_base("1.0.1", 7);
    world.check_published(BASE);
    world.write_user("late", 8);
    world.check("late", &["test", "--quiet"]);
    world.check("early", &["test", "--quiet", "--locked"]);

    world.check(BASE, &[&yank[..], &["--undo"]].concat());
    assert_eq!(
        world
            .registry
            .index_of(BASE)
            .matches("\"yanked\":false")
            .count(),
        2
    );
}
