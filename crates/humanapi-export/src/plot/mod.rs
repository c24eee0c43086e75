//! Measured values over time as a picture.

mod canvas;
mod draw;
mod look;
mod measures;
mod picture;
mod series;
mod time_axis;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use humanapi_core::data::Record;
use jiff::Timestamp;

use crate::moment;
pub use canvas::{Canvas, Theme};
pub use picture::Picture;
use series::{Kind, LeftOut, Series, Usual};

/// Gathers what records of one kind measured, and draws it over time.
///
/// A measure is a number of the record itself, such as the `value` of a heart rate or the `distance` of an activity, or a
/// named one in it, such as a component of a test result. Values are never converted: a measure whose values are in two
/// units is two measures. Names of measures and sources are the same in any case; units are not, because `mm` is no `Mm`.
///
/// It holds 24 bytes for each value. `Debug` shows how many there are.
///
/// ```
/// use humanapi_core::data::Weight;
/// use humanapi_export::{Canvas, Plot};
///
/// let mut plot = Plot::new("weight");
/// for json in [
///     r#"{"timestamp": "2026-03-01T07:00:00Z", "value": 70.4, "unit": "kg", "source": "strider"}"#,
///     r#"{"timestamp": "2026-03-08T07:00:00Z", "value": 70.1, "unit": "kg", "source": "strider"}"#,
/// ] {
///     plot.note(&*Weight::from_json(json)?);
/// }
/// let picture = plot.picture(&[], Canvas::narrow())?;
/// assert!(picture.svg().starts_with("<svg"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Plot {
    resource: String,
    kinds: BTreeMap<Kind, Series>,
    /// By measure: so often something stood there that is no number.
    no_numbers: BTreeMap<String, u64>,
    measures: Spellings,
    sources: Spellings,
    records: u64,
}

/// One thing that was measured, and how often.
///
/// `Debug` shows how often: what somebody was tested for can be health data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// What it is called: a field's name, or what a laboratory calls it.
    pub name: String,
    /// The unit as it was sent.
    pub unit: Option<String>,
    /// How many values there are.
    pub values: u64,
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// No value has both a number and a day.
    #[error("nothing in these records has both a number and a day")]
    Nothing,
    /// Nothing of this name was measured.
    #[error("nothing of that name was measured")]
    Unknown,
    /// The measures asked for are in different units, and one axis has one.
    #[error("the measures are in different units, and a picture has one axis")]
    TwoUnits,
}

impl Plot {
    /// For records of this kind, under its name.
    #[must_use]
    pub fn new(resource: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            kinds: BTreeMap::new(),
            no_numbers: BTreeMap::new(),
            measures: Spellings::default(),
            sources: Spellings::default(),
            records: 0,
        }
    }

    /// Takes what one record measured.
    pub fn note(&mut self, record: &Record) {
        self.records += 1;
        let when = record.when().first().and_then(moment::of).map(seconds);
        let source = self.sources.of(&measures::source(record));
        for mut measure in measures::of(record) {
            measure.kind.name = self.measures.of(&measure.kind.name);
            let Some(value) = measure.value else {
                *self.no_numbers.entry(measure.kind.name).or_default() += 1;
                continue;
            };
            let series = self.series(measure.kind);
            series.add(&source, when, value, measure.is_bound);
            let (low, high) = measure.usual;
            if let Some(at) = when {
                series.note_usual(Usual { at, low, high });
            }
        }
    }

    /// Takes a value that stands in no record, such as how many records there are.
    ///
    /// Values of one measure in one unit share a line of the legend for each source.
    pub fn add(
        &mut self,
        measure: &str,
        unit: Option<&str>,
        source: &str,
        at: Timestamp,
        value: f64,
    ) {
        let kind = Kind {
            name: self.measures.of(measure),
            unit: unit.map(str::to_owned),
            is_field: false,
        };
        let source = self.sources.of(source);
        (self.series(kind)).add(&source, Some(seconds(at)), value, false);
    }

    fn series(&mut self, kind: Kind) -> &mut Series {
        let next = self.kinds.len();
        self.kinds.entry(kind).or_insert_with(|| Series {
            order: next,
            ..Series::default()
        })
    }

    /// What was measured: first what has the most values that can be drawn.
    #[must_use]
    pub fn measured(&self) -> Vec<Measured> {
        let kinds = self.by_frequency().into_iter();
        let kinds = kinds.map(|(kind, series)| Measured {
            name: kind.name.clone(),
            unit: kind.unit.clone(),
            values: series.values(),
        });
        kinds.collect()
    }

    /// Why a value is not drawn, in the words of a picture's notes.
    pub const NOT_DRAWN: [&str; 4] = draw::NOT_DRAWN;

    /// Draws these measures, by name in any case; the most frequent one if none is named.
    ///
    /// Of a measure in several units the most frequent is drawn; the others are counted in the picture's notes, and so is what
    /// is no number.
    ///
    /// # Errors
    ///
    /// When nothing of such a name was measured, when the measures are in different units, or when no value of them has a
    /// day.
    pub fn picture(&self, measures: &[&str], canvas: Canvas) -> Result<Picture, PlotError> {
        let kinds = self.by_frequency();
        let mut chosen: Vec<(&Kind, &Series)> = Vec::new();
        for measure in measures {
            let wanted = measure.trim().to_lowercase();
            let mut found = kinds.iter();
            let found = found.find(|(kind, _)| kind.name.to_lowercase() == wanted);
            let found = found.ok_or(PlotError::Unknown)?;
            if !chosen.iter().any(|(kind, _)| *kind == found.0) {
                chosen.push(*found);
            }
        }
        if measures.is_empty() {
            chosen.extend(kinds.first());
        }
        if chosen.iter().all(|(_, series)| series.drawn == 0) {
            return Err(PlotError::Nothing);
        }
        if chosen.windows(2).any(|two| two[0].0.unit != two[1].0.unit) {
            return Err(PlotError::TwoUnits);
        }
        let others = |(kind, series): &(&Kind, &Series)| {
            let same = |(one, _): &(&Kind, &Series)| one.name == kind.name && one.unit != kind.unit;
            chosen.iter().any(same).then_some(series.values())
        };
        let names: BTreeSet<&str> = chosen.iter().map(|(kind, _)| kind.name.as_str()).collect();
        let no_numbers = |name: &&str| self.no_numbers.get(*name).copied();
        let left_out = LeftOut {
            in_other_units: kinds.iter().filter_map(others).sum(),
            no_numbers: names.iter().filter_map(no_numbers).sum(),
        };
        Ok(draw::draw(&self.resource, &chosen, &left_out, canvas))
    }

    fn by_frequency(&self) -> Vec<(&Kind, &Series)> {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, series)| {
            (
                std::cmp::Reverse((series.drawn, series.values())),
                series.order,
            )
        });
        kinds
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measured({} values)", self.values)
    }
}

impl fmt::Debug for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plot({} records)", self.records)
    }
}

/// Names that differ by case alone, each as it was met first.
#[derive(Default)]
struct Spellings(BTreeMap<String, String>);

impl Spellings {
    fn of(&mut self, name: &str) -> String {
        let first = self.0.entry(name.to_lowercase());
        first.or_insert_with(|| name.to_owned()).clone()
    }
}

fn seconds(moment: Timestamp) -> f64 {
    moment.as_second() as f64
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
