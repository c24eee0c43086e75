//! Every program beyond Rust's default installation that a verb or a test needs, in one table.

use std::path::PathBuf;

use crate::programs::Programs;

/// A tool that a verb needs and that is not part of Rust's default installation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// The verb that needs it.
    pub(crate) verb: &'static str,
    /// What cannot be done without it.
    pub(crate) purpose: &'static str,
    /// The line that installs it; what cargo builds is of one version, so that today's result is tomorrow's.
    pub(crate) install: &'static str,
    pub(crate) kind: Kind,
}

/// How a tool is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A program that a verb calls by way of cargo, as `cargo deny` calls `cargo-deny`.
    Subcommand,
    /// A program that a verb calls by its name.
    Program,
    /// A program that tests look for by themselves, and skip themselves without.
    ForTests,
    /// The standard library for the target of that name.
    Target(&'static str),
}

pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    verb: "audit",
    purpose: "licences, sources and advisories of dependencies",
    install: "cargo install --locked cargo-deny --version 0.20.2",
    kind: Kind::Subcommand,
};

pub(crate) const CARGO_MACHETE: Tool = Tool {
    name: "cargo-machete",
    verb: "release verify",
    purpose: "unused dependencies",
    install: "cargo install --locked cargo-machete --version 0.9.2",
    kind: Kind::Subcommand,
};

pub(crate) const CARGO_CYCLONEDX: Tool = Tool {
    name: "cargo-cyclonedx",
    verb: "release verify",
    purpose: "the bill of materials",
    install: "cargo install --locked cargo-cyclonedx --version 0.5.9",
    kind: Kind::Subcommand,
};

pub(crate) const CARGO_SEMVER_CHECKS: Tool = Tool {
    name: "cargo-semver-checks",
    verb: "release verify",
    purpose: "the public API against the last release",
    install: "cargo install --locked cargo-semver-checks --version 0.51.0",
    kind: Kind::Subcommand,
};

pub(crate) const CARGO_CHECK_EXTERNAL_TYPES: Tool = Tool {
    name: "cargo-check-external-types",
    verb: "release verify",
    purpose: "whose types the public API shows",
    // Each version reads what one generation of rustdoc writes: this one what the pinned toolchain does.
    install: "cargo install --locked cargo-check-external-types --version 0.5.0",
    kind: Kind::Subcommand,
};

pub(crate) const CARGO_ABOUT: Tool = Tool {
    name: "cargo-about",
    verb: "release verify",
    purpose: "the third-party licence notice",
    install: "cargo install --locked cargo-about --version 0.9.3 --features cli",
    kind: Kind::Subcommand,
};

// Without its server, which nobody needs to build the book; `mdbook serve` is in what `cargo install mdbook` builds.
pub(crate) const MDBOOK: Tool = Tool {
    name: "mdbook",
    verb: "docs",
    purpose: "the book",
    install: "cargo install --locked mdbook --version 0.5.4 --no-default-features --features search",
    kind: Kind::Program,
};

pub(crate) const MDBOOK_MERMAID: Tool = Tool {
    name: "mdbook-mermaid",
    verb: "docs",
    purpose: "diagrams in the book",
    install: "cargo install --locked mdbook-mermaid --version 0.17.1",
    kind: Kind::Program,
};

// 20 or later; an older one is as good as none.
pub(crate) const NODE: Tool = for_tests(
    "node",
    "the launcher's and the page script's own tests",
    "apt-get install nodejs",
);

pub(crate) const WASM_LIBRARY: Tool = Tool {
    name: "the standard library for wasm32-unknown-unknown",
    verb: "wasm",
    purpose: "core where there is no system",
    install: "rustup target add wasm32-unknown-unknown",
    kind: Kind::Target("wasm32-unknown-unknown"),
};

/// All of them, in the order in which they are told.
pub(crate) const TOOLS: [Tool; 24] = [
    WASM_LIBRARY,
    CARGO_DENY,
    CARGO_MACHETE,
    CARGO_CYCLONEDX,
    CARGO_SEMVER_CHECKS,
    CARGO_CHECK_EXTERNAL_TYPES,
    CARGO_ABOUT,
    MDBOOK,
    MDBOOK_MERMAID,
    for_tests(
        "valgrind",
        "instruction benches",
        "apt-get install valgrind libc6-dbg",
    ),
    // Of the version of the library in Cargo.lock, or it refuses to run.
    for_tests(
        "gungraun-runner",
        "instructions of single works",
        "cargo install --locked gungraun-runner --version 0.20.0",
    ),
    for_tests(
        "postgres",
        "the PostgreSQL store",
        "apt-get install postgresql",
    ),
    for_tests(
        "redis-server",
        "the Redis store",
        "apt-get install redis-server",
    ),
    for_tests(
        "openapi-spec-validator",
        "the sandbox's OpenAPI document",
        "pip install openapi-spec-validator",
    ),
    // With the packages that the test asks for: see its requirements.txt.
    for_tests(
        "python3",
        "DuckDB and pyarrow, which read exports",
        "apt-get install python3-venv, then .ci/install",
    ),
    // Its Python is made from the requirements.txt of the package.
    for_tests(
        "java",
        "Spark, which reads exports and runs the command",
        "apt-get install default-jre-headless, then .ci/install",
    ),
    for_tests(
        "schemathesis",
        "the sandbox by the vendor's documents",
        ".ci/install",
    ),
    for_tests(
        "pgbouncer",
        "the PostgreSQL store behind a pooler",
        "apt-get install pgbouncer",
    ),
    for_tests(
        "jq",
        "the book's recipe for continuous integration",
        "apt-get install jq",
    ),
    for_tests(
        "timeout",
        "the book's recipe for continuous integration",
        "apt-get install coreutils",
    ),
    for_tests("chromium", "pages in a browser", "apt-get install chromium"),
    for_tests(
        "chromedriver",
        "pages in a browser",
        "apt-get install chromium-driver",
    ),
    NODE,
    for_tests(
        "npm",
        "the vendor's widget and axe in a browser, and another reader of UCUM",
        "apt-get install npm",
    ),
];

