//! The plan of a release: what must be released, as which version, in which order. A pure function of its inputs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cargo_metadata::semver::{Version, VersionReq};
use serde::Serialize;

use crate::workspace::each_after_its_needs;

/// How far a change reaches for those who use a crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Nothing new: what was promised is now kept.
    Patch,
    /// More than before, and nothing less.
    Minor,
    /// Code that compiled and worked may do so no longer.
    Breaking,
}

/// What is known of one crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// The version in its manifest.
    pub(crate) version: Version,
    /// False where the manifest says `publish = false`.
    pub(crate) published: bool,
    /// True where others can use its types; a command has none to offer.
    pub(crate) library: bool,
    /// Crates of this workspace that it needs.
    pub(crate) needs: Vec<Need>,
    /// The version of its newest tag.
    pub(crate) last: Option<Version>,
    /// What of it has changed since then, as paths relative to the root.
    pub(crate) changed: Vec<String>,
    /// Its changelog, as far as it concerns the plan.
    pub(crate) changelog: Changelog,
    /// What of it has changed since the commit that prepared its version, as paths; nothing where no commit did.
    pub(crate) since_prepared: Option<Vec<String>>,
    /// What a comparison of its public API with the last release demands, where one was made.
    pub(crate) api: Option<Level>,
}

/// What a changelog tells about releases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Changelog {
    /// What stands under `Unreleased`.
    pub(crate) unreleased: Entries,
    /// The versions that have a section.
    pub(crate) versions: Vec<Version>,
}

/// What stands under one heading of a changelog.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Entries {
    /// How far each entry reaches.
    pub(super) levels: Vec<Level>,
}

impl Entries {
    #[cfg(test)]
    pub(crate) fn of(levels: &[Level]) -> Self {
        Self {
            levels: levels.to_vec(),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.levels.len()
    }

    /// How far the furthest of them reaches; none where there is none.
    pub(crate) fn level(&self) -> Option<Level> {
        self.levels.iter().copied().max()
    }
}

/// One dependency on a crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) name: String,
    /// Needed by tests alone.
    pub(crate) for_tests: bool,
    /// What the manifest asks for; a dependency of tests may have none and is then not published.
    pub(crate) requirement: Option<VersionReq>,
}

/// What to release, in the order to publish it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Plan {
    pub(crate) releases: Vec<Release>,
    /// Crates that stay as they are, with the version they have.
    pub(crate) unchanged: Vec<Unchanged>,
    /// What must be settled before anything can be released.
    pub(crate) conflicts: Vec<String>,
}

/// One crate to be released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Release {
    pub(crate) name: String,
    /// The last release, if there was one.
    pub(crate) last: Option<Version>,
    /// The smallest version that is honest.
    pub(crate) version: Version,
    /// How far its changes reach; the first release has nothing to compare with.
    pub(crate) level: Option<Level>,
    /// Everything that speaks for the level.
    pub(crate) reasons: Vec<Reason>,
    /// Manifest and changelog have this version already: only publishing is left.
    pub(crate) prepared: bool,
}

/// Why a crate is released, and why as that version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    /// It has never been released.
    First,
    /// Files that users get have changed.
    Changed {
        /// Paths relative to the root.
        paths: Vec<String>,
    },
    /// Its changelog has entries under `Unreleased`.
    Changelog {
        /// How far the furthest of them reaches.
        level: Level,
        /// How many there are.
        entries: usize,
    },
    /// Its public API was compared with the last release.
    Api {
        /// What the comparison demands at least.
        level: Level,
    },
    /// A crate that it needs is released as a version that its requirement excludes.
    Needs {
        /// That crate.
        name: String,
        /// And its new version.
        version: Version,
    },
}

/// A crate that is not released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Unchanged {
    pub(crate) name: String,
    pub(crate) version: Version,
}

/// Plans the release of all that has changed.
pub(crate) fn plan(crates: &[Crate]) -> Plan {
    let published: BTreeMap<&str, &Crate> = crates
        .iter()
        .filter(|candidate| candidate.published)
        .map(|candidate| (candidate.name.as_str(), candidate))
        .collect();
    let mut conflicts = Vec::new();
    for candidate in published.values() {
        conflicts.extend(unpublished_needs(candidate, crates));
    }
    let order = match publishing_order(&published) {
        Ok(order) => order,
        Err(cycle) => {
            conflicts.push(format!(
                "no order to publish in: each of these needs another of them: {}",
                cycle.join(", ")
            ));
            published.keys().copied().collect()
        }
    };

    // In this order each crate comes after all it needs, so their versions are known when it is looked at.
    let mut releases: Vec<Release> = Vec::new();
    let mut unchanged = Vec::new();
    for name in order {
        let candidate = published[name];
        let reasons = reasons(candidate, &releases);
        if reasons.is_empty() {
            unchanged.push(Unchanged {
                name: name.to_owned(),
                version: candidate.version.clone(),
            });
            continue;
        }
        let release = release(candidate, reasons);
        conflicts.extend(conflicts_of(candidate, &release));
        releases.push(release);
    }
    unchanged.sort_by(|left, right| left.name.cmp(&right.name));
    Plan {
        releases,
        unchanged,
        conflicts,
    }
}

