//! A change of a user's records: what is changed, where, and after which page.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::resource::Resource;

/// A change of a user's records, at once or after a page of a list was read.
///
/// Each is told by the path of a resource below `/v1/human/`, such as `activities`, `weight` or
/// `medical/vitals`.
///
/// ```
/// use humanapi_sandbox::{DemoApp, RecordChange, Sandbox, Scenario};
///
/// let scenario = Scenario::from_json(
///     br#"{"users": [{"client_user_id": "patient-17", "sources": ["strider"]}]}"#,
/// )?;
/// let sandbox = Sandbox::builder().scenario(scenario).build_offline();
/// let app = sandbox.app(DemoApp::Connect);
/// // Whoever reads on after the next page meets one record twice.
/// let change = RecordChange::insert("activities").after_pages(1);
/// sandbox.control().change_records(&app.client_id, "patient-17", change)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RecordChange {
    resource: String,
    kind: Kind,
    at: At,
    pages: u32,
    pages_of: Option<String>,
    fields: Map<String, Value>,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Insert,
    Update,
    Delete,
    Fill(usize),
}

/// Which record it is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum At {
    /// The one at this place of the list, as it is when it is done.
    Index(usize),
    Id(String),
}

/// A change that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRecordChange {
    /// No resource has this path.
    #[error(
        "no resource has the path {path:?}; name the part below /v1/human/, such as \"activities\""
    )]
    UnknownResource {
        /// The path asked for.
        path: String,
    },
    /// The records of the resource have no ids, by which changes would be kept.
    #[error("records of {path:?} cannot be changed, because they have no ids")]
    NoIds {
        /// The path of the resource.
        path: &'static str,
    },
    /// There is no such kind of change.
    #[error("no such change; there are insert, update, delete and fill")]
    UnknownKind,
    /// It lacks what its kind needs, or has what its kind cannot use.
    #[error("{0}")]
    Parts(&'static str),
    /// It is no JSON of a change.
    #[error("this is no JSON of a change of records")]
    NoJson,
}

/// A change that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) resource: Resource,
    pub(crate) kind: Kind,
    pub(crate) at: At,
    pub(crate) pages: u32,
    pub(crate) pages_of: Resource,
    pub(crate) fields: Map<String, Value>,
}

/// How many records a user may be filled up to.
const MOST_FILLED: usize = 10_000_000;

/// The longest JSON of the fields of one change.
const FIELDS: usize = 4096;

impl RecordChange {
    /// A record is added: a copy of the newest one with an id of its own, created now.
    ///
    /// It stands first, unless [`at`](Self::at) says otherwise.
    #[must_use]
    pub fn insert(resource: &str) -> Self {
        Self::new(resource, Kind::Insert)
    }

    /// A record changes: its `updatedAt` is now, and so are the fields given in JSON.
    ///
    /// It is the first, unless [`at`](Self::at) or [`id`](Self::id) says otherwise.
    #[must_use]
    pub fn update(resource: &str) -> Self {
        Self::new(resource, Kind::Update)
    }

    /// A record is deleted: the first, unless [`at`](Self::at) or [`id`](Self::id) says otherwise.
    #[must_use]
    pub fn delete(resource: &str) -> Self {
        Self::new(resource, Kind::Delete)
    }

    /// The user has exactly so many records of the resource, up to 10,000,000.
    ///
    /// Each is made when it is read, ten minutes older than the one before, so that none is held.
    #[must_use]
    pub fn fill(resource: &str, count: usize) -> Self {
        Self::new(resource, Kind::Fill(count))
    }

