//! `medical/vitals`: what was measured at a provider's.

use super::{Code, Link, OrganizationRef, medical};
use crate::data::record::records;

medical! {
    /// What was measured at one time.
    pub struct Vitals {
        /// When it was measured.
        date_time: Date = "dateTime",
        /// Who measured it.
        author: Text = "author",
        /// Seen to hold the patient's name.
        name: Text = "name",
        /// In practice empty.
        codes: List<Code> = "codes",
        /// What was measured.
        results: List<Vital> = "results",
    }
}

records! {
    /// One measured value.
    pub struct Vital {
        /// What it is: the source's word in old records.
        name: Text = "name",
        /// What it is, in the service's own words.
        normalized_name: Text = "normalizedName",
        /// How much; text in old records.
        value: Quantity = "value",
        /// The unit, most often by UCUM.
        unit: Text = "unit",
        /// The same in every unit that the service knows for it.
        values: List<VitalValue> = "values",
        /// As the source sent it.
        raw: RawVital = "raw",
        /// What it is, by code; most often of LOINC.
        codes: List<Code> = "codes",
    }

    /// A measured value in one unit.
    pub struct VitalValue {
        /// How much.
        value: Number = "value",
        /// The unit by UCUM.
        unit: Text = "unit",
    }

    /// A measured value as its source sent it.
    pub struct RawVital {
        /// What it is.
        name: Text = "name",
        /// How much, as text.
        value: Quantity = "value",
        /// The unit as the source names it.
        unit: Text = "unit",
        /// What it is, by code.
        codes: List<Code> = "codes",
    }
}
