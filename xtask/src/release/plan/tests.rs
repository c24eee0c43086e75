//! Plans of small workspaces by hand, and of 10,000 random ones.

use proptest::prelude::*;

use super::*;

fn v(text: &str) -> Version {
    text.parse().unwrap()
}

fn need(name: &str, requirement: &str) -> Need {
    Need {
        name: name.to_owned(),
        for_tests: false,
        requirement: Some(VersionReq::parse(requirement).unwrap()),
    }
}

/// A crate that was released as 0.1.0 and has not changed since.
fn released(name: &str, needs: &[&str]) -> Crate {
    Crate {
        name: name.to_owned(),
        version: v("0.1.0"),
        published: true,
        library: true,
        needs: needs.iter().map(|name| need(name, "0.1.0")).collect(),
        last: Some(v("0.1.0")),
        changed: Vec::new(),
        changelog: Changelog {
            unreleased: Entries::default(),
            versions: vec![v("0.1.0")],
        },
        since_prepared: None,
        api: None,
    }
}

fn changed(mut it: Crate, level: Level) -> Crate {
    it.changed = vec![format!("crates/{}/src/lib.rs", it.name)];
    it.changelog.unreleased = Entries::of(&[level]);
    it
}

/// core ← client ← hyper, reqwest; a command on top of both; a sandbox apart; a kit that is not published.
fn workspace() -> Vec<Crate> {
    let mut cli = released("cli", &["hyper", "reqwest", "sandbox"]);
    cli.library = false;
    let mut kit = released("kit", &["core", "client"]);
    kit.published = false;
    kit.last = None;
    vec![
        cli,
        released("client", &["core"]),
        released("core", &[]),
        released("hyper", &["client"]),
        kit,
        released("reqwest", &["client"]),
        released("sandbox", &[]),
    ]
}

fn with(name: &str, change: impl Fn(Crate) -> Crate) -> Vec<Crate> {
    workspace()
        .into_iter()
        .map(|it| if it.name == name { change(it) } else { it })
        .collect()
}

#[track_caller]
fn check(crates: &[Crate], expected: &[&str]) -> Plan {
    let plan = plan(crates);
    let found: Vec<String> = plan
        .releases
        .iter()
        .map(|release| format!("{} {}", release.name, release.version))
        .collect();
    assert_eq!(found, expected, "{}", plan.to_text());
    plan
}

#[test]
fn nothing_changed_nothing_released() {
    let plan = check(&workspace(), &[]);
    assert_eq!(plan.unchanged.len(), 6);
    assert!(plan.to_text().starts_with("Nothing to release"));
}

#[test]
fn a_fix_moves_one_crate() {
    check(
        &with("hyper", |it| changed(it, Level::Patch)),
        &["hyper 0.1.1"],
    );
}

#[test]
fn something_new_in_core_moves_core_alone() {
    check(
        &with("core", |it| changed(it, Level::Minor)),
        &["core 0.1.1"],
    );
}

#[test]
fn a_break_in_core_moves_all_that_need_it() {
    check(
        &with("core", |it| changed(it, Level::Breaking)),
        &[
            "core 0.2.0",
            "client 0.2.0",
            "hyper 0.2.0",
            "reqwest 0.2.0",
            "cli 0.1.1",
        ],
    );
}

#[test]
fn a_comparison_that_finds_a_break_overrules_a_modest_changelog() {
    let plan = check(
        &with("hyper", |it| Crate {
            api: Some(Level::Breaking),
            ..changed(it, Level::Patch)
        }),
        &["hyper 0.2.0", "cli 0.1.1"],
    );
    assert!(plan.to_text().contains("public API: something that breaks"));
}

#[test]
fn the_first_release_is_what_the_manifests_say() {
    let crates: Vec<Crate> = workspace()
        .into_iter()
        .map(|mut it| {
            it.last = None;
            it.changelog.versions.clear();
            changed(it, Level::Minor)
        })
        .collect();
    check(
        &crates,
        &[
            "core 0.1.0",
            "client 0.1.0",
            "hyper 0.1.0",
            "reqwest 0.1.0",
            "sandbox 0.1.0",
            "cli 0.1.0",
        ],
    );
}

