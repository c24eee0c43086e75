//! The programs that xtask runs: where, with which environment, and what they print.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use xshell::{Cmd, Shell};

/// How programs are called: at the root of the workspace, and with the cargo that runs us.
#[derive(Debug)]
pub(crate) struct Programs {
    shell: Shell,
    root: PathBuf,
    cargo: PathBuf,
}

impl Programs {
    /// Starts at the root of the workspace.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here
            .parent()
            .context("xtask must lie in a folder of the workspace")?
            .to_owned();
        let shell = Shell::new()?;
        shell.change_dir(&root);
        let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        Ok(Self { shell, root, cargo })
    }

    /// The folder of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The cargo that runs us.
    pub(crate) fn cargo_path(&self) -> &Path {
        &self.cargo
    }

    /// A call of the cargo that runs us.
    pub(crate) fn cargo(&self, subcommand: &str) -> Cmd<'_> {
        self.program(&self.cargo).arg(subcommand)
    }

    /// A call of any other program.
    ///
    /// `cargo run` tells its program about the package it runs. Build scripts of dependencies watch some of those
    /// variables, so passing them on would build those dependencies again at every change between the two.
    pub(crate) fn program(&self, program: impl AsRef<Path>) -> Cmd<'_> {
        let mut cmd = self.shell.cmd(program);
        for (key, _) in std::env::vars_os() {
            if key.to_str().is_some_and(told_by_cargo_run) {
                cmd = cmd.env_remove(key);
            }
        }
        cmd
    }

    /// The standard output of a program that must succeed.
    pub(crate) fn read<'a>(&'a self, cmd: Cmd<'a>) -> anyhow::Result<String> {
        let shown = self.shorten(&cmd.to_string());
        let output = Command::from(cmd)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{shown}`"))?;
        if !output.status.success() {
            bail!(
                "`{shown}` failed:\n{}",
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{shown}` printed what is not UTF-8"))
    }

    /// The command line as a person would type it.
    pub(crate) fn shorten(&self, command: &str) -> String {
        command.replace(&self.cargo.display().to_string(), "cargo")
    }
}

/// Runs a program with both of its outputs in one stream, in the order in which they were written.
pub(crate) fn capture(mut command: Command) -> anyhow::Result<(bool, String)> {
    let (mut reader, writer) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = command.spawn()?;
    // The command still holds the writing ends; reading would never come to an end.
    drop(command);
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    let status = child.wait()?;
    Ok((
        status.success(),
        String::from_utf8_lossy(&output).into_owned(),
    ))
}

/// True for what `cargo run` sets for the program it runs and a person's shell does not have.
fn told_by_cargo_run(key: &str) -> bool {
    key.starts_with("CARGO_PKG_")
        || key.starts_with("CARGO_MANIFEST_")
        || key.starts_with("CARGO_BIN_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cargo_run_added_is_taken_away() {
        assert!(told_by_cargo_run("CARGO_PKG_NAME"));
        assert!(told_by_cargo_run("CARGO_MANIFEST_DIR"));
        assert!(!told_by_cargo_run("CARGO_TARGET_DIR"));
        assert!(!told_by_cargo_run("CARGO_HOME"));
    }
}
