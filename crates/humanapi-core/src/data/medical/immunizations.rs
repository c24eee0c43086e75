//! `medical/immunizations`: what the user was vaccinated with.

use super::{Code, Link, OrganizationRef, Patient, medical};

medical! {
    /// One vaccine that the user was given, once or more often.
    pub struct Immunization {
        /// Whose it is; in practice without a name.
        patient: Patient = "patient",
        /// What it is.
        name: Text = "name",
        /// When it was given.
        dates: List<Date> = "dates",
        /// What it is, by code; most often of CVX or NDC.
        codes: List<Code> = "codes",
    }
}
