//! `medical/functional_statuses`, `instructions`, `plans_of_care` and `social_history`: how the user lives, and what is
//! to be done.

use super::{Code, Link, OrganizationRef, Provider, medical};
use crate::data::record::records;

medical! {
    /// What the user can do unaided. Only the name is certain; the other fields are assumed.
    pub struct FunctionalStatus {
        /// What it is.
        name: Text = "name",
        /// More about it.
        text: Text = "text",
        /// When it was written down.
        date_time: Date = "dateTime",
        /// An open set.
        status: Text = "status",
        /// What it is, by code.
        codes: List<Code> = "codes",
    }

    /// What the user is to do. No answer was ever seen: its fields are assumed.
    pub struct Instruction {
        /// What it is.
        name: Text = "name",
        /// More about it.
        text: Text = "text",
        /// When it was written down.
        date_time: Date = "dateTime",
        /// An open set.
        status: Text = "status",
        /// What it is, by code.
        codes: List<Code> = "codes",
    }

    /// What is planned.
    pub struct PlanOfCare {
        /// What it is.
        name: Text = "name",
        /// More about it.
        text: Text = "text",
        /// When, which may lie ahead.
        date: Date = "date",
        /// Such as `Appointment`; an open set.
        kind: Text = "type",
        /// Of which field of medicine.
        specialty: Text = "specialty",
        /// Who is to do it.
        provider: Provider = "provider",
        /// What it is, by code.
        codes: List<Code> = "codes",
    }

    /// How the user lives.
    pub struct SocialHistory {
        /// What was asked, and what was answered.
        entries: List<SocialHistoryEntry> = "entries",
    }
}

records! {
    /// One answer. The question is the name of its codes.
    pub struct SocialHistoryEntry {
        /// When it was asked.
        date_time: Date = "dateTime",
        /// The answer.
        name: Text = "name",
        /// The question, by code.
        codes: List<Code> = "codes",
    }
}
