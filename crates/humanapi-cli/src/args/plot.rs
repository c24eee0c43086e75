//! What `humanapi data plot` takes.

use std::path::PathBuf;

use clap::ValueEnum;
use humanapi_core::data::Route;
use humanapi_export::{Canvas, Theme};

use super::read::{NarrowArgs, ReadArgs, resource};

#[derive(Debug, clap::Args)]
pub(crate) struct PlotArgs {
    /// The kind of record, such as heart_rate or test_results
    #[arg(value_name = "RESOURCE", value_parser = resource(), hide_possible_values = true)]
    pub(crate) resource: &'static Route,
    /// What to draw, as --measured names it; several of one unit share a picture; the most frequent one if nothing is said
    #[arg(
        long = "measure",
        value_name = "NAME",
        help_heading = "What is asked for"
    )]
    pub(crate) measures: Vec<String>,
    /// Tell what was measured and how often, instead of drawing it: a table on a terminal, a line of JSON each elsewhere
    #[arg(long, conflicts_with_all = ["measures", "out"], help_heading = "What is asked for")]
    pub(crate) measured: bool,
    #[command(flatten)]
    pub(crate) narrow: NarrowArgs,
    /// Write the picture to this file; its name ends in .svg or .png
    #[arg(long, value_name = "FILE", value_parser = picture_file, help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// How large the picture is in pixels; 800x420 if nothing is said, and 390x300 for a telephone
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size, help_heading = "Output")]
    pub(crate) size: Option<(u16, u16)>,
    /// The picture's ground
    #[arg(
        long,
        value_name = "GROUND",
        default_value = "light",
        help_heading = "Output"
    )]
    pub(crate) theme: Ground,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

impl PlotArgs {
    pub(crate) fn canvas(&self) -> Canvas {
        let canvas = match self.size {
            Some((width, height)) => Canvas::wide().with_size(width, height),
            None => Canvas::wide(),
        };
        canvas.with_theme(match self.theme {
            Ground::Light => Theme::Light,
            Ground::Dark => Theme::Dark,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ground {
    /// White, for print
    Light,
    /// Dark
    Dark,
}

fn picture_file(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("svg" | "png") => Ok(path),
        _ => Err("the file's name ends in .svg or .png"),
    }
}

fn size(text: &str) -> Result<(u16, u16), &'static str> {
    let sides = text.split_once(['x', 'X', '×']);
    let sides = sides.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let (width, height) = sides.ok_or("it is written WIDTHxHEIGHT, such as 390x300")?;
    let canvas = Canvas::wide().with_size(width, height);
    match (canvas.width(), canvas.height()) == (width, height) {
        true => Ok((width, height)),
        false => Err("each side has 240 to 2000 pixels"),
    }
}

pub(super) const ABOUT: &str = "\
Draw measured values over time.

On a terminal the picture is drawn there; elsewhere it is SVG, which a browser shows. Each source has a \
colour and a sign of its own, a bound such as <10 is hollow, and what the latest record calls usual is shaded. \
Values are never converted. What is in another unit, without a day, too large for an axis or no number is counted, and \
not drawn. Whose values they are stands nowhere on the picture.";

pub(super) const HELP: &str = "\
Examples:
  humanapi data plot heart_rate --user p17
  humanapi data plot test_results --user p17 --measured
  humanapi data plot blood_pressure --user p17 --measure systolic --measure diastolic --out pressure.png
  humanapi data plot activities --user p17 --measure distance --days 2026-01-01..2026-01-31 > january.svg

`humanapi data list --help` names the kinds of records.";

#[cfg(test)]
mod tests {
    use humanapi_export::Plot;

    use super::*;

    #[test]
    fn a_size_is_two_sides_that_a_picture_can_have() {
        assert_eq!(size("390x300"), Ok((390, 300)));
        for text in [
            "",
            "390",
            "x",
            "390x",
            "239x300",
            "390x2001",
            "390x300x1",
            "-1x300",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_reason_for_which_a_value_is_not_drawn_is_told() {
        for why in Plot::NOT_DRAWN {
            assert!(ABOUT.contains(why), "{why}");
        }
    }

    #[test]
    fn a_pictures_file_says_by_its_name_what_it_is() {
        for text in ["a.svg", "b/c.PNG"] {
            assert!(picture_file(text).is_ok(), "{text}");
        }
        for text in ["", "svg", "a.jpg", ".svg"] {
            assert!(picture_file(text).is_err(), "{text}");
        }
    }
}
