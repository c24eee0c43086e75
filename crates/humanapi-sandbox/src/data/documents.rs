//! Documents that records tell of: documents of care as XML, and reports in several formats.

use http::StatusCode;

use super::records::{Ask, Entry};
use crate::assumption::Assumption;
use crate::body::query_value;
use crate::reply::{Problem, Reply};
use crate::world::World;

/// What a report can be sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Html,
    Pdf,
}

impl Format {
    pub(crate) fn find(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "html" => Some(Self::Html),
            "pdf" => Some(Self::Pdf),
            _ => None,
        }
    }
}

/// A document of care.
pub(super) fn ccd(world: &World, _: &Ask<'_>, _: &Entry) -> Result<Reply, Problem> {
    if world.assumptions.is(Assumption::RawCcd, "not-ready") {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "the document is not ready",
        ));
    }
    Err(Problem::not_found())
}

/// A report in the format that the query names.
pub(super) fn report(
    world: &World,
    _: &Ask<'_>,
    _: &Entry,
    query: Option<&str>,
) -> Result<Reply, Problem> {
    let asked = query_value(query, "format");
    let name = asked
        .as_deref()
        .unwrap_or_else(|| world.assumptions.value(Assumption::ReportFormat));
    let _format = Format::find(name).ok_or_else(|| {
        let message = "\"format\" must be json, html or pdf";
        Problem::invalid("query", vec!["format".into()], message)
    })?;
    Err(Problem::not_found())
}