fn reasons(candidate: &Crate, before: &[Release]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if candidate.last.is_none() {
        reasons.push(Reason::First);
    } else if !candidate.changed.is_empty() {
        reasons.push(Reason::Changed {
            paths: candidate.changed.clone(),
        });
    }
    let unreleased = &candidate.changelog.unreleased;
    if let Some(level) = unreleased.level() {
        reasons.push(Reason::Changelog {
            level,
            entries: unreleased.count(),
        });
    }
    if let Some(level) = candidate.api.filter(|level| *level > Level::Patch) {
        reasons.push(Reason::Api { level });
    }
    for need in candidate.needs.iter().filter(|need| !need.for_tests) {
        let moved = before.iter().find(|release| release.name == need.name);
        if let Some(moved) = moved
            && candidate.last.is_some()
            && leaves_behind(moved, need)
        {
            reasons.push(Reason::Needs {
                name: moved.name.clone(),
                version: moved.version.clone(),
            });
        }
    }
    reasons
}

/// True where whoever was released against the last version cannot be used with the new one.
fn leaves_behind(moved: &Release, need: &Need) -> bool {
    match (&moved.last, moved.prepared) {
        // The requirement in the manifest was already moved along, so the versions themselves have to tell.
        (Some(last), true) => !compatible(last, &moved.version),
        (None, true) => false,
        (_, false) => need
            .requirement
            .as_ref()
            .is_some_and(|requirement| !requirement.matches(&moved.version)),
    }
}

/// True where cargo would take the newer for the older.
fn compatible(older: &Version, newer: &Version) -> bool {
    VersionReq::parse(&older.to_string()).is_ok_and(|requirement| requirement.matches(newer))
}

fn release(candidate: &Crate, reasons: Vec<Reason>) -> Release {
    let level = reasons
        .iter()
        .filter_map(|reason| match reason {
            Reason::First => None,
            Reason::Changed { .. } => Some(Level::Patch),
            Reason::Changelog { level, .. } | Reason::Api { level } => Some(*level),
            // A library shows the types of what it needs; a command shows nobody any.
            Reason::Needs { .. } if candidate.library => Some(Level::Breaking),
            Reason::Needs { .. } => Some(Level::Patch),
        })
        .max();
    let prepared = candidate.changelog.versions.contains(&candidate.version)
        && candidate.changelog.unreleased.count() == 0
        && candidate.last.as_ref() != Some(&candidate.version);
    let version = match (&candidate.last, level) {
        (Some(last), Some(level)) => next(last, level).max(candidate.version.clone()),
        _ => candidate.version.clone(),
    };
    Release {
        name: candidate.name.clone(),
        last: candidate.last.clone(),
        // What its prepared changelog said cannot be read any more; the version chosen then was honest.
        version: if prepared {
            candidate.version.clone()
        } else {
            version
        },
        level: candidate.last.as_ref().and(level),
        reasons,
        prepared,
    }
}

fn conflicts_of(candidate: &Crate, release: &Release) -> Option<String> {
    let name = &candidate.name;
    if let Some(last) = &candidate.last
        && candidate.version < *last
    {
        return Some(format!(
            "{name}: its manifest says {}, but {last} is released: raise it to {last} at least",
            candidate.version
        ));
    }
    if release.prepared {
        let version = &candidate.version;
        match candidate.since_prepared.as_deref() {
            Some([]) => {}
            Some(paths) => {
                return Some(format!(
                    "{name}: {version} is prepared, and since then this has changed: {}: take the prepared release back",
                    some_of(paths)
                ));
            }
            None => {
                return Some(format!(
                    "{name}: {version} stands in its changelog, and no commit prepared it: put its entries back under Unreleased, then `cargo xtask release prepare`"
                ));
            }
        }
        let due = match (&candidate.last, release.level) {
            (Some(last), Some(level)) => next(last, level),
            _ => return None,
        };
        return (due > candidate.version).then(|| {
            format!(
                "{name}: {} is prepared, but since then it needs {due}: take the prepared release back",
                candidate.version
            )
        });
    }
    if candidate.changelog.versions.contains(&release.version) {
        return Some(format!(
            "{name}: {} is prepared and not published, and more has come since: publish it first, or take the prepared release back",
            release.version
        ));
    }
    let needs_entry = candidate.changelog.unreleased.count() == 0
        && release
            .reasons
            .iter()
            .any(|reason| !matches!(reason, Reason::Needs { .. }));
    needs_entry.then(|| {
        format!(
            "{name}: nothing stands under Unreleased in its changelog: say there what a user notices"
        )
    })
}

