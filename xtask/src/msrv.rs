//! `msrv`: each published crate compiles with the oldest compiler that it promises.

use std::collections::BTreeMap;

use cargo_metadata::semver::Version;

use crate::step::{Outcome, Session};

/// Builds each published crate with the compiler that it promises to build with.
pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
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