    /// Reads one from JSON, as the control API takes it.
    ///
    /// `change` is `insert`, `update`, `delete` or `fill`, `resource` a path; `at` is a place in
    /// the list and `id` an id; `fields` are fields that an inserted or updated record has then;
    /// `count` is how many records `fill` makes; `after_pages` is how many pages of the resource
    /// are read before, or of another one, which `pages_of` names.
    ///
    /// ```
    /// # use humanapi_sandbox::RecordChange;
    /// let change = RecordChange::from_json(
    ///     br#"{"change": "update", "resource": "weight", "at": 3, "fields": {"value": 71.5}}"#,
    /// )?;
    /// # Ok::<(), humanapi_sandbox::InvalidRecordChange>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it is no JSON of a change, or a change that makes no sense.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidRecordChange> {
        let wire: RecordChangeWire =
            serde_json::from_slice(json).map_err(|_| InvalidRecordChange::NoJson)?;
        wire.try_into()
    }

    /// At this place of the list, from 0, as the list is when it is done.
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.at = At::Index(index);
        self
    }

    /// The record of this id; with `insert`, before it.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.at = At::Id(id.to_owned());
        self
    }

    /// Once so many pages of the resource were read by this user; 0 is at once.
    #[must_use]
    pub fn after_pages(mut self, pages: u32) -> Self {
        self.pages = pages;
        self
    }

    fn new(resource: &str, kind: Kind) -> Self {
        Self {
            resource: resource.to_owned(),
            kind,
            at: At::Index(0),
            pages: 0,
            pages_of: None,
            fields: Map::new(),
        }
    }

    pub(crate) fn check(self) -> Result<Checked, InvalidRecordChange> {
        let find = |path: String| {
            Resource::find(&path).ok_or(InvalidRecordChange::UnknownResource { path })
        };
        let resource = find(self.resource)?;
        if !resource.has_ids() {
            let path = resource.path();
            return Err(InvalidRecordChange::NoIds { path });
        }
        if let Kind::Fill(count) = self.kind
            && count > MOST_FILLED
        {
            return Err(InvalidRecordChange::Parts(
                "a user can be filled up to 10000000 records",
            ));
        }
        let fits = Value::from(self.fields.clone()).to_string().len() <= FIELDS;
        if !fits {
            return Err(InvalidRecordChange::Parts(
                "the fields of one change may be 4096 bytes long",
            ));
        }
        if let At::Id(id) = &self.at
            && id.len() > 100
        {
            return Err(InvalidRecordChange::Parts("no record has so long an id"));
        }
        Ok(Checked {
            resource,
            kind: self.kind,
            at: self.at,
            pages: self.pages,
            pages_of: self.pages_of.map_or(Ok(resource), find)?,
            fields: self.fields,
        })
    }
}

/// A change as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordChangeWire {
    change: String,
    resource: String,
    #[serde(default)]
    at: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    count: Option<usize>,
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    after_pages: u32,
    #[serde(default)]
    pages_of: Option<String>,
}

impl TryFrom<RecordChangeWire> for RecordChange {
    type Error = InvalidRecordChange;

    fn try_from(wire: RecordChangeWire) -> Result<Self, InvalidRecordChange> {
        let kind = match (wire.change.as_str(), wire.count) {
            ("insert", None) => Kind::Insert,
            ("update", None) => Kind::Update,
            ("delete", None) => Kind::Delete,
            ("fill", Some(count)) => Kind::Fill(count),
            ("fill", None) => return Err(InvalidRecordChange::Parts("fill needs a count")),
            ("insert" | "update" | "delete", Some(_)) => {
                return Err(InvalidRecordChange::Parts("only fill has a count"));
            }
            _ => return Err(InvalidRecordChange::UnknownKind),
        };
        let at = match (wire.at, wire.id) {
            (Some(_), Some(_)) => {
                return Err(InvalidRecordChange::Parts("give at or id, not both"));
            }
            (at, None) => At::Index(at.unwrap_or(0)),
            (None, Some(id)) => At::Id(id),
        };
        let changes_fields = matches!(kind, Kind::Insert | Kind::Update);
        if !wire.fields.is_empty() && !changes_fields {
            return Err(InvalidRecordChange::Parts(
                "only insert and update have fields",
            ));
        }
        let change = Self {
            resource: wire.resource,
            kind,
            at,
            pages: wire.after_pages,
            pages_of: wire.pages_of,
            fields: wire.fields,
        };
        change.clone().check()?;
        Ok(change)
    }
}
