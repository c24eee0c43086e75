//! `GET /v1/human/medical`: what clinics, laboratories and pharmacies wrote down.

mod allergies;
mod care;
mod documents;
mod encounters;
mod immunizations;
mod issues;
mod medications;
mod organizations;
mod people;
mod procedures;
mod test_results;
mod timeline;
mod vitals;

pub use allergies::{Allergen, Allergy, Reaction, ReactionType};
pub use care::{FunctionalStatus, Instruction, PlanOfCare, SocialHistory, SocialHistoryEntry};
pub use documents::{Ccd, Narrative, NarrativeEntry, Report};
pub use encounters::{Diagnosis, Encounter, EncounterMedication, Order, Provider};
pub use immunizations::Immunization;
pub use issues::Issue;
pub use medications::{Amount, Dosage, Medication, MedicationDetails, Pharmacy};
pub use organizations::{Organization, OrganizationRef};
pub use people::{
    Address, Alcohol, Demographics, MedicalProfile, Patient, PersonName, ProfileDemographics,
    ProviderContact, ReadMedicalProfile, Smoking,
};
pub use procedures::{Performer, Procedure};
pub use test_results::{Component, DeprecatedResult, Recipient, TestResult};
pub use timeline::TimelineEntry;
pub use vitals::{RawVital, Vital, VitalValue, Vitals};

use crate::data::record::records;

records! {
    /// What something is by a code system. Compare systems by their OID first, and by their name where there is none.
    pub struct Code {
        /// For people.
        name: Text = "name",
        /// The code.
        code: Text = "code",
        /// The code system's OID.
        code_system: Text = "codeSystem",
        /// The code system's name, in more than one spelling.
        code_system_name: Text = "codeSystemName",
        /// True where Human API added it; else it came from the source.
        inferred: Bool = "inferred",
        /// What inferred it; not documented.
        inferred_from: Text = "inferredFrom",
    }

    /// Another record, by its id and its address.
    pub struct Link {
        /// Its id. In one documented example it is another than the one in the address.
        id: Text = "id",
        /// Its address below `/v1/human`.
        href: Text = "href",
    }

    /// From when to when.
    pub struct DateRange {
        /// From then on.
        start: Date = "start",
        /// Until then; seen in no answer.
        end: Date = "end",
    }
}

/// Makes records of tables, each with the fields that every medical record has.
macro_rules! medical {
    ($($(#[doc = $doc:literal])+ pub struct $record:ident { $($field:tt)* })+) => {
        $crate::data::record::records! {$(
            $(#[doc = $doc])+
            pub struct $record {
                /// The record's id, in practice 24 hex digits.
                id: Text = "id",
                /// Where it comes from, by id.
                source: Text = "source",
                /// When the service stored it.
                created_at: Timestamp = "createdAt",
                /// When the service last changed it.
                updated_at: Timestamp = "updatedAt",
                /// The organization that wrote it down.
                organization: OrganizationRef = "organization",
                /// The document that it was read from.
                ccd: Link = "ccd",
                $($field)*
            }
        )+}
    };
}
use medical;