/// Where `.ci/install` keeps schemathesis, below the home folder.
const SCHEMATHESIS: &str = ".cache/humanapi/schemathesis/bin";

/// Debian keeps PostgreSQL's programs here, in a folder for each version, and not on the path.
const POSTGRES: &str = "/usr/lib/postgresql";

const fn for_tests(name: &'static str, purpose: &'static str, install: &'static str) -> Tool {
    Tool {
        name,
        verb: "test",
        purpose,
        install,
        kind: Kind::ForTests,
    }
}

impl Tool {
    /// The one line that says what to do when the tool is missing.
    pub(crate) fn missing(&self) -> String {
        format!(
            "{} is missing; `cargo xtask {}` needs it: {}",
            self.name, self.verb, self.install
        )
    }

    /// What the tool says of its version, or where it lies; nothing where it is missing.
    pub(crate) fn found(&self, programs: &Programs) -> anyhow::Result<Option<String>> {
        match self.kind {
            Kind::Subcommand => {
                let subcommand = self.name.trim_start_matches("cargo-");
                // Cargo fails for a subcommand that it does not have, and that is the answer. Some tell their version
                // only when they are called without cargo.
                let version = programs
                    .read(programs.cargo(subcommand).arg("--version"))
                    .or_else(|_| programs.read(programs.program(self.name).arg("--version")));
                Ok(version.ok().map(|text| first_line(&text)))
            }
            Kind::ForTests | Kind::Program => {
                let Some(path) = self.path() else {
                    return Ok(None);
                };
                let version = programs.read(programs.program(&path).arg("--version"))?;
                Ok(Some(first_line(&version)))
            }
            Kind::Target(target) => {
                let libraries = programs.read(programs.program("rustc").args([
                    "--print",
                    "target-libdir",
                    "--target",
                    target,
                ]))?;
                let folder = PathBuf::from(libraries.trim());
                Ok(folder.is_dir().then(|| folder.display().to_string()))
            }
        }
    }

    /// Where the program lies: on the path, where servers lie that only root has on it, where Debian keeps
    /// PostgreSQL's, or where `.ci/install` keeps those of Python.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let versions = std::fs::read_dir(POSTGRES).into_iter().flatten();
        let folders: Vec<PathBuf> = std::env::split_paths(&path)
            .chain([PathBuf::from("/usr/sbin")])
            .chain(std::env::home_dir().map(|home| home.join(SCHEMATHESIS)))
            .chain(versions.filter_map(|version| Some(version.ok()?.path().join("bin"))))
            .collect();
        find(self.name, &folders)
    }
}

/// The tools that tests look for by themselves.
pub(crate) fn of_tests() -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter().filter(|tool| tool.kind == Kind::ForTests)
}

fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    folders
        .iter()
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_told_with_its_verb_and_its_install_line() {
        assert_eq!(
            CARGO_DENY.missing(),
            "cargo-deny is missing; `cargo xtask audit` needs it: cargo install --locked cargo-deny --version 0.20.2"
        );
    }

    #[test]
    fn the_runner_has_the_version_of_its_library() {
        let programs = Programs::new().unwrap();
        let lock = std::fs::read_to_string(programs.root().join("Cargo.lock")).unwrap();
        let (_, library) = lock.split_once("name = \"gungraun\"\n").unwrap();
        let version = library.lines().next().unwrap();
        let version = version.trim_start_matches("version = ").trim_matches('"');
        let install = format!("cargo install --locked gungraun-runner --version {version}");
        let runner = TOOLS
            .iter()
            .find(|tool| tool.name == "gungraun-runner")
            .unwrap();
        assert_eq!(runner.install, install);
        let page = std::fs::read_to_string(programs.root().join("docs/testing.md")).unwrap();
        assert!(page.contains(&install), "{install} is in docs/testing.md");
    }

    #[test]
    fn the_tools_of_the_book_are_installed_and_told_as_here() {
        let programs = Programs::new().unwrap();
        let read = |path: &str| std::fs::read_to_string(programs.root().join(path)).unwrap();
        let (page, script) = (read("docs/testing.md"), read(".ci/install"));
        for tool in [MDBOOK, MDBOOK_MERMAID] {
            assert!(
                page.contains(tool.install),
                "{} is in docs/testing.md",
                tool.install
            );
        }
        // It reads their lines from this very file.
        assert!(script.contains("for tool in mdbook mdbook-mermaid; do"));
    }

    #[test]
    fn a_program_is_found_only_where_it_lies() {
        assert_eq!(
            find(
                "no-such-program-here",
                &[PathBuf::from("/bin"), PathBuf::from("/usr/bin")]
            ),
            None
        );
    }

    #[test]
    fn a_subcommand_that_is_missing_is_not_found() {
        let programs = Programs::new().unwrap();
        let tool = Tool {
            name: "cargo-no-such-program-here",
            ..CARGO_DENY
        };
        assert_eq!(tool.found(&programs).unwrap(), None);
    }

    #[test]
    fn what_cargo_installs_is_of_one_version() {
        for tool in TOOLS
            .iter()
            .filter(|tool| tool.install.starts_with("cargo install"))
        {
            assert!(tool.install.contains(" --version "), "{}", tool.name);
        }
    }

    #[test]
    fn each_tool_is_listed_once() {
        let mut names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TOOLS.len());
    }
}
