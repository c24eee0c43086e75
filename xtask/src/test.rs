//! `test`: every test there is, then the quick bench checks, then what was skipped and why.

use clap::Args;

use crate::bench;
use crate::needs::Switches;
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

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    let switches = Switches::new(session, options.deep, options.require_all)?;
    // Two steps, so that the seconds tell compiling from testing. Examples are built by the first, doc tests by the second.
    let built = session.step("build tests and examples", |session| {
        session.run(
            session
                .cargo("test")
                .args(["--workspace", "--all-features", "--no-run"]),
        )
    });
    let mut counts = Counts::default();
    if built {
        session.step("unit, integration and documentation tests", |session| {
            let cmd =
                session
                    .cargo("test")
                    .args(["--workspace", "--all-features", "--no-fail-fast"]);
            let (outcome, output) = session.capture(switches.apply(cmd.args(&options.filter)))?;
            counts = Counts::of(&output);
            Ok(match (&options.filter, outcome) {
                (Some(filter), Outcome::Ok) if counts.passed == 0 => {
                    Outcome::Failed(format!("no test has `{filter}` in its name"))
                }
                (_, outcome) => outcome,
            })
        });
        let Counts {
            passed,
            failed,
            ignored,
        } = counts;
        session.note(format!(
            "tests    {passed} passed, {failed} failed, {ignored} ignored"
        ));
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

/// How many tests there were, over all programs that held some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
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
