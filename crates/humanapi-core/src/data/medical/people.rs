//! `medical/demographics` and `medical/profile`: who the user is, as providers wrote it down.

use super::{Code, Link, OrganizationRef, medical};
use crate::data::record::records;
use crate::data::single::Single;

/// Reads the user's medical profile.
pub type ReadMedicalProfile = Single<MedicalProfile>;

/// What demographics say of a person, in a record of their own and within the profile.
macro_rules! demographics {
    ($($(#[doc = $doc:literal])+ $make:ident pub struct $record:ident { $($field:tt)* })+) => {$(
        $make! {
            $(#[doc = $doc])+
            pub struct $record {
                /// Where the person lives: an address, or one line of text.
                address: TextOr<Address> = "address",
                /// What the person is called.
                name: TextOr<PersonName> = "name",
                /// The day of birth, as it was written.
                dob: Date = "dob",
                /// The same as a moment; it was seen at the epoch for somebody who was not born then, so prefer `dob`.
                dob_date_time: Timestamp = "dobDateTime",
                /// Such as `female`.
                gender: Text = "gender",
                /// By code.
                gender_codes: List<Code> = "genderCodes",
                /// Such as `eng`, in capitals or not.
                language: Text = "language",
                /// By code.
                language_codes: List<Code> = "languageCodes",
                /// As it was written.
                race: Text = "race",
                /// By code.
                race_codes: List<Code> = "raceCodes",
                /// As it was written.
                ethnicity: Text = "ethnicity",
                /// By code.
                ethnicity_codes: List<Code> = "ethnicityCodes",
                /// As it was written.
                marital_status: Text = "maritalStatus",
                /// By code.
                marital_status_codes: List<Code> = "maritalStatusCodes",
                $($field)*
            }
        }
    )+};
}

demographics! {
    /// Who the user is, by one of the records that say so.
    medical pub struct Demographics {
        /// Who wrote it down.
        provider: ProviderContact = "provider",
    }

    /// Who the user is, within the profile.
    records pub struct ProfileDemographics {}
}

records! {
    /// The user's medical profile.
    pub struct MedicalProfile {
        /// The record's id.
        id: Text = "id",
        /// Where it comes from; documented, and seen in no answer.
        source: Text = "source",
        /// When the service stored it.
        created_at: Timestamp = "createdAt",
        /// When the service last changed it.
        updated_at: Timestamp = "updatedAt",
        /// Who the user is.
        demographics: ProfileDemographics = "demographics",
        /// Whether the user drinks.
        alcohol: Alcohol = "alcohol",
        /// Whether the user smokes.
        smoking: Smoking = "smoking",
    }

    /// Whether somebody drinks.
    pub struct Alcohol {
        /// Such as `no`.
        uses: Text = "use",
        /// By code.
        codes: List<Code> = "codes",
    }

    /// Whether somebody smokes.
    pub struct Smoking {
        /// In words.
        status: Text = "status",
        /// By code.
        codes: List<Code> = "codes",
    }

    /// Whose a record is; in practice without a name.
    pub struct Patient {
        /// The name, in practice empty.
        name: Text = "name",
    }

    /// What a person is called.
    pub struct PersonName {
        /// Such as `Dr.`
        prefix: Text = "prefix",
        /// Given names.
        given: List<Text> = "given",
        /// The family name.
        family: Text = "family",
    }

    /// Where somebody lives or works.
    pub struct Address {
        /// The lines above the city.
        street: List<Text> = "street",
        /// The city.
        city: Text = "city",
        /// The state.
        state: Text = "state",
        /// The postal code, as text.
        zip: Text = "zip",
        /// The country.
        country: Text = "country",
    }

    /// Where a provider can be reached.
    pub struct ProviderContact {
        /// The organization's name.
        organization: Text = "organization",
        /// The telephone number.
        phone: Text = "phone",
        /// Where it is: an address, or one line of text.
        address: TextOr<Address> = "address",
    }
}
