//! Counting instructions with valgrind.
//!
//! A bench runs itself again under valgrind, once for a few rounds of a work and once for many. The difference is what
//! the rounds cost; start-up, the runtime and the first connection are in both runs and fall out.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};

use crate::server::serve_if_asked;
use crate::skip::skip_without;
use crate::work::{Bound, Costs, Part, Work, judge};

/// Counts each work and compares the counts with the bounds.
///
/// Without valgrind the check is skipped, or fails where nothing may be skipped.
pub fn main(check: &str, works: &[Work], bounds: &[Bound]) -> ExitCode {
    serve_if_asked();
    match run(check, works, bounds) {
        Ok(code) => code,
        Err(error) => crate::failed(&error),
    }
}

fn run(check: &str, works: &[Work], bounds: &[Bound]) -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let part = match arguments.next().as_deref() {
        Some(WORK) => Some(Part::Whole),
        Some(BESIDE) => Some(Part::Beside),
        _ => None,
    };
    if let Some(part) = part {
        let (name, times) = (arguments.next(), arguments.next());
        let name = name.context("which work?")?;
        let times: u32 = times.context("how often?")?.parse()?;
        let work = works.iter().find(|work| work.name == name);
        work.context("no such work")?.run(part, times)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(skipped) = skip_without(check, &[VALGRIND]) {
        return Ok(skipped);
    }
    let mut costs = Costs::new();
    for work in works {
        let cost = work.cost(ROUNDS, |part, times| count(work, part, times))?;
        costs.push((work.name, cost));
    }
    judge("instructions", &costs, bounds)
}

/// The instructions of a whole run.
fn count(work: &Work, part: Part, times: u32) -> anyhow::Result<u64> {
    let argument = match part {
        Part::Whole => WORK,
        Part::Beside => BESIDE,
    };
    let output = Command::new(VALGRIND)
        .args([
            "--tool=cachegrind",
            // Without the simulated caches it counts instructions alone and is quicker.
            "--cache-sim=no",
            "--cachegrind-out-file=/dev/null",
        ])
        .arg(std::env::current_exe()?)
        .args([argument, work.name, &times.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{} under valgrind: {said}", work.name);
    }
    total(&said).with_context(|| format!("valgrind told no count: {said}"))
}

/// Reads `==1234== I   refs:      5,678`.
fn total(said: &str) -> Option<u64> {
    let line = said
        .lines()
        .find(|line| line.contains("I ") && line.contains("refs:"))?;
    let number: String = line
        .rsplit("refs:")
        .next()?
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    number.parse().ok()
}

const VALGRIND: &str = "valgrind";
const WORK: &str = "--work";
const BESIDE: &str = "--beside";
const ROUNDS: [u32; 2] = [50, 550];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_valgrind_says() {
        assert_eq!(
            total("==7== \n==7== I   refs:      1,234,567\n"),
            Some(1_234_567)
        );
        assert_eq!(total("==7== I refs:        98\n"), Some(98));
        assert_eq!(total("valgrind: cannot run\n"), None);
    }
}
