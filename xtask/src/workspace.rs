//! What cargo and git say about the workspace.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};

use crate::programs::Programs;

/// The workspace as cargo sees it, for the machine we run on.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) metadata: Metadata,
    /// The triple of this machine.
    pub(crate) host: String,
}

impl Workspace {
    pub(crate) fn load(programs: &Programs) -> anyhow::Result<Self> {
        let host = programs
            .read(programs.program("rustc").args(["--print", "host-tuple"]))?
            .trim()
            .to_owned();
        let json = programs.read(programs.cargo("metadata").args([
            "--format-version=1",
            "--all-features",
            "--filter-platform",
            &host,
        ]))?;
        let metadata =
            MetadataCommand::parse(json).context("cannot read what `cargo metadata` printed")?;
        Ok(Self { metadata, host })
    }

    /// The crates of this workspace, by name.
    pub(crate) fn members(&self) -> Vec<&Package> {
        let mut members = self.metadata.workspace_packages();
        members.sort_by(|left, right| left.name.cmp(&right.name));
        members
    }

    /// The member of that name.
    pub(crate) fn member(&self, name: &str) -> anyhow::Result<&Package> {
        self.members()
            .into_iter()
            .find(|package| package.name.as_str() == name)
            .with_context(|| format!("the workspace has no crate `{name}`"))
    }

    /// The members that are meant for a registry.
    pub(crate) fn published(&self) -> Vec<&Package> {
        self.members()
            .into_iter()
            .filter(|package| is_published(package))
            .collect()
    }
}

/// True unless the manifest says `publish = false`.
pub(crate) fn is_published(package: &Package) -> bool {
    package
        .publish
        .as_ref()
        .is_none_or(|registries| !registries.is_empty())
}

/// The names of a package's targets of one kind, in order.
pub(crate) fn targets(package: &Package, kind: &TargetKind) -> Vec<String> {
    let mut names: Vec<String> = package
        .targets
        .iter()
        .filter(|target| target.kind.contains(kind))
        .map(|target| target.name.clone())
        .collect();
    names.sort();
    names
}

/// Names in an order in which each comes after those it needs; of several that could come next, the first by name.
/// Where there is no such order, those that stand in a circle or behind one.
pub(crate) fn each_after_its_needs<'a>(
    mut waiting: BTreeMap<&'a str, BTreeSet<&'a str>>,
) -> Result<Vec<&'a str>, Vec<&'a str>> {
    let mut order = Vec::new();
    while let Some(ready) = waiting
        .iter()
        .find(|(_, needs)| needs.is_empty())
        .map(|(name, _)| *name)
    {
        waiting.remove(ready);
        for needs in waiting.values_mut() {
            needs.remove(ready);
        }
        order.push(ready);
    }
    if waiting.is_empty() {
        Ok(order)
    } else {
        Err(waiting.into_keys().collect())
    }
}

/// Paths, relative to the root, of the files that git tracks.
pub(crate) fn tracked_files(programs: &Programs) -> anyhow::Result<BTreeSet<String>> {
    list_files(programs, &["--cached"])
}

/// Paths of the files that git tracks or would track if asked to, as far as they exist.
pub(crate) fn present_files(programs: &Programs) -> anyhow::Result<BTreeSet<String>> {
    let mut files = list_files(programs, &["--cached", "--others", "--exclude-standard"])?;
    files.retain(|file| programs.root().join(file).is_file());
    Ok(files)
}

fn list_files(programs: &Programs, which: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let listing = programs
        .read(programs.program("git").args(["ls-files", "-z"]).args(which))
        .context("the list of files comes from git")?;
    Ok(listing
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect())
}
