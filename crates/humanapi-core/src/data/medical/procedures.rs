//! `medical/procedures`: what was done to the user.

use super::{Address, Code, Link, OrganizationRef, medical};
use crate::data::record::records;

medical! {
    /// One procedure.
    pub struct Procedure {
        /// What it is.
        name: Text = "name",
        /// When it was done.
        date_time: Date = "dateTime",
        /// Who did it.
        performer: Performer = "performer",
        /// What it is, by code; most often of CPT.
        codes: List<Code> = "codes",
        /// What was taken; in practice empty.
        specimen_codes: List<Code> = "specimenCodes",
        /// What was put in; in practice empty.
        device_codes: List<Code> = "deviceCodes",
    }
}

records! {
    /// Who did a procedure.
    pub struct Performer {
        /// The telephone number.
        phone: Text = "phone",
        /// Where it is: an address, or one line of text.
        address: TextOr<Address> = "address",
        /// The organization's name.
        organization_name: Text = "organizationName" [absent "[object Object]"],
    }
}
