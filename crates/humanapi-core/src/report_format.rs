//! In which form a report is read, and how a document is asked for.

use http::HeaderValue;

use crate::answer::DocumentKind;

/// In which form a report is read.
///
/// Not every kind of report has every form; which has which, the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReportFormat {
    /// JSON, of a form that is documented for no kind of report: `json` on the wire.
    Json,
    /// A page: `html` on the wire.
    Html,
    /// For printing: `pdf` on the wire.
    Pdf,
}

impl ReportFormat {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Json, Self::Html, Self::Pdf];

    /// Its name on the wire, which is the usual extension of a file's name too, and the word that it is written as
    /// wherever one keeps it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }

    pub(crate) const fn kind(self) -> DocumentKind {
        match self {
            Self::Json => DocumentKind::Json,
            Self::Html => DocumentKind::Html,
            Self::Pdf => DocumentKind::Pdf,
        }
    }
}

/// What is asked for first, and anything else rather than nothing: how the service chooses is documented nowhere.
pub(crate) const fn accepted(kind: DocumentKind) -> HeaderValue {
    HeaderValue::from_static(match kind {
        DocumentKind::Xml => "text/xml, application/xml;q=0.9, */*;q=0.1",
        DocumentKind::Json => "application/json, */*;q=0.1",
        DocumentKind::Html => "text/html, */*;q=0.1",
        DocumentKind::Pdf => "application/pdf, */*;q=0.1",
        DocumentKind::Any => "*/*",
    })
}
