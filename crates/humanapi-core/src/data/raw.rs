//! The one endpoint of documents: a CCD's XML, and a report as JSON, as a page or as PDF.

use std::fmt;
use std::marker::PhantomData;

use http::header::ACCEPT;

use crate::answer::{self, DocumentKind};
use crate::data::medical::{Ccd, Report};
use crate::data::{Resource, get};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Head, Request, Response};
use crate::now::Now;
use crate::report_format::{ReportFormat, accepted};
use crate::retry::Replay;
use crate::rules::Authorization;
use crate::streamed::Streamed;
use crate::url_path::UrlPath;

/// A [`Resource`] of which each record has a document of its own.
pub trait HasDocument: Resource {}

/// Reads the document of one record, as it arrives: a CCD's XML, or a report.
///
/// The answer [tells](Streamed::content_type) what it is declared as. Another type than was asked for is handed over as
/// it is; a sign-in page in the place of XML, JSON or PDF is an error, and so is an answer without a body.
///
/// ```
/// use humanapi_core::data::medical::{Ccd, Report};
/// use humanapi_core::data::{Raw, ReportFormat};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let hosts = Hosts::production();
/// let ccd = Raw::<Ccd>::new("5f0000000000000000002101").request(&hosts)?;
/// assert_eq!(ccd.uri().path(), "/v1/human/medical/ccds/5f0000000000000000002101/raw");
///
/// let report = Raw::<Report>::new("r-1", ReportFormat::Pdf).request(&hosts)?;
/// assert_eq!(report.uri().path(), "/v1/human/medical/reports/r-1/raw");
/// assert_eq!(report.uri().query(), Some("format=pdf"));
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
pub struct Raw<R> {
    id: String,
    /// The form, where there is a choice.
    format: Option<ReportFormat>,
    resource: PhantomData<fn() -> R>,
}

impl Raw<Ccd> {
    /// The XML of the CCD of this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self::of(id, None)
    }
}

impl Raw<Report> {
    /// The report of this id, in this form.
    #[must_use]
    pub fn new(id: impl Into<String>, format: ReportFormat) -> Self {
        Self::of(id, Some(format))
    }
}

impl<R> Raw<R> {
    fn of(id: impl Into<String>, format: Option<ReportFormat>) -> Self {
        Self {
            id: id.into(),
            format,
            resource: PhantomData,
        }
    }

    fn kind(&self) -> DocumentKind {
        self.format.map_or(DocumentKind::Xml, ReportFormat::kind)
    }
}

impl<R: HasDocument> Endpoint for Raw<R> {
    type Output = Streamed;

    fn name(&self) -> &'static str {
        R::NAME
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let path = UrlPath::new(R::PATH)
            .with_segment(&self.id)?
            .with_segment("raw")?;
        let mut target = String::from(path);
        if let Some(format) = self.format {
            target.push_str("?format=");
            target.push_str(format.name());
        }
        let mut request = get(hosts, &target)?;
        request.headers_mut().insert(ACCEPT, accepted(self.kind()));
        Ok(request)
    }

    fn streams(&self) -> bool {
        true
    }

    fn peek(&self, head: &Head) -> usize {
        answer::peek_at_document(self.kind(), head)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Streamed, ResponseError> {
        answer::accept_document(self.kind(), &response)?;
        Ok(Streamed::new(response))
    }
}

// By hand, because a derive would ask the same of the resource.
impl<R> Clone for Raw<R> {
    fn clone(&self) -> Self {
        Self::of(self.id.clone(), self.format)
    }
}

impl<R> PartialEq for Raw<R> {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.format) == (&other.id, other.format)
    }
}

impl<R> Eq for Raw<R> {}

