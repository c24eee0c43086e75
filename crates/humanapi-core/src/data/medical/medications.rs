//! `medical/medications`: what the user takes or took.

use super::{Address, Code, Link, OrganizationRef, Patient, medical};
use crate::data::record::records;

medical! {
    /// One medication.
    pub struct Medication {
        /// Whose it is; in practice without a name.
        patient: Patient = "patient",
        /// What it is.
        name: Text = "name",
        /// How to take it.
        instructions: Text = "instructions",
        /// As it is sold.
        product_name: Text = "productName",
        /// As it is most often sold; in old records.
        common_brand_name: Text = "commonBrandName",
        /// How much, as text.
        dosage_info: Text = "dosageInfo",
        /// From when on.
        start_date: Date = "startDate",
        /// Until when.
        end_date: Date = "endDate",
        /// When the prescription ends.
        expiration: Date = "expiration",
        /// Such as `Active`; an open set.
        status: Text = "status",
        /// Who prescribed it.
        provider: Text = "provider",
        /// Who prescribed it, by id.
        provider_id: Text = "providerID",
        /// The code of the product.
        ndc_code: Text = "ndcCode" [code_system "NDC"],
        /// The code of what is in it.
        generic_product_indicator: Text = "genericProductIndicator" [code_system "Medi-Span Generic Product Identifier"],
        /// How often it may be fetched. Documented as a number, and seen as text.
        refills_total: Number = "refillsTotal",
        /// How often it may still be fetched.
        refills_remaining: Number = "refillsRemaining",
        /// Where it is fetched.
        pharmacy: Pharmacy = "pharmacy",
        /// What of the instructions could be read.
        details: MedicationDetails = "details",
        /// What it is, by code; most often of RxNorm or NDC.
        codes: List<Code> = "codes",
    }
}

records! {
    /// Where a medication is fetched.
    pub struct Pharmacy {
        /// Its id, spelled like this.
        id: Text = "iD",
        /// Its name.
        name: Text = "name",
        /// Where it is: an address, or one line of text.
        address: TextOr<Address> = "address",
        /// Its telephone number.
        phone: Text = "phone",
        /// When it is open.
        hours: Text = "hours",
    }

    /// What of a medication's instructions could be read.
    pub struct MedicationDetails {
        /// How often.
        frequency: Amount = "frequency",
        /// By which way, such as `enteral_oral`; an open set.
        route: Text = "route",
        /// How much is in one.
        strength: Amount = "strength",
        /// How many at a time.
        dosage: Dosage = "dosage",
    }

    /// A number of something.
    pub struct Amount {
        /// How many; sent as text.
        number: Number = "number",
        /// Of what; an open set.
        unit: Text = "unit",
    }

    /// How many at a time.
    pub struct Dosage {
        /// Of what, such as `tablet`; an open set.
        form: Text = "form",
        /// How many; sent as text.
        value: Number = "value",
    }
}
