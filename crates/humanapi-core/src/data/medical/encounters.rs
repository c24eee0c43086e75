//! `medical/encounters`: visits, and what came of them.

use super::{Address, Code, Link, OrganizationRef, Patient, PersonName, medical};
use crate::data::record::records;

medical! {
    /// One visit, or another contact with a provider.
    pub struct Encounter {
        /// Whose it is; in practice without a name.
        patient: Patient = "patient",
        /// When it was.
        date_time: Date = "dateTime",
        /// Such as `Office Visit`; an open set.
        visit_type: Text = "visitType",
        /// What it was, by code.
        codes: List<Code> = "codes",
        /// Who was visited.
        provider: Provider = "provider",
        /// Why.
        reasons: List<Text> = "reasons",
        /// What was found.
        diagnoses: List<Diagnosis> = "diagnoses",
        /// Which medications the user took or was given.
        medications: List<EncounterMedication> = "medications",
        /// What was ordered.
        orders: List<Order> = "orders",
        /// What was prescribed; seen in no answer.
        prescriptions: List<Link> = "prescriptions",
        /// What was measured.
        vital_signs: List<Link> = "vitalSigns",
        /// What the laboratory found.
        test_results: List<Link> = "testResults",
        /// What was planned.
        plans_of_care: List<Link> = "plansOfCare",
        /// In practice empty; what stands there is documented nowhere.
        problems: List<Json> = "problems",
        /// Measured values as text, by name; rare.
        vitals: Map<Text> = "vitals",
        /// What to do afterwards.
        follow_up_instructions: Text = "followUpInstructions",
        /// What the user was told.
        patient_instruction: Text = "patientInstruction",
    }
}

records! {
    /// Who was visited, or will be.
    pub struct Provider {
        /// A name, or one line of text.
        name: TextOr<PersonName> = "name",
        /// The department.
        department_name: Text = "departmentName",
        /// Where it is: an address, or one line of text.
        address: TextOr<Address> = "address",
    }

    /// What was found in a visit.
    pub struct Diagnosis {
        /// What it is.
        name: Text = "name",
    }

    /// One medication of a visit.
    pub struct EncounterMedication {
        /// What it is.
        name: Text = "name",
        /// As it is sold.
        product_name: Text = "productName",
        /// How to take it.
        instructions: Text = "instructions",
        /// How much, as text.
        dosage_info: Text = "dosageInfo",
        /// From when on.
        start_date: Date = "startDate",
        /// Until when.
        end_date: Date = "endDate",
        /// What it is, by code.
        codes: List<Code> = "codes",
        /// The code of the product; in old records.
        ndc_code: Text = "ndcCode" [code_system "NDC"],
        /// In old records.
        generic_product_indicator: Text = "genericProductIndicator" [code_system "Medi-Span Generic Product Identifier"],
        /// In old records.
        can_refill: Bool = "canRefill",
        /// In old records.
        has_pending_refill: Bool = "hasPendingRefill",
    }

    /// What was ordered in a visit.
    pub struct Order {
        /// What it is.
        name: Text = "name",
        /// Such as `Lab`; an open set.
        kind: Text = "type",
        /// What `procedure_code` is a code of: a name or an OID.
        code_type: Text = "codeType",
        /// The code.
        procedure_code: Text = "procedureCode",
        /// When it is to be done.
        expected_date: Date = "expectedDate",
        /// When it is no longer to be done.
        expire_date: Date = "expireDate",
        /// What it is, by code.
        codes: List<Code> = "codes",
    }
}