impl<R: Resource> fmt::Debug for Raw<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw")
            .field("of", &R::NAME)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderValue;

    use super::*;
    use crate::body::Body;

    const HTML: ReportFormat = ReportFormat::Html;

    /// What becomes of a success that is declared as this and begins so.
    fn outcome(format: Option<ReportFormat>, declared: &str, body: &str) -> &'static str {
        let mut response = Response::new(Body::from(body.as_bytes().to_vec()));
        if !declared.is_empty() {
            let declared = HeaderValue::from_str(declared).unwrap();
            response.headers_mut().insert("content-type", declared);
        }
        let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
        match Raw::<Report>::of("r-1", format).parse(response, now) {
            Ok(_) => "document",
            Err(ResponseError::Intermediary(_)) => "in between",
            Err(ResponseError::Api(_)) => "refusal",
            Err(ResponseError::Decode(_)) => "nothing",
            Err(other) => panic!("{other:?}"),
        }
    }

    const PAGE: &str = "<!DOCTYPE html><html><title>Sign in</title>";
    const XHTML: &str = "\u{feff}<?xml version=\"1.0\"?>\n<!-- portal -->\n<html xmlns=\"http://www.w3.org/1999/xhtml\">";
    const CCD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ClinicalDocument>";

    #[test]
    fn a_page_in_place_of_what_is_none_was_sent_by_something_in_between() {
        let formats = [None, Some(ReportFormat::Json), Some(ReportFormat::Pdf)];
        for format in formats {
            for page in [PAGE, XHTML, "  <HTML>"] {
                for declared in [
                    "text/html; charset=utf-8",
                    "",
                    "text/plain",
                    "text/xml",
                    "application/pdf",
                ] {
                    assert_eq!(
                        outcome(format, declared, page),
                        "in between",
                        "{format:?} {declared} {page}"
                    );
                }
            }
            assert_eq!(outcome(format, "text/html", "please sign in"), "in between");
        }
        for page in [PAGE, XHTML] {
            assert_eq!(outcome(Some(HTML), "text/html", page), "document");
        }
    }

    #[test]
    fn another_type_than_was_asked_for_is_handed_over() {
        for declared in [
            "text/xml",
            "application/xml",
            "application/cda+xml",
            "text/plain",
            "application/octet-stream",
            "",
            "text/html",
        ] {
            assert_eq!(outcome(None, declared, CCD), "document", "{declared}");
            assert_eq!(
                outcome(
                    None,
                    declared,
                    "\u{feff} <ClinicalDocument xmlns=\"urn:hl7-org:v3\">"
                ),
                "document",
                "{declared}"
            );
            let pdf = Some(ReportFormat::Pdf);
            assert_eq!(
                outcome(pdf, declared, "%PDF-1.7\n"),
                "document",
                "{declared}"
            );
            let json = Some(ReportFormat::Json);
            assert_eq!(
                outcome(json, declared, r#" {"demographics":{}}"#),
                "document",
                "{declared}"
            );
        }
        assert_eq!(
            outcome(Some(ReportFormat::Pdf), "text/xml", CCD),
            "document"
        );
        assert_eq!(
            outcome(Some(HTML), "application/pdf", "%PDF-1.7"),
            "document"
        );
    }

    #[test]
    fn a_refusal_in_a_success_is_a_refusal() {
        let refusal = r#"{"statusCode":404,"error":"Not Found","message":"no such report"}"#;
        let foreign = r#"{"error":"blocked"}"#;
        for format in [
            None,
            Some(ReportFormat::Json),
            Some(HTML),
            Some(ReportFormat::Pdf),
        ] {
            assert_eq!(outcome(format, "application/json", refusal), "refusal");
            assert_eq!(outcome(format, "application/json", foreign), "in between");
        }
    }

    #[test]
    fn an_empty_answer_is_no_document() {
        for format in [
            None,
            Some(ReportFormat::Json),
            Some(HTML),
            Some(ReportFormat::Pdf),
        ] {
            for body in ["", "\r\n", "\u{feff}"] {
                assert_eq!(outcome(format, "text/xml", body), "nothing");
            }
        }
    }

    #[test]
    fn json_is_looked_at_as_far_as_it_can_be_a_refusal() {
        let peek = |format: ReportFormat, declared: &str, length: Option<u64>| {
            let mut response = http::Response::builder().header("content-type", declared);
            if let Some(length) = length {
                response = response.header("content-length", length);
            }
            let (head, ()) = response.body(()).unwrap().into_parts();
            Raw::<Report>::new("r-1", format).peek(&head)
        };
        let whole = answer::REFUSAL_READ;
        assert_eq!(peek(ReportFormat::Json, "application/json", None), whole);
        assert_eq!(peek(ReportFormat::Json, "text/html", Some(900)), whole);
        assert_eq!(
            peek(ReportFormat::Json, "application/json", Some(256 * 1024 + 1)),
            1024
        );
        assert_eq!(
            peek(ReportFormat::Pdf, "application/problem+json", None),
            whole
        );
        assert_eq!(peek(ReportFormat::Pdf, "application/pdf", None), 1024);
    }
}
