//! Counting instructions and allocations with valgrind.
//!
//! A bench runs itself again under valgrind, once for a few rounds of a work and once for many. The difference is what
//! the rounds cost; start-up, the runtime and the first connection are in both runs and fall out.

use std::io::{self, Write as _};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, bail};

use crate::server::serve_if_asked;
use crate::skip::skip_without;
use crate::work::{Bound, Costs, Part, Verdict, Work, judge};

/// What is found out about works, and held to bounds.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    name: &'static str,
    kind: Kind<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Kind<'a> {
    Counted(Unit, &'a [Work], &'a [Bound]),
    Measured(fn() -> anyhow::Result<Verdict>),
}

impl<'a> Check<'a> {
    /// Instructions of all threads.
    #[must_use]
    pub const fn instructions(name: &'static str, works: &'a [Work], bounds: &'a [Bound]) -> Self {
        let kind = Kind::Counted(Unit::Instructions, works, bounds);
        Self { name, kind }
    }

    /// Allocations of all threads. A buffer that grows counts again.
    #[must_use]
    pub const fn allocations(name: &'static str, works: &'a [Work], bounds: &'a [Bound]) -> Self {
        let kind = Kind::Counted(Unit::Allocations, works, bounds);
        Self { name, kind }
    }

    /// Anything else, without valgrind.
    #[must_use]
    pub const fn measured(name: &'static str, measure: fn() -> anyhow::Result<Verdict>) -> Self {
        let kind = Kind::Measured(measure);
        Self { name, kind }
    }

    fn title(&self) -> String {
        match self.kind {
            Kind::Counted(unit, ..) => format!("{}, {}", self.name, unit.name()),
            Kind::Measured(_) => self.name.to_owned(),
        }
    }

    fn run(&self) -> anyhow::Result<Verdict> {
        let (unit, works, bounds) = match self.kind {
            Kind::Counted(unit, works, bounds) => (unit, works, bounds),
            Kind::Measured(measure) => return measure(),
        };
        if let Some(skipped) = skip_without(&self.title(), &[VALGRIND]) {
            return Ok((String::new(), skipped == ExitCode::SUCCESS));
        }
        let mut costs = Costs::new();
        for work in works {
            let count = |part, times| unit.count(self.name, work, part, times);
            costs.push((work.name, work.cost(unit.rounds(), count)?));
        }
        judge(&self.title(), &costs, bounds)
    }

    /// A work of it by name.
    fn work(&self, name: &str) -> Option<&'a Work> {
        match self.kind {
            Kind::Counted(_, works, _) => works.iter().find(|work| work.name == name),
            Kind::Measured(_) => None,
        }
    }
}

/// What valgrind counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Instructions,
    Allocations,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
        }
    }

    /// How many rounds the two runs have, where a work says nothing else.
    const fn rounds(self) -> [u32; 2] {
        match self {
            Self::Instructions => [50, 550],
            // Slower to count, and next to nothing of it comes once in many rounds.
            Self::Allocations => [20, 220],
        }
    }

    const fn tool(self) -> &'static [&'static str] {
        match self {
            Self::Instructions => &[
                "--tool=cachegrind",
                // Without the simulated caches it counts instructions alone and is quicker.
                "--cache-sim=no",
                "--cachegrind-out-file=/dev/null",
            ],
            Self::Allocations => &[
                "--tool=memcheck",
                // Its sums alone are read.
                "--leak-check=no",
                "--undef-value-errors=no",
            ],
        }
    }

    /// What a whole run costs.
    fn count(self, check: &str, work: &Work, part: Part, times: u32) -> anyhow::Result<u64> {
        let argument = match part {
            Part::Whole => WORK,
            Part::Beside => BESIDE,
        };
        let mut valgrind = Command::new(VALGRIND);
        // A longer environment moves the stack, and with it counts by some tenths of a percent.
        valgrind.env_clear().envs(KEPT.iter().filter_map(|name| {
            let value = std::env::var_os(name)?;
            Some((name, value))
        }));
        let output = valgrind
            .args(self.tool())
            .arg(std::env::current_exe()?)
            .args([argument, check, work.name, &times.to_string()])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("{} under valgrind: {said}", work.name);
        }
        let told = self.total(&said);
        told.with_context(|| format!("valgrind told no count: {said}"))
    }

    /// Reads `==7== I   refs:      5,678` or `==7==   total heap usage: 91 allocs, 90 frees, 9,102 bytes allocated`.
    fn total(self, said: &str) -> Option<u64> {
        let mut lines = said.lines();
        let number = match self {
            Self::Instructions => {
                let line = lines.find(|line| line.contains("I ") && line.contains("refs:"))?;
                line.rsplit("refs:").next()?
            }
            Self::Allocations => {
                let after = lines
                    .find_map(|line| line.split_once("total heap usage:"))?
                    .1;
                after.split_once(" allocs")?.0
            }
        };
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    }
}

