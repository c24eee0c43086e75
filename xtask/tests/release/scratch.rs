//! A scratch clone of this repository, and the xtask under test at work in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A clone of this repository, as it is committed, on a branch `main` without tags.
///
/// There is one place for it, which tests take in turn: what is built for one is then built for the next.
pub(crate) struct Scratch {
    _turn: File,
}

/// What `release plan` says.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) releases: Vec<(String, String)>,
    pub(crate) conflicts: Vec<String>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = folder();
        std::fs::create_dir_all(&folder).unwrap();
        // Other programs of tests may want it too.
        let turn = File::create(folder.join("turn")).unwrap();
        turn.lock().unwrap();
        let scratch = Self { _turn: turn };
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        std::fs::create_dir_all(scratch.root()).unwrap();
        scratch.git(&["init", "--quiet", "--initial-branch", "main"]);
        let here = here.to_str().unwrap();
        scratch.git(&["fetch", "--quiet", "--no-tags", here, "HEAD"]);
        scratch.git(&["checkout", "--quiet", "--force", "-B", "main", "FETCH_HEAD"]);
        scratch.git(&["clean", "--quiet", "--force", "-dx"]);
        for tag in scratch.git(&["tag", "--list"]).lines() {
            scratch.git(&["tag", "--delete", tag]);
        }
        scratch.set_up_remote();
        scratch.git(&["config", "user.name", "A Maintainer"]);
        scratch.git(&["config", "user.email", "maintainer@example.test"]);
        scratch.git(&["config", "commit.gpgsign", "false"]);
        scratch.git(&["config", "tag.gpgsign", "false"]);
        scratch
    }

    /// A remote of its own, called `origin`, whose main branch has all that was committed so far.
    fn set_up_remote(&self) {
        let remote = folder().join("remote.git");
        if remote.exists() {
            std::fs::remove_dir_all(&remote).unwrap();
            self.git(&["remote", "remove", "origin"]);
        }
        let remote = remote.to_str().unwrap();
        self.git(&["init", "--quiet", "--bare", remote]);
        self.git(&["remote", "add", "origin", remote]);
        self.git(&["push", "--quiet", "origin", "main"]);
    }

    /// Everything was released once, and nothing has changed since.
    pub(crate) fn released() -> Self {
        let scratch = Self::new();
        scratch.prepare();
        for (name, version) in scratch.plan().releases {
            scratch.git(&["tag", &format!("{name}-v{version}")]);
        }
        scratch.check_plan(&[]);
        scratch
    }

    pub(crate) fn root(&self) -> PathBuf {
        folder().join("humanapi")
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        std::fs::write(self.root().join(path), text).unwrap();
    }

    pub(crate) fn append(&self, path: &str, text: &str) {
        self.write(path, &format!("{}{text}", self.read(path)));
    }

    /// Adds an entry under `Unreleased`.
    pub(crate) fn note(&self, name: &str, section: &str, entry: &str) {
        let path = format!("crates/{name}/CHANGELOG.md");
        let text = self.read(&path);
        let heading = "## [Unreleased]\n";
        assert!(text.contains(heading), "{path} has a place for news");
        let news = format!("{heading}\n### {section}\n\n- {entry}\n");
        self.write(&path, &text.replacen(heading, &news, 1));
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.output(Command::new("git").args(arguments))
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> String {
        self.output(Command::new(env!("CARGO")).args(arguments))
    }

    fn output(&self, command: &mut Command) -> String {
        let output = command.current_dir(self.root()).output().unwrap();
        succeed(&output, &format!("{command:?}"));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// One verb of the xtask under test, at work in the clone.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .current_dir(self.root())
            .env("CARGO_MANIFEST_DIR", self.root().join("xtask"))
            .env("CARGO_TARGET_DIR", folder().join("target"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// The plan that a maintainer would see now.
    pub(crate) fn plan(&self) -> Plan {
        let output = self.xtask(&["release", "plan", "--json", "--no-api"]);
        let plan: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
        });
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Plan {
            releases: plan["releases"]
                .as_array()
                .unwrap()
                .iter()
                .map(|release| (text(&release["name"]), text(&release["version"])))
                .collect(),
            conflicts: plan["conflicts"]
                .as_array()
                .unwrap()
                .iter()
                .map(text)
                .collect(),
        }
    }

    /// Plans the release of what has changed, as a maintainer on the last day of February would.
    #[track_caller]
    pub(crate) fn prepare(&self) {
        let output = self.xtask(&["release", "prepare", "--no-api", "--date", "2026-02-28"]);
        succeed(&output, "release prepare");
    }

    /// What the last commit changed, as paths.
    pub(crate) fn last_commit(&self) -> Vec<String> {
        self.git(&["show", "--name-only", "--format=", "HEAD"])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Just these are released, in whatever order: which one is right is the unit tests' question.
    #[track_caller]
    pub(crate) fn check_plan(&self, expected: &[(&str, &str)]) {
        let plan = self.plan();
        let expected: BTreeMap<&str, &str> = expected.iter().copied().collect();
        let planned: BTreeMap<&str, &str> = plan
            .releases
            .iter()
            .map(|(name, version)| (name.as_str(), version.as_str()))
            .collect();
        assert_eq!(plan.conflicts, [""; 0]);
        assert_eq!(planned, expected);
        assert_eq!(plan.releases.len(), expected.len(), "one is planned twice");
    }

    /// The manifest has the version, and the changelog a section for it that says this.
    #[track_caller]
    pub(crate) fn check_released(&self, name: &str, version: &str, entry: &str) {
        let manifest = self.read(&format!("crates/{name}/Cargo.toml"));
        assert!(
            manifest.contains(&format!("\nversion = \"{version}\"\n")),
            "{manifest}"
        );
        let changelog = self.read(&format!("crates/{name}/CHANGELOG.md"));
        let heading = format!("## [Unreleased]\n\n## [{version}] - 2026-02-28\n");
        let (_, rest) = changelog
            .split_once(&heading)
            .unwrap_or_else(|| panic!("{changelog}"));
        let section = rest.split("\n## ").next().unwrap();
        assert!(section.contains(entry), "{section}");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("scratch")
}

#[track_caller]
pub(crate) fn succeed(output: &Output, what: &str) {
    assert!(
        output.status.success(),
        "{what} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The verb fails and says why.
#[track_caller]
pub(crate) fn check_refused(output: &Output, expected: &str) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains(expected), "{text}");
}
