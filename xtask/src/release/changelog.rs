//! The changelog of a crate: what waits to be released, and moving it under a version.
//!
//! Sections follow Keep a Changelog. An entry that breaks users begins with `**Breaking:**`.

use anyhow::bail;
use cargo_metadata::semver::Version;

use super::plan::{Changelog, Level, Reason, Release};

const BREAKING: &str = "**Breaking:**";

/// What a section says about all its entries.
fn level_of_section(title: &str) -> anyhow::Result<Level> {
    Ok(match title {
        "Added" | "Changed" | "Deprecated" => Level::Minor,
        "Fixed" | "Security" => Level::Patch,
        "Removed" => Level::Breaking,
        _ => bail!(
            "`### {title}` is no section of a changelog: take Added, Changed, Deprecated, Removed, Fixed or Security"
        ),
    })
}

/// Reads a changelog.
pub(crate) fn parse(text: &str) -> anyhow::Result<Changelog> {
    let mut changelog = Changelog::default();
    let mut found = false;
    let mut under_unreleased = false;
    let mut section = None;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = None;
            under_unreleased = title.trim() == "[Unreleased]";
            if under_unreleased {
                if found {
                    bail!("there are two sections `## [Unreleased]`");
                }
                found = true;
            } else {
                changelog.versions.push(version_of(title)?);
            }
        } else if under_unreleased {
            if let Some(title) = line.strip_prefix("### ") {
                section = Some(level_of_section(title.trim())?);
            } else if let Some(entry) = line.strip_prefix("- ") {
                let Some(level) = section else {
                    bail!("`{line}` stands under no section such as `### Added`");
                };
                changelog
                    .unreleased
                    .levels
                    .push(if entry.starts_with(BREAKING) {
                        Level::Breaking
                    } else {
                        level
                    });
            }
        }
    }
    if !found {
        bail!("there is no section `## [Unreleased]`");
    }
    Ok(changelog)
}

/// Reads `[1.2.3] - 2026-01-31`.
fn version_of(title: &str) -> anyhow::Result<Version> {
    title
        .trim()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .and_then(|(version, _)| version.parse().ok())
        .ok_or_else(|| {
            anyhow::anyhow!(
                "`## {title}` is neither `## [Unreleased]` nor like `## [1.2.3] - 2026-01-31`"
            )
        })
}

/// The changelog after a release: what was under `Unreleased` now stands under the version and the date.
///
/// A crate that moves only because of what it needs gets an entry that says so.
pub(crate) fn under_version(text: &str, release: &Release, date: &str) -> anyhow::Result<String> {
    const HEADING: &str = "## [Unreleased]\n";
    let Some((head, rest)) = text.split_once(HEADING) else {
        bail!("there is no section `## [Unreleased]`");
    };
    let (entries, older) = match rest.find("\n## ") {
        Some(place) => rest.split_at(place),
        None => (rest, ""),
    };
    let moved: Vec<String> = release
        .reasons
        .iter()
        .filter_map(|reason| match reason {
            Reason::Needs { name, version } => Some(format!("- Needs `{name}` {version}.")),
            _ => None,
        })
        .collect();
    let own = entries.trim();
    let body = match (own.is_empty(), moved.is_empty()) {
        (true, true) => bail!("nothing stands under Unreleased"),
        (true, false) => format!("### Changed\n\n{}", moved.join("\n")),
        (false, true) => own.to_owned(),
        (false, false) => with_changes(own, &moved),
    };
    Ok(format!(
        "{head}{HEADING}\n## [{}] - {date}\n\n{body}\n{older}",
        release.version
    ))
}

/// Adds entries to the section `Changed`, which is made where there is none.
fn with_changes(own: &str, moved: &[String]) -> String {
    let moved = moved.join("\n");
    let Some(start) = own.find("### Changed\n") else {
        return format!("{own}\n\n### Changed\n\n{moved}");
    };
    let end = own[start + 1..]
        .find("\n### ")
        .map_or(own.len(), |place| start + 1 + place);
    let (until, after) = own.split_at(end);
    format!("{}\n{moved}\n{after}", until.trim_end())
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::plan::Entries;

    const TEXT: &str = "\
# Changelog of a crate

Words.

## [Unreleased]

### Added

- One thing
  over two lines.
- Another.

### Fixed

- **Breaking:** what was wrong.

## [0.1.0] - 2026-01-31

### Added

- The start.
";

    fn release(reasons: Vec<Reason>) -> Release {
        Release {
            name: "a".to_owned(),
            last: Some(Version::new(0, 1, 0)),
            version: Version::new(0, 2, 0),
            level: Some(Level::Breaking),
            reasons,
            prepared: false,
        }
    }

    fn needs() -> Reason {
        Reason::Needs {
            name: "core".to_owned(),
            version: Version::new(0, 2, 0),
        }
    }

    #[test]
    fn entries_are_weighed_by_section_and_mark() {
        let changelog = parse(TEXT).unwrap();
        assert_eq!(
            changelog.unreleased,
            Entries::of(&[Level::Minor, Level::Minor, Level::Breaking])
        );
        assert_eq!(changelog.versions, [Version::new(0, 1, 0)]);
    }

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn what_cannot_be_weighed_is_refused() {
        check_refused("# Changelog\n", "no section `## [Unreleased]`");
        check_refused("## [Unreleased]\n- a\n", "stands under no section");
        check_refused(
            "## [Unreleased]\n### News\n- a\n",
            "`### News` is no section",
        );
        check_refused("## Unreleased\n", "neither");
        check_refused("## [Unreleased]\n## [Unreleased]\n", "two sections");
    }

    #[test]
    fn entries_move_under_the_version() {
        let text = under_version(TEXT, &release(Vec::new()), "2026-02-28").unwrap();
        assert_eq!(
            text,
            TEXT.replace(
                "## [Unreleased]\n",
                "## [Unreleased]\n\n## [0.2.0] - 2026-02-28\n"
            )
        );
        let changelog = parse(&text).unwrap();
        assert_eq!(changelog.unreleased.count(), 0);
        assert_eq!(
            changelog.versions,
            [Version::new(0, 2, 0), Version::new(0, 1, 0)]
        );
    }

    #[test]
    fn a_crate_that_only_follows_says_so() {
        let text = "# C\n\n## [Unreleased]\n";
        let text = under_version(text, &release(vec![needs()]), "2026-02-28").unwrap();
        assert_eq!(
            text,
            "# C\n\n## [Unreleased]\n\n## [0.2.0] - 2026-02-28\n\n### Changed\n\n- Needs `core` 0.2.0.\n"
        );
    }

    #[test]
    fn following_joins_other_changes() {
        let own = "### Changed\n\n- Slower.\n\n### Fixed\n\n- Less wrong.";
        assert_eq!(
            with_changes(own, &["- Needs `core` 0.2.0.".to_owned()]),
            "### Changed\n\n- Slower.\n- Needs `core` 0.2.0.\n\n### Fixed\n\n- Less wrong."
        );
        assert_eq!(
            with_changes("### Fixed\n\n- Less wrong.", &["- Needs.".to_owned()]),
            "### Fixed\n\n- Less wrong.\n\n### Changed\n\n- Needs."
        );
    }

    #[test]
    fn an_empty_section_is_not_released() {
        let error = under_version("## [Unreleased]\n", &release(Vec::new()), "2026-02-28");
        assert!(error.is_err());
    }
}