#[test]
fn a_version_raised_by_hand_is_kept() {
    check(
        &with("hyper", |it| Crate {
            version: v("0.3.0"),
            ..changed(it, Level::Patch)
        }),
        &["hyper 0.3.0", "cli 0.1.1"],
    );
}

/// A workspace in which one crate's next version is prepared, and this much of it has changed since.
fn prepared(since: Option<&[&str]>) -> Vec<Crate> {
    with("hyper", |mut it| {
        it.version = v("0.1.1");
        it.changed = vec!["crates/hyper/src/lib.rs".to_owned()];
        it.changelog.versions.insert(0, v("0.1.1"));
        it.since_prepared =
            since.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        it
    })
}

#[test]
fn what_is_prepared_keeps_its_version_and_is_told() {
    let plan = check(&prepared(Some(&[])), &["hyper 0.1.1"]);
    assert!(plan.releases[0].prepared);
    assert_eq!(plan.conflicts, [""; 0]);
}

#[track_caller]
fn check_conflict(crates: &[Crate], expected: &str) {
    let conflicts = plan(crates).conflicts;
    assert!(
        conflicts.iter().any(|conflict| conflict.contains(expected)),
        "{conflicts:?}"
    );
}

#[test]
fn a_change_without_a_word_is_a_conflict() {
    let silent = |mut it: Crate| {
        it.changed = vec!["crates/hyper/src/lib.rs".to_owned()];
        it
    };
    check_conflict(&with("hyper", silent), "nothing stands under Unreleased");
}

#[test]
fn a_manifest_behind_its_release_is_a_conflict() {
    let behind = |it: Crate| Crate {
        last: Some(v("0.2.0")),
        ..changed(it, Level::Patch)
    };
    check_conflict(&with("hyper", behind), "0.2.0 is released");
}

#[test]
fn more_on_top_of_a_prepared_release_is_a_conflict() {
    let more = |it: Crate| {
        let mut it = changed(it, Level::Patch);
        it.version = v("0.1.1");
        it.changelog.versions.insert(0, v("0.1.1"));
        it
    };
    check_conflict(&with("hyper", more), "more has come since");
}

#[test]
fn what_is_not_as_it_was_prepared_is_a_conflict() {
    let since = ["a", "b", "c", "d"];
    check_conflict(
        &prepared(Some(&since)),
        "since then this has changed: a, b, c and 1 more",
    );
    check_conflict(&prepared(None), "no commit prepared it");
}

#[test]
fn a_need_that_is_not_published_is_a_conflict() {
    let bad = |mut it: Crate| {
        it.needs.push(need("kit", "0.1.0"));
        it
    };
    check_conflict(&with("hyper", bad), "needs kit, which is not published");
}

#[test]
fn a_circle_is_a_conflict() {
    let circle = |mut it: Crate| {
        it.needs.push(need("hyper", "0.1.0"));
        it
    };
    check_conflict(&with("core", circle), "no order to publish in");
}

#[test]
fn the_smallest_honest_version() {
    let cases = [
        ("0.0.3", Level::Patch, "0.0.4"),
        ("0.0.3", Level::Breaking, "0.0.4"),
        ("0.1.3", Level::Patch, "0.1.4"),
        ("0.1.3", Level::Minor, "0.1.4"),
        ("0.1.3", Level::Breaking, "0.2.0"),
        ("1.2.3", Level::Patch, "1.2.4"),
        ("1.2.3", Level::Minor, "1.3.0"),
        ("1.2.3", Level::Breaking, "2.0.0"),
        ("1.0.0-rc.1", Level::Minor, "1.0.0"),
    ];
    for (last, level, expected) in cases {
        assert_eq!(next(&v(last), level), v(expected), "{last} {level:?}");
    }
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        Just(Level::Patch),
        Just(Level::Minor),
        Just(Level::Breaking)
    ]
}

fn version() -> impl Strategy<Value = Version> {
    (0..3u64, 0..4u64, 0..4u64).prop_map(|(major, minor, patch)| Version::new(major, minor, patch))
}

