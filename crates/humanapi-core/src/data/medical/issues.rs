//! `medical/issues`: what the user suffers from. The documents call them problems.

use super::{Code, Link, OrganizationRef, Patient, medical};

medical! {
    /// One problem.
    pub struct Issue {
        /// Whose it is; in practice without a name.
        patient: Patient = "patient",
        /// What it is.
        name: Text = "name",
        /// What it is, by code; most often of SNOMED CT or ICD-10-CM.
        codes: List<Code> = "codes",
        /// Since when, or when it was written down.
        date_time: Date = "dateTime",
        /// Such as `Active`; an open set.
        status: Text = "status",
    }
}
