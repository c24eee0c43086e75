//! `bench`: the benches, and the quick ones among them that assert their own bounds.
//!
//! A bench whose name begins with `check_` compares counts or ratios with bounds of its own and exits with
//! something other than 0 when one is broken. Those run after the tests; the others only when asked for.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Package, TargetKind};
use clap::Args;

use crate::executables::{self, Executable};
use crate::needs::Switches;
use crate::step::{Outcome, Session};
use crate::workspace::targets;

const CHECK: &str = "check_";
/// The profile of those, which is built sooner than that of all others.
const PROFILE: &str = "checks";

/// Which benches.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Run only the quick benches named `check_*`, which assert their own bounds
    #[arg(long)]
    pub(crate) check: bool,
    /// Build those checks and run none
    #[arg(long, requires = "check")]
    pub(crate) no_run: bool,
}

/// One bench binary.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bench {
    package: String,
    name: String,
    features: Vec<String>,
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    let switches = Switches::new(session, false, false)?;
    if options.no_run {
        return build(session).map(drop);
    }
    if options.check {
        check(session, &switches)?;
        return switches.report(session);
    }
    let benches = all(session)?;
    if benches.is_empty() {
        session.step("benches", |_| {
            Ok(Outcome::Skipped("no crate has a bench".to_owned()))
        });
    }
    for bench in &benches {
        session.step(&bench.title(), |session| {
            session.show(switches.apply(command(session, &[bench])))
        });
    }
    switches.report(session)
}

/// Runs the benches that assert their own bounds.
pub(crate) fn check(session: &mut Session, switches: &Switches) -> anyhow::Result<()> {
    let programs = build(session)?;
    session.step("bench checks", |session| {
        // What they count is theirs alone, whoever else works meanwhile.
        let jobs = programs
            .iter()
            .map(|program| program.job(session, &["--bench"], |cmd| switches.apply(cmd)));
        Ok(session.run_all(jobs.collect()).0)
    });
    Ok(())
}

/// Builds the benches that assert their own bounds.
fn build(session: &mut Session) -> anyhow::Result<Vec<Executable>> {
    let benches: Vec<Bench> = all(session)?
        .into_iter()
        .filter(|bench| bench.name.starts_with(CHECK))
        .collect();
    if benches.is_empty() {
        session.step("build the bench checks", |_| {
            Ok(Outcome::Skipped(format!(
                "no crate has a bench named {CHECK}*"
            )))
        });
    }
    let mut programs = Vec::new();
    // Those of a package with the same features at once, because they share what they link. Others are built apart: a feature
    // changes what is counted of code that it does not touch.
    let mut alike: BTreeMap<(&str, &[String]), Vec<&Bench>> = BTreeMap::new();
    for bench in &benches {
        let kind = (bench.package.as_str(), bench.features.as_slice());
        alike.entry(kind).or_default().push(bench);
    }
    for ((package, features), of_package) in alike {
        let title = match features {
            [] => format!("build the bench checks of {package}"),
            _ => format!(
                "build the bench checks of {package} with {}",
                features.join(",")
            ),
        };
        session.step(&title, |session| {
            let cmd = command(session, &of_package).args(["--profile", PROFILE]);
            let (outcome, found) = executables::build(session, cmd)?;
            let is_built = |bench: &&Bench| found.iter().any(|program| program.name == bench.name);
            if let (Outcome::Ok, Some(bench)) = (
                &outcome,
                of_package.iter().copied().find(|bench| !is_built(bench)),
            ) {
                let missing = format!("cargo told of no program for the bench {}", bench.name);
                return Ok(Outcome::Failed(missing));
            }
            programs.extend(found);
            Ok(outcome)
        });
    }
    Ok(programs)
}

/// Calls cargo for benches of one package.
fn command<'a>(session: &'a Session, benches: &[&Bench]) -> xshell::Cmd<'a> {
    let package = benches.first().map(|bench| bench.package.as_str());
    let mut cmd = session.cargo("bench").arg("-p").args(package);
    for bench in benches {
        cmd = cmd.args(["--bench", &bench.name]);
    }
    let features: BTreeSet<&str> = benches
        .iter()
        .flat_map(|bench| bench.features.iter().map(String::as_str))
        .collect();
    if !features.is_empty() {
        let features: Vec<&str> = features.into_iter().collect();
        cmd = cmd.arg(format!("--features={}", features.join(",")));
    }
    cmd
}

impl Bench {
    fn title(&self) -> String {
        format!("{}, {}", self.package, self.name)
    }
}

fn all(session: &Session) -> anyhow::Result<Vec<Bench>> {
    Ok(session
        .workspace()?
        .members()
        .into_iter()
        .flat_map(of_package)
        .collect())
}

fn of_package(package: &Package) -> Vec<Bench> {
    targets(package, &TargetKind::Bench)
        .into_iter()
        .map(|name| {
            let features = package
                .targets
                .iter()
                .find(|target| target.name == name && target.kind.contains(&TargetKind::Bench))
                .map(|target| target.required_features.clone())
                .unwrap_or_default();
            Bench {
                package: package.name.to_string(),
                name,
                features,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bench_is_called_with_the_features_it_requires() {
        let session = Session::new().unwrap();
        let bench = Bench {
            package: "humanapi-core".to_owned(),
            name: "check_request".to_owned(),
            features: vec!["testing".to_owned()],
        };
        let command = command(&session, &[&bench]).to_string();
        assert!(
            command.ends_with("bench -p humanapi-core --bench check_request --features=testing"),
            "{command}"
        );
    }
}
