//! How values become a picture.

use std::collections::BTreeMap;
use std::sync::Arc;

use kuva::plot::annotations::{ReferenceLine, ShadedRegion};
use kuva::plot::legend::{LegendEntry, LegendPosition};
use kuva::plot::{BandPlot, LinePlot, ScatterPlot};
use kuva::render::datetime::DateTimeAxis;
use kuva::render::layout::{AxisLabelOverlap, ComputedLayout, Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use kuva::render::theme;

use super::canvas::{Canvas, Theme};
use super::look::{self, LOOKS, Look, USUAL};
use super::picture::Picture;
use super::series::{Kind, LeftOut, Point, Series, Usual, blocks};
use super::time_axis::{DAY, TimeAxis};
use super::words::{as_drawn, shown};

/// Where a source has more values than this, dots are small.
const FEW_DOTS: usize = 150;
/// Where a source has more values for each pixel of the width than this, they are drawn as means with what lay around them.
const MOST_DOTS_A_PIXEL: usize = 2;
/// What the axis of values takes of the width, about.
const VALUES_WIDTH: f64 = 90.0;
/// How wide a letter of the text is, about.
const LETTER: u16 = 7;
/// The longest name of a measure in a title.
const LONGEST_NAME: usize = 60;

/// At least one of these has a point.
pub(super) fn draw(
    resource: &str,
    chosen: &[(&Kind, &Series)],
    not_drawn: &LeftOut,
    canvas: Canvas,
) -> Picture {
    let points = || chosen.iter().flat_map(|(_, series)| series.points());
    let (from, to) = range(points().map(|point| point.at));
    let (least, most) = range(points().map(|point| point.value));
    let usual = match chosen {
        [(_, series)] => series.usual,
        _ => None,
    };
    let (bottom, top) = values_shown(least, most, usual);

    let drawn = Drawn::of(chosen, (from, to), canvas);
    let title = title(resource, chosen);
    let mut notes = drawn.notes();
    notes.extend(left_out(chosen, not_drawn));
    let mut entries = drawn.entries;
    if let Some(usual) = usual {
        entries.push(look::usual_entry(format!("usual: {}", told(usual))));
    }

    let values: u64 = chosen.iter().map(|(_, series)| series.drawn).sum();
    let day = |moment| DateTimeAxis::days("%d %b %Y").format_tick(moment);
    let unit = chosen.first().and_then(|(kind, _)| kind.unit.as_deref());
    let measured = format!(
        "{values} values from {} to {}, from {least} to {most} {}",
        day(from),
        day(to),
        shown(unit.unwrap_or_default(), LONGEST_NAME)
    );
    let mut described = vec![measured.trim_end().to_owned()];
    if let Some(usual) = usual {
        described.push(format!("usual, by the latest record: {}", told(usual)));
    }

    let pad_time = match to - from {
        0.0 => DAY / 2.0,
        span => span * 0.02,
    };
    let (from, to) = (from - pad_time, to + pad_time);
    let unit = shown(unit.unwrap_or_default(), usize::from(canvas.height()) / 12);
    let width = canvas.width();
    let time = TimeAxis::over(from, to, f64::from(width) - VALUES_WIDTH);
    let mut layout = Layout::auto_from_plots(&drawn.plots)
        .with_width(width.into())
        .with_height(canvas.height().into())
        .with_title(as_drawn(&title))
        .with_title_size(if width < 600 { 14 } else { 17 })
        .with_title_wrap(usize::from(width) / 10)
        .with_tick_size(11)
        .with_body_size(11)
        .with_label_size(12)
        .with_y_label(as_drawn(&unit))
        .with_x_label(time.label())
        .with_x_axis_min(from)
        .with_x_axis_max(to)
        .with_y_axis_min(bottom)
        .with_y_axis_max(top)
        .with_y_tick_format(numbers(top - bottom))
        .with_x_datetime(time.axis())
        .with_x_label_overlap(AxisLabelOverlap::Thin)
        .with_legend_box(false)
        .with_theme(match canvas.theme() {
            Theme::Light => theme::Theme::light(),
            Theme::Dark => theme::Theme::dark(),
        });
    if !notes.is_empty() {
        layout = layout
            .with_subtitle(notes.join("; "))
            .with_subtitle_size(11)
            .with_subtitle_wrap(usize::from(width / LETTER));
    }
    if !entries.is_empty() {
        layout = layout
            .with_legend_entries(entries)
            .with_legend_position(LegendPosition::OutsideBottomColumns);
    }
    if let Some(usual) = usual {
        layout = shaded(layout, usual, (bottom, top), canvas.theme());
    }
    // The last date does not end at the border, and what stands above and below the axes takes nothing from them.
    let around = ComputedLayout::from_layout(&layout);
    let above = (around.margin_top - 40.0).max(0.0);
    let height = f64::from(canvas.height()) + above + around.legend_bottom_extra;
    let right = time.room_at_the_right(around.plot_width());
    let layout = layout.with_force_margins(around.margin_left, around.margin_right.max(right));
    Picture::new(
        render_multiple(drawn.plots, layout.with_height(height.round())),
        title,
        described,
        notes,
    )
}

/// What stands on the axes, and what the legend says of it.
struct Drawn {
    plots: Vec<Plot>,
    entries: Vec<LegendEntry>,
    has_bounds: bool,
    has_means: bool,
}

impl Drawn {
    fn of(chosen: &[(&Kind, &Series)], time: (f64, f64), canvas: Canvas) -> Self {
        let mut drawn = Self {
            plots: Vec::new(),
            entries: Vec::new(),
            has_bounds: false,
            has_means: false,
        };
        let own = sources_with_looks(chosen);
        let is_alone = chosen.len() == 1;
        let letters = usize::from((canvas.width().saturating_sub(100)) / LETTER);
        for (nth, (kind, series)) in chosen.iter().enumerate() {
            let mut others: Vec<Point> = Vec::new();
            let mut other_sources = 0;
            for (source, points) in &series.by_source {
                let Ok(of_source) = own.binary_search(&source.as_str()) else {
                    others.extend(points);
                    other_sources += 1;
                    continue;
                };
                let label = match (is_alone, source.is_empty()) {
                    (true, true) if own.len() == 1 => String::new(),
                    (true, true) => "no source".to_owned(),
                    (true, false) => source.clone(),
                    (false, true) => kind.spoken(),
                    (false, false) => format!("{}, {source}", kind.spoken()),
                };
                // Colours tell sources apart, and signs measures; where there is one of either, both tell of the other.
                let colour = if own.len() > 1 { of_source } else { nth };
                let sign = if is_alone { of_source } else { nth };
                let look = look::look(colour, sign, canvas.theme());
                drawn.add(points, time, canvas, &look, shown(&label, letters));
            }
            if other_sources > 0 {
                let look = look::others(canvas.theme());
                let label = match is_alone {
                    true => format!("{other_sources} other sources"),
                    false => format!("{}, {other_sources} other sources", kind.spoken()),
                };
                drawn.add(&others, time, canvas, &look, shown(&label, letters));
            }
        }
        drawn
    }

    fn add(
        &mut self,
        points: &[Point],
        time: (f64, f64),
        canvas: Canvas,
        look: &Look,
        label: String,
    ) {
        let (bounds, values): (Vec<Point>, Vec<Point>) =
            points.iter().partition(|point| point.is_bound);
        let are_means = values.len() > MOST_DOTS_A_PIXEL * usize::from(canvas.width());
        if are_means {
            self.has_means = true;
            self.plots.extend(means(&values, time, canvas, look));
        } else if !values.is_empty() {
            self.plots.push(dots(&values, look).into());
        }
        if !bounds.is_empty() {
            self.has_bounds = true;
            let hollow = dots(&bounds, look).with_marker_opacity(0.0);
            self.plots.push(hollow.with_marker_stroke_width(1.5).into());
        }
        if !label.is_empty() {
            let label = as_drawn(&label).into_owned();
            self.entries.push(match are_means {
                true => look.line_entry(label),
                false => look.dots_entry(label),
            });
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.has_means {
            notes.push("lines are means, in a band from the least to the most".to_owned());
        }
        if self.has_bounds {
            notes.push("hollow signs are bounds, such as <10".to_owned());
        }
        notes
    }
}

/// The sources that have the most values, in the order of their names.
fn sources_with_looks<'s>(chosen: &[(&Kind, &'s Series)]) -> Vec<&'s str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, series) in chosen {
        for (source, points) in &series.by_source {
            *counts.entry(source).or_default() += points.len();
        }
    }
    let mut sources: Vec<(&str, usize)> = counts.into_iter().collect();
    sources.sort_by_key(|(_, points)| std::cmp::Reverse(*points));
    let mut own: Vec<&str> = sources.into_iter().map(|(source, _)| source).collect();
    own.truncate(LOOKS);
    own.sort_unstable();
    own
}

