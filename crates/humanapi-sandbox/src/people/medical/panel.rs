//! What is ordered at once from a laboratory.

/// What is ordered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    A1c,
    Lipids,
    Metabolic,
    BloodCount,
    UrineAlbumin,
    Urinalysis,
    Thyroid,
    Heart,
    Echo,
    Iron,
    Covid,
    Child,
}
