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
/// The answer [tells](Streamed::content_type) what it is declared as. A report that is declared as another form than was
/// asked for, and begins like it, is handed over as it is. What does not begin as a document of its kind does was sent
/// by something in between, such as a sign-in page, and is asked for again; an answer without a body is an error, too.
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
    use proptest::prelude::*;

    use super::*;
    use crate::body::Body;

    const JSON: ReportFormat = ReportFormat::Json;
    const HTML: ReportFormat = ReportFormat::Html;
    const PDF: ReportFormat = ReportFormat::Pdf;

    /// What becomes of a success that is declared as this and begins so.
    fn outcome(
        format: Option<ReportFormat>,
        declared: &str,
        body: impl AsRef<[u8]>,
    ) -> &'static str {
        let mut response = Response::new(Body::from(body.as_ref().to_vec()));
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
        for format in [None, Some(JSON), Some(PDF)] {
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

    /// Every kind of document: a CCD, and a report in each of its forms.
    const KINDS: [Option<ReportFormat>; 4] = [None, Some(JSON), Some(HTML), Some(PDF)];

    #[test]
    fn what_begins_like_its_kind_is_a_document_whatever_it_is_declared_as() {
        for declared in [
            "text/xml",
            "application/xml",
            "application/cda+xml",
            "application/json",
            "application/pdf",
            "text/plain",
            "application/octet-stream",
            "",
            "text/html",
        ] {
            for (format, body) in [
                (None, CCD),
                (None, "\u{feff} <ClinicalDocument xmlns=\"urn:hl7-org:v3\">"),
                (None, "\r\n<!-- <html> --><ClinicalDocument>"),
                (Some(JSON), r#" {"demographics":{}}"#),
                (Some(JSON), "\u{feff}[]"),
                (Some(HTML), PAGE),
                (Some(HTML), "<title></title><p>n/a"),
                (Some(PDF), "%PDF-1.7\n"),
                (Some(PDF), "\x1b%-12345X@PJL\r\n%PDF-1.4"),
            ] {
                assert_eq!(
                    outcome(format, declared, body),
                    "document",
                    "{declared} {body}"
                );
            }
        }
    }

    #[test]
    fn a_report_in_another_form_is_handed_over_if_it_is_declared_as_such() {
        const REPORT: &str = r#"{"demographics":{}}"#;
        for (format, declared, body, expected) in [
            (Some(HTML), "application/pdf", "%PDF-1.7", "document"),
            (Some(JSON), "application/pdf", "%PDF-1.7", "document"),
            (
                Some(PDF),
                "application/json; charset=utf-8",
                REPORT,
                "document",
            ),
            (Some(HTML), "application/fhir+json", "[]", "document"),
            (Some(JSON), "application/json", "%PDF-1.7", "in between"),
            (Some(PDF), "application/pdf", REPORT, "in between"),
            (Some(HTML), "text/html", REPORT, "in between"),
            (Some(JSON), "", "%PDF-1.7", "in between"),
            // There is no report in XML.
            (Some(PDF), "text/xml", CCD, "in between"),
            (Some(JSON), "text/xml", CCD, "in between"),
            // And a document of care in nothing else.
            (None, "application/json", REPORT, "in between"),
            (None, "application/pdf", "%PDF-1.7", "in between"),
        ] {
            assert_eq!(
                outcome(format, declared, body),
                expected,
                "{format:?} {declared} {body}"
            );
        }
    }

    #[test]
    fn garbage_is_no_document() {
        for format in KINDS {
            for declared in [
                "text/xml",
                "application/json",
                "text/html",
                "application/pdf",
                "",
            ] {
                for garbage in [
                    &b"\xff\xfe{\"garbage\": \x00 <html>"[..],
                    b"\xfe\xff{\"garbage\"",
                    b"\0\0\0\0",
                    b"garbage",
                    b"502 Bad Gateway <ClinicalDocument>{[",
                    b"\xff\xfe",
                ] {
                    assert_ne!(
                        outcome(format, declared, garbage),
                        "document",
                        "{format:?} {declared}"
                    );
                }
            }
        }
        // So far behind, no reader looks for it.
        let late = [&[b' '; 1020][..], b"x%PDF-1.7"].concat();
        assert_eq!(outcome(Some(PDF), "application/pdf", late), "in between");
    }

    fn in_utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn xml_may_be_in_utf_16_and_so_may_a_page_in_its_place() {
        for unit in [u16::to_le_bytes, u16::to_be_bytes] {
            for mark in ["", "\u{feff}"] {
                for (text, expected) in [(CCD, "document"), (PAGE, "in between")] {
                    let body = in_utf16(&format!("{mark}{text}"), unit);
                    assert_eq!(
                        outcome(None, "text/xml", &body),
                        expected,
                        "{mark:?} {text}"
                    );
                    let cut = &body[..body.len() - 1];
                    assert_eq!(outcome(None, "text/xml", cut), expected, "{mark:?} {text}");
                }
            }
        }
        let text = in_utf16("\u{feff}ClinicalDocument", u16::to_le_bytes);
        assert_eq!(outcome(None, "text/xml", text), "in between");
    }

    /// How documents of each kind begin.
    fn beginning() -> impl Strategy<Value = (Option<ReportFormat>, &'static str)> {
        prop::sample::select(vec![
            (None, "<?xml version=\"1.0\"?><ClinicalDocument"),
            (None, "<ClinicalDocument"),
            (Some(JSON), "["),
            (Some(JSON), "{\"id\":\"r-1\","),
            (Some(HTML), "<"),
            (Some(PDF), "%PDF-"),
        ])
    }

    proptest! {
        #[test]
        fn whatever_follows_the_beginning_it_is_a_document(
            (format, beginning) in beginning(),
            mark in prop::sample::select(vec!["", "\u{feff}"]),
            blanks in "[ \t\r\n]{0,9}",
            rest in prop::collection::vec(any::<u8>(), 1..2000),
        ) {
            let text = format!("{mark}{blanks}{beginning}");
            let body = [text.as_bytes(), &rest].concat();
            prop_assert_eq!(outcome(format, "", body), "document");
        }

        #[test]
        fn what_begins_like_no_document_is_none(
            format in prop::sample::select(KINDS.to_vec()),
            declared in prop::sample::select(vec!["", "text/xml", "application/json", "text/html", "application/pdf"]),
            mut body in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            for byte in &mut body {
                if b"<{[%".contains(byte) {
                    *byte = b'x';
                }
            }
            prop_assert_ne!(outcome(format, declared, body), "document");
        }
    }

    #[test]
    fn a_refusal_in_a_success_is_a_refusal() {
        let refusal = r#"{"statusCode":404,"error":"Not Found","message":"no such report"}"#;
        let foreign = r#"{"error":"blocked"}"#;
        for format in KINDS {
            assert_eq!(outcome(format, "application/json", refusal), "refusal");
            assert_eq!(outcome(format, "application/json", foreign), "in between");
        }
    }

    #[test]
    fn an_empty_answer_is_no_document() {
        for format in KINDS {
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
