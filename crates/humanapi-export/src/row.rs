//! One record on its way into a file.

use humanapi_core::data::Record;
use jiff::Timestamp;

/// A record, whose it is, and when it was read.
///
/// `Debug` shows the record's size alone.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Row<'a> {
    /// By which name the user stands in the file.
    pub user: &'a User,
    /// When it was read from the service.
    pub read_at: Timestamp,
    /// The record.
    pub record: &'a Record,
    /// What kind of record it is, such as `activities`, where that is to be told.
    pub resource: Option<&'a str>,
}

/// By which name a user stands in files: an id of the application's, or what stands for one.
///
/// `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct User(String);

impl<'a> Row<'a> {
    /// One record of this user's, read at this time.
    #[must_use]
    pub fn new(user: &'a User, read_at: Timestamp, record: &'a Record) -> Self {
        Self {
            user,
            read_at,
            record,
            resource: None,
        }
    }

    /// The same, with the kind of record told.
    #[must_use]
    pub const fn with_resource(mut self, resource: &'a str) -> Self {
        self.resource = Some(resource);
        self
    }
}

impl User {
    /// A user by this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("User(…)")
    }
}
