//! The reports that orders led to, and their content.

use http::header::ACCEPT;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::admin::fields::{Fields, Model, deserialized};
use crate::admin::personal_url::PersonalUrl;
use crate::admin::user_ref::UserRef;
use crate::admin::wire::{self, operation};
use crate::answer::{self, DocumentKind};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hidden::hidden_debug;
use crate::hosts::Hosts;
use crate::message::{Head, Request, Response};
use crate::now::Now;
use crate::query_string::QueryString;
use crate::report_format::{ReportFormat, accepted};
use crate::streamed::Streamed;
use crate::url_path::UrlPath;

/// The reports of one kind.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReportGroup {
    /// Which kind: `highlights`, `ccdraw`, `apidata`, … or `combined`.
    pub name: Option<String>,
    /// Of what kinds a `combined` one is made.
    pub base_report_names: Vec<String>,
    /// The reports.
    pub reports: Vec<ReportFile>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

/// One report in one form.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReportFile {
    /// Its id, by which it can be read over and over.
    pub id: Option<String>,
    /// `pdf`, `json` or `html`.
    pub file_extension: Option<String>,
    /// Where it is read.
    pub uri: Option<PersonalUrl>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// The order that had it made; nothing where none did.
    pub created_by_order_id: Option<String>,
    /// The orders whose records are in it.
    pub order_ids: Vec<String>,
    /// The providers whose records are in it.
    pub provider_ids: Vec<String>,
    /// The ids that the orders gave those providers.
    pub client_provider_ids: Vec<String>,
    /// By what a `combined` one is grouped.
    pub group_by: Option<String>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

impl ReportFile {
    /// In which form it is, where that is a known one.
    #[must_use]
    pub fn format(&self) -> Option<ReportFormat> {
        let extension = self.file_extension.as_deref()?.trim_start_matches('.');
        let is_it = |format: &ReportFormat| format.name().eq_ignore_ascii_case(extension);
        ReportFormat::ALL.into_iter().find(is_it)
    }
}

impl Model for ReportGroup {
    fn read(mut fields: Fields) -> Result<Self, &'static str> {
        Ok(Self {
            name: fields.id("name"),
            base_report_names: fields.texts("baseReportNames"),
            reports: fields.list("reports"),
            other: fields.rest(),
        })
    }
}

impl Model for ReportFile {
    fn read(mut fields: Fields) -> Result<Self, &'static str> {
        Ok(Self {
            id: fields.id("id"),
            file_extension: fields.text("fileExtension"),
            uri: fields.take("uri", |value| PersonalUrl::parse(value.as_str()?)),
            created_at: fields.moment("createdAt"),
            created_by_order_id: fields.id("createdByOrderId"),
            order_ids: fields.texts("orderIds"),
            provider_ids: fields.texts("providerIds"),
            client_provider_ids: fields.texts("clientProviderIds"),
            group_by: fields.text("groupBy"),
            other: fields.rest(),
        })
    }
}

deserialized!(ReportGroup, ReportFile);

/// Reads which reports there are of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct ListReports {
    user: UserRef,
    created_by_order: Option<String>,
}

impl ListReports {
    /// Those of this user.
    #[must_use]
    pub fn new(user: impl Into<UserRef>) -> Self {
        Self {
            user: user.into(),
            created_by_order: None,
        }
    }

    /// Only those that this order had made.
    #[must_use]
    pub fn with_created_by_order(mut self, order_id: impl Into<String>) -> Self {
        self.created_by_order = Some(order_id.into());
        self
    }
}

impl Endpoint for ListReports {
    type Output = Vec<ReportGroup>;

    operation!("admin.reports", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let mut query = QueryString::after("/api/v1/user/reports".to_owned());
        self.user.push_to(&mut query)?;
        if self.created_by_order.as_deref() == Some("") {
            // It would bring the reports of all orders in place of one's.
            let (name, rule) = ("createdByOrderId", "an id that the service gave out");
            return Err(BuildError::OutOfRange { name, rule });
        }
        query.push_some_text("createdByOrderId", self.created_by_order.as_deref());
        wire::get(hosts, &query.into_inner())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        wire::all_found(&response)
    }
}

/// Reads one report, as it arrives.
///
/// The answer [tells](Streamed::content_type) what it is declared as. Where the list told the report's
/// [format](ReportFile::format), say so: what begins as no report does, such as a sign-in page in place of a PDF, is an
/// error then. Without it, whatever is sent is handed over.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadReport {
    id: String,
    format: Option<ReportFormat>,
}

impl ReadReport {
    /// The report of this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            format: None,
        }
    }

    /// Says in which form it is.
    #[must_use]
    pub const fn with_format(mut self, format: ReportFormat) -> Self {
        self.format = Some(format);
        self
    }

    fn kind(&self) -> DocumentKind {
        self.format.map_or(DocumentKind::Any, ReportFormat::kind)
    }
}

impl Endpoint for ReadReport {
    type Output = Streamed;

    operation!("admin.report", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let path = UrlPath::new("/api/v1/user/reports").with_segment(&self.id)?;
        let mut request = wire::get(hosts, path.as_str())?;
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

hidden_debug!(ReportGroup, ReportFile, ListReports, ReadReport);
