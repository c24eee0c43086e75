//! Values over time, by what was measured and by whom.

use std::collections::BTreeMap;

/// A larger number is no measured value, and no axis has room for it.
const LARGEST: f64 = 1e15;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    /// A field's name, or what a laboratory calls it.
    pub(super) name: String,
    pub(super) unit: Option<String>,
    pub(super) is_field: bool,
}

impl Kind {
    /// As people say it: a field's name has its words in one.
    pub(super) fn spoken(&self) -> String {
        if !self.is_field {
            return self.name.clone();
        }
        let mut spoken = String::new();
        let mut was_small = false;
        for letter in self.name.chars() {
            if was_small && letter.is_ascii_uppercase() {
                spoken.push(' ');
            }
            was_small = letter.is_ascii_lowercase();
            spoken.push(letter);
        }
        // What is written in capitals stays so: `restingHR`.
        let words = spoken.split(' ').map(|word| {
            match word.chars().any(|letter| letter.is_ascii_lowercase()) {
                true => word.to_ascii_lowercase(),
                false => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// All of one kind.
#[derive(Default)]
pub(super) struct Series {
    /// By source; of those that name none under nothing.
    pub(super) by_source: BTreeMap<String, Vec<Point>>,
    /// In the order in which kinds were met.
    pub(super) order: usize,
    /// So many are in `by_source`.
    pub(super) drawn: u64,
    pub(super) undated: u64,
    pub(super) too_large: u64,
    /// What was usual at the latest.
    pub(super) usual: Option<Usual>,
}

#[derive(Clone, Copy)]
pub(super) struct Point {
    /// Seconds since 1970.
    pub(super) at: f64,
    pub(super) value: f64,
    pub(super) is_bound: bool,
}

/// From where to where values are usual, and when that was said.
#[derive(Clone, Copy)]
pub(super) struct Usual {
    pub(super) at: f64,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
}

/// What is not drawn of the measures that are, and is in none of their series.
pub(super) struct LeftOut {
    pub(super) in_other_units: u64,
    pub(super) no_numbers: u64,
}

/// Many values of a part of the time as one.
pub(super) struct Block {
    pub(super) at: f64,
    pub(super) mean: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Series {
    pub(super) fn add(&mut self, source: &str, at: Option<f64>, value: f64, is_bound: bool) {
        let Some(at) = at else {
            self.undated += 1;
            return;
        };
        // What is no number is not larger than anything.
        if !value.is_finite() || value.abs() > LARGEST {
            self.too_large += 1;
            return;
        }
        self.drawn += 1;
        let point = Point {
            at,
            value,
            is_bound,
        };
        match self.by_source.get_mut(source) {
            Some(points) => points.push(point),
            None => {
                self.by_source.insert(source.to_owned(), vec![point]);
            }
        }
    }

    pub(super) fn note_usual(&mut self, usual: Usual) {
        let is_range = match (usual.low, usual.high) {
            (Some(low), Some(high)) => low <= high,
            (low, high) => low.is_some() || high.is_some(),
        };
        if is_range && self.usual.is_none_or(|before| before.at <= usual.at) {
            self.usual = Some(usual);
        }
    }

    pub(super) fn values(&self) -> u64 {
        self.drawn + self.undated + self.too_large
    }

    pub(super) fn points(&self) -> impl Iterator<Item = &Point> {
        self.by_source.values().flatten()
    }
}

/// These points as so many blocks of equal time at most, each where its points are on the average.
pub(super) fn blocks(points: &[Point], (from, to): (f64, f64), count: usize) -> Vec<Block> {
    let mut blocks: BTreeMap<usize, (f64, Block)> = BTreeMap::new();
    let width = ((to - from) / count as f64).max(1.0);
    for point in points {
        let block = ((point.at - from) / width) as usize;
        let (points, block) = blocks.entry(block).or_insert((
            0.0,
            Block {
                at: 0.0,
                mean: 0.0,
                least: f64::INFINITY,
                most: f64::NEG_INFINITY,
            },
        ));
        *points += 1.0;
        block.at += (point.at - block.at) / *points;
        block.mean += (point.value - block.mean) / *points;
        block.least = block.least.min(point.value);
        block.most = block.most.max(point.value);
    }
    blocks.into_values().map(|(_, block)| block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fields_name_is_spoken_in_words_and_a_laboratorys_as_it_is() {
        let spoken = |name: &str, is_field| {
            let name = name.to_owned();
            let unit = None;
            Kind {
                name,
                unit,
                is_field,
            }
            .spoken()
        };
        assert_eq!(spoken("timeToFallAsleep", true), "time to fall asleep");
        assert_eq!(spoken("restingHR", true), "resting HR");
        assert_eq!(spoken("eGFR", false), "eGFR");
    }

    #[test]
    fn a_block_is_its_mean_its_least_and_its_most() {
        let point = |at, value| Point {
            at,
            value,
            is_bound: false,
        };
        let points = [point(0.0, 1.0), point(10.0, 3.0), point(99.0, 7.0)];
        let blocks = blocks(&points, (0.0, 100.0), 2);
        let told: Vec<_> = blocks
            .iter()
            .map(|block| (block.at, block.mean, block.least, block.most))
            .collect();
        assert_eq!(told, [(5.0, 2.0, 1.0, 3.0), (99.0, 7.0, 7.0, 7.0)]);
    }
}
