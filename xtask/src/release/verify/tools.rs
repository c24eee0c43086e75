//! What tools of others say about a release.

use std::collections::BTreeMap;

use cargo_metadata::semver::Version;

use crate::release::history;
use crate::release::verify::Options;
use crate::step::{Outcome, Session};
use crate::tools::{CARGO_CYCLONEDX, CARGO_MACHETE, CARGO_SEMVER_CHECKS, Tool};

pub(super) fn run(session: &mut Session, options: Options) -> anyhow::Result<()> {
    step(
        session,
        options,
        "unused dependencies",
        CARGO_MACHETE,
        |session| // Not benches/peers: that is no part of the workspace and is never published.
            session.run(session.cargo("machete").args(["crates", "examples", "xtask"])),
    );
    let tags = history::tags(session)?;
    for (name, version) in libraries(session)? {
        let tag = history::newest(&tags, &name).map(|last| history::tag(&name, &last));
        let title = format!("the public API of {name} {version}");
        let Some(tag) = tag else {
            session.step(&title, |_| {
                Ok(Outcome::Skipped("no release yet".to_owned()))
            });
            continue;
        };
        step(session, options, &title, CARGO_SEMVER_CHECKS, |session| {
            session.run(
                session
                    .cargo("semver-checks")
                    .args(["-p", &name, "--baseline-rev", &tag]),
            )
        });
    }
    step(session, options, "bill of materials", CARGO_CYCLONEDX, bill);
    Ok(())
}

/// Runs a step that needs a tool.
fn step(
    session: &mut Session,
    options: Options,
    name: &str,
    tool: Tool,
    body: impl FnOnce(&Session) -> anyhow::Result<Outcome>,
) {
    session.step(name, |session| {
        if tool.found(session)?.is_none() {
            return Ok(options.missing(tool.missing()));
        }
        body(session)
    });
}

/// The published crates that others link, with their versions.
fn libraries(session: &Session) -> anyhow::Result<Vec<(String, Version)>> {
    Ok(session
        .workspace()?
        .published()
        .iter()
        .filter(|package| package.targets.iter().any(|target| target.is_lib()))
        .map(|package| (package.name.to_string(), package.version.clone()))
        .collect())
}

/// Writes what the command consists of to `target/dist`. The tool writes beside the manifest, so its file is moved.
fn bill(session: &Session) -> anyhow::Result<Outcome> {
    let workspace = session.workspace()?;
    let folder = workspace.metadata.target_directory.join("dist");
    std::fs::create_dir_all(&folder)?;
    let package = workspace.member("humanapi-cli")?;
    let outcome = session.run(
        session
            .cargo("cyclonedx")
            .arg("--manifest-path")
            .arg(&package.manifest_path)
            .args(["--format", "json", "--all-features"])
            .args(["--override-filename", BILL]),
    )?;
    let mut moved = 0;
    // One file for each crate of the workspace that the tool came by; only the command's is wanted.
    for member in workspace.members() {
        let Some(beside) = member.manifest_path.parent() else {
            continue;
        };
        let file = beside.join(format!("{BILL}.json"));
        if !file.is_file() {
            continue;
        }
        if member.name == package.name {
            std::fs::copy(&file, folder.join("humanapi.cdx.json"))?;
            moved += 1;
        }
        std::fs::remove_file(&file)?;
    }
    if outcome == Outcome::Ok && moved == 0 {
        return Ok(Outcome::Failed(
            "the tool wrote no file for humanapi-cli".to_owned(),
        ));
    }
    Ok(outcome)
}

/// A name that no file of ours has.
const BILL: &str = "humanapi-bill.cdx";

/// Builds each published crate with the compiler that it promises to build with.
pub(super) fn compilers(session: &mut Session) -> anyhow::Result<()> {
    let mut by_compiler: BTreeMap<Version, Vec<String>> = BTreeMap::new();
    for package in session.workspace()?.published() {
        if let Some(compiler) = &package.rust_version {
            by_compiler
                .entry(compiler.clone())
                .or_default()
                .push(package.name.to_string());
        }
    }
    let installed = session.read(session.program("rustup").args(["toolchain", "list"]))?;
    for (compiler, packages) in by_compiler {
        let short = format!("{}.{}", compiler.major, compiler.minor);
        let toolchain = toolchain(&installed, &short);
        for package in packages {
            session.step(&format!("{package} with Rust {short}"), |session| {
                let Some(toolchain) = &toolchain else {
                    return Ok(Outcome::Skipped(format!(
                        "Rust {short} is missing: rustup toolchain install {short} --profile minimal"
                    )));
                };
                session.run(
                    session
                        .program("rustup")
                        .args(["run", toolchain, "cargo", "check", "--all-features"])
                        .args(["-p", &package, "--target-dir"])
                        .arg(session.workspace()?.metadata.target_directory.join("msrv")),
                )
            });
        }
    }
    Ok(())
}

/// The installed toolchain of that version, as rustup names it.
fn toolchain(installed: &str, short: &str) -> Option<String> {
    installed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .find(|name| {
            name.strip_prefix(short)
                .is_some_and(|rest| rest.starts_with(['.', '-']))
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_is_found_by_its_whole_version() {
        let installed = "1.88.0-x86_64-unknown-linux-gnu\n1.9-host (active)\n";
        assert_eq!(
            toolchain(installed, "1.88").as_deref(),
            Some("1.88.0-x86_64-unknown-linux-gnu")
        );
        assert_eq!(toolchain(installed, "1.9").as_deref(), Some("1.9-host"));
        assert_eq!(toolchain(installed, "1.8"), None);
    }
}