fn dots(points: &[Point], look: &Look) -> ScatterPlot {
    ScatterPlot::new()
        .with_data(points.iter().map(|point| (point.at, point.value)))
        .with_color(look.colour)
        .with_marker(look.sign)
        .with_size(if points.len() > FEW_DOTS { 2.5 } else { 3.5 })
}

fn means(points: &[Point], time: (f64, f64), canvas: Canvas, look: &Look) -> [Plot; 2] {
    let blocks = blocks(points, time, usize::from(canvas.width()) / 3);
    let around = BandPlot::new(
        blocks.iter().map(|block| block.at),
        blocks.iter().map(|block| block.least),
        blocks.iter().map(|block| block.most),
    );
    let line = LinePlot::new()
        .with_data(blocks.iter().map(|block| (block.at, block.mean)))
        .with_color(look.colour)
        .with_line_style(look.line.clone())
        .with_stroke_width(1.5);
    let around = around.with_color(look.colour).with_opacity(0.18);
    [around.into(), line.into()]
}

fn shaded(layout: Layout, usual: Usual, (bottom, top): (f64, f64), theme: Theme) -> Layout {
    let inside = |edge: f64| edge.clamp(bottom, top);
    let (low, high) = (
        inside(usual.low.unwrap_or(bottom)),
        inside(usual.high.unwrap_or(top)),
    );
    let mut layout = layout;
    if low < high {
        let opacity = match theme {
            Theme::Light => 0.12,
            Theme::Dark => 0.22,
        };
        let region = ShadedRegion::horizontal(low, high);
        layout = layout.with_shaded_region(region.with_color(USUAL).with_opacity(opacity));
    }
    // In print and to whoever does not see green, lines tell it.
    let edges = [usual.low, usual.high].into_iter().flatten();
    for edge in edges.filter(|edge| *edge > bottom && *edge < top) {
        layout = layout.with_reference_line(ReferenceLine::horizontal(edge).with_color(USUAL));
    }
    layout
}

