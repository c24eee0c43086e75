//! `medical/test_results`: what laboratories found.

use super::{Code, Link, OrganizationRef, Patient, medical};
use crate::data::record::records;

medical! {
    /// One test, with all that it found.
    pub struct TestResult {
        /// Whose it is; in practice without a name.
        patient: Patient = "patient",
        /// What was tested.
        name: Text = "name",
        /// What was tested, by code.
        codes: List<Code> = "codes",
        /// What was found, one by one.
        components: List<Component> = "components",
        /// When it was found.
        result_date_time: Date = "resultDateTime",
        /// Such as `Final result`; an open set.
        status: Text = "status",
        /// Who ordered it.
        ordered_by: Text = "orderedBy",
        /// Who was told.
        recipients: List<Recipient> = "recipients",
        /// Deprecated by the vendor in favour of `components`.
        all_results: List<DeprecatedResult> = "allResults",
        /// What was measured with; rare.
        device: Text = "device",
        /// What was measured; rare.
        specimen: Text = "specimen",
        /// Remarks.
        comments: Text = "comments",
        /// A report in words.
        narrative: Text = "narrative",
        /// What the report comes to.
        impression: Text = "impression",
        /// What was dictated.
        transcriptions: Text = "transcriptions",
    }
}

records! {
    /// One thing that a test found.
    pub struct Component {
        /// What it is.
        name: Text = "name",
        /// How much, or whether: a number, a bound, a word, or a whole report.
        value: Quantity = "value",
        /// The unit as the source names it, most often by UCUM.
        unit: Text = "unit",
        /// The lower bound of what is usual.
        low: Quantity = "low",
        /// The upper bound of what is usual.
        high: Quantity = "high",
        /// What is usual, in no particular form.
        ref_range: Text = "refRange",
        /// Remarks, which may hold markup.
        comments: Text = "componentComments",
        /// `L`, `H` or `A`, where the value is not usual.
        flag: Text = "flag",
        /// What it is, by code; most often of LOINC.
        codes: List<Code> = "codes",
    }

    /// Who was told what a test found.
    pub struct Recipient {
        /// The person's id.
        object_id: Text = "objectID",
        /// What the person is called.
        name: Text = "name",
        /// Whether it is the user's primary care physician.
        is_pcp: Bool = "isPCP",
        /// In which form.
        template: Text = "recipTemplate",
    }

    /// One thing that a test found, as it was told before there were components.
    pub struct DeprecatedResult {
        /// What it is.
        name: Text = "name",
        /// When it was found.
        result_date_time: Date = "resultDateTime",
        /// How much, or whether.
        value: Quantity = "value",
        /// The unit as the source names it.
        unit: Text = "unit",
    }
}
