//! Which colours and signs stand for what.

use kuva::plot::LineStyle;
use kuva::plot::legend::{LegendEntry, LegendShape};
use kuva::plot::scatter::MarkerShape;

use super::canvas::Theme;

/// So many sources have a look of their own; one beyond it is among the others.
pub(super) const LOOKS: usize = 6;
/// What is usual.
pub(super) const USUAL: &str = "#009E73";

/// How values of one source, or of one measure, are drawn.
pub(super) struct Look {
    pub(super) colour: &'static str,
    pub(super) sign: MarkerShape,
    pub(super) line: LineStyle,
}

/// The look of a colour and of a sign, each by its number.
pub(super) fn look(colour: usize, sign: usize, theme: Theme) -> Look {
    // By Okabe and Ito, so that people who see few colours can tell them apart, and dark or light enough for the ground.
    let colours: [&str; LOOKS] = match theme {
        Theme::Light => [
            "#0072B2", "#C04F00", "#007A5A", "#A8437F", "#8A6100", "#3A3A3A",
        ],
        Theme::Dark => [
            "#56B4E9", "#E69F00", "#2FC79A", "#E093C0", "#F0E442", "#D0D0D0",
        ],
    };
    const SIGNS: [MarkerShape; LOOKS] = [
        MarkerShape::Circle,
        MarkerShape::Triangle,
        MarkerShape::Square,
        MarkerShape::Diamond,
        MarkerShape::TriangleDown,
        MarkerShape::Star,
    ];
    let lines = [
        LineStyle::Solid,
        LineStyle::Dashed,
        LineStyle::Dotted,
        LineStyle::DashDot,
        LineStyle::Custom("12 4".to_owned()),
        LineStyle::Custom("2 2".to_owned()),
    ];
    let [.., last] = &lines;
    Look {
        colour: colours[colour % LOOKS],
        sign: SIGNS[sign % LOOKS],
        line: lines.get(sign % LOOKS).unwrap_or(last).clone(),
    }
}

/// The look of all sources that have none of their own.
pub(super) fn others(theme: Theme) -> Look {
    Look {
        colour: match theme {
            Theme::Light => "#767676",
            Theme::Dark => "#9A9A9A",
        },
        sign: MarkerShape::Hexagon,
        line: LineStyle::Custom("1 3".to_owned()),
    }
}

impl Look {
    /// The line of a legend for dots.
    pub(super) fn dots_entry(&self, label: String) -> LegendEntry {
        entry(
            label,
            self.colour.to_owned(),
            LegendShape::Marker(self.sign),
            None,
        )
    }

    /// The line of a legend for a line.
    pub(super) fn line_entry(&self, label: String) -> LegendEntry {
        let dashes = self.line.dasharray();
        entry(label, self.colour.to_owned(), LegendShape::Line, dashes)
    }
}

/// The line of a legend for what is usual.
pub(super) fn usual_entry(label: String) -> LegendEntry {
    entry(
        label,
        USUAL.to_owned(),
        LegendShape::Line,
        Some("6 4".to_owned()),
    )
}

fn entry(
    label: String,
    color: String,
    shape: LegendShape,
    dasharray: Option<String>,
) -> LegendEntry {
    LegendEntry {
        label,
        color,
        shape,
        dasharray,
    }
}
