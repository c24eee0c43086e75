//! `medical/ccds`, `medical/narratives` and `medical/reports`: what is read rather than counted.

use super::{Link, OrganizationRef, medical};
use crate::data::record::records;

medical! {
    /// One continuity-of-care document. Its XML is read apart.
    pub struct Ccd {
        /// When it was written.
        date_time: Date = "dateTime",
        /// Who wrote it.
        author: Text = "author",
    }

    /// One narrative.
    pub struct Narrative {
        /// When it was written.
        date_time: Date = "dateTime",
        /// Who wrote it.
        author: Text = "author",
        /// Its parts.
        entries: List<NarrativeEntry> = "entries",
    }
}

records! {
    /// One part of a narrative.
    pub struct NarrativeEntry {
        /// What it is about.
        title: Text = "title",
        /// What it says.
        text: Text = "text",
        /// In practice empty.
        template_ids: List<Text> = "templateIds",
    }

    /// One report made of the user's records. Its content is read apart.
    pub struct Report {
        /// The report's id.
        id: Text = "id",
        /// Which kind of report, such as `unity`. There can be one for each provider.
        name: Text = "name",
        /// When it was made. This and what follows is assumed by what the Admin API lists.
        created_at: Timestamp = "createdAt",
        /// The extension of its file's name.
        file_extension: Text = "fileExtension",
        /// Where its content is.
        uri: Text = "uri",
        /// The orders that it was made for, by id.
        order_ids: List<Text> = "orderIds",
        /// The providers whose records it was made of, by id.
        provider_ids: List<Text> = "providerIds",
    }
}
