//! The demo sources that a user can connect.

use serde::Serialize;

/// What a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceKind {
    /// A clinic or pharmacy: medical records.
    Medical,
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
}

impl Source {
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
            SourceKind::Medical,
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
        }
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
            SourceKind::Medical => self.id,
            SourceKind::Wellness => self.word,
        }
    }
}

pub(crate) const STRIDER: &str = "strider";
pub(crate) const PULSEBAND: &str = "pulseband";
