//! A rule about targets: no two of the workspace come out under one name, where cargo warns and keeps one of them.

use std::collections::BTreeMap;

use cargo_metadata::{Package, Target, TargetKind};

use crate::step::Session;

pub(crate) fn check(session: &Session) -> anyhow::Result<Vec<String>> {
    let members = session.workspace()?.members();
    let targets = members.iter().flat_map(|package| of(package));
    Ok(twice(targets))
}

/// What comes of each target of a crate, and of which one.
fn of(package: &Package) -> impl Iterator<Item = (String, String)> {
    package.targets.iter().flat_map(|target| {
        let names = names(target, &package.targets).into_iter();
        names.map(|name| (name, format!("`{}` of {}", target.name, package.name)))
    })
}

/// Where a program and the documentation of a target are put, which is one of these of its crate. A library's file has a name
/// that no program has, and a program of the crate that is called as the library is documented by that alone.
fn names(target: &Target, of_crate: &[Target]) -> Vec<String> {
    let mut names = Vec::new();
    let as_crate = |target: &Target| target.name.replace('-', "_");
    let is_library = |other: &Target| other.kind.contains(&TargetKind::Lib);
    let is_told = |other: &Target| is_library(other) && as_crate(other) == as_crate(target);
    if target.doc && (is_library(target) || !of_crate.iter().any(is_told)) {
        names.push(format!("doc/{}", as_crate(target)));
    }
    if target.kind.contains(&TargetKind::Bin) {
        names.push(target.name.clone());
    }
    if target.kind.contains(&TargetKind::Example) {
        names.push(format!("examples/{}", target.name));
    }
    names
}

fn twice(targets: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, of) in targets {
        all.entry(name).or_default().push(of);
    }
    all.retain(|_, of| of.len() > 1);
    let finding = |(name, of): (String, Vec<String>)| {
        format!("{} come out as target/…/{name}", of.join(" and "))
    };
    all.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    fn target(name: &str, kind: &str, doc: bool) -> Target {
        let target = serde_json::json!({
            "name": name, "kind": [kind], "crate_types": [kind], "required-features": [],
            "src_path": "/a.rs", "edition": "2024", "doctest": false, "test": false, "doc": doc,
        });
        serde_json::from_value(target).unwrap()
    }

    /// What is found in these crates.
    fn found(crates: &[&[Target]]) -> Vec<String> {
        let of = |targets: &&[Target]| -> Vec<_> {
            let names = targets.iter().flat_map(|target| names(target, targets));
            names.map(|name| (name, targets[0].name.clone())).collect()
        };
        twice(crates.iter().flat_map(of))
    }

    #[test]
    fn a_library_and_a_program_may_have_one_name_if_one_of_them_is_documented() {
        let library = target("humanapi", "lib", true);
        let program = |doc| target("humanapi", "bin", doc);
        assert!(found(&[slice::from_ref(&library), &[program(false)]]).is_empty());
        assert_eq!(
            found(&[slice::from_ref(&library), &[program(true)]]),
            ["humanapi and humanapi come out as target/…/doc/humanapi"]
        );
        assert!(found(&[&[library, program(true)]]).is_empty());
    }

    #[test]
    fn two_programs_may_not() {
        let program = target("serve", "bin", false);
        let example = target("serve", "example", false);
        assert!(found(&[slice::from_ref(&program), &[example]]).is_empty());
        assert_eq!(
            found(&[slice::from_ref(&program), slice::from_ref(&program)]).len(),
            1
        );
    }
}