fn unpublished_needs(candidate: &Crate, crates: &[Crate]) -> Vec<String> {
    candidate
        .needs
        .iter()
        .filter(|need| !need.for_tests)
        .filter(|need| {
            crates
                .iter()
                .any(|other| other.name == need.name && !other.published)
        })
        .map(|need| {
            format!(
                "{}: needs {}, which is not published",
                candidate.name, need.name
            )
        })
        .collect()
}

/// All crates, each after those it needs, or those that need each other in a circle.
fn publishing_order<'a>(
    published: &BTreeMap<&'a str, &'a Crate>,
) -> Result<Vec<&'a str>, Vec<&'a str>> {
    let needs = published.iter().map(|(name, candidate)| {
        let needs = candidate
            .needs
            .iter()
            // Cargo leaves a dependency of tests without a version out of what it publishes.
            .filter(|need| need.requirement.is_some() || !need.for_tests)
            .map(|need| need.name.as_str())
            .filter(|need| published.contains_key(need))
            .collect();
        (*name, needs)
    });
    each_after_its_needs(needs.collect())
}

/// The smallest version after this one that says as much as the change demands.
///
/// Below 1.0.0 the second number says what the first says from then on, and below 0.1.0 every version may break.
pub(crate) fn next(last: &Version, level: Level) -> Version {
    let Version {
        major,
        minor,
        patch,
        ..
    } = *last;
    if !last.pre.is_empty() {
        // A pre-release promised nothing yet: what it prepares comes next.
        return Version::new(major, minor, patch);
    }
    match (major, minor, level) {
        (0, 0, _) => Version::new(0, 0, patch + 1),
        (0, _, Level::Breaking) => Version::new(0, minor + 1, 0),
        (0, _, _) | (_, _, Level::Patch) => Version::new(major, minor, patch + 1),
        (_, _, Level::Minor) => Version::new(major, minor + 1, 0),
        (_, _, Level::Breaking) => Version::new(major + 1, 0, 0),
    }
}

impl Plan {
    /// The plan for a person.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        if self.releases.is_empty() {
            text.push_str("Nothing to release: nothing that users get has changed.\n");
        }
        for (number, release) in self.releases.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:>2}  {:<18} {} → {}{}{}",
                number + 1,
                release.name,
                release
                    .last
                    .as_ref()
                    .map_or_else(|| "(none)".to_owned(), ToString::to_string),
                release.version,
                release.level.map_or("", |level| match level {
                    Level::Patch => "  patch",
                    Level::Minor => "  minor",
                    Level::Breaking => "  breaking",
                }),
                if release.prepared { "  prepared" } else { "" },
            );
            for reason in &release.reasons {
                let _ = writeln!(text, "      {}", reason.to_text());
            }
        }
        if !self.unchanged.is_empty() {
            let names: Vec<String> = self
                .unchanged
                .iter()
                .map(|unchanged| format!("{} {}", unchanged.name, unchanged.version))
                .collect();
            let _ = writeln!(text, "\nStays as it is: {}", names.join(", "));
        }
        for conflict in &self.conflicts {
            let _ = writeln!(text, "\nconflict: {conflict}");
        }
        text
    }
}

impl Reason {
    fn to_text(&self) -> String {
        match self {
            Self::First => "its first release".to_owned(),
            Self::Changed { paths } => {
                format!("changed: {}", some_of(paths))
            }
            Self::Changelog { level, entries } => {
                let noun = if *entries == 1 { "entry" } else { "entries" };
                format!("changelog: {entries} {noun}, {}", level.in_words())
            }
            Self::Api { level } => format!("public API: {}", level.in_words()),
            Self::Needs { name, version } => format!("needs {name} {version}"),
        }
    }
}

/// The first few of them, and how many more there are.
fn some_of(paths: &[String]) -> String {
    let shown = paths[..paths.len().min(3)].join(", ");
    match paths.len().saturating_sub(3) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Level {
    fn in_words(self) -> &'static str {
        match self {
            Self::Patch => "nothing new",
            Self::Minor => "something new",
            Self::Breaking => "something that breaks",
        }
    }
}

#[cfg(test)]
mod tests;
