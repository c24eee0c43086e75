//! A policy: a file that says of each field whether it stays, and how.

use std::collections::BTreeMap;
use std::sync::Arc;

use humanapi_core::data::{Field, FieldKind, ROUTES};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::keyed::hex;

/// The one that comes with this crate.
const SAFE_HARBOR: &str = include_str!("safe-harbor.toml");
const OWN: &str = "safe-harbor";
const UNNAMED: &str = "unnamed";
/// Shapes within shapes end here; more would be a circle.
const DEEPEST: usize = 16;

/// What of each field of each kind of record stays, and how.
///
/// [`safe_harbor`](Self::safe_harbor) is the one that comes with this crate, and
/// [`safe_harbor_text`](Self::safe_harbor_text) is its file, which tells how one is written. A policy of your own begins as a
/// copy of it.
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    sha256: String,
    pub(super) settings: Settings,
    words: BTreeMap<String, Arc<[String]>>,
    shapes: BTreeMap<String, Rows>,
    resources: BTreeMap<String, Rows>,
}

/// What becomes of dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Dates {
    /// The year stays, as Safe Harbor asks for.
    Years,
    /// A date of somebody's is moved by up to a year, and each user's by so many days of their own. Of when the service or the
    /// export did something the year stays. That is no Safe Harbor: whether it is
    /// enough is for an expert to determine.
    Shift,
}

/// What becomes of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Ids {
    /// Codes made with the key stand in their place.
    Keyed,
    /// None stays, and no user's name.
    Drop,
}

impl Dates {
    /// The word for it in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Years => "years",
            Self::Shift => "shift",
        }
    }
}

impl Ids {
    /// The word for it in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keyed => "keyed",
            Self::Drop => "drop",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) dates: Dates,
    pub(super) ids: Ids,
    pub(super) largest_number: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    settings: Settings,
    words: BTreeMap<String, Vec<String>>,
    shapes: BTreeMap<String, Rows>,
    resources: BTreeMap<String, Rows>,
}

#[derive(Clone, Debug, Deserialize)]
struct Rows {
    #[serde(default)]
    like: Vec<String>,
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

/// A policy's file is none.
///
/// No message holds anything of a record.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is no file of this form.
    #[error("the policy is no file of TOML with the tables that a policy has: {0}")]
    Form(String),
    /// A row cannot be carried out.
    #[error("the policy's row for {field} cannot be carried out: {why}")]
    Row {
        /// Which field, by the policy's names.
        field: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no table for a kind of record.
    #[error("the policy has no rows for this kind of record: {0}")]
    NoResource(String),
}

impl PolicyError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Form(_) => "begin with a copy of the policy that comes with this crate",
            Self::Row { .. } => "correct that row: the policy's head says which rows there are",
            Self::NoResource(_) => {
                "add a table for it to the policy's resources, or leave the kind of record out"
            }
        }
    }
}

/// What becomes of one field.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Drop,
    Id,
    User,
    Date,
    Year,
    Birth,
    Zip,
    Number,
    Flag,
    Offset,
    Unit,
    Quantity,
    Word(Arc<[String]>),
    Code,
    Ndc,
    System,
    SystemName,
    Within(Vec<Node>),
}

/// One field that has a row.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its place in the table of its record.
    pub(super) place: usize,
    pub(super) field: &'static Field,
    pub(super) action: Action,
    /// Its line of the counts.
    pub(super) line: usize,
}

/// The rows for one kind of record, field by field of its table.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) nodes: Vec<Node>,
    /// The path of each line of the counts.
    pub(super) paths: Vec<String>,
    /// The paths of the fields that have no row.
    pub(super) rowless: Vec<String>,
}

impl Policy {
    /// The policy that comes with this crate, after 45 CFR 164.514(b)(2).
    #[must_use]
    pub fn safe_harbor() -> Self {
        Self::read(SAFE_HARBOR).expect("the crate's own policy is one, as its tests show")
    }