prop_compose! {
    /// A crate whose needs point only at crates before it, so that there is an order.
    fn any_crate(number: usize)(
        version in version(),
        was_released in prop::bool::weighted(0.8),
        published in prop::bool::weighted(0.85),
        library in any::<bool>(),
        edges in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4),
        is_changed in prop::bool::weighted(0.4),
        entries in prop::collection::vec(level(), 0..3),
        api in prop::option::of(level()),
    ) -> Crate {
        let mut needs: Vec<Need> = Vec::new();
        for (index, for_tests) in edges {
            if number > 0 {
                let name = format!("c{}", index.index(number));
                if needs.iter().all(|need| need.name != name) {
                    needs.push(Need { name, for_tests, requirement: None });
                }
            }
        }
        Crate {
            name: format!("c{number}"),
            last: was_released.then(|| version.clone()),
            changelog: Changelog {
                unreleased: Entries::of(&entries),
                versions: was_released.then(|| version.clone()).into_iter().collect(),
            },
            version,
            published,
            library,
            needs,
            since_prepared: None,
            changed: if is_changed { vec![format!("crates/c{number}/src/lib.rs")] } else { Vec::new() },
            api: api.filter(|_| is_changed && was_released),
        }
    }
}

/// Up to eight crates whose requirements are what the workspace has, in an order of their own.
fn any_workspace() -> impl Strategy<Value = Vec<Crate>> {
    let crates: Vec<_> = (0..8).map(any_crate).collect();
    (crates, 1..=8usize).prop_flat_map(|(mut crates, count)| {
        crates.truncate(count);
        let versions: BTreeMap<String, Version> = crates
            .iter()
            .map(|it| (it.name.clone(), it.version.clone()))
            .collect();
        for it in &mut crates {
            for need in &mut it.needs {
                need.requirement = VersionReq::parse(&versions[&need.name].to_string()).ok();
            }
        }
        Just(crates).prop_shuffle()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_plan_keeps_the_promises(crates in any_workspace()) {
        let made = plan(&crates);
        prop_assert_eq!(&made, &plan(&crates), "the same inputs give the same plan");
        let mut reversed = crates.clone();
        reversed.reverse();
        prop_assert_eq!(&made, &plan(&reversed), "their order is no input");

        let by_name = |name: &str| crates.iter().find(|it| it.name == name).unwrap();
        let place = |name: &str| made.releases.iter().position(|release| release.name == name);
        for (position, release) in made.releases.iter().enumerate() {
            let it = by_name(&release.name);
            prop_assert!(it.published, "{} is not published", it.name);
            prop_assert!(!release.reasons.is_empty());
            // Never a leaf ahead of what it needs.
            for need in &it.needs {
                if let Some(other) = place(&need.name) {
                    prop_assert!(other < position, "{} comes before {}", it.name, need.name);
                }
            }
            if let Some(last) = &it.last {
                prop_assert!(release.version > *last);
                // What the changelog or the API calls a break is a version that cargo does not take by itself.
                let breaks = it.changelog.unreleased.level() == Some(Level::Breaking)
                    || it.api == Some(Level::Breaking);
                if breaks {
                    prop_assert!(!compatible(last, &release.version));
                }
                prop_assert_eq!(
                    release.version.clone(),
                    next(last, release.level.unwrap()).max(it.version.clone()),
                    "no larger than it must be"
                );
            }
            // Everybody who cannot go on with the new version moves too.
            for dependent in crates.iter().filter(|other| other.published) {
                let needs = dependent.needs.iter().any(|need| {
                    need.name == release.name
                        && !need.for_tests
                        && !need.requirement.as_ref().unwrap().matches(&release.version)
                });
                if needs {
                    let moved = made.releases.iter().find(|other| other.name == dependent.name);
                    prop_assert!(moved.is_some(), "{} stays behind", dependent.name);
                    if let (true, Some(last)) = (dependent.library, &dependent.last) {
                        prop_assert!(!compatible(last, &moved.unwrap().version));
                    }
                }
            }
        }
        // What has not changed and need not follow is not released.
        for unchanged in &made.unchanged {
            let it = by_name(&unchanged.name);
            prop_assert!(it.last.is_some() && it.changed.is_empty() && it.changelog.unreleased.count() == 0);
        }
        let known = made.releases.len() + made.unchanged.len();
        prop_assert_eq!(known, crates.iter().filter(|it| it.published).count());
    }
}
