//! A piece of work, what one round of it costs, and what it may cost.

use std::fmt::{self, Write as _};

/// A piece of work that can be done any number of times.
#[derive(Clone, Copy)]
pub struct Work {
    pub(crate) name: &'static str,
    pub(crate) run: fn(u32) -> anyhow::Result<()>,
    pub(crate) beside: Option<fn(u32) -> anyhow::Result<()>>,
    rounds: Option<[u32; 2]>,
}

impl Work {
    /// Work under a name. The function does it as often as it is told; what it prepares costs the same each time and
    /// is not counted.
    #[must_use]
    pub const fn new(name: &'static str, run: fn(u32) -> anyhow::Result<()>) -> Self {
        Self {
            name,
            run,
            beside: None,
            rounds: None,
        }
    }

    /// Counts a run of so few rounds and one of so many: of a large work a few are enough.
    #[must_use]
    pub const fn with_rounds(mut self, few: u32, many: u32) -> Self {
        self.rounds = Some([few, many]);
        self
    }

    /// Takes off what another function costs for as many rounds: what the work needs and others would bring.
    #[must_use]
    pub const fn with_baseline(mut self, beside: fn(u32) -> anyhow::Result<()>) -> Self {
        self.beside = Some(beside);
        self
    }

    /// What one round costs by a way to count a run.
    pub(crate) fn cost(
        &self,
        rounds: [u32; 2],
        count: impl Fn(Part, u32) -> anyhow::Result<u64>,
    ) -> anyhow::Result<f64> {
        let [few, many] = self.rounds.unwrap_or(rounds);
        let a_round = |part| {
            anyhow::Ok(a_round(
                (few, count(part, few)?),
                (many, count(part, many)?),
            ))
        };
        let whole = a_round(Part::Whole)?;
        match self.beside {
            Some(_) => Ok(whole - a_round(Part::Beside)?),
            None => Ok(whole),
        }
    }

    /// Does one part so many times.
    pub(crate) fn run(&self, part: Part, times: u32) -> anyhow::Result<()> {
        match (part, self.beside) {
            (Part::Beside, Some(beside)) => beside(times),
            _ => (self.run)(times),
        }
    }
}

/// The work itself, or what is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Beside,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What one round of a work may cost at most.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    work: &'static str,
    limit: Limit,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    Count(f64),
    Times(f64, &'static str),
}

impl Bound {
    /// At most so many.
    #[must_use]
    pub fn count(work: &'static str, at_most: u32) -> Self {
        Self {
            work,
            limit: Limit::Count(f64::from(at_most)),
        }
    }

    /// At most so many times what a peer costs.
    #[must_use]
    pub const fn times(work: &'static str, factor: f64, peer: &'static str) -> Self {
        Self {
            work,
            limit: Limit::Times(factor, peer),
        }
    }
}

/// What each work costs a round, in the order of the works.
pub(crate) type Costs = Vec<(&'static str, f64)>;

/// What is told of a check, in lines, and whether all its bounds are kept.
pub type Verdict = (String, bool);

/// Tells costs and bounds, and whether all bounds are kept.
pub(crate) fn judge(title: &str, costs: &Costs, bounds: &[Bound]) -> anyhow::Result<Verdict> {
    let mut told = format!("{title}\n");
    for (name, cost) in costs {
        writeln!(told, "       {name:<36} {cost:>12.1}")?;
    }
    let mut all_kept = true;
    for bound in bounds {
        let cost = cost_of(costs, bound.work)?;
        let (kept, text) = match bound.limit {
            Limit::Count(at_most) => (
                cost <= at_most + ROUNDING,
                format!("{cost:.1}, at most {at_most}"),
            ),
            Limit::Times(factor, peer) => {
                let ratio = cost / cost_of(costs, peer)?;
                (
                    ratio <= factor,
                    format!("{ratio:.3} × {peer}, at most {factor} ×"),
                )
            }
        };
        all_kept &= kept;
        let verdict = if kept { "ok    " } else { "BROKEN" };
        writeln!(told, "{verdict} {}: {text}", bound.work)?;
    }
    Ok((told, all_kept))
}

fn cost_of(costs: &Costs, work: &str) -> anyhow::Result<f64> {
    let found = costs.iter().find(|(name, _)| *name == work);
    let (_, cost) = found.ok_or_else(|| anyhow::anyhow!("no work is called {work}"))?;
    Ok(*cost)
}

/// A table that doubles once in many calls is no allocation of a call.
const ROUNDING: f64 = 0.05;

/// What one round costs, from two runs of different length: preparation costs the same in both.
fn a_round(few: (u32, u64), many: (u32, u64)) -> f64 {
    let cost = many.1.saturating_sub(few.1);
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a bench are far below 2^52"
    )]
    let cost = cost as f64;
    cost / f64::from(many.0 - few.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cost: f64, bound: Bound, kept: bool) {
        let costs = vec![("ours", cost), ("peer", 100.0)];
        let (told, all_kept) = judge("works", &costs, &[bound]).unwrap();
        assert_eq!(all_kept, kept, "{told}");
    }

    #[test]
    fn a_broken_bound_fails() {
        check(8.0, Bound::count("ours", 8), true);
        check(8.01, Bound::count("ours", 8), true);
        check(9.0, Bound::count("ours", 8), false);
        check(60.0, Bound::times("ours", 0.6, "peer"), true);
        check(60.1, Bound::times("ours", 0.6, "peer"), false);
    }

    #[test]
    fn a_bound_on_nothing_is_an_error() {
        let bound = Bound::times("ours", 1.0, "nobody");
        assert!(judge("works", &vec![("ours", 1.0)], &[bound]).is_err());
    }

    #[test]
    fn preparation_is_not_counted() {
        let cost = a_round((10, 1_000_100), (110, 1_001_100));
        assert!((cost - 10.0).abs() < f64::EPSILON, "{cost}");
    }
}
