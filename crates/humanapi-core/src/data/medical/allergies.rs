//! `medical/allergies`: what the user must not come near.

use super::{Code, DateRange, Link, OrganizationRef, Patient, medical};
use crate::data::record::records;

medical! {
    /// One allergy.
    pub struct Allergy {
        /// Whose it is; in practice without a name.
        patient: Patient = "patient",
        /// What it is.
        name: Text = "name",
        /// What it is, by code.
        codes: List<Code> = "codes",
        /// Such as `Active`; an open set.
        status: Text = "status",
        /// An open set.
        severity: Text = "severity",
        /// What causes it.
        allergen: Allergen = "allergen",
        /// What it causes.
        reactions: List<Reaction> = "reactionsFull",
        /// Since when.
        date_range: DateRange = "dateRange",
    }
}

records! {
    /// What causes an allergy.
    pub struct Allergen {
        /// What it is.
        name: Text = "name",
        /// What it is, by code.
        codes: List<Code> = "codes",
    }

    /// What an allergy causes.
    pub struct Reaction {
        /// What it is.
        name: Text = "name",
        /// What it is, by code.
        codes: List<Code> = "codes",
        /// The kind of reaction.
        kind: ReactionType = "reactionType",
    }

    /// The kind of a reaction.
    pub struct ReactionType {
        /// What it is, by code.
        codes: List<Code> = "codes",
    }
}
