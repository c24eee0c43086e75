//! How large a picture is, and on which ground.

/// How large a picture is, in pixels, and on which ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canvas {
    width: u16,
    height: u16,
    theme: Theme,
}

/// The ground of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Theme {
    /// White, for print.
    #[default]
    Light,
    /// Dark.
    Dark,
}

impl Canvas {
    /// The fewest and the most pixels of a side. A larger PNG would take hundreds of megabytes while it is drawn.
    const SIDES: std::ops::RangeInclusive<u16> = 240..=2000;

    /// For a page or a slide: 800 by 420.
    #[must_use]
    pub const fn wide() -> Self {
        Self {
            width: 800,
            height: 420,
            theme: Theme::Light,
        }
    }

    /// For a telephone: 390 by 300.
    #[must_use]
    pub const fn narrow() -> Self {
        Self {
            width: 390,
            height: 300,
            theme: Theme::Light,
        }
    }

    /// So large: a side has 240 to 2,000 pixels, and the nearest of them where another number is given.
    ///
    /// What stands below the axis, such as which colour is which source, makes a picture higher.
    #[must_use]
    pub fn with_size(self, width: u16, height: u16) -> Self {
        let side = |side: u16| side.clamp(*Self::SIDES.start(), *Self::SIDES.end());
        Self {
            width: side(width),
            height: side(height),
            ..self
        }
    }

    /// On this ground.
    #[must_use]
    pub const fn with_theme(self, theme: Theme) -> Self {
        Self { theme, ..self }
    }

    /// How wide.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// How high, without what stands below the axis.
    #[must_use]
    pub const fn height(self) -> u16 {
        self.height
    }

    /// Its ground.
    #[must_use]
    pub const fn theme(self) -> Theme {
        self.theme
    }
}

impl Default for Canvas {
    fn default() -> Self {
        Self::wide()
    }
}
