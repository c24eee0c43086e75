//! Which dates stand on the axis of time.

use kuva::render::datetime::{DateTimeAxis, DateUnit};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
pub(super) const DAY: f64 = 24.0 * HOUR;
const MONTH: f64 = 30.0 * DAY;
const YEAR: f64 = 365.0 * DAY;

/// How wide a letter of a label is about, in pixels.
const LETTER: f64 = 7.0;

/// An axis of time from one moment to another.
pub(super) struct TimeAxis {
    from: f64,
    to: f64,
    unit: DateUnit,
    count: u32,
    format: &'static str,
}

impl TimeAxis {
    /// So dense that labels on an axis so wide do not touch.
    pub(super) fn over(from: f64, to: f64, width: f64) -> Self {
        let span = to - from;
        let steps = [
            (DateUnit::Minute, MINUTE, "%H:%M", &[1, 5, 15, 30][..]),
            (DateUnit::Hour, HOUR, "%d %b %H:%M", &[1, 3, 6, 12][..]),
            (DateUnit::Day, DAY, "%d %b %Y", &[1, 2, 7, 14][..]),
            (DateUnit::Month, MONTH, "%b %Y", &[1, 2, 3, 6][..]),
        ];
        for (unit, length, format, counts) in steps {
            let labels = labels(width, format);
            // Where minutes are told, the day is not.
            if length < HOUR && span > DAY / 2.0 {
                continue;
            }
            for &count in counts {
                if span / (length * f64::from(count)) <= labels {
                    return Self {
                        from,
                        to,
                        unit,
                        count,
                        format,
                    };
                }
            }
        }
        let format = "%Y";
        let labels = labels(width, format);
        let years = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];
        let fits = |count: &u32| span / (YEAR * f64::from(*count)) <= labels;
        Self {
            from,
            to,
            unit: DateUnit::Year,
            count: years.into_iter().find(fits).unwrap_or(5000),
            format,
        }
    }

    pub(super) fn axis(&self) -> DateTimeAxis {
        DateTimeAxis {
            unit: self.unit.clone(),
            step: usize::try_from(self.count).unwrap_or(1),
            format: self.format.to_owned(),
        }
    }

    /// What stands below it: whose clock it is, and the day where hours alone are told.
    pub(super) fn label(&self) -> String {
        if !matches!(self.unit, DateUnit::Minute | DateUnit::Hour) {
            return "UTC".to_owned();
        }
        let day = |moment: f64| DateTimeAxis::days("%d %b %Y").format_tick(moment);
        let (first, last) = (day(self.from), day(self.to));
        match first == last {
            true => format!("{first}, UTC"),
            false => format!("{first} to {last}, UTC"),
        }
    }

    /// How much room the last label takes to the right of an axis so wide.
    pub(super) fn room_at_the_right(&self, width: f64) -> f64 {
        let ticks = self.axis().generate_ticks(self.from, self.to);
        let last = ticks.last().copied().unwrap_or(self.from);
        let behind = (self.to - last) / (self.to - self.from).max(1.0) * width;
        letters(self.format) * LETTER / 2.0 - behind
    }
}

/// How many labels of this format an axis so wide has room for.
fn labels(width: f64, format: &str) -> f64 {
    (width / ((letters(format) + 2.0) * LETTER))
        .floor()
        .max(1.0)
}

fn letters(format: &str) -> f64 {
    match format {
        "%H:%M" => 5.0,
        "%d %b %H:%M" => 12.0,
        "%d %b %Y" => 11.0,
        "%b %Y" => 8.0,
        _ => 4.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_few_enough_whatever_the_span() {
        for width in [250.0, 330.0, 700.0, 2000.0] {
            let mut span = 60.0;
            while span < 9000.0 * YEAR {
                let axis = TimeAxis::over(0.0, span, width).axis();
                let ticks = axis.generate_ticks(0.0, span).len();
                let text = axis.format_tick(span).len();
                let taken = (ticks as f64 - 1.0) * (text as f64 + 1.0) * LETTER;
                assert!(taken <= width, "{width} {span} {axis:?} {ticks}");
                span *= 1.3;
            }
        }
    }

    #[test]
    fn hours_are_told_with_their_day() {
        let label = |from, to| TimeAxis::over(from, to, 300.0).label();
        assert_eq!(label(0.0, HOUR), "01 Jan 1970, UTC");
        assert_eq!(label(0.0, DAY), "01 Jan 1970 to 02 Jan 1970, UTC");
        assert_eq!(label(0.0, YEAR), "UTC");
    }
}