/// Runs the checks, as many at once as there are processors. A word on the command line is a part of the names of those that
/// are wanted.
///
/// Without valgrind those that count are skipped, or fail where nothing may be skipped.
pub fn main(checks: &[Check<'_>]) -> ExitCode {
    serve_if_asked();
    match run(checks) {
        Ok(code) => code,
        Err(error) => crate::failed(&error),
    }
}

fn run(checks: &[Check<'_>]) -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let first = arguments.next();
    let part = match first.as_deref() {
        Some(WORK) => Some(Part::Whole),
        Some(BESIDE) => Some(Part::Beside),
        _ => None,
    };
    if let Some(part) = part {
        let check = arguments.next().context("which check?")?;
        let work = arguments.next().context("which work?")?;
        let times: u32 = arguments.next().context("how often?")?.parse()?;
        let of_check = checks.iter().filter(|one| one.name == check);
        let work = of_check.filter_map(|check| check.work(&work)).next();
        work.context("no such work")?.run(part, times)?;
        return Ok(ExitCode::SUCCESS);
    }
    let word = first.unwrap_or_default();
    let wanted: Vec<_> = checks
        .iter()
        .filter(|check| check.title().contains(&word))
        .collect();
    if wanted.is_empty() {
        bail!("no check has {word} in its name");
    }
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new(wanted.into_iter());
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next()
    };
    let worker = || {
        let mut all_kept = true;
        while let Some(check) = next() {
            let (told, kept) = check.run()?;
            // At once, so that what is told of one check stands together.
            io::stdout().write_all(told.as_bytes())?;
            all_kept &= kept;
        }
        anyhow::Ok(all_kept)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        let mut all_kept = true;
        for worker in workers {
            all_kept &= worker.join().ok().context("a check panicked")??;
        }
        Ok(match all_kept {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    })
}

const VALGRIND: &str = "valgrind";
/// What works and valgrind itself are told by the environment.
const KEPT: [&str; 2] = ["PATH", "HUMANAPI_BENCH_TOKENS"];
const WORK: &str = "--work";
const BESIDE: &str = "--beside";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_what_valgrind_says() {
        #[track_caller]
        fn check(unit: Unit, said: &str, count: Option<u64>) {
            assert_eq!(unit.total(said), count, "{said}");
        }
        let refs = "==7== \n==7== I   refs:      1,234,567\n";
        check(Unit::Instructions, refs, Some(1_234_567));
        check(Unit::Instructions, "==7== I refs:        98\n", Some(98));
        check(Unit::Instructions, "valgrind: cannot run\n", None);
        let heap = "==7== HEAP SUMMARY:\n==7==     in use at exit: 0 bytes in 0 blocks\n\
                    ==7==   total heap usage: 1,091 allocs, 1,090 frees, 9,102 bytes allocated\n";
        check(Unit::Allocations, heap, Some(1_091));
        check(Unit::Allocations, refs, None);
    }
}
