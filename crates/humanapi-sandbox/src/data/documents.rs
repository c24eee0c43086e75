//! Documents that records tell of: documents of care as XML, and reports in several formats.

use http::StatusCode;
use http::header::HeaderValue;

use crate::assumption::Assumption;
use crate::body::query_value;
use crate::people::{self, Format};
use crate::records::{Ask, Entry};
use crate::reply::{Problem, Reply, with_body};
use crate::world::World;

/// A document of care.
pub(super) fn ccd(world: &World, ask: &Ask<'_>, entry: &Entry) -> Result<Reply, Problem> {
    if world.assumptions.is(Assumption::RawCcd, "not-ready") {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "the document is not ready",
        ));
    }
    let document = people::document(ask, &entry.id).ok_or_else(Problem::not_found)?;
    let xml = HeaderValue::from_static("text/xml; charset=utf-8");
    Ok(with_body(StatusCode::OK, xml, document))
}

/// A report in the format that the query names.
pub(super) fn report(
    world: &World,
    ask: &Ask<'_>,
    entry: &Entry,
    query: Option<&str>,
) -> Result<Reply, Problem> {
    let asked = query_value(query, "format");
    let name = asked
        .as_deref()
        .unwrap_or_else(|| world.assumptions.value(Assumption::ReportFormat));
    let format = Format::find(name).ok_or_else(|| {
        let message = "\"format\" must be json, html or pdf";
        Problem::invalid("query", vec!["format".into()], message)
    })?;
    let report = people::report(ask, &entry.id, format).ok_or_else(Problem::not_found)?;
    let content_type = HeaderValue::from_static(format.content_type());
    Ok(with_body(StatusCode::OK, content_type, report))
}
