//! Test and bench programs: what cargo built, and how it would run them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use cargo_metadata::{Artifact, Message, Package, TargetKind};
use xshell::Cmd;

use crate::pool::Job;
use crate::step::{Outcome, Session};

/// One program that cargo built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Executable {
    pub(crate) package: String,
    pub(crate) name: String,
    version: String,
    /// Where its package is.
    folder: PathBuf,
    path: PathBuf,
}

/// Has cargo build programs without running them, and gives those of tests or benches.
pub(crate) fn build<'a>(
    session: &'a Session,
    cmd: Cmd<'a>,
) -> anyhow::Result<(Outcome, Vec<Executable>)> {
    let cmd = cmd.args(["--no-run", "--message-format=json-render-diagnostics"]);
    let shown = session.programs().shorten(&cmd.to_string());
    let output = Command::from(cmd)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let outcome = Outcome::Failed(format!("{said}\nfailed: {shown}"));
        return Ok((outcome, Vec::new()));
    }
    let mut built = Vec::new();
    for message in Message::parse_stream(output.stdout.as_slice()) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.profile.test
            && let Some(path) = &artifact.executable
        {
            let package = session.workspace()?.metadata.packages.iter();
            let package = package
                .into_iter()
                .find(|one| one.id == artifact.package_id);
            let package = package.context("cargo built a program of no package")?;
            built.push(Executable::of(package, &artifact, path.into()));
        }
    }
    if built.is_empty() {
        let outcome = Outcome::Failed(format!("cargo told of no program that it built: {shown}"));
        return Ok((outcome, built));
    }
    built.sort();
    Ok((Outcome::Ok, built))
}

impl Executable {
    fn of(package: &Package, artifact: &Artifact, path: PathBuf) -> Self {
        let target = &artifact.target;
        let is = |kind: &TargetKind| target.kind.contains(kind);
        let name = if is(&TargetKind::Test) || is(&TargetKind::Bench) {
            target.name.clone()
        } else {
            format!("unit tests of {}", target.name)
        };
        let manifest = package.manifest_path.as_std_path();
        Self {
            package: package.name.to_string(),
            name,
            version: package.version.to_string(),
            folder: manifest.parent().unwrap_or(manifest).to_owned(),
            path,
        }
    }

    /// What it is called in what a reader sees.
    pub(crate) fn title(&self) -> String {
        format!("{}, {}", self.package, self.name)
    }

    /// How cargo would run it: in the folder of its package, and told of it.
    pub(crate) fn job<'a>(
        &self,
        session: &'a Session,
        arguments: &[&str],
        adapt: impl FnOnce(Cmd<'a>) -> Cmd<'a>,
    ) -> Job {
        let cmd = adapt(session.program(&self.path).args(arguments))
            .env("CARGO", session.programs().cargo_path())
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .env("CARGO_PKG_NAME", &self.package)
            .env("CARGO_PKG_VERSION", &self.version);
        let mut command = Command::from(cmd);
        command.current_dir(&self.folder);
        Job {
            name: self.title(),
            command,
        }
    }
}