    /// Its file.
    #[must_use]
    pub const fn safe_harbor_text() -> &'static str {
        SAFE_HARBOR
    }

    /// Reads a policy's file.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn read(toml: &str) -> Result<Self, PolicyError> {
        let file: File =
            toml::from_str(toml).map_err(|error| PolicyError::Form(error.message().to_owned()))?;
        let words = file
            .words
            .into_iter()
            .map(|(name, words)| (name, words.into()));
        let name = if toml == SAFE_HARBOR { OWN } else { UNNAMED };
        Ok(Self {
            name: name.to_owned(),
            sha256: hex(&Sha256::digest(toml.as_bytes())),
            settings: file.settings,
            words: words.collect(),
            shapes: file.shapes,
            resources: file.resources,
        })
    }

    /// What it is called: `safe-harbor`, or as [`with_name`](Self::with_name) says.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same under this name, by which the manifest of an export tells it.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The SHA-256 of its file, in hexadecimal digits. What was set besides is not in it.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What becomes of dates.
    #[must_use]
    pub const fn dates(&self) -> Dates {
        self.settings.dates
    }

    /// The same with dates treated like this.
    #[must_use]
    pub const fn with_dates(mut self, dates: Dates) -> Self {
        self.settings.dates = dates;
        self
    }

    /// What becomes of ids.
    #[must_use]
    pub const fn ids(&self) -> Ids {
        self.settings.ids
    }

    /// The same with ids treated like this.
    #[must_use]
    pub const fn with_ids(mut self, ids: Ids) -> Self {
        self.settings.ids = ids;
        self
    }

    /// The fields of a kind of record that have no row, by path. None of them stays.
    ///
    /// # Errors
    ///
    /// When a row cannot be carried out, or the kind has none.
    pub fn rowless(&self, fields: &'static [Field]) -> Result<Vec<String>, PolicyError> {
        self.plan(fields).map(|plan| plan.rowless)
    }

    pub(super) fn plan(&self, fields: &'static [Field]) -> Result<Plan, PolicyError> {
        let name = name_of(fields).unwrap_or("one that no route answers with");
        let rows = self.resources.get(name);
        let rows = rows.ok_or_else(|| PolicyError::NoResource(name.to_owned()))?;
        let mut plan = Plan {
            nodes: Vec::new(),
            paths: Vec::new(),
            rowless: Vec::new(),
        };
        plan.nodes = self.nodes(fields, rows, "", 0, &mut plan.paths, &mut plan.rowless)?;
        Ok(plan)
    }

    fn nodes(
        &self,
        table: &'static [Field],
        rows: &Rows,
        before: &str,
        depth: usize,
        paths: &mut Vec<String>,
        rowless: &mut Vec<String>,
    ) -> Result<Vec<Node>, PolicyError> {
        let refused = |field: &str, why| PolicyError::Row {
            field: format!("{before}{field}"),
            why,
        };
        if depth > DEEPEST {
            return Err(refused("", "its shapes are within each other"));
        }
        let mut own = BTreeMap::new();
        self.gather(rows, 0, &mut own)
            .map_err(|why| refused("like", why))?;
        if let Some((name, _)) = own
            .iter()
            .find(|(name, _)| table.iter().all(|field| field.name != **name))
        {
            return Err(refused(name, "records of this kind have no such field"));
        }
        let mut nodes = Vec::new();
        for (place, field) in table.iter().enumerate() {
            let path = format!("{before}{}", field.name);
            let Some(row) = own.get(field.name) else {
                rowless.push(path);
                continue;
            };
            let line = paths.len();
            paths.push(path.clone());
            let action = match row.strip_prefix("within ") {
                Some(shape) => {
                    let within = within(&field.kind)
                        .ok_or_else(|| refused(field.name, "it holds no records"))?;
                    let rows = self.shapes.get(shape);
                    let rows = rows.ok_or_else(|| refused(field.name, "there is no such shape"))?;
                    let before = format!("{path}.");
                    Action::Within(self.nodes(within, rows, &before, depth + 1, paths, rowless)?)
                }
                None => self
                    .action(row, &field.kind)
                    .map_err(|why| refused(field.name, why))?,
            };
            nodes.push(Node {
                place,
                field,
                action,
                line,
            });
        }
        Ok(nodes)
    }

    /// The rows of a shape with those that it takes from others, of which its own count first.
    fn gather<'a>(
        &'a self,
        rows: &'a Rows,
        depth: usize,
        all: &mut BTreeMap<&'a str, &'a str>,
    ) -> Result<(), &'static str> {
        if depth > DEEPEST {
            return Err("its shapes are like each other");
        }
        for (name, row) in &rows.fields {
            all.entry(name).or_insert(row);
        }
        for shape in &rows.like {
            let rows = self.shapes.get(shape).ok_or("there is no such shape")?;
            self.gather(rows, depth + 1, all)?;
        }
        Ok(())
    }

    fn action(&self, row: &str, kind: &FieldKind) -> Result<Action, &'static str> {
        let single = match kind {
            FieldKind::List(of) => of,
            other => other,
        };
        let is_text = matches!(single, FieldKind::Text);
        let (action, fits) = match row {
            "drop" => (Action::Drop, true),
            "id" => (Action::Id, is_text),
            "user" => (Action::User, is_text),
            "date" => (
                Action::Date,
                matches!(single, FieldKind::Date | FieldKind::Timestamp),
            ),
            "year" => (
                Action::Year,
                matches!(single, FieldKind::Date | FieldKind::Timestamp),
            ),
            "birth" => (
                Action::Birth,
                matches!(single, FieldKind::Date | FieldKind::Timestamp),
            ),
            "zip" => (Action::Zip, is_text),
            "number" => (
                Action::Number,
                matches!(single, FieldKind::Number | FieldKind::Integer),
            ),
            "flag" => (Action::Flag, matches!(single, FieldKind::Bool)),
            "offset" => (Action::Offset, matches!(single, FieldKind::Offset)),
            "unit" => (Action::Unit, is_text),
            "quantity" => (Action::Quantity, matches!(single, FieldKind::Quantity)),
            "code" => (Action::Code, is_text),
            "code ndc" => (Action::Ndc, is_text),
            "code system" => (Action::System, is_text),
            "code name" => (Action::SystemName, is_text),
            _ => {
                let name = row.strip_prefix("word ").ok_or("there is no such row")?;
                let words = self.words.get(name).ok_or("there are no such words")?;
                (Action::Word(Arc::clone(words)), is_text)
            }
        };
        if fits {
            Ok(action)
        } else {
            Err("the field holds something else")
        }
    }

    /// Words of this name.
    pub(super) fn words(&self, name: &str) -> Arc<[String]> {
        self.words
            .get(name)
            .cloned()
            .unwrap_or_else(|| Arc::from([]))
    }
}

/// The table of the records within a field.
fn within(kind: &FieldKind) -> Option<&'static [Field]> {
    match kind {
        FieldKind::Object(table) | FieldKind::TextOr(table) => Some(table),
        FieldKind::List(of) => within(of),
        _ => None,
    }
}

/// What the records of a table are called: as the first route is that answers with them.
fn name_of(fields: &'static [Field]) -> Option<&'static str> {
    let mut routes = ROUTES.iter();
    let route =
        routes.find(|route| std::ptr::eq(route.fields, fields) || route.fields == fields)?;
    route.name.split_once('.').map(|(_, name)| name)
}
