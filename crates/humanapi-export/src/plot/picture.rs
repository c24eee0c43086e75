//! A picture, and what it can be written as.

use std::fmt;

use kuva::backend::raster::RasterBackend;
use kuva::backend::svg::SvgBackend;
use kuva::backend::terminal::TerminalBackend;
use kuva::render::render::{Primitive, Scene};

/// A picture of measured values over time.
///
/// `Debug` shows nothing of what is on it.
pub struct Picture {
    scene: Scene,
    title: String,
    /// What it shows, for whoever does not see it.
    described: Vec<String>,
    notes: Vec<String>,
}

impl Picture {
    /// The texts are without control characters.
    pub(super) fn new(
        mut scene: Scene,
        title: String,
        described: Vec<String>,
        notes: Vec<String>,
    ) -> Self {
        // Nothing is drawn outside the axes, and names of clipping paths would differ from run to run.
        scene
            .elements
            .retain(|part| !matches!(part, Primitive::ClipStart { .. } | Primitive::ClipEnd));
        scene.defs.clear();
        Self {
            scene,
            title,
            described,
            notes,
        }
    }

    /// As SVG that needs nothing else, shrinks with its page, and tells a screen reader what it shows.
    ///
    /// It can stand in a page of HTML as it is, beside others: it has no names that could clash. The same records give the
    /// same text.
    #[must_use]
    pub fn svg(&self) -> String {
        let drawn = SvgBackend::default().render_scene(&self.scene);
        let inside = drawn
            .split_once('>')
            .map_or(drawn.as_str(), |(_, inside)| inside);
        let (width, height) = (self.scene.width, self.scene.height);
        let description = [&self.described[..], &self.notes].concat();
        let (title, description) = (escaped(&self.title), escaped(&description.join("; ")));
        let ink = self.scene.text_color.as_deref().unwrap_or("black");
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" style=\"max-width:100%;height:auto\" role=\"img\" \
             font-family=\"DejaVu Sans, Verdana, Liberation Sans, Arial, sans-serif\" fill=\"{ink}\">\
             <title>{title}</title><desc>{description}</desc>{inside}"
        )
    }

    /// As PNG, with two dots for each pixel. Letters are drawn by a font that is part of the program.
    ///
    /// # Errors
    ///
    /// When it cannot be written as PNG, which no picture was seen to be.
    pub fn png(&self) -> std::io::Result<Vec<u8>> {
        RasterBackend::new()
            .with_scale(2.0)
            .render_scene(&self.scene)
            .map_err(std::io::Error::other)
    }

    /// As letters and colours for a terminal of so many columns and rows.
    #[must_use]
    pub fn terminal(&self, columns: u16, rows: u16) -> String {
        TerminalBackend::new(columns.into(), rows.into()).render_scene(&self.scene)
    }

    /// What it shows.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What is to be said beside it: what its signs mean, and how many values are not on it. No value is told.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Picture(…)")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
