//! How a policy's case stands, as its page tells it.

use humanapi::admin::order::{Entry, EntryState};
use humanapi::admin::{OrderState, ReportFormat, ReportGroup};
use jiff::Timestamp;
use serde::Deserialize;

use crate::application::Policy;

/// A policy for which something was ordered, or was to be.
pub(crate) struct Case {
    pub(crate) policy: Policy,
    pub(crate) state: CaseState,
}

/// Where it stands.
pub(crate) enum CaseState {
    /// Nothing has left.
    NotSent(Told),
    /// Somebody is at it, or was when the program ended.
    UnderWay,
    /// Sent once and not there.
    Absent(Told),
    /// Nobody knows, for this reason.
    Unknown(Shown, &'static str),
    /// It is there.
    Ordered(Ordered),
}

/// What a decision is about: the entry as a page showed it, for the form to bring back.
///
/// It is the same for as long as there is nothing else to know. An entry's version is not: whoever only looks makes a new one,
/// and the timer does so while a person looks in the vendor's portal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Shown(String);

/// What is told of an order that is not there.
pub(crate) struct Told {
    /// What a decision is about.
    pub(crate) shown: Shown,
    /// Whether nobody has said yet that they know.
    pub(crate) is_listed: bool,
}

/// Some of the cases that somebody has to look at.
#[derive(Default)]
pub(crate) struct Unsettled {
    pub(crate) cases: Vec<Case>,
    /// The last of them, where there are more behind it.
    pub(crate) more_after: Option<Policy>,
}

/// An order that the service has.
pub(crate) struct Ordered {
    /// Its states, as they were seen.
    pub(crate) history: Vec<Seen>,
    pub(crate) reports: Vec<Report>,
    /// What to do where the service did not say how it stands.
    pub(crate) problem: Option<&'static str>,
}

/// A state, and when the desk saw it first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) state: OrderState,
    pub(crate) at: Timestamp,
}

/// A report that can be read.
pub(crate) struct Report {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) format: ReportFormat,
    pub(crate) made: Option<Timestamp>,
}

impl Shown {
    pub(crate) fn of(entry: &Entry) -> Self {
        let state = match &entry.state {
            // It has not left, so a try to send it is told by the version, which those who look leave as it is.
            EntryState::Written => return Self(format!("written-{}", entry.version)),
            EntryState::Sent => "sent".to_owned(),
            EntryState::Unknown(doubt) => format!("{doubt:?}"),
            EntryState::Absent => "absent".to_owned(),
            EntryState::Exists(_) => "exists".to_owned(),
        };
        // One that was sent once more left at another time.
        let sent_at = entry.sent_at.unwrap_or_default();
        Self(format!("{state}-{sent_at}"))
    }

    /// As a form has it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Case {
    pub(crate) fn reports(&self) -> impl Iterator<Item = &Report> {
        let ordered = match &self.state {
            CaseState::Ordered(ordered) => Some(ordered),
            _ => None,
        };
        ordered.into_iter().flat_map(|ordered| &ordered.reports)
    }
}

impl Ordered {
    pub(crate) fn state(&self) -> Option<&OrderState> {
        self.history.last().map(|seen| &seen.state)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state().is_some_and(OrderState::is_terminal)
    }
}

impl Report {
    /// Those of a group that have an id and a known form.
    pub(crate) fn of_group(group: &ReportGroup) -> Vec<Self> {
        let name = group.name.as_deref().unwrap_or("report");
        let reports = group.reports.iter().filter_map(|report| {
            Some(Self {
                id: report.id.clone()?,
                name: name.to_owned(),
                format: report.format()?,
                made: report.created_at,
            })
        });
        reports.collect()
    }

    pub(crate) const fn content_type(&self) -> &'static str {
        match self.format {
            ReportFormat::Json => "application/json",
            ReportFormat::Html => "text/html; charset=utf-8",
            ReportFormat::Pdf => "application/pdf",
            _ => "application/octet-stream",
        }
    }

    pub(crate) fn file_name(&self, policy: &Policy) -> String {
        let plain = |letter: &char| letter.is_ascii_alphanumeric();
        let name: String = self.name.chars().filter(plain).collect();
        format!("{policy}-{name}.{}", self.format.name())
    }
}
