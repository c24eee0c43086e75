//! `test`: every test there is, then the quick bench checks, then what was skipped and why.

use std::cmp::Reverse;
use std::process::Command;

use clap::Args;
use xshell::Cmd;

use crate::bench;
use crate::executables;
use crate::needs::Switches;
use crate::pool::Job;
use crate::step::{Outcome, Session};

/// Which tests, how long, how strictly.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Run the long hunts too: many more cases per property test
    #[arg(long)]
    pub(crate) deep: bool,
    /// Fail where a test would be skipped because a program is missing, as CI does
    #[arg(long)]
    pub(crate) require_all: bool,
    /// Run only tests whose name contains this; bench checks are left out then
    pub(crate) filter: Option<String>,
}

/// What takes longest by itself, so that it begins first and nobody waits for it alone at the end. A name that is gone only
/// costs that.
const LONG: [&str; 18] = [
    "humanapi-cli, spark",
    "xtask, release",
    "humanapi-export, users",
    "humanapi-browser-tests, browser",
    "humanapi-testkit, orders",
    "humanapi, programs",
    "humanapi-client, ui",
    "humanapi-testkit, fleet",
    "humanapi-cli, data",
    "humanapi-cli, book",
    "humanapi-release-tests, release",
    "humanapi-cli, attacks",
    "humanapi-cli, orders",
    "humanapi-core, lease_model",
    "humanapi-core, secrecy",
    "humanapi-core, paging",
    "humanapi-testkit, every_route",
    "humanapi-store, attack",
];

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    let switches = Switches::new(session, options.deep, options.require_all)?;
    let filter = options.filter.as_deref();
    let mut programs = Vec::new();
    // Steps of their own, so that the seconds tell compiling from testing. Examples are built by the first.
    let built = session.step("build tests and examples", |session| {
        let cmd = session
            .cargo("test")
            .args(["--workspace", "--all-features"]);
        let (outcome, found) = executables::build(session, cmd)?;
        programs = found;
        Ok(outcome)
    });
    if built && filter.is_none() {
        session.step("build the broker for many schedules", |session| {
            let (outcome, found) = executables::build(session, schedules(session, options.deep)?)?;
            programs.extend(found);
            Ok(outcome)
        });
    }
    if built {
        // Those that are not listed stay in their order.
        programs.sort_by_key(|program| {
            let title = program.title();
            let place = LONG.iter().position(|long| *long == title);
            place.unwrap_or(LONG.len())
        });
        let mut counts = Counts::default();
        let mut slowest = Vec::new();
        session.step("unit, integration and documentation tests", |session| {
            let all = ["--workspace", "--all-features", "--no-fail-fast", "--doc"];
            let of_docs = switches.apply(session.cargo("test").args(all).args(filter));
            let of_docs = Job {
                name: "documentation tests".to_owned(),
                command: Command::from(of_docs),
            };
            let arguments: Vec<&str> = filter.into_iter().collect();
            let programs = programs
                .iter()
                .map(|program| program.job(session, &arguments, |cmd| switches.apply(cmd)));
            let (outcome, ended) = session.run_all([of_docs].into_iter().chain(programs).collect());
            for ended in &ended {
                counts += Counts::of(&ended.output);
            }
            slowest = ended;
            Ok(outcome)
        });
        if let Some(filter) = filter
            && counts.passed == 0
            && counts.failed == 0
        {
            session.step("a test was asked for", |_| {
                Ok(Outcome::Failed(format!(
                    "no test has `{filter}` in its name"
                )))
            });
        }
        let Counts {
            passed,
            failed,
            ignored,
        } = counts;
        session.note(format!(
            "tests    {passed} passed, {failed} failed, {ignored} ignored"
        ));
        slowest.sort_by_key(|ended| Reverse(ended.took));
        for ended in slowest.iter().take(SLOWEST) {
            let seconds = ended.took.as_secs_f64();
            session.note(format!("seconds  {seconds:>6.1}  {}", ended.name));
        }
    }
    if let Some(filter) = &options.filter {
        session.step("bench checks", |_| {
            Ok(Outcome::Skipped(format!(
                "only tests named like `{filter}` were asked for"
            )))
        });
    } else if built {
        bench::check(session, &switches)?;
    }
    switches.report(session)
}

/// So many of the slowest test programs are told.
const SLOWEST: usize = 10;

/// The token broker with its threads' meeting points swapped for those of shuttle, which tries many
/// schedules. It is another build of the same crates, so it has a target folder of its own.
fn schedules(session: &Session, deep: bool) -> anyhow::Result<Cmd<'_>> {
    let target = session
        .workspace()?
        .metadata
        .target_directory
        .join("shuttle");
    let cmd = session
        .cargo("test")
        .args(["--package", "humanapi-client", "--test", "shuttle"])
        .arg("--target-dir")
        .arg(target)
        .env("RUSTFLAGS", "--cfg shuttle");
    // A hunt of many minutes is worth a longer build.
    Ok(match deep {
        true => cmd.env("CARGO_PROFILE_DEV_OPT_LEVEL", "2"),
        false => cmd,
    })
}

/// How many tests there were, over all programs that held some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
    }
}

impl Counts {
    /// Adds up the lines with which each test program ends.
    fn of(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines() {
            let Some((_, result)) = line.split_once("test result: ") else {
                continue;
            };
            for part in result.split(['.', ';']) {
                if let Some((number, what)) = part.trim().split_once(' ')
                    && let Ok(number) = number.parse::<u64>()
                {
                    match what {
                        "passed" => counts.passed += number,
                        "failed" => counts.failed += number,
                        "ignored" => counts.ignored += number,
                        _ => {}
                    }
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_programs_add_up() {
        let output = "\
running 3 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s
noise: 9 passed
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";
        assert_eq!(
            Counts::of(output),
            Counts {
                passed: 3,
                failed: 1,
                ignored: 1
            }
        );
    }

    #[test]
    fn no_program_no_tests() {
        assert_eq!(Counts::of("error: could not compile"), Counts::default());
    }
}
