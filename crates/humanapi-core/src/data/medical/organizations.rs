//! `medical/organizations`: clinics, laboratories, pharmacies.

use crate::data::record::records;

records! {
    /// One organization.
    pub struct Organization {
        /// Its id.
        id: Text = "id",
        /// Its name.
        name: Text = "name",
        /// Its picture: a bare file name in old records.
        image_url: Text = "imageUrl",
        /// Its address below `/v1/human`; in references alone.
        href: Text = "href",
    }

    /// An organization, as other records name it.
    pub struct OrganizationRef {
        /// Its id.
        id: Text = "id",
        /// Its name.
        name: Text = "name",
        /// Its address below `/v1/human`.
        href: Text = "href",
    }
}