/// `heart_rate` is "Heart rate"; of one that is not the value itself it is told which.
fn title(resource: &str, chosen: &[(&Kind, &Series)]) -> String {
    let words = shown(&resource.replace(['_', '/'], " "), LONGEST_NAME);
    let mut letters = words.chars();
    let resource: String = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    let names: Vec<String> = chosen
        .iter()
        .map(|(kind, _)| shown(&kind.spoken(), LONGEST_NAME))
        .collect();
    match &names[..] {
        [name] if name == "value" => resource,
        _ => format!("{resource}: {}", names.join(", ")),
    }
}

/// `from 7 to 42`, or what of it is known.
fn told(usual: Usual) -> String {
    match (usual.low, usual.high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("{low} or more"),
        (None, Some(high)) => format!("up to {high}"),
        (None, None) => String::new(),
    }
}

/// Why a value is not drawn.
pub(super) const NOT_DRAWN: [&str; 4] = [
    "without a day",
    "too large for an axis",
    "in another unit",
    "no number",
];

fn left_out(chosen: &[(&Kind, &Series)], not_drawn: &LeftOut) -> Option<String> {
    let sum = |of: fn(&Series) -> u64| -> u64 { chosen.iter().map(|(_, series)| of(series)).sum() };
    let values = [
        sum(|series| series.undated),
        sum(|series| series.too_large),
        not_drawn.in_other_units,
        not_drawn.no_numbers,
    ];
    let left_out: Vec<String> = values
        .into_iter()
        .zip(NOT_DRAWN)
        .filter(|(values, _)| *values > 0)
        .map(|(values, why)| format!("{values} {why}"))
        .collect();
    (!left_out.is_empty()).then(|| format!("not drawn: {}", left_out.join(", ")))
}

/// From where to where values are shown: all that there are, and what is usual where that is near.
fn values_shown(least: f64, most: f64, usual: Option<Usual>) -> (f64, f64) {
    let (mut bottom, mut top) = (least, most);
    let near = 2.0 * (most - least).max(most.abs() * 0.1);
    let edges = usual.map_or([None, None], |usual| [usual.low, usual.high]);
    for edge in edges.into_iter().flatten() {
        if edge >= least - near && edge <= most + near {
            bottom = bottom.min(edge);
            top = top.max(edge);
        }
    }
    let pad = match top - bottom {
        0.0 => (top.abs() * 0.1).max(1.0),
        span => span * 0.08,
    };
    // What is never below nothing needs no room there.
    let floor = if least >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    ((bottom - pad).max(floor), top + pad)
}

/// Numbers on an axis of such a length: with as many digits as tell its ticks apart, which can be quarters of a power of ten.
fn numbers(span: f64) -> TickFormat {
    TickFormat::Custom(Arc::new(move |value| number(value, span)))
}

fn number(value: f64, span: f64) -> String {
    let decimals = 1.0 - (span / 10.0).max(f64::MIN_POSITIVE).log10().floor();
    if value.abs() >= 1e7 || decimals > 9.0 {
        return format!("{value:.3e}");
    }
    let decimals = decimals.max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), value| (least.min(value), most.max(value)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_tell_ticks_apart() {
        for (value, span, told) in [
            (70.75, 1.4, "70.75"),
            (71.0, 1.4, "71"),
            (0.025, 0.2, "0.025"),
            (12_500.0, 20_000.0, "12500"),
            (0.0, 1e-300, "0.000e0"),
            (1e15, 1e14, "1.000e15"),
            (-2.5, 10.0, "-2.5"),
        ] {
            assert_eq!(number(value, span), told, "{value} {span}");
        }
    }
}
