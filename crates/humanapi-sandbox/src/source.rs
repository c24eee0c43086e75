//! The demo sources that a user can connect.

use serde::Serialize;

/// What a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceKind {
    /// A clinic, hospital or practice: medical records.
    Medical,
    /// A pharmacy: medical records too, in a category of its own.
    Pharmacy,
    /// A tracker or app: activities and readings.
    Wellness,
}

/// One entry of the directory that the Connect page lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Source {
    /// 24 hexadecimal digits.
    pub id: &'static str,
    /// The name on the Connect page.
    pub name: &'static str,
    /// The `source` of wellness records; medical records carry the id.
    pub word: &'static str,
    /// What it holds.
    pub kind: SourceKind,
    /// Whether signing in takes a one-time code after the password.
    pub one_time_code: bool,
}

impl SourceKind {
    /// All of them, in the order of the Connect page.
    pub(crate) const ALL: &[Self] = &[Self::Medical, Self::Pharmacy, Self::Wellness];

    /// The category on the Connect page.
    pub(crate) const fn category(self) -> &'static str {
        match self {
            Self::Medical => "Medical",
            Self::Pharmacy => "Pharmacy",
            Self::Wellness => "Wellness",
        }
    }

    /// What is said of such a source in a list.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Medical => "Clinic",
            Self::Pharmacy => "Pharmacy",
            Self::Wellness => "App or device",
        }
    }
}

impl Source {
    /// Whether it holds a whole chart, as clinics do.
    pub(crate) fn holds_charts(&self) -> bool {
        self.kind == SourceKind::Medical && self.word != BLUEBIRD_LABORATORY
    }

    /// What every demo source takes as the username.
    pub const DEMO_USERNAME: &str = "demouser";

    /// What every demo source takes as the password.
    pub const DEMO_PASSWORD: &str = "password";

    /// What every demo source that asks for a one-time code takes.
    pub const DEMO_CODE: &str = "123456";

    /// The demo directory.
    pub const ALL: &[Self] = &[
        Self::new(
            "65a0f3c2d4b1e09876540001",
            "Sandbox Clinic",
            "sandbox_clinic",
            SourceKind::Medical,
        ),
        Self::new(
            "65a0f3c2d4b1e09876540002",
            "Sample Valley Clinic",
            "sample_valley_clinic",
            SourceKind::Medical,
        ),
        Self::new(
            "65a0f3c2d4b1e09876540003",
            "Starfleet Medical",
            "starfleet_medical",
            SourceKind::Medical,
        ),
        Self::new(
            "65a0f3c2d4b1e09876540004",
            "Starfleet Pharmacy",
            "starfleet_pharmacy",
            SourceKind::Pharmacy,
        ),
        Self::new(
            "65a0f3c2d4b1e09876540005",
            "Strider",
            STRIDER,
            SourceKind::Wellness,
        ),
        Self::new(
            "65a0f3c2d4b1e09876540006",
            "Pulseband",
            PULSEBAND,
            SourceKind::Wellness,
        ),
        Self::new(
            "65a0f3c2d4b1e09876540007",
            "Lakeside Family Practice",
            "lakeside_family_practice",
            SourceKind::Medical,
        )
        .with_one_time_code(),
        Self::new(
            "65a0f3c2d4b1e09876540008",
            "Corner Street Pharmacy",
            "corner_street_pharmacy",
            SourceKind::Pharmacy,
        )
        .with_one_time_code(),
        Self::new(
            "65a0f3c2d4b1e09876540009",
            "Bluebird Laboratory",
            BLUEBIRD_LABORATORY,
            SourceKind::Medical,
        ),
        Self::new(
            "65a0f3c2d4b1e0987654000a",
            "Plateful",
            PLATEFUL,
            SourceKind::Wellness,
        ),
        Self::new(
            "65a0f3c2d4b1e0987654000b",
            "Helix Home",
            HELIX_HOME,
            SourceKind::Wellness,
        ),
    ];

    const fn new(
        id: &'static str,
        name: &'static str,
        word: &'static str,
        kind: SourceKind,
    ) -> Self {
        Self {
            id,
            name,
            word,
            kind,
            one_time_code: false,
        }
    }

    const fn with_one_time_code(mut self) -> Self {
        self.one_time_code = true;
        self
    }

    /// Finds a source by its id, its word or its name.
    #[must_use]
    pub fn find(text: &str) -> Option<&'static Self> {
        Self::ALL
            .iter()
            .find(|source| [source.id, source.word, source.name].contains(&text))
    }

    /// What the records of this source carry as their `source`.
    pub(crate) const fn tag(&self) -> &'static str {
        match self.kind {
            SourceKind::Medical | SourceKind::Pharmacy => self.id,
            SourceKind::Wellness => self.word,
        }
    }
}

/// A tracker of steps, of places and, with a scale, of weight.
pub(crate) const STRIDER: &str = "strider";
/// A band about the wrist: pulse, sleep, and what its cuff and its meter measure.
pub(crate) const PULSEBAND: &str = "pulseband";
/// A diary of meals.
pub(crate) const PLATEFUL: &str = "plateful";
/// A test of genes.
pub(crate) const HELIX_HOME: &str = "helix_home";
/// A laboratory: test results and no other records.
pub(crate) const BLUEBIRD_LABORATORY: &str = "bluebird_laboratory";

/// What the demo user has connected.
pub(crate) const DEMO_SOURCES: &[&str] = &[
    STRIDER,
    PULSEBAND,
    PLATEFUL,
    HELIX_HOME,
    "sample_valley_clinic",
    BLUEBIRD_LABORATORY,
];
